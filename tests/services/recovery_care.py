"""A clinic after a treatment: what the tests of recovery speak in."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select, text

from events.catalog.treatment import Equipment, TreatmentEnded, TreatmentStarted
from events.clock import jobs_of, run_job
from schemas.policy import policy_from_toml
from schemas.recovery import CheckInAnswer as Request
from schemas.recovery import CheckInSheet
from schemas.vocabulary import Area, AreaDepth, Modality, Role
from services.recovery.commands import answer_checkin
from services.recovery.models import CheckIn
from services.recovery.projectors import checkin_id
from tests.conftest import House, actor, open_house

CLIENT = actor(Role.CLIENT)
ANY_HOUR = "[check_ins]\nquiet_from_minutes = 0\nquiet_until_minutes = 0\n"
"""Without quiet hours, so that the time of day of a test decides nothing."""


def equipment() -> Equipment:
    return Equipment(room_id=uuid4(), handpiece_id=uuid4(), cartridge_unit_ids=(uuid4(),))


class Care:
    """A clinic after a treatment."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.client_id, self.booking_id, self.lot_id = uuid4(), uuid4(), uuid4()

    async def start(self, depth_um: int = 1500) -> UUID:
        treatment_id = uuid4()
        started = TreatmentStarted(
            treatment_id=treatment_id,
            booking_id=self.booking_id,
            client_id=self.client_id,
            practitioner_id=uuid4(),
            equipment=equipment(),
            lot_ids=(self.lot_id,),
            cycle_ids=(),
            reprocessing_id=uuid4(),
            turnover_id=uuid4(),
            consent_id=uuid4(),
            modality=Modality.MICRONEEDLING,
            areas=(Area.CHEEKS,),
            max_depth_um=depth_um,
            planned_end_at=await self.house.now(),
            findings=(),
        )
        await self.house.given("treatment", started)
        return treatment_id

    async def end(self, treatment_id: UUID, *, hours_ago: float = 0, depth_um: int = 1000, needle_contact: bool = True) -> None:
        ended = TreatmentEnded(
            treatment_id=treatment_id,
            booking_id=self.booking_id,
            client_id=self.client_id,
            needle_contact=needle_contact,
            modality=Modality.MICRONEEDLING,
            depths=(AreaDepth(area=Area.CHEEKS, depth_um=depth_um),),
            skin_cleansed=True,
            sharps_disposed=True,
            aftercare_given=True,
            ended_at=await self.house.now() - timedelta(hours=hours_ago),
        )
        await self.house.given("treatment", ended)
        await self.house.caught_up("recovery")

    async def treated(self, hours_ago: float = 25) -> UUID:
        treatment_id = await self.start()
        await self.end(treatment_id, hours_ago=hours_ago)
        return treatment_id

    async def asked(self) -> UUID:
        """A client who was asked for the first time."""
        treatment_id = await self.treated()
        await run("ask_due_clients", self.house)
        return checkin_id(treatment_id, "h24")

    async def steps(self) -> dict[str, str]:
        async with self.house.look("recovery") as view:
            rows = (await view.rows.execute(select(CheckIn).order_by(CheckIn.due_at))).scalars().all()
            return {row.step: row.state for row in rows}

    async def answer(self, checkin: UUID, *symptoms: str, fever: bool = False) -> Any:
        request = Request(checkin_id=checkin, sheet=CheckInSheet(symptoms=symptoms, fever=fever))
        return await self.house.doing("recovery", answer_checkin, request, by=CLIENT)

    async def messages(self) -> list[tuple[str, str]]:
        async with self.house.look("recovery") as view:
            query = text("select recipient, template from machinery.outbox order by send_after, template")
            return [(row.recipient, row.template) for row in await view.rows.execute(query)]


async def run(name: str, house: House) -> int:
    """One round of a job."""
    return await run_job(house.database, next(job for job in jobs_of("recovery") if job.name == name))


async def open_care(house: House, changes: str = "") -> Care:
    """A second clinic in the test's database."""
    return Care(await open_house(house.database, policy_from_toml(ANY_HOUR + changes)))
