"""A client's no on the tablet, and who called a client who did not answer."""

from alembic import op

revision = "2026_11_23_noes"
down_revision = "2026_11_23_tries"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Both are projections; nothing that is in a record already says either."""
    op.execute("set local lock_timeout = '5s'")
    op.execute(
        """
        create table consent.declines (
          clinic_id uuid not null,
          handing_id uuid not null,
          client_id uuid not null,
          form_id uuid not null,
          form_version bigint not null,
          language text not null,
          declined_at timestamp with time zone not null,
          event_id uuid not null
        )
        """
    )
    op.execute("create index ix_declines_clinic_id_client_id on consent.declines (clinic_id, client_id)")
    # The newest of indexes that look equally good is taken: the key comes last.
    op.execute("alter table consent.declines add constraint pk_declines primary key (clinic_id, handing_id)")
    op.execute("alter table recovery.check_ins add column called_at timestamp with time zone")
    op.execute("alter table recovery.check_ins add column called_by uuid")
    op.execute("alter table recovery.check_ins add column call text")
