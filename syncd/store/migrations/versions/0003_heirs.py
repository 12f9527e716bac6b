"""What a connection's links lead to, and who was converted; pairs that were settled too early are merged once more."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("observed", sa.Column("edited_at", sa.Integer()))
    op.add_column("connections", sa.Column("object", sa.String(), server_default="", nullable=False))
    op.create_index(
        "ix_observed_converted",
        "observed",
        ["source", "converted"],
        sqlite_where=sa.text("converted IS NOT NULL"),
        postgresql_where=sa.text("converted IS NOT NULL"),
    )
    # A field that had been left unread was taken for one that nobody had edited: no mark from before is believed.
    op.execute("UPDATE links SET settled = NULL")
