"""Hygiene over HTTP: steam, supplies, surfaces, recalls."""

from typing import Annotated, TypeVar
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.exceptions import RequestValidationError

from schemas.hygiene import (
    CycleReport,
    CycleSheet,
    HandpieceReport,
    HygieneDay,
    IndicatorReport,
    JointDecision,
    LabelOrder,
    LotMatches,
    LotQuarantine,
    LotReport,
    LotSheet,
    PackRejection,
    RecallDecisionReport,
    RecallSheet,
    Release,
    Removal,
    ReprocessingReport,
    Return,
    Said,
    SterilizerReport,
    TurnoverReport,
    UnitLabels,
    UnitSheet,
    Waste,
)
from schemas.vocabulary import Gtin, LotCode
from services.door import Asking, Reply, may, problem, unmet
from services.hygiene import commands, queries
from services.second import SecondAuthorization, second_by_header

routes = APIRouter(prefix="/clinics/{clinic}", tags=["hygiene"])

T = TypeVar("T")

Correction = Annotated[int, Query(ge=0, le=999, description="How often this report was corrected after a refusal, under the same id.")]
"""A refusal is the answer to one wording of a report: the corrected one is asked anew."""


@routes.get("/hygiene", summary="Hygiene today: sterilizers, loads, packs, lots, handpieces, rooms, recalls")
async def get_hygiene(ask: Annotated[Asking, may("view_hygiene")]) -> HygieneDay:
    async with ask.reading("hygiene") as view:
        return await queries.hygiene_day(view)


@routes.put("/sterilizers/{sterilizer_id}", status_code=201, summary="Commission a sterilizer")
async def put_sterilizer(sterilizer_id: UUID, body: SterilizerReport, ask: Annotated[Asking, may("commission_sterilizer")]) -> Reply:
    said = Said[SterilizerReport](subject_id=sterilizer_id, report=body)
    return await ask.decide("hygiene", commands.commission_sterilizer, said, command_id=f"sterilizer.{sterilizer_id}")


@routes.post("/sterilizers/{sterilizer_id}/remove", status_code=201, summary="Take a sterilizer out of service")
async def post_removal(sterilizer_id: UUID, body: Removal, ask: Annotated[Asking, may("remove_sterilizer")]) -> Reply:
    return await ask.decide("hygiene", commands.remove_sterilizer, Said[Removal](subject_id=sterilizer_id, report=body))


@routes.post("/sterilizers/{sterilizer_id}/return", status_code=201, summary="Bring a sterilizer back into service")
async def post_return(sterilizer_id: UUID, body: Return, ask: Annotated[Asking, may("return_sterilizer")]) -> Reply:
    return await ask.decide("hygiene", commands.return_sterilizer, Said[Return](subject_id=sterilizer_id, report=body))


@routes.put("/cycles/{cycle_id}", status_code=201, summary="Record a sterilization cycle, passed or failed")
async def put_cycle(cycle_id: UUID, body: CycleReport, ask: Annotated[Asking, may("record_cycle")], correction: Correction = 0) -> Reply:
    said = Said[CycleReport](subject_id=cycle_id, report=body)
    return await ask.decide("hygiene", commands.record_cycle, said, command_id=_wording("cycle", cycle_id, correction))


@routes.get("/cycles/{cycle_id}", summary="A cycle: what it showed, whether it was released or recalled")
async def get_cycle(cycle_id: UUID, ask: Annotated[Asking, may("view_hygiene")]) -> CycleSheet:
    async with ask.reading("hygiene") as view:
        return _known("cycle", await queries.cycle_sheet(view, cycle_id))


@routes.post("/cycles/{cycle_id}/release", status_code=201, summary="Release a load")
async def post_release(cycle_id: UUID, body: Release, ask: Annotated[Asking, may("release_load")]) -> Reply:
    return await ask.decide("hygiene", commands.release_load, Said[Release](subject_id=cycle_id, report=body))


@routes.put("/indicators/{indicator_id}", status_code=201, summary="Record the reading of a biological indicator")
async def put_indicator(
    indicator_id: UUID, body: IndicatorReport, ask: Annotated[Asking, may("read_indicator")], correction: Correction = 0
) -> Reply:
    said = Said[IndicatorReport](subject_id=indicator_id, report=body)
    return await ask.decide("hygiene", commands.read_indicator, said, command_id=_wording("indicator", indicator_id, correction))


@routes.post("/packs/{pack_id}/reject", status_code=201, summary="Reject a pack at the point of use")
async def post_rejection(pack_id: UUID, body: PackRejection, ask: Annotated[Asking, may("reject_pack")]) -> Reply:
    return await ask.decide("hygiene", commands.reject_pack, Said[PackRejection](subject_id=pack_id, report=body))


@routes.put("/lots/{lot_id}", status_code=201, summary="Receive a delivery of cartridges")
async def put_lot(lot_id: UUID, body: LotReport, ask: Annotated[Asking, may("receive_lot")], correction: Correction = 0) -> Reply:
    try:
        commands.read_label(body)
    except commands.LabelUnreadableError as wrong:
        raise RequestValidationError([{"type": "label", "loc": ("body", wrong.field), "msg": wrong.reason}]) from None
    return await ask.decide(
        "hygiene", commands.receive_lot, Said[LotReport](subject_id=lot_id, report=body), command_id=_wording("lot", lot_id, correction)
    )


@routes.get("/lots", summary="The lots that a recall notice names, and those so like it that a person should look")
async def get_lot_matches(gtin: Gtin, lot: LotCode, ask: Annotated[Asking, may("view_hygiene")]) -> LotMatches:
    async with ask.reading("hygiene") as view:
        return await queries.lot_matches(view, gtin, lot)


