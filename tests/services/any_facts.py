"""Facts in any order, about few people and things: rows meet, and nothing is as tidy as in a clinic."""

import random
import types
import typing
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from itertools import count
from typing import Annotated, Any, Literal, get_args, get_origin
from uuid import UUID, uuid5

from pydantic import AwareDatetime, BaseModel, ValidationError

from events.catalog.compliance import PolicyPublished
from events.catalog.treatment import TreatmentRecordedLate, TreatmentStarted
from events.envelope import Context, Entry, Event, body_of, versioned_type
from schemas.policy import Policy, default_policy, digest_of
from schemas.vocabulary import Actor, Role

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
TEXTS = {
    r"^[a-z0-9][a-z0-9_.-]{0,63}$": ("a", "b", "no_show", "safety_hold"),
    r"^[A-Za-z0-9._:+/-]{1,80}$": ("one", "Two:2", str(UUID(int=77))),
    r"^[A-Za-z0-9._:-]{1,64}$": ("c-1", "c-2"),
    r"^[a-z0-9][a-z0-9-]{0,31}$": ("desk", "till"),
    r"^[0-9a-f]{64}$": ("5f" * 32, "a0" * 32),
    r"^[a-z]{2}(-[A-Z]{2})?$": ("nl", "de-AT"),
    r"^[A-Za-z0-9._+/-]{1,64}$": ("Europe/Amsterdam",),
    r"^[0-9]{14}$": ("04012345678901", "04012345678918"),
    r"^[!-~]{1,20}$": ("LOT1", "00lot1"),
    r"^[!-~]{1,40}$": ("SN-1", "SN-2"),
    r"^(G[0-9]{2})?$": ("", "G05"),
}
"""Texts of each pattern that stands in the vocabulary."""

MOMENTS = [NOON + timedelta(minutes=minutes) for minutes in (-600, -60, -5, 0, 30, 60, 4000)]
PLAIN: dict[Any, Sequence[Any]] = {
    type(None): (None,),
    bool: (False, True),
    int: (0, 1, 2, 3, 500, 1500),
    datetime: MOMENTS,
    AwareDatetime: MOMENTS,
    date: [date(2026, 11, day) for day in (1, 2, 9, 30)],
}

ONCE = (TreatmentStarted, TreatmentRecordedLate)
"""What the gate says once for each treatment."""


class Facts:
    """Makes events of the given kinds, the same ones for the same seed."""

    def __init__(self, seed: int, kinds: Sequence[type[Event]]) -> None:
        self._random = random.Random(seed)
        self._kinds = kinds
        self._versions = count(1)
        self._begun: set[UUID] = set()
        self._ids: defaultdict[str, list[UUID]] = defaultdict(lambda: [uuid5(UUID(int=len(self._ids)), str(n)) for n in range(4)])

    def entries(self, clinic_id: UUID, most: int) -> list[Entry[Any]]:
        """A clinic's ledger, without its chain."""
        found: list[Entry[Any]] = []
        at = NOON
        for index in range(most):
            event = self._event()
            at += timedelta(minutes=self._random.choice((0, 0, 7, 90)))
            actor = Actor(identity_id=self._id("identity_id"), role=self._random.choice(list(Role)))
            body = body_of(event, Context(actor, self._random.choice(("c-1", "c-2", "c-3")), None, 1))
            found.append(Entry(clinic_id, 1, index, at, uuid5(UUID(int=9), str(index)), versioned_type(event), body, b""))
        return found

    def _event(self) -> Event:
        while True:
            kind = self._random.choice(self._kinds)
            if kind is PolicyPublished:
                return self._policy()
            try:
                event = kind.model_validate(self._fields(kind))
            except ValidationError:
                continue  # fields that do not go together
            if isinstance(event, ONCE):
                if event.treatment_id in self._begun:
                    event = event.model_copy(update={"treatment_id": uuid5(event.treatment_id, str(len(self._begun)))})
                    self._ids["treatment_id"].append(event.treatment_id)
                self._begun.add(event.treatment_id)
            return event

    def _policy(self) -> PolicyPublished:
        policy = default_policy()
        effective_at = NOON + timedelta(hours=self._random.choice((-9, 0, 2)))
        return PolicyPublished(
            policy_version=next(self._versions),
            effective_at=effective_at,
            approver_id=self._id("identity_id"),
            digest=digest_of(policy),
            document=policy,
        )

    def _fields(self, kind: type[BaseModel]) -> dict[str, Any]:
        return {name: self._value(name, field.annotation, tuple(field.metadata)) for name, field in kind.model_fields.items()}

    def _id(self, name: str) -> UUID:
        """Of few for each kind of thing: `client_id` and `into_client_id` are both clients, `pack_ids` are packs."""
        kind = name.removeprefix("into_").removesuffix("s")
        shared = {"unit_id": "cartridge_unit_id", "subject_id": "sterilizer_id", "device_id": "handpiece_id", "item_id": "pack_id"}
        return self._random.choice(self._ids[shared.get(kind, kind)])

    def _value(self, name: str, annotation: Any, metadata: tuple[Any, ...] = ()) -> Any:
        origin, inner = get_origin(annotation), get_args(annotation)
        if origin is Annotated:
            return self._value(name, inner[0], (*metadata, *inner[1:]))
        if origin in (typing.Union, types.UnionType):
            return self._value(name, self._random.choice(inner), metadata)
        if origin is Literal:
            return self._random.choice(inner)
        if origin is tuple:
            return tuple(self._value(name, inner[0]) for _ in range(self._random.choice((0, 1, 1, 2, 3))))
        if origin is dict:
            return {self._value(name, inner[0]): self._value(name, inner[1]) for _ in range(self._random.choice((0, 1)))}
        return self._plain(name, annotation, metadata)

    def _plain(self, name: str, annotation: Any, metadata: tuple[Any, ...]) -> Any:
        if annotation is UUID:
            return self._id(name)
        if annotation in PLAIN:
            return self._random.choice(PLAIN[annotation])
        if annotation is Policy:
            return default_policy()
        if issubclass(annotation, BaseModel):
            return self._fields(annotation)
        return self._random.choice(list(annotation) if issubclass(annotation, Enum) else TEXTS[_pattern(metadata)])


def _pattern(metadata: tuple[Any, ...]) -> str:
    found = [
        str(one.pattern) for constraint in metadata for one in getattr(constraint, "metadata", [constraint]) if hasattr(one, "pattern")
    ]
    return found[0]
