"""Runs the migrations on the connection that `services/installation.py` hands over."""

from alembic import context

from events.database import Base

OURS = ("ledger", "machinery", "access", "booking", "consent", "hygiene", "treatment", "recovery", "compliance")


def _ours(name: str | None, kind: str, _parents: object) -> bool:
    return name in OURS if kind == "schema" else True


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    include_schemas=True,
    include_name=_ours,
    version_table="migrations",
    version_table_schema="ledger",
)
with context.begin_transaction():
    context.run_migrations()
