#!/bin/sh
# Fuzzes the reader, the envelope parser and printer, other formats of payloads,
# what HTTP requests bring, and the reader of WebSocket frames, outside of a server.
#
#	test/fuzz/run.sh [seconds]		in all; default: 30; needs clang
#	test/fuzz/run.sh files FILE...	envelopes from files, with any compiler
#
# What it finds is kept in build/fuzz as crash-*, leak-* or timeout-*; what it
# has learned in build/fuzz/corpus-*, where the next run goes on.
set -eu

cd "$(dirname "$0")/../.."
. test/fuzz/pure.sh

folder=build/fuzz
flags="-O1 -fno-sanitize-recover=all $pure_flags"
mkdir -p $folder

if [ "${1:-}" = files ]; then
	shift
	${CC:-cc} $flags -fsanitize=address,undefined -DQLM_FUZZ_STANDALONE \
		test/fuzz/fuzz_envelope.c src/message/*.c $pure_sources \
		$pure_libraries -o $folder/standalone
	exec $folder/standalone "$@"
fi

seconds=$((${1:-30} / 5))
for target in fuzz_reader fuzz_envelope fuzz_payload fuzz_http fuzz_frame; do
	# PostgreSQL was configured for another compiler, whose printf clang lacks.
	${CLANG:-clang} $flags -Wno-ignored-attributes \
		-fsanitize=fuzzer,address,undefined test/fuzz/$target.c \
		src/message/*.c src/transport/form.c src/transport/header.c \
		src/transport/multipart.c $pure_sources $pure_libraries \
		-o $folder/$target
	mkdir -p $folder/corpus-$target
	echo "$target: $seconds seconds"
	if ! $folder/$target -max_total_time=$seconds -max_len=8192 -timeout=10 \
		-rss_limit_mb=2048 -dict=test/fuzz/words.dict \
		-artifact_prefix=$folder/ -print_final_stats=1 \
		$folder/corpus-$target test/fixtures >$folder/$target.log 2>&1; then
		grep -v '^#' $folder/$target.log
		exit 1
	fi
	grep executed_units $folder/$target.log
done
