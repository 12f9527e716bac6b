"""Alembic's entry: runs the steps on the connection that ``store.database`` hands over."""

from __future__ import annotations

from alembic import context

from syncd.store.tables import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, render_as_batch=True, transactional_ddl=True)
context.run_migrations()
