"""Are the person, the room, the handpiece and the skin ready? G11, G12, G13, G17, G18, G19, G20, G22."""

from collections.abc import Iterator
from datetime import timedelta

from schemas.policy import local_date, spacing_band
from schemas.vocabulary import Role
from services.treatment.rules.asking import Said, asks, met, unmet, warning
from services.treatment.rules.case import Case
from services.treatment.rules.records import Credential, Disinfection, Numbing, Use

MAY_NEEDLE = frozenset({Role.PRACTITIONER, Role.CLINICIAN})


@asks("G11")
def practitioner_must_be_credentialed(case: Case) -> Said:
    """Who presses Start has a credential that holds today (its last day included), for this modality and depth."""
    credential = case.credential
    if credential is None or credential.role not in MAY_NEEDLE:
        return unmet("no_credential", None if credential is None else credential.event_id)
    return next(_credential_faults(case, credential), met(credential.event_id))


def _credential_faults(case: Case, credential: Credential) -> Iterator[Said]:
    if case.today > credential.valid_until:
        yield unmet("expired", credential.event_id, valid_until=credential.valid_until.isoformat())
    if case.modality not in credential.modalities:
        yield unmet("other_modality", credential.event_id)
    depth = case.rules_of.depth
    limits = [credential.max_depth_um]
    if credential.role is not Role.CLINICIAN:
        band = spacing_band(case.rules_of, case.modality, case.depth_um)
        if band.clinician_only or case.depth_um > depth.clinician_above_um:
            yield unmet("clinician_only", credential.event_id, depth_um=case.depth_um)
        if depth.esthetician_cap:
            limits.append(depth.esthetician_cap_um)
    if case.depth_um > min(limits):
        yield unmet("too_deep", credential.event_id, depth_um=case.depth_um, limit_um=min(limits))


@asks("G11")
def depth_must_suit_the_areas(case: Case) -> Said:
    """Beyond an area's cap it warns; beyond what the handpiece may do it never goes."""
    if case.handpiece is not None and case.depth_um > case.handpiece.max_depth_um:
        limit = case.handpiece.max_depth_um
        return unmet("beyond_the_handpiece", case.handpiece.handpiece_id, depth_um=case.depth_um, limit_um=limit)
    clinician = case.credential is not None and case.credential.role is Role.CLINICIAN
    caps = case.rules_of.depth.areas
    for area in case.areas:
        cap = caps[area].clinician_cap_um if clinician else caps[area].cap_um
        if case.depth_um > cap:
            return warning(reason="beyond_the_area", area=area.value, depth_um=case.depth_um, limit_um=cap)
    return met(depth_um=case.depth_um)


def _clean(case: Case, done: Disinfection | None, uses: tuple[Use, ...]) -> Said:
    """One disinfection serves one start: nothing happened since, and it lasted as long as the label says."""
    if done is None:
        return unmet("no_record")
    if done.wet_seconds < done.label_seconds:
        return unmet("too_short", done.record_id, seconds=done.wet_seconds, label_seconds=done.label_seconds)
    later = [use for use in uses if use.treatment_id != case.treatment_id and (use.ended_at or use.started_at) >= done.occurred_at]
    if later:
        return unmet("used_since", done.record_id, *(use.treatment_id for use in later))
    return met(done.record_id)


@asks("G12")
def room_must_be_turned_over(case: Case) -> Said:
    return unmet("no_room") if case.room_id is None else _clean(case, case.turnover, case.room_uses)


@asks("G13")
def handpiece_must_be_reprocessed(case: Case) -> Said:
    """Fluid seen inside holds it, until a later reprocessing found it dry."""
    if case.handpiece_id is None:
        return unmet("no_handpiece")
    if case.handpiece is None:
        return unmet("unknown_handpiece", case.handpiece_id)
    if case.handpiece.modality is not case.modality:
        return unmet("other_modality", case.handpiece_id)
    done = case.reprocessing
    if case.handpiece_held_at is not None and (done is None or done.occurred_at <= case.handpiece_held_at):
        return unmet("held", case.handpiece_id)
    return _clean(case, done, case.handpiece_uses)


