-- Who a token belongs to, and the roles in force in the clinic that is asked for. Runs as the owner of the tables,
-- for whoever knocks has no clinic yet and may read no token. A good token of another clinic gives no roles.
create or replace function access.authenticate(asked bytea, clinic uuid)
returns table (identity_id uuid, roles text[])
language sql stable security definer set search_path = access, pg_temp
as $$
    select t.identity_id,
           array(select g.role from access.grants g
                 where g.clinic_id = clinic and g.clinic_id = t.clinic_id and g.identity_id = t.identity_id
                   and g.granted and (g.until is null or g.until > clock_timestamp())
                 order by g.role)
    from access.tokens t
    where t.token_hash = asked and t.revoked_at is null and t.expires_at > clock_timestamp()
    order by (t.clinic_id = clinic) desc
    limit 1
$$;
