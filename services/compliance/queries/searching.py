"""What of the record somebody looks for, and what the words mean by which they do."""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from pydantic import JsonValue
from sqlalchemy import ColumnElement, and_, desc, func, or_, select, text, union

from events import ledger
from events.envelope import event_classes
from events.ledger import LedgerClinic, LedgerEntry
from events.transaction import View
from schemas.compliance import FoundEntries, FoundEntry, Meant, RecordFilter
from services.compliance.models import IdentityRow, Mention, Policies
from services.compliance.queries.record import entries_at, ledger_head, legible

MOST_MEANT = 50
"""So many things may begin alike, or be called alike: whoever means fewer says more of them."""

REJECTED = "command.rejected"
"""Was not understood, so nothing was decided; to whoever looks for refusals it is one."""

CODED = {
    "lot.received": ("lot_id", ("lot", "serial")),
    "sterilizer.commissioned": ("sterilizer_id", ("serial",)),
    "handpiece.commissioned": ("handpiece_id", ("serial",)),
    "indicator.read": ("indicator_id", ("indicator_lot",)),
}
"""Which events say what is printed on a thing: which id they give it, and in which fields the code stands."""

_SYMBOLOGY = re.compile(r"^\][A-Za-z][0-9A-Za-z]")
_BEGINNING = re.compile(r"^[0-9a-fA-F]{4,31}$")
_GS1 = re.compile(r"^\(?01\)?\d{14}")


async def found_entries(view: View, wanted: RecordFilter, limit: int) -> FoundEntries:
    """Up to `limit` entries, the newest first."""
    head = await ledger_head(view)
    query = await _newest(view, LedgerEntry, wanted, head.size, limit + 1)
    if wanted.about is not None:
        # What speaks of an id, and the event that has it: others name it as their cause.
        query = union(await _newest(view, Mention, wanted, head.size, limit + 1), query)
    newest = query.order_by(desc("epoch"), desc("index")).limit(limit + 1)
    indexes = [index for _, index in (await view.rows.execute(newest)).all()]
    entries = await entries_at(view.rows, view.clinic_id, indexes[:limit])
    found = [
        FoundEntry(**dict(legible(entry)), body_digest=sha256(entry.body).hexdigest()) for _, entry in sorted(entries.items(), reverse=True)
    ]
    return FoundEntries(head=head, entries=tuple(found), before=indexes[limit - 1] if len(indexes) > limit else None)


async def _newest(view: View, source: Any, wanted: RecordFilter, size: int, limit: int) -> Any:
    """Where the newest of them stand, by the table that says it."""
    said = await _conditions(view, source, wanted, size)
    if wanted.about is not None:
        said.append((Mention.subject_id if source is Mention else LedgerEntry.event_id).in_(wanted.about))
    query = select(source.epoch, source.index).where(source.clinic_id == view.clinic_id, *said).distinct()
    return query.order_by(source.epoch.desc(), source.index.desc()).limit(limit).subquery().select()


async def _conditions(view: View, source: Any, wanted: RecordFilter, size: int) -> list[ColumnElement[bool]]:
    first = 0 if wanted.begins_at is None else await _first_since(view, wanted.begins_at, size)
    end = size if wanted.until is None else await _first_since(view, wanted.until, size)
    said: list[ColumnElement[bool]] = [source.index >= first, source.index < (end if wanted.before is None else min(end, wanted.before))]
    if wanted.types:
        said.append(source.type.in_(_versions(wanted.types)))
    if wanted.without:
        said.append(source.type.not_in(_versions(wanted.without)))
    if wanted.refused:
        refusals = {known.type for known in event_classes().values() if known.refusal}
        said.append(source.type.in_(_versions(refusals | {REJECTED})))
    return said


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


async def meant_by(view: View, words: str) -> Meant:
    """What somebody typed or scanned: an id, the beginning of one as it stands on labels, a name, or a printed code."""
    plain = _SYMBOLOGY.sub("", words.strip())
    last = plain.removeprefix("urn:uuid:").rpartition(" ")[2]
    try:
        return Meant(how="id", ids=(UUID(last),))
    except ValueError:
        pass
    by_name = await _called(view, plain)
    if by_name:
        return Meant(how="name", ids=by_name)
    by_code = await _coded(view, _printed(words.strip(), plain))
    if by_code or not _BEGINNING.fullmatch(last.replace("-", "")):
        return Meant(how="code", ids=by_code)
    return Meant(how="beginning", ids=await _beginning_with(view, last.replace("-", "")))


