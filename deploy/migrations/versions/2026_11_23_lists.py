"""Lists of recovery that looked through everything the clinic ever had."""

from alembic import op

revision = "2026_11_23_lists"
down_revision = "2026_11_23_handed"
branch_labels = None
depends_on = None

SILENT = "state = 'missed' and call is distinct from 'reached'"
INDEXES = (
    "ix_check_ins_clinic_id_due_at on recovery.check_ins (clinic_id, due_at)",
    f"ix_check_ins_silent on recovery.check_ins (clinic_id, due_at) where {SILENT}",
    f"ix_check_ins_to_call on recovery.check_ins (clinic_id, missed_at, checkin_id) where staff_task and {SILENT}",
    "ix_reactions_clinic_id_event_id on recovery.reactions (clinic_id, event_id)",
    "ix_safety_holds_clinic_id_cause on recovery.safety_holds (clinic_id, cause)",
)
KEYS = {"check_ins": "checkin_id", "reactions": "reaction_id", "safety_holds": "hold_id"}


def upgrade() -> None:
    """The keys are made anew: they stay the newest indexes (2026_11_23_keys)."""
    op.execute("set local lock_timeout = '5s'")
    for index in INDEXES:
        op.execute(f"create index {index}")
    for table, key in KEYS.items():
        op.execute(f"alter table recovery.{table} drop constraint pk_{table}, add constraint pk_{table} primary key (clinic_id, {key})")
