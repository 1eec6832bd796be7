"""How the gate's decisions are asked again. What a person saw at the chair stands in no ledger: it is taken from the finding.

Left out by name, where it was refused: the rules about skin, for a start may have named other areas or depths than the
booking and the refusal does not say which; and of other refusals whatever rests on the request that was refused.
"""

from collections.abc import Sequence
from uuid import UUID

from events.catalog.treatment import (
    CartridgeAdded,
    NumbingApplied,
    NumbingRemoved,
    RuleOverridden,
    SkinCleansed,
    TreatmentEnded,
    TreatmentEndMissing,
    TreatmentPaused,
    TreatmentRecordedLate,
    TreatmentRefused,
    TreatmentRequestRefused,
    TreatmentResumed,
    TreatmentStarted,
)
from events.checking.replays import Asked, Past, Replays
from schemas.treatment import (
    AddedCartridge,
    Cleansing,
    CleansingNote,
    End,
    EndNote,
    Numbing,
    NumbingNote,
    NumbingRemoval,
    OpenedPack,
    Override,
    OverrideNote,
    PastNote,
    PastTreatmentRecord,
    Pause,
    PauseNote,
    RemovalNote,
    ResumeNote,
    Resumption,
    StartRequest,
)
from schemas.vocabulary import Finding, Verdict
from services.treatment import commands

replays = Replays("treatment")

NOBODY = UUID(int=0)

SKIN = frozenset(
    {
        "nothing_may_contraindicate",
        "clearances_must_be_valid",
        "consent_must_cover_areas_and_depth",
        "cooling_off_must_be_over",
        "spacing_must_have_passed",
        "practitioner_must_be_credentialed",
        "depth_must_suit_the_areas",
        "handpiece_must_be_reprocessed",
        "numbing_must_be_off",
    }
)
"""Rules that look at areas and depth, or at overrides that hold for what was booked only."""


def _met(findings: Sequence[Finding], rule: str) -> bool:
    """What somebody at the chair, or the clocks, said: nothing but the finding tells."""
    return all(finding.verdict is not Verdict.UNMET for finding in findings if finding.rule == rule)


def _packs(findings: Sequence[Finding], pack_ids: Sequence[UUID]) -> tuple[OpenedPack, ...]:
    """Changed, dry and whole, but for the pack of which the finding says otherwise."""
    bad = {finding.parameters.get("reason"): finding.evidence for finding in findings if finding.rule == "packs_must_be_sterile_and_unused"}
    return tuple(
        OpenedPack(
            pack_id=pack_id,
            indicator_changed=pack_id not in bad.get("indicator_unchanged", ()),
            intact=pack_id not in bad.get("not_intact", ()),
        )
        for pack_id in pack_ids
    )


@replays(TreatmentStarted)
async def of_a_start(past: Past) -> Sequence[Asked]:
    said: TreatmentStarted = past.event
    return [_start(said, areas=said.planned_areas, depth_um=said.planned_depth_um)]


@replays(TreatmentRefused)
async def of_a_refused_start(past: Past) -> Sequence[Asked]:
    return [_start(past.event), _start(past.event, without=SKIN)]


def _start(said: TreatmentStarted | TreatmentRefused, without: frozenset[str] = frozenset(), **skin: object) -> Asked:
    used, findings = said.equipment, said.findings
    request = StartRequest.model_validate(
        {
            "booking_id": said.booking_id,
            "room_id": used.room_id,
            "handpiece_id": used.handpiece_id,
            "cartridge_unit_ids": used.cartridge_unit_ids,
            "packs": _packs(findings, used.pack_ids),
            "photos_taken": _met(findings, "photographs_must_be_taken"),
            "emergency_kit_in_date": _met(findings, "emergency_kit_must_be_in_date"),
            **skin,
        }
    )
    return Asked(commands.start_treatment, request, without, clock_was_trusted=_met(findings, "clock_must_be_trusted"))


@replays(TreatmentRecordedLate)
async def of_a_late_record(past: Past) -> Sequence[Asked]:
    said: TreatmentRecordedLate = past.event
    names = {"booking_id", "client_id", "practitioner_id", "needle_contact", "modality", "depths", "started_at", "ended_at", "reason"}
    used = said.equipment
    note = PastNote(
        room_id=used.room_id,
        handpiece_id=used.handpiece_id,
        cartridge_unit_ids=used.cartridge_unit_ids,
        packs=_packs(said.findings, used.pack_ids),
        **said.model_dump(include=names),
    )
    trusted = _met(said.findings, "clock_must_be_trusted")
    request = PastTreatmentRecord(treatment_id=said.treatment_id, note=note)
    return [Asked(commands.record_past_treatment, request, clock_was_trusted=trusted)]


