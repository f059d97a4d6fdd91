#!/bin/bash
# Plays Fig. 2 and 3 of "Two-Way Communications Through Firewalls Using QLM
# Messaging": a fridge that nobody can call posts its temperature, and what
# this node wants of it rides back in the responses.
#
# usage: demo/run.sh [--keep] [--port PORT]
#
# --keep   leaves the node running and says how to look at it and to stop it
# --port   of HTTP; a free one if not given
#
# Installs what is missing, builds, and works in a temporary folder.

set -euo pipefail
# shellcheck source=test/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../test/lib.sh"

keep=no
port=
while [ $# -gt 0 ]; do
    case $1 in
        --keep) keep=yes ;;
        --port)
            port=${2:-}
            [[ $port =~ ^[0-9]+$ ]] || fail "--port needs a number"
            shift
            ;;
        -h | --help)
            sed -n '2,/^$/s/^# \{0,1\}//p' "$0"
            exit
            ;;
        *) fail "unknown argument $1" ;;
    esac
    shift
done

bold='' blue='' green='' dim='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    bold=$'\e[1m' blue=$'\e[34m' green=$'\e[32m' dim=$'\e[2m' plain=$'\e[0m'
fi

# The fridge, its state and its clock.
temperature=4.6
setpoint=5.0

now() {
    date -u +%Y-%m-%dT%H:%M:%S.%3NZ
}

heading() {
    printf '\n%s%s%s\n\n' "$bold" "$*" "$plain"
}

# show COLOUR WHO: a message from standard input
show() {
    printf '%s%s%s\n' "$dim" "$2" "$plain"
    xmllint --format - 2>/dev/null | sed -e 1d -e "s/^/  $1/" -e "s/\$/$plain/" ||
        fail "that was not XML"
}

# sql STATEMENT: as a user would see it in psql
sql() {
    printf '%spostgres=#%s %s\n' "$dim" "$plain" "${1//$'\n'/$'\n'postgres-# }"
    run_psql demo -d postgres -P border=1 -c "$1"
}

sql_value() {
    run_psql demo -d postgres -Atq -c "$1"
}

# xpath EXPRESSION: of the response in $response, by local names
xpath() {
    xmllint --xpath "$1" - <<<"$response" 2>/dev/null || true
}

# expect WHAT GOT WANTED
expect() {
    [ "$2" = "$3" ] || fail "$1 is '$2' and should be '$3'"
}

# fridge_posts LABEL ENVELOPE: the answer goes into $response
fridge_posts() {
    show "$blue" "$1  fridge -> node: POST $url" <<<"$2"
    response=$(curl -fsS --max-time 10 -H 'Content-Type: text/xml' \
        --data-binary "$2" "$url") || fail "the node does not answer"
    show "$green" "    node -> fridge: response" <<<"$response"
    expect "the return code" "$(xpath "string($result/$return_element/@returnCode)")" 200
}

# What the fridge says of an InfoItem.
item_value() {
    case $1 in
        temperature) echo "$temperature" ;;
        setpoint) echo "$setpoint" ;;
    esac
}

# envelope VERBS: in the dialect of the paper
envelope() {
    echo "<qlmEnvelope xmlns=\"QLMmi.xsd\" version=\"1.0\" ttl=\"0.0\">$1</qlmEnvelope>"
}

# objects ITEM VALUE
objects() {
    echo "<Objects xmlns=\"QLMdf.xsd\"><Object type=\"Refrigerator\"><id>SmartFridge411</id><InfoItem name=\"$1\"><value dateTime=\"$(now)\">$2</value></InfoItem></Object></Objects>"
}

# answer_to CARRIER: what the fridge says to the request nested in the result
# that the XPath names.  It sets $answer, $verb, $item and $request_id.
answer_to() {
    local request="$1/*[local-name()='qlmEnvelope']/*"
    request_id=$(xpath "string($1/*[local-name()='requestId'])")
    verb=$(xpath "local-name($request)")
    item=$(xpath "string($request//*[local-name()='InfoItem']/@name)")
    case $verb in
        read)
            answer="<result msgformat=\"QLMdf.xsd\"><return returnCode=\"200\"/><requestId>$request_id</requestId>$(objects "$item" "$(item_value "$item")")</result>"
            ;;
        write)
            setpoint=$(xpath "string($request//*[local-name()='value'])")
            answer="<result><return returnCode=\"200\"/><requestId>$request_id</requestId></result>"
            ;;
        *) fail "the fridge was asked to '$verb'" ;;
    esac
    answer=$(envelope "<response>$answer</response>")
}

result="//*[local-name()='response']/*[local-name()='result']"
return_element="*[local-name()='return']"
nested="*[local-name()='qlmEnvelope']"

say "Building (the first time installs what is missing)"
need_packages curl xmllint
build_extension
make_workplace
install_privately
start_cluster demo "shared_preload_libraries = 'qlm'" \
    "qlm.port = ${port:=$(free_port)}"
