"""Runs the playbooks of our collection with the real Ansible."""

from guesthouse.adapters.ansible.playbooks import AnsiblePlaybooks
from guesthouse.adapters.ansible.reachability import SocketReachability

__all__ = ["AnsiblePlaybooks", "SocketReachability"]
