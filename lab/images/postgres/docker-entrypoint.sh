#!/bin/sh
# Makes a database cluster where there is none, with POSTGRES_USER (who owns
# POSTGRES_DB) and POSTGRES_PASSWORD, runs the SQL in /docker-entrypoint-initdb.d,
# and listens to the network.
set -eu
if [ "$(id -u)" = 0 ]; then
    find "$PGDATA" ! -user postgres -exec chown postgres '{}' +
    exec gosu postgres "$0" "$@"
fi
if [ "$1" = postgres ] && [ ! -s "$PGDATA/PG_VERSION" ]; then
    : "${POSTGRES_PASSWORD:?is not set}"
    user=${POSTGRES_USER:-postgres}
    secret=$(mktemp)
    printf '%s\n' "$POSTGRES_PASSWORD" > "$secret"
    initdb --username="$user" --pwfile="$secret" --auth-host=scram-sha-256 \
        --auth-local=trust --encoding=UTF8
    rm "$secret"
    printf "listen_addresses = '*'\n" >> "$PGDATA/postgresql.conf"
    printf 'host all all all scram-sha-256\n' >> "$PGDATA/pg_hba.conf"
    printf 'CREATE DATABASE :"name";\n' > "$PGDATA/create.sql"
    pg_ctl -w -o "-c listen_addresses=''" start
    run() {
        psql --username="$user" --set=ON_ERROR_STOP=1 "$@"
    }
    name=${POSTGRES_DB:-$user}
    if [ "$name" != postgres ]; then
        run --dbname=postgres --set=name="$name" --file="$PGDATA/create.sql"
    fi
    for script in /docker-entrypoint-initdb.d/*.sql; do
        [ ! -f "$script" ] || run --dbname="$name" --file="$script"
    done
    pg_ctl -w stop
    rm "$PGDATA/create.sql"
fi
exec "$@"
