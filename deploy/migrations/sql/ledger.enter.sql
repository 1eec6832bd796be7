-- What a decision begins with, in one round trip: the clinic's lock, then, in a statement of its own and so on a snapshot
-- taken after the lock, the ledger's end, the service's bookmark, and what was answered before.
-- A bookmark that is behind is locked, for the decision will move it; one at the end is moved by nobody else while the
-- clinic's lock is held. It runs with the caller's rights. No row: there is no such clinic.
create or replace function ledger.enter(p_clinic uuid, p_service text, p_event_id uuid)
returns table (
  epoch bigint, size bigint, chain bytea, last_at timestamptz, clock timestamptz,
  projected bigint, on_ledger boolean, fingerprint bytea
)
language plpgsql volatile
as $$
declare
  v_epoch bigint;
  v_size bigint;
  v_mark_epoch bigint;
  v_mark_size bigint;
  v_mark_chain bytea;
begin
  perform pg_advisory_xact_lock(hashtextextended(p_clinic::text, 0));
  select c.epoch, coalesce(e.index + 1, 0), e.chain, e.recorded_at, b.epoch, b.size, b.chain, f.fingerprint
    into v_epoch, v_size, chain, last_at, v_mark_epoch, v_mark_size, v_mark_chain, fingerprint
    from (select x.epoch from ledger.clinics x where x.clinic_id = p_clinic order by x.epoch desc limit 1) c
    left join lateral (select y.index, y.chain, y.recorded_at from ledger.entries y where y.clinic_id = p_clinic and y.epoch = c.epoch
                       order by y.index desc limit 1) e on true
    left join ledger.bookmarks b on b.clinic_id = p_clinic and b.service = p_service and b.stage = 'projected'
    left join ledger.fingerprints f on f.clinic_id = p_clinic and f.event_id = p_event_id;
  if not found then
    return;
  end if;
  chain := coalesce(chain, ledger.genesis(p_clinic, v_epoch));
  while v_mark_size is distinct from v_size loop
    select b.epoch, b.size, b.chain into v_mark_epoch, v_mark_size, v_mark_chain from ledger.bookmarks b
     where b.clinic_id = p_clinic and b.service = p_service and b.stage = 'projected' for update;
    exit when found;
    insert into ledger.bookmarks (clinic_id, service, stage, epoch, size, chain)
      values (p_clinic, p_service, 'projected', v_epoch, 0, ledger.genesis(p_clinic, v_epoch)) on conflict do nothing;
  end loop;
  on_ledger := v_mark_epoch = v_epoch and v_mark_chain = case
    when v_mark_size = v_size then chain
    when v_mark_size = 0 then ledger.genesis(p_clinic, v_epoch)
    else (select e.chain from ledger.entries e where e.clinic_id = p_clinic and e.epoch = v_epoch and e.index = v_mark_size - 1)
  end;
  on_ledger := coalesce(on_ledger, false);
  epoch := v_epoch;
  size := v_size;
  projected := v_mark_size;
  clock := clock_timestamp();
  return next;
end
$$;
