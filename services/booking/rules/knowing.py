"""Who and what must be known: clients, practitioners, rooms, devices, and what they may do."""

from uuid import UUID

from schemas.policy import age_band, local_date, spacing_band
from schemas.vocabulary import AgeBand, Finding, LocalDate, Role, Visit
from services.booking.rules.situation import Situation, met, unmet, warning


def policy_must_be_in_force(*, known: bool) -> Finding:
    """Without a policy there are no numbers to decide by."""
    rule = "policy_must_be_in_force"
    return met(rule, "G21") if known else unmet(rule, "G21")


def booking_id_must_be_unused(visit: Visit, case: Situation) -> Finding:
    """The sender chooses ids; one id names one appointment for ever."""
    rule = "booking_id_must_be_unused"
    if visit.booking_id in case.used_booking_ids:
        return unmet(rule, field="booking_id", evidence=(visit.booking_id,))
    return met(rule)


def client_must_be_known(visit: Visit, case: Situation) -> Finding:  # noqa: ARG001 - all rules are asked alike
    rule = "client_must_be_known"
    return met(rule) if case.client else unmet(rule, field="client_id")


def client_must_not_be_on_hold(visit: Visit, case: Situation) -> Finding:
    """An open safety hold stops treatments until somebody with the role lifts it."""
    rule = "client_must_not_be_on_hold"
    if case.holds and case.rule_applies("G10", visit):
        return unmet(rule, "G10", field="client_id", evidence=tuple(case.holds))
    return met(rule, "G10")


def client_should_be_of_age(visit: Visit, case: Situation) -> Finding:
    """Age counts on the day of treatment. The gate decides; whoever books is told in time."""
    rule = "client_should_be_of_age"
    born_on = case.client.born_on if case.client else None
    if born_on is None or not case.rule_applies("G02", visit):
        return met(rule, "G02")
    band = age_band(case.policy, born_on, local_date(case.policy, visit.starts_at))
    if band is AgeBand.FROM_22:
        return met(rule, "G02")
    return warning(rule, "G02", field="client_id", parameters={"years": case.policy.age.label_from_years})


def practitioner_must_be_known(visit: Visit, case: Situation) -> Finding:
    rule = "practitioner_must_be_known"
    if visit.practitioner_id in case.practitioners:
        return met(rule, "G11")
    return unmet(rule, "G11", field="practitioner_id", evidence=(visit.practitioner_id,))


def credential_must_hold_on_the_day(visit: Visit, case: Situation) -> Finding:
    """The license covers the kind of treatment on the local date of the visit, its last day included."""
    rule = "credential_must_hold_on_the_day"
    person = case.practitioners.get(visit.practitioner_id)
    if person is None or not case.rule_applies("G11", visit):
        return met(rule, "G11")
    said = {"valid_until": person.valid_until.isoformat(), "modality": visit.modality.value}
    lapsed = local_date(case.policy, visit.starts_at) > person.valid_until
    if lapsed or (case.needles(visit) and visit.modality not in person.modalities):
        return unmet(rule, "G11", field="practitioner_id", parameters=said, evidence=(visit.practitioner_id,))
    return met(rule, "G11", parameters=said)


def practitioner_may_needle_that_deep(visit: Visit, case: Situation) -> Finding:
    """Own limit first; then what only a clinician may do, and the cap of an esthetician's license where one is set."""
    rule = "practitioner_may_needle_that_deep"
    person = case.practitioners.get(visit.practitioner_id)
    if person is None or not case.needles(visit) or not case.rule_applies("G11", visit):
        return met(rule, "G11")
    limits, band = case.policy.depth, spacing_band(case.policy, visit.modality, visit.depth_um)
    may_um = person.max_depth_um
    if person.role is not Role.CLINICIAN:
        may_um = min(may_um, limits.clinician_above_um, limits.esthetician_cap_um if limits.esthetician_cap else may_um)
        may_um = 0 if band.clinician_only and visit.depth_um <= may_um else may_um
    said = {"depth_um": visit.depth_um, "may_um": may_um}
    if visit.depth_um > may_um:
        return unmet(rule, "G11", field="depth_um", parameters=said, evidence=(visit.practitioner_id,))
    return met(rule, "G11", parameters=said)


