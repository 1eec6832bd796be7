-- Halts every pair (service, clinic) whose bookmark is not on its ledger, as after a restore of a part: it would be noticed when
-- the pair has work to do, and nobody shall wait for that. Returns how many stand still since this look.
create or replace function ledger.halt_astray() returns bigint
language sql volatile security definer
set search_path = ledger, pg_temp
as $$
  with astray as (
    select b.clinic_id, b.service, b.stage, b.size
      from ledger.bookmarks b
      join (select x.clinic_id, max(x.epoch) as epoch from ledger.clinics x group by x.clinic_id) c on c.clinic_id = b.clinic_id
     where b.epoch <> c.epoch or b.chain is distinct from case
             when b.size = 0 then ledger.genesis(b.clinic_id, b.epoch)
             else (select e.chain from ledger.entries e where e.clinic_id = b.clinic_id and e.epoch = b.epoch and e.index = b.size - 1)
           end
  ), halted as (
    insert into ledger.attempts as a (clinic_id, service, stage, index, count, error, halted_at)
    select clinic_id, service, stage, size, 1, 'RecordUnreadableError', clock_timestamp() from astray
    on conflict (clinic_id, service, stage) do update
       set index = excluded.index, count = excluded.count, error = excluded.error, halted_at = excluded.halted_at
     where a.halted_at is null or a.index <> excluded.index
    returning 1
  )
  select count(*) from halted
$$;

-- Of outward streams' newest entries, those that are not the ledger's: their clinics were published further, or otherwise, than
-- the ledger says. An earlier epoch's ids say nothing here: what was published beyond its end is void and stays where it is.
create or replace function ledger.unlike_streams(p_clinics uuid[], p_epochs bigint[], p_sizes bigint[], p_ids text[])
returns table (clinic_id uuid)
language sql stable strict security definer
set search_path = ledger, pg_temp
as $$
  select s.clinic_id
    from unnest(p_clinics, p_epochs, p_sizes, p_ids) as s(clinic_id, epoch, size, event_id)
    join (select x.clinic_id, max(x.epoch) as epoch from ledger.clinics x group by x.clinic_id) c on c.clinic_id = s.clinic_id
    left join ledger.entries e on e.clinic_id = s.clinic_id and e.epoch = s.epoch and e.index = s.size - 1
   where s.epoch > c.epoch
      or (s.epoch = c.epoch and (e.event_id is null or (e.type <> 'answer.repeated.v1' and e.event_id::text <> s.event_id)))
$$;
