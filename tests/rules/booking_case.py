"""A visit that nothing speaks against, and the situation around it. Tests change one thing."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from schemas.policy import PastTreatment, default_policy
from schemas.vocabulary import Area, AreaDepth, Finding, Modality, Role, Visit
from services.booking.rules import Busy, KnownClient, KnownPractitioner, KnownResource, Situation, ask

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
NOW = datetime(2026, 3, 2, 7, 0, tzinfo=UTC)
"""A Monday."""

CLIENT, PRACTITIONER, ROOM, DEVICE, BOOKING = (UUID(int=n) for n in range(1, 6))
OTHER_ROOM = UUID(int=7)
POLICY = default_policy()


def local(month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=AMSTERDAM)


def visit_at(starts_at: datetime, minutes: int = 60, **other: Any) -> Visit:
    return Visit.model_validate(
        {
            "booking_id": BOOKING,
            "client_id": CLIENT,
            "practitioner_id": PRACTITIONER,
            "room_id": ROOM,
            "device_id": DEVICE,
            "starts_at": starts_at,
            "ends_at": starts_at + timedelta(minutes=minutes),
            "areas": (Area.CHEEKS,),
            "depth_um": 1000,
            **other,
        }
    )


def case(**other: Any) -> Situation:
    known = Situation(
        now=NOW,
        policy=POLICY,
        client=KnownClient(CLIENT, (CLIENT,), date(1991, 4, 12)),
        practitioners={
            PRACTITIONER: KnownPractitioner(Role.PRACTITIONER, frozenset({Modality.MICRONEEDLING}), 1500, date(2027, 1, 1)),
        },
        resources={
            ROOM: KnownResource("room", 15),
            OTHER_ROOM: KnownResource("room", 15),
            DEVICE: KnownResource("device", 10, Modality.MICRONEEDLING, 2500),
        },
    )
    return replace(known, **other)


def busy(starts_at: datetime, minutes: int = 60, booking: int = 99) -> Busy:
    return Busy(UUID(int=booking), starts_at, starts_at + timedelta(minutes=minutes))


def past(on: date, depth_um: int = 1000, area: Area = Area.FULL_FACE, treatment: int = 50) -> PastTreatment:
    return PastTreatment(treatment_id=UUID(int=treatment), treated_on=on, areas_depths=(AreaDepth(area=area, depth_um=depth_um),))


def finding(rule: str, visit: Visit, situation: Situation) -> Finding:
    """What one rule says when all are asked."""
    return next(said for said in ask(visit, situation) if said.rule == rule)
