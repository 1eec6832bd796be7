"""The screens of compliance: the record for whoever audits it, and the manager's day."""

from fastapi import APIRouter

from schemas.vocabulary import Role
from services.compliance.pages.chain import routes as chain
from services.compliance.pages.entry import routes as entry
from services.compliance.pages.exports import routes as exports
from services.compliance.pages.searching import routes as searching
from services.compliance.pages.tablets import routes as tablets
from services.compliance.pages.today import routes as today
from services.compliance.pages.touched_table import routes as touched_table
from services.compliance.pages.trace import routes as trace
from services.compliance.pages.who import routes as who
from services.screens.menu import Screen

MENU = (
    Screen("Today", "today", "view_dead_letters", rank=1, home_of=frozenset({Role.MANAGER})),
    Screen("Record", "record", "ask_record", rank=70, home_of=frozenset({Role.AUDITOR})),
    Screen("Shared tablets", "tablets", "enroll_tablet", rank=90),
    Screen("My PIN", "pin", "set_pin", rank=95),
)

routes = APIRouter()
for _part in (searching, entry, trace, touched_table, chain, exports, today, tablets, who):
    routes.include_router(_part)
