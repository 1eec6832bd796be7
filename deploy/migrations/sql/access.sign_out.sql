-- A browser's session opens nothing any more. Runs as the owner: every process has the page for it, and none may write here.
-- What would have ended by itself meanwhile need not be kept.
create or replace function access.sign_out(clinic uuid, session bytea, lasts_seconds integer)
returns void
language sql security definer set search_path = access, pg_temp
as $$
    delete from access.sign_outs where clinic_id = clinic and ended_at < clock_timestamp() - make_interval(secs => lasts_seconds);
    insert into access.sign_outs (clinic_id, session_hash, ended_at) values (clinic, session, clock_timestamp())
    on conflict do nothing;
$$;
