"""What booking shows, and the one way to load what its rules look at."""

from services.booking.queries.consents import SaidNo, noes_ahead
from services.booking.queries.diary import booking_of, day_sheet, find_slots, row_of, visit_of
from services.booking.queries.people import bookable, client_of, clients_born_on, clients_named, contact_of, details_of, phones_of
from services.booking.queries.situation import Asked, client_group, load_policy, load_situation, next_slots

__all__ = [
    "Asked",
    "SaidNo",
    "bookable",
    "booking_of",
    "client_group",
    "client_of",
    "clients_born_on",
    "clients_named",
    "contact_of",
    "day_sheet",
    "details_of",
    "find_slots",
    "load_policy",
    "load_situation",
    "next_slots",
    "noes_ahead",
    "phones_of",
    "row_of",
    "visit_of",
]
