# shellcheck shell=bash
# memory.sh - the part of bench/run.sh about the memory of the server workers
# over many mixed requests.

# shellcheck disable=SC2154
# Private memory of the server workers in kB, one a line; pages of shared
# buffers that only one process has touched are not in it.
worker_memory() {
    local pid
    for pid in $(sql_value "SELECT pid FROM qlm.stat_worker WHERE kind = 'server' AND pid IS NOT NULL ORDER BY pid"); do
        awk '/^Anonymous:/ { print $2 }' "/proc/$pid/smaps_rollup"
    done
}

largest_memory() {
    worker_memory | sort -n | tail -1
}

memory_row() {
    detail_row "$1" "$(worker_memory | awk '{ printf "%s%.1f", s, $1 / 1024; s = ", " }')"
}

# Single values, 100 values, GET, a latest value, 1,000 of one InfoItem, 100
# InfoItems, something that is not there, a poll
mixed_requests() {
    next_base
    load 32 0 "$1" mix "$base" /Objects/Bench/o01/i01/value \
        "$WORK/one" "$WORK/newest" "$WORK/hundred" "$WORK/nothing" "$WORK/poll"
}

make_mixed() {
    local id
    echo "o01 nothing" | read_message "$WORK/nothing" ''
    sed 's/<read /<read interval="-1" /' "$WORK/one" >"$WORK/subscribe"
    id=$(curl -fsS --data-binary "@$WORK/subscribe" "http://localhost:$port/" |
        sed -n 's/.*<requestID[^>]*>\([0-9]*\)<.*/\1/p')
    echo "<omiEnvelope xmlns=\"http://www.opengroup.org/xsd/omi/1.0/\" version=\"1.0\" ttl=\"0\"><read><requestID>$id</requestID></read></omiEnvelope>" >"$WORK/poll"
    [ -n "$id" ] || fail "no subscription for polling"
}

bench_memory() {
    local part half=$((memory_requests / 2)) before after state
    progress "memory over $memory_requests mixed requests"
    heading "Private memory of the server workers over mixed requests" "" "MB of each worker"
    memory_row "after the other parts of the bench"
    stop_cluster bench
    start_again bench
    wait_for_health "http://localhost:$port"
    make_mixed
    mixed_requests 8000
    memory_row "started anew"
    for part in 1 2; do
        mixed_requests "$half"
        memory_row "after $(pretty $((half * part)))"
        before=${after:-}
        after=$(largest_memory)
    done
    state="not met"
    if [ $((after * 10)) -le $((before * 11)) ] && [ "$after" -lt 40960 ]; then
        state=met
    fi
    table_row "memory of a worker over $(pretty "$memory_requests") mixed requests: MB" \
        "$(pretty "$(calculate "print $after / 1024")")" \
        "after half of them: $(pretty "$(calculate "print $before / 1024")")" \
        "$(calculate "printf \"%.2f\", $after / $before")" "flat, under 40 MB" "$state"
}
