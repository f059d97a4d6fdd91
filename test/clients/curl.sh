#!/bin/bash
# curl as a client of a node; see 253_clients.t for what the lines mean.
#
# usage: curl.sh URL PEER
# shellcheck disable=SC2154     # the messages are in the environment

url=$1 peer=$2 tries=${tries:-5}

line() {
    printf 'curl\t%s\t%s\n' "$1" "$2"
}

ask() {
    curl -sS --max-time 60 "$@" 2>&1
}

line write "$(ask -d "$write_message" "$url/" -w ' %{http_code}' | grep -o 'returnCode="200".* 200$' | sed 's/.* //')"
line read "$(ask --data-binary "$read_message" "$url/" | grep -o '>42<')"
line get "$(ask "$url/Objects/Clients/x/value")"
for status in 413 415 406; do
    case $status in
        413) header='X-Any: y' body=$too_large ;;
        415) header='Content-Encoding: br' body=$large ;;
        406) header='Accept-Encoding: identity;q=0, *;q=0' body=$large ;;
    esac
    got=
    for ((i = 0; i < tries; i++)); do
        got+=" $(ask -o /dev/null -w '%{http_code}' -H Expect: -H "$header" --data-binary "@$body" "$url/")"
    done
    line "$status" "${got# }"
done
read -r status sent <<<"$(ask -o /dev/null -w '%{http_code} %{size_upload}' -H 'Expect: 100-continue' --expect100-timeout 30 --data-binary "@$too_large" "$url/")"
line expect "$status $([ "$sent" = 0 ] && echo unsent || echo sent)"
line again "$(ask -o /dev/null -w '%{http_code}' --data-binary "$read_message" "$url/")"
again=()
for ((i = 0; i < 4; i++)); do
    again+=(--next -sS --data-binary "$read_message" -o /dev/null -w '%{num_connects} ' "$url/")
done
line reuse "$(ask --data-binary "$read_message" -o /dev/null -w '%{num_connects} ' "$url/" "${again[@]}" | tr -d ' ')"
line held "$(ask -i -H 'Prefer: wait=20' --data-binary "$read_message" "$url/peer/${peer}_curl" | tr -d '\r\n' |
    sed -n 's/^.* \(200\) .*[Pp]reference-[Aa]pplied: \(wait=[0-9]*\).*\(Fridge7\).*/\1 \2 \3/p')"
