"""The two statements of a case, put together once: rows as JSON, so that many tables cost one round trip.

Their text never changes; the ids and times are parameters. Each part reads by key, or a small range of an index.
"""

from typing import Any

from sqlalchemy import ColumnElement, Label, any_, bindparam, func, literal_column, select
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TIMESTAMP, distinct_on
from sqlalchemy.dialects.postgresql import UUID as PGUUID
from sqlalchemy.sql import Select

from schemas.vocabulary import Shape
from services.treatment import models
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
    Reprocessing,
    Sterilizer,
    Treatment,
    Turnover,
    Unit,
    UsedItem,
    Visit,
)
from services.treatment.rules import records

LAST_USES = 5
LAST_SESSIONS = 50
LAST_CONSENTS = 20

CLINIC = bindparam("clinic", type_=PGUUID())
BOOKING = bindparam("booking", type_=PGUUID())
CLIENT = bindparam("client", type_=PGUUID())
ROOM = bindparam("room", type_=PGUUID())
HANDPIECE = bindparam("handpiece", type_=PGUUID())
PRACTITIONER = bindparam("practitioner", type_=PGUUID())
AT = bindparam("at", type_=TIMESTAMP(timezone=True))
UNTIL = bindparam("until", type_=TIMESTAMP(timezone=True))
OLDEST_SLOT = bindparam("oldest_slot", type_=TIMESTAMP(timezone=True))
PERSONS = any_(bindparam("persons", type_=ARRAY(PGUUID())))
UNITS = any_(bindparam("units", type_=ARRAY(PGUUID())))
PACKS = any_(bindparam("packs", type_=ARRAY(PGUUID())))
NOTHING: ColumnElement[Any] = literal_column("'[]'::jsonb", JSONB)


def row_as(shape: type[Shape], model: Any, **others: Any) -> ColumnElement[Any]:
    """A row as JSON with the shape's fields: columns of the same name, but for those given."""
    pairs: list[Any] = []
    for name in shape.model_fields:
        pairs += [literal_column(f"'{name}'"), others[name] if name in others else getattr(model, name)]
    return func.jsonb_build_object(*pairs, type_=JSONB).label("found")


def many(name: str, query: "Select[Any]") -> Label[Any]:
    """All rows of a query of one JSON column, as one JSON array."""
    inner = query.subquery()
    return select(func.coalesce(func.jsonb_agg(inner.c.found), NOTHING)).scalar_subquery().label(name)


def one(name: str, query: "Select[Any]") -> Label[Any]:
    """The first row of a query of one JSON column."""
    return query.limit(1).scalar_subquery().label(name)


def linked(column: Any, model: Any, *where: Any) -> ColumnElement[Any]:
    """The ids in `column` of rows that belong to the outer row."""
    return select(func.coalesce(func.jsonb_agg(column), NOTHING)).where(*where).correlate_except(model).scalar_subquery()


def _visit_and_person() -> list[Label[Any]]:
    booked = (Visit.clinic_id == CLINIC, Visit.booking_id == BOOKING)
    # In a subquery of its own: under row security PostgreSQL takes a bare COALESCE for leaky, and would read every client.
    client = select(func.coalesce(CLIENT, select(Visit.client_id).where(*booked).scalar_subquery())).scalar_subquery()
    person = select(Client.person_id).where(Client.clinic_id == CLINIC, Client.client_id == client).scalar_subquery()
    same = select(func.jsonb_agg(Client.client_id)).where(Client.clinic_id == CLINIC, Client.person_id == person)
    return [one("visit", select(row_as(records.BookedVisit, Visit)).where(*booked)), same.scalar_subquery().label("persons")]


