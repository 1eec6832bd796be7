"""The checkers themselves: silent after a sound morning, and loud when something is wrong with it."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from events.catalog.hygiene import HandpieceReprocessed, RoomTurnedOver
from tests.faults import checkers
from tests.faults.checkers import CHECKERS, Checker, tables_unlike_the_ledger
from tests.faults.doors import Acknowledged, Journal
from tests.faults.evidence import Evidence, gather
from tests.faults.stage import Stage

pytestmark = pytest.mark.timeout(150)


def without(evidence: Evidence, *kinds: type) -> Evidence:
    return replace(evidence, entries=[entry for entry in evidence.entries if not isinstance(entry.event, kinds)])


def twice(evidence: Evidence, kind: str) -> Evidence:
    return replace(evidence, entries=[*evidence.entries, evidence.said(kind)[0]])


def swapped(evidence: Evidence) -> Evidence:
    entries = list(evidence.entries)
    entries[20], entries[21] = entries[21], entries[20]
    return replace(evidence, entries=entries)


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
    (checkers.breaks_of_the_chain, swapped),
    (checkers.breaks_of_the_chain, lambda found: replace(found, entries=[*found.entries[:30], *found.entries[31:]])),
    (checkers.effects_not_exactly_once, lambda found: twice(found, "cartridge.opened")),
    (checkers.effects_not_exactly_once, lambda found: twice(found, "booking.confirmed")),
    (checkers.effects_not_exactly_once, lambda found: replace(found, entries=[e for e in found.entries if "consent.req" not in e.type])),
    (checkers.effects_not_exactly_once, lambda found: replace(found, outbox=found.outbox[1:])),
    (checkers.effects_not_exactly_once, second_message),
    (checkers.contradictions_of_bookmarks_and_streams, lambda found: replace(found, outward=found.outward[:-1])),
    (checkers.contradictions_of_bookmarks_and_streams, lambda found: replace(found, entries=[*found.entries, found.entries[-1]])),
    (checkers.contradictions_of_bookmarks_and_streams, lambda found: replace(found, unread_commands=1)),
]


async def test_every_checker_finds_what_it_looks_for(stage: Stage) -> None:
    async with stage.program(), stage.morning(clients=1) as morning:
        await morning.play()
        assert not await stage.problems()
        evidence = await gather(stage.place())
    assert {checker for checker, _ in WRONG} == set(CHECKERS)
    silent = [(checker.__name__, number) for number, (checker, spoil) in enumerate(WRONG) if not checker(spoil(evidence))]
    assert not silent
    await stage.owner.execute("update booking.bookings set starts_at = starts_at + interval '1 hour' where booking_id is not null")
    assert any("booking.bookings" in table or "booking_id" in table for table in await tables_unlike_the_ledger(stage.place()))
