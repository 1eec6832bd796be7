"""What compliance is asked: the record itself, what stands behind a treatment, what a thing touched, who and which policy."""

from services.compliance.queries.behind import behind_treatment
from services.compliance.queries.people import identities, policy_reply, tokens
from services.compliance.queries.record import entry_of, export, head_of_epoch, ledger_head, ledger_page, verify_ledger
from services.compliance.queries.touched import touched_by

__all__ = [
    "behind_treatment",
    "entry_of",
    "export",
    "head_of_epoch",
    "identities",
    "ledger_head",
    "ledger_page",
    "policy_reply",
    "tokens",
    "touched_by",
    "verify_ledger",
]
