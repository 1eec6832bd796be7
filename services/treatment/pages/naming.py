"""What is named for a start. It stands in the address, so that a reload, the back button and a second tab keep it."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from schemas.treatment import MOST_ITEMS, OpenedPack, PreviewRequest, StartRequest
from schemas.vocabulary import Visit
from services.screens.forms import Fields, micrometers, understood, wrong

Pairs = list[tuple[str, str]]


def asked_for(sent: Fields, booking_id: UUID) -> PreviewRequest:
    """What the fields name. What was taken off again (`off`) is left out."""
    off = set(sent.all("off"))
    changed, intact = set(sent.all("changed")), set(sent.all("intact"))
    named: dict[str, Any] = {
        "booking_id": booking_id,
        "room_id": sent.one("room"),
        "handpiece_id": None if sent.one("handpiece") in off else sent.one("handpiece"),
        "cartridge_unit_ids": tuple(dict.fromkeys(unit for unit in sent.all("cartridge") if unit not in off)),
        "packs": tuple(
            {"pack_id": pack, "indicator_changed": pack in changed, "intact": pack in intact}
            for pack in dict.fromkeys(sent.all("pack"))
            if pack not in off
        ),
        "areas": sent.all("areas") or None,
        "depth_um": micrometers(sent.one("depth_mm")),
        "photos_taken": sent.one("photos") == "yes",
        "emergency_kit_in_date": sent.one("kit") == "yes",
    }
    return understood(PreviewRequest, named)


def start_of(asked: PreviewRequest, visit: Visit) -> StartRequest:
    """The same as a start. The room is the booked one, unless another was named."""
    named = asked.model_dump(exclude={"practitioner_id", "room_id"})
    return StartRequest.model_validate(named | {"room_id": asked.room_id or visit.room_id})


def things_of(asked: PreviewRequest) -> Pairs:
    """What was scanned, as fields of a form."""
    return list(_things(asked))


def _things(asked: PreviewRequest) -> Iterator[tuple[str, str]]:
    if asked.handpiece_id is not None:
        yield "handpiece", str(asked.handpiece_id)
    yield from (("cartridge", str(unit)) for unit in asked.cartridge_unit_ids)
    yield from (("pack", str(pack.pack_id)) for pack in asked.packs)


def query_of(asked: PreviewRequest) -> str:
    """Everything named, as the query of an address."""
    pairs = things_of(asked)
    pairs += [("changed", str(pack.pack_id)) for pack in asked.packs if pack.indicator_changed]
    pairs += [("intact", str(pack.pack_id)) for pack in asked.packs if pack.intact]
    pairs += [("areas", area.value) for area in asked.areas or ()]
    said = {
        "room": str(asked.room_id) if asked.room_id else "",
        "depth_mm": f"{asked.depth_um / 1000:g}" if asked.depth_um else "",
        "photos": "yes" if asked.photos_taken else "",
        "kit": "yes" if asked.emergency_kit_in_date else "",
    }
    return urlencode([*pairs, *((name, value) for name, value in said.items() if value)])


def with_thing(asked: PreviewRequest, kind: str, identity: UUID) -> PreviewRequest:
    """The same with a thing that was just scanned. Raises `RequestValidationError` where there are too many."""
    if kind == "handpiece":
        return asked.model_copy(update={"handpiece_id": identity})
    if kind == "room":
        return asked.model_copy(update={"room_id": identity})
    if len(asked.cartridge_unit_ids if kind == "cartridge" else asked.packs) >= MOST_ITEMS:
        raise wrong("scan", f"More than {MOST_ITEMS} of a kind are in no treatment.")
    if kind == "cartridge":
        return asked.model_copy(update={"cartridge_unit_ids": tuple(dict.fromkeys((*asked.cartridge_unit_ids, identity)))})
    known = {pack.pack_id: pack for pack in asked.packs}
    fresh = OpenedPack(pack_id=identity, indicator_changed=False, intact=False)
    return asked.model_copy(update={"packs": tuple((known | {identity: known.get(identity, fresh)}).values())})
