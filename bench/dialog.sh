# shellcheck shell=bash
# dialog.sh - the part of bench/run.sh about two nodes, callbacks and requests
# that wait.  Each measurement checks that everything has arrived, once and in
# order.

# shellcheck disable=SC2154
# wait_for CLUSTER QUERY VALUE: until the query gives it, for two minutes
wait_for() {
    local i
    for ((i = 0; i < 1200; i++)); do
        [ "$(value_of "$1" "$2")" = "$3" ] && return
        sleep 0.1
    done
    fail "this does not become $3: $2"
}

# A node that nobody can call, and that calls this one.
start_inside() {
    start_cluster inside "shared_preload_libraries = 'qlm'" \
        "qlm.listen_addresses = ''" "qlm.http_workers = 1"
    run_psql inside -q -d postgres -c 'CREATE EXTENSION qlm' \
        -c "SELECT qlm_write('Fridge/temperature', 4.5)" >/dev/null
    value_of bench "SELECT qlm_add_peer('fridge', role => 'qlm_writer', paths => '{Fridge}')" >/dev/null
    value_of inside "SELECT qlm_add_peer('plant', url => 'http://127.0.0.1:$port/peer/fridge',
        heartbeat => '1 s')" >/dev/null
    value_of bench "SELECT qlm_await(qlm_request('fridge', qlm_read_envelope('Fridge/temperature')), '30 s')" |
        grep -q '>4.5<' || fail "the node behind the firewall does not answer"
}

# latency_row NAME "P50 P99"
latency_row() {
    detail_row "$1" "$(pretty "${2% *}")" "$(pretty "${2#* }")"
}

# One after the other: queue, commit, wait.
measure_latency() {
    local rounds=$((seconds * 50)) i read
    read="qlm_request('fridge', qlm_read_envelope('Fridge/temperature'))"
    value_of bench 'DELETE FROM qlm.outbox' >/dev/null
    for ((i = 0; i < rounds; i++)); do
        echo "SELECT $read AS id \\gset"
        echo "SELECT qlm_await(:id, '10 s') IS NULL;"
    done >"$WORK/rounds"
    run_psql bench -d postgres -Atq -f "$WORK/rounds" | grep -qv f && fail "an answer is missing"
    latency_row "request to answer, queued and committed before" "$(value_of bench "SELECT extract(epoch FROM answered_at - created_at) * 1000
        FROM qlm.outbox WHERE return_code = 200" | percentiles)"
    {
        printf '%s\n' '\timing on'
        for ((i = 0; i < rounds; i++)); do
            echo "SELECT qlm_await($read, '10 s') IS NULL;"
        done
    } >"$WORK/rounds"
    run_psql bench -d postgres -Atq -f "$WORK/rounds" >"$WORK/timed"
    grep -q '^t$' "$WORK/timed" && fail "an answer is missing"
    latency_row "request to answer, one statement" "$(sed -n 's/^Time: \([0-9.]*\) ms.*/\1/p' "$WORK/timed" | percentiles)"
}

# Requests a second, all queued at once
measure_piggyback() {
    local n=$((seconds * 400)) begin
    value_of bench 'DELETE FROM qlm.outbox' >/dev/null
    value_of bench "SELECT count(qlm_request('fridge', qlm_read_envelope('Fridge/temperature')))
        FROM generate_series(1, $n)" >/dev/null
    begin=$(value_of bench 'SELECT clock_timestamp()')
    wait_for bench "SELECT count(*) FROM qlm.outbox WHERE return_code = 200 AND state = 'answered'" "$n"
    detail_row "piggy-backed requests, $n queued" "$(pretty "$(value_of bench "SELECT
        round($n / extract(epoch FROM max(answered_at) - '$begin')) FROM qlm.outbox")")"
}

# start_receiver [hang]: its port into $receiver_port
start_receiver() {
    local file
    file=$(mktemp -p "$WORK")
    "$WORK/receiver" "$@" >"$file" &
    PROCESSES+=($!)
    until [ -s "$file" ]; do sleep 0.05; done
    receiver_port=$(cat "$file")
}

# measure_callbacks NAME: into $rate
measure_callbacks() {
    local n=$((seconds * 2000)) begin messages wrong last rest
    curl -fs "http://127.0.0.1:$fast_port/" >/dev/null
    value_of bench "SELECT count(qlm_write('Bench/fast', n::float8)) FROM generate_series(1, $n) n" >/dev/null
    begin=$(date +%s%6N)
    wait_for bench "SELECT count(*) FROM qlm.outbox WHERE subscription_id = $fast_id AND state = 'answered'" "$n"
    read -r messages wrong rest last < <(curl -fs "http://127.0.0.1:$fast_port/")
    [ "$messages $wrong" = "$n 0" ] ||
        fail "of $n callbacks $messages came, $wrong not in order"
    rate=$(calculate "printf \"%.0f\", $n / ($last - $begin) * 1000000")
    detail_row "$1, $n queued" "$(pretty "$rate")"
    value_of bench "DELETE FROM qlm.outbox WHERE subscription_id = $fast_id" >/dev/null
}

# Half of the dead ones refuse connections, the others accept and never answer.
add_dead_receivers() {
    local i dead closed
    closed=$(free_port)
    for ((i = 0; i < 25; i++)); do
        for dead in "$receiver_port" "$closed"; do
            echo "SELECT qlm_subscribe('Bench/dead', -1, 'http://127.0.0.1:$dead/$i');"
        done
    done | run_psql bench -d postgres -Atq -f - >/dev/null
    value_of bench "SELECT count(qlm_write('Bench/dead', n::float8)) FROM generate_series(1, 20) n" >/dev/null
    sleep 1
}

bench_callbacks() {
    local alone
    value_of bench "SELECT qlm_write('Bench/fast', 0), qlm_write('Bench/dead', 0)" >/dev/null
    start_receiver
    fast_port=$receiver_port
    fast_id=$(value_of bench "SELECT qlm_subscribe('Bench/fast', -1, 'http://127.0.0.1:$fast_port/')")
    measure_callbacks "callbacks to one receiver"
    alone=$rate
    start_receiver hang
    add_dead_receivers
    measure_callbacks "callbacks beside 50 dead receivers"
    detail_row "the same, in % of the rate without them" "$(calculate "printf \"%.0f\", $rate / $alone * 100")"
    value_of bench "SELECT count(qlm_cancel(request_id)) FROM qlm.subscription WHERE callback IS NOT NULL" >/dev/null
}

