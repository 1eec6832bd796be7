"""The environment, read once, passed down as plain values."""

import ipaddress
import os
import shlex
from dataclasses import dataclass
from pathlib import Path

PARTS = ("booking", "consent", "hygiene", "treatment", "recovery", "compliance", "relay")
"""What a process can run: `events.database.SERVICES`, which takes long to import, and the relay."""


class SettingsError(Exception):
    """A setting is missing or wrong; the message says which and what to do."""


class UnusableError(Exception):
    """A server is away or not ready; the message says which, and what to do."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the servers are and how this process is reached.

    `database_url` is the login of the application, `migration_url` one that may create roles and schemas.
    """

    database_url: str
    migration_url: str
    redis_url: str
    secret: bytes
    host: str = "127.0.0.1"
    port: int = 8000
    role_prefix: str = "asepsis_"
    spool: Path | None = None
    """Where the log adapter writes messages to people, one JSON object a line."""
    parts: tuple[str, ...] = PARTS
    proxies: tuple[str, ...] = ()
    """Addresses or networks of proxies that end TLS: only these may say by what scheme and from where somebody asks."""
    connections: int = 24
    """How many connections to PostgreSQL this process has at most, beside the one that holds its inboxes."""


FEWEST_CONNECTIONS = 4
"""One waits for a clinic's lock, one holds it, one writes down an attempt beside it, one answers whoever asks meanwhile."""


def _driver(url: str) -> str:
    """The same URL for asyncpg; people write `postgresql://`."""
    for scheme in ("postgres://", "postgresql://"):
        if url.startswith(scheme):
            return "postgresql+asyncpg://" + url.removeprefix(scheme)
    return url


def check_redis_url(url: str) -> str:
    """The stream readers need RESP's plain replies (faststream.md 10). Raises `SettingsError`."""
    for word in ("protocol=", "legacy_responses=", "decode_responses="):
        if word in url:
            message = f"ASEPSIS_REDIS_URL must not contain {word!r}: stream subscribers do not understand the answers then."
            raise SettingsError(message)
    return url


def secret_from(text: str) -> bytes:
    """A secret as bytes. Raises `SettingsError` if it is too short to keep anything secret."""
    if len(text) < 32:  # noqa: PLR2004 - 128 bits in hex
        message = "ASEPSIS_SECRET needs at least 32 characters; `asepsis secret` makes one."
        raise SettingsError(message)
    return text.encode()


def data_directory() -> Path:
    """Where embedded servers and the spool live."""
    return Path(os.environ.get("ASEPSIS_DATA", ".asepsis")).expanduser()


def external_servers() -> bool:
    """Whether the operator brings both servers. Raises `SettingsError` if only one is named."""
    named = [name for name in ("ASEPSIS_DATABASE_URL", "ASEPSIS_REDIS_URL") if os.environ.get(name)]
    if len(named) == 1:
        message = f"{named[0]} is set, but its partner is not: set both ASEPSIS_DATABASE_URL and ASEPSIS_REDIS_URL, or neither."
        raise SettingsError(message)
    return bool(named)


def address() -> tuple[str, int]:
    """Host and port to listen on. Raises `SettingsError`."""
    return os.environ.get("ASEPSIS_HOST", "127.0.0.1"), _port(os.environ.get("ASEPSIS_PORT", "8000"))


def proxies() -> tuple[str, ...]:
    """The proxies that are believed. Raises `SettingsError` for what is neither an address nor a network."""
    named = tuple(os.environ.get("ASEPSIS_PROXIES", "").replace(",", " ").split())
    for name in named:
        try:
            ipaddress.ip_network(name)
        except ValueError as wrong:
            message = f"ASEPSIS_PROXIES lists addresses or networks, like 127.0.0.1 or 10.0.3.0/24; {name!r} is neither."
            raise SettingsError(message) from wrong
    return named


def from_environment(parts: tuple[str, ...] = PARTS) -> Settings:
    """Settings for servers of the operator's own. Raises `SettingsError`."""
    missing = [name for name in ("ASEPSIS_DATABASE_URL", "ASEPSIS_REDIS_URL", "ASEPSIS_SECRET") if not os.environ.get(name)]
    if missing:
        message = f"Set {', '.join(missing)}, or use `asepsis up`, which brings its own servers."
        raise SettingsError(message)
    database_url = _driver(os.environ["ASEPSIS_DATABASE_URL"])
    host, port = address()
    return Settings(
        database_url=database_url,
        migration_url=_driver(os.environ.get("ASEPSIS_MIGRATION_URL", database_url)),
        redis_url=check_redis_url(os.environ["ASEPSIS_REDIS_URL"]),
        secret=secret_from(os.environ["ASEPSIS_SECRET"]),
        host=host,
        port=port,
        role_prefix=os.environ.get("ASEPSIS_ROLE_PREFIX", "asepsis_"),
        spool=data_directory() / "messages.jsonl",
        parts=parts,
        proxies=proxies(),
        connections=_connections(os.environ.get("ASEPSIS_CONNECTIONS", "24")),
    )


def find_settings() -> Settings:
    """Settings from the environment, else those that a running `asepsis up` keeps in its data directory. Raises `SettingsError`."""
    kept = data_directory() / "environment"
    if os.environ.get("ASEPSIS_DATABASE_URL") or not kept.exists():
        return from_environment()
    words = (shlex.split(line)[-1].partition("=") for line in kept.read_text().splitlines() if line)
    os.environ.update({name: value for name, _, value in words if name not in os.environ})
    return from_environment()


def _connections(text: str) -> int:
    if not text.isdigit() or not FEWEST_CONNECTIONS <= int(text) <= 1000:  # noqa: PLR2004 - no server has more for one program
        message = f"ASEPSIS_CONNECTIONS must be a number from {FEWEST_CONNECTIONS} to 1000, not {text!r}."
        raise SettingsError(message)
    return int(text)


def _port(text: str) -> int:
    if not text.isdigit() or not 0 <= int(text) < 2**16:
        message = f"ASEPSIS_PORT must be a number up to 65535, not {text!r}."
        raise SettingsError(message)
    return int(text)
