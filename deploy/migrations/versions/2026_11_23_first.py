"""The first tables."""

from alembic import op

from events.database import Base

revision = "2026_11_23_first"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    Base.metadata.create_all(op.get_bind())
