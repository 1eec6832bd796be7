-- Who a token belongs to, the roles in force in the clinic that is asked for, and the shared tablet it was made on. Runs as the
-- owner of the tables, for whoever knocks has no clinic yet and may read no token. A good token of another clinic gives no roles.
-- A browser's session that was signed out opens nothing, whoever kept its cookie. On a shared tablet nobody is an admin: a PIN
-- is less than a token, and must not lead to one.
create or replace function access.authenticate(asked bytea, clinic uuid, session bytea default null)
returns table (identity_id uuid, roles text[], tablet_id uuid)
language sql stable security definer set search_path = access, pg_temp
as $$
    select t.identity_id,
           array(select g.role from access.grants g
                 where g.clinic_id = clinic and g.clinic_id = t.clinic_id and g.identity_id = t.identity_id
                   and g.granted and (g.until is null or g.until > clock_timestamp())
                   and (t.tablet_id is null or g.role <> 'admin')
                 order by g.role),
           t.tablet_id
    from access.tokens t
    where t.token_hash = asked and t.revoked_at is null and t.expires_at > clock_timestamp()
      and (session is null or not exists (
           select from access.sign_outs s where s.clinic_id = clinic and s.session_hash = session))
    order by (t.clinic_id = clinic) desc
    limit 1
$$;
