"""Who may say that somebody came by TLS: the proxy that was named, and nobody else."""

from dataclasses import replace

import httpx
import pytest

from events.database import Database
from events.embedded import Servers
from schemas.vocabulary import Role
from services.serving import make_server
from services.settings import Settings, SettingsError, proxies
from tests.conftest import SECRET, House
from tests.doors.conftest import token_for

FROM_OURS = {"Accept": "text/html", "Sec-Fetch-Site": "same-origin"}


@pytest.mark.parametrize(
    ("named", "comes_from", "believed"),
    [
        ((), "127.0.0.1", False),
        (("172.31.254.2",), "172.31.254.2", True),
        (("172.31.254.0/29",), "172.31.254.2", True),
        (("172.31.254.2",), "172.31.254.1", False),
        (("172.31.254.2",), "127.0.0.1", False),
    ],
)
async def test_only_the_named_proxy_is_believed_about_tls(
    servers: Servers, database: Database, house: House, named: tuple[str, ...], comes_from: str, believed: bool
) -> None:
    settings = Settings(database_url=database.url, migration_url=database.url, redis_url=servers.redis_url, secret=SECRET)
    config = make_server(replace(settings, proxies=named)).config
    config.app.state.database = database  # type: ignore[union-attr]
    config.load()
    token = await token_for(house, Role.FRONT_DESK)
    transport = httpx.ASGITransport(config.loaded_app, client=(comes_from, 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://asepsis.lan") as client:
        headers = FROM_OURS | {"X-Forwarded-Proto": "https", "X-Forwarded-For": "10.9.8.7"}
        answer = await client.post(f"/clinics/{house.clinic_id}/sign-in", data={"token": token}, headers=headers)
        assert answer.status_code == 303, answer.text
        cookie = answer.headers["set-cookie"]
        assert (cookie.startswith("__Host-asepsis="), "Secure" in cookie.split("; ")) == (believed, believed)


def test_a_proxy_is_an_address_or_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASEPSIS_PROXIES", "127.0.0.1, 10.0.3.0/24 ::1")
    assert proxies() == ("127.0.0.1", "10.0.3.0/24", "::1")
    for wrong in ("*", "caddy", "10.0.3.1/24"):
        monkeypatch.setenv("ASEPSIS_PROXIES", wrong)
        with pytest.raises(SettingsError, match="neither"):
            proxies()
