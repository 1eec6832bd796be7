"""Whether whoever decided something had the role for it then: grants are followed along the ledger itself."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from events.catalog.booking import AnswerRepeated, CommandRejected
from events.catalog.compliance import AccessGranted, AccessRevoked
from events.envelope import Entry, versioned_type
from schemas.vocabulary import Role

COMMAND_LINE = uuid5(UUID(int=0), "command line")
"""The identity of whoever may run `asepsis` on the servers' machine: nobody grants it anything."""

UNGRANTED = frozenset({Role.SERVICE, Role.CLIENT})
"""Services act by themselves, clients by the link in their hands."""

UNDECIDED = frozenset({versioned_type(AnswerRepeated), versioned_type(CommandRejected)})
"""What becomes of an inbox's entry whoever wrote it, also after the system was cut off."""


class Authority:
    """Who may act in which role, as of the entries that came by. Until the first administrator is named, whoever opened the clinic."""

    def __init__(self) -> None:
        self._founder: UUID | None = None
        self._until: dict[tuple[UUID, Role], datetime | None] = {}

    def against(self, entry: Entry[Any]) -> str | None:
        """What speaks against the actor of an entry, before it is followed."""
        actor = entry.actor
        if actor.role in UNGRANTED or actor.identity_id == COMMAND_LINE or entry.type in UNDECIDED:
            return None
        if entry.index == 0 or actor.identity_id == self._founder:
            return None
        if (actor.identity_id, actor.role) not in self._until:
            return f"{actor.identity_id} did not have the role {actor.role}"
        until = self._until[actor.identity_id, actor.role]
        return None if until is None or until > entry.recorded_at else f"{actor.identity_id} had the role {actor.role} until {until}"

    def follow(self, entry: Entry[Any]) -> None:
        """Keep what an entry grants or revokes."""
        if entry.index == 0:
            self._founder = entry.actor.identity_id
        if entry.type == versioned_type(AccessGranted):
            self._until[entry.event.identity_id, entry.event.role] = entry.event.until
            self._founder = None if entry.event.role is Role.ADMIN else self._founder
        elif entry.type == versioned_type(AccessRevoked):
            self._until.pop((entry.event.identity_id, entry.event.role), None)
