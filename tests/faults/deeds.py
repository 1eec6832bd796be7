"""What goes on in a small clinic while backups are taken: decisions of every service, each remembered with its answer."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID

from events.projection import RecordUnreadableError
from schemas.booking import BookingRequest, ClientRegistration
from schemas.consent import Withdrawal, WithdrawalNote
from schemas.hygiene import ReprocessingReport, Said, TurnoverReport, TurnoverStep
from schemas.recovery import HoldNote, HoldPlacing
from schemas.treatment import StartRequest
from schemas.vocabulary import Actor, Area, Role
from services.booking.commands import register_client, request_booking
from services.consent.commands import withdraw_consent
from services.hygiene.commands import reprocess_handpiece, turn_over_room
from services.recovery.commands import place_safety_hold
from services.treatment.commands import start_treatment
from tests.conftest import actor
from tests.faults.small_clinic import SmallClinic

Deed = Callable[[], Awaitable[Any]]


@dataclass
class Deeds:
    """Gives commands. Grants and refusals are both facts; what matters here is that they are remembered."""

    clinic: SmallClinic
    rng: Random
    done: int = 0

    def _new(self) -> UUID:
        return UUID(int=self.rng.getrandbits(128), version=4)

    @property
    def _manager(self) -> Actor:
        return actor(Role.MANAGER, self.clinic.managers[0])

    @property
    def of(self) -> dict[str, tuple[Deed, ...]]:
        """What each service can be asked."""
        return {
            "booking": (self.register, self.book),
            "consent": (self.withdraw,),
            "hygiene": (self.reprocess, self.turn_over),
            "treatment": (self.start,),
            "recovery": (self.hold,),
        }

    async def do(self, without: str | None = None) -> None:
        """Something, of any service but that."""
        service = self.rng.choice([name for name in self.of if name != without])
        await self.rng.choice(self.of[service])()
        self.done += 1

    async def is_refused(self, service: str) -> bool:
        """Whether a service decides nothing, because it cannot read the record."""
        try:
            await self.of[service][0]()
        except RecordUnreadableError:
            return True
        return False

    async def say_again(self) -> list[str]:
        """Who had an answer asks again under the same id; what is wrong with the answers. What was lost is decided anew."""
        wrong: list[str] = []
        for given in list(self.clinic.history):
            answer = await self.clinic.house.doing(given.service, given.command, given.request, by=given.by, command_id=given.command_id)
            if not answer.repeated and answer.entry.event_id != given.answer:
                wrong.append(f"{given.command.__name__} was answered under another id than before")
        return wrong

    async def register(self) -> None:
        named = {"given_name": "R", "family_name": "Kok", "date_of_birth": "1990-01-01", "phone": "+31201234567"}
        asked = ClientRegistration.model_validate({"client_id": self._new(), **named})
        await self.clinic.give("booking", register_client, asked, self._manager)

    async def book(self) -> None:
        clinic = self.clinic
        begins = clinic.now + timedelta(minutes=10 + 15 * self.rng.randrange(200))
        asked = BookingRequest(
            booking_id=self._new(),
            client_id=self.rng.choice(clinic.clients),
            practitioner_id=self.rng.choice(clinic.practitioners),
            room_id=self.rng.choice(clinic.rooms),
            starts_at=begins,
            ends_at=begins + timedelta(minutes=30),
            areas=(Area.CHEEKS,),
            depth_um=1000,
        )
        await clinic.give("booking", request_booking, asked, self._manager)

    async def withdraw(self) -> None:
        consent = self.rng.choice([*self.clinic.known.signed.values(), self._new()])
        await self.clinic.give(
            "consent", withdraw_consent, Withdrawal(consent_id=consent, note=WithdrawalNote(channel="phone")), self._manager
        )

    async def reprocess(self) -> None:
        report = ReprocessingReport(
            handpiece_id=self.rng.choice(self.clinic.handpieces), product="wipe", wet_seconds=900, occurred_at=await self._now()
        )
        await self.clinic.give(
            "hygiene", reprocess_handpiece, Said[ReprocessingReport](subject_id=self._new(), report=report), self._manager
        )

    async def turn_over(self) -> None:
        report = TurnoverReport(
            room_id=self.rng.choice(self.clinic.rooms),
            product="wipe",
            wet_seconds=900,
            steps=tuple(TurnoverStep),
            occurred_at=await self._now(),
        )
        await self.clinic.give("hygiene", turn_over_room, Said[TurnoverReport](subject_id=self._new(), report=report), self._manager)

    async def _now(self) -> Any:
        return await self.clinic.house.now("compliance")

    async def start(self) -> None:
        clinic = self.clinic
        asked = StartRequest(booking_id=self._new(), room_id=self.rng.choice(clinic.rooms), handpiece_id=clinic.handpieces[0])
        await clinic.give("treatment", start_treatment, asked, actor(Role.PRACTITIONER, self.rng.choice(clinic.practitioners)))

    async def hold(self) -> None:
        asked = HoldPlacing(hold_id=self._new(), note=HoldNote(client_id=self.rng.choice(self.clinic.clients), reason="fever"))
        await self.clinic.give("recovery", place_safety_hold, asked, self._manager)
