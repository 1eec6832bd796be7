"""The screens of consent: one client's consents for the staff, and the tablet in the client's hand."""

from fastapi import APIRouter

from services.consent.pages.client import routes as client
from services.consent.pages.screening import routes as screening
from services.consent.pages.signing import routes as signing
from services.consent.pages.withdrawing import routes as withdrawing
from services.screens.menu import Screen

MENU = (Screen("Consent", "consent", "view_consent", rank=40),)

routes = APIRouter()
for _part in (client, withdrawing, screening, signing):
    routes.include_router(_part)
