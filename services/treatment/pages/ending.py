"""The end of a treatment: what the needles really reached, marked on a body map; and what was done afterwards."""

from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.responses import Response

from schemas.treatment import End, EndNote
from schemas.vocabulary import FACE, Area, AreaDepth
from services.door import Asking, ProblemError, may, problem, unmet
from services.screens.forms import Fields, Sent, as_findings, command_of, micrometers, wrong
from services.screens.frame import page
from services.screens.names import clients_of
from services.screens.words import millimeters, plain, thing
from services.treatment import commands, queries
from services.treatment.pages.chair import gone_on, words_of
from services.treatment.pages.starting import typed_time

routes = APIRouter(prefix="/clinics/{clinic}/chair/treatments", include_in_schema=False)

MAP = (
    ("Face", tuple(area for area in Area if area in FACE or area is Area.FULL_FACE)),
    ("Neck and body", tuple(area for area in Area if area not in FACE and area is not Area.FULL_FACE)),
)
"""The areas as the map shows them."""


@dataclass(frozen=True, slots=True)
class Marked:
    """An area of the form: whether it is marked, and the depth that is typed for it alone."""

    area: Area
    name: str
    chosen: bool
    depth: str


def map_of(chosen: tuple[str, ...], sent: Fields | None = None) -> list[tuple[str, list[Marked]]]:
    """The map, as it was sent or as it was planned."""
    return [
        (
            title,
            [Marked(area, plain(area), area.value in chosen, (sent.one(f"depth_{area.value}") or "") if sent else "") for area in areas],
        )
        for title, areas in MAP
    ]


def depths_of(sent: Fields) -> tuple[AreaDepth, ...]:
    """How deep in each marked area: the depth typed for it, or the one for all. Raises `RequestValidationError` naming every area
    without a depth, or with one that no needle reaches: what was typed is never made another number.
    """
    found, gaps, odd = [], [], []
    everywhere = micrometers(sent.one("depth_mm"))
    for name in sent.all("areas"):
        own = micrometers(sent.one(f"depth_{name}"))
        depth = everywhere if own is None else own
        if depth is None or name not in set(Area):
            gaps.append(plain(name))
            continue
        try:
            found.append(AreaDepth(area=Area(name), depth_um=depth))
        except ValidationError:
            odd.append(f"{plain(name)} {millimeters(depth)}")
    if gaps or odd:
        said = [f"Say how deep the needles went: {', '.join(gaps)}."] if gaps else []
        raise wrong("depth", " ".join([*said, *([f"No needle goes so deep, in millimeters: {', '.join(odd)}."] if odd else [])]))
    return tuple(found)


def contact_of(sent: Fields) -> tuple[bool, tuple[AreaDepth, ...]]:
    """Whether needles touched the skin, and where. Raises `RequestValidationError`."""
    if sent.one("needle_contact") == "no":
        return False, ()
    if sent.one("needle_contact") is None:
        raise wrong("needle_contact", "Say whether needles touched the skin.")
    if not sent.all("areas"):
        raise wrong("areas", "Mark each area that the needles touched.")
    return True, depths_of(sent)


async def _show(request: Request, ask: Asking, treatment_id: UUID, sent: Fields | None, status: int, findings: Any) -> Response:
    async with ask.reading("treatment") as view:
        found = await queries.certificate(view, treatment_id)
        words = await words_of(view, {})
        if found is None:
            raise problem(404, "unknown", "Not found", unmet("treatment_must_be_known"))
        treatment = found.treatment
        sitting = await queries.sitting_of(view, treatment.booking_id) if treatment.booking_id else None
    named = await clients_of(request, ask, [treatment.client_id])
    # What was booked, not all that the consent would have allowed: nobody shall have to unmark what was never treated.
    booked = sitting.visit.areas if sitting and sitting.visit.areas else treatment.areas
    chosen = sent.all("areas") if sent else tuple(area.value for area in booked)
    return page(
        request,
        "treatment/end.html",
        clinic=ask.clinic,
        actor=ask.actor,
        status=status,
        treatment=treatment,
        who=named.get(treatment.client_id) or thing("Client", treatment.client_id),
        started=words.day_and_time(treatment.started_at),
        deepest=millimeters(treatment.max_depth_um),
        body_map=map_of(chosen, sent),
        sent=sent.one if sent else {}.get,
        findings=findings,
    )


@routes.get("/{treatment_id}/end")
async def end_page(treatment_id: UUID, ask: Annotated[Asking, may("end_treatment")], request: Request) -> Response:
    """The form, with the booked areas marked; how deep it really was is asked, never guessed."""
    return await _show(request, ask, treatment_id, None, 200, ())


@routes.post("/{treatment_id}/end")
async def end(treatment_id: UUID, ask: Annotated[Asking, may("end_treatment")], request: Request, sent: Sent) -> Response:
    """What was really done. Refused while skin, sharps or aftercare are left undone."""
    try:
        contact, depths = contact_of(sent)
        async with ask.reading("treatment") as view:
            ended_at = typed_time(await words_of(view, {}), view.now, sent.one("ended"), "ended")
        done = {name: sent.one(name) == "yes" for name in ("skin_cleansed", "sharps_disposed", "aftercare_given")}
        body = End(treatment_id=treatment_id, note=EndNote(needle_contact=contact, depths=depths, ended_at=ended_at, **done))
        reply = await ask.decide("treatment", commands.end_treatment, body, command_id=command_of(sent))
    except RequestValidationError as unreadable:
        return await _show(request, ask, treatment_id, sent, 422, as_findings(unreadable))
    except ProblemError as refused:
        if refused.problem.event is None:
            raise
        return await _show(request, ask, treatment_id, sent, refused.problem.status, refused.problem.findings)
    return await gone_on(ask, reply.index, f"/treatments/{treatment_id}", "ended")
