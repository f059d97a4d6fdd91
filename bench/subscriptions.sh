# shellcheck shell=bash
# subscriptions.sh - the part of bench/run.sh about writes with event subscriptions
# that are polled, beside the same writes without any.

# shellcheck disable=SC2154
# subscribe_to KIND: none, others, some or all
subscribe_to() {
    case $1 in
        others) echo "SELECT count(qlm_subscribe('Quiet/q' || n)) FROM generate_series(1, 1000) n" ;;
        some) echo "SELECT count(qlm_subscribe('Bench/o' || lpad(n::text, 2, '0') || '/i07')) FROM generate_series(0, 99) n" ;;
        all) echo "SELECT qlm_subscribe('Bench')" ;;
        none) echo "SELECT 0" ;;
    esac | run_psql bench -d postgres -Atq -f - >/dev/null
}

# What matched waits to be polled: of each envelope 100 values, or all; but not
# those that came after a newer one of another connection, which are no events.
check_buffers() {
    local due events
    case $1 in
        some) due=$((ok * 100)) ;;
        all) due=$((ok * 10000)) ;;
        *) due=0 ;;
    esac
    events=$(sql_value "SELECT (SELECT count(*) FROM qlm.subscription_value)
        + (SELECT COALESCE(sum(dropped), 0) FROM qlm.subscription)")
    if [ "$events" -gt "$due" ] || { [ "$due" -gt 0 ] && [ "$events" -lt 100 ]; }; then
        fail "$events values became events, of $due that matched"
    fi
    [ "$due" = 0 ] || sample "s.$1.events" "$(calculate "print $events / $due * 100")"
}

# subscription_row NAME KIND
subscription_row() {
    local events=""
    [ ! -e "$WORK/samples/s.$2.events" ] || events=$(pretty "$(median "s.$2.events")")
    detail_row "$1" "$(pretty "$(median "s.$2")")" "$(pretty "$(median "s.$2.cpu")")" "$events"
}

subscription_costs() {
    heading "What subscriptions cost" "10,000 values, 8 connections" "values/s" "CPU µs of a value" "% of matches that became events"
    subscription_row "no subscription" none
    subscription_row "1,000 that do not match" others
    subscription_row "100 that match one value each" some
    subscription_row "one that matches all" all
    detail
    detail "A value that another connection has overtaken, so that it is not the newest, is no event."
}

bench_subscriptions() {
    local round kind kinds
    progress "write, 10,000 values, with subscriptions"
    sql_value "SELECT count(qlm_write('Quiet/q' || n, 0)) FROM generate_series(1, 1000) n" >/dev/null
    for ((round = 1; round <= rounds * 2; round++)); do
        # There and back, as the table grows with each of them.
        [ $((round % 2)) = 1 ] && kinds="none others some all" || kinds="all some others none"
        for kind in $kinds; do
            subscribe_to "$kind"
            settle
            write_here "s.$kind" 10000 8
            check_buffers "$kind"
            sql_value "SELECT count(qlm_cancel(request_id)) FROM qlm.subscription" >/dev/null
        done
    done
    versus "with 1,000 event subscriptions that do not match" s.others "without" s.none ">= 0.95"
    versus "with 100 that match one value each" s.some "without" s.none ">= 0.7"
    versus "with one that matches all 10,000 values" s.all "without" s.none -
    subscription_costs
}
