"""How hygiene's tables follow the ledger."""

from services.hygiene.projectors import recalls, roles, steam, supplies, surfaces, uses
from services.hygiene.projectors.rows import projects

__all__ = ["projects", "recalls", "roles", "steam", "supplies", "surfaces", "uses"]
