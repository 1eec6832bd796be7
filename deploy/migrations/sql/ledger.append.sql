-- The only way into the ledger. The caller holds the clinic's advisory lock, taken in an earlier statement;
-- `expected_size` refuses everyone who decided on an older view. Returns the chain behind the last entry.
-- The arithmetic is that of `ledger.leaf` and `ledger.link`, written out: calling them takes as long as all the rest.
drop function if exists ledger.append(uuid, bigint, bigint, timestamptz, uuid, text, bytea);

create or replace function ledger.append(
  p_clinic uuid, p_epoch bigint, p_expected_size bigint, p_recorded_at timestamptz, p_event_ids uuid[], p_types text[], p_bodies bytea[]
) returns bytea
language plpgsql volatile strict security definer
set search_path = ledger, pg_temp
as $$
declare
  v_epoch bigint;
  v_size bigint;
  v_chain bytea;
  v_last_at timestamptz;
  v_at text;
begin
  if current_setting('synchronous_commit') = 'off' then
    raise exception 'the ledger is not written with synchronous_commit = off' using errcode = 'AS002';
  end if;
  if p_clinic is distinct from nullif(current_setting('app.clinic', true), '')::uuid then
    raise exception 'this transaction belongs to another clinic' using errcode = 'AS003';
  end if;
  select c.epoch, coalesce(e.index + 1, 0), e.chain, e.recorded_at into v_epoch, v_size, v_chain, v_last_at
    from (select x.epoch from ledger.clinics x where x.clinic_id = p_clinic order by x.epoch desc limit 1) c
    left join lateral (select y.index, y.chain, y.recorded_at from ledger.entries y where y.clinic_id = p_clinic and y.epoch = c.epoch
                       order by y.index desc limit 1) e on true;
  if p_epoch is distinct from v_epoch then
    raise exception 'epoch % is not the one that is open', p_epoch using errcode = 'AS007';
  end if;
  if v_size <> p_expected_size then
    raise exception 'the ledger has % entries, not %', v_size, p_expected_size using errcode = 'AS001';
  end if;
  if v_last_at is not null and p_recorded_at < v_last_at then
    raise exception 'time does not go back in the ledger' using errcode = 'AS004';
  end if;
  -- The caller read the clock in this transaction; nobody dates an entry otherwise. Two seconds, as a server's clock may
  -- be set right meanwhile. `greatest` leaves NULLs out.
  if p_recorded_at < now() - interval '2 seconds' or p_recorded_at > greatest(v_last_at, clock_timestamp() + interval '2 seconds') then
    raise exception 'an entry is recorded now, and % is not now', p_recorded_at using errcode = 'AS006';
  end if;
  if cardinality(p_types) <> cardinality(p_event_ids) or cardinality(p_bodies) <> cardinality(p_event_ids) then
    raise exception 'every entry has an id, a type and a body' using errcode = 'AS008';
  end if;
  v_chain := coalesce(v_chain, ledger.genesis(p_clinic, p_epoch));
  v_at := to_char(p_recorded_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');
  for i in 1 .. cardinality(p_event_ids) loop
    v_chain := sha256('\x02'::bytea || v_chain || sha256('\x00'::bytea || convert_to(
      'clinic-ledger/v1' || chr(10) || p_clinic::text || chr(10) || v_size::text || chr(10) || v_at || chr(10)
      || p_event_ids[i]::text || chr(10) || p_types[i] || chr(10) || encode(sha256(p_bodies[i]), 'hex') || chr(10), 'UTF8')));
    insert into ledger.entries (clinic_id, epoch, index, recorded_at, event_id, type, body, chain)
      values (p_clinic, p_epoch, v_size, p_recorded_at, p_event_ids[i], p_types[i], p_bodies[i], v_chain);
    v_size := v_size + 1;
  end loop;
  return v_chain;
end
$$;
