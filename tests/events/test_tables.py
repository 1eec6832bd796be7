"""Writes that wait leave behind what they would have left one by one, whatever places they change."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import MetaData, bindparam, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

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
LEAVE = Write(delete(Seat).where(Seat.clinic_id == bindparam("clinic"), Seat.number == bindparam("which")))

number = st.integers(0, 3)
step = st.one_of(
    st.tuples(st.just("put"), number, st.sampled_from(["red", "blue"])),
    st.tuples(st.just("add"), number, st.sampled_from(["green"])),
    st.tuples(st.just("note"), number, st.integers(0, 9)),
    st.tuples(st.just("fill"), number, st.integers(0, 4)),
    st.tuples(st.just("break"), number, st.none()),
    st.tuples(st.just("paint"), st.just(0), st.sampled_from(["+", "-"])),
    st.tuples(st.just("count"), number, st.none()),
    st.tuples(st.just("sit"), number, number),
    st.tuples(st.just("leave"), number, st.none()),
)


def _give(rows: Rows, what: str, which: int, value: Any) -> None:
    one = {"clinic": CLINIC, "which": which}
    if what == "put":
        rows.put(Cup, clinic_id=CLINIC, number=which, color=value)
    elif what == "add":
        rows.add(Cup, clinic_id=CLINIC, number=which, color=value, notes={"made": True})
    elif what == "note":
        rows.put(Cup, clinic_id=CLINIC, number=which, notes={"value": value})
    elif what == "fill":
        rows.write(FILL, by=value, **one)
    elif what == "break":
        rows.write(BREAK, **one)
    elif what == "paint":
        rows.write(PAINT_ALL, clinic=CLINIC, shade=value)
    elif what == "count":
        rows.write(COUNT, **one)
    elif what == "sit":
        rows.add(Seat, clinic_id=CLINIC, number=which, seat=value)
    else:
        rows.write(LEAVE, **one)


async def _left_behind(session: AsyncSession, steps: Sequence[tuple[str, int, Any]], *, together: bool) -> list[Any]:
    await session.execute(delete(Cup))
    await session.execute(delete(Seat))
    rows = Rows(session)
    for one in steps:
        _give(rows, *one)
        if not together:
            await rows.flush()
    cups = (await rows.execute(select(Cup.number, Cup.color, Cup.fills, Cup.notes).order_by(Cup.number))).all()
    seats = (await rows.execute(select(Seat.number, Seat.seat).order_by(Seat.number))).all()
    return [*cups, *seats]


@pytest.fixture
async def session(database: Database, owner: asyncpg.Connection) -> Any:
    await owner.execute("create schema trial")
    await owner.execute(
        "create table trial.cups (clinic_id uuid, number bigint, color text, fills bigint, notes jsonb, primary key (clinic_id, number))"
    )
    await owner.execute("create table trial.seats (clinic_id uuid, number bigint, seat bigint unique, primary key (clinic_id, number))")
    await owner.execute("grant usage on schema trial to public; grant all on all tables in schema trial to public")
    async with aside(database, CLINIC, "booking") as rows:
        yield rows


async def test_together_is_as_one_by_one(session: AsyncSession) -> None:
    @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(steps=st.lists(step, max_size=25))
    def tried(steps: list[tuple[str, int, Any]]) -> None:
        cases.append(steps)

    cases: list[list[tuple[str, int, Any]]] = []
    tried()
    for steps in cases:
        together = await _left_behind(session, steps, together=True)
        assert together == await _left_behind(session, steps, together=False), steps


def test_a_statement_that_shows_its_row_is_known_by_it() -> None:
    assert FILL.key == ("clinic", "which")
    assert BREAK.key == ("clinic", "which")
    assert PAINT_ALL.key is None
    assert COUNT.key is None  # it reads another table
    assert LEAVE.key is None  # a seat that is taken stands in another one's way
    assert Write(insert(Cup), ("clinic_id", "number", "color")).key == ("clinic_id", "number")
    assert (
        Write(update(Cup).where((Cup.clinic_id == bindparam("clinic")) | (Cup.number == bindparam("which"))).values(color="x")).key is None
    )


async def test_equal_statements_travel_together(session: AsyncSession, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[int] = []

    async def write(_rows: AsyncSession, _statement: str, many: Sequence[Sequence[object]]) -> None:
        sent.append(len(many))

    monkeypatch.setattr("events.wire.write", write)
    rows = Rows(session)
    for which in range(50):
        rows.put(Cup, clinic_id=CLINIC, number=which, color="red")
        rows.write(FILL, clinic=CLINIC, which=which, by=1)
    await rows.flush()
    assert sent == [50, 50]
