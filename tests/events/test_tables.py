"""Writes that wait leave behind what they would have left one by one, whatever places they change."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import MetaData, bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, aliased, mapped_column

from events.database import Base, Database
from events.tables import Rows, Write
from events.transaction import aside

CLINIC = UUID(int=7)


class Trial(DeclarativeBase):
    metadata = MetaData(schema="trial")
    type_annotation_map = Base.type_annotation_map


class Cup(Trial):
    __tablename__ = "cups"
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    color: Mapped[str | None]
    fills: Mapped[int | None]
    notes: Mapped[dict[str, Any] | None]


class Spill(Trial):
    """What a cup has left on a place."""

    __tablename__ = "spills"
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    place: Mapped[str] = mapped_column(primary_key=True)
    drops: Mapped[int]


class Seat(Trial):
    """No two cups on one seat."""

    __tablename__ = "seats"
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    seat: Mapped[int] = mapped_column(unique=True)


_ONE = (Cup.clinic_id == bindparam("clinic"), Cup.number == bindparam("which"))
FILL = Write(update(Cup).where(*_ONE).values(fills=func.coalesce(Cup.fills, 0) * 3 + bindparam("by")))
BREAK = Write(delete(Cup).where(*_ONE))
PAINT_ALL = Write(update(Cup).where(Cup.clinic_id == bindparam("clinic")).values(color=func.coalesce(Cup.color, "") + bindparam("shade")))
COUNT = Write(
    update(Cup)
    .where(*_ONE)
    .values(fills=select(func.count()).select_from(Seat).where(Seat.clinic_id == bindparam("clinic")).scalar_subquery())
)
_OF_CUP = (Spill.clinic_id == bindparam("clinic"), Spill.number == bindparam("which"))
WIPE = Write(delete(Spill).where(*_OF_CUP))
SPREAD = Write(update(Spill).where(*_OF_CUP).values(drops=Spill.drops * 2 + bindparam("by")))
_DROPS = select(func.coalesce(func.sum(Spill.drops), -1)).where(*_OF_CUP)
WEIGH = Write(update(Cup).where(*_ONE).values(fills=_DROPS.scalar_subquery()))
DRIP = Write(
    insert(Spill)
    .from_select(
        ["clinic_id", "number", "place", "drops"],
        select(bindparam("clinic"), bindparam("which"), bindparam("place"), func.coalesce(Cup.fills, 0)).where(*_ONE),
    )
    .on_conflict_do_nothing()
)
_NEW = insert(Spill)
_MOST = _NEW.on_conflict_do_update(
    index_elements=["clinic_id", "number", "place"], set_={"drops": func.greatest(Spill.drops, _NEW.excluded.drops)}
)
SOAK = Write(_MOST, ("clinic_id", "number", "place", "drops"))
_LAST = delete(Spill).where(*_OF_CUP, Spill.place == bindparam("place")).returning(Spill.drops).cte("dried")
DRINK = Write(update(Cup).where(*_ONE).values(fills=func.coalesce(Cup.fills, 0) + _LAST.c.drops))
LEAVE = Write(delete(Seat).where(Seat.clinic_id == bindparam("clinic"), Seat.number == bindparam("which")))

one = st.integers(0, 3)
place = st.sampled_from(["table", "floor"])
color = st.sampled_from(["red", "blue"])
drops = st.tuples(place, one)

Step = tuple[str, int, Any]
KINDS: dict[str, tuple[st.SearchStrategy[Any], Callable[[Rows, int, Any], None]]] = {
    "put": (color, lambda rows, which, value: rows.put(Cup, clinic_id=CLINIC, number=which, color=value)),
    "add": (color, lambda rows, which, value: rows.add(Cup, clinic_id=CLINIC, number=which, color=value, notes={"made": True})),
    "note": (one, lambda rows, which, value: rows.put(Cup, clinic_id=CLINIC, number=which, notes={"value": value})),
    "fill": (one, lambda rows, which, value: rows.write(FILL, clinic=CLINIC, which=which, by=value)),
    "break": (st.none(), lambda rows, which, _: rows.write(BREAK, clinic=CLINIC, which=which)),
    "paint": (st.sampled_from(["+", "-"]), lambda rows, _, value: rows.write(PAINT_ALL, clinic=CLINIC, shade=value)),
    "count": (st.none(), lambda rows, which, _: rows.write(COUNT, clinic=CLINIC, which=which)),
    "sit": (one, lambda rows, which, value: rows.add(Seat, clinic_id=CLINIC, number=which, seat=value)),
    "leave": (st.none(), lambda rows, which, _: rows.write(LEAVE, clinic=CLINIC, which=which)),
    "spill": (place, lambda rows, which, value: rows.put(Spill, clinic_id=CLINIC, number=which, place=value, drops=which + 1)),
    "soak": (drops, lambda rows, which, value: rows.write(SOAK, clinic_id=CLINIC, number=which, place=value[0], drops=value[1])),
    "drip": (place, lambda rows, which, value: rows.write(DRIP, clinic=CLINIC, which=which, place=value)),
    "drink": (place, lambda rows, which, value: rows.write(DRINK, clinic=CLINIC, which=which, place=value)),
    "spread": (one, lambda rows, which, value: rows.write(SPREAD, clinic=CLINIC, which=which, by=value)),
    "wipe": (st.none(), lambda rows, which, _: rows.write(WIPE, clinic=CLINIC, which=which)),
    "weigh": (st.none(), lambda rows, which, _: rows.write(WEIGH, clinic=CLINIC, which=which)),
}
step = st.one_of([st.tuples(st.just(kind), one, value) for kind, (value, _) in KINDS.items()])
few = st.lists(st.sampled_from(sorted(KINDS)), min_size=2, max_size=4, unique=True).flatmap(
    lambda kinds: st.lists(st.one_of([st.tuples(st.just(kind), one, KINDS[kind][0]) for kind in kinds]), max_size=40)
)
"""Days on which the same things happen again and again, so that much of it travels together."""


async def _left_behind(session: AsyncSession, steps: Sequence[Step], *, together: bool) -> list[Any]:
    for kind in (Cup, Seat, Spill):
        await session.execute(delete(kind))
    rows = Rows(session)
    for what, which, value in steps:
        KINDS[what][1](rows, which, value)
        if not together:
            await rows.flush()
    cups = (await rows.execute(select(Cup.number, Cup.color, Cup.fills, Cup.notes).order_by(Cup.number))).all()
    seats = (await rows.execute(select(Seat.number, Seat.seat).order_by(Seat.number))).all()
    spills = (await rows.execute(select(Spill.number, Spill.place, Spill.drops).order_by(Spill.number, Spill.place))).all()
    return [*cups, *seats, *spills]


@pytest.fixture
async def session(database: Database, owner: asyncpg.Connection) -> Any:
    await owner.execute("create schema trial")
    await owner.execute(
        "create table trial.cups (clinic_id uuid, number bigint, color text, fills bigint, notes jsonb, primary key (clinic_id, number))"
    )
    await owner.execute("create table trial.seats (clinic_id uuid, number bigint, seat bigint unique, primary key (clinic_id, number))")
    await owner.execute(
        "create table trial.spills (clinic_id uuid, number bigint, place text, drops bigint, primary key (clinic_id, number, place))"
    )
    await owner.execute("grant usage on schema trial to public; grant all on all tables in schema trial to public")
    async with aside(database, CLINIC, "booking") as rows:
        yield rows


@pytest.fixture
def cases() -> list[list[Step]]:
    """Thought up before the transaction begins: it may not be idle for long."""

    @settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(steps=st.one_of(st.lists(step, max_size=25), few))
    def think(steps: list[Step]) -> None:
        found.append(steps)

    found: list[list[Step]] = []
    think()
    return found


async def test_together_is_as_one_by_one(cases: list[list[Step]], session: AsyncSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("events.writes.MANY", 2)
    for steps in cases:
        together = await _left_behind(session, steps, together=True)
        assert together == await _left_behind(session, steps, together=False), steps


def test_a_statement_is_known_by_the_rows_it_shows() -> None:
    assert FILL.scopes == {"trial.cups": ("clinic", "which")}
    assert BREAK.scopes == {"trial.cups": ("clinic", "which")}
    assert PAINT_ALL.scopes == {"trial.cups": ("clinic",)}
    assert WIPE.scopes == {"trial.spills": ("clinic", "which")}
    assert SOAK.scopes == {"trial.spills": ("clinic_id", "number", "place")}
    assert LEAVE.scopes == {"trial.seats": ()}  # a seat that is taken stands in another one's way
    either = (Cup.clinic_id == bindparam("clinic")) | (Cup.number == bindparam("which"))
    assert Write(update(Cup).where(either).values(color="x")).scopes == {"trial.cups": ()}
    assert Write(update(Cup).where(*_ONE).values(number=bindparam("other"))).scopes == {"trial.cups": ("clinic",)}  # it is in two places
    assert Write(update(Cup).where(Cup.clinic_id == bindparam("clinic"), Cup.number == 3)).scopes == {"trial.cups": ("clinic",)}


def test_a_statement_is_known_by_all_tables_in_it() -> None:
    cup, spills = ("clinic", "which"), ("clinic", "which")
    assert COUNT.scopes == {"trial.cups": cup, "trial.seats": ()}
    assert WEIGH.scopes == {"trial.cups": cup, "trial.spills": spills}
    assert DRIP.scopes == {"trial.spills": (*spills, "place"), "trial.cups": cup}
    assert DRINK.scopes == {"trial.cups": cup, "trial.spills": (*spills, "place")}
    other = aliased(Cup)
    fuller = select(other.fills).where(other.number == bindparam("which"), other.clinic_id == bindparam("clinic")).scalar_subquery()
    assert Write(update(Cup).where(*_ONE, Cup.fills < fuller).values(color="x")).scopes == {"trial.cups": ()}
    twice = select(func.count()).where(*_OF_CUP, Spill.place == bindparam("place")).scalar_subquery()
    assert Write(delete(Spill).where(*_OF_CUP, Spill.drops < twice)).scopes == {"trial.spills": ("clinic", "which")}


async def _sent(session: AsyncSession, monkeypatch: pytest.MonkeyPatch, steps: Sequence[Step]) -> list[int]:
    """How many calls each message to the driver carries."""
    sent: list[int] = []

    async def write(_rows: AsyncSession, _statement: str, many: Sequence[Sequence[object]]) -> None:
        sent.append(len(many))

    monkeypatch.setattr("events.wire.write", write)
    rows = Rows(session)
    for what, which, value in steps:
        KINDS[what][1](rows, which, value)
    await rows.flush()
    return sent


async def test_equal_statements_travel_together(session: AsyncSession, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = [found for which in range(50) for found in (("put", which, "red"), ("fill", which, 1), ("spill", which, "floor"))]
    assert await _sent(session, monkeypatch, steps) == [1, 1, 50]  # an INSERT takes an array for each column


async def test_one_row_in_all_its_places_holds_up_no_other(session: AsyncSession, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = [found for which in range(50) for found in (("wipe", which, None), ("put", which, "red"), ("drip", which, "floor"))]
    assert await _sent(session, monkeypatch, steps) == [50, 1, 50]


async def test_a_statement_made_late_overtakes_nothing(session: AsyncSession) -> None:
    rows = Rows(session)
    rows.put(Cup, clinic_id=CLINIC, number=1, color="red")
    rows.write(FILL, clinic=CLINIC, which=1, by=2)  # from now on it is looked after which rows are touched
    late = Write(update(Cup).where(Cup.clinic_id == bindparam("clinic")).values(fills=Cup.fills + 5))
    whole = Write(delete(Cup).where(Cup.color == bindparam("color")))
    rows.write(late, clinic=CLINIC)
    rows.write(whole, color="blue")
    rows.put(Cup, clinic_id=CLINIC, number=1, color="blue")
    rows.write(FILL, clinic=CLINIC, which=1, by=1)
    (cup,) = (await rows.execute(select(Cup.color, Cup.fills))).all()
    assert tuple(cup) == ("blue", (2 + 5) * 3 + 1)
