"""How long skin must rest: by what was really done, and by what is already booked."""

from collections.abc import Sequence

from schemas.policy import PastTreatment, Policy, Spacing, earliest_next_treatment, local_date
from schemas.vocabulary import AreaDepth, Finding, LocalDate, Verdict, Visit
from services.booking.rules.situation import Situation, met, rule_applies, unmet, warning


def as_if_done(policy: Policy, visit: Visit) -> PastTreatment:
    """A booking as it will count once it is done as planned."""
    return PastTreatment(
        treatment_id=visit.booking_id,
        treated_on=local_date(policy, visit.starts_at),
        areas_depths=tuple(AreaDepth(area=area, depth_um=visit.depth_um) for area in visit.areas),
        modality=visit.modality,
    )


def earliest_after(policy: Policy, past: Sequence[PastTreatment], visit: Visit) -> Spacing:
    """When these areas may be treated again, after what was done."""
    return earliest_next_treatment(policy, past, visit.areas, visit.modality)


def spaced(policy: Policy, visit: Visit) -> bool:
    """Whether the spacing rule is asked of this visit."""
    return rule_applies(policy, "G09", visit)


def _say(rule: str, case: Situation, spacing: Spacing, day: LocalDate, verdict: Verdict) -> Finding:
    if verdict is Verdict.MET or spacing.earliest_on is None or spacing.recommended_on is None:
        return met(rule, "G09")
    said = {
        "on": day.isoformat(),
        "earliest_on": spacing.earliest_on.isoformat(),
        "recommended_on": spacing.recommended_on.isoformat(),
    }
    if verdict is Verdict.WARNING:
        return warning(rule, "G09", field="starts_at", parameters=said, evidence=spacing.because)
    return unmet(
        rule,
        "G09",
        field="starts_at",
        parameters=said,
        evidence=spacing.because,
        overridable_by=case.policy.gate.rules["G09"].overridable_by,
        earliest_ok=case.midnight(spacing.earliest_on),
    )


def spacing_must_be_kept(visit: Visit, case: Situation) -> Finding:
    """Every zone rests as long as the depth really reached there asks, counted in local dates."""
    rule = "spacing_must_be_kept"
    if not spaced(case.policy, visit):
        return met(rule, "G09")
    day = local_date(case.policy, visit.starts_at)
    spacing = earliest_after(case.policy, case.past, visit)
    return _say(rule, case, spacing, day, spacing.verdict_on(day))


def spacing_to_other_bookings_must_be_kept(visit: Visit, case: Situation) -> Finding:
    """The same rest before and after what the client has booked already, by the planned depths."""
    rule = "spacing_to_other_bookings_must_be_kept"
    others = [other for other in case.coming if other.booking_id != visit.booking_id and case.needles(other)]
    if not others or not spaced(case.policy, visit):
        return met(rule, "G09")
    day, worst = local_date(case.policy, visit.starts_at), Verdict.MET
    for other in others:
        first, second = sorted((visit, other), key=lambda one: (one.starts_at, one.booking_id))
        between = earliest_after(case.policy, (as_if_done(case.policy, first),), second)
        verdict = between.verdict_on(local_date(case.policy, second.starts_at))
        worst = max(worst, verdict, key=_SEVERITY.index)
    after_all = earliest_after(case.policy, [as_if_done(case.policy, other) for other in others], visit)
    return _say(rule, case, after_all, day, worst)


_SEVERITY = (Verdict.MET, Verdict.WARNING, Verdict.UNMET)
