-- The chain, in SQL, so that no application can write one of its own. `events/chain.py` says the same for auditors.

create or replace function ledger.genesis(clinic uuid, epoch bigint) returns bytea
language sql immutable strict parallel safe
as $$
  select sha256(convert_to('clinic-ledger/v1 genesis' || chr(10) || clinic::text || chr(10) || epoch::text, 'UTF8'))
$$;

create or replace function ledger.leaf(clinic uuid, index bigint, recorded_at timestamptz, event_id uuid, type text, body bytea) returns bytea
language sql stable strict parallel safe
as $$
  select sha256('\x00'::bytea || convert_to(
    'clinic-ledger/v1' || chr(10)
    || clinic::text || chr(10)
    || index::text || chr(10)
    || to_char(recorded_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') || chr(10)
    || event_id::text || chr(10)
    || type || chr(10)
    || encode(sha256(body), 'hex') || chr(10), 'UTF8'))
$$;

create or replace function ledger.link(previous bytea, leaf bytea) returns bytea
language sql immutable strict parallel safe
as $$ select sha256('\x02'::bytea || previous || leaf) $$;
