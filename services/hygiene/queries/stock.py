"""What is looked up by a scan, or by what is printed: lots, their cartridges, packs."""

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import ColumnElement, Select, String, cast, func, or_, select
from sqlalchemy.orm import DeclarativeBase

from events.transaction import View
from schemas.hygiene import LotSheet, lot_key
from schemas.hygiene.supplies import unit_of_serial
from schemas.vocabulary import LocalDate
from services.hygiene.models import Handpiece, ItemUse, Lot, Pack, Sterilizer, Unit
from services.hygiene.queries.supplies import LISTED, lot_matches, sheet_of, unit_sheet
from services.hygiene.rules.labels import read_scan
from services.hygiene.rules.lots import unit_state

Kind = Literal["lot", "unit", "pack", "sterilizer"]

MAKERS = re.compile(r"^(\][A-Za-z][0-9])?\x1d?01\d{14}")
"""A maker's code begins with the product; with or without what a scanner puts before it."""

IDENTIFIER = re.compile(r"^\][A-Za-z][0-9]")

LEAST_TYPED = 4
"""Fewer characters of an id name nothing."""

_IDS: tuple[tuple[Kind, type[DeclarativeBase], Any], ...] = (
    ("lot", Lot, Lot.lot_id),
    ("unit", Unit, Unit.unit_id),
    ("pack", Pack, Pack.pack_id),
    ("sterilizer", Sterilizer, Sterilizer.sterilizer_id),
)


@dataclass(frozen=True, slots=True)
class Cartridge:
    """A cartridge that can be told apart from the others of its lot."""

    unit_id: UUID
    state: Literal["unused", "used", "wasted"]
    reason: str | None


@dataclass(frozen=True, slots=True)
class PackFound:
    """A pack that was scanned, whatever became of it."""

    pack_id: UUID
    cycle_id: UUID
    contents: str
    sterile_until: LocalDate
    released: bool
    quarantined: str | None
    used: bool


async def named_by(view: View, scan: str) -> list[tuple[Kind, UUID]]:
    """Everything that a scan or typed characters may stand for. Raises `LabelUnreadableError` for a maker's code that says too little."""
    if MAKERS.match(scan) is None:
        return await _typed(view, IDENTIFIER.sub("", scan))
    label = read_scan(scan)
    unit_id = unit_of_serial(view.clinic_id, label.gtin, label.serial) if label.serial else None
    if unit_id is not None and await unit_sheet(view, unit_id) is not None:
        return [("unit", unit_id)]
    return [("lot", lot.lot_id) for lot in (await lot_matches(view, label.gtin, label.lot)).exact]


async def _typed(view: View, code: str) -> list[tuple[Kind, UUID]]:
    """An id as labels carry it, the part of it under the code, a serial, a lot."""
    try:
        whole = UUID(code.lower().removeprefix("urn:uuid:"))
    except ValueError:
        pass
    else:
        return await _with_id(view, lambda column: column == whole)
    serial = _commissionings(view).where(func.lower(Sterilizer.serial) == code.lower()).limit(1)
    lot = select(Lot.lot_id).where(Lot.clinic_id == view.clinic_id, Lot.lot_key == lot_key(code))
    found: list[tuple[Kind, UUID]] = [("sterilizer", one) for one in await view.rows.scalars(serial)]
    found += [("lot", one) for one in await view.rows.scalars(lot.order_by(Lot.expires_on, Lot.lot_id))]
    typed = code.lower().replace("-", "")
    if found or len(typed) < LEAST_TYPED or set(typed) - set("0123456789abcdef"):
        return found

    def looks_so(column: ColumnElement[UUID]) -> ColumnElement[bool]:
        text = func.replace(cast(column, String), "-", "")
        return or_(text.startswith(typed), text.endswith(typed))

    return await _with_id(view, looks_so)


def _commissionings(view: View) -> Select[UUID]:
    """A machine is what it was commissioned as last."""
    newest_first = (Sterilizer.commissioned_at.desc(), Sterilizer.sterilizer_id)
    return select(Sterilizer.sterilizer_id).where(Sterilizer.clinic_id == view.clinic_id).order_by(*newest_first)


