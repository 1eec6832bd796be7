"""A treatment that has begun: what it is made with, whether to stop, pause and go on, a further cartridge; and its certificate."""

from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID, uuid5

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import RedirectResponse, Response

from events.transaction import View
from schemas.sentences import Said, say
from schemas.treatment import AddedCartridge, Certificate, Pause, PauseNote, ResumeNote, Resumption, TreatmentView
from schemas.vocabulary import Verdict
from services.door import Asking, Problem, ProblemError, may, problem, unmet
from services.screens.forms import Sent, asked_of, command_of
from services.screens.frame import FILMING, HEADERS, page, render
from services.screens.live import stream
from services.screens.names import clients_of, held, people_of
from services.screens.words import Look, areas_of, millimeters, thing
from services.treatment import commands, queries
from services.treatment.pages.chair import CARE, gone_on, looker, words_of
from services.treatment.pages.checklist import Group, grouped
from services.treatment.pages.scans import scanned
from services.treatment.pages.starting import typed_code
from services.treatment.pages.words import END_MISSING, STATES, STOP, Words, depths_of, minutes_since

routes = APIRouter(prefix="/clinics/{clinic}/chair/treatments", include_in_schema=False)

DONE = {
    "started": "The treatment has started.",
    "paused": "Paused.",
    "resumed": "It goes on.",
    "added": "The cartridge is on record.",
    "wasted": "Recorded: the cartridge is thrown away.",
    "ended": "The treatment has ended.",
    "late": "Recorded: the treatment on paper counts from now on.",
}
PAUSES = {
    "client_request": "The client asked",
    "client_unwell": "The client is unwell",
    "equipment": "Something does not work",
    "stop_advised": "A stop was advised",
    "other": "Another reason",
}
"""Why needling stops for now: codes, never free text, which might name an illness."""

ALL = frozenset(Verdict)


@dataclass(frozen=True, slots=True)
class Running:
    """What changes while somebody looks at a treatment. No ids of forms are in it: it would always look new."""

    treatment: TreatmentView
    look: Look
    minutes: int
    started: str
    planned_end: str
    ended: str | None
    over: bool
    against: tuple[Group, ...]
    """What speaks against going on, where a stop was advised."""
    things: queries.Things


async def _known(view: View, treatment_id: UUID) -> Certificate:
    found = await queries.certificate(view, treatment_id)
    if found is None:
        raise problem(404, "unknown", "Not found", unmet("treatment_must_be_known"))
    return found


def _look_of(treatment: TreatmentView) -> Look:
    if treatment.ended_at is None and treatment.stop_advised:
        return STOP
    return END_MISSING if treatment.ended_at is None and treatment.end_missing else STATES[treatment.state]


async def _see(view: View, words: Words, treatment: TreatmentView) -> Running:
    against = await commands.stop_reasons(view, treatment.treatment_id) if treatment.stop_advised else ()
    handpieces = {treatment.handpiece_id} if treatment.handpiece_id else set()
    over = treatment.ended_at is not None
    return Running(
        treatment=treatment,
        look=_look_of(treatment),
        minutes=minutes_since(treatment.started_at, treatment.ended_at or view.now),
        started=words.day_and_time(treatment.started_at),
        planned_end=words.time(treatment.planned_end_at),
        ended=words.time(treatment.ended_at) if treatment.ended_at else None,
        over=over,
        against=grouped([say(finding) for finding in against], ALL),
        things=await queries.things_called(view, handpieces, set(treatment.cartridge_unit_ids), set(treatment.pack_ids)),
    )


async def show(
    request: Request, ask: Asking, treatment_id: UUID, *, refused: Problem | None = None, title: str = "", wrong: str = ""
) -> Response:
    """The page of a treatment. `refused`: what was just asked for, with every reason; `wrong`: why a scan was not taken."""
    people = await people_of(request, ask)
    async with ask.reading("treatment", refused.index if refused else None) as view:
        found = await _known(view, treatment_id)
        words = await words_of(view, people)
        running, now = await _see(view, words, found.treatment), view.now
    treatment = found.treatment
    named = await clients_of(request, ask, [treatment.client_id])
    findings: list[Said] = [say(finding) for finding in found.findings]
    acts = bool(request.state.roles & CARE) and not running.over
    context: dict[str, Any] = {
        "running": running,
        "treatment": treatment,
        "who": named.get(treatment.client_id) or thing("Client", treatment.client_id),
        "practitioner": words.person(treatment.practitioner_id),
        "areas": areas_of(treatment.areas),
        "deepest": millimeters(treatment.max_depth_um),
        "depths": depths_of(treatment.depths),
        "certificate": grouped(findings, ALL),
        "end_findings": grouped([say(finding) for finding in found.end_findings], ALL - {Verdict.MET}),
        "rules": len(findings),
        "policy": next((found.parameters.get("version") for found in findings if found.rule == "policy_must_be_in_force"), None),
        "pauses": PAUSES,
        "thing": thing,
        "now": now,
        "refused": refused,
        "title": title,
        "wrong": wrong,
        "done": DONE.get(asked_of(request).one("done") or "") if not refused else None,
        "has_begun": asked_of(request).one("done") == "started",
        "acts": acts,
        "sees_booking": held(request, "view_day_sheet")["view_day_sheet"],
    }
    status = refused.status if refused else 422 if wrong else 200
    answer = page(request, "treatment/treatment.html", clinic=ask.clinic, actor=ask.actor, status=status, **context)
    answer.headers.update(FILMING if acts else {})
    return answer


