"""A ledger that was put back: what the streams and the bookmarks know of it, and how the next epoch opens."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from redis.asyncio import Redis
from sqlalchemy.exc import DBAPIError

from events import epochs, ledger
from events.catalog.booking import ResourceAdded
from events.catalog.compliance import AccessGranted, EpochOpened
from events.chain import Break, Checkpoint, EarlyCheckpointError, Reason, genesis
from events.continuity import Continuity
from events.database import SERVICES, Database
from events.outward import outward_stream
from events.projection import RecordUnreadableError
from events.rebuild import rebuild_service
from events.relay import SERVICE, STAGE, Relay
from events.reopening import bring_level
from events.rounds import Stage, look
from events.transaction import aside
from events.verification import Where, verdicts
from schemas.compliance import OpenEpoch
from schemas.vocabulary import Role
from services.compliance.commands import NotLevelError, open_epoch
from services.compliance.offline import verify_export
from services.compliance.queries import export, head_of_epoch, ledger_page, verify_ledger
from services.verification import connect_arguments
from tests.conftest import House

Publish = Callable[[], Awaitable[int]]


def added() -> ResourceAdded:
    return ResourceAdded(resource_id=uuid4(), kind="room", turnover_minutes=5)


@pytest.fixture
async def publish(database: Database, house: House, valkey: Redis) -> Publish:
    """The relay's step, guarded as the program guards it; each time as if by a new process."""

    async def step() -> int:
        relay = Relay(database, valkey)
        return await Continuity(database, valkey).guarding(relay.publish)(database, house.clinic_id, SERVICE, 500)

    return step


@pytest.fixture
async def managers(house: House) -> tuple[UUID, UUID]:
    one, other = uuid4(), uuid4()
    await house.given("compliance", *(AccessGranted(identity_id=manager, role=Role.MANAGER) for manager in (one, other)))
    return one, other


async def opened(house: House, managers: tuple[UUID, UUID]) -> EpochOpened:
    await bring_level(house.database, house.clinic_id)
    answer = await house.doing("compliance", open_epoch, OpenEpoch(approvers=managers, reason="restored"))
    assert isinstance(answer.event, EpochOpened)
    return answer.event


async def shown(valkey: Redis, clinic: UUID) -> list[str]:
    found: Any = await valkey.xrange(outward_stream(clinic))
    return [entry_id.decode() for entry_id, _ in found]


@pytest.mark.parametrize("beyond", [1, 40])
async def test_a_stream_that_goes_beyond_the_ledger_halts_the_relay(house: House, valkey: Redis, publish: Publish, beyond: int) -> None:
    await house.given("booking", added())
    assert await publish() == 0
    _, size = await head(house)
    await valkey.xadd(outward_stream(house.clinic_id), {"event": b'{"id":"of a day that is gone"}'}, id=f"1-{size + beyond}")
    before = await shown(valkey, house.clinic_id)
    assert await Continuity(house.database, valkey).inspect() == [house.clinic_id]
    for _ in range(beyond):
        await house.given("booking", added())
    with pytest.raises(RecordUnreadableError):
        await publish()
    assert await shown(valkey, house.clinic_id) == before


async def head(house: House) -> tuple[int, int]:
    async with aside(house.database, house.clinic_id, "compliance") as rows:
        at = await ledger.head(rows, house.clinic_id)
    assert at is not None
    return at.epoch, at.size


async def test_a_bookmark_astray_halts_at_once_and_only_it(house: House, valkey: Redis, owner: asyncpg.Connection) -> None:
    await bring_level(house.database, house.clinic_id)
    await owner.execute("update ledger.bookmarks set chain = sha256('another'::bytea) where service = 'consent' and stage = 'projected'")
    await Continuity(house.database, valkey).inspect()
    halted = await owner.fetch("select service, stage, error from ledger.attempts where halted_at is not null")
    assert [tuple(row) for row in halted] == [("consent", "projected", "RecordUnreadableError")]
    mended = await bring_level(house.database, house.clinic_id)
    assert len(mended) == 1
    assert mended[0].startswith("consent: its tables")


async def test_the_next_epoch_goes_on_with_the_index_and_begins_a_chain(house: House, managers: tuple[UUID, UUID]) -> None:
    await house.given("booking", added())
    _, size = await head(house)
    event = await opened(house, managers)
    assert (event.former_epoch, event.former_size, event.published_size) == (1, size, 0)
    (added_later,) = await house.given("booking", added())
    assert (added_later.epoch, added_later.index) == (2, size + 1)
    async with aside(house.database, house.clinic_id, "compliance") as rows:
        line = await epochs.read_line(rows, house.clinic_id, 0, 1000)
        assert [entry.index for entry in line] == list(range(size + 2))
        assert line[size].chain != line[size - 1].chain
        assert [epoch.beginning.chain for epoch in await epochs.epochs_of(rows, house.clinic_id)] == [
            genesis(house.clinic_id, number) for number in (1, 2)
        ]
    await bring_level(house.database, house.clinic_id)
    for service in SERVICES:
        assert [difference for found in await rebuild_service(house.database, service) for difference in found.differences] == []


async def test_an_epoch_takes_two_persons_and_everybody_at_the_end(house: House, managers: tuple[UUID, UUID]) -> None:
    with pytest.raises(NotLevelError):
        await house.doing("compliance", open_epoch, OpenEpoch(approvers=managers, reason="restored"))
    await bring_level(house.database, house.clinic_id)
    for wrong in ((managers[0], managers[0]), (managers[0], uuid4())):
        answer = await house.doing("compliance", open_epoch, OpenEpoch(approvers=wrong, reason="restored"))
        assert answer.event.refusal
    assert (await head(house))[0] == 1


