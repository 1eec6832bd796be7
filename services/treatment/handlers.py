"""What touches a treatment that is running: somebody in the room must know at once."""

from events.catalog.consent import ConsentWithdrawn
from events.catalog.hygiene import ExposureFound, LotQuarantined, PackQuarantined, RecallOpened
from events.catalog.recovery import SafetyHoldPlaced
from events.envelope import Entry
from events.streams import Reactions
from events.transaction import Transaction
from services.treatment.commands import advise_stop

when = Reactions("treatment")


@when(RecallOpened)
async def stop_for_recall(tx: Transaction, entry: Entry[RecallOpened]) -> None:
    recall = entry.event
    await advise_stop(tx, entry.event_id, items=[recall.subject_id, *recall.cycle_ids, *recall.pack_ids])


@when(ExposureFound)
async def stop_for_exposure(tx: Transaction, entry: Entry[ExposureFound]) -> None:
    await advise_stop(tx, entry.event_id, items=[*entry.event.cycle_ids, *entry.event.pack_ids])


@when(PackQuarantined)
async def stop_for_packs(tx: Transaction, entry: Entry[PackQuarantined]) -> None:
    await advise_stop(tx, entry.event_id, items=entry.event.pack_ids)


@when(LotQuarantined)
async def stop_for_lot(tx: Transaction, entry: Entry[LotQuarantined]) -> None:
    await advise_stop(tx, entry.event_id, items=[entry.event.lot_id])


@when(ConsentWithdrawn)
async def stop_for_withdrawal(tx: Transaction, entry: Entry[ConsentWithdrawn]) -> None:
    await advise_stop(tx, entry.event_id, client_id=entry.event.client_id)


@when(SafetyHoldPlaced)
async def stop_for_hold(tx: Transaction, entry: Entry[SafetyHoldPlaced]) -> None:
    await advise_stop(tx, entry.event_id, client_id=entry.event.client_id)
