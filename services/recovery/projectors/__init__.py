"""How recovery's tables follow the ledger: check-ins are planned, then asked and answered."""

from services.recovery.projectors import asking, planning
from services.recovery.projectors.following import projects
from services.recovery.projectors.planning import checkin_id, plan, plan_for_recall

__all__ = ["asking", "checkin_id", "plan", "plan_for_recall", "planning", "projects"]
