"""The command line: `asepsis <command>`, or `python -m services <command>`."""

import argparse
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

SERVING = ("up", "run")
"""Commands that last until somebody ends them, which is no failure then."""

# Everything else is imported where it is needed: the import of the services takes a second, and Ctrl-C may come in it.


def _leave(_number: int, _frame: object) -> None:
    """Ctrl-C while nothing has begun that must be stopped. Commands that begin such a thing listen themselves."""
    os._exit(0 if sys.argv[1:2] and sys.argv[1] in SERVING else 130)


def _up(arguments: argparse.Namespace) -> int:
    from services import settings as settings_
    from services.local import up

    return up(settings_.data_directory() if arguments.data is None else arguments.data)


def _demo(_arguments: argparse.Namespace) -> int:
    from services.local import demo

    return demo()


def _run(arguments: argparse.Namespace) -> int:
    from services.local import serve
    from services.settings import PARTS, from_environment

    unknown = [part for part in arguments.parts if part not in PARTS]
    if unknown:
        sys.stderr.write(f"There is no service {', '.join(unknown)}: choose from {', '.join(PARTS)}.\n")
        return 2
    serve(from_environment(tuple(arguments.parts) or PARTS))
    return 0


def _migrate(_arguments: argparse.Namespace) -> int:
    import asyncio

    from services.installation import migrate
    from services.outages import shown, told
    from services.settings import from_environment

    found = from_environment()
    with told(found.migration_url):
        new = asyncio.run(migrate(found.migration_url, found.role_prefix))
    at = shown(found.migration_url)
    sys.stdout.write(f"Migrated {at}: {', '.join(new)}.\n" if new else f"{at} was up to date; rights and functions were set anew.\n")
    return 0


def _drift(_arguments: argparse.Namespace) -> int:
    from services.local import drift

    return drift()


def _documents(arguments: argparse.Namespace) -> int:
    from services.documents import asyncapi, openapi

    sys.stdout.write(json.dumps(openapi() if arguments.command == "openapi" else asyncapi(), indent=2) + "\n")
    return 0


def _secret(_arguments: argparse.Namespace) -> int:
    from services.installation import new_secret

    sys.stdout.write(new_secret() + "\n")
    return 0


def _verify(arguments: argparse.Namespace) -> int:
    import asyncio

    from services.verification import verify

    return asyncio.run(verify(arguments))


def _admin(arguments: argparse.Namespace) -> int:
    import asyncio

    from services.admin import COMMANDS

    async def answer() -> int:
        return await COMMANDS[arguments.command](arguments)

    return asyncio.run(answer())


def _add_epoch(commands: Any) -> None:
    epoch = commands.add_parser("epoch", help="epochs").add_subparsers(dest="action", required=True).add_parser("open")
    epoch.description = "Let a clinic's record go on behind a restore of PostgreSQL; takes two persons."
    epoch.add_argument("--clinic", type=UUID, required=True)
    epoch.add_argument("--reason", required=True, help="one word, for instance restored_from_backup")
    epoch.add_argument("--approver", type=UUID, action="append", required=True)
    epoch.set_defaults(run=_admin)


