# What it takes to build the pure layers without a backend.  Sourced by
# test/unit/build.sh and test/fuzz/run.sh, in the top folder.

: "${PG_CONFIG:=pg_config}"

pure_sources="test/fuzz/shim.c $(echo src/base/*.c src/xml/*.c)
	src/transport/frame.c"

pure_flags="-g -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare
	-Wno-missing-field-initializers -fno-omit-frame-pointer
	-Isrc -Itest/fuzz -Itest/unit
	-isystem $($PG_CONFIG --includedir-server) $(pkg-config --cflags libxml-2.0)"

pure_libraries="-L$($PG_CONFIG --pkglibdir) -L$($PG_CONFIG --libdir)
	-lpgcommon -lpgport $(pkg-config --libs libxml-2.0) -lm"