async def machine_now(view: View, sterilizer_id: UUID) -> UUID | None:
    """Under which id the machine stands here now. None if it is not known."""
    serial = select(Sterilizer.serial).where(Sterilizer.clinic_id == view.clinic_id, Sterilizer.sterilizer_id == sterilizer_id)
    found: UUID | None = await view.rows.scalar(_commissionings(view).where(Sterilizer.serial == serial.scalar_subquery()).limit(1))
    return found


async def _with_id(view: View, is_meant: Callable[[Any], ColumnElement[bool]]) -> list[tuple[Kind, UUID]]:
    found: list[tuple[Kind, UUID]] = []
    for kind, model, column in _IDS:
        query = select(column).where(model.clinic_id == view.clinic_id, is_meant(column)).limit(2)  # type: ignore[attr-defined]
        found += [(kind, one) for one in await view.rows.scalars(query)]
    return found


async def stock(view: View, sought: str = "") -> tuple[LotSheet, ...]:
    """Lots with cartridges left, the soonest to expire first, also what is held or out of date; or all that `sought` is a part of."""
    query = select(Lot).where(Lot.clinic_id == view.clinic_id)
    if sought:
        query = query.where(or_(Lot.lot.icontains(sought, autoescape=True), Lot.gtin.contains(sought, autoescape=True)))
    else:
        query = query.where(Lot.quantity > Lot.used + Lot.wasted)
    return tuple(sheet_of(lot) for lot in await view.rows.scalars(query.order_by(Lot.expires_on, Lot.lot_id).limit(LISTED)))


async def cartridges_of(view: View, lot_id: UUID, after: UUID | None, limit: int) -> tuple[list[Cartridge], UUID | None]:
    """A page of the labeled cartridges of a lot, and after which one the following page begins."""
    query = select(Unit).where(Unit.clinic_id == view.clinic_id, Unit.lot_id == lot_id)
    if after is not None:
        query = query.where(Unit.unit_id > after)
    units = (await view.rows.scalars(query.order_by(Unit.unit_id).limit(limit + 1))).all()
    uses = select(ItemUse.item_id).where(ItemUse.clinic_id == view.clinic_id, ItemUse.item_id.in_([unit.unit_id for unit in units]))
    used = set(await view.rows.scalars(uses))
    found = [
        Cartridge(unit.unit_id, unit_state(uses=unit.unit_id in used, wasted=unit.waste_id is not None), unit.waste_reason)
        for unit in units[:limit]
    ]
    return found, units[limit - 1].unit_id if len(units) > limit else None


async def packs_found(view: View, pack_ids: Iterable[UUID]) -> list[PackFound]:
    """Packs by their ids."""
    query = select(Pack).where(Pack.clinic_id == view.clinic_id, Pack.pack_id.in_(list(pack_ids))).order_by(Pack.contents, Pack.pack_id)
    return [
        PackFound(pack.pack_id, pack.cycle_id, pack.contents, pack.sterile_until, pack.released, pack.quarantined, pack.used)
        for pack in await view.rows.scalars(query)
    ]


async def subjects_called(view: View, ids: Collection[UUID]) -> dict[UUID, str]:
    """What a recall is about: a sterilizer, a lot, a handpiece."""
    places: tuple[tuple[str, Any, Any, Any], ...] = (
        ("Sterilizer", Sterilizer.clinic_id, Sterilizer.sterilizer_id, Sterilizer.serial),
        ("Lot", Lot.clinic_id, Lot.lot_id, Lot.lot),
        ("Handpiece", Handpiece.clinic_id, Handpiece.handpiece_id, Handpiece.serial),
    )
    called: dict[UUID, str] = {}
    for word, clinic, identity, name in places:
        query = select(identity, name).where(clinic == view.clinic_id, identity.in_(ids))
        called |= {found[0]: f"{word} {found[1]}" for found in await view.rows.execute(query)}
    return called
