#!/bin/bash
# Plays Fig. 2 and 3 of "Two-Way Communications Through Firewalls Using QLM
# Messaging".  First a fridge that nobody can call is played with curl: it
# posts its temperature, and what the plant outside wants of it rides back in
# the responses.  Then a second database takes the fridge's place.
#
# usage: demo/run.sh [--proxy] [--keep] [--port PORT]
#
# --proxy  plays it in a company that lets nothing out but through squid with a
#          password, and with HAProxy before the plant, which ends what is silent
#          for 30 s
# --keep   leaves the nodes running and says how to look at them and stop them
# --port   of HTTP; a free one if not given
#
# Where the user may make network namespaces (root), a real firewall with NAT
# stands between the two; elsewhere the fridge listens nowhere.  Installs what
# is missing, builds, and works in a temporary folder.

set -euo pipefail
# shellcheck source=test/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../test/lib.sh"
# shellcheck source=demo/network.sh
. "$(dirname "${BASH_SOURCE[0]}")/network.sh"
# shellcheck source=demo/proxies.sh
. "$(dirname "${BASH_SOURCE[0]}")/proxies.sh"

# Requests whose latency is measured at the end
ROUNDS=20
# Seconds of silence before: longer than HAProxy waits
SILENCE=35

keep=no
proxies=no
port=
while [ $# -gt 0 ]; do
    case $1 in
        --keep) keep=yes ;;
        --proxy) proxies=yes ;;
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

# The fridge that curl plays
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

# sql NODE STATEMENT: as a user would see it in psql
sql() {
    printf '%s%s=#%s %s\n' "$dim" "$1" "$plain" "${2//$'\n'/$'\n'$1-# }"
    run_psql "$1" -d postgres -P border=1 -P footer=off -c "$2"
}

sql_value() {
    run_psql "$1" -d postgres -Atq -c "$2"
}

# table NODE STATEMENT: its rows, without the statement.  PostgreSQL warns of
# the namespaces of messages, which are no URIs.
table() {
    PGOPTIONS="-c client_min_messages=error" run_psql "$1" -d postgres -P border=1 -P footer=off -P "null=" -c "$2"
}

