-- Treatments whose planned end is further back than the clinic's policy allows. Ids only; the job looks again under the lock.
create or replace function treatment.due_missing_ends(at timestamptz, most integer)
returns table (clinic_id uuid, subject uuid, due_at timestamptz)
language sql stable strict security definer
set search_path = treatment, pg_temp
as $$
  select t.clinic_id, t.treatment_id, t.planned_end_at + allowed.after
    from treatments t
   cross join lateral (
     select make_interval(mins => (p.document #>> '{gate,end_report_after_minutes}')::integer) as after
       from policies p
      where p.clinic_id = t.clinic_id and p.effective_at <= at
      order by p.policy_version desc
      limit 1
   ) allowed
   where t.ended_at is null and not t.end_missing and t.planned_end_at + allowed.after <= at
   order by 3
   limit most
$$;
