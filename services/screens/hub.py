"""One reader of the streams in a process, however many pages look on; and one look at the record for all who see the same."""

import asyncio
import contextlib
import logging
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, Generic, TypeVar
from uuid import UUID

from redis.asyncio import Redis
from redis.exceptions import RedisError

from events.outward import outward_stream
from services.door import NotYetKnownError, still_admitted

log = logging.getLogger(__name__)

BLOCK_MILLISECONDS = 1000

CHECK_SECONDS = 5.0
"""Whether whoever looks on may still do so is asked at every event and at least as often: it ends what was signed out elsewhere."""

FRESH_SECONDS = 1.0
"""Nothing happened, and somebody looked no longer ago: nobody else needs to."""

DOUBT_SECONDS = 30.0
"""An event that the record does not know is not waited for again for so long. After a restore the streams say more than the record."""

MOST_PAGES = 500
"""Open pages of a process: more than a big clinic has screens, and each costs some memory only. A technical bound."""

MOST_PAGES_OF_ONE = 20
"""Open pages under one token: whoever opens another one closes the oldest."""

NOTHING = "0-0"

SIGHTED, BLIND, BEHIND = "sighted", "blind", "behind"
"""What a page is told: it is live; the streams cannot be read, and it is looked up; the record lacks what the streams told."""

T = TypeVar("T")


class Onlooker:
    """One open page: where, what it shows, and who asks."""

    def __init__(self, clinic: UUID, shown: str, ask: Any, holder: object, is_outdated: Callable[[], bool] = lambda: False) -> None:
        self.clinic = clinic
        self.shown = shown
        self.ask = ask
        self.holder = holder
        self.is_outdated = is_outdated
        self.news = asyncio.Event()
        self.news.set()  # it knows nothing yet
        self.crowded_out = False


class _Shared(Generic[T]):
    """An answer that many want, looked up once at each turn of things."""

    def __init__(self) -> None:
        self._turn: object = None
        self._began = float("-inf")
        self._task: asyncio.Task[T] | None = None

    async def at(self, turn: object, work: Callable[[], Awaitable[T]]) -> T:
        now = asyncio.get_running_loop().time()
        if self._task is None or self._turn != turn or (self._task.done() and now - self._began > FRESH_SECONDS):
            self._turn, self._began = turn, now
            # A task of its own: whoever asked first may close their page meanwhile.
            self._task = asyncio.ensure_future(work())
            self._task.add_done_callback(lambda task: task.cancelled() or task.exception())
        return await asyncio.shield(self._task)


