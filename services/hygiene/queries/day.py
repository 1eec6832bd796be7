"""The day of whoever is responsible for hygiene, and the cycles."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, TypeVar, cast
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import DeclarativeBase

from events.policy import policy_in_force
from events.transaction import RecordUnreadableError, View
from schemas.hygiene import (
    CycleSheet,
    HandpieceSheet,
    HygieneDay,
    IndicatorDay,
    PackSheet,
    RoomSheet,
    SterilizerSheet,
)
from schemas.policy import Policy, local_date
from schemas.sentences import explain
from schemas.vocabulary import Modality
from services.hygiene.models import Handpiece, Pack, Place, Policies, SterilizationCycle, Sterilizer
from services.hygiene.queries.recalls import recalls
from services.hygiene.queries.supplies import LISTED, lots_on_hand
from services.hygiene.rules.indicators import cycles_to_return
from services.hygiene.rules.release import Runs, indicator_may_not_be_overdue
from services.hygiene.rules.surfaces import serves_a_start

CALENDAR_DAYS = 28

R = TypeVar("R", bound=DeclarativeBase)


async def policy_now(view: View) -> Policy:
    """The policy of this moment. Raises `RecordUnreadableError` without one."""
    rule = await policy_in_force(view.rows, Policies, view.clinic_id, view.now)
    if rule is None:
        raise RecordUnreadableError("no policy is in force")
    return rule.policy


async def hygiene_day(view: View) -> HygieneDay:
    """Everything that the person responsible for hygiene looks at, on the clinic's date of now."""
    policy = await policy_now(view)
    today = local_date(policy, view.now)
    places = {(place.kind, place.subject_id): place for place in await _all(view, Place)}
    return HygieneDay(
        on=today,
        sterilizers=await sterilizers(view, policy),
        awaiting_release=await awaiting_release(view),
        usable_packs=await usable_packs(view, today),
        lots=await lots_on_hand(view, today),
        handpieces=tuple(_handpiece(piece, places.get(("handpiece", piece.handpiece_id))) for piece in await _all(view, Handpiece)),
        rooms=tuple(_room(place) for (kind, _), place in sorted(places.items()) if kind == "room"),
        recalls=await recalls(view),
    )


async def _all(view: View, kind: type[R]) -> Sequence[R]:
    """A table of few rows: machines and places."""
    query = select(kind).where(cast("Any", kind).clinic_id == view.clinic_id).order_by(*kind.__mapper__.primary_key)
    return (await view.rows.scalars(query)).all()


def _handpiece(piece: Handpiece, place: Place | None) -> HandpieceSheet:
    done_at, used_at = (place.disinfected_at, place.used_at) if place else (None, None)
    return HandpieceSheet(
        handpiece_id=piece.handpiece_id,
        serial=piece.serial,
        modality=Modality(piece.modality),
        last_reprocessed_at=done_at,
        last_used_at=used_at,
        ready=serves_a_start(done_at, used_at),
    )


def _room(place: Place) -> RoomSheet:
    return RoomSheet(
        room_id=place.subject_id,
        last_turned_over_at=place.disinfected_at,
        last_used_at=place.used_at,
        ready=serves_a_start(place.disinfected_at, place.used_at),
    )


async def sterilizers(view: View, policy: Policy) -> tuple[SterilizerSheet, ...]:
    """Every sterilizer with its indicator calendar of four weeks."""
    today = local_date(policy, view.now)
    calendars = await _calendars(view, policy, view.now - timedelta(days=CALENDAR_DAYS))
    return tuple(_sterilizer(machine, policy, today, calendars.get(machine.sterilizer_id, {})) for machine in await _all(view, Sterilizer))


