"""A clinic that can be booked, and the words that booking's tests speak in."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from events.catalog.booking import ClientRegistered, PractitionerCredentialed, ResourceAdded
from events.catalog.treatment import TreatmentEnded
from schemas.booking import BookingReply, BookingRequest
from schemas.vocabulary import Area, AreaDepth, Modality, Role, Verdict
from services.booking import commands, queries
from tests.conftest import House

AMSTERDAM = ZoneInfo("Europe/Amsterdam")


@dataclass
class Desk:
    """A clinic with a client, a practitioner, two rooms and a handpiece, and a working day to book on."""

    house: House
    day: date
    client_id: UUID = field(default_factory=uuid4)
    practitioner_id: UUID = field(default_factory=uuid4)
    room_id: UUID = field(default_factory=uuid4)
    other_room_id: UUID = field(default_factory=uuid4)
    device_id: UUID = field(default_factory=uuid4)

    def at(self, hour: int, minute: int = 0, days: int = 0) -> datetime:
        return datetime(self.day.year, self.day.month, self.day.day, hour, minute, tzinfo=AMSTERDAM) + timedelta(days=days)

    def request(self, starts_at: datetime, minutes: int = 60, **other: Any) -> BookingRequest:
        return BookingRequest.model_validate(
            {
                "booking_id": uuid4(),
                "client_id": self.client_id,
                "practitioner_id": self.practitioner_id,
                "room_id": self.room_id,
                "device_id": self.device_id,
                "starts_at": starts_at,
                "ends_at": starts_at + timedelta(minutes=minutes),
                "areas": ["cheeks"],
                "depth_um": 1000,
                **other,
            }
        )

    async def book(self, request: BookingRequest, **how: Any) -> Any:
        return (await self.house.doing("booking", commands.request_booking, request, **how)).event

    async def booking(self, booking_id: UUID) -> BookingReply | None:
        async with self.house.look("booking") as view:
            return await queries.booking_of(view, booking_id)

    async def treated(self, days_ago: int, depth_um: int = 1000, area: Area = Area.FULL_FACE) -> UUID:
        """A treatment that ended some local days before `day`, noon."""
        ended = TreatmentEnded(
            treatment_id=uuid4(),
            booking_id=uuid4(),
            client_id=self.client_id,
            needle_contact=True,
            modality=Modality.MICRONEEDLING,
            depths=(AreaDepth(area=area, depth_um=depth_um),),
            skin_cleansed=True,
            sharps_disposed=True,
            aftercare_given=True,
            ended_at=self.at(12, days=-days_ago),
        )
        await self.house.given("treatment", ended)
        return ended.treatment_id


async def open_desk(house: House) -> Desk:
    """The next Tuesday that is at least three days ahead, so that no test meets a Sunday or the past."""
    today = (await house.now()).astimezone(AMSTERDAM).date()
    day = next(d for d in (today + timedelta(days=n) for n in range(3, 11)) if d.weekday() == 1)
    desk = Desk(house, day)
    await house.given(
        "booking",
        ClientRegistered(client_id=desk.client_id, commitment="0" * 64, contactable=True),
        PractitionerCredentialed(
            practitioner_id=desk.practitioner_id,
            role=Role.PRACTITIONER,
            modalities=(Modality.MICRONEEDLING,),
            max_depth_um=1500,
            valid_until=day + timedelta(days=365),
        ),
        *(ResourceAdded(resource_id=room, kind="room", turnover_minutes=15) for room in (desk.room_id, desk.other_room_id)),
        ResourceAdded(resource_id=desk.device_id, kind="device", turnover_minutes=10),
    )
    return desk


def unmet(event: Any) -> set[str]:
    return {finding.rule for finding in event.findings if finding.verdict is Verdict.UNMET}


async def another_client(desk: Desk) -> UUID:
    client_id = uuid4()
    await desk.house.given("booking", ClientRegistered(client_id=client_id, commitment="0" * 64, contactable=False))
    return client_id
