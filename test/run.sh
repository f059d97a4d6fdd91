#!/bin/bash
# Builds qlm and runs all tests: installs what is missing, works in a temporary
# folder with servers of its own, prints a summary.
#
# usage: test/run.sh [--quick | --long] [PATTERN...]
#
# --quick   leaves out what is slow
# --long    fuzzes for twenty minutes, and gives those tests that search or load
#           at random minutes instead of seconds
# PATTERN   runs only the tests whose name has it, e.g. http or regress
#
# test/valgrind.sh runs some of them under valgrind.
#
# As root the servers and tests run as an unprivileged user.

set -euo pipefail
# shellcheck source=test/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

quick=no
long=no
patterns=()
for argument; do
    case $argument in
        --quick) quick=yes ;;
        --long) long=yes ;;
        -h | --help)
            sed -n '2,/^$/s/^# \{0,1\}//p' "$0"
            exit
            ;;
        -*) fail "unknown option $argument" ;;
        *) patterns+=("$argument") ;;
    esac
done

total_passed=0
total_failed=0
summary=()

# record SUITE PASSED FAILED
record() {
    total_passed=$((total_passed + $2))
    total_failed=$((total_failed + $3))
    summary+=("$(printf '%-24s %5d of %5d' "$1" "$2" $(($2 + $3)))")
}

# skip SUITE REASON: what cannot be run here is said, not forgotten
skip() {
    summary+=("$(printf '%-24s skipped: %s' "$1" "$2")")
}

