"""What a tablet beside the sterilizer keeps, so that it can go on without the network: machines, programs, places. Nobody's name."""

from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID

import segno
from sqlalchemy import func, select

from events.transaction import View
from schemas.hygiene import (
    PackLabel,
    TabletCycle,
    TabletFacts,
    TabletPlace,
    TabletProduct,
    TabletProgram,
    TabletSterilizer,
)
from services.hygiene.models import Handpiece, Pack, Place, SterilizationCycle, Sterilizer
from services.hygiene.queries.day import policy_now

LATEST = 40
"""So many cycles are offered for the reading of an indicator."""


async def tablet_facts(view: View) -> TabletFacts:
    """Everything that the forms offer, and the numbers that they compare with."""
    policy = await policy_now(view)
    counted = select(SterilizationCycle.sterilizer_id, func.max(SterilizationCycle.cycle_number)).where(
        SterilizationCycle.clinic_id == view.clinic_id
    )
    highest: dict[UUID, int] = {found[0]: found[1] for found in await view.rows.execute(counted.group_by(SterilizationCycle.sterilizer_id))}
    machines = select(Sterilizer).where(Sterilizer.clinic_id == view.clinic_id).order_by(Sterilizer.serial, Sterilizer.sterilizer_id)
    pieces = select(Handpiece).where(Handpiece.clinic_id == view.clinic_id).order_by(Handpiece.serial)
    rooms = select(Place.subject_id).where(Place.clinic_id == view.clinic_id, Place.kind == "room").order_by(Place.subject_id)
    cycles = select(SterilizationCycle).where(SterilizationCycle.clinic_id == view.clinic_id, SterilizationCycle.indicator == "pending")
    rules = policy.sterilization
    return TabletFacts(
        now=view.now,
        sterilizers=tuple(
            TabletSterilizer(
                sterilizer_id=machine.sterilizer_id,
                serial=machine.serial,
                in_service=machine.in_service,
                programs=tuple(machine.programs),
                next_cycle_number=highest.get(machine.sterilizer_id, 0) + 1,
            )
            for machine in await view.rows.scalars(machines)
        ),
        programs=tuple(
            TabletProgram(
                code=code,
                from_mc=program.setpoint_mdeg,
                to_mc=program.setpoint_mdeg + rules.band_mdeg,
                exposure_seconds=program.exposure_seconds,
            )
            for code, program in sorted(rules.programs.items())
        ),
        products=tuple(
            TabletProduct(code=code, incubation_minutes=one.incubation_minutes) for code, one in sorted(rules.bi_products.items())
        ),
        contact_seconds=policy.hygiene.contact_seconds,
        rooms=tuple(TabletPlace(subject_id=room, serial=None) for room in await view.rows.scalars(rooms)),
        handpieces=tuple(TabletPlace(subject_id=one.handpiece_id, serial=one.serial) for one in await view.rows.scalars(pieces)),
        pending=tuple(
            TabletCycle(
                cycle_id=cycle.cycle_id,
                sterilizer_id=cycle.sterilizer_id,
                cycle_number=cycle.cycle_number,
                product=cycle.indicator_product,
            )
            for cycle in await view.rows.scalars(cycles.order_by(SterilizationCycle.started_at.desc()).limit(LATEST))
        ),
    )


class ThingLabel(NamedTuple):
    """A printable label of a room, a handpiece or a sterilizer: what it is called, and the code of its id."""

    text: str
    code_svg: str


async def thing_labels(view: View, rooms: Iterable[UUID] = ()) -> tuple[ThingLabel, ...]:
    """Everything that stands in the clinic for years. A sterilizer that was commissioned anew has the label of its newest id."""
    machines = select(Sterilizer).where(Sterilizer.clinic_id == view.clinic_id).order_by(Sterilizer.commissioned_at)
    newest = {machine.serial: machine.sterilizer_id for machine in await view.rows.scalars(machines)}
    pieces = select(Handpiece).where(Handpiece.clinic_id == view.clinic_id).order_by(Handpiece.serial)
    seen = select(Place.subject_id).where(Place.clinic_id == view.clinic_id, Place.kind == "room")
    named = [(f"Sterilizer {serial}", identity) for serial, identity in sorted(newest.items())]
    named += [(f"Handpiece {piece.serial}", piece.handpiece_id) for piece in await view.rows.scalars(pieces)]
    named += [(f"Room {room.hex[:4].upper()}", room) for room in sorted({*rooms, *await view.rows.scalars(seen)})]
    return tuple(ThingLabel(text, _code_of(identity)) for text, identity in named)


def _code_of(identity: UUID) -> str:
    return segno.make(f"urn:uuid:{identity}", error="q", micro=False).svg_inline(border=4, omitsize=True)


async def pack_labels(view: View, cycle_id: UUID) -> tuple[PackLabel, ...]:
    """Labels for the packs of a load."""
    query = select(Pack).where(Pack.clinic_id == view.clinic_id, Pack.cycle_id == cycle_id).order_by(Pack.contents, Pack.pack_id)
    return tuple(
        PackLabel(
            pack_id=pack.pack_id,
            text=f"{pack.contents.replace('_', ' ')}  until {pack.sterile_until.isoformat()}  {str(pack.pack_id)[-8:]}",
            code_svg=_code_of(pack.pack_id),
        )
        for pack in await view.rows.scalars(query)
    )
