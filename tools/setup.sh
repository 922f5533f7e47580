#!/usr/bin/env bash
# Prepares a checkout on Debian or Ubuntu: installs PostgreSQL with its extensions, and the Python packages in .venv.
#
#   tools/setup.sh [--client-only] [--dev] [--lint] [--bench] [--backups] [--browser] [--scores] [--npm] [--clients] [--deploy] [--cluster]
#
#   --client-only   install no PostgreSQL server, because DATABASE_URL names one on another host
#   --dev           also install the development tools
#   --lint          the same, and the linter of the board
#   --bench         also install the load generators of `make bench`, and the packages of the other services in it
#   --backups       also install pgBackRest, for the tests of backups
#   --browser       also install Chromium, for the tests of the board
#   --scores        also install Lighthouse, for `make test-scores`
#   --npm           also install npm, which fetches other versions of PostgreSQL
#   --clients       also install the generators of clients of `make test-clients`, and their compilers
#   --deploy        also install what `make test-deploy` builds images with, and Prometheus
#   --cluster       also install what `make cluster` runs: etcd, HAProxy, Redis, and Patroni in .venv-patroni
#
# It is safe to repeat, to interrupt, and to run twice at the same time. If nothing is missing, it changes and prints
# nothing. PYTHON names the interpreter (default: python3). System packages are installed with apt-get, as root or with
# sudo.
set -euo pipefail
cd -P -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

readonly oldest_python=3.11 oldest_postgresql=15
readonly extensions=(pg_cron plpgsql_check pg_trgm pgcrypto)
readonly venv=.venv
readonly stamp=$venv/requirements.stamp
readonly bench_venv=.venv-bench postgraphile=bench/peers/postgraphile
readonly patroni_venv=.venv-patroni
readonly clients_venv=.venv-clients clients=tests/clients

server=yes dev=no lint=no bench=no backups=no browser=no scores=no npm=no clients_too=no deploy=no cluster=no
for argument in "$@"; do
    case $argument in
        --client-only) server=no ;;
        --dev) dev=yes ;;
        --lint) lint=yes dev=yes npm=yes ;;
        --bench) bench=yes npm=yes ;;
        --backups) backups=yes ;;
        --browser) browser=yes ;;
        --scores) scores=yes browser=yes npm=yes ;;
        --npm) npm=yes ;;
        --clients) clients_too=yes ;;
        --deploy) deploy=yes ;;
        --cluster) cluster=yes ;;
        *)
            echo "usage: tools/setup.sh [--client-only] [--dev] [--lint] [--bench] [--backups] [--browser] [--scores] [--npm] [--clients] [--deploy] [--cluster]" >&2
            exit 2
            ;;
    esac
done

say() {
    printf '%s\n' "$@" >&2
}

die() {
    say "$@"
    exit 1
}

