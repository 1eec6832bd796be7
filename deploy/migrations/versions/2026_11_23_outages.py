"""When sterilizers were out of service; visits by client."""

from alembic import op

revision = "2026_11_23_outages"
down_revision = "2026_11_23_first"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Both tables are projections: what is missing in them, `asepsis rebuild` shows."""
    op.execute("set local lock_timeout = '5s'")
    op.execute(
        """
        CREATE TABLE hygiene.outages (
          clinic_id UUID NOT NULL,
          sterilizer_id UUID NOT NULL,
          event_id UUID NOT NULL,
          removed_at TIMESTAMP WITH TIME ZONE NOT NULL,
          returned_at TIMESTAMP WITH TIME ZONE,
          CONSTRAINT pk_outages PRIMARY KEY (clinic_id, sterilizer_id, event_id)
        )
        """
    )
    op.execute("CREATE INDEX ix_visits_client ON treatment.visits (clinic_id, client_id)")
