"""What stands behind a treatment, and what a thing touched."""

from typing import Literal
from uuid import UUID

from schemas.compliance.record import LedgerHead, RecordEntry
from schemas.compliance.requests import TouchedQuestion
from schemas.vocabulary import Count, Instant, Shape


class PolicyApproval(Shape):
    """Which version was in force, who approved it, and where it was published."""

    policy_version: Count
    approver_id: UUID
    effective_at: Instant
    index: Count


Part = Literal[
    "certificate",
    "refusal",
    "booking",
    "arrival",
    "consent",
    "screening",
    "practitioner",
    "skin",
    "numbing",
    "handpiece",
    "room",
    "lot",
    "cartridge",
    "sterilization",
    "pack",
    "override",
    "hold",
    "recall",
    "course",
    "recovery",
    "policy",
]
"""Under which heading an entry stands behind a treatment."""


class Evidence(Shape):
    """An entry, why it is here, and the ids that lead to it."""

    part: Part
    subjects: tuple[UUID, ...]
    entry: RecordEntry


class TreatmentRecord(Shape):
    """Everything behind a start as the ledger knew it at that instant, and everything it learned since."""

    treatment_id: UUID
    client_id: UUID
    recorded_late: bool
    head: LedgerHead
    projected: Count
    policy: PolicyApproval | None
    known_at_start: tuple[Evidence, ...]
    learned_since: tuple[Evidence, ...]


PackFate = Literal["used", "quarantined", "in_stock"]


class PackAccount(Shape):
    """Where one labeled pack of a load is."""

    pack_id: UUID
    fate: PackFate
    treatment_ids: tuple[UUID, ...] = ()


class LoadAccount(Shape):
    """Where a load went. Complete: every labeled pack has exactly one fate, and every use of the load is of one of them.

    `twice` are packs of more than one treatment; `untraced` are treatments that name the load and none of its packs.
    """

    cycle_id: UUID
    sterilizer_id: UUID
    index: Count
    labeled: Count
    used: Count
    quarantined: Count
    in_stock: Count
    packs: tuple[PackAccount, ...]
    twice: tuple[UUID, ...] = ()
    untraced: tuple[UUID, ...] = ()
    complete: bool


class LotAccount(Shape):
    """Where a lot went. Complete: received = used + wasted + in stock, no unit served two treatments.

    `untraced` are treatments that name the lot and none of its units.
    """

    lot_id: UUID
    received: Count
    used: Count
    wasted: Count
    in_stock: int
    quarantined: bool
    twice: tuple[UUID, ...] = ()
    untraced: tuple[UUID, ...] = ()
    complete: bool


class TouchedTreatment(Shape):
    """A treatment that was touched, and by which of the things asked about."""

    treatment_id: UUID
    client_id: UUID
    booking_id: UUID | None
    practitioner_id: UUID
    started_at: Instant
    needle_contact: bool | None
    recorded_late: bool
    index: Count
    by: tuple[UUID, ...]
    recall_ids: tuple[UUID, ...] = ()


class Touched(Shape):
    """The answer with its proof of completeness, as of `projected` entries of the ledger that ends at `head`.

    `clients` are persons: a merged record stands under the one it was merged into.
    """

    question: TouchedQuestion
    head: LedgerHead
    projected: Count
    treatments: tuple[TouchedTreatment, ...]
    clients: tuple[UUID, ...]
    loads: tuple[LoadAccount, ...] = ()
    lots: tuple[LotAccount, ...] = ()
    complete: bool


class TouchedPage(Shape):
    """Some of the treatments, the newest first, and how many there are with how many clients; `before` asks for earlier ones.

    Complete or not is said of all `load_count` loads; told one by one are those to look at first.
    """

    question: TouchedQuestion
    head: LedgerHead
    projected: Count
    treatments: tuple[TouchedTreatment, ...]
    count: Count
    clients: Count
    before: UUID | None
    loads: tuple[LoadAccount, ...]
    load_count: Count
    lots: tuple[LotAccount, ...]
    complete: bool
