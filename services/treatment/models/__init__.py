"""Everything the gate knows, kept compact so that one start reads only rows by key. All of it follows the ledger."""

from services.treatment.models.clients import Arrival, Clearance, Client, Consent, Decline, Form, Hold, Practitioner, Screening, Visit
from services.treatment.models.items import Cycle, Handpiece, HeldItem, Lot, Pack, Reprocessing, Sterilizer, Turnover, Unit, UsedItem
from services.treatment.models.treatments import Cleansing, Numbing, Override, Policies, Treatment

__all__ = [
    "Arrival",
    "Cleansing",
    "Clearance",
    "Client",
    "Consent",
    "Cycle",
    "Decline",
    "Form",
    "Handpiece",
    "HeldItem",
    "Hold",
    "Lot",
    "Numbing",
    "Override",
    "Pack",
    "Policies",
    "Practitioner",
    "Reprocessing",
    "Screening",
    "Sterilizer",
    "Treatment",
    "Turnover",
    "Unit",
    "UsedItem",
    "Visit",
]
