"""What an operator asks of a running installation: status, health, verify, rebuild, check, token, skip, epoch.

Exit codes: 0 all is well, 1 something is not, 2 the question could not be asked.
"""

import argparse
import asyncio
import contextlib
import hashlib
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

from pydantic import ValidationError

from events import ledger
from events.access import new_token
from events.attempts import NotHaltedError, Pair
from events.catalog.compliance import EpochOpened
from events.checking.authority import COMMAND_LINE
from events.checking.report import Report
from events.database import SERVICES, Database
from events.rebuild import rebuild_service
from events.reopening import StillBehindError, bring_level
from events.transaction import RecordUnreadableError, UnknownClinicError, aside, reading
from events.wakeups import redis_client
from schemas.compliance import CreateToken, GrantAccess, OpenEpoch
from schemas.vocabulary import Actor, Role
from services.app import load
from services.checkup import check_all
from services.compliance.commands import NotLevelError, create_token, grant_access, open_epoch
from services.opening import RefusedError, decide, open_new_clinic
from services.operations import Standing, Status, status_of
from services.outages import FAILURES
from services.outages import sentence_of as sentence_of_outage
from services.problems import plain
from services.settings import Settings, SettingsError, find_settings
from services.skipping import skip_halted
from services.verification import verify

SERVICE = "compliance"
HEALTH_SECONDS = 5
MANY_CLINICS = 5
"""With more, only what needs attention is listed."""

OPERATOR = Actor(identity_id=COMMAND_LINE, role=Role.ADMIN, device="command-line")
"""Whoever may run this program on the servers' machine."""


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


@asynccontextmanager
async def _database(settings: Settings) -> AsyncIterator[Database]:
    database = Database(settings.database_url, secret=settings.secret, role_prefix=settings.role_prefix, pool_size=3)
    try:
        yield database
    finally:
        await database.close()


async def status(_arguments: argparse.Namespace) -> int:
    """Print lags, halted pairs with their reason, dead letters; 1 if somebody must act."""
    async with _database(find_settings()) as database:
        found = await status_of(database)
        for line in _status_lines(found):
            _say(line)
        for standing in found.halted:
            _say(await _halted_line(database, standing))
        for inbox, letters in found.dead_letters.items():
            _say(f"DEAD LETTERS  {letters} in inbox {inbox.partition('/')[2]} of clinic {inbox.partition('/')[0]}")
        for line in _check_lines(found):
            _say(line)
    if not found.halted:
        _say("Nothing stands still." if not found.dead_letters else "Nothing stands still, but a manager should read the dead letters.")
    return 1 if found.halted or found.unsound else 0


def _check_lines(found: Status) -> list[str]:
    """What checks have found; or that they found nothing, and since when."""
    if not found.checks:
        return ["Nothing was checked yet: the program does it each hour, `asepsis check` at once."]
    wrong = [
        f"UNSOUND  {known.found} things in clinic {known.clinic_id} must not be, as of {known.checked_at}: `asepsis check` says which."
        for known in found.unsound
    ]
    oldest = max(known.age_seconds for known in found.checks)
    under_way = sum(not known.whole for known in found.checks)
    still = f" {under_way} of them have not come to the end of the ledger yet." if under_way else ""
    return wrong or [f"The newest checks found nothing wrong; the oldest of them is {oldest // 60} minutes old.{still}"]


def _status_lines(found: Status) -> list[str]:
    clinics = sorted({standing.clinic_id for standing in found.standings})
    lines = [f"{len(clinics)} clinics" if len(clinics) != 1 else "1 clinic"]
    for clinic_id in clinics:
        rows = [one for one in found.standings if one.clinic_id == clinic_id]
        if len(clinics) > MANY_CLINICS:
            rows = [one for one in rows if one.lag or one.halted_at]
        if not rows:
            continue
        lines += ["", f"clinic {clinic_id}   {rows[0].size} entries", f"  {'service':<12}{'stage':<12}{'at':>9}{'lag':>9}"]
        for one in rows:
            why = "HALTED" if one.halted_at else one.error or ""
            lines.append(f"  {one.service:<12}{one.stage:<12}{one.bookmark:>9}{one.lag:>9}   {why}".rstrip())
    return [*lines, ""]


