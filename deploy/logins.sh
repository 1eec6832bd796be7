#!/bin/sh
# Run once by the postgres image, when its volume is empty: the logins of the program, with a password each needs only
# where PostgreSQL is reached over a network. Rights are given by `python -m services migrate`, not here.
set -eu
for login in app relay booking consent hygiene treatment recovery compliance; do
    psql --quiet --no-psqlrc --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" \
        --set login="${ASEPSIS_ROLE_PREFIX}${login}" --set password="$APP_PASSWORD" <<'SQL'
CREATE ROLE :"login" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS NOINHERIT PASSWORD :'password';
SQL
done