def _sterilizer(machine: Sterilizer, policy: Policy, today: date, calendar: dict[date, list[str]]) -> SterilizerSheet:
    last_run_on = local_date(policy, machine.last_run_at) if machine.last_run_at else None
    counted_from = last_run_on or local_date(policy, machine.commissioned_at)
    return SterilizerSheet(
        sterilizer_id=machine.sterilizer_id,
        serial=machine.serial,
        air_removal=machine.air_removal,
        programs=tuple(machine.programs),
        in_service=machine.in_service,
        removed_at=machine.removed_at,
        removal_reason=machine.removal_reason,
        last_indicator_on=last_run_on,
        days_since_indicator=(today - counted_from).days,
        indicator=explain(indicator_may_not_be_overdue(policy, Runs(counted_from), today)),
        calendar=tuple(
            IndicatorDay(on=day, cycles=len(seen), results=tuple(cast("Any", result) for result in seen if result != "none"))
            for day, seen in sorted(calendar.items())
        ),
    )


def cycles_asked_to_return(policy: Policy, machine: SterilizerSheet) -> int:
    """How many good cycles in a row bring it back."""
    return cycles_to_return(policy, machine.removal_reason or "")


async def _calendars(view: View, policy: Policy, since: datetime) -> dict[UUID, dict[date, list[str]]]:
    machines = select(Sterilizer.sterilizer_id).where(Sterilizer.clinic_id == view.clinic_id)
    query = select(SterilizationCycle.sterilizer_id, SterilizationCycle.started_at, SterilizationCycle.indicator).where(
        SterilizationCycle.clinic_id == view.clinic_id,
        SterilizationCycle.sterilizer_id.in_(machines),
        SterilizationCycle.started_at > since,
    )
    found: defaultdict[UUID, defaultdict[date, list[str]]] = defaultdict(lambda: defaultdict(list))
    for sterilizer_id, started_at, indicator in await view.rows.execute(query.order_by(SterilizationCycle.started_at)):
        found[sterilizer_id][local_date(policy, started_at)].append(indicator)
    return {sterilizer_id: dict(days) for sterilizer_id, days in found.items()}


async def awaiting_release(view: View) -> tuple[CycleSheet, ...]:
    """Loads that passed and nobody released, the oldest first."""
    query = select(SterilizationCycle).where(
        SterilizationCycle.clinic_id == view.clinic_id,
        SterilizationCycle.release_id.is_(None),
        SterilizationCycle.mechanical == "passed",
        SterilizationCycle.purpose == "load",
        SterilizationCycle.recall_ids == [],
    )
    found = await view.rows.scalars(query.order_by(SterilizationCycle.started_at).limit(LISTED))
    return tuple(_cycle(cycle) for cycle in found)


async def cycle_sheet(view: View, cycle_id: UUID) -> CycleSheet | None:
    """One cycle."""
    cycle = await view.rows.get(SterilizationCycle, (view.clinic_id, cycle_id))
    return _cycle(cycle) if cycle else None


def _cycle(cycle: SterilizationCycle) -> CycleSheet:
    return CycleSheet(
        cycle_id=cycle.cycle_id,
        sterilizer_id=cycle.sterilizer_id,
        cycle_number=cycle.cycle_number,
        program=cycle.program,
        purpose=cast("Any", cycle.purpose),
        started_at=cycle.started_at,
        ended_at=cycle.ended_at,
        mechanical=cast("Any", cycle.mechanical),
        external_indicator=cast("Any", cycle.external_indicator),
        internal_indicator=cast("Any", cycle.internal_indicator),
        indicator=cast("Any", cycle.indicator),
        released=cast("Any", cycle.released),
        recall_ids=tuple(cycle.recall_ids),
        packs=cycle.packs,
    )


async def usable_packs(view: View, today: date) -> tuple[PackSheet, ...]:
    """Released, not held, not used, in date; the soonest to expire first."""
    query = select(Pack).where(
        Pack.clinic_id == view.clinic_id,
        Pack.released,
        ~Pack.used,
        Pack.quarantined.is_(None),
        Pack.sterile_until >= today,
    )
    found = await view.rows.scalars(query.order_by(Pack.sterile_until, Pack.pack_id).limit(LISTED))
    return tuple(
        PackSheet(pack_id=pack.pack_id, cycle_id=pack.cycle_id, contents=pack.contents, sterile_until=pack.sterile_until) for pack in found
    )
