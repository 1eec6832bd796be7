"""The indicator calendar: twelve months of every sterilizer, as an inspector asks for them."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Any, cast
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from events.transaction import View
from schemas.hygiene import DayOfCycles, IndicatorYear, SterilizerYear
from schemas.policy import Policy, local_date
from schemas.vocabulary import Verdict
from services.hygiene.models import Outage, SterilizationCycle, Sterilizer
from services.hygiene.queries.day import policy_now
from services.hygiene.queries.supplies import lots_on_hand
from services.hygiene.rules.release import Runs, indicator_may_not_be_overdue

MONTHS = 12
COUNTS = ("pending", "negative", "positive")
"""States of an indicator that ran and is not void: the days are counted from its cycle."""

WORST_FIRST = ("positive", "invalid", "pending", "negative", "none")
MOST_LOTS = 20


async def indicator_year(view: View, ending: date | None = None) -> IndicatorYear:
    """The twelve months that end with that day's month, or with this one."""
    policy = await policy_now(view)
    today = local_date(policy, view.now)
    last = _next_month(ending or today) - timedelta(days=1)
    first = last.replace(day=1)
    for _ in range(MONTHS - 1):
        first = (first - timedelta(days=1)).replace(day=1)
    begins, ends = (datetime.combine(on, time(), ZoneInfo(policy.clinic.timezone)) for on in (first, last + timedelta(days=1)))
    cycles = await _cycles(view, begins, ends)
    before = await _last_runs(view, begins)
    outages = await _outages(view)
    machines = (
        select(Sterilizer).where(Sterilizer.clinic_id == view.clinic_id).order_by(Sterilizer.commissioned_at, Sterilizer.sterilizer_id)
    )
    return IndicatorYear(
        first=first,
        last=last,
        today=today,
        every_days=policy.sterilization.bi_every_days,
        block_from_day=policy.sterilization.bi_block_from_day,
        sterilizers=tuple(
            SterilizerYear(
                sterilizer_id=machine.sterilizer_id,
                serial=machine.serial,
                in_service=machine.in_service,
                commissioned_on=local_date(policy, machine.commissioned_at),
                days=_days(
                    policy,
                    before.get(machine.sterilizer_id, machine.commissioned_at),
                    cycles[machine.sterilizer_id],
                    _standing_still(policy, outages[machine.sterilizer_id], view.now, first, min(last, today)),
                ),
            )
            for machine in await view.rows.scalars(machines)
        ),
        lots=(await lots_on_hand(view, today))[:MOST_LOTS],
    )


def _next_month(on: date) -> date:
    return (on.replace(day=1) + timedelta(days=32)).replace(day=1)


async def _cycles(view: View, begins: datetime, ends: datetime) -> defaultdict[UUID, list[SterilizationCycle]]:
    query = select(SterilizationCycle).where(
        SterilizationCycle.clinic_id == view.clinic_id, SterilizationCycle.started_at >= begins, SterilizationCycle.started_at < ends
    )
    found: defaultdict[UUID, list[SterilizationCycle]] = defaultdict(list)
    for cycle in await view.rows.scalars(query.order_by(SterilizationCycle.started_at, SterilizationCycle.cycle_id)):
        found[cycle.sterilizer_id].append(cycle)
    return found


async def _last_runs(view: View, begins: datetime) -> dict[UUID, datetime]:
    """Of each sterilizer, the last cycle with an indicator before the calendar begins."""
    query = (
        select(SterilizationCycle.sterilizer_id, func.max(SterilizationCycle.started_at))
        .where(
            SterilizationCycle.clinic_id == view.clinic_id, SterilizationCycle.started_at < begins, SterilizationCycle.indicator.in_(COUNTS)
        )
        .group_by(SterilizationCycle.sterilizer_id)
    )
    return {sterilizer_id: at for sterilizer_id, at in (await view.rows.execute(query)).all()}  # noqa: C416 - rows are no pairs to mypy


async def _outages(view: View) -> defaultdict[UUID, list[Outage]]:
    found: defaultdict[UUID, list[Outage]] = defaultdict(list)
    for outage in await view.rows.scalars(select(Outage).where(Outage.clinic_id == view.clinic_id)):
        found[outage.sterilizer_id].append(outage)
    return found


def _standing_still(policy: Policy, outages: Iterable[Outage], now: datetime, first: date, last: date) -> set[date]:
    """The days of which a sterilizer was out of service at least for a part."""
    days: set[date] = set()
    for outage in outages:
        on, until = local_date(policy, outage.removed_at), local_date(policy, outage.returned_at or now)
        on = max(on, first)
        while on <= min(until, last):
            days.add(on)
            on += timedelta(days=1)
    return days


def _days(policy: Policy, last_run: datetime, cycles: list[SterilizationCycle], still: set[date]) -> tuple[DayOfCycles, ...]:
    by_day: defaultdict[date, list[SterilizationCycle]] = defaultdict(list)
    for cycle in cycles:
        by_day[local_date(policy, cycle.started_at)].append(cycle)
    found: list[DayOfCycles] = []
    for on in sorted(by_day.keys() | still):
        ran = by_day.get(on, [])
        last_run = max([last_run, *(cycle.started_at for cycle in ran if cycle.indicator in COUNTS)])
        overdue = indicator_may_not_be_overdue(policy, Runs(local_date(policy, last_run)), on).verdict is Verdict.UNMET
        found.append(_day(on, ran, overdue=overdue, out_of_service=on in still))
    return tuple(found)


def _day(on: date, ran: list[SterilizationCycle], *, overdue: bool, out_of_service: bool) -> DayOfCycles:
    chemical = [cycle for cycle in ran if "unchanged" in (cycle.external_indicator, cycle.internal_indicator)]
    mechanical = [cycle for cycle in ran if cycle.mechanical != "passed"]
    biological = [cycle for cycle in ran if cycle.indicator in ("positive", "invalid")]
    without = [cycle for cycle in ran if overdue and cycle.purpose == "load"]
    suspects = dict.fromkeys(cycle.cycle_id for cycle in (*biological, *without, *chemical, *mechanical))
    return DayOfCycles(
        on=on,
        cycles=len(ran),
        biological=cast("Any", min((cycle.indicator for cycle in ran), key=WORST_FIRST.index, default="none")),
        missing=bool(without),
        chemical_failures=len(chemical),
        mechanical_failures=len(mechanical),
        out_of_service=out_of_service,
        suspects=tuple(suspects),
    )
