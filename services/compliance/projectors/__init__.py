"""How compliance's tables follow the ledger: the only code that writes them."""

from services.compliance.projectors import clinic, finding, traces
from services.compliance.projectors.finding import EVERYTHING
from services.compliance.projectors.following import projects

__all__ = ["EVERYTHING", "clinic", "finding", "projects", "traces"]
