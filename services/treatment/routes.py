"""The HTTP door of the gate."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from schemas.sentences import Said, for_front_desk, say
from schemas.treatment import (
    AddedCartridge,
    Cleansing,
    CleansingNote,
    End,
    EndNote,
    Numbing,
    NumbingNote,
    NumbingRemoval,
    Override,
    OverrideNote,
    PastNote,
    PastTreatmentRecord,
    Pause,
    PauseNote,
    Preparation,
    PreviewRequest,
    RemovalNote,
    ResumeNote,
    Resumption,
    StartRequest,
    TreatmentView,
)
from schemas.vocabulary import Role, Shape
from services.door import Asking, Reply, may, problem, unmet
from services.treatment import commands, queries

routes = APIRouter(prefix="/clinics/{clinic}", tags=["treatment"])

SEES_NO_HEALTH = frozenset({Role.FRONT_DESK, Role.SYSTEM})


class CertificateReply(Shape):
    """A treatment and what every rule said of it, in words."""

    treatment: TreatmentView
    findings: tuple[Said, ...]
    end_findings: tuple[Said, ...]
    evidence: dict[str, tuple[UUID, ...]] = Field(description="By rule of the start: the ids of the records that it looked at.")


class PreviewReply(Shape):
    """What the gate would say now. Nothing was recorded."""

    booking_id: UUID
    would_start: bool
    policy: int | None
    findings: tuple[Said, ...]


@routes.post("/treatments", status_code=201, summary="Start a treatment: the gate")
async def post_treatment(body: StartRequest, ask: Annotated[Asking, may("start_treatment")]) -> Reply:
    """Started, with the certificate of every rule; or 409, with every rule's finding. Needs an Idempotency-Key."""
    return await ask.decide("treatment", commands.start_treatment, body)


@routes.post("/treatments/preview", summary="What would the gate say now?")
async def post_preview(body: PreviewRequest, ask: Annotated[Asking, may("preview_start")]) -> PreviewReply:
    """The same rules, nothing recorded. The front desk sees "not eligible today" in place of health reasons."""
    request = body
    if body.practitioner_id is None and ask.actor.role in {Role.PRACTITIONER, Role.CLINICIAN}:
        request = body.model_copy(update={"practitioner_id": ask.actor.identity_id})
    async with ask.reading("treatment") as view:
        preview = await commands.preview_start(view, request)
    findings = for_front_desk(preview.findings) if ask.actor.role in SEES_NO_HEALTH else preview.findings
    return PreviewReply(
        booking_id=preview.booking_id,
        would_start=preview.would_start,
        policy=preview.policy,
        findings=tuple(say(finding) for finding in findings),
    )


@routes.get("/treatments/{treatment_id}", summary="One treatment with its certificate")
async def get_treatment(treatment_id: UUID, ask: Annotated[Asking, may("view_treatment")]) -> CertificateReply:
    async with ask.reading("treatment") as view:
        found = await queries.certificate(view, treatment_id)
    if found is None:
        raise problem(404, "unknown", "Not found", unmet("treatment_must_be_known"))
    return CertificateReply(
        treatment=found.treatment,
        findings=tuple(say(finding) for finding in found.findings),
        end_findings=tuple(say(finding) for finding in found.end_findings),
        evidence={finding.rule: finding.evidence for finding in found.findings},
    )


@routes.post("/treatments/{treatment_id}/pause", status_code=201, summary="Needling stops for now")
async def post_pause(treatment_id: UUID, body: PauseNote, ask: Annotated[Asking, may("pause_treatment")]) -> Reply:
    return await ask.decide("treatment", commands.pause_treatment, Pause(treatment_id=treatment_id, note=body))


@routes.post("/treatments/{treatment_id}/resume", status_code=201, summary="Needling goes on")
async def post_resume(treatment_id: UUID, body: ResumeNote, ask: Annotated[Asking, may("resume_treatment")]) -> Reply:
    return await ask.decide("treatment", commands.resume_treatment, Resumption(treatment_id=treatment_id, note=body))


