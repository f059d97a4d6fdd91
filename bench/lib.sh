# shellcheck shell=bash
# lib.sh - what the parts of bench/run.sh share: the node under test, samples
# and their medians, what the server has used, and the tables.

# shellcheck disable=SC2034,SC2154
progress() {
    printf '%s\n' "$*" >&2
}

calculate() {
    awk "BEGIN { $1 }"
}

# value_of CLUSTER QUERY
value_of() {
    run_psql "$1" -d postgres -Atq -c "$2"
}

sql_value() {
    value_of bench "$1"
}

# Milliseconds of the last command that psql reports.
psql_ms() {
    run_psql bench -d postgres -q -c '\timing on' -c "$1" |
        sed -n 's/^Time: \([0-9.]*\) ms.*/\1/p' | tail -1
}

# load_at PORT CONNECTIONS SECONDS REQUESTS WHAT...
# into ok, elapsed, p50 and p99 (microseconds) and mb
load_at() {
    local line failed
    line=$("$WORK/load" "$@") || fail "requests failed: $line"
    read -r ok failed elapsed p50 p99 mb <<<"$line"
    [ "$failed" = 0 ] || fail "$failed requests failed"
}

load() {
    load_at "$port" "$@"
}

# Times of one measurement lie after all that were written before, in a window
# of 20 seconds; they begin a day ago, so that they stay behind the clock.
next_base() {
    base=$((last_base + 20))
    last_base=$base
}

# Samples of one figure, and what is said of them
sample() {
    echo "$2" >>"$WORK/samples/$1"
}

median() {
    sort -g "$WORK/samples/$1" | awk '{ v[NR] = $1 } END {
        print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

# Half of the distance between the smallest and the largest, in % of the median
spread() {
    sort -g "$WORK/samples/$1" | awk -v m="$(median "$1")" 'NR == 1 { first = $1 } END {
        if (NR > 1 && m != 0) printf " ±%.0f%%", ($1 - first) / 2 / m * 100 }'
}

# Median and 99th percentile of the numbers in standard input
percentiles() {
    sort -g | awk '{ v[NR] = $1 } END {
        printf "%.2f %.2f", v[int((NR + 1) / 2)], v[int(NR * 0.99 + 0.5)] }'
}

# A number as people read it: three digits, or a comma before each three
pretty() {
    awk -v x="$1" 'BEGIN {
        if (x + 0 != x) { print x; exit }
        a = x < 0 ? -x : x
        if (a < 1000 && x == int(x)) { printf "%d", x; exit }
        if (a < 10) { printf "%.2f", x; exit }
        if (a < 100) { printf "%.1f", x; exit }
        s = sprintf("%.0f", x)
        while (match(s, /[0-9][0-9][0-9][0-9]($|,)/))
            s = substr(s, 1, RSTART) "," substr(s, RSTART + 1)
        print s }'
}

# verdict VALUE MARK, where the mark is ">= X", "<= X" or "-" for none
verdict() {
    case $2 in
        -) ;;
        *) calculate "print ($1 $2) ? \"met\" : \"not met\"" ;;
    esac
}

# ratio KEY OTHER_KEY: the median of what the rounds say one by one, so that what
# slows the machine down for some time falls on both sides
ratio() {
    paste "$WORK/samples/$1" "$WORK/samples/$2" |
        awk 'NF == 2 && $2 != 0 { print $1 / $2 }' >"$WORK/samples/ratio"
    printf '%.2f' "$(median ratio)"
}

# versus NAME KEY OTHER OTHER_KEY MARK [less]: our median beside another. The
# ratio says how much better ours is; less: the smaller is the better one.
versus() {
    local times
    if [ "${6:-}" = less ]; then
        times=$(ratio "$4" "$2")
    else
        times=$(ratio "$2" "$4")
    fi
    table_row "$1" "$(pretty "$(median "$2")")$(spread "$2")" \
        "$3: $(pretty "$(median "$4")")$(spread "$4")" "$times" "$5" "$(verdict "$times" "$5")"
}

# alone NAME KEY MARK: our median beside a mark
alone() {
    local ours
    ours=$(median "$2")
    table_row "$1" "$(pretty "$ours")$(spread "$2")" "" "" "$3" "$(verdict "$ours" "$3")"
}

table_row() {
    printf '| %s | %s | %s | %s | %s | %s |\n' "$1" "$2" "$3" "$4" \
        "$(sed 's/>=/≥/; s/<=/≤/; s/^-$//' <<<"$5")" "$6" >>"$WORK/marks"
    progress "  $(tail -1 "$WORK/marks")"
}

# Lines of the tables after the first
detail() {
    printf '%s\n' "$*" >>"$WORK/details"
}

# heading TITLE COLUMN...
heading() {
    detail
    detail "### $1"
    detail
    shift
    detail_row "$@"
    detail "|---|$(printf -- '---:|%.0s' "${@:2}")"
}

# detail_row CELL...
detail_row() {
    detail "|$(printf ' %s |' "$@")"
}

# Clock ticks that a process and its children, those that have ended too, have
# used
ticks_of() {
    { cat /proc/[0-9]*/stat 2>/dev/null || true; } |
        awk -v p="$1" '$1 == p { n += $14 + $15 + $16 + $17 } $4 == p { n += $14 + $15 } END { print n + 0 }'
}

postmaster() {
    head -1 "$WORK/$1/data/postmaster.pid"
}

# Note CPU time of a process tree; then into $cpu the seconds since
cpu_begin() {
    cpu_pid=$1
    cpu_ticks=$(ticks_of "$1")
}

# A session that has just ended is counted once: by then it has been waited for.
cpu_end() {
    sleep 0.1
    cpu=$(calculate "print ($(ticks_of "$cpu_pid") - $cpu_ticks) / $(getconf CLK_TCK)")
}

# settle [N]: wait until neither system is busy with what came before, for N (10)
# fifths of a second at most
settle() {
    local i before after
    for ((i = 0; i < ${1:-10}; i++)); do
        before=$(busy_ticks)
        sleep 0.2
        after=$(busy_ticks)
        [ $((after - before)) -gt 1 ] || return 0
    done
}

busy_ticks() {
    echo $(($(ticks_of "$(postmaster bench)") + ${influx_pid:+$(ticks_of "$influx_pid") + }0))
}

# Bytes of WAL written so far; bytes of the tables of values with indexes
wal_bytes() {
    sql_value "SELECT pg_current_wal_insert_lsn() - '0/0'"
}

table_bytes() {
    sql_value "SELECT sum(pg_total_relation_size(relid)) FROM pg_partition_tree('qlm.value')"
}

# stored FROM TO: values of these times, seconds since 1970
stored() {
    sql_value "SELECT count(*) FROM qlm.value
        WHERE ts >= to_timestamp($1) AND ts < to_timestamp($2)"
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

# Messages that several parts send
make_messages() {
    local items
    items=$(seq -f 'i%02.0f' 0 99 | tr '\n' ' ')
    echo "o01 i01" | read_message "$WORK/one" ''
    echo "o00 i01" | read_message "$WORK/newest" ' newest="1000"'
    echo "o02 $items" | read_message "$WORK/hundred" ''
    seq -f 'o%02.0f' 0 9 | sed "s/\$/ $items/" | read_message "$WORK/thousand" ''
    echo '<qlmEnvelope xmlns="QLMmi.xsd" version="1.0" ttl="0"><read/></qlmEnvelope>' >"$WORK/empty"
}

compile() {
    gcc -D_GNU_SOURCE -std=gnu11 -O2 "$@"
}
