"""A demonstration on this machine: what it changes, how it is prepared, how it is taken away."""

import datetime as dt
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx
import yaml

from guesthouse.bootstrap.host import prepare_host, release_host
from guesthouse.config import PREFIX, REPOSITORY, Settings
from guesthouse.errors import Failed, Unavailable
from guesthouse.instances import Provider
from guesthouse.instances.plan import console_url
from guesthouse.kit import process
from guesthouse.kit.clock import Clock

Say = Callable[[str], None]
IMAGE_LIMIT = dt.timedelta(minutes=10)
TELEGRAF_LIMIT = dt.timedelta(minutes=15)
GIT_LIMIT = dt.timedelta(minutes=1)
START_LIMIT = dt.timedelta(seconds=60)
STOP_LIMIT = dt.timedelta(seconds=30)
POLL = dt.timedelta(milliseconds=200)
PACKAGES = (
    "Docker Engine, Compose and buildx (docker.io, docker-cli, docker-compose, docker-buildx)",
    "nginx, InfluxDB (influxdb), nftables, git, time synchronisation (chrony)",
    "mmdebstrap, where no container registry can be reached",
    "golang-1.24-go, where there is no Go that can build Telegraf",
    (
        "where this machine's release lacks them: Debian trixie as a source of packages, pinned "
        "below all others; it stays with them and brings their updates"
    ),
)
INSTANCES = {Provider.LOCAL: "local", Provider.CONTAINER: "box"}
ENVIRONMENTS = {Provider.LOCAL: "acme", Provider.CONTAINER: "acme-box"}
"""An environment stays on its instance, so each provider shows one of its own."""
CONTAINER_GATEWAY_PORT = 8444
PARTNER, MEMBER, MEMBER_TITLE, MEMBER_ROLE = "acme", "dev", "A developer", "developer"
"""Who is invited, so that a partner's side can be seen, too."""
SERVE = (str(Path(sys.executable).with_name("guesthouse")), "serve")


class StepFailed(Failed):
    """A program that prepares the demonstration did not do its work."""

    def __init__(self, argv: tuple[str, ...], output: str) -> None:
        super().__init__(
            f"{Path(argv[0]).name} failed",
            next_step=f"run it by hand to see why: {' '.join(argv)}",
            detail="\n".join(output.splitlines()[-20:]),
        )


class ServerSilent(Unavailable):
    """The control plane was started and does not answer."""

    def __init__(self, log: Path) -> None:
        super().__init__(
            "the control plane does not answer",
            next_step=f"its log says why: {log}",
        )


