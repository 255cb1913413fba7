"""One frozen Settings, read once at start. Every secret may come from a file: NAME_FILE."""

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from guesthouse.errors import Invalid
from guesthouse.kit.sensitive import Sensitive

PREFIX = "GUESTHOUSE_"
DEFAULT_API_PORT = 8470
DEFAULT_GATEWAY_PORT = 443
DEFAULT_INFLUX_PORT = 8486
DEFAULT_ADMITTED_WHILE_AWAY = 3600
DAY_SECONDS = 86_400
"""Gateways forget whom nobody heard of for a day."""
DEFAULT_NETWORK_POOL = "10.201.0.0/16"
POOL_PREFIX = 16
DEFAULT_GROUPS_CLAIM = "groups"
PRIVATE_RANGES = tuple(
    map(ipaddress.IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"))
)
REPOSITORY = Path(__file__).parents[2]


@dataclass(frozen=True)
class Settings:
    """What an operator decides before the program starts."""

    state: Path
    """The one directory that holds everything Guesthouse keeps on the control plane."""
    database_url: Sensitive[str]
    """SQLAlchemy address; SQLite in the state directory unless told otherwise."""
    api_host: str
    """Where the API listens; loopback unless a gateway on another machine fronts it."""
    api_port: int
    domain: str
    """The console is at ``console.<domain>``."""
    apps_domain: str
    """Routes are at ``<route>--<environment>.<apps_domain>``."""
    gateway_port: int
    """Where a gateway on this machine listens for HTTPS."""
    influx_port: int
    """Where InfluxDB listens, on loopback only."""
    collection: Path
    """The Ansible collection: the directory ``ansible/``."""
    telegraf_binary: str
    """The built Telegraf; empty leaves instances without metrics."""
    docker_repository: str
    """Address of a Docker package repository; empty takes the distribution's packages."""
    base_images: tuple[str, ...]
    """Images made from packages where they cannot be pulled, such as ``debian:bookworm-slim``."""
    service_prefix: str
    """What names of services on hosts start with; two control planes on a machine differ in it."""
    control_plane_addresses: tuple[str, ...]
    """Addresses SSH on instances answers to; empty leaves SSH as each machine has it."""
    network_pool: str
    """The private /16 of container networks; two control planes on a machine differ in it."""
    url: str
    """Where the command line finds the API; empty is `api_url`."""
    token: Sensitive[str]
    """What the command line signs in with; empty reads `token_file`."""
    credentials: Path = Path()
    """Where the command line keeps what `guesthouse login` was given."""
    oidc_issuer: str = ""
    """The company's OpenID provider; empty leaves only passwords."""
    oidc_client_id: str = ""
    """What the provider calls us."""
    oidc_client_secret: Sensitive[str] = field(default_factory=lambda: Sensitive(""))
    """What we prove that with; empty for a public client."""
    oidc_groups: str = ""
    """Which groups of the provider give which rights, as `people.groups` reads it."""
    oidc_groups_claim: str = DEFAULT_GROUPS_CLAIM
    """Where the provider names somebody's groups."""
    admitted_while_away: int = DEFAULT_ADMITTED_WHILE_AWAY
    """Seconds that gateways go on admitting whom they know while the control plane is away."""
    failpoint: str = ""
    """Where a worker kills its own process, in tests of crashes; empty in any installation."""

    @property
    def api_url(self) -> str:
        """Where the CLI on this machine finds the API."""
        return f"http://{self.api_host}:{self.api_port}"

    @property
    def token_file(self) -> Path:
        """The operator's bearer token, mode 0600."""
        return self.state / "operator.token"

    @property
    def invitation_file(self) -> Path:
        """The link the first operator comes in by, mode 0600; gone once somebody has."""
        return self.state / "operator.invitation"


def load(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings.

    Args:
        environment: Variables to read; None is the process's own.

    Returns:
        The settings.

    Raises:
        Invalid: A variable has no usable value.
    """
    source = dict(os.environ) if environment is None else dict(environment)
    state = Path(_value(source, "STATE") or _default_state(source)).expanduser().absolute()
    return Settings(
        state=state,
        database_url=Sensitive(
            _value(source, "DATABASE_URL") or f"sqlite:///{state / 'guesthouse.sqlite'}"
        ),
        api_host=_value(source, "API_HOST") or "127.0.0.1",
        api_port=_port(source, "API_PORT", DEFAULT_API_PORT),
        domain=_value(source, "DOMAIN") or "localhost",
        apps_domain=_value(source, "APPS_DOMAIN") or "apps.localhost",
        gateway_port=_port(source, "GATEWAY_PORT", DEFAULT_GATEWAY_PORT),
        admitted_while_away=_seconds(
            source, "ADMITTED_WHILE_AWAY", DEFAULT_ADMITTED_WHILE_AWAY, at_most=DAY_SECONDS
        ),
        failpoint=_value(source, "FAILPOINT"),
        influx_port=_port(source, "INFLUX_PORT", DEFAULT_INFLUX_PORT),
        collection=Path(_value(source, "COLLECTION") or REPOSITORY / "ansible").absolute(),
        telegraf_binary=_value(source, "TELEGRAF_BINARY"),
        docker_repository=_value(source, "DOCKER_REPOSITORY"),
        base_images=tuple(_value(source, "BASE_IMAGES").split()),
        service_prefix=_value(source, "SERVICE_PREFIX") or "guesthouse",
        control_plane_addresses=tuple(_value(source, "CONTROL_PLANE_ADDRESSES").split()),
        network_pool=_pool(source, "NETWORK_POOL", DEFAULT_NETWORK_POOL),
        url=_value(source, "URL").rstrip("/"),
        token=Sensitive(_value(source, "TOKEN")),
        credentials=Path(_value(source, "CREDENTIALS") or _default_credentials(source)).absolute(),
        oidc_issuer=_https(source, "OIDC_ISSUER"),
        oidc_client_id=_value(source, "OIDC_CLIENT_ID"),
        oidc_client_secret=Sensitive(_value(source, "OIDC_CLIENT_SECRET")),
        oidc_groups=_value(source, "OIDC_GROUPS"),
        oidc_groups_claim=_value(source, "OIDC_GROUPS_CLAIM") or DEFAULT_GROUPS_CLAIM,
    )


def _default_state(source: Mapping[str, str]) -> str:
    data_home = source.get("XDG_DATA_HOME") or f"{source.get('HOME', '/root')}/.local/share"
    return f"{data_home}/guesthouse"


def _default_credentials(source: Mapping[str, str]) -> str:
    config_home = source.get("XDG_CONFIG_HOME") or f"{source.get('HOME', '/root')}/.config"
    return f"{config_home}/guesthouse/credentials.json"


def _value(source: Mapping[str, str], name: str) -> str:
    """Return a variable, or the content of the file its _FILE twin names."""
    direct = source.get(PREFIX + name, "")
    file_name = source.get(f"{PREFIX}{name}_FILE", "")
    if direct or not file_name:
        return direct
    try:
        return Path(file_name).read_text(encoding="utf-8").strip()
    except OSError as exc:
        sentence = f"{PREFIX}{name}_FILE names {file_name}, which cannot be read"
        raise Invalid(sentence, next_step=f"check the file's path and mode: {exc}") from exc


def _port(source: Mapping[str, str], name: str, default: int) -> int:
    text = _value(source, name)
    if not text:
        return default
    if text.isdecimal() and 0 < int(text) < 2**16:
        return int(text)
    sentence = f"{PREFIX}{name} is {text!r}, which is no port"
    raise Invalid(sentence, next_step="give a number from 1 to 65535")


def _https(source: Mapping[str, str], name: str) -> str:
    """Return an https address as it is written: a slash at its end may count."""
    text = _value(source, name)
    if not text or _is_https(text):
        return text
    sentence = f"{PREFIX}{name} is {text!r}, which is no https address"
    raise Invalid(sentence, next_step="give one like https://id.example.com")


def _seconds(source: Mapping[str, str], name: str, default: int, *, at_most: int) -> int:
    text = _value(source, name)
    if not text:
        return default
    if text.isdecimal() and int(text) <= at_most:
        return int(text)
    sentence = f"{PREFIX}{name} is {text!r}, which is no such time"
    raise Invalid(sentence, next_step=f"give seconds, from 0 to {at_most}")


def _pool(source: Mapping[str, str], name: str, default: str) -> str:
    text = _value(source, name) or default
    try:
        pool = ipaddress.IPv4Network(text)
    except ValueError:
        pool = None
    if pool is not None and pool.prefixlen == POOL_PREFIX and _is_private(pool):
        return str(pool)
    sentence = f"{PREFIX}{name} is {text!r}, which is no private network of /{POOL_PREFIX}"
    raise Invalid(sentence, next_step=f"give one like {default} that nothing else uses")


def _is_https(text: str) -> bool:
    try:
        parts = urlsplit(text)
        is_whole = parts.scheme == "https" and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return is_whole and not {"?", "#", "@", " "} & set(text)


def _is_private(network: ipaddress.IPv4Network) -> bool:
    return any(network.subnet_of(private) for private in PRIVATE_RANGES)
