-- Opens the next epoch of a clinic's ledger behind a restore, with the entry that says so. Indexes go on where the former epoch
-- ends; the chain begins anew, at the genesis of the new epoch. The caller holds the clinic's advisory lock, taken in an earlier
-- statement. Everybody must have worked the former epoch to its end: all bookmarks move to the beginning of the new one.
create or replace function ledger.open_epoch(
  p_clinic uuid, p_epoch bigint, p_expected_size bigint, p_recorded_at timestamptz, p_event_id uuid, p_type text, p_body bytea,
  p_services text[]
) returns bytea
language plpgsql volatile strict security definer
set search_path = ledger, pg_temp
as $$
declare
  v_chain bytea;
  v_size bigint;
  v_last_at timestamptz;
  v_level bigint;
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
  if v_size is distinct from p_expected_size then
    raise exception 'the ledger has % entries, not %', v_size, p_expected_size using errcode = 'AS001';
  end if;
  if p_recorded_at < v_last_at then
    raise exception 'time does not go back in the ledger' using errcode = 'AS004';
  end if;
  if p_recorded_at < now() - interval '2 seconds' or p_recorded_at > greatest(v_last_at, clock_timestamp() + interval '2 seconds') then
    raise exception 'an entry is recorded now, and % is not now', p_recorded_at using errcode = 'AS006';
  end if;
  select count(*) into v_level from ledger.bookmarks b
   where b.clinic_id = p_clinic and b.service = any(p_services) and b.stage in ('projected', 'reacted')
     and b.epoch = p_epoch and b.size = v_size and b.chain = v_chain;
  if v_level <> 2 * cardinality(p_services) then
    raise exception 'somebody has not worked epoch % to its end', p_epoch using errcode = 'AS009';
  end if;
  insert into ledger.clinics (clinic_id, epoch, opened_at) values (p_clinic, p_epoch + 1, p_recorded_at);
  v_chain := ledger.link(ledger.genesis(p_clinic, p_epoch + 1), ledger.leaf(p_clinic, v_size, p_recorded_at, p_event_id, p_type, p_body));
  insert into ledger.entries (clinic_id, epoch, index, recorded_at, event_id, type, body, chain)
    values (p_clinic, p_epoch + 1, v_size, p_recorded_at, p_event_id, p_type, p_body, v_chain);
  update ledger.bookmarks set epoch = p_epoch + 1, size = 0, chain = ledger.genesis(p_clinic, p_epoch + 1) where clinic_id = p_clinic;
  delete from ledger.attempts where clinic_id = p_clinic;
  return v_chain;
end
$$;
