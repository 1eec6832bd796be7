-- Roles, rights and row-level security. Run by `asepsis migrate` after the migrations, as the owner; idempotent.
-- {prefix} is the installation's role prefix. Roles are made by `services/installation.py` before this.

-- A schema per service; every service reads the ledger and works the machinery beside it.
do $$
declare
  service text;
  found record;
begin
  foreach service in array array['booking', 'consent', 'hygiene', 'treatment', 'recovery', 'compliance', 'relay'] loop
    execute format('grant usage on schema ledger, machinery, access to %I', '{prefix}' || service);
    execute format('grant select on ledger.clinics, ledger.entries to %I', '{prefix}' || service);
    execute format('grant select, insert, update, delete on ledger.bookmarks, ledger.fingerprints, ledger.attempts to %I', '{prefix}' || service);
    execute format('grant select, insert, update, delete on all tables in schema machinery to %I', '{prefix}' || service);
    execute format('grant execute on all functions in schema ledger, machinery, access to %I', '{prefix}' || service);
    if exists (select 1 from pg_namespace where nspname = service) then
      execute format('grant usage on schema %I to %I', service, '{prefix}' || service);
      execute format('grant select, insert, update, delete on all tables in schema %I to %I', service, '{prefix}' || service);
      execute format('grant execute on all functions in schema %I to %I', service, '{prefix}' || service);
    end if;
  end loop;
  -- Clinics are opened by compliance alone.
  foreach service in array array['booking', 'consent', 'hygiene', 'treatment', 'recovery', 'relay', 'app'] loop
    execute format('revoke all on function ledger.open_clinic(uuid) from %I', '{prefix}' || service);
    execute format('revoke all on function ledger.open_epoch from %I', '{prefix}' || service);
  end loop;
  -- Grants and tokens are written by compliance alone; the others only ask `access.authenticate`.
  execute format('grant select, insert, update, delete on all tables in schema access to %I', '{prefix}compliance');
  execute format('grant usage on schema ledger, access to %I', '{prefix}app');
  execute format('grant execute on all functions in schema access to %I', '{prefix}app');
  execute format('grant execute on function ledger.all_clinics() to %I', '{prefix}app');
end
$$;

-- Nobody but the named roles runs a function that looks across clinics.
do $$
declare
  name text;
begin
  foreach name in array array['ledger', 'machinery', 'access', 'booking', 'consent', 'hygiene', 'treatment', 'recovery', 'compliance'] loop
    if exists (select 1 from pg_namespace where nspname = name) then
      execute format('revoke all on all functions in schema %I from public', name);
    end if;
  end loop;
end
$$;

-- One clinic sees nothing of another: forced, so that it binds the owner's own statements too, but for the functions
-- above, which run as the owner and return ids and sizes only.
do $$
declare
  found record;
begin
  for found in
    select c.table_schema as schema_name, c.table_name as table_name
      from information_schema.columns c
      join information_schema.tables t on t.table_schema = c.table_schema and t.table_name = c.table_name and t.table_type = 'BASE TABLE'
     where c.column_name = 'clinic_id'
       and c.table_schema in ('ledger', 'machinery', 'access', 'booking', 'consent', 'hygiene', 'treatment', 'recovery', 'compliance')
  loop
    execute format('alter table %I.%I enable row level security', found.schema_name, found.table_name);
    execute format('alter table %I.%I force row level security', found.schema_name, found.table_name);
    execute format('drop policy if exists own_clinic on %I.%I', found.schema_name, found.table_name);
    execute format(
      'create policy own_clinic on %I.%I using (clinic_id = nullif(current_setting(''app.clinic'', true), '''')::uuid)',
      found.schema_name, found.table_name);
    execute format('drop policy if exists owner on %I.%I', found.schema_name, found.table_name);
    execute format('create policy owner on %I.%I to %I using (true)', found.schema_name, found.table_name, '{prefix}owner');
  end loop;
end
$$;
