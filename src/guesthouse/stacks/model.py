"""Values of the stacks feature: the manifest, what a compile takes and gives, and its errors.

Pure: no file is read here and no text is made here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from guesthouse.errors import Invalid, Problem
from guesthouse.kit.sensitive import Sensitive

MANIFEST_NAME = "guesthouse.product.yaml"
TEST_PROFILE = "guesthouse-test"
LABEL_PREFIX = "app.guesthouse."
NO_SALT = Sensitive("")


class Access(Enum):
    """Who the gateway lets through to a route."""

    PLATFORM = "platform"
    """People and tokens the platform knows."""
    PRODUCT = "product"
    """Everyone; the product signs people in itself."""
    PUBLIC = "public"
    """Everyone."""


@dataclass(frozen=True)
class StackDeclaration:
    """Compose files deployed as a unit."""

    name: str
    compose: tuple[str, ...]
    """Relative to the manifest; merged in this order."""
    profiles: tuple[str, ...] = ()
    """Compose profiles that are switched on."""


@dataclass(frozen=True)
class RouteDeclaration:
    """One service the gateway exposes."""

    name: str
    stack: str
    service: str
    port: int
    path: str = "/"
    access: Access = Access.PLATFORM
    websockets: bool = False
    streaming: bool = False
    upload_bytes: int = 2**20


@dataclass(frozen=True)
class AttachPoint:
    """A service partner stacks may connect to."""

    name: str
    stack: str
    service: str
    port: int
    description: str = ""


@dataclass(frozen=True)
class FunctionalTests:
    """The product's own tests."""

    stack: str
    service: str
    junit: str
    """Path inside the container of the JUnit file it writes."""
    timeout_seconds: int = 300


@dataclass(frozen=True)
class HealthLimits:
    """When a deployment counts as up."""

    wait_seconds: int = 180
    settle_seconds: int = 3
    """How long a service without health check must run with its restart count unchanged."""


@dataclass(frozen=True)
class Variable:
    """A plain value the Compose files may interpolate."""

    name: str
    default: str | None = None
    """None: every environment must give a value."""
    description: str = ""


@dataclass(frozen=True)
class SecretDeclaration:
    """The name of a value the platform keeps."""

    name: str
    description: str = ""
    generate: bool = True
    """Whether the platform makes a random value when nobody gave one."""


@dataclass(frozen=True)
class Manifest:
    """What a product says about itself, from ``guesthouse.product.yaml``."""

    product: str
    title: str
    stacks: tuple[StackDeclaration, ...]
    routes: tuple[RouteDeclaration, ...] = ()
    attach: tuple[AttachPoint, ...] = ()
    tests: FunctionalTests | None = None
    health: HealthLimits = HealthLimits()
    variables: tuple[Variable, ...] = ()
    secrets: tuple[SecretDeclaration, ...] = ()
    folder: str = ""
    """Folder of the manifest inside the repository; empty is its top."""


@dataclass(frozen=True)
class Policy:
    """The bounds a Compose file is held to; the rules themselves are in ``keys.py``."""

    name: str
    granted_capabilities: frozenset[str]
    """Every service has these, because ordinary images start as root and switch user."""
    requestable_capabilities: frozenset[str]
    """A service may ask for these with ``cap_add``."""
    host_paths: tuple[str, ...]
    """Files and folders of the instance a service may bind, read-only; an operator names them."""
    sysctls: frozenset[str]
    memory_bytes: int
    """Limit of a service that names none."""
    memory_bytes_most: int
    pids: int
    """Limit of a service that names none."""
    pids_most: int
    may_skip_init: bool
    """Whether ``init: false`` is followed; some images bring an init of their own."""
    may_download_in_builds: bool
    """Whether a Dockerfile's ``ADD`` may name an address: the engine itself fetches it."""
    shm_bytes_most: int
    tmpfs_bytes_most: int
    replicas_most: int


@dataclass(frozen=True)
class CompileContext:
    """What a compile needs to know about the environment."""

    environment: str
    partner: str
    product: str
    project: str
    """Compose project name, ``gh-<environment>``."""
    run: str
    edge_subnet: str
    """A /24 such as ``10.203.7.0/24``."""
    variables: Mapping[str, str]
    """Values the environment gives; the manifest's defaults fill the rest."""
    secrets: Mapping[str, Sensitive[str]]
    cpu_count: int = 1
    """Processors of the instance: the engine refuses a limit above it."""
    open_files: int = 16_384
    """``nofile`` of every service, and the most the engine may set: hosts differ."""
    salt: Sensitive[str] = NO_SALT
    """Mixed into content tags of secret files, so that a tag tells nothing about its secret."""


