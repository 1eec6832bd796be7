"""What compliance decides."""

from services.compliance.commands.access import create_token, grant_access, open_clinic, revoke_access, revoke_token
from services.compliance.commands.policy import publish_policy
from services.compliance.commands.record import record_viewed, skip_entry

__all__ = [
    "create_token",
    "grant_access",
    "open_clinic",
    "publish_policy",
    "record_viewed",
    "revoke_access",
    "revoke_token",
    "skip_entry",
]
