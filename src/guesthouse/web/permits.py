"""What a page offers its reader; the services decide anew when it is asked for."""

from guesthouse.people import Scope
from guesthouse.people.permissions import Action, Verdict, decide, may_somewhere


def may(scope: Scope | None, action: str, partner: str | None = None) -> bool:
    """Whether to offer an action, named by its token scope, on a partner's things.

    Args:
        scope: Who reads the page; None is nobody.
        action: Such as ``env:deploy``.
        partner: Whose things; None asks whether there are any it is allowed on.
    """
    if scope is None:
        return False
    wanted = Action(action)
    if partner is None:
        return may_somewhere(scope, wanted)
    return decide(scope, wanted, partner) is Verdict.ALLOWED
