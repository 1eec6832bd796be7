"""The record's pages at the door: questions that are none, what is recorded of a look, cells that compute nothing."""

import csv
import html
import io
import re
from datetime import UTC, datetime
from importlib import import_module
from uuid import UUID, uuid4

import pytest

from events.catalog.compliance import RecordViewed
from schemas.vocabulary import Role
from services.compliance.pages.exports import cell
from services.compliance.pages.printing import COVERED, SIGNS, printed, visible
from tests.doors.conftest import Door
from tests.services.compliance_story import furnished, treat

PAGE = {"Accept": "text/html"}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("about=%00", 422),
        ("about=" + "9" * 201, 422),
        ("about=%1d%5Dd201x", 200),
        ("about=%ff%fe", 200),
        ("about=%25%27%22%3Cscript%3E", 200),
        ("about=(01", 200),
        ("about=01095060001343521", 200),
        ("from=0001-01-01", 422),
        ("until=9999-12-31", 422),
        ("from=2026-02-30", 422),
        ("from=2026-02-02&until=2026-02-01", 422),
        ("type=no.such", 422),
        ("before=-1", 422),
        ("before=" + "9" * 30, 422),
        ("before=" + "9" * 5000, 422),
        ("before=%D9%A3", 422),
        ("before=0", 200),
        ("refused=maybe&looks=&nothing=1", 303),
        ("ending=x", 200),
    ],
)
async def test_a_question_that_is_none_is_answered_with_words(door: Door, query: str, expected: int) -> None:
    where = f"/clinics/{door.house.clinic_id}/record"
    shown = await door.ask("GET", f"{where}?{query}", Role.AUDITOR, headers=PAGE)
    assert shown.status_code == expected, shown.text
    assert "<script>" not in shown.text
    if expected == 422:
        for kind in ("csv", "pdf"):
            assert (await door.ask("GET", f"{where}/export.{kind}?{query}", Role.AUDITOR, headers=PAGE)).status_code == 422


@pytest.mark.parametrize(
    "path",
    [
        "chain?kept=x&check=yes",
        "chain?kept=99999999999999999999:1:aa",
        "touched?kind=moon&id=1",
        "touched?kind=client&id=x",
        f"touched?kind=client&id={UUID(int=7)}&from=0001-01-01",
        f"touched?kind=client&id={UUID(int=7)}&from=2026-02-02&until=2026-02-01",
        f"touched.csv?kind=client&id={UUID(int=7)}&from=2026-02-02&until=2026-02-01",
        f"touched?kind=client&id={UUID(int=7)}&before=x",
        "entries/-1",
        "entries/9007199254740993",
        "treatments/x",
    ],
)
async def test_an_address_that_means_nothing_is_no_bug_of_ours(door: Door, path: str) -> None:
    answer = await door.ask("GET", f"/clinics/{door.house.clinic_id}/record/{path}", Role.AUDITOR, headers=PAGE)
    assert answer.status_code == 422, answer.text
    assert "text/html" in answer.headers["content-type"]


async def test_every_look_is_recorded_before_it_is_answered(door: Door) -> None:
    where, subject = f"/clinics/{door.house.clinic_id}/record", uuid4()
    asked = {
        "": "ledger",
        "/entries/0": "ledger_entry",
        f"/touched?kind=room&id={subject}": "touched_by_room",
        f"/treatments/{subject}": "behind_treatment",
        f"/touched.csv?kind=room&id={subject}": "touched_by_room",
        "/export.csv": "record_export",
        "/export.pdf": "record_export",
    }
    for path, question in asked.items():
        before = len(await door.house.entries())
        answer = await door.ask("GET", where + path, Role.MANAGER, headers=PAGE)
        assert answer.status_code == (404 if "treatments" in path else 200), answer.text
        (look,) = (await door.house.entries())[before:]
        assert isinstance(look.event, RecordViewed)
        assert (look.event.question, look.actor.role) == (question, Role.MANAGER)


async def test_a_trace_comes_in_pages_and_its_table_has_all(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("trace", "touched_table"):
        monkeypatch.setattr(import_module(f"services.compliance.pages.{name}"), "PAGE", 1)
    things = await furnished(door.house)
    done = [(await treat(door.house, things, pack)).treatment for pack in things.packs[:2]]
    where = f"/clinics/{door.house.clinic_id}/record/touched"
    asked = f"?kind=sterilizer&id={things.sterilizer}"
    first = (await door.ask("GET", where + asked, Role.AUDITOR, headers=PAGE)).text
    assert "2 treatments, 2 clients." in first
    assert "The picture shows 1 of 2 treatments" in first
    assert [f"/record/treatments/{one}" in first.partition("<h2>Treatments")[2].partition("<h2>Loads")[0] for one in done] == [False, True]
    (earlier,) = re.findall(r'href="([^"]+)" rel="next"', first)
    second = (await door.ask("GET", html.unescape(earlier), Role.AUDITOR, headers=PAGE)).text
    assert [f"/record/treatments/{one}" in second.partition("<h2>Treatments")[2].partition("<h2>Loads")[0] for one in done] == [True, False]
    assert "The newest" in second
    assert 'rel="next"' not in second
    table = await door.ask("GET", f"{where}.csv{asked}", Role.AUDITOR)
    assert table.headers["content-disposition"].startswith("attachment;")
    rows = list(csv.DictReader(io.StringIO(table.content.decode("utf-8-sig"))))
    assert [row["treatment_id"] for row in rows] == [str(one) for one in reversed(done)]
    assert all(str(pack) in row["touched_by"] for pack, row in zip(things.packs[:2], reversed(rows), strict=True))


async def test_an_export_is_a_file_of_its_own_kind(door: Door) -> None:
    where = f"/clinics/{door.house.clinic_id}/record"
    table = await door.ask("GET", f"{where}/export.csv?looks=yes", Role.AUDITOR)
    assert table.headers["content-disposition"].startswith("attachment;")
    assert table.headers["cache-control"] == "no-store"
    rows = list(csv.DictReader(io.StringIO(table.content.decode("utf-8-sig"))))
    assert {row["index"] for row in rows} == {str(index) for index in range(len(rows))}, "nothing twice, nothing left out"
    document = await door.ask("GET", f"{where}/export.pdf", Role.AUDITOR)
    assert document.headers["content-type"] == "application/pdf"
    assert document.content.startswith(b"%PDF")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1"])
def test_a_cell_is_never_something_to_compute(text: str) -> None:
    assert cell(text) == f"'{text}"
    assert (cell("1-1"), cell(None), cell(7)) == ("1-1", "", "7")


async def test_a_document_prints_what_it_is_given_and_shows_what_it_cannot() -> None:
    """The compiler refuses a sign that its fonts lack: each of those that we let through must be in them."""
    assert visible("日本 \n\x07") == "[U+65E5][U+672C]  [U+0007]"
    everything = "".join(chr(sign) for block in COVERED for sign in block) + "".join(sorted(SIGNS))
    rows = [["1", "now", f'#panic("x") *bold* $x$ @y <z> \\ {everything}', "#type", "日本", "a" * 64]]
    document = {"title": "#title", "asked": ["= heading", "- item"], "made": "#now", "head": "`1:1:a`", "cut": "", "rows": rows}
    at = datetime(2026, 11, 23, tzinfo=UTC)
    made = await printed("record.typ", document, '{"records": "日本"}', at)
    assert made.startswith(b"%PDF-1.7")
    assert made == await printed("record.typ", document, '{"records": "日本"}', at), "the same data at the same time, the same bytes"
    assert made != await printed("record.typ", document | {"rows": []}, '{"records": "日本"}', at)
