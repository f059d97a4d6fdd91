# shellcheck shell=bash
# large.sh - bench/run.sh --large: how costs grow with everything that grows.
# Each step has ten times as much of all of it as the one before:
#   1,000 Objects, 10,000 InfoItems and 1 million values of the last 24 months,
#   100 event subscriptions, 10 peers, 1,000 messages that wait for them.

# shellcheck disable=SC2034,SC2154
# grow_tree FROM TO: roots Large00, Large01 ..., each with 100 Objects of 100
# InfoItems and of 9 more Objects
grow_tree() {
    local first last=$2
    for ((first = $1; first < last; first += 10)); do
        run_psql bench -d postgres -q -v first="$first" -v last=$((first + 10 < last ? first + 10 : last)) -f - <<'END'
BEGIN;
INSERT INTO qlm.object (id, path)
SELECT id, id FROM (SELECT 'Large' || lpad(r::text, 2, '0') AS id
	FROM generate_series(:first, :last - 1) r) r;
INSERT INTO qlm.object (parent_id, id, path)
SELECT p.object_id, o.id, p.path || '/' || o.id
FROM qlm.object p, (SELECT 'o' || lpad(n::text, 2, '0') AS id FROM generate_series(0, 99) n) o
WHERE p.path ~ '^Large[0-9]+$' AND substring(p.path FROM '^Large([0-9]+)')::int >= :first;
INSERT INTO qlm.object (parent_id, id, path)
SELECT p.object_id, 's' || n, p.path || '/s' || n
FROM qlm.object p, generate_series(1, 9) n
WHERE p.path ~ '^Large[0-9]+/o[0-9]+$' AND substring(p.path FROM '^Large([0-9]+)')::int >= :first;
INSERT INTO qlm.info_item (object_id, name, path)
SELECT p.object_id, i.name, p.path || '/' || i.name
FROM qlm.object p, (SELECT 'i' || lpad(n::text, 2, '0') AS name FROM generate_series(0, 99) n) i
WHERE p.path ~ '^Large[0-9]+/o[0-9]+$' AND substring(p.path FROM '^Large([0-9]+)')::int >= :first;
COMMIT;
END
    done
}

