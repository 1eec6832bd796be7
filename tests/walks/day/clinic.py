"""What everybody in the story knows: the clinic, its people and things, the clients, and the clock."""

import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from tests.walks.day.doors import FrontDesk, Http


@dataclass(eq=False)
class Client:
    """A client, and the booking the day is about."""

    given_name: str
    family_name: str
    date_of_birth: str
    client_id: str = field(default_factory=lambda: str(uuid4()))
    booking_id: str = field(default_factory=lambda: str(uuid4()))

    @property
    def identity(self) -> dict[str, str]:
        """What the client says at the desk."""
        return {"given_name": self.given_name, "family_name": self.family_name, "date_of_birth": self.date_of_birth}


class Day:
    """The stage: addresses, ids, and what the parts of the story hand on."""

    def __init__(self, file: Path) -> None:
        kept = json.loads(file.read_text())
        example = kept["example"]
        people = example["people"]
        self.clinic: str = example["clinic_id"]
        self.zone = ZoneInfo(example["timezone"])
        self.http = Http(kept["base_url"].split(), self.clinic, {name: person["token"] for name, person in people.items()})
        self.desk = FrontDesk(kept["redis_url"], self.clinic, example["system"])
        self.spool = Path(kept["spool"])
        self.ids: dict[str, str] = {name: person["identity_id"] for name, person in people.items()}
        self.rooms: list[str] = example["rooms"]
        self.handpieces: list[str] = example["handpieces"]
        self.sterilizer: str = example["sterilizer_id"]
        self.earlier_packs: list[str] = example["earlier_packs"]
        self.gtin: str = example["gtin"]
        self.form: dict[str, Any] = example["form"]
        self.ana = Client("Ana", "Silva", "1990-05-17")
        self.bea = Client("Bea", "Novak", "1993-11-02")
        self.cleo = Client("Cleo", "Martin", "1985-01-30")
        self.dina = Client("Dina", "Haddad", "1988-08-08")
        self.eva = Client("Eva", "Lindqvist", "1979-03-21")
        self.begins = self.now + timedelta(minutes=10)
        self.lot = str(uuid4())
        self.units: list[str] = []
        self.cycle = str(uuid4())
        self.failed_cycle = str(uuid4())
        self.packs = [str(uuid4()) for _ in range(4)]
        self.wet_packs = [str(uuid4()) for _ in range(2)]
        self.treatment = ""
        self.raced: Client = self.dina
        self.raced_treatment = ""
        self.later_booking = str(uuid4())

    @property
    def now(self) -> datetime:
        """This machine's clock, to the second."""
        return datetime.fromtimestamp(int(datetime.now(UTC).timestamp()), UTC)  # noqa: TID251 - a stranger has its own clock

    def ago(self, minutes: float) -> str:
        """An earlier moment as people claim it."""
        return (self.now - timedelta(minutes=minutes)).isoformat()

    @property
    def today(self) -> date:
        """The date on the clinic's wall."""
        return self.now.astimezone(self.zone).date()

    def at_ten(self, day: int) -> datetime:
        """Ten in the morning, local, so many days from today."""
        on = self.today + timedelta(days=day)
        return datetime(on.year, on.month, on.day, 10, tzinfo=self.zone)

    def visit(
        self, client: Client, begins: datetime, practitioner: str, room: int, *, booking: str | None = None, **more: Any
    ) -> dict[str, Any]:
        """A request for an hour's treatment of the cheeks at 1.0 mm."""
        return {
            "booking_id": booking or client.booking_id,
            "client_id": client.client_id,
            "practitioner_id": self.ids[practitioner],
            "room_id": self.rooms[room],
            "starts_at": begins.isoformat(),
            "ends_at": (begins + timedelta(hours=1)).isoformat(),
            "areas": ["cheeks"],
            "depth_um": 1000,
            **more,
        }

    def local(self, instant: str) -> str:
        """A moment as the clinic's wall shows it."""
        return datetime.fromisoformat(instant).astimezone(self.zone).strftime("%a %d %b %H:%M")

    def why(self, findings: list[dict[str, Any]], *verdicts: str) -> list[str]:
        """The sentences for the person at the door, with the earliest time where there is one."""
        return [
            f"{finding['code']} {finding['reason']}".lstrip()
            + (f" (earliest: {self.local(finding['earliest_ok'])})" if finding.get("earliest_ok") else "")
            for finding in findings
            if finding["verdict"] in (verdicts or ("unmet",))
        ]
