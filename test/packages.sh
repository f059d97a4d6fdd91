# shellcheck shell=bash
# packages.sh - which server is built for, and what must be installed for the
# build and for the tests.  Sourced by lib.sh.

OLDEST_MAJOR=15         # of the servers that qlm is built for
DEBIAN_SERVERS=/usr/lib/postgresql

# All pg_config that are there: the one asked for and no other, or that of the
# path and those of Debian's packages, the newest first.
all_pg_configs() {
    local candidate
    if [ -n "${PG_CONFIG:-}" ]; then
        printf '%s\n' "$PG_CONFIG"
        return
    fi
    for candidate in pg_config \
        $(printf '%s\n' "$DEBIAN_SERVERS"/*/bin/pg_config | sort -rV); do
        if "$candidate" --version >/dev/null 2>&1; then
            command -v "$candidate"
        fi
    done
}

# major_of PG_CONFIG: its version, without the minor one
major_of() {
    "$1" --version 2>/dev/null | sed -n 's/^PostgreSQL \([0-9]*\).*/\1/p'
}

# is_new_enough PG_CONFIG
is_new_enough() {
    local major
    major=$(major_of "$1")
    [ -n "$major" ] && [ "$major" -ge "$OLDEST_MAJOR" ]
}

# has_server PG_CONFIG, has_headers PG_CONFIG: what it says is no proof.
# libpq-dev has one that names folders of a server that need not be there, and
# pgxs.mk comes with the client.
has_server() {
    is_new_enough "$1" &&
        [ -x "$("$1" --bindir)/postgres" ] && [ -x "$("$1" --bindir)/initdb" ]
}

has_headers() {
    is_new_enough "$1" &&
        [ -e "$("$1" --includedir-server)/postgres.h" ] && [ -e "$("$1" --pgxs)" ]
}

# The pg_config to build with: of a server with its headers; else of one that
# packages can complete, rather of a server than of headers; or nothing.
find_pg_config() {
    local config
    for config in $(all_pg_configs); do
        has_server "$config" && has_headers "$config" && echo "$config" && return
    done
    for config in $(all_pg_configs); do
        has_server "$config" && server_is_packaged "$config" && echo "$config" && return
    done
    for config in $(all_pg_configs); do
        has_headers "$config" && server_is_packaged "$config" && echo "$config" && return
    done
    return 0
}

# The server version that packages are named after: the one that is there, or
# the one that the distribution's metapackage stands for.
find_pg_major() {
    local config
    config=$(find_pg_config)
    if [ -n "$config" ]; then
        major_of "$config"
    else
        version_behind postgresql
    fi
}

# Is the server one of Debian's packages, so that they bring what it lacks?
server_is_packaged() {
    [ -z "$1" ] || [ "$("$1" --bindir)" = "$DEBIAN_SERVERS/$(major_of "$1")/bin" ]
}

# Whoever names a pg_config means this server and no other.
check_pg_config() {
    [ -n "${PG_CONFIG:-}" ] || return 0
    [ -n "$(major_of "$PG_CONFIG")" ] || fail "PG_CONFIG is '$PG_CONFIG', which does not run"
    is_new_enough "$PG_CONFIG" ||
        fail "PG_CONFIG is '$PG_CONFIG' of $("$PG_CONFIG" --version), and qlm needs PostgreSQL $OLDEST_MAJOR or later"
    server_is_packaged "$PG_CONFIG" && return
    has_server "$PG_CONFIG" ||
        fail "PG_CONFIG is '$PG_CONFIG', and there is no server in $("$PG_CONFIG" --bindir)"
    has_headers "$PG_CONFIG" ||
        fail "PG_CONFIG is '$PG_CONFIG', and the server's headers are not in $("$PG_CONFIG" --includedir-server)"
}

# The version that a metapackage of the distribution stands for
version_behind() {
    apt-cache depends "$1" 2>/dev/null | sed -n "s/.*Depends: $1-\([0-9]*\)$/\1/p" | head -1
}

# has_header HEADER [LIBRARY]: does the compiler find it, with what pkg-config
# says of the library?
has_header() {
    local flags=
    [ -z "${2:-}" ] || flags=$(pkg-config --cflags "$2") || return
    # shellcheck disable=SC2086
    echo "#include <$1>" | gcc $flags -E -
}

# need PACKAGES COMMAND...: note the packages if the command fails
MISSING=()
need() {
    local packages=$1
    shift
    if ! "$@" >/dev/null 2>&1; then
        # shellcheck disable=SC2206
        MISSING+=($packages)
    fi
}

# wish PACKAGE COMMAND...: the same for what not every distribution has; tests that use it say so
wish() {
    local package=$1
    shift
    if ! "$@" >/dev/null 2>&1 &&
        [[ $(apt-cache policy "$package" 2>/dev/null) == *"Candidate: "[!\(]* ]]; then
        MISSING+=("$package")
    fi
}

# find_missing PURPOSE...: what need_packages would install, into MISSING
find_missing() {
    local purpose config major
    MISSING=()
    config=$(find_pg_config)
    major=$(find_pg_major)
    need "gcc libc6-dev" has_header stdio.h
    need make have make
    need pkg-config have pkg-config
    need libxml2-dev has_header libxml/parser.h libxml-2.0
    need libmicrohttpd-dev has_header microhttpd.h libmicrohttpd
    need libcurl4-openssl-dev has_header curl/curl.h libcurl
    need zlib1g-dev has_header zlib.h zlib
    need "postgresql${major:+-$major}" has_server "$config"
    need "postgresql-server-dev-${major:-all}" has_headers "$config"
    for purpose; do
        case $purpose in
            curl) need curl have curl ;;
            xmllint) need libxml2-utils have xmllint ;;
            network)
                need iproute2 have ip
                need nftables have nft
                ;;
            proxies)
                need squid have /usr/sbin/squid
                need haproxy have /usr/sbin/haproxy
                need perl have perl
                ;;
            tests)
                need perl have prove
                need libipc-run-perl perl -MIPC::Run -e 1
                need libprotocol-websocket-perl perl -MProtocol::WebSocket -e 1
                need libio-socket-ssl-perl perl -MIO::Socket::SSL -e 1
                need libxml-libxml-perl perl -MXML::LibXML -e 1
                wish nginx have /usr/sbin/nginx
                wish haproxy have /usr/sbin/haproxy
                wish apache2-bin have /usr/sbin/apache2
                wish lighttpd have /usr/sbin/lighttpd
                wish varnish have /usr/sbin/varnishd
                wish stunnel4 have stunnel4
                wish tinyproxy have tinyproxy
                wish privoxy have /usr/sbin/privoxy
                wish squid have /usr/sbin/squid
                wish microsocks have microsocks
                need python3 have python3
                need python3-requests python3 -c "import requests"
                need nodejs have node           # Java is left out: a JDK has 300 MB
                need libtap-parser-sourcehandler-pgtap-perl have pg_prove
                if server_is_packaged "$config"; then
                    need "postgresql-${major:-NN}-pgtap" has_extension "$config" pgtap
                    wish "postgresql-${major:-NN}-pgaudit" has_extension "$config" pgaudit
                    wish "postgresql-${major:-NN}-repack" has_extension "$config" pg_repack
                    wish "postgresql-${major:-NN}-wal2json" has_library "$config" wal2json
                    wish "postgresql-${major:-NN}-pglogical" has_library "$config" pglogical
                fi
                wish pgbackrest have pgbackrest
                wish pgbouncer have /usr/sbin/pgbouncer
                ;;
            valgrind) need valgrind have valgrind ;;
            fuzz) need "clang libclang-rt-$(version_behind clang)-dev" have_fuzzer ;;
        esac
    done
}

