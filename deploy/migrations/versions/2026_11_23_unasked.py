"""Check-ins of a treatment that nobody was asked yet."""

from alembic import op

revision = "2026_11_23_unasked"
down_revision = "2026_11_23_keys"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A treatment that ended without needle contact drops them, and looked through all check-ins of the clinic for it.

    The key is made anew: it stays the newest index (2026_11_23_keys).
    """
    op.execute("set local lock_timeout = '5s'")
    op.execute("create index ix_check_ins_unasked on recovery.check_ins (clinic_id, treatment_id) where state = 'planned'")
    op.execute(
        "alter table recovery.check_ins drop constraint pk_check_ins, add constraint pk_check_ins primary key (clinic_id, checkin_id)"
    )
