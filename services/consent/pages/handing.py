"""The tablet in a client's hand: what it was handed over for, and nothing else that the staff may do.

Handing over ends the staff's session in this browser. In its place stands a sealed pass for one client and one purpose, good
for the pages below `signing` only. It rests on the token of whoever handed over, which is looked up at each step; what the
client does is recorded as theirs.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Literal
from uuid import UUID, uuid5

from fastapi import Depends, Header, Request, Response
from pydantic import ValidationError

from events.transaction import UnknownClinicError
from schemas.consent import Guardian
from schemas.vocabulary import Actor, Area, Language, LocalDate, Role, Shape
from services.consent.pages.words import WORDS
from services.door import Asking, ProblemError, database_of, may, problem, unmet
from services.screens.drafts import SIGNING, TooLongError, signing_path
from services.screens.languages import Tongue, accepted
from services.session import is_from_our_own_pages

ALL_AREAS = list(Area)


class Given(Shape):
    """An answer so far, as short as a cookie wants it: y, n or p; the day; areas by their place in the vocabulary."""

    a: str
    on: LocalDate | None = None
    at: tuple[int, ...] = ()

    @property
    def answer(self) -> str:
        return {"y": "yes", "n": "no"}.get(self.a, "prefer_not_to_say")

    @property
    def areas(self) -> tuple[Area, ...]:
        return tuple(ALL_AREAS[place] for place in self.at if place < len(ALL_AREAS))


class Handing(Shape):
    """What the tablet was handed over for.

    `language`: what the client picked; `client_language`: what the staff said. `refusals`: how often what the client sent was
    refused: each try has an id of its own.
    """

    handing_id: UUID
    clinic: UUID
    token: str
    client_id: UUID
    extent: str = ""
    language: Language | Literal[""] = ""
    sign: bool = False
    modality: str = ""
    areas: tuple[Area, ...] = ()
    max_depth_um: int = 0
    explained_by: UUID | None = None
    client_language: str | None = None
    interpreter_id: UUID | None = None
    guardian: Guardian | None = None
    answers: dict[str, Given] = {}
    answered: bool = False
    refusals: int = 0
    done: str = ""


@dataclass(frozen=True, slots=True)
class Handed:
    """A tablet in a client's hand."""

    ask: Asking
    handing: Handing
    set_to: tuple[str, ...] = ()
    """The languages of the tablet itself."""

    @property
    def speaks(self) -> str:
        """The client's language: what they picked, else what the staff said; empty if nobody said."""
        return self.handing.language or self.handing.client_language or ""

    @property
    def tongue(self) -> Tongue:
        """The words of the pages."""
        return WORDS.best(self.speaks, *self.set_to)

    @property
    def here(self) -> str:
        return signing_path(self.ask.clinic)

    @property
    def client(self) -> Actor:
        """Who acts: a client at the clinic's tablet, not the practitioner, and never a clinician, whose answers settle what contradicts."""
        return Actor(identity_id=uuid5(self.handing.client_id, "tablet"), role=Role.CLIENT, device=self.ask.actor.device)

    def id_of(self, what: str) -> UUID:
        """One handing over, one record of each kind: a pass that was copied asks for what is there already."""
        return uuid5(self.handing.handing_id, f"{what}.{self.handing.refusals}")

    def keep(self, request: Request, response: Response, **changes: Any) -> None:
        """What was entered since."""
        keep(request, response, self.handing.model_copy(update=changes))

    def refused(self, request: Request, response: Response) -> Response:
        """The client may correct it, which makes it something else."""
        self.keep(request, response, refusals=self.handing.refusals + 1)
        return response


def keep(request: Request, response: Response, handing: Handing) -> None:
    """Seal it into the browser's cookie. Raises `ProblemError` where that cannot hold it."""
    kept = handing.model_dump(mode="json", exclude_defaults=True)
    try:
        SIGNING.keep(request, response, database_of(request).secret, signing_path(handing.clinic), kept)
    except TooLongError as more:
        raise problem(422, "input", "Too much to keep", unmet("tablet_must_hold_what_is_entered")) from more


def _pass_of(request: Request, clinic: UUID) -> Handing | None:
    """The pass that this browser holds for this clinic."""
    kept = SIGNING.read(request, database_of(request).secret)
    try:
        handing = Handing.model_validate(kept)
    except ValidationError:  # none, or one that an earlier version of the program made
        return None
    return handing if handing.clinic == clinic else None


def handed(command: str) -> Any:
    """A dependency: the tablet as it was handed over, if whoever did so may still have this done."""
    admitted = may(command).dependency

    async def holding(
        clinic: UUID, request: Request, response: Response, authorization: Annotated[str, Header(include_in_schema=False)] = ""
    ) -> Handed:
        handing = _pass_of(request, clinic)
        if handing is None:
            await admitted(clinic, request, response, authorization, None)
            raise problem(409, "not_handed_over", "Not handed over", unmet("tablet_must_be_handed_over"))
        if not is_from_our_own_pages(request):
            raise problem(403, "forbidden", "Not allowed", unmet("request_must_come_from_our_own_pages"))
        try:
            ask = await admitted(clinic, request, response, f"Bearer {handing.token}", None)
        except (ProblemError, UnknownClinicError) as over:
            raise problem(409, "not_handed_over", "Not handed over", unmet("tablet_must_be_handed_over")) from over
        return Handed(ask, handing, tuple(accepted(request.headers.get("accept-language", ""))))

    holding.command = command  # type: ignore[attr-defined]
    return Depends(holding)
