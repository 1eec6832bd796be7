-- Recalls that await a decision past their time. Ids only; the job looks again under the clinic's lock.
create or replace function hygiene.due_decisions(at timestamptz, most integer)
returns table (clinic_id uuid, subject uuid, due_at timestamptz)
language sql stable strict security definer
set search_path = hygiene, pg_temp
as $$
  select r.clinic_id, r.recall_id, r.decide_by from recalls r
   where r.decision = 'pending' and r.decide_by <= at
   order by r.decide_by
   limit most
$$;
