"""The record by type, and by what is printed on things."""

from alembic import op

revision = "2026_11_23_searching"
down_revision = "2026_11_23_tablets"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Both tables are projections; what compliance has projected already is put in, or a search would say that there is nothing."""
    op.execute("set local lock_timeout = '5s'")
    op.execute(
        """
        create table compliance.stretches (
          clinic_id uuid not null,
          type text not null,
          epoch bigint not null,
          stretch bigint not null,
          constraint pk_stretches primary key (clinic_id, type, epoch, stretch)
        )
        """
    )
    op.execute(
        """
        create table compliance.codes (
          clinic_id uuid not null,
          code text not null,
          subject_id uuid not null,
          index bigint not null,
          constraint pk_codes primary key (clinic_id, code, subject_id)
        )
        """
    )
    op.execute(
        """
        insert into compliance.stretches (clinic_id, type, epoch, stretch)
        select distinct e.clinic_id, e.type, e.epoch, e.index / 128
          from ledger.entries e
          join ledger.bookmarks b on b.clinic_id = e.clinic_id and b.service = 'compliance' and b.stage = 'projected'
         where e.index < b.size
        """
    )
    op.execute(
        """
        insert into compliance.codes (clinic_id, code, subject_id, index)
        select e.clinic_id, c.code, (e.said ->> c.name)::uuid, min(e.index)
          from (select e.clinic_id, e.index, e.type, convert_from(e.body, 'UTF8')::jsonb -> 'data' as said
                  from ledger.entries e
                  join ledger.bookmarks b on b.clinic_id = e.clinic_id and b.service = 'compliance' and b.stage = 'projected'
                 where e.index < b.size
                   and e.type in ('lot.received.v1', 'sterilizer.commissioned.v1', 'handpiece.commissioned.v1', 'indicator.read.v1')) e
         cross join lateral (
           values ('lot.received.v1', 'lot_id', e.said ->> 'lot'),
                  ('lot.received.v1', 'lot_id', e.said ->> 'serial'),
                  ('sterilizer.commissioned.v1', 'sterilizer_id', e.said ->> 'serial'),
                  ('handpiece.commissioned.v1', 'handpiece_id', e.said ->> 'serial'),
                  ('indicator.read.v1', 'indicator_id', e.said ->> 'indicator_lot')) as c (type, name, code)
         where c.type = e.type and c.code is not null
         group by 1, 2, 3
        """
    )
