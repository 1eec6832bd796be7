"""Everything the rules look at, loaded once. Search and booking load the same."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from itertools import accumulate
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from schemas.policy import PastTreatment, Policy, turnover_of
from schemas.vocabulary import Finding, LocalDate, Modality, Role, Verdict, Visit

LONGEST_VISIT = timedelta(hours=8)
"""Bounds how far back a visit that still runs can have begun, so that looking for conflicts costs the same in ten years."""


@dataclass(frozen=True, slots=True)
class Busy:
    """When somebody or something is taken by a booking. Half-open, without turnover."""

    booking_id: UUID
    starts_at: datetime
    ends_at: datetime


class Diary:
    """When one practitioner, room, device or client is taken, so that a question costs the same in a full year as in an empty one."""

    def __init__(self, taken: Iterable[Busy]) -> None:
        self._taken = sorted(taken, key=lambda busy: (busy.starts_at, busy.booking_id))
        self._starts = [busy.starts_at for busy in self._taken]
        self._latest_ends = list(accumulate((busy.ends_at for busy in self._taken), max))

    def clashes(self, starts_at: datetime, ends_at: datetime, turnover: timedelta) -> list[Busy]:
        """What a visit runs into, by start. Turnover follows each visit: theirs before ours, and ours before theirs."""
        found = []
        at = bisect_left(self._starts, ends_at + turnover)
        while at and starts_at < self._latest_ends[at - 1] + turnover:
            at -= 1
            if starts_at < self._taken[at].ends_at + turnover:
                found.append(self._taken[at])
        return found[::-1]


_EMPTY = Diary(())


@dataclass(frozen=True, slots=True)
class KnownClient:
    """A client, by the record that stays, and by all ids that were merged into it."""

    client_id: UUID
    ids: tuple[UUID, ...]
    born_on: LocalDate | None


@dataclass(frozen=True, slots=True)
class KnownPractitioner:
    """What a practitioner may do; `valid_until` is the last day."""

    role: Role
    modalities: frozenset[Modality]
    max_depth_um: int
    valid_until: LocalDate


@dataclass(frozen=True, slots=True)
class KnownResource:
    """A room or device. Without a turnover of its own, the policy says how long cleaning takes."""

    kind: str
    turnover_minutes: int | None = None
    modality: Modality | None = None
    max_depth_um: int | None = None


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known at the moment of asking about a client and a stretch of time."""

    now: datetime
    policy: Policy
    client: KnownClient | None = None
    practitioners: Mapping[UUID, KnownPractitioner] = field(default_factory=dict)
    resources: Mapping[UUID, KnownResource] = field(default_factory=dict)
    busy: Mapping[UUID, Sequence[Busy]] = field(default_factory=dict)
    """By practitioner, room, device; by `client.client_id` for the client."""
    past: Sequence[PastTreatment] = ()
    coming: Sequence[Visit] = ()
    """Other bookings of the client that still stand."""
    holds: Sequence[UUID] = ()
    used_booking_ids: frozenset[UUID] = frozenset()
    overrides: Mapping[str, UUID] = field(default_factory=dict)
    """By rule or gate code: overrides of this booking that hold now."""
    given_start: datetime | None = None
    """The start in the sender's own offset, where one was given."""
    _diaries: dict[UUID, Diary] = field(default_factory=dict, init=False, repr=False, compare=False)

    def diary(self, subject_id: UUID) -> Diary:
        """When a practitioner, room, device or the client is taken."""
        if subject_id not in self._diaries:
            taken = self.busy.get(subject_id)
            self._diaries[subject_id] = Diary(taken) if taken else _EMPTY
        return self._diaries[subject_id]

    @property
    def zone(self) -> ZoneInfo:
        """The clinic's time zone."""
        return ZoneInfo(self.policy.clinic.timezone)

    def turnover(self, resource_id: UUID) -> timedelta:
        """How long cleaning a room or device takes after each visit."""
        known = self.resources.get(resource_id)
        if known is None:
            return timedelta(0)
        if known.turnover_minutes is not None:
            return timedelta(minutes=known.turnover_minutes)
        return turnover_of(self.policy, known.kind)

    def midnight(self, day: LocalDate) -> datetime:
        """When a local day begins."""
        return datetime.combine(day, time.min, self.zone).astimezone(UTC)

    def clock(self, instant: datetime) -> str:
        """An instant as the clinic's clock shows it, for sentences."""
        return instant.astimezone(self.zone).strftime("%Y-%m-%dT%H:%M")

    def rule_applies(self, code: str, visit: Visit) -> bool:
        """`rule_applies` under this situation's policy."""
        return rule_applies(self.policy, code, visit)

    def needles(self, visit: Visit) -> bool:
        """Whether this type of visit is spaced, which only needle contact is."""
        return "G09" in self.policy.gate.visit_types[visit.visit_type]


def rule_applies(policy: Policy, code: str, visit: Visit) -> bool:
    """Whether the policy asks this gate rule of this type of visit."""
    return code in policy.gate.visit_types[visit.visit_type] and policy.gate.rules[code].enabled


def met(rule: str, code: str = "", **said: Any) -> Finding:
    """The rule is kept."""
    return Finding(rule=rule, code=code, verdict=Verdict.MET, **said)


def warning(rule: str, code: str = "", **said: Any) -> Finding:
    """The rule is kept, but somebody should know."""
    return Finding(rule=rule, code=code, verdict=Verdict.WARNING, **said)


def unmet(rule: str, code: str = "", **said: Any) -> Finding:
    """The rule is broken."""
    return Finding(rule=rule, code=code, verdict=Verdict.UNMET, **said)
