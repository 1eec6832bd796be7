"""Layout, doors, sizes, hears ⊆ says, README: what must hold for the next person to find their way."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from events.catalog import PUBLISHERS
from events.database import SERVICES, Base
from events.envelope import event_classes, versioned_type
from events.projection import projection_of
from events.streams import reactions_of
from schemas.access import COMMANDS
from schemas.sentences import sentences
from services.app import load
from services.installation import load_tables
from tests.mutants.__main__ import DEFECTS

ROOT = Path(__file__).parent.parent
CODE = [path for folder in ("schemas", "events", "services") for path in sorted((ROOT / folder).rglob("*.py"))]
EVERYTHING = [*CODE, *sorted((ROOT / "tests").rglob("*.py")), *sorted((ROOT / "deploy").rglob("*.py"))]
ROOMS = {"__init__", "routes", "pages", "handlers", "jobs", "checks", "commands", "queries", "rules", "projectors", "models"}
VAGUE = re.compile(r"^(utils?|helpers?|common|core|base|misc|managers?|processors?|data|info|dto)$")
MOST_LINES = 300
MOST_LINES_OF_A_FUNCTION = 60


@pytest.fixture(scope="module", autouse=False)
def loaded() -> None:
    for service in SERVICES:
        load(service)
    load_tables()


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", EVERYTHING, ids=name)
def test_a_file_is_short_and_so_are_its_functions(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= MOST_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or node.lineno) - node.lineno < MOST_LINES_OF_A_FUNCTION, node.name


@pytest.mark.parametrize("path", CODE, ids=name)
def test_a_name_says_what_is_inside(path: Path) -> None:
    assert not VAGUE.match(path.stem)


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_is_a_house_of_the_same_shape(service: str) -> None:
    house = ROOT / "services" / service
    rooms = {entry.stem if entry.is_file() else entry.name for entry in house.iterdir() if entry.name != "__pycache__"}
    assert rooms - {"templates"} - EXTRA_ROOMS.get(service, set()) <= ROOMS
    doorplate = ast.get_docstring(ast.parse((house / "__init__.py").read_text())) or ""
    for word in ("decides", "hears", "says"):
        assert word in doorplate.lower(), f"{service}'s doorplate does not say what it {word}"


EXTRA_ROOMS = {"compliance": {"offline"}}
"""`offline` verifies an exported ledger with nothing but the standard library."""


def test_only_transaction_commits() -> None:
    """And the shadows of a check, whose transactions are read only: they keep nothing but temporary tables."""
    committing = [name(path) for path in CODE if re.search(r"await \w+\.commit\(\)|engine\.begin\(\)", path.read_text())]
    assert committing == ["events/checking/shadows.py", "events/transaction.py", "services/installation.py"]


def _calls(path: Path, attribute: str) -> Iterator[ast.Call]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == attribute:
            yield node


def test_commands_write_no_projection(loaded: None) -> None:
    """Commands may write private rows; a projection's class never stands in an insert, update, delete or add of theirs."""
    projections = {mapper.class_.__name__ for mapper in Base.registry.mappers if mapper.local_table.info.get("kind") == "projection"}  # type: ignore[attr-defined]
    for service in SERVICES:
        house = ROOT / "services" / service
        for path in [*house.glob("commands.py"), *house.glob("commands/*.py")]:
            for written in re.findall(r"\b(?:insert|update|delete)\((\w+)\)|rows\.add\((\w+)\(", path.read_text()):
                assert not set(written) & projections, f"{name(path)} writes {written}"


def test_what_is_heard_is_said_by_somebody(loaded: None) -> None:
    known = {versioned_type(event) for event in event_classes().values()}
    for service in SERVICES:
        assert projection_of(service).hears | reactions_of(service).hears <= known


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_says_only_what_is_its_own(service: str) -> None:
    """Every event of a service's catalog is said in that service, and in no other."""
    own = {event.__name__ for event in event_classes().values() if event.__module__ == PUBLISHERS[service].__name__}
    sayings = r"\b({names})\("
    for other in SERVICES:
        for path in sorted((ROOT / "services" / other).rglob("*.py")):
            said = set(re.findall(sayings.format(names="|".join(own)), path.read_text()))
            assert other == service or not said, f"{name(path)} says {said}, which is {service}'s"


def test_every_event_is_said_somewhere() -> None:
    text = "\n".join(path.read_text() for path in CODE if "catalog" not in path.parts)
    silent = [event.__name__ for event in event_classes().values() if not re.search(rf"\b{event.__name__}\(", text)]
    assert silent == []


def test_every_table_says_what_it_is(loaded: None) -> None:
    for table in Base.metadata.tables.values():
        assert table.info.get("kind") in {"projection", "private", "machinery", "ledger"}, table.fullname
        assert next(iter(table.primary_key.columns)).name == "clinic_id", table.fullname


def test_every_rule_has_its_sentence() -> None:
    """A finding is said in plain words: every rule's function has an entry in schemas/sentences."""
    for service in SERVICES:
        house = ROOT / "services" / service
        for path in [*house.glob("rules.py"), *house.glob("rules/*.py")]:
            for node in ast.parse(path.read_text()).body:
                if isinstance(node, ast.FunctionDef) and re.search(r"^[a-z].*_(must|may)_", node.name):
                    assert node.name in sentences(), f"{name(path)}: {node.name} has no sentence"


def test_every_route_asks_who_may(loaded: None) -> None:
    asked = set()
    for path in [*(ROOT / "services").glob("*/routes.py"), *(ROOT / "services").glob("*/routes/*.py"), ROOT / "services" / "operations.py"]:
        asked |= set(re.findall(r"may\(\"(\w+)\"\)", path.read_text()))
    assert asked <= set(COMMANDS)


def test_readme_lists_every_event_and_every_command_of_the_make_file() -> None:
    readme = (ROOT / "README.md").read_text()
    missing = [event.type for event in event_classes().values() if f"`{event.type}`" not in readme]
    assert missing == []
    for target in ("make run", "make demo", "make test", "make check"):
        assert target in readme


def test_nothing_names_a_registry_or_a_path_of_a_machine() -> None:
    hosts = re.compile(r"py" r"pi\.org|python" r"hosted|registry\.npm" r"js|deb\.deb" r"ian|/work/" r"main", re.IGNORECASE)
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    assert len(tracked) > 100
    for found in tracked:
        if (ROOT / found).is_file():
            assert not hosts.search((ROOT / found).read_text(errors="ignore")), found


def test_every_planted_bug_can_still_be_planted() -> None:
    """The code moves on; a defect that finds its place no more would be caught by nobody."""
    moved = [
        f"{defect.name}: {swap.file}"
        for defect in DEFECTS
        for swap in defect.swaps
        if (found := (ROOT / swap.file).read_text().count(swap.old)) != 1 and not (swap.everywhere and found)
    ]
    assert len(DEFECTS) >= 16
    assert moved == []
