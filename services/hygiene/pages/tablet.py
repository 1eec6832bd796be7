"""The tablet beside the sterilizer: one page that goes on without the network, and what it needs for that.

The page itself is the same for everybody and names nobody, so a tablet may keep it. What people enter is kept in the browser
and sent to the routes of this service; nothing of it passes through here.
"""

import json
from functools import cache
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from schemas.hygiene import TurnoverStep
from services.door import Asking, may
from services.hygiene import queries
from services.screens.assets import FOLDER, address, version
from services.screens.frame import FILMING, HEADERS, page
from services.screens.names import people_of

routes = APIRouter(prefix="/clinics/{clinic}/tablet", include_in_schema=False)

MODULES = (
    "taking.js",
    "tablet.js",
    "forms.js",
    "drafts.js",
    "reports.js",
    "offers.js",
    "outbox.js",
    "entries.js",
    "wedge.js",
    "problems.js",
    "this_tablet.js",
    "lock.js",
)
LATER = ("gs1.js", "correcting.js", "scan.js")
"""What a tap or a scan asks for first: kept with the rest, so that it is there without the network too."""

CAMERA = ("vendor/barcode-detector-3.2.2.js", "vendor/zxing_reader-3.1.3.wasm")
SHELL = (*MODULES, *LATER, *CAMERA, "screens.css", "icons.svg", "mark.svg")
"""Everything that the page is made of. What is not here is not there when the network is gone."""

ICONS = {"icon-192.png": "192x192", "icon-512.png": "512x512"}

# The page is kept by the service worker, whatever this says to others.
TABLET_HEADERS = (
    HEADERS | FILMING | {"Content-Security-Policy": f"{FILMING['Content-Security-Policy']}; manifest-src 'self'; worker-src 'self'"}
)

STEPS = {
    TurnoverStep.SHARPS_DISCARDED: "Sharps are in the sharps container",
    TurnoverStep.SURFACES_CLEANED: "Surfaces are cleaned",
    TurnoverStep.SURFACES_DISINFECTED: "Surfaces are disinfected",
    TurnoverStep.BARRIERS_RENEWED: "Barriers are renewed",
}


@routes.get("")
async def tablet(ask: Annotated[Asking, may("record_cycle")], request: Request) -> Response:
    """The page, for nobody in particular: no navigation by role, nobody's name."""
    answer = page(request, "hygiene/tablet.html", clinic=ask.clinic, steps=STEPS)
    answer.headers.update(TABLET_HEADERS)
    return answer


@routes.get("/facts")
async def facts(ask: Annotated[Asking, may("record_cycle")]) -> Response:
    """Machines, programs and places to choose from, and under whose sign-in entries are sent: an id, and one of that very sign-in."""
    async with ask.reading("hygiene") as view:
        found = await queries.tablet_facts(view)
    session = ask.shown.session
    sign_in = {"who": str(ask.actor.identity_id), "session": session.hex()[:16] if session else None}
    return JSONResponse(found.model_dump(mode="json") | sign_in, headers=HEADERS)


@routes.get("/people")
async def people(ask: Annotated[Asking, may("receive_lot")], request: Request) -> Response:
    """Who may have compared a typed label. Asked when a label is typed, and not kept."""
    called = await people_of(request, ask)
    others = [{"id": str(who), "name": name} for who, name in called.items() if who != ask.actor.identity_id]
    return JSONResponse(sorted(others, key=lambda one: one["name"]), headers=HEADERS)


@cache
def _worker() -> str:
    return (FOLDER / "tablet_worker.js").read_text(encoding="utf-8")


@routes.get("/sw.js")
async def worker(clinic: UUID) -> Response:
    """The service worker: it changes with any file of the shell, and then fetches all of them."""
    here = f"/clinics/{clinic}/tablet"
    shell = {"version": version(), "page": here, "files": [address(name) for name in SHELL]}
    headers = HEADERS | {
        # A worker's own requests are bound by the policy that it came with.
        "Content-Security-Policy": "default-src 'none'; script-src 'self'; connect-src 'self'",
        "Cache-Control": "no-cache",
        "Service-Worker-Allowed": here,
    }
    return Response(f"const SHELL = {json.dumps(shell)};\n{_worker()}", media_type="text/javascript", headers=headers)


@routes.get("/manifest.webmanifest")
async def manifest(clinic: UUID) -> Response:
    """What a tablet needs to put the page on its home screen."""
    here = f"/clinics/{clinic}/tablet"
    said: dict[str, Any] = {
        "id": here,
        "name": "Asepsis: sterilization",
        "short_name": "Asepsis",
        "start_url": here,
        "scope": f"/clinics/{clinic}",
        "display": "standalone",
        "background_color": "#f6f5f2",
        "theme_color": "#0b5f63",
        "icons": [{"src": address(name), "sizes": size, "type": "image/png", "purpose": "any maskable"} for name, size in ICONS.items()],
    }
    return Response(json.dumps(said), media_type="application/manifest+json", headers=HEADERS | {"Cache-Control": "no-cache"})
