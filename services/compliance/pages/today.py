"""The manager's day: what waits for a person, what the record says of the week, and the policy in force."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import JsonValue
from starlette.responses import Response

from schemas.compliance import PolicyReply
from schemas.policy import Source
from services.compliance.pages.looking import address, caught_up, words_of
from services.compliance.pages.words import Words
from services.compliance.queries import counted_since, ledger_head, pins_shut, policy_reply
from services.door import Asking, may, problem, unmet
from services.screens.frame import page
from services.screens.menu import open_to
from services.screens.names import people_of
from services.screens.words import Look

routes = APIRouter(prefix="/clinics/{clinic}/today", include_in_schema=False)

DAYS = 7

COUNTED = {
    "recall.opened": Look("red", "flag", "Recalls"),
    "indicator.read": Look("gray", "circle", "Biological indicators read"),
    "sterilizer.removed": Look("red", "square", "Sterilizers out of service"),
    "safety_hold.placed": Look("red", "stop", "Safety holds"),
    "reaction.reported": Look("amber", "triangle", "Reactions"),
    "incident.opened": Look("amber", "triangle", "Incidents"),
    "checkin.missed": Look("amber", "clock", "Check-ins without an answer: call them"),
    "treatment.refused": Look("red", "stop", "Starts refused"),
    "treatment.stop_advised": Look("red", "stop", "Stops advised"),
    "rule.overridden": Look("amber", "triangle", "Rules passed by somebody"),
    "treatment.recorded_late": Look("amber", "clock", "Treatments recorded late"),
    "treatment.end_missing": Look("amber", "triangle", "Treatments without an end"),
    "booking.conflicted": Look("amber", "triangle", "Promised slots that break a rule"),
    "consent.withdrawn": Look("gray", "square", "Consents withdrawn"),
    "pin.locked": Look("amber", "key", "PINs locked on a tablet"),
    "entry.skipped": Look("amber", "triangle", "Entries passed over by two persons"),
}
"""What a manager asks the week's record first, worst first."""

SEEN_TO = {"checkin.missed": "to-call"}
"""The screen where it is seen to, for whoever may open it; all others are looked at in the record."""

EVIDENCE = {"P": "primary text", "S": "secondary text", "BK": "background knowledge"}

UNITS = {"d": "days", "min": "minutes", "s": "seconds", "h": "hours", "um": "µm", "mdeg": "m°C", "y": "years", "min after midnight": ""}
UNITS |= dict.fromkeys(("mdeg, s", "mode", "bool", "rule", "codes", "class", "modality", "tier", "IANA name"), "")
"""How the policy's units are said; those that are no units are not."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Something that stands still until a person acts."""

    what: str
    since: str
    path: str | None = None


@dataclass(frozen=True, slots=True)
class Number:
    """One number of the policy, and where it comes from."""

    name: str
    value: str
    unit: str
    source: str
    evidence: str
    changed_from: str | None
    """The handbook's value, where the clinic's is another."""


async def _waiting(request: Request, ask: Asking, words: Words) -> list[Waiting] | None:
    """Halted services, messages that were not understood, checks that found something. None: not known here."""
    status: Any = await request.app.state.status_in(ask.database, ask.clinic)
    if status is None:
        return None
    waiting = [
        Waiting(
            f"{found.service.capitalize()} stands still at entry {found.bookmark} ({found.stage}): it could not be worked.",
            words.day_and_time(found.halted_at),
            address(ask.clinic, f"/entries/{found.bookmark}"),
        )
        for found in status.halted
    ]
    waiting += [
        Waiting(f"{count} messages of {name.partition('/')[2]} were not understood and wait to be mended.", "")
        for name, count in status.dead_letters.items()
        if count
    ]
    waiting += [Waiting(f"A check found {known.found} things in the record that must not be.", "") for known in status.unsound]
    return waiting


