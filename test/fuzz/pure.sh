# shellcheck shell=sh disable=SC2034,SC2086
# What it takes to build the pure layers without a backend.  Sourced by
# test/unit/build.sh and test/fuzz/run.sh, in the top folder.

: "${PG_CONFIG:=pg_config}"

pure_sources="test/fuzz/shim.c $(echo src/base/*.c src/xml/*.c src/json/*.c src/message/*.c src/message/*/*.c)
	src/transport/http/body_budget.c src/transport/coding/compress.c src/transport/coding/form.c src/transport/websocket/frame.c
	src/transport/coding/handshake.c src/transport/coding/header.c src/transport/http/http_request.c src/transport/http/incoming.c src/transport/http/incoming_head.c src/transport/http/request_target.c
	src/transport/coding/multipart.c src/transport/client/transfer.c
	src/transport/client/upgrade.c"

pure_flags="-g -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare
	-Wno-missing-field-initializers -fno-omit-frame-pointer
	-Isrc -Itest/fuzz -Itest/unit
	-isystem $($PG_CONFIG --includedir-server) $(pkg-config --cflags libxml-2.0 zlib)"

# A server that was built by hand has them for programs of a fixed address only.
pure_libraries="-no-pie -L$($PG_CONFIG --pkglibdir) -L$($PG_CONFIG --libdir)
	-lpgcommon -lpgport $(pkg-config --libs libxml-2.0 zlib) -lm"

# build_pure ARCHIVE COMPILER...: the sources as an archive, of which a program
# takes what it needs
build_pure() {
	archive=$1
	shift
	rm -rf "$archive" "$archive.objects"
	mkdir -p "$archive.objects"
	for source in $pure_sources; do
		"$@" $pure_flags -c "$source" \
			-o "$archive.objects/$(echo "$source" | tr / _).o"
	done
	ar rcs "$archive" "$archive.objects"/*.o
}
