"""By what the record is searched: ids, types, and what is printed on things."""

import re
from collections.abc import Mapping
from contextlib import suppress
from uuid import UUID

from pydantic import JsonValue
from sqlalchemy.dialects.postgresql import insert

from events.catalog import PUBLISHERS
from events.catalog.hygiene import HandpieceCommissioned, IndicatorRead, LotReceived, SterilizerCommissioned
from events.envelope import Entry, Event
from events.tables import Rows, Write
from services.compliance.models import STRETCH, CodeRow, Mention, StretchRow
from services.compliance.projectors.following import projects

EVERYTHING = tuple(
    found
    for publisher in PUBLISHERS.values()
    for found in vars(publisher).values()
    if isinstance(found, type) and issubclass(found, Event) and found.type
)
"""Compliance hears every event there is."""

UUID_TEXT = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
UUID_LENGTH = 36


def _ids(value: JsonValue, found: set[str]) -> None:
    """Add every UUID in a body, however deep it stands, in the one form in which it is written."""
    match value:
        case str() if len(value) == UUID_LENGTH:
            if UUID_TEXT.fullmatch(value):
                found.add(value)
            else:
                with suppress(ValueError):
                    found.add(str(UUID(value)))
        case dict():
            for inner in value.values():
                _ids(inner, found)
        case list():
            for inner in value:
                _ids(inner, found)
        case _:
            return


MENTION = Write(insert(Mention).on_conflict_do_nothing(), ("clinic_id", "subject_id", "epoch", "index", "type"))


@projects(*EVERYTHING)
async def note_mentions(rows: Rows, entry: Entry[Event]) -> None:
    subjects = {str(entry.parts["actor"]["identity_id"])}
    _ids(entry.parts["data"], subjects)
    for subject in subjects:
        rows.write(MENTION, clinic_id=entry.clinic_id, subject_id=subject, epoch=entry.epoch, index=entry.index, type=entry.type)


@projects(*EVERYTHING)
async def note_types(rows: Rows, entry: Entry[Event]) -> None:
    stretch = entry.index // STRETCH
    told = (StretchRow, entry.clinic_id, entry.type, entry.epoch, stretch)
    if told not in rows.kept:  # one is enough for the page
        rows.kept[told] = True
        rows.add(StretchRow, clinic_id=entry.clinic_id, type=entry.type, epoch=entry.epoch, stretch=stretch)


PRINTED: Mapping[type[Event], tuple[str, tuple[str, ...]]] = {
    LotReceived: ("lot_id", ("lot", "serial")),
    SterilizerCommissioned: ("sterilizer_id", ("serial",)),
    HandpieceCommissioned: ("handpiece_id", ("serial",)),
    IndicatorRead: ("indicator_id", ("indicator_lot",)),
}
"""Which events say what is printed on a thing: which id they give it, and in which fields the code stands."""


@projects(*PRINTED)
async def note_codes(rows: Rows, entry: Entry[Event]) -> None:
    said = entry.event
    identity, fields = PRINTED[type(said)]
    for field in fields:
        code = getattr(said, field)
        if code is not None:
            rows.add(CodeRow, clinic_id=entry.clinic_id, code=code, subject_id=getattr(said, identity), index=entry.index)
