#!/usr/bin/env bash
# A real Odoo 14 for tests, on loopback, from Debian's own packages. Needs root, debootstrap (which it installs where it is
# missing), PostgreSQL, 2 GB of disk and, the first time, about two minutes.
#   tests/real-odoo.sh start DIR   installs Odoo in DIR/root unless it is there, and starts it; prints its URL
#   tests/real-odoo.sh stop DIR    stops it; what was installed stays
# It has two databases with contacts and CRM, where user 2 has the password `admin`: `shop127`, whose file DIR/key holds an
# API key of that user, and `conform`, whose contacts of its own are hidden and whose models have a field x_shoe_size.
# The first part of the host in a request's address says which database it is for, as where many share a server:
# `shop127` for 127.0.0.1. Asked for another one, Odoo 14 answers every error with a page.
set -euo pipefail

[ $# -eq 2 ] || { sed -n '4,5s/^# *//p' "$0" >&2; exit 2; }
[ "$(id -u)" -eq 0 ] || { echo "only root can install an Odoo beside the system's own packages" >&2; exit 1; }
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$2"
dir=$(cd "$2" && pwd)
root=$dir/root

inside() { # USER COMMAND...: without /proc Odoo ends after its first request
    unshare --mount sh -c 'mount -t proc proc "$0/proc" && user=$1 && shift && exec chroot --userspec="$user" "$0" env HOME=/tmp "$@"' \
        "$root" "$@"
}

installed() {
    [ -e "$dir/installed" ] && return
    command -v debootstrap >/dev/null || DEBIAN_FRONTEND=noninteractive apt-get install -qq debootstrap
    # Odoo 14 is the last one that Debian has a package of.
    debootstrap --variant=minbase bullseye "$root" http://deb.debian.org/debian
    # Nothing is started by being installed.
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
    chmod +x "$root/usr/sbin/policy-rc.d"
    inside root:root apt-get update
    inside root:root env DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends odoo-14
    touch "$dir/installed"
}

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

odoo() { inside odoo:odoo odoo "$@" --config /etc/odoo/test.conf --log-level warn; }

databases() {
    odoo --database shop127 --init contacts,crm --without-demo all --stop-after-init
    odoo shell --database shop127 --no-http <<'PYTHON' | sed -n 's/^.*KEY //p' >"$dir/key"
key = env['res.users.apikeys'].with_user(env.ref('base.user_admin'))._generate(None, 'sync')
env.cr.commit()
print('KEY', key)
PYTHON
    psql -qd "$postgres" -c 'CREATE DATABASE conform TEMPLATE shop127'
    odoo shell --database conform --no-http <<'PYTHON'
for name in ('res.partner', 'crm.lead', 'res.partner.category'):
    model = env['ir.model']._get(name).id
    env['ir.model.fields'].create({'name': 'x_shoe_size', 'model_id': model, 'field_description': 'Shoe', 'ttype': 'char'})
last = max(env['res.partner'].with_context(active_test=False).search([]).ids)
rule = {'name': 'made by a case', 'model_id': env.ref('base.model_res_partner').id, 'domain_force': [('id', '>', last)]}
env['ir.rule'].create(rule)
env.cr.commit()
PYTHON
}

start() {
    installed >&2
    local port postgres_port
    port=$(free_port)
    rm -rf "$dir/postgres"
    postgres=$("$here/postgres.sh" start "$dir/postgres")
    postgres_port=${postgres##*:}
    psql -qd "$postgres" -c 'CREATE ROLE odoo LOGIN SUPERUSER'
    cat >"$root/etc/odoo/test.conf" <<CONF
[options]
db_host = 127.0.0.1
db_port = ${postgres_port%%/*}
db_user = odoo
http_interface = 127.0.0.1
http_port = $port
data_dir = /var/lib/odoo
max_cron_threads = 0
dbfilter = ^(shop)?%d$
CONF
    databases >&2
    # In a session of its own, so that stopping reaches all of it.
    setsid bash -c "$(declare -f inside odoo); root=\$1; odoo" - "$root" >"$dir/log" 2>&1 &
    echo $! >"$dir/pid"
    for _ in $(seq 300); do
        curl -s -o /dev/null "http://127.0.0.1:$port/web/database/list" && break
        sleep 0.1
    done
    echo "http://127.0.0.1:$port"
}

stop() {
    # Nothing of it is kept, so it need not end in order.
    [ ! -e "$dir/pid" ] || kill -KILL -- "-$(cat "$dir/pid")" || true
    rm -f "$dir/pid"
    "$here/postgres.sh" stop "$dir/postgres"
}

case $1 in
start) start ;;
stop) stop ;;
esac
