# What the judges of the CRM sandboxes have in common. A vendor's `run BINARY` sources it with its own arguments, starts
# the sandbox and lets clients and contracts that others wrote judge it.
#
# LOCKSTEP_SPECS   folder of the vendors' machine-readable contracts; without it the judges that read them are skipped
# LOCKSTEP_CACHE   where the clients are installed (default: target/judges)
#
# Prints one line per judge; `run` exits with 1 if any failed.
set -uo pipefail

here=$(cd "$(dirname "$0")" && pwd)
vendor=$(basename "$here")
cache=${LOCKSTEP_CACHE:-$here/../../../target}/judges
specs=${LOCKSTEP_SPECS:-}
binary=$(realpath "${1:?give the lockstep binary}")
mkdir -p "$cache"
cache=$(cd "$cache" && pwd)
failed=0

verdict() { # NAME COMMAND...
    local name=$1 log=$cache/${1//[@\/ ]/-}.log
    shift
    if "$@" >"$log" 2>&1; then
        echo "judge $name: passed"
    else
        echo "judge $name: failed"
        tail -40 "$log" >&2
        failed=1
    fi
}

skipped() { echo "judge $1: skipped ($2)"; }

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

answers() { # URL: waits up to a minute until something answers there
    for _ in $(seq 600); do
        curl -sk -o /dev/null --max-time 1 "$1" && return 0
        sleep 0.1
    done
    return 1
}

node_ready() {
    command -v node >/dev/null && command -v npm >/dev/null || return 1
    cmp -s "$here/../package-lock.json" "$cache/package-lock.json" && [ -d "$cache/node_modules" ] && return 0
    cp "$here/../package.json" "$here/../package-lock.json" "$cache/"
    (cd "$cache" && timeout 600 npm ci --no-audit --no-fund) >"$cache/npm.log" 2>&1 ||
        { rm -f "$cache/package-lock.json"; return 1; }
}

python_ready() {
    local wanted=$here/../requirements.txt
    cmp -s "$wanted" "$cache/requirements.txt" && [ -x "$cache/venv/bin/python" ] && return 0
    { python3 -m venv "$cache/venv" && timeout 600 "$cache/venv/bin/pip" install -q -r "$wanted"; } >"$cache/pip.log" 2>&1 || return 1
    cp "$wanted" "$cache/"
}

by_node() { # NAME ARGUMENT...: judge.mjs of this vendor
    local name=$1
    shift
    if node_ready; then
        # Modules are looked for beside the script that imports them, or where it runs.
        cp "$here/judge.mjs" "$cache/$vendor.mjs"
        cd "$cache" && verdict "$name" timeout 120 node "$vendor.mjs" "$@"
    else
        skipped "$name" "node or its packages are missing, see $cache/npm.log"
    fi
}

by_python() { # NAME SCRIPT ARGUMENT...
    local name=$1 script=$2
    shift 2
    if python_ready; then
        verdict "$name" timeout 120 "$cache/venv/bin/python" "$here/$script" "$@"
    else
        skipped "$name" "python or its packages are missing, see $cache/pip.log"
    fi
}

by_contract() { # NAME CONTRACT OPTION...: schemathesis; files that it leaves lie in the cache
    local name=$1 contract=$2
    shift 2
    if [ -z "$specs" ] || [ ! -f "$contract" ]; then
        skipped "schemathesis $name" "LOCKSTEP_SPECS names no contracts"
    elif python_ready; then
        cd "$cache" && verdict "schemathesis $name" timeout 120 "$cache/venv/bin/schemathesis" run "$contract" \
            --url "$url" --seed 1 --checks \
            not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance "$@"
    else
        skipped "schemathesis $name" "python or its packages are missing, see $cache/pip.log"
    fi
}

children=()
trap 'for pid in "${children[@]}"; do kill "$pid" 2>/dev/null; done; wait 2>/dev/null' EXIT

sandbox() { # OPTION...: sets `url`, where the sandbox answers without its index lag and limiters
    local scheme=http
    [[ " $* " == *' --tls-self-signed '* ]] && scheme=https
    url=$scheme://127.0.0.1:$(free_port)
    "$binary" sandbox "$vendor" --quirks off --listen "${url#*://}" "$@" >"$cache/$vendor-sandbox.log" 2>&1 &
    children+=($!)
    answers "$url/__calls" && return
    echo "judge $vendor: failed (the sandbox did not start)"
    cat "$cache/$vendor-sandbox.log" >&2
    exit 1
}

for tool in python3 curl; do
    command -v "$tool" >/dev/null || { skipped "$vendor" "no $tool"; exit 0; }
done
