"""A clinic's morning through the real doors: three clients from the booking to the answered check-in, side by side."""

import asyncio
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from services.example import PROGRAM, Example
from tests.faults.doors import Desk, Tablet

PRACTITIONERS = ("practitioner", "practitioner_2", "practitioner_3")
NAMES = (("Ana", "Silva"), ("Dina", "Haddad"), ("Eva", "Lindqvist"))
HANDPIECES = 2
WIPED = {"product": "quat_wipes", "wet_seconds": 130, "label_seconds": 120}


@dataclass(eq=False)
class Client:
    """A client, where and by whom they are treated."""

    number: int
    client_id: str = field(default_factory=lambda: str(uuid4()))
    booking_id: str = field(default_factory=lambda: str(uuid4()))
    treatment_id: str = ""
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def practitioner(self) -> str:
        return PRACTITIONERS[self.number]

    @property
    def identity(self) -> dict[str, str]:
        given, family = NAMES[self.number]
        return {"given_name": given, "family_name": family, "date_of_birth": "1990-05-17"}

    @property
    def first_time(self) -> bool:
        """Whether a handpiece is ready; the third client waits for the first one's."""
        return self.number < HANDPIECES


class Morning:
    """Who does what, with up to three clients, and with one more who books for later and never signs."""

    def __init__(self, example: Example, tablet: Tablet, desk: Desk, spool: Path, clients: int = 3) -> None:
        self.example = example
        self.tablet = tablet
        self.desk = desk
        self.spool = spool
        self.clients = [Client(number) for number in range(clients)]
        self.later = Client(0)
        self.rooms = [str(room) for room in example.rooms]
        self.handpieces = [str(handpiece) for handpiece in example.handpieces]
        self.units: list[str] = []
        self.packs = [str(uuid4()) for _ in range(3)]

    @staticmethod
    def ago(minutes: float = 0) -> str:
        """An earlier moment, as people claim it."""
        now = datetime.now(UTC)  # noqa: TID251 - a stranger has its own clock
        return (now - timedelta(minutes=minutes)).isoformat()

    async def play(self) -> None:
        """The whole morning."""
        await self.prepare()
        await self.start_all()
        await self.finish_all()

    async def start_all(self) -> None:
        """Everybody for whom a handpiece is ready, at once."""
        await asyncio.gather(*(self.start(client, self.handpieces[client.number]) for client in self.clients if client.first_time))

    async def finish_all(self) -> None:
        """The ends and the check-ins; the third client is treated when the first one's handpiece is free."""
        await asyncio.gather(*(self.finish(client) if client.first_time else self._third(client) for client in self.clients))

    async def _third(self, client: Client) -> None:
        used = await self.try_start(client, self.handpieces[0])
        assert used.status_code == httpx.codes.CONFLICT, f"a handpiece served twice after one reprocessing: {used.text}"
        await self.clients[0].ended.wait()
        await self.reprocess(self.handpieces[0])
        await self.start(client, self.handpieces[0])
        await self.finish(client)

    async def prepare(self) -> None:
        """Everything before the starts: bookings, supplies, rooms, consents, answers, arrivals, skin."""
        await asyncio.gather(self._equip(), self.book(self.later, 26 * 60), *(self._welcome(client) for client in self.clients))

    async def _equip(self) -> None:
        await asyncio.gather(
            self._cartridges(), self._sterilize(), *map(self.reprocess, self.handpieces), *map(self._turn_over, self.rooms)
        )

    async def _cartridges(self) -> None:
        lot = f"/lots/{uuid4()}"
        expiry = (datetime.now(UTC) + timedelta(days=400)).strftime("%y%m%d")  # noqa: TID251 - a stranger has its own clock
        box = {"scan": f"]d201{self.example.gtin}17{expiry}10SP4471", "quantity": 20, "occurred_at": self.ago(60)}
        await self.tablet.granted("technician", "PUT", lot, box)
        order = {"units": 3, "occurred_at": self.ago(59)}
        labeled = await self.tablet.granted("technician", "POST", f"{lot}/units", order, key=f"labels-of{lot}".replace("/", "."))
        again = await self.tablet.granted("technician", "POST", f"{lot}/units", order, key=f"labels-of{lot}".replace("/", "."))
        assert again == labeled | {"repeated": True}, "labels that were ordered once were printed twice"
        self.units = labeled["data"]["unit_ids"]

    async def _sterilize(self) -> None:
        cycle = f"/cycles/{uuid4()}"
        await self._cycle(f"/cycles/{uuid4()}", 412, 200, purpose="air_removal_test")
        await self._cycle(cycle, 413, 140, packs=[{"pack_id": pack, "contents": "extractor_set"} for pack in self.packs])
        await self.tablet.granted("technician", "POST", f"{cycle}/release", {"occurred_at": self.ago(45)})

    async def _cycle(self, path: str, number: int, began: int, **more: Any) -> None:
        report = {
            "sterilizer_id": str(self.example.sterilizer_id),
            "cycle_number": number,
            "program": PROGRAM,
            "started_at": self.ago(began),
            "ended_at": self.ago(began - 40),
            "samples": [{"second": second, "temperature_mc": 132_900 + second % 5 * 100} for second in range(0, 251, 5)],
            "external_indicator": "changed",
            "internal_indicator": "changed",
            "occurred_at": self.ago(began - 42),
            **more,
        }
        await self.tablet.granted("technician", "PUT", path, report)

    async def reprocess(self, handpiece: str) -> None:
        """Make a handpiece ready for one start."""
        report = {**WIPED, "handpiece_id": handpiece, "occurred_at": self.ago()}
        await self.tablet.granted("technician", "PUT", f"/reprocessings/{uuid4()}", report)

    async def _turn_over(self, room: str) -> None:
        steps = ["sharps_discarded", "surfaces_cleaned", "surfaces_disinfected", "barriers_renewed"]
        report = {**WIPED, "room_id": room, "steps": steps, "occurred_at": self.ago()}
        await self.tablet.granted("technician", "PUT", f"/turnovers/{uuid4()}", report)

    async def _welcome(self, client: Client) -> None:
        await self.book(client)
        await self._sign(client)
        await self._screen(client)
        arrival = {"booking_id": client.booking_id, "identity": client.identity}
        arrived = await self.desk.ask("client.arrive", arrival, "client.arrived")
        assert arrived["data"]["identity_confirmed"]
        cleansing = f"/bookings/{client.booking_id}/cleansings/{uuid4()}"
        await self.tablet.granted(client.practitioner, "PUT", cleansing, {"product": "chlorhexidine"})

    async def book(self, client: Client, minutes: int = 10) -> None:
        """Register and book by stream, an hour that begins in so many minutes."""
        registration = {"client_id": client.client_id, **client.identity, "phone": "+31201234567"}
        await self.desk.ask("client.register", registration, "client.registered")
        visit = {
            "booking_id": client.booking_id,
            "client_id": client.client_id,
            "practitioner_id": str(self.example.people[client.practitioner].identity_id),
            "room_id": self.rooms[client.number],
            "starts_at": self.ago(-minutes),
            "ends_at": self.ago(-minutes - 60),
            "areas": ["cheeks"],
            "depth_um": 1000,
        }
        await self.desk.ask("booking.request", visit, "booking.confirmed")

    async def _sign(self, client: Client) -> None:
        sheet = {
            "client_id": client.client_id,
            **self.example.form.model_dump(mode="json"),
            "areas": ["cheeks"],
            "max_depth_um": 1500,
            "explained_by": str(self.example.people[client.practitioner].identity_id),
            "signed_at": self.ago(),
            "signature": {"method": "drawn", "strokes": [[{"x": 1, "y": 2}, {"x": 30, "y": 12, "t": 240}]]},
        }
        await self.tablet.granted(client.practitioner, "PUT", f"/consents/{uuid4()}", sheet)

    async def _screen(self, client: Client) -> None:
        questions = (await self.tablet.granted(client.practitioner, "GET", "/screening-questions?extent=full"))["questions"]
        answers = [{"code": question["code"], "answer": "no"} for question in questions]
        sheet = {"client_id": client.client_id, "extent": "full", "answered_at": self.ago(), "answers": answers}
        await self.tablet.granted(client.practitioner, "PUT", f"/screenings/{uuid4()}", sheet)

    def start_request(self, client: Client, handpiece: str) -> dict[str, Any]:
        """What is really used."""
        return {
            "booking_id": client.booking_id,
            "room_id": self.rooms[client.number],
            "handpiece_id": handpiece,
            "cartridge_unit_ids": [self.units[client.number]],
            "packs": [{"pack_id": self.packs[client.number], "indicator_changed": True, "intact": True}],
        }

    async def try_start(self, client: Client, handpiece: str) -> httpx.Response:
        """Press Start, whatever the gate says."""
        return await self.tablet.ask(client.practitioner, "POST", "/treatments", self.start_request(client, handpiece))

    async def start(self, client: Client, handpiece: str) -> None:
        """Press Start; then once more with a new id, as a second tablet does: one treatment, one certificate."""
        started = await self.try_start(client, handpiece)
        assert started.status_code in {200, 201}, started.text
        again = await self.try_start(client, handpiece)
        assert again.json()["event_id"] == started.json()["event_id"], again.text
        client.treatment_id = started.json()["data"]["treatment_id"]

    async def finish(self, client: Client) -> None:
        """End the treatment; the client answers the check-in that follows."""
        note = {
            "needle_contact": True,
            "depths": [{"area": "cheeks", "depth_um": 1000}],
            "skin_cleansed": True,
            "sharps_disposed": True,
            "aftercare_given": True,
        }
        await self.tablet.granted(client.practitioner, "POST", f"/treatments/{client.treatment_id}/end", note)
        client.ended.set()
        link = await self._link(client)
        reply = await self.tablet.link(link, {"symptoms": [], "fever": False})
        assert reply.status_code == httpx.codes.OK, reply.text
        assert reply.json()["tier"] == "none", reply.text

    async def _link(self, client: Client) -> str:
        async with asyncio.timeout(self.tablet.patience_seconds):
            while True:
                for message in messages(self.spool):
                    if message["template"] == "checkin_due" and message["recipient_id"] == client.client_id:
                        return str(message["parameters"]["link"])
                await asyncio.sleep(0.05)


def messages(spool: Path) -> list[dict[str, Any]]:
    """What was sent to people. A line that a killed process left half-written was not sent."""
    found: list[dict[str, Any]] = []
    for line in spool.read_text().splitlines() if spool.exists() else ():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found
