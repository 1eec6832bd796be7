-- Check-ins that are due to be asked. Ids only; the job looks again under the clinic's lock.
create or replace function recovery.due_check_ins(at timestamptz, most integer)
returns table (clinic_id uuid, subject uuid, due_at timestamptz)
language sql stable strict security definer
set search_path = recovery, pg_temp
as $$
  select c.clinic_id, c.checkin_id, c.due_at from check_ins c
   where c.state = 'planned' and c.due_at <= at
   order by c.due_at
   limit most
$$;
