#!/usr/bin/env python3
"""Runs the programs of this folder side by side and prints their figures as ratios.

    bench/run.py [hooks|contacts|deliveries|lookups|fanout|reading|calls|paced|vendors|invoke|memory ...]

Builds the release binaries first. Figures with a slowed disk need LOCKSTEP_SLOWSYNC, the path of an LD_PRELOAD shim that makes
each fsync take SLOWSYNC_US longer; requests per fsync need `strace`. What is missing is said and left out.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from connectors import elsewhere, lines
from harness import BIN, CONFIG, ROOT, SHIM, bare, cpu_seconds, free_port, get, hub, init, load, post, server, status
from inbox import Postgres, Sqlite, engine, fanout, lookups


def measure(command, port, kind, requests, key="", slow_us=0):
    """Requests a second and CPU per request, and in a second, traced run the requests per sync."""
    with server(command, port, slow_us) as process:
        load(port, kind, min(requests, 2_000), key, start=0)
        before = cpu_seconds(process.pid)
        figures = load(port, kind, requests, key, start=10_000)
        figures["cpu_us"] = (cpu_seconds(process.pid) - before) / requests * 1e6
    figures["per_fsync"] = None
    if shutil.which("strace"):
        with tempfile.NamedTemporaryFile() as trace:
            with server(command, port, slow_us, trace.name):
                load(port, kind, 5_000, key, start=5_000_000)
            calls = [int(line.split()[3]) for line in Path(trace.name).read_text().splitlines() if "sync" in line]
            figures["per_fsync"] = 5_000 / sum(calls) if calls else None
    return figures


def show(name, figures):
    per_fsync = f"{figures['per_fsync']:.1f}" if figures.get("per_fsync") else "-"
    print(f"  {name:<34}{figures['per_second']:>9.0f}/s   p99 {figures['p99_ms']:>7.1f} ms   "
          f"{figures['cpu_us']:>6.0f} us CPU   {per_fsync:>6} per fsync   refused {figures['refused']}")


def disks():
    yield "plain disk", 0
    if SHIM:
        yield "every fsync + 4 ms", 4_000
    else:
        print("  (LOCKSTEP_SLOWSYNC is not set: no figures with a slowed disk)")


def hooks():
    print("verified webhooks made durable before the 2xx, 64 connections")
    for disk, slow_us in disks():
        print(f" {disk}")
        requests = 20_000
        with tempfile.TemporaryDirectory() as folder:
            port = free_port()
            yardstick = measure(bare(folder, port, "shared"), port, "hooks", requests, slow_us=slow_us)
        show("bare axum + SQLite, shared commits", yardstick)
        with tempfile.TemporaryDirectory() as folder:
            init(folder)
            port = free_port()
            os.environ |= {"LOCKSTEP_HUBSPOT_CLIENT_ID": "bench", "LOCKSTEP_HUBSPOT_CLIENT_SECRET": "bench-client-secret"}
            ours = measure(hub(folder, port), port, "hooks", requests, slow_us=slow_us)
        show("lockstep", ours)
        print(f"  ratio {ours['per_second'] / yardstick['per_second']:.2f} (goal at least 0.5)")


def contacts():
    print("POST /v1/contacts, 64 connections")
    for disk, slow_us in disks():
        print(f" {disk}")
        with tempfile.TemporaryDirectory() as folder:
            port = free_port()
            yardstick = measure(bare(folder, port, "each"), port, "contacts", 2_000 if slow_us else 20_000, slow_us=slow_us)
        show("bare, one commit per request", yardstick)
        with tempfile.TemporaryDirectory() as folder:
            key = init(folder)
            port = free_port()
            ours = measure(hub(folder, port), port, "contacts", 20_000, key, slow_us)
        show("lockstep", ours)
        print(f"  ratio {ours['per_second'] / yardstick['per_second']:.1f}" + (" (goal at least 15)" if slow_us else ""))
    killed()


def killed():
    """Every answered contact must be there after a kill in mid-load."""
    with tempfile.TemporaryDirectory() as folder:
        key, port, log = init(folder), free_port(), Path(folder) / "answered.log"
        with server(hub(folder, port), port, 4_000 if SHIM else 0) as process:
            command = [str(BIN / "load"), "--address", f"127.0.0.1:{port}", "--kind", "contacts", "--requests", "200000",
                       "--api-key", key, "--log", str(log)]
            client = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(2)
            process.kill()
            process.wait()
            client.wait(30)
        answered = {f"+62811{int(number):08}" for number in log.read_text().split()}
        with server(hub(folder, port), port):
            there, cursor = set(), ""
            while True:
                page = json.loads(get(f"http://127.0.0.1:{port}/v1/contacts?limit=100{cursor}", key))
                there |= {contact["phone_number"] for contact in page["data"]}
                if not page["next_cursor"]:
                    break
                cursor = f"&cursor={page['next_cursor']}"
        print(f"  kill -9 in mid-load: {len(answered)} answered, {len(answered - there)} missing afterwards")


def deliveries():
    print("event in -> signed delivery out, durable")
    for disk, slow_us in disks():
        with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as sink_folder:
            key, port, sink = init(folder), free_port(), free_port()
            with server(bare(sink_folder, sink, "shared"), sink), server(hub(folder, port), port, slow_us) as process:
                subscription = {"url": f"http://127.0.0.1:{sink}/sink", "events": ["contact.created"]}
                post(f"http://127.0.0.1:{port}/v1/webhook_subscriptions", subscription, key)
                before, started, events = cpu_seconds(process.pid), time.monotonic(), 10_000
                load(port, "contacts", events, key)
                while int(get(f"http://127.0.0.1:{sink}/sunk")) < events and time.monotonic() - started < 120:
                    time.sleep(0.02)
                seconds, sunk = time.monotonic() - started, int(get(f"http://127.0.0.1:{sink}/sunk"))
                cpu = (cpu_seconds(process.pid) - before) / events
        print(f"  {disk:<20} {sunk} of {events} delivered, {sunk / seconds:.0f}/s, {cpu * 1e3:.2f} ms CPU an event"
              " (a well-known server with PostgreSQL: about 1,450/s and 1.1 ms)")


def synthetic(count):
    return [{"email": f"person{n}@example.com", "firstname": f"Given{n}", "lastname": f"Family{n}", "phone": f"+62812{n:08}"}
            for n in range(count)]


@contextmanager
def sandbox_with(count, quirks=("--quirks", "off")):
    port = free_port()
    with server([str(BIN / "lockstep"), "sandbox", "hubspot", "--listen", f"127.0.0.1:{port}", *quirks], port):
        if count:
            post(f"http://127.0.0.1:{port}/__records", synthetic(count))
        yield port


def lockstep(folder, *words):
    command = ["/usr/bin/time", "-f", "%e %U %S %M", str(BIN / "lockstep"), *words, "--data", str(folder), "--config", str(CONFIG), "--json"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(words)}: {done.stderr}")
    wall, user, system, kilobytes = done.stderr.strip().splitlines()[-1].split()
    return json.loads(done.stdout), {"wall": float(wall), "cpu": float(user) + float(system), "mib": int(kilobytes) / 1024}


def connected(folder, port):
    init(folder)
    answer, _ = lockstep(folder, "connect", "hubspot", "--token", "bench", "--base-url", f"http://127.0.0.1:{port}",
                         "--key-field", "create", "--allow-local-targets")
    return answer["connection"]


def reading():
    print("reading 10,000 contacts from the sandbox")
    with sandbox_with(10_000) as port, tempfile.TemporaryDirectory() as folder:
        command = ["/usr/bin/time", "-f", "%e %U %S", sys.executable, str(ROOT / "bench" / "read_loop.py"), f"127.0.0.1:{port}", f"{folder}/loop.db"]
        wall, user, system = map(float, subprocess.run(command, capture_output=True, text=True, check=True).stderr.split())
        print(f"  20-line Python loop  {wall:.2f} s wall, {user + system:.2f} s CPU")
        connection = connected(folder, port)
        plan, used = lockstep(folder, "sync", "plan", "--connection", connection, "--allow-local-targets")
        print(f"  lockstep sync plan   {used['wall']:.2f} s wall, {used['cpu']:.2f} s CPU, new in inbox {plan['new_in_inbox']}: "
              f"{used['wall'] / wall:.1f} x the loop (goal within 4)")
        _, started = lockstep(folder, "sync", "start", "--plan", plan["plan"], "--yes", "--allow-local-targets")
        _, ended = lockstep(folder, "sync", "status", "--wait", "--allow-local-targets")
        whole = used["wall"] + started["wall"] + ended["wall"]
        print(f"  and carried out      {whole:.2f} s wall with contacts, history and our ids written back: {whole / wall:.1f} x the loop")


def search_calls(port):
    return json.loads(get(f"http://127.0.0.1:{port}/__calls"))["routes"].get("POST /crm/v3/objects/contacts/search", {}).get("total", 0)


def wait_for(what, seconds=120):
    deadline = time.monotonic() + seconds
    while not what():
        if time.monotonic() > deadline:
            raise SystemExit("what the bench waits for did not come")
        time.sleep(0.1)


def next_poll(port):
    """Waits until a poll has begun and its pages have all been read; answers how many calls it took."""
    before = search_calls(port)
    wait_for(lambda: search_calls(port) > before)
    while True:
        seen = search_calls(port)
        time.sleep(2)
        if search_calls(port) == seen:
            return seen - before


def calls():
    count = 10_000
    with sandbox_with(0) as port, tempfile.TemporaryDirectory() as folder:
        rows = [",".join(person.values()) for person in synthetic(count)]
        people = Path(folder) / "people.csv"
        people.write_text("email,first name,last name,phone\n" + "\n".join(rows) + "\n")
        connection = connected(folder, port)
        lockstep(folder, "import", str(people))
        plan, _ = lockstep(folder, "sync", "plan", "--connection", connection, "--allow-local-targets")
        post(f"http://127.0.0.1:{port}/__calls/reset", {})
        hub_port = free_port()
        with server(hub(folder, hub_port), hub_port):
            lockstep(folder, "sync", "start", "--plan", plan["plan"], "--yes", "--allow-local-targets")
            lockstep(folder, "sync", "status", "--wait", "--allow-local-targets")
            next_poll(port)
            made = json.loads(get(f"http://127.0.0.1:{port}/__calls"))
            writes = sum(route["total"] for name, route in made["routes"].items() if "upsert" in name or "create" in name)
            minimum = count // 100 + count // 200
            for name, route in made["routes"].items():
                print(f"  {name}: {route['total']} calls, {route['rows']} rows")
            print(f"upsert {count} into an empty HubSpot: {writes} writes, {made['total']} calls with the reading of our own echoes, "
                  f"{made['total'] / minimum:.3f} of the minimum (goal at most 1.05)")
            # The overlap of a window repeats what is younger than the index lag: let it pass.
            time.sleep(12)
            next_poll(port)
            records = json.loads(get(f"http://127.0.0.1:{port}/__records"))
            ids = [record["id"] for record in records]
            for start in range(0, count, 100):
                inputs = [{"id": each, "properties": {"firstname": f"Edited{each}"}} for each in ids[start:start + 100]]
                post(f"http://127.0.0.1:{port}/crm/v3/objects/contacts/batch/update", {"inputs": inputs}, "human")
            taken = next_poll(port)
            print(f"read {count} changed ones: {taken} calls, {taken / (count / 200):.2f} of the minimum (goal at most 1.1)")
            time.sleep(12)
            next_poll(port)
            print(f"nothing changed: {next_poll(port)} call a poll (goal 1)")
            inputs = [{"id": each, "properties": {"firstname": f"Again{each}"}} for each in ids[:100]]
            post(f"http://127.0.0.1:{port}/crm/v3/objects/contacts/batch/update", {"inputs": inputs}, "human")
            print(f"100 changed: {next_poll(port)} call (goal 1)")


def paced():
    """The vendor's limits as they are, on both sides: how long a first run takes, and whether one call is refused."""
    count = 10_000
    limits = {"LOCKSTEP_HUBSPOT_CALLS": "110", "LOCKSTEP_HUBSPOT_SEARCHES": "5"}
    os.environ.update(limits)
    try:
        with sandbox_with(0, quirks=()) as port, tempfile.TemporaryDirectory() as folder:
            people = Path(folder) / "people.csv"
            people.write_text("email,first name,last name,phone\n" + "\n".join(",".join(person.values()) for person in synthetic(count)) + "\n")
            connection = connected(folder, port)
            lockstep(folder, "import", str(people))
            plan, _ = lockstep(folder, "sync", "plan", "--connection", connection, "--allow-local-targets")
            lockstep(folder, "sync", "start", "--plan", plan["plan"], "--yes", "--allow-local-targets")
            _, ended = lockstep(folder, "sync", "status", "--wait", "--allow-local-targets")
            made = json.loads(get(f"http://127.0.0.1:{port}/__calls"))
            print(f"upsert {count} at the vendor's pace: {ended['wall']:.0f} s, {made['total']} calls, {made['throttled']} refused as too many (goal 0)")
    finally:
        for name in limits:
            del os.environ[name]


