"""HTTP door: who may act and which policy holds; the auditor's questions and the ledger."""

from fastapi import APIRouter

from services.compliance.routes import audit, clinic

routes = APIRouter(tags=["compliance"])
routes.include_router(clinic.routes)
routes.include_router(audit.routes)
