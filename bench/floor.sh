# shellcheck shell=bash
# floor.sh - the part of bench/run.sh about where the time goes: HTTP alone, the
# parser alone, and the node, each in CPU time of a request.

# shellcheck disable=SC2034,SC2154
build_floor() {
    # shellcheck disable=SC2046
    compile -o "$WORK/bare" "$ROOT/bench/bare.c" $(pkg-config --cflags --libs libmicrohttpd)
    (
        cd "$ROOT"
        # shellcheck source=test/fuzz/pure.sh
        . test/fuzz/pure.sh
        build_pure "$WORK/pure.a" gcc -O2
        # shellcheck disable=SC2086,SC2154
        gcc -O2 $pure_flags bench/parse.c "$WORK/pure.a" $pure_libraries -o "$WORK/parse"
    ) || fail "the parser does not build alone"
}

# As many threads as the node has server workers
start_bare() {
    local i
    "$WORK/bare" "$(sql_value 'SHOW qlm.http_workers')" >"$WORK/bare.port" &
    bare_pid=$!
    PROCESSES+=("$bare_pid")
    for ((i = 0; i < 100; i++)); do
        [ ! -s "$WORK/bare.port" ] || break
        sleep 0.05
    done
    bare_port=$(cat "$WORK/bare.port")
}

floor_round() {
    local values=$1
    cpu_begin "$bare_pid"
    load_at "$bare_port" 8 1 0 write "$values" 0
    cpu_end
    sample "bare$values" "$(calculate "print $ok / $elapsed")"
    sample "bare$values.cpu" "$(calculate "print $cpu / $ok * 1e6")"
    "$WORK/load" show write "$values" 0 >"$WORK/envelope"
    sample "parse$values" "$("$WORK/parse" 1 "$WORK/envelope")"
    settle
    write_here "f$values" "$values" 8
    sample "f$values.request" "$(tail -1 "$WORK/samples/f$values.cpu" | awk -v n="$values" '{ print $1 * n }')"
}

bench_floor() {
    local round values
    progress "where the time goes"
    build_floor
    start_bare
    heading "Where the time goes: CPU µs of a request, 8 connections" "values per request" "HTTP alone" \
        "parser alone" "this node" "left for rows, rights, commit, flush" "HTTP alone: requests/s" "this node: requests/s"
    for values in 1 100 10000; do
        for ((round = 1; round <= rounds; round++)); do
            settle
            floor_round "$values"
        done
        detail_row "$(pretty "$values")" "$(pretty "$(median "bare$values.cpu")")" \
            "$(pretty "$(median "parse$values")")" "$(pretty "$(median "f$values.request")")" \
            "$(pretty "$(calculate "print $(median "f$values.request") - $(median "bare$values.cpu") - $(median "parse$values")")")" \
            "$(pretty "$(median "bare$values")")" \
            "$(pretty "$(calculate "print $(median "f$values") / $values")")"
    done
    kill "$bare_pid"
    wait "$bare_pid" || true
    detail
    detail "HTTP alone is a server on the same library that only answers. The parser alone is the node's own, outside of a server."
}