@dataclass(frozen=True)
class Demo:
    """The demonstration in one state directory."""

    settings: Settings
    provider: Provider
    clock: Clock

    @property
    def estate(self) -> Path:
        """The directory of its estate."""
        return self.settings.state / "demo" / "estate"

    @property
    def log(self) -> Path:
        """The control plane's log."""
        return self.settings.state / "serve.log"

    @property
    def pid_file(self) -> Path:
        """Where the control plane's process id is."""
        return self.settings.state / "serve.pid"

    def changes(self) -> tuple[str, ...]:
        """Return what the demonstration changes on this machine, a line each."""
        settings = self.settings
        box = f"a privileged container with its own engine, at 127.0.0.1:{CONTAINER_GATEWAY_PORT}"
        loopback = f"{settings.api_port} (API) and {settings.influx_port} (InfluxDB)"
        return (
            *(f"installs where missing: {packages}" for packages in PACKAGES),
            "starts Docker where it does not run; a Docker that runs is used as it is",
            f"listens on {settings.gateway_port} (HTTPS: console and environments)",
            f"listens on 127.0.0.1 on {loopback}",
            "starts guesthouse-gateway (nginx), guesthouse-influxdb and guesthouse-telegraf",
            "adds an nftables table for the traffic of its containers; closes no port of yours",
            *((box,) if self.provider is Provider.CONTAINER else ()),
            "builds Telegraf, and container images named gh/… and debian:bookworm-slim",
            f"keeps everything else in {settings.state}",
            "leaves /etc/hosts alone: *.localhost is this machine already",
            "`make clean` takes away all but the packages",
        )

    def packages(self) -> tuple[str, ...]:
        """Return the packages it installs, a line each."""
        return PACKAGES

    def operator_link(self) -> str | None:
        """Return the link the first operator comes in by; None where one has come in."""
        try:
            return self.settings.invitation_file.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return None

    def farewell(self, member_link: str | None = None) -> tuple[str, ...]:
        """Return what a person wants to know once it is up, a line each.

        Args:
            member_link: What the sample member comes in by; None where they have come in.
        """
        settings = self.settings
        local = self.provider is Provider.LOCAL
        port = settings.gateway_port if local else CONTAINER_GATEWAY_PORT
        ca, token, program = settings.state / "ca" / "ca.pem", settings.token_file, SERVE[0]
        url = (
            f"https://api--{ENVIRONMENTS[self.provider]}.{settings.apps_domain}:{port}/v1/sensors"
        )
        return (
            "",
            "Try it:",
            f'  curl --cacert {ca} -H "Authorization: Bearer $(cat {token})" {url}',
            *self._ways_in(member_link),
            f"Sign-in for programs: the operator's token in {token}",
            f"Trust our CA: {program} ca show",
            f"Console API: https://console.{settings.domain}:{settings.gateway_port}/api/v1",
            f"Commands: export GUESTHOUSE_STATE={settings.state}, then {program} env list",
            "Take it away: make clean",
        )

    def _ways_in(self, member_link: str | None) -> tuple[str, ...]:
        console = console_url(self.settings.domain, self.settings.gateway_port)
        ways = {
            "operator": self.operator_link(),
            f"{MEMBER_TITLE}, {MEMBER_ROLE} of {PARTNER}": member_link,
        }
        found = (
            f"Come in as {who} (good once, for 7 days): {link}"
            for who, link in ways.items()
            if link
        )
        return (f"Console, for people with a browser: {console}", *found)

    async def prepare(self, say: Say) -> None:
        """Install and start what is missing, and write the estate.

        Raises:
            PlaybookFailed: The machine could not be prepared.
            StepFailed: Telegraf or a repository could not be made.
        """
        self.settings.state.mkdir(parents=True, exist_ok=True, mode=0o700)
        say("preparing this machine: engine, gateway, InfluxDB")
        await prepare_host(self.settings, on_line=say)
        if self.settings.telegraf_binary:
            say("building Telegraf")
            argv = ("tools/telegraf/build", self.settings.telegraf_binary)
            await self._run(argv, TELEGRAF_LIMIT, say)
        self._make_repository("beacon")
        self._write_estate()

    async def start(self, say: Say) -> None:
        """Start the control plane, unless it runs.

        Raises:
            ServerSilent: It does not answer in time.
        """
        if not await self._answers():
            say("starting the control plane")
            pid = process.start_detached(SERVE, log=self.log, env=self._environment())
            self.pid_file.write_text(f"{pid}\n", encoding="utf-8")
        started = self.clock.monotonic()
        while not await self._answers():
            if self.clock.monotonic() - started > START_LIMIT.total_seconds():
                raise ServerSilent(self.log)
            await self.clock.sleep(POLL)

    async def stop(self) -> bool:
        """Stop the control plane; return whether it ran."""
        pid = self._running()
        if pid is None:
            return False
        process.end(pid)
        started = self.clock.monotonic()
        while self._running() is not None:
            if self.clock.monotonic() - started > STOP_LIMIT.total_seconds():
                sentence = f"the control plane (process {pid}) does not end"
                raise Failed(sentence, next_step=f"look at {self.log}")
            await self.clock.sleep(POLL)
        self.pid_file.unlink()
        return True

    async def remove(self, say: Say) -> None:
        """Take away the host's services and the state directory; environments must be gone.

        Raises:
            PlaybookFailed: Something could not be removed.
        """
        await self.stop()
        if self.settings.state.exists():
            await release_host(self.settings, on_line=say)
            for image in self.settings.base_images:
                await self._run(("tools/base-image", "--remove", image), IMAGE_LIMIT, say)
            await self._run(("tools/base-image", "--remove-machines"), IMAGE_LIMIT, say)
            shutil.rmtree(self.settings.state)

    def _make_repository(self, product: str) -> None:
        """Make a Git repository of a sample product, so it is deployed as any other is."""
        place = self.settings.state / "demo" / product
        if place.exists():
            shutil.rmtree(place)
        shutil.copytree(
            REPOSITORY / "examples" / product,
            place,
            ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache"),
        )
        author = ("-c", "user.name=Guesthouse", "-c", "user.email=demo@guesthouse.invalid")
        # The same content gives the same commit, so a second demonstration changes nothing.
        when = "2026-01-01T00:00:00+00:00"
        env = {
            **process.base_environment(),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_AUTHOR_DATE": when,
            "GIT_COMMITTER_DATE": when,
        }
        for argv in (
            ("git", "init", "--quiet", "--initial-branch=main"),
            ("git", "add", "--all"),
            ("git", *author, "commit", "--quiet", "--message", f"{product} as it is"),
        ):
            done = process.run(argv, limit=GIT_LIMIT, cwd=place, env=env)
            if not done.ok:
                raise StepFailed(done.argv, done.output + done.errors)

    def _write_estate(self) -> None:
        # What an earlier demonstration declared stays declared, so this one does not end it.
        for name, document in self._documents().items():
            file = self.estate / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")

    def _documents(self) -> dict[str, dict[str, object]]:
        settings, instance = self.settings, INSTANCES[self.provider]
        environment = ENVIRONMENTS[self.provider]
        source = {"git": f"file://{settings.state / 'demo' / 'beacon'}", "ref": "main"}
        machine: dict[str, object] = {"name": instance, "provider": self.provider.value}
        if self.provider is Provider.CONTAINER:
            machine["gateway_port"] = CONTAINER_GATEWAY_PORT
        return {
            "estate.yaml": {
                "name": "demo",
                "domain": settings.domain,
                "apps_domain": settings.apps_domain,
            },
            "products/beacon.yaml": {"name": "beacon", "source": source},
            "partners/acme.yaml": {"name": "acme", "title": "Acme Ltd"},
            f"instances/{instance}.yaml": machine,
            f"environments/{environment}.yaml": {
                "name": environment,
                "partner": "acme",
                "product": "beacon",
                "instance": instance,
                "phase": "development",
            },
        }

    async def _run(self, argv: tuple[str, ...], limit: dt.timedelta, say: Say) -> None:
        lines: list[str] = []

        def keep(line: str) -> None:
            lines.append(line)
            say(line)

        code = await process.stream(
            (str(REPOSITORY / argv[0]), *argv[1:]),
            on_line=keep,
            limit=limit,
            cwd=REPOSITORY,
            env=process.base_environment(),
        )
        if code != 0:
            raise StepFailed(argv, "\n".join(lines))

    async def _answers(self) -> bool:
        try:
            async with httpx.AsyncClient(trust_env=False) as client:
                answer = await client.get(f"{self.settings.api_url}/api/v1/health")
        except httpx.TransportError:
            return False
        return answer.is_success

    def _running(self) -> int | None:
        """Return the id of the control plane we started, if it is still that process."""
        if not self.pid_file.exists():
            return None
        text = self.pid_file.read_text(encoding="utf-8").strip()
        # The number may be another process's by now, which is not ours to end.
        if not text.isdecimal() or process.command_line(int(text))[-len(SERVE) :] != SERVE:
            return None
        return int(text)

    def _environment(self) -> dict[str, str]:
        settings = self.settings
        values = {
            "STATE": settings.state,
            "DOMAIN": settings.domain,
            "APPS_DOMAIN": settings.apps_domain,
            "API_PORT": settings.api_port,
            "GATEWAY_PORT": settings.gateway_port,
            "INFLUX_PORT": settings.influx_port,
            "TELEGRAF_BINARY": settings.telegraf_binary,
            "DOCKER_REPOSITORY": settings.docker_repository,
            "BASE_IMAGES": " ".join(settings.base_images),
            "SERVICE_PREFIX": settings.service_prefix,
            "NETWORK_POOL": settings.network_pool,
        }
        named = {f"{PREFIX}{name}": str(value) for name, value in values.items()}
        return {**process.base_environment(), **named}
