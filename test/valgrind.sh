#!/bin/bash
# Runs tests with all server processes under valgrind's memcheck and fails on
# what it reports from qlm: bad reads and writes, decisions on what was never
# written, and memory that is lost.
#
# usage: test/valgrind.sh [PATTERN...]
#
# PATTERN   runs only the tests whose name has it, e.g. regress or tap/030;
#           "all": all of them; default: all SQL regression tests, and the TAP
#           programs 010_http and 151_websocket_push
#
# What the tests say themselves does not count: everything is some thirty times
# slower than else, and many measure time.  They wait QLM_PATIENCE times as long
# as else (10) before they give up.
#
# PostgreSQL's packages are not built for valgrind (USE_VALGRIND): it sees
# blocks of memory contexts, not each palloc, so that what goes wrong between
# two pieces of one block stays unseen; the sanitizers of test/unit see that in
# the pure layers.

set -euo pipefail
# shellcheck source=test/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

patterns=("$@")
case ${1:-} in
    -h | --help)
        sed -n '2,/^$/s/^# \{0,1\}//p' "$0"
        exit
        ;;
esac
[ ${#patterns[@]} = 0 ] && patterns=(regress/ tap/010_http tap/151_websocket_push)

# wanted SUITE NAME
wanted() {
    local pattern
    for pattern in "${patterns[@]}"; do
        [ "$pattern" = all ] && return 0
        case "$1/$2" in *"$pattern"*) return 0 ;; esac
    done
    return 1
}

# select_tests SUITE FILE...: names of those wanted, into $selected
select_tests() {
    local suite=$1 file name
    shift
    selected=()
    for file; do
        name=$(basename "${file%.*}")
        wanted "$suite" "$name" && selected+=("$name")
    done
    [ ${#selected[@]} != 0 ]
}

# The cluster for what needs one that runs
start_main() {
    [ -d "$WORK/main" ] ||
        start_cluster main "shared_preload_libraries = 'qlm'" "fsync = off" \
            "autovacuum = off" "qlm.port = $(free_port)" "qlm.http_workers = 1" \
            "max_prepared_transactions = 5"
}

# run_regress PROGRAM INPUT TEST...
run_regress() {
    local program=$1 input=$2
    shift 2
    start_main
    as_server "$program" --inputdir="$input" --outputdir="$WORK/results" \
        --bindir="$BIN" --host="$WORK/main" --port=5432 --user=postgres \
        --dbname=qlm_regression --load-extension=qlm "$@" || status=1
}

# The server's programs, each behind a script that puts valgrind in front.  Of
# those only the server itself is checked, but for single-user mode.
wrap_postgres() {
    mv "$BIN/postgres" "$BIN/postgres.real"
    cat >"$BIN/postgres" <<EOF
#!/bin/bash
case "\$*" in
    --single* | --boot* | --check* | --describe-config* | --version* | -V* | -C*)
        exec -a "$BIN/postgres" "$BIN/postgres.real" "\$@" ;;
esac
exec valgrind --quiet --trace-children=yes --track-origins=no --num-callers=30 \\
    --leak-check=full --show-leak-kinds=definite --error-limit=no \\
    --fullpath-after="$ROOT/" \\
    --suppressions="$ROOT/test/valgrind.supp" \\
    --log-file="$WORK/valgrind/%p.log" "$BIN/postgres.real" "\$@"
EOF
    chmod 755 "$BIN/postgres"
}

# Reports whose stack has a line of ours
show_reports() {
    local log
    for log in "$WORK"/valgrind/*.log; do
        sed 's/^==[0-9]*== \{0,1\}//' "$log" |
            awk -v RS= '/\(src\/[a-z\/_]*\.c:|\/qlm\.so\)/ { print; print "" }'
    done
}

need_packages tests valgrind
build_extension
make_workplace
install_privately
mkdir "$WORK/tree" "$WORK/results" "$WORK/valgrind"
cp -R -p "$ROOT"/{Makefile,qlm.control,LICENSE,*.md,bench,demo,docs,src,sql,expected,test} "$WORK/tree/"
if [ -n "$SERVER_USER" ]; then
    chown -R "$SERVER_USER" "$WORK/tree" "$WORK/results" "$WORK/valgrind"
fi
wrap_postgres

programs=$("$PG_CONFIG" --pgxs)
programs=${programs%/makefiles/pgxs.mk}/test
status=0
export QLM_VALGRIND=yes QLM_PATIENCE=${QLM_PATIENCE:-10}
export PGCTLTIMEOUT=$((60 * QLM_PATIENCE))

if select_tests regress "$ROOT"/sql/*.sql; then
    run_regress "$programs/regress/pg_regress" "$WORK/tree" "${selected[@]}"
fi
if select_tests isolation "$ROOT"/test/isolation/specs/*.spec; then
    run_regress "$programs/isolation/pg_isolation_regress" "$WORK/tree/test/isolation" \
        "${selected[@]}"
fi
if select_tests pgtap "$ROOT"/test/pgtap/*.sql; then
    start_main
    run_psql main -q -d postgres -c 'CREATE DATABASE pgtap'
    run_psql main -q -d pgtap -c 'CREATE EXTENSION pgtap' -c 'CREATE EXTENSION qlm'
    files=("${selected[@]/#/$WORK/tree/test/pgtap/}")
    as_server pg_prove -h "$WORK/main" -p 5432 -U postgres -d pgtap \
        "${files[@]/%/.sql}" || status=1
fi
stop_cluster main

if select_tests tap "$ROOT"/test/t/*.t; then
    files=("${selected[@]/#/test/t/}")
    as_server env -C "$WORK/tree" TESTDIR="$WORK/tree" \
        TESTDATADIR="$WORK/tree/tmp_check" TESTLOGDIR="$WORK/tree/tmp_check/log" \
        PG_REGRESS="$programs/regress/pg_regress" \
        PG_TEST_TIMEOUT_DEFAULT=$((60 * QLM_PATIENCE)) \
        prove -I "$WORK/tree/test/perl" -I "$programs/perl" \
        "${files[@]/%/.t}" || status=1
fi

processes=$(find "$WORK/valgrind" -name '*.log' | wc -l)
[ "$processes" != 0 ] || fail "nothing ran under valgrind"
reports=$(show_reports)
if [ -n "$reports" ]; then
    printf '%s\n' "$reports"
    fail "valgrind reports errors, see above"
fi
say "$processes processes under valgrind, no errors of qlm"
[ "$status" = 0 ] || say "(some tests say something else than usual)"
