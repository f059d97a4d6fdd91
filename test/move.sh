#!/bin/bash
# Plays "Move to another server" of docs/copies.md from the server of this machine
# to one of a later version of PostgreSQL, on a bare Debian machine beside it.
#
# usage: test/move.sh [--bases FOLDER] [VERSION]
#
# --bases    keeps there what debootstrap makes, and begins with it the next time
# VERSION    17 (Debian 13, the default) or 18 (testing)
#
# Needs root.  The mirror is the one that this machine's apt-get uses, or what
# MIRROR says.  KEEP=yes keeps the machine.

set -euo pipefail
# shellcheck source=test/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=test/machine.sh
. "$(dirname "${BASH_SOURCE[0]}")/machine.sh"

bases=
version=17
while [ $# -gt 0 ]; do
    case $1 in
        --bases)
            bases=${2:?--bases needs a folder}
            shift
            ;;
        -h | --help)
            sed -n '2,/^$/s/^# \{0,1\}//p' "$0"
            exit
            ;;
        17 | 18) version=$1 ;;
        *) fail "unknown argument $1" ;;
    esac
    shift
done

suite=trixie
[ "$version" = 17 ] || suite=testing

# What runs there, until it is told to end: a server of that version with the library
# shellcheck disable=SC2016
serve='
set -e
make -s PG_CONFIG=$1/pg_config
make -s PG_CONFIG=$1/pg_config install
mkdir /home/new
chown postgres /home/new
runuser -u postgres -- "$1/initdb" -D /home/new/data -U postgres -A trust -E UTF8 --no-locale --no-sync
cat >>/home/new/data/postgresql.conf <<END
listen_addresses = "127.0.0.1"
port = $2
unix_socket_directories = ""
shared_preload_libraries = "qlm"
qlm.port = $3
qlm.http_workers = 1
qlm.anonymous_role = "qlm_writer"
qlm.callback_allow = "127.0.0.1"
qlm.retry_delay = "100ms"
qlm.piggyback_max = 3
fsync = off
END
sed -i "s/\"/'\''/g" /home/new/data/postgresql.conf
exec runuser -u postgres -- "$1/postgres" -D /home/new/data'

need_packages tests
prepare_machines "$bases"
say "A machine with PostgreSQL $version"
new_machine new "$suite" || fail "Debian $suite cannot be made with this mirror"
quietly in_machine new apt-get update || fail "apt-get update fails there"
quietly in_machine new apt-get -y --no-install-recommends install "postgresql-$version" \
    "postgresql-server-dev-$version" libxml2-dev libmicrohttpd-dev libcurl4-openssl-dev \
    zlib1g-dev gcc make pkg-config || fail "its packages cannot be installed"
port=$(free_port)
http=$(free_port)
log=$MACHINES/new.log
in_machine new bash -c "$serve" serve "/usr/lib/postgresql/$version/bin" "$port" "$http" >"$log" 2>&1 &
server=$!
for ((i = 0; ; i++)); do
    grep -q 'database system is ready' "$log" && break
    if ! kill -0 "$server" 2>/dev/null || [ "$i" -gt 3000 ]; then
        tail -30 "$log" >&2
        fail "the server does not start there"
    fi
    sleep 0.1
done
status=0
QLM_MOVE_TO="$port $http" "$ROOT/test/run.sh" --quick 268_move || status=$?
# The machine ends with what stands before it, which listens to no other signal.
pkill -KILL -P "$server" || true
wait "$server" 2>/dev/null || true
exit "$status"
