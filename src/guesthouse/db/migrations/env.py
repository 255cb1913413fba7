"""What Alembic runs: it works on the connection it is handed, inside that transaction."""

from alembic import context

from guesthouse.db.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
)
context.run_migrations()
