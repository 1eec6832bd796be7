"""Who is this, and what may they do in this clinic.

A token is a random secret; only its SHA-256 is kept, one row per clinic it is good for, so that nobody who hands out
tokens in one clinic opens another. What an identity may do follows `access.granted` and `access.revoked` alone.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Index, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from events import wire
from events.catalog.compliance import AccessGranted, AccessRevoked
from events.database import Base, Database, table
from events.envelope import Entry
from events.tables import Rows, Write
from events.wire import Where
from schemas.vocabulary import Role

TOKEN_PREFIX = "asp_"  # noqa: S105 - lets scanners for leaked secrets know ours
TOKEN_BYTES = 32


class AccessToken(Base):
    """machinery: one secret's hash, whose it is, and until when. The secret itself is nowhere."""

    __tablename__ = "tokens"
    __table_args__ = table("access", "machinery", Index(None, "token_hash"), Index(None, "clinic_id", "token_id", unique=True))
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    token_hash: Mapped[bytes] = mapped_column(primary_key=True)
    token_id: Mapped[UUID]
    identity_id: Mapped[UUID]
    label: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    tablet_id: Mapped[UUID | None]
    """The shared tablet where a PIN stood for it; none for what somebody holds in their hand."""


class SignOut(Base):
    """machinery: a browser's session that was ended before its time. It is kept until it would have ended by itself."""

    __tablename__ = "sign_outs"
    __table_args__ = table("access", "machinery")
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    session_hash: Mapped[bytes] = mapped_column(primary_key=True)
    ended_at: Mapped[datetime]


class Grant(Base):
    """machinery: an identity's role in a clinic as the entry at (epoch, size) left it."""

    __tablename__ = "grants"
    __table_args__ = table("access", "machinery")
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    identity_id: Mapped[UUID] = mapped_column(primary_key=True)
    role: Mapped[str] = mapped_column(primary_key=True)
    granted: Mapped[bool]
    until: Mapped[datetime | None]
    epoch: Mapped[int]
    size: Mapped[int]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who a token belongs to, and the roles in force in the clinic that was asked for: none in a foreign one."""

    identity_id: UUID
    roles: frozenset[Role]
    tablet_id: UUID | None = None


class Shown(NamedTuple):
    """What somebody shows at a door: a token, and the browser's session it came in, if it came in one."""

    token: str
    session: bytes | None = None


def new_token() -> str:
    """A fresh secret. Shown once to the person it is for."""
    return TOKEN_PREFIX + secrets.token_urlsafe(TOKEN_BYTES)


def hash_of(token: str) -> bytes:
    """What is kept of a token: 32 bytes. A plain hash is enough, for the secret is 256 random bits."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


_AUTHENTICATE = "select identity_id, roles, tablet_id from access.authenticate($1, $2, $3)"
_AUTHENTICATE_ALL = """
select found.identity_id, found.roles, found.tablet_id
from unnest($1::bytea[], $3::bytea[]) with ordinality as asked (token, session, place)
left join lateral access.authenticate(asked.token, $2, asked.session) as found on true
order by asked.place
"""
_SIGN_OUT = "select access.sign_out($1, $2, $3)"


async def authenticate(database: Database, shown: Shown | str, clinic_id: UUID) -> Caller | None:
    """Who asks, and in which roles; None for a token that is unknown, expired or revoked.

    A good token of another clinic gives a caller without roles: that clinic is not there for them. Every token, in
    whatever form, costs one hash and one look-up by hash, so the time taken tells nothing.
    """
    async with database.begun(None, None) as line:
        return await caller_of(line, shown, clinic_id)


async def authenticate_all(database: Database, shown: Sequence[Shown], clinic_id: UUID) -> list[Caller | None]:
    """The same of many, in one question."""
    async with database.begun(None, None) as line:
        hashes, sessions = [hash_of(one.token) for one in shown], [one.session for one in shown]
        found = await wire.fetch(line, _AUTHENTICATE_ALL, hashes, clinic_id, sessions)
    return [_caller(row) for row in found]


async def caller_of(rows: Where, shown: Shown | str, clinic_id: UUID) -> Caller | None:
    """The same, asked where a decision is made: behind the clinic's lock nothing is revoked any more before it."""
    token, session = (shown, None) if isinstance(shown, str) else shown
    found = await wire.fetch_row(rows, _AUTHENTICATE, hash_of(token), clinic_id, session)
    return None if found is None else _caller(found)


def _caller(row: Any) -> Caller | None:
    return None if row[0] is None else Caller(row[0], frozenset(Role(role) for role in row[1]), row[2] and UUID(int=row[2].int))


async def sign_out(rows: AsyncSession, clinic_id: UUID, session: bytes, lasts_seconds: int) -> None:
    """A browser's session opens nothing any more, in whatever process. Sessions end by themselves after so many seconds."""
    await wire.fetch_row(rows, _SIGN_OUT, clinic_id, session, lasts_seconds)


async def apply_grant(rows: Rows, entry: Entry[AccessGranted]) -> None:
    """Projects `access.granted`."""
    _apply(rows, entry, entry.event.identity_id, entry.event.role, granted=True, until=entry.event.until)


async def apply_revocation(rows: Rows, entry: Entry[AccessRevoked]) -> None:
    """Projects `access.revoked`."""
    _apply(rows, entry, entry.event.identity_id, entry.event.role, granted=False, until=None)


_NEW = insert(Grant)
_APPLY = Write(
    _NEW.on_conflict_do_update(
        index_elements=[Grant.clinic_id, Grant.identity_id, Grant.role],
        set_={name: _NEW.excluded[name] for name in ("granted", "until", "epoch", "size")},
        where=tuple_(Grant.epoch, Grant.size) < tuple_(_NEW.excluded.epoch, _NEW.excluded.size),
    ),
    ("clinic_id", "identity_id", "role", "granted", "until", "epoch", "size"),
)


def _apply(
    rows: Rows,
    entry: Entry[AccessGranted] | Entry[AccessRevoked],
    identity_id: UUID,
    role: Role,
    *,
    granted: bool,
    until: datetime | None,
) -> None:
    """Only a later entry changes a grant: a rebuild that passes an old grant again opens no door that was closed since."""
    place = {"clinic_id": entry.clinic_id, "epoch": entry.epoch, "size": entry.size}
    rows.write(_APPLY, identity_id=identity_id, role=role.value, granted=granted, until=until, **place)


async def holders(rows: AsyncSession, clinic_id: UUID, role: Role, at: datetime) -> frozenset[UUID]:
    """Every identity that has the role in force at `at`."""
    query = select(Grant.identity_id).where(
        Grant.clinic_id == clinic_id,
        Grant.role == role.value,
        Grant.granted,
        (Grant.until.is_(None)) | (Grant.until > at),
    )
    return frozenset((await rows.execute(query)).scalars())


async def roles_of(rows: AsyncSession, clinic_id: UUID, identity_id: UUID, at: datetime) -> frozenset[Role]:
    """The roles an identity has in force at `at`."""
    query = select(Grant.role).where(
        Grant.clinic_id == clinic_id,
        Grant.identity_id == identity_id,
        Grant.granted,
        (Grant.until.is_(None)) | (Grant.until > at),
    )
    return frozenset(Role(role) for role in (await rows.execute(query)).scalars())
