"""Facts turned bad one at a time, and the rules that must notice, each for its reason."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from schemas.vocabulary import AgeBand, Area, AreaDepth, Modality, Restriction, RestrictionClass, Role
from services.treatment.rules.records import Clearance, Hold, OpenTreatment, Reservation, Session, Use
from tests.rules.gate_cases import (
    ARRIVAL,
    CARTRIDGE,
    CLEANSING,
    CONSENT,
    CREDENTIAL,
    HANDPIECE,
    NOW,
    NUMBING,
    OPENING,
    OTHER_GTIN,
    PACK,
    REPROCESSING,
    TURNOVER,
    VISIT,
    every_rule,
    minutes,
    name,
    screening,
)

DAY = timedelta(days=1)
POLICY = every_rule()


def put(record: Any, **changes: Any) -> Any:
    return record.model_copy(update=changes)


def restricted(kind: RestrictionClass, **more: Any) -> dict[str, Any]:
    restriction = Restriction(restriction_id=name("restriction"), restriction_class=kind, **more)
    return {"screenings": (screening(POLICY, restrictions=(restriction,)),)}


def session(days_ago: int, um: int = 1000, area: Area = Area.CHEEKS, **more: Any) -> Session:
    values = {"treatment_id": name("earlier"), "started_at": NOW - days_ago * DAY, "modality": Modality.MICRONEEDLING}
    return Session.model_validate(values | {"needle_contact": True, "depths": (AreaDepth(area=area, depth_um=um),)} | more)


RUNNING = OpenTreatment(
    treatment_id=name("other treatment"),
    practitioner_id=name("somebody"),
    client_id=name("other client"),
    room_id=name("other room"),
    handpiece_id=name("other handpiece"),
    unit_ids=(),
    pack_ids=(),
)
USE = Use(treatment_id=name("other treatment"), started_at=NOW - minutes(50), ended_at=NOW - minutes(30))
BOOKED = Reservation(booking_id=name("other booking"), room_id=name("other room"), device_id=None)
ARRIVAL_RULES = {"identity_must_be_confirmed", "age_must_be_allowed", "client_must_be_contactable", "skin_must_be_cleansed"}

SPOILED: Mapping[str, tuple[dict[str, Any], Mapping[str, str]]] = {
    "clocks differ": ({"clock_trusted": False}, {"clock_must_be_trusted": "clock_untrusted"}),
    "booking canceled": ({"visit": put(VISIT, state="canceled")}, {"booking_must_hold_its_slot": "canceled"}),
    "booking conflicted": ({"visit": put(VISIT, state="conflicted")}, {"booking_must_hold_its_slot": "conflicted"}),
    "booking treated on paper": ({"treated_in": (name("past"),)}, {"booking_must_hold_its_slot": "treated_already"}),
    "31 minutes early": (
        {"visit": put(VISIT, starts_at=NOW + minutes(31), ends_at=NOW + minutes(91))},
        {"start_must_fall_into_the_slot": "too_early"},
    ),
    "slot over": ({"visit": put(VISIT, ends_at=NOW)}, {"start_must_fall_into_the_slot": "too_late"}),
    "not arrived": ({"arrivals": ()}, dict.fromkeys(ARRIVAL_RULES, "not_arrived")),
    "arrived yesterday": ({"arrivals": (put(ARRIVAL, arrived_at=NOW - DAY),)}, dict.fromkeys(ARRIVAL_RULES, "not_arrived")),
    "somebody else arrived": ({"arrivals": (put(ARRIVAL, client_id=name("twin")),)}, {"identity_must_be_confirmed": "other_client"}),
    "identity not compared": (
        {"arrivals": (put(ARRIVAL, identity_confirmed=False),)},
        {"identity_must_be_confirmed": "not_confirmed"},
    ),
    "aged 20": ({"arrivals": (put(ARRIVAL, age_band=AgeBand.FROM_18_TO_21),)}, {"age_must_be_allowed": "outside_cleared_age"}),
    "no contact": ({"arrivals": (put(ARRIVAL, contactable=False),)}, {"client_must_be_contactable": "not_contactable"}),
    "never screened": (
        {"screenings": (), "full_answered_at": None},
        dict.fromkeys(("screening_must_be_fresh", "nothing_may_contraindicate", "clearances_must_be_valid"), "not_answered"),
    ),
    "only volatile questions": ({"full_answered_at": None}, {"screening_must_be_fresh": "not_answered"}),
    "answered 25 h ago": (
        {"screenings": (screening(POLICY, answered_at=NOW - timedelta(hours=25)),)},
        {"screening_must_be_fresh": "answers_too_old"},
    ),
    "questionnaire of 181 days": ({"full_answered_at": NOW - 181 * DAY}, {"screening_must_be_fresh": "full_questionnaire_too_old"}),
    "judged by another policy": (
        {"screenings": (screening(POLICY, policy_digest="0" * 64),)},
        {"screening_must_be_fresh": "judged_under_another_policy"},
    ),
    "blocked": (restricted(RestrictionClass.BLOCK), {"nothing_may_contraindicate": "restricted"}),
    "wait until tomorrow": (
        restricted(RestrictionClass.TIMED, until=NOW.date() + DAY, areas=(Area.CHEEKS,)),
        {"nothing_may_contraindicate": "restricted"},
    ),
    "clearance missing": (restricted(RestrictionClass.CLEARANCE), {"clearances_must_be_valid": "not_cleared"}),
    "clearance run out": (
        restricted(RestrictionClass.CLEARANCE)
        | {
            "clearances": (
                Clearance(
                    clearance_id=name("clearance"),
                    restriction_ids=(name("restriction"),),
                    valid_until=NOW,
                    granted_by=name("clinician"),
                    granted_at=NOW - DAY,
                ),
            )
        },
        {"clearances_must_be_valid": "not_cleared"},
    ),
    "no consent": (
        {"consents": ()},
        {"consent_must_cover_areas_and_depth": "not_signed", "cooling_off_must_be_over": "not_signed"},
    ),
    "consent withdrawn": (
        {"consents": (put(CONSENT, withdrawn_at=NOW),)},
        {"consent_must_cover_areas_and_depth": "withdrawn", "cooling_off_must_be_over": "not_signed"},
    ),
    "consent outlived": (
        {"consents": (put(CONSENT, valid_until=NOW),)},
        {"consent_must_cover_areas_and_depth": "expired", "cooling_off_must_be_over": "not_signed"},
    ),
    "form changed": (
        {"consents": (put(CONSENT, material_version=3),)},
        {"consent_must_cover_areas_and_depth": "superseded", "cooling_off_must_be_over": "not_signed"},
    ),
    "consent for radio frequency": (
        {"consents": (put(CONSENT, modality=Modality.RF_MICRONEEDLING),)},
        {"consent_must_cover_areas_and_depth": "other_modality", "cooling_off_must_be_over": "not_signed"},
    ),
    "consent for the neck": (
        {"consents": (put(CONSENT, areas=(Area.NECK,)),)},
        {"consent_must_cover_areas_and_depth": "areas_not_consented", "cooling_off_must_be_over": "not_signed"},
    ),
    "consent to 0.5 mm": (
        {"consents": (put(CONSENT, max_depth_um=500),)},
        {"consent_must_cover_areas_and_depth": "too_deep", "cooling_off_must_be_over": "not_signed"},
    ),
    "signed 23 h ago": (
        {"consents": (put(CONSENT, signed_at=NOW - timedelta(hours=23)),)},
        {"cooling_off_must_be_over": "cooling_off"},
    ),
    "treated 27 days ago": ({"sessions": (session(27),)}, {"spacing_must_have_passed": "too_soon"}),
    "safety hold": (
        {"holds": (Hold(hold_id=name("hold"), placed_at=NOW - DAY, lifted_at=None),)},
        {"no_safety_hold_may_stand": "held"},
    ),
    "no credential": ({"credential": None}, {"practitioner_must_be_credentialed": "no_credential"}),
    "credential of yesterday": (
        {"credential": put(CREDENTIAL, valid_until=NOW.date() - DAY)},
        {"practitioner_must_be_credentialed": "expired"},
    ),
    "technician's credential": (
        {"credential": put(CREDENTIAL, role=Role.TECHNICIAN)},
        {"practitioner_must_be_credentialed": "no_credential"},
    ),
    "credential for radio frequency": (
        {"credential": put(CREDENTIAL, modalities=(Modality.RF_MICRONEEDLING,))},
        {"practitioner_must_be_credentialed": "other_modality"},
    ),
    "credential to 0.9 mm": ({"credential": put(CREDENTIAL, max_depth_um=900)}, {"practitioner_must_be_credentialed": "too_deep"}),
    "handpiece to 0.9 mm": ({"handpiece": put(HANDPIECE, max_depth_um=900)}, {"depth_must_suit_the_areas": "beyond_the_handpiece"}),
    "room not turned over": ({"turnover": None}, {"room_must_be_turned_over": "no_record"}),
    "turnover cut short": ({"turnover": put(TURNOVER, wet_seconds=59)}, {"room_must_be_turned_over": "too_short"}),
    "room used since": ({"room_uses": (USE,)}, {"room_must_be_turned_over": "used_since"}),
    "handpiece unknown": (
        {"handpiece": None},
        {"handpiece_must_be_reprocessed": "unknown_handpiece", "cartridges_must_be_sterile_and_unused": "does_not_fit"},
    ),
    "handpiece not named": ({"handpiece_id": None}, {"handpiece_must_be_reprocessed": "no_handpiece"}),
    "handpiece for radio frequency": (
        {"handpiece": put(HANDPIECE, modality=Modality.RF_MICRONEEDLING)},
        {"handpiece_must_be_reprocessed": "other_modality"},
    ),
    "fluid inside the handpiece": ({"handpiece_held_at": NOW - minutes(59)}, {"handpiece_must_be_reprocessed": "held"}),
    "handpiece not reprocessed": ({"reprocessing": None}, {"handpiece_must_be_reprocessed": "no_record"}),
    "wet for 40 s of 120": ({"reprocessing": put(REPROCESSING, wet_seconds=40)}, {"handpiece_must_be_reprocessed": "too_short"}),
    "handpiece used since": ({"handpiece_uses": (USE,)}, {"handpiece_must_be_reprocessed": "used_since"}),
    "cartridge not scanned": (
        {"cartridge_unit_ids": (), "cartridges": ()},
        {"cartridges_must_be_sterile_and_unused": "not_scanned"},
    ),
    "cartridge unknown": ({"cartridges": ()}, {"cartridges_must_be_sterile_and_unused": "unknown_cartridge"}),
    "lot unknown": (
        {"cartridges": (put(CARTRIDGE, gtin=None, expires_on=None),)},
        {"cartridges_must_be_sterile_and_unused": "unknown_lot"},
    ),
    "lot recalled": ({"cartridges": (put(CARTRIDGE, held_by=(name("recall"),)),)}, {"cartridges_must_be_sterile_and_unused": "held"}),
    "cartridge of yesterday": (
        {"cartridges": (put(CARTRIDGE, expires_on=NOW.date() - DAY),)},
        {"cartridges_must_be_sterile_and_unused": "expired"},
    ),
    "cartridge dropped": (
        {"cartridges": (put(CARTRIDGE, wasted_at=NOW - minutes(1)),)},
        {"cartridges_must_be_sterile_and_unused": "wasted"},
    ),
    "cartridge used": (
        {"cartridges": (put(CARTRIDGE, used_in=(name("other treatment"),)),)},
        {"cartridges_must_be_sterile_and_unused": "used_already"},
    ),
    "cartridge of another pen": (
        {"cartridges": (put(CARTRIDGE, gtin=OTHER_GTIN),)},
        {"cartridges_must_be_sterile_and_unused": "does_not_fit"},
    ),
    "pack unknown": ({"packs": ()}, {"packs_must_be_sterile_and_unused": "unknown_pack"}),
    "load not released": ({"packs": (put(PACK, released_as=None),)}, {"packs_must_be_sterile_and_unused": "not_released"}),
    "pack in quarantine": ({"packs": (put(PACK, held_by=(name("cause"),)),)}, {"packs_must_be_sterile_and_unused": "held"}),
    "pack of yesterday": (
        {"packs": (put(PACK, sterile_until=NOW.date() - DAY),)},
        {"packs_must_be_sterile_and_unused": "expired"},
    ),
    "pack used": (
        {"packs": (put(PACK, used_in=(name("other treatment"),)),)},
        {"packs_must_be_sterile_and_unused": "used_already"},
    ),
    "indicator unchanged": (
        {"opened_packs": (put(OPENING, indicator_changed=False),)},
        {"packs_must_be_sterile_and_unused": "indicator_unchanged"},
    ),
    "pack wet": ({"opened_packs": (put(OPENING, intact=False),)}, {"packs_must_be_sterile_and_unused": "not_intact"}),
    "cycle recalled": (
        {"packs": (put(PACK, cycle_held_by=(name("recall"),)),)},
        {"sterilizers_must_not_be_in_doubt": "recalled"},
    ),
    "sterilizer unknown": (
        {"packs": (put(PACK, sterilizer_known=False),)},
        {"sterilizers_must_not_be_in_doubt": "unknown_sterilizer"},
    ),
    "cycle run out of service": (
        {"packs": (put(PACK, sterilizer_removed_at=NOW - 2 * DAY),)},
        {"sterilizers_must_not_be_in_doubt": "out_of_service"},
    ),
    "cream on for 75 minutes": (
        {"numbings": (put(NUMBING, applied_at=NOW - minutes(75), removed_at=None),)},
        {"numbing_must_be_off": "not_removed", "skin_must_be_cleansed": "numbing_still_on"},
    ),
    "cream was on for 61 minutes": (
        {"numbings": (put(NUMBING, applied_at=NOW - minutes(71)),)},
        {"numbing_must_be_off": "too_long"},
    ),
    "compounded cream": ({"numbings": (put(NUMBING, lidocaine_permille=230),)}, {"numbing_must_be_off": "too_strong"}),
    "cream under wrap": ({"numbings": (put(NUMBING, occluded=True),)}, {"numbing_must_be_off": "covered"}),
    "not cleansed": ({"cleansings": ()}, {"skin_must_be_cleansed": "not_cleansed"}),
    "cleansed before the cream came off": (
        {"cleansings": (put(CLEANSING, occurred_at=NOW - minutes(11)),)},
        {"skin_must_be_cleansed": "cleansed_too_early"},
    ),
    "cleansed before arrival": (
        {"numbings": (), "cleansings": (put(CLEANSING, occurred_at=NOW - minutes(51)),)},
        {"skin_must_be_cleansed": "cleansed_too_early"},
    ),
    "no photographs": ({"photos_taken": False}, {"photographs_must_be_taken": "not_taken"}),
    "kit not checked": ({"emergency_kit_in_date": False}, {"emergency_kit_must_be_in_date": "not_checked"}),
    "room in another treatment": (
        {"open_treatments": (put(RUNNING, room_id=name("room")),)},
        {"nothing_named_may_be_taken": "in_another_treatment"},
    ),
    "handpiece in another treatment": (
        {"open_treatments": (put(RUNNING, handpiece_id=name("handpiece")),)},
        {"nothing_named_may_be_taken": "in_another_treatment"},
    ),
    "cartridge in another treatment": (
        {"open_treatments": (put(RUNNING, unit_ids=(name("unit"),)),)},
        {"nothing_named_may_be_taken": "in_another_treatment"},
    ),
    "practitioner in another treatment": (
        {"open_treatments": (put(RUNNING, practitioner_id=name("practitioner")),)},
        {"nothing_named_may_be_taken": "in_another_treatment"},
    ),
    "room reserved now": (
        {"reservations": (put(BOOKED, room_id=name("room")),)},
        {"nothing_named_may_be_taken": "reserved_by_another_booking"},
    ),
    "handpiece reserved now": (
        {"reservations": (put(BOOKED, device_id=name("handpiece")),)},
        {"nothing_named_may_be_taken": "reserved_by_another_booking"},
    ),
}
