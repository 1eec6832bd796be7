"""Recalls: what is in doubt, who was exposed, who must decide until when, and the decision of two."""

from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from schemas.hygiene import JointDecision, RecallDecisionReport, RecallSheet
from schemas.sentences import Said
from schemas.vocabulary import Verdict
from services import session
from services.door import Asking, Problem, ProblemError, may, problem, unmet
from services.hygiene import commands, queries
from services.hygiene.pages.deciding import decided
from services.hygiene.pages.words import pack_look, recall_look
from services.screens.forms import Fields, Sent, asked_of, understood
from services.screens.frame import HEADERS, page
from services.screens.names import clients_of, held, people_of
from services.screens.words import Wall, plain, thing
from services.second import Second, second_by

routes = APIRouter(prefix="/clinics/{clinic}/hygiene/recalls", include_in_schema=False)

PARTS = (("pending", "Must be decided"), ("confirmed", "Confirmed"), ("released", "Released"))
DONE = {"decided": "The decision of both of you is on record."}


@routes.get("")
async def recalls(ask: Annotated[Asking, may("view_hygiene")], request: Request) -> Response:
    """Those that must be decided first."""
    async with ask.reading("hygiene") as view:
        found = await queries.recalls(view)
        called = await queries.subjects_called(view, [recall.subject_id for recall in found])
        wall = Wall(ZoneInfo((await queries.policy_now(view)).clinic.timezone), {})
    parts = [(title, [(one, recall_look(one)) for one in found if one.decision == decision]) for decision, title in PARTS]
    context: dict[str, Any] = {
        "parts_of": [part for part in parts if part[1]],
        "called": {recall.subject_id: _subject(recall, called) for recall in found},
        "words": wall,
        "plain": plain,
    }
    return page(request, "hygiene/recalls.html", clinic=ask.clinic, actor=ask.actor, **context)


def _subject(recall: RecallSheet, called: dict[UUID, str]) -> str:
    return called.get(recall.subject_id) or thing(plain(recall.kind), recall.subject_id)


async def _show(request: Request, ask: Asking, recall_id: UUID, refused: Problem | None = None, sent: Fields | None = None) -> Response:
    people = await people_of(request, ask)
    async with ask.reading("hygiene", refused.index if refused else None) as view:
        recall = next(iter(await queries.recalls(view, recall_id)), None)
        if recall is None:
            raise problem(404, "not_found", "Not found", unmet("subject_must_be_known", kind="recall"))
        called = await queries.subjects_called(view, [recall.subject_id])
        packs = await queries.packs_found(view, recall.pack_ids)
        lot = await queries.lot_sheet(view, recall.subject_id) if recall.kind == "lot" else None
        deliveries = (await queries.lot_matches(view, lot.gtin, lot.lot)).exact if lot else ()
        cycles = [cycle for one in recall.cycle_ids if (cycle := await queries.cycle_sheet(view, one)) is not None]
        policy, now = await queries.policy_now(view), view.now
        others = await queries.who_may(view, "decide_recall") - {ask.actor.identity_id}
    wall = Wall(ZoneInfo(policy.clinic.timezone), people)
    named = await clients_of(request, ask, recall.client_ids)
    context: dict[str, Any] = {
        "recall": recall,
        "look": recall_look(recall),
        "subject": _subject(recall, called),
        "packs": [(pack, pack_look(pack, wall.day_of(now))) for pack in packs],
        "deliveries": deliveries,
        "cycles": cycles,
        "clients": sorted((named.get(client) or thing("Client", client), client) for client in recall.client_ids),
        "treatments": {client: sum(one.client_id == client for one in recall.exposures) for client in recall.client_ids},
        "found_late": {one.client_id for one in recall.exposures if one.found_late},
        "now": now,
        "repeats": policy.recall.repeat_cycles,
        "causes": [(code, plain(code)) for code in policy.recall.root_causes],
        "others": sorted((people.get(who) or thing("Person", who), who) for who in others),
        "on_tablet": session.tablet_of(request, ask.database.secret, ask.clinic) is not None,
        "acts": held(request, "decide_recall", "report_reaction"),
        "words": wall,
        "plain": plain,
        "done": DONE.get(asked_of(request).one("done") or ""),
        "refused": refused,
        "chosen": sent.given("decision", "root_cause", "second_signer_id") if refused and sent else {},
    }
    return page(request, "hygiene/recall.html", clinic=ask.clinic, actor=ask.actor, status=refused.status if refused else 200, **context)


@routes.get("/{recall_id}")
async def recall(recall_id: UUID, ask: Annotated[Asking, may("view_hygiene")], request: Request) -> Response:
    """One recall with all that it touches."""
    return await _show(request, ask, recall_id)


@routes.post("/{recall_id}/decision")
async def decide(recall_id: UUID, ask: Annotated[Asking, may("decide_recall")], request: Request, sent: Sent) -> Response:
    """Two persons confirm or release it, and both of them are there."""
    report = understood(RecallDecisionReport, sent.given("decision", "root_cause", "second_signer_id", "occurred_at"))
    try:
        second = await _second(request, ask, report.second_signer_id, sent.one("shown") or "")
    except ProblemError as absent:
        return await _show(request, ask, recall_id, absent.problem, sent)
    joint = JointDecision(subject_id=recall_id, report=report, second_showed=second.showed)
    refused = await decided(ask, sent, commands.decide_recall, joint, beside=second.is_there)
    if refused is not None:
        return await _show(request, ask, recall_id, refused, sent)
    return RedirectResponse(f"/clinics/{ask.clinic}/hygiene/recalls/{recall_id}?done=decided", 303, HEADERS)


async def _second(request: Request, ask: Asking, who: UUID, typed: str) -> Second:
    """What the second person typed: digits are a PIN, which compliance compares and counts; anything else is a token."""
    if not typed:
        raise problem(422, "input", "Input not understood", unmet("second_signer_must_be_there", reason="untyped"))
    token = typed
    if typed.isdecimal():
        token, wrong = await request.app.state.token_by_pin(request, ask.clinic, who, typed)
        if wrong:
            found = [Said(rule="second_signer_must_be_there", code="", verdict=Verdict.UNMET, reason=reason) for reason in wrong]
            refused = Problem(type="urn:asepsis:problem:forbidden", title="Not allowed", status=403, detail=" ".join(wrong), findings=found)
            raise ProblemError(refused)
    return await second_by(ask, who, token)
