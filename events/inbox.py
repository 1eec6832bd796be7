"""Commands by stream: what an inbox accepts, and what becomes of one entry. `events/inbox_keeper.py` carries them.

Here the message counts: it is acknowledged and deleted after its commit, worked in stream order, and what cannot be
understood is answered with every reason and kept whole as a dead letter, beside the ledger.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID, uuid5

import orjson
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from sqlalchemy import bindparam, select

from events import ledger
from events.asks import Ask
from events.catalog.booking import AnswerRepeated, CommandRejected, Rejection
from events.database import Database
from events.dead_letters import keep_letter
from events.faults import reach
from events.mailboxes import ConnectedSystem, Mailbox
from events.transaction import Answer, IdReusedError, Transaction, transaction
from schemas.access import may
from schemas.vocabulary import Code, CommandId, Instant, Role, Shape

FIELD = b"event"
MAX_COMMAND_BYTES = 64 * 1024

Accept = Callable[[Transaction, Any], Awaitable[Answer[Any]]]


@dataclass(frozen=True, slots=True)
class Accepted:
    """A type of command that inboxes take."""

    name: str
    shape: type[BaseModel]
    accept: Accept
    command: str


class Inbox:
    """What a service accepts by stream: `@accepts("booking.request", BookingRequest)`."""

    def __init__(self, service: str) -> None:
        self.service = service
        self.accepted: dict[str, Accepted] = {}
        _inboxes[service] = self

    def __call__(self, type_: str, shape: type[BaseModel], *, command: str) -> Callable[[Accept], Accept]:
        """Register a handler for one command type; `command` is its word in `schemas/access.py`."""

        def register(accept: Accept) -> Accept:
            self.accepted[type_] = Accepted(type_, shape, accept, command)
            return accept

        return register


_inboxes: dict[str, Inbox] = {}


def inbox_of(service: str) -> Inbox:
    """What the service accepts."""
    return _inboxes[service] if service in _inboxes else Inbox(service)


class CommandEnvelope(Shape):
    """CloudEvents 1.0 as an inbox takes it. Extension attributes are allowed and not looked at."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    specversion: Annotated[str, Field(pattern=r"^1\.0$")]
    id: CommandId
    source: Annotated[str, Field(min_length=1, max_length=200)]
    type: Annotated[str, Field(min_length=1, max_length=80)]
    time: Instant | None = None
    datacontenttype: Annotated[str, Field(pattern=r"^application/json$")] = "application/json"
    dataschema: str | None = None
    correlationid: CommandId | None = None
    expirytime: Instant | None = None
    data: dict[str, Any]


_ENVELOPE = TypeAdapter(CommandEnvelope)
_SAFE_FIELD = re.compile(r"^[A-Za-z0-9_]{1,40}$")


def rejections_of(error: ValidationError, prefix: str = "") -> tuple[Rejection, ...]:
    """Every reason, by field, without any value: not even a field name that the sender made up."""
    found: list[Rejection] = []
    for problem in error.errors(include_url=False, include_input=False):
        if problem["type"] == "extra_forbidden":
            where = [str(part) for part in problem["loc"][:-1]] + ["_unknown"]
        else:
            where = [str(part) for part in problem["loc"] if not isinstance(part, str) or _SAFE_FIELD.match(part)]
        field = ".".join([prefix, *where] if prefix else where)[:80] or "event"
        limits = problem.get("ctx", {})
        limit = next(
            (str(limits[name]) for name in ("ge", "gt", "le", "lt", "min_length", "max_length", "pattern") if name in limits), None
        )
        shown = limit if limit is not None and re.fullmatch(r"[A-Za-z0-9._:+/-]{1,80}", limit) else None
        found.append(Rejection(field=field, reason=problem["type"], limit=shown))
    return tuple(dict.fromkeys(found))


@dataclass(frozen=True, slots=True)
class Understood:
    """An inbox entry that makes sense."""

    envelope: CommandEnvelope
    accepted: Accepted
    request: BaseModel


@dataclass(frozen=True, slots=True)
class NotUnderstood:
    """An inbox entry that does not, with every reason, and the command's id where one could be read."""

    reasons: tuple[Rejection, ...]
    command_id: str | None = None
    correlation: str | None = None


def _parse(fields: Mapping[bytes, bytes]) -> CommandEnvelope | NotUnderstood:
    raw = fields.get(FIELD)
    if raw is None:
        return NotUnderstood((Rejection(field="event", reason="missing"),))
    if len(raw) > MAX_COMMAND_BYTES:
        return NotUnderstood((Rejection(field="event", reason="too_large", limit=str(MAX_COMMAND_BYTES)),))
    try:
        parsed = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return NotUnderstood((Rejection(field="event", reason="json_invalid"),))
    try:
        # By its JSON form, so that strings become ids and instants as they do over HTTP.
        return _ENVELOPE.validate_json(orjson.dumps(parsed))
    except ValidationError as error:
        return NotUnderstood(rejections_of(error), *_readable_ids(parsed))


def given_up(fields: Mapping[bytes, bytes], reason: Code) -> NotUnderstood:
    """Why an entry is not worked although it may make sense; whose command it is, where that can be read."""
    found = _parse(fields)
    ids = (found.id, found.correlationid) if isinstance(found, CommandEnvelope) else (found.command_id, found.correlation)
    return NotUnderstood((Rejection(field="event", reason=reason),), *ids)


