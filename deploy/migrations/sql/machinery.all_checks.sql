-- The newest check of every clinic. Ids and counts only; what was found stands in the clinic's own rows.
create or replace function machinery.all_checks()
returns table (clinic_id uuid, part text, checked_at timestamptz, age_seconds bigint, whole boolean, size bigint, found bigint)
language sql stable security definer
set search_path = machinery, pg_temp
as $$
  select c.clinic_id, c.part, c.checked_at, extract(epoch from clock_timestamp() - c.checked_at)::bigint, c.whole, c.size, c.found
    from machinery.checks c order by 1, 2
$$;
