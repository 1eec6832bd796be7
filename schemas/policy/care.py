"""Sections about the client: what is asked, signed, numbed, and looked after."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Literal

from schemas.policy.units import OMIT_EMPTY, DayMinutes, Days, Elapsed, Hours, Minutes, Number
from schemas.vocabulary import Code, Micrometers, RestrictionClass, Shape

Tier = Literal["none", "review", "urgent", "emergency"]
"""How fast a person must look at what a client reports (domain.md 1.7: R, U, E)."""


class Scope(StrEnum):
    AREA = "area"
    SYSTEMIC = "systemic"


class Ask(StrEnum):
    """How often a screening question is asked: V (volatile) or A of domain.md 1.4."""

    EVERY_VISIT = "every_visit"
    INTAKE = "intake"


class Waits(StrEnum):
    """What a wait counts from: the day it was over (healed, stopped), or the day it was done."""

    RESOLVED = "resolved"
    EVENT = "event"


class Contraindication(Shape):
    """One screening question and what a yes means.

    BLOCK: while present, then `wait_days` more. TIMED: `wait_days` from the event. CLEARANCE: a clinician decides.
    `before_days`: also that long before a planned event. `clearance_until_days`: after the wait and until this day, a
    clearance is needed. `clearance_needs`: what opens it (`clinician`, `prescriber`, `antiviral_plan` …); none: nothing does.
    `numbing_only`: restricts the cream, not the needles. `confidential`: clinicians only see it.
    """

    restriction: RestrictionClass
    scope: Scope
    ask: Ask
    wait_days: Annotated[Days, OMIT_EMPTY] = 0
    wait_from: Annotated[Waits | None, OMIT_EMPTY] = None
    before_days: Annotated[Days, OMIT_EMPTY] = 0
    clearance_until_days: Annotated[Days, OMIT_EMPTY] = 0
    clearance_needs: Annotated[Code | None, OMIT_EMPTY] = None
    confidential: Annotated[bool, OMIT_EMPTY] = False
    numbing_only: Annotated[bool, OMIT_EMPTY] = False


class Screening(Shape):
    full_valid_days: Days
    intake_repeat_days: Days
    volatile_valid_hours: Hours
    clearance_valid_days: Days
    second_person_clears: bool
    unanswered_restricts: bool


class Consent(Shape):
    valid_days: Days
    cooling_off_hours: Hours
    new_practitioner_signs_anew: bool


class Numbing(Shape):
    """Strength in parts per thousand: 4 % is 40."""

    strength_permille: Number
    contact_from_minutes: Minutes
    contact_to_minutes: Minutes
    contact_limit_minutes: Minutes
    occlusion_allowed: bool


class PatchTest(Shape):
    required: bool
    read_after_hours: Hours
    valid_days: Days


class CheckIn(Shape):
    """`remind_after_seconds` 0: no reminder. `deep_only`: only after RF or above `deep_above_um`."""

    after_seconds: Elapsed
    remind_after_seconds: Elapsed
    missed_after_seconds: Elapsed
    staff_task: bool
    deep_only: bool


class CheckIns(Shape):
    """Quiet from and until the same minute: no quiet hours."""

    plan: Mapping[Code, CheckIn]
    deep_above_um: Micrometers
    quiet_from_minutes: DayMinutes
    quiet_until_minutes: DayMinutes
    link_valid_seconds: Elapsed


class Symptom(Shape):
    tier: Tier
    infection: Annotated[bool, OMIT_EMPTY] = False


class Response(Shape):
    """How soon a person answers, in and out of opening hours, and what is held meanwhile."""

    open_minutes: Minutes
    closed_minutes: Minutes
    holds_next_visit: bool
    holds_items: bool


class Recovery(Shape):
    symptoms: Mapping[Code, Symptom]
    responses: Mapping[Tier, Response]
    lot_signal_replies: Number
    lot_signal_days: Days
    report_work_days: Days
    device_user_facility: bool
