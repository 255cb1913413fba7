"""Lists that are narrowed to a partner, an actor or an object are read in their order."""

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Bring the schema forward."""
    op.create_index("ix_runs_partner_id", "runs", ["partner", "id"])
    # Whatever a single-column index found had to be sorted before its first page was known.
    for column in ("partner", "object"):
        op.drop_index(f"ix_audit_entries_{column}", "audit_entries")
    for column in ("actor", "partner", "object"):
        op.create_index(
            f"ix_audit_entries_{column}_sequence", "audit_entries", [column, "sequence"]
        )
