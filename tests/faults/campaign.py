"""Every row of the fault campaign. A new one: its import, its name in the tuple. Row modules import `tests.faults.row`, never this."""

from tests.faults.bad_input import ROW as BAD_INPUT
from tests.faults.clock import ROW as CLOCK
from tests.faults.crash_points import ROW as CRASH_POINTS
from tests.faults.days import ROW as DAYS
from tests.faults.disk_full import ROW as DISK_FULL
from tests.faults.frozen import ROW as FROZEN
from tests.faults.inbox import ROW as INBOX
from tests.faults.kills import ROW as KILLS
from tests.faults.poison import ROW as POISON
from tests.faults.proxy import ROW as PROXY
from tests.faults.races import ROW as RACES
from tests.faults.restore import ROW as RESTORE
from tests.faults.row import Row, carry_out
from tests.faults.strangers import ROW as STRANGERS
from tests.faults.streams import ROW as STREAMS
from tests.faults.tampering import ROW as TAMPERING

__all__ = ["ROWS", "Row", "carry_out"]

ROWS: tuple[Row, ...] = (
    KILLS,
    STREAMS,
    PROXY,
    CRASH_POINTS,
    INBOX,
    POISON,
    BAD_INPUT,
    STRANGERS,
    CLOCK,
    DISK_FULL,
    FROZEN,
    DAYS,
    RACES,
    RESTORE,
    TAMPERING,
)