def _numbings(case: Case) -> Iterator[Numbing]:
    """Those of the day, and those that nobody removed."""
    for numbing in case.numbings:
        if numbing.removed_at is None or local_date(case.rules_of, numbing.applied_at) == case.today:
            yield numbing


@asks("G17")
def numbing_must_be_off(case: Case) -> Said:
    """Whatever went on came off, was not too strong, too long or covered."""
    rules, warnings = case.rules_of.numbing, 0
    for numbing in _numbings(case):
        if numbing.removed_at is None or numbing.removed_at > case.at:
            minutes = (case.at - numbing.applied_at) // timedelta(minutes=1)
            return unmet("not_removed", numbing.event_id, minutes=minutes, limit_minutes=rules.contact_limit_minutes)
        contact = numbing.removed_at - numbing.applied_at
        minutes = contact // timedelta(minutes=1)
        if contact > timedelta(minutes=rules.contact_limit_minutes):
            return unmet("too_long", numbing.event_id, minutes=minutes, limit_minutes=rules.contact_limit_minutes)
        if numbing.lidocaine_permille > rules.strength_permille and not numbing.prescriber_order:
            strength, limit = numbing.lidocaine_permille, rules.strength_permille
            return unmet("too_strong", numbing.event_id, permille=strength, limit_permille=limit)
        if numbing.occluded and not rules.occlusion_allowed:
            return unmet("covered", numbing.event_id)
        usual = timedelta(minutes=rules.contact_from_minutes) <= contact <= timedelta(minutes=rules.contact_to_minutes)
        warnings += not usual
    seen = tuple(numbing.event_id for numbing in _numbings(case))
    return warning(*seen, reason="unusual_contact_time", numbings=len(seen)) if warnings else met(*seen, numbings=len(seen))


@asks("G22")
def skin_must_be_cleansed(case: Case) -> Said:
    """After the client came, and after the last of the cream was removed."""
    if case.came_at is None:
        return unmet("not_arrived")
    after = case.came_at
    for numbing in _numbings(case):
        if numbing.removed_at is None:
            return unmet("numbing_still_on", numbing.event_id)
        after = max(after, numbing.removed_at)
    done = [cleansing for cleansing in case.cleansings if after <= cleansing.occurred_at <= case.at]
    if done:
        return met(done[-1].event_id)
    return unmet("cleansed_too_early" if case.cleansings else "not_cleansed", *(found.event_id for found in case.cleansings))


@asks("G18")
def photographs_must_be_taken(case: Case) -> Said:
    return met() if case.photos_taken else unmet("not_taken")


@asks("G19")
def emergency_kit_must_be_in_date(case: Case) -> Said:
    return met() if case.emergency_kit_in_date else unmet("not_checked")


@asks("G20")
def nothing_named_may_be_taken(case: Case) -> Said:
    """What is named is in no other open treatment, and no other booking's slot holds it now."""
    items = frozenset(case.cartridge_unit_ids) | {opening.pack_id for opening in case.opened_packs}
    for other in case.open_treatments:
        if other.treatment_id == case.treatment_id:
            continue
        taken = {
            "room": case.room_id == other.room_id,
            "handpiece": case.handpiece_id is not None and case.handpiece_id == other.handpiece_id,
            "item": bool(items & (frozenset(other.unit_ids) | frozenset(other.pack_ids))),
            "practitioner": case.practitioner_id == other.practitioner_id,
            "client": other.client_id in case.persons_client_ids,
        }
        if any(taken.values()):
            return unmet("in_another_treatment", other.treatment_id, what=".".join(name for name, is_so in taken.items() if is_so))
    for booking in case.reservations:
        if booking.booking_id == case.booking_id:
            continue
        reserved = {
            "room": case.room_id == booking.room_id,
            "handpiece": case.handpiece_id is not None and case.handpiece_id == booking.device_id,
        }
        if any(reserved.values()):
            return unmet("reserved_by_another_booking", booking.booking_id, what=".".join(n for n, is_so in reserved.items() if is_so))
    return met()
