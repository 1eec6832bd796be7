-- Every connected front-desk system, in every clinic: which inboxes there are to read.
create or replace function machinery.all_systems() returns table (clinic_id uuid, system text, identity_id uuid)
language sql stable security definer
set search_path = machinery, pg_temp
as $$ select s.clinic_id, s.system, s.identity_id from machinery.systems s where s.connected order by 1, 2 $$;
