"""The screens of booking: the day board, one booking, making a new one, two records of one person, and who may treat."""

from fastapi import APIRouter

from services.booking.pages.board import routes as board
from services.booking.pages.changing import routes as changing
from services.booking.pages.credentials import routes as credentials
from services.booking.pages.making import routes as making
from services.booking.pages.merging import routes as merging
from services.screens.menu import Screen

MENU = (
    Screen("Day board", "board", "view_day_sheet", rank=10),
    Screen("Who may treat", "practitioners", "credential_practitioner", rank=80),
)

routes = APIRouter()
for _part in (board, credentials, making, merging, changing):  # words before ids: `/board/book` is no booking's
    routes.include_router(_part)
