#!/usr/bin/env bash
# Lets others judge the Inbox API: a client that was written for Kirim in TypeScript, with nothing changed but the host,
# and verifiers in two languages of the deliveries that it got, on SQLite and on PostgreSQL; and schemathesis, with what
# the OpenAPI document allows and forbids.
#
#   tests/judges/inbox.sh BINARY     the lockstep binary
#
# LOCKSTEP_CACHE      where the packages are installed and the logs are kept (default: target/judges)
# LOCKSTEP_TEST_PG    URL of a PostgreSQL database, where a schema is made; without it that part is skipped
# LOCKSTEP_EXAMPLES   requests that schemathesis makes up for each route (default: 25)
#
# Prints one line per judge and exits with 1 if any failed.
set -uo pipefail

here=$(cd "$(dirname "$0")" && pwd)
cache=${LOCKSTEP_CACHE:-$here/../../target}/judges
binary=$(realpath "${1:?give the lockstep binary}")
mkdir -p "$cache"
cache=$(cd "$cache" && pwd)
failed=0

verdict() { # NAME COMMAND...
    local name=$1 log=$cache/$1.log
    shift
    if "$@" >"$log" 2>&1; then
        echo "judge $name: passed"
    else
        echo "judge $name: failed"
        tail -60 "$log" >&2
        failed=1
        return 1
    fi
}

skipped() { # REASON NAME...
    local reason=$1 name
    shift
    for name in "$@"; do echo "judge $name: skipped ($reason)"; done
}

