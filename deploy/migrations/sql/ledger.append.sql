-- The only way into the ledger. The caller holds the clinic's advisory lock, taken in an earlier statement;
-- `expected_size` refuses everyone who decided on an older view.
create or replace function ledger.append(
  p_clinic uuid, p_epoch bigint, p_expected_size bigint, p_recorded_at timestamptz, p_event_id uuid, p_type text, p_body bytea
) returns bytea
language plpgsql volatile strict security definer
set search_path = ledger, pg_temp
as $$
declare
  v_size bigint := 0;
  v_chain bytea;
  v_last_at timestamptz;
begin
  if current_setting('synchronous_commit') = 'off' then
    raise exception 'the ledger is not written with synchronous_commit = off' using errcode = 'AS002';
  end if;
  if p_clinic is distinct from nullif(current_setting('app.clinic', true), '')::uuid then
    raise exception 'this transaction belongs to another clinic' using errcode = 'AS003';
  end if;
  if p_epoch is distinct from (select max(c.epoch) from ledger.clinics c where c.clinic_id = p_clinic) then
    raise exception 'epoch % is not the one that is open', p_epoch using errcode = 'AS007';
  end if;
  select e.index + 1, e.chain, e.recorded_at into v_size, v_chain, v_last_at
    from ledger.entries e where e.clinic_id = p_clinic and e.epoch = p_epoch order by e.index desc limit 1;
  if not found then
    v_size := 0;
    v_chain := ledger.genesis(p_clinic, p_epoch);
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
  v_chain := ledger.link(v_chain, ledger.leaf(p_clinic, v_size, p_recorded_at, p_event_id, p_type, p_body));
  insert into ledger.entries (clinic_id, epoch, index, recorded_at, event_id, type, body, chain)
    values (p_clinic, p_epoch, v_size, p_recorded_at, p_event_id, p_type, p_body, v_chain);
  return v_chain;
end
$$;
