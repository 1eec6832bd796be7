"""The twelve clients, in several processes: what they ask goes through the real commands, each in a transaction of its own."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from multiprocessing.connection import Connection
from typing import Any
from uuid import UUID, uuid5

from events.answer import Answer, command_event_id
from events.catalog.hygiene import PackQuarantined, RecallOpened
from events.database import Database, application_clock, is_passing
from events.envelope import Entry, Event
from events.transaction import transaction
from schemas.consent import Withdrawal, WithdrawalNote
from schemas.hygiene import LotQuarantine, PackRejection, ReprocessingReport, Said
from schemas.recovery import HoldLifting, HoldNote, HoldPlacing, LiftNote
from schemas.treatment import End, EndNote, OpenedPack, StartRequest
from schemas.vocabulary import Actor, Area, AreaDepth, Role
from services.consent.commands import withdraw_consent
from services.hygiene.commands import quarantine_lot, reject_pack, reprocess_handpiece
from services.recovery.commands import lift_safety_hold, place_safety_hold
from services.treatment.commands import end_treatment, start_treatment
from tests.conftest import SECRET, load_services
from tests.faults.race_ground import Ground, clearance, published, signature
from tests.faults.race_plan import Move, Round


@dataclass(frozen=True)
class Asked:
    """A move as it went: the clock that all processes share, nanoseconds; what answered it."""

    move: Move
    asked_at: int
    answered_at: int
    asked: datetime
    answered: datetime
    event_ids: tuple[UUID, ...] = ()
    index: int = -1
    repeated: bool = False
    failure: str = ""


@dataclass(frozen=True)
class Job:
    """A history: its clinics, what this process's clients ask, and when each round begins."""

    grounds: tuple[Ground, ...]
    rounds: tuple[Round, ...]
    begins_at: int
    every_ns: int


Command = Callable[..., Awaitable[Answer[Any]]]


def _said(move: Move, role: Role) -> Actor:
    return Actor(identity_id=move.by, role=role)


