"""The first state: runs, sources, observations, keys, links, the journal, holds, the ledger."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "connections",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("first_sync_at", sa.Integer(), nullable=True),
        sa.Column("keys_fingerprint", sa.String(), server_default="", nullable=False),
        sa.Column("keys_stale", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("mapping", sa.String(), server_default="", nullable=False),
        sa.Column("wanted", sa.Text(), server_default="", nullable=False),
        sa.Column("last_success_at", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_connections")),
    )
    op.create_table(
        "keys",
        sa.Column("connection", sa.String(), nullable=False),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("connection", "side", "id", "key", "value", name=op.f("pk_keys")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_keys_value", "keys", ["connection", "key", "value"], unique=False)
    op.create_table(
        "memory",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("source", "key", name=op.f("pk_memory")),
    )
    op.create_table(
        "observed",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("shown", sa.Text(), nullable=False),
        sa.Column("also", sa.Text(), nullable=True),
        sa.Column("merged", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("modified_at", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.Integer(), nullable=True),
        sa.Column("in_scope", sa.Boolean(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("looked_at", sa.Integer(), nullable=False),
        sa.Column("first_seen_at", sa.Integer(), nullable=False),
        sa.Column("since", sa.Text(), nullable=True),
        sa.Column("gone", sa.String(), nullable=True),
        sa.Column("gone_at", sa.Integer(), nullable=True),
        sa.Column("moved_to", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("source", "id", name=op.f("pk_observed")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_observed_live",
        "observed",
        ["source"],
        unique=False,
        sqlite_where=sa.text("gone IS NULL"),
        postgresql_where=sa.text("gone IS NULL"),
    )
    op.create_table(
        "runs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("command", sa.String(), nullable=False),
        sa.Column("started_at", sa.Integer(), nullable=False),
        sa.Column("ended_at", sa.Integer(), nullable=True),
        sa.Column("exit_code", sa.Integer(), nullable=True),
        sa.Column("summary", sa.Text(), server_default="{}", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
    )
    op.create_table(
        "seen",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("source", "id", name=op.f("pk_seen")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "sources",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), server_default="", nullable=False),
        sa.Column("catalog", sa.Text(), server_default="{}", nullable=False),
        sa.Column("catalog_at", sa.Integer(), nullable=True),
        sa.Column("feed_cursor", sa.Text(), nullable=True),
        sa.Column("listed_at", sa.Integer(), nullable=True),
        sa.Column("confirmed", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("live_before", sa.Integer(), nullable=True),
        sa.Column("scan_started_at", sa.Integer(), nullable=True),
        sa.Column("scan_cursor", sa.Text(), nullable=True),
        sa.Column("scan_feed_cursor", sa.Text(), nullable=True),
        sa.Column("scan_pages", sa.Integer(), server_default="0", nullable=False),
        sa.Column("scan_complete", sa.Boolean(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_sources")),
    )
    op.create_table(
        "unmatched",
        sa.Column("connection", sa.String(), nullable=False),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("connection", "side", "id", name=op.f("pk_unmatched")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_unmatched_state", "unmatched", ["connection", "state"], unique=False)
    op.create_table(
        "holds",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("connection", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("field", sa.String(), nullable=False),
        sa.Column("salespulse_id", sa.String(), nullable=False),
        sa.Column("crm_id", sa.String(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("shown", sa.Text(), nullable=False),
        sa.Column("since", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.Column("closed_at", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_holds_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_holds")),
    )
    op.create_index("ix_holds_crm_id", "holds", ["connection", "crm_id"], unique=False)
    op.create_index("ix_holds_salespulse_id", "holds", ["connection", "salespulse_id"], unique=False)
    op.create_table(
        "intents",
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.Column("connection", sa.String(), nullable=False),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("op", sa.String(), nullable=False),
        sa.Column("link_id", sa.Integer(), nullable=True),
        sa.Column("salespulse_id", sa.String(), nullable=False),
        sa.Column("crm_id", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("sent_at", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_intents_run_id")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_intents")),
        sa.UniqueConstraint("id"),
    )
    op.create_index("ix_intents_link_id", "intents", ["link_id"], unique=False)
    op.create_index("ix_intents_queue", "intents", ["connection", "state", "side", "op", "seq"], unique=False)
    op.create_table(
        "ledger",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.Integer(), nullable=False),
        sa.Column("connection", sa.String(), nullable=False),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("op", sa.String(), nullable=False),
        sa.Column("link_id", sa.Integer(), nullable=True),
        sa.Column("salespulse_id", sa.String(), nullable=False),
        sa.Column("crm_id", sa.String(), nullable=False),
        sa.Column("field", sa.String(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("lost", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_ledger_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger")),
    )
    op.create_index("ix_ledger_at", "ledger", ["connection", "at"], unique=False)
    op.create_index("ix_ledger_link_id", "ledger", ["link_id"], unique=False)
    op.create_table(
        "links",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("connection", sa.String(), nullable=False),
        sa.Column("salespulse_id", sa.String(), nullable=False),
        sa.Column("crm_id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), server_default="", nullable=False),
        sa.Column("matched_by", sa.String(), server_default="", nullable=False),
        sa.Column("bases", sa.Text(), server_default="{}", nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.Column("linked_at", sa.Integer(), nullable=False),
        sa.Column("dirty", sa.Boolean(), nullable=False),
        sa.Column("settled", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_links_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_links")),
    )
    op.create_index("ix_links_crm_id", "links", ["crm_id"], unique=False)
    op.create_index(
        "ix_links_dirty",
        "links",
        ["connection", "id"],
        unique=False,
        sqlite_where=sa.text("dirty"),
        postgresql_where=sa.text("dirty"),
    )
    op.create_index("ix_links_salespulse_id", "links", ["salespulse_id"], unique=False)
    op.create_index(
        "uq_links_crm",
        "links",
        ["connection", "crm_id"],
        unique=True,
        sqlite_where=sa.text("state IN ('active', 'frozen')"),
        postgresql_where=sa.text("state IN ('active', 'frozen')"),
    )
    op.create_index(
        "uq_links_salespulse",
        "links",
        ["connection", "salespulse_id"],
        unique=True,
        sqlite_where=sa.text("state IN ('active', 'frozen')"),
        postgresql_where=sa.text("state IN ('active', 'frozen')"),
    )
    # ### end Alembic commands ###
