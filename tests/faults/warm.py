"""What takes time once: imported by the process that the others are forked from, before it forks."""

import gc

from services.app import create_app
from services.settings import Settings
from tests.faults import crash_points, process

NOWHERE = Settings(database_url="postgresql+asyncpg://x@/x?host=/nowhere", migration_url="", redis_url="unix:///nowhere", secret=bytes(32))

create_app(NOWHERE)
gc.collect()
gc.freeze()  # as the program does once it is up; no life looks through, and so copies, what all of them share

__all__ = ["crash_points", "process"]
