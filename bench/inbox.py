"""The sections about the inbox API's reads and its webhooks' fan-out."""

import json
import random
import re
import socket
import sqlite3
import statistics
import subprocess
import tempfile
import time
from collections import namedtuple
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta, timezone
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import quote

from harness import ROOT, bare, free_port, get, hub, init, load, post, server

SIZES = (10_000, 100_000, 1_000_000)
ROUNDS = 5
BEGAN = datetime(2024, 1, 1, tzinfo=timezone.utc)
# Both engines understand it. Contact n was made in minute n; the rows are those that an import leaves, without the log and events.
FILL = """
INSERT INTO contacts (id, org_id, account, phone, name, email, metadata, acquisition_source, search, seq, created_at, updated_at, stamp)
WITH RECURSIVE n (i) AS (SELECT CAST(0 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {count}),
     one AS (SELECT i, SUBSTR(CAST(100000000 + i AS TEXT), 2) AS digits, {began} + i * 60000000 AS at FROM n)
SELECT 'ctc_01HXYZABCD00000000' || digits, org_id, phone_number_id, '+62812' || digits, 'Given' || digits || ' Family',
    'person' || digits || '@example.com', '{{"crm_id":"' || digits || '"}}', 'import',
    'given' || digits || ' family' || '\n' || 'person' || digits || '@example.com', i + 1, at, at, at
FROM one CROSS JOIN accounts;
INSERT INTO contact_keys (org_id, match_key, contact_id)
SELECT org_id, 'email:' || email, id FROM contacts;
INSERT INTO contact_keys (org_id, match_key, contact_id)
SELECT org_id, 'phone:' || phone, id FROM contacts;
INSERT INTO contact_keys (org_id, match_key, contact_id)
SELECT org_id, 'crm:' || SUBSTR(phone, 7), id FROM contacts;
UPDATE organizations SET seq = {count}, stamp = (SELECT MAX(stamp) FROM contacts);
"""


class Sqlite:
    """The embedded engine."""

    name = "SQLite"

    def __init__(self, folder):
        self.folder, self.url = folder, None

    def run(self, sql):
        connection = sqlite3.connect(self.folder / "lockstep.db")
        connection.executescript(f"PRAGMA cache_size = -400000; PRAGMA synchronous = OFF; BEGIN; {sql} COMMIT")
        connection.close()

    def settle(self):
        """Nothing: the program leaves no statistics either."""


