"""A case that meets every rule of the gate, for tests to spoil."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from schemas.policy import Policy, policy_from_toml, screening_digest
from schemas.vocabulary import AgeBand, Area, Finding, Modality, Role, Verdict, VisitType
from services.treatment.rules import Case, Opening, ask_the_gate
from services.treatment.rules.records import (
    Arrival,
    BookedVisit,
    Cartridge,
    Cleansing,
    Consent,
    Credential,
    Disinfection,
    Handpiece,
    Numbing,
    Pack,
    Screening,
)

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
"""A Monday, 10:00 in Amsterdam."""

ROOT = UUID("00000000-0000-4000-8000-000000000000")
GTIN = "04012345678901"
OTHER_GTIN = "04012345678918"


def name(thing: str) -> UUID:
    """The id of a thing of the test."""
    return uuid5(ROOT, thing)


def minutes(count: int) -> timedelta:
    return timedelta(minutes=count)


def every_rule() -> Policy:
    """The default policy with what it leaves off switched on, and a short cooling-off."""
    return policy_from_toml(
        "[gate.rules.G08]\nenabled = true\n[gate.rules.G18]\nenabled = true\noverridable_by = ['clinician']\n"
        "[gate.rules.G19]\nenabled = true\noverridable_by = ['clinician']\n[consent]\ncooling_off_hours = 24\n"
    )


VISIT = BookedVisit(
    event_id=name("booking.confirmed"),
    booking_id=name("booking"),
    client_id=name("client"),
    practitioner_id=name("practitioner"),
    room_id=name("room"),
    device_id=name("handpiece"),
    starts_at=NOW - minutes(5),
    ends_at=NOW + minutes(55),
    visit_type=VisitType.TREATMENT,
    modality=Modality.MICRONEEDLING,
    areas=(Area.CHEEKS,),
    depth_um=1000,
    state="confirmed",
)
ARRIVAL = Arrival(
    event_id=name("arrival"),
    client_id=name("client"),
    identity_confirmed=True,
    age_band=AgeBand.FROM_22,
    contactable=True,
    arrived_at=NOW - minutes(50),
)
CONSENT = Consent(
    consent_id=name("consent"),
    form_id=name("form"),
    form_version=2,
    modality=Modality.MICRONEEDLING,
    areas=(Area.FULL_FACE,),
    max_depth_um=1500,
    explained_by=name("practitioner"),
    signed_at=NOW - timedelta(days=2),
    valid_until=NOW + timedelta(days=100),
    withdrawn_at=None,
    material_version=2,
)
CREDENTIAL = Credential(
    event_id=name("credential"),
    role=Role.PRACTITIONER,
    modalities=(Modality.MICRONEEDLING,),
    max_depth_um=1500,
    valid_until=NOW.date(),
)
HANDPIECE = Handpiece(handpiece_id=name("handpiece"), serial="SN-1", modality=Modality.MICRONEEDLING, fits_gtins=(GTIN,), max_depth_um=2500)
REPROCESSING = Disinfection(record_id=name("reprocessing"), wet_seconds=120, label_seconds=120, occurred_at=NOW - minutes(60))
TURNOVER = Disinfection(record_id=name("turnover"), wet_seconds=60, label_seconds=60, occurred_at=NOW - minutes(61))
CARTRIDGE = Cartridge(unit_id=name("unit"), lot_id=name("lot"), gtin=GTIN, expires_on=NOW.date(), wasted_at=None, used_in=(), held_by=())
PACK = Pack(
    pack_id=name("pack"),
    cycle_id=name("cycle"),
    sterile_until=NOW.date(),
    used_in=(),
    held_by=(),
    cycle_held_by=(),
    sterilizer_id=name("sterilizer"),
    sterilizer_known=True,
    sterilizer_removed_at=None,
    cycle_ended_at=NOW - timedelta(days=1),
    released_as="bi_pending",
)
OPENING = Opening(pack_id=name("pack"), indicator_changed=True, intact=True)
NUMBING = Numbing(
    event_id=name("numbing"),
    lidocaine_permille=40,
    occluded=False,
    prescriber_order=False,
    applied_at=NOW - minutes(45),
    removed_at=NOW - minutes(10),
)
CLEANSING = Cleansing(event_id=name("cleansing"), occurred_at=NOW - minutes(5))


def screening(policy: Policy, **changes: Any) -> Screening:
    answered = Screening(
        screening_id=name("screening"),
        answered_at=NOW - timedelta(hours=1),
        policy_digest=screening_digest(policy),
        restrictions=(),
        ledger_index=10,
        merged_index=None,
    )
    return answered.model_copy(update=changes)


def met_case(policy: Policy | None = None, **changes: Any) -> Case:
    """Everything in order, under a policy that asks every rule; `changes` spoil it."""
    rules = policy or every_rule()
    case = Case(
        policy=rules,
        version=3,
        clock_trusted=True,
        at=NOW,
        until=NOW,
        booking_id=name("booking"),
        practitioner_id=name("practitioner"),
        room_id=name("room"),
        handpiece_id=name("handpiece"),
        cartridge_unit_ids=(name("unit"),),
        opened_packs=(OPENING,),
        areas=(Area.CHEEKS,),
        depth_um=1000,
        modality=Modality.MICRONEEDLING,
        photos_taken=True,
        emergency_kit_in_date=True,
        persons_client_ids=(name("client"),),
        visit=VISIT,
        arrivals=(ARRIVAL,),
        screenings=(screening(rules),),
        full_answered_at=NOW - timedelta(days=30),
        consents=(CONSENT,),
        credential=CREDENTIAL,
        handpiece=HANDPIECE,
        reprocessing=REPROCESSING,
        turnover=TURNOVER,
        cartridges=(CARTRIDGE,),
        packs=(PACK,),
        numbings=(NUMBING,),
        cleansings=(CLEANSING,),
    )
    return case.model_copy(update=changes)


def findings_of(case: Case) -> dict[str, Finding]:
    return {finding.rule: finding for finding in ask_the_gate(case)}


def unmet_rules(case: Case) -> set[str]:
    return {finding.rule for finding in ask_the_gate(case) if finding.verdict is Verdict.UNMET}


def reason(case: Case, rule: str) -> object:
    """Why the rule says what it says."""
    return findings_of(case)[rule].parameters.get("reason")
