#!/bin/bash
# Measures a node over HTTP beside COPY of the same rows into the same table,
# in one run on one machine, and checks that every acknowledged value is there.
#
# usage: bench/run.sh [--quick] [--seconds N] [--only NAME] [--memory]
#
# --seconds   of each measurement (5)
# --quick     one second each
# --only      write, read, queries, memory or dialog
# --memory    a million requests for the memory of the workers, not 100,000
#
# Commits are durable. The load program shares the machine with the server.

set -euo pipefail
# shellcheck source=test/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../test/lib.sh"
# shellcheck source=bench/dialog.sh
. "$(dirname "${BASH_SOURCE[0]}")/dialog.sh"

seconds=5
only=
memory_requests=100000
while [ $# -gt 0 ]; do
    case $1 in
        --quick) seconds=1 memory_requests=20000 ;;
        --seconds) seconds=${2:?} && shift ;;
        --only) only=${2:?} && shift ;;
        --memory) memory_requests=1000000 ;;
        -h | --help)
            sed -n '2,/^$/s/^# \{0,1\}//p' "$0"
            exit
            ;;
        *) fail "unknown argument $1" ;;
    esac
    shift
done

wanted() {
    [ -z "$only" ] || [ "$only" = "$1" ]
}

sql_value() {
    run_psql bench -d postgres -Atq -c "$1"
}

# Milliseconds of the last command that psql reports.
psql_ms() {
    run_psql bench -d postgres -q -c '\timing on' -c "$1" |
        sed -n 's/^Time: \([0-9.]*\) ms.*/\1/p' | tail -1
}

calculate() {
    awk "BEGIN { $1 }"
}

# load CONNECTIONS SECONDS REQUESTS write VALUES BASE | post FILE
# into ok, elapsed, p50 and p99
load() {
    local line failed
    line=$("$WORK/load" "$port" "$@") || fail "requests failed: $line"
    read -r ok failed elapsed p50 p99 <<<"$line"
    [ "$failed" = 0 ] || fail "$failed requests failed"
}

# Times of one measurement begin after all values that are there.
next_base() {
    base=$(date +%s)
    if [ "$base" -le "$last_base" ]; then
        base=$((last_base + 20))
    fi
    last_base=$((base + 20))
}

# COPY the rows of the last measurement again, 10 seconds later: rows a second.
copy_again() {
    local rows=$1 file=$WORK/bench/rows ms
    sql_value "COPY (SELECT info_item_id, peer_id, ts + '10 s', num, txt, type
        FROM qlm.value WHERE ts >= to_timestamp($base)
        AND ts < to_timestamp($base + 10)) TO '$file'"
    ms=$(psql_ms "\\copy qlm.value (info_item_id, peer_id, ts, num, txt, type) FROM '$file'")
    calculate "printf \"%.0f\", $rows / $ms * 1000"
}

