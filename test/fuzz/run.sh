#!/bin/sh
# Fuzzes the reader, the envelope parser and printer, other formats of payloads,
# what HTTP requests bring, compressed bodies too, paths, numbers and times, what
# the client sends and gets, and handshakes and frames of WebSockets, outside of
# a server.
#
#	test/fuzz/run.sh [seconds [TARGET...]]	of all together; default: 30; needs clang
#	test/fuzz/run.sh files FILE...			envelopes from files, with any compiler
#
# It begins with test/fixtures, and with test/fuzz/seeds/TARGET where there are
# such.  What it finds is kept in build/fuzz as crash-*, leak-* or timeout-*;
# what it has learned in build/fuzz/corpus-*, where the next run goes on.  What
# was found once is a seed: test/t/001_pure.t runs over them.
set -eu

cd "$(dirname "$0")/../.."
. test/fuzz/pure.sh

folder=build/fuzz
flags="-O1 -fno-sanitize-recover=all"
mkdir -p $folder

if [ "${1:-}" = files ]; then
	shift
	flags="$flags -fsanitize=address,undefined"
	build_pure $folder/standalone.a ${CC:-cc} $flags
	${CC:-cc} $flags $pure_flags test/fuzz/fuzz_envelope.c test/fuzz/standalone.c \
		$folder/standalone.a $pure_libraries -o $folder/standalone
	exec $folder/standalone "$@"
fi

seconds=${1:-30}
[ $# = 0 ] || shift
[ $# != 0 ] || set -- $(basename -s .c test/fuzz/fuzz_*.c)
seconds=$(((seconds + $# - 1) / $#))

# PostgreSQL was configured for another compiler, whose printf clang lacks.
flags="$flags -Wno-ignored-attributes"
build_pure $folder/pure.a ${CLANG:-clang} $flags \
	-fsanitize=fuzzer-no-link,address,undefined
for target; do
	${CLANG:-clang} $flags $pure_flags -fsanitize=fuzzer,address,undefined \
		test/fuzz/$target.c $folder/pure.a $pure_libraries -o $folder/$target
	seeds=test/fuzz/seeds/$target
	[ -d $seeds ] || seeds=
	mkdir -p $folder/corpus-$target
	echo "$target: $seconds seconds"
	if ! $folder/$target -max_total_time=$seconds -max_len=8192 -timeout=10 \
		-rss_limit_mb=2048 -dict=test/fuzz/words.dict \
		-artifact_prefix=$folder/ -print_final_stats=1 \
		$folder/corpus-$target test/fixtures $seeds >$folder/$target.log 2>&1; then
		grep -v '^#' $folder/$target.log
		exit 1
	fi
	grep executed_units $folder/$target.log
done