@routes.put("/treatments/{treatment_id}/cartridges/{unit_id}", status_code=201, summary="A further cartridge")
async def put_cartridge(treatment_id: UUID, unit_id: UUID, ask: Annotated[Asking, may("add_cartridge")]) -> Reply:
    """Dropped, blunt or contaminated ones are replaced. The gate's rule for cartridges is asked of the new one."""
    return await ask.decide("treatment", commands.add_cartridge, AddedCartridge(treatment_id=treatment_id, unit_id=unit_id))


@routes.post("/treatments/{treatment_id}/end", status_code=201, summary="What was really done")
async def post_end(treatment_id: UUID, body: EndNote, ask: Annotated[Asking, may("end_treatment")]) -> Reply:
    """Refused while skin, sharps or aftercare are left undone. Depths beyond the consent are recorded, with the finding."""
    return await ask.decide("treatment", commands.end_treatment, End(treatment_id=treatment_id, note=body))


@routes.put("/bookings/{booking_id}/cleansings/{cleansing_id}", status_code=201, summary="The skin was cleansed")
async def put_cleansing(booking_id: UUID, cleansing_id: UUID, body: CleansingNote, ask: Annotated[Asking, may("cleanse_skin")]) -> Reply:
    request = Cleansing(booking_id=booking_id, cleansing_id=cleansing_id, note=body)
    return await ask.decide("treatment", commands.cleanse_skin, request, command_id=f"cleansing.{cleansing_id}")


@routes.put("/bookings/{booking_id}/numbings/{numbing_id}", status_code=201, summary="Numbing cream went on")
async def put_numbing(booking_id: UUID, numbing_id: UUID, body: NumbingNote, ask: Annotated[Asking, may("apply_numbing")]) -> Reply:
    """Too strong or too long is recorded as it was; the start is what it stops."""
    request = Numbing(booking_id=booking_id, numbing_id=numbing_id, note=body)
    return await ask.decide("treatment", commands.apply_numbing, request, command_id=f"numbing.{numbing_id}")


@routes.post("/bookings/{booking_id}/numbings/{numbing_id}/removal", status_code=201, summary="Numbing cream came off")
async def post_removal(booking_id: UUID, numbing_id: UUID, body: RemovalNote, ask: Annotated[Asking, may("remove_numbing")]) -> Reply:
    request = NumbingRemoval(booking_id=booking_id, numbing_id=numbing_id, note=body)
    return await ask.decide("treatment", commands.remove_numbing, request)


@routes.get("/bookings/{booking_id}/preparation", summary="What was done before the start")
async def get_preparation(booking_id: UUID, ask: Annotated[Asking, may("view_treatment")]) -> Preparation:
    async with ask.reading("treatment") as view:
        found = await queries.preparation(view, booking_id)
    if found is None:
        raise problem(404, "unknown", "Not found", unmet("booking_must_be_known"))
    return found


@routes.put("/past-treatments/{treatment_id}", status_code=201, summary="A treatment that was done on paper")
async def put_past_treatment(treatment_id: UUID, body: PastNote, ask: Annotated[Asking, may("record_past_treatment")]) -> Reply:
    """Never refused: it happened. The findings say which rules would have failed."""
    request = PastTreatmentRecord(treatment_id=treatment_id, note=body)
    return await ask.decide("treatment", commands.record_past_treatment, request, command_id=f"past.{treatment_id}")


@routes.put("/overrides/{override_id}", status_code=201, summary="Let one booking pass one rule")
async def put_override(override_id: UUID, body: OverrideNote, ask: Annotated[Asking, may("override_rule")]) -> Reply:
    """Policy names who may open which rule. Sterility, consent, recall and safety holds nobody can."""
    request = Override(override_id=override_id, note=body)
    return await ask.decide("treatment", commands.override_rule, request, command_id=f"override.{override_id}")