# measure_write VALUES CONNECTIONS
measure_write() {
    local values=$1 rows stored copy
    next_base
    load "$2" "$seconds" 0 write "$values" "$base"
    rows=$((ok * values))
    stored=$(sql_value "SELECT count(*) FROM qlm.value
        WHERE ts >= to_timestamp($base) AND ts < to_timestamp($base + 10)")
    [ "$stored" = "$rows" ] ||
        fail "$rows values were acknowledged and $stored are stored"
    copy=$(copy_again "$rows")
    calculate "printf \"%6d %11d %11.0f %11.0f %8.2f %8.2f %11d %7.2f\n\", $values, $2,
        $ok / $elapsed, $rows / $elapsed, $p50 / 1000, $p99 / 1000, $copy,
        $rows / $elapsed / $copy"
}

# read_message FILE ATTRIBUTES: a read of the InfoItems in standard input, whose
# lines are "object item..."
read_message() {
    local object items item
    {
        echo '<omiEnvelope xmlns="http://www.opengroup.org/xsd/omi/1.0/" version="1.0" ttl="0">'
        echo "<read msgformat=\"odf\"$2><msg>"
        echo '<Objects xmlns="http://www.opengroup.org/xsd/odf/1.0/"><Object><id>Bench</id>'
        while read -r object items; do
            echo "<Object><id>$object</id>"
            for item in $items; do
                echo "<InfoItem name=\"$item\"/>"
            done
            echo "</Object>"
        done
        echo '</Object></Objects></msg></read></omiEnvelope>'
    } >"$1"
}

# measure_read NAME CONNECTIONS FILE
measure_read() {
    load "$2" "$seconds" 0 post "$3"
    calculate "printf \"%-36s %11d %11.0f %8.2f %8.2f\n\", \"$1\", $2,
        $ok / $elapsed, $p50 / 1000, $p99 / 1000"
}

# Private memory of the server workers in kB; pages of shared buffers that only
# one process has touched are not in it.
worker_memory() {
    local pid
    for pid in $(sql_value "SELECT pid FROM pg_stat_activity
        WHERE backend_type LIKE 'qlm%server%' ORDER BY pid"); do
        awk -v pid="$pid" '/^Anonymous:/ { printf "%d:%d ", pid, $2 }' \
            "/proc/$pid/smaps_rollup"
    done
}

need_packages curl
build_extension
make_workplace
install_privately
gcc -D_GNU_SOURCE -std=gnu11 -O2 -o "$WORK/load" "$ROOT/bench/load.c"
port=$(free_port)
waiting_port=$(free_port)
RECEIVERS=()
trap '[ ${#RECEIVERS[@]} = 0 ] || kill "${RECEIVERS[@]}"; clean_up' EXIT
start_cluster bench "shared_preload_libraries = 'qlm'" "qlm.port = $port" \
    "qlm.anonymous_role = 'qlm_writer'" "max_wal_size = '4GB'" \
    "shared_buffers = '512MB'" "checkpoint_timeout = '30min'" \
    "qlm.callback_allow = '127.0.0.1'" "qlm.poll_buffer_max = 1000000"
run_psql bench -q -d postgres -c 'CREATE EXTENSION qlm'
wait_for_health "http://localhost:$port"

say "qlm $(sql_value 'SELECT qlm_version()'), PostgreSQL $(sql_value 'SHOW server_version'), $(date -u '+%Y-%m-%d %H:%M UTC')"
say "$(nproc) cores, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1), $(uname -srm)"
say "durable commits (fsync and synchronous_commit on), $(sql_value 'SHOW qlm.http_workers') server workers, load program on the same machine, $seconds s each"

# Every InfoItem exists before anything is measured.
last_base=0
next_base
load 1 0 1 write 10000 "$base"

if wanted write; then
    say
    say "values connections  requests/s    values/s   p50 ms   p99 ms COPY rows/s HTTP/COPY"
    for values in 1 100 10000; do
        for connections in 1 32; do
            measure_write "$values" "$connections"
        done
    done
    say "every acknowledged value is in qlm.value"
fi

if wanted read || wanted queries; then
    sql_value "SELECT count(qlm_write('Bench/o00/series', n::float8, now() - n * interval '1 s'))
        FROM generate_series(1, 5000) n" >/dev/null
    sql_value "VACUUM ANALYZE qlm.value"
    echo "o01 i01" | read_message "$WORK/one" ''
    echo "o00 series" | read_message "$WORK/newest" ' newest="1000"'
    items=$(seq -f 'i%02.0f' 0 99 | tr '\n' ' ')
    seq -f 'o%02.0f' 0 9 | sed "s/\$/ $items/" | read_message "$WORK/thousand" ''
    say
    say "over HTTP                            connections  requests/s   p50 ms   p99 ms"
    if wanted read; then
        measure_read "latest value of one InfoItem" 1 "$WORK/one"
        measure_read "latest value of one InfoItem" 32 "$WORK/one"
    fi
    if wanted queries; then
        measure_read "newest 1,000 values of one InfoItem" 1 "$WORK/newest"
        measure_read "latest values of 1,000 InfoItems" 1 "$WORK/thousand"
    fi
fi

if wanted memory; then
    next_base
    load 32 0 10000 write 1 "$base"
    say
    say "private memory of the server workers, pid:kB"
    say "  before              $(worker_memory)"
    half=$((memory_requests / 2))
    for part in 1 2; do
        next_base
        load 32 0 "$half" write 1 "$base"
        say "  after $(printf '%-12s' $((half * part)))  $(worker_memory)"
    done
fi

if wanted dialog; then
    bench_dialog
fi
