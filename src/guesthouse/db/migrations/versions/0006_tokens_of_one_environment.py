"""A token of functional tests is bound to one environment."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Bring the schema forward."""
    op.add_column("tokens", sa.Column("environment", sa.String(length=63), nullable=True))
    op.create_index("ix_tokens_environment", "tokens", ["environment"])
