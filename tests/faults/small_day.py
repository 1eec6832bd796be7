"""What may be done in a small clinic, and what must come of it."""

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

from events import ledger
from events.attempts import Pair, pass_entry
from events.catalog.booking import BookingCanceled, BookingConfirmed, BookingFlagged, ClientArrived
from events.catalog.consent import ConsentWithdrawn
from events.catalog.hygiene import CartridgeOpened, CartridgeWasted, HandpieceReprocessed, RoomTurnedOver
from events.catalog.recovery import SafetyHoldLifted, SafetyHoldPlaced
from events.catalog.treatment import SkinCleansed, TreatmentEnded, TreatmentRefused, TreatmentStarted
from events.streams import Follower, react
from events.transaction import IdReusedError, aside, project
from schemas.booking import BookingCancellation, BookingRequest, ClientArrival
from schemas.compliance import SkipEntry
from schemas.consent import Withdrawal, WithdrawalNote
from schemas.hygiene import ReprocessingReport, Said, TurnoverReport, TurnoverStep, Waste
from schemas.recovery import HoldLifting, HoldNote, HoldPlacing, LiftNote
from schemas.treatment import Cleansing, CleansingNote, End, EndNote, OpenedPack, StartRequest
from schemas.vocabulary import Area, AreaDepth, Role, Verdict
from services.booking.commands import cancel_booking, record_arrival, request_booking
from services.compliance.commands import skip_entry
from services.consent.commands import withdraw_consent
from services.hygiene.commands import reprocess_handpiece, turn_over_room, waste_cartridge
from services.recovery.commands import lift_safety_hold, place_safety_hold
from services.treatment.commands import cleanse_skin, end_treatment, start_treatment
from tests.conftest import actor
from tests.faults.small_clinic import PRACTITIONERS, ROOMS, Seat, SmallClinic
from tests.faults.small_record import Watch

REACTING = ("consent", "hygiene", "treatment", "recovery", "booking")
"""In two rounds everybody has heard everything: reactions to reactions go one step far here."""


class PoisonError(Exception):
    """What a poisoned reaction raises."""