async def test_no_service_but_compliance_opens_an_epoch(house: House, managers: tuple[UUID, UUID]) -> None:
    await bring_level(house.database, house.clinic_id)
    with pytest.raises(DBAPIError, match="permission denied"):
        await house.doing("booking", open_epoch, OpenEpoch(approvers=managers, reason="restored"))


async def test_streams_follow_into_the_new_epoch_also_when_they_are_older(
    house: House, valkey: Redis, publish: Publish, managers: tuple[UUID, UUID]
) -> None:
    await house.given("booking", added())
    await publish()
    former = await valkey.dump(outward_stream(house.clinic_id))
    event = await opened(house, managers)
    assert event.published_size == event.former_size - 0
    await house.given("booking", added())
    await publish()
    whole = await shown(valkey, house.clinic_id)
    assert whole[-2:] == [f"2-{event.former_size + 1}", f"2-{event.former_size + 2}"]
    assert former is not None
    await valkey.restore(outward_stream(house.clinic_id), 0, former, replace=True)
    await publish()
    await publish()
    assert await shown(valkey, house.clinic_id) == whole


async def test_what_is_cut_from_a_former_epoch_is_found_without_a_checkpoint(
    house: House, managers: tuple[UUID, UUID], owner: asyncpg.Connection
) -> None:
    await house.given("booking", added())
    event = await opened(house, managers)

    async def verdict() -> list[tuple[int, object]]:
        where = Where(connect_arguments(house.database.url), "asepsis_compliance")
        found = [one async for one in verdicts(where, [house.clinic_id], None, lambda _done, _total: None)]
        return [(one.ledger.epoch, None if one.broken is None else (one.broken.index, one.broken.reason)) for one in found]

    assert await verdict() == [(1, None), (2, None)]
    await owner.execute("alter table ledger.entries disable trigger all")
    await owner.execute("delete from ledger.entries where epoch = 1 and index = $1", event.former_size - 1)
    assert await verdict() == [(1, (event.former_size - 1, Reason.TRUNCATED)), (2, None)]
    await owner.execute("delete from ledger.entries where epoch = 2")
    assert (await verdict())[1] == (2, (0, Reason.MISSING))


async def test_a_bookmark_of_the_relay_that_is_astray_promises_nothing(
    house: House, publish: Publish, managers: tuple[UUID, UUID], owner: asyncpg.Connection
) -> None:
    await house.given("booking", added())
    await publish()
    await owner.execute("update ledger.bookmarks set chain = sha256('another'::bytea) where service = $1 and stage = $2", SERVICE, STAGE)
    assert (await opened(house, managers)).published_size == 0


async def test_nobody_passes_what_concerns_them_while_another_stands_at_the_new_epochs_beginning(
    house: House, managers: tuple[UUID, UUID]
) -> None:
    """Who has not begun an epoch stands at 0, and its entries begin much later: the two are not to be counted from one another."""
    await opened(house, managers)
    await house.given("compliance", *(AccessGranted(identity_id=uuid4(), role=Role.AUDITOR) for _ in range(10)))
    await bring_level(house.database, house.clinic_id)
    (concerning,) = await house.given("booking", added())
    await house.given("compliance", *(AccessGranted(identity_id=uuid4(), role=Role.AUDITOR) for _ in range(4)))

    async def nothing(_database: Database, _clinic: UUID, _service: str, _limit: int) -> int:
        return 0

    relay = Stage(SERVICE, STAGE, frozenset[str], nothing)
    consent = Stage("consent", "reacted", lambda: frozenset({concerning.type}), nothing)
    found = await look(house.database, house.clinic_id, [relay, consent])
    assert found is not None
    assert [(stage.service, attempt.index) for stage, attempt in found.todo] == [("consent", concerning.index)]
    async with aside(house.database, house.clinic_id, "compliance") as rows:
        assert await ledger.bookmark_size(rows, house.clinic_id, "consent", "reacted") == concerning.index
        assert await ledger.bookmark_size(rows, house.clinic_id, SERVICE, STAGE) in {0, found.size}


async def test_an_auditor_takes_each_epoch_away_and_verifies_it_alone(house: House, managers: tuple[UUID, UUID]) -> None:
    await house.given("booking", added())
    event = await opened(house, managers)
    await house.given("booking", added())
    await bring_level(house.database, house.clinic_id)
    lines: list[bytes] = []
    for epoch, first, size in ((1, 0, event.former_size), (2, event.former_size, event.former_size + 2)):
        async with house.look("compliance") as view:
            head = await head_of_epoch(view, epoch)
        assert head is not None
        lines = [line async for line in export(head, lambda: house.look("compliance"))]
        assert len(lines) == 1 + size - first
        verdict = verify_export(lines, Checkpoint(epoch, size, bytes.fromhex(head.chain)))
        assert (verdict.broken, verdict.head.size) == (None, size)
        assert verify_export([lines[0], *lines[2:]]).broken == Break(first, Reason.MISSING, first)
    with pytest.raises(EarlyCheckpointError):
        verify_export(lines, Checkpoint(2, event.former_size - 1, bytes(32)))
    async with house.look("compliance") as view:
        assert await head_of_epoch(view, 3) is None
        assert (await ledger_page(view, 0, 500)).head.size == event.former_size + 2
        assert len((await ledger_page(view, 0, 500)).entries) == event.former_size + 2
    whole = await verify_ledger(house.database, house.clinic_id)
    assert (whole.sound, whole.verified, whole.epochs) == (True, event.former_size + 2, 2)
