"""Wrong PINs are counted for each tablet; a tablet ends when nobody uses it."""

from alembic import op

revision = "2026_11_23_tries"
down_revision = "2026_11_23_searching"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A PIN that was locked everywhere goes: its owner sets it anew, as before. Every tablet was used now."""
    op.execute("set local lock_timeout = '5s'")
    op.execute("delete from compliance.pins where tries >= 5")
    op.execute("alter table compliance.pins drop column tries")
    op.execute("alter table compliance.tablets add column used_at timestamp with time zone not null default now()")
    op.execute("alter table compliance.tablets alter column used_at drop default")
    op.execute(
        """
        create table compliance.pin_tries (
          clinic_id uuid not null,
          tablet_id uuid not null,
          identity_id uuid not null,
          tries bigint not null,
          opens_at timestamp with time zone not null,
          locked_at timestamp with time zone,
          constraint pk_pin_tries primary key (clinic_id, tablet_id, identity_id)
        )
        """
    )
