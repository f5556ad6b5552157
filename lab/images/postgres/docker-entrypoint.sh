#!/bin/sh
# Makes a database cluster where there is none, with POSTGRES_USER (who owns
# POSTGRES_DB) and POSTGRES_PASSWORD, and listens to the network.
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
    if [ "${POSTGRES_DB:-$user}" != postgres ]; then
        printf 'CREATE DATABASE :"name";\n' > "$PGDATA/create.sql"
        pg_ctl -w -o "-c listen_addresses=''" start
        psql --username="$user" --dbname=postgres --set=ON_ERROR_STOP=1 \
            --set=name="${POSTGRES_DB:-$user}" --file="$PGDATA/create.sql"
        pg_ctl -w stop
        rm "$PGDATA/create.sql"
    fi
fi
exec "$@"
