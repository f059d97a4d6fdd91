# shellcheck shell=bash disable=SC2154
# proxies.sh - the way out and the way in of run.sh --proxy: squid with a
# password where the fridge is, HAProxy with its usual 30 s where the plant is.
# Sourced by run.sh after network.sh.

SECRET=cold             # of the fridge, at squid

# start_proxy NAME NAMESPACE PORT COMMAND...: until it listens
start_proxy() {
    local name=$1 port=$3 started i
    NAMESPACE=$2
    shift 3
    # shellcheck disable=SC2016
    as_server bash -c 'echo $$ >"$1"; shift; exec "$@"' start "$WORK/$name/process" "$@" >"$WORK/$name/out" 2>&1 &
    started=$!
    for ((i = 0; i < 300; i++)); do
        if as_server bash -c "exec 3<>/dev/tcp/$port" 2>/dev/null; then
            NAMESPACE=
            PROCESSES+=("$(cat "$WORK/$name/process")")
            return
        fi
        kill -0 "$started" 2>/dev/null || break
        sleep 0.1
    done
    cat "$WORK/$name/out" >&2
    fail "$name does not start"
}

# The usual: nobody who has no password, and nothing kept on disk.
start_squid() {
    local dir=$WORK/squid helper=/usr/lib/squid/basic_ncsa_auth
    [ -x "$helper" ] || fail "squid is here without $helper, which checks passwords"
    as_server mkdir "$dir"
    # shellcheck disable=SC2016
    perl -e 'printf "fridge:%s\n", crypt shift, q($5$qlm$)' "$SECRET" | as_server tee "$dir/passwords" >/dev/null
    as_server tee "$dir/conf" >/dev/null <<CONF
http_port $squid_address
auth_param basic program $helper $dir/passwords
auth_param basic realm way out
acl known proxy_auth REQUIRED
http_access allow known
http_access deny all
cache deny all
pid_filename $dir/pid
access_log stdio:$dir/calls
logfile_rotate 0
cache_log $dir/log
coredump_dir $dir
shutdown_lifetime 0 seconds
netdb_filename none
CONF
    start_proxy squid "$edge_namespace" "${squid_address/://}" /usr/sbin/squid -N -f "$dir/conf"
}

# start_haproxy ADDRESS PORT NODE: as its manual begins
start_haproxy() {
    as_server mkdir "$WORK/haproxy"
    as_server tee "$WORK/haproxy/conf" >/dev/null <<CONF
global
    log stdout format raw local0
defaults
    mode http
    log global
    option httplog
    timeout connect 5s
    timeout client 30s
    timeout server 30s
frontend devices
    bind $1:$2
    default_backend node
backend node
    server node $3
CONF
    start_proxy haproxy "$plant_namespace" "$1/$2" /usr/sbin/haproxy -db -f "$WORK/haproxy/conf"
}

# calls PATTERN: how many such lines are in squid's log
calls() {
    grep -cE -- "$1" "$WORK/squid/calls" || true
}

# What both have seen
proxies_report() {
    local refused through ended
    refused=$(calls ' TCP_DENIED/407 ')
    through=$(calls " POST http://$plant_address:$plant_port/peer/fridge fridge ")
    ended=$(grep -cE ' node/node .* 504 .* sH' "$WORK/haproxy/out" || true)
    say "calls of the fridge that squid has let through: $through"
    say "times that it has asked for the password:       $refused"
    say "calls that HAProxy has ended with 504:          $ended"
    [ "$through" -gt 0 ] || fail "nothing has gone through squid"
    [ "$refused" -gt 0 ] || fail "squid has not asked for a password"
}
