"""How Alembic reaches the store: through the connection it is handed."""

from alembic import context

from workspaces.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
context.run_migrations()
