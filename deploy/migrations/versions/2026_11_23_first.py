"""The first tables, one SQL file per schema."""

from pathlib import Path
from typing import Any

from alembic import op
from sqlalchemy.util import await_only

revision = "2026_11_23_first"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The driver takes a whole file at once; SQLAlchemy would prepare its statements one by one."""
    op.execute("set local lock_timeout = '5s'")
    driver: Any = op.get_bind().connection.driver_connection
    for file in sorted(Path(__file__).with_suffix("").glob("*.sql")):
        await_only(driver.execute(file.read_text()))
