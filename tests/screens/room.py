"""What a treatment needs, brought about by other programs; and what a practitioner does again and again."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from playwright.async_api import Page, expect

from tests.screens.conftest import Clinic

WIPED = {"product": "quat_wipes", "wet_seconds": 130, "label_seconds": 120}
STEPS = ["sharps_discarded", "surfaces_cleaned", "surfaces_disinfected", "barriers_renewed"]


def ago(minutes: float = 0) -> str:
    """An earlier moment, as people claim it."""
    return (datetime.now(UTC) - timedelta(minutes=minutes)).isoformat()  # noqa: TID251 - a stranger has its own clock


@dataclass
class Room:
    """One room of the clinic with whoever treats in it, and the client who is booked there now."""

    clinic: Clinic
    practitioner: str
    number: int
    client_id: str = ""
    booking_id: str = ""
    units: list[str] = field(default_factory=list)

    @property
    def room_id(self) -> str:
        return str(self.clinic.example.rooms[self.number])

    @property
    def chair(self) -> str:
        """Where the practitioner's day begins."""
        return f"/clinics/{self.clinic.example.clinic_id}/chair"

    @property
    def page(self) -> str:
        """The booking's page."""
        return f"{self.chair}/{self.booking_id}"

    async def book(self, given_name: str, born: str = "1990-05-17", minutes: int = 2) -> None:
        """Somebody is booked in a moment, and has not come yet."""
        self.client_id, self.booking_id = str(uuid4()), str(uuid4())
        name = {"given_name": given_name, "family_name": "Visser", "date_of_birth": born, "phone": "+31201234567"}
        await self.clinic.ask("PUT", f"/clients/{self.client_id}", name)
        visit = {
            "booking_id": self.booking_id,
            "client_id": self.client_id,
            "practitioner_id": str(self.clinic.example.people[self.practitioner].identity_id),
            "room_id": self.room_id,
            "starts_at": ago(-minutes),
            "ends_at": ago(-minutes - 10),
            "areas": ["cheeks"],
            "depth_um": 1000,
        }
        await self.clinic.ask("POST", "/bookings", visit)

    async def arrive(self) -> None:
        await self.clinic.ask("POST", f"/bookings/{self.booking_id}/arrival", {"identity_confirmed": True})

    async def supply(self, units: int = 2) -> None:
        """Cartridges are received and labeled."""
        lot = f"/lots/{uuid4()}"
        expiry = (datetime.now(UTC) + timedelta(days=400)).strftime("%y%m%d")  # noqa: TID251 - the maker's calendar
        letters = uuid4().hex[:6].translate(str.maketrans("0123456789", "ghjkmnpqrs")).upper()  # 21 in a lot looks like a lost separator
        scan = f"]d201{self.clinic.example.gtin}17{expiry}10{letters}"
        await self.clinic.ask("PUT", lot, {"scan": scan, "quantity": units, "occurred_at": ago(60)}, "technician")
        labeled = await self.clinic.ask("POST", f"{lot}/units", {"units": units, "occurred_at": ago(59)}, "technician")
        self.units = labeled["data"]["unit_ids"]

    async def make_ready(self, handpiece: int) -> None:
        """Room and handpiece are disinfected."""
        pen = {**WIPED, "handpiece_id": str(self.clinic.example.handpieces[handpiece]), "occurred_at": ago()}
        await self.clinic.ask("PUT", f"/reprocessings/{uuid4()}", pen, "technician")
        await self.clinic.ask(
            "PUT", f"/turnovers/{uuid4()}", {**WIPED, "room_id": self.room_id, "steps": STEPS, "occurred_at": ago()}, "technician"
        )

    async def consent(self) -> str:
        """The client signs. Gives the consent's id."""
        consent = str(uuid4())
        sheet = {
            "client_id": self.client_id,
            **self.clinic.example.form.model_dump(mode="json"),
            "areas": ["cheeks"],
            "max_depth_um": 1500,
            "explained_by": str(self.clinic.example.people[self.practitioner].identity_id),
            "signed_at": ago(),
            "signature": {"method": "drawn", "strokes": [[{"x": 1, "y": 2}, {"x": 30, "y": 12, "t": 240}]]},
        }
        await self.clinic.ask("PUT", f"/consents/{consent}", sheet, self.practitioner)
        return consent

    async def answer(self) -> None:
        """The client answers all health questions with no."""
        asked = await self.clinic.ask("GET", "/screening-questions?extent=full", person=self.practitioner)
        answers = [{"code": question["code"], "answer": "no"} for question in asked["questions"]]
        sheet = {"client_id": self.client_id, "extent": "full", "answered_at": ago(), "answers": answers}
        await self.clinic.ask("PUT", f"/screenings/{uuid4()}", sheet, self.practitioner)

    async def hold(self) -> str:
        """Somebody places a safety hold on the client. Gives its id."""
        hold = str(uuid4())
        await self.clinic.ask("PUT", f"/safety-holds/{hold}", {"client_id": self.client_id, "reason": "reported_by_phone"}, "technician")
        return hold

    async def cleanse(self) -> None:
        await self.clinic.ask("PUT", f"/bookings/{self.booking_id}/cleansings/{uuid4()}", {"product": "chlorhexidine"}, self.practitioner)

    async def everything(self, given_name: str, handpiece: int, born: str = "1990-05-17", minutes: int = 2) -> None:
        """All that a start needs, but for the scans."""
        await self.book(given_name, born, minutes)
        await asyncio.gather(self.consent(), self.answer(), self.supply(3), self.make_ready(handpiece))
        await self.arrive()
        await self.cleanse()

    async def start(self, handpiece: int) -> str:
        """Another program starts the treatment. Gives its id."""
        named = {
            "booking_id": self.booking_id,
            "room_id": self.room_id,
            "handpiece_id": str(self.clinic.example.handpieces[handpiece]),
            "cartridge_unit_ids": self.units[:1],
        }
        found = await self.clinic.ask("POST", "/treatments", named, self.practitioner)
        return str(found["data"]["treatment_id"])

    async def end(self, treatment_id: str) -> None:
        """Another program ends it; needles did not touch the skin."""
        done = {"needle_contact": False, "skin_cleansed": True, "sharps_disposed": True, "aftercare_given": True}
        await self.clinic.ask("POST", f"/treatments/{treatment_id}/end", done, self.practitioner)

    async def treatment(self, treatment_id: str) -> dict[str, Any]:
        """What the record says of it."""
        return await self.clinic.ask("GET", f"/treatments/{treatment_id}", person=self.practitioner)

    async def started(self) -> int:
        """How many starts of this booking the ledger knows."""
        found = await self.clinic.stage.owner.fetchval(
            "select count(*) from treatment.treatments where booking_id = $1::text::uuid", self.booking_id
        )
        return int(found)


async def scan(page: Page, *codes: str) -> None:
    """What a wedge scanner does: it types, and ends with Enter."""
    for code in codes:
        await page.get_by_label("Scan handpiece, cartridges and packs").fill(code)
        await page.keyboard.press("Enter")
        await expect(page.get_by_label("Scan handpiece, cartridges and packs")).to_have_value("")
