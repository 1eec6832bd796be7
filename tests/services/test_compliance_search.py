"""Finding things in the record: by what they are called, by type, by day, and page after page."""

from collections.abc import Sequence
from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest

from events.catalog.compliance import AccessGranted, ComplianceRefused
from events.catalog.hygiene import LotReceived, SterilizerCommissioned
from schemas.compliance import FoundEntry, GrantAccess, RecordFilter
from schemas.vocabulary import Role
from services.compliance.commands import grant_access
from services.compliance.queries import counted_since, exact_entry, found_entries, ledger_head, meant_by, named_by, time_zone
from services.compliance.queries.meaning import MOST_MEANT
from tests.conftest import House, actor
from tests.services.compliance_story import NOON

STERILIZER, LOT = UUID("5f0c2b52-6a2e-4a53-9d4a-0f2d6d0a1c01"), UUID("5f0c9999-0000-4a53-9d4a-0f2d6d0a1c02")


@pytest.fixture
async def told(house: House) -> House:
    """A sterilizer and a lot whose ids begin alike, somebody with a name, a refusal."""
    await house.given(
        "hygiene",
        SterilizerCommissioned(sterilizer_id=STERILIZER, serial="MX-40021", air_removal="prevac", programs=("b134",)),
        LotReceived(
            lot_id=LOT, gtin="09506000134352", lot='A"1%', expires_on=date(2028, 1, 1), quantity=20, source="scan", occurred_at=NOON
        ),
    )
    named = GrantAccess(identity_id=uuid4(), role=Role.AUDITOR, display_name="Augusta Ng")
    await house.doing("compliance", grant_access, named, by=actor(Role.ADMIN))
    await house.given("compliance", ComplianceRefused(command="skip_entry", subject_id=LOT, findings=()))
    await house.caught_up("compliance")
    return house


async def found(house: House, limit: int = 100, **wanted: object) -> Sequence[FoundEntry]:
    async with house.look("compliance") as view:
        return (await found_entries(view, RecordFilter.model_validate(wanted), limit)).entries


async def meant(house: House, words: str) -> tuple[str, tuple[UUID, ...]]:
    async with house.look("compliance") as view:
        said = await meant_by(view, words)
    return said.how, said.ids


async def test_an_id_is_found_however_it_is_written(told: House) -> None:
    for words in (f"{LOT}", f" {str(LOT).upper()} ", LOT.hex, f"urn:uuid:{LOT}", f"]Q1urn:uuid:{LOT}", f"]d2urn:uuid:{LOT}", f"Lot {LOT}"):
        assert await meant(told, words) == ("id", (LOT,))
    assert await meant(told, "Sterilizer 5F0C2B") == ("beginning", (STERILIZER,))
    assert await meant(told, "5f0c") == ("beginning", (STERILIZER, LOT))
    assert await meant(told, "5f0c9999-0000") == ("beginning", (LOT,))
    assert await meant(told, "ffff") == ("beginning", ())
    assert await meant(told, "5f0") == ("code", ())


async def test_people_are_found_by_name_and_things_by_what_is_printed_on_them(told: House) -> None:
    how, ids = await meant(told, "augusta ng")
    assert (how, len(ids)) == ("name", 1)
    assert await meant(told, "augu") == ("name", ids), "while it is typed"
    assert await meant(told, "a") == ("code", ())
    assert await meant(told, "ugusta") == ("code", ())
    assert await meant(told, "MX-40021") == ("code", (STERILIZER,))
    assert await meant(told, "MX-4002") == ("code", ())
    assert await meant(told, 'A"1%') == ("code", (LOT,))
    assert await meant(told, '"') == ("code", ())
    scanned = '01095060001343521728010110A"1%'
    for words in (f"]d2{scanned}", scanned, f"]C1{scanned}", '(01)09506000134352(17)280101(10)A"1%'):
        assert await meant(told, words) == ("code", (LOT,)), words


async def test_what_a_thing_is_called_is_how_the_record_first_speaks_of_it(told: House) -> None:
    async with told.look("compliance") as view:
        assert await named_by(view, LOT) == "lot_id"
        assert await named_by(view, STERILIZER) == "sterilizer_id"
        assert await named_by(view, uuid4()) is None


async def test_everything_that_is_asked_must_hold(told: House) -> None:
    everything = await found(told)
    assert [entry.index for entry in everything] == list(range(len(everything) - 1, -1, -1))
    assert [entry.type for entry in await found(told, types=("lot.received",))] == ["lot.received.v1"]
    assert len(await found(told, without=("lot.received",))) == len(everything) - 1
    about = await found(told, about=(LOT,))
    assert [entry.type for entry in about] == ["compliance.refused.v1", "lot.received.v1"]
    assert len(await found(told, about=(LOT, STERILIZER))) == 3
    assert await found(told, about=()) == ()
    own = about[-1].event_id
    assert [entry.event_id for entry in await found(told, about=(own,))] == [own], "an event is found by its own id"
    assert [entry.index for entry in await found(told, about=(own, LOT))] == [entry.index for entry in about]
    assert await found(told, about=(own,), types=("clinic.opened",)) == ()
    async with told.look("compliance") as view:
        assert await named_by(view, own) == "event_id"
    assert [entry.type for entry in await found(told, refused=True)] == ["compliance.refused.v1"]
    assert [entry.type for entry in await found(told, refused=True, about=(STERILIZER,))] == []
    assert await found(told, types=("lot.received",), refused=True) == ()


async def test_days_are_found_by_the_ledgers_clock(told: House) -> None:
    everything = await found(told)
    for entry in everything:
        since, before = await found(told, begins_at=entry.recorded_at), await found(told, until=entry.recorded_at)
        assert {one.index for one in since} == {one.index for one in everything if one.recorded_at >= entry.recorded_at}
        assert {one.index for one in before} == {one.index for one in everything if one.recorded_at < entry.recorded_at}
    newest = everything[0].recorded_at + timedelta(seconds=1)
    assert await found(told, begins_at=newest) == ()
    async with told.look("compliance") as view:
        assert await counted_since(view, newest) == {}
        counts = await counted_since(view, everything[-1].recorded_at)
    assert sum(counts.values()) == len(everything)
    assert counts["lot.received"] == 1


async def test_pages_follow_each_other_without_a_gap(told: House) -> None:
    for _ in range(20):
        await told.given("compliance", AccessGranted(identity_id=uuid4(), role=Role.AUDITOR))
    everything = await found(told)
    for size in (1, 7, len(everything), len(everything) + 1):
        pages: list[int] = []
        before: int | None = None
        while True:
            async with told.look("compliance") as view:
                page = await found_entries(view, RecordFilter(before=before), size)
            pages += [entry.index for entry in page.entries]
            before = page.before
            if before is None:
                break
        assert pages == [entry.index for entry in everything]
    assert MOST_MEANT >= 20


async def test_an_entry_shows_the_bytes_that_its_hash_is_made_of(told: House) -> None:
    async with told.look("compliance") as view:
        head = await ledger_head(view)
        exact = [await exact_entry(view, index) for index in range(head.size)]
        assert await exact_entry(view, head.size) is None
        assert await time_zone(view) != ""
    assert all(one is not None and one.sound for one in exact)
    assert exact[-1] is not None
    assert exact[-1].entry.chain == head.chain
    assert exact[-1].header.count("\n") == 7
