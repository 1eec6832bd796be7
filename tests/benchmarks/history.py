"""A clinic's past: visits of ever new clients, with the facts in between that most services only pass by."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count
from uuid import UUID, uuid4

from events.catalog.booking import BookingConfirmed, BookingRequested, ClientArrived, ClientRegistered
from events.catalog.compliance import RecordViewed
from events.catalog.hygiene import HandpieceReprocessed, RoomTurnedOver
from events.catalog.treatment import SkinCleansed
from events.envelope import Event
from schemas.vocabulary import AgeBand, Area, Modality, Visit, VisitType

ROOM, HANDPIECE, PRACTITIONER = (UUID(int=number) for number in (101, 102, 103))
DENSE = 10
SPARSE = 40
"""Entries for each visit: seven that say something about it, the others somebody looking at the record."""


def _visit(client_id: UUID, starts_at: datetime) -> Visit:
    return Visit(
        booking_id=uuid4(),
        client_id=client_id,
        practitioner_id=PRACTITIONER,
        room_id=ROOM,
        device_id=HANDPIECE,
        starts_at=starts_at,
        ends_at=starts_at + timedelta(minutes=30),
        visit_type=VisitType.TREATMENT,
        modality=Modality.MICRONEEDLING,
        areas=(Area.CHEEKS,),
        depth_um=1000,
    )


def past(now: datetime, entries_per_visit: int = DENSE) -> Iterator[Event]:
    """Events of visits that lie ever further back, without end."""
    for number in count(1):
        client_id, at = uuid4(), now - timedelta(days=30, hours=number)
        visit = _visit(client_id, at)
        wiped = {"product": "wipe", "wet_seconds": 120, "label_seconds": 120, "occurred_at": at}
        yield ClientRegistered(client_id=client_id, commitment="0" * 64, contactable=True)
        yield BookingRequested(visit=visit)
        yield BookingConfirmed(visit=visit)
        yield ClientArrived(
            booking_id=visit.booking_id, client_id=client_id, identity_confirmed=True, age_band=AgeBand.FROM_22, contactable=True
        )
        yield SkinCleansed.model_validate(
            {"booking_id": visit.booking_id, "client_id": client_id, "product": "chlorhexidine", "occurred_at": at}
        )
        yield RoomTurnedOver.model_validate({"turnover_id": uuid4(), "room_id": ROOM, **wiped})
        yield HandpieceReprocessed.model_validate({"reprocessing_id": uuid4(), "handpiece_id": HANDPIECE, **wiped})
        for _ in range(entries_per_visit - 7):
            yield RecordViewed(question="q1", answers=1)
