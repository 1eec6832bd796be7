"""What people look at: treatments with their certificates, who is in the chair today, and what a scanned code stands for."""

from services.treatment.queries.certificates import certificate, preparation
from services.treatment.queries.chair import (
    Sitting,
    clients_lately,
    policy_of,
    practitioners_known,
    sitting_of,
    sittings,
    untreated,
    usual_product,
)
from services.treatment.queries.declining import SaidNo, no_of
from services.treatment.queries.things import Kind, Label, Things, rooms_known, things_called, things_scanned

__all__ = [
    "Kind",
    "Label",
    "SaidNo",
    "Sitting",
    "Things",
    "certificate",
    "clients_lately",
    "no_of",
    "policy_of",
    "practitioners_known",
    "preparation",
    "rooms_known",
    "sitting_of",
    "sittings",
    "things_called",
    "things_scanned",
    "untreated",
    "usual_product",
]
