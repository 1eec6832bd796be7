"""One booking before its start: what is missing and what to do about it, the skin, and what is really used."""

from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from starlette.responses import RedirectResponse, Response

from events.transaction import View
from schemas.policy import GateCode
from schemas.sentences import Said, say
from schemas.treatment import NumbingView, Preparation, PreviewRequest
from schemas.vocabulary import Area, Verdict, Visit
from services.door import Asking, Problem, may, problem, unmet
from services.screens.forms import Fields, asked_of
from services.screens.frame import FILMING, HEADERS, page, render
from services.screens.live import stream
from services.screens.names import clients_of, people_of
from services.screens.words import plain, thing, what_of
from services.treatment import commands, queries
from services.treatment.pages.chair import CARE, looker, words_of
from services.treatment.pages.checklist import Group, Reader, grouped, signed_for
from services.treatment.pages.naming import asked_for, query_of, things_of, with_thing
from services.treatment.pages.scans import scanned
from services.treatment.pages.words import Words, look_of, minutes_since

routes = APIRouter(prefix="/clinics/{clinic}/chair", include_in_schema=False)

DONE = {
    "cleansed": "Recorded: the skin was cleansed.",
    "numbed": "Recorded: the cream is on. Its clock runs.",
    "removed": "Recorded: the cream is off. Cleanse the skin next.",
    "wasted": "Recorded: the cartridge is thrown away.",
    "waived": "Recorded: this booking may pass that rule.",
}
AREAS = {area.value: plain(area.value) for area in Area}
UNMET, NOTED, MET = (frozenset({verdict}) for verdict in (Verdict.UNMET, Verdict.WARNING, Verdict.MET))


Milestones = tuple[tuple[int, str, str], ...]
"""From which minute on: tone and sentence."""


@dataclass(frozen=True, slots=True)
class Cream:
    """Numbing cream on the skin, or taken off: how long, and what is to be done."""

    numbing: NumbingView
    minutes: int
    tone: str
    words: str


@dataclass(frozen=True, slots=True)
class Sight:
    """Everything about a booking that changes while somebody looks at it. No ids of forms are in it: it would always look new."""

    sitting: queries.Sitting
    words: Words
    missing: tuple[Group, ...]
    noted: tuple[Group, ...]
    met: tuple[Group, ...]
    judged: bool
    said_no: str | None
    """What the client said last of the consent, if that was a no."""
    in_spite_of_it: bool
    """Whether an older signature opens the gate all the same."""
    milestones: Milestones
    creams: tuple[Cream, ...]
    cleansed: tuple[tuple[str, int, str], ...]
    preparation: Preparation

    @property
    def count(self) -> int:
        """How much is missing."""
        return sum(len(group.lines) for group in self.missing)


def milestones_of(words: Words) -> Milestones:
    """What is to be done about cream that is on, by the policy's limits."""
    if words.policy is None:
        return ((0, "blue", "It is on."),)
    limits = words.policy.numbing
    soonest, latest, limit = limits.contact_from_minutes, limits.contact_to_minutes, limits.contact_limit_minutes
    return (
        (0, "blue", f"It works: it may come off at {soonest} minutes."),
        (soonest, "green", f"It may come off; at the latest at {latest} minutes."),
        (latest, "amber", f"Take it off: at {limit} minutes it has been on too long."),
        (limit, "red", f"Take it off now: it has been on for {limit} minutes. A clinician must look."),
    )


def _ticks(words: Words, visit: Visit) -> list[tuple[str, str]]:
    """What only somebody in the room can see, as far as policy asks for it."""
    said: dict[GateCode, tuple[str, str]] = {
        "G18": ("photos", "Photographs are taken"),
        "G19": ("kit", "The emergency kit is here and in date"),
    }
    gate = words.policy.gate if words.policy else None
    return [tick for code, tick in said.items() if gate and gate.rules[code].enabled and code in gate.visit_types[visit.visit_type]]


def _creams(words: Words, preparation: Preparation, view: View) -> tuple[Cream, ...]:
    found = []
    for numbing in preparation.numbings:
        minutes = minutes_since(numbing.applied_at, numbing.removed_at or view.now)
        tone, said = next((tone, said) for begins, tone, said in reversed(milestones_of(words)) if minutes >= begins)
        if numbing.removed_at is not None:
            tone, said = "gray", f"It was on for {minutes} minutes, until {words.time(numbing.removed_at)}."
        found.append(Cream(numbing, minutes, tone, said))
    return tuple(found)


