"""Q1: everything that stands behind a treatment, as the ledger knew it at the start, and what it learned since."""

from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from uuid import UUID

from sqlalchemy import select

from events.catalog.consent import ConsentSigned
from events.catalog.treatment import TreatmentStarted
from events.envelope import Event
from events.transaction import View
from schemas.compliance import Evidence, Part, PolicyApproval, TreatmentRecord
from services.compliance.models import ExposureRow, LoadRow, Mention, PackRow, Policies, TreatmentRow, UseRow
from services.compliance.queries.among import among
from services.compliance.queries.record import entries_at, ledger_head, legible, understood
from services.compliance.rules.trace import Link, matters_since, only_newest, part_of

Links = Mapping[UUID, frozenset[Link]]
"""What each id is to the treatment; an id may be several things."""


async def behind_treatment(view: View, treatment_id: UUID) -> TreatmentRecord | None:
    """Everything behind a start, or None for a treatment nobody knows."""
    query = select(TreatmentRow).where(TreatmentRow.clinic_id == view.clinic_id, TreatmentRow.treatment_id == treatment_id)
    row = (await view.rows.execute(query)).scalar_one_or_none()
    if row is None:
        return None
    started = (await entries_at(view.rows, view.clinic_id, [row.index]))[row.index]
    links = await _links(view, row, understood(started))
    evidence = [found async for found in _evidence(view, links)]
    approval = await _approval(view, legible(started).policy)
    if approval is not None:
        evidence += await _at(view, {approval.index: ("policy", (approval.approver_id,))})
    known = only_newest(found for found in evidence if found.entry.index <= row.index)
    return TreatmentRecord(
        treatment_id=treatment_id,
        client_id=row.client_id,
        recorded_late=row.recorded_late,
        head=await ledger_head(view),
        projected=view.size,
        policy=approval,
        known_at_start=known,
        learned_since=tuple(sorted(_since(evidence, row.index, links), key=lambda found: found.entry.index)),
    )


def _since(evidence: Iterable[Evidence], start: int, links: Links) -> list[Evidence]:
    return [
        found
        for found in evidence
        if found.entry.index > start
        and any(matters_since(link, found.part) for subject in found.subjects for link in links.get(subject, ()))
    ]


async def _links(view: View, row: TreatmentRow, done: Event | None) -> Links:
    """Every id the start names, cartridges that came later, and where those lead: packs to loads and sterilizers, a consent to its form.

    What touched the treatment was noted when the start was recorded: it is known though somebody has spoiled that entry since.
    """
    named: list[tuple[Link, Iterable[UUID | None]]] = [
        ("treatment", (row.treatment_id,)),
        ("booking", (row.booking_id,)),
        ("client", (row.client_id,)),
        ("practitioner", (row.practitioner_id,)),
        ("recall", await _recalls_of(view, row.treatment_id)),
    ]
    if isinstance(done, TreatmentStarted):
        named += [
            ("reprocessing", (done.reprocessing_id,)),
            ("turnover", (done.turnover_id,)),
            ("consent", (done.consent_id,)),
            ("form", await _form_of(view, done.consent_id)),
        ]
    used = await _used(view, row.treatment_id)
    named += [(link, used[link]) for link in ("handpiece", "lot", "cartridge", "pack")]
    cycles = {*used["cycle"], *await _cycles_of(view, used["pack"])}
    named += [("cycle", cycles), ("sterilizer", await _sterilizers_of(view, cycles))]
    links: defaultdict[UUID, set[Link]] = defaultdict(set)
    for link, ids in named:
        for found in ids:
            if found is not None:
                links[found].add(link)
    return {subject: frozenset(found) for subject, found in links.items()}


async def _cycles_of(view: View, packs: Collection[UUID]) -> Iterable[UUID]:
    query = select(PackRow.cycle_id).where(PackRow.clinic_id == view.clinic_id, among(PackRow.pack_id, packs))
    return (await view.rows.execute(query)).scalars().all()


async def _sterilizers_of(view: View, cycles: Collection[UUID]) -> Iterable[UUID]:
    query = select(LoadRow.sterilizer_id).where(LoadRow.clinic_id == view.clinic_id, among(LoadRow.cycle_id, cycles))
    return (await view.rows.execute(query)).scalars().all()


async def _recalls_of(view: View, treatment_id: UUID) -> Iterable[UUID]:
    query = select(ExposureRow.recall_id).where(ExposureRow.clinic_id == view.clinic_id, ExposureRow.treatment_id == treatment_id)
    return (await view.rows.execute(query)).scalars().all()


async def _used(view: View, treatment_id: UUID) -> Mapping[str, Collection[UUID]]:
    """What touched the treatment, by what it is, also when it came after the start: a further cartridge may be of another lot."""
    query = select(UseRow.kind, UseRow.subject_id).where(UseRow.clinic_id == view.clinic_id, UseRow.treatment_id == treatment_id)
    used: defaultdict[str, set[UUID]] = defaultdict(set)
    for kind, subject in (await view.rows.execute(query)).all():
        used[kind].add(subject)
    return used


async def _form_of(view: View, consent_id: UUID | None) -> Iterable[UUID]:
    """The form a consent was signed on."""
    query = select(Mention.index).where(
        Mention.clinic_id == view.clinic_id,
        Mention.subject_id == consent_id,
        Mention.type.startswith("consent.signed."),
    )
    indexes = (await view.rows.execute(query)).scalars().all()
    signed = await entries_at(view.rows, view.clinic_id, indexes)
    return [said.form_id for entry in signed.values() if isinstance(said := understood(entry), ConsentSigned)]


async def _evidence(view: View, links: Links) -> AsyncIterator[Evidence]:
    """Every entry that speaks of one of the ids in a way that matters."""
    query = select(Mention.subject_id, Mention.index, Mention.type).where(
        Mention.clinic_id == view.clinic_id, among(Mention.subject_id, links)
    )
    why: dict[int, tuple[Part, set[UUID]]] = {}
    for subject, index, versioned in (await view.rows.execute(query)).all():
        for link in links[subject]:
            part = part_of(link, versioned)
            if part is not None:
                why.setdefault(index, (part, set()))[1].add(subject)
    for found in await _at(view, {index: (part, tuple(sorted(subjects))) for index, (part, subjects) in why.items()}):
        yield found


async def _at(view: View, why: Mapping[int, tuple[Part, tuple[UUID, ...]]]) -> list[Evidence]:
    entries = await entries_at(view.rows, view.clinic_id, why.keys())
    return [Evidence(part=why[index][0], subjects=why[index][1], entry=legible(entry)) for index, entry in entries.items()]


async def _approval(view: View, version: int | None) -> PolicyApproval | None:
    """The version that was in force, and who approved it."""
    if version is None:
        return None
    query = select(Policies).where(Policies.clinic_id == view.clinic_id, Policies.policy_version == version)
    found = (await view.rows.execute(query)).scalar_one_or_none()
    if found is None:
        return None
    return PolicyApproval(policy_version=version, approver_id=found.approver_id, effective_at=found.effective_at, index=found.index)
