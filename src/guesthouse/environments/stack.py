"""Calls the module ``stack`` on an instance and reads its answer."""

import datetime as dt
from typing import Any

from guesthouse.environments.model import Environment, Json
from guesthouse.environments.plan import (
    Place,
    deploy_document,
    gateway_address,
    gateway_document,
    identity,
    inner_urls,
    test_document,
)
from guesthouse.environments.prepare import Prepared
from guesthouse.gateway.render import render_site
from guesthouse.instances import HostAutomation, InstanceService, OnLine, Play
from guesthouse.kit.sensitive import Sensitive
from guesthouse.people import system_scope

PLAYBOOK = "playbooks/deploy.yml"
LIMIT = dt.timedelta(hours=1)


class StackPlays:
    """The four things done to an environment on its instance."""

    def __init__(self, automation: HostAutomation, instances: InstanceService) -> None:
        self._automation = automation
        self._instances = instances

    async def deploy(
        self, prepared: Prepared, run: str, *, bundle: str | None, on_line: OnLine
    ) -> Json:
        """Bring a version up; the answer says how it went."""
        environment, place = prepared.environment, prepared.place
        text = render_site(prepared.site)
        document = deploy_document(
            environment,
            prepared.compiled,
            place=place,
            run=run,
            gateway=gateway_document(place, text, environment.name),
            bundle=bundle,
        )
        return await self._play(prepared.instance.name, document, on_line)

    async def test(
        self, prepared: Prepared, run: str, *, token: Sensitive[str], ca: str, on_line: OnLine
    ) -> Json:
        """Run the functional tests of what is up."""
        address = gateway_address(
            self._instances.control.network_pool, prepared.environment.subnet_index
        )
        test = test_document(
            prepared.manifest,
            service=prepared.compiled.test_service or "",
            urls=inner_urls(prepared.site),
            hosts={route.host: address for route in prepared.site.routes},
            ca=ca,
        )
        test["environment"]["GUESTHOUSE_TOKEN"] = token.reveal()
        document = {**self._identity(prepared, run, "test"), "test": test}
        return await self._play(prepared.instance.name, document, on_line)

    async def roll_back(
        self, environment: Environment, place: Place, run: str, *, on_line: OnLine
    ) -> Json:
        """Bring the version before this run's up again; it undoes what the run did alone."""
        document = {
            "action": "rollback",
            **identity(environment, place=place, run=run, action="rollback"),
            "gateway": gateway_document(place, "", environment.name),
        }
        return await self._play(str(environment.instance), document, on_line)

    async def destroy(
        self, environment: Environment, place: Place, run: str, *, on_line: OnLine
    ) -> Json:
        """Remove everything the environment has on its instance."""
        document = {
            "action": "destroy",
            **identity(environment, place=place, run=run, action="destroy"),
            "gateway": gateway_document(place, "", environment.name),
        }
        return await self._play(str(environment.instance), document, on_line)

    def _identity(self, prepared: Prepared, run: str, action: str) -> dict[str, Any]:
        known = identity(prepared.environment, place=prepared.place, run=run, action=action)
        return {"action": action, **known}

    async def _play(self, instance: str, document: dict[str, Any], on_line: OnLine) -> Json:
        play = Play(
            playbook=PLAYBOOK,
            instance=instance,
            connection=self._instances.connection(system_scope(), instance),
            variables={"deployment": document},
            limit=LIMIT,
            follow=str(document["log"]),
        )
        return await self._automation.play(play, on_line=on_line)
