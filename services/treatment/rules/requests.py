"""What must hold for a note to be taken: a cleansing, numbing, pause, end, override, past treatment."""

from datetime import datetime, timedelta

from schemas.policy import Policy
from schemas.treatment import EndNote, OverrideNote
from schemas.vocabulary import Area, AreaDepth, Finding, Role, Verdict, zones
from services.treatment.rules.gate import CODES
from services.treatment.rules.records import BookedVisit


def finding(rule: str, met: bool, *, field: str | None = None, **parameters: int | str) -> Finding:  # noqa: FBT001 - the verdict
    return Finding(rule=rule, verdict=Verdict.MET if met else Verdict.UNMET, field=field, parameters=dict(parameters))


def policy_must_be_published(policy: Policy | None) -> Finding:
    return finding("policy_must_be_published", policy is not None)


def booking_must_be_known(visit: BookedVisit | None) -> Finding:
    return finding("booking_must_be_known", visit is not None, field="booking_id")


def booking_must_not_be_canceled(visit: BookedVisit | None) -> Finding:
    return finding("booking_must_not_be_canceled", visit is None or visit.state != "canceled", field="booking_id")


def time_must_not_lie_ahead(claimed: datetime, now: datetime, policy: Policy | None, field: str = "occurred_at") -> Finding:
    """A tablet's clock may be a little ahead; policy says how little."""
    tolerance = timedelta(seconds=0 if policy is None else policy.gate.clock_tolerance_seconds)
    return finding("time_must_not_lie_ahead", claimed <= now + tolerance, field=field)


def time_must_not_lie_before(claimed: datetime, earliest: datetime, field: str = "occurred_at") -> Finding:
    return finding("time_must_not_lie_before", claimed >= earliest, field=field)


def numbing_must_be_known(*, known: bool) -> Finding:
    return finding("numbing_must_be_known", known, field="numbing_id")


def treatment_must_be_known(*, known: bool) -> Finding:
    return finding("treatment_must_be_known", known, field="treatment_id")


def treatment_must_not_be_over(*, over: bool) -> Finding:
    return finding("treatment_must_not_be_over", not over, field="treatment_id")


def cartridge_must_not_be_in_this_treatment(*, here: bool) -> Finding:
    """The gate counts cartridges that served this treatment as its own: one that is added twice would stand in the record twice."""
    return finding("cartridge_must_not_be_in_this_treatment", not here, field="unit_id")


def treatment_must_be_running(*, paused: bool) -> Finding:
    return finding("treatment_must_be_running", not paused, field="treatment_id")


def treatment_must_be_paused(*, paused: bool) -> Finding:
    return finding("treatment_must_be_paused", paused, field="treatment_id")


def skin_must_be_cleansed_again(note: EndNote) -> Finding:
    return finding("skin_must_be_cleansed_again", note.skin_cleansed, field="skin_cleansed")


def sharps_must_be_disposed_of(note: EndNote) -> Finding:
    return finding("sharps_must_be_disposed_of", note.sharps_disposed, field="sharps_disposed")


def aftercare_must_be_given(note: EndNote) -> Finding:
    return finding("aftercare_must_be_given", note.aftercare_given, field="aftercare_given")


def of_a_clean_end(note: EndNote, *, needled: bool) -> tuple[Finding, ...]:
    """What an end needs, each on its own. A consultation leaves nothing behind."""
    asked = (skin_must_be_cleansed_again, sharps_must_be_disposed_of, aftercare_must_be_given)
    return tuple(rule(note) for rule in asked) if needled else ()


def depth_must_stay_within_consent(depths: tuple[AreaDepth, ...], max_depth_um: int) -> Finding:
    """Never a reason to refuse an end: what was done is recorded, and somebody looks into it."""
    deepest = max((depth.depth_um for depth in depths), default=0)
    met = deepest <= max_depth_um
    return finding("depth_must_stay_within_consent", met, field="depths", depth_um=deepest, consented_um=max_depth_um)


def areas_must_stay_within_consent(depths: tuple[AreaDepth, ...], areas: tuple[Area, ...]) -> Finding:
    """The same for where."""
    outside = sorted(zones(tuple(depth.area for depth in depths)) - zones(areas))
    return finding("areas_must_stay_within_consent", not outside, field="depths", areas=".".join(outside)[:80] or "none")


def rule_must_be_of_the_gate(note: OverrideNote) -> Finding:
    return finding("rule_must_be_of_the_gate", note.rule in CODES, field="rule", asked=note.rule)


def rule_must_be_overridable_by_role(note: OverrideNote, role: Role, policy: Policy) -> Finding:
    """Policy names the roles for each rule; for sterility, consent, recall and holds it can name none."""
    code = CODES.get(note.rule, "")
    allowed = policy.gate.rules[code].overridable_by if code in policy.gate.rules else ()
    found = finding("rule_must_be_overridable_by_role", role in allowed, field="rule", asked=note.rule, role=role.value)
    return found.model_copy(update={"code": code, "overridable_by": allowed})


def reason_must_be_of_policy(note: OverrideNote, policy: Policy) -> Finding:
    return finding("reason_must_be_of_policy", note.reason in policy.gate.override_reasons, field="reason")


def override_must_end_in_time(note: OverrideNote, policy: Policy, now: datetime) -> Finding:
    days = policy.gate.override_limit_days
    met = now < note.valid_until <= now + timedelta(days=days)
    return finding("override_must_end_in_time", met, field="valid_until", days=days)


def of_an_override(note: OverrideNote, role: Role, policy: Policy, now: datetime) -> tuple[Finding, ...]:
    """What an override needs, each on its own."""
    return (
        rule_must_be_of_the_gate(note),
        rule_must_be_overridable_by_role(note, role, policy),
        reason_must_be_of_policy(note, policy),
        override_must_end_in_time(note, policy, now),
    )