scratch=
no_main_cluster=
clean_up() {
    [[ -z $no_main_cluster ]] || as_root rm -f "$no_main_cluster"
    [[ -z $scratch ]] || rm -rf "$scratch"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

need_scratch() {
    [[ -n $scratch ]] || scratch=$(mktemp -d)
}

# quietly NAME COMMAND ...: runs the command and saves its output, which `shown NAME ...` prints after a failure.
# Descriptor 9, the lock of this checkout, is closed: a daemon that the command starts must not keep the lock.
quietly() {
    need_scratch
    local name=$1
    shift
    "$@" >"$scratch/$name" 2>&1 </dev/null 9>&-
}

shown() {
    local name
    for name in "$@"; do
        tail -n 50 "$scratch/$name" >&2
    done
}

# Only one set-up of a checkout runs at a time. A second one waits, and then finds everything done.
exec 9<.
if command -v flock >/dev/null && ! flock --nonblock 9; then
    say "Waiting for another set-up of this checkout ..."
    flock 9
fi

# ---------------------------------------------------------------------------------------------------------------------
# Python: find what is missing

# version_of INTERPRETER: prints its version. Fails if it does not work or has no pip.
version_of() {
    "$1" -c 'import pip, sys; print(sys.version)' 2>/dev/null
}

# wanted_packages: prints the checksums of the requirement files, one line each.
wanted_packages() {
    local file sum files=(requirements.txt)
    [[ $dev = no ]] || files+=(requirements-dev.txt)
    for file in "${files[@]}"; do
        [[ -f $file ]] || die "$file is missing: this checkout is not complete."
        # requirements.txt takes requirements-otel.txt in, requirements-dev.txt requirements-docs.txt.
        sum=$(cat "$file" requirements-otel.txt requirements-docs.txt | sha256sum)
        echo "${sum%% *}"
    done
}

# sound: "yes" if the virtual environment is complete, was made in this directory, and its interpreter is unchanged.
# packages: the checksums of the requirement files that are installed in it.
sound=no packages=
if [[ -f $stamp ]]; then
    { read -r made_in && read -r made_by && packages=$(cat); } <"$stamp" || true
    if [[ ${made_in-} = "$PWD" && -n ${made_by-} && $(version_of "$venv/bin/python") = "$made_by" ]]; then
        sound=yes
        if [[ -n ${PYTHON-} && $("$PYTHON" -c 'import sys; print(sys.version)' 2>/dev/null) != "$made_by" ]]; then
            sound=no
        fi
    fi
fi
wanted=$(wanted_packages)

missing_packages=()
missing_names=()

if [[ $sound = no ]]; then
    python=${PYTHON:-python3}
    command -v "$python" >/dev/null || die "Python $oldest_python or later is needed, and there is no $python."
    # If this is the interpreter of a virtual environment, perhaps of the one to be replaced, take the one behind it.
    python=$("$python" -c 'import sys; print(getattr(sys, "_base_executable", None) or sys.executable)') ||
        die "${PYTHON:-python3} does not work."
    "$python" -c "import sys; sys.exit(sys.version_info < tuple(map(int, '$oldest_python'.split('.'))))" ||
        die "Python $oldest_python or later is needed, and $python is $("$python" -V 2>&1). PYTHON=... names another."
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        program=$(readlink -f "$python")
        [[ $program =~ ^/usr/bin/python3\.[0-9]+$ ]] ||
            die "$python comes without the modules venv and ensurepip. PYTHON=... names another Python."
        missing_names+=("Python's venv")
        missing_packages+=("${program##*/}-venv")
    fi
fi

# ---------------------------------------------------------------------------------------------------------------------
# PostgreSQL: find what is missing

# packaged_server: prints the major version of the newest packaged server, or nothing if there is none.
packaged_server() {
    local program version newest=
    for program in /usr/lib/postgresql/*/bin/initdb; do
        version=${program#/usr/lib/postgresql/}
        version=${version%%/*}
        if [[ -x $program && $version =~ ^[0-9]+$ && $version -gt ${newest:-0} ]]; then
            newest=$version
        fi
    done
    echo "$newest"
}

# other_server: prints the extension directory of a server that is new enough but not from a package. Fails if there is
# none.
other_server() {
    local program directory
    program=$(readlink -f "$(command -v initdb)")
    for directory in "$(pg_config --bindir 2>/dev/null)" "${program%/*}"; do
        if [[ -n $directory && $("$directory/initdb" --version 2>/dev/null) =~ \)\ ([0-9]+) ]] &&
            ((BASH_REMATCH[1] >= oldest_postgresql)); then
            directory=$("$directory/pg_config" --sharedir 2>/dev/null || pg_config --sharedir)
            echo "$directory/extension"
            return
        fi
    done
    return 1
}

# missing_extensions DIRECTORY: prints the extensions that are not in it.
missing_extensions() {
    local extension
    for extension in "${extensions[@]}"; do
        [[ -e $1/$extension.control ]] || echo "$extension"
    done
}

# package_of EXTENSION VERSION
package_of() {
    case $1 in
        pg_cron) echo "postgresql-$2-cron" ;;
        plpgsql_check) echo "postgresql-$2-plpgsql-check" ;;
        *) echo "postgresql-$2" ;;
    esac
}

version=
new_server=no
if [[ $server = yes ]]; then
    version=$(packaged_server)
    if [[ ${version:-0} -ge $oldest_postgresql ]]; then
        for extension in $(missing_extensions "/usr/share/postgresql/$version/extension"); do
            missing_names+=("$extension for PostgreSQL $version")
            missing_packages+=("$(package_of "$extension" "$version")")
        done
    elif directory=$(other_server); then
        missing=$(missing_extensions "$directory")
        [[ -z $missing ]] ||
            die "PostgreSQL comes without the extensions ${missing//$'\n'/, }: they belong in $directory."
    else
        new_server=yes
    fi
fi

# The README's examples use curl, and a test runs them.
if [[ $server = yes ]] && ! command -v curl >/dev/null; then
    missing_names+=(curl)
    missing_packages+=(curl)
fi

# missing_programs PROGRAM[:PACKAGE] ...: notes those that are missing.
missing_programs() {
    local program
    for program in "$@"; do
        if ! command -v "${program%:*}" >/dev/null; then
            missing_names+=("${program%:*}")
            missing_packages+=("${program#*:}")
        fi
    done
}

if [[ $bench = yes ]]; then
    missing_programs wrk
fi

if [[ $backups = yes ]]; then
    missing_programs pgbackrest
fi

if [[ $browser = yes ]]; then
    missing_programs chromium
fi

if [[ $npm = yes ]]; then
    missing_programs npm
fi

if [[ $deploy = yes ]]; then
    [[ $EUID -eq 0 ]] || die "Building images needs root."
    missing_programs buildah debootstrap npm prometheus systemd-analyze:systemd
fi

if [[ $cluster = yes ]]; then
    PATH=$PATH:/usr/sbin missing_programs etcd:etcd-server haproxy redis-server
fi

if [[ $clients_too = yes ]]; then
    missing_programs npm javac:default-jdk-headless go:golang-go
fi

# ---------------------------------------------------------------------------------------------------------------------
# System packages

as_root() {
    if [[ $EUID -eq 0 ]]; then
        "$@"
    else
        sudo "$@"
    fi
}

apt_get() {
    as_root env DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 \
        apt-get -o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0 "$@"
}

apt_install() {
    quietly install apt_get install -y --no-install-recommends "$@" ||
        {
            shown update install
            [[ $EUID -eq 0 ]] || by_hand "$@"
            die "Installing $* failed."
        }
}

# by_hand PACKAGE ...: prints the commands for a user who can become root in another way than sudo.
by_hand() {
    say "" "As root:" "" "    apt-get update && apt-get install --no-install-recommends $*" ""
}

# Errors are ignored: the list that cannot be fetched may not be needed. Otherwise the installation fails.
apt_update() {
    local attempt
    for attempt in {1..60}; do
        if quietly update apt_get update || ! grep -q 'Could not get lock' "$scratch/update"; then
            return
        fi
        ((attempt > 1)) || say "Waiting for another apt-get ..."
        sleep 2
    done
}

# offered_server: prints the major version of the package `postgresql`, or nothing if apt does not know it.
offered_server() {
    apt-cache depends postgresql 2>/dev/null | sed -n 's/.*Depends: postgresql-\([0-9][0-9]*\)$/\1/p' | head -n 1
}

# server_packages VERSION: prints the packages that a machine without a server needs.
server_packages() {
    echo postgresql "postgresql-$1-cron" "postgresql-$1-plpgsql-check"
}

if [[ $new_server = yes || ${#missing_packages[@]} -gt 0 ]]; then
    names=("${missing_names[@]}")
    [[ $new_server = no ]] || names+=("PostgreSQL $oldest_postgresql or later" pg_cron plpgsql_check)
    printf -v list ', %s' "${names[@]}"
    list=${list:2}
    command -v apt-get >/dev/null || die "Missing: $list. There is no apt-get here to install it; please do."
    if [[ $EUID -ne 0 ]] && ! command -v sudo >/dev/null; then
        if [[ $new_server = yes ]]; then
            offered=$(offered_server)
            # The names of the extensions' packages contain the version. If it is unknown, the next run asks for them.
            read -ra more <<<"${offered:+$(server_packages "$offered")}"
            missing_packages+=("${more[@]:-postgresql}")
        fi
        by_hand "${missing_packages[@]}"
        die "Missing: $list. Only root can install it, and there is no sudo."
    fi
    [[ $new_server = yes ]] || say "Installing $list ..."
    apt_update
    if [[ $new_server = yes ]]; then
        offered=$(offered_server)
        if [[ -z $offered ]]; then
            shown update
            die "PostgreSQL is missing, and apt-get knows of none. Can it reach its sources?"
        fi
        ((offered >= oldest_postgresql)) ||
            die "PostgreSQL $oldest_postgresql or later is needed; apt-get offers $offered, postgresql.org later ones."
        say "Installing ${list/ $oldest_postgresql or later/ $offered} ..."
        # The package creates and starts a cluster, which this project does not need. Prevent that, but do not touch the
        # settings if PostgreSQL is already in use.
        if [[ -z $version && -z $(ls -A /etc/postgresql 2>/dev/null) ]]; then
            apt_install postgresql-common
            no_main_cluster=/etc/postgresql-common/createcluster.d/no-main-cluster.conf
            as_root mkdir -p "${no_main_cluster%/*}"
            as_root tee "$no_main_cluster" <<<"create_main_cluster = false" >/dev/null
        fi
        read -ra more <<<"$(server_packages "$offered")"
        missing_packages+=("${more[@]}")
        version=$offered
    fi
    apt_install "${missing_packages[@]}"
    if [[ -n $no_main_cluster ]]; then
        as_root rm -f "$no_main_cluster"
        no_main_cluster=
    fi
    if [[ $server = yes && -n $version ]]; then
        missing=$(missing_extensions "/usr/share/postgresql/$version/extension")
        [[ -z $missing ]] || die "Installed ${missing_packages[*]}, but still missing: ${missing//$'\n'/, }."
    fi
fi

# ---------------------------------------------------------------------------------------------------------------------
# Python packages

# A virtual environment without a stamp is incomplete: the next run makes it again.
if [[ $sound = no ]]; then
    need_scratch
    say "Making $venv with $("$python" -V) ..."
    rm -rf "$venv" || die "$venv cannot be removed. Another user made it?"
    quietly venv env TMPDIR="$scratch" "$python" -m venv "$venv" ||
        {
            shown venv
            die "Making $venv failed."
        }
    packages=
fi

# Skip this if the wanted requirement files are installed. Additional development packages do no harm.
if [[ $packages != "$wanted" && ${packages%%$'\n'*} != "$wanted" ]]; then
    files=(-r requirements.txt)
    [[ $dev = no ]] || files+=(-r requirements-dev.txt)
    need_scratch
    say "Installing the Python packages ..."
    rm -f "$stamp" || die "$venv belongs to another user."
    quietly pip env TMPDIR="$scratch" PIP_USER=0 PIP_DISABLE_PIP_VERSION_CHECK=1 \
        "$venv/bin/python" -m pip install --quiet --no-input "${files[@]}" ||
        {
            shown pip
            die "Installing the Python packages failed."
        }
    made_by=$(version_of "$venv/bin/python")
    printf '%s\n' "$PWD" "$made_by" "$wanted" >"$stamp.new"
    mv "$stamp.new" "$stamp"
fi

# ---------------------------------------------------------------------------------------------------------------------
# The packages of `make bench` (the services that it compares this one with) and of `make test-clients`

# more_python VENV REQUIREMENTS: makes a virtual environment of its own with the packages of the file.
more_python() {
    local venv_made=$1 file=$2 wanted python
    wanted=$(printf '%s\n' "$PWD" "$(version_of "$venv/bin/python")" "$(sha256sum <"$file")")
    [[ $(cat "$venv_made/requirements.stamp" 2>/dev/null) != "$wanted" ]] || return 0
    need_scratch
    say "Making $venv_made ..."
    rm -rf "$venv_made" || die "$venv_made cannot be removed. Another user made it?"
    python=$("$venv/bin/python" -c 'import sys; print(sys._base_executable)')
    quietly more env TMPDIR="$scratch" "$python" -m venv "$venv_made" &&
        quietly more env TMPDIR="$scratch" PIP_USER=0 PIP_DISABLE_PIP_VERSION_CHECK=1 \
            "$venv_made/bin/python" -m pip install --quiet --no-input -r "$file" ||
        {
            shown more
            die "Making $venv_made failed."
        }
    printf '%s\n' "$wanted" >"$venv_made/requirements.stamp"
}

# more_node FOLDER: installs the npm packages of the folder's package-lock.json.
more_node() {
    local wanted
    wanted=$(sha256sum <"$1/package-lock.json")
    [[ $(cat "$1/node_modules/lock.stamp" 2>/dev/null) != "$wanted" ]] || return 0
    say "Installing the npm packages of $1 ..."
    # PostGraphile's folder also installs Node as a package, because the system's may be too old.
    quietly npm npm ci --prefix "$1" --ignore-scripts --no-audit --no-fund ||
        {
            shown npm
            die "Installing the npm packages of $1 failed."
        }
    printf '%s\n' "$wanted" >"$1/node_modules/lock.stamp"
}

if [[ $bench = yes ]]; then
    more_python "$bench_venv" bench/peers/requirements.txt
    more_node "$postgraphile"
fi

if [[ $lint = yes ]]; then
    more_node tools/biome
fi

if [[ $cluster = yes ]]; then
    more_python "$patroni_venv" deploy/patroni/requirements.txt
fi

if [[ $scores = yes ]]; then
    more_node tests/board
fi

if [[ $clients_too = yes ]]; then
    more_python "$clients_venv" "$clients/requirements.txt"
    more_node "$clients"
fi