class Postgres:
    """A cluster of its own, which logs each statement where it is asked to."""

    name = "PostgreSQL"

    def __init__(self, folder):
        self.folder, self.cluster = folder, folder / "cluster"
        start = [str(ROOT / "tests" / "postgres.sh"), "start", str(self.cluster)]
        self.url = subprocess.run(start, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout.strip()
        self.log = self.cluster / "log"

    def run(self, sql):
        command = ["psql", "--quiet", "--no-psqlrc", "--set", "ON_ERROR_STOP=1", self.url]
        subprocess.run(command, input=sql, check=True, text=True)

    def settle(self):
        """What autovacuum does within minutes."""
        self.run("VACUUM ANALYZE")

    def stop(self):
        subprocess.run([str(ROOT / "tests" / "postgres.sh"), "stop", str(self.cluster)], check=True, stderr=subprocess.DEVNULL)


@contextmanager
def engine(kind):
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        store = kind(Path(folder))
        try:
            yield store
        finally:
            if kind is Postgres:
                store.stop()


def fill(store, count):
    store.run(FILL.format(count=count, began=int(BEGAN.timestamp()) * 1_000_000))
    store.settle()


def contact_id(n):
    return f"ctc_01HXYZABCD00000000{n:08}"


Served = namedtuple("Served", "store key port wanted")

# An account of ten contacts beside the large one, and labels on few and on many.
BESIDE = """
INSERT INTO accounts (id, org_id, phone_number_id, phone_number, name, status, created_at)
SELECT 'acc_01HXYZABCD0000000000000001', org_id, '{small}', '+12025550199', 'Small', status, created_at FROM accounts;
UPDATE contacts SET account = '{small}' WHERE seq <= 10;
INSERT INTO contact_labels SELECT id, '{few}' FROM contacts WHERE seq % {every} = 0;
INSERT INTO contact_labels SELECT id, '{many}' FROM contacts WHERE seq % 10 = 0;
"""
SMALL = "299"


def lookups_of(count, large, labels):
    """What is looked up: a name, whether a key leads there, the requests, and how many of them are measured."""
    at_random = random.Random(count)
    some = lambda how_many, form: [form(n) for n in at_random.sample(range(count), how_many)]
    since = lambda n: (BEGAN + timedelta(minutes=n)).strftime("%Y-%m-%dT%H:%M:%SZ")
    contacts = "GET /v1/contacts?"
    body = lambda ids, operation: json.dumps(
        {"contact_ids": [contact_id(n) for n in ids], "label_id": labels["bulk"], "operation": operation}, separators=(",", ":"))
    labelled = lambda chosen: [f"POST /v1/contacts/bulk_label {body(ids, what)}" for ids in chosen for what in ("attach", "detach")]
    listed = labelled(range(first, first + 1_000) for first in at_random.sample(range(count - 999), 50))
    scattered = labelled(at_random.sample(range(count), 1_000) for _ in range(50))
    return [
        ("list, page of 100", True, [contacts + "limit=100"], 1_000),
        ("list of an account of 10", True, [f"GET /v1/{SMALL}/contacts?limit=100"], 1_000),
        ("?phone=", True, some(2_000, lambda n: f"{contacts}phone={quote(f'+62812{n:08}')}"), 2_000),
        ("?email=", True, some(2_000, lambda n: f"{contacts}email=person{n:08}%40example.com"), 2_000),
        ("?email= in one account", True, some(2_000, lambda n: f"GET /v1/{large}/contacts?email=person{n:08}%40example.com"), 2_000),
        ("?external_id=", True, some(2_000, lambda n: f"{contacts}external_id=crm:{n:08}"), 2_000),
        ("?updated_after=, page of 100", True, some(1_000, lambda n: f"{contacts}limit=100&updated_after={since(n)}"), 1_000),
        ("?label= of 25 contacts", True, [f"{contacts}label={labels['few']}"], 1_000),
        ("?label= of every tenth", True, [f"{contacts}label={labels['many']}"], 1_000),
        ("bulk_label of 1,000 as listed", True, listed, 100),
        ("bulk_label of 1,000 scattered", True, scattered, 100),
        ("?search= found everywhere", False, [contacts + "limit=100&search=family"], 200),
        ("?search= found once", False, some(50, lambda n: f"{contacts}search=person{n:08}"), 50),
    ]


def statements(store, port, key, lines):
    """Statements that one request runs, BEGIN and COMMIT among them: the median of eight, when all connections are open."""
    connection, counts = HTTPConnection("127.0.0.1", port), []
    logged = lambda: len(re.findall(r"LOG:  (?:execute|statement)", store.log.read_text()))
    for n in range(8):
        method, path, body = (lines[n % len(lines)].split(" ", 2) + [None])[:3]
        before = logged()
        connection.request(method, path, body, {"authorization": f"Bearer {key}", "content-type": "application/json"})
        connection.getresponse().read()
        counts.append(logged() - before)
    return statistics.median_low(counts)


def walk(served):
    """The whole list by its cursors: milliseconds of the median page among the first 100 and among the last 100."""
    connection, cursor, spent = HTTPConnection("127.0.0.1", served.port), "", []
    while cursor is not None:
        begun = time.perf_counter()
        connection.request("GET", f"/v1/contacts?limit=100{cursor}", headers={"authorization": f"Bearer {served.key}"})
        answer = connection.getresponse().read()
        spent.append((time.perf_counter() - begun) * 1_000)
        following = json.loads(answer)["next_cursor"]
        cursor = f"&cursor={following}" if following else None
    return statistics.median(spent[1:101]), statistics.median(spent[-101:-1])


def lookups():
    for kind in (Sqlite, Postgres):
        with ExitStack() as stack:
            sizes = [stack.enter_context(filled(kind, count)) for count in SIZES]
            measured, counts = {}, {}
            for position, (name, keyed, _, _) in enumerate(sizes[0].wanted):
                # In turns, so that what else the machine does falls on all sizes alike.
                rounds = [[timed(served, position, turn) for served in sizes] for turn in range(ROUNDS)]
                measured[name, keyed] = [best(each) for each in zip(*rounds)]
            pages = [walk(served) for served in sizes]
            if kind is Postgres:
                counts = counted(sizes[-1])
        show_lookups(kind.name, measured, counts)
        for count, (first, last) in zip(SIZES, pages):
            print(f"  {count:>9,} walked by cursor: a page among the first 100 takes {first:.1f} ms, among the last 100 {last:.1f} ms")


@contextmanager
def filled(kind, count):
    """A server over that many contacts, an account of ten beside the large one, and labels."""
    with engine(kind) as store:
        key, port = init(store.folder, store.url), free_port()
        fill(store, count)
        with server(hub(store.folder, port, store.url), port):
            base = f"http://127.0.0.1:{port}/v1"
            large = json.loads(get(f"{base}/accounts?status=all", key))["data"][0]["phone_number_id"]
            labels = {name: post(f"{base}/labels", {"name": name}, key)["data"]["id"] for name in ("bulk", "few", "many")}
            store.run(BESIDE.format(small=SMALL, every=count // 25, **labels))
            store.settle()
            yield Served(store, key, port, lookups_of(count, large, labels))


def timed(served, position, turn):
    """Each turn asks for others, so that it finds none of them still in a cache."""
    name, _, lines, times = served.wanted[position]
    given, share = served.store.folder / "given", times // ROUNDS
    given.write_text("\n".join(lines))
    figures = load(served.port, "given", share, served.key, start=turn * share, connections=1, given=given)
    if figures["refused"]:
        raise SystemExit(f"{name}: refused")
    return figures


def best(rounds):
    """Of each figure the least: noise only ever adds."""
    return {figure: min(each[figure] for each in rounds) for figure in ("p50_ms", "p99_ms", "bytes")}


def counted(served):
    served.store.run("ALTER DATABASE postgres SET log_statement = 'all'")
    port = free_port()
    with server(hub(served.store.folder, port, served.store.url), port):
        for _ in range(50):
            get(f"http://127.0.0.1:{port}/v1/contacts", served.key)
        return {name: statements(served.store, port, served.key, lines) for name, _, lines, _ in served.wanted}


def show_lookups(engine_name, measured, counts):
    print(f"{engine_name}: p50 (p99) in ms over one connection, at " + ", ".join(f"{size:,}" for size in SIZES) + " contacts,"
          f" the best of {ROUNDS} rounds")
    for (name, keyed), figures in measured.items():
        times = "  ".join(f"{each['p50_ms']:>7.2f} ({each['p99_ms']:>7.2f})" for each in figures)
        growth = f"x {figures[-1]['p50_ms'] / figures[0]['p50_ms']:.2f}" + (" (goal at most 1.5)" if keyed else "")
        count = f"{counts[name]} statements" if name in counts else ""
        print(f"  {name:<30}{times}   {growth:<28}{figures[-1]['bytes']:>6.0f} bytes   {count}")


SUBSCRIBERS, EVENTS, TURNS = 3, 10_000, 3


def fanout():
    print(f"{EVENTS:,} events to {SUBSCRIBERS} subscribers, the best of {TURNS} turns")
    with socket.socket() as hanging:
        # Nobody accepts: connections are made, and no answer comes.
        hanging.bind(("127.0.0.1", 0))
        hanging.listen(4096)
        dead = {"no": [], "refuses": [free_port()], "hangs": [hanging.getsockname()[1]]}
        loops, rates = [], {name: [] for name in dead}
        for _ in range(TURNS):
            for name, ports in dead.items():
                rate, body = fanned_out(ports)
                rates[name].append(rate)
            loops.append(looped(body))
    loop, alone, refuses, hangs = max(loops), max(rates["no"]), max(rates["refuses"]), max(rates["hangs"])
    print(f"  a bare loop over {32 * SUBSCRIBERS} connections             {loop:>7.0f}/s")
    print(f"  lockstep                                     {alone:>7.0f}/s   {alone / loop:.2f} of the loop")
    print(f"  lockstep, a fourth that refuses connections  {refuses:>7.0f}/s   {refuses / alone:.2f} of without it")
    print(f"  lockstep, a fourth that never answers        {hangs:>7.0f}/s   {hangs / alone:.2f} of without it")


def looped(body):
    """Requests a second of a client that does nothing but sign and post."""
    with tempfile.TemporaryDirectory() as folder:
        given, sink = Path(folder) / "body", free_port()
        given.write_text(body)
        with server(bare(folder, sink, "shared"), sink):
            return load(sink, "deliveries", EVENTS * SUBSCRIBERS, connections=32 * SUBSCRIBERS, given=given)["per_second"]


def fanned_out(dead):
    """Deliveries a second to the living subscribers while `dead` ports are subscribed too, and the last body."""
    port, sink, wanted = free_port(), free_port(), EVENTS * SUBSCRIBERS
    with engine(Sqlite) as store:
        key = init(store.folder)
        fill(store, EVENTS)
        with server(bare(store.folder, sink, "shared"), sink), server(hub(store.folder, port), port):
            label = post(f"http://127.0.0.1:{port}/v1/labels", {"name": "Bench"}, key)["data"]["id"]
            for target in [sink] * SUBSCRIBERS + dead:
                subscription = {"url": f"http://127.0.0.1:{target}/sink", "events": ["contact.updated"]}
                post(f"http://127.0.0.1:{port}/v1/webhook_subscriptions", subscription, key)
            begun = time.monotonic()
            for start in range(0, EVENTS, 1_000):
                ids = [contact_id(n) for n in range(start, start + 1_000)]
                request = {"contact_ids": ids, "label_id": label, "operation": "attach"}
                post(f"http://127.0.0.1:{port}/v1/contacts/bulk_label", request, key)
            while int(get(f"http://127.0.0.1:{sink}/sunk")) < wanted:
                if time.monotonic() - begun > 120:
                    raise SystemExit("deliveries are missing")
                time.sleep(0.02)
            return wanted / (time.monotonic() - begun), get(f"http://127.0.0.1:{sink}/last")
