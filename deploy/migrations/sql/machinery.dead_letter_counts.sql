-- How many dead letters lie in each inbox. Counts only.
create or replace function machinery.dead_letter_counts() returns table (clinic_id uuid, system text, letters bigint)
language sql stable security definer
set search_path = machinery, pg_temp
as $$ select d.clinic_id, d.system, count(*) from machinery.dead_letters d group by 1, 2 order by 1, 2 $$;
