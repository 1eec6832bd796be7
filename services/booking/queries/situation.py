"""Loading what the rules look at. Every query asks for a window of time or for one client, so history costs nothing."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from events.policy import InForce, policy_in_force
from schemas.policy import PastTreatment, Policy, local_date
from schemas.vocabulary import AreaDepth, Finding, Modality, Opening, Role, Visit
from services.booking.models import Booking, Policies
from services.booking.queries.facts import DIARIES, PERSON, SITUATION, TREATMENTS
from services.booking.rules import (
    Busy,
    KnownClient,
    KnownPractitioner,
    KnownResource,
    Situation,
    cannot_be_cured_by_another_time,
    open_slots,
    search_from,
    slot_starts,
)
from services.booking.rules.situation import LONGEST_VISIT

SEARCHED_DAYS = 14
OFFERED_SLOTS = 5

Rows = Iterable[Mapping[str, Any]]
"""Rows of a table as JSON gives them."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Where and when the rules are asked, and what the asking already knows."""

    rows: AsyncSession
    clinic_id: UUID
    now: datetime
    policy: Policy


async def load_policy(rows: AsyncSession, clinic_id: UUID, now: datetime) -> InForce | None:
    """The policy in force, by booking's own copy."""
    return await policy_in_force(rows, Policies, clinic_id, at=now)


def visit_from(row: Booking) -> Visit:
    """The visit of a row."""
    return Visit.model_validate({name: getattr(row, name) for name in Visit.model_fields})


async def client_group(rows: AsyncSession, clinic_id: UUID, client_id: UUID) -> tuple[UUID, tuple[UUID, ...]] | None:
    """The record that stays, and every id that means this person. None: not known."""
    found = await PERSON.first(rows, clinic=clinic_id, client=client_id)
    return None if found.client_id is None else (found.client_id, tuple(found.ids))


def _practitioners(found: Rows) -> dict[UUID, KnownPractitioner]:
    return {
        UUID(row["practitioner_id"]): KnownPractitioner(
            role=Role(row["role"]),
            modalities=frozenset(map(Modality, row["modalities"])),
            max_depth_um=row["max_depth_um"],
            valid_until=date.fromisoformat(row["valid_until"]),
        )
        for row in found
    }


def _resources(found: Rows) -> dict[UUID, KnownResource]:
    return {
        UUID(row["resource_id"]): KnownResource(
            kind=row["kind"],
            turnover_minutes=row["turnover_minutes"],
            modality=None if row["modality"] is None else Modality(row["modality"]),
            max_depth_um=row["max_depth_um"],
        )
        for row in found
    }


def _past(policy: Policy, found: Rows) -> tuple[PastTreatment, ...]:
    return tuple(
        PastTreatment(
            treatment_id=UUID(row["treatment_id"]),
            treated_on=local_date(policy, datetime.fromisoformat(row["started_at"])),
            areas_depths=tuple(map(AreaDepth.model_validate, row["depths"])),
            modality=Modality(row["modality"]),
        )
        for row in found
    )


def _coming(found: Rows) -> tuple[Visit, ...]:
    return tuple(map(Visit.model_validate, found))


def _counted_since(policy: Policy, now: datetime) -> datetime:
    """From when on a session can still count in any band of the policy."""
    bands = policy.spacing.bands.values()
    return now - timedelta(days=max(max(band.floor_days, band.recommended_days) for band in bands) + 1)


async def treatments_of(asked: Asked, client_ids: Collection[UUID]) -> tuple[tuple[PastTreatment, ...], tuple[Visit, ...]]:
    """The sessions of clients that can still count, and by start their bookings that can still take place."""
    since = _counted_since(asked.policy, asked.now)
    found = await TREATMENTS.first(asked.rows, clinic=asked.clinic_id, clients=list(client_ids), since=since, now=asked.now)
    return _past(asked.policy, found.past or ()), _coming(found.coming or ())


async def _busy(
    asked: Asked, case: Situation, subjects: Collection[UUID], from_at: datetime, until: datetime
) -> Mapping[UUID, Sequence[Busy]]:
    """What is taken around a stretch of time; the client's own under the record that stays."""
    turnover = max((case.turnover(resource_id) for resource_id in case.resources), default=timedelta(0))
    margin = max(turnover, *(timedelta(minutes=minutes) for minutes in case.policy.booking.turnover_minutes.values()))
    client_ids = case.client.ids if case.client else ()
    taken = await DIARIES.all(
        asked.rows,
        clinic=asked.clinic_id,
        subjects=[*subjects, *client_ids],
        from_at=from_at - margin,
        until=until + margin,
        latest_end=until + margin + LONGEST_VISIT,
    )
    found: defaultdict[UUID, list[Busy]] = defaultdict(list)
    for row in taken:
        mine = case.client is not None and row.subject_id in client_ids
        subject_id = case.client.client_id if mine and case.client else row.subject_id
        found[subject_id].append(Busy(row.booking_id, row.starts_at, row.ends_at))
    return found


async def load_situation(asked: Asked, visit: Visit, *, is_new: bool = True, given_start: datetime | None = None) -> Situation:
    """Everything `ask` looks at for one visit. `is_new`: its booking id must not be used yet."""
    found = await SITUATION.first(
        asked.rows,
        clinic=asked.clinic_id,
        client=visit.client_id,
        booking=visit.booking_id,
        since=_counted_since(asked.policy, asked.now),
        now=asked.now,
    )
    client = None if found.client_id is None else KnownClient(found.client_id, tuple(found.ids), found.born_on)
    case = Situation(
        now=asked.now,
        policy=asked.policy,
        client=client,
        practitioners=_practitioners(found.practitioners or ()),
        resources=_resources(found.resources or ()),
        past=_past(asked.policy, found.past or ()),
        coming=_coming(found.coming or ()),
        holds=tuple(found.holds),
        used_booking_ids=frozenset({visit.booking_id} if is_new and found.used else ()),
        overrides={row["rule"]: UUID(row["override_id"]) for row in found.overrides or ()},
        given_start=given_start,
    )
    subjects = {visit.practitioner_id, visit.room_id, *([visit.device_id] if visit.device_id else [])}
    return replace(case, busy=await _busy(asked, case, subjects, visit.starts_at, visit.ends_at))


async def widen(asked: Asked, case: Situation, from_at: datetime, days: int) -> Situation:
    """The same situation with everybody's and everything's diary for so many days."""
    subjects = {*case.practitioners, *case.resources}
    return replace(case, busy=await _busy(asked, case, subjects, from_at, from_at + timedelta(days=days + 1)))


def rooms_of(case: Situation, first: UUID | None = None) -> list[UUID]:
    """All rooms, the one asked for first."""
    return sorted((key for key, known in case.resources.items() if known.kind == "room"), key=lambda key: (key != first, key))


async def next_slots(asked: Asked, case: Situation, visit: Visit, findings: Sequence[Finding]) -> tuple[Opening, ...]:
    """The next free slots with the same practitioner, in the same room if possible, that satisfy every rule."""
    if cannot_be_cured_by_another_time(findings):
        return ()
    from_at = search_from(findings, visit, case)
    wide = await widen(asked, case, from_at, SEARCHED_DAYS)
    starts = slot_starts(case, from_at, SEARCHED_DAYS)
    return tuple(islice(open_slots(visit, wide, starts, [visit.practitioner_id], rooms_of(case, visit.room_id)), OFFERED_SLOTS))
