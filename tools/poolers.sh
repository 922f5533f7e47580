#!/usr/bin/env bash
# Fetches two versions of PgBouncer for `make poolers`, from Debian 12 (1.18) and Debian 13 (1.24), into .poolers/.
#
# Nothing is installed, and no root is needed: each version is unpacked with the libraries that it needs, and started by its
# own loader. It is safe to repeat: what is there stays. DEBIAN_MIRROR names a mirror; unset, it is the one that this
# machine's apt uses.
set -euo pipefail
cd -P -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

readonly place=$PWD/.poolers
mirror=${DEBIAN_MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' | sed -n 1p)}
readonly mirror=${mirror:-http://deb.debian.org/debian}

# fetch NAME SUITE PACKAGE ...
fetch() {
    local name=$1 suite=$2 scratch deb
    shift 2
    [[ ! -e $place/$name ]] || return 0
    echo "Fetching PgBouncer of Debian $suite ..." >&2
    scratch=$place/$name.new
    rm -rf "$scratch"
    mkdir -p "$scratch"/{root,debs,etc,cache,lists/partial}
    printf '%s\n' 'Types: deb' "URIs: $mirror" "Suites: $suite" 'Components: main' \
        'Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg' >"$scratch/etc/debian.sources"
    local options=(
        -q -o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$scratch/etc" -o "Dir::State::Lists=$scratch/lists"
        -o "Dir::Cache=$scratch/cache" -o "APT::Sandbox::User=$(id -un)"
    )
    apt-get "${options[@]}" update >"$scratch/log"
    (cd "$scratch/debs" && apt-get "${options[@]}" download "$@" >>"$scratch/log")
    for deb in "$scratch"/debs/*.deb; do
        dpkg-deb -x "$deb" "$scratch/root"
    done
    mv "$scratch/root" "$place/$name"
    rm -rf "$scratch"
}

common=(pgbouncer libc6 libpam0g libsystemd0 libaudit1 libcap-ng0 libcap2 zlib1g libzstd1)
fetch old bookworm "${common[@]}" libc-ares2 libevent-2.1-7 libssl3 liblzma5 liblz4-1 libgcrypt20 libgpg-error0
fetch new trixie "${common[@]}" libcares2 libevent-2.1-7t64 libssl3t64
chmod -R a+rX "$place"
