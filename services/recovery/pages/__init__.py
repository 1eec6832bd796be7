"""The screens of recovery: the client's check-in, and what the staff sees of it."""

from fastapi import APIRouter

from services.recovery.pages.checkin import routes as checkin
from services.screens.menu import Screen

MENU: tuple[Screen, ...] = ()

routes = APIRouter()
routes.include_router(checkin)
