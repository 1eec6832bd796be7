-- Moves several bookmarks of one clinic past entries that concern nobody there, each from a place to a later one; returns the
-- numbers (1, 2, …) of those that it moved. One that somebody holds, that stands elsewhere by now, or whose chain is not
-- this ledger's, stays where it is. It runs with the caller's rights.
create or replace function ledger.pass(
  p_clinic uuid, p_epoch bigint, p_services text[], p_stages text[], p_from bigint[], p_to bigint[]
) returns setof bigint
language plpgsql volatile
as $$
begin
  if 0 = any (p_from) then
    insert into ledger.bookmarks (clinic_id, service, stage, epoch, size, chain)
      select p_clinic, p.service, p.stage, p_epoch, 0, ledger.genesis(p_clinic, p_epoch)
        from unnest(p_services, p_stages, p_from) p (service, stage, place) where p.place = 0 order by p.service, p.stage
      on conflict do nothing;
  end if;
  return query
    with mine as (
      select b.service, b.stage, p.place, p.target, p.number, b.chain
        from unnest(p_services, p_stages, p_from, p_to) with ordinality p (service, stage, place, target, number)
        join ledger.bookmarks b on b.clinic_id = p_clinic and b.service = p.service and b.stage = p.stage
       where b.epoch = p_epoch and b.size = p.place
       order by b.service, b.stage for update of b skip locked
    )
    update ledger.bookmarks b set size = m.target, chain = last.chain
      from mine m
      join ledger.entries last on last.clinic_id = p_clinic and last.epoch = p_epoch and last.index = m.target - 1
      left join ledger.entries here on here.clinic_id = p_clinic and here.epoch = p_epoch and here.index = m.place - 1
     where b.clinic_id = p_clinic and b.service = m.service and b.stage = m.stage and b.size = m.place
       and m.chain = case when m.place = 0 then ledger.genesis(p_clinic, p_epoch) else here.chain end
    returning m.number;
end
$$;