async def _see(request: Request, ask: Asking, view: View, people: dict[UUID, str], asked: PreviewRequest) -> Sight:
    sitting = await queries.sitting_of(view, asked.booking_id)
    preparation = await queries.preparation(view, asked.booking_id)
    if sitting is None or preparation is None:
        raise problem(404, "unknown", "Not found", unmet("booking_must_be_known"))
    words = await words_of(view, people)
    reader = Reader(request, ask.clinic, sitting.visit, words)
    judged = reader.may("preview_start") and sitting.treatment_id is None
    findings: tuple[Said, ...] = ()
    no = await queries.no_of(view, sitting.visit.client_id) if judged else None
    said_no = words.no(no) if no else None
    if judged:
        who = ask.actor.identity_id if request.state.roles & CARE else sitting.visit.practitioner_id
        named = asked.model_copy(update={"room_id": asked.room_id or sitting.visit.room_id, "practitioner_id": who})
        preview = await commands.preview_start(view, named, as_booked=False)
        findings = tuple(say(finding) for finding in preview.findings)
    return Sight(
        sitting=sitting,
        words=words,
        missing=grouped(findings, UNMET, reader, said_no),
        noted=grouped(findings, NOTED, reader),
        met=grouped(findings, MET, reader),
        judged=judged,
        said_no=said_no,
        in_spite_of_it=any(signed_for(finding) for finding in findings),
        milestones=milestones_of(words),
        creams=_creams(words, preparation, view),
        cleansed=tuple(
            (plain(done.product), minutes_since(done.occurred_at, view.now), done.occurred_at.isoformat())
            for done in preparation.cleansings
        ),
        preparation=preparation,
    )


async def show(
    request: Request,
    ask: Asking,
    booking_id: UUID,
    sent: Fields,
    *,
    refused: Problem | None = None,
    title: str = "",
    wrong: str = "",
) -> Response:
    """The page of a booking. `refused`: what was just asked for, with every reason; `wrong`: why a scan was not taken."""
    asked = asked_for(sent, booking_id)
    people = await people_of(request, ask)
    async with ask.reading("treatment", refused.index if refused else None) as view:
        sight = await _see(request, ask, view, people, asked)
        handpieces = {asked.handpiece_id} if asked.handpiece_id else set()
        packs = {pack.pack_id for pack in asked.packs}
        things = await queries.things_called(view, handpieces, set(asked.cartridge_unit_ids), packs)
        rooms = await queries.rooms_known(view)
        products = {kind: await queries.usual_product(view, kind) for kind in ("cleansing", "numbing")}
        now = view.now
    visit = sight.sitting.visit
    if asked.room_id == visit.room_id:
        asked = asked.model_copy(update={"room_id": None})  # the form always says one
    named = await clients_of(request, ask, [visit.client_id])
    reader = Reader(request, ask.clinic, visit, sight.words)
    acts = reader.may("start_treatment") and not sight.sitting.treatment_id
    context: dict[str, Any] = {
        "sight": sight,
        "visit": visit,
        "who": named.get(visit.client_id) or thing("Client", visit.client_id),
        "what": what_of(visit),
        "look": look_of(sight.sitting),
        "practitioner": sight.words.person(sight.sitting.practitioner_id),
        "asked": asked,
        "ticked": {"photos": asked.photos_taken, "kit": asked.emergency_kit_in_date},
        "query": query_of(asked),
        "named": things_of(asked),
        "things": things,
        "rooms": [(room, thing("Room", room)) for room in sorted({*rooms, visit.room_id})],
        "products": products,
        "areas": AREAS,
        "thing": thing,
        "now": now,
        "ticks": _ticks(sight.words, visit),
        "may": reader.may,
        "acts": acts,
        "refused": refused,
        "reasons": grouped(refused.findings, UNMET, said_no=sight.said_no) if refused else (),
        "title": title,
        "wrong": wrong,
        "scanning": sent.one("next") == "scan" or bool(wrong),
        "done": DONE.get(asked_of(request).one("done") or "") if not refused else None,
    }
    status = refused.status if refused else 422 if wrong else 200
    answer = page(request, "treatment/booking.html", clinic=ask.clinic, actor=ask.actor, status=status, **context)
    if acts:
        answer.headers.update(FILMING)
    return answer


@routes.get("/{booking_id}")
async def booking(booking_id: UUID, ask: Annotated[Asking, may("view_treatment")], request: Request) -> Response:
    """A booking with what is named so far. A scan adds to it, and the address then says so."""
    sent = asked_of(request)
    code = sent.one("scan")
    if code is None and not sent.all("off"):
        return await show(request, ask, booking_id, sent)
    try:
        asked = asked_for(sent, booking_id)
        if code is not None:
            async with ask.reading("treatment") as view:
                found = await scanned(view, code)
            if isinstance(found, str):
                return await show(request, ask, booking_id, sent, wrong=found)
            asked = with_thing(asked, *found)
    except RequestValidationError as unreadable:
        if unreadable.errors()[0]["loc"][-1] != "scan":
            raise
        return await show(request, ask, booking_id, sent, wrong=unreadable.errors()[0]["msg"])
    query = "&".join(part for part in (query_of(asked), "next=scan") if part)
    return RedirectResponse(f"/clinics/{ask.clinic}/chair/{booking_id}?{query}", 303, HEADERS)


@routes.get("/{booking_id}/live")
async def live(booking_id: UUID, ask: Annotated[Asking, may("view_treatment")], request: Request) -> Response:
    """What is missing, and the clocks, as they change."""
    asked = asked_for(asked_of(request), booking_id)

    async def look(size: int) -> str:
        people = await people_of(request, ask)
        async with ask.reading("treatment", size) as view:
            sight = await _see(request, ask, view, people, asked)
        return render("treatment/checklist.html", clinic=ask.clinic, sight=sight, query=query_of(asked))

    return stream(request, ask, f"chair {booking_id} {looker(request, ask)} {query_of(asked)}", look)
