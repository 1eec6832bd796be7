"""What a tablet's history keeps of a page is its title: no client's name stands there."""

import re
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from schemas.vocabulary import Role
from tests.doors.conftest import Door
from tests.doors.test_pin import browser

TITLE = re.compile(r"{% block title %}(.*?){% endblock %}", re.DOTALL)
TEMPLATES = sorted(Path("services").glob("*/templates/*.html"))


def test_no_title_is_made_of_what_a_client_is_called() -> None:
    titled = {path.parent.parent.name + "/" + path.name: TITLE.findall(path.read_text()) for path in TEMPLATES}
    assert sum(map(len, titled.values())) > 30
    assert [name for name, titles in titled.items() for title in titles if re.search(r"{{[^}]*\bwho\b", title)] == []


@pytest.mark.parametrize("path", ["consent", "recovery/clients"])
async def test_a_clients_page_names_them_in_its_heading_only(door: Door, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    client = uuid4()

    async def called(*_: Any) -> dict[Any, str]:
        return {client: "Ada Quist"}

    app: Any = door.client._transport.app  # type: ignore[attr-defined]
    monkeypatch.setitem(app.state._state, "clients_called", called)
    async with browser(door) as own:
        await own.sign_in(door.tokens[Role.PRACTITIONER])
        page = (await own.get(f"{path}/{client}")).text
        assert "<h1>Ada Quist</h1>" in page
        title = page.partition("<title>")[2].partition("</title>")[0]
        assert (bool(title), "Ada" in title) == (True, False)
