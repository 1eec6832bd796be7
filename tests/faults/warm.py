"""What takes time once: imported by the process that the others are forked from, before it forks."""

from services.app import create_app
from services.settings import Settings
from tests.faults import crash_points, process

NOWHERE = Settings(database_url="postgresql+asyncpg://x@/x?host=/nowhere", migration_url="", redis_url="unix:///nowhere", secret=bytes(32))

create_app(NOWHERE)

__all__ = ["crash_points", "process"]
