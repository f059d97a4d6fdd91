# shellcheck shell=bash
# million.sh - the part of bench/run.sh about size: what is asked of a node with a
# million Objects costs what it did before.

# shellcheck disable=SC2034,SC2154
# Objects of one InfoItem with one value, below ten, by plain SQL
grow_objects() {
    progress "growing to $(pretty "$1") Objects"
    run_psql bench -d postgres -q -v n="$1" -f - <<'END'
SET session_replication_role = replica;
INSERT INTO qlm.object (id, path) SELECT 'Million' || r, 'Million' || r FROM generate_series(0, 9) r;
INSERT INTO qlm.object (parent_id, id, path)
SELECT p.object_id, 'o' || n, p.path || '/o' || n
FROM generate_series(1, :n / 10) n, qlm.object p WHERE p.path ~ '^Million[0-9]$';
INSERT INTO qlm.info_item (object_id, name, path)
SELECT o.object_id, 'i', o.path || '/i' FROM qlm.object o WHERE o.path ~ '^Million[0-9]/';
INSERT INTO qlm.value (info_item_id, ts, num)
SELECT i.info_item_id, date_trunc('minute', now()), 1 FROM qlm.info_item i WHERE i.path ~ '^Million[0-9]/';
END
}

# sized_round SIZE: SIZE is small or large
sized_round() {
    settle
    load 8 "$seconds" 0 post "$WORK/one"
    sample "$1.read" "$(calculate "print $p50 / 1000")"
    load 1 "$seconds" 0 post "$WORK/object"
    sample "$1.object" "$(calculate "print $p50 / 1000")"
    load 8 "$seconds" 0 get /Objects/Bench/o01/i01/value
    sample "$1.get" "$(calculate "print $p50 / 1000")"
    next_base
    load 8 "$seconds" 0 write 1 "$base"
    sample "$1.write" "$(calculate "print $p50 / 1000")"
    {
        echo '\timing on'
        for ((i = 0; i < seconds * 50; i++)); do
            echo "SELECT count(*) FROM qlm_read('Bench/o01');"
        done
    } >"$WORK/sized.sql"
    sample "$1.sql" "$(run_psql bench -d postgres -Atq -f "$WORK/sized.sql" |
        sed -n 's/^Time: \([0-9.]*\) ms.*/\1/p' | percentiles | cut -d' ' -f1)"
}

# versus_small NAME KEY
versus_small() {
    versus "$1, $(pretty "$million_objects") Objects: ms" "large.$2" "before" "small.$2" ">= 0.7" less
}

bench_million() {
    local round i
    read_message "$WORK/object" '' <<<"o01"
    for ((round = 1; round <= rounds; round++)); do
        sized_round small
    done
    grow_objects "$million_objects"
    sql_value "VACUUM qlm.object, qlm.info_item, qlm.value"
    sql_value CHECKPOINT
    settle 300
    progress "reading from it"
    for ((round = 1; round <= rounds; round++)); do
        sized_round large
    done
    versus_small "read of one latest value, 8 connections" read
    versus_small "read of one Object with 100 InfoItems" object
    versus_small "GET of one value, 8 connections" get
    versus_small "write of one value, 8 connections" write
    versus_small "one Object in SQL, jit as it is" sql
}