# wanted SUITE NAME: does a pattern ask for it?
wanted() {
    local pattern
    [ ${#patterns[@]} = 0 ] && return 0
    for pattern in "${patterns[@]}"; do
        case "$1/$2" in *"$pattern"*) return 0 ;; esac
    done
    return 1
}

# select_tests SUITE EXTENSION FILE...: names of those wanted, into $selected
select_tests() {
    local suite=$1 extension=$2 file name
    shift 2
    selected=()
    for file; do
        name=$(basename "$file" "$extension")
        if [ -e "$file" ] && wanted "$suite" "$name"; then
            selected+=("$name")
        fi
    done
    [ ${#selected[@]} != 0 ]
}

heading() {
    printf '\n== %s\n' "$*"
}

# Count the lines of pg_regress, old form and new.
count_regress() {
    local passed failed
    passed=$(grep -cE '(\.\.\. ok|^ok [0-9])' "$2" || true)
    failed=$(grep -cE '(\.\.\. FAILED|^not ok [0-9])' "$2" || true)
    if [ "$3" != 0 ] && [ "$failed" = 0 ]; then
        failed=1
    fi
    record "$1" "$passed" "$failed"
}

# run_regress PROGRAM SUITE INPUT TEST...
run_regress() {
    local program=$1 suite=$2 input=$3 status=0
    local output=$WORK/results/$suite
    shift 3
    as_server mkdir -p "$output"
    as_server "$program" --inputdir="$input" --outputdir="$output" \
        --bindir="$BIN" --host="$WORK/main" --port=5432 --user=postgres \
        --dbname=qlm_regression --load-extension=qlm "$@" 2>&1 | tee "$output/log" || status=$?
    if [ -s "$output/regression.diffs" ]; then
        cat "$output/regression.diffs"
    fi
    count_regress "$suite" "$output/log" "$status"
}

# run_prove SUITE COMMAND...: a command that ends as prove does
run_prove() {
    local suite=$1 status=0 tests failed
    local log=$WORK/results/$suite.log
    shift
    "$@" 2>&1 | tee "$log" || status=$?
    tests=$(sed -n 's/^Files=.*Tests=\([0-9]*\),.*/\1/p' "$log")
    failed=$(sed -n 's/^ *Failed \([0-9]*\)\/[0-9]* subtests.*/\1/p' "$log" |
        awk '{ n += $1 } END { print n + 0 }')
    if [ "$status" != 0 ] && [ "$failed" = 0 ]; then
        failed=1
    fi
    tests=${tests:-0}
    record "$suite" $((tests > failed ? tests - failed : 0)) "$failed"
}

regress_suites() {
    local suite=$1
    if select_tests "$suite" .sql "$ROOT"/sql/*.sql; then
        heading "$suite"
        run_regress "$programs/regress/pg_regress" "$suite" "$WORK/tree" "${selected[@]}"
    fi
}

isolation_suite() {
    if select_tests isolation .spec "$ROOT"/test/isolation/specs/*.spec; then
        if [ ! -x "$programs/isolation/pg_isolation_regress" ]; then
            skip isolation "this server comes without pg_isolation_regress"
            return
        fi
        heading isolation
        run_regress "$programs/isolation/pg_isolation_regress" isolation \
            "$WORK/tree/test/isolation" "${selected[@]}"
    fi
}

pgtap_suite() {
    local name files=()
    if select_tests pgtap .sql "$ROOT"/test/pgtap/*.sql; then
        if ! has_extension "$PG_CONFIG" pgtap; then
            skip pgtap "this server has no extension pgtap"
            return
        fi
        heading pgtap
        run_psql main -q -d postgres -c 'CREATE DATABASE pgtap'
        if ! run_psql main -q -d pgtap -c 'CREATE EXTENSION pgtap' \
            -c 'CREATE EXTENSION qlm'; then
            record pgtap 0 ${#selected[@]}
            return
        fi
        for name in "${selected[@]}"; do
            files+=("$WORK/tree/test/pgtap/$name.sql")
        done
        run_prove pgtap as_server pg_prove -h "$WORK/main" -p 5432 -U postgres -d pgtap \
            "${files[@]}"
    fi
}

tap_suite() {
    local name files=()
    if select_tests tap .t "$ROOT"/test/t/*.t; then
        if [ ! -e "$programs/perl/PostgreSQL/Test/Cluster.pm" ]; then
            skip tap "this server comes without PostgreSQL::Test::Cluster"
            return
        fi
        heading tap
        for name in "${selected[@]}"; do
            files+=("test/t/$name.t")
        done
        run_prove tap as_server env -C "$WORK/tree" \
            TESTDIR="$WORK/tree" TESTDATADIR="$WORK/tree/tmp_check" \
            TESTLOGDIR="$WORK/tree/tmp_check/log" \
            PG_REGRESS="$programs/regress/pg_regress" QLM_QUICK="$quick" QLM_LONG="$long" \
            prove -I "$WORK/tree/test/perl" -I "$programs/perl" "${files[@]}"
    fi
}

fuzz_suite() {
    local seconds=20
    [ "$quick" = yes ] && seconds=5
    [ "$long" = yes ] && seconds=1200
    if wanted fuzz envelope; then
        heading "fuzz, $seconds seconds"
        if "$ROOT/test/fuzz/run.sh" "$seconds" >"$WORK/results/fuzz.log" 2>&1; then
            sed -n 's/^stat::number_of_executed_units: */inputs tried: /p' \
                "$WORK/results/fuzz.log"
            record fuzz 1 0
        else
            cat "$WORK/results/fuzz.log"
            record fuzz 0 1
        fi
    fi
}

if [ "$quick$long" = yesyes ]; then
    fail "--quick and --long exclude each other"
fi

need_packages curl xmllint tests fuzz
say "Building with $(find_pg_config): $("$(find_pg_config)" --version)"
build_extension
make_workplace
install_privately

programs=$("$PG_CONFIG" --pgxs)
programs=${programs%/makefiles/pgxs.mk}/test
mkdir "$WORK/tree" "$WORK/results"
cp -R "$ROOT"/{Makefile,qlm.control,LICENSE,*.md,bench,demo,docs,src,sql,expected,test} "$WORK/tree/"
if [ -n "$SERVER_USER" ]; then
    chown -R "$SERVER_USER" "$WORK/tree" "$WORK/results"
fi

start_cluster main "shared_preload_libraries = 'qlm'" "fsync = off" \
    "qlm.port = $(free_port)" "max_prepared_transactions = 5"
regress_suites regress
isolation_suite
pgtap_suite
if [ "$quick" = no ]; then
    stop_cluster main
    sed -i '/^shared_preload_libraries/d' "$WORK/main/data/postgresql.conf"
    start_again main
    regress_suites regress-without-preload
fi
stop_cluster main
tap_suite
fuzz_suite

heading summary
printf '%s\n' ${summary[@]+"${summary[@]}"}
if [ $((total_passed + total_failed)) = 0 ] && [ ${#summary[@]} = 0 ]; then
    fail "no test matches ${patterns[*]:-}"
fi
say "$total_passed passed, $total_failed failed"
[ "$total_failed" = 0 ]
