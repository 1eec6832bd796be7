"""Rebuilding: the rows are equal by construction, and a row that somebody touched is found."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from events.catalog.booking import ClientRegistered, PractitionerCredentialed, ResourceAdded
from events.catalog.compliance import AccessGranted, RecordViewed, SystemConnected
from events.catalog.recovery import SafetyHoldPlaced
from events.database import SERVICES
from events.embedded import Servers
from events.envelope import Entry, versioned_type
from events.projection import projection_of
from events.rebuild import Compared, rebuild_service
from schemas.vocabulary import Modality, Role
from tests.conftest import House, open_house

Rebuild = Callable[..., Awaitable[dict[str, Compared]]]


@pytest.fixture
def rebuild(house: House, servers: Servers, database_name: str) -> Rebuild:
    async def run(service: str, *only: Any) -> dict[str, Compared]:
        return {found.table: found for found in await rebuild_service(house.database, service, *only)}

    return run


async def a_little_of_everything(house: House) -> None:
    client, practitioner = uuid4(), uuid4()
    await house.given(
        "booking",
        ResourceAdded(resource_id=uuid4(), kind="room", turnover_minutes=15),
        ResourceAdded(resource_id=uuid4(), kind="device", turnover_minutes=0),
        ClientRegistered(client_id=client, commitment="0" * 64, contactable=True),
        PractitionerCredentialed(
            practitioner_id=practitioner,
            role=Role.PRACTITIONER,
            modalities=(Modality.MICRONEEDLING,),
            max_depth_um=1500,
            valid_until="2099-01-01",  # type: ignore[arg-type]
        ),
    )
    await house.given(
        "compliance",
        AccessGranted(identity_id=practitioner, role=Role.PRACTITIONER),
        SystemConnected(system="frontdesk", identity_id=uuid4()),
        RecordViewed(question="q", subject_id=client, answers=1),
    )
    hold = SafetyHoldPlaced(hold_id=uuid4(), client_id=client, reason="fever", tier="urgent", cause=uuid4())
    await house.given("recovery", hold)


@pytest.mark.parametrize("service", SERVICES)
async def test_a_rebuild_is_equal_and_leaves_nothing_behind(
    house: House, owner: asyncpg.Connection, rebuild: Rebuild, service: str
) -> None:
    for one in (house, await open_house(house.database)):
        await a_little_of_everything(one)
        await one.caught_up(service)
    grants = await owner.fetch("select * from access.grants")
    compared = await rebuild(service)
    assert {name: found.differences for name, found in compared.items() if found.differences} == {}
    assert compared[f"{service}.policies"].rows == 2
    assert (await rebuild(service, house.clinic_id))[f"{service}.policies"].rows == 1
    assert await owner.fetch("select * from access.grants") == grants
    assert await owner.fetchval("select count(*) from pg_namespace where nspname like '%shadow%'") == 0


async def test_a_rebuild_goes_as_far_as_the_bookmark(house: House, rebuild: Rebuild) -> None:
    await house.caught_up("hygiene")
    await a_little_of_everything(house)
    assert not any(found.differences for found in (await rebuild("hygiene")).values())


async def test_touched_invented_and_lost_rows_are_found_by_key(house: House, owner: asyncpg.Connection, rebuild: Rebuild) -> None:
    await a_little_of_everything(house)
    await house.caught_up("booking")
    room, device = await owner.fetch("select resource_id from booking.resources order by kind desc")
    await owner.execute("update booking.resources set turnover_minutes = 1 where resource_id = $1", room["resource_id"])
    await owner.execute("delete from booking.resources where resource_id = $1", device["resource_id"])
    invented = uuid4()
    columns = "clinic_id, resource_id, kind, turnover_minutes"
    await owner.execute(f"insert into booking.resources ({columns}) values ($1, $2, 'room', 9)", house.clinic_id, invented)
    found = (await rebuild("booking"))["booking.resources"].differences
    clinic = f"of clinic {house.clinic_id}"
    assert found == [
        f"row resource_id={room['resource_id']} {clinic} is not what the ledger says",
        f"row resource_id={invented} {clinic} is in the table, and the ledger does not say so",
        f"row resource_id={device['resource_id']} {clinic} is missing in the table",
    ]


async def test_an_entry_that_cannot_be_projected_is_named_and_the_others_are_compared(
    house: House, rebuild: Rebuild, monkeypatch: pytest.MonkeyPatch
) -> None:
    await a_little_of_everything(house)
    await house.caught_up("booking")

    async def choke(rows: AsyncSession, entry: Entry[Any]) -> None:
        message = "poison"
        raise ValueError(message)

    monkeypatch.setitem(projection_of("booking")._projectors, versioned_type(ClientRegistered), [choke])
    compared = await rebuild("booking")
    assert compared["ledger.entries"].differences == [
        f"entry 4 (client.registered.v1) of clinic {house.clinic_id} cannot be projected: ValueError"
    ]
    assert [name for name, found in compared.items() if found.differences] == ["booking.clients", "ledger.entries"]
