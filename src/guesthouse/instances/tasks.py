"""The steps of runs that work on an instance alone."""

from guesthouse.instances.service import DESTROY, PROVISION, InstanceService
from guesthouse.people import system_scope
from guesthouse.runs import Flow, Json, RunContext, StepDefinition


class InstanceTasks:
    """Step functions over the service."""

    def __init__(self, service: InstanceService) -> None:
        self._service = service

    def flows(self) -> tuple[Flow, ...]:
        """Return the flows instances bring."""
        return (
            Flow(
                PROVISION,
                (
                    StepDefinition("launch", self._launch, idempotent=True),
                    StepDefinition("provision", self._provision, idempotent=True),
                ),
            ),
            Flow(DESTROY, (StepDefinition("destroy", self._destroy, idempotent=True),)),
        )

    async def _launch(self, context: RunContext) -> Json:
        name = str(context.payload["instance"])
        launched = await self._service.launch(system_scope(), name, on_line=context.log)
        return {"launched": launched}

    async def _provision(self, context: RunContext) -> Json:
        name = str(context.payload["instance"])
        done = await self._service.make_ready(system_scope(), name, on_line=context.log)
        return {"provisioned": done}

    async def _destroy(self, context: RunContext) -> Json:
        name = str(context.payload["instance"])
        return await self._service.remove(system_scope(), name, on_line=context.log)
