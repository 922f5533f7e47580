#!/bin/sh
# Runs PostgreSQL. At the first start it makes the cluster, whose superuser has the password of POSTGRES_PASSWORD_FILE, and
# the database `inventory`. Arguments go to `postgres`, like `-c max_connections=200`.
set -eu

volume=/var/lib/postgresql/data
data=$volume/17

if [ ! -e "$data" ]; then
    # Renamed when it is complete: a start that is interrupted begins again.
    rm -rf "$data.new"
    initdb --pgdata="$data.new" --username=postgres --pwfile="$POSTGRES_PASSWORD_FILE" --auth-local=peer \
        --auth-host=scram-sha-256 --data-checksums --encoding=UTF8 --locale-provider=builtin --locale=C.UTF-8
    echo "host all all all scram-sha-256" >> "$data.new/pg_hba.conf"
    echo "create database inventory" | postgres --single -D "$data.new" postgres > /dev/null
    mv "$data.new" "$data"
fi

exec postgres -D "$data" -c listen_addresses='*' -c shared_preload_libraries=pg_cron -c cron.database_name=inventory \
    -c cron.use_background_workers=on "$@"
