"""Compliance itself stands still: two persons are believed, recorded by another service, and then it goes on."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from events.attempts import NotHaltedError, Pair
from events.catalog.booking import ResourceAdded
from events.catalog.compliance import AccessGranted, EntrySkipped
from events.envelope import Entry
from events.streams import Follower
from events.transaction import RecordUnreadableError
from schemas.vocabulary import Role
from services.opening import RefusedError
from services.operations import status_of
from services.skipping import skip_halted
from tests.conftest import House, actor

SERVICE = "compliance"
MANY = 60
"""More than are caught up while the clinic is locked."""


def added() -> ResourceAdded:
    return ResourceAdded(resource_id=uuid4(), kind="room", turnover_minutes=15)


@pytest.fixture
async def people(house: House) -> tuple[UUID, UUID]:
    one, two = uuid4(), uuid4()
    await house.given(SERVICE, AccessGranted(identity_id=one, role=Role.ADMIN), AccessGranted(identity_id=two, role=Role.CLINICIAN))
    return one, two


@pytest.fixture
async def halted(house: House, people: tuple[UUID, UUID], projecting: Callable[..., None]) -> int:
    """The entry before which compliance's projector stands still; many follow it."""
    (poison,) = await house.given("booking", added())

    async def choke(rows: AsyncSession, entry: Entry[Any]) -> None:
        if entry.index == poison.index:
            message = "poison"
            raise ValueError(message)

    projecting(SERVICE, ResourceAdded, choke)
    await house.given("booking", *(added() for _ in range(MANY)))
    await Follower(house.database, SERVICE).sweep()
    assert [(found.service, found.stage, found.bookmark) for found in (await status_of(house.database)).halted] == [
        (SERVICE, "projected", poison.index)
    ]
    with pytest.raises(RecordUnreadableError):
        await house.given(SERVICE, AccessGranted(identity_id=uuid4(), role=Role.ADMIN))
    return poison.index


async def test_two_persons_let_compliance_pass_its_own_entry(house: House, people: tuple[UUID, UUID], halted: int) -> None:
    pair = Pair(house.clinic_id, SERVICE, "projected")
    await skip_halted(house.database, pair, halted, "ticket-7", people, actor(Role.ADMIN))
    (skipped,) = await house.said(EntrySkipped)
    assert (skipped.service, skipped.skipped_index, skipped.approvers) == (SERVICE, halted, people)
    await Follower(house.database, SERVICE).sweep()
    assert (await status_of(house.database)).halted == []
    await house.given(SERVICE, AccessGranted(identity_id=uuid4(), role=Role.ADMIN))


async def test_without_two_persons_compliance_stands_still(house: House, people: tuple[UUID, UUID], halted: int) -> None:
    pair = Pair(house.clinic_id, SERVICE, "projected")
    for approvers in ((people[0], people[0]), (people[0], uuid4())):
        with pytest.raises(RefusedError):
            await skip_halted(house.database, pair, halted, "ticket-7", approvers, actor(Role.ADMIN))
    with pytest.raises(NotHaltedError):
        await skip_halted(house.database, pair, halted + 1, "ticket-7", people, actor(Role.ADMIN))
    assert await house.said(EntrySkipped) == []
    assert [found.bookmark for found in (await status_of(house.database)).halted] == [halted]
