"""What stands behind a treatment, in words and as a sketch."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from schemas.compliance import Evidence, RecordEntry, TreatmentRecord
from services.compliance.pages.looking import address
from services.compliance.pages.picture import Sketch, Thing
from services.compliance.pages.searching import Line, line_of
from services.compliance.pages.words import Words, type_of
from services.compliance.queries import UNREADABLE

PARTS = {
    "certificate": "The start and its certificate",
    "refusal": "Starts that were refused",
    "booking": "Booking",
    "arrival": "Arrival",
    "consent": "Consent",
    "screening": "Health questions",
    "practitioner": "Practitioner",
    "skin": "Skin",
    "numbing": "Numbing",
    "handpiece": "Handpiece",
    "room": "Room",
    "lot": "Lots",
    "cartridge": "Cartridges",
    "sterilization": "Sterilization",
    "pack": "Packs",
    "override": "Rules that were passed",
    "hold": "Safety holds",
    "recall": "Recalls",
    "course": "Course",
    "recovery": "Recovery",
    "policy": "Policy",
}
"""The headings, in the order in which somebody asks."""


@dataclass(frozen=True, slots=True)
class Behind:
    """The evidence under its headings."""

    known: list[tuple[str, list[Line]]]
    learned: list[tuple[str, list[Line]]]


def behind_in_words(words: Words, record: TreatmentRecord) -> Behind:
    """Two lists: what was known at the start, what was learned since."""
    return Behind(_grouped(words, record.known_at_start), _grouped(words, record.learned_since))


def _grouped(words: Words, evidence: tuple[Evidence, ...]) -> list[tuple[str, list[Line]]]:
    grouped = {part: [line_of(words, found.entry) for found in evidence if found.part == part] for part in PARTS}
    return [(PARTS[part], lines) for part, lines in grouped.items() if lines]


class _Back:
    """Draws a treatment from what it rests on: sterilizers and lots at the left, the client at the right."""

    def __init__(self, clinic: UUID, words: Words, record: TreatmentRecord) -> None:
        self._clinic, self._words, self._record = clinic, words, record
        self.sketch = Sketch()

    def _add(self, column: int, kind: str, identity: Any, after: tuple[str, ...] = ()) -> str:
        word = self._words.called("Person" if kind == "practitioner" else kind.capitalize(), identity)
        path = address(self._clinic, "/touched", kind=kind, id=identity)
        return self.sketch.add(column, Thing(str(identity), word, kind, path), after=after)

    def drawn(self) -> Sketch:
        record = self._record
        evidence = (*record.known_at_start, *record.learned_since)
        entries = [found.entry for found in evidence if UNREADABLE not in found.entry.data]  # of those the list says so
        start = next((entry for entry in entries if type_of(entry) in ("treatment.started", "treatment.recorded_late")), None)
        this = Thing(str(record.treatment_id), self._words.called("Treatment", record.treatment_id), "asked about", here=True)
        if start is not None:
            said: Any = start.data
            used = said["equipment"]
            behind = self._sterilized(entries, used["pack_ids"]) + self._cartridges(entries, said["lot_ids"], used["cartridge_unit_ids"])
            behind += [self._add(2, kind, used[f"{kind}_id"]) for kind in ("handpiece", "room") if used[f"{kind}_id"]]
            behind.append(self._add(2, "practitioner", said["practitioner_id"]))
            self.sketch.add(3, this, after=behind)
        client = self._words.called("Client", record.client_id)
        path = address(self._clinic, "/touched", kind="client", id=record.client_id)
        self.sketch.add(4, Thing(str(record.client_id), client, "client", path), after=[this.key])
        return self.sketch

    def _sterilized(self, entries: list[RecordEntry], packs: list[str]) -> list[str]:
        """Packs with their loads and sterilizers; a pack whose load nobody recorded stands alone."""
        keys = dict.fromkeys(packs)
        for entry in entries:
            if type_of(entry) != "cycle.recorded":
                continue
            said: Any = entry.data
            machine = self._add(0, "sterilizer", said["sterilizer_id"])
            cycle = self._add(1, "cycle", said["cycle_id"], (machine,))
            for pack in said["packs"]:
                if pack["pack_id"] in keys:
                    self._add(2, "pack", pack["pack_id"], (cycle,))
        return [self._add(2, "pack", pack) for pack in keys]

    def _cartridges(self, entries: list[RecordEntry], lots: list[str], units: list[str]) -> list[str]:
        """Cartridges with their lots, those too that were opened later."""
        lot_of: dict[str, Any] = dict.fromkeys(units, lots[0] if len(lots) == 1 else None)
        for entry in entries:
            if type_of(entry) == "cartridge.opened" and entry.data.get("treatment_id") == str(self._record.treatment_id):
                lot_of[str(entry.data["unit_id"])] = entry.data["lot_id"]
        return [self._add(2, "cartridge", unit, () if lot is None else (self._add(1, "lot", lot),)) for unit, lot in lot_of.items()]


def sketch_behind(clinic: UUID, words: Words, record: TreatmentRecord) -> Sketch:
    """A treatment with everything that it rests on."""
    return _Back(clinic, words, record).drawn()
