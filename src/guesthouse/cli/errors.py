"""What only the command line can say no with."""

from guesthouse.errors import Denied, GuesthouseError, Invalid, Kind, Problem, Unavailable

KINDS = {
    401: Kind.DENIED,
    403: Kind.DENIED,
    404: Kind.NOT_FOUND,
    409: Kind.CONFLICT,
    429: Kind.UNAVAILABLE,
    502: Kind.UNAVAILABLE,
    503: Kind.UNAVAILABLE,
    504: Kind.UNAVAILABLE,
}
SERVER_ERROR = 500


class NoTerminal(Invalid):
    """A question can't be asked."""

    def __init__(self, command: str) -> None:
        super().__init__("nobody is there to say yes", next_step=command)


class WrongUsage(Invalid):
    """The arguments don't make a command."""


class NoToken(Unavailable):
    """There is nothing to sign in with."""

    def __init__(self, file: str) -> None:
        super().__init__(
            f"you are not signed in, and there is no token in {file}",
            next_step=(
                "guesthouse login --url https://…, or set GUESTHOUSE_TOKEN; "
                "on the control plane's own machine: guesthouse serve"
            ),
        )


class NotSignedInThere(Unavailable):
    """The address is another machine's, where this one's own token has no business."""

    def __init__(self, url: str) -> None:
        super().__init__(
            f"you are not signed in at {url}", next_step=f"guesthouse login --url {url}"
        )


class SignedOut(Denied):
    """The control plane knows the kept token no more."""

    def __init__(self, url: str) -> None:
        super().__init__(
            f"you are no longer signed in at {url}", next_step=f"guesthouse login --url {url}"
        )


class ServerAway(Unavailable):
    """The control plane does not answer."""

    def __init__(self, url: str, detail: str) -> None:
        super().__init__(
            f"the control plane at {url} does not answer",
            next_step="guesthouse serve, or set GUESTHOUSE_URL; guesthouse doctor looks closer",
            detail=detail,
        )


class Untrusted(Unavailable):
    """Its certificate is of a CA we do not know; nothing was sent."""

    def __init__(self, url: str) -> None:
        super().__init__(
            f"the certificate of {url} is from no CA that is trusted here",
            next_step=f"guesthouse login --url {url} --ca FILE; its operator has that file",
        )


class Refused(GuesthouseError):
    """The control plane said no; its own words."""

    def __init__(self, status: int, problem: dict[str, object]) -> None:
        breaches = problem.get("problems")
        super().__init__(
            str(problem.get("detail") or f"the control plane answered {status}"),
            next_step=str(problem.get("next_step", "")),
            where=str(problem.get("where", "")),
            problems=[_breach(item) for item in breaches] if isinstance(breaches, list) else (),
            detail=str(problem.get("facts", "")),
        )
        self.status = status
        self.kind = _kind(status)
        self.problem = problem
        """All of the answer, also what other errors do not have."""


def _kind(status: int) -> Kind:
    return KINDS.get(status, Kind.FAILED if status >= SERVER_ERROR else Kind.INVALID)


def _breach(item: dict[str, str]) -> Problem:
    return Problem(item["where"], item["what"], item.get("instead", ""))
