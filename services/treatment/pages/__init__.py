"""The screens at the chair: today's clients, one booking until its start, a treatment until its end, and what was done on paper."""

from fastapi import APIRouter

from schemas.vocabulary import Role
from services.screens.menu import Screen
from services.treatment.pages.chair import routes as chair
from services.treatment.pages.ending import routes as ending
from services.treatment.pages.past import routes as past
from services.treatment.pages.preparing import routes as preparing
from services.treatment.pages.running import routes as running
from services.treatment.pages.starting import routes as starting

MENU = (Screen("Treatments", "chair", "view_treatment", rank=15, home_of=frozenset({Role.PRACTITIONER, Role.CLINICIAN})),)

routes = APIRouter()
for _part in (chair, past, running, ending, preparing, starting):  # words before ids: `/chair/past` is no booking's
    routes.include_router(_part)
