"""The only code that writes the gate's tables, by what it follows: clients, items, treatments."""

from services.treatment.projectors import clients, items, treatments
from services.treatment.projectors.following import projects

__all__ = ["clients", "items", "projects", "treatments"]