@routes.get("/{treatment_id}")
async def treatment(treatment_id: UUID, ask: Annotated[Asking, may("view_treatment")], request: Request) -> Response:
    """One treatment with its certificate."""
    return await show(request, ask, treatment_id)


@routes.get("/{treatment_id}/live")
async def live(treatment_id: UUID, ask: Annotated[Asking, may("view_treatment")], request: Request) -> Response:
    """Its state, its things and any stop advice, as they change."""

    async def look(size: int) -> str:
        async with ask.reading("treatment", size) as view:
            running = await _see(view, await words_of(view, {}), (await _known(view, treatment_id)).treatment)
        return render("treatment/running.html", clinic=ask.clinic, running=running, thing=thing, live=True)

    return stream(request, ask, f"treatment {treatment_id} {looker(request, ask)}", look)


async def _do(
    request: Request, ask: Asking, command_id: str, done: str, *, treatment_id: UUID, command: Any, body: BaseModel, title: str
) -> Response:
    """Give a command; then the treatment's page says so, or why not."""
    try:
        reply = await ask.decide("treatment", command, body, command_id=command_id)
    except ProblemError as refused:
        if refused.problem.event is None:
            raise
        return await show(request, ask, treatment_id, refused=refused.problem, title=title)
    return await gone_on(ask, reply.index, f"/treatments/{treatment_id}", done)


@routes.post("/{treatment_id}/pause")
async def pause(treatment_id: UUID, ask: Annotated[Asking, may("pause_treatment")], request: Request, sent: Sent) -> Response:
    """Needling stops for now."""
    body = Pause(treatment_id=treatment_id, note=PauseNote(reason=typed_code("reason", sent.one("reason"))))
    return await _do(
        request,
        ask,
        command_of(sent),
        "paused",
        treatment_id=treatment_id,
        command=commands.pause_treatment,
        body=body,
        title="This was not paused",
    )


@routes.post("/{treatment_id}/resume")
async def resume(treatment_id: UUID, ask: Annotated[Asking, may("resume_treatment")], request: Request, sent: Sent) -> Response:
    """Needling goes on."""
    body = Resumption(treatment_id=treatment_id, note=ResumeNote())
    return await _do(
        request,
        ask,
        command_of(sent),
        "resumed",
        treatment_id=treatment_id,
        command=commands.resume_treatment,
        body=body,
        title="It does not go on",
    )


@routes.get("/{treatment_id}/waste")
async def waste(treatment_id: UUID, ask: Annotated[Asking, may("view_treatment")], request: Request) -> Response:
    """A cartridge that was dropped before it was used: hygiene's page asks why, and who may. A wrong scan shows this treatment again."""
    async with ask.reading("treatment") as view:
        found = await scanned(view, asked_of(request).one("scan") or "", "cartridge")
    if isinstance(found, str):
        return await show(request, ask, treatment_id, wrong=found)
    return RedirectResponse(f"/clinics/{ask.clinic}/hygiene/units/{found[1]}/waste?treatment={treatment_id}", 303, HEADERS)


@routes.post("/{treatment_id}/cartridge")
async def add_cartridge(treatment_id: UUID, ask: Annotated[Asking, may("add_cartridge")], request: Request, sent: Sent) -> Response:
    """A further cartridge, as it was scanned."""
    async with ask.reading("treatment") as view:
        found = await scanned(view, sent.one("scan") or "", "cartridge")
        if found[1] in (await _known(view, treatment_id)).treatment.cartridge_unit_ids:
            found = "This cartridge is on record for this treatment already. Scan the new one."
    if isinstance(found, str):
        return await show(request, ask, treatment_id, wrong=found)
    body = AddedCartridge(treatment_id=treatment_id, unit_id=found[1])
    command_id = str(uuid5(found[1], command_of(sent)))  # where no answer came, the same form may send another cartridge
    return await _do(
        request,
        ask,
        command_id,
        "added",
        treatment_id=treatment_id,
        command=commands.add_cartridge,
        body=body,
        title="Take another cartridge",
    )
