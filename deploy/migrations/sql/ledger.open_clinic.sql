-- Opens the first epoch of a clinic's ledger; false if it was open already.
create or replace function ledger.open_clinic(p_clinic uuid) returns boolean
language plpgsql volatile strict security definer
set search_path = ledger, pg_temp
as $$
begin
  insert into ledger.clinics (clinic_id, epoch, opened_at) values (p_clinic, 1, clock_timestamp()) on conflict do nothing;
  return found;
end
$$;