@routes.get("")
async def today(ask: Annotated[Asking, may("view_dead_letters")], request: Request) -> Response:
    """An overview with ways on; what other services know stands on their pages."""
    people = await people_of(request, ask)
    await caught_up(ask)
    async with ask.reading("compliance") as view:
        words = await words_of(view, people)
        local = view.now.astimezone(words.zone).date()
        since = local - timedelta(days=DAYS - 1)
        counts: Mapping[str, int] = await counted_since(view, datetime.combine(since, time(), words.zone))
        head = await ledger_head(view)
        policy = await policy_reply(view)
        shut = [
            Waiting(
                f"The PIN of {words.called('Person', pin.identity_id)} is locked on the tablet {pin.tablet} after {pin.tries} wrong tries.",
                words.day_and_time(pin.since),
                address(ask.clinic, about=pin.tablet_id),
            )
            for pin in await pins_shut(view)
        ]
        now = view.now
    waiting = await _waiting(request, ask, words)
    screens = open_to(request.app.state.menu, request.state.roles)
    open_here = {screen.path for screen in screens}

    def leads_to(kind: str) -> str:
        if SEEN_TO.get(kind) in open_here:
            return f"/clinics/{ask.clinic}/{SEEN_TO[kind]}"
        return address(ask.clinic, type=kind, **{"from": since})

    week = [(look, counts[kind], leads_to(kind)) for kind, look in COUNTED.items() if counts.get(kind)]
    return page(
        request,
        "compliance/today.html",
        clinic=ask.clinic,
        actor=ask.actor,
        now=words.day_and_time(now),
        since=since,
        waiting=waiting,
        shut=shut,
        week=week,
        head=head,
        policy=policy,
        words=words,
        others=[screen for screen in screens if screen.path != "today"],
        to=lambda path="", **more: address(ask.clinic, path, **more),
    )


@routes.get("/policy")
async def policy_in_force(ask: Annotated[Asking, may("view_policy")], request: Request) -> Response:
    """Every number that decides here, and where it comes from."""
    people = await people_of(request, ask)
    async with ask.reading("compliance") as view:
        words = await words_of(view, people)
        policy = await policy_reply(view)
    if policy is None:
        raise problem(404, "unknown", "Not found", unmet("policy_must_be_published"))
    return page(
        request,
        "compliance/policy.html",
        clinic=ask.clinic,
        actor=ask.actor,
        policy=policy,
        approver=words.called("Person", policy.approval.approver_id),
        since=words.day_and_time(policy.approval.effective_at),
        sections=_sections(words, policy),
    )


def _sections(words: Words, policy: PolicyReply) -> list[tuple[str, list[Number]]]:
    """The numbers by the part of the policy they stand in. What the handbook only refers to decides nothing, and is left out."""
    document: dict[str, JsonValue] = policy.document.model_dump(mode="json")
    found: dict[str, list[Number]] = {}
    for path, source in policy.sources.items():
        part, _, rest = path.partition(".")
        if part in document:
            found.setdefault(_plain(part), []).append(_number(words, _plain(rest or part), _at(document, path), source))
    for path, value in _added(document, set(policy.sources), ""):
        part, _, rest = path.partition(".")
        found.setdefault(_plain(part), []).append(Number(_plain(rest or part), words.shown(rest, value), "", "the clinic", "", "none"))
    return list(found.items())


def _plain(path: str) -> str:
    return path.replace(".", ", ").replace("_", " ").capitalize()


def _number(words: Words, name: str, value: JsonValue, source: Source) -> Number:
    """Written out with its unit's own name: the policy counts as the record does."""
    unit, handbook = UNITS.get(source.unit, source.unit), words.shown("", source.value)
    if value is not None and not _same(source.value, value):
        return Number(name, words.shown("", value), unit, "the clinic", "", handbook)
    return Number(name, words.shown("", value), unit, source.source, EVIDENCE[source.evidence], None)


def _same(default: JsonValue, value: JsonValue) -> bool:
    """Whether the clinic has kept a default. An entry's parts that the default leaves out have values of their own."""
    if isinstance(default, dict) and isinstance(value, dict):
        return all(_same(inner, value.get(key)) for key, inner in default.items())
    return default == value


def _at(node: JsonValue, path: str) -> JsonValue:
    for key in path.split("."):
        node = node.get(key) if isinstance(node, dict) else None
    return node


def _added(node: JsonValue, known: set[str], path: str) -> Iterator[tuple[str, JsonValue]]:
    """What stands in the document and has no default: the clinic's own entries, as whole as they are."""
    if path in known:
        return
    if not isinstance(node, dict) or not any(name.startswith(f"{path}." if path else "") for name in known):
        yield path, node
        return
    for key, inner in node.items():
        yield from _added(inner, known, f"{path}.{key}" if path else key)
