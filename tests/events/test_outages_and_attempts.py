"""An outage says nothing about an entry: nobody becomes careful because of it, and nobody halts, however often it comes."""

from pathlib import Path
from uuid import UUID, uuid4

from events.catalog.booking import ResourceAdded
from events.database import Database
from events.embedded import Servers
from events.projection import projection_of
from events.rounds import Stage
from events.streams import PAGE, Follower
from events.transaction import project
from services.operations import status_of
from tests.conftest import House
from tests.outage import wire

SERVICE = "booking"


def _stage(step: object) -> Stage:
    return Stage(SERVICE, "projected", lambda: projection_of(SERVICE).hears, step)  # type: ignore[arg-type]


async def test_after_an_outage_a_service_goes_on_page_by_page(house: House) -> None:
    """Entry by entry it would take as many commits as it is behind: that is for entries that failed themselves."""
    await house.given("hygiene", *(ResourceAdded(resource_id=uuid4(), kind="room", turnover_minutes=15) for _ in range(20)))
    limits: list[int] = []

    async def stumble_once(database: Database, clinic_id: UUID, service: str, limit: int) -> int:
        limits.append(limit)
        if len(limits) == 1:
            raise ConnectionResetError
        return await project(database, clinic_id, service, limit)

    follower = Follower(house.database, stages=[_stage(stumble_once)])
    await follower.sweep()
    await follower.sweep()
    assert limits == [PAGE, PAGE]


async def test_a_server_that_goes_away_again_and_again_halts_nobody(house: House, servers: Servers, tmp_path: Path) -> None:
    """It goes in the middle of the work, so that not even the attempt can be taken back."""
    await house.given("hygiene", ResourceAdded(resource_id=uuid4(), kind="room", turnover_minutes=15))
    name = house.database.url.rpartition("/")[2].partition("?")[0]
    database = Database(f"postgresql+asyncpg://asepsis_app@/{name}?host={tmp_path}", secret=house.database.secret)
    outages = 0
    async with wire(tmp_path / ".s.PGSQL.5432", servers.sockets / ".s.PGSQL.5432") as line:

        async def lose_the_server(database: Database, clinic_id: UUID, service: str, limit: int) -> int:
            nonlocal outages
            if outages < 7:
                outages += 1
                await line.cut()
            return await project(database, clinic_id, service, limit)

        follower = Follower(database, stages=[_stage(lose_the_server)])
        for _ in range(9):
            await follower.sweep()
            await line.mend()
        assert outages == 7
        status = await status_of(house.database)
    await database.close()
    assert status.halted == []
    assert [found.lag for found in status.standings if (found.service, found.stage) == (SERVICE, "projected")] == [0]
