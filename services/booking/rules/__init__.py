"""What booking's policy says: pure, values in, findings out. `asking.py` holds the list of rules."""

from services.booking.rules.arriving import (
    arrival_may_be_recorded_on_the_day_only,
    arrival_may_not_lie_ahead,
    booking_must_be_known,
    booking_must_not_be_over,
    identity_matches,
    no_show_may_be_said_late_enough,
)
from services.booking.rules.asking import (
    ASKED,
    allows,
    ask,
    cannot_be_cured_by_another_time,
    open_slots,
    search_from,
    slot_starts,
    speaking_against,
)
from services.booking.rules.knowing import (
    client_id_must_be_unused,
    clients_must_be_two,
    credential_must_hold_on_the_day,
    credential_must_hold_today,
    person_must_be_known,
    policy_must_be_in_force,
    practitioner_may_needle_that_deep,
    practitioner_must_be_known,
    resource_must_keep_its_kind,
)
from services.booking.rules.situation import Busy, KnownClient, KnownPractitioner, KnownResource, Situation, rule_applies
from services.booking.rules.spacing import as_if_done, earliest_after, spaced

__all__ = [
    "ASKED",
    "Busy",
    "KnownClient",
    "KnownPractitioner",
    "KnownResource",
    "Situation",
    "allows",
    "arrival_may_be_recorded_on_the_day_only",
    "arrival_may_not_lie_ahead",
    "as_if_done",
    "ask",
    "booking_must_be_known",
    "booking_must_not_be_over",
    "cannot_be_cured_by_another_time",
    "client_id_must_be_unused",
    "clients_must_be_two",
    "credential_must_hold_on_the_day",
    "credential_must_hold_today",
    "earliest_after",
    "identity_matches",
    "no_show_may_be_said_late_enough",
    "open_slots",
    "person_must_be_known",
    "policy_must_be_in_force",
    "practitioner_may_needle_that_deep",
    "practitioner_must_be_known",
    "resource_must_keep_its_kind",
    "rule_applies",
    "search_from",
    "slot_starts",
    "spaced",
    "speaking_against",
]
