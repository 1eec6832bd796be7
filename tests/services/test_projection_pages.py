"""Whatever is said, and in whatever order: a page of entries leaves behind what they would have left one by one."""

import random
from uuid import UUID, uuid4

import asyncpg
import pytest

from events.database import SERVICES, Base, Database, tables_of
from events.envelope import event_classes, versioned_type
from events.projection import projection_of
from events.transaction import aside
from tests.services.any_facts import Facts

ENTRIES = 120
BESIDE = ("access.grants", "machinery.systems")
"""What projectors write outside of their own service's tables."""


async def _left_behind(owner: asyncpg.Connection, service: str, clinic_id: UUID) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in (*tables_of(service, "projection"), *BESIDE):
        columns = ", ".join(f'"{column.name}"' for column in Base.metadata.tables[name].columns if column.name != "clinic_id")
        rows = await owner.fetch(f"select {columns} from {name} where clinic_id = $1", clinic_id)
        found[name] = sorted(str(tuple(row)) for row in rows)
    return found


async def _project(database: Database, service: str, facts: Facts, clinic_id: UUID, page: int) -> None:
    entries = facts.entries(clinic_id, ENTRIES)
    async with aside(database, clinic_id, service) as rows:
        for at in range(0, ENTRIES, page):
            await projection_of(service).apply(rows, entries[at : at + page])


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("service", SERVICES)
async def test_a_page_is_as_one_by_one(
    database: Database, owner: asyncpg.Connection, service: str, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("events.writes.MANY", 3)
    classes = {versioned_type(kind): kind for kind in event_classes().values()}
    kinds = [classes[heard] for heard in sorted(projection_of(service).hears)]
    if seed % 2:  # few kinds, so that the same rows are met again and again
        kinds = random.Random(seed).sample(kinds, min(len(kinds), 5))
    single, paged = uuid4(), uuid4()
    await _project(database, service, Facts(seed, kinds), single, 1)
    await _project(database, service, Facts(seed, kinds), paged, ENTRIES if seed % 3 else 7)
    assert await _left_behind(owner, service, paged) == await _left_behind(owner, service, single)
