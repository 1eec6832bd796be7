"""Is what touches the skin sterile, and used for the first time? G14, G15, G16."""

from collections.abc import Iterator
from uuid import UUID

from services.treatment.rules.asking import Said, asks, met, unmet
from services.treatment.rules.case import Case
from services.treatment.rules.records import Cartridge, Opening, Pack


def _used_elsewhere(case: Case, used_in: tuple[UUID, ...]) -> tuple[UUID, ...]:
    return tuple(treatment_id for treatment_id in used_in if treatment_id != case.treatment_id)


def _cartridge_faults(case: Case, cartridge: Cartridge) -> Iterator[Said]:
    unit, used_in = cartridge.unit_id, _used_elsewhere(case, cartridge.used_in)
    if cartridge.gtin is None or cartridge.expires_on is None:
        yield unmet("unknown_lot", unit, cartridge.lot_id)
    if cartridge.held_by:
        yield unmet("held", unit, cartridge.lot_id, *cartridge.held_by)
    if cartridge.expires_on is not None and case.today > cartridge.expires_on:
        yield unmet("expired", unit, cartridge.lot_id, expires_on=cartridge.expires_on.isoformat())
    if cartridge.wasted_at is not None and cartridge.wasted_at <= case.at:
        yield unmet("wasted", unit)
    if used_in:
        yield unmet("used_already", unit, *used_in)
    if case.handpiece is None or cartridge.gtin not in case.handpiece.fits_gtins:
        yield unmet("does_not_fit", unit, case.handpiece_id)


@asks("G14")
def cartridges_must_be_sterile_and_unused(case: Case) -> Said:
    """Each was scanned, is of a known lot, in date, not recalled, fits the handpiece, and serves its first client."""
    known = {cartridge.unit_id: cartridge for cartridge in case.cartridges}
    if not case.cartridge_unit_ids:
        return unmet("not_scanned")
    for unit_id in case.cartridge_unit_ids:
        if unit_id not in known:
            return unmet("unknown_cartridge", unit_id)
    faults = (fault for unit_id in case.cartridge_unit_ids for fault in _cartridge_faults(case, known[unit_id]))
    lots = (known[unit_id].lot_id for unit_id in case.cartridge_unit_ids)
    fine = met(*case.cartridge_unit_ids, *lots, cartridges=len(case.cartridge_unit_ids))
    return next(faults, fine)


def _pack_faults(case: Case, pack: Pack, opening: Opening) -> Iterator[Said]:
    used_in = _used_elsewhere(case, pack.used_in)
    if pack.released_as is None:
        yield unmet("not_released", pack.pack_id, pack.cycle_id)
    if pack.held_by:
        yield unmet("held", pack.pack_id, *pack.held_by)
    if case.today > pack.sterile_until:
        yield unmet("expired", pack.pack_id, sterile_until=pack.sterile_until.isoformat())
    if used_in:
        yield unmet("used_already", pack.pack_id, *used_in)
    if not opening.indicator_changed:
        yield unmet("indicator_unchanged", pack.pack_id, pack.cycle_id)
    if not opening.intact:
        yield unmet("not_intact", pack.pack_id)


@asks("G15")
def packs_must_be_sterile_and_unused(case: Case) -> Said:
    """Each is of a released load, in date, not held, unused, dry and whole, with its indicator changed."""
    known = {pack.pack_id: pack for pack in case.packs}
    for opening in case.opened_packs:
        if opening.pack_id not in known:
            return unmet("unknown_pack", opening.pack_id)
    faults = (fault for opening in case.opened_packs for fault in _pack_faults(case, known[opening.pack_id], opening))
    pending = sum(pack.released_as == "bi_pending" for pack in case.packs)
    ids = (pack_id for pack in case.packs for pack_id in (pack.pack_id, pack.cycle_id))
    return next(faults, met(*ids, packs=len(case.opened_packs), indicator_pending=pending))


@asks("G16")
def sterilizers_must_not_be_in_doubt(case: Case) -> Said:
    """No pack's cycle lies in a recall's window, and none was run after its sterilizer went out of service."""
    for pack in case.packs:
        if pack.cycle_held_by:
            return unmet("recalled", pack.cycle_id, *pack.cycle_held_by)
        if not pack.sterilizer_known or pack.cycle_ended_at is None:
            return unmet("unknown_sterilizer", pack.cycle_id)
        if pack.sterilizer_removed_at is not None and pack.cycle_ended_at >= pack.sterilizer_removed_at:
            return unmet("out_of_service", pack.cycle_id, pack.sterilizer_id)
    return met(*(pack.sterilizer_id for pack in case.packs))
