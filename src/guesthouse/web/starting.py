"""Getting started: which of a partner's first steps have really happened."""

from dataclasses import dataclass

from guesthouse.environments.model import Environment
from guesthouse.people import Scope
from guesthouse.people.tokens import TokenStore
from guesthouse.runs import RunService


@dataclass(frozen=True)
class StartingPoint:
    """What the caller has done so far."""

    has_environment: bool
    """Something serves."""
    has_token: bool
    """The caller made a token."""
    has_called: bool
    """One of their tokens was used."""
    has_deployed: bool
    """They brought up a version themselves."""


def steps(
    tokens: TokenStore, runs: RunService, scope: Scope, environment: Environment
) -> StartingPoint:
    """Return what the caller has done with an environment they see."""
    has_token, has_called = tokens.usage(scope)
    return StartingPoint(
        has_environment=bool(environment.addresses),
        has_token=has_token,
        has_called=has_called,
        has_deployed=runs.has_succeeded(scope, environment.name),
    )
