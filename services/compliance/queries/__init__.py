"""What compliance is asked: the record itself, what stands behind a treatment, what a thing touched, who and which policy."""

from services.compliance.queries.behind import behind_treatment
from services.compliance.queries.meaning import meant_by, named_by
from services.compliance.queries.people import identities, policy_reply, tokens
from services.compliance.queries.reach import reach_of
from services.compliance.queries.record import (
    UNREADABLE,
    entry_of,
    exact_entry,
    export,
    head_of_epoch,
    ledger_head,
    ledger_page,
)
from services.compliance.queries.searching import counted_since, found_entries, time_zone
from services.compliance.queries.tablets import UNUSED, has_pin, is_tablet, pins_shut, staff_with_pins, tablets
from services.compliance.queries.touched import newest_touched, touched_by, touched_page
from services.compliance.queries.verifying import NoHeadOfItsEpochError, verify_ledger

__all__ = [
    "UNREADABLE",
    "UNUSED",
    "NoHeadOfItsEpochError",
    "behind_treatment",
    "counted_since",
    "entry_of",
    "exact_entry",
    "export",
    "found_entries",
    "has_pin",
    "head_of_epoch",
    "identities",
    "is_tablet",
    "ledger_head",
    "ledger_page",
    "meant_by",
    "named_by",
    "newest_touched",
    "pins_shut",
    "policy_reply",
    "reach_of",
    "staff_with_pins",
    "tablets",
    "time_zone",
    "tokens",
    "touched_by",
    "touched_page",
    "verify_ledger",
]
