#!/bin/bash
# Plays the first hour of somebody who has just cloned this repository, on bare
# Debian machines: the commands of the README with nothing else installed, with
# a server and libpq-dev but without the server's headers, as a user with sudo
# and as one without, and the README itself, statement by statement.
#
# usage: test/fresh.sh [--bases FOLDER] [SUITE...] [-- ARGUMENT...]
#
# --bases    keeps there what debootstrap makes, and begins with it the next time
# SUITE      of Debian; default: bookworm trixie
# ARGUMENT   of test/run.sh on the bare machine, e.g. --quick
#
# Needs root and takes about twenty minutes a suite.  The mirror is the one
# that this machine's apt-get uses, or what MIRROR says.  KEEP=yes keeps the
# machines.  All output goes to files, of which those are shown that failed.

set -euo pipefail
# shellcheck source=test/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=test/machine.sh
. "$(dirname "${BASH_SOURCE[0]}")/machine.sh"

bases=
suites=()
while [ $# -gt 0 ]; do
    case $1 in
        --bases)
            bases=${2:?--bases needs a folder}
            shift
            ;;
        -h | --help)
            sed -n '2,/^$/s/^# \{0,1\}//p' "$0"
            exit
            ;;
        --)
            shift
            break
            ;;
        -*) fail "unknown option $1" ;;
        *) suites+=("$1") ;;
    esac
    shift
done
[ ${#suites[@]} != 0 ] || suites=(bookworm trixie)

passed=0
failed=0

# step MACHINE WHAT COMMAND...: a command that must succeed, in the machine's clone
step() {
    local machine=$1 what=$2 status=0 began=$SECONDS
    shift 2
    in_machine "$machine" "$@" >"$MACHINES/log" 2>&1 || status=$?
    if [ "$status" = 0 ]; then
        passed=$((passed + 1))
        say "ok - $suite: $what ($((SECONDS - began)) s)"
    else
        failed=$((failed + 1))
        say "not ok - $suite: $what"
        sed 's/^/    /' "$MACHINES/log"
    fi
}

# refused MACHINE WHAT PATTERN COMMAND...: one that must fail, and say why
refused() {
    local machine=$1 what=$2 pattern=$3
    shift 3
    # shellcheck disable=SC2016
    step "$machine" "$what" bash -c '
        pattern=$1
        shift
        if said=$("$@" 2>&1); then status=0; else status=$?; fi
        echo "$said"
        [ $status != 0 ] && grep -qE -- "$pattern" <<<"$said"' \
        refused "$pattern" "$@"
}

# Nothing of a run stays: no process, no temporary file.
# shellcheck disable=SC2016
leaves_nothing='
    "$@" || exit
    cd /
    sleep 1
    left=
    for process in /proc/[0-9]*; do
        [ $process = /proc/$$ ] || [ ! -s $process/cmdline ] ||
            left="$left $(tr "\0" " " <$process/cmdline)"
    done
    left=$left$(ls -A /tmp)
    [ -z "$left" ] || { echo "left behind: $left"; exit 1; }'

bare() {
    new_machine bare "$suite" || fail "debootstrap of $suite failed"
    step bare "demo/run.sh on a bare machine" bash -c "$leaves_nothing" demo demo/run.sh
    step bare "demo/run.sh --proxy there" bash -c "$leaves_nothing" demo demo/run.sh --proxy
    step bare "test/run.sh $*" bash -c "$leaves_nothing" test test/run.sh "$@"
    drop_machine bare
    new_machine ci "$suite"
    step ci ".ci/run on a bare machine" bash .ci/run --quick regress/write tap/010
    drop_machine ci
}

# As on a machine for applications: psql, a server, libpq-dev, and no headers.
without_headers() {
    new_machine server "$suite"
    step server "a server and libpq-dev are installed" bash -c '
        apt-get update && apt-get install -y --no-install-recommends postgresql libpq-dev make &&
            ! ls /usr/include/postgresql/*/server/postgres.h'
    refused server "make names the package with the headers" \
        'postgres.h is not there: apt-get install postgresql-server-dev-[0-9]+' make
    step server "demo/run.sh installs the headers" demo/run.sh
    step server "test/run.sh uses them" test/run.sh --quick regress/write
    step server "make uses them" bash -c 'make clean && make && make install DESTDIR=/tmp/there'
    drop_machine server
}

# A user who is not root
as_user() {
    new_machine user "$suite"
    step user "a user without sudo is there" bash -c '
        useradd -m somebody && chown -R somebody: /home/qlm && apt-get update'
    refused user "who has no sudo is told what to install" \
        'neither root nor sudo .* apt-get install gcc .*postgresql' \
        su - somebody -c /home/qlm/demo/run.sh
    # shellcheck disable=SC2016
    step user "what he was told to install exists" bash -c '
        packages=$(su - somebody -c /home/qlm/test/run.sh 2>&1 | sed -n "s/.*apt-get install //p") &&
            apt-get install -y --simulate $packages'
    step user "sudo is there" bash -c '
        apt-get install -y --no-install-recommends sudo &&
            echo "somebody ALL=(ALL) NOPASSWD: ALL" >/etc/sudoers.d/somebody'
    step user "demo/run.sh as a user with sudo" su - somebody -c /home/qlm/demo/run.sh
    step user "test/run.sh as a user with sudo" \
        su - somebody -c '/home/qlm/test/run.sh --quick regress/write tap/010'
    drop_machine user
}

# Everything that the README tells to type, in its order
readme() {
    new_machine readme "$suite"
    # Later it has no network, so that port 8090 is its own.
    # shellcheck disable=SC2016
    step readme "sudo, curl and xmllint are there, and the packages of the README fetched" bash -c '
        echo "APT::Get::Assume-Yes \"true\";" >/etc/apt/apt.conf.d/90yes
        apt-get update && apt-get install --no-install-recommends sudo curl libxml2-utils perl &&
            apt-get install --download-only $(sed -n "s/^sudo apt-get install //p" README.md)'
    MACHINE_NET=none
    export MACHINE_NET
    step readme "the README from its first to its last line" perl test/readme.pl README.md
    step readme "make installcheck on a running server" bash -c '
        service postgresql start
        chown -R postgres: /home/qlm
        su postgres -c "make installcheck"'
    unset MACHINE_NET
    # shellcheck disable=SC2016
    step readme "make and make install with PG_CONFIG" bash -c '
        set -e
        config=$(ls /usr/lib/postgresql/*/bin/pg_config)
        mkdir /tmp/bin
        ln -s /bin/false /tmp/bin/pg_config
        export PATH=/tmp/bin:$PATH
        make clean
        make PG_CONFIG=$config
        make install PG_CONFIG=$config DESTDIR=/tmp/there
        ls /tmp/there$($config --pkglibdir)/qlm.so'
    drop_machine readme
}

prepare_machines "$bases"
for suite in "${suites[@]}"; do
    bare "$@"
    without_headers
    as_user
    readme
done
say "$passed passed, $failed failed"
[ "$failed" = 0 ]
