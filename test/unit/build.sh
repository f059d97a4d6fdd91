#!/bin/sh
# Builds the unit tests of the pure layers, with sanitizers, into a folder, and
# fuzz_envelope, which runs over files, and fetch, which is the HTTP client.
#
#	test/unit/build.sh [folder]		default: build/unit
set -eu

folder=$(realpath -m "${1:-build/unit}")
cd "$(dirname "$0")/../.."
. test/fuzz/pure.sh

flags="-O1 -Werror -fsanitize=address,undefined -fno-sanitize-recover=all $pure_flags"
mkdir -p "$folder/objects"
for source in $pure_sources $(echo src/message/*.c) src/transport/form.c \
	src/transport/header.c src/transport/multipart.c test/unit/tap.c; do
	${CC:-cc} $flags -c "$source" -o "$folder/objects/$(basename "$source" .c).o"
done
for source in test/unit/test_*.c test/fuzz/fuzz_envelope.c; do
	${CC:-cc} $flags -DQLM_FUZZ_STANDALONE "$source" "$folder"/objects/*.o \
		$pure_libraries -o "$folder/$(basename "$source" .c)"
done
${CC:-cc} $flags -DQLM_VERSION='"test"' $(pkg-config --cflags libcurl) \
	test/unit/fetch.c src/transport/http_client.c \
	src/transport/outgoing.c "$folder"/objects/*.o \
	$pure_libraries $(pkg-config --libs libcurl) -o "$folder/fetch"
