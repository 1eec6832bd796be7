"""Consent over HTTP: forms, signatures, screening, clearances."""

from typing import Annotated, Literal, TypeVar
from uuid import UUID

from fastapi import APIRouter, Path, Query

from schemas.consent import (
    ClearanceSheet,
    Clearing,
    ConsentRecord,
    ConsentSheet,
    ConsentSigning,
    FormDraft,
    FormOnScreen,
    FormPublication,
    QuestionList,
    RestrictionReason,
    Screening,
    ScreeningRecord,
    ScreeningSheet,
    Withdrawal,
    WithdrawalNote,
)
from services.consent import queries
from services.consent.commands import answer_screening, grant_clearance, publish_form, sign_consent, withdraw_consent
from services.door import Asking, Reply, may, problem, unmet

routes = APIRouter(prefix="/clinics/{clinic}", tags=["consent"])

T = TypeVar("T")
Version = Annotated[int, Path(ge=1, le=100_000)]


@routes.put("/forms/{form_id}/versions/{form_version}", status_code=201, summary="Publish a version of a consent form")
async def put_form(form_id: UUID, form_version: Version, body: FormDraft, ask: Annotated[Asking, may("publish_form")]) -> Reply:
    publication = FormPublication(form_id=form_id, form_version=form_version, draft=body)
    return await ask.decide("consent", publish_form, publication, command_id=f"form.{form_id}.{form_version}")


@routes.get("/forms", summary="The newest version of every form, with its text")
async def get_forms(ask: Annotated[Asking, may("sign_consent")]) -> list[FormOnScreen]:
    async with ask.reading("consent") as view:
        return await queries.current_forms(view)


@routes.get("/forms/{form_id}", summary="The newest version of a form, with its text")
async def get_form(form_id: UUID, ask: Annotated[Asking, may("sign_consent")]) -> FormOnScreen:
    async with ask.reading("consent") as view:
        return _known(await queries.form_on_screen(view, form_id))


@routes.get("/forms/{form_id}/versions/{form_version}", summary="One version of a form, with its text")
async def get_form_version(form_id: UUID, form_version: Version, ask: Annotated[Asking, may("view_consent")]) -> FormOnScreen:
    async with ask.reading("consent") as view:
        return _known(await queries.form_on_screen(view, form_id, form_version))


@routes.put("/consents/{consent_id}", status_code=201, summary="Record a signature made on the tablet")
async def put_consent(consent_id: UUID, body: ConsentSheet, ask: Annotated[Asking, may("sign_consent")]) -> Reply:
    signing = ConsentSigning(consent_id=consent_id, sheet=body)
    return await ask.decide("consent", sign_consent, signing, command_id=f"consent.{consent_id}")


@routes.post("/consents/{consent_id}/withdraw", summary="Record that the client withdraws a consent")
async def post_withdrawal(consent_id: UUID, body: WithdrawalNote, ask: Annotated[Asking, may("withdraw_consent")]) -> Reply:
    return await ask.decide("consent", withdraw_consent, Withdrawal(consent_id=consent_id, note=body))


@routes.get("/clients/{client_id}/consents", summary="Every signature of a client, the newest first")
async def get_consents(client_id: UUID, ask: Annotated[Asking, may("view_consent")]) -> list[ConsentRecord]:
    async with ask.reading("consent") as view:
        return await queries.consents_of_client(view, client_id)


@routes.get("/screening-questions", summary="The questions the tablet asks")
async def get_questions(
    ask: Annotated[Asking, may("answer_screening")], extent: Annotated[Literal["full", "volatile"], Query()] = "full"
) -> QuestionList:
    async with ask.reading("consent") as view:
        return _known(await queries.question_list(view, extent))


@routes.put("/screenings/{screening_id}", status_code=201, summary="Record an answered questionnaire")
async def put_screening(screening_id: UUID, body: ScreeningSheet, ask: Annotated[Asking, may("answer_screening")]) -> Reply:
    screening = Screening(screening_id=screening_id, sheet=body)
    return await ask.decide("consent", answer_screening, screening, command_id=f"screening.{screening_id}")


@routes.get("/clients/{client_id}/screening", summary="What restricts a client today, never why")
async def get_screening(client_id: UUID, ask: Annotated[Asking, may("view_screening")]) -> ScreeningRecord:
    async with ask.reading("consent") as view:
        return await queries.screening_of_client(view, client_id)


@routes.get("/clients/{client_id}/screening/reasons", summary="Why a client is restricted, for clinical roles")
async def get_reasons(client_id: UUID, ask: Annotated[Asking, may("view_screening")]) -> list[RestrictionReason]:
    async with ask.reading("consent") as view:
        return await queries.reasons_of_client(view, client_id, ask.actor.role)


@routes.put("/clearances/{clearance_id}", status_code=201, summary="Clear restrictions as a clinician")
async def put_clearance(clearance_id: UUID, body: ClearanceSheet, ask: Annotated[Asking, may("grant_clearance")]) -> Reply:
    clearing = Clearing(clearance_id=clearance_id, sheet=body)
    return await ask.decide("consent", grant_clearance, clearing, command_id=f"clearance.{clearance_id}")


def _known(found: T | None) -> T:
    if found is None:
        raise problem(404, "unknown", "Not found", unmet("record_must_exist"))
    return found