def _about_client() -> list[Label[Any]]:
    screening = models.Screening
    answered = (screening.clinic_id == CLINIC, screening.client_id == PERSONS, screening.answered_at <= AT)
    merged = select(Client.merged_index).where(Client.clinic_id == CLINIC, Client.client_id == screening.client_id).scalar_subquery()
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
        .where(Consent.clinic_id == CLINIC, Consent.client_id == PERSONS)
        .order_by(Consent.signed_at.desc())
        .limit(LAST_CONSENTS)
    )
    clearances = select(row_as(records.Clearance, Clearance)).where(
        Clearance.clinic_id == CLINIC, Clearance.client_id == PERSONS, Clearance.valid_until > AT
    )
    holds = select(row_as(records.Hold, Hold)).where(
        Hold.clinic_id == CLINIC, Hold.client_id == PERSONS, Hold.lifted_at.is_(None) | (Hold.lifted_at > AT)
    )
    sessions = (
        select(row_as(records.Session, Treatment))
        .where(Treatment.clinic_id == CLINIC, Treatment.client_id == PERSONS, Treatment.started_at <= AT)
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


def _about_place() -> list[Label[Any]]:
    def latest(model: type[Reprocessing] | type[Turnover], subject: ColumnElement[Any]) -> "Select[Any]":
        done = (model.clinic_id == CLINIC, model.subject_id == subject, model.occurred_at <= AT)
        return select(row_as(records.Disinfection, model)).where(*done).order_by(model.occurred_at.desc())

    def uses(column: Any, subject: ColumnElement[Any]) -> "Select[Any]":
        used = (Treatment.clinic_id == CLINIC, column == subject, Treatment.started_at <= AT)
        return select(row_as(records.Use, Treatment)).where(*used).order_by(Treatment.started_at.desc()).limit(LAST_USES)

    credential = models.Practitioner
    handpiece = models.Handpiece
    credentials = (credential.clinic_id == CLINIC, credential.practitioner_id == PRACTITIONER)
    handpieces = (handpiece.clinic_id == CLINIC, handpiece.handpiece_id == HANDPIECE)
    held = select(func.max(HeldItem.held_at)).where(HeldItem.clinic_id == CLINIC, HeldItem.item_id == HANDPIECE)
    return [
        held.scalar_subquery().label("handpiece_held_at"),
        one("credential", select(row_as(records.Credential, credential)).where(*credentials)),
        one("handpiece", select(row_as(records.Handpiece, handpiece)).where(*handpieces)),
        one("reprocessing", latest(Reprocessing, HANDPIECE)),
        one("turnover", latest(Turnover, ROOM)),
        many("handpiece_uses", uses(Treatment.handpiece_id, HANDPIECE)),
        many("room_uses", uses(Treatment.room_id, ROOM)),
    ]


def _about_items() -> list[Label[Any]]:
    def used_in(item_id: Any) -> ColumnElement[Any]:
        return linked(UsedItem.treatment_id, UsedItem, UsedItem.clinic_id == CLINIC, UsedItem.item_id == item_id)

    def held_by(item_id: Any) -> ColumnElement[Any]:
        return linked(HeldItem.held_by, HeldItem, HeldItem.clinic_id == CLINIC, HeldItem.item_id == item_id)

    unit = row_as(
        records.Cartridge, Unit, gtin=Lot.gtin, expires_on=Lot.expires_on, used_in=used_in(Unit.unit_id), held_by=held_by(Unit.lot_id)
    )
    cartridges = (
        select(unit)
        .outerjoin(Lot, (Lot.clinic_id == Unit.clinic_id) & (Lot.lot_id == Unit.lot_id))
        .where(Unit.clinic_id == CLINIC, Unit.unit_id == UNITS)
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
        .where(Pack.clinic_id == CLINIC, Pack.pack_id == PACKS)
    )
    return [many("cartridges", cartridges), many("packs", packs)]


def _about_booking() -> list[Label[Any]]:
    def of_booking(shape: type[Shape], model: Any) -> "Select[Any]":
        return select(row_as(shape, model)).where(model.clinic_id == CLINIC, model.booking_id == BOOKING)

    treated = select(func.to_jsonb(Treatment.treatment_id).label("found")).where(
        Treatment.clinic_id == CLINIC, Treatment.booking_id == BOOKING
    )
    running = select(row_as(records.OpenTreatment, Treatment)).where(
        Treatment.clinic_id == CLINIC, Treatment.ended_at.is_(None), Treatment.started_at <= UNTIL
    )
    over = select(Treatment.treatment_id).where(
        Treatment.clinic_id == CLINIC, Treatment.booking_id == Visit.booking_id, Treatment.ended_at.is_not(None)
    )
    # Cream is on a client, not on a booking: what went on for another visit has to come off too.
    others = select(Visit.booking_id).where(Visit.clinic_id == CLINIC, Visit.client_id == PERSONS)
    numbings = select(row_as(records.Numbing, models.Numbing)).where(
        models.Numbing.clinic_id == CLINIC,
        (models.Numbing.booking_id == BOOKING) | (models.Numbing.booking_id.in_(others) & (models.Numbing.applied_at > OLDEST_SLOT)),
    )
    reserved = select(row_as(records.Reservation, Visit)).where(
        Visit.clinic_id == CLINIC,
        Visit.starts_at > OLDEST_SLOT,
        Visit.starts_at <= AT,
        Visit.ends_at > AT,
        Visit.state.in_(["confirmed", "announced"]),
        ~over.exists(),
    )
    return [
        many("treated_in", treated),
        many("arrivals", of_booking(records.Arrival, Arrival)),
        many("numbings", numbings),
        many("cleansings", of_booking(records.Cleansing, models.Cleansing)),
        many("overrides", of_booking(records.Override, models.Override)),
        many("open_treatments", running),
        many("reservations", reserved),
    ]


VISIT_AND_PERSON = select(*_visit_and_person())
EVERYTHING_ELSE = select(*_about_client(), *_about_place(), *_about_items(), *_about_booking())
