"""The statements of booking's decisions, put together once. Each part reads by key, or a small range of an index.

What is known of a client, of their booking and of the house comes as one row, with JSON in it: many tables cost one round trip.
"""

from typing import Any

from sqlalchemy import ARRAY, JSON, ColumnElement, Label, Select, Uuid, any_, bindparam, cast, func, literal_column, select
from sqlalchemy.dialects.postgresql import TIMESTAMP

from events.asks import Ask
from schemas.vocabulary import Visit
from services.booking.models import Booking, Client, ClientDetails, Flag, Hold, Occupancy, Override, Practitioner, Resource, Session

IDS: ARRAY[Any] = ARRAY(Uuid())
CLINIC = bindparam("clinic", type_=Uuid())
CLIENT = bindparam("client", type_=Uuid())
BOOKING = bindparam("booking", type_=Uuid())
NOW, SINCE, FROM, UNTIL = (bindparam(name, type_=TIMESTAMP(timezone=True)) for name in ("now", "since", "from_at", "until"))


def _given(name: str) -> ColumnElement[Any]:
    """Any of the ids that are given as a parameter."""
    return any_(bindparam(name, type_=IDS))


def _many(name: str, query: Select[*tuple[Any, ...]]) -> Label[Any]:
    """All rows of a query as JSON objects; null for none."""
    found = query.subquery()
    return select(func.json_agg(found.table_valued(), type_=JSON())).scalar_subquery().label(name)


def _array(query: Select[*tuple[Any, ...]]) -> ColumnElement[Any]:
    """The ids that a query gives, in its order."""
    return func.array(query.scalar_subquery(), type_=IDS)


# The record that stays, or null where nobody knows the client.
_stays = select(
    select(func.coalesce(Client.into_client_id, Client.client_id))
    .where(Client.clinic_id == CLINIC, Client.client_id == CLIENT)
    .scalar_subquery()
    .label("client_id")
).cte("stays")
_merged = select(Client.client_id).where(Client.clinic_id == CLINIC, Client.into_client_id == _stays.c.client_id)
# It, and every id that means this person, the one that stays first.
_person = select(
    _stays.c.client_id,
    func.array_prepend(
        func.coalesce(_stays.c.client_id, CLIENT), _array(_merged.correlate(_stays).order_by(Client.client_id)), type_=IDS
    ).label("ids"),
).cte("person")
_root = select(_person.c.client_id).correlate(None).scalar_subquery()
_ids = cast(select(_person.c.ids).correlate(None).scalar_subquery(), IDS)
_details = (
    select(ClientDetails)
    .where(ClientDetails.clinic_id == CLINIC, ClientDetails.client_id == any_(_ids))
    .order_by(func.array_position(_ids, ClientDetails.client_id))
    .limit(literal_column("1"))
)


def _past(client_ids: ColumnElement[Any]) -> Label[Any]:
    columns = (Session.treatment_id, Session.started_at, Session.modality, Session.depths)
    return _many("past", select(*columns).where(Session.clinic_id == CLINIC, Session.client_id == client_ids, Session.started_at > SINCE))


def _coming(client_ids: ColumnElement[Any]) -> Label[Any]:
    """Bookings that can still take place, by start."""
    theirs = (Booking.clinic_id == CLINIC, Booking.client_id == client_ids, Booking.ends_at > NOW)
    standing = select(*(getattr(Booking, name) for name in Visit.model_fields)).where(
        *theirs, Booking.state == "confirmed", Booking.no_show_at.is_(None)
    )
    return _many("coming", standing.order_by(Booking.starts_at))


def _house() -> tuple[Label[Any], ...]:
    """Who works here, and everything that can be booked."""
    person, thing = Practitioner, Resource
    people = select(person.practitioner_id, person.role, person.modalities, person.max_depth_um, person.valid_until)
    things = select(thing.resource_id, thing.kind, thing.turnover_minutes, thing.modality, thing.max_depth_um)
    return (
        _many("practitioners", people.where(person.clinic_id == CLINIC)),
        _many("resources", things.where(thing.clinic_id == CLINIC)),
    )


PERSON = Ask(select(_person.c.client_id, _person.c.ids))
"""Which records are one person's."""

DETAILS = Ask(_details.where(_root.is_not(None)))
"""The private row of the record that stays, or else of one merged into it."""

TREATMENTS = Ask(select(_past(_given("clients")), _coming(_given("clients"))))
"""What was done to clients and is booked for them."""

SITUATION = Ask(
    select(
        _root.label("client_id"),
        _ids.label("ids"),
        _details.with_only_columns(ClientDetails.date_of_birth).scalar_subquery().label("born_on"),
        *_house(),
        _past(any_(_ids)),
        _coming(any_(_ids)),
        _array(select(Hold.hold_id).where(Hold.clinic_id == CLINIC, Hold.client_id == any_(_ids)).order_by(Hold.hold_id)).label("holds"),
        select(Booking.booking_id).where(Booking.clinic_id == CLINIC, Booking.booking_id == BOOKING).exists().label("used"),
        _many(
            "overrides",
            select(Override.rule, Override.override_id).where(
                Override.clinic_id == CLINIC, Override.booking_id == BOOKING, Override.valid_until > NOW
            ),
        ),
    )
)
"""Everything that the rules look at for one visit, but for the diaries."""

DIARIES = Ask(
    select(Occupancy.subject_id, Occupancy.booking_id, Occupancy.starts_at, Occupancy.ends_at).where(
        Occupancy.clinic_id == CLINIC,
        Occupancy.subject_id == _given("subjects"),
        Occupancy.ends_at > FROM,
        Occupancy.ends_at < bindparam("latest_end", type_=TIMESTAMP(timezone=True)),
        Occupancy.starts_at < UNTIL,
    )
)
"""When people and things are taken."""

REGISTERED = Ask(
    select(Client.event_id, ClientDetails.content)
    .outerjoin(ClientDetails, (ClientDetails.clinic_id == Client.clinic_id) & (ClientDetails.client_id == Client.client_id))
    .where(Client.clinic_id == CLINIC, Client.client_id == CLIENT)
)
"""The entry of a client, and what was registered unless it was erased."""

BOOKED = Ask(select(Booking).where(Booking.clinic_id == CLINIC, Booking.booking_id == BOOKING))
"""One booking."""

STARTING = Ask(
    select(Booking)
    .where(Booking.clinic_id == CLINIC, Booking.starts_at >= FROM, Booking.starts_at < UNTIL, Booking.state != "canceled")
    .order_by(Booking.starts_at, Booking.booking_id)
)
"""The bookings that begin in a stretch of time."""

FLAGS = Ask(
    select(Flag.booking_id, Flag.reason, Flag.cause, Flag.earliest_on, Flag.flagged_at)
    .where(Flag.clinic_id == CLINIC, Flag.booking_id == _given("bookings"))
    .order_by(Flag.flagged_at, Flag.reason)
)
"""Why somebody must look at bookings."""
