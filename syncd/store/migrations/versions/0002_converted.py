"""What a record was converted into."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("observed", sa.Column("converted", sa.String()))
