"""Everything on one machine: `asepsis up`, and the process that `asepsis run` is."""

import asyncio
import contextlib
import gc
import json
import logging
import os
import shlex
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from events.embedded import Servers, ServersError
from events.endings import ended
from services import settings as settings_
from services.demo import demo
from services.serving import interrupts_end_it, listen, log_to_stderr, make_server, run, serve, url_of
from services.settings import Settings

if TYPE_CHECKING:
    from services.example import Example

__all__ = ["demo", "drift", "serve", "up"]


@dataclass(frozen=True, slots=True)
class Place:
    """The files of a data directory, beside those of the servers."""

    directory: Path

    @property
    def secret(self) -> Path:
        """What keys fingerprints and links; lost, old links are dead."""
        return self.directory / "secret"

    @property
    def example(self) -> Path:
        """The example clinic with its tokens and addresses: what outside programs read."""
        return self.directory / "example.json"

    @property
    def environment(self) -> Path:
        """Settings for other commands on the running servers; there while they run."""
        return self.directory / "environment"

    @property
    def spool(self) -> Path:
        """Messages to people."""
        return self.directory / "messages.jsonl"


def up(data_dir: Path) -> int:
    """Servers, services, example clinic and a line for each event, until Ctrl-C."""
    begun = time.monotonic()
    gc.disable()  # nothing of a start is garbage: a tenth of its time would go into looking
    log_to_stderr(logging.WARNING, "%(levelname)s %(name)s: %(message)s")
    with interrupts_end_it():
        place = Place(data_dir.expanduser().resolve())
        try:
            with _settings(place) as found:
                run(_stay_up(found, place, begun))
        except ServersError as error:
            sys.stderr.write(f"{error}\n")
            return 1
    return 0


def drift() -> int:
    """Print what the migrations make differently from what the models say; 1 if anything."""
    from services.installation import drift as differences
    from services.installation import migrate

    async def compare(url: str) -> list[str]:
        await migrate(url)
        return await differences(url)

    with tempfile.TemporaryDirectory(prefix="asepsis-drift-") as directory, Servers.start(Path(directory)) as servers:
        found = asyncio.run(compare(servers.database_url))
    for difference in found:
        sys.stdout.write(f"{difference}\n")
    return 1 if found else 0


@contextlib.contextmanager
def _settings(place: Place) -> Iterator[Settings]:
    """Settings for the operator's servers where named, else for our own, which run as long as this lasts."""
    place.directory.mkdir(parents=True, exist_ok=True)
    host, port = settings_.address()
    if settings_.external_servers():
        os.environ.setdefault("ASEPSIS_SECRET", _secret(place))
        yield replace(settings_.from_environment(), spool=place.spool)
        return
    # The servers start in processes of their own; meanwhile this one imports the services.
    with ThreadPoolExecutor(1) as beside:
        starting = beside.submit(Servers.start, place.directory)
        try:
            import_module("services.app")
            import_module("services.example")
            servers = starting.result()
        except BaseException:
            with contextlib.suppress(ServersError):
                starting.result().stop()
            raise
    with servers:
        yield Settings(
            database_url=servers.login_url("asepsis_app"),
            migration_url=servers.database_url,
            redis_url=servers.redis_url,
            secret=settings_.secret_from(_secret(place)),
            host=host,
            port=port,
            spool=place.spool,
            proxies=settings_.proxies(),
        )


def _secret(place: Place) -> str:
    from services.installation import new_secret

    if not place.secret.exists():
        write_private(place.secret, new_secret() + "\n")
    return place.secret.read_text().strip()


def write_private(path: Path, content: str) -> None:
    """Write a file for its owner only, whole or not at all."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(content)
    new.replace(path)


async def _stay_up(settings: Settings, place: Place, begun: float) -> None:
    from services.installation import is_migrated, migrate
    from services.outages import told
    from services.welcome import follow, welcome

    with told(settings.migration_url):
        if settings_.external_servers() or not await is_migrated(settings.migration_url, settings.role_prefix):
            await migrate(settings.migration_url, settings.role_prefix)
    example = await _example(settings, place)
    listener = listen(settings.host, settings.port)
    if settings.port not in {0, listener.getsockname()[1]}:
        sys.stdout.write(f"\nPort {settings.port} is taken, using {listener.getsockname()[1]}.\n")
    server = make_server(settings)

    async def tell() -> None:
        await server.up.wait()
        gc.freeze()
        gc.enable()
        base_url = url_of(listener)
        _write_addresses(settings, place, example, base_url)
        sys.stdout.write(welcome(settings.redis_url, place.environment, place.example, example, base_url, time.monotonic() - begun))
        sys.stdout.flush()
        await follow(settings.redis_url)

    telling = asyncio.create_task(tell())
    try:
        await server.serve([listener])
    finally:
        await ended(telling)
        place.environment.unlink(missing_ok=True)


async def _example(settings: Settings, place: Place) -> "Example | None":
    """The example clinic: the one of this data directory, or a new one where there is no clinic at all."""
    from events.database import SERVICES, Database
    from services.app import load
    from services.example import Example, clinics, database_now, draw_up, make

    database = Database(settings.database_url, secret=settings.secret, role_prefix=settings.role_prefix)
    try:
        known = await clinics(database)
        if place.example.exists():
            kept = json.loads(place.example.read_text())
            example = Example.model_validate(kept["example"])
            if kept["made"] and example.clinic_id in known:
                return example
        elif known:
            return None
        else:
            example = draw_up(await database_now(database))
            # Kept before it is made, so that a start that was cut short goes on with the same tokens.
            _keep_example(place, example, made=False)
        for service in SERVICES:
            load(service)
        await make(database, example)
        _keep_example(place, example, made=True)
        return example
    finally:
        await database.close()


def _keep_example(place: Place, example: "Example", *, made: bool, **addresses: str) -> None:
    kept = {"made": made, **addresses, "example": example.model_dump(mode="json")}
    write_private(place.example, json.dumps(kept, indent=2) + "\n")


def _write_addresses(settings: Settings, place: Place, example: "Example | None", base_url: str) -> None:
    """Where outside programs and other commands find this process and its servers."""
    if example is not None:
        addresses = {"base_url": base_url, "redis_url": settings.redis_url, "spool": str(place.spool)}
        _keep_example(place, example, made=True, **addresses)
    values = {
        "ASEPSIS_DATABASE_URL": settings.database_url,
        "ASEPSIS_MIGRATION_URL": settings.migration_url,
        "ASEPSIS_REDIS_URL": settings.redis_url,
        "ASEPSIS_SECRET": settings.secret.decode(),
        "ASEPSIS_DATA": str(place.directory),
        "ASEPSIS_HOST": settings.host,
        "ASEPSIS_PORT": base_url.rpartition(":")[2],
    }
    write_private(place.environment, "".join(f"export {name}={shlex.quote(value)}\n" for name, value in values.items()))
