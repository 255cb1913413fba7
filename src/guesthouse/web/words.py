"""How states, times and names read. Pure."""

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Final

MINUTE: Final = 60
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
NEAR: Final = 45
"""Seconds within which something is just now."""
FAR: Final = 30 * DAY
"""From here on a date says more than a number of days."""
SHORT: Final = 10
"""Seconds below which tenths matter."""


@dataclass(frozen=True)
class Shown:
    """How a state is shown: never by colour alone."""

    tone: str
    """``good``, ``busy``, ``warn``, ``bad`` or ``off``: the colour."""
    icon: str
    word: str


STATES: Mapping[str, Shown] = MappingProxyType(
    {
        "ready": Shown("good", "check", "Ready"),
        "succeeded": Shown("good", "check", "Succeeded"),
        "active": Shown("good", "check", "Active"),
        "running": Shown("busy", "play", "Running"),
        "pending": Shown("busy", "clock", "Working"),
        "destroying": Shown("warn", "hourglass", "Ending"),
        "queued": Shown("busy", "clock", "Queued"),
        "waiting": Shown("off", "clock", "Waiting"),
        "failed": Shown("bad", "cross", "Failed"),
        "cancelled": Shown("off", "stop", "Cancelled"),
        "skipped": Shown("off", "skip", "Skipped"),
        "lost": Shown("warn", "alert", "Lost"),
        "declared": Shown("off", "dash", "Declared"),
        "destroyed": Shown("off", "dash", "Destroyed"),
        "disabled": Shown("off", "stop", "Disabled"),
        "revoked": Shown("off", "stop", "Revoked"),
        "expired": Shown("off", "clock", "Expired"),
        "expiring": Shown("warn", "clock", "Expires soon"),
        "invited": Shown("busy", "clock", "Invited"),
    }
)
KINDS: Mapping[str, str] = MappingProxyType(
    {
        "environment.deploy": "Deploy",
        "environment.destroy": "Destroy",
        "instance.provision": "Provision",
        "instance.destroy": "Destroy instance",
    }
)


ACTIONS: Mapping[str, str] = MappingProxyType(
    {
        "environment.change": "Asked for a change",
        "environment.create": "Declared it",
        "environment.destroy": "Asked for its end",
        "environment.read_lock": "Read its lock",
        "run.queued": "Queued a run",
        "run.cancel": "Cancelled a run",
        "run.read_log": "Read a log",
        "run.read_junit": "Read test results",
        "secret.put": "Set a secret",
        "signin.open": "Signed in",
        "signin.half": "Typed the right password",
        "signin.refuse": "Was not let in",
        "signin.throttle": "Tried too often",
        "session.revoke": "Ended a session",
        "token.create": "Made a token",
        "token.revoke": "Ended a token",
        "device.confirm": "Let a program in",
        "device.refuse": "Turned a program away",
        "route.enter": "Opened a route",
        "route.leave": "Signed out of a route",
        "totp.begin": "Began with an authenticator",
        "totp.confirm": "Set an authenticator up",
        "totp.refuse": "Typed a wrong code",
        "account.throttle": "Tried codes or passwords too often",
        "account.create": "Made an account",
        "account.change_password": "Changed the password",
        "account.refuse_password": "Mistyped the old password",
        "account.disable": "Shut somebody out",
        "account.enable": "Let somebody in again",
        "account.reset": "Reset an account",
        "account.set_kind": "Changed the kind of an account",
        "invitation.create": "Invited somebody",
        "invitation.accept": "Took an invitation",
        "invitation.revoke": "Ended an invitation",
        "member.declare": "Declared a member",
        "member.set_role": "Changed a role",
        "member.remove": "Saw a member out",
        "partner.add": "Added a partner",
        "partner.expel": "Saw everybody out",
        "partner.offboard": "Offboarded a partner",
        "partner.readmit": "Let a partner come back",
        "audit.export": "Took the audit log",
        "estate.apply": "Applied the estate",
    }
)


def action_word(action: str) -> str:
    """Return what an action of the audit log is called on a page."""
    return ACTIONS.get(action) or action.replace(".", " ").replace("_", " ").capitalize()


def shown(state: str | Enum) -> Shown:
    """Return how a state is shown; one nobody described keeps its own word."""
    name = str(state.value) if isinstance(state, Enum) else state
    return STATES.get(name, Shown("off", "dash", name.capitalize()))


def kind_word(kind: str) -> str:
    """Return what a kind of run is called on a page."""
    return KINDS.get(kind, kind.replace(".", " ").capitalize())


def ago(when: dt.datetime, now: dt.datetime) -> str:
    """Return how long ago, or in how long, something is: ``3 min ago``, ``in 2 days``."""
    seconds = (now - when).total_seconds()
    span = abs(seconds)
    if span < NEAR:
        return "just now" if seconds >= 0 else "in a moment"
    if span >= FAR:
        return str(when.strftime("%d %b %Y"))
    amount = _amount(span)
    return f"{amount} ago" if seconds > 0 else f"in {amount}"


def exact(when: dt.datetime) -> str:
    """Return a time to the second, with its zone."""
    return f"{when.astimezone(dt.UTC):%Y-%m-%d %H:%M:%S} UTC"


def duration(span: dt.timedelta | float | None) -> str:
    """Return how long something took: ``0.4 s``, ``12 s``, ``3 min 5 s``, ``2 h 10 min``."""
    if span is None:
        return ""
    seconds = span.total_seconds() if isinstance(span, dt.timedelta) else float(span)
    if seconds < SHORT:
        return f"{max(seconds, 0):.1f} s"
    whole = round(seconds)
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return f"{whole // MINUTE} min {whole % MINUTE} s"
    return f"{whole // HOUR} h {whole % HOUR // MINUTE} min"


def initials(name: str) -> str:
    """Return up to two letters that stand for a person or partner."""
    words: list[str] = re.findall(r"[^\W_]+", name.partition("@")[0])
    if not words:
        return "?"
    letters = words[0][0] + (words[-1][0] if len(words) > 1 else "")
    return letters.upper()


def _amount(span: float) -> str:
    if span < HOUR:
        return f"{max(round(span / MINUTE), 1)} min"
    if span < DAY:
        return f"{round(span / HOUR)} h"
    days = round(span / DAY)
    return f"{days} day" if days == 1 else f"{days} days"
