"""Shared tablets, PINs, and sessions that were ended before their time."""

from alembic import op

revision = "2026_11_23_tablets"
down_revision = "2026_11_23_statistics"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """`access.authenticate` says more than before, so it is made anew (`sql/access.authenticate.sql`); who asks as before is answered."""
    op.execute("set local lock_timeout = '5s'")
    op.execute("alter table access.tokens add column tablet_id uuid")
    op.execute("drop function if exists access.authenticate(bytea, uuid)")
    op.execute(
        """
        create table access.sign_outs (
          clinic_id uuid not null,
          session_hash bytea not null,
          ended_at timestamp with time zone not null,
          constraint pk_sign_outs primary key (clinic_id, session_hash)
        )
        """
    )
    op.execute(
        """
        create table compliance.tablets (
          clinic_id uuid not null,
          tablet_id uuid not null,
          name text not null,
          secret_hash bytea not null,
          enrolled_at timestamp with time zone not null,
          removed_at timestamp with time zone,
          constraint pk_tablets primary key (clinic_id, tablet_id)
        )
        """
    )
    op.execute(
        """
        create table compliance.pins (
          clinic_id uuid not null,
          identity_id uuid not null,
          salt bytea not null,
          hash bytea not null,
          tries bigint not null,
          set_at timestamp with time zone not null,
          constraint pk_pins primary key (clinic_id, identity_id)
        )
        """
    )