# wait_until NODE CONDITION WHAT
wait_until() {
    local i
    for ((i = 0; i < 300; i++)); do
        [ "$(sql_value "$1" "SELECT $2")" = t ] && return
        sleep 0.1
    done
    fail "$3 did not happen in 30 seconds"
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
    show "$blue" "$1  fridge -> plant: POST $url" <<<"$2"
    response=$("${at_fridge[@]}" curl -fsS --max-time 10 \
        -H 'Content-Type: text/xml' --data-binary "$2" "$url") ||
        fail "the plant does not answer"
    show "$green" "     plant -> fridge: response" <<<"$response"
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
outbox="SELECT message_id, kind, state, attempts, return_code, last_error FROM qlm.outbox"

# Fig. 3, message by message
play_with_curl() {
    local read_id waiting step=4 carried carrying i

    heading "I. The fridge is curl, the plant is a database"
    sql plant "SELECT qlm_add_peer('fridge', role => 'qlm_writer', paths => '{SmartFridge411}');
SELECT qlm_request('fridge', qlm_read_envelope('SmartFridge411/temperature'));
SELECT qlm_request('fridge', qlm_write_envelope('SmartFridge411/setpoint', '4.0'));"
    expect "the number of queued requests" \
        "$(sql_value plant "SELECT count(*) FROM qlm.outbox WHERE state = 'queued'")" 2
    read_id=$(sql_value plant "SELECT message_id FROM qlm.outbox ORDER BY seq LIMIT 1")
    run_psql plant -d postgres -Atq -c "SELECT qlm_await($read_id, '30 s')" \
        >"$WORK/awaited" 2>&1 &
    waiting=$!

    heading "(1) The fridge posts its temperature; (2+3) the response carries a request"
    fridge_posts "(1)" "$(envelope "<write msgformat=\"QLMdf.xsd\">$(objects temperature 4.5)</write>")"
    expect "the nested request" \
        "$(xpath "local-name(($result/$nested/*)[1])") $(xpath "normalize-space(($result/$nested)[1]//*[local-name()='id'])")/$(xpath "string(($result/$nested)[1]//*[local-name()='InfoItem']/@name)")" \
        "read SmartFridge411/temperature"
    expect "its requestId" "$(xpath "string((${result}[$nested])[1]/*[local-name()='requestId'])")" "$read_id"

    # The dialog goes on until a response carries nothing.
    while [ "$(xpath "count($result/$nested)")" != 0 ]; do
        [ "$step" -lt 20 ] || fail "the dialog does not end"
        carried=$(xpath "count($result/$nested)")
        carrying=$response
        for ((i = 1; i <= carried; i++)); do
            response=$carrying
            answer_to "(${result}[$nested])[$i]"
            heading "($step) The fridge answers the $verb of $item"
            fridge_posts "($step)" "$answer"
            step=$((step + 1))
        done
    done

    heading "The response carries nothing more: the dialog ends."
    wait "$waiting" || fail "qlm_await failed: $(cat "$WORK/awaited")"
    grep -q ">$temperature</" "$WORK/awaited" || fail "the answer lacks the temperature"
    sql plant "$outbox ORDER BY seq;"
    expect "the number of answered requests" \
        "$(sql_value plant "SELECT count(*) FROM qlm.outbox WHERE state = 'answered' AND return_code = 200")" 2
    sql plant "SELECT path, ts, value FROM qlm.history WHERE path LIKE 'SmartFridge411/%' ORDER BY ts;"
    expect "the history of the temperature" \
        "$(sql_value plant "SELECT string_agg(value, ' ' ORDER BY ts) FROM qlm.history WHERE path = 'SmartFridge411/temperature'")" \
        "4.5 $temperature"
    expect "the setpoint in the fridge" "$setpoint" 4.0
}

# request ENVELOPE: of the fridge
request() {
    sql plant "SELECT qlm_request('fridge', $1);"
}

# Fig. 2a
play_stopped() {
    heading "II. Two databases: @1 the fridge, @2 the plant"
    say "$network_picture"
    say
    sql fridge "SELECT qlm_write('SmartFridge411/temperature', '4.4');
SELECT qlm_write('SmartFridge411/setpoint', '5.0');"

    heading "(a) @2 tries to reach @1 and is stopped"
    sql plant "UPDATE qlm.peer SET url = '$fridge_url' WHERE name = 'fridge';"
    request "qlm_read_envelope('SmartFridge411/temperature')"
    wait_until plant "EXISTS (SELECT FROM qlm.stat_delivery WHERE failures > 0)" \
        "The failure of the call"
    sql plant "$outbox WHERE state <> 'answered';"
    sql plant "SELECT url, state, queued, attempts, failures, last_error FROM qlm.stat_delivery;"
    expect "what has come through" "$(sql_value plant "SELECT sum(delivered) FROM qlm.stat_delivery")" 0
    firewall_report
}

# show_journal CONDITION COLOUR WHO: the first such message since @1 began to call
show_journal() {
    sql_value plant "SELECT envelope FROM qlm.journal WHERE $1 AND journal_no > $before
        ORDER BY journal_no LIMIT 1" | show "$2" "$3"
}

# Fig. 2b
play_through() {
    heading "(b) @1 calls in, @2 piggy-backs, @1 executes and answers"
    say "What waits at @2, which no longer tries to call:"
    say
    sql plant "UPDATE qlm.peer SET url = NULL WHERE name = 'fridge';"
    request "qlm_write_envelope('SmartFridge411/setpoint', '3.5')"
    request "qlm_read_envelope('SmartFridge411/setpoint')"
    before=$(sql_value plant "SELECT coalesce(max(journal_no), 0) FROM qlm.journal")
    say "All that @1 has to know:"
    say
    [ "$proxies" = no ] || proxy_of warm
    sql fridge "SELECT qlm_add_peer('plant', url => '$url', role => 'qlm_writer', heartbeat => '10 s');"
    [ "$proxies" = no ] || play_refused
    wait_until plant "NOT EXISTS (SELECT FROM qlm.outbox WHERE state IN ('queued', 'sent'))" \
        "The end of the dialog"
    expect "the number of answers" \
        "$(sql_value plant "SELECT count(*) FROM qlm.outbox WHERE state = 'answered' AND return_code = 200")" 5
    expect "the setpoint in the fridge" \
        "$(sql_value fridge "SELECT value FROM qlm.current WHERE path = 'SmartFridge411/setpoint'")" 3.5

    say "The first round:"
    say
    show_journal "direction = 'in'" "$blue" "@1 -> @2: a call that only asks whether there is something"
    show_journal "direction = 'out'" "$green" "@1 <- @2: the response carries a request"
    show_journal "direction = 'in' AND verb = 'response'" "$blue" "@1 -> @2: the answer"
    say
    say "All rounds, from the journal of @2 (qlm.journal), without empty calls and answers:"
    say
    make_journal_query
    table plant "$journal"
    say "The queues on both sides:"
    say
    sql plant "$outbox ORDER BY seq DESC LIMIT 3;"
    sql fridge "$outbox ORDER BY seq DESC LIMIT 3;"
}

# text_of XPATH: its text in the envelope of a row of the journal, in SQL
text_of() {
    echo "nullif((xpath('string($1)', envelope::xml))[1]::text, '')"
}

make_journal_query() {
    local inner='(//*[local-name()="qlmEnvelope" or local-name()="omiEnvelope"])[2]'
    journal="SELECT to_char(at, 'HH24:MI:SS.MS') AS at,
        CASE direction WHEN 'in' THEN '@1 -> @2' ELSE '@1 <- @2' END AS way,
        $(text_of 'local-name(/*/*)') AS message,
        $(text_of '(//*[local-name()="requestId" or local-name()="requestID"])[1]') AS \"requestId\",
        concat_ws(' ', $(text_of "local-name($inner/*)"),
            $(text_of "$inner//*[local-name()=\"InfoItem\"]/@name"),
            $(text_of "$inner//*[local-name()=\"value\"]")) AS \"piggy-backed\",
        CASE direction WHEN 'in' THEN concat_ws(' ',
            $(text_of '//*[local-name()="return"]/@returnCode'),
            $(text_of '//*[local-name()="value"]')) END AS answer
        FROM qlm.journal
        WHERE journal_no > $before AND envelope ~* '<requestId>'
        ORDER BY journal_no"
}

# The fridge's way out: not without the proxy, not without its password
play_shut() {
    local said
    heading "The way out: squid, with a password"
    say "$network_picture"
    say
    if [ -n "$edge_namespace" ]; then
        say "Straight to the plant:"
        if said=$("${at_fridge[@]}" curl -sS --noproxy '*' --max-time 10 "$base/health" 2>&1); then
            fail "the fridge reaches the plant without the proxy"
        fi
        say "  $said"
    fi
    say "Through squid, without the password:"
    said=$("${at_fridge[@]}" curl -s -o /dev/null -w '%{http_code}' -x "http://$squid_address" "$base/health")
    say "  HTTP status $said"
    expect "the status without a password" "$said" 407
    say "With it:"
    said=$("${at_fridge[@]}" curl -s "$base/health")
    say "  $said"
    grep -q '"status":"ok"' <<<"$said" || fail "the plant does not answer through squid"
}

# proxy_of SECRET: the node that is the fridge calls through squid
proxy_of() {
    sql fridge "ALTER SYSTEM SET qlm.proxy = 'http://fridge:$1@$squid_address';"
    sql fridge "SELECT pg_reload_conf();"
    wait_until fridge "current_setting('qlm.proxy') LIKE '%:$1@%'" "The reload"
}

# A wrong password is named as such, and costs nothing that waits.
play_refused() {
    say "That was with the password of last year.  It is named as such:"
    say
    wait_until fridge "EXISTS (SELECT FROM qlm.stat_peer WHERE name = 'plant' AND last_error LIKE '%407%')" \
        "The refusal by squid"
    sql fridge "SELECT name, last_success, last_error FROM qlm.stat_peer;"
    say "With the right one:"
    say
    proxy_of "$SECRET"
}

# HAProxy ends what is silent for longer than it waits.  The fridge asks to be held for less.
play_silence() {
    heading "$SILENCE seconds of silence"
    say "@1 asks @2 to hold its calls for 25 s, since HAProxy and its kind wait for 30:"
    say
    before=$(sql_value plant "SELECT max(seq) FROM qlm.outbox")
    sleep "$SILENCE"
    run_psql plant -d postgres -Atq >"$WORK/answers" <<'ASK'
SELECT qlm_request('fridge', qlm_read_envelope('SmartFridge411/temperature')) AS id \gset
SELECT qlm_await(:id, '30 s');
ASK
    expect "the number of answers" "$(grep -c 'returnCode="200"' "$WORK/answers")" 1
    say "The answer to the first request then took"
    say "  $(sql_value plant "SELECT round(1000 * extract(epoch FROM answered_at - created_at), 1) FROM qlm.outbox
        WHERE seq > $before AND state = 'answered'") ms"
    proxies_report
    say
    sql fridge "SELECT name, hold, hold_cut_at, called_through, called_address, called_status FROM qlm.stat_peer;"
}

play_latency() {
    local i
    heading "How long it takes: $ROUNDS times qlm_request and qlm_await, one after the other"
    before=$(sql_value plant "SELECT max(seq) FROM qlm.outbox")
    for ((i = 0; i < ROUNDS; i++)); do
        echo "SELECT qlm_request('fridge', qlm_read_envelope('SmartFridge411/temperature')) AS id \\gset"
        echo "SELECT qlm_await(:id, '10 s');"
    done >"$WORK/rounds.sql"
    run_psql plant -d postgres -Atq -f "$WORK/rounds.sql" >"$WORK/answers"
    expect "the number of answers" "$(grep -c 'returnCode="200"' "$WORK/answers")" "$ROUNDS"
    table plant "SELECT count(*) AS answers, round(min(ms), 1) AS \"fastest ms\",
            round(percentile_cont(0.5) WITHIN GROUP (ORDER BY ms)::numeric, 1) AS \"median ms\",
            round(max(ms), 1) AS \"slowest ms\"
        FROM (SELECT 1000 * extract(epoch FROM answered_at - created_at) AS ms
            FROM qlm.outbox WHERE seq > $before AND state = 'answered') AS a"
    sql plant "SELECT name, queued, sent, answered, mean_answer_time, last_error FROM qlm.stat_peer;"
    sql fridge "SELECT url, state, queued, attempts, failures, delivered FROM qlm.stat_delivery;"
}

write_stop() {
    local node process namespace
    {
        echo '#!/bin/bash'
        echo "# Stops the demo's nodes and removes its files."
        echo 'set -e'
        for node in plant fridge; do
            echo "pid=\$(head -1 '$WORK/$node/data/postmaster.pid')"
            echo "kill -INT \$pid"
            echo "while kill -0 \$pid 2>/dev/null; do sleep 0.1; done"
        done
        for process in ${PROCESSES[@]+"${PROCESSES[@]}"}; do
            echo "kill $process || true"
        done
        for namespace in ${NAMESPACES[@]+"${NAMESPACES[@]}"}; do
            echo "ip netns del '$namespace'"
        done
        echo "rm -rf '$WORK'"
    } >"$WORK/stop"
    chmod +x "$WORK/stop"
}

say "Building (the first time installs what is missing)"
purposes=(curl xmllint)
[ "$(id -u)" != 0 ] || purposes+=(network)
[ "$proxies" = no ] || purposes+=(proxies)
need_packages "${purposes[@]}"
build_extension
make_workplace
install_privately
make_network

plant_listens=$plant_address
node_port=$plant_port
if [ "$proxies" = yes ]; then
    plant_listens=127.0.0.1
    node_port=$(free_port)
    [ -n "$plant_namespace" ] || plant_address=127.0.0.1
    at_fridge+=(env "http_proxy=http://fridge:$SECRET@$squid_address" no_proxy=)
fi
NAMESPACE=$plant_namespace
start_cluster plant "shared_preload_libraries = 'qlm'" \
    "qlm.listen_addresses = '$plant_listens'" "qlm.port = $node_port" \
    "qlm.log_messages = all" "qlm.piggyback_max = 1" "qlm.request_timeout = 3s"
NAMESPACE=$fridge_namespace
start_cluster fridge "shared_preload_libraries = 'qlm'" \
    "qlm.listen_addresses = '$fridge_listens'" "qlm.port = $fridge_port" \
    "qlm.no_proxy = ''" "qlm.retry_delay = 1s"
NAMESPACE=
base=http://$plant_address:$plant_port
url=$base/peer/fridge
fridge_url=http://$fridge_address:$fridge_port/
run_psql plant -q -d postgres -c 'CREATE EXTENSION qlm'
run_psql fridge -q -d postgres -c 'CREATE EXTENSION qlm'
if [ "$proxies" = yes ]; then
    start_haproxy "$plant_address" "$plant_port" "127.0.0.1:$node_port"
    start_squid
fi
wait_for_health "$base" "${at_fridge[@]}"
if [ -n "$fridge_listens" ]; then
    wait_for_health "http://127.0.0.1:$fridge_port" "${at_fridge[@]}" env no_proxy='*'
fi

[ "$proxies" = no ] || play_shut
play_with_curl
play_stopped
play_through
[ "$proxies" = no ] || play_silence
play_latency

psql=$BIN/psql
if have psql; then
    psql=psql
fi
if [ "$keep" = yes ]; then
    KEEP=yes
    write_stop
    heading "The nodes stay up"
    say "  look at the plant    $psql -h $WORK/plant -U postgres"
    say "  look at the fridge   $psql -h $WORK/fridge -U postgres"
    say "  stop both            $WORK/stop"
else
    heading "Everything is stopped and removed; to look around in psql:"
    say "  demo/run.sh --keep"
fi