# has_extension PG_CONFIG NAME, has_library PG_CONFIG NAME
has_extension() {
    [ -e "$("$1" --sharedir)/extension/$2.control" ]
}

has_library() {
    [ -e "$("$1" --pkglibdir)/$2.so" ]
}

# Can clang link libFuzzer here?
have_fuzzer() {
    local dir status=0
    dir=$(mktemp -d)
    echo 'int LLVMFuzzerTestOneInput(const char *d, long n) { return 0; }' >"$dir/f.c"
    clang -fsanitize=fuzzer,address "$dir/f.c" -o "$dir/f" || status=$?
    rm -rf "$dir"
    return "$status"
}

# without_services COMMAND...: packages that it installs start no services
without_services() (
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        trap 'as_root rm -f "$policy"' EXIT
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
        as_root chmod 755 "$policy"
    fi
    "$@"
)

apt_install() {
    quietly as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y --no-install-recommends "$@" || fail "apt-get install $* failed"
}

# install_packages PACKAGE...: as root, or with sudo.  Proxies are needed as
# programs: as services they would take the ports of this machine.
install_packages() {
    local package proxies=() others=()
    if [ "$(id -u)" != 0 ] && ! have sudo; then
        fail "these are missing and neither root nor sudo is there to install them: apt-get install $*"
    fi
    for package; do
        case $package in
            nginx | haproxy | apache2-bin | lighttpd | varnish | stunnel4 | squid | tinyproxy | privoxy | pgbouncer) proxies+=("$package") ;;
            *) others+=("$package") ;;
        esac
    done
    [ ${#others[@]} = 0 ] || apt_install "${others[@]}"
    [ ${#proxies[@]} = 0 ] || without_services apt_install "${proxies[@]}"
    hash -r
}

# need_packages [curl] [xmllint] [network] [proxies] [tests] [valgrind] [fuzz]: install what is not there
need_packages() {
    local major
    check_pg_config
    find_missing "$@"
    [ ${#MISSING[@]} = 0 ] && return
    if ! have apt-get; then
        fail "these are missing, install what your system calls them: ${MISSING[*]}"
    fi
    if [ "$(id -u)" = 0 ] || have sudo; then
        quietly as_root apt-get update || say "apt-get update failed; going on with the lists that are there"
        find_missing "$@"           # package lists tell the server's version
    fi
    major=$(find_pg_major)
    if [ -n "$major" ] && [ "$major" -lt "$OLDEST_MAJOR" ]; then
        fail "qlm needs PostgreSQL $OLDEST_MAJOR or later, and this distribution has $major"
    fi
    say "Installing ${MISSING[*]}"
    install_packages "${MISSING[@]}"
    find_missing "$@"
    [ ${#MISSING[@]} = 0 ] || fail "still missing after installing: ${MISSING[*]}"
}
