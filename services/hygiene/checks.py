"""How hygiene's decisions are asked again, and which private rows its events are bound to.

A delivery that was scanned is asked again with a code made from what it said. Left out by name, of refusals: whether the
claimed time lay ahead, and whatever else rests on a report that was refused and therefore kept nowhere.
"""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from events.catalog.hygiene import (
    CartridgeWasted,
    CycleRecorded,
    HandpieceCommissioned,
    HandpieceReprocessed,
    HygieneRefused,
    IndicatorRead,
    LoadReleased,
    LotQuarantined,
    LotReceived,
    PackQuarantined,
    RecallDecided,
    RecallOpened,
    RoomTurnedOver,
    SterilizerCommissioned,
    SterilizerRemoved,
    SterilizerReturned,
    UnitsLabeled,
)
from events.checking.replays import Asked, Past, Private, Replays
from schemas.hygiene import (
    CycleReport,
    HandpieceReport,
    IndicatorReport,
    JointDecision,
    LabelOrder,
    LotQuarantine,
    LotReport,
    ManualLabel,
    PackRejection,
    RecallDecisionReport,
    Release,
    Removal,
    ReprocessingReport,
    Return,
    Said,
    SterilizerReport,
    TurnoverReport,
    TurnoverStep,
    Waste,
)
from services.hygiene import commands

replays = Replays("hygiene")
replays.keeps(Private(CycleRecorded, "hygiene.cycle_samples", {"cycle_id": "cycle_id"}, "report", digest="samples_digest"))

SOMEBODY = UUID(int=0)
"""Who compared a typed label: somebody else than the sender, or it would have been refused."""


@replays(SterilizerCommissioned)
async def of_a_sterilizer(past: Past) -> Sequence[Asked]:
    said: SterilizerCommissioned = past.event
    report = SterilizerReport(**said.model_dump(exclude={"sterilizer_id"}))
    return [Asked(commands.commission_sterilizer, Said[SterilizerReport](subject_id=said.sterilizer_id, report=report))]


@replays(SterilizerRemoved)
async def of_a_removal(past: Past) -> Sequence[Asked]:
    said: SterilizerRemoved = past.event
    report = Removal(**said.model_dump(include={"reason", "occurred_at", "device"}))
    return [Asked(commands.remove_sterilizer, Said[Removal](subject_id=said.sterilizer_id, report=report))]


@replays(SterilizerReturned)
async def of_a_return(past: Past) -> Sequence[Asked]:
    said: SterilizerReturned = past.event
    report = Return(**said.model_dump(include={"occurred_at", "device"}))
    return [Asked(commands.return_sterilizer, Said[Return](subject_id=said.sterilizer_id, report=report))]


@replays(CycleRecorded)
async def of_a_cycle(past: Past) -> Sequence[Asked] | None:
    """Every reading of the chamber is judged again."""
    said: CycleRecorded = past.event
    kept = await past.kept("hygiene.cycle_samples", cycle_id=said.cycle_id)
    if kept is None:
        return None
    report = CycleReport.model_validate_json(bytes(kept["report"])).model_copy(update={"device": said.device})
    return [Asked(commands.record_cycle, Said[CycleReport](subject_id=said.cycle_id, report=report), salt=bytes(kept["salt"]))]


@replays(LoadReleased)
async def of_a_release(past: Past) -> Sequence[Asked]:
    said: LoadReleased = past.event
    report = Release(occurred_at=said.occurred_at, device=said.device)
    return [Asked(commands.release_load, Said[Release](subject_id=said.cycle_id, report=report))]


@replays(IndicatorRead)
async def of_a_reading(past: Past) -> Sequence[Asked]:
    said: IndicatorRead = past.event
    report = IndicatorReport(
        cycle_id=said.cycle_id,
        product=said.product or "unknown",
        lot=said.indicator_lot,
        control_lot=said.indicator_lot,
        incubation_started_at=said.occurred_at - timedelta(seconds=said.incubated_seconds),
        grew=said.result == "positive",
        control_grew=said.control_grew,
        occurred_at=said.occurred_at,
        device=said.device,
    )
    return [Asked(commands.read_indicator, Said[IndicatorReport](subject_id=said.indicator_id, report=report))]


@replays(PackQuarantined)
async def of_a_rejected_pack(past: Past) -> Sequence[Asked]:
    said: PackQuarantined = past.event
    report = PackRejection.model_validate({"reason": said.reason, "occurred_at": past.answer.recorded_at})
    return [Asked(commands.reject_pack, Said[PackRejection](subject_id=said.pack_ids[0], report=report))]


@replays(LotReceived)
async def of_a_delivery(past: Past) -> Sequence[Asked]:
    said: LotReceived = past.event
    serial = "" if said.serial is None else f"\x1d21{said.serial}"
    code = f"]d201{said.gtin}17{said.expires_on:%y%m%d}10{said.lot}{serial}"
    typed = ManualLabel(gtin=said.gtin, lot=said.lot, expires_on=said.expires_on, serial=said.serial, checked_by=SOMEBODY)
    label = {"scan": code, "printed_lot": said.lot} if said.source == "scan" else {"manual": typed}
    report = LotReport.model_validate({**label, "quantity": said.quantity, "occurred_at": said.occurred_at, "device": said.device})
    return [Asked(commands.receive_lot, Said[LotReport](subject_id=said.lot_id, report=report))]


@replays(UnitsLabeled)
async def of_labels(past: Past) -> Sequence[Asked]:
    said: UnitsLabeled = past.event
    report = LabelOrder.model_validate({"units": len(said.unit_ids), "occurred_at": said.occurred_at, "device": said.device})
    return [Asked(commands.label_units, Said[LabelOrder](subject_id=said.lot_id, report=report))]


