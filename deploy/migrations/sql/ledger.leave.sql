-- What a decision ends with, in one round trip: its entries, the service's bookmark behind them, and what the answer's request
-- looked like. It runs with the caller's rights; `ledger.append` is the only way into the ledger here too.
create or replace function ledger.leave(
  p_clinic uuid, p_service text, p_epoch bigint, p_expected_size bigint, p_recorded_at timestamptz,
  p_event_ids uuid[], p_types text[], p_bodies bytea[], p_answer uuid, p_fingerprint bytea
) returns bytea
language plpgsql volatile
as $$
declare
  v_chain bytea := ledger.append(p_clinic, p_epoch, p_expected_size, p_recorded_at, p_event_ids, p_types, p_bodies);
begin
  update ledger.bookmarks set epoch = p_epoch, size = p_expected_size + cardinality(p_event_ids), chain = v_chain
   where clinic_id = p_clinic and service = p_service and stage = 'projected';
  if p_fingerprint is not null then
    insert into ledger.fingerprints (clinic_id, event_id, fingerprint) values (p_clinic, p_answer, p_fingerprint);
  end if;
  return v_chain;
end
$$;
