"""What each service tells the checkers: how its decisions are asked again, and which private rows are bound by which event."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from events.answer import Answer, command_event_id
from events.envelope import Entry, Event, versioned_type
from events.transaction import Transaction

E = TypeVar("E", bound=Event)


@dataclass(frozen=True, slots=True)
class Asked:
    """A command with the request that it was given, as far as the ledger and the private rows tell.

    `without` names the rules whose findings cannot be asked again, and fields that chance or a secret decided.
    """

    command: Callable[[Transaction, Any], Awaitable[Answer[Any]]]
    request: BaseModel
    without: frozenset[str] = frozenset()
    salt: bytes | None = None
    clock_was_trusted: bool = True


@dataclass(frozen=True, slots=True)
class Past:
    """A decision that was made: its entries in order, and the one among them that answered the command."""

    rows: AsyncSession
    answer: Entry[Any]
    entries: Sequence[Entry[Any]]

    @property
    def event(self) -> Any:
        """The answer."""
        return self.answer.event

    def said(self, kind: type[E]) -> E | None:
        """The first event of a class among what was recorded."""
        return next((entry.event for entry in self.entries if isinstance(entry.event, kind)), None)

    async def kept(self, table: str, **key: UUID | int) -> Mapping[str, Any] | None:
        """The private row of this decision, from the real table. None: it is gone."""
        where = " and ".join(f"{name} = :{name}" for name in key)
        query = text(f"select * from {table} where clinic_id = :clinic and {where}")  # noqa: S608 - names from our own code
        found = (await self.rows.execute(query, {"clinic": self.answer.clinic_id, **key})).mappings().one_or_none()
        return None if found is None else dict(found)


Replay = Callable[[Past], Awaitable[Sequence[Asked] | None]]
"""The ways in which a decision may have been asked for; None where what it rested on is gone."""


@dataclass(frozen=True, slots=True)
class Private:
    """Rows beside the ledger that an event stands for: found by `key` (column → field of the event, or its `event_id`).

    `digest` is the field that carries SHA-256(0x10 ‖ salt ‖ content), or SHA-256(content) where nothing is salted. `client`
    is the field that says whose rows they are: they may be gone with the client. `when` says of which entries there is a
    row, `always` whether there must be one, `besides` which columns may change later, `named` what rows are called by in
    findings where it is not their key.
    """

    event: type[Event]
    table: str
    key: Mapping[str, str]
    content: str | None = None
    digest: str | None = None
    client: str | None = None
    salted: bool = True
    always: bool = True
    besides: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    when: Callable[[Entry[Any]], bool] = field(default=lambda _entry: True)


def answers_a_command(entry: Entry[Any]) -> bool:
    """Whether an entry is the answer to the command that it names."""
    return entry.event_id == command_event_id(entry.clinic_id, entry.actor.identity_id, entry.causation)


class Replays:
    """The replays and private rows of one service."""

    def __init__(self, service: str, *, writes_messages: bool = False, unanswered: Collection[str] = ()) -> None:
        self.service = service
        self.writes_messages = writes_messages
        self.by_type: dict[str, Replay] = {}
        self.by_command: dict[tuple[str, str], Replay] = {}
        self.subjects: dict[str, tuple[str, str]] = {}
        self.private: list[Private] = []
        self.unanswered = frozenset(unanswered)
        _replays[service] = self

    def __call__(self, *answers: type[Event], refusing: Collection[str] = ()) -> Callable[[Replay], Replay]:
        """Register how a kind of answer is asked for again; of a refusal, `refusing` names the commands."""

        def register(replay: Replay) -> Replay:
            for event in answers:
                if refusing:
                    self.by_command |= {(versioned_type(event), command): replay for command in refusing}
                else:
                    self.by_type[versioned_type(event)] = replay
            return replay

        return register

    def of_job(self, event: type[Event], job: str, subject: str) -> None:
        """Say which job of the clock records this event, and which field is the subject it was due for."""
        self.subjects[versioned_type(event)] = (job, subject)

    def keeps(self, private: Private) -> None:
        """Register private rows."""
        self.private.append(private)

    def replay_of(self, answer: Entry[Any]) -> Replay | None:
        """How this answer is asked for again, if it can be."""
        named = (answer.type, str(answer.parts["data"].get("command", "")))
        return self.by_command.get(named) or self.by_type.get(answer.type)


_replays: dict[str, Replays] = {}


def replays_of(service: str) -> Replays:
    """The service's replays; none if it has none here."""
    return _replays[service] if service in _replays else Replays(service)
