"""Under which handing over of the tablet a consent was signed."""

from alembic import op

revision = "2026_11_23_handed"
down_revision = "2026_11_23_answers"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A column of a projection: what was signed before does not say it."""
    op.execute("set local lock_timeout = '5s'")
    op.execute("alter table consent.consents add column handing_id uuid")
