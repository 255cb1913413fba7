"""Which groups of the company's OpenID provider give which rights here. Pure.

The operator writes ``<group> = operator``, ``<group> = auditor`` or ``<group> = partner:role``,
one a line, or with ``;`` between them. A group may hold blanks and ``=`` and may be named again.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from guesthouse.errors import Invalid, Problem
from guesthouse.people.model import ActorKind, Role

SETTING = "GUESTHOUSE_OIDC_GROUPS"
SEPARATORS = re.compile(r"[;\n]")
PARTNER = re.compile(r"[a-z][a-z0-9-]{0,62}")
KINDS = {"operator": ActorKind.OPERATOR, "auditor": ActorKind.AUDITOR}
STRENGTH = tuple(Role)


class MappingInvalid(Invalid):
    """What the operator wrote is no mapping."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(
            f"{SETTING} cannot be read",
            next_step="write `group = operator`, `group = auditor` or `group = partner:role`",
            problems=problems,
        )


@dataclass(frozen=True)
class Grants:
    """What somebody's groups give them."""

    kind: ActorKind
    roles: Mapping[str, Role] = field(default_factory=dict)
    """A member's role by partner; empty for operators and auditors."""

    @property
    def is_anything(self) -> bool:
        """Whether that lets anybody in."""
        return self.kind is not ActorKind.MEMBER or bool(self.roles)


@dataclass(frozen=True)
class GroupGrant:
    """What one line gives to one group."""

    group: str
    kind: ActorKind
    partner: str = ""
    role: Role = Role.VIEWER


@dataclass(frozen=True)
class GroupMapping:
    """All that was written."""

    grants: tuple[GroupGrant, ...] = ()

    def of(self, groups: Iterable[str], partners: Iterable[str]) -> Grants:
        """Return what groups give; the strongest counts.

        Args:
            groups: Names as the provider gives them; capitals count.
            partners: Names of the partners there are; what is given for others is nothing.
        """
        names, known = frozenset(groups), frozenset(partners)
        held = [grant for grant in self.grants if grant.group in names]
        for kind in KINDS.values():
            if any(grant.kind is kind for grant in held):
                return Grants(kind)
        roles: dict[str, Role] = {}
        for grant in held:
            if grant.partner in known:
                former = roles.get(grant.partner, grant.role)
                roles[grant.partner] = max(former, grant.role, key=STRENGTH.index)
        return Grants(ActorKind.MEMBER, roles)


def mapping_of(text: str) -> GroupMapping:
    """Return what an operator wrote.

    Raises:
        MappingInvalid: A line says nothing that can be given.
    """
    lines = [line.strip() for line in SEPARATORS.split(text)]
    read = [(number, line, _grant(line)) for number, line in enumerate(lines, 1) if line]
    problems = tuple(
        Problem(f"{SETTING}: entry {number}", f"{line[:80]!r} gives nothing")
        for number, line, grant in read
        if grant is None
    )
    if problems:
        raise MappingInvalid(problems)
    return GroupMapping(tuple(grant for _, _, grant in read if grant is not None))


def _grant(line: str) -> GroupGrant | None:
    # From the right: names of groups may hold `=`, as in cn=ops,ou=groups; rights never do.
    group, _, right = (part.strip() for part in line.rpartition("="))
    if not group:
        return None
    if right in KINDS:
        return GroupGrant(group, KINDS[right])
    partner, _, role = (part.strip() for part in right.partition(":"))
    if not PARTNER.fullmatch(partner) or role not in {known.value for known in Role}:
        return None
    return GroupGrant(group, ActorKind.MEMBER, partner, Role(role))
