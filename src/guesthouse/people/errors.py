"""What people are told no with."""

import datetime as dt

from guesthouse.errors import Conflict, Denied, Invalid, NotFound, Unavailable
from guesthouse.people.model import MIN_PASSWORD, TITLE_LIMIT, Action, MembershipOrigin


class NotPermitted(Denied):
    """The caller's role, or their token, does not allow it."""

    def __init__(self, action: Action) -> None:
        super().__init__(
            f"your role or token does not allow {action.value}",
            next_step="ask a manager of the partner or an operator",
        )


class NotEnrolled(Denied):
    """An operator or auditor without a second factor may only enrol one."""

    def __init__(self) -> None:
        super().__init__(
            "this account needs a second factor before it may do anything",
            next_step="set up TOTP on your account page",
        )


class SignInRefused(Denied):
    """Login, password or code is wrong; which of them, nobody is told."""

    def __init__(self) -> None:
        super().__init__(
            "login, password or code is wrong", next_step="try again, or ask for an invitation"
        )


class ExternalNotAdmitted(Denied):
    """The provider vouches for somebody whose groups mean nothing here."""

    def __init__(self) -> None:
        super().__init__(
            "your account at the provider is in no group that may come in here",
            next_step="ask an operator which group you need",
        )


class ExternalLoginTaken(Denied):
    """Somebody else has the login that the provider gives; one is never taken for the other."""

    def __init__(self, login: str) -> None:
        super().__init__(
            f"there is another account {login} here, which does not come in by the provider",
            next_step="sign in as before, or ask an operator for another login at the provider",
        )


class TooManyAttempts(Unavailable):
    """Somebody tried too often; answered 429 with Retry-After."""

    def __init__(self, retry_after: dt.timedelta) -> None:
        self.retry_after = retry_after
        seconds = max(1, round(retry_after.total_seconds()))
        super().__init__(
            "too many attempts", next_step=f"wait {seconds} seconds, then try once more"
        )


class LoginInvalid(Invalid):
    """The text is no login."""

    def __init__(self, login: str) -> None:
        super().__init__(
            f"{login[:80]!r} is no login",
            next_step="use 2 to 63 small letters, digits and . _ @ + -, and no name of ours",
        )


class TitleInvalid(Invalid):
    """The text is no name for a person."""

    def __init__(self) -> None:
        super().__init__(
            "a title is the person's name on one line",
            next_step=f"give 1 to {TITLE_LIMIT} characters",
        )


class PasswordWeak(Invalid):
    """The password is too easy to guess, or too long to hash."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"the password {why}",
            next_step=f"take {MIN_PASSWORD} characters or more, such as four random words",
        )


class InvitationSpent(NotFound):
    """There is no such invitation, or it was used, revoked or is too old; nobody is told which."""

    def __init__(self) -> None:
        super().__init__(
            "this invitation is not, or no longer, valid",
            next_step="ask who invited you for a new one",
        )


class InvitationInvalid(Invalid):
    """Kind, partner and role do not go together."""

    def __init__(self) -> None:
        super().__init__(
            "a member is invited to a partner in a role; an operator or auditor to neither",
            next_step="give partner and role for members, and only for them",
        )


class AccountExists(Conflict):
    """Somebody has that login, so an invitation cannot set its password."""

    def __init__(self, login: str) -> None:
        super().__init__(
            f"there is an account {login} already",
            next_step=f"sign in as {login}, then open the invitation again",
        )


class InvitationForeign(Denied):
    """The invitation is for somebody else."""

    def __init__(self) -> None:
        super().__init__(
            "this invitation is for another login",
            next_step="sign out, then open the invitation again",
        )


class AccountUnknown(NotFound):
    """There is no such account, or not for this caller."""

    def __init__(self, login: str) -> None:
        super().__init__(f"there is no account {login[:80]}")


class MemberUnknown(NotFound):
    """There is no such member, or not for this caller."""

    def __init__(self, partner: str, login: str) -> None:
        super().__init__(
            f"{partner[:80]} has no member {login[:80]}",
            next_step=f"guesthouse member list {partner[:80]}",
        )


class PartnerUnknown(NotFound):
    """There is no such partner, or not for this caller."""

    def __init__(self, partner: str) -> None:
        super().__init__(
            f"there is no partner {partner[:80]}", next_step="guesthouse partner list"
        )


class PartnerOffboarded(Conflict):
    """Nothing is made for a partner that was offboarded."""

    def __init__(self, partner: str, at: dt.datetime) -> None:
        super().__init__(
            f"partner {partner[:80]} was offboarded on {at:%Y-%m-%d at %H:%M} UTC",
            next_step=f"guesthouse partner readmit {partner[:80]}, if it shall come back",
        )


class MemberDeclared(Conflict):
    """The membership is kept by the estate or the provider."""

    def __init__(self, login: str, origin: MembershipOrigin) -> None:
        where = "the estate" if origin is MembershipOrigin.ESTATE else "groups of the provider"
        super().__init__(
            f"the role of {login} comes from {where}", next_step=f"change it in {where}"
        )


class OwnAccount(Conflict):
    """Nobody disables themselves."""

    def __init__(self) -> None:
        super().__init__("you cannot disable yourself", next_step="ask another operator")


class CodeWrong(Invalid):
    """The code of the authenticator does not fit."""

    def __init__(self) -> None:
        super().__init__(
            "the code is wrong or too old",
            next_step="check the clock of your phone and type the next code",
        )


class PasswordWrong(Denied):
    """The old password does not fit."""

    def __init__(self) -> None:
        super().__init__("the old password is wrong", next_step="try again")
