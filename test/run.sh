#!/bin/bash
# Builds qlm and runs all tests: installs what is missing, works in a temporary
# folder with servers of its own, prints a summary.
#
# usage: test/run.sh [--quick | --long] [--jobs N] [PATTERN...]
#
# --quick   leaves out what is slow
# --long    fuzzes for twenty minutes, gives those tests that search or load at
#           random minutes instead of seconds, and runs all variants of one thing
# --jobs N  runs N TAP programs at a time; without: four for each processor
# PATTERN   runs only the tests whose name has it, e.g. http or regress
#
# TAP programs run beside each other, those of test/slowest first, and the other
# suites beside them.
#
# test/valgrind.sh runs some of them under valgrind.
#
# As root the servers and tests run as an unprivileged user.

set -euo pipefail
# shellcheck source=test/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

quick=no
long=no
jobs=$((4 * $(nproc)))
patterns=()
while [ $# != 0 ]; do
    case $1 in
        --quick) quick=yes ;;
        --long) long=yes ;;
        --jobs)
            [[ ${2:-} =~ ^[1-9][0-9]*$ ]] || fail "--jobs needs a number"
            jobs=$2
            shift
            ;;
        -h | --help)
            sed -n '2,/^$/s/^# \{0,1\}//p' "$0"
            exit
            ;;
        -*) fail "unknown option $1" ;;
        *) patterns+=("$1") ;;
    esac
    shift
done

# record SUITE PASSED FAILED: a line of the summary, which suites that run beside
# each other share
record() {
    printf '%s\t%d\t%d\n' "$1" "$2" "$3" >>"$WORK/results/records"
}

# skip SUITE REASON: what cannot be run here is said, not forgotten
skip() {
    printf '%s\tskipped: %s\n' "$1" "$2" >>"$WORK/results/records"
}

# The summary, whose exit status is that of all
summarize() {
    awk -F '\t' '
        { known = 1 }
        NF == 2 { printf "%-24s %s\n", $1, $2; next }
        { passed += $2; failed += $3; printf "%-24s %5d of %5d\n", $1, $2, $2 + $3 }
        END {
            if (known) printf "%d passed, %d failed\n", passed, failed
            exit !known ? 2 : failed != 0
        }' "$WORK/results/records"
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

# slowest_first NAME...: those that test/slowest names come first, in its order,
# so that none of them is left when all others have ended
slowest_first() {
    printf '%s\n' "$@" | awk 'NR == FNR { if (!/^#/) place[$1] = FNR; next }
        { printf "%d %s\n", $1 in place ? place[$1] : 1000, $1 }' "$ROOT/test/slowest" - |
        sort -s -n -k 1,1 | cut -d ' ' -f 2
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

# The cluster of those suites that need one
preload=qlm
need_main() {
    if [ ! -d "$WORK/main" ]; then
        start_cluster main "fsync = off" "qlm.port = $(free_port)" \
            "max_prepared_transactions = 5" "shared_preload_libraries = '$preload'"
    elif [ ! -f "$WORK/main/data/postmaster.pid" ]; then
        echo "shared_preload_libraries = '$preload'" |
            as_server tee -a "$WORK/main/data/postgresql.conf" >/dev/null
        start_again main
    fi
}

# run_regress PROGRAM SUITE INPUT TEST...
run_regress() {
    local program=$1 suite=$2 input=$3 status=0
    local output=$WORK/results/$suite
    shift 3
    need_main
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
        need_main
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

# The data directories that nodes of TAP programs are copied from, one for each
# node of a program, as nodes know themselves by their system identifiers
make_templates() {
    local n
    as_server mkdir "$WORK/templates"
    for n in 1 2 3; do
        quietly as_server initdb -D "$WORK/templates/$n" -A trust -E UTF8 --no-locale \
            --no-sync || fail "initdb failed"
    done
}

tap_suite() {
    local name files=()
    if select_tests tap .t "$ROOT"/test/t/*.t; then
        if [ ! -e "$programs/perl/PostgreSQL/Test/Cluster.pm" ]; then
            skip tap "this server comes without PostgreSQL::Test::Cluster"
            return
        fi
        heading tap
        make_templates
        while read -r name; do
            files+=("test/t/$name.t")
        done < <(slowest_first "${selected[@]}")
        run_prove tap as_server env -C "$WORK/tree" \
            TESTDIR="$WORK/tree" TESTDATADIR="$WORK/tree/tmp_check" \
            TESTLOGDIR="$WORK/tree/tmp_check/log" \
            PG_REGRESS="$programs/regress/pg_regress" PG_TEST_PORT_DIR="$WORK/ports" \
            QLM_TEMPLATES="$WORK/templates" QLM_QUICK="$quick" QLM_LONG="$long" \
            prove --jobs "$jobs" --timer -I "$WORK/tree/test/perl" -I "$programs/perl" \
            "${files[@]}"
    fi
}


fuzz_suite() {
    local seconds=10
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

# All others, one after the other
beside_suites() {
    regress_suites regress
    isolation_suite
    pgtap_suite
    if [ "$quick" = no ]; then
        stop_cluster main
        preload=
        regress_suites regress-without-preload
    fi
    stop_cluster main
    fuzz_suite
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
cp -R -p "$ROOT"/{Makefile,qlm.control,LICENSE,*.md,bench,demo,docs,src,sql,expected,test} "$WORK/tree/"
if [ -n "$SERVER_USER" ]; then
    chown -R "$SERVER_USER" "$WORK/tree" "$WORK/results"
fi

# What runs beside the TAP programs is shown when they have ended.
CLUSTERS+=(main)
beside_suites >"$WORK/results/beside" 2>&1 &
beside=$!
PROCESSES+=("$beside")
tap_suite
wait "$beside" || record beside 0 1
cat "$WORK/results/beside"

heading summary
status=0
summarize || status=$?
[ "$status" != 2 ] || fail "no test matches ${patterns[*]:-}"
exit "$status"