# 2,000 requests that wait, all in one worker
measure_waiting() {
    local n=2000 pid before client ticks
    start_cluster waiting "shared_preload_libraries = 'qlm'" \
        "qlm.port = $waiting_port" "qlm.http_workers = 1" "qlm.max_connections = 3000" "qlm.max_wait = 15s"
    run_psql waiting -q -d postgres -c 'CREATE EXTENSION qlm'
    wait_for_health "http://localhost:$waiting_port"
    value_of waiting "SELECT qlm_add_peer('fridge')" >/dev/null
    load_waiting 1
    pid=$(value_of waiting "SELECT pid FROM qlm.stat_worker WHERE kind = 'server'")
    before=$(awk '/^Anonymous:/ { print $2 }' "/proc/$pid/smaps_rollup")
    "$WORK/load" "$waiting_port" $n 0 $n wait "$WORK/empty" /peer/fridge >"$WORK/waited" &
    client=$!
    wait_for waiting "SELECT connections >= $n FROM qlm.stat_worker WHERE kind = 'server'" t
    sleep 2
    ticks=$(ticks_of "$pid")
    sleep 5
    ticks=$(($(ticks_of "$pid") - ticks))
    heading "$n requests wait in one worker" "" ""
    detail_row "its private memory, MB" "$(pretty "$(awk '/^Anonymous:/ { print $2 / 1024 }' "/proc/$pid/smaps_rollup")")"
    detail_row "before, MB" "$(pretty "$(calculate "print $before / 1024")")"
    detail_row "% of a core" "$(calculate "printf \"%.2f\", $ticks / 5 / $(getconf CLK_TCK) * 100")"
    wait $client || fail "requests that waited failed: $(cat "$WORK/waited")"
    stop_cluster waiting
}

# One request that does not wait in vain
load_waiting() {
    value_of waiting "SELECT qlm_request('fridge', qlm_read_envelope('Fridge/temperature'))" >/dev/null
    "$WORK/load" "$waiting_port" 1 0 "$1" wait "$WORK/empty" /peer/fridge >/dev/null
}

bench_dialog() {
    progress "two nodes, callbacks, requests that wait"
    compile -o "$WORK/receiver" "$ROOT/bench/receiver.c"
    start_inside
    heading "Through a node behind a firewall" "" "p50 ms" "p99 ms"
    measure_latency
    heading "Messages between nodes, each once and in order" "" "messages/s"
    measure_piggyback
    stop_cluster inside
    bench_callbacks
    measure_waiting
}
