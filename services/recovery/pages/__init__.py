"""The screens of recovery: the client's check-in, and what the staff sees of it."""

from fastapi import APIRouter

from services.recovery.pages.calls import routes as calls
from services.recovery.pages.checkin import routes as checkin
from services.recovery.pages.client import routes as client
from services.recovery.pages.today import routes as today
from services.screens.menu import Screen

MENU = (Screen("Recovery", "recovery", "view_recovery", rank=45), Screen("To call", "to-call", "follow_up_checkin", rank=46))

routes = APIRouter()
for _part in (checkin, today, client, calls):
    routes.include_router(_part)