@routes.get("/lots/{lot_id}", summary="A lot and its count: used + wasted + on hand = received")
async def get_lot(lot_id: UUID, ask: Annotated[Asking, may("view_hygiene")]) -> LotSheet:
    async with ask.reading("hygiene") as view:
        return _known("lot", await queries.lot_sheet(view, lot_id))


@routes.post("/lots/{lot_id}/units", status_code=201, summary="Make labels for units of a lot without serials")
async def post_units(lot_id: UUID, body: LabelOrder, ask: Annotated[Asking, may("label_units")]) -> Reply:
    return await ask.decide("hygiene", commands.label_units, Said[LabelOrder](subject_id=lot_id, report=body))


@routes.get("/lots/{lot_id}/labels", summary="A page of printable unit labels")
async def get_labels(
    lot_id: UUID,
    ask: Annotated[Asking, may("view_hygiene")],
    after: Annotated[UUID | None, Query(description="`next_after` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> UnitLabels:
    async with ask.reading("hygiene") as view:
        return _known("lot", await queries.unit_labels(view, lot_id, after, limit))


@routes.post("/lots/{lot_id}/quarantine", status_code=201, summary="Recall a lot: hold every delivery, list whom it was used on")
async def post_quarantine(lot_id: UUID, body: LotQuarantine, ask: Annotated[Asking, may("quarantine_lot")]) -> Reply:
    return await ask.decide("hygiene", commands.quarantine_lot, Said[LotQuarantine](subject_id=lot_id, report=body))


@routes.get("/units/{unit_id}", summary="A cartridge: unused, used or wasted")
async def get_unit(unit_id: UUID, ask: Annotated[Asking, may("view_hygiene")]) -> UnitSheet:
    async with ask.reading("hygiene") as view:
        return _known("unit", await queries.unit_sheet(view, unit_id))


@routes.post("/units/{unit_id}/waste", status_code=201, summary="Record that a cartridge was thrown away")
async def post_waste(unit_id: UUID, body: Waste, ask: Annotated[Asking, may("waste_cartridge")]) -> Reply:
    return await ask.decide("hygiene", commands.waste_cartridge, Said[Waste](subject_id=unit_id, report=body))


@routes.put("/handpieces/{handpiece_id}", status_code=201, summary="Commission a handpiece")
async def put_handpiece(handpiece_id: UUID, body: HandpieceReport, ask: Annotated[Asking, may("commission_handpiece")]) -> Reply:
    said = Said[HandpieceReport](subject_id=handpiece_id, report=body)
    return await ask.decide("hygiene", commands.commission_handpiece, said, command_id=f"handpiece.{handpiece_id}")


@routes.put("/reprocessings/{reprocessing_id}", status_code=201, summary="Record that a handpiece was reprocessed")
async def put_reprocessing(
    reprocessing_id: UUID, body: ReprocessingReport, ask: Annotated[Asking, may("reprocess_handpiece")], correction: Correction = 0
) -> Reply:
    said = Said[ReprocessingReport](subject_id=reprocessing_id, report=body)
    return await ask.decide("hygiene", commands.reprocess_handpiece, said, command_id=_wording("reprocessing", reprocessing_id, correction))


@routes.put("/turnovers/{turnover_id}", status_code=201, summary="Record that a room was turned over")
async def put_turnover(
    turnover_id: UUID, body: TurnoverReport, ask: Annotated[Asking, may("turn_over_room")], correction: Correction = 0
) -> Reply:
    said = Said[TurnoverReport](subject_id=turnover_id, report=body)
    return await ask.decide("hygiene", commands.turn_over_room, said, command_id=_wording("turnover", turnover_id, correction))


@routes.get("/recalls", summary="The recalls and whom to reach, the newest first")
async def get_recalls(ask: Annotated[Asking, may("view_hygiene")]) -> list[RecallSheet]:
    async with ask.reading("hygiene") as view:
        return list(await queries.recalls(view))


@routes.get("/recalls/{recall_id}", summary="A recall and its look-back list")
async def get_recall(recall_id: UUID, ask: Annotated[Asking, may("view_hygiene")]) -> RecallSheet:
    async with ask.reading("hygiene") as view:
        return _known("recall", next(iter(await queries.recalls(view, recall_id)), None))


@routes.post("/recalls/{recall_id}/decision", status_code=201, summary="Confirm or release a recall that awaits a decision")
async def post_decision(
    recall_id: UUID,
    body: RecallDecisionReport,
    ask: Annotated[Asking, may("decide_recall")],
    second_authorization: SecondAuthorization = "",
) -> Reply:
    """Two persons decide, each in a role that may decide a recall. The second one shows that they are there, too:
    their own access token goes with the request as `Second-Authorization: Bearer <token>`.
    """
    second = await second_by_header(ask, body.second_signer_id, second_authorization)
    joint = JointDecision(subject_id=recall_id, report=body, second_showed=second.showed)
    return await ask.decide("hygiene", commands.decide_recall, joint, beside=second.is_there)


def _wording(kind: str, identity: UUID, correction: int) -> str:
    """The id of the command: one for each wording of a report."""
    return f"{kind}.{identity}.{correction}" if correction else f"{kind}.{identity}"


def _known(kind: str, found: T | None) -> T:
    """What was asked for, or 404."""
    if found is None:
        raise problem(404, "not_found", "Not found", unmet("subject_must_be_known", kind=kind))
    return found