@replays(LotQuarantined)
async def of_a_quarantine(past: Past) -> Sequence[Asked]:
    said: LotQuarantined = past.event
    report = LotQuarantine(**said.model_dump(include={"reason", "occurred_at", "device"}))
    return [Asked(commands.quarantine_lot, Said[LotQuarantine](subject_id=said.lot_id, report=report))]


@replays(CartridgeWasted)
async def of_waste(past: Past) -> Sequence[Asked]:
    said: CartridgeWasted = past.event
    report = Waste(**said.model_dump(include={"reason", "occurred_at", "device"}))
    return [Asked(commands.waste_cartridge, Said[Waste](subject_id=said.unit_id, report=report))]


@replays(HandpieceCommissioned)
async def of_a_handpiece(past: Past) -> Sequence[Asked]:
    said: HandpieceCommissioned = past.event
    report = HandpieceReport(**said.model_dump(exclude={"handpiece_id"}))
    return [Asked(commands.commission_handpiece, Said[HandpieceReport](subject_id=said.handpiece_id, report=report))]


@replays(HandpieceReprocessed)
async def of_a_reprocessing(past: Past) -> Sequence[Asked]:
    said: HandpieceReprocessed = past.event
    report = ReprocessingReport(**said.model_dump(exclude={"reprocessing_id"}))
    return [Asked(commands.reprocess_handpiece, Said[ReprocessingReport](subject_id=said.reprocessing_id, report=report))]


@replays(RoomTurnedOver)
async def of_a_turnover(past: Past) -> Sequence[Asked]:
    said: RoomTurnedOver = past.event
    report = TurnoverReport(steps=tuple(TurnoverStep), **said.model_dump(exclude={"turnover_id"}))
    return [Asked(commands.turn_over_room, Said[TurnoverReport](subject_id=said.turnover_id, report=report))]


@replays(RecallDecided)
async def of_a_decided_recall(past: Past) -> Sequence[Asked]:
    """By the roles of that moment: hygiene's own copy of them follows the ledger, here too."""
    said: RecallDecided = past.event
    report = RecallDecisionReport.model_validate(said.model_dump(exclude={"recall_id", "evidence", "second_showed"}))
    if said.second_showed is None:
        return [Asked(commands.decide_recall_unshown, Said[RecallDecisionReport](subject_id=said.recall_id, report=report))]
    joint = JointDecision(subject_id=said.recall_id, report=report, second_showed=said.second_showed)
    return [Asked(commands.decide_recall, joint)]


CLAIMED = frozenset({"occurred_at_may_not_lie_ahead"})
OF_THE_WIPING = CLAIMED | {"contact_time_must_reach_the_label", "handpiece_must_be_dry_inside", "every_step_must_be_done"}


@replays(HygieneRefused, refusing=("release_load", "remove_sterilizer", "return_sterilizer", "waste_cartridge"))
async def of_a_refused_report(past: Past) -> Sequence[Asked]:
    """Everything but the claimed time follows from the ledger."""
    subject, at = past.event.subject_id, past.answer.recorded_at
    match past.event.command:
        case "release_load":
            return [Asked(commands.release_load, Said[Release](subject_id=subject, report=Release(occurred_at=at)), CLAIMED)]
        case "remove_sterilizer":
            removal = Removal(reason="unknown", occurred_at=at)
            return [Asked(commands.remove_sterilizer, Said[Removal](subject_id=subject, report=removal), CLAIMED)]
        case "return_sterilizer":
            return [Asked(commands.return_sterilizer, Said[Return](subject_id=subject, report=Return(occurred_at=at)), CLAIMED)]
        case _:
            waste = Waste(reason="unknown", occurred_at=at)
            return [Asked(commands.waste_cartridge, Said[Waste](subject_id=subject, report=waste), CLAIMED)]


@replays(HygieneRefused, refusing=("reject_pack", "label_units", "quarantine_lot"))
async def of_a_refused_hold(past: Past) -> Sequence[Asked]:
    subject, at = past.event.subject_id, past.answer.recorded_at
    match past.event.command:
        case "reject_pack":
            rejection = PackRejection(reason="wet", occurred_at=at)
            return [Asked(commands.reject_pack, Said[PackRejection](subject_id=subject, report=rejection), CLAIMED)]
        case "label_units":
            order = LabelOrder(units=1, occurred_at=at)
            without = CLAIMED | {"units_must_fit_the_lot"}
            return [Asked(commands.label_units, Said[LabelOrder](subject_id=subject, report=order), without)]
        case _:
            quarantine = LotQuarantine(reason="unknown", occurred_at=at)
            return [Asked(commands.quarantine_lot, Said[LotQuarantine](subject_id=subject, report=quarantine), CLAIMED)]


@replays(HygieneRefused, refusing=("reprocess_handpiece",))
async def of_fluid_inside(past: Past) -> Sequence[Asked] | None:
    """A refusal that opened a recall: whom it lists follows from the ledger."""
    recall = past.said(RecallOpened)
    if recall is None:
        return []
    report = ReprocessingReport(
        handpiece_id=recall.subject_id, product="unknown", wet_seconds=0, ingress_seen=True, occurred_at=past.answer.recorded_at
    )
    return [Asked(commands.reprocess_handpiece, Said[ReprocessingReport](subject_id=past.event.subject_id, report=report), OF_THE_WIPING)]


replays.of_job(RecallDecided, "confirm_undecided_recalls", "recall_id")
