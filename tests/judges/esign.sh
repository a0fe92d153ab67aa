#!/usr/bin/env bash
# Lets an app judge the CRM API: the example in examples/esign with one user at its page, played by a script, and every
# command of docs/quickstart-app.md as it is written there.
#
#   tests/judges/esign.sh BINARY     the lockstep binary
#
# Prints one line per judge and exits with 1 if any failed.
set -uo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$here/../..
binary=$(realpath "${1:?give the lockstep binary}")
data=$(mktemp -d)
failed=0

for tool in node curl jq python3; do
    if ! command -v "$tool" >/dev/null; then
        for judge in esign-example esign-quickstart; do echo "judge $judge: skipped (no $tool)"; done
        exit 0
    fi
done

verdict() { # NAME COMMAND...
    local name=$1
    shift
    if timeout 120 "$@" >"$data/$name.log" 2>&1; then
        echo "judge $name: passed"
    else
        echo "judge $name: failed"
        tail -60 "$data/$name.log" >&2
        failed=1
    fi
}

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
APP_PORT=$(free_port) SERVER_PORT=$(free_port) SANDBOX_PORT=$(free_port)
export APP_PORT SERVER_PORT SANDBOX_PORT

example=
stop() { [ -z "$example" ] || { kill "$example"; wait "$example"; } 2>/dev/null; example=; }
trap 'stop; rm -rf "$data"' EXIT

"$root/examples/esign/run" "$binary" >"$data/run.log" 2>&1 &
example=$!
verdict esign-example node "$here/esign/user.mjs"
[ "$failed" -eq 0 ] || tail -20 "$data/run.log" >&2
stop

# The page's commands for a shell, one after another in an empty folder; what it starts ends with it.
commands() {
    echo 'set -euo pipefail; trap '\''kill $(jobs -p) 2>/dev/null; wait'\'' EXIT'
    awk '/^```sh$/ { shell = 1; next } /^```$/ { shell = 0 } shell' "$root/docs/quickstart-app.md" |
        sed "s/8480/$SERVER_PORT/g; s/8490/$SANDBOX_PORT/g"
}
mkdir -p "$data/bin" "$data/folder"
ln -s "$binary" "$data/bin/lockstep"
commands >"$data/quickstart.sh"
quickstart() { cd "$data/folder" && PATH=$data/bin:$PATH bash -x "$data/quickstart.sh"; }
export -f quickstart
export data
verdict esign-quickstart bash -c quickstart
exit $failed
