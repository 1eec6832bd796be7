"""What is entered so far, sealed into a cookie: whom it opens for, how long, and that the longest questionnaire fits."""

from datetime import date
from typing import Any
from uuid import uuid4

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response

from schemas.consent import Guardian
from schemas.policy import default_policy
from schemas.vocabulary import Area, Role
from services.consent.pages.handing import ALL_AREAS, Given, Handing, keep
from services.door import ProblemError
from services.screens import drafts
from services.screens.drafts import SIGNING, Drafts, TooLongError
from tests.conftest import SECRET
from tests.doors.conftest import Door
from tests.doors.test_handed_over import a_pass, give
from tests.doors.test_pin import browser


def asked(scheme: str = "http", **cookies: str) -> Request:
    told = "; ".join(f"{name}={value}" for name, value in cookies.items())
    headers = [(b"cookie", told.encode())]
    return Request({"type": "http", "method": "GET", "scheme": scheme, "server": ("x", 1), "path": "/", "headers": headers})


def test_a_draft_opens_for_its_own_kind_and_installation_only(monkeypatch: pytest.MonkeyPatch) -> None:
    response = Response()
    Drafts("one").keep(asked(), response, SECRET, "/p", {"answer": "yes"})
    value = response.headers["set-cookie"].partition("=")[2].partition(";")[0]
    assert {"HttpOnly", "SameSite=strict", "Path=/p"} <= set(response.headers["set-cookie"].split("; "))
    assert "yes" not in value
    assert Drafts("one").read(asked(**{"asepsis-one": value}), SECRET) == {"answer": "yes"}
    for kind, secret, shown in (("two", SECRET, value), ("one", b"another" * 5, value), ("one", SECRET, value[:-3]), ("one", SECRET, "")):
        assert Drafts(kind).read(asked(**{f"asepsis-{kind}": shown}), secret) is None
    monkeypatch.setattr(drafts, "SECONDS", -1)
    assert Drafts("one").read(asked(**{"asepsis-one": value}), SECRET) is None
    secure = Response()
    Drafts("one").keep(asked("https"), secure, SECRET, "/p", {})
    assert secure.headers["set-cookie"].startswith("__Secure-asepsis-one=")
    assert "Secure" in secure.headers["set-cookie"].split("; ")
    with pytest.raises(TooLongError):
        Drafts("one").keep(asked(), Response(), SECRET, "/p", {"answers": [str(uuid4()) for _ in range(300)]})


async def test_a_pass_is_good_for_its_own_clinic_only(door: Door) -> None:
    async with browser(door) as own:
        give(door, own, a_pass(door, client_id=uuid4(), extent="full"))
        assert (await own.get("signing")).status_code == 200
    async with browser(door) as own:
        elsewhere = a_pass(door, client_id=uuid4(), extent="full", clinic=uuid4())
        give(door, own, elsewhere)
        assert (await own.get("signing")).status_code == 401


def test_the_longest_questionnaire_fits_into_a_cookie(door: Door) -> None:
    everywhere = tuple(range(len(ALL_AREAS)))
    days = [date(2026, 1 + number % 12, 1 + number % 28) for number in range(100)]
    answers = {code: Given(a="y", on=days[number], at=everywhere) for number, code in enumerate(default_policy().contraindications)}
    handing = Handing(
        handing_id=uuid4(),
        clinic=uuid4(),
        token=door.tokens[Role.CLINICIAN],
        client_id=uuid4(),
        extent="full",
        sign=True,
        modality="microneedling",
        areas=tuple(Area),
        max_depth_um=2500,
        explained_by=uuid4(),
        client_language="nl",
        interpreter_id=uuid4(),
        guardian=Guardian(name="Ünïcode " * 20, proof=str(uuid4()) * 5, proof_seen_by=uuid4()),
        answers=answers,
    )
    response = Response()
    app: Any = door.client._transport.app  # type: ignore[attr-defined]
    keep(Request({"type": "http", "method": "GET", "scheme": "http", "path": "/", "headers": [], "app": app}), response, handing)
    value = response.headers["set-cookie"].partition("=")[2].partition(";")[0]
    kept = SIGNING.read(asked(**{"asepsis-signing": value}), SECRET)
    assert kept is not None
    assert Handing.model_validate(kept) == handing
    assert httpx.Headers(response.headers)["set-cookie"].startswith("asepsis-signing=")


def test_what_no_cookie_holds_is_said_in_words(door: Door) -> None:
    handing = a_pass(door, client_id=uuid4(), sign=True, client_language="x" * 3000)
    app: Any = door.client._transport.app  # type: ignore[attr-defined]
    request = Request({"type": "http", "method": "GET", "scheme": "http", "path": "/", "headers": [], "app": app})
    with pytest.raises(ProblemError) as said:
        keep(request, Response(), handing.model_copy(update={"done": "".join(map(str, (uuid4() for _ in range(300))))}))
    assert (said.value.problem.status, [one.rule for one in said.value.problem.findings]) == (422, ["tablet_must_hold_what_is_entered"])
