# shellcheck shell=bash
# proxies.sh - the part of bench/run.sh about requests to devices that nobody can
# call, through proxies that cut, keep dead connections and read their
# configuration again: HAProxy.

# shellcheck disable=SC2154
# start_haproxy NAME SECONDS: in front of the node, which may take that long to
# answer; its port into $proxy_port, its process into $proxy_pid
start_haproxy() {
    proxy_port=$(free_port)
    as_server tee "$WORK/$1.cfg" >/dev/null <<EOC
global
    maxconn 8000
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server ${2}s
    timeout http-keep-alive 60s
frontend devices
    bind 127.0.0.1:$proxy_port
    default_backend node
backend node
    server node 127.0.0.1:$port
EOC
    as_server haproxy -W -db -f "$WORK/$1.cfg" >"$WORK/$1.log" 2>&1 &
    proxy_pid=$!
    PROCESSES+=("$proxy_pid")
    wait_for_health "http://localhost:$proxy_port"
}

# start_devices PORT PREFIX N: their process into $devices_pid, what they get into a file
start_devices() {
    perl "$ROOT/bench/devices.pl" "$@" >"$WORK/$2.got" &
    devices_pid=$!
    PROCESSES+=("$devices_pid")
}

# answer_times CONDITION: milliseconds from queue to answer, one a line
answer_times() {
    sql_value "SELECT extract(epoch FROM answered_at - created_at) * 1000
        FROM qlm.outbox WHERE $1 ORDER BY 1"
}

# ask_behind PEER: what the node behind the firewall measures
ask_behind() {
    sql_value "SELECT qlm_request('$1', qlm_read_envelope('Fridge/temperature'), ttl => '1 min')" >/dev/null
    sleep 1
}

# A node behind a firewall, whose way out cuts after 10 s; beside it the same node
# without a proxy. It is idle for up to 16 seconds before each pair of requests.
measure_cut() {
    local idle=0 i=0 all=$1 peer
    start_haproxy cutting 10
    start_cluster behind "shared_preload_libraries = 'qlm'" \
        "qlm.listen_addresses = ''" "qlm.http_workers = 1"
    run_psql behind -q -d postgres -c 'CREATE EXTENSION qlm' \
        -c "SELECT qlm_write('Fridge/temperature', 4.5)" >/dev/null
    sql_value "SELECT qlm_add_peer(name, role => 'qlm_writer', piggyback => true)
        FROM unnest('{behind, direct}'::text[]) AS name" >/dev/null
    value_of behind "SELECT qlm_add_peer('plant', url => 'http://127.0.0.1:$proxy_port/peer/behind', heartbeat => '10 s'),
        qlm_add_peer('plant_directly', url => 'http://127.0.0.1:$port/peer/direct', heartbeat => '10 s')" >/dev/null
    while [ "$idle" -lt "$all" ]; do
        i=$((i + 1))
        sleep $((i * 7 % 17))
        idle=$((idle + i * 7 % 17 + 2))
        ask_behind behind
        ask_behind direct
    done
    for peer in behind direct; do
        wait_for bench "SELECT count(*) FROM qlm.outbox WHERE peer = '$peer' AND answer LIKE '%>4.5<%'" "$i"
        answer_times "peer = '$peer'" >"$WORK/samples/p.$peer"
        sort -g "$WORK/samples/p.$peer" | tail -1 >"$WORK/samples/p.$peer.longest"
    done
    [ "$(value_of behind 'SELECT count(last_error) FROM qlm.stat_peer')" = 0 ] || fail "a call has failed"
    alone "request through a proxy that cuts at 10 s, $i in $idle idle s, ms" p.behind "<= 10"
    alone "the same without a proxy, ms" p.direct -
    alone "the longest through the proxy, ms" p.behind.longest "<= 1000"
    alone "the longest without, ms" p.direct.longest -
    progress "  held for, cut last: $(value_of behind "SELECT hold, hold_cut_after, hold_cut_by FROM qlm.stat_peer WHERE name = 'plant'")"
    stop_cluster behind
    stop_process "$proxy_pid"
}

