# shellcheck shell=bash
# write.sh - the part of bench/run.sh about writing: the node and InfluxDB taking
# turns, COPY and INSERT of the same rows, a plain session, new InfoItems.  What
# was acknowledged is counted after each measurement.

# shellcheck disable=SC2034,SC2154
# write_here KEY VALUES CONNECTIONS: rate, CPU, WAL and size per value
write_here() {
    local key=$1 values=$2 rows found wal size
    next_base
    wal=$(wal_bytes) size=$(table_bytes)
    cpu_begin "$(postmaster bench)"
    load "$3" "$seconds" 0 write "$values" "$base"
    cpu_end
    rows=$((ok * values))
    wal=$(($(wal_bytes) - wal)) size=$(($(table_bytes) - size))
    found=$(stored "$base" $((base + 10)))
    [ "$found" = "$rows" ] || fail "$rows values were acknowledged and $found are stored"
    sample "$key" "$(calculate "print $rows / $elapsed")"
    sample "$key.p50" "$(calculate "print $p50 / 1000")"
    sample "$key.p99" "$(calculate "print $p99 / 1000")"
    sample "$key.cpu" "$(calculate "print $cpu / $rows * 1e6")"
    sample "$key.wal" "$(calculate "print $wal / $rows")"
    sample "$key.size" "$(calculate "print $size / $rows")"
}

# write_there KEY VALUES CONNECTIONS: the same to InfluxDB
write_there() {
    local key=$1 values=$2 rows found
    next_base
    cpu_begin "$influx_pid"
    influx_load "$3" "$seconds" 0 lines "$values" "$base"
    cpu_end
    rows=$((ok * values))
    found=$(influx_stored "$base" $((base + 10)))
    [ "$found" = "$rows" ] || fail "InfluxDB acknowledged $rows values and has $found"
    sample "$key" "$(calculate "print $rows / $elapsed")"
    sample "$key.p50" "$(calculate "print $p50 / 1000")"
    sample "$key.p99" "$(calculate "print $p99 / 1000")"
    sample "$key.cpu" "$(calculate "print $cpu / $rows * 1e6")"
}

# by_sql KEY ROWS COMMAND: a command that stores so many values
by_sql() {
    local ms wal size
    wal=$(wal_bytes) size=$(table_bytes)
    cpu_begin "$(postmaster bench)"
    ms=$(psql_ms "$3")
    cpu_end
    wal=$(($(wal_bytes) - wal)) size=$(($(table_bytes) - size))
    sample "$1" "$(calculate "print $2 / $ms * 1000")"
    sample "$1.cpu" "$(calculate "print $cpu / $2 * 1e6")"
    sample "$1.wal" "$(calculate "print $wal / $2")"
    sample "$1.size" "$(calculate "print $size / $2")"
}

# Rows that the node has just stored, again at times of their own: by COPY, as
# text, and by one INSERT.  They go in the order in which they came.
yardsticks() {
    local file=$WORK/bench/rows columns='info_item_id, peer_id, ts, num, txt, type' rows
    sql_value "DROP TABLE IF EXISTS bench_rows" 2>/dev/null
    sql_value "CREATE UNLOGGED TABLE bench_rows AS SELECT $columns FROM qlm.value
        WHERE ts >= to_timestamp($base) AND ts < to_timestamp($base + 10) LIMIT 300000"
    rows=$(sql_value "SELECT count(*) FROM bench_rows")
    sql_value "COPY (SELECT info_item_id, peer_id, ts + '10 s', num, txt, type
        FROM bench_rows) TO '$file'"
    settle
    by_sql copy "$rows" "\\copy qlm.value ($columns) FROM '$file'"
    settle
    by_sql insert "$rows" "INSERT INTO qlm.value ($columns)
        SELECT info_item_id, peer_id, ts + '15 s', num, txt, type FROM bench_rows"
    rm -f "$file"
}

write_side_by_side() {
    local round workload values connections key
    for workload in "1 8" "1 64" "100 8" "10000 8"; do
        read -r values connections <<<"$workload"
        progress "write, $values values, $connections connections"
        key=w$values.$connections
        for ((round = 1; round <= rounds; round++)); do
            settle
            write_here "$key" "$values" "$connections"
            [ "$values" != 10000 ] || yardsticks
            settle
            write_there "i$key" "$values" "$connections"
        done
    done
    versus "write, 1 value, 8 connections: requests/s" w1.8 InfluxDB iw1.8 ">= 1.3"
    versus "write, 1 value, 64 connections: requests/s" w1.64 InfluxDB iw1.64 ">= 2.5"
    versus "write, 100 values, 8 connections: values/s" w100.8 InfluxDB iw100.8 ">= 1.0"
    versus "write, 10,000 values, 8 connections: values/s" w10000.8 InfluxDB iw10000.8 ">= 0.8"
    versus "the same" w10000.8 "COPY" copy ">= 1.2"
    versus "the same" w10000.8 "INSERT ... SELECT" insert -
}

