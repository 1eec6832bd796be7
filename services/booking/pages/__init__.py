"""The screens of booking: the day board, one booking, and making a new one."""

from fastapi import APIRouter

from services.booking.pages.board import routes as board
from services.booking.pages.changing import routes as changing
from services.booking.pages.making import routes as making
from services.booking.pages.merging import routes as merging
from services.screens.menu import Screen

MENU = (Screen("Day board", "board", "view_day_sheet", rank=10),)

routes = APIRouter()
for _part in (board, making, merging, changing):  # words before ids: `/board/book` is no booking's
    routes.include_router(_part)