# grow_history FROM TO: 100 values of each InfoItem, months of them at a time
grow_history() {
    local first=$1 last=$2
    run_psql bench -d postgres -q -v first="$first" -v last="$last" -f - <<'END'
CREATE TEMP TABLE item AS
SELECT info_item_id FROM qlm.info_item
WHERE path ~ '^Large[0-9]+/o[0-9]+/i[0-9]+$'
	AND substring(path FROM '^Large([0-9]+)')::int >= :first AND substring(path FROM '^Large([0-9]+)')::int < :last;
CREATE TEMP VIEW tick AS
SELECT n, now() - interval '2 days' - n * (interval '24 months' / 100) AS ts FROM generate_series(0, 99) n;
SELECT format('INSERT INTO qlm.value (info_item_id, ts, num)
	SELECT info_item_id, ts, n + info_item_id %% 100 FROM item, tick
	WHERE n >= %s AND n < %s ORDER BY info_item_id, ts', n, n + 5)
FROM generate_series(0, 99, 5) n
\gexec
END
}

# Partitions are made by the node's own writing.
make_months() {
    sql_value "SELECT count(qlm_write('Bench/month', 0, now() - n * interval '14 days'))
        FROM generate_series(0, 56) n" >/dev/null
}

# large_write KEY [ROUNDS]: 100 values an envelope to InfoItems all over the tree
large_write() {
    local round rows
    for ((round = 1; round <= ${2:-rounds}; round++)); do
        next_base
        settle
        cpu_begin "$(postmaster bench)"
        load 8 "$seconds" 0 write 100 "$base" Large "$large_roots"
        cpu_end
        rows=$((ok * 100))
        [ "$(stored "$base" $((base + 10)))" = "$rows" ] || fail "not every acknowledged value is stored"
        sample "$1" "$(calculate "print $elapsed * 1e6 / $rows")"
        sample "$1.cpu" "$(calculate "print $cpu * 1e6 / $rows")"
    done
}

large_read() {
    local round file=$WORK/large.read
    echo "o07 i07" | read_message "$file" ''
    sed -i "s|<id>Bench</id>|<id>Large$(printf '%02d' $((large_roots - 1)))</id>|" "$file"
    for ((round = 1; round <= rounds; round++)); do
        settle
        load 8 "$seconds" 0 post "$file"
        sample "$1" "$(calculate "print $elapsed * 1e6 / $ok")"
    done
}

# One in a hundred of the InfoItems is subscribed to, at every size.
grow_subscriptions() {
    sql_value "SELECT count(qlm_subscribe(path)) FROM qlm.info_item
        WHERE path ~ '^Large[0-9]+/o[0-9]+/i07\$'
        AND substring(path FROM '^Large([0-9]+)')::int >= $1 AND substring(path FROM '^Large([0-9]+)')::int < $2" >/dev/null
}

# grow_queue FROM TO: peers with 100 messages each
grow_queue() {
    sql_value "SELECT count(qlm_add_peer('p' || n, role => 'qlm_writer', piggyback => true))
        FROM generate_series($1, $2 - 1) n" >/dev/null
    sql_value "SELECT count(qlm_request('p' || p, qlm_read_envelope('Fridge/temperature')))
        FROM generate_series(1, 100) n, generate_series($1, $2 - 1) p" >/dev/null
}

# Peers call, one after the other, and take as many messages as one answer has
dequeue() {
    local peer taken
    for peer in $2; do
        load 1 0 1 call "$WORK/empty" "/peer/$peer"
        taken=$(sql_value "SELECT count(*) FROM qlm.outbox WHERE peer = '$peer' AND state = 'sent'")
        [ "$taken" -gt 1 ] || fail "peer $peer took $taken messages"
        sample "$1" "$(calculate "print $elapsed * 1e6 / $taken")"
    done
}

# From the start of the server to the first write that is acknowledged
start_up() {
    local round begin
    for ((round = 1; round <= rounds; round++)); do
        stop_cluster bench
        begin=$(date +%s%3N)
        start_again bench
        until curl -fs -o /dev/null --data-binary "@$WORK/first" "http://localhost:$port/"; do
            sleep 0.02
        done
        sample "$1" $(($(date +%s%3N) - begin))
    done
}

# large_step FROM TO, in millions of values and roots
large_step() {
    local from=$1 to=$2 key=large$2 figure cells=()
    large_roots=$to
    progress "growing to $to million values"
    grow_tree "$from" "$to"
    grow_history "$from" "$to"
    sql_value "VACUUM ANALYZE"
    sql_value "CHECKPOINT"
    large_write "$key.first" 1
    large_write "$key.write"
    large_read "$key.read"
    grow_subscriptions "$from" "$to"
    large_write "$key.match"
    grow_queue $((from * 10)) $((to * 10))
    sql_value "VACUUM ANALYZE qlm.outbox"
    dequeue "$key.dequeue" "$(seq -f "p%.0f" $((from * 10)) $((to * 10 - 1)) | head -30 | tr '\n' ' ')"
    start_up "$key.start"
    for figure in first write write.cpu match match.cpu read dequeue start; do
        cells+=("$(median "$key.$figure" | awk '{ printf "%.1f", $1 }')")
    done
    detail_row "$to" "$((to * 1000))" "$((to * 10000))" "$((to * 100))" "$((to * 10))" "$((to * 1000))" "${cells[@]}"
    progress "  $(tail -1 "$WORK/details")"
}

bench_large() {
    local from=0 to=1 growth
    heading "How costs grow" "million values" Objects InfoItems subscriptions peers "messages queued" \
        "first writes µs/value" "write µs/value" "its CPU µs" "with subscriptions µs/value" "its CPU µs" "latest value µs" \
        "message taken µs" "start ms"
    make_months
    "$WORK/load" show write 1 $((first_base - 60)) >"$WORK/first"
    while [ "$to" -le "$large_size" ]; do
        large_step "$from" "$to"
        from=$to
        to=$((to * 10))
    done
    detail
    detail "All of it grows together. Writes are envelopes of 100 values over 8 connections to InfoItems all over the tree; a value in a hundred matches a subscription. The first writes follow a checkpoint: whole pages go into the WAL, and the paths are not known to the workers yet. History covers 24 months. Start is from \`pg_ctl start\` to the first write that is acknowledged."
    [ "$from" != 1 ] || return 0
    growth=$(calculate "printf \"%.2f\", $(median "large$from.write") / $(median large1.write)")
    table_row "write of a value with $from million stored: µs" "$(pretty "$(median "large$from.write")")" \
        "1 million stored: $(pretty "$(median large1.write)")" "$growth" "<= 1.3" "$(verdict "$growth" "<= 1.3")"
}
