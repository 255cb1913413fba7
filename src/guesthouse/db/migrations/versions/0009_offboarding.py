"""A partner that was offboarded stays on record, so that nobody takes its name by accident."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Bring the schema forward."""
    op.add_column(
        "partners", sa.Column("offboarded_at", sa.DateTime(timezone=True), nullable=True)
    )
