"""What hygiene does when a treatment used something, or a client's skin reacts: reactions to facts of others."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy import select

from events.catalog.hygiene import CartridgeOpened, Exposure, ExposureFound
from events.policy import InForce
from events.transaction import Transaction
from schemas.policy import Tier
from services.hygiene.commands.answers import policy_now
from services.hygiene.commands.doubt import deliveries_of, hold_lots
from services.hygiene.models import ItemUse, Lot, Pack, PlaceUse, Recall, RecallExposure, SterilizationCycle
from services.hygiene.rules.lots import Count

COUNT_EXCEEDS = "count_exceeds_received"


async def note_use(tx: Transaction, cause: UUID, treatment_id: UUID, item_ids: Iterable[UUID]) -> None:
    """Say which cartridges were opened, who is exposed by an open recall, and which lot's count no longer adds up."""
    rule = await policy_now(tx)
    query = select(ItemUse).where(
        ItemUse.clinic_id == tx.clinic_id, ItemUse.treatment_id == treatment_id, ItemUse.item_id.in_(list(item_ids))
    )
    uses = (await tx.rows.scalars(query.order_by(ItemUse.item_id))).all()
    for use in uses:
        if use.lot_id is not None:
            opened = CartridgeOpened(unit_id=use.item_id, lot_id=use.lot_id, treatment_id=use.treatment_id, client_id=use.client_id)
            await tx.record(opened, policy=rule.version)
    found = await _exposures_by_recall(tx, uses) | await _exposures_by_handpiece(tx, treatment_id)
    for recall_id, exposures in found.items():
        if new := await _not_listed(tx, recall_id, treatment_id, exposures):
            await tx.record(ExposureFound(recall_id=recall_id, exposures=new), policy=rule.version)
    await _hold_lots_that_exceed(tx, rule, cause, {use.lot_id for use in uses if use.lot_id is not None})


async def _exposures_by_recall(tx: Transaction, uses: Sequence[ItemUse]) -> dict[UUID, list[Exposure]]:
    """Which recalls, not released, these uses fall into."""
    query = (
        select(Pack.pack_id, SterilizationCycle.recall_ids)
        .join(
            SterilizationCycle,
            (SterilizationCycle.clinic_id == Pack.clinic_id) & (SterilizationCycle.cycle_id == Pack.cycle_id),
        )
        .where(Pack.clinic_id == tx.clinic_id, Pack.pack_id.in_([use.item_id for use in uses if use.lot_id is None]))
    )
    recalls_of_packs = {row.pack_id: row.recall_ids for row in await tx.rows.execute(query)}
    found: defaultdict[UUID, list[Exposure]] = defaultdict(list)
    for use in uses:
        exposure = Exposure(treatment_id=use.treatment_id, client_id=use.client_id, item_id=use.item_id)
        for recall_id in recalls_of_packs.get(use.item_id, []):
            recall = await tx.rows.get(Recall, (tx.clinic_id, recall_id))
            if recall is not None and recall.decision != "released":
                found[recall_id].append(exposure)
        lot = await tx.rows.get(Lot, (tx.clinic_id, use.lot_id)) if use.lot_id else None
        if lot is not None:
            deliveries = await deliveries_of(tx, lot.gtin, lot.lot_key)
            if of_lot := await recall_of_lots(tx, [delivery.lot_id for delivery in deliveries]):
                found[of_lot.recall_id].append(exposure)
    return found


async def _exposures_by_handpiece(tx: Transaction, treatment_id: UUID) -> dict[UUID, list[Exposure]]:
    """Which recalls of its handpiece hold the time of this treatment: one recorded late may lie before the fluid was seen."""
    query = (
        select(Recall.recall_id, PlaceUse.client_id, PlaceUse.subject_id)
        .join(PlaceUse, (PlaceUse.clinic_id == Recall.clinic_id) & (PlaceUse.subject_id == Recall.subject_id))
        .where(
            Recall.clinic_id == tx.clinic_id,
            Recall.kind == "handpiece",
            PlaceUse.kind == "handpiece",
            PlaceUse.treatment_id == treatment_id,
            PlaceUse.started_at < Recall.window_until,
            Recall.window_from.is_(None) | (Recall.window_from < PlaceUse.started_at),
        )
    )
    return {
        row.recall_id: [Exposure(treatment_id=treatment_id, client_id=row.client_id, item_id=row.subject_id)]
        for row in await tx.rows.execute(query)
    }


async def _not_listed(tx: Transaction, recall_id: UUID, treatment_id: UUID, exposures: Sequence[Exposure]) -> tuple[Exposure, ...]:
    """Without what the recall lists already: it may have been opened between the use and this reaction."""
    query = select(RecallExposure.item_id).where(
        RecallExposure.clinic_id == tx.clinic_id,
        RecallExposure.recall_id == recall_id,
        RecallExposure.treatment_id == treatment_id,
    )
    listed = set(await tx.rows.scalars(query))
    return tuple(exposure for exposure in exposures if exposure.item_id not in listed)


async def recall_of_lots(tx: Transaction, lot_ids: Sequence[UUID]) -> Recall | None:
    """The recall that these deliveries of one lot are under."""
    query = select(Recall).where(Recall.clinic_id == tx.clinic_id, Recall.kind == "lot", Recall.subject_id.in_(lot_ids))
    return await tx.rows.scalar(query.order_by(Recall.opened_at).limit(1))


async def _hold_lots_that_exceed(tx: Transaction, rule: InForce, cause: UUID, lot_ids: set[UUID]) -> None:
    """More used than received: a unit was used twice, or a delivery is missing in the record. Nobody can tell which."""
    for lot_id in sorted(lot_ids):
        lot = await tx.rows.get(Lot, (tx.clinic_id, lot_id), populate_existing=True)
        if lot is not None and Count(lot.quantity, lot.labeled, lot.used, lot.wasted).exceeds:
            await hold_lots(tx, rule, [lot], COUNT_EXCEEDS, cause)


async def hold_lots_of_reaction(tx: Transaction, cause: UUID, treatment_id: UUID, tier: Tier) -> None:
    """Hold the cartridge lots of a treatment whose skin reacts as badly as the policy says."""
    rule = await policy_now(tx)
    response = rule.policy.recovery.responses.get(tier)
    if response is None or not response.holds_items:
        return
    used = select(ItemUse.lot_id).where(
        ItemUse.clinic_id == tx.clinic_id, ItemUse.treatment_id == treatment_id, ItemUse.lot_id.is_not(None)
    )
    for lot_id in sorted({lot_id for lot_id in await tx.rows.scalars(used) if lot_id is not None}):
        lot = await tx.rows.get(Lot, (tx.clinic_id, lot_id))
        if lot is not None:
            await hold_lots(tx, rule, await deliveries_of(tx, lot.gtin, lot.lot_key), "reaction_reported", cause)