async def _halted_line(database: Database, found: Standing) -> str:
    async with aside(database, found.clinic_id, SERVICE) as rows:
        at = await ledger.head(rows, found.clinic_id)
        entries = [] if at is None else await ledger.read_after(rows, found.clinic_id, at.epoch, found.bookmark, 1)
    what = f"entry {found.bookmark} ({entries[0].type})" if entries else f"entry {found.bookmark}"
    if found.error == RecordUnreadableError.__name__:
        return (
            f"HALTED  {found.service} ({found.stage}) of clinic {found.clinic_id} stands still at {found.bookmark} since {found.halted_at}:"
            " what it knows is not this ledger, as after a restore from a backup. `asepsis epoch open` lets the record go on."
        )
    return (
        f"HALTED  {found.service} ({found.stage}) of clinic {found.clinic_id} stands still before {what} since {found.halted_at}:"
        f" {found.error} after {found.attempts} attempts. A program that can work it goes on by itself; `asepsis skip` passes it."
    )


async def health(_arguments: argparse.Namespace) -> int:
    """Ask the local process whether it is ready."""
    settings = find_settings()
    host = "127.0.0.1" if settings.host in {"0.0.0.0", "::"} else settings.host
    url = f"http://{host}:{settings.port}/health/ready"
    try:
        answer = await asyncio.to_thread(_get, url)
    except urllib.error.HTTPError as refused:
        with refused:
            _say(f"not ready: {refused.read().decode()}")
        return 1
    except OSError as away:
        _say(f"no answer from {url}: {away}")
        return 1
    _say(answer)
    return 0


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=HEALTH_SECONDS) as answer:  # noqa: S310 - http to our own host
        return str(answer.read().decode())


async def rebuild(arguments: argparse.Namespace) -> int:
    """Build a service's projections again beside the real ones; 1 if a row differs."""
    for service in SERVICES:
        load(service)
    settings = find_settings()
    async with _database(settings) as database:
        compared = await rebuild_service(database, arguments.service, arguments.clinic)
    for found in compared:
        if not found.differences:
            _say(f"{found.table}: equal ({found.rows} rows)")
        for difference in found.differences:
            _say(f"{found.table}: DIFFERENT  {difference}")
    return 1 if any(found.differences for found in compared) else 0


async def check(arguments: argparse.Namespace) -> int:
    """Run the seven checkers from the beginning; 1 and a sentence for each thing that must not be."""
    for service in SERVICES:
        load(service)
    settings = find_settings()
    client = redis_client(settings.redis_url)
    try:
        async with _database(settings) as database:
            if arguments.clinic is not None:
                async with reading(database, arguments.clinic, SERVICE):
                    pass
            sound = await check_all(database, SERVICES, client, arguments.clinic, _tell_check)
    finally:
        await client.aclose()
    return 0 if sound else 1


def _tell_check(report: Report) -> None:
    counted = ", ".join(f"{times} {what}" for what, times in sorted(report.counted.items()))
    _say(f"clinic {report.clinic_id}: {'nothing wrong' if not report.wrongs else f'WRONG in {report.found} places'} ({counted})")
    for wrong in report.wrongs:
        _say(f"WRONG  {wrong}")
    if report.found > len(report.wrongs):
        _say(f"WRONG  clinic {report.clinic_id}: and {report.found - len(report.wrongs)} more")


async def clinic(arguments: argparse.Namespace) -> int:
    """Open a clinic; print its id and its administrator's first token, once."""
    load(SERVICE)
    policy = "" if arguments.policy is None else await asyncio.to_thread(Path(arguments.policy).read_text)
    names = ("timezone", "administrator", "clinician", "days")
    async with _database(find_settings()) as database:
        opened = await open_new_clinic(database, OPERATOR, policy=policy, **{name: getattr(arguments, name) for name in names})
    _say(f"clinic         {opened.clinic_id}\nadministrator  {opened.administrator_id}\nclinician      {opened.clinician_id}")
    _say(f"token          {opened.token}\nThe administrator's token is shown this once. It grants the others theirs.")
    return 0


