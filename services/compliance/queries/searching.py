"""What of the record somebody looks for."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import ARRAY, BigInteger, ColumnElement, Text, column, desc, func, literal, select, true, union

from events.envelope import event_classes
from events.ledger import LedgerClinic, LedgerEntry
from events.transaction import View
from schemas.compliance import FoundEntries, FoundEntry, RecordFilter
from services.compliance.models import STRETCH, Mention, Policies, StretchRow
from services.compliance.queries.record import entries_at, ledger_head, legible

REJECTED = "command.rejected"
"""Was not understood, so nothing was decided; to whoever looks for refusals it is one."""

FIRST_STRETCHES = 4
"""A type that is common fills a page from so many stretches; only for the others all that may be needed are read."""

AT_THE_ENDS = 4
"""So many stretches may hold such entries only beyond what is asked for: the first and the last, in two epochs each."""


async def found_entries(view: View, wanted: RecordFilter, limit: int) -> FoundEntries:
    """Up to `limit` entries, the newest first."""
    head = await ledger_head(view)
    bounds = await _bounds(view, wanted, head.size)
    types = _types(wanted)
    if types is not None and wanted.about is None:
        indexes = await _of_types(view, types, bounds, limit + 1)
    else:
        indexes = await _along(view, wanted, types, bounds, limit + 1)
    entries = await entries_at(view.rows, view.clinic_id, indexes[:limit])
    found = [
        FoundEntry(**dict(legible(entry)), body_digest=sha256(entry.body).hexdigest()) for _, entry in sorted(entries.items(), reverse=True)
    ]
    return FoundEntries(head=head, entries=tuple(found), before=indexes[limit - 1] if len(indexes) > limit else None)


async def _bounds(view: View, wanted: RecordFilter, size: int) -> range:
    """The indexes among which they stand."""
    first = 0 if wanted.begins_at is None else await _first_since(view, wanted.begins_at, size)
    end = size if wanted.until is None else await _first_since(view, wanted.until, size)
    return range(first, end if wanted.before is None else min(end, wanted.before))


def _types(wanted: RecordFilter) -> list[str] | None:
    """The types that are asked for, as they stand in headers; None for any."""
    if not (wanted.types or wanted.refused):
        return None
    types = _versions(wanted.types) if wanted.types else [f"{name}.v{version}" for name, version in event_classes()]
    refusals = {known.type for known in event_classes().values() if known.refusal} | {REJECTED}
    unwanted = {*_versions(wanted.without), *(() if not wanted.refused else set(types) - set(_versions(refusals)))}
    return sorted(set(types) - unwanted)


async def _along(view: View, wanted: RecordFilter, types: list[str] | None, bounds: range, limit: int) -> list[int]:
    """What speaks of an id, and the event that has it: others name it as their cause. Or else the end of the ledger."""
    query = _newest(view, LedgerEntry, wanted, types, bounds, limit)
    if wanted.about is not None:
        query = union(_newest(view, Mention, wanted, types, bounds, limit), query)
    newest = query.order_by(desc("epoch"), desc("index")).limit(limit)
    return [index for _, index in (await view.rows.execute(newest)).all()]


def _newest(view: View, source: Any, wanted: RecordFilter, types: list[str] | None, bounds: range, limit: int) -> Any:
    """Where the newest of them stand, by the table that says it."""
    said: list[ColumnElement[bool]] = [source.index >= bounds.start, source.index < bounds.stop]
    if types is not None:
        said.append(source.type.in_(types))
    elif wanted.without:
        said.append(source.type.not_in(_versions(wanted.without)))
    if wanted.about is not None:
        said.append((Mention.subject_id if source is Mention else LedgerEntry.event_id).in_(wanted.about))
    query = select(source.epoch, source.index).where(source.clinic_id == view.clinic_id, *said).distinct()
    return query.order_by(source.epoch.desc(), source.index.desc()).limit(limit).subquery().select()


async def _of_types(view: View, types: list[str], bounds: range, limit: int) -> list[int]:
    """The newest entries of these types, from the stretches in which some stand: as fast in a ledger of years as in a new one."""
    stretches = await _stretches(view, types, bounds, limit + AT_THE_ENDS)
    found: list[int] = []
    for some in (stretches[:FIRST_STRETCHES], stretches[FIRST_STRETCHES:]):
        if some and len(found) < limit:
            found += await _inside(view, types, bounds, some, limit - len(found))
    return found


async def _stretches(view: View, types: list[str], bounds: range, limit: int) -> list[tuple[int, int]]:
    """Epoch and number of the newest stretches that hold some: each type's own, by key."""
    kind = func.unnest(literal(types, ARRAY(Text))).table_valued(column("type", Text)).render_derived(name="kind")
    each = (
        select(StretchRow.epoch, StretchRow.stretch)
        .where(
            StretchRow.clinic_id == view.clinic_id,
            StretchRow.type == kind.c.type,
            StretchRow.stretch.between(bounds.start // STRETCH, (bounds.stop - 1) // STRETCH),
        )
        .order_by(StretchRow.epoch.desc(), StretchRow.stretch.desc())
        .limit(limit)
        .lateral("each")
    )
    newest = select(each.c.epoch, each.c.stretch).select_from(kind.join(each, true())).distinct()
    query = newest.order_by(each.c.epoch.desc(), each.c.stretch.desc()).limit(limit)
    return [(epoch, stretch) for epoch, stretch in (await view.rows.execute(query)).all()]


async def _inside(view: View, types: list[str], bounds: range, stretches: Sequence[tuple[int, int]], limit: int) -> list[int]:
    """The newest entries of these types in some stretches. Each is read by key, whatever the planner thinks of the table."""
    epochs, numbers = zip(*stretches, strict=True)
    columns = (column("epoch", BigInteger), column("stretch", BigInteger))
    one = (
        func.unnest(literal(list(epochs), ARRAY(BigInteger)), literal(list(numbers), ARRAY(BigInteger)))
        .table_valued(*columns)
        .render_derived(name="one")
    )
    each = (
        select(LedgerEntry.epoch, LedgerEntry.index)
        .where(
            LedgerEntry.clinic_id == view.clinic_id,
            LedgerEntry.epoch == one.c.epoch,
            LedgerEntry.index >= func.greatest(one.c.stretch * STRETCH, bounds.start),
            LedgerEntry.index < func.least((one.c.stretch + 1) * STRETCH, bounds.stop),
            LedgerEntry.type.in_(types),
        )
        .order_by(LedgerEntry.index.desc())
        .limit(limit)
        .lateral("each")
    )
    query = select(each.c.index).select_from(one.join(each, true())).order_by(each.c.epoch.desc(), each.c.index.desc()).limit(limit)
    return list((await view.rows.execute(query)).scalars())


def _versions(types: Collection[str]) -> list[str]:
    """The types as they stand in headers, in every version there ever was."""
    return sorted(f"{name}.v{version}" for name, version in event_classes() if name in types)


async def _first_since(view: View, at: datetime, size: int) -> int:
    """The index of the first entry of that time or later: the ledger's clock never goes back, and it has no index of times."""
    epochs = select(LedgerClinic.epoch).where(LedgerClinic.clinic_id == view.clinic_id)
    low, high = 0, size
    while low < high:
        middle = (low + high) // 2
        query = select(func.min(LedgerEntry.recorded_at)).where(
            LedgerEntry.clinic_id == view.clinic_id, LedgerEntry.epoch.in_(epochs), LedgerEntry.index == middle
        )
        recorded_at = (await view.rows.execute(query)).scalar_one_or_none()
        if recorded_at is None or recorded_at < at:
            low = middle + 1
        else:
            high = middle
    return low


async def counted_since(view: View, at: datetime) -> Mapping[str, int]:
    """How many entries of each type, without version, were recorded since then."""
    head = await ledger_head(view)
    first = await _first_since(view, at, head.size)
    epochs = select(LedgerClinic.epoch).where(LedgerClinic.clinic_id == view.clinic_id)
    query = (
        select(LedgerEntry.type, func.count())
        .where(LedgerEntry.clinic_id == view.clinic_id, LedgerEntry.epoch.in_(epochs), LedgerEntry.index >= first)
        .group_by(LedgerEntry.type)
    )
    return {versioned.rpartition(".v")[0]: count for versioned, count in (await view.rows.execute(query)).all()}


async def time_zone(view: View) -> str:
    """The zone of the clinic's clock, by the newest policy; UTC before the first."""
    query = select(Policies.document).where(Policies.clinic_id == view.clinic_id, Policies.effective_at <= view.now)
    document = (await view.rows.execute(query.order_by(Policies.policy_version.desc()).limit(1))).scalar_one_or_none()
    return "UTC" if document is None else str(document["clinic"]["timezone"])
