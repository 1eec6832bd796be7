-- Clinics where a service has not yet worked all entries. Ids and sizes only: this looks across clinics.
create or replace function ledger.behind(p_service text, p_stage text)
returns table (clinic_id uuid, epoch bigint, size bigint, bookmark bigint)
language sql stable strict security definer
set search_path = ledger, pg_temp
as $$
  select c.clinic_id, c.epoch, e.index + 1, coalesce(b.size, 0)
    from (select clinic_id, max(epoch) as epoch from ledger.clinics group by clinic_id) c
    join lateral (select index from ledger.entries x where x.clinic_id = c.clinic_id and x.epoch = c.epoch
                  order by x.index desc limit 1) e on true
    left join ledger.bookmarks b on b.clinic_id = c.clinic_id and b.service = p_service and b.stage = p_stage
   where b.size is distinct from e.index + 1 or b.epoch is distinct from c.epoch
$$;

create or replace function ledger.all_clinics() returns table (clinic_id uuid)
language sql stable security definer
set search_path = ledger, pg_temp
as $$ select distinct c.clinic_id from ledger.clinics c order by 1 $$;
