"""What README says of speed is what was measured and kept, and how it is told."""

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.benchmarks import reporting
from tests.benchmarks.drawing import svg
from tests.benchmarks.measure import Beside, Curve, Findings, Row
from tests.faults import reporting as campaign
from tests.faults.campaign import ROWS
from tests.faults.row import Row as Weather

ROOT = Path(__file__).parents[1]
ABOUT = {"on": "2026-11-23", "cores": 2, "full": False, "load_before": "0.10 0.20 0.30", "load_after": "0.40 0.50 0.60"}


def test_readme_says_what_was_measured() -> None:
    assert reporting.section(reporting.read(ROOT / "docs")) in (ROOT / "README.md").read_text(), (
        "docs/bench.json is newer than README: python -m tests.benchmarks --readme"
    )


def test_readme_says_what_the_campaign_found() -> None:
    found = campaign.read(ROOT / "docs")
    assert campaign.section(found, {row.name: row for row in ROWS}) in (ROOT / "README.md").read_text(), (
        "docs/faults.json is newer than README: python -m tests.faults --readme"
    )
    assert [row.name for row in ROWS] == [row["name"] for row in found], "every row of the campaign was run, if only a part of it"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_what_readme_says_of_make_test_is_what_it_runs(row: Weather) -> None:
    file = Path(__file__).parent / "faults" / f"test_{row.name}.py"
    is_long = file.exists() and "pytest.mark.long" in file.read_text()
    assert is_long == (row.brief == 0)


def test_a_part_takes_the_place_of_its_earlier_figures_and_of_no_others(tmp_path: Path) -> None:
    early, late = Row("gate", "ms", [9.0], "at most", 5), Row("gate", "ms", [1.0, 3.0, 2.0], "at most", 5)
    reporting.keep(tmp_path, "gate", Findings([early]), ABOUT)
    reporting.keep(tmp_path, "append", Findings([Row("chained append", "×", [0.1], "at least", 0.4)]), ABOUT)
    reporting.keep(tmp_path, "gate", Findings([late]), ABOUT)
    parts = json.loads((tmp_path / "bench.json").read_text())["parts"]
    assert set(parts) == {"gate", "append"}
    assert parts["gate"]["rows"][0]["median"] == 2
    told = reporting.section(reporting.read(tmp_path))
    assert "| gate | 2.00 ms (1.00 – 3.00) | ≤ 5.00 ms | yes |" in told
    assert "| chained append | 0.100 × | ≥ 0.400 × | **no** |" in told
    assert "* **chained append**: " in told, "what falls short says why"
    assert "* **gate**: " not in told


def test_peers_are_compared_round_by_round() -> None:
    ours, theirs = Beside("ours_command", [200, 400], [1, 1], [3, 3]), Beside("with_arq", [100, 100], [4, 2], [1, 2])
    same = {name: Beside(name, [100, 100], [2, 2], [1, 1]) for name in (*reporting.NAMES, "ours_reaction", "ours_append")}
    told = reporting.beside_table([*(same | {"with_arq": theirs}).values(), ours])
    assert "| arq | 100 | 3.00 ms | 1.50 ms | 3.00×, late 0.375×, processor 2.25× | 1.00×, late 0.750×, processor 0.750× |" in told


def test_the_picture_is_a_picture(tmp_path: Path) -> None:
    curves = [Curve("append", "ms", [(1_000, 5.0), (1_000_000, 5.5)]), Curve("a <b> & c", "ms", [(1_000, 0.006), (100_000, 0.02)])]
    drawn = ET.fromstring(svg(curves))  # noqa: S314 - our own
    words = [element.text for element in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert "a <b> & c" in words
    assert "5 ms to 5.5 ms at 1 million" in words
    assert "3.5×" in words, "a cost that has grown stays inside the picture"
    reporting.keep(tmp_path, "growth", Findings(curves=curves), ABOUT)
    assert (tmp_path / "bench.svg").read_text() == svg(curves)


def test_readme_without_a_place_for_it_is_left_alone(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("# Asepsis\n")
    with pytest.raises(ValueError, match="no place"):
        reporting.write_readme(readme, {"parts": {}})
    assert readme.read_text() == "# Asepsis\n"
