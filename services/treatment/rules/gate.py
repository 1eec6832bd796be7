"""The gate: every rule, in the order a practitioner would ask. All are asked, all answers are kept."""

from schemas.vocabulary import Finding, Verdict
from services.treatment.rules.asking import Rule, code_of
from services.treatment.rules.booking import (
    age_must_be_allowed,
    booking_must_hold_its_slot,
    client_must_be_contactable,
    clock_must_be_trusted,
    identity_must_be_confirmed,
    policy_must_be_in_force,
    start_must_fall_into_the_slot,
)
from services.treatment.rules.case import Case
from services.treatment.rules.health import (
    clearances_must_be_valid,
    consent_must_cover_areas_and_depth,
    cooling_off_must_be_over,
    no_safety_hold_may_stand,
    nothing_may_contraindicate,
    screening_must_be_fresh,
    spacing_must_have_passed,
)
from services.treatment.rules.items import (
    cartridges_must_be_sterile_and_unused,
    packs_must_be_sterile_and_unused,
    sterilizers_must_not_be_in_doubt,
)
from services.treatment.rules.room import (
    depth_must_suit_the_areas,
    emergency_kit_must_be_in_date,
    handpiece_must_be_reprocessed,
    nothing_named_may_be_taken,
    numbing_must_be_off,
    photographs_must_be_taken,
    practitioner_must_be_credentialed,
    room_must_be_turned_over,
    skin_must_be_cleansed,
)

GATE: tuple[Rule, ...] = (
    clock_must_be_trusted,
    policy_must_be_in_force,
    booking_must_hold_its_slot,
    start_must_fall_into_the_slot,
    identity_must_be_confirmed,
    age_must_be_allowed,
    client_must_be_contactable,
    screening_must_be_fresh,
    nothing_may_contraindicate,
    clearances_must_be_valid,
    consent_must_cover_areas_and_depth,
    cooling_off_must_be_over,
    spacing_must_have_passed,
    no_safety_hold_may_stand,
    practitioner_must_be_credentialed,
    depth_must_suit_the_areas,
    room_must_be_turned_over,
    nothing_named_may_be_taken,
    handpiece_must_be_reprocessed,
    cartridges_must_be_sterile_and_unused,
    packs_must_be_sterile_and_unused,
    sterilizers_must_not_be_in_doubt,
    numbing_must_be_off,
    skin_must_be_cleansed,
    photographs_must_be_taken,
    emergency_kit_must_be_in_date,
)


CODES = {rule.__name__: code_of(rule) for rule in GATE}
"""Which G-number each rule serves; empty where no policy switches it."""


def ask_the_gate(case: Case) -> tuple[Finding, ...]:
    """What every rule says."""
    return tuple(rule(case) for rule in GATE)


def unmet_of(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    return tuple(finding for finding in findings if finding.verdict is Verdict.UNMET)