base=http://localhost:$port
url=$base/peer/fridge
run_psql demo -q -d postgres -c 'CREATE EXTENSION qlm'
wait_for_health "$base"

heading "(0) In SQL: a fridge that cannot be called, and two requests that wait for it"
sql "SELECT qlm_add_peer('fridge', role => 'qlm_writer', paths => '{SmartFridge411}');"
sql "SELECT qlm_request('fridge', qlm_read_envelope('SmartFridge411/temperature'), ttl => '1 hour');"
sql "SELECT qlm_request('fridge', qlm_write_envelope('SmartFridge411/setpoint', '4.0'), ttl => '1 hour');"
outbox="SELECT message_id, peer, kind, state, attempts, return_code FROM qlm.outbox ORDER BY seq;"
sql "$outbox"
expect "the number of queued requests" \
    "$(sql_value "SELECT count(*) FROM qlm.outbox WHERE state = 'queued'")" 2

read_id=$(sql_value "SELECT message_id FROM qlm.outbox ORDER BY seq LIMIT 1")
say "A session waits for the answer to the first, up to 30 seconds:"
printf '%spostgres=#%s %s\n' "$dim" "$plain" "SELECT qlm_await($read_id, '30 s');"
run_psql demo -d postgres -Atq -c "SELECT qlm_await($read_id, '30 s')" \
    >"$WORK/awaited" 2>&1 &
waiting=$!

heading "(1) The fridge posts its temperature; (2+3) the response carries a request"
fridge_posts "(1)" "$(envelope "<write msgformat=\"QLMdf.xsd\">$(objects temperature 4.5)</write>")"
expect "the nested request" \
    "$(xpath "local-name(($result/$nested/*)[1])") $(xpath "normalize-space(($result/$nested)[1]//*[local-name()='id'])")/$(xpath "string(($result/$nested)[1]//*[local-name()='InfoItem']/@name)")" \
    "read SmartFridge411/temperature"
expect "its requestId" "$(xpath "string((${result}[$nested])[1]/*[local-name()='requestId'])")" "$read_id"
say
sql "SELECT path, ts, value FROM qlm.current;"
sql "$outbox"

# The dialog goes on until a response carries nothing.
step=4
while [ "$(xpath "count($result/$nested)")" != 0 ]; do
    [ "$step" -lt 20 ] || fail "the dialog does not end"
    carried=$(xpath "count($result/$nested)")
    carrying=$response
    for ((i = 1; i <= carried; i++)); do
        response=$carrying
        answer_to "(${result}[$nested])[$i]"
        heading "($step) The fridge answers the $verb of $item, requestId $request_id"
        fridge_posts "($step)" "$answer"
        say
        sql "$outbox"
        step=$((step + 1))
    done
done
say
say "The response carries nothing more: the dialog ends."

heading "In SQL: what has come of it"
wait "$waiting" || fail "qlm_await failed: $(cat "$WORK/awaited")"
show "" "The session that waited has got its answer" <"$WORK/awaited"
grep -q ">$temperature</" "$WORK/awaited" || fail "the answer lacks the temperature"
say
sql "$outbox"
expect "the number of answered requests" \
    "$(sql_value "SELECT count(*) FROM qlm.outbox WHERE state = 'answered' AND return_code = 200")" 2
sql "SELECT path, ts, value FROM qlm.history WHERE path LIKE 'SmartFridge411/%' ORDER BY ts;"
expect "the history of the temperature" \
    "$(sql_value "SELECT string_agg(value, ' ' ORDER BY ts) FROM qlm.history WHERE path = 'SmartFridge411/temperature'")" \
    "4.5 $temperature"
expect "the setpoint in the fridge" "$setpoint" 4.0

psql=$BIN/psql
if have psql; then
    psql=psql
fi
if [ "$keep" = yes ]; then
    KEEP=yes
    cat >"$WORK/stop" <<STOP
#!/bin/bash
# Stops the demo's node and removes its files.
set -e
pid=\$(head -1 "$WORK/demo/data/postmaster.pid")
kill -INT "\$pid"
while kill -0 "\$pid" 2>/dev/null; do sleep 0.1; done
rm -rf "$WORK"
STOP
    chmod +x "$WORK/stop"
    heading "The node stays up"
    say "  look at it   $psql -h $WORK/demo -U postgres"
    say "  post to it   curl --data-binary @message.xml $url"
    say "  stop it      $WORK/stop"
else
    heading "Everything is stopped and removed; to look around in psql:"
    say "  demo/run.sh --keep"
    say "  $psql -h FOLDER -U postgres      with the folder that it prints"
    say "  postgres=# SELECT * FROM qlm.history WHERE path LIKE 'SmartFridge411/%' ORDER BY ts;"
fi
