"""What campaigns found, kept in `docs/faults.json` row by row, and told in README between two marks."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.faults.row import Row

FILE = "faults.json"
BEGIN, END = "<!-- campaign: begin -->", "<!-- campaign: end -->"

Result = dict[str, Any]


def read(directory: Path) -> list[Result]:
    """What is kept there, in the order of the campaign."""
    file = directory / FILE
    found: list[Result] = json.loads(file.read_text()) if file.exists() else []
    return found


def keep(directory: Path, results: Sequence[Result], order: Sequence[str]) -> None:
    """Beside what earlier runs found of other rows: a campaign may be run in pieces."""
    known = {found["name"]: found for found in (*read(directory), *results)}
    (directory / FILE).write_text(json.dumps([known[name] for name in order if name in known], indent=1) + "\n")


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())


def _tested(row: Row) -> str:
    """How much of the share that was asked for `make test` has time for."""
    return f"{row.share if row.brief is None else row.brief:,} of {row.share:,}"


def table(results: Sequence[Result], rows: Mapping[str, Row]) -> str:
    """The results as Markdown; `part` is how much of the whole campaign was run."""
    lines = ["| fault | injected | seen | wrong | part | s | in `make test` |", "|---|---|---|---|---|---|---|"]
    for found in results:
        part = f"{found['times'] / found['full']:.3g}"
        counts = (
            _listed(found["faults"]),
            _listed(found["counts"]),
            len(found["wrongs"]),
            part,
            found["seconds"],
            _tested(rows[found["name"]]),
        )
        lines.append("| " + " | ".join(str(cell) for cell in (found["title"], *counts)) + " |")
    return "\n".join(lines)


def section(results: Sequence[Result], rows: Mapping[str, Row]) -> str:
    """Everything between the marks."""
    seeds = ", ".join(str(seed) for seed in sorted({found["seed"] for found in results}))
    dates = ", ".join(sorted({found["date"] for found in results}))
    return f"{BEGIN}\nRun on {dates}, seed {seeds}.\n\n{table(results, rows)}\n{END}"


def tell(readme: Path, results: Sequence[Result], rows: Mapping[str, Row]) -> None:
    """Put the section in the place of the earlier one."""
    text = readme.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    readme.write_text(before + section(results, rows) + after)
