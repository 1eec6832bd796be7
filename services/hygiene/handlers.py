"""Hygiene's stream door: what treatments used, and how skin reacted."""

from events.catalog.recovery import ReactionReported
from events.catalog.treatment import CartridgeAdded, TreatmentRecordedLate, TreatmentStarted
from events.envelope import Entry
from events.streams import Reactions
from events.transaction import Transaction
from services.hygiene.commands.lookback import hold_lots_of_reaction, note_use

when = Reactions("hygiene")


@when(TreatmentStarted, TreatmentRecordedLate)
async def note_equipment(tx: Transaction, entry: Entry[TreatmentStarted | TreatmentRecordedLate]) -> None:
    used = entry.event.equipment
    await note_use(tx, entry.event_id, entry.event.treatment_id, (*used.cartridge_unit_ids, *used.pack_ids))


@when(CartridgeAdded)
async def note_added_cartridge(tx: Transaction, entry: Entry[CartridgeAdded]) -> None:
    await note_use(tx, entry.event_id, entry.event.treatment_id, (entry.event.unit_id,))


@when(ReactionReported)
async def hold_lots_after_reaction(tx: Transaction, entry: Entry[ReactionReported]) -> None:
    await hold_lots_of_reaction(tx, entry.event_id, entry.event.treatment_id, entry.event.tier)