@dataclass(frozen=True)
class Finding:
    """One explained breach of the policy."""

    code: str
    """Stable name: ``bind-mount``."""
    path: str
    """Place in the Compose file: ``services.api.volumes[0]``."""
    written: str
    """What stands there."""
    why: str
    """Why it is unsafe, in one sentence."""
    instead: str
    """What to write instead."""
    file: str = ""
    """The stack's Compose files."""

    def as_problem(self) -> Problem:
        """Return it in the shape every error carries."""
        where = f"{self.file}: {self.path}" if self.file else self.path
        return Problem(where, f"{self.why} [{self.code}: {self.written}]", self.instead)


@dataclass(frozen=True)
class Notice:
    """One thing that was harmless, does not work here, and was rewritten."""

    code: str
    """Stable name: ``ports-unpublished``."""
    path: str
    written: str
    instead: str
    """What was made of it and, where it helps, what to declare."""
    file: str = ""


@dataclass(frozen=True)
class Report:
    """What a check of a product's files says."""

    findings: tuple[Finding, ...] = ()
    notices: tuple[Notice, ...] = ()
    problems: tuple[Problem, ...] = ()
    """What cannot be read, or names what is not there."""

    @property
    def passes(self) -> bool:
        """Whether a deployment of these files would be taken up."""
        return not self.findings and not self.problems


@dataclass(frozen=True)
class Build:
    """One image made from the product's sources."""

    service: str
    image: str
    """Our name for it: ``gh/<environment>/<service>:<content tag>``."""
    context: str
    """Folder of the repository; empty is its top."""
    dockerfile: str
    """Path inside the context; empty where the Dockerfile is written inline."""
    target: str = ""


@dataclass(frozen=True)
class CompiledStack:
    """Everything the instance is given to run a product."""

    compose: str
    """Text of the canonical file. It holds no secret: those are ``${GUESTHOUSE_SECRET_…}``."""
    files: Mapping[str, str]
    """Text by path below the environment's root; the path holds a tag of the content."""
    mounts: Mapping[str, str]
    """``mounts/<content tag>/<name>`` → file or folder of the repository to be copied there."""
    env_file: str | None
    """Which of ``files`` is for ``docker compose --env-file``; None where no secret is used."""
    expected: Mapping[str, Mapping[str, Any]]
    """What ``inspect`` must show, by service."""
    notices: tuple[Notice, ...]
    findings: tuple[Finding, ...]
    """Always empty on a compiled stack: a finding raises ``ComposeRefused``."""
    upstreams: Mapping[str, tuple[str, int]]
    """Address and port by route name."""
    builds: tuple[Build, ...]
    images: Mapping[str, str]
    """Image by service."""
    sources: tuple[str, ...]
    """Paths of the repository the bundle must hold; one empty path is all of it."""
    test_service: str | None = None
    wait_seconds: int = 180
    settle_seconds: int = 3


class ManifestInvalid(Invalid):
    """The manifest breaks its format."""

    def __init__(self, where: str, problems: Sequence[Problem]) -> None:
        count = len(problems)
        noun = "problem" if count == 1 else "problems"
        super().__init__(
            f"{where} has {count} {noun}",
            where=where,
            problems=problems,
            next_step="guesthouse schema prints the format; guesthouse product init writes one",
        )


class SourceInvalid(Invalid):
    """A file of the repository cannot be used."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem), where=problem.where, problems=(problem,))
        self.problem = problem


class ComposeInvalid(Invalid):
    """The Compose files cannot be read."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        first = problems[0]
        more = f", and {len(problems) - 1} more" if len(problems) > 1 else ""
        super().__init__(
            f"the Compose files cannot be read: {first}{more}",
            where=first.where,
            problems=problems,
            next_step="mend the file and try guesthouse check",
        )


class ComposeRefused(Invalid):
    """The Compose files ask for something the policy forbids."""

    def __init__(
        self, policy: str, findings: Sequence[Finding], problems: Sequence[Problem] = ()
    ) -> None:
        count = len(findings)
        noun = "thing" if count == 1 else "things"
        first = findings[0]
        super().__init__(
            f"the {policy} policy refuses {count} {noun}: {first.path}: {first.why}",
            where=first.path,
            problems=[*(finding.as_problem() for finding in findings), *problems],
            next_step="guesthouse check explains each one",
        )
        self.findings = tuple(findings)


class EdgeTooSmall(Invalid):
    """There are more routed services than addresses."""

    def __init__(self, subnet: str, count: int) -> None:
        super().__init__(
            f"{subnet} is too small for {count} routed services",
            next_step="give the environment a bigger subnet or route fewer services",
        )


class ValuesInvalid(Invalid):
    """The environment's variables and secrets do not fit the manifest."""

    def __init__(self, environment: str, problems: Sequence[Problem]) -> None:
        first = problems[0]
        super().__init__(
            f"environment {environment} does not fit the manifest: {first}",
            where=first.where,
            problems=problems,
            next_step=f"mend the variables of environments/{environment}.yaml",
        )
