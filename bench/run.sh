#!/bin/bash
# Measures a node beside what people would use instead, in one run on one
# machine: COPY and INSERT of the same rows into the same table, and InfluxDB 1.6,
# installed as Debian's package influxdb if it is not there. Systems take turns;
# figures are medians, ± is half of the distance from the smallest to the largest.
# Every acknowledged value is counted afterwards. The output is Markdown.
#
# usage: bench/run.sh [--quick] [--seconds N] [--rounds N] [--only PART]...
#                     [--memory] [--large [--size N]] [--update-docs]
#
# --seconds      of each measurement (2)
# --rounds       measurements of each figure (3)
# --quick        one round of one second, a smaller history: that all works
# --only         write, subscriptions, read, floor, http, memory, dialog, million or
#                proxies; several times if wanted
# --memory       a million requests for the memory of the workers, not 100,000
# --large        only how costs grow, up to N (1, 10 or 100) million values in N
#                times 10,000 InfoItems; for 100 half an hour and 30 GB of disk
# --update-docs  put the output into docs/performance.md, and draw the plot
#
# Commits are durable. The load program shares the machine with the server.

# The parts share variables, which are set here or in lib.sh.
# shellcheck disable=SC2034,SC2154

set -euo pipefail
# shellcheck source=test/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../test/lib.sh"
all_parts=(write subscriptions read floor http memory dialog million proxies)
for part in lib influx "${all_parts[@]}" large; do
    # shellcheck source=/dev/null
    . "$ROOT/bench/$part.sh"
done

seconds=2
rounds=3
parts=()
memory_requests=100000
history_objects=10
million_objects=1000000
large=no
large_size=100
update_docs=no
while [ $# -gt 0 ]; do
    case $1 in
        --quick) seconds=1 rounds=1 memory_requests=20000 history_objects=1 million_objects=100000 ;;
        --seconds) seconds=${2:?} && shift ;;
        --rounds) rounds=${2:?} && shift ;;
        --only) parts+=("${2:?}") && shift ;;
        --memory) memory_requests=1000000 ;;
        --large) large=yes ;;
        --size) large_size=${2:?} && shift ;;
        --update-docs) update_docs=yes ;;
        -h | --help)
            sed -n '2,/^$/s/^# \{0,1\}//p' "$0"
            exit
            ;;
        *) fail "unknown argument $1" ;;
    esac
    shift
done
case $large_size in
    1 | 10 | 100) ;;
    *) fail "--size is 1, 10 or 100" ;;
esac
[ $update_docs = no ] || [ ${#parts[@]} = 0 ] || fail "--update-docs needs the whole output"
for part in ${parts[@]+"${parts[@]}"}; do
    case " ${all_parts[*]} " in
        *" $part "*) ;;
        *) fail "no part is named $part" ;;
    esac
done

wanted() {
    local part
    [ ${#parts[@]} -gt 0 ] || return 0
    for part in "${parts[@]}"; do
        [ "$part" != "$1" ] || return 0
    done
    return 1
}

# Is anything measured beside InfluxDB?
compares() {
    [ "${parts[*]-}" != proxies ]
}

have_influx() {
    influxd version 2>/dev/null | grep -q ' v1\.'
}

# What the bench needs beyond the packages of test/lib.sh
need_influx() {
    have_influx && return
    say "Installing influxdb" >&2
    quietly as_root apt-get update || fail "apt-get update failed"
    quietly as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y --no-install-recommends influxdb ||
        fail "InfluxDB 1 is needed for comparison: install influxdb"
}

PROCESSES=()
finish() {
    local status=$? process
    trap '' INT TERM
    for process in ${PROCESSES[@]+"${PROCESSES[@]}"}; do
        kill "$process" 2>/dev/null || true
    done
    # what was measured before something failed
    [ "$status" = 0 ] || [ ! -s "$WORK/begun" ] || print_results
    set +e
    (exit "$status")
    clean_up
}

describe_run() {
    say "qlm $(sql_value 'SELECT qlm_version()'), PostgreSQL $(sql_value 'SHOW server_version'), $(date -u '+%Y-%m-%d %H:%M UTC'); $(nproc) cores, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1), $(uname -srm)."
    say "Durable commits (\`fsync\` and \`synchronous_commit\` on), $(sql_value 'SHOW qlm.http_workers') server workers, load program on the same machine, medians of $rounds rounds of $seconds s."
}

print_results() {
    cat "$WORK/begun"
    if [ -s "$WORK/marks" ]; then
        say
        say "| what | this node | beside it | ratio | mark | |"
        say "|---|---:|---:|---:|---:|---|"
        cat "$WORK/marks"
    fi
    cat "$WORK/details"
}

# replace_in_docs NAME: the lines between two markers by standard input
replace_in_docs() {
    local page=$ROOT/docs/performance.md
    cat >"$WORK/output"
    awk -v name="$1" -v output="$WORK/output" '
        $0 == "<!-- end of " name " -->" { skip = 0 }
        !skip { print }
        $0 == "<!-- output of " name " -->" {
            skip = 1
            while ((getline line < output) > 0) print line
        }' "$page" >"$WORK/page"
    cat "$WORK/page" >"$page"
}

need_packages curl
if [ $large = no ] && compares; then
    need_influx
fi
build_extension
make_workplace
trap finish EXIT
install_privately
mkdir "$WORK/samples"
touch "$WORK/marks" "$WORK/details"
compile -o "$WORK/load" "$ROOT/bench/load.c" "$ROOT/bench/request.c"
port=$(free_port)
waiting_port=$(free_port)
first_base=$(($(date +%s) - 86400))
last_base=$first_base
start_cluster bench "shared_preload_libraries = 'qlm'" "qlm.port = $port" \
    "qlm.anonymous_role = 'qlm_writer'" "max_wal_size = '4GB'" \
    "shared_buffers = '512MB'" "checkpoint_timeout = '30min'" \
    "qlm.max_connections = 5000" "qlm.max_subscriptions = 100000" \
    "qlm.max_queued = 1000000" \
    "qlm.callback_allow = '127.0.0.1'" "qlm.poll_buffer_max = 1000000"
run_psql bench -q -d postgres -c 'CREATE EXTENSION qlm'
wait_for_health "http://localhost:$port"
make_messages
describe_run >"$WORK/begun"
progress "$(cat "$WORK/begun")"

if [ $large = yes ]; then
    bench_large
    name="bench/run.sh --large"
else
    # Every InfoItem exists before anything is measured.
    next_base
    load 1 0 1 write 10000 "$base"
    if compares; then
        start_influx
        influx_load 1 0 1 lines 10000 "$base"
    fi
    for part in "${all_parts[@]}"; do
        ! wanted "$part" || "bench_$part"
    done
    name="bench/run.sh"
fi
print_results
if [ $update_docs = yes ]; then
    print_results | replace_in_docs "$name"
    [ $large = no ] || "$ROOT/bench/plot.sh"
fi
