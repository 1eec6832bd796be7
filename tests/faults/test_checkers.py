"""The checkers themselves: silent after a sound morning, and loud when something is wrong with it."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest

from events import ledger
from events.catalog.booking import AnswerRepeated, BookingCanceled, BookingConfirmed
from events.catalog.hygiene import HandpieceReprocessed, RoomTurnedOver
from events.catalog.treatment import TreatmentStarted
from events.outward import outward_stream
from events.transaction import aside, project, transaction
from schemas.booking import ResourceAddition
from schemas.vocabulary import Actor, Role
from services.booking.commands import add_resource
from tests.faults import checkers
from tests.faults.checkers import CHECKERS, Checker, products_findings
from tests.faults.doors import Acknowledged, Journal
from tests.faults.evidence import Evidence, gather
from tests.faults.stage import Stage

pytestmark = pytest.mark.timeout(150)


def without(evidence: Evidence, *kinds: type) -> Evidence:
    return replace(evidence, entries=[entry for entry in evidence.entries if not isinstance(entry.event, kinds)])


def twice(evidence: Evidence, kind: str) -> Evidence:
    return replace(evidence, entries=[*evidence.entries, evidence.said(kind)[0]])


def journal(evidence: Evidence, acknowledged: list[Acknowledged], commands: list[str]) -> Evidence:
    return replace(evidence, place=replace(evidence.place, journal=Journal(acknowledged, commands)))


def out_of_order(evidence: Evidence) -> Evidence:
    """The later of two answers is said to have been given before the earlier was asked for."""
    later, earlier = evidence.entries[-1].event_id, evidence.entries[-9].event_id
    return journal(evidence, [Acknowledged("a", later, 1.0, 2.0), Acknowledged("b", earlier, 3.0, 4.0)], [])


def second_message(evidence: Evidence) -> Evidence:
    other = {**evidence.messages[0], "message_id": "<another@place>"}
    return replace(evidence, messages=[*evidence.messages, other])


WRONG: list[tuple[Checker, Callable[[Evidence], Evidence]]] = [
    (checkers.unsafe_starts, lambda found: without(found, RoomTurnedOver)),
    (checkers.unsafe_starts, lambda found: without(found, HandpieceReprocessed)),
    (checkers.unsafe_starts, lambda found: twice(found, "treatment.started")),
    (checkers.answers_out_of_order, out_of_order),
    (checkers.lost_answers, lambda found: replace(found, entries=found.entries[:-12])),
    (checkers.lost_answers, lambda found: journal(found, [], ["fd-never-answered"])),
    (checkers.effects_not_exactly_once, lambda found: twice(found, "cartridge.opened")),
    (checkers.effects_not_exactly_once, lambda found: twice(found, "booking.confirmed")),
    (checkers.effects_not_exactly_once, second_message),
    (checkers.unrest, lambda found: replace(found, outward=found.outward[:-1])),
    (checkers.unrest, lambda found: replace(found, entries=[*found.entries, found.entries[-1]])),
    (checkers.unrest, lambda found: replace(found, unread_commands=1)),
]


class Forger:
    """Somebody with every right but one: to have asked the rules."""

    def __init__(self, stage: Stage, evidence: Evidence) -> None:
        self.stage = stage
        self.evidence = evidence
        self.clinic = stage.example.clinic_id

    async def answers(self, service: str, who: str, role: Role, event: Any, policy: int | None = None) -> int:
        """Answer a command that nobody decided; returns where it stands."""
        actor = Actor(identity_id=self.stage.example.people[who].identity_id, role=role)
        async with transaction(self.stage.database, self.clinic, service, actor, str(uuid4())) as tx:
            return (await tx.answer(event, policy=policy)).entry.index

    async def run(self, statement: str, *values: Any) -> None:
        """Past all rights and triggers."""
        await self.stage.owner.execute("set session_replication_role = replica")
        await self.stage.owner.execute(statement, *values)
        await self.stage.owner.execute("set session_replication_role = origin")

    def first(self, kind: str) -> Any:
        return self.evidence.said(kind)[0]

    async def passes_over(self, service: str) -> None:
        """Move a bookmark to the end, as if everything had been reacted to."""
        await project(self.stage.database, self.clinic, service)
        async with aside(self.stage.database, self.clinic, service) as rows:
            at = await ledger.head(rows, self.clinic)
        assert at is not None
        where = "clinic_id = $1 and service = $2 and stage = 'reacted'"
        await self.run(f"update ledger.bookmarks set size = $3, chain = $4 where {where}", self.clinic, service, at.size, at.chain)


async def start_without_asking(forger: Forger) -> str:
    start: TreatmentStarted = forger.first("treatment.started").event
    forged = start.model_copy(update={"treatment_id": uuid4()})
    at = await forger.answers("treatment", "practitioner", Role.PRACTITIONER, forged, policy=1)
    return f"1 (decisions) entry {at} (treatment.started.v1) was not decided so"


async def cancel_what_is_not_there(forger: Forger) -> str:
    canceled = BookingCanceled(booking_id=uuid4(), client_id=uuid4(), reason="client_asked")
    at = await forger.answers("booking", "front_desk", Role.FRONT_DESK, canceled)
    return f"1 (decisions) entry {at} (booking.canceled.v1) was not decided so: the rules give request.refused.v1"


async def decide_as_a_stranger(forger: Forger) -> str:
    stranger = Actor(identity_id=uuid4(), role=Role.MANAGER)
    async with transaction(forger.stage.database, forger.clinic, "booking", stranger, str(uuid4())) as tx:
        resource = ResourceAddition(resource_id=uuid4(), kind="room", turnover_minutes=5)
        at = (await tx.once(add_resource, resource)).entry.index
    await project(forger.stage.database, forger.clinic, "compliance")
    return f"1 (decisions) entry {at} (resource.added.v1) was decided without right: {stranger.identity_id} did not have the role manager"


async def book_what_nobody_asked_for(forger: Forger) -> str:
    """Consent hears of it, and is told that it had reacted already."""
    signed = {entry.event.client_id for entry in forger.evidence.said("consent.signed")}
    later = next(e.event.visit for e in forger.evidence.said("booking.confirmed") if e.event.visit.client_id not in signed)
    visit = later.model_copy(update={"booking_id": uuid4()})
    at = await forger.answers("booking", "front_desk", Role.FRONT_DESK, BookingConfirmed(visit=visit), policy=1)
    await forger.passes_over("consent")
    return f"6 (effects) consent has passed entry {at} (booking.confirmed.v1) without what follows from it"


async def answer_what_is_not_recorded(forger: Forger) -> str:
    event_id = uuid4()
    await forger.run("insert into ledger.fingerprints (clinic_id, event_id, fingerprint) values ($1, $2, '')", forger.clinic, event_id)
    return f"3 (answers) an answer was given as {event_id}"


async def repeat_what_was_never_said(forger: Forger) -> str:
    event_id = uuid4()
    at = await forger.answers("booking", "system", Role.SYSTEM, AnswerRepeated(event_id=event_id))
    return f"2 (order) entry {at} (answer.repeated.v1) repeats {event_id}, which does not stand before it"


async def keep_a_letter_of_nothing(forger: Forger) -> str:
    columns = "clinic_id, system, inbox_entry, fields, reasons, received_at"
    await forger.run(f"insert into machinery.dead_letters ({columns}) values ($1, 'frontdesk', '7-0', '{{}}', '[]', now())", forger.clinic)
    return "3 (answers) the dead letter 7-0 of frontdesk was rejected by no entry"


async def move_a_booking(forger: Forger) -> str:
    booking_id = forger.first("booking.confirmed").event.visit.booking_id
    await forger.run("update booking.bookings set starts_at = starts_at + interval '1 hour' where booking_id = $1", booking_id)
    return f"5 (tables) booking.bookings: row booking_id={booking_id} is not what the ledger says"


async def give_oneself_a_role(forger: Forger) -> str:
    identity = uuid4()
    columns = "clinic_id, identity_id, role, granted, epoch, size"
    await forger.run(f"insert into access.grants ({columns}) values ($1, $2, 'admin', true, 1, 1)", forger.clinic, identity)
    return f"5 (tables) access.grants: row identity_id={identity}, role=admin is in the table, and the ledger does not say so"


async def give_oneself_a_token(forger: Forger) -> str:
    columns = "clinic_id, token_hash, token_id, identity_id, label, created_at, expires_at"
    values = "$1, '\\x01', $2, $2, 'mine', now(), now() + interval '1 day'"
    token_id = uuid4()
    await forger.run(f"insert into access.tokens ({columns}) values ({values})", forger.clinic, token_id)
    return f"5 (tables) access.tokens: row token_id={token_id} is in the table, and the ledger does not say so"


async def change_what_was_signed(forger: Forger) -> str:
    signed = forger.first("consent.signed")
    await forger.run("update consent.signatures set content = content || ' '::bytea where consent_id = $1", signed.event.consent_id)
    return f"5 (tables) the row of entry {signed.index} (consent.signed.v1) in consent.signatures is not what was committed to"


async def lose_what_was_answered(forger: Forger) -> str:
    answered = forger.first("screening.answered")
    await forger.run("delete from consent.answer_sheets where screening_id = $1", answered.event.screening_id)
    return f"5 (tables) the row of entry {answered.index} (screening.answered.v1) in consent.answer_sheets is gone"


async def send_what_nobody_decided(forger: Forger) -> str:
    message_id = uuid4()
    columns = "clinic_id, message_id, recipient, recipient_id, template, parameters, send_after, attempts"
    await forger.run(
        f"insert into machinery.outbox ({columns}) values ($1, $2, 'client', $2, 'checkin_due', '{{}}', now(), 0)",
        forger.clinic,
        message_id,
    )
    return f"6 (effects) message {message_id} (checkin_due) was decided on by no entry"


async def forget_what_was_decided(forger: Forger) -> str:
    lost: UUID = await forger.stage.owner.fetchval(
        "delete from machinery.outbox where clinic_id = $1 and template = 'checkin_due' and sent_at is not null returning message_id",
        forger.clinic,
    )
    return f"6 (effects) message {lost} (checkin_due) was decided on, and is not in the outbox"


async def bend_a_bookmark(forger: Forger) -> str:
    where = "clinic_id = $1 and service = 'relay'"
    await forger.run(f"update ledger.bookmarks set chain = sha256('elsewhere') where {where}", forger.clinic)
    return "7 (bookmarks and streams) the bookmark of relay (published)"


async def publish_something_else(forger: Forger) -> str:
    gone, _ = forger.evidence.outward[3]
    await forger.stage.valkey.xdel(outward_stream(forger.clinic), gone)
    return f"7 (bookmarks and streams) {gone} is missing on the outward stream between others"


PLANTED: list[Callable[[Forger], Awaitable[str]]] = [
    cancel_what_is_not_there,
    start_without_asking,
    decide_as_a_stranger,
    book_what_nobody_asked_for,
    answer_what_is_not_recorded,
    keep_a_letter_of_nothing,
    move_a_booking,
    give_oneself_a_role,
    give_oneself_a_token,
    change_what_was_signed,
    lose_what_was_answered,
    send_what_nobody_decided,
    forget_what_was_decided,
    bend_a_bookmark,
    publish_something_else,
]


async def test_every_checker_finds_what_it_looks_for(stage: Stage) -> None:
    async with stage.program(), stage.morning(clients=1) as morning:
        await morning.play()
        assert not await stage.problems()
        evidence = await gather(stage.place())
    assert {checker for checker, _ in WRONG} == set(CHECKERS)
    silent = [(checker.__name__, number) for number, (checker, spoil) in enumerate(WRONG) if not checker(spoil(evidence))]
    assert not silent
    forger = Forger(stage, evidence)
    planted = [await plant(forger) for plant in PLANTED]
    found = [sentence.replace(f" clinic {forger.clinic}:", "").replace("  ", " ") for sentence in await products_findings(stage.place())]
    unseen = [sentence for sentence in planted if not any(said.startswith(sentence) for said in found)]
    assert not unseen, "\n".join(found)


async def test_what_keeps_others_from_reading_on_is_found_where_it_is(stage: Stage) -> None:
    forger = Forger(stage, await gather(stage.place()))
    repeated = await repeat_what_was_never_said(forger)
    bend = "update ledger.entries set recorded_at = recorded_at + interval '1 microsecond' where clinic_id = $1 and index = 7"
    await forger.run(bend, forger.clinic)
    found = [sentence.replace(f" clinic {forger.clinic}:", "").replace("  ", " ") for sentence in await products_findings(stage.place())]
    assert repeated in found
    assert "4 (chain) epoch 1 breaks at entry 7: chain" in found
