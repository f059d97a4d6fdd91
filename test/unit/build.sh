#!/bin/sh
# Builds the unit tests of the pure layers, with sanitizers, into a folder, and
# the fuzz targets, which run over files, and fetch, which is the HTTP client.
#
#	test/unit/build.sh [folder]		default: build/unit
set -eu

folder=$(realpath -m "${1:-build/unit}")
cd "$(dirname "$0")/../.."
. test/fuzz/pure.sh

flags="-O1 -Werror -fsanitize=address,undefined -fno-sanitize-recover=all"
mkdir -p "$folder"
build_pure "$folder/pure.a" ${CC:-cc} $flags
flags="$flags $pure_flags"
for source in test/unit/test_*.c; do
	${CC:-cc} $flags "$source" test/unit/tap.c "$folder/pure.a" \
		$pure_libraries -o "$folder/$(basename "$source" .c)"
done
for source in test/fuzz/fuzz_*.c; do
	${CC:-cc} $flags "$source" test/fuzz/standalone.c "$folder/pure.a" \
		$pure_libraries -o "$folder/$(basename "$source" .c)"
done
${CC:-cc} $flags -DQLM_VERSION='"test"' $(pkg-config --cflags libcurl) \
	test/unit/fetch.c src/transport/net/epoll.c src/transport/net/keepalive.c \
	src/transport/client/client_connection.c src/transport/client/client_socket.c \
	src/transport/client/client_socket_set.c src/transport/client/curl_multi.c \
	src/transport/client/http_client.c src/transport/client/http_operation.c \
	src/transport/client/http_redirect.c src/transport/client/proxy_auth.c \
	src/transport/websocket/frame_queue.c "$folder/pure.a" \
	$pure_libraries $(pkg-config --libs libcurl) -lcrypto -o "$folder/fetch"
