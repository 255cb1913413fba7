"""One frozen Settings, read once at start. Every secret may come from a file: NAME_FILE."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from guesthouse.errors import Invalid
from guesthouse.kit.sensitive import Sensitive

PREFIX = "GUESTHOUSE_"
DEFAULT_API_PORT = 8470
DEFAULT_GATEWAY_PORT = 443


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

    @property
    def api_url(self) -> str:
        """Where the CLI on this machine finds the API."""
        return f"http://{self.api_host}:{self.api_port}"

    @property
    def token_file(self) -> Path:
        """The operator's bearer token, mode 0600."""
        return self.state / "operator.token"


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
    )


def _default_state(source: Mapping[str, str]) -> str:
    data_home = source.get("XDG_DATA_HOME") or f"{source.get('HOME', '/root')}/.local/share"
    return f"{data_home}/guesthouse"


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
