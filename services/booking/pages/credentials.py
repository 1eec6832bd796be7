"""Who may treat, with what, how deep and until when: the licenses that somebody has seen. The newest word about a person holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from starlette.responses import RedirectResponse, Response

from schemas.booking import Credential, PractitionerReply
from schemas.sentences import Said
from schemas.vocabulary import Modality, Role
from services.booking import commands, queries
from services.booking.pages.board import words_of
from services.booking.pages.slots import was_refused
from services.booking.pages.words import Words
from services.door import Asking, ProblemError, may
from services.screens.forms import Fields, Sent, as_findings, asked_of, command_of, micrometers, understood
from services.screens.frame import HEADERS, page
from services.screens.names import people_of
from services.screens.words import Look, day, millimeters, plain

routes = APIRouter(prefix="/clinics/{clinic}/practitioners", include_in_schema=False)

VALID = Look("green", "check", "Valid")
EXPIRED = Look("red", "square", "Expired")
ROLES = {role.value: plain(role.value) for role in (Role.PRACTITIONER, Role.CLINICIAN)}
MODALITIES = {Modality.MICRONEEDLING.value: "Microneedling", Modality.RF_MICRONEEDLING.value: "Microneedling with radio frequency"}


@dataclass(frozen=True, slots=True)
class Holder:
    """One person with the credential, and the form that renews it."""

    identity: UUID
    name: str
    look: Look
    said: str
    role: str
    modalities: tuple[str, ...]
    depth_mm: str
    valid_until: str


def _holder(row: PractitionerReply, words: Words, today: date, sent: Fields | None) -> Holder:
    """As it stands; where a form was not taken, as it was sent."""
    typed = sent if sent and sent.one("practitioner_id") == str(row.practitioner_id) else None
    with_what = ", ".join(MODALITIES[modality.value].lower() for modality in row.modalities)
    return Holder(
        identity=row.practitioner_id,
        name=words.person(row.practitioner_id),
        look=VALID if row.valid_until >= today else EXPIRED,
        said=f"{plain(row.role)}: {with_what}, up to {millimeters(row.max_depth_um)}, until {day(row.valid_until)}",
        role=(typed.one("role") if typed else None) or row.role.value,
        modalities=typed.all("modalities") if typed else tuple(modality.value for modality in row.modalities),
        depth_mm=(typed.one("depth_mm") or "") if typed else f"{row.max_depth_um / 1000:g}",
        valid_until=(typed.one("valid_until") or "") if typed else str(row.valid_until),
    )


async def _show(request: Request, ask: Asking, sent: Fields | None = None, status: int = 200, findings: Sequence[Said] = ()) -> Response:
    people = await people_of(request, ask)
    async with ask.reading("booking") as view:
        words = await words_of(view, people)
        known = (await queries.bookable(view)).practitioners
        today = words.day_of(view.now)
    holders = sorted((_holder(row, words, today, sent) for row in known), key=lambda one: (one.look is VALID, one.name))
    held = {one.identity for one in holders}
    return page(
        request,
        "booking/credentials.html",
        clinic=ask.clinic,
        actor=ask.actor,
        status=status,
        holders=holders,
        others=sorted(((str(who), name) for who, name in people.items() if who not in held), key=lambda pair: pair[1]),
        roles=ROLES.items(),
        modalities=MODALITIES.items(),
        findings=findings,
        asked=(sent.one("practitioner_id") if sent else None) or "",
        sent=sent or Fields([]),
        done=asked_of(request).one("done") == "credentialed" and not findings,
    )


@routes.get("")
async def credentials(ask: Annotated[Asking, may("credential_practitioner")], request: Request) -> Response:
    """Whose license has expired stands first: nobody can start a treatment under it."""
    return await _show(request, ask)


@routes.post("")
async def credential(ask: Annotated[Asking, may("credential_practitioner")], request: Request, sent: Sent) -> Response:
    """Renew it, change it, or say it of somebody new."""
    command_id = command_of(sent)
    try:
        named = sent.given("practitioner_id", "role", "valid_until")
        depth = {} if sent.one("depth_mm") is None else {"max_depth_um": micrometers(sent.one("depth_mm"))}
        body = understood(Credential, {**named, **depth, "modalities": sent.all("modalities")})
        reply = await ask.decide("booking", commands.credential_practitioner, body, command_id=command_id)
    except RequestValidationError as unreadable:
        return await _show(request, ask, sent, 422, as_findings(unreadable))
    except ProblemError as refused:
        if not was_refused(refused):
            raise
        return await _show(request, ask, sent, refused.problem.status, refused.problem.findings)
    async with ask.reading("booking", reply.index + 1):
        pass
    return RedirectResponse(f"/clinics/{ask.clinic}/practitioners?done=credentialed", 303, HEADERS)
