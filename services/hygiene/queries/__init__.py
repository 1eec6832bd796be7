"""What hygiene is asked: the day, the loads, the lots, the labels, the recalls."""

from services.hygiene.queries.calendar import indicator_year
from services.hygiene.queries.day import cycle_sheet, cycles_asked_to_return, hygiene_day, policy_now, sterilizers
from services.hygiene.queries.recalls import recalls
from services.hygiene.queries.signers import roles_held, who_may
from services.hygiene.queries.stock import (
    Cartridge,
    Kind,
    PackFound,
    cartridges_of,
    machine_now,
    named_by,
    packs_found,
    stock,
    subjects_called,
)
from services.hygiene.queries.supplies import lot_matches, lot_sheet, unit_labels, unit_sheet
from services.hygiene.queries.tablet import pack_labels, tablet_facts, thing_labels

__all__ = [
    "Cartridge",
    "Kind",
    "PackFound",
    "cartridges_of",
    "cycle_sheet",
    "cycles_asked_to_return",
    "hygiene_day",
    "indicator_year",
    "lot_matches",
    "lot_sheet",
    "machine_now",
    "named_by",
    "pack_labels",
    "packs_found",
    "policy_now",
    "recalls",
    "roles_held",
    "sterilizers",
    "stock",
    "subjects_called",
    "tablet_facts",
    "thing_labels",
    "unit_labels",
    "unit_sheet",
    "who_may",
]
