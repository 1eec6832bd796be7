"""Load one case in three statements: the policy's version, the booking with its person, and everything else by key."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Label, cast, func, select
from sqlalchemy.dialects.postgresql import UUID as PGUUID
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql import Select

from events.policy import policy_in_force
from schemas.treatment import OpenedPack
from schemas.vocabulary import Area, Modality, Shape
from services.treatment import models
from services.treatment.commands.facts import among, linked, many, one, row_as
from services.treatment.models import (
    Arrival,
    Clearance,
    Client,
    Consent,
    Cycle,
    Form,
    HeldItem,
    Hold,
    Lot,
    Pack,
    Policies,
    Reprocessing,
    Sterilizer,
    Treatment,
    Turnover,
    Unit,
    UsedItem,
    Visit,
)
from services.treatment.rules import Case, records

LONGEST_VISIT = timedelta(days=1)
"""Bounds the search for slots that hold this instant; no clinic treats somebody for longer."""

NOBODY = UUID(int=0)
"""Who would start a booking that nobody knows. There is no credential for this id."""

LAST_USES = 5
LAST_SESSIONS = 50
LAST_CONSENTS = 20


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
    visit, persons = await _visit_and_person(rows, clinic_id, asked)
    room_id, handpiece_id, practitioner_id = asked.room_id, asked.handpiece_id, asked.practitioner_id
    if asked.as_booked and visit is not None:
        room_id, handpiece_id = room_id or visit.room_id, handpiece_id or visit.device_id
        practitioner_id = practitioner_id or visit.practitioner_id
    practitioner_id = practitioner_id or NOBODY
    parts = [
        *_about_client(clinic_id, asked, persons),
        *_about_place(clinic_id, asked, room_id, handpiece_id, practitioner_id),
        *_about_items(clinic_id, asked),
        *_about_booking(clinic_id, asked),
    ]
    facts = (await rows.execute(select(*parts))).one()._asdict()
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
            "persons_client_ids": persons,
            "visit": visit,
            **facts,
        }
    )


async def persons_of(rows: AsyncSession, clinic_id: UUID, client_id: UUID) -> tuple[UUID, ...]:
    """All client ids of one person: merged records among them."""
    person = select(Client.person_id).where(Client.clinic_id == clinic_id, Client.client_id == client_id).scalar_subquery()
    query = select(Client.client_id).where(Client.clinic_id == clinic_id, Client.person_id == person)
    return tuple({client_id, *(await rows.execute(query)).scalars()})


async def _visit_and_person(rows: AsyncSession, clinic_id: UUID, asked: Asked) -> tuple[records.BookedVisit | None, tuple[UUID, ...]]:
    booked = (Visit.clinic_id == clinic_id, Visit.booking_id == asked.booking_id)
    client = select(Visit.client_id).where(*booked).scalar_subquery() if asked.client_id is None else cast(asked.client_id, PGUUID())
    person = select(Client.person_id).where(Client.clinic_id == clinic_id, Client.client_id == client).scalar_subquery()
    same = select(func.jsonb_agg(Client.client_id)).where(Client.clinic_id == clinic_id, Client.person_id == person)
    found = (
        await rows.execute(
            select(
                one("visit", select(row_as(records.BookedVisit, Visit)).where(*booked)), same.scalar_subquery().label("persons")
            )
        )
    ).one()
    visit = None if found.visit is None else records.BookedVisit.model_validate(found.visit)
    client_id = asked.client_id or (None if visit is None else visit.client_id)
    known = {UUID(person_id) for person_id in found.persons or ()}
    return visit, tuple(sorted(known if client_id is None else known | {client_id}))


def _about_client(clinic_id: UUID, asked: Asked, persons: tuple[UUID, ...]) -> list[Label[Any]]:
    ids, at = among(persons), asked.at
    screening = models.Screening
    answered = (screening.clinic_id == clinic_id, screening.client_id == ids, screening.answered_at <= at)
    merged = select(Client.merged_index).where(Client.clinic_id == clinic_id, Client.client_id == screening.client_id).scalar_subquery()
    newest = (
        select(row_as(records.Screening, screening, merged_index=merged))
        .where(*answered)
        .ext(distinct_on(screening.client_id))
        .order_by(screening.client_id, screening.ledger_index.desc())
    )
    full = select(func.max(screening.answered_at)).where(*answered, screening.extent == "full")
    consents = (
        select(row_as(records.Consent, Consent, material_version=Form.material_version))
        .outerjoin(Form, (Form.clinic_id == Consent.clinic_id) & (Form.form_id == Consent.form_id))
        .where(Consent.clinic_id == clinic_id, Consent.client_id == ids)
        .order_by(Consent.signed_at.desc())
        .limit(LAST_CONSENTS)
    )
    clearances = select(row_as(records.Clearance, Clearance)).where(
        Clearance.clinic_id == clinic_id, Clearance.client_id == ids, Clearance.valid_until > at
    )
    holds = select(row_as(records.Hold, Hold)).where(
        Hold.clinic_id == clinic_id, Hold.client_id == ids, Hold.lifted_at.is_(None) | (Hold.lifted_at > at)
    )
    sessions = (
        select(row_as(records.Session, Treatment))
        .where(Treatment.clinic_id == clinic_id, Treatment.client_id == ids, Treatment.started_at <= at)
        .order_by(Treatment.started_at.desc())
        .limit(LAST_SESSIONS)
    )
    return [
        many("screenings", newest),
        full.scalar_subquery().label("full_answered_at"),
        many("consents", consents),
        many("clearances", clearances),
        many("holds", holds),
        many("sessions", sessions),
    ]


def _about_place(
    clinic_id: UUID, asked: Asked, room_id: UUID | None, handpiece_id: UUID | None, practitioner_id: UUID
) -> list[Label[Any]]:
    def latest(model: type[Reprocessing] | type[Turnover], subject_id: UUID | None) -> "Select[Any]":
        done = (model.clinic_id == clinic_id, model.subject_id == subject_id, model.occurred_at <= asked.at)
        return select(row_as(records.Disinfection, model)).where(*done).order_by(model.occurred_at.desc())

    def uses(column: Any, subject_id: UUID | None) -> "Select[Any]":
        used = (Treatment.clinic_id == clinic_id, column == subject_id, Treatment.started_at <= asked.at)
        return select(row_as(records.Use, Treatment)).where(*used).order_by(Treatment.started_at.desc()).limit(LAST_USES)

    credential = models.Practitioner
    handpiece = models.Handpiece
    credentials = (credential.clinic_id == clinic_id, credential.practitioner_id == practitioner_id)
    handpieces = (handpiece.clinic_id == clinic_id, handpiece.handpiece_id == handpiece_id)
    return [
        one("credential", select(row_as(records.Credential, credential)).where(*credentials)),
        one("handpiece", select(row_as(records.Handpiece, handpiece)).where(*handpieces)),
        one("reprocessing", latest(Reprocessing, handpiece_id)),
        one("turnover", latest(Turnover, room_id)),
        many("handpiece_uses", uses(Treatment.handpiece_id, handpiece_id)),
        many("room_uses", uses(Treatment.room_id, room_id)),
    ]


def _about_items(clinic_id: UUID, asked: Asked) -> list[Label[Any]]:
    def used_in(item_id: Any) -> ColumnElement[Any]:
        return linked(UsedItem.treatment_id, UsedItem, UsedItem.clinic_id == clinic_id, UsedItem.item_id == item_id)

    def held_by(item_id: Any) -> ColumnElement[Any]:
        return linked(HeldItem.held_by, HeldItem, HeldItem.clinic_id == clinic_id, HeldItem.item_id == item_id)

    unit = row_as(
        records.Cartridge, Unit, gtin=Lot.gtin, expires_on=Lot.expires_on, used_in=used_in(Unit.unit_id), held_by=held_by(Unit.lot_id)
    )
    cartridges = (
        select(unit)
        .outerjoin(Lot, (Lot.clinic_id == Unit.clinic_id) & (Lot.lot_id == Unit.lot_id))
        .where(Unit.clinic_id == clinic_id, Unit.unit_id == among(asked.cartridge_unit_ids))
    )
    pack = row_as(
        records.Pack,
        Pack,
        used_in=used_in(Pack.pack_id),
        held_by=held_by(Pack.pack_id),
        cycle_held_by=held_by(Pack.cycle_id),
        sterilizer_id=Cycle.sterilizer_id,
        sterilizer_known=Sterilizer.sterilizer_id.is_not(None),
        sterilizer_removed_at=Sterilizer.removed_at,
        cycle_ended_at=Cycle.ended_at,
        released_as=Cycle.released_as,
    )
    packs = (
        select(pack)
        .outerjoin(Cycle, (Cycle.clinic_id == Pack.clinic_id) & (Cycle.cycle_id == Pack.cycle_id))
        .outerjoin(Sterilizer, (Sterilizer.clinic_id == Cycle.clinic_id) & (Sterilizer.sterilizer_id == Cycle.sterilizer_id))
        .where(Pack.clinic_id == clinic_id, Pack.pack_id == among([opened.pack_id for opened in asked.packs]))
    )
    return [many("cartridges", cartridges), many("packs", packs)]


def _about_booking(clinic_id: UUID, asked: Asked) -> list[Label[Any]]:
    def of_booking(shape: type[Shape], model: Any) -> "Select[Any]":
        return select(row_as(shape, model)).where(model.clinic_id == clinic_id, model.booking_id == asked.booking_id)

    treated = select(func.to_jsonb(Treatment.treatment_id).label("found")).where(
        Treatment.clinic_id == clinic_id, Treatment.booking_id == asked.booking_id
    )
    running = select(row_as(records.OpenTreatment, Treatment)).where(
        Treatment.clinic_id == clinic_id, Treatment.ended_at.is_(None), Treatment.started_at <= asked.until
    )
    over = select(Treatment.treatment_id).where(
        Treatment.clinic_id == clinic_id, Treatment.booking_id == Visit.booking_id, Treatment.ended_at.is_not(None)
    )
    reserved = select(row_as(records.Reservation, Visit)).where(
        Visit.clinic_id == clinic_id,
        Visit.starts_at > asked.at - LONGEST_VISIT,
        Visit.starts_at <= asked.at,
        Visit.ends_at > asked.at,
        Visit.state.in_(["confirmed", "announced"]),
        ~over.exists(),
    )
    return [
        many("treated_in", treated),
        many("arrivals", of_booking(records.Arrival, Arrival)),
        many("numbings", of_booking(records.Numbing, models.Numbing)),
        many("cleansings", of_booking(records.Cleansing, models.Cleansing)),
        many("overrides", of_booking(records.Override, models.Override)),
        many("open_treatments", running),
        many("reservations", reserved),
    ]
