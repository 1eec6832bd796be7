"""What the newest check of each clinic found."""

from alembic import op

revision = "2026_11_23_checks"
down_revision = "2026_11_23_outages"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Empty until the first check."""
    op.execute("set local lock_timeout = '5s'")
    op.execute(
        """
        CREATE TABLE machinery.checks (
          clinic_id UUID NOT NULL,
          part TEXT NOT NULL,
          checked_at TIMESTAMP WITH TIME ZONE NOT NULL,
          whole BOOLEAN NOT NULL,
          epoch BIGINT NOT NULL,
          size BIGINT NOT NULL,
          found BIGINT NOT NULL,
          findings JSONB NOT NULL,
          CONSTRAINT pk_checks PRIMARY KEY (clinic_id, part)
        )
        """
    )
