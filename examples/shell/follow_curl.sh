#!/usr/bin/env bash
# Follow a user's notifications with curl: ./follow_curl.sh http://127.0.0.1:8000 user1 demo
#
# Writes a line for each frame: its event, the position after it and its data. Ends when the session does.
set -euo pipefail

url=$1 username=$2 password=$3
cookies=$(mktemp)
trap 'rm -f "$cookies"' EXIT

curl -sS -o /dev/null -c "$cookies" "$url/accounts/login/"
token=$(awk '$6 == "csrftoken" { print $7 }' "$cookies")
curl -sS -o /dev/null -b "$cookies" -c "$cookies" -H "Referer: $url/accounts/login/" \
    --data-urlencode "csrfmiddlewaretoken=$token" \
    --data-urlencode "username=$username" --data-urlencode "password=$password" "$url/accounts/login/"

position='' retry_ms=3000
while true; do
    # --speed-limit and --speed-time: after 45 s without a byte the line is dead
    while IFS= read -r line; do
        case $line in
            retry:*) retry_ms=${line#retry: } ;;
            event:*) event=${line#event: } ;;
            id:*) position=${line#id: } ;;
            data:*)
                printf '%s %s %s\n' "$event" "$position" "${line#data: }"
                if [[ $event == bye && $line == *'"auth"'* ]]; then exit; fi
                ;;
            'HTTP 403') exit ;;
        esac
    done < <(curl -sS -N -b "$cookies" ${position:+-H "Last-Event-ID: $position"} --speed-limit 1 --speed-time 45 \
        -w '\nHTTP %{http_code}\n' "$url/notifications/stream/" 2>/dev/null)
    sleep "$(printf '%d.%03d' $((retry_ms / 1000)) $((retry_ms % 1000)))"
done