@replays(SkinCleansed)
async def of_a_cleansing(past: Past) -> Sequence[Asked]:
    said: SkinCleansed = past.event
    note = CleansingNote(product=said.product, occurred_at=said.occurred_at)
    return [Asked(commands.cleanse_skin, Cleansing(booking_id=said.booking_id, cleansing_id=NOBODY, note=note))]


@replays(NumbingApplied)
async def of_numbing(past: Past) -> Sequence[Asked]:
    said: NumbingApplied = past.event
    note = NumbingNote(**said.model_dump(exclude={"numbing_id", "booking_id", "client_id"}))
    return [Asked(commands.apply_numbing, Numbing(booking_id=said.booking_id, numbing_id=said.numbing_id, note=note))]


@replays(NumbingRemoved)
async def of_a_removal(past: Past) -> Sequence[Asked]:
    said: NumbingRemoved = past.event
    note = RemovalNote(occurred_at=said.occurred_at)
    return [Asked(commands.remove_numbing, NumbingRemoval(booking_id=said.booking_id, numbing_id=said.numbing_id, note=note))]


@replays(TreatmentPaused)
async def of_a_pause(past: Past) -> Sequence[Asked]:
    said: TreatmentPaused = past.event
    note = PauseNote(reason=said.reason, occurred_at=said.occurred_at)
    return [Asked(commands.pause_treatment, Pause(treatment_id=said.treatment_id, note=note))]


@replays(TreatmentResumed)
async def of_a_resumption(past: Past) -> Sequence[Asked]:
    said: TreatmentResumed = past.event
    return [Asked(commands.resume_treatment, Resumption(treatment_id=said.treatment_id, note=ResumeNote(occurred_at=said.occurred_at)))]


@replays(CartridgeAdded)
async def of_a_cartridge(past: Past) -> Sequence[Asked]:
    said: CartridgeAdded = past.event
    return [Asked(commands.add_cartridge, AddedCartridge(treatment_id=said.treatment_id, unit_id=said.unit_id))]


@replays(TreatmentEnded)
async def of_an_end(past: Past) -> Sequence[Asked]:
    said: TreatmentEnded = past.event
    note = EndNote(**said.model_dump(include=set(EndNote.model_fields)))
    return [Asked(commands.end_treatment, End(treatment_id=said.treatment_id, note=note))]


@replays(RuleOverridden)
async def of_an_override(past: Past) -> Sequence[Asked]:
    said: RuleOverridden = past.event
    note = OverrideNote(**said.model_dump(include=set(OverrideNote.model_fields)))
    return [Asked(commands.override_rule, Override(override_id=said.override_id, note=note))]


CLAIMED = frozenset({"time_must_not_lie_ahead", "time_must_not_lie_before"})
UNDONE = frozenset({"skin_must_be_cleansed_again", "sharps_must_be_disposed_of", "aftercare_must_be_given"})


@replays(TreatmentRequestRefused, refusing=("pause_treatment", "resume_treatment"))
async def of_a_refused_pause(past: Past) -> Sequence[Asked]:
    subject = past.event.subject_id
    if past.event.command == "pause_treatment":
        return [Asked(commands.pause_treatment, Pause(treatment_id=subject, note=PauseNote(reason="unknown")), CLAIMED)]
    return [Asked(commands.resume_treatment, Resumption(treatment_id=subject, note=ResumeNote()), CLAIMED)]


@replays(TreatmentRequestRefused, refusing=("end_treatment",))
async def of_a_refused_end(past: Past) -> Sequence[Asked]:
    """What was left undone is what the practitioner said; what the needles reached does not matter to a refusal."""
    note = EndNote(needle_contact=False, skin_cleansed=True, sharps_disposed=True, aftercare_given=True)
    return [Asked(commands.end_treatment, End(treatment_id=past.event.subject_id, note=note), CLAIMED | UNDONE)]


replays.of_job(TreatmentEndMissing, "report_missing_ends", "treatment_id")