def depth_should_stay_within_the_cap(visit: Visit, case: Situation) -> Finding:
    """Each area has a depth that is usual at most; deeper is a matter for the clinician."""
    rule = "depth_should_stay_within_the_cap"
    person = case.practitioners.get(visit.practitioner_id)
    clinician = person is not None and person.role is Role.CLINICIAN
    for area in visit.areas if case.needles(visit) else ():
        cap = case.policy.depth.areas[area]
        cap_um = cap.clinician_cap_um if clinician else cap.cap_um
        if visit.depth_um > cap_um:
            said = {"area": area.value, "depth_um": visit.depth_um, "cap_um": cap_um}
            return warning(rule, "G11", field="depth_um", parameters=said)
    return met(rule, "G11")


def treatment_must_name_areas_and_depth(visit: Visit, case: Situation) -> Finding:
    """Without them nobody can tell which skin must rest, and for how long."""
    rule = "treatment_must_name_areas_and_depth"
    if case.needles(visit) and not (visit.areas and visit.depth_um):
        return unmet(rule, "G09", field="depth_um" if visit.areas else "areas")
    return met(rule, "G09")


def room_must_be_known(visit: Visit, case: Situation) -> Finding:
    rule = "room_must_be_known"
    room = case.resources.get(visit.room_id)
    if room is None or room.kind != "room":
        return unmet(rule, "G20", field="room_id", evidence=(visit.room_id,))
    return met(rule, "G20")


def device_must_suit_the_treatment(visit: Visit, case: Situation) -> Finding:
    """A handpiece that is named must be known, of the right kind and made for that depth."""
    rule = "device_must_suit_the_treatment"
    if visit.device_id is None:
        return warning(rule, "G20", field="device_id", parameters={"problem": "not_named"}) if case.needles(visit) else met(rule, "G20")
    device = case.resources.get(visit.device_id)
    problem = None
    if device is None or device.kind != "device":
        problem = "not_known"
    elif device.modality is not None and case.needles(visit) and device.modality is not visit.modality:
        problem = "other_modality"
    elif device.max_depth_um is not None and case.needles(visit) and visit.depth_um > device.max_depth_um:
        problem = "not_that_deep"
    if problem is None:
        return met(rule, "G20")
    return unmet(rule, "G20", field="device_id", parameters={"problem": problem}, evidence=(visit.device_id,))


def client_id_must_be_unused(client_id: UUID, *, used_otherwise: bool) -> Finding:
    """One id names one person: other content under it is refused."""
    rule = "client_id_must_be_unused"
    return unmet(rule, field="client_id", evidence=(client_id,)) if used_otherwise else met(rule)


def person_must_be_known(client_id: UUID, name: str, *, known: bool) -> Finding:
    """`name` is the field the id stood in."""
    rule = "person_must_be_known"
    return met(rule) if known else unmet(rule, field=name, evidence=(client_id,))


def clients_must_be_two(client_id: UUID, into_client_id: UUID) -> Finding:
    """A record cannot be merged into itself, or into what was merged into it."""
    rule = "clients_must_be_two"
    return unmet(rule, field="into_client_id", evidence=(client_id,)) if client_id == into_client_id else met(rule)


def credential_must_hold_today(valid_until: LocalDate, today: LocalDate) -> Finding:
    rule = "credential_must_hold_today"
    said = {"valid_until": valid_until.isoformat()}
    return unmet(rule, field="valid_until", parameters=said) if valid_until < today else met(rule, parameters=said)


def resource_must_keep_its_kind(resource_id: UUID, kind: str, known_kind: str | None) -> Finding:
    """A room does not become a device."""
    rule = "resource_must_keep_its_kind"
    if known_kind is None or known_kind == kind:
        return met(rule)
    return unmet(rule, field="kind", parameters={"kind": known_kind}, evidence=(resource_id,))
