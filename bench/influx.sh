# shellcheck shell=bash
# influx.sh - a private InfluxDB for bench/run.sh: own configuration, data in the
# workplace, user of the other servers.  The service of the package is not used.

# shellcheck disable=SC2034,SC2154
influx_pid=

# Its defaults are durable (an fsync for each write); only reports, its own
# statistics and logs of requests are off, which costs it nothing.
start_influx() {
    local dir=$WORK/influx i
    influx_port=$(free_port)
    as_server mkdir "$dir"
    as_server tee "$dir/influxdb.conf" >/dev/null <<END
reporting-disabled = true
bind-address = "127.0.0.1:$(free_port)"
[meta]
  dir = "$dir/meta"
[data]
  dir = "$dir/data"
  wal-dir = "$dir/wal"
  query-log-enabled = false
[monitor]
  store-enabled = false
[http]
  bind-address = "127.0.0.1:$influx_port"
  log-enabled = false
[logging]
  level = "error"
END
    as_server influxd -config "$dir/influxdb.conf" -pidfile "$dir/pid" >"$WORK/influx.log" 2>&1 &
    for ((i = 0; i < 300; i++)); do
        curl -fs -o /dev/null "http://127.0.0.1:$influx_port/ping" && break
        sleep 0.1
    done
    # not of the shell that has started it
    influx_pid=$(cat "$dir/pid") || fail "InfluxDB did not start: $(tail -5 "$WORK/influx.log")"
    PROCESSES+=("$influx_pid")
    influx_query 'CREATE DATABASE bench' >/dev/null ||
        fail "InfluxDB did not start: $(tail -5 "$WORK/influx.log")"
}

influx_query() {
    curl -fsS -G "http://127.0.0.1:$influx_port/query" --data-urlencode db=bench \
        --data-urlencode "q=$1" -X "${2:-POST}"
}

# The path of a query for the load program
influx_path() {
    printf '/query?db=bench&q=%s' "$(printf '%s' "$1" |
        perl -pe 's/([^A-Za-z0-9_.-])/sprintf "%%%02X", ord $1/ge')"
}

# influx_load CONNECTIONS SECONDS REQUESTS WHAT...
influx_load() {
    load_at "$influx_port" "$@"
}

# influx_stored FROM TO: points of these times, seconds since 1970
influx_stored() {
    influx_query "SELECT count(value) FROM Bench WHERE time >= ${1}s AND time < ${2}s" GET |
        sed -n 's/.*"values":\[\["[^"]*",\([0-9]*\)\]\].*/\1/p'
}
