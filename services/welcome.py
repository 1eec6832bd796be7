"""What `asepsis up` says: where everything is, what to try, and a line for each event."""

import asyncio
import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote
from uuid import uuid4

from pydantic import ValidationError
from redis.exceptions import RedisError

from events.streams import STREAM
from events.wakeups import redis_client
from schemas.sentences import sentence
from schemas.vocabulary import Finding, Verdict

if TYPE_CHECKING:
    from services.example import Example

NARROW = 140


def welcome(redis_url: str, environment: Path, file: Path, example: "Example | None", base_url: str, seconds: float) -> str:
    """The first page."""
    lines = [
        "",
        f"Asepsis is ready after {seconds:.1f} s.",
        "",
        f"  API        {base_url}",
        f"  OpenAPI    {base_url}/openapi.json",
        f"  AsyncAPI   {base_url}/asyncapi.json",
        f"  Health     {base_url}/health/ready",
        f"  Streams    {redis_url}",
        f"  Settings   . {shlex.quote(str(environment))}   then, beside this:",
        *(f"             {program()} {command}" for command in ("status", "verify")),
        "",
    ]
    if example is None:
        lines += [f"There are clinics already, so no example was made. `{program()} token create` makes a token for yours.", ""]
    else:
        lines += _example_lines(redis_url, file, example, base_url)
    lines += ["Every event from now on, Ctrl-C to stop:", ""]
    return "\n".join(lines)


def program() -> str:
    """How to start this program once more, as the shell reads it: `asepsis` where it is installed, else this Python from here."""
    if Path(sys.argv[0]).name == "asepsis":
        return "asepsis"
    python = Path(sys.executable)
    return f"{shlex.quote(str(python.relative_to(Path.cwd()) if python.is_relative_to(Path.cwd()) else python))} -m services"


def _example_lines(redis_url: str, file: Path, example: "Example", base_url: str) -> list[str]:
    return [
        f"The example clinic is {example.clinic_id} ({example.timezone}); all its ids stand in {file}",
        "",
        *(f"  {key:<15} {person.token}   {person.name}" for key, person in example.people.items()),
        "",
        "Open the screens in a browser, and sign in with any of these tokens; each role begins on its own:",
        "",
        f"  {base_url}/clinics/{example.clinic_id}",
        "",
        "Register a client, as a front-desk system does, by stream:",
        "",
        *(f"  {line}" for line in _by_stream(redis_url, example)),
        "",
        "and ask over HTTP what can be booked:",
        "",
        f"  curl -sS -H 'Authorization: Bearer {example.people['front_desk'].token}' {base_url}/clinics/{example.clinic_id}/resources",
        "",
    ]


def _by_stream(redis_url: str, example: "Example") -> list[str]:
    """The same command for the Python of this program, which is there, and for redis-cli."""
    key = f"{{clinic:{example.clinic_id}}}:inbox:{example.system}"
    command = {
        "specversion": "1.0",
        "id": f"try-{uuid4().hex[:8]}",
        "source": f"urn:asepsis:system:{example.system}",
        "type": "client.register",
        "data": {
            "client_id": str(uuid4()),
            "given_name": "Noor",
            "family_name": "de Vries",
            "date_of_birth": "1991-04-12",
            "phone": "+31201234567",
        },
    }
    content = shlex.quote(json.dumps(command))
    socket = unquote(redis_url.removeprefix("unix://"))
    where = f"-u {shlex.quote(redis_url)}" if socket == redis_url else f"-s {shlex.quote(socket)}"
    python = "import redis,sys; print(redis.from_url(sys.argv[1]).xadd(sys.argv[2], {'event': sys.argv[3]}))"
    return [
        f'{shlex.quote(sys.executable)} -c "{python}" {shlex.quote(redis_url)} {shlex.quote(key)} {content}',
        "",
        "or, with redis-cli:",
        "",
        f"redis-cli {where} XADD {shlex.quote(key)} '*' event {content}",
    ]


async def follow(redis_url: str) -> None:
    """Print a line for each event on the stream, until canceled."""
    client, last = redis_client(redis_url), b"$"
    try:
        while True:
            try:
                found: Any = await client.xread({STREAM: last}, count=200, block=1000)
                for _stream, entries in found:
                    for entry_id, fields in entries:
                        last = entry_id
                        sys.stdout.write(line_of(fields.get(b"event", b"")) + "\n")
                sys.stdout.flush()
            except (RedisError, OSError):
                await asyncio.sleep(1)
    finally:
        await client.aclose()


def line_of(message: bytes) -> str:
    """One event in one line: when, where in the ledger, what, and why not."""
    try:
        event: dict[str, Any] = json.loads(message)
        line = f"{event['time'][11:19]}  #{event['sequence'].partition('-')[2]:<5} {event['type']:<28} {_about(event['data'])}"
    except (ValueError, KeyError, TypeError, AttributeError):
        return "          (something that is not an event of ours)"
    return line.rstrip() if len(line) <= NARROW else line[: NARROW - 1] + "…"


def _about(data: dict[str, Any]) -> str:
    """Every broken rule in words; else the first id, shortened."""
    try:
        broken = [found for found in map(Finding.model_validate, data.get("findings", ())) if found.verdict is Verdict.UNMET]
    except ValidationError:
        broken = []
    if broken:
        return f"{len(broken)}× no: {' '.join(sentence(found) for found in broken)}"
    if "question" in data:
        return str(data["question"])
    name, value = next(((name, value) for name, value in data.items() if name.endswith("_id") and value), ("", ""))
    return f"{name.removesuffix('_id')} {str(value)[:8]}" if name else ""
