"""A door without a database: who holds a code or cookie of its, and nobody else, comes in."""

from dataclasses import dataclass, field

from guesthouse.errors import Denied
from guesthouse.kit.sensitive import Sensitive
from guesthouse.people import Scope


class CodeSpent(Denied):
    def __init__(self) -> None:
        super().__init__("this code opens nothing")


@dataclass
class FakeDoor:
    codes: dict[tuple[str, str, str, str], tuple[Scope, str]] = field(default_factory=dict)
    cookies: dict[tuple[str, str, str], Scope] = field(default_factory=dict)

    def issue(
        self, scope: Scope, environment: str, route: str, state: str, path: str
    ) -> Sensitive[str]:
        code = f"code-{len(self.codes)}-of-{scope.actor}"
        self.codes[code, environment, route, state] = (scope, path)
        return Sensitive(code)

    def exchange(
        self, code: str, environment: str, route: str, state: str
    ) -> tuple[Sensitive[str], str]:
        found = self.codes.pop((code, environment, route, state), None)
        if found is None:
            raise CodeSpent
        cookie = f"cookie-{len(self.cookies)}-of-{code}"
        self.cookies[cookie, environment, route] = found[0]
        return Sensitive(cookie), found[1]

    def authenticate(self, cookie: str, environment: str, route: str) -> Scope | None:
        return self.cookies.get((cookie, environment, route))

    def leave(self, cookie: str, environment: str, route: str) -> None:
        self.cookies.pop((cookie, environment, route), None)