# What the classes of calls leave of a vendor's pace: nine tenths are ours, and of those nine tenths live or eight a backfill's.
LIVE, BACKFILL = 0.81, 0.72


def vendors():
    """Each vendor's main cases under a clock that stands still while nothing is waited for: no figure depends on the machine."""
    program = subprocess.Popen([str(BIN / "examples" / "vendors")], stdout=subprocess.PIPE, text=True)
    print(f"{'':<11}{'case':<25}{'calls':>7}{'fewest':>8}{'ratio':>7}   {'seconds':>8}{'at the pace':>12}{'ratio':>7}{'of our share':>14}   refused")
    slugs = []
    for line in program.stdout:
        case = json.loads(line)
        slugs += [case["vendor"]] if case["vendor"] not in slugs else []
        row = f"{case['vendor']:<11}{case['case']:<25}{case['calls']:>7}{case['fewest']:>8}{case['calls'] / case['fewest']:>7.3f}"
        if case["timed"] and case["floor"]:
            slow = case["seconds"] / case["floor"]
            share = slow * (BACKFILL if case["case"] == "read all" else LIVE)
            row += f"   {case['seconds']:>8.1f}{case['floor']:>12.1f}{slow:>7.2f}{share:>14.2f}"
        else:
            row += " " * 44
        print(f"{row}   {case['refused']:>7}", flush=True)
        if case["calls"] > 1.05 * case["fewest"]:
            print(" " * 11 + ", ".join(f"{route}: {calls}" for route, calls in case["routes"].items()))
    if program.wait():
        raise SystemExit("the vendors' cases ended with a fault")
    for slug in slugs:
        print(f"{slug:<11}{lines(slug)} lines of code; named in {', '.join(elsewhere(slug))}")


