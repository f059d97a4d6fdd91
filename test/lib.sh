# shellcheck shell=bash
# lib.sh - what test/run.sh, demo/run.sh and bench/run.sh share: packages, the
# build, a private copy of PostgreSQL and clusters in a temporary folder.
#
# The caller sets -euo pipefail, sources this file and calls, in this order,
# need_packages, build_extension, make_workplace, install_privately.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
WORK=                   # temporary folder, removed at exit unless KEEP=yes
KEEP=${KEEP:-no}
SERVER_USER=            # who runs the servers where root may not
CLUSTERS=()
NAMESPACE=              # network namespace that as_server enters, root only
NAMESPACES=()           # to be removed at exit

say() {
    printf '%s\n' "$*"
}

fail() {
    printf '%s: %s\n' "$(basename "$(dirname "$0")")/$(basename "$0")" "$*" >&2
    exit 1
}

have() {
    command -v "$1" >/dev/null 2>&1
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

# Run a command whose output matters only if it fails.
quietly() {
    local log status=0
    log=$(mktemp)
    "$@" >"$log" 2>&1 </dev/null || status=$?
    if [ "$status" != 0 ]; then
        cat "$log" >&2
    fi
    rm -f "$log"
    return "$status"
}

# The pg_config to build with, or nothing.
find_pg_config() {
    local candidate
    for candidate in "${PG_CONFIG:-pg_config}" \
        $(printf '%s\n' /usr/lib/postgresql/*/bin/pg_config | sort -rV); do
        if "$candidate" --version >/dev/null 2>&1; then
            command -v "$candidate"
            return
        fi
    done
}

# The server version that packages are named after: the one that is there, or
# the one that the distribution's metapackage stands for.
find_pg_major() {
    local config
    config=$(find_pg_config)
    if [ -n "$config" ]; then
        "$config" --version | sed 's/^PostgreSQL \([0-9]*\).*/\1/'
    else
        version_behind postgresql
    fi
}

# The version that a metapackage of the distribution stands for
version_behind() {
    apt-cache depends "$1" 2>/dev/null | sed -n "s/.*Depends: $1-\([0-9]*\)$/\1/p" | head -1
}

compiles_c() {
    echo '#include <stdio.h>' | gcc -E -
}

pg_file() {
    local config
    config=$(find_pg_config)
    [ -n "$config" ] && [ -e "$("$config" "$1")${2:-}" ]
}

# need PACKAGES COMMAND...: note the packages if the command fails
MISSING=()
need() {
    local packages=$1
    shift
    if ! "$@" >/dev/null 2>&1; then
        # shellcheck disable=SC2206
        MISSING+=($packages)
    fi
}

find_missing() {
    local purpose major
    MISSING=()
    major=$(find_pg_major)
    need "gcc libc6-dev" compiles_c
    need make have make
    need pkg-config have pkg-config
    need libxml2-dev pkg-config --exists libxml-2.0
    need libmicrohttpd-dev pkg-config --exists libmicrohttpd
    need libcurl4-openssl-dev pkg-config --exists libcurl
    need zlib1g-dev pkg-config --exists zlib
    need "postgresql-${major:-15}" pg_file --bindir /initdb
    need "postgresql-server-dev-${major:-15}" pg_file --pgxs
    for purpose; do
        case $purpose in
            curl) need curl have curl ;;
            xmllint) need libxml2-utils have xmllint ;;
            network)
                need iproute2 have ip
                need nftables have nft
                ;;
            tests)
                need perl have prove
                need libipc-run-perl perl -MIPC::Run -e 1
                need libprotocol-websocket-perl perl -MProtocol::WebSocket -e 1
                need libxml-libxml-perl perl -MXML::LibXML -e 1
                need libtap-parser-sourcehandler-pgtap-perl have pg_prove
                need "postgresql-${major:-15}-pgtap" \
                    pg_file --sharedir /extension/pgtap.control
                ;;
            valgrind) need valgrind have valgrind ;;
            fuzz) need "clang libclang-rt-$(version_behind clang)-dev" have_fuzzer ;;
        esac
    done
}

# Can clang link libFuzzer here?
have_fuzzer() {
    local dir status=0
    dir=$(mktemp -d)
    echo 'int LLVMFuzzerTestOneInput(const char *d, long n) { return 0; }' >"$dir/f.c"
    clang -fsanitize=fuzzer,address "$dir/f.c" -o "$dir/f" || status=$?
    rm -rf "$dir"
    return "$status"
}

