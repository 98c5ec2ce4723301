#!/usr/bin/env bash
# Follow a user's notifications with curl: ./follow_curl.sh http://127.0.0.1:8000 user1 demo
#                    NOTIFICATIONS_TOKEN=ntf_… ./follow_curl.sh http://127.0.0.1:8000
#
# Writes a line for each frame: its event, the position after it and its data. Ends when the session does, or the token.
set -euo pipefail

url=$1 username=${2-} password=${3-}
secrets=$(mktemp) # not on curl's command line, which everybody on the machine can read
trap 'rm -f "$secrets"' EXIT

if [[ $username ]]; then
    curl -sS -o /dev/null -c "$secrets" "$url/accounts/login/"
    token=$(awk '$6 == "csrftoken" { print $7 }' "$secrets")
    curl -sS -o /dev/null -b "$secrets" -c "$secrets" -H "Referer: $url/accounts/login/" \
        --data-urlencode "csrfmiddlewaretoken=$token" \
        --data-urlencode "username=$username" --data-urlencode "password=$password" "$url/accounts/login/"
    who=(-b "$secrets")
else
    printf 'Authorization: Bearer %s\n' "$NOTIFICATIONS_TOKEN" >"$secrets"
    who=(-H "@$secrets")
fi

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
            'HTTP 401' | 'HTTP 403') exit ;;
        esac
    done < <(curl -sS -N "${who[@]}" ${position:+-H "Last-Event-ID: $position"} --speed-limit 1 --speed-time 45 \
        -w '\nHTTP %{http_code}\n' "$url/notifications/stream/" 2>/dev/null)
    sleep "$(printf '%d.%03d' $((retry_ms / 1000)) $((retry_ms % 1000)))"
done
