"""The tables of the state. Moments are integers, milliseconds since 1970 UTC; JSON columns hold text written by
``codec``.

A *source* is one side's data as observed: ``salespulse``, shared by every connection, or a connection's name for its
CRM.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
    }
)

runs = Table(
    "runs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("command", String, nullable=False),
    Column("started_at", Integer, nullable=False),
    Column("ended_at", Integer),
    Column("exit_code", Integer),
    Column("summary", Text, nullable=False, server_default="{}"),
)

sources = Table(
    "sources",
    metadata,
    Column("name", String, primary_key=True),
    Column("account_id", String, nullable=False, server_default=""),
    Column("catalog", Text, nullable=False, server_default="{}"),  # fields and stages as the side described them
    Column("catalog_at", Integer),
    Column("feed_cursor", Text),  # where the next incremental pull starts
    Column("listed_at", Integer),  # start of the last complete listing
    Column("confirmed", Boolean, nullable=False, server_default="0"),  # no listing can have skipped anybody unnoticed
    Column("live_before", Integer),  # live records when the last pass ended: a side that is suddenly empty shows
    Column("scan_started_at", Integer),  # a listing under way; NULL when none is
    Column("scan_cursor", Text),
    Column("scan_feed_cursor", Text),  # becomes feed_cursor when the listing is complete
    Column("scan_pages", Integer, nullable=False, server_default="0"),
    Column("scan_complete", Boolean, nullable=False, server_default="0"),  # every page is stored, the proofs are not
)

connections = Table(
    "connections",
    metadata,
    Column("name", String, primary_key=True),
    Column("first_sync_at", Integer),  # NULL until a person made the first sync
    Column("keys_fingerprint", String, nullable=False, server_default=""),  # the rules that `keys` was filled under
    Column(
        "keys_stale", Boolean, nullable=False, server_default="0"
    ),  # SalesPulse was observed without this connection
    Column(
        "mapping", String, nullable=False, server_default=""
    ),  # digest of the mapping that the last run merged under
    Column("wanted", Text, nullable=False, server_default=""),  # the fields that the last run asked both sides for
    Column("object", String, nullable=False, server_default=""),  # what its links lead to, as "connector object"
    Column("last_success_at", Integer),
)

memory = Table(
    "memory",
    metadata,
    Column("source", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("value", Text, nullable=False),
)

observed = Table(
    "observed",
    metadata,
    Column("source", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("shown", Text, nullable=False),  # field → value; a key that is missing was never read
    Column("also", Text),  # further values of a field, NULL for none
    Column("merged", Text),  # ids of records that were merged into this one, NULL for none
    Column("version", Integer),
    Column("modified_at", Integer),
    Column("edited_at", Integer),  # modified_at before syncd's own writes moved it, NULL where they did not
    Column("created_at", Integer),
    Column("in_scope", Boolean, nullable=False),
    Column("converted", String),  # what it was converted into, as "object id", NULL for nothing
    Column(
        "digest", LargeBinary, nullable=False
    ),  # of everything above but the times: a row is written only when it changes
    Column("looked_at", Integer, nullable=False),
    Column("first_seen_at", Integer, nullable=False),
    Column("since", Text),  # field → [earliest, latest] of its present value, where it was seen to change
    Column("gone", String),  # the proof, NULL while live
    Column("gone_at", Integer),
    Column("moved_to", String),  # the record that absorbed this one
    Index("ix_observed_live", "source", sqlite_where=text("gone IS NULL"), postgresql_where=text("gone IS NULL")),
    Index(
        "ix_observed_converted",
        "source",
        "converted",
        sqlite_where=text("converted IS NOT NULL"),
        postgresql_where=text("converted IS NOT NULL"),
    ),
    sqlite_with_rowid=False,
)

seen = Table(  # who was seen in the listing under way; emptied when it closes
    "seen",
    metadata,
    Column("source", String, primary_key=True),
    Column("id", String, primary_key=True),
    sqlite_with_rowid=False,
)

keys = Table(  # canonical match keys, so that matching needs no search call
    "keys",
    metadata,
    Column("connection", String, primary_key=True),
    Column("side", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("value", String, primary_key=True),
    Index("ix_keys_value", "connection", "key", "value"),
    sqlite_with_rowid=False,
)

unmatched = Table(  # records without a link in a connection
    "unmatched",
    metadata,
    Column("connection", String, primary_key=True),
    Column("side", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column(
        "state", String, nullable=False
    ),  # due: to be matched; planned: a create is journalled; refused; held; no_key; left
    Index("ix_unmatched_state", "connection", "state"),
    sqlite_with_rowid=False,
)

links = Table(
    "links",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("connection", String, nullable=False),
    Column("salespulse_id", String, nullable=False),
    Column("crm_id", String, nullable=False),
    Column("state", String, nullable=False),
    Column("reason", String, nullable=False, server_default=""),
    Column("matched_by", String, nullable=False, server_default=""),
    Column("bases", Text, nullable=False, server_default="{}"),  # rule → [fingerprint, SalesPulse value, CRM value]
    Column("run_id", Integer, ForeignKey("runs.id")),
    Column("linked_at", Integer, nullable=False),
    Column("dirty", Boolean, nullable=False),  # to be merged
    Column("settled", LargeBinary),  # both digests and the mapping under which the last merge left nothing to do
    Index("ix_links_dirty", "connection", "id", sqlite_where=text("dirty"), postgresql_where=text("dirty")),
    Index(
        "uq_links_salespulse",
        "connection",
        "salespulse_id",
        unique=True,
        sqlite_where=text("state IN ('active', 'frozen')"),
        postgresql_where=text("state IN ('active', 'frozen')"),
    ),
    Index(
        "uq_links_crm",
        "connection",
        "crm_id",
        unique=True,
        sqlite_where=text("state IN ('active', 'frozen')"),
        postgresql_where=text("state IN ('active', 'frozen')"),
    ),
    Index("ix_links_salespulse_id", "salespulse_id"),
    Index("ix_links_crm_id", "crm_id"),
)

intents = Table(  # the journal: planned, then sent; a settled intent lives on in the ledger
    "intents",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("id", String, nullable=False, unique=True),
    Column("run_id", Integer, ForeignKey("runs.id")),
    Column("connection", String, nullable=False),
    Column("side", String, nullable=False),
    Column("op", String, nullable=False),
    Column("link_id", Integer),
    Column("salespulse_id", String, nullable=False),
    Column("crm_id", String, nullable=False),
    Column("body", Text, nullable=False),
    Column("state", String, nullable=False),  # planned, sent, uncertain; shown: a dry run's
    Column("sent_at", Integer),
    Index("ix_intents_queue", "connection", "state", "side", "op", "seq"),
    Index("ix_intents_link_id", "link_id"),
)

holds = Table(
    "holds",
    metadata,
    Column("id", String, primary_key=True),
    Column("connection", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("field", String, nullable=False),
    Column("salespulse_id", String, nullable=False),
    Column("crm_id", String, nullable=False),
    Column("message", Text, nullable=False),
    Column("shown", Text, nullable=False),
    Column("since", Integer, nullable=False),
    Column("run_id", Integer, ForeignKey("runs.id")),
    Column("closed_at", Integer),
    Index("ix_holds_salespulse_id", "connection", "salespulse_id"),
    Index("ix_holds_crm_id", "connection", "crm_id"),
)

ledger = Table(
    "ledger",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run_id", Integer, ForeignKey("runs.id"), nullable=False),
    Column("at", Integer, nullable=False),
    Column("connection", String, nullable=False),
    Column("side", String, nullable=False),
    Column("op", String, nullable=False),
    Column("link_id", Integer),
    Column("salespulse_id", String, nullable=False),
    Column("crm_id", String, nullable=False),
    Column("field", String, nullable=False),
    Column("rule", String, nullable=False),
    Column("before", Text, nullable=False),
    Column("after", Text, nullable=False),
    Column("by", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("lost", Boolean, nullable=False),
    Index("ix_ledger_at", "connection", "at"),
    Index("ix_ledger_link_id", "link_id"),
)
