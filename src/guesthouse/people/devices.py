"""Signing a program in by a code that is confirmed in a browser (RFC 8628)."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from guesthouse.db import Database, Transaction
from guesthouse.db.tables import device_logins
from guesthouse.errors import Conflict, Denied, Invalid, NotFound
from guesthouse.kit.clock import Clock
from guesthouse.kit.sensitive import Sensitive
from guesthouse.people.codes import digest, new_secret, new_user_code, normal_user_code
from guesthouse.people.model import Action, Origin
from guesthouse.people.permissions import GIVABLE, may_somewhere, require_enrolled
from guesthouse.people.ports import Trail
from guesthouse.people.scope import Scope, account_scope
from guesthouse.people.store import AccountStore
from guesthouse.people.throttle import OF_DEVICES, Throttle, Turn, refuse
from guesthouse.people.tokens import TokenGrant, TokenStore

LIFETIME = dt.timedelta(minutes=10)
INTERVAL_SECONDS = 5
SLOWER_SECONDS = 5
TOKEN_LIFETIME = dt.timedelta(days=90)
CLIENT_LENGTH = 63
MOST_WAITING = 1000


class DeviceState(Enum):
    """Where a sign-in of a program stands."""

    PENDING = "pending"
    CONFIRMED = "confirmed"
    REFUSED = "refused"


class DeviceUnknown(NotFound):
    """Nothing waits under that code, or not any more."""

    def __init__(self) -> None:
        super().__init__(
            "no program waits with this code", next_step="run guesthouse login once more"
        )


class DeviceExpired(Denied):
    """The code is too old, or gave its token already."""

    word = "expired_token"
    """What RFC 8628 calls it."""

    def __init__(self) -> None:
        super().__init__("nobody confirmed in time", next_step="run guesthouse login once more")


class DeviceRefused(Denied):
    """Somebody said no in the browser."""

    word = "access_denied"
    """What RFC 8628 calls it."""

    def __init__(self) -> None:
        super().__init__("the sign-in was refused in the browser")


class DeviceCrowd(Conflict):
    """Too many programs wait; whoever asks for more codes is up to no good."""

    def __init__(self) -> None:
        super().__init__("too many programs are signing in", next_step="try again in ten minutes")


class ClientInvalid(Invalid):
    """The program does not say what it is, or asks for what no token is given."""

    def __init__(self) -> None:
        super().__init__(
            "a program names itself on one line and asks for scopes that tokens can have",
            next_step=f"give 1 to {CLIENT_LENGTH} characters",
        )


@dataclass(frozen=True)
class DeviceCode:
    """What a program is given: one code to ask with, one to show to its person."""

    device: Sensitive[str]
    user_code: str
    lifetime: dt.timedelta
    interval: dt.timedelta
    """How long to wait between two questions."""


@dataclass(frozen=True)
class DeviceRequest:
    """What waits to be confirmed."""

    user_code: str
    client: str
    address: str | None
    """Where the program asked from; None is from inside."""
    scopes: frozenset[Action] | None
    """None is all its person may do, but for their account itself."""
    expires_at: dt.datetime


@dataclass(frozen=True)
class Pending:
    """Nobody has answered in the browser yet."""

    interval: dt.timedelta
    is_too_soon: bool
    """Whether the program asked before the time; it waits longer from now on."""

    @property
    def word(self) -> str:
        """What RFC 8628 calls it."""
        return "slow_down" if self.is_too_soon else "authorization_pending"


class DeviceLogins:
    """Programs that wait for a person."""

    def __init__(self, database: Database, clock: Clock, trail: Trail, tokens: TokenStore) -> None:
        self._database = database
        self._clock = clock
        self._trail = trail
        self._tokens = tokens
        self._accounts = AccountStore()
        self._throttle = Throttle()

    def begin(
        self,
        client: str,
        scopes: frozenset[Action] | None = None,
        *,
        origin: Origin | None = None,
    ) -> DeviceCode:
        """Return codes for a program; anyone may ask, nothing is given before a person says so.

        Args:
            client: What the program calls itself; its person is shown it.
            scopes: What its token shall be narrowed to; None is all that can be given.
            origin: Where it asks from; None is from inside.

        Raises:
            ClientInvalid: The name is none, or a scope is given to no token.
            TooManyAttempts: Its address began too many: one alone shall not make up the crowd.
            DeviceCrowd: Too many wait.
        """
        name = " ".join(client.split())
        if not 0 < len(name) <= CLIENT_LENGTH or not name.isprintable():
            raise ClientInvalid
        if scopes is not None and not scopes <= GIVABLE:
            raise ClientInvalid
        if origin is not None:
            self._take_turn(origin)
        device, now = new_secret(), self._clock.now()
        values = {
            "digest": digest(device.reveal()),
            "client": name,
            "address": None if origin is None else origin.address,
            "scopes": None if scopes is None else sorted(scope.value for scope in scopes),
            "state": DeviceState.PENDING.value,
            "interval_seconds": INTERVAL_SECONDS,
            "expires_at": now + LIFETIME,
        }
        user_code = self._insert(values, now)
        return DeviceCode(device, user_code, LIFETIME, dt.timedelta(seconds=INTERVAL_SECONDS))

    def find(self, user_code: str) -> DeviceRequest:
        """Return what waits under a code, for the page that asks a person.

        Raises:
            DeviceUnknown: Nothing waits, or not any more.
        """
        with self._database.reading() as transaction:
            row = self._waiting(transaction, user_code)
        scopes = row["scopes"]
        return DeviceRequest(
            user_code=row["user_code"],
            client=row["client"],
            address=row["address"],
            scopes=None if scopes is None else frozenset(map(Action, scopes)),
            expires_at=row["expires_at"],
        )

    def confirm(self, scope: Scope, user_code: str) -> None:
        """Say yes: the program gets a token of the caller's the next time it asks.

        Raises:
            DeviceUnknown: Nothing waits, or not any more.
            NotPermitted: The caller has no account, or acts by a token.
            NotEnrolled: Their account lacks a second factor it needs.
        """
        self._answer(scope, user_code, DeviceState.CONFIRMED, "device.confirm")

    def refuse(self, scope: Scope, user_code: str) -> None:
        """Say no.

        Raises:
            DeviceUnknown: Nothing waits, or not any more.
            NotPermitted: The caller has no account, or acts by a token.
            NotEnrolled: Their account lacks a second factor it needs.
        """
        self._answer(scope, user_code, DeviceState.REFUSED, "device.refuse")

    def poll(self, device: str) -> Pending | Sensitive[str]:
        """Return the token, once; before that, that nobody has answered yet.

        Raises:
            DeviceExpired: It took too long, was never begun, or the token was given already.
            DeviceRefused: Somebody said no.
        """
        now, of_device = self._clock.now(), device_logins.c.digest == digest(device)
        with self._database.transaction() as transaction:
            row = transaction.row(sa.select(device_logins).where(of_device).with_for_update())
            if row is None or not _is_young(row, now):
                raise DeviceExpired
            match DeviceState(row["state"]):
                case DeviceState.PENDING:
                    return self._wait(transaction, row, now)
                case DeviceState.CONFIRMED:
                    transaction.change(sa.delete(device_logins).where(of_device))
                    return self._give(transaction, row)
                case DeviceState.REFUSED:
                    raise DeviceRefused

    def _take_turn(self, origin: Origin) -> None:
        with self._database.transaction() as transaction:
            turn = self._throttle.take(transaction, OF_DEVICES, origin.network, self._clock.now())
        if turn is not Turn.TAKEN:
            raise refuse(OF_DEVICES)

    def _insert(self, values: Mapping[str, Any], now: dt.datetime) -> str:
        counting = sa.select(sa.func.count()).select_from(device_logins)
        with self._database.transaction() as transaction:
            transaction.change(sa.delete(device_logins).where(device_logins.c.expires_at <= now))
            if transaction.scalar(counting) >= MOST_WAITING:
                raise DeviceCrowd
            while True:
                user_code = new_user_code()
                try:
                    with transaction.connection.begin_nested():
                        transaction.insert(device_logins, user_code=user_code, **values)
                except IntegrityError:
                    continue  # somebody waits with that code; draw another
                return user_code

    def _waiting(self, transaction: Transaction, user_code: str) -> Mapping[str, Any]:
        of_code = device_logins.c.user_code == normal_user_code(user_code)
        row = transaction.row(sa.select(device_logins).where(of_code))
        is_pending = row is not None and row["state"] == DeviceState.PENDING.value
        if row is None or not is_pending or not _is_young(row, self._clock.now()):
            raise DeviceUnknown
        return row

    def _answer(self, scope: Scope, user_code: str, state: DeviceState, action: str) -> None:
        require_enrolled(scope)
        with self._database.transaction() as transaction:
            row = self._waiting(transaction, user_code)
            statement = sa.update(device_logins).where(
                device_logins.c.digest == row["digest"],
                device_logins.c.state == DeviceState.PENDING.value,
            )
            changed = transaction.change(
                statement.values(state=state.value, account=scope.account)
            )
            if changed != 1:
                raise DeviceUnknown
            detail = {name: row[name] for name in ("client", "address", "scopes")}
            self._trail.record(transaction, scope, action, f"account/{scope.actor}", detail)

    def _wait(self, transaction: Transaction, row: Mapping[str, Any], now: dt.datetime) -> Pending:
        seconds, last = row["interval_seconds"], row["polled_at"]
        too_soon = last is not None and now - last < dt.timedelta(seconds=seconds)
        seconds += SLOWER_SECONDS if too_soon else 0
        statement = sa.update(device_logins).where(device_logins.c.digest == row["digest"])
        transaction.change(statement.values(polled_at=now, interval_seconds=seconds))
        return Pending(dt.timedelta(seconds=seconds), is_too_soon=too_soon)

    def _give(self, transaction: Transaction, row: Mapping[str, Any]) -> Sensitive[str]:
        account = self._accounts.by_id(transaction, row["account"])
        if account is None or account.disabled_at is not None:
            raise DeviceExpired
        scope, scopes = account_scope(account), row["scopes"]
        wanted = None if scopes is None else frozenset(map(Action, scopes))
        if wanted is not None:
            # What its person may not do is left out; they have seen what was asked for.
            wanted = frozenset(action for action in wanted if may_somewhere(scope, action))
        grant = TokenGrant(
            name=row["client"],
            actor=account.login,
            kind=account.kind,
            lifetime=TOKEN_LIFETIME,
            account=account.id,
            scopes=wanted,
        )
        return self._tokens.create(transaction, scope, grant)


def _is_young(row: Mapping[str, Any], now: dt.datetime) -> bool:
    # A clock that was set back does not let a code live longer.
    return bool(now < row["expires_at"] <= now + 2 * LIFETIME)
