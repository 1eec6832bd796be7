"""Hygiene's decisions, one file per subject. Each loads, asks the rules, and records."""

from services.hygiene.commands.cycles import record_cycle
from services.hygiene.commands.indicators import read_indicator
from services.hygiene.commands.lots import label_units, quarantine_lot, receive_lot
from services.hygiene.commands.packs import reject_pack
from services.hygiene.commands.recalls import decide_recall, decide_recall_unshown
from services.hygiene.commands.releases import release_load
from services.hygiene.commands.sterilizers import commission_sterilizer, remove_sterilizer, return_sterilizer
from services.hygiene.commands.surfaces import commission_handpiece, reprocess_handpiece, turn_over_room
from services.hygiene.commands.units import waste_cartridge
from services.hygiene.rules.labels import LabelUnreadableError, read_label

__all__ = [
    "LabelUnreadableError",
    "commission_handpiece",
    "commission_sterilizer",
    "decide_recall",
    "decide_recall_unshown",
    "label_units",
    "quarantine_lot",
    "read_indicator",
    "read_label",
    "receive_lot",
    "record_cycle",
    "reject_pack",
    "release_load",
    "remove_sterilizer",
    "reprocess_handpiece",
    "return_sterilizer",
    "turn_over_room",
    "waste_cartridge",
]