async def token(arguments: argparse.Namespace) -> int:
    """Make a token, and print it once."""
    load(SERVICE)
    secret, identity = new_token(), arguments.identity or uuid4()
    async with _database(find_settings()) as database:
        async with reading(database, arguments.clinic, SERVICE) as view:
            expires_at = view.now + timedelta(days=arguments.days)
        granted = GrantAccess(identity_id=identity, role=Role(arguments.role), display_name=arguments.name)
        hashed = hashlib.sha256(secret.encode()).hexdigest()
        made = CreateToken(identity_id=identity, label=arguments.name, expires_at=expires_at, token_hash=hashed)
        await decide(database, arguments.clinic, OPERATOR, grant_access, granted, f"cli.{uuid4()}")
        await decide(database, arguments.clinic, OPERATOR, create_token, made, f"cli.{uuid4()}")
    _say(f"identity  {identity}\nrole      {arguments.role}\nexpires   {expires_at.isoformat()}\ntoken     {secret}")
    return 0


async def skip(arguments: argparse.Namespace) -> int:
    """Let a halted service pass one entry, which two persons answer for."""
    load(SERVICE)
    pair = Pair(arguments.clinic, arguments.service, arguments.stage)
    if len(arguments.approver) != 2:  # noqa: PLR2004 - two persons
        raise RefusedError("An entry is passed over by two persons: name both with --approver.")
    async with _database(find_settings()) as database:
        await skip_halted(database, pair, arguments.index, arguments.reason, arguments.approver, OPERATOR)
    _say(f"{pair.service} ({pair.stage}) goes on behind entry {arguments.index}, which its tables do not have: rebuild shows it.")
    return 0


async def epoch(arguments: argparse.Namespace) -> int:
    """Let the record of a clinic go on behind a restore, which two persons answer for."""
    for service in SERVICES:
        load(service)
    if len(arguments.approver) != 2:  # noqa: PLR2004 - two persons
        raise RefusedError("A new epoch is opened by two persons: name both with --approver.")
    request = OpenEpoch(approvers=tuple(arguments.approver), reason=arguments.reason)
    async with _database(find_settings()) as database:
        opened: EpochOpened | None = None
        while opened is None:
            for sentence in await bring_level(database, arguments.clinic):
                _say(sentence)
            with contextlib.suppress(NotLevelError):  # somebody recorded something meanwhile
                opened = (await decide(database, arguments.clinic, OPERATOR, open_epoch, request, f"cli.{uuid4()}")).event
    kept = f"{opened.former_epoch}:{opened.former_size}:{opened.former_chain}"
    _say(f"Epoch {opened.former_epoch} ends with {opened.former_size} entries, and the next is open. Keep: {kept}")
    return 0


def _told(command: Callable[[argparse.Namespace], Awaitable[int]]) -> Callable[[argparse.Namespace], Awaitable[int]]:
    """What can go wrong, in one line instead of a traceback."""

    async def run(arguments: argparse.Namespace) -> int:
        try:
            return await command(arguments)
        except (RefusedError, NotHaltedError, StillBehindError) as refused:
            sys.stderr.write(f"{refused}\n")
            return 1
        except UnknownClinicError as unknown:
            sys.stderr.write(f"there is no clinic {unknown}\n")
        except RecordUnreadableError as unreadable:
            sys.stderr.write(f"the record cannot be read: {unreadable}\n")
        except ValidationError as wrong:
            sys.stderr.write("".join(f"{'.'.join(map(str, error['loc']))}: {plain(error['msg'])}\n" for error in wrong.errors()))
        except ValueError as wrong:
            sys.stderr.write(f"{wrong}\n")
        except BrokenPipeError:
            raise
        except FAILURES as away:
            file = getattr(away, "filename", None)
            if file is not None:
                sys.stderr.write(f"{file} cannot be read: {getattr(away, 'strerror', away)}\n")
            else:
                sys.stderr.write(f"{sentence_of_outage(away, find_settings().database_url)}\n")
        return 2

    return run


COMMANDS: dict[str, Callable[[argparse.Namespace], Awaitable[int]]] = {
    name: _told(command)
    for name, command in {
        "status": status,
        "health": health,
        "clinic": clinic,
        "verify": verify,
        "rebuild": rebuild,
        "check": check,
        "token": token,
        "skip": skip,
        "epoch": epoch,
    }.items()
}
__all__: Sequence[str] = ("COMMANDS", "SettingsError", "find_settings")
