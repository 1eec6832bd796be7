"""What a command is answered: one event, found again by the command's id."""

from dataclasses import dataclass
from typing import Generic, TypeVar
from uuid import UUID, uuid5

from events.envelope import Entry, Event

E_co = TypeVar("E_co", bound=Event, covariant=True)


class IdReusedError(Exception):
    """The command's id was used before, with other content."""


@dataclass(frozen=True, slots=True)
class Answer(Generic[E_co]):
    """What a command was answered: the entry that says so, now or when the command came first."""

    entry: Entry[E_co]
    repeated: bool = False

    @property
    def event(self) -> E_co:
        """The event that is the answer."""
        return self.entry.event


def command_event_id(clinic_id: UUID, principal: UUID | str, command_id: str) -> UUID:
    """The id of the event that answers a command: the same for every retry by the same principal."""
    return uuid5(clinic_id, f"{principal}\x1f{command_id}")
