"""Every event of the system, one file per publisher, in order of life: the table of contents."""

from events.catalog import booking, compliance, consent, hygiene, recovery, treatment

PUBLISHERS = {
    "compliance": compliance,
    "booking": booking,
    "consent": consent,
    "hygiene": hygiene,
    "treatment": treatment,
    "recovery": recovery,
}
"""Which service says what is in which file."""
