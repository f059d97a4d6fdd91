# shellcheck shell=bash
# read.sh - the part of bench/run.sh about reading: the same history in the node
# and in InfluxDB, which must give the same answers.

# shellcheck disable=SC2034,SC2154
history_minutes=10000

# A value a minute of each InfoItem of the first Objects, before everything else
# that is written, in the order in which devices would send them.
fill_history() {
    local objects=$1 step at items
    items=$((objects * 100))
    history_from=$((first_base - history_minutes * 60 - 3600))
    progress "filling history, $((items * history_minutes)) values"
    sql_value "CREATE TABLE bench_history_item AS SELECT i.info_item_id, o.id AS object, i.name AS item,
            (substring(o.id FROM '^o([0-9]+)\$') || substr(i.name, 2))::int AS n
        FROM qlm.info_item i JOIN qlm.object o USING (object_id)
        WHERE i.path ~ '^Bench/o[0-9]+/i[0-9]+\$' AND substring(o.id FROM '^o([0-9]+)\$')::int < $objects" >/dev/null
    sql_value "CREATE VIEW bench_history AS SELECT m, i.*, $history_from + m * 60 AS at,
            20 + (m * 7 + n) % 1000 / 100.0 AS value
        FROM generate_series(0, $((history_minutes - 1))) m CROSS JOIN bench_history_item i"
    # partitions are made by the node's own writing
    sql_value "SELECT count(qlm_write('Bench/month', 0, to_timestamp($history_from + d * 86400)))
        FROM generate_series(0, 10) d" >/dev/null
    fill_influx &
    at=$!
    fill_here
    wait $at || fail "filling InfluxDB failed"
    step=$((history_from + history_minutes * 60))
    [ "$(stored "$history_from" $step)" -ge $((items * history_minutes)) ] ||
        fail "history is incomplete"
    [ "$(influx_stored "$history_from" $step)" = $((items * history_minutes)) ] ||
        fail "history in InfluxDB is incomplete"
    sql_value "VACUUM ANALYZE qlm.value"
    sql_value "CHECKPOINT"
    settle 300
}

# In steps; without triggers, as a restored dump.
fill_here() {
    local at step=$((history_minutes / 10))
    for ((at = 0; at < history_minutes; at += step)); do
        sql_value "SET session_replication_role = replica;
            INSERT INTO qlm.value (info_item_id, ts, num)
            SELECT info_item_id, to_timestamp(at), value FROM bench_history
            WHERE m >= $at AND m < $((at + step)) ORDER BY m, n"
    done
}

fill_influx() {
    sql_value "COPY (SELECT format('Bench,item=%s,object=%s value=%s %s', item, object, value, at)
        FROM bench_history) TO STDOUT" |
        split -l 20000 --filter="curl -fsS -o /dev/null --data-binary @- \
            'http://127.0.0.1:$influx_port/write?db=bench&precision=s'" -
}

# read_round KEY CONNECTIONS FILE INFLUXQL
read_round() {
    settle
    load "$2" "$seconds" 0 post "$3"
    sample "$1" "$(calculate "print $ok / $elapsed")"
    sample "$1.ms" "$(calculate "print $p50 / 1000")"
    settle
    influx_load "$2" "$seconds" 0 get "$(influx_path "$4")" series
    sample "i$1" "$(calculate "print $ok / $elapsed")"
    sample "i$1.ms" "$(calculate "print $p50 / 1000")"
}

# One day in the middle of the history, by hour
day_round() {
    local from=$((history_from / 86400 * 86400 + 3 * 86400)) i sql influxql ours theirs
    sql="SELECT date_bin('1 hour', ts, '2000-01-01') AS hour, avg(num)
        FROM qlm.history WHERE path = 'Bench/o00/i01'
        AND ts >= to_timestamp($from) AND ts < to_timestamp($((from + 86400))) GROUP BY 1 ORDER BY 1"
    influxql="SELECT mean(value) FROM Bench WHERE object = 'o00' AND item = 'i01'
        AND time >= ${from}s AND time < $((from + 86400))s GROUP BY time(1h)"
    ours=$(sql_value "SELECT round(sum(avg)::numeric, 6) FROM ($sql) d")
    theirs=$(influx_query "$influxql" GET | grep -o '"[0-9TZ:-]*",[0-9.]*' |
        awk -F, '{ n += $2 } END { printf "%.6f", n }')
    [ "$ours" = "$theirs" ] || fail "one day by hour: $ours here, $theirs in InfluxDB"
    {
        printf '%s\n' "PREPARE day AS $sql;" '\timing on'
        for ((i = 0; i < seconds * 100; i++)); do
            echo "EXECUTE day;"
        done
    } >"$WORK/day.sql"
    settle
    sample day "$(run_psql bench -d postgres -Atq -f "$WORK/day.sql" |
        sed -n 's/^Time: \([0-9.]*\) ms.*/\1/p' | percentiles | cut -d' ' -f1)"
    settle
    influx_load 1 "$seconds" 0 get "$(influx_path "$influxql")" series
    sample iday "$(calculate "print $p50 / 1000")"
}

read_histories() {
    heading "Bytes on disk of a value in history" "" "bytes"
    detail_row "this node: tables and indexes" "$(pretty "$(sql_value "SELECT
        $(table_bytes)::float8 / count(*) FROM qlm.value")")"
    detail_row "InfluxDB: files, compacted as far as they are" "$(pretty "$(calculate "print $(du -sb "$WORK/influx/data" "$WORK/influx/wal" | awk '{ n += $1 } END { print n }') / $(influx_stored 0 $((last_base + 86400)))")")"
}

bench_read() {
    local round
    fill_history "$history_objects"
    progress "reading"
    for ((round = 1; round <= rounds; round++)); do
        read_round latest 8 "$WORK/one" \
            "SELECT last(value) FROM Bench WHERE object = 'o01' AND item = 'i01'"
        read_round thousand 1 "$WORK/thousand" \
            "SELECT last(value) FROM Bench WHERE object =~ /^o0[0-9]\$/ GROUP BY object, item"
        read_round newest 1 "$WORK/newest" \
            "SELECT value FROM Bench WHERE object = 'o00' AND item = 'i01' ORDER BY time DESC LIMIT 1000"
        day_round
    done
    versus "read of one latest value, 8 connections: requests/s" latest InfluxDB ilatest ">= 4"
    versus "latest values of 1,000 InfoItems in one read: ms" thousand.ms InfluxDB ithousand.ms ">= 10" less
    versus "newest 1,000 values of one InfoItem: ms" newest.ms InfluxDB inewest.ms ">= 2" less
    versus "one day of one InfoItem by hour, $(pretty $((history_objects * 100 * history_minutes))) values stored, SQL: ms" \
        day InfluxDB iday ">= 2" less
    read_histories
}
