"""A treatment that was done on paper, entered afterwards: it is never refused, and says which rules would have stopped it."""

from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from starlette.responses import Response

from events.transaction import View
from schemas.treatment import PastNote, PastTreatmentRecord
from schemas.vocabulary import Modality, Shape
from services.door import Asking, ProblemError, may
from services.screens.forms import Fields, Sent, as_findings, asked_of, understood, wrong
from services.screens.frame import page
from services.screens.names import clients_of, people_of
from services.screens.words import thing, what_of
from services.treatment import commands, queries
from services.treatment.pages.chair import gone_on, words_of
from services.treatment.pages.ending import contact_of, map_of
from services.treatment.pages.scans import scanned
from services.treatment.pages.starting import typed_moment

routes = APIRouter(prefix="/clinics/{clinic}/chair/past", include_in_schema=False)

BACK, AHEAD = timedelta(days=30), timedelta(hours=1)
"""Which bookings are offered: lately, and those that began a little before their time."""

REASONS = {
    "tablet_dead": "The tablet did not work",
    "network_down": "The network was down",
    "server_down": "This program was down",
    "other": "Another reason",
}


class Chosen(Shape):
    """What was done on paper: a booking, or somebody without one."""

    booking: UUID | None = None
    client: UUID | None = None


async def _untreated(view: View) -> list[queries.Sitting]:
    return list(await queries.untreated(view, view.now - BACK, view.now + AHEAD))


async def _show(request: Request, ask: Asking, sent: Fields, status: int = 200, findings: Any = ()) -> Response:
    people = await people_of(request, ask)
    async with ask.reading("treatment") as view:
        words = await words_of(view, people)
        today = words.day_of(view.now)
        offered = await _untreated(view)
        named_booking = understood(Chosen, sent.given("booking")).booking
        if named_booking is not None and all(one.visit.booking_id != named_booking for one in offered):
            asked_for = await queries.sitting_of(view, named_booking)
            offered = [asked_for, *offered] if asked_for is not None and asked_for.treatment_id is None else offered
        clients = await queries.clients_lately(view)
        rooms = await queries.rooms_known(view)
        practitioners = await queries.practitioners_known(view)
    named = await clients_of(request, ask, {*clients, *(one.visit.client_id for one in offered)})
    client = understood(Chosen, sent.given("client")).client
    chosen = next((one for one in offered if one.visit.booking_id == named_booking), None)
    areas = sent.all("areas") or (tuple(area.value for area in chosen.visit.areas) if chosen else ())

    def called(client_id: UUID) -> str:
        return named.get(client_id) or thing("Client", client_id)

    values = {name: sent.one(name) or "" for name in ("day", "from", "until", "room", "practitioner", "handpiece", "cartridges", "packs")}
    known = {"day": str(today), "practitioner": str(ask.actor.identity_id)}
    if chosen:
        visit = chosen.visit
        known = {"day": str(words.day_of(visit.starts_at)), "room": str(visit.room_id), "practitioner": str(visit.practitioner_id)}
    values = {name: value or known.get(name, "") for name, value in values.items()}
    return page(
        request,
        "treatment/past.html",
        clinic=ask.clinic,
        actor=ask.actor,
        status=status,
        findings=findings,
        offered=[
            (one, called(one.visit.client_id), f"{words.day_and_time(one.visit.starts_at)} · {what_of(one.visit)}") for one in offered
        ],
        chosen=chosen,
        client=client,
        clients=sorted(((str(one), called(one)) for one in clients), key=lambda pair: pair[1]),
        who=called(chosen.visit.client_id) if chosen else called(client) if client else "",
        what=what_of(chosen.visit) if chosen else "",
        when=words.day_and_time(chosen.visit.starts_at) if chosen else "",
        practitioners=sorted(((str(who), words.person(who)) for who in practitioners), key=lambda pair: pair[1]),
        rooms=[(str(room), thing("Room", room)) for room in sorted({*rooms, *([chosen.visit.room_id] if chosen else [])})],
        reasons=REASONS.items(),
        body_map=map_of(areas, sent),
        sent=sent.one,
        values=values,
    )


@routes.get("")
async def past_page(ask: Annotated[Asking, may("record_past_treatment")], request: Request) -> Response:
    """First whose it was; then what was done."""
    return await _show(request, ask, asked_of(request))


async def _things(view: View, sent: Fields) -> dict[str, Any]:
    """What was used, by the codes that were scanned or typed. Raises `RequestValidationError` naming each that is not known."""
    fields: dict[queries.Kind, str] = {"handpiece": "handpiece", "cartridge": "cartridges", "pack": "packs"}
    found: dict[queries.Kind, list[UUID]] = {kind: [] for kind in fields}
    for kind, field in fields.items():
        for code in (sent.one(field) or "").replace(",", "\n").split():
            one = await scanned(view, code, kind)
            if isinstance(one, str):
                raise wrong(field, f"{code[:60]}: {one}")
            found[kind].append(one[1])
    seen = sent.one("packs_seen") == "yes"
    packs = [{"pack_id": pack, "indicator_changed": seen, "intact": seen} for pack in found["pack"]]
    return {"handpiece_id": next(iter(found["handpiece"]), None), "cartridge_unit_ids": found["cartridge"], "packs": packs}


async def _note(ask: Asking, sent: Fields) -> PastNote:
    """The form as a record. Raises `RequestValidationError`."""
    contact, depths = contact_of(sent)
    async with ask.reading("treatment") as view:
        words = await words_of(view, {})
        chosen = understood(Chosen, sent.given("booking", "client"))
        sitting = await queries.sitting_of(view, chosen.booking) if chosen.booking else None
        visit = sitting.visit if sitting else None
        if visit is None and chosen.client is None:
            raise wrong("booking", "Say whose treatment it was.")
        named = {
            "booking_id": visit.booking_id if visit else None,
            "client_id": visit.client_id if visit else chosen.client,
            "modality": visit.modality if visit else Modality.MICRONEEDLING,
            "room_id": sent.one("room"),
            "practitioner_id": sent.one("practitioner"),
            "needle_contact": contact,
            "depths": depths,
            "started_at": typed_moment(words, sent.one("day"), sent.one("from"), "from"),
            "ended_at": typed_moment(words, sent.one("day"), sent.one("until"), "until"),
            "reason": sent.one("reason"),
            **await _things(view, sent),
        }
    return understood(PastNote, named)


@routes.post("")
async def record(ask: Annotated[Asking, may("record_past_treatment")], request: Request, sent: Sent) -> Response:
    """It happened, so it is recorded as it was. Only a time that has not come yet is refused."""
    try:
        body = understood(PastTreatmentRecord, {"treatment_id": sent.one("id"), "note": await _note(ask, sent)})
        reply = await ask.decide("treatment", commands.record_past_treatment, body, command_id=f"past.{body.treatment_id}")
    except RequestValidationError as unreadable:
        return await _show(request, ask, sent, 422, as_findings(unreadable))
    except ProblemError as refused:
        if refused.problem.event is None:
            raise
        return await _show(request, ask, sent, refused.problem.status, refused.problem.findings)
    return await gone_on(ask, reply.index, f"/treatments/{body.treatment_id}", "late")