# cost_row NAME KEY
cost_row() {
    local name=$1 key=$2 cells=() figure
    [ -e "$WORK/samples/$key" ] || return 0
    for figure in "" .p50 .p99 .cpu .wal .size; do
        if [ -e "$WORK/samples/$key$figure" ]; then
            cells+=("$(pretty "$(median "$key$figure")")")
        else
            cells+=("")
        fi
    done
    detail_row "$name" "${cells[@]}"
}

write_costs() {
    heading "What a value costs" "" "values/s" "p50 ms" "p99 ms" "CPU µs" "WAL bytes" "table and index bytes"
    cost_row "this node, 1 value, 8 connections" w1.8
    cost_row "InfluxDB" iw1.8
    cost_row "this node, 1 value, 64 connections" w1.64
    cost_row "InfluxDB" iw1.64
    cost_row "this node, 100 values, 8 connections" w100.8
    cost_row "InfluxDB" iw100.8
    cost_row "this node, 10,000 values, 8 connections" w10000.8
    cost_row "InfluxDB" iw10000.8
    cost_row "COPY, one session" copy
    cost_row "INSERT ... SELECT, one session" insert
    cost_row "qlm_handle, 100 values, one session" session
    detail
    detail "CPU is that of all processes of the server. Each acknowledged value was counted in the table, or in InfluxDB, afterwards."
    detail "COPY and INSERT take the rows of the measurement before them."
}

# Envelopes run by SELECT qlm_handle in one session, each at a time of its own
session_round() {
    local n found
    next_base
    cat >"$WORK/session.sql" <<END
SELECT qlm_handle(replace(body, 'STAMP', to_char((to_timestamp($base) + nextval('bench_serial') * interval '1 us')
    AT TIME ZONE 'UTC', stamp))) FROM bench_body;
END
    sql_value "ALTER SEQUENCE bench_serial RESTART"
    cpu_begin "$(postmaster bench)"
    "$BIN/pgbench" -n -M prepared -c 1 -T "$seconds" -f "$WORK/session.sql" \
        -h "$WORK/bench" -p 5432 -U postgres postgres >"$WORK/session.out"
    cpu_end
    n=$(sed -n 's/^number of transactions actually processed: \([0-9]*\).*/\1/p' "$WORK/session.out")
    found=$(stored "$base" $((base + 10)))
    [ "$found" = $((n * 100)) ] || fail "$((n * 100)) values were written by qlm_handle and $found are stored"
    sample session "$(sed -n 's/^tps = \([0-9.]*\).*/\1/p' "$WORK/session.out" | awk '{ print $1 * 100 }')"
    sample session.cpu "$(calculate "print $cpu / $found * 1e6")"
}

write_in_session() {
    local round
    progress "qlm_handle in a session"
    "$WORK/load" show write 100 0 | sed 's/dateTime="[^"]*"/dateTime="STAMP"/g' >"$WORK/bench/body"
    sql_value "CREATE TABLE bench_body AS SELECT pg_read_file('$WORK/bench/body') AS body,
        'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"' AS stamp" >/dev/null
    sql_value "CREATE SEQUENCE bench_serial"
    for ((round = 1; round <= rounds; round++)); do
        settle
        session_round
        settle
        write_here wcore 100 8
        sample percore "$(tail -1 "$WORK/samples/wcore" | awk -v n="$(nproc)" '{ print $1 / n }')"
    done
    versus "SELECT qlm_handle(...), 100 values, one session: values/s" session "HTTP, 8 connections, per core" percore ">= 0.9"
}

write_new_items() {
    local round
    progress "new InfoItems"
    for ((round = 1; round <= rounds + 2; round++)); do
        next_base
        settle
        load 1 0 1 write 10000 "$base" "New$round"
        sample new "$(calculate "print 10000 / $elapsed")"
    done
    alone "first values of 10,000 new InfoItems in one envelope: InfoItems/s" new ">= 50000"
}

bench_write() {
    write_side_by_side
    write_in_session
    write_new_items
    write_costs
}
