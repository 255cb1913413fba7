"""The machines environments run on: providers, provisioning, reachability."""

from guesthouse.instances.model import Connection, Instance, InstanceState, Provider
from guesthouse.instances.ports import HostAutomation, OnLine, Play
from guesthouse.instances.service import InstancePorts, InstanceService

__all__ = [
    "Connection",
    "HostAutomation",
    "Instance",
    "InstancePorts",
    "InstanceService",
    "InstanceState",
    "OnLine",
    "Play",
    "Provider",
]
