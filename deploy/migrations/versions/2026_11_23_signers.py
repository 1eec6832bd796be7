"""Who holds which role, as hygiene knows it: a second signer of a recall is judged by it."""

from alembic import op

revision = "2026_11_23_signers"
down_revision = "2026_11_23_noes"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A projection; what hygiene has projected already is put in, or nobody could sign beside anybody."""
    op.execute("set local lock_timeout = '5s'")
    op.execute(
        """
        create table hygiene.held_roles (
          clinic_id uuid not null,
          identity_id uuid not null,
          role text not null,
          until timestamp with time zone,
          constraint pk_held_roles primary key (clinic_id, identity_id, role)
        )
        """
    )
    op.execute(
        """
        insert into hygiene.held_roles (clinic_id, identity_id, role, until)
        select newest.clinic_id, newest.identity_id, newest.role, newest.until
          from (select distinct on (e.clinic_id, e.said ->> 'identity_id', e.said ->> 'role')
                       e.clinic_id, e.type, (e.said ->> 'identity_id')::uuid as identity_id, e.said ->> 'role' as role,
                       (e.said ->> 'until')::timestamp with time zone as until
                  from (select e.clinic_id, e.index, e.type, convert_from(e.body, 'UTF8')::jsonb -> 'data' as said
                          from ledger.entries e
                          join ledger.bookmarks b on b.clinic_id = e.clinic_id and b.service = 'hygiene' and b.stage = 'projected'
                         where e.index < b.size and e.type in ('access.granted.v1', 'access.revoked.v1')) e
                 order by e.clinic_id, e.said ->> 'identity_id', e.said ->> 'role', e.index desc) newest
         where newest.type = 'access.granted.v1'
        """
    )