async def _called(view: View, name: str) -> tuple[UUID, ...]:
    """The staff of that name."""
    query = select(IdentityRow.identity_id).where(
        IdentityRow.clinic_id == view.clinic_id, func.lower(IdentityRow.display_name) == name.lower()
    )
    return tuple(sorted((await view.rows.execute(query.limit(MOST_MEANT))).scalars()))


async def _beginning_with(view: View, digits: str) -> tuple[UUID, ...]:
    low, high = UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))
    query = select(Mention.subject_id).distinct().where(Mention.clinic_id == view.clinic_id, Mention.subject_id.between(low, high))
    return tuple((await view.rows.execute(query.order_by(Mention.subject_id).limit(MOST_MEANT))).scalars())


def _printed(scanned: str, plain: str) -> tuple[str, ...]:
    """Lot and serial number of a scanned GS1 label, or else what was typed."""
    if not (_GS1.match(plain) or scanned != plain):
        return (plain,)
    from biip import ParseError
    from biip.gs1_messages import GS1Message

    try:
        message = GS1Message.parse_hri(plain) if plain.startswith("(") else GS1Message.parse(plain)
    except ParseError:
        return (plain,)
    said = [element.value for ai in ("21", "10") for element in message.element_strings.filter(ai=ai)]
    return tuple(said[:1]) or (plain,)


async def _coded(view: View, codes: Sequence[str]) -> tuple[UUID, ...]:
    """The things on which one of the codes is printed. Looked for in the bytes of the entries that say so: there are few."""
    types = _versions(CODED.keys())
    fields = sorted({field for _, fields in CODED.values() for field in fields})
    needles = [json.dumps({field: code}, separators=(",", ":"), ensure_ascii=False)[1:-1].encode() for field in fields for code in codes]
    inside = or_(*(text(f"position(:needle{n} in body) > 0").bindparams(**{f"needle{n}": needle}) for n, needle in enumerate(needles)))
    query = select(LedgerEntry.index).where(and_(LedgerEntry.clinic_id == view.clinic_id, LedgerEntry.type.in_(types), inside))
    indexes = (await view.rows.execute(query.order_by(LedgerEntry.index).limit(MOST_MEANT))).scalars().all()
    entries = await entries_at(view.rows, view.clinic_id, indexes)
    said = [legible(entry) for entry in entries.values()]
    named = (found.data.get(CODED[found.type.rpartition(".v")[0]][0]) for found in said)
    return tuple(dict.fromkeys(UUID(str(identity)) for identity in named if identity))


async def named_by(view: View, subject_id: UUID) -> str | None:
    """The field in which an id stands where the record first speaks of it: what it is. None for one that nobody knows."""
    query = select(Mention.index).where(Mention.clinic_id == view.clinic_id, Mention.subject_id == subject_id)
    first = (await view.rows.execute(query.order_by(Mention.epoch, Mention.index).limit(1))).scalar_one_or_none()
    if first is None:
        return None if await ledger.entry_by_id(view.rows, view.clinic_id, subject_id) is None else "event_id"
    entry = (await entries_at(view.rows, view.clinic_id, [first]))[first]
    return _field_of(legible(entry).data, str(subject_id), "") or "identity_id"


def _field_of(value: JsonValue, wanted: str, field: str) -> str | None:
    """The name of the innermost field in which an id stands."""
    match value:
        case str():
            return field if value.lower() == wanted else None
        case dict():
            return next((found for key, inner in value.items() if (found := _field_of(inner, wanted, key))), None)
        case list():
            return next((found for inner in value if (found := _field_of(inner, wanted, field))), None)
        case _:
            return None


async def time_zone(view: View) -> str:
    """The zone of the clinic's clock, by the newest policy; UTC before the first."""
    query = select(Policies.document).where(Policies.clinic_id == view.clinic_id, Policies.effective_at <= view.now)
    document = (await view.rows.execute(query.order_by(Policies.policy_version.desc()).limit(1))).scalar_one_or_none()
    return "UTC" if document is None else str(document["clinic"]["timezone"])
