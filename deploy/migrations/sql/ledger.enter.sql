-- What a decision begins with, in one round trip: the clinic's lock, then, each in a statement of its own and so on a
-- snapshot taken after the lock, the ledger's end, the service's bookmark (locked), and what was answered before.
-- It runs with the caller's rights. No row: there is no such clinic.
create or replace function ledger.enter(p_clinic uuid, p_service text, p_event_id uuid)
returns table (
  epoch bigint, size bigint, chain bytea, last_at timestamptz, clock timestamptz,
  projected bigint, on_ledger boolean, fingerprint bytea
)
language plpgsql volatile
as $$
declare
  v_epoch bigint;
  v_mark record;
begin
  perform pg_advisory_xact_lock(hashtextextended(p_clinic::text, 0));
  select c.epoch into v_epoch from ledger.clinics c where c.clinic_id = p_clinic order by c.epoch desc limit 1;
  if not found then
    return;
  end if;
  epoch := v_epoch;
  select e.index + 1, e.chain, e.recorded_at into size, chain, last_at
    from ledger.entries e where e.clinic_id = p_clinic and e.epoch = v_epoch order by e.index desc limit 1;
  if not found then
    size := 0;
    chain := ledger.genesis(p_clinic, v_epoch);
  end if;
  loop
    select b.epoch, b.size, b.chain into v_mark from ledger.bookmarks b
     where b.clinic_id = p_clinic and b.service = p_service and b.stage = 'projected' for update;
    exit when found;
    insert into ledger.bookmarks (clinic_id, service, stage, epoch, size, chain)
      values (p_clinic, p_service, 'projected', v_epoch, 0, ledger.genesis(p_clinic, v_epoch)) on conflict do nothing;
  end loop;
  projected := v_mark.size;
  on_ledger := v_mark.epoch = v_epoch and v_mark.chain = case
    when v_mark.size = size then chain
    when v_mark.size = 0 then ledger.genesis(p_clinic, v_epoch)
    else (select e.chain from ledger.entries e where e.clinic_id = p_clinic and e.epoch = v_epoch and e.index = v_mark.size - 1)
  end;
  on_ledger := coalesce(on_ledger, false);
  select f.fingerprint into fingerprint from ledger.fingerprints f where f.clinic_id = p_clinic and f.event_id = p_event_id;
  clock := clock_timestamp();
  return next;
end
$$;
