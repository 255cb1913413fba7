"""What the module is asked to do, as values: the `deployment` of the contract, checked. No I/O."""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath

NAME = re.compile(r"^[a-z0-9][a-z0-9_-]{0,62}$")
RUN = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$")
ACTIONS = ("deploy", "test", "rollback", "destroy", "status")


class BadDeployment(Exception):
    """The caller gave something that makes no sense; nothing was touched."""


@dataclass(frozen=True)
class Gateway:
    """The environment's routes as nginx reads them."""

    site: str
    """File the server blocks are written to."""
    text: str
    check: list[str]
    """Program that tells whether nginx accepts its files."""
    reload: list[str]
    """Program that lets nginx read them."""


@dataclass(frozen=True)
class Test:
    """How the product's functional tests are run."""

    service: str
    environment: dict[str, str] = field(default_factory=dict)
    hosts: dict[str, str] = field(default_factory=dict)
    junit: str | None = None
    """Path of the report in the container."""
    ca: str = ""
    """PEM text, mounted at /guesthouse/ca.pem."""
    timeout_seconds: float = 300.0


@dataclass(frozen=True)
class Deployment:
    """One call of the module."""

    action: str
    root: str
    project: str
    environment: str
    run: str
    log: str = "/dev/null"
    compose: str = ""
    files: dict[str, str] = field(default_factory=dict)
    """Text by path below `root`; the path holds a tag of the content."""
    mounts: dict[str, str] = field(default_factory=dict)
    """Path below `root` to path in the sources that is copied there."""
    env_file: str | None = None
    """Which of `files` Compose takes values from."""
    expected: dict[str, dict] = field(default_factory=dict)
    """What inspect must show, by service."""
    wait_seconds: float = 180.0
    settle_seconds: float = 3.0
    is_tested: bool = False
    """Whether `test` follows: it then waits for what is left of `settle_seconds`."""
    lock_seconds: float = 60.0
    """How long to wait for another deployment of the same environment."""
    gateway: Gateway | None = None
    bundle: str | None = None
    test: Test | None = None

    def version_id(self, bundle_digest: str) -> str:
        """Return the name of the version that this deployment makes; the run's id is no part."""
        site = self.gateway.text if self.gateway else ""
        parts = [self.compose, self.files, self.mounts, self.expected, site, bundle_digest]
        text = json.dumps([*parts, self.env_file], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:20]


def read(raw: dict) -> Deployment:
    """Return the checked deployment.

    Raises:
        BadDeployment: A key is unknown or missing, or a value could leave its place.
    """
    known = dict(raw)
    try:
        gateway = known.pop("gateway", None)
        test = known.pop("test", None)
        deployment = Deployment(
            **{key: value for key, value in known.items() if value is not None},
            gateway=Gateway(**gateway) if gateway else None,
            test=Test(**test) if test else None,
        )
    except TypeError as exc:
        # `__init__() got an unexpected keyword argument …` or `missing … argument`: no values.
        raise BadDeployment(str(exc)) from exc
    _check(deployment)
    return deployment


def _check(deployment: Deployment) -> None:
    rules = {
        f"action is one of {', '.join(ACTIONS)}": deployment.action in ACTIONS,
        "project is a Compose project name": NAME.match(deployment.project),
        "run is a run's id": RUN.match(deployment.run),
        "root is an absolute path below another directory": _is_place(deployment.root),
        "log is an absolute path": PurePosixPath(deployment.log).is_absolute(),
        "files are below files/": all(_is_below(path, "files") for path in deployment.files),
        "mounts are below mounts/": all(_is_below(path, "mounts") for path in deployment.mounts),
        "mounts come from sources": all(_is_relative(p) for p in deployment.mounts.values()),
        "env_file is one of files": deployment.env_file in (None, *deployment.files),
        "deploy needs compose": deployment.action != "deploy" or deployment.compose,
        "test needs test": deployment.action != "test" or deployment.test,
    }
    for rule, is_kept in rules.items():
        if not is_kept:
            raise BadDeployment(rule)


def _is_place(path: str) -> bool:
    return path.startswith("/") and os.path.normpath(path) == path and path.count("/") > 1


def _is_below(path: str, top: str) -> bool:
    """Return whether a path is `<top>/<tag>/<name>`, or deeper."""
    return _is_relative(path) and path.startswith(f"{top}/") and path.count("/") > 1


def _is_relative(path: str) -> bool:
    parts = path.split("/")
    is_odd = ".." in parts or "\x00" in path or (path != "" and "" in parts)
    return not is_odd
