"""A run keeps the kind of its error."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Bring the schema forward."""
    # Empty for runs that ended before, and for what a program of the version before writes.
    op.add_column("runs", sa.Column("error_kind", sa.String(length=20), nullable=True))
