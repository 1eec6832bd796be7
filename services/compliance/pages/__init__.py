"""The screens of compliance: the record for whoever audits it, and the manager's day."""

from fastapi import APIRouter

from schemas.vocabulary import Role
from services.compliance.pages.chain import routes as chain
from services.compliance.pages.entry import routes as entry
from services.compliance.pages.exports import routes as exports
from services.compliance.pages.searching import routes as searching
from services.compliance.pages.today import routes as today
from services.compliance.pages.trace import routes as trace
from services.screens.menu import Screen

MENU = (
    Screen("Today", "today", "view_dead_letters", rank=1, home_of=frozenset({Role.MANAGER})),
    Screen("Record", "record", "ask_record", rank=70, home_of=frozenset({Role.AUDITOR})),
)

routes = APIRouter()
for _part in (searching, entry, trace, chain, exports, today):
    routes.include_router(_part)
