"""The composition root: the one file that knows every service."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any, TypeVar
from uuid import UUID

from asyncpg import InsufficientPrivilegeError
from fastapi import FastAPI, Request
from faststream.redis import RedisBroker
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy.exc import DBAPIError

from events.clock import jobs_of, run_job
from events.continuity import Continuity
from events.database import SERVICES, Database, is_passing
from events.envelope import Entry
from events.inbox import inbox_of
from events.inbox_keeper import InboxKeeper
from events.outbox import send_due
from events.relay import SERVICE as RELAY
from events.relay import Relay
from events.rounds import Stage
from events.streams import Follower
from events.transaction import View, aside, reading
from events.wakeups import Announcer, Wakeups, make_broker, redis_client
from services.booking.queries import bookable, clients_named, contact_of, phones_of
from services.checkup import EVERY_SECONDS, Checkup
from services.compliance.pages.unlocking import Typed, token_by_pin
from services.compliance.queries import identities
from services.messages import log_adapter
from services.openapi import DescribedAPI
from services.operations import routes as operations
from services.operations import status_in
from services.outages import Watch
from services.problems import handle_problems
from services.screens import assets, signing_in
from services.screens.hub import Hub
from services.screens.menu import Screen, in_order
from services.session import Renewing
from services.settings import Settings
from services.timer import Timer

log = logging.getLogger(__name__)

T = TypeVar("T")

INBOX_SERVICE = "booking"
"""Front-desk systems speak to booking; it keeps the clients' contacts too, so it sends the messages."""

LATER = "biip"
"""Takes long to import, and nobody needs it to begin: the first label that is scanned shall not wait for it either."""

TITLE = "Asepsis"
DESCRIPTION = """Scheduling and hygiene compliance for a microneedling clinic:
no treatment starts until it is safe, and everyone can prove it.

Every route is scoped by clinic. Writes carry an `Idempotency-Key`, or are a `PUT` under an id of the client's; the answer repeats.
Refusals are 409 problem documents with **all** findings, and are recorded."""


def load(service: str) -> None:
    """Import a service's projectors, reactions and jobs, so that they are registered."""
    for module in ("models", "projectors", "handlers", "jobs", "checks"):
        if find_spec(f"services.{service}.{module}"):
            import_module(f"services.{service}.{module}")


class House:
    """One process: the services it runs, their wake-ups, inboxes, jobs, and the relay."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.database = Database(
            settings.database_url, secret=settings.secret, role_prefix=settings.role_prefix, pool_size=settings.connections // 2
        )
        self.client: Redis = redis_client(settings.redis_url)
        self.broker: RedisBroker = make_broker(settings.redis_url)
        self.services = [service for service in SERVICES if service in settings.parts]
        for service in self.services:
            load(service)
        self.relay = Relay(self.database, self.client) if RELAY in settings.parts else None
        publishing: list[Stage] = []
        if self.relay is not None:
            self._continuity = Continuity(self.database, self.client)
            publishing.append(self.relay.stage(self._continuity.guarding(self.relay.publish)))
        self.follower = Follower(self.database, *self.services, stages=publishing)
        self.wakeups = Wakeups(self.broker, self.client, [self.follower])
        self._announcer = Announcer(self.client)
        self.inboxes: InboxKeeper | None = None
        if INBOX_SERVICE in self.services:
            self.inboxes = InboxKeeper(self.database, self.broker, self.client, inbox_of(INBOX_SERVICE))
        self.checkup = Checkup(self.database, self.services, self.client) if self.services else None
        self.hub = Hub(self.client)
        self.connected = False
        self._timer = Timer()
        self._watches = (
            Watch("PostgreSQL", self._ask_database, "nothing is decided until it is back"),
            Watch("Redis", self.client.ping, "wake-ups and streams wait, decisions go on"),
        )
        self.database.announce = self._announce

    async def _announce(self, entries: Sequence[Entry[Any]]) -> None:
        """Those in this process hear it at once, the others by the stream."""
        self.wakeups.tell(entries)
        self._announcer.say(entries)
        self.hub.recorded(entries[-1].clinic_id, entries[-1].size)

    def _each(self, seconds: float, work: Callable[[], Awaitable[Any]]) -> None:
        self._timer.each(seconds, work)

    async def start(self) -> None:
        """Start everything. Redis may be away: decisions need PostgreSQL only, and wake-ups begin when it is back."""
        await self._connect()
        self._each(1, self._connect)
        for watch in self._watches:
            self._each(1, watch.look)
        self._each(1, self.wakeups.sweep)
        if self.inboxes is not None:
            await self.inboxes.tend()
            self._each(1, self.inboxes.tend)
            self._each(0.25, self.inboxes.mend)
            self._each(0.5, self._send_messages)
        if self.relay is not None:
            self._each(1, self._inspect_streams)
            self._each(5, self._look_for_a_restore)
            self._each(600, self.relay.trim)
        for service in self.services:
            for job in jobs_of(service):
                self._each(job.seconds, partial(run_job, self.database, job))
        if self.checkup is not None:
            self._each(EVERY_SECONDS, self.checkup.run)

    async def _connect(self) -> None:
        """Begin to hear, or begin again."""
        try:
            if not self.connected:
                await self.wakeups.ensure_groups()
                await self.broker.start()
                if self.relay is not None:
                    await self.relay.watch_all()
                self.connected = True
            else:
                await self.wakeups.mend()
        except Exception as away:
            if not (isinstance(away, RedisError) or is_passing(away)):
                raise
            log.debug("a server is away: %s", type(away).__name__)

    async def _ask_database(self) -> None:
        async with aside(self.database, None, self.settings.parts[0]):
            pass

    async def _send_messages(self) -> None:
        await send_due(self.database, INBOX_SERVICE, log_adapter(self.settings.spool, contact_of))

    async def _look_for_a_restore(self) -> None:
        if self.relay is not None:
            await self.follower.wake(await self._continuity.inspect(), RELAY)

    async def _inspect_streams(self) -> None:
        if self.relay is not None and self.connected:
            await self.follower.wake(await self.relay.inspect(), RELAY)

    async def stop(self) -> None:
        """Stop hearing, finish what is under way, let go."""
        self.hub.end()
        if self.checkup is not None:
            self.checkup.stop()
        await self._timer.stop()
        if self.checkup is not None:
            await self.checkup.close()
        if self.inboxes is not None:
            await self.inboxes.close()
        await self.broker.stop()
        await self.wakeups.drain()
        await self._announcer.drain()
        await self.client.aclose()
        await self.database.close()


async def where_it_may(asked: Awaitable[T], otherwise: T) -> T:
    """What another service knows; `otherwise` where this process has a login of its own, which reads no other service's tables."""
    try:
        return await asked
    except DBAPIError as refused:
        if isinstance(refused.orig, InsufficientPrivilegeError):
            return otherwise
        raise


