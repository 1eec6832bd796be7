"""Somebody who reads a clinic's ledger as it grows."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from events import ledger
from events.catalog.booking import BookingFlagged
from events.catalog.consent import ConsentRequested
from events.catalog.hygiene import CartridgeOpened
from events.catalog.recovery import SafetyHoldLifted, SafetyHoldPlaced
from events.catalog.treatment import TreatmentEnded, TreatmentStarted, TreatmentStopAdvised
from events.chain import genesis, header, leaf, link
from events.envelope import Entry, Event
from events.transaction import aside
from tests.conftest import House
from tests.faults.replay import Replay

ONCE: Mapping[type[Event], Callable[[Any], object]] = {
    TreatmentStarted: lambda event: event.booking_id,
    TreatmentEnded: lambda event: event.treatment_id,
    TreatmentStopAdvised: lambda event: (event.treatment_id, event.cause),
    CartridgeOpened: lambda event: event.unit_id,
    ConsentRequested: lambda event: (event.booking_id, event.form_id, event.form_version),
    BookingFlagged: lambda event: (event.booking_id, event.reason, event.cause, event.earliest_on),
    SafetyHoldPlaced: lambda event: event.hold_id,
    SafetyHoldLifted: lambda event: event.hold_id,
}
"""What happens once, and to what."""


@dataclass
class Watch:
    """How far the ledger was read, and what stood there."""

    house: House
    size: int = 0
    chain: bytes = b""
    last: Entry[Event] | None = None
    pencil: Replay = field(default_factory=Replay)
    done: Counter[tuple[str, object]] = field(default_factory=Counter)

    async def look(self) -> None:
        """What is new: dense, chained, in time, nothing twice, no start that a pencil speaks against."""
        async with aside(self.house.database, self.house.clinic_id, "compliance") as rows:
            new = await ledger.read_after(rows, self.house.clinic_id, 1, self.size, 1000)
        for entry in new:
            self._check_place(entry)
            event = entry.event
            if isinstance(event, TreatmentStarted):
                assert list(self.pencil.against(event)) == []
            self.pencil.follow(event)
            if type(event) in ONCE:
                self.done[type(event).__name__, ONCE[type(event)](event)] += 1
        assert [what for what, count in self.done.items() if count > 1] == []

    def _check_place(self, entry: Entry[Event]) -> None:
        names = ("clinic_id", "index", "recorded_at", "event_id", "type", "body")
        computed = leaf(header(**{name: getattr(entry, name) for name in names}))
        self.chain = link(self.chain or genesis(self.house.clinic_id, 1), computed)
        assert (entry.epoch, entry.index, entry.chain) == (1, self.size, self.chain)
        assert self.last is None or self.last.recorded_at <= entry.recorded_at
        self.size, self.last = entry.size, entry

    def subjects(self, kind: type[Event]) -> set[Any]:
        """What this has happened to."""
        return {subject for name, subject in self.done if name == kind.__name__}

    async def head(self) -> int:
        """The ledger's size at this moment."""
        async with aside(self.house.database, self.house.clinic_id, "compliance") as rows:
            at = await ledger.head(rows, self.house.clinic_id)
            assert at is not None
            return at.size