class Client:
    """Makes moves, one after the other."""

    def __init__(self, database: Database, grounds: Sequence[Ground]) -> None:
        self._database = database
        self._grounds = grounds
        self._moves: dict[str, Callable[[Ground, Move], Awaitable[list[Answer[Any]]]]] = {
            "start": self._start,
            "end": self._end,
            "reprocess": self._reprocess,
            "ingress": self._reprocess,
            "withdraw": self._withdraw,
            "hold": self._hold,
            "lift": self._lift,
            "recall_lot": self._recall_lot,
            "recall_load": self._recall_load,
            "reject_pack": self._reject_pack,
            "sign_briefly": self._sign_briefly,
            "clear_briefly": self._clear_briefly,
            "turn": self._turn,
        }

    async def make(self, move: Move) -> Asked:
        """One move, and when it was asked and answered."""
        asked_at, asked = time.monotonic_ns(), application_clock()
        answers: list[Answer[Any]] = []
        failure = ""
        try:
            answers = await self._moves[move.kind](self._grounds[move.clinic], move)
        except Exception as failed:  # noqa: BLE001 - the parent judges it
            failure = f"{'away' if is_passing(failed) else 'failed'}: {type(failed).__name__}: {failed}"
        last = answers[-1] if answers else None
        return Asked(
            move,
            asked_at,
            time.monotonic_ns(),
            asked,
            application_clock(),
            tuple(answer.entry.event_id for answer in answers),
            -1 if last is None else last.entry.index,
            last is not None and last.repeated,
            failure,
        )

    async def _do(self, ground: Ground, service: str, command: Command, request: Any, by: Actor, move: Move) -> list[Answer[Any]]:
        async with transaction(self._database, ground.clinic_id, service, by, move.command_id) as tx:
            return [await tx.once(command, request)]

    async def _say(self, ground: Ground, service: str, move: Move, say: Callable[[datetime, UUID], Sequence[Event]]) -> list[Answer[Any]]:
        """Facts as the service records them, at the moment of the transaction."""
        async with transaction(self._database, ground.clinic_id, service, _said(move, Role.CLINICIAN), move.command_id) as tx:
            recorded: list[Entry[Any]] = [await tx.record(event) for event in say(tx.now, tx.new_id())]
        return [Answer(entry) for entry in recorded]

    async def _start(self, ground: Ground, move: Move) -> list[Answer[Any]]:
        assert move.seat is not None
        unit, pack, *_ = move.subjects
        asked = StartRequest(
            booking_id=move.seat.booking_id,
            room_id=move.seat.room_id,
            handpiece_id=move.handpiece_id,
            cartridge_unit_ids=(unit,),
            packs=(OpenedPack(pack_id=pack, indicator_changed=True, intact=True),),
        )
        return await self._do(ground, "treatment", start_treatment, asked, _said(move, Role.PRACTITIONER), move)

    async def _end(self, ground: Ground, move: Move) -> list[Answer[Any]]:
        depths = (AreaDepth(area=Area.CHEEKS, depth_um=1000),)
        note = EndNote(needle_contact=True, depths=depths, skin_cleansed=True, sharps_disposed=True, aftercare_given=True)
        end = End(treatment_id=move.subjects[0], note=note)
        return await self._do(ground, "treatment", end_treatment, end, _said(move, Role.PRACTITIONER), move)

    async def _reprocess(self, ground: Ground, move: Move) -> list[Answer[Any]]:
        report = ReprocessingReport(
            handpiece_id=move.subjects[0],
            product="wipe",
            wet_seconds=900,
            occurred_at=application_clock(),
            ingress_seen=move.kind == "ingress",
        )
        said = Said[ReprocessingReport](subject_id=uuid5(ground.clinic_id, move.command_id), report=report)
        return await self._do(ground, "hygiene", reprocess_handpiece, said, _said(move, Role.TECHNICIAN), move)

    async def _withdraw(self, ground: Ground, move: Move) -> list[Answer[Any]]:
        assert move.seat is not None
        asked = Withdrawal(consent_id=move.seat.consent_id, note=WithdrawalNote(channel="phone"))
        return await self._do(ground, "consent", withdraw_consent, asked, _said(move, Role.FRONT_DESK), move)

    async def _hold(self, ground: Ground, move: Move) -> list[Answer[Any]]:
        assert move.seat is not None
        hold_id = uuid5(command_event_id(ground.clinic_id, move.by, move.command_id), "hold")
        asked = HoldPlacing(hold_id=hold_id, note=HoldNote(client_id=move.seat.client_id, reason="fever"))
        return await self._do(ground, "recovery", place_safety_hold, asked, _said(move, Role.CLINICIAN), move)

    async def _lift(self, ground: Ground, move: Move) -> list[Answer[Any]]:
        asked = HoldLifting(hold_id=move.subjects[0], note=LiftNote(reason="healed"))
        return await self._do(ground, "recovery", lift_safety_hold, asked, _said(move, Role.CLINICIAN), move)

    async def _recall_lot(self, ground: Ground, move: Move) -> list[Answer[Any]]:
        report = LotQuarantine(reason="manufacturer_recall", occurred_at=application_clock())
        said = Said[LotQuarantine](subject_id=move.subjects[0], report=report)
        return await self._do(ground, "hygiene", quarantine_lot, said, _said(move, Role.MANAGER), move)

    async def _reject_pack(self, ground: Ground, move: Move) -> list[Answer[Any]]:
        report = PackRejection(reason="torn", occurred_at=application_clock())
        said = Said[PackRejection](subject_id=move.subjects[0], report=report)
        return await self._do(ground, "hygiene", reject_pack, said, _said(move, Role.TECHNICIAN), move)

    async def _recall_load(self, ground: Ground, move: Move) -> list[Answer[Any]]:
        """What a positive indicator makes hygiene say of one load."""
        cycle, *packs = move.subjects

        def say(_now: datetime, recall_id: UUID) -> Sequence[Event]:
            held = tuple(packs)
            opened = RecallOpened(
                recall_id=recall_id, kind="sterilizer", subject_id=ground.form_id, cause=recall_id, cycle_ids=(cycle,), pack_ids=held
            )
            return opened, PackQuarantined(pack_ids=held, reason="recall", cause=recall_id)

        return await self._say(ground, "hygiene", move, say)

    async def _sign_briefly(self, ground: Ground, move: Move) -> list[Answer[Any]]:
        def say(now: datetime, new_id: UUID) -> Sequence[Event]:
            assert move.seat is not None
            return [signature(ground, move.seat, now, now + timedelta(milliseconds=move.number), new_id)]

        return await self._say(ground, "consent", move, say)

    async def _clear_briefly(self, ground: Ground, move: Move) -> list[Answer[Any]]:
        def say(now: datetime, new_id: UUID) -> Sequence[Event]:
            assert move.seat is not None
            return [clearance(move.seat, now + timedelta(milliseconds=move.number), new_id)]

        return await self._say(ground, "consent", move, say)

    async def _turn(self, ground: Ground, move: Move) -> list[Answer[Any]]:
        """In a moment it is tomorrow, and a moment later today again. Said as consent, which has less to catch up with than compliance."""

        def say(now: datetime, _new_id: UUID) -> Sequence[Event]:
            east = published(ground, move.number, ground.east, now + timedelta(milliseconds=30))
            return east, published(ground, move.number + 1, ground.west, now + timedelta(milliseconds=80))

        return await self._say(ground, "consent", move, say)


async def _play(database: Database, job: Job, place: int) -> list[Asked]:
    """One client's moves, each in its round."""
    client, found = Client(database, job.grounds), list[Asked]()
    for number, moves in enumerate(job.rounds):
        move = moves[place]
        if move is None:
            continue
        begins_at = job.begins_at + number * job.every_ns + move.after_ms * 1_000_000
        await asyncio.sleep(max(begins_at - time.monotonic_ns(), 0) / 1e9)
        found.append(await client.make(move))
    return found


async def _serve(url: str, places: Sequence[int], wire: Connection) -> None:
    database = Database(url, secret=SECRET, pool_size=len(places))
    try:
        while (job := await asyncio.to_thread(wire.recv)) is not None:
            played = await asyncio.gather(*(_play(database, job, place) for place in places))
            wire.send([asked for asks in played for asked in asks])
    finally:
        await database.close()


def serve(url: str, places: Sequence[int], wire: Connection, plant: Callable[[], None] | None = None) -> None:
    """The life of a process with some of the clients. `plant`: a defect that this process shall have."""
    logging.basicConfig(level=logging.ERROR)
    load_services()
    if plant is not None:
        plant()
    with contextlib.suppress(EOFError, KeyboardInterrupt):
        asyncio.run(_serve(url, places, wire))
