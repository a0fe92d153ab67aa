#!/usr/bin/env bash
# Lets schemathesis attack the Inbox API with what its own OpenAPI document allows and forbids.
#
#   tests/judges/inbox.sh BINARY     the lockstep binary
#
# LOCKSTEP_CACHE   where schemathesis is installed (default: target/judges)
#
# Prints one line and exits with 1 if the judge failed.
set -uo pipefail

here=$(cd "$(dirname "$0")" && pwd)
cache=${LOCKSTEP_CACHE:-$here/../../target}/judges
name=inbox-schemathesis
binary=$(realpath "${1:?give the lockstep binary}")
mkdir -p "$cache"
cache=$(cd "$cache" && pwd)

skipped() { echo "judge $name: skipped ($1)"; exit 0; }

command -v python3 >/dev/null || skipped "no python3"
command -v curl >/dev/null || skipped "no curl"
if ! cmp -s "$here/requirements.txt" "$cache/requirements.txt"; then
    { python3 -m venv "$cache/venv" && timeout 600 "$cache/venv/bin/pip" install -q -r "$here/requirements.txt"; } >"$cache/pip.log" 2>&1 ||
        skipped "schemathesis cannot be installed, see $cache/pip.log"
    cp "$here/requirements.txt" "$cache/"
fi

data=$(mktemp -d)
server=
cleanup() {
    [ -n "$server" ] && kill "$server" 2>/dev/null && wait "$server" 2>/dev/null
    rm -rf "$data"
}
trap cleanup EXIT

member() { python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
url=http://127.0.0.1:$port
made=$("$binary" init --data "$data" --json) || { echo "judge $name: failed (init)"; exit 1; }
key=$(member api_key <<<"$made")
account=$(member phone_number_id <<<"$made")
"$binary" serve --data "$data" --listen "127.0.0.1:$port" >"$cache/$name.server.log" 2>&1 &
server=$!
for _ in $(seq 100); do
    curl -s -o /dev/null --max-time 1 "$url/v1/health" && break
    sleep 0.1
done

# Things to find: without them a run would see little but 404.
call() { curl -s -o /dev/null -X "$1" "$url$2" -H "Authorization: Bearer $key" -H 'Content-Type: application/json' -d "$3"; }
for n in 1 2 3; do call POST /v1/contacts "{\"phone_number\":\"+62811122233$n\",\"name\":\"Ana $n\"}"; done
call POST /v1/webhook_subscriptions '{"url":"https://hook.invalid/","events":["contact.created"]}'

cat >"$data/schemathesis.toml" <<TOML
headers = { Authorization = "Bearer $key" }
parameters = { "path.phone_number_id" = "$account" }
# Valid by its schema, and still refused: a cursor of another list, a number that is taken, a URL of no host.
[checks]
positive_data_acceptance.enabled = false
TOML
# It leaves files where it runs.
if (cd "$data" && "$cache/venv/bin/schemathesis" --config-file schemathesis.toml run "$url/v1/openapi.json" \
    --max-examples "${LOCKSTEP_EXAMPLES:-30}" --seed 1 --workers 1) >"$cache/$name.log" 2>&1; then
    echo "judge $name: passed"
else
    echo "judge $name: failed"
    tail -60 "$cache/$name.log" >&2
    exit 1
fi
