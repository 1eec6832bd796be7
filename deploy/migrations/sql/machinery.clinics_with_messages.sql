-- Clinics with messages to people that are due and not another sender's. Ids only. A lease that ends later than any lease
-- does (events/outbox.py) was given by a clock that was ahead: it holds nobody up.
create or replace function machinery.clinics_with_messages(most bigint) returns table (clinic_id uuid)
language sql volatile strict security definer
set search_path = machinery, pg_temp
as $$
  select distinct o.clinic_id from machinery.outbox o
   where o.sent_at is null and o.send_after <= clock_timestamp()
     and (o.leased_until is null or o.leased_until <= clock_timestamp()
          or o.leased_until > clock_timestamp() + interval '2 minutes')
   limit most
$$;
