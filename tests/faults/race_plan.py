"""Who asks for what, and against whom: decided before anybody asks, so that a seed says it again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from uuid import UUID, uuid5

from events.answer import command_event_id
from tests.faults.race_ground import Ground, Seat

CLIENTS = 12
TURNS_A_CLINIC = 3
"""The date of a clinic turns at most so often: each turn publishes two policies."""

MOST_IN_A_DUEL = 4


@dataclass(frozen=True)
class Move:
    """One thing asked for. `subjects` are what it is about: two moves that share one can meet."""

    kind: str
    clinic: int
    by: UUID
    command_id: str
    subjects: tuple[UUID, ...]
    seat: Seat | None = None
    handpiece_id: UUID | None = None
    number: int = 0
    """Milliseconds until something brief is over; the version of a policy."""
    after_ms: int = 0
    """How long the client waits first, when its turn has come."""


Round = tuple[Move | None, ...]
"""At most one move for each client, to be made at about the same time."""


@dataclass
class _Table:
    """What the planner believes of one clinic. It need not be true: refusals are decisions too."""

    ground: Ground
    number: int
    fresh: list[Seat]
    clean: list[UUID]
    units: list[UUID]
    packs: list[UUID]
    played: list[Seat] = field(default_factory=list)
    brief: list[Seat] = field(default_factory=list)
    lots: list[UUID] = field(default_factory=list)
    turns: int = 0


class Planner:
    """Plans one history."""

    def __init__(self, rng: Random, grounds: Sequence[Ground]) -> None:
        self._rng = rng
        self._count = 0
        self._tables = [self._table(number, ground) for number, ground in enumerate(grounds)]
        self._chores: list[list[Move]] = [[], []]
        self._duels: dict[str, Callable[[_Table], list[Move]]] = {
            "withdraw": self._withdraw,
            "recall": self._recall,
            "hold": self._hold,
            "expiry": self._expire,
            "handpiece": self._one_handpiece,
            "cartridge": self._one_cartridge,
            "pack": self._one_pack,
        }

    def _table(self, number: int, ground: Ground) -> _Table:
        def shuffled(things: list[UUID]) -> list[UUID]:
            self._rng.shuffle(things)
            return things

        ready = [seat for seat in ground.seats if not seat.unsigned and seat.restriction_id is None and not seat.fading]
        return _Table(
            ground,
            number,
            fresh=ready,
            clean=shuffled(list(ground.handpieces)),
            units=shuffled([unit for _, units in ground.lots for unit in units]),
            packs=shuffled([pack for _, packs in ground.loads for pack in packs if pack not in ground.fading_packs]),
            brief=[seat for seat in ground.seats if seat.unsigned or seat.restriction_id is not None],
        )

    def rounds(self, decisions: int) -> list[Round]:
        """Rounds until so many decisions are asked for."""
        found: list[Round] = []
        asked = 0
        while asked < decisions:
            moves = self._round()
            asked += len(moves)
            places: list[Move | None] = [*moves, *[None] * (CLIENTS - len(moves))]
            self._rng.shuffle(places)
            found.append(tuple(places))
        return found

    def _round(self) -> list[Move]:
        chores, self._chores = self._chores[0], [self._chores[1], []]
        moves, late = chores[: CLIENTS // 2], chores[CLIENTS // 2 :]
        self._chores[0] = late + self._chores[0]
        while len(moves) <= CLIENTS - MOST_IN_A_DUEL:
            table = self._rng.choice(self._tables)
            moves += self._duels[self._rng.choice(list(self._duels))](table)
        return moves

    def _move(self, table: _Table, kind: str, by: UUID, *subjects: UUID | None, **more: object) -> Move:
        self._count += 1
        known = tuple(subject for subject in subjects if subject is not None)
        return Move(kind, table.number, by, f"{kind}-{self._count}", known, **more)  # type: ignore[arg-type]

    def _somebody(self) -> UUID:
        return UUID(int=self._rng.getrandbits(128), version=4)

    def _take(self, pool: list[UUID], everything: Sequence[UUID]) -> UUID:
        """A fresh one, where there is one; now and then one that somebody may have used."""
        return pool.pop() if pool and self._rng.random() > 0.1 else self._rng.choice(everything)

    def _seat(self, table: _Table) -> Seat:
        seat = table.fresh.pop() if table.fresh and self._rng.random() > 0.1 else self._rng.choice(table.ground.seats)
        table.played.append(seat)
        return seat

    def _start(
        self,
        table: _Table,
        seat: Seat,
        *,
        handpiece: UUID | None = None,
        unit: UUID | None = None,
        pack: UUID | None = None,
        after: int = 8,
    ) -> Move:
        ground = table.ground
        handpiece = handpiece or self._take(table.clean, ground.handpieces)
        unit = unit or self._take(table.units, [one for _, units in ground.lots for one in units])
        pack = pack or self._take(table.packs, [one for _, packs in ground.loads for one in packs])
        wait = self._rng.randrange(after)
        move = self._move(
            table, "start", seat.practitioner_id, unit, pack, handpiece, seat.client_id, seat=seat, handpiece_id=handpiece, after_ms=wait
        )
        self._clean_up(table, move)
        return move

    def _clean_up(self, table: _Table, start: Move) -> None:
        """The start may have been granted: its end, and the handpiece made clean again, in the rounds to come."""
        if self._rng.random() < 0.3:
            return
        assert start.handpiece_id is not None
        treatment_id = uuid5(command_event_id(table.ground.clinic_id, start.by, start.command_id), "id:0")
        self._chores[0].append(self._move(table, "end", start.by, treatment_id))
        self._chores[1].append(self._move(table, "reprocess", self._somebody(), start.handpiece_id))
        if start.handpiece_id not in table.clean:
            table.clean.insert(0, start.handpiece_id)

    def _withdraw(self, table: _Table) -> list[Move]:
        seat = self._seat(table)
        no = self._move(table, "withdraw", self._somebody(), seat.client_id, seat=seat, after_ms=self._rng.randrange(8))
        return [self._start(table, seat), no, *([self._start(table, seat)] if self._rng.random() < 0.3 else [])]

    def _hold(self, table: _Table) -> list[Move]:
        seat = self._seat(table)
        hold = self._move(table, "hold", self._somebody(), seat.client_id, seat=seat, after_ms=self._rng.randrange(8))
        if self._rng.random() < 0.5:
            hold_id = uuid5(command_event_id(table.ground.clinic_id, hold.by, hold.command_id), "hold")
            self._chores[0].append(self._move(table, "lift", self._somebody(), hold_id))
            self._chores[0].append(self._start(table, seat))
        return [self._start(table, seat), hold]

    def _recall(self, table: _Table) -> list[Move]:
        kind = self._rng.choice(["recall_lot", "reject_pack", "recall_load", "ingress"])
        start = self._start(table, self._seat(table))
        unit, pack, handpiece, _ = start.subjects
        ground, starts = table.ground, [start]
        if kind == "recall_lot":
            lot, units = next((lot, units) for lot, units in ground.lots if unit in units)
            starts.append(self._start(table, self._seat(table), unit=self._rng.choice(units)))
            return [*starts, self._move(table, kind, self._somebody(), lot, *units, after_ms=self._rng.randrange(8))]
        if kind == "recall_load":
            cycle, packs = next((cycle, packs) for cycle, packs in ground.loads if pack in packs)
            starts.append(self._start(table, self._seat(table), pack=self._rng.choice(packs)))
            return [*starts, self._move(table, kind, self._somebody(), cycle, *packs, after_ms=self._rng.randrange(8))]
        subject = pack if kind == "reject_pack" else handpiece
        return [*starts, self._move(table, kind, self._somebody(), subject, after_ms=self._rng.randrange(8))]

    def _expire(self, table: _Table) -> list[Move]:
        """A consent or a clearance that is over in a moment, or the end of a day for a pack and a credential."""
        if table.turns < TURNS_A_CLINIC and self._rng.random() < 0.4:
            table.turns += 1
            ground = table.ground
            fading = [seat for seat in ground.seats if seat.fading]
            pack = self._rng.choice(sorted(ground.fading_packs))
            starts = [
                self._start(table, self._seat(table), pack=pack, after=120),
                self._start(table, self._rng.choice(fading), after=120),
                self._start(table, self._rng.choice(fading), after=120),
            ]
            subjects = [*ground.fading_packs, *(seat.client_id for seat in fading)]
            return [*starts, self._move(table, "turn", self._somebody(), *subjects, number=2 * table.turns)]
        seat = self._rng.choice(table.brief)
        kind = "sign_briefly" if seat.unsigned else "clear_briefly"
        brief = self._move(table, kind, self._somebody(), seat.client_id, seat=seat, number=self._rng.randrange(15, 60))
        return [brief, *(self._start(table, seat, after=80) for _ in range(2))]

    def _one_handpiece(self, table: _Table) -> list[Move]:
        handpiece = self._take(table.clean, table.ground.handpieces)
        return [self._start(table, self._seat(table), handpiece=handpiece) for _ in range(self._rng.choice([2, 2, 3]))]

    def _one_cartridge(self, table: _Table) -> list[Move]:
        unit = self._take(table.units, [one for _, units in table.ground.lots for one in units])
        return [self._start(table, self._seat(table), unit=unit) for _ in range(self._rng.choice([2, 2, 3]))]

    def _one_pack(self, table: _Table) -> list[Move]:
        pack = self._take(table.packs, [one for _, packs in table.ground.loads for one in packs])
        return [self._start(table, self._seat(table), pack=pack) for _ in range(self._rng.choice([2, 2, 3]))]
