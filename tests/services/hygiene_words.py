"""The words that hygiene's tests speak in."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from events.catalog.compliance import AccessGranted
from events.catalog.treatment import Equipment, TreatmentRecordedLate, TreatmentStarted
from events.transaction import Answer
from schemas.hygiene import (
    CycleReport,
    IndicatorReport,
    JointDecision,
    LabelOrder,
    LotReport,
    PackOfLoad,
    PlacedIndicator,
    PlateauSample,
    RecallDecisionReport,
    Release,
    Said,
    SterilizerReport,
)
from schemas.vocabulary import Area, AreaDepth, Modality, Role
from services.hygiene import commands
from tests.conftest import House, actor

GTIN = "09501101530003"
SCAN = "]d201095011015300031729123110SP4471"
BI = PlacedIndicator(product="rapid_24_minutes", lot="BI2207")


def plateau(*temperatures_mc: int, every_seconds: int = 10) -> tuple[PlateauSample, ...]:
    return tuple(PlateauSample(second=n * every_seconds, temperature_mc=mc) for n, mc in enumerate(temperatures_mc))


PROGRAMS = ("prevac_wrapped_134", "prevac_wrapped_132")
GOOD = plateau(*[134_500] * 20)


@dataclass
class Bench:
    """A clinic's sterilization room."""

    house: House
    now: datetime
    numbers: int = 0

    async def do(self, command: Callable[..., Awaitable[Answer[Any]]], subject_id: UUID, report: Any, **more: Any) -> Answer[Any]:
        return await self.house.doing("hygiene", command, Said(subject_id=subject_id, report=report), **more)

    async def sterilizer(self, serial: str = "MX-1", days_ago: int = 3) -> UUID:
        sterilizer_id = uuid4()
        at = self.now - timedelta(days=days_ago)
        report = SterilizerReport(serial=serial, air_removal="prevac", programs=PROGRAMS, occurred_at=at)
        await self.do(commands.commission_sterilizer, sterilizer_id, report)
        return sterilizer_id

    def report(self, sterilizer_id: UUID, hours_ago: float, packs: Sequence[UUID] = (), **more: Any) -> CycleReport:
        self.numbers += 1
        started_at = self.now - timedelta(hours=hours_ago)
        values: dict[str, Any] = {
            "sterilizer_id": sterilizer_id,
            "cycle_number": self.numbers,
            "program": "prevac_wrapped_134",
            "started_at": started_at,
            "ended_at": started_at + timedelta(minutes=30),
            "samples": GOOD,
            "external_indicator": "changed",
            "internal_indicator": "changed",
            "packs": tuple(PackOfLoad(pack_id=pack, contents="extractor_set") for pack in packs),
            "occurred_at": started_at + timedelta(minutes=31),
        }
        return CycleReport(**values | more)

    async def cycle(self, sterilizer_id: UUID, hours_ago: float, packs: Sequence[UUID] = (), **more: Any) -> UUID:
        cycle_id = uuid4()
        await self.do(commands.record_cycle, cycle_id, self.report(sterilizer_id, hours_ago, packs, **more))
        return cycle_id

    async def release(self, cycle_id: UUID) -> Answer[Any]:
        return await self.do(commands.release_load, cycle_id, Release(occurred_at=self.now))

    async def read(self, cycle_id: UUID, hours_ago: float, *, grew: bool = False, **more: Any) -> Answer[Any]:
        started_at = self.now - timedelta(hours=hours_ago)
        values: dict[str, Any] = {
            "cycle_id": cycle_id,
            "product": "rapid_24_minutes",
            "lot": "BI2207",
            "control_lot": "BI2207",
            "incubation_started_at": started_at,
            "grew": grew,
            "control_grew": True,
            "occurred_at": started_at + timedelta(minutes=25),
        }
        return await self.do(commands.read_indicator, uuid4(), IndicatorReport(**values | more))

    async def signer(self, role: Role = Role.CLINICIAN) -> UUID:
        """Somebody with a role in force."""
        who = uuid4()
        await self.house.given("compliance", AccessGranted(identity_id=who, role=role))
        return who

    async def decide(self, recall_id: UUID, second: UUID, decision: str = "confirmed", **more: Any) -> Answer[Any]:
        """Two persons decide a recall, and the second one showed a token."""
        said = {"decision": decision, "root_cause": "wrong_bi", "second_signer_id": second, "occurred_at": self.now}
        joint = JointDecision(subject_id=recall_id, report=RecallDecisionReport.model_validate(said), second_showed="token")
        return await self.house.doing("hygiene", commands.decide_recall, joint, **more)

    async def lot(self, quantity: int = 20, scan: str = SCAN) -> UUID:
        lot_id = uuid4()
        await self.do(commands.receive_lot, lot_id, LotReport(scan=scan, quantity=quantity, occurred_at=self.now))
        return lot_id

    async def units(self, lot_id: UUID, units: int) -> tuple[UUID, ...]:
        answer = await self.do(commands.label_units, lot_id, LabelOrder(units=units, occurred_at=self.now))
        ids: tuple[UUID, ...] = answer.event.unit_ids
        return ids

    async def treated(self, packs: Sequence[UUID] = (), units: Sequence[UUID] = (), **more: Any) -> TreatmentStarted:
        """The gate said that a treatment started with these."""
        values: dict[str, Any] = {
            "treatment_id": uuid4(),
            "booking_id": uuid4(),
            "client_id": uuid4(),
            "practitioner_id": uuid4(),
            "equipment": Equipment(
                room_id=more.pop("room_id", uuid4()),
                handpiece_id=more.pop("handpiece_id", uuid4()),
                cartridge_unit_ids=tuple(units),
                pack_ids=tuple(packs),
            ),
            "lot_ids": (),
            "cycle_ids": (),
            "reprocessing_id": uuid4(),
            "turnover_id": uuid4(),
            "consent_id": uuid4(),
            "modality": Modality.MICRONEEDLING,
            "areas": (Area.CHEEKS,),
            "max_depth_um": 1000,
            "planned_end_at": self.now,
            "findings": (),
        }
        started = TreatmentStarted(**values | more)
        await self.house.given("treatment", started, at=actor(Role.PRACTITIONER))
        return started

    async def treated_on_paper(self, packs: Sequence[UUID] = (), units: Sequence[UUID] = (), **more: Any) -> TreatmentRecordedLate:
        values: dict[str, Any] = {
            "treatment_id": uuid4(),
            "client_id": uuid4(),
            "practitioner_id": uuid4(),
            "equipment": Equipment(room_id=uuid4(), handpiece_id=uuid4(), cartridge_unit_ids=tuple(units), pack_ids=tuple(packs)),
            "needle_contact": True,
            "modality": Modality.MICRONEEDLING,
            "depths": (AreaDepth(area=Area.CHEEKS, depth_um=1000),),
            "started_at": self.now - timedelta(hours=2),
            "ended_at": self.now - timedelta(hours=1),
            "reason": "tablet_dead",
            "findings": (),
        }
        late = TreatmentRecordedLate(**values | more)
        await self.house.given("treatment", late)
        return late


def unmet(answer: Answer[Any]) -> set[str]:
    """The rules that refused."""
    return {finding.rule for finding in answer.event.findings if finding.verdict == "unmet"}
