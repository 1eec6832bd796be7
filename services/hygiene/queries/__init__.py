"""What hygiene is asked: the day, the loads, the lots, the labels, the recalls."""

from services.hygiene.queries.day import cycle_sheet, hygiene_day
from services.hygiene.queries.recalls import recalls
from services.hygiene.queries.supplies import lot_matches, lot_sheet, unit_labels, unit_sheet

__all__ = ["cycle_sheet", "hygiene_day", "lot_matches", "lot_sheet", "recalls", "unit_labels", "unit_sheet"]