# What three clients have left behind, whose connections HAProxy keeps
measure_dead() {
    local i
    start_haproxy keeping 60
    sql_value "SELECT qlm_add_peer('dead1', role => 'qlm_writer', piggyback => true)" >/dev/null
    for ((i = 0; i < $1; i++)); do
        for _ in 1 2 3; do
            perl "$ROOT/bench/devices.pl" "$proxy_port" dead 1 vanish >/dev/null
        done
        start_devices "$proxy_port" dead 1
        sleep 1
        sql_value "SELECT qlm_request('dead1', qlm_read_envelope('D/x'), ttl => '1 min')" >/dev/null
        wait_for bench "SELECT count(*) FROM qlm.outbox WHERE peer = 'dead1' AND state = 'answered'" $((i + 1))
        stop_process "$devices_pid"
    done
    answer_times "peer = 'dead1'" >"$WORK/samples/p.dead"
    sort -g "$WORK/samples/p.dead" | tail -1 >"$WORK/samples/p.dead.longest"
    alone "request beside three dead holds, the longest of $1, ms" p.dead.longest "<= 100"
    stop_process "$proxy_pid"
}

stop_process() {
    kill "$1" 2>/dev/null || true
    wait "$1" 2>/dev/null || true
}

# all_held N: until so many requests wait
all_held() {
    wait_for bench "SELECT sum(connections) >= $1 FROM qlm.stat_worker WHERE kind = 'server'" t
}

# check_back NAME KEY N BEGIN [MARK]: a request for each of them, queued now, has come to
# each once and is answered; into a sample the seconds since BEGIN until the last was
check_back() {
    local name=$1 key=$2 n=$3 begin=$4 mark=${5:-<= 10} twice
    until sql_value "SELECT count(qlm_request(name, qlm_read_envelope('D/x'), ttl => '5 min'))
        FROM qlm.peer WHERE name LIKE 'held%'" >/dev/null 2>&1; do
        sleep 0.05
    done
    wait_for bench "SELECT count(*) FROM qlm.outbox WHERE peer LIKE 'held%' AND state = 'answered'" "$n"
    sql_value "SELECT max(answered_at) - to_timestamp($begin) < interval '0' OR max(answered_at) IS NULL
        FROM qlm.outbox WHERE peer LIKE 'held%'" | grep -q f || fail "nothing was answered"
    sql_value "SELECT extract(epoch FROM max(answered_at)) - $begin FROM qlm.outbox WHERE peer LIKE 'held%'" >"$WORK/samples/$key"
    twice=$(sort "$WORK/held.got" | uniq -d | wc -l)
    [ "$(sort -u "$WORK/held.got" | wc -l)" = "$n" ] || fail "requests have come that are none"
    alone "$n held devices behind HAProxy: $name, all have answered after, s" "$key" "$mark"
    printf '%s\n' "$twice" >"$WORK/samples/$key.twice"
    alone "requests of these that came twice, or not" "$key.twice" "<= 0"
    sql_value "DELETE FROM qlm.outbox WHERE peer LIKE 'held%'" >/dev/null
    : >"$WORK/held.got"
}

now() {
    date +%s.%N
}

measure_reloads() {
    local n=$1 begin
    start_haproxy many 60
    sql_value "SELECT count(qlm_add_peer('held' || i, role => 'qlm_writer', piggyback => true))
        FROM generate_series(1, $n) AS i" >/dev/null
    start_devices "$proxy_port" held "$n"
    all_held "$n"
    check_back "their first requests ever" p.first "$n" "$(now)" -
    all_held "$n"
    begin=$(now)
    kill -USR2 "$proxy_pid"
    check_back "reload of HAProxy" p.reload "$n" "$begin"
    all_held "$n"
    begin=$(now)
    sql_value "SELECT pg_reload_conf()" >/dev/null
    check_back "reload of the server" p.server "$n" "$begin"
    all_held "$n"
    begin=$(now)
    quietly as_server pg_ctl -D "$WORK/bench/data" -l "$WORK/bench/log" -m fast -w restart
    check_back "restart of the server" p.restart "$n" "$begin"
    stop_process "$devices_pid"
    stop_process "$proxy_pid"
}

bench_proxies() {
    progress "proxies"
    if ! have haproxy; then
        detail "HAProxy is not installed: nothing was measured with proxies."
        return
    fi
    sql_value 'DELETE FROM qlm.outbox' >/dev/null
    measure_cut $((rounds == 1 ? 60 : 300))
    measure_dead $((rounds == 1 ? 3 : 10))
    measure_reloads $((rounds == 1 ? 200 : 1000))
}
