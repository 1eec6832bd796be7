"""What compliance decides."""

from services.compliance.commands.access import create_token, grant_access, open_clinic, revoke_access, revoke_token
from services.compliance.commands.epochs import NotLevelError, open_epoch
from services.compliance.commands.erasure import erase_client
from services.compliance.commands.policy import publish_policy
from services.compliance.commands.record import record_viewed, roles_of_approvers, skip_approved, skip_entry
from services.compliance.commands.systems import connect_system, disconnect_system

__all__ = [
    "NotLevelError",
    "connect_system",
    "create_token",
    "disconnect_system",
    "erase_client",
    "grant_access",
    "open_clinic",
    "open_epoch",
    "publish_policy",
    "record_viewed",
    "revoke_access",
    "revoke_token",
    "roles_of_approvers",
    "skip_approved",
    "skip_entry",
]
