-- Check-ins that nobody answered in time. Ids only; the job looks again under the clinic's lock.
create or replace function recovery.due_missed(at timestamptz, most integer)
returns table (clinic_id uuid, subject uuid, due_at timestamptz)
language sql stable strict security definer
set search_path = recovery, pg_temp
as $$
  select c.clinic_id, c.checkin_id, c.missed_at from check_ins c
   where c.state = 'asked' and c.missed_at <= at
   order by c.missed_at
   limit most
$$;