# need_packages [curl] [xmllint] [network] [tests] [valgrind] [fuzz]: install what is not there
need_packages() {
    find_missing "$@"
    [ ${#MISSING[@]} = 0 ] && return
    if ! have apt-get; then
        fail "these are missing, install what your system calls them: ${MISSING[*]}"
    fi
    if [ "$(id -u)" != 0 ] && ! have sudo; then
        fail "these are missing and neither root nor sudo is there to install them: apt-get install ${MISSING[*]}"
    fi
    quietly as_root apt-get update || fail "apt-get update failed"
    find_missing "$@"           # package lists tell the server's version
    say "Installing ${MISSING[*]}"
    quietly as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y --no-install-recommends "${MISSING[@]}" ||
        fail "apt-get install failed"
    hash -r
    find_missing "$@"
    [ ${#MISSING[@]} = 0 ] || fail "still missing after installing: ${MISSING[*]}"
}

build_extension() {
    PG_CONFIG=$(find_pg_config)
    export PG_CONFIG
    quietly make -s -C "$ROOT" -j "$(nproc)" || fail "the build failed"
}

# A temporary folder that only the servers' user can enter (anyone who reaches
# a socket in it is superuser there) and that goes at exit.
make_workplace() {
    umask 022
    WORK=$(mktemp -d "${TMPDIR:-/tmp}/qlm.XXXXXX")
    trap clean_up EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    if [ "$(id -u)" = 0 ]; then
        SERVER_USER=nobody
        if id postgres >/dev/null 2>&1; then
            SERVER_USER=postgres
        fi
        chown "$SERVER_USER" "$WORK"
    fi
}

clean_up() {
    local status=$? cluster namespace
    trap '' INT TERM
    if [ "$KEEP" = no ]; then
        for cluster in ${CLUSTERS[@]+"${CLUSTERS[@]}"}; do
            stop_cluster "$cluster" immediate || true
        done
        for namespace in ${NAMESPACES[@]+"${NAMESPACES[@]}"}; do
            ip netns del "$namespace" || true
        done
        rm -rf "$WORK"
    fi
    exit "$status"
}

# Run as the user of the servers, in the workplace.
as_server() (
    cd "$WORK" || exit
    if [ -n "$SERVER_USER" ]; then
        exec ${NAMESPACE:+ip netns exec "$NAMESPACE"} \
            setpriv --reuid="$SERVER_USER" --regid="$(id -g "$SERVER_USER")" \
            --clear-groups env HOME="$WORK" PATH="$BIN:$PATH" "$@"
    else
        exec env PATH="$BIN:$PATH" "$@"
    fi
)

# A copy of PostgreSQL with the extension in it, so that nothing outside the
# workplace changes.  Its programs find their files relative to themselves;
# only they are copied, the rest are links.
install_privately() {
    local prefix=$WORK/postgresql dir
    BIN=$prefix$("$PG_CONFIG" --bindir)
    for dir in $("$PG_CONFIG" --pkglibdir) $("$PG_CONFIG" --sharedir); do
        mkdir -p "$prefix$dir"
        cp -Rs "$dir/." "$prefix$dir/"
    done
    rm -f "$prefix$("$PG_CONFIG" --pkglibdir)/qlm.so" \
        "$prefix$("$PG_CONFIG" --sharedir)"/extension/qlm[.-]*
    mkdir -p "$BIN"
    cp "$("$PG_CONFIG" --bindir)"/* "$BIN/"
    quietly make -s -C "$ROOT" install DESTDIR="$prefix" || fail "make install failed"
}

# A TCP port that is free now.
free_port() {
    perl -MIO::Socket::INET -e '
        print IO::Socket::INET->new(LocalAddr => "127.0.0.1", Listen => 1)->sockport'
}

# start_cluster NAME [SETTING...]: a new cluster that listens only on a socket
# in $WORK/NAME
start_cluster() {
    local name=$1 dir=$WORK/$1
    shift
    as_server mkdir "$dir"
    quietly as_server initdb -D "$dir/data" -U postgres -A trust -E UTF8 \
        --no-locale --no-sync || fail "initdb failed"
    {
        printf '%s\n' "listen_addresses = ''" \
            "unix_socket_directories = '$dir'" "port = 5432" "$@"
    } | as_server tee -a "$dir/data/postgresql.conf" >/dev/null
    CLUSTERS+=("$name")
    start_again "$name"
}

start_again() {
    local dir=$WORK/$1
    if ! quietly as_server pg_ctl -D "$dir/data" -l "$dir/log" -w start; then
        tail -20 "$dir/log" >&2
        fail "the server did not start"
    fi
}

# stop_cluster NAME [MODE]
stop_cluster() {
    [ -f "$WORK/$1/data/postmaster.pid" ] || return 0
    quietly as_server pg_ctl -D "$WORK/$1/data" -m "${2:-fast}" -w stop
}

# run_psql NAME ARGUMENT...: psql as superuser, without the user's psqlrc
run_psql() {
    local name=$1
    shift
    "$BIN/psql" -X -h "$WORK/$name" -p 5432 -U postgres -v ON_ERROR_STOP=1 "$@"
}

# wait_for_health URL [COMMAND...]: until the node answers curl, which the
# command runs if there is one
wait_for_health() {
    local url=$1/health i
    shift
    for ((i = 0; i < 300; i++)); do
        if "$@" curl -fs -o /dev/null --max-time 1 "$url"; then
            return
        fi
        sleep 0.1
    done
    fail "no answer from $url in 30 seconds"
}
