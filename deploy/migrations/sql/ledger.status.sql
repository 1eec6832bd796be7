-- How far every service is in every clinic, and what stands still. For `asepsis status` and `/metrics`: ids and sizes only.
create or replace function ledger.status()
returns table (clinic_id uuid, service text, stage text, size bigint, bookmark bigint, attempts bigint, error text, halted_at timestamptz)
language sql stable security definer
set search_path = ledger, pg_temp
as $$
  select c.clinic_id, p.service, p.stage, coalesce(e.index + 1, 0), coalesce(b.size, 0),
         case when a.index = coalesce(b.size, 0) then a.count else 0 end,
         case when a.index = coalesce(b.size, 0) then a.error end,
         case when a.index = coalesce(b.size, 0) then a.halted_at end
    from (select x.clinic_id, max(x.epoch) as epoch from ledger.clinics x group by x.clinic_id) c
    left join lateral (select y.index from ledger.entries y where y.clinic_id = c.clinic_id and y.epoch = c.epoch
                       order by y.index desc limit 1) e on true
    -- A pair that failed at the very first entry has attempts and no bookmark yet.
    join (select x.clinic_id, x.service, x.stage from ledger.bookmarks x
          union select x.clinic_id, x.service, x.stage from ledger.attempts x) p on p.clinic_id = c.clinic_id
    left join ledger.bookmarks b on b.clinic_id = p.clinic_id and b.service = p.service and b.stage = p.stage
    left join ledger.attempts a on a.clinic_id = p.clinic_id and a.service = p.service and a.stage = p.stage
   order by 1, 2, 3
$$;
