"""A program that waits for a person keeps where it asked from; the person is shown it."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Bring the schema forward."""
    op.add_column("device_logins", sa.Column("address", sa.String(length=64), nullable=True))
