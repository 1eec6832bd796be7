"""Load one case in three statements: the policy's version, the booking with its person, and everything else by key."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from events.policy import policy_in_force
from schemas.treatment import OpenedPack
from schemas.vocabulary import Area, Modality
from services.treatment.commands.facts import EVERYTHING_ELSE, VISIT_AND_PERSON
from services.treatment.models import Client, Policies
from services.treatment.rules import Case
from services.treatment.rules.records import BookedVisit

LONGEST_VISIT = timedelta(days=1)
"""Bounds the search for slots that hold this instant; no clinic treats somebody for longer."""

NOBODY = UUID(int=0)
"""Who would start a booking that nobody knows. There is no credential for this id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What somebody wants to start, or has started: see `Case` for `at` and `until`."""

    at: datetime
    until: datetime
    clock_trusted: bool
    booking_id: UUID | None
    practitioner_id: UUID | None
    room_id: UUID | None = None
    handpiece_id: UUID | None = None
    cartridge_unit_ids: Sequence[UUID] = ()
    packs: Sequence[OpenedPack] = ()
    areas: tuple[Area, ...] | None = None
    depth_um: int | None = None
    modality: Modality | None = None
    photos_taken: bool = False
    emergency_kit_in_date: bool = False
    treatment_id: UUID | None = None
    client_id: UUID | None = None
    as_booked: bool = False


async def load_case(rows: AsyncSession, clinic_id: UUID, asked: Asked) -> Case:
    """The case, as the projections know it. Never raises for something unknown: rules see that it is missing."""
    in_force = await policy_in_force(rows, Policies, clinic_id, asked.at)
    connection = await rows.connection()
    named: dict[str, Any] = {"clinic": clinic_id, "booking": asked.booking_id, "client": asked.client_id}
    found = (await connection.execute(VISIT_AND_PERSON, named)).one()
    visit = None if found.visit is None else BookedVisit.model_validate(found.visit)
    client_id = asked.client_id or (None if visit is None else visit.client_id)
    persons = {UUID(person) for person in found.persons or ()} | ({client_id} if client_id else set())
    room_id, handpiece_id, practitioner_id = asked.room_id, asked.handpiece_id, asked.practitioner_id
    if asked.as_booked and visit is not None:
        room_id, handpiece_id = room_id or visit.room_id, handpiece_id or visit.device_id
        practitioner_id = practitioner_id or visit.practitioner_id
    practitioner_id = practitioner_id or NOBODY
    named |= {
        "persons": list(persons),
        "room": room_id,
        "handpiece": handpiece_id,
        "practitioner": practitioner_id,
        "at": asked.at,
        "until": asked.until,
        "oldest_slot": asked.at - LONGEST_VISIT,
        "units": list(asked.cartridge_unit_ids),
        "packs": [pack.pack_id for pack in asked.packs],
    }
    facts = (await connection.execute(EVERYTHING_ELSE, named)).one()._asdict()
    return Case.model_validate(
        {
            "policy": None if in_force is None else in_force.policy,
            "version": None if in_force is None else in_force.version,
            "clock_trusted": asked.clock_trusted,
            "at": asked.at,
            "until": asked.until,
            "treatment_id": asked.treatment_id,
            "booking_id": asked.booking_id,
            "practitioner_id": practitioner_id,
            "room_id": room_id,
            "handpiece_id": handpiece_id,
            "cartridge_unit_ids": tuple(dict.fromkeys(asked.cartridge_unit_ids)),
            "opened_packs": tuple(pack.model_dump() for pack in asked.packs),
            "areas": asked.areas if asked.areas is not None else (visit.areas if visit is not None else ()),
            "depth_um": asked.depth_um if asked.depth_um is not None else (visit.depth_um if visit is not None else 0),
            "modality": asked.modality or (visit.modality if visit is not None else Modality.MICRONEEDLING),
            "photos_taken": asked.photos_taken,
            "emergency_kit_in_date": asked.emergency_kit_in_date,
            "persons_client_ids": tuple(sorted(persons)),
            "visit": visit,
            **facts,
        }
    )


async def persons_of(rows: AsyncSession, clinic_id: UUID, client_id: UUID) -> tuple[UUID, ...]:
    """All client ids of one person: merged records among them."""
    person = select(Client.person_id).where(Client.clinic_id == clinic_id, Client.client_id == client_id).scalar_subquery()
    query = select(Client.client_id).where(Client.clinic_id == clinic_id, Client.person_id == person)
    return tuple({client_id, *(await rows.execute(query)).scalars()})