@dataclass
class Day:
    """The words of one clinic's day. Each gives a real command and compares the answer with what is known."""

    clinic: SmallClinic
    happened: Counter[str]
    watch: Watch

    @property
    def seats(self) -> list[Seat]:
        return self.clinic.known.seats

    def fresh(self) -> tuple[int, int]:
        """A cartridge and a pack that nobody used yet, where there are any."""
        return min(self.clinic.known.units, default=0), min(self.clinic.known.packs, default=0)

    def somebody(self, client: int) -> int:
        """A client of this number, or better one whose treatment runs or who is expected."""
        seats = [seat for seat in self.seats if seat.open] or [seat for seat in self.seats if seat.live and not seat.start]
        return seats[client % len(seats)].client if seats and client % 3 else client

    async def book(self, client: int, practitioner: int, room: int) -> Seat | None:
        """A slot that can be started at once. Whoever or whatever is in it already is not given again."""
        clinic, booking_id = self.clinic, uuid4()
        asked = BookingRequest(
            booking_id=booking_id,
            client_id=clinic.clients[client],
            practitioner_id=clinic.practitioners[practitioner],
            room_id=clinic.rooms[room],
            starts_at=clinic.now + timedelta(minutes=10),
            ends_at=clinic.now + timedelta(minutes=40),
            areas=(Area.CHEEKS,),
            depth_um=1000,
        )
        answer = await clinic.give("booking", request_booking, asked)
        if not isinstance(answer.event, BookingConfirmed):
            self.happened["booking refused"] += 1
            return None
        seat = Seat(booking_id, client, practitioner, room)
        for other in self.seats:
            both = (other.client == client, other.practitioner == practitioner, other.room == room)
            assert not (other.live and not other.start and any(both)), "one slot was given twice"
        self.seats.append(seat)
        self.happened["booking confirmed"] += 1
        return seat

    async def book_and_prepare(self, client: int) -> Seat | None:
        """Where there is room, up to the cleansed skin."""
        busy = [seat for seat in self.seats if seat.live]
        practitioner = next((n for n in range(PRACTITIONERS) if n not in {seat.practitioner for seat in busy}), 0)
        room = next((n for n in range(ROOMS) if n not in {seat.room for seat in busy}), 0)
        seat = await self.book(client, practitioner, room)
        if seat is not None:
            await self.arrive(seat)
            await self.cleanse(seat)
        return seat

    async def cancel(self, seat: Seat) -> None:
        answer = await self.clinic.give("booking", cancel_booking, BookingCancellation(booking_id=seat.booking_id))
        if isinstance(answer.event, BookingCanceled):
            seat.live = False
        self.happened["cancellation"] += 1

    async def arrive(self, seat: Seat) -> None:
        answer = await self.clinic.give("booking", record_arrival, ClientArrival(booking_id=seat.booking_id, identity_confirmed=True))
        assert isinstance(answer.event, ClientArrived) or not seat.live or seat.start
        if isinstance(answer.event, ClientArrived):
            seat.arrived = True

    async def cleanse(self, seat: Seat) -> None:
        """Before the client came it is recorded, and does not count."""
        asked = Cleansing(booking_id=seat.booking_id, cleansing_id=uuid4(), note=CleansingNote(product="chlorhexidine"))
        answer = await self.clinic.give("treatment", cleanse_skin, asked)
        assert isinstance(answer.event, SkinCleansed) == seat.live
        seat.cleansed = seat.cleansed or (seat.live and seat.arrived)

    async def sign(self, client: int) -> None:
        if client not in self.clinic.known.signed:
            await self.clinic.sign(client)

    async def withdraw(self, client: int) -> None:
        consent_id = self.clinic.known.signed.pop(client, None)
        if consent_id is None:
            return
        asked = Withdrawal(consent_id=consent_id, note=WithdrawalNote(channel="phone"))
        answer = await self.clinic.give("consent", withdraw_consent, asked)
        assert isinstance(answer.event, ConsentWithdrawn)
        self.happened["withdrawal"] += 1

    async def hold(self, client: int, *, poisoned: bool) -> None:
        reason = "poison" if poisoned and not self.clinic.poison else "fever"
        asked = HoldPlacing(hold_id=uuid4(), note=HoldNote(client_id=self.clinic.clients[client], reason=reason))
        answer = await self.clinic.give("recovery", place_safety_hold, asked)
        assert isinstance(answer.event, SafetyHoldPlaced)
        self.clinic.known.holds[asked.hold_id] = client
        if reason == "poison":
            self.clinic.poison[asked.hold_id] = answer.entry.event_id

    async def lift(self, which: int) -> None:
        holds = list(self.clinic.known.holds)
        if not holds:
            return
        hold_id = holds[which % len(holds)]
        asked = HoldLifting(hold_id=hold_id, note=LiftNote(reason="healed"))
        assert isinstance((await self.clinic.give("recovery", lift_safety_hold, asked)).event, SafetyHoldLifted)
        del self.clinic.known.holds[hold_id]

    async def reprocess(self, handpiece: int) -> None:
        report = ReprocessingReport(
            handpiece_id=self.clinic.handpieces[handpiece],
            product="wipe",
            wet_seconds=900,
            occurred_at=await self.clinic.house.now("hygiene"),
        )
        answer = await self.clinic.give("hygiene", reprocess_handpiece, Said[ReprocessingReport](subject_id=uuid4(), report=report))
        assert isinstance(answer.event, HandpieceReprocessed)
        self.clinic.known.clean_handpieces.add(handpiece)

    async def turn_over(self, room: int) -> None:
        report = TurnoverReport(
            room_id=self.clinic.rooms[room],
            product="wipe",
            wet_seconds=900,
            steps=tuple(TurnoverStep),
            occurred_at=await self.clinic.house.now("hygiene"),
        )
        answer = await self.clinic.give("hygiene", turn_over_room, Said[TurnoverReport](subject_id=uuid4(), report=report))
        assert isinstance(answer.event, RoomTurnedOver)
        self.clinic.known.clean_rooms.add(room)

    async def waste(self, unit: int) -> None:
        report = Waste(reason="dropped", occurred_at=await self.clinic.house.now("hygiene"))
        answer = await self.clinic.give("hygiene", waste_cartridge, Said[Waste](subject_id=self.clinic.units[unit], report=report))
        if isinstance(answer.event, CartridgeWasted):
            self.clinic.known.units.discard(unit)
            self.happened["waste"] += 1

    async def start(self, seat: Seat, used: tuple[int, int, int, int, int]) -> None:
        """Refused with exactly the rules that are broken, or started; pressed again, the same certificate."""
        clinic, expected = self.clinic, self.clinic.known.against(seat, used)
        practitioner, room, handpiece, unit, pack = used
        asked = StartRequest(
            booking_id=seat.booking_id,
            room_id=clinic.rooms[room],
            handpiece_id=clinic.handpieces[handpiece],
            cartridge_unit_ids=(clinic.units[unit],),
            packs=(OpenedPack(pack_id=clinic.packs[pack], indicator_changed=True, intact=True),),
        )
        answer = await clinic.give("treatment", start_treatment, asked, actor(Role.PRACTITIONER, clinic.practitioners[practitioner]))
        if seat.start is not None:
            assert (answer.repeated, answer.entry.event_id) == (True, seat.start)
            self.happened["start pressed again"] += 1
            return
        broken = {finding.rule for finding in answer.event.findings if finding.verdict is Verdict.UNMET}
        assert broken == expected
        assert isinstance(answer.event, TreatmentRefused if expected else TreatmentStarted)
        if isinstance(answer.event, TreatmentStarted):
            seat.start, seat.treatment_id = answer.entry.event_id, answer.event.treatment_id
            clinic.known.use(seat, used)
        self.happened["start refused" if expected else "start granted"] += 1

    async def end(self, seat: Seat, *, needled: bool) -> None:
        assert seat.treatment_id is not None
        depths = (AreaDepth(area=Area.CHEEKS, depth_um=1000),) if needled else ()
        note = EndNote(needle_contact=needled, depths=depths, skin_cleansed=True, sharps_disposed=True, aftercare_given=True)
        answer = await self.clinic.give("treatment", end_treatment, End(treatment_id=seat.treatment_id, note=note))
        assert isinstance(answer.event, TreatmentEnded)
        self.clinic.known.end(seat, needled=needled)

    async def repeat(self, which: int) -> None:
        """The answer was lost on its way: the same again, and nothing more in the ledger."""
        given = self.clinic.history[which % len(self.clinic.history)]
        before = await self.watch.head()
        answer = await self.clinic.house.doing(given.service, given.command, given.request, by=given.by, command_id=given.command_id)
        assert (answer.repeated, answer.entry.event_id) == (True, given.answer)
        assert await self.watch.head() == before
        self.happened["repeated"] += 1

    async def reuse(self, which: int) -> None:
        """Other content under a used id is refused, and changes nothing."""
        history = self.clinic.history
        given = history[which % len(history)]
        other = next((one for one in history if one.command is given.command and one.request != given.request), None)
        if other is None:
            return
        before = await self.watch.head()
        try:
            await self.clinic.house.doing(given.service, given.command, other.request, by=given.by, command_id=given.command_id)
        except IdReusedError:
            self.happened["id reused"] += 1
        else:
            raise AssertionError("another command was answered under a used id")
        assert await self.watch.head() == before

    async def project(self, service: str, limit: int) -> None:
        await project(self.clinic.house.database, self.clinic.clinic_id, service, limit)

    async def react(self, service: str, limit: int) -> None:
        """As far as it goes: nobody comes past a poisoned entry."""
        try:
            await react(self.clinic.house.database, self.clinic.clinic_id, service, limit)
        except PoisonError:
            assert self.clinic.poison

    async def halt_and_skip(self) -> None:
        """Five attempts, then it stands still at just this entry, until two persons let it pass."""
        (hold_id, event_id), clinic = next(iter(self.clinic.poison.items())), self.clinic
        await Follower(clinic.house.database, "booking").follow(clinic.clinic_id)
        async with aside(clinic.house.database, clinic.clinic_id, "booking") as rows:
            entry: Any = await ledger.entry_by_id(rows, clinic.clinic_id, event_id)
        pair = Pair(clinic.clinic_id, "booking", "reacted")
        epoch = await pass_entry(clinic.house.database, pair, entry.index, try_only=True)
        self.happened["poison halted"] += 1
        one, other = clinic.managers
        asked = SkipEntry(service="booking", stage="reacted", epoch=epoch, index=entry.index, approvers=(one, other), reason="poison")
        assert not (await clinic.give("compliance", skip_entry, asked)).event.refusal
        await pass_entry(clinic.house.database, pair, entry.index)
        del clinic.poison[hold_id]
        clinic.skipped.add(hold_id)
        self.happened["poison skipped"] += 1

    async def come_to_rest(self) -> None:
        """Everybody works to the end. What is owed was done, and what was skipped was not."""
        clinic = self.clinic
        if clinic.poison:
            await self.halt_and_skip()
        for _ in range(2):
            for service in REACTING:
                await Follower(clinic.house.database, service).follow(clinic.clinic_id)
        await self.watch.look()
        opened, flagged = self.watch.subjects(CartridgeOpened), self.watch.subjects(BookingFlagged)
        assert opened == {clinic.units[seat.used[3]] for seat in self.seats if seat.start}
        assert clinic.skipped.isdisjoint(cause for _, _, cause, _ in flagged)
        self.happened.update(name for name, _ in self.watch.done)
