"""What cannot be worked halts one pair and nothing else; what cannot be read yet waits."""

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from events import envelope, ledger
from events.catalog.booking import BookingCanceled, ResourceAdded
from events.catalog.compliance import RecordViewed
from events.database import Database
from events.envelope import Entry, Event
from events.ledger import clinics_behind
from events.projection import RecordUnreadableError
from events.streams import Follower
from events.transaction import Transaction, aside, reading
from services.operations import status_of
from tests.conftest import House, open_house

SERVICE = "consent"


def added() -> ResourceAdded:
    return ResourceAdded(resource_id=uuid4(), kind="room", turnover_minutes=15)


async def lags(database: Database, service: str = SERVICE) -> int:
    """How many clinics and stages a service is behind in."""
    async with aside(database, None, service) as rows:
        return sum([len(await clinics_behind(rows, service, stage)) for stage in ("projected", "reacted")])


async def test_a_poison_projector_halts_one_pair_and_other_clinics_go_on(house: House, projecting: Callable[..., None]) -> None:
    other = await open_house(house.database)
    tries: list[int] = []

    async def choke(rows: AsyncSession, entry: Entry[Any]) -> None:
        if entry.clinic_id == house.clinic_id and entry.index == 4:
            tries.append(entry.index)
            message = "poison"
            raise ValueError(message)

    projecting(SERVICE, ResourceAdded, choke)
    await house.given("booking", *(added() for _ in range(6)))
    await other.given("booking", *(added() for _ in range(6)))
    follower = Follower(house.database, SERVICE)
    await follower.sweep()
    await follower.sweep()
    assert len(tries) == 1 + 5  # once in the batch, five times alone
    (standing,) = (await status_of(house.database)).halted
    assert (standing.clinic_id, standing.service, standing.stage) == (house.clinic_id, SERVICE, "projected")
    assert (standing.bookmark, standing.attempts, standing.error) == (4, 5, "ValueError")
    async with reading(house.database, other.clinic_id, SERVICE) as view:
        assert view.size == 8


async def test_a_program_that_mends_the_projector_passes_the_halted_entry(house: House, projecting: Callable[..., None]) -> None:
    broken = True

    async def choke(rows: AsyncSession, entry: Entry[Any]) -> None:
        if broken:
            message = "poison"
            raise ValueError(message)

    projecting(SERVICE, ResourceAdded, choke)
    await house.given("booking", added())
    await Follower(house.database, SERVICE).sweep()
    assert len((await status_of(house.database)).halted) == 1
    await Follower(house.database, SERVICE).sweep()
    assert len((await status_of(house.database)).halted) == 1
    broken = False
    await Follower(house.database, SERVICE).sweep()
    assert (await status_of(house.database)).halted == []
    assert await lags(house.database) == 0


async def test_a_poison_reaction_halts_and_the_projections_go_on(house: House, reacting: Callable[..., None]) -> None:
    tries = 0

    async def choke(tx: Transaction, entry: Entry[Any]) -> None:
        nonlocal tries
        tries += 1
        await tx.record(RecordViewed(question="never", answers=1))
        message = "poison"
        raise ValueError(message)

    reacting("recovery", ResourceAdded, choke)
    await house.given("booking", added())
    follower = Follower(house.database, "recovery")
    await follower.sweep()
    await house.given("booking", BookingCanceled(booking_id=uuid4(), client_id=uuid4(), reason="asked"))
    await follower.sweep()
    assert tries == 5
    (standing,) = (await status_of(house.database)).halted
    assert (standing.service, standing.stage, standing.bookmark) == ("recovery", "reacted", 2)
    assert await house.said(RecordViewed) == []
    async with house.look("recovery") as view:
        assert view.size == 4


async def test_a_reaction_is_not_blamed_for_its_projector(
    house: House, projecting: Callable[..., None], reacting: Callable[..., None]
) -> None:
    async def choke(rows: AsyncSession, entry: Entry[Any]) -> None:
        message = "poison"
        raise ValueError(message)

    async def note(tx: Transaction, entry: Entry[Any]) -> None:
        return

    projecting("recovery", ResourceAdded, choke)
    reacting("recovery", ResourceAdded, note)
    await house.given("booking", added())
    for _ in range(6):
        await Follower(house.database, "recovery").sweep()
    assert [found.stage for found in (await status_of(house.database)).halted] == ["projected"]


async def test_an_unknown_type_waits_and_resumes_by_itself(house: House, projecting: Callable[..., None]) -> None:
    seen: list[int] = []

    async def note(rows: AsyncSession, entry: Entry[Any]) -> None:
        seen.append(entry.index)

    projecting(SERVICE, ResourceAdded, note)
    follower = Follower(house.database, SERVICE)
    await house.given("booking", added())
    await _append_raw(house, "thing.of_tomorrow.v1", {})
    await _append_raw(house, "resource.added.v1", added().model_dump(mode="json"))
    with pytest.raises(RecordUnreadableError):  # who cannot read the whole record decides nothing
        await house.given("booking", added())
    for _ in range(8):
        await follower.sweep()
    found = {one.stage: one for one in (await status_of(house.database)).standings if one.service == SERVICE}
    assert seen == [2]
    assert found["projected"].bookmark == 3
    assert found["projected"].halted_at is None
    assert "thing.of_tomorrow.v1" in (found["projected"].error or "")

    class Tomorrow(Event, type="thing.of_tomorrow"):
        """A class that an upgrade brings."""

    try:
        await follower.sweep()
        assert seen == [2, 4]
        assert await lags(house.database) == 0
    finally:
        envelope._classes.pop(("thing.of_tomorrow", 1))
    assert Tomorrow.type == "thing.of_tomorrow"


async def _append_raw(house: House, versioned: str, data: dict[str, Any]) -> None:
    """What a newer program would append."""
    async with aside(house.database, house.clinic_id, "booking") as rows:
        await rows.execute(text("select pg_advisory_xact_lock(hashtextextended(:clinic, 0))"), {"clinic": str(house.clinic_id)})
        at = await ledger.head(rows, house.clinic_id)
        assert at is not None
        actor = {"identity_id": str(uuid4()), "role": "service"}
        body = json.dumps({"actor": actor, "causation": {"id": "c", "correlation": None}, "policy": None, "data": data}).encode()
        await ledger.append(rows, house.clinic_id, at, uuid4(), versioned, body)


async def test_a_bookmark_with_another_chain_halts_at_once(house: House, owner: asyncpg.Connection) -> None:
    follower = Follower(house.database, SERVICE)
    await follower.sweep()
    await owner.execute("update ledger.bookmarks set chain = sha256('other') where service = $1", SERVICE)
    await house.given("booking", added())
    await follower.sweep()
    halted = (await status_of(house.database)).halted
    assert {(one.stage, one.error) for one in halted} == {("projected", "RecordUnreadableError")}
    await Follower(house.database, SERVICE).sweep()
    async with house.look(SERVICE) as view:
        assert view.size == 2
