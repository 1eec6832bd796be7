"""Is there anything about the client that speaks against it? G04 to G10."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from schemas.policy import earliest_next_treatment, local_date, screening_digest
from schemas.vocabulary import AgeBand, Area, LocalDate, Restriction, RestrictionClass, Verdict, zones
from services.treatment.rules.asking import Said, asks, met, unknown, unmet, warning
from services.treatment.rules.case import Case
from services.treatment.rules.records import Consent


def _start_of(case: Case, day: LocalDate) -> datetime:
    """Local midnight of a day at the clinic."""
    return datetime.combine(day, datetime.min.time(), tzinfo=ZoneInfo(case.rules_of.clinic.timezone))


@asks("G04")
def screening_must_be_fresh(case: Case) -> Said:
    """The whole questionnaire not too long ago, the volatile part within hours, judged by the policy in force."""
    newest, fresh = case.newest_screening, case.rules_of.screening
    if newest is None or case.full_answered_at is None:
        return unmet("not_answered", None if newest is None else newest.screening_id)
    if newest.policy_digest != screening_digest(case.rules_of):
        return unmet("judged_under_another_policy", newest.screening_id)
    if (case.today - local_date(case.rules_of, case.full_answered_at)).days > fresh.full_valid_days:
        return unmet("full_questionnaire_too_old", newest.screening_id, days=fresh.full_valid_days)
    if case.at - newest.answered_at > timedelta(hours=fresh.volatile_valid_hours):
        return unmet("answers_too_old", newest.screening_id, hours=fresh.volatile_valid_hours)
    return met(newest.screening_id)


@asks("G05")
def nothing_may_contraindicate(case: Case) -> Said:
    """Nothing blocks, no wait is running. Reasons are not known here: restrictions are opaque."""
    if case.newest_screening is None:
        return unmet("not_answered")
    blocking = {RestrictionClass.BLOCK, RestrictionClass.TIMED}
    standing = [found for found in case.standing_restrictions if found.restriction_class in blocking]
    if standing:
        days = [restriction.until for restriction in standing if restriction.until is not None]
        earliest = _start_of(case, max(days)) if len(days) == len(standing) else None
        return unmet("restricted", *(found.restriction_id for found in standing), earliest_ok=earliest, restrictions=len(standing))
    noted = [found.restriction_id for found in case.standing_restrictions if found.restriction_class is RestrictionClass.WARNING]
    return warning(*noted, restrictions=len(noted)) if noted else met(case.newest_screening.screening_id)


@asks("G06")
def clearances_must_be_valid(case: Case) -> Said:
    """Each restriction that asks for a clinician's word has it, of a person policy accepts."""
    if case.newest_screening is None:
        return unmet("not_answered")
    asking = [found for found in case.standing_restrictions if found.restriction_class is RestrictionClass.CLEARANCE]
    open_ones = [restriction for restriction in asking if case.clearance_of(restriction) is None]
    if not open_ones:
        given = (case.clearance_of(restriction) for restriction in asking)
        return met(*(clearance.clearance_id for clearance in given if clearance is not None), clearances=len(asking))
    reason = "cleared_by_who_treats" if any(_cleared_by_who_treats(case, found) for found in open_ones) else "not_cleared"
    return unmet(reason, *(restriction.restriction_id for restriction in open_ones), restrictions=len(open_ones))


def _cleared_by_who_treats(case: Case, restriction: Restriction) -> bool:
    return any(
        restriction.restriction_id in clearance.restriction_ids and clearance.granted_by == case.practitioner_id
        for clearance in case.clearances
        if case.at < clearance.valid_until
    )


@asks("G07")
def consent_must_cover_areas_and_depth(case: Case) -> Said:
    """Valid consents, an addendum among them, together allow this depth on all of this skin."""
    if not case.names_its_skin:
        return unknown("skin_not_named")
    if case.covering_consents and not zones(case.areas) - _skin_of(case.covering_consents):
        return met(*(consent.consent_id for consent in case.covering_consents), depth_um=case.depth_um)
    if not case.valid_consents:
        return _no_valid_consent(case)
    signed = tuple(consent.consent_id for consent in case.valid_consents)
    outside = sorted(zones(case.areas) - _skin_of(case.valid_consents))
    if outside:
        return unmet("areas_not_consented", *signed, areas=".".join(outside)[:80])
    deepest = max(consent.max_depth_um for consent in case.valid_consents)
    return unmet("too_deep", *signed, depth_um=case.depth_um, consented_um=deepest)


def _skin_of(consents: tuple[Consent, ...]) -> frozenset[Area]:
    return frozenset[Area]().union(*(zones(consent.areas) for consent in consents))


def _no_valid_consent(case: Case) -> Said:
    """Why not even the newest signature holds."""
    newest = max(case.consents, key=lambda consent: consent.signed_at, default=None)
    if newest is None:
        return unmet("not_signed")
    superseded = newest.material_version is not None and newest.form_version < newest.material_version
    reasons = {
        "withdrawn": newest.withdrawn_at is not None,
        "superseded": superseded,
        "expired": case.at >= newest.valid_until,
        "other_modality": newest.modality is not case.modality,
        "signed_later": newest.signed_at > case.at,
        "explained_by_another": newest.explained_by != case.practitioner_id,
    }
    return unmet(next(reason for reason, is_so in reasons.items() if is_so), newest.consent_id)


@asks("G08")
def cooling_off_must_be_over(case: Case) -> Said:
    """Full hours from the signature, not calendar days."""
    policy = case.rules_of
    minor = case.arrival is not None and case.arrival.age_band is AgeBand.UNDER_18
    hours = max(policy.consent.cooling_off_hours, policy.age.minor_cooling_off_hours if minor else 0)
    if not case.covering_consents:
        return unmet("not_signed")
    over = max(consent.signed_at for consent in case.covering_consents) + timedelta(hours=hours)
    signed = (consent.consent_id for consent in case.covering_consents)
    return met(*signed) if over <= case.at else unmet("cooling_off", *signed, earliest_ok=over, hours=hours)


@asks("G09")
def spacing_must_have_passed(case: Case) -> Said:
    """By the depths really reached on this skin, in days on the clinic's wall."""
    if not case.names_its_skin:
        return unknown("skin_not_named")
    spacing = earliest_next_treatment(case.rules_of, case.past_treatments, case.areas, case.modality)
    match spacing.verdict_on(case.today):
        case Verdict.UNMET if spacing.earliest_on is not None:
            earliest = _start_of(case, spacing.earliest_on)
            return unmet("too_soon", *spacing.because, earliest_ok=earliest, earliest_on=spacing.earliest_on.isoformat())
        case Verdict.WARNING if spacing.recommended_on is not None:
            return warning(*spacing.because, reason="recommended_later", recommended_on=spacing.recommended_on.isoformat())
        case _:
            return met(*spacing.because)


@asks("G10")
def no_safety_hold_may_stand(case: Case) -> Said:
    held = [hold.hold_id for hold in case.holds if hold.placed_at <= case.until and (hold.lifted_at is None or hold.lifted_at > case.at)]
    return unmet("held", *held, holds=len(held)) if held else met()