node_ready() {
    command -v npm >/dev/null && [ "$(node -p 'parseInt(process.versions.node)')" -ge 20 ] || return 1
    mkdir -p "$cache/kirim"
    if ! cmp -s "$here/kirim/package-lock.json" "$cache/kirim/package-lock.json" || [ ! -d "$cache/kirim/node_modules" ]; then
        cp "$here"/kirim/package*.json "$cache/kirim/"
        (cd "$cache/kirim" && timeout 600 npm ci --no-audit --no-fund) >"$cache/npm.log" 2>&1 ||
            { rm -f "$cache/kirim/package-lock.json"; return 1; }
    fi
    # Modules and types are looked for beside the script that imports them.
    cp "$here"/kirim/*.ts "$here/kirim/tsconfig.json" "$cache/kirim/"
}

python_ready() {
    cmp -s "$here/requirements.txt" "$cache/requirements.txt" && [ -x "$cache/venv/bin/python" ] && return 0
    { python3 -m venv "$cache/venv" && timeout 600 "$cache/venv/bin/pip" install -q -r "$here/requirements.txt"; } >"$cache/pip.log" 2>&1 || return 1
    cp "$here/requirements.txt" "$cache/"
}

for tool in python3 curl; do
    if ! command -v "$tool" >/dev/null; then
        skipped "no $tool" kirim-client-types kirim-client inbox-schemathesis
        exit 0
    fi
done

data=$(mktemp -d)
children=()
stop() {
    for pid in "${children[@]}"; do kill "$pid" 2>/dev/null; done
    wait 2>/dev/null
    children=()
}
trap 'stop; rm -rf "$data"' EXIT

member() { python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }
first_id() { python3 -c 'import json, sys; print(json.load(sys.stdin)["data"][0]["id"])'; }
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
answers() { # URL: waits up to 20 seconds until something answers there
    for _ in $(seq 200); do
        curl -s -o /dev/null --max-time 1 "$1" && return 0
        sleep 0.1
    done
    return 1
}

# A Lockstep with a WhatsApp number whose other end is the Meta sandbox, and one person who looks after conversations.
account=106540352242922
start() { # FOLDER
    local made channel url token
    LOCKSTEP_LISTEN=127.0.0.1:$(free_port)
    export LOCKSTEP_LISTEN
    api=http://$LOCKSTEP_LISTEN
    meta=http://127.0.0.1:$(free_port)
    "$binary" sandbox meta --listen "${meta#http://}" --phone-number-id "$account" &
    children+=($!)
    made=$("$binary" init --data "$1" --phone-number-id "$account" --json) || return 1
    key=$(member api_key <<<"$made")
    user=$("$binary" users add Citra --data "$1" --json | member id) || return 1
    answers "$meta/__calls" || return 1
    channel=$("$binary" channel connect whatsapp --data "$1" --account "$account" --token any \
        --business-account 102290129340398 --app-secret sandbox-app-secret --base-url "$meta" --allow-local-targets --json) || return 1
    "$binary" serve --data "$1" --allow-local-targets &
    children+=($!)
    answers "$api/v1/health" || return 1
    url=$(member webhook_url <<<"$channel") && token=$(member verify_token <<<"$channel") || return 1
    curl -sf -X POST "$meta/__subscribe" -d "{\"url\": \"$url\", \"verify_token\": \"$token\"}"
}

client_judges() { # ENGINE
    if ! start "$data/$1" >"$cache/inbox-$1.server.log" 2>&1; then
        echo "judge kirim-client-$1: failed (there is no server to judge)"
        tail -40 "$cache/inbox-$1.server.log" >&2
        failed=1
        return
    fi
    [ -n "$with_node" ] || return
    local kept=$data/$1/deliveries.json
    KIRIM_HOST=$api KIRIM_KEY=$key \
        verdict "kirim-client-$1" timeout 240 node "$cache/kirim/built/judge.js" "$meta" "$user" "$kept"
    if [ -s "$kept" ]; then
        verdict "kirim-signatures-node-$1" timeout 60 node "$cache/kirim/built/deliveries.js" "$kept"
        verdict "kirim-signatures-python-$1" timeout 60 python3 "$here/kirim/deliveries.py" "$kept"
    else
        skipped "the client kept no deliveries" "kirim-signatures-node-$1" "kirim-signatures-python-$1"
    fi
}

with_node=
if node_ready; then
    verdict kirim-client-types "$cache/kirim/node_modules/.bin/tsc" -p "$cache/kirim" && with_node=yes
else
    skipped "node 20, npm or its packages are missing" kirim-client-types kirim-client-sqlite kirim-client-postgresql
fi

schema=lockstep_judged
if [ -z "$with_node" ]; then
    : # Said above.
elif [ -z "${LOCKSTEP_TEST_PG:-}" ]; then
    skipped "LOCKSTEP_TEST_PG names no server" kirim-client-postgresql
elif ! psql -qd "$LOCKSTEP_TEST_PG" -c "DROP SCHEMA IF EXISTS $schema CASCADE" -c "CREATE SCHEMA $schema" >"$cache/psql.log" 2>&1; then
    skipped "no psql makes a schema there, see $cache/psql.log" kirim-client-postgresql
else
    [[ $LOCKSTEP_TEST_PG == *\?* ]] && joint='&' || joint='?'
    export LOCKSTEP_DATABASE=$LOCKSTEP_TEST_PG${joint}options=-csearch_path%3D$schema
    client_judges postgresql
    unset LOCKSTEP_DATABASE
    stop
fi
client_judges sqlite

# Of each kind one thing to find and, where it can be deleted, one to delete: without them schemathesis would see little
# but 404.
call() { curl -s -X "$1" "$api$2" -H "Authorization: Bearer $key" -H 'Content-Type: application/json' ${3:+-d "$3"}; }
made() { call POST "$@" | python3 -c 'import json, sys; print(json.load(sys.stdin)["data"]["id"])'; }
things() {
    curl -sf -X POST "$meta/__say" -d '{"from": "6281377770001", "name": "Dewi", "text": "Halo"}' || return 1
    for _ in $(seq 100); do
        contact=$(call GET '/v1/contacts?phone=%2B6281377770001' | first_id) && break
        sleep 0.1
    done
    local hook='{"url": "https://hook.invalid/", "events": ["message.sent"]}'
    conversation=$(call GET "/v1/conversations?contact_id=$contact" | first_id) &&
        message=$(call GET "/v1/messages?conversation_id=$conversation" | first_id) &&
        team=$(call GET /v1/teams | first_id) &&
        other_key=$(made /v1/keys '{"label": "Judged"}') &&
        label=$(made /v1/labels '{"name": "Judged"}') &&
        subscription=$(made /v1/webhook_subscriptions "$hook") &&
        made /v1/webhook_subscriptions/$subscription/ping &&
        delivery=$(call GET "/v1/webhook_deliveries?subscription_id=$subscription" | first_id) &&
        spare_contact=$(made /v1/contacts '{"phone_number": "+6281377770002"}') &&
        spare_label=$(made /v1/labels '{"name": "Deleted"}') &&
        spare_team=$(made /v1/teams '{"name": "Deleted"}') &&
        spare_user=$(made /v1/users '{"name": "Deleted"}') &&
        spare_key=$(made /v1/keys '{"label": "Deleted"}') &&
        spare_subscription=$(made /v1/webhook_subscriptions "$hook")
}

settings() {
    cat <<TOML
hooks = "$here/ndjson.py"
headers = { Authorization = "Bearer $key" }
parameters = { "path.phone_number_id" = "$account", "path.label_id" = "$label" }
# Valid by its schema, and still refused: a cursor of another list, a number that is taken, a URL of no host.
[checks]
positive_data_acceptance.enabled = false
# Batches and imports answer each row by itself.
[[operations]]
include-path-regex = "/contacts/(batch|import)$"
checks.negative_data_rejection.enabled = false
TOML
    while read -r noun id spare; do
        [ -z "$spare" ] || of_id "^DELETE .*/$noun/\{id\}\$" "$spare"
        of_id "^((GET|POST|PATCH) .*/$noun/\{id\}|DELETE .*/$noun/\{id\}/)" "$id"
    done <<END
contacts $contact $spare_contact
conversations $conversation
messages $message
labels $label $spare_label
teams $team $spare_team
users $user $spare_user
keys $other_key $spare_key
webhook_deliveries $delivery
webhook_subscriptions $subscription $spare_subscription
END
}
of_id() { # ROUTES ID
    printf '[[operations]]\ninclude-name-regex = "%s"\nparameters = { "path.id" = "%s" }\n' "${1//\\/\\\\}" "$2"
}

if ! python_ready; then
    skipped "schemathesis cannot be installed, see $cache/pip.log" inbox-schemathesis
elif ! things >>"$cache/inbox-sqlite.server.log" 2>&1; then
    echo "judge inbox-schemathesis: failed (the things to find cannot be made)"
    failed=1
else
    settings >"$data/schemathesis.toml"
    # It leaves files where it runs.
    cd "$data" || exit 1
    verdict inbox-schemathesis timeout 300 "$cache/venv/bin/schemathesis" --config-file schemathesis.toml \
        run "$api/v1/openapi.json" --max-examples "${LOCKSTEP_EXAMPLES:-25}" --seed 1 --workers 1
fi
exit $failed