def _parser() -> argparse.ArgumentParser:
    from schemas.vocabulary import Role
    from services.settings import PARTS

    granted = [role.value for role in Role if role not in {Role.CLIENT, Role.SERVICE}]
    parser = argparse.ArgumentParser(prog="asepsis", description="No treatment starts until it is safe, and everyone can prove it.")
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="everything on this machine, servers included, with an example clinic")
    up.add_argument("--data", type=Path, default=None, help="data directory (default: ASEPSIS_DATA or .asepsis)")
    up.set_defaults(run=_up)
    commands.add_parser("demo", help="a clinic day, played by outside clients in a throw-away directory").set_defaults(run=_demo)
    run = commands.add_parser("run", help="services in this process, on servers of your own")
    run.add_argument("parts", nargs="*", metavar="service", help=f"which of {', '.join(PARTS)} (default: all)")
    run.set_defaults(run=_run)
    commands.add_parser("migrate", help="bring the database to this version").set_defaults(run=_migrate)
    commands.add_parser("drift", help="compare migrations and models").set_defaults(run=_drift)
    for name in ("openapi", "asyncapi"):
        commands.add_parser(name, help=f"print the {name} document").set_defaults(run=_documents)
    commands.add_parser("secret", help="make an ASEPSIS_SECRET").set_defaults(run=_secret)
    for name, words in (("status", "lags, halted services, dead letters"), ("health", "0 if the local process is ready")):
        commands.add_parser(name, help=words).set_defaults(run=_admin)
    verify = commands.add_parser("verify", help="check the chain of a ledger")
    verify.add_argument("--clinic", type=UUID, default=None, help="one clinic (default: all)")
    verify.add_argument("--against", default=None, help="what an auditor kept: epoch:size:chain")
    verify.add_argument("--file", type=Path, default=None, help="an exported ledger; needs no server")
    verify.set_defaults(run=_verify)
    rebuild = commands.add_parser("rebuild", help="build a service's tables again beside the real ones, and compare")
    rebuild.add_argument("service", choices=PARTS[:-1])
    check = commands.add_parser("check", help="the seven checkers: read everything again, and say what must not be")
    for one in (rebuild, check):
        one.add_argument("--clinic", type=UUID, default=None, help="one clinic (default: all)")
        one.set_defaults(run=_admin)
    token = commands.add_parser("token", help="tokens").add_subparsers(dest="action", required=True).add_parser("create")
    token.add_argument("--clinic", type=UUID, required=True)
    token.add_argument("--role", required=True, help=f"one of {', '.join(granted)}")
    token.add_argument("--name", required=True, help="whose it is; stands beside the ledger, not in it")
    token.add_argument("--identity", type=UUID, default=None, help="whose it is, if known already (default: somebody new)")
    token.add_argument("--days", type=int, default=365, help="how long it is good for")
    token.set_defaults(run=_admin)
    clinic = commands.add_parser("clinic", help="clinics").add_subparsers(dest="action", required=True).add_parser("open")
    clinic.add_argument("--timezone", required=True, help="where it is, for instance Europe/Amsterdam")
    clinic.add_argument("--administrator", required=True, help="the name of who may grant access; stands beside the ledger")
    clinic.add_argument("--clinician", required=True, help="the name of who approves the policy")
    clinic.add_argument("--policy", type=Path, default=None, help="TOML with the clinic's changes over the defaults")
    clinic.add_argument("--days", type=int, default=365, help="how long the administrator's first token is good for")
    clinic.set_defaults(run=_admin)
    skip = commands.add_parser("skip", help="let a halted service pass one entry; takes two persons")
    skip.add_argument("--clinic", type=UUID, required=True)
    skip.add_argument("--service", required=True)
    skip.add_argument("--stage", choices=["projected", "reacted"], required=True)
    skip.add_argument("--index", type=int, required=True)
    skip.add_argument("--reason", required=True)
    skip.add_argument("--approver", type=UUID, action="append", required=True)
    skip.set_defaults(run=_admin)
    _add_epoch(commands)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse, run, and say plainly what is wrong with the settings."""
    if arguments is None:
        signal.signal(signal.SIGINT, _leave)
    from services.settings import SettingsError, UnusableError

    parsed = _parser().parse_args(arguments)
    try:
        code: int = parsed.run(parsed)
        sys.stdout.flush()
    except SettingsError as wrong:
        sys.stderr.write(f"{wrong}\n")
        return 2
    except UnusableError as away:
        sys.stderr.write(f"{away}\n")
        return 1
    except BrokenPipeError:
        # Whoever read our output has had enough of it; Python would complain once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    return code


if __name__ == "__main__":
    sys.exit(main())