def invoke():
    """What an invoked event costs beside the vendor: read the mapping, commit the intent, send, read back, commit the answer."""
    command = [str(BIN / "invoke")]
    for kind in (Sqlite, Postgres):
        with engine(kind) as store:
            address = ["--postgres", store.url] if store.url else []
            figures = json.loads(subprocess.run([*command, str(store.folder), *address], check=True, capture_output=True, text=True).stdout)
            print(f"invoke on {kind.name}: p50 {figures['added_p50_ms']:.2f} ms, p99 {figures['added_p99_ms']:.2f} ms beside the vendor's "
                  f"{figures['vendor_ms']:.2f} ms in {figures['calls']:.1f} calls" + (" (goal p99 under 3 ms)" if kind is Sqlite else ""))
    with engine(Postgres) as store:
        logged = lambda: len(re.findall(r"LOG:  (?:execute|statement)", store.log.read_text()))
        store.run("ALTER DATABASE postgres SET log_statement = 'all'")
        ran = []
        for events in (100, 200):
            before = logged()
            store.run("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
            subprocess.run([*command, str(store.folder), "--postgres", store.url, "--events", str(events)], check=True, capture_output=True)
            ran.append(logged() - before)
        print(f"invoke: {(ran[1] - ran[0]) / 100:.1f} statements an event, BEGIN and COMMIT among them")


def memory():
    with tempfile.TemporaryDirectory() as folder:
        init(folder)
        port = free_port()
        with server(hub(folder, port), port) as process:
            time.sleep(2)
            print(f"serve idle: {status(process.pid, 'VmRSS') / 1024:.1f} MiB resident (goal at most 40)")
    per_contact = {}
    for count in (10_000, 100_000):
        with sandbox_with(count) as port, tempfile.TemporaryDirectory() as folder:
            connection = connected(folder, port)
            plan, planned = lockstep(folder, "sync", "plan", "--connection", connection, "--allow-local-targets")
            _, started = lockstep(folder, "sync", "start", "--plan", plan["plan"], "--yes", "--allow-local-targets")
            _, ended = lockstep(folder, "sync", "status", "--wait", "--allow-local-targets")
            steps = (planned, started, ended)
            per_contact[count] = sum(step["wall"] for step in steps) / count
            print(f"first sync of {count}: {sum(step['wall'] for step in steps):.1f} s, {per_contact[count] * 1e6:.0f} us a contact, "
                  f"{max(step['mib'] for step in steps):.0f} MiB peak" + (" (goal at most 150)" if count == 100_000 else ""))
    print(f"time per contact at 100,000 / at 10,000: {per_contact[100_000] / per_contact[10_000]:.2f} (goal within 1.2)")


SECTIONS = {"hooks": hooks, "contacts": contacts, "deliveries": deliveries, "lookups": lookups, "fanout": fanout, "reading": reading, "calls": calls, "paced": paced, "vendors": vendors, "invoke": invoke, "memory": memory}

if __name__ == "__main__":
    if "LOCKSTEP_BENCH_BUILT" not in os.environ:
        subprocess.run(["cargo", "build", "--release", "-q", "-p", "lockstep", "-p", "lockstep-bench", "--bins", "--example", "vendors"], cwd=ROOT, check=True)
    for name in sys.argv[1:] or SECTIONS:
        SECTIONS[name]()
