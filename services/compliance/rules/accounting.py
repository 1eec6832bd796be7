"""Where a load or a lot went. An empty answer proves nothing by itself: that everything is accounted for does."""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from schemas.compliance import LoadAccount, LotAccount, PackAccount, PackFate

Uses = Mapping[UUID, Collection[UUID]]
"""The treatments of each item."""


def _more_than_once(uses: Uses) -> tuple[UUID, ...]:
    return tuple(sorted(item for item, treatments in uses.items() if len(set(treatments)) > 1))


def _untraced(naming: Collection[UUID], uses: Uses) -> tuple[UUID, ...]:
    """Treatments that name the batch and none of its items: something of it was used that nobody can point at."""
    traced = {treatment for treatments in uses.values() for treatment in treatments}
    return tuple(sorted(set(naming) - traced))


def account_for_load(
    cycle_id: UUID,
    sterilizer_id: UUID,
    index: int,
    *,
    labeled: Sequence[UUID],
    uses: Uses,
    naming: Collection[UUID],
    held: Collection[UUID],
) -> LoadAccount:
    """`labeled`: the packs on the load's list. `uses`: of packs. `naming`: treatments that name the cycle. `held`: quarantined."""
    own = {pack: tuple(sorted(set(uses.get(pack, ())))) for pack in labeled}

    def fate(pack: UUID) -> PackFate:
        if own[pack]:
            return "used"
        return "quarantined" if pack in held else "in_stock"

    packs = tuple(PackAccount(pack_id=pack, fate=fate(pack), treatment_ids=own[pack]) for pack in sorted(own))
    fates = [pack.fate for pack in packs]
    twice, untraced = _more_than_once(own), _untraced(naming, own)
    return LoadAccount(
        cycle_id=cycle_id,
        sterilizer_id=sterilizer_id,
        index=index,
        labeled=len(packs),
        used=fates.count("used"),
        quarantined=fates.count("quarantined"),
        in_stock=fates.count("in_stock"),
        packs=packs,
        twice=twice,
        untraced=untraced,
        complete=not twice and not untraced,
    )


def is_accounted_for(*, labeled: Sequence[UUID], uses: Uses, naming: Collection[UUID]) -> bool:
    """Whether a load is complete, for whoever has many and tells few of them."""
    own = {pack: uses.get(pack, ()) for pack in labeled}
    return not _more_than_once(own) and not _untraced(naming, own)


def account_for_lot(
    lot_id: UUID, *, received: int, uses: Uses, wasted: Collection[UUID], naming: Collection[UUID], quarantined: bool
) -> LotAccount:
    """`uses`: of cartridge units. A unit that was opened in a treatment and then dropped is used, not wasted."""
    opened = {unit for unit, treatments in uses.items() if treatments}
    discarded = set(wasted) - opened
    in_stock = received - len(opened) - len(discarded)
    twice, untraced = _more_than_once(uses), _untraced(naming, uses)
    return LotAccount(
        lot_id=lot_id,
        received=received,
        used=len(opened),
        wasted=len(discarded),
        in_stock=in_stock,
        quarantined=quarantined,
        twice=twice,
        untraced=untraced,
        complete=in_stock >= 0 and not twice and not untraced,
    )
