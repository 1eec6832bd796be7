"""Keys are the newest index of their tables."""

from alembic import op

revision = "2026_11_23_keys"
down_revision = "2026_11_23_checks"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Of two indexes that look equally good PostgreSQL takes the newer one, and in a table of which it knows nothing yet all
    that begin with the clinic look so. A row's key must be the one: a cached plan would read every row of the clinic for it.
    """
    op.execute("set local lock_timeout = '5s'")
    op.execute(
        """
        do $$
        declare found record;
        begin
          for found in
            select k.conrelid::regclass as name, k.conname, pg_get_constraintdef(k.oid) as definition
            from pg_constraint k join pg_namespace n on n.oid = k.connamespace
            where k.contype = 'p'
              and n.nspname in ('booking', 'consent', 'hygiene', 'treatment', 'recovery', 'compliance', 'access', 'machinery')
              and exists (select from pg_index i where i.indrelid = k.conrelid and i.indexrelid > k.conindid)
          loop
            execute format('alter table %s drop constraint %I, add constraint %I %s',
                           found.name, found.conname, found.conname, found.definition);
          end loop;
        end $$
        """
    )
