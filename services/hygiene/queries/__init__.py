"""What hygiene is asked: the day, the loads, the lots, the labels, the recalls."""

from services.hygiene.queries.calendar import indicator_year
from services.hygiene.queries.day import cycle_sheet, hygiene_day, policy_now
from services.hygiene.queries.recalls import recalls
from services.hygiene.queries.supplies import lot_matches, lot_sheet, unit_labels, unit_sheet
from services.hygiene.queries.tablet import pack_labels, tablet_facts

__all__ = [
    "cycle_sheet",
    "hygiene_day",
    "indicator_year",
    "lot_matches",
    "lot_sheet",
    "pack_labels",
    "policy_now",
    "recalls",
    "tablet_facts",
    "unit_labels",
    "unit_sheet",
]
