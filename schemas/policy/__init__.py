"""The policy document and the pure questions asked of it.

Every number of `domain.md` stands in `schemas/policy_defaults.toml`, with its source; here is its shape. Search, booking,
rescheduling and the gate ask the same questions, so that they can never disagree. Import from here, not from inside.
"""

from schemas.policy.care import Ask, CheckIn, Contraindication, Response, Scope, Symptom, Tier, Waits
from schemas.policy.document import (
    Policy,
    Source,
    default_policy,
    digest_of,
    policy_from_toml,
    screening_digest,
    source_of,
    sources,
)
from schemas.policy.hygiene import IndicatorProduct, RecallMode, Retention, SterilizationProgram
from schemas.policy.questions import (
    PlannedCheckIn,
    Window,
    age_band,
    keep_until,
    local_date,
    local_instants,
    open_at,
    planned_check_ins,
    start_window,
    triage,
    turnover_of,
    years_later,
)
from schemas.policy.spacing import PastTreatment, Spacing, earliest_next_treatment, spacing_band
from schemas.policy.visits import NEVER_OVERRIDABLE, DepthCap, GateCode, GateRule, OpeningHours, SpacingBand, Weekday

__all__ = [
    "NEVER_OVERRIDABLE",
    "Ask",
    "CheckIn",
    "Contraindication",
    "DepthCap",
    "GateCode",
    "GateRule",
    "IndicatorProduct",
    "OpeningHours",
    "PastTreatment",
    "PlannedCheckIn",
    "Policy",
    "RecallMode",
    "Response",
    "Retention",
    "Scope",
    "Source",
    "Spacing",
    "SpacingBand",
    "SterilizationProgram",
    "Symptom",
    "Tier",
    "Waits",
    "Weekday",
    "Window",
    "age_band",
    "default_policy",
    "digest_of",
    "earliest_next_treatment",
    "keep_until",
    "local_date",
    "local_instants",
    "open_at",
    "planned_check_ins",
    "policy_from_toml",
    "screening_digest",
    "source_of",
    "sources",
    "spacing_band",
    "start_window",
    "triage",
    "turnover_of",
    "years_later",
]
