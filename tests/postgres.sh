#!/usr/bin/env bash
# A private PostgreSQL cluster for tests, on loopback, without passwords and without fsync.
#   tests/postgres.sh start DIR   makes and starts it in DIR, which is empty or does not exist yet; prints its URL
#   tests/postgres.sh stop DIR    stops it and removes DIR
# PostgreSQL refuses to run as root: started by root it runs as `postgres` or, where there is no such user, `nobody`.
set -euo pipefail

usage() {
    sed -n '3,4s/^# *//p' "$0" >&2
    exit 2
}
[ $# -eq 2 ] || usage
dir=$2

bin=
for candidate in "$(dirname "$(command -v initdb || echo /nowhere/initdb)")" $(compgen -G '/usr/lib/postgresql/*/bin' | sort -rV || true); do
    if [ -x "$candidate/initdb" ]; then
        bin=$candidate
        break
    fi
done
if [ -z "$bin" ]; then
    echo "no PostgreSQL found: install the package postgresql" >&2
    exit 1
fi

as_owner=()
if [ "$(id -u)" -eq 0 ]; then
    owner=postgres
    id "$owner" >/dev/null 2>&1 || owner=nobody
    as_owner=(setpriv "--reuid=$owner" "--regid=$(id -g "$owner")" --clear-groups env HOME=/)
fi

free_port() {
    local port
    for _ in $(seq 50); do
        port=$((20000 + RANDOM % 30000))
        (: </dev/tcp/127.0.0.1/$port) 2>/dev/null || break
    done
    echo "$port"
}

start() {
    mkdir -p "$dir"
    [ ${#as_owner[@]} -eq 0 ] || chown "$owner" "$dir"
    local port log
    log="$dir/log"
    {
        "${as_owner[@]}" "$bin/initdb" --pgdata "$dir/data" --username lockstep --auth trust --encoding UTF8 \
            --locale C --no-sync
        for attempt in 1 2 3; do
            port=$(free_port)
            "${as_owner[@]}" "$bin/pg_ctl" --pgdata "$dir/data" --wait --log "$log" start --options \
                "-c listen_addresses=127.0.0.1 -c port=$port -c unix_socket_directories= -c fsync=off -c max_connections=300" &&
                break
            [ "$attempt" -lt 3 ]
        done
    } >&2
    echo "postgres://lockstep@127.0.0.1:$port/postgres"
}

stop() {
    "${as_owner[@]}" "$bin/pg_ctl" --pgdata "$dir/data" --mode immediate --wait stop >&2
    rm -rf "$dir"
}

case $1 in
start) start ;;
stop) stop ;;
*) usage ;;
esac
