"""Whether a history holds: in order, safe, truly refused, nothing served twice. And which of its moves really met."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from events.catalog.compliance import PolicyPublished
from events.catalog.consent import ClearanceGranted, ConsentSigned
from events.catalog.treatment import TreatmentRefused, TreatmentStarted
from events.chain import first_break
from events.envelope import Entry, Event
from schemas.vocabulary import Finding, Verdict
from tests.faults.race_client import Asked
from tests.faults.race_model import Pencil

AT_THE_MOMENT = timedelta(milliseconds=50)
"""A start that was under way so near to an expiry raced with it."""

NOT_IN_THE_RECORD = frozenset({"clock_must_be_trusted"})
"""Rules whose reason no reader of the ledger can see."""

RIVALS = {
    "withdraw": "withdraw",
    "hold": "hold",
    "recall_lot": "recall",
    "recall_load": "recall",
    "reject_pack": "recall",
    "ingress": "recall",
}


def wrongs_of(entries: Sequence[Entry[Event]], asked: Sequence[Asked]) -> Iterator[str]:
    """Everything that is wrong with one clinic's part of a history."""
    if not entries:
        yield "the ledger is empty"
        return
    broken = first_break(entries, entries[0].clinic_id, entries[0].epoch)
    if broken is not None:
        yield f"the chain breaks at {broken.index}: {broken.reason}"
    yield from _lost(entries, asked)
    yield from out_of_order(asked)
    yield from unsafe_or_untrue(entries)
    yield from served_twice(entries)


def _lost(entries: Sequence[Entry[Event]], asked: Iterable[Asked]) -> Iterator[str]:
    index = {entry.event_id: entry.index for entry in entries}
    for one in asked:
        if one.failure.startswith("failed"):
            yield f"{one.move.command_id} ended in {one.failure}"
        for event_id in one.event_ids:
            if event_id not in index:
                yield f"{one.move.command_id} was answered with {event_id}, which is not in the ledger"
        if one.event_ids and index.get(one.event_ids[-1]) != one.index:
            yield f"{one.move.command_id} was said to stand at {one.index}, and stands at {index.get(one.event_ids[-1])}"


def out_of_order(asked: Iterable[Asked]) -> Iterator[str]:
    """An answer that was given before a question was asked has the lower index."""
    latest: Asked | None = None
    for one in sorted((one for one in asked if one.event_ids and not one.repeated), key=lambda one: one.index):
        if latest is not None and one.answered_at < latest.asked_at:
            yield f"{latest.move.command_id} was asked after {one.move.command_id} was answered, and stands before it"
        if latest is None or one.asked_at > latest.asked_at:
            latest = one


def _unmet(findings: Iterable[Finding]) -> set[str]:
    return {finding.rule for finding in findings if finding.verdict is Verdict.UNMET}


def unsafe_or_untrue(entries: Iterable[Entry[Event]]) -> Iterator[str]:
    """No start with anything against it, and no refusal for anything but what stood in its prefix."""
    known = Pencil()
    for entry in entries:
        event: Any = entry.event
        if isinstance(event, TreatmentStarted):
            reasons = known.against(event.booking_id, event.equipment, entry.recorded_at) | _unmet(event.findings)
            if reasons:
                yield f"UNSAFE START at {entry.index}: {', '.join(sorted(reasons))}"
        elif isinstance(event, TreatmentRefused):
            said = _unmet(event.findings) - NOT_IN_THE_RECORD
            true = known.against(event.booking_id, event.equipment, entry.recorded_at)
            if said != true:
                more = f"said {sorted(said - true)} that is not so" if said - true else f"did not say {sorted(true - said)}"
                yield f"the refusal at {entry.index} {more}"
        known.follow(entry)


def served_twice(entries: Iterable[Entry[Event]]) -> Iterator[str]:
    """One booking, one reprocessing, one turnover, one cartridge, one pack: one start."""
    starts: list[Any] = [entry.event for entry in entries if isinstance(entry.event, TreatmentStarted)]
    for what, served in {
        "booking": [start.booking_id for start in starts],
        "reprocessing": [start.reprocessing_id for start in starts],
        "turnover": [start.turnover_id for start in starts],
        "cartridge": [unit for start in starts for unit in start.equipment.cartridge_unit_ids],
        "pack": [pack for start in starts for pack in start.equipment.pack_ids],
    }.items():
        yield from (f"{what} {subject} served {count} starts" for subject, count in Counter(served).items() if count > 1)


def meetings(entries: Sequence[Entry[Event]], asked: Sequence[Asked]) -> Counter[str]:
    """How many starts were really under way together with what they raced against, by kind."""
    met: Counter[str] = Counter()
    starts = [one for one in asked if one.move.kind == "start" and not one.failure]
    by_subject: defaultdict[UUID, list[Asked]] = defaultdict(list)
    for start in starts:
        for subject in start.move.subjects:
            by_subject[subject].append(start)
    for rival in asked:
        if rival.move.kind in RIVALS and not rival.failure:
            together = {id(start) for subject in rival.move.subjects for start in by_subject[subject] if _overlap(start, rival)}
            met[RIVALS[rival.move.kind]] += len(together)
    for place, kind in enumerate(("cartridge", "pack", "handpiece")):
        met[kind] += sum(_pairs(by_subject, start, start.move.subjects[place]) for start in starts) // 2
    met["expiry"] = sum(_ran_out(start, by_subject_expiries(entries)) for start in starts)
    return met


def _overlap(one: Asked, other: Asked) -> bool:
    return one.asked_at < other.answered_at and other.asked_at < one.answered_at


def _pairs(by_subject: Mapping[UUID, Sequence[Asked]], start: Asked, subject: UUID) -> int:
    rivals = (other for other in by_subject[subject] if other is not start and other.move.seat != start.move.seat)
    return sum(_overlap(start, other) for other in rivals)


def by_subject_expiries(entries: Iterable[Entry[Event]]) -> dict[UUID, list[datetime]]:
    """When something of a client ended; under the zero id, when the date turned."""
    found: defaultdict[UUID, list[datetime]] = defaultdict(list)
    dates: dict[int, tuple[datetime, str]] = {}
    for entry in entries:
        event: Any = entry.event
        if isinstance(event, ConsentSigned | ClearanceGranted):
            found[event.client_id].append(event.valid_until)
        elif isinstance(event, PolicyPublished):
            dates[event.policy_version] = (event.effective_at, event.document.clinic.timezone)
    for effective_at, zone in dates.values():
        before = next(iter(dates.values()))[1]
        if effective_at.astimezone(ZoneInfo(zone)).date() != effective_at.astimezone(ZoneInfo(before)).date():
            found[UUID(int=0)].append(effective_at)
    return found


def _ran_out(start: Asked, expiries: Mapping[UUID, Sequence[datetime]]) -> bool:
    mine = [at for subject in (*start.move.subjects, UUID(int=0)) for at in expiries.get(subject, ())]
    return any(start.asked - AT_THE_MOMENT <= at <= start.answered + AT_THE_MOMENT for at in mine)
