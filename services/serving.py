"""A process that serves: its socket, its signals, its end."""

import asyncio
import contextlib
import gc
import logging
import signal
import socket
import sys
from collections.abc import Coroutine, Iterator
from typing import Any

import uvicorn

from events.endings import ended
from services.settings import Settings, SettingsError

PORTS_TRIED = 50


def serve(settings: Settings) -> None:
    """Some or all services in this process, on servers of the operator's own, until a signal comes. Raises `UnusableError`."""
    gc.disable()  # nothing of a start is garbage: a tenth of its time would go into looking
    log_to_stderr(logging.INFO, "%(asctime)s %(levelname)s %(name)s: %(message)s")
    with interrupts_end_it():
        listener = listen(settings.host, settings.port, tries=1)
        run(_serve(settings, listener))


def log_to_stderr(level: int, form: str) -> None:
    logging.basicConfig(level=level, format=form)


class EndedError(BaseException):
    """Ctrl-C or SIGTERM. No KeyboardInterrupt: Python remembers one that passed through an `exec`, as imports do, and dies of it later."""


ENDING = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def interrupts_end_it() -> Iterator[None]:
    """Ctrl-C and a service manager's SIGTERM are the usual way to end: no traceback, no error code."""

    def stop(_number: int, _frame: object) -> None:
        raise EndedError

    for number in ENDING:
        signal.signal(number, stop)
    with contextlib.suppress(EndedError, asyncio.CancelledError):
        yield


def run(work: Coroutine[Any, Any, None]) -> None:
    """On uvloop where there is one; a signal cancels the work. Raises `asyncio.CancelledError` then."""

    async def until_ended() -> None:
        task = asyncio.current_task()
        for number in ENDING:
            asyncio.get_running_loop().add_signal_handler(number, task.cancel if task else work.close)
        await work

    try:
        from uvloop import new_event_loop
    except ImportError:  # it exists not everywhere
        asyncio.run(until_ended())
        return
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(until_ended())


def listen(host: str, port: int, tries: int = PORTS_TRIED) -> socket.socket:
    """A listening socket on the port, or on the next one that is free. Raises `SettingsError`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    reason: str | None = None
    for candidate in [*range(port, min(port + tries, 2**16)), *([0] if tries > 1 else [])]:
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, candidate))
            listener.listen(2048)
        except OSError as refused:
            listener.close()
            reason = refused.strerror
        else:
            return listener
    message = f"Cannot listen on {host}:{port} ({reason}); name another port with ASEPSIS_PORT."
    raise SettingsError(message)


class Server(uvicorn.Server):
    """Signals are ours: uvicorn would send them again after its end, and the process would die of them."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Also say when it answers."""
        await super().startup(sockets)
        self.up.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """From now on a signal ends serving, and a second one does not wait for requests under way."""
        for number in ENDING:
            asyncio.get_running_loop().add_signal_handler(number, self._stop)
        yield

    def _stop(self) -> None:
        if not self.should_exit:
            with contextlib.suppress(OSError):  # nobody may read it any more
                sys.stdout.write("stopping…\n")
                sys.stdout.flush()
        self.force_exit = self.should_exit
        self.should_exit = True
        self._end_streams()

    def _end_streams(self) -> None:
        """Open pages would hold the end up until its time limit: they come back by themselves."""
        hub = getattr(getattr(self.config.app, "state", None), "hub", None)
        if hub is not None:
            hub.end()


def make_server(settings: Settings) -> Server:
    from services.app import create_app

    config = uvicorn.Config(
        create_app(settings),
        log_level="warning",
        log_config=None,
        access_log=False,
        lifespan="on",
        timeout_graceful_shutdown=3,
        # Who asks by https gets cookies that travel by https alone: nobody but the proxy may say so.
        proxy_headers=bool(settings.proxies),
        forwarded_allow_ips=list(settings.proxies),
    )
    return Server(config)


def url_of(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def _must_be_ready(settings: Settings) -> None:
    from events.database import Database
    from services.outages import must_be_ready

    database = Database(settings.database_url, secret=settings.secret, role_prefix=settings.role_prefix, pool_size=1)
    try:
        await must_be_ready(database, settings.parts[0])
    finally:
        await database.close()


async def _serve(settings: Settings, listener: socket.socket) -> None:
    await _must_be_ready(settings)
    server = make_server(settings)

    async def tell() -> None:
        await server.up.wait()
        gc.freeze()  # what is there now stays; looking through it again and again took a fifth of the time
        gc.enable()
        sys.stdout.write(f"{', '.join(settings.parts)}: ready at {url_of(listener)}\n")
        sys.stdout.flush()

    telling = asyncio.create_task(tell())
    try:
        await server.serve([listener])
    finally:
        await ended(telling)
