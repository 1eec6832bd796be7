"""`asepsis verify`: every hash computed anew. It imports little, so that it has begun before other commands are there."""

import argparse
import asyncio
import contextlib
import sys
from pathlib import Path
from typing import Any

import asyncpg

from events.chain import Checkpoint, EarlyCheckpointError
from events.verification import Verdict, Where, all_clinics, verdicts
from services.compliance.offline import checkpoint_of, sentence_of
from services.compliance.offline import main as verify_file
from services.settings import Settings, find_settings

ROLE = "compliance"
WIDTH = 40


async def verify(arguments: argparse.Namespace) -> int:
    """0 sound, 1 and a sentence that says where the record first breaks, 2 the question could not be asked."""
    try:
        kept = None if arguments.against is None else checkpoint_of(arguments.against)
    except ValueError:
        sys.stderr.write("--against takes what verify printed: epoch:size:chain\n")
        return 2
    if arguments.file is not None:
        return await asyncio.to_thread(
            verify_file, [str(Path(arguments.file)), *([] if arguments.against is None else [arguments.against])]
        )
    if kept is not None and arguments.clinic is None:
        sys.stderr.write("--against belongs to one clinic: name it with --clinic\n")
        return 2
    settings = find_settings()
    try:
        return await _verify(settings, arguments, kept)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as away:
        from services.outages import sentence_of as sentence_of_outage

        sys.stderr.write(f"{sentence_of_outage(away, settings.database_url)}\n")
        return 2
    except EarlyCheckpointError as early:
        sys.stderr.write(f"{early}\n")
        return 2


async def _verify(settings: Settings, arguments: argparse.Namespace, kept: Checkpoint | None) -> int:
    where = Where(connect_arguments(settings.database_url), f"{settings.role_prefix}{ROLE}")
    known = await all_clinics(where)
    if arguments.clinic is not None and arguments.clinic not in known:
        sys.stderr.write(f"there is no clinic {arguments.clinic}\n")
        return 2
    sound = True
    bar = Bar()
    with contextlib.closing(bar):
        async for verdict in verdicts(where, [one for one in known if arguments.clinic in {None, one}], kept, bar.show):
            bar.close()
            sys.stdout.write(_said(verdict))
            sys.stdout.flush()
            sound = sound and verdict.broken is None
    return 0 if sound else 1


def _said(verdict: Verdict) -> str:
    ledger, head, broken = verdict.ledger, verdict.head, verdict.broken
    about = f"clinic {ledger.clinic_id}, epoch {ledger.epoch}"
    if broken is not None:
        return f"BROKEN: {about}, at entry {broken.index}. {sentence_of(broken)}\n"
    return f"intact: {about}, {head.size} entries, chain {head.chain.hex()}\n{head.epoch}:{head.size}:{head.chain.hex()}\n"


class Bar:
    """How far it is, on a terminal; gone when something is said, and at the end."""

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty()

    def show(self, done: int, total: int) -> None:
        filled = WIDTH * done // max(total, 1)
        self._write(f"\r{'█' * filled}{'░' * (WIDTH - filled)}  {done:,} of {total:,} entries")

    def close(self) -> None:
        self._write("\r\x1b[K")

    def _write(self, text: str) -> None:
        if self._shown:
            sys.stderr.write(text)
            sys.stderr.flush()


def connect_arguments(url: str) -> dict[str, Any]:
    """What the driver is told. Only a URL with options of SQLAlchemy's own has to be read by it, which takes a while to import."""
    plain = url.replace("postgresql+asyncpg://", "postgresql://", 1)
    options = {option.partition("=")[0] for option in plain.partition("?")[2].split("&") if option}
    if plain.startswith("postgresql://") and options <= {"host", "port"}:
        return {"dsn": plain, "timeout": 5}
    from sqlalchemy.engine import make_url

    read = make_url(url)
    _, told = read.get_dialect()().create_connect_args(read)
    return {name: value for name, value in told.items() if not name.startswith(("prepared_statement_", "async_"))} | {"timeout": 5}
