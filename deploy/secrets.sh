#!/bin/sh
# Writes the secrets of compose.yaml into deploy/secrets, each where it does not exist yet.
set -eu
cd -- "$(dirname -- "$0")"

# Only this user enters the folder. The containers, which have other users, see each file by itself, so it is readable.
mkdir -p -m 700 secrets
chmod 700 secrets
cd secrets
umask 333

keep() {
    [ -e "$1" ] || cat > "$1"
}

random() {
    od -An -N 32 -t x1 /dev/urandom | tr -d ' \n'
}

random | keep postgres_password
random | keep database_role_password
random | keep secret_key
random | keep grafana_password
printf 'postgresql://postgres:%s@postgres:5432/inventory' "$(cat postgres_password)" | keep migration_database_url
