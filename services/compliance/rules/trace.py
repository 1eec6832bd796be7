"""What stands behind a treatment: which entries about which of its ids an inspector reads, and under which heading."""

from collections.abc import Iterable, Mapping
from typing import Literal

from schemas.compliance import Evidence, Part

Link = Literal[
    "treatment",
    "booking",
    "client",
    "practitioner",
    "consent",
    "form",
    "handpiece",
    "reprocessing",
    "turnover",
    "lot",
    "cartridge",
    "cycle",
    "pack",
    "sterilizer",
    "recall",
]
"""What an id is to the treatment."""

BEHIND: Mapping[Link, Mapping[str, Part]] = {
    "treatment": {
        "treatment.started": "certificate",
        "treatment.recorded_late": "certificate",
        "treatment.paused": "course",
        "treatment.resumed": "course",
        "treatment.ended": "course",
        "treatment.end_missing": "course",
        "treatment.stop_advised": "course",
        "cartridge.opened": "cartridge",
        "checkin.due": "recovery",
        "checkin.answered": "recovery",
        "checkin.missed": "recovery",
        "checkin.followed_up": "recovery",
        "reaction.reported": "recovery",
        "incident.opened": "recovery",
        "recall.opened": "recall",
        "exposure.found": "recall",
    },
    "booking": {
        "booking.requested": "booking",
        "booking.confirmed": "booking",
        "booking.announced": "booking",
        "booking.conflicted": "booking",
        "booking.rescheduled": "booking",
        "booking.flagged": "booking",
        "client.arrived": "arrival",
        "arrival.withdrawn": "arrival",
        "consent.requested": "consent",
        "skin.cleansed": "skin",
        "numbing.applied": "numbing",
        "numbing.removed": "numbing",
        "rule.overridden": "override",
        "treatment.refused": "refusal",
    },
    "client": {
        "screening.answered": "screening",
        "clearance.granted": "screening",
        "safety_hold.placed": "hold",
        "safety_hold.lifted": "hold",
    },
    "practitioner": {"practitioner.credentialed": "practitioner"},
    "consent": {"consent.signed": "consent", "consent.withdrawn": "consent"},
    "form": {"form.published": "consent"},
    "handpiece": {"handpiece.commissioned": "handpiece"},
    "reprocessing": {"handpiece.reprocessed": "handpiece"},
    "turnover": {"room.turned_over": "room"},
    "lot": {"lot.received": "lot", "lot.quarantined": "lot", "recall.opened": "recall"},
    "cartridge": {"cartridge.opened": "cartridge", "cartridge.wasted": "cartridge"},
    "cycle": {
        "cycle.recorded": "sterilization",
        "load.released": "sterilization",
        "indicator.read": "sterilization",
        "recall.opened": "recall",
        "exposure.found": "recall",
    },
    "pack": {"pack.quarantined": "pack", "recall.opened": "recall"},
    "sterilizer": {
        "sterilizer.commissioned": "sterilization",
        "sterilizer.removed": "sterilization",
        "sterilizer.returned": "sterilization",
    },
    "recall": {"recall.decided": "recall"},
}

ONLY_NEWEST = frozenset({"screening.answered", "practitioner.credentialed"})
"""Earlier ones no longer counted at the start."""

OF_ITS_TIME: frozenset[Link] = frozenset({"client", "practitioner", "form", "handpiece", "sterilizer"})
"""Ids that live on in other treatments: what is said of them later is not about this one. Holds are."""


def part_of(link: Link, versioned: str) -> Part | None:
    """The heading under which an entry stands behind a treatment, or None if it does not."""
    return BEHIND[link].get(versioned.rpartition(".v")[0])


def matters_since(link: Link, part: Part) -> bool:
    """Whether an entry after the start is still about this treatment."""
    return part == "hold" or link not in OF_ITS_TIME


def only_newest(evidence: Iterable[Evidence]) -> tuple[Evidence, ...]:
    """In order of the ledger; of what is asked again and again, the last answer of each extent."""
    kept: dict[object, Evidence] = {}
    for found in sorted(evidence, key=lambda one: one.entry.index):
        name = found.entry.type.rpartition(".v")[0]
        again = name in ONLY_NEWEST
        kept[(name, found.entry.data.get("extent")) if again else found.entry.index] = found
    return tuple(sorted(kept.values(), key=lambda one: one.entry.index))
