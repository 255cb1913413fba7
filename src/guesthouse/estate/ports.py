"""What the estate needs of others, and what it means when they fail."""

from typing import Protocol

from guesthouse.db import Transaction
from guesthouse.estate.model import EnvironmentSpec
from guesthouse.people import Scope
from guesthouse.people.model import DeclaredMember
from guesthouse.runs import Run


class CommitResolver(Protocol):
    """Asks a Git host what a name stands for."""

    async def resolve(self, url: str, ref: str, /) -> str:
        """Return the full commit a branch, tag or commit stands for now.

        Raises:
            NotFound: The repository or the ref does not exist.
            Unavailable: The host does not answer.
        """
        ...


class EnvironmentActions(Protocol):
    """Makes environments as they are declared; everything happens in the caller's transaction."""

    def put(
        self, transaction: Transaction, scope: Scope, spec: EnvironmentSpec, commit: str
    ) -> Run:
        """Write the environment's row and its queued deploy run, with their audit rows.

        The row's ``desired`` is ``{**spec.to_json(), "commit": commit}``.

        Args:
            transaction: Carries everything.
            scope: Who acts.
            spec: What it shall be.
            commit: What the source's ref stands for.

        Raises:
            Conflict: It is being destroyed.
        """
        ...

    def destroy(self, transaction: Transaction, scope: Scope, name: str) -> Run:
        """Mark the environment as being destroyed and queue the run that does it.

        Raises:
            NotFound: There is none of that name.
        """
        ...


class MemberActions(Protocol):
    """Makes the members of a partner those that are declared."""

    def declare(
        self,
        transaction: Transaction,
        scope: Scope,
        partner: str,
        members: tuple[DeclaredMember, ...],
    ) -> None:
        """Let in who is declared and see out who was and is no more; who was invited stays.

        Args:
            transaction: Carries everything.
            scope: Who acts.
            partner: Whose members; its row is there.
            members: All that are declared.
        """
        ...


class InstanceActions(Protocol):
    """Ends instances that nothing runs on any more."""

    def remove(self, transaction: Transaction, scope: Scope, name: str) -> Run:
        """Queue the run that destroys the machine; the row then says ``destroyed``."""
        ...
