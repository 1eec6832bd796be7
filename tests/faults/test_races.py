"""The share of the races that `make test` runs, and that what judges them can say no."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest

from events.catalog.consent import ConsentWithdrawn
from events.catalog.recovery import SafetyHoldPlaced
from events.catalog.treatment import Equipment, TreatmentRefused, TreatmentStarted
from events.chain import Row as Link
from events.chain import genesis, linked
from events.envelope import Context, Entry, Event, body_of, versioned_type
from schemas.vocabulary import Area, Finding, Modality, Role, Verdict
from tests.conftest import actor
from tests.faults.race_check import out_of_order, served_twice, unsafe_or_untrue, wrongs_of
from tests.faults.race_client import Asked
from tests.faults.race_ground import DAY, Ground, Seat, cleansings, facts, lay_out, two_dates
from tests.faults.race_plan import Move
from tests.faults.races import ROW
from tests.faults.row import carry_out

SEED = 20261123
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("minute", range(0, 24 * 60, 10))
def test_at_every_time_of_day_there_are_two_dates_with_no_midnight_near(minute: int) -> None:
    now = datetime(2026, 11, 23, tzinfo=UTC) + timedelta(minutes=minute)
    today, tomorrow = (now.astimezone(ZoneInfo(zone)) for zone in two_dates(now))
    assert tomorrow.date() == today.date() + DAY
    for local in (today, tomorrow):
        assert (local - timedelta(minutes=59)).date() == (local + timedelta(minutes=59)).date() == local.date()


async def test_histories_of_twelve_clients_hold(place: Path) -> None:
    tally = await carry_out(ROW, place, SEED, ROW.in_tests)
    print(f"\n{dict(tally.counts)}, raced: {dict(tally.faults)}")  # noqa: T201
    assert not tally.wrongs, "\n".join(tally.wrongs[:20])
    assert tally.counts["starts granted"] > ROW.in_tests
    assert tally.counts["starts refused"] > ROW.in_tests


def _record(ground: Ground, events: Iterable[Event]) -> list[Entry[Event]]:
    """A ledger of these events, a millisecond apart."""
    entries: list[Entry[Event]] = []
    chain = genesis(ground.clinic_id, 1)
    for index, event in enumerate(events):
        body = body_of(event, Context(actor(Role.SERVICE, UUID(int=1)), "made up"))
        at, event_id = NOW + timedelta(milliseconds=index), UUID(int=index + 1)
        chain = linked(chain, ground.clinic_id, Link(index, at, event_id, versioned_type(event), body, b""))
        entries.append(Entry(ground.clinic_id, 1, index, at, event_id, versioned_type(event), body, chain))
    return entries


def _equipment(ground: Ground, seat: Seat, number: int) -> Equipment:
    unit, pack = ground.lots[number][1][1], ground.loads[number][1][1]
    return Equipment(room_id=seat.room_id, handpiece_id=ground.handpieces[number], cartridge_unit_ids=(unit,), pack_ids=(pack,))


def _start(ground: Ground, seat: Seat, number: int) -> TreatmentStarted:
    return TreatmentStarted(
        treatment_id=uuid4(),
        booking_id=seat.booking_id,
        client_id=seat.client_id,
        practitioner_id=seat.practitioner_id,
        equipment=_equipment(ground, seat, number),
        lot_ids=(),
        cycle_ids=(),
        reprocessing_id=uuid4(),
        turnover_id=uuid4(),
        modality=Modality.MICRONEEDLING,
        areas=(Area.CHEEKS,),
        max_depth_um=1500,
        planned_end_at=NOW,
        findings=(),
    )


def _refusal(ground: Ground, seat: Seat, *rules: str) -> TreatmentRefused:
    findings = tuple(Finding(rule=rule, verdict=Verdict.UNMET) for rule in rules)
    return TreatmentRefused(booking_id=seat.booking_id, equipment=_equipment(ground, seat, 0), findings=findings)


@pytest.fixture(scope="module")
def ground() -> Ground:
    return lay_out(Random(1), NOW, 10)


@pytest.fixture(scope="module")
def before(ground: Ground) -> list[Event]:
    """What was there before anybody pressed Start; everything was cleaned a moment ago."""
    return [event for _, said in facts(ground, NOW - timedelta(minutes=1)) for event in said] + cleansings(ground, NOW)


@pytest.fixture(scope="module")
def ready(ground: Ground) -> tuple[Seat, Seat]:
    one, other = [seat for seat in ground.seats if not (seat.unsigned or seat.fading or seat.restriction_id)][:2]
    return one, other


def test_a_start_with_nothing_against_it_is_nothing_wrong(ground: Ground, before: list[Event], ready: tuple[Seat, Seat]) -> None:
    started = [_start(ground, seat, number) for number, seat in enumerate(ready)]
    assert list(wrongs_of(_record(ground, [*before, *started]), [])) == []


def test_a_start_after_a_withdrawal_a_hold_or_another_start_is_found(ground: Ground, before: list[Event], ready: tuple[Seat, Seat]) -> None:
    seat, other = ready
    withdrawn = ConsentWithdrawn(consent_id=seat.consent_id, client_id=seat.client_id, channel="phone", occurred_at=NOW)
    held = SafetyHoldPlaced(hold_id=uuid4(), client_id=seat.client_id, reason="fever", tier="review", cause=uuid4())
    same_things = _start(ground, other, 0)
    for first, rule in (
        (withdrawn, "consent_must_cover_areas_and_depth"),
        (held, "no_safety_hold_may_stand"),
        (same_things, "packs_must_be_sterile_and_unused"),
    ):
        found = list(unsafe_or_untrue(_record(ground, [*before, first, _start(ground, seat, 0)])))
        assert len(found) == 1
        assert found[0].startswith("UNSAFE START")
        assert rule in found[0]


def test_a_start_of_what_is_not_signed_or_not_cleared_is_found(ground: Ground, before: list[Event]) -> None:
    for seat in ground.seats:
        found = list(unsafe_or_untrue(_record(ground, [*before, _start(ground, seat, 0)])))
        assert bool(found) == (seat.unsigned or seat.restriction_id is not None)


def test_a_refusal_for_what_is_not_so_or_not_for_all_of_it_is_found(ground: Ground, before: list[Event], ready: tuple[Seat, Seat]) -> None:
    hold = "no_safety_hold_may_stand"
    untrue = list(unsafe_or_untrue(_record(ground, [*before, _refusal(ground, ready[0], hold)])))
    assert len(untrue) == 1
    assert "said" in untrue[0]
    held = SafetyHoldPlaced(hold_id=uuid4(), client_id=ready[0].client_id, reason="fever", tier="review", cause=uuid4())
    assert list(unsafe_or_untrue(_record(ground, [*before, held, _refusal(ground, ready[0], hold)]))) == []
    assert list(unsafe_or_untrue(_record(ground, [*before, held, _refusal(ground, ready[0])]))) != []


def test_what_served_two_starts_is_found(ground: Ground, ready: tuple[Seat, Seat]) -> None:
    one, other = _start(ground, ready[0], 0), _start(ground, ready[1], 0)
    assert len(list(served_twice(_record(ground, [one, other])))) == 2
    again = one.model_copy(update={"equipment": _equipment(ground, ready[0], 1)})
    assert len(list(served_twice(_record(ground, [one, again])))) == 3


def test_an_answer_that_overtook_time_is_found(ground: Ground) -> None:
    move = Move("hold", 0, uuid4(), "hold-1", ())
    early = Asked(move, 10, 20, NOW, NOW, (uuid4(),), index=8)
    late = Asked(replace(move, command_id="hold-2"), 30, 40, NOW, NOW, (uuid4(),), index=7)
    assert len(list(out_of_order([early, late]))) == 1
    assert list(out_of_order([early, replace(late, index=9)])) == []
    assert list(out_of_order([early, replace(late, asked_at=15)])) == []
    lost = list(wrongs_of(_record(ground, cleansings(ground, NOW)), [early]))
    assert any("not in the ledger" in sentence for sentence in lost)