class Hub:
    """Reads the streams of the clinics that somebody looks at."""

    def __init__(self, client: Redis, admitted: Callable[[Sequence[Any]], Awaitable[Sequence[bool]]] = still_admitted) -> None:
        self._client = client
        self._admitted = admitted
        self._onlookers: defaultdict[UUID, dict[Onlooker, None]] = defaultdict(dict)
        self._last: dict[UUID, str] = {}
        self._turns: Counter[UUID] = Counter()
        self._recorded: dict[UUID, int] = {}
        self._doubted: dict[UUID, tuple[str, float]] = {}
        self._looks: dict[tuple[UUID, str], _Shared[str]] = {}
        self._admissions: dict[UUID, _Shared[dict[Onlooker, bool]]] = {}
        self._reading: asyncio.Task[None] | None = None
        self._blind = False
        self.ended = False

    @property
    def is_full(self) -> bool:
        """Whether one more page would be too many."""
        return sum(map(len, self._onlookers.values())) >= MOST_PAGES

    def last(self, clinic: UUID) -> str:
        """The id of the newest event of a clinic that somebody looks at."""
        return self._last.get(clinic, NOTHING)

    def state(self, clinic: UUID) -> str:
        """How far pages can be relied on."""
        return BLIND if self._blind else BEHIND if self._doubts(clinic) else SIGHTED

    @contextlib.asynccontextmanager
    async def looking(self, onlooker: Onlooker) -> AsyncIterator[None]:
        """Be told what happens there from now on."""
        clinic = onlooker.clinic
        self._crowd_out(onlooker)
        self._onlookers[clinic][onlooker] = None
        try:
            if clinic not in self._last:
                await self._begin(clinic)
            if self._reading is None or self._reading.done():
                self._reading = asyncio.create_task(self._read())
            yield
        finally:
            self._leave(onlooker)

    def _leave(self, onlooker: Onlooker) -> None:
        clinic = onlooker.clinic
        here = self._onlookers[clinic]
        here.pop(onlooker, None)
        if not any(other.shown == onlooker.shown for other in here):
            self._looks.pop((clinic, onlooker.shown), None)
        if not here:
            for kept in (self._onlookers, self._last, self._turns, self._recorded, self._doubted, self._admissions):
                kept.pop(clinic, None)

    def _crowd_out(self, newest: Onlooker) -> None:
        theirs = [other for other in self._onlookers[newest.clinic] if other.holder == newest.holder and not other.crowded_out]
        for oldest in theirs[: max(0, len(theirs) + 1 - MOST_PAGES_OF_ONE)]:
            oldest.crowded_out = True
            oldest.news.set()

    async def admits(self, onlooker: Onlooker) -> bool:
        """Whether the page may go on: asked for all pages of the clinic at once, after whatever happened last."""
        clinic = onlooker.clinic

        async def ask() -> dict[Onlooker, bool]:
            here = list(self._onlookers[clinic])
            return dict(zip(here, await self._admitted([other.ask for other in here]), strict=True))

        found = await self._admissions.setdefault(clinic, _Shared()).at(self._turn(clinic), ask)
        return found.get(onlooker, True)  # who came after the question has just passed the door

    async def look(self, onlooker: Onlooker, look: Callable[[int], Awaitable[str]]) -> str:
        """What is to be seen now: the look of whoever comes first is everybody's who is shown the same."""
        clinic, identity = onlooker.clinic, self.last(onlooker.clinic)

        async def once() -> str:
            if (recorded := self._recorded.get(clinic, 0)) > int(identity.partition("-")[2]):
                try:
                    return await look(recorded)
                except NotYetKnownError:  # somebody is slow, or the record was restored: it is not waited for again
                    self._recorded.pop(clinic, None)
            size = 0 if self._doubts(clinic) else int(identity.partition("-")[2])
            try:
                return await look(size)
            except NotYetKnownError:
                if not size:
                    raise
            self._doubted[clinic] = (identity, asyncio.get_running_loop().time() + DOUBT_SECONDS)
            return await look(0)

        return await self._looks.setdefault((clinic, onlooker.shown), _Shared()).at(self._turn(clinic), once)

    def _turn(self, clinic: UUID) -> tuple[str, int]:
        return self.last(clinic), self._turns[clinic]

    def _doubts(self, clinic: UUID) -> bool:
        identity, until = self._doubted.get(clinic, ("", 0.0))
        return self.last(clinic) == identity and asyncio.get_running_loop().time() < until

    async def _begin(self, clinic: UUID) -> None:
        try:
            newest: Any = await self._client.xrevrange(outward_stream(clinic), count=1)
        except (RedisError, OSError):
            self._see(blind=True)
        else:
            identity = newest[0][0].decode() if newest else NOTHING
            if clinic in self._onlookers and self._last.get(clinic) != identity:
                self._last[clinic] = identity
                self.tell(clinic)

    async def _read(self) -> None:
        """One blocking read after the other, for all clinics together. Whatever happens, there is a next one."""
        while self._onlookers:
            try:
                await self._read_once()
            except (RedisError, OSError):
                self._see(blind=True)
                await asyncio.sleep(1)
            except Exception:
                log.exception("the reader of the streams goes on after an error that nobody expected")
                self._see(blind=True)
                await asyncio.sleep(1)
            else:
                self._see(blind=False)

    async def _read_once(self) -> None:
        for clinic in list(self._onlookers):
            if clinic not in self._last or self._doubts(clinic):  # perhaps the stream was begun anew, too
                await self._begin(clinic)
        asked = {outward_stream(clinic): clinic for clinic in self._onlookers if clinic in self._last}
        if not asked:
            raise ConnectionError  # none of them could be asked for its newest event
        after: Any = {stream: self._last[clinic] for stream, clinic in asked.items()}
        found: Any = await self._client.xread(after, block=BLOCK_MILLISECONDS, count=1000)
        for stream, entries in found:
            clinic = asked[stream.decode()]
            if clinic in self._last:
                self._last[clinic] = entries[-1][0].decode()
            self.tell(clinic)

    def recorded(self, clinic: UUID, size: int) -> None:
        """What this process has recorded itself, its pages see at once: also what never goes out, as that a consent was signed."""
        if clinic in self._onlookers:
            self._recorded[clinic] = max(size, self._recorded.get(clinic, 0))
            self.tell(clinic)

    def _see(self, *, blind: bool) -> None:
        if self._blind is not blind:
            self._blind = blind
            for clinic in list(self._onlookers):
                self.tell(clinic)

    def tell(self, clinic: UUID) -> None:
        """Something happened there: everybody looks again."""
        if clinic in self._onlookers:
            self._turns[clinic] += 1
            for onlooker in self._onlookers[clinic]:
                onlooker.news.set()

    def end(self) -> None:
        """No page is told anything any more: the process is about to stop."""
        self.ended = True
        for clinic in list(self._onlookers):
            self.tell(clinic)
        if self._reading is not None:
            self._reading.cancel()