async def _looked_up(database: Database, clinic_id: UUID, service: str, ask: Callable[[View], Awaitable[T]]) -> T:
    async with reading(database, clinic_id, service) as view:
        return await ask(view)


async def people_called(database: Database, clinic_id: UUID) -> dict[UUID, str]:
    """What the staff is called: compliance keeps it beside the grants, every screen shows it."""
    everybody = await where_it_may(_looked_up(database, clinic_id, "compliance", identities), ())
    return {found.identity_id: found.display_name for found in everybody if found.display_name}


async def clients_called(database: Database, clinic_id: UUID, client_ids: Collection[UUID]) -> dict[UUID, str]:
    """What these clients are called: booking keeps it. Pages ask for roles that may know."""
    return await where_it_may(_looked_up(database, clinic_id, "booking", lambda view: clients_named(view, client_ids)), {})


async def clients_phones(database: Database, clinic_id: UUID, client_ids: Collection[UUID]) -> dict[UUID, str]:
    """Under which number these clients are called, as above."""
    return await where_it_may(_looked_up(database, clinic_id, "booking", lambda view: phones_of(view, client_ids)), {})


async def rooms_known(database: Database, clinic_id: UUID) -> list[UUID]:
    """The clinic's rooms: booking keeps them."""
    known = await where_it_may(_looked_up(database, clinic_id, "booking", bookable), None)
    return [] if known is None else [room.resource_id for room in known.rooms]


async def pin_typed(request: Request, clinic_id: UUID, identity_id: UUID, pin: str) -> Typed:
    """The token of a second person who typed their PIN: compliance keeps and counts those."""
    unasked = Typed("", ("This part of the program runs apart and knows no PINs. Let the second person type their access token.",))
    return await where_it_may(token_by_pin(request, clinic_id, identity_id, pin), unasked)


def create_app(settings: Settings) -> FastAPI:
    """The process as an ASGI application."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        house = House(settings)
        app.state.house = house
        app.state.hub = house.hub
        app.state.database = house.database
        try:
            await house.start()
            asyncio.get_running_loop().run_in_executor(None, import_module, LATER)
            yield
        finally:
            await house.stop()

    # The framework's own pages load their scripts from a CDN; the document itself is what people integrate from.
    app = DescribedAPI(title=TITLE, description=DESCRIPTION, version="1", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.people_called = people_called
    app.state.status_in = status_in
    app.state.clients_called = clients_called
    app.state.clients_phones = clients_phones
    app.state.rooms_known = rooms_known
    app.state.token_by_pin = pin_typed
    handle_problems(app)
    app.add_middleware(Renewing)
    app.include_router(operations)
    app.include_router(assets.routes)
    app.include_router(signing_in.routes)
    menu: list[Screen] = []
    for service in SERVICES:
        for door in ("routes", "pages"):
            serves = service in settings.parts
            # Whoever runs apart leads to the others' screens too: one proxy stands before them all.
            if (serves or door == "pages") and find_spec(f"services.{service}.{door}"):
                found = import_module(f"services.{service}.{door}")
                menu.extend(getattr(found, "MENU", ()))
                if serves:
                    app.include_router(found.routes)
    app.state.menu = in_order(menu)
    return app
