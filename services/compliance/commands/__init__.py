"""What compliance decides."""

from services.compliance.commands.access import create_token, grant_access, open_clinic, revoke_access, revoke_token
from services.compliance.commands.epochs import NotLevelError, open_epoch
from services.compliance.commands.erasure import erase_client
from services.compliance.commands.policy import publish_policy
from services.compliance.commands.record import record_viewed, roles_of_approvers, skip_approved, skip_entry
from services.compliance.commands.systems import connect_system, disconnect_system
from services.compliance.commands.tablets import (
    Try,
    enroll_tablet,
    lock_pin,
    remove_tablet,
    set_pin,
    take_a_try,
    unlock_tablet,
)
from services.compliance.rules.pins import MOST_TRIES, wait_after

__all__ = [
    "MOST_TRIES",
    "NotLevelError",
    "Try",
    "connect_system",
    "create_token",
    "disconnect_system",
    "enroll_tablet",
    "erase_client",
    "grant_access",
    "lock_pin",
    "open_clinic",
    "open_epoch",
    "publish_policy",
    "record_viewed",
    "remove_tablet",
    "revoke_access",
    "revoke_token",
    "roles_of_approvers",
    "set_pin",
    "skip_approved",
    "skip_entry",
    "take_a_try",
    "unlock_tablet",
    "wait_after",
]
