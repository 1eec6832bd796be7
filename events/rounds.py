"""One look at a clinic for everybody who follows it in this process: who has what left to do?

Most entries concern one service or two. Whom they do not concern has its bookmark moved past them here, all in one
statement; for the others an attempt is counted, in this commit, before anything is tried.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from events import wire
from events.attempts import AttemptAt, Pair, count_attempts
from events.database import Database
from events.envelope import knows
from events.transaction import apart

MOST_ENTRIES = 1_000
"""How far one look sees."""

Step = Callable[[Database, UUID, str, int], Awaitable[int]]
"""Works up to so many entries of a clinic for a service, and says how many are left."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What somebody does about the entries of every clinic: the types that concern it, and the work."""

    service: str
    name: str
    hears: Callable[[], frozenset[str]]
    step: Step

    def pair(self, clinic_id: UUID) -> Pair:
        """The same in one clinic."""
        return Pair(clinic_id, self.service, self.name)


@dataclass(frozen=True, slots=True)
class Round:
    """What one look found: where the ledger ends, and what is to be tried there."""

    epoch: int
    size: int
    todo: Sequence[tuple[Stage, AttemptAt]]
    rests: bool
    """Whether every bookmark stands at the ledger's end."""
    suspected: bool
    """Whether somebody waits who is to be tried alone."""


_LOOK = """
    select c.epoch, coalesce(e.index + 1, 0), m.sizes, m.counts, t.types, t.first
      from (select epoch from ledger.clinics where clinic_id = $1 order by epoch desc limit 1) c
      left join lateral (select index from ledger.entries where clinic_id = $1 and epoch = c.epoch order by index desc limit 1) e on true
     cross join lateral (
             select array_agg(case when b.epoch is null then 0 when b.epoch = c.epoch then b.size else -1 - b.size end order by p.number)
                    as sizes,
                    array_agg(case when a.index = coalesce(b.size, 0) and a.halted_at is null then a.count else 0 end order by p.number)
                    as counts
               from unnest($2::text[], $3::text[]) with ordinality p (service, stage, number)
               left join ledger.bookmarks b on b.clinic_id = $1 and b.service = p.service and b.stage = p.stage
               left join ledger.attempts a on a.clinic_id = $1 and a.service = p.service and a.stage = p.stage) m
     cross join lateral (
             select array_agg(x.type order by x.index) as types, min(x.index) as first
               from (select index, type from ledger.entries
                      where clinic_id = $1 and epoch = c.epoch and index >= (select min(s) from unnest(m.sizes) s where s >= 0)
                      order by index limit $4) x) t
    """
_MOVE_ON = "select ledger.pass($1, $2, $3, $4, $5, $6)"


async def look(
    database: Database, clinic_id: UUID, stages: Sequence[Stage], always: frozenset[str] = frozenset(), *, suspects_first: bool = False
) -> Round | None:
    """Pass what concerns nobody, count an attempt for whoever has something to do. None: there is no such clinic.

    A stage of a service waits for the stages of it that come before: a reaction needs the whole projection, and must not be
    blamed for a projector. `always` names services whose turn it is also when nothing is left. Whoever was begun here before
    and came to no end may have killed the process: it is tried alone, so that nobody is blamed for it, and after the others
    unless they are to go first.
    """
    async with apart(database, clinic_id, stages[0].service, durable=False) as line:
        found = await wire.fetch_row(line, _LOOK, clinic_id, [s.service for s in stages], [s.name for s in stages], MOST_ENTRIES)
        if found is None:
            return None
        epoch, size, sizes, counts, types, first = found
        places = dict(zip(stages, sizes, strict=True))
        begun = dict(zip(stages, counts, strict=True))
        stops = {stage: _stop(stage, place, size, types or [], first or 0) for stage, place in places.items()}
        passed = [stage for stage in stages if 0 <= places[stage] < stops[stage]]
        if passed:
            which = ([s.service for s in passed], [s.name for s in passed], [places[s] for s in passed], [stops[s] for s in passed])
            for (number,) in await wire.fetch(line, _MOVE_ON, clinic_id, epoch, *which):
                stage = passed[number - 1]
                places[stage], begun[stage] = stops[stage], 0
        todo = _todo(places, size, always)
        suspects = sorted((stage for stage in todo if begun[stage]), key=lambda stage: int(begun[stage]))
        calm = [stage for stage in todo if not begun[stage]]
        todo = suspects[:1] if suspects and (suspects_first or not calm) else calm
        attempts = await count_attempts(line, [(stage.pair(clinic_id), _index(places[stage])) for stage in todo]) if todo else []
    rests = all(place == size for place in places.values())
    return Round(epoch, size, list(zip(todo, attempts, strict=True)), rests, suspected=bool(suspects) and suspects[0] not in todo)


def _stop(stage: Stage, place: int, size: int, types: Sequence[str], first: int) -> int:
    """The first entry that concerns it, or that this program does not know; else as far as the look went.

    `types` are those of the entries from index `first` on, which may lie behind the place: a later epoch begins where the former
    ended, and who has not begun it stands at 0.
    """
    if place < 0 or place >= size:
        return place
    hears = stage.hears()
    for offset in range(max(place - first, 0), len(types)):
        if types[offset] in hears or not knows(types[offset]):
            return first + offset
    return max(place, first + len(types))


def _index(place: int) -> int:
    """The next entry behind a bookmark; one of another epoch comes as -1 and below."""
    return place if place >= 0 else -1 - place


def _todo(places: dict[Stage, int], size: int, always: frozenset[str]) -> list[Stage]:
    """Whose turn it is: for each service the first stage that has something left."""
    todo: list[Stage] = []
    waiting: set[str] = set()
    for stage, place in places.items():
        if stage.service not in waiting and (place != size or stage.service in always):
            todo.append(stage)
            waiting.add(stage.service)
    return todo
