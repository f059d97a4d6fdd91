# shellcheck shell=bash
# http.sh - the part of bench/run.sh about single values by GET, WebSockets, and
# large answers.

# shellcheck disable=SC2034,SC2154
sockets=1000

# socket_load SECONDS WHAT...: its line
socket_load() {
    "$WORK/socket" "$port" "$@" || fail "WebSockets failed"
}

get_rounds() {
    local round
    progress "GET"
    for ((round = 1; round <= rounds; round++)); do
        settle
        load 32 "$seconds" 0 get /Objects/Bench/o01/i01/value
        sample get "$(calculate "print $ok / $elapsed")"
        sample get.p99 "$(calculate "print $p99 / 1000")"
    done
    alone "GET of one value, 32 connections: requests/s" get ">= 10000"
}

# websocket_writes WINDOW
websocket_writes() {
    local sent wrong took middle rest
    next_base
    read -r sent wrong took middle rest < <(socket_load "$seconds" write "$1" "$base")
    [ "$wrong" = 0 ] || fail "$wrong writes over a WebSocket failed"
    [ "$(stored "$base" $((base + 10)))" = "$sent" ] || fail "$sent writes over a WebSocket were acknowledged and are not all stored"
    sample "socket$1" "$(calculate "print $sent / $took")"
}

# websocket_pushes KEY RATE [all]
websocket_pushes() {
    local key=$1 came missing rest middle last known
    shift
    next_base
    read -r came missing middle last known rest < <(socket_load "$seconds" push "$sockets" "$1" "$base" "${@:2}")
    [ "$missing" = 0 ] || fail "$missing frames did not come, $came did"
    sample "$key" "$(calculate "print $middle / 1000")"
    sample "$key.p99" "$(calculate "print $last / 1000")"
    sample "$key.known" "$(calculate "print $known / 1000")"
}

websocket_rounds() {
    local round
    progress "WebSockets"
    for ((round = 1; round <= rounds; round++)); do
        settle
        websocket_writes 64
        settle
        websocket_writes 1
        settle
        websocket_pushes push 100
        settle
        websocket_pushes fan 1 all
    done
    alone "writes over one WebSocket, up to 64 under way: writes/s" socket64 ">= 5000"
    alone "the same, one after the other" socket1 -
    alone "$(pretty $sockets) WebSockets with an event subscription each, 100 writes/s: median ms from sending to frame" push "<= 20"
    alone "the same, 99th percentile" push.p99 -
    alone "the same, median from the answer to the writer to the frame" push.known -
    alone "one write a second that all $(pretty $sockets) have subscribed to: median ms from sending to frame" fan -
}

large_answers() {
    local round values=100000
    progress "large answers"
    sql_value "INSERT INTO qlm.value (info_item_id, ts, num)
        SELECT i.info_item_id, to_timestamp($first_base) + n * interval '1 ms', n
        FROM qlm.info_item i, generate_series(1, $values) n WHERE i.path = 'Bench/series'"
    sed "s|newest=\"1000\"|newest=\"$values\"|
        s|<Object><id>o00</id><InfoItem name=\"i01\"/></Object>|<InfoItem name=\"series\"/>|" <(tr -d '\n' <"$WORK/newest") >"$WORK/series"
    for ((round = 1; round <= rounds; round++)); do
        settle
        load 1 "$seconds" 0 post "$WORK/series"
        [ "$(calculate "print ($mb * 1e6 > $ok * $values * 20)")" = 1 ] ||
            fail "$ok answers of $values values have only $mb MB"
        sample large "$(calculate "print $values * $ok / $elapsed")"
        sample large.mb "$(calculate "print $mb / $elapsed")"
    done
    alone "read of 100,000 values in one answer: values/s" large ">= 500000"
    alone "the same: MB/s" large.mb -
}

bench_http() {
    compile -o "$WORK/socket" "$ROOT/bench/socket.c"
    get_rounds
    websocket_rounds
    sql_value "SELECT qlm_write('Bench/series', 0, to_timestamp($first_base))" >/dev/null
    large_answers
}
