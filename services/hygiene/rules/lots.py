"""Lots and units: counts that must add up, one unit for one treatment (domain.md 2.6)."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from schemas.hygiene import ManualLabel
from schemas.policy import Policy
from schemas.vocabulary import Finding
from services.hygiene.rules.finding import finding


@dataclass(frozen=True, slots=True)
class Count:
    """Units of a lot."""

    received: int
    labeled: int
    used: int
    wasted: int

    @property
    def on_hand(self) -> int:
        """Used + wasted + on hand = received."""
        return self.received - self.used - self.wasted

    @property
    def exceeds(self) -> bool:
        """More left than came: a unit was used twice, or a delivery was never recorded."""
        return self.on_hand < 0


def typed_label_must_be_checked_by_another(policy: Policy, manual: ManualLabel | None, sender: UUID) -> Finding:
    """What no scanner read is compared by a second person."""
    asked = manual is not None and policy.hygiene.manual_scan_second_check
    checked_by = manual.checked_by if manual else None
    return finding("typed_label_must_be_checked_by_another", not asked or checked_by not in {None, sender}, field="checked_by")


def serial_must_be_new(unit_id: UUID | None, *, known: bool) -> Finding:
    """One unit comes in once."""
    return finding("serial_must_be_new", not known, evidence=[unit_id] if unit_id and known else ())


def lot_may_not_be_quarantined(lot_id: UUID, reason: str | None) -> Finding:
    return finding("lot_may_not_be_quarantined", reason is None, reason=reason or "none", evidence=[lot_id])


def units_must_fit_the_lot(count: Count, wanted: int) -> Finding:
    """No more labels than units that came."""
    left = count.received - count.labeled
    return finding("units_must_fit_the_lot", wanted <= left, field="units", wanted=wanted, left=max(0, left))


def unit_may_be_wasted_once(unit_id: UUID, *, wasted: bool) -> Finding:
    return finding("unit_may_be_wasted_once", not wasted, evidence=[unit_id] if wasted else ())


def unit_state(*, uses: int, wasted: bool) -> Literal["unused", "used", "wasted"]:
    """A unit that was used and then dropped counts as used."""
    if uses:
        return "used"
    return "wasted" if wasted else "unused"


def pack_must_be_unused(pack_id: UUID, *, used: bool) -> Finding:
    """Only a pack that was not used yet can be held back."""
    return finding("pack_must_be_unused", not used, evidence=[pack_id] if used else ())
