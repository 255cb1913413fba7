"""A network is taken on one instance, not everywhere."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Bring the schema forward."""
    with op.batch_alter_table("environments") as batch:
        batch.drop_constraint("uq_environments_subnet_index", type_="unique")
        batch.create_unique_constraint(
            "uq_environments_instance_subnet_index", ["instance", "subnet_index"]
        )
