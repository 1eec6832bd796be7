-- Entries are never changed and never deleted, by nobody.
create or replace function ledger.refuse_change() returns trigger
language plpgsql
as $$
begin
  raise exception 'the ledger keeps what was recorded: % refused', tg_op using errcode = 'AS005';
end
$$;

create or replace trigger entries_are_kept before update or delete on ledger.entries
  for each row execute function ledger.refuse_change();
create or replace trigger entries_are_not_truncated before truncate on ledger.entries
  for each statement execute function ledger.refuse_change();
create or replace trigger clinics_are_kept before update or delete on ledger.clinics
  for each row execute function ledger.refuse_change();
create or replace trigger clinics_are_not_truncated before truncate on ledger.clinics
  for each statement execute function ledger.refuse_change();
