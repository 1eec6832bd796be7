"""What went wrong, as a page: every finding of the problem document, and a way on."""

from uuid import UUID

from fastapi import Request
from starlette.responses import Response

from schemas.vocabulary import Verdict
from services.door import Problem
from services.screens.frame import page
from services.session import SAFE

UNAUTHENTICATED = 401


def clinic_in(request: Request) -> UUID | None:
    """The clinic that the address names, if it names one."""
    try:
        return UUID(request.path_params.get("clinic", ""))
    except (ValueError, AttributeError):
        return None


def problem_page(request: Request, found: Problem, headers: dict[str, str]) -> Response:
    """Whoever is not signed in sees the sign-in form in place; all others what is the matter."""
    clinic = clinic_in(request)
    if found.status == UNAUTHENTICATED and clinic is not None:
        # What was asked is asked again after signing in, unless it would have changed something.
        way_on = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        lost = request.method not in SAFE
        answer: Response = page(
            request, "screens/sign_in.html", clinic=clinic, status=401, next=None if lost else way_on, lost=lost, wrong=None
        )
        if "hx-request" in request.headers:
            answer.headers["HX-Refresh"] = "true"
    else:
        reasons = [finding for finding in found.findings if finding.verdict is not Verdict.MET]
        answer = page(request, "screens/problem.html", clinic=clinic, status=found.status, problem=found, reasons=reasons)
    answer.headers.update(headers)
    return answer
