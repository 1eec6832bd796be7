"""Loading what the rules look at. Every query asks for a window of time or for one client, so history costs nothing."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import islice
from uuid import UUID

from sqlalchemy import Select, and_, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from events.policy import InForce, policy_in_force
from schemas.policy import PastTreatment, Policy, local_date
from schemas.vocabulary import AreaDepth, Finding, Modality, Opening, Role, Visit
from services.booking.models import Booking, Client, ClientDetails, Hold, Occupancy, Override, Policies, Practitioner, Resource, Session
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


def booking_row(clinic_id: UUID, booking_id: UUID) -> Select[Booking]:
    """One booking as it stands now, also after this transaction changed it."""
    query = select(Booking).where(Booking.clinic_id == clinic_id, Booking.booking_id == booking_id)
    return query.execution_options(populate_existing=True)


async def client_group(rows: AsyncSession, clinic_id: UUID, client_id: UUID) -> tuple[UUID, tuple[UUID, ...]] | None:
    """The record that stays, and every id that means this person. None: not known."""
    stays = select(func.coalesce(Client.into_client_id, Client.client_id)).where(
        Client.clinic_id == clinic_id, Client.client_id == client_id
    )
    root = (await rows.execute(stays)).scalar_one_or_none()
    if root is None:
        return None
    merged = select(Client.client_id).where(Client.clinic_id == clinic_id, Client.into_client_id == root)
    return root, (root, *sorted((await rows.execute(merged)).scalars()))


async def _known_client(rows: AsyncSession, clinic_id: UUID, client_id: UUID) -> KnownClient | None:
    group = await client_group(rows, clinic_id, client_id)
    if group is None:
        return None
    born = select(ClientDetails.client_id, ClientDetails.date_of_birth).where(
        ClientDetails.clinic_id == clinic_id, ClientDetails.client_id.in_(group[1])
    )
    by_id: dict[UUID, date] = {row.client_id: row.date_of_birth for row in await rows.execute(born)}
    born_on = by_id.get(group[0]) or next(iter(by_id.values()), None)
    return KnownClient(client_id=group[0], ids=group[1], born_on=born_on)


async def _practitioners(rows: AsyncSession, clinic_id: UUID) -> dict[UUID, KnownPractitioner]:
    found = await rows.execute(select(Practitioner).where(Practitioner.clinic_id == clinic_id).order_by(Practitioner.practitioner_id))
    return {
        row.practitioner_id: KnownPractitioner(
            role=Role(row.role),
            modalities=frozenset(Modality(name) for name in row.modalities),
            max_depth_um=row.max_depth_um,
            valid_until=row.valid_until,
        )
        for row in found.scalars()
    }


async def _resources(rows: AsyncSession, clinic_id: UUID) -> dict[UUID, KnownResource]:
    found = await rows.execute(select(Resource).where(Resource.clinic_id == clinic_id).order_by(Resource.resource_id))
    return {
        row.resource_id: KnownResource(
            kind=row.kind,
            turnover_minutes=row.turnover_minutes,
            modality=None if row.modality is None else Modality(row.modality),
            max_depth_um=row.max_depth_um,
        )
        for row in found.scalars()
    }


async def _busy(
    asked: Asked, case: Situation, subjects: Collection[UUID], from_at: datetime, until: datetime
) -> Mapping[UUID, Sequence[Busy]]:
    """What is taken around a stretch of time; the client's own under the record that stays."""
    turnover = max((case.turnover(resource_id) for resource_id in case.resources), default=timedelta(0))
    margin = max(turnover, *(timedelta(minutes=minutes) for minutes in case.policy.booking.turnover_minutes.values()))
    client_ids = case.client.ids if case.client else ()
    query = select(Occupancy.subject_id, Occupancy.booking_id, Occupancy.starts_at, Occupancy.ends_at).where(
        Occupancy.clinic_id == asked.clinic_id,
        Occupancy.subject_id.in_([*subjects, *client_ids]),
        Occupancy.ends_at > from_at - margin,
        Occupancy.ends_at < until + margin + LONGEST_VISIT,
        Occupancy.starts_at < until + margin,
    )
    found: defaultdict[UUID, list[Busy]] = defaultdict(list)
    for row in await asked.rows.execute(query):
        mine = case.client is not None and row.subject_id in client_ids
        subject_id = case.client.client_id if mine and case.client else row.subject_id
        found[subject_id].append(Busy(row.booking_id, row.starts_at, row.ends_at))
    return found


async def past_of(asked: Asked, client_ids: Collection[UUID]) -> tuple[PastTreatment, ...]:
    """The sessions that any band of the policy can still count."""
    bands = asked.policy.spacing.bands.values()
    days = max(max(band.floor_days, band.recommended_days) for band in bands) + 1
    query = select(Session).where(
        Session.clinic_id == asked.clinic_id,
        Session.client_id.in_(client_ids),
        Session.started_at > asked.now - timedelta(days=days),
    )
    return tuple(
        PastTreatment(
            treatment_id=row.treatment_id,
            treated_on=local_date(asked.policy, row.started_at),
            areas_depths=tuple(AreaDepth.model_validate(depth) for depth in row.depths),
            modality=Modality(row.modality),
        )
        for row in (await asked.rows.execute(query.execution_options(populate_existing=True))).scalars()
    )


async def coming_of(asked: Asked, client_ids: Collection[UUID]) -> tuple[Visit, ...]:
    """The client's bookings that can still take place, by start."""
    query = select(Booking).where(
        Booking.clinic_id == asked.clinic_id,
        Booking.client_id.in_(client_ids),
        Booking.ends_at > asked.now,
        Booking.state == "confirmed",
        Booking.no_show_at.is_(None),
    )
    found = (await asked.rows.execute(query.order_by(Booking.starts_at).execution_options(populate_existing=True))).scalars()
    return tuple(visit_from(row) for row in found)


async def load_situation(asked: Asked, visit: Visit, *, is_new: bool = True, given_start: datetime | None = None) -> Situation:
    """Everything `ask` looks at for one visit. `is_new`: its booking id must not be used yet."""
    rows, clinic_id = asked.rows, asked.clinic_id
    client = await _known_client(rows, clinic_id, visit.client_id)
    client_ids = client.ids if client else (visit.client_id,)
    holds = select(Hold.hold_id).where(Hold.clinic_id == clinic_id, Hold.client_id.in_(client_ids)).order_by(Hold.hold_id)
    used = select(Booking.booking_id).where(Booking.clinic_id == clinic_id, Booking.booking_id == visit.booking_id)
    overrides = select(Override.rule, Override.override_id).where(
        and_(Override.clinic_id == clinic_id, Override.booking_id == visit.booking_id, Override.valid_until > asked.now)
    )
    case = Situation(
        now=asked.now,
        policy=asked.policy,
        client=client,
        practitioners=await _practitioners(rows, clinic_id),
        resources=await _resources(rows, clinic_id),
        past=await past_of(asked, client_ids),
        coming=await coming_of(asked, client_ids),
        holds=tuple((await rows.execute(holds)).scalars()),
        used_booking_ids=frozenset((await rows.execute(used)).scalars()) if is_new else frozenset(),
        overrides={row.rule: row.override_id for row in await rows.execute(overrides)},
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
