"""The port to the company's OpenID provider: what passes through it, and what failure means.

Its adapter is `adapters.oidc`; what is made of an identity is decided in `oidc`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from guesthouse.errors import Denied, Unavailable
from guesthouse.kit.sensitive import Sensitive
from guesthouse.people.model import ExternalIdentity

AGAIN = "start again at the sign-in page"


class Doubt(Enum):
    """Why nobody is vouched for; for operators, in the audit log."""

    OTHER_PROVIDER = "the answer is of another provider"
    SAYS_NO = "the provider says no"
    NO_CODE = "the answer holds no code"
    CODE_REFUSED = "the provider does not take the code"
    SOMEBODY_ELSE = "the provider's user info is about somebody else"
    NO_TOKEN = "the token is no signed token"  # noqa: S105 - a sentence about one
    ALGORITHM = "the token is signed in a way that is not believed"
    KEY = "no key of the provider signed the token"
    CLAIM = "a claim of the token does not hold"
    ATTEMPT = "the token is not of this attempt"


class ProviderAway(Unavailable):
    """The provider does not answer; passwords do not need it."""

    def __init__(self, issuer: str, detail: str) -> None:
        super().__init__(
            "the company's sign-in does not answer",
            next_step="sign in with a password, or try again in a minute",
            where=issuer,
            detail=detail,
        )


class ProviderUnfit(Unavailable):
    """The provider answers, but with what is not safe or not complete enough to use."""

    def __init__(self, issuer: str, detail: str) -> None:
        super().__init__(
            "the company's sign-in is not set up so that Guesthouse can use it",
            next_step="sign in with a password, and ask an operator to check GUESTHOUSE_OIDC_*",
            where=issuer,
            detail=detail,
        )


class ProviderRefused(Denied):
    """The provider vouches for nobody, or with a token that does not hold."""

    def __init__(self, doubt: Doubt, about: str = "") -> None:
        """Keep the reason.

        Args:
            doubt: Why.
            about: A claim's name or a provider's word; nothing secret, and no sentence of others.
        """
        self.doubt = doubt
        super().__init__(
            "the company's sign-in did not confirm who you are",
            next_step=AGAIN,
            detail=f"{doubt.value}: {about}" if about else doubt.value,
        )


class AttemptSpent(Denied):
    """There is no such attempt for this browser; whether there was one, nobody is told."""

    def __init__(self) -> None:
        super().__init__(
            "this sign-in was begun elsewhere, is over already, or took too long", next_step=AGAIN
        )


@dataclass(frozen=True)
class Attempt:
    """What we must remember of somebody we sent to the provider."""

    state: Sensitive[str]
    """Comes back in the browser's address."""
    nonce: str
    """Comes back inside the signed token."""
    verifier: Sensitive[str]
    """Proves to the provider that who asks for the token is who began (PKCE)."""


@dataclass(frozen=True)
class Departure:
    """Where the browser goes next, and what to remember until it is back."""

    url: str
    attempt: Attempt


class OpenIdProvider(Protocol):
    """Sends people to the provider, and learns who came back."""

    @property
    def issuer(self) -> str:
        """Which provider it is."""
        ...

    async def begin(self) -> Departure:
        """Return where to send a browser, with a new attempt.

        Raises:
            ProviderAway: The provider does not answer.
            ProviderUnfit: What it says of itself is not safe to use.
        """
        ...

    async def finish(self, parameters: Mapping[str, str], attempt: Attempt) -> ExternalIdentity:
        """Return who a browser that came back belongs to.

        Args:
            parameters: What stood in the address it came back to.
            attempt: What was remembered; the caller has found that it is this browser's.

        Raises:
            ProviderRefused: The provider vouches for nobody, or its token does not hold.
            ProviderAway: The provider does not answer.
            ProviderUnfit: It answers what is not safe or not complete enough to use.
        """
        ...
