"""What a recall does: holds what is unused, lists whom the rest was used on."""

from collections.abc import Sequence
from itertools import zip_longest
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select

from events.catalog.hygiene import Exposure, ExposureFound, LotQuarantined, PackQuarantined, RecallOpened
from events.policy import InForce
from events.transaction import Transaction
from services.hygiene.commands.answers import pages
from services.hygiene.models import ItemUse, Lot, Pack

PACKS_AN_ENTRY, CYCLES_AN_ENTRY, EXPOSURES_AN_ENTRY = 150, 100, 100
"""Together below the 32 KiB of one entry; what is more follows as `exposure.found` in the same commit."""

HELD_AN_ENTRY = 500


async def put_in_doubt(tx: Transaction, rule: InForce, first: RecallOpened | ExposureFound, cycle_ids: Sequence[UUID]) -> None:
    """Say the recall with all it touches, and hold every unused pack."""
    query = select(Pack).where(Pack.clinic_id == tx.clinic_id, Pack.cycle_id.in_(cycle_ids)).order_by(Pack.pack_id)
    packs = (await tx.rows.scalars(query.execution_options(populate_existing=True))).all()
    exposures = await exposures_of(tx, ItemUse.item_id.in_([pack.pack_id for pack in packs]))
    await say_recall(tx, rule, first, cycle_ids=cycle_ids, pack_ids=[pack.pack_id for pack in packs], exposures=exposures)
    unused = [pack.pack_id for pack in packs if not pack.used and pack.quarantined is None]
    await hold_packs(tx, rule, unused, "recall", first.recall_id)


async def exposures_of(tx: Transaction, used: ColumnElement[bool]) -> list[Exposure]:
    """On whom items were used, in a stable order."""
    query = select(ItemUse).where(ItemUse.clinic_id == tx.clinic_id, used).order_by(ItemUse.treatment_id, ItemUse.item_id)
    return [Exposure(treatment_id=use.treatment_id, client_id=use.client_id, item_id=use.item_id) for use in await tx.rows.scalars(query)]


async def say_recall(
    tx: Transaction,
    rule: InForce,
    first: RecallOpened | ExposureFound,
    *,
    cycle_ids: Sequence[UUID] = (),
    pack_ids: Sequence[UUID] = (),
    exposures: Sequence[Exposure] = (),
) -> None:
    """One entry, and as many more as its size asks for."""
    event: RecallOpened | ExposureFound = first
    parts: Any = zip_longest(
        pages(cycle_ids, CYCLES_AN_ENTRY), pages(pack_ids, PACKS_AN_ENTRY), pages(exposures, EXPOSURES_AN_ENTRY), fillvalue=()
    )
    for cycles, packs, exposed in list(parts) or [((), (), ())]:
        part = event.model_copy(update={"cycle_ids": cycles, "pack_ids": packs, "exposures": exposed})
        await tx.record(part, policy=rule.version)
        event = ExposureFound(recall_id=first.recall_id)


async def hold_packs(tx: Transaction, rule: InForce, pack_ids: Sequence[UUID], reason: str, cause: UUID) -> None:
    """Nobody may use these packs."""
    for held in pages(pack_ids, HELD_AN_ENTRY):
        await tx.record(PackQuarantined(pack_ids=held, reason=reason, cause=cause), policy=rule.version)


async def deliveries_of(tx: Transaction, gtin: str, lot_key: str) -> Sequence[Lot]:
    """Every delivery of the same lot, however its code was written."""
    query = select(Lot).where(Lot.clinic_id == tx.clinic_id, Lot.gtin == gtin, Lot.lot_key == lot_key).order_by(Lot.lot_id)
    return (await tx.rows.scalars(query.execution_options(populate_existing=True))).all()


async def hold_lots(tx: Transaction, rule: InForce, lots: Sequence[Lot], reason: str, cause: UUID) -> None:
    """Nothing of these deliveries may be used; one that is held already stays held for its first reason."""
    for lot in lots:
        if lot.quarantined is None:
            await tx.record(LotQuarantined(lot_id=lot.lot_id, reason=reason, cause=cause), policy=rule.version)
