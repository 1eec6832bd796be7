"""What the words mean by which somebody looks for something in the record."""

import re
from collections.abc import Sequence
from uuid import UUID

from pydantic import JsonValue
from sqlalchemy import func, select

from events import ledger
from events.transaction import View
from schemas.compliance import Meant
from services.compliance.models import CodeRow, IdentityRow, Mention
from services.compliance.queries.record import entries_at, legible

MOST_MEANT = 50
"""So many things may begin alike, or be called alike: whoever means fewer says more of them."""

LEAST_OF_A_NAME = 2
"""Letters by which people are found before their name is typed to its end."""

_SYMBOLOGY = re.compile(r"^\][A-Za-z][0-9A-Za-z]")
_BEGINNING = re.compile(r"^[0-9a-fA-F]{4,31}$")
_GS1 = re.compile(r"^\(?01\)?\d{14}")


async def meant_by(view: View, words: str) -> Meant:
    """What somebody typed or scanned: an id, the beginning of one as it stands on labels, a name, or a printed code."""
    plain = _SYMBOLOGY.sub("", words.strip())
    last = plain.removeprefix("urn:uuid:").rpartition(" ")[2]
    try:
        return Meant(how="id", ids=(UUID(last),))
    except ValueError:
        pass
    if by_name := await _called(view, plain):
        return Meant(how="name", ids=by_name)
    if by_code := await _coded(view, _printed(words.strip(), plain)):
        return Meant(how="code", ids=by_code)
    digits = last.replace("-", "")
    if begun := await _beginning_with(view, digits) if _BEGINNING.fullmatch(digits) else ():
        return Meant(how="beginning", ids=begun)
    if by_name := await _called(view, plain, begun=True):
        return Meant(how="name", ids=by_name)
    return Meant(how="beginning" if _BEGINNING.fullmatch(digits) else "code", ids=())


async def _called(view: View, name: str, *, begun: bool = False) -> tuple[UUID, ...]:
    """The staff of that name, or whose names begin so. They are few."""
    if begun and len(name) < LEAST_OF_A_NAME:
        return ()
    called = func.lower(IdentityRow.display_name)
    query = select(IdentityRow.identity_id).where(
        IdentityRow.clinic_id == view.clinic_id, func.starts_with(called, name.lower()) if begun else called == name.lower()
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
    """The things on which one of the codes is printed, those that are known longest first."""
    query = select(CodeRow.subject_id).where(CodeRow.clinic_id == view.clinic_id, CodeRow.code.in_(codes))
    found = await view.rows.execute(query.order_by(CodeRow.index, CodeRow.subject_id).limit(MOST_MEANT))
    return tuple(dict.fromkeys(found.scalars()))


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
