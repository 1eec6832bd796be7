"""How booking's tables follow the ledger: the only code that writes them."""

from services.booking.projectors import bookings, consents, people, treatments
from services.booking.projectors.following import projects

__all__ = ["bookings", "consents", "people", "projects", "treatments"]
