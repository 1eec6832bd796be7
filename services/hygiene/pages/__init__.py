"""The screens of hygiene: today at a glance, the tablet beside the sterilizer, lots, recalls, labels."""

from fastapi import APIRouter

from schemas.vocabulary import Role
from services.hygiene.pages.calendar import routes as calendar
from services.hygiene.pages.labels import routes as labels
from services.hygiene.pages.lots import routes as lots
from services.hygiene.pages.packs import routes as packs
from services.hygiene.pages.recalls import routes as recalls
from services.hygiene.pages.sterilizers import routes as sterilizers
from services.hygiene.pages.tablet import routes as tablet
from services.hygiene.pages.today import routes as today
from services.hygiene.pages.wasting import routes as wasting
from services.screens.menu import Screen

MENU = (
    Screen("Hygiene today", "hygiene/today", "view_hygiene", rank=20, home_of=frozenset({Role.TECHNICIAN})),
    Screen("Indicators", "hygiene/calendar", "view_hygiene", rank=22),
    Screen("Lots", "hygiene/lots", "view_hygiene", rank=23),
    Screen("Recalls", "hygiene/recalls", "view_hygiene", rank=24),
    Screen("Log hygiene", "tablet", "record_cycle", rank=21),
)

routes = APIRouter()
for _part in (today, tablet, labels, calendar, lots, packs, recalls, sterilizers, wasting):
    routes.include_router(_part)
