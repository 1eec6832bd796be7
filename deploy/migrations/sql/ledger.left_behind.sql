-- Clinics where one of these services, in one of these stages, has not yet worked all entries. Ids only: this looks across clinics.
create or replace function ledger.left_behind(p_services text[], p_stages text[]) returns table (clinic_id uuid)
language sql stable strict security definer
set search_path = ledger, pg_temp
as $$
  select c.clinic_id
    from (select x.clinic_id, max(x.epoch) as epoch from ledger.clinics x group by x.clinic_id) c
    join lateral (select y.index + 1 as size from ledger.entries y where y.clinic_id = c.clinic_id and y.epoch = c.epoch
                  order by y.index desc limit 1) e on true
   where exists (
     select from unnest(p_services, p_stages) p (service, stage)
       left join ledger.bookmarks b on b.clinic_id = c.clinic_id and b.service = p.service and b.stage = p.stage
      where b.size is distinct from e.size or b.epoch is distinct from c.epoch)
$$;
