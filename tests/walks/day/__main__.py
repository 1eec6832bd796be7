"""Play the day: `python -m tests.walks.day example.json checkpoint.txt`."""

import sys
from pathlib import Path

from tests.walks.day.afterwards import auditor_asks, indicator_reads_positive, recovery_asks
from tests.walks.day.booking import front_desk_books
from tests.walks.day.clinic import Day
from tests.walks.day.hygiene import technician_prepares
from tests.walks.day.story import UnexpectedError
from tests.walks.day.treating import clients_prepare, gate_decides, treatments_end


def main(example: Path, checkpoint: Path) -> int:
    """0 if every answer was the expected one."""
    day = Day(example)
    try:
        for part in (front_desk_books, technician_prepares, clients_prepare, gate_decides, treatments_end, recovery_asks):
            part(day)
        indicator_reads_positive(day)
        auditor_asks(day, checkpoint)
    except UnexpectedError as unexpected:
        sys.stdout.flush()
        sys.stderr.write(f"\nNot as expected: {unexpected}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
