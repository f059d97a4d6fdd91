# shellcheck shell=bash
# lib.sh - what test/run.sh, demo/run.sh and bench/run.sh share: the build, a
# private copy of PostgreSQL and clusters in a temporary folder; packages.sh
# installs what they need.
#
# The caller sets -euo pipefail, sources this file and calls, in this order,
# need_packages, build_extension, make_workplace, install_privately.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
WORK=                   # temporary folder, removed at exit unless KEEP=yes
KEEP=${KEEP:-no}
SERVER_USER=            # who runs the servers where root may not
CLUSTERS=()
PROCESSES=()            # others that end with it
NAMESPACE=              # network namespace that as_server enters, root only
NAMESPACES=()           # to be removed at exit

# shellcheck source=test/packages.sh
. "$ROOT/test/packages.sh"

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

# end_process PID: also where it is no child of this shell, nor in a hurry
end_process() {
    local i
    kill "$1" 2>/dev/null || return 0
    for ((i = 0; i < 50; i++)); do
        kill -0 "$1" 2>/dev/null || return 0
        sleep 0.1
    done
    kill -KILL "$1" 2>/dev/null || true
}

clean_up() {
    local status=$? cluster process namespace
    trap '' INT TERM
    if [ "$KEEP" = no ]; then
        for cluster in ${CLUSTERS[@]+"${CLUSTERS[@]}"}; do
            stop_cluster "$cluster" immediate || true
        done
        for process in ${PROCESSES[@]+"${PROCESSES[@]}"}; do
            end_process "$process"
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
    cp "$ROOT"/sql/release/*.sql "$prefix$("$PG_CONFIG" --sharedir)/extension/"
}

# A TCP port that is free now, and that no connection gets for its own end
free_port() {
    perl -MIO::Socket::INET -e '
        for (1 .. 1000) {
            my $port = 10200 + int rand 22000;
            next unless IO::Socket::INET->new(LocalAddr => "127.0.0.1",
                LocalPort => $port, Listen => 1);
            print $port;
            exit;
        }
        die "no free port"'
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