def understand(inbox: Inbox, fields: Mapping[bytes, bytes]) -> Understood | NotUnderstood:
    """Read one inbox entry. Never raises on what a sender wrote."""
    envelope = _parse(fields)
    if isinstance(envelope, NotUnderstood):
        return envelope
    accepted = inbox.accepted.get(envelope.type)
    if accepted is None or not may(Role.SYSTEM, accepted.command):
        reason = "unknown_type" if accepted is None else "not_allowed"
        return NotUnderstood((Rejection(field="type", reason=reason),), envelope.id, envelope.correlationid)
    try:
        request = accepted.shape.model_validate_json(orjson.dumps(envelope.data))
    except ValidationError as error:
        return NotUnderstood(rejections_of(error, "data"), envelope.id, envelope.correlationid)
    return Understood(envelope, accepted, request)


def _readable_ids(parsed: object) -> tuple[str | None, str | None]:
    """The id and correlation id of an envelope that is otherwise wrong."""
    ids = TypeAdapter(CommandId)
    found: list[str | None] = []
    for name in ("id", "correlationid"):
        try:
            found.append(ids.validate_python(parsed.get(name) if isinstance(parsed, dict) else None))
        except ValidationError:
            found.append(None)
    return found[0], found[1]


async def work_entry(database: Database, inbox: Inbox, mailbox: Mailbox, entry_id: str, fields: Mapping[bytes, bytes]) -> None:
    """Answer one inbox entry: one commit. Raises only when it could not be worked, for an outage or a bug."""
    found = understand(inbox, fields)
    if isinstance(found, NotUnderstood):
        await reject(database, inbox.service, mailbox, entry_id, fields, found)
        return
    envelope = found.envelope
    reach("inbox.understood")
    try:
        async with transaction(
            database, mailbox.clinic_id, inbox.service, mailbox.actor, envelope.id, correlation=envelope.correlationid
        ) as tx:
            if await _is_cut_off(tx, mailbox):
                gone = NotUnderstood((Rejection(field="source", reason="not_allowed"),), envelope.id, envelope.correlationid)
                await _reject_in(tx, mailbox, entry_id, fields, gone)
                return
            if envelope.expirytime is not None and envelope.expirytime < tx.now and not await tx.answered():
                late = NotUnderstood((Rejection(field="expirytime", reason="expired"),), envelope.id, envelope.correlationid)
                await _reject_in(tx, mailbox, entry_id, fields, late)
                return
            answer = await tx.once(found.accepted.accept, found.request)
            if answer.repeated:
                await _say_again(tx, mailbox, entry_id, answer)
    except IdReusedError:
        reused = NotUnderstood((Rejection(field="id", reason="id_reused"),), envelope.id, envelope.correlationid)
        await reject(database, inbox.service, mailbox, entry_id, fields, reused)


_CONNECTED = Ask(
    select(ConnectedSystem.connected, ConnectedSystem.identity_id).where(
        ConnectedSystem.clinic_id == bindparam("clinic"), ConnectedSystem.system == bindparam("system")
    )
)


async def _is_cut_off(tx: Transaction, mailbox: Mailbox) -> bool:
    """Whether the system was disconnected, or its inbox given to another identity, before this entry came to be decided."""
    found = await _CONNECTED.first(tx.line, clinic=tx.clinic_id, system=mailbox.system)
    return found is not None and tuple(found) != (True, mailbox.identity_id)


def _entry_event_id(mailbox: Mailbox, entry_id: str) -> UUID:
    return uuid5(mailbox.clinic_id, f"{mailbox.stream}\x1f{entry_id}")


async def _say_again(tx: Transaction, mailbox: Mailbox, entry_id: str, answer: Answer[Any]) -> None:
    """The same answer, published again: a fact of its own, so that the outward ids keep rising."""
    identity = _entry_event_id(mailbox, entry_id)
    if await ledger.entry_by_id(tx.rows, tx.clinic_id, identity) is None:
        await tx.record(AnswerRepeated(event_id=answer.entry.event_id), event_id=identity)
        reach("inbox.repeated")


async def reject(
    database: Database, service: str, mailbox: Mailbox, entry_id: str, fields: Mapping[bytes, bytes], why: NotUnderstood
) -> None:
    """Record `command.rejected`, and keep the entry whole as a dead letter, in one commit."""
    command_id = why.command_id or entry_id
    async with transaction(database, mailbox.clinic_id, service, mailbox.actor, command_id, correlation=why.correlation) as tx:
        await _reject_in(tx, mailbox, entry_id, fields, why)


async def give_up(
    database: Database, service: str, mailbox: Mailbox, entry_id: str, fields: Mapping[bytes, bytes], why: NotUnderstood
) -> None:
    """Reject an entry that is not worked. If its command was decided, that stays its answer, and is said again."""
    command_id = why.command_id or entry_id
    async with transaction(database, mailbox.clinic_id, service, mailbox.actor, command_id, correlation=why.correlation) as tx:
        if why.command_id is not None and await tx.answered():
            await _say_again(tx, mailbox, entry_id, await tx.repeat(tx.event_id))
        else:
            await _reject_in(tx, mailbox, entry_id, fields, why)


async def _reject_in(tx: Transaction, mailbox: Mailbox, entry_id: str, fields: Mapping[bytes, bytes], why: NotUnderstood) -> None:
    identity = _entry_event_id(mailbox, entry_id)
    if await ledger.entry_by_id(tx.rows, tx.clinic_id, identity) is not None:
        return  # rejected before; the process died before it could acknowledge
    await tx.record(
        CommandRejected(system=mailbox.system, inbox_entry=entry_id, command=why.command_id, reasons=why.reasons[:100]), event_id=identity
    )
    reach("inbox.rejecting")
    await keep_letter(tx, mailbox.system, entry_id, fields, why.reasons)
