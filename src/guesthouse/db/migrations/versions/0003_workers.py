"""Workers with their leases; how often a step was started."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Bring the schema forward."""
    op.create_table(
        "workers",
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("lease_until", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_workers"),
    )
    # A default, so that a program of the version before still inserts steps.
    op.add_column(
        "run_steps", sa.Column("starts", sa.Integer(), nullable=False, server_default="0")
    )
