"""A sync with a real Odoo: 2,000 contacts, then edits on both sides: python real_odoo.py BINARY URL KEY LOG

Prints what it took; fails if the two sides do not agree.
"""

import sys
import time
import xmlrpc.client

from server import Server, until

binary, url, key, log = sys.argv[1:]
ADMIN = 2
objects = xmlrpc.client.ServerProxy(f"{url}/xmlrpc/2/object")
# In Odoo are the first 1,200 people, in the inbox the last: 400 are in both.
IN_ODOO, IN_INBOX, ALL = range(1200), range(800, 2000), range(2000)


def odoo(method, *args, **named):
    return objects.execute_kw("shop127", ADMIN, key, "res.partner", method, args, named)


def number(at):
    return f"+62812777{at:05}"


def partners():
    """Everybody in Odoo who has a number, by it."""
    rows = odoo("search_read", [["phone", "like", "+62812777"]], ["name", "phone", "email"])
    assert len(rows) == len({row["phone"] for row in rows}), "somebody is there twice"
    return {row["phone"]: row for row in rows}


def differing(server, expected):
    """Who does not go by the expected name on both sides."""
    there, here = partners(), server.contacts()
    names = {phone: tuple(side.get(phone, {}).get("name") for side in (there, here)) for phone in {*expected, *there}}
    return {phone: both for phone, both in names.items() if both != (expected.get(phone),) * 2}


def said(what, began, detail=""):
    print(f"{what}: {time.monotonic() - began:.1f} s{detail}", flush=True)


def fill(server):
    for first in range(0, len(IN_ODOO), 200):
        odoo("create", [{"name": f"N{at}", "phone": number(at)} for at in IN_ODOO[first : first + 200]])
    for first in range(0, len(IN_INBOX), 400):
        rows = [{"phone_number": number(at), "name": f"N{at}"} for at in IN_INBOX[first : first + 400]]
        server.api("POST", "/contacts/batch", {"contacts": rows})


def edit(server, expected):
    """A hundred changes on each side, twenty new contacts on each side."""
    there, here = partners(), server.contacts()
    for at in range(0, 2000, 20):
        odoo("write", [there[number(at)]["id"]], {"name": f"Odoo {at}"})
        server.api("PATCH", f"/contacts/{here[number(at + 7)]['id']}", {"name": f"Inbox {at}"})
        expected |= {number(at): f"Odoo {at}", number(at + 7): f"Inbox {at}"}
    odoo("create", [{"name": f"New {at}", "phone": number(at)} for at in range(3000, 3020)])
    rows = [{"phone_number": number(at), "name": f"New {at}"} for at in range(3020, 3040)]
    server.api("POST", "/contacts/batch", {"contacts": rows})
    expected |= {number(at): f"New {at}" for at in range(3000, 3040)}


# A server of one's own has no limits of calls but what it can bear.
with Server(binary, log, "[odoo]\ncalls = 1000\nsearches = 1000\n") as server:
    fill(server)
    expected = {number(at): f"N{at}" for at in ALL}
    began = time.monotonic()
    plan = server.connect("odoo", url, f"shop127:{ADMIN}:{key}", "create")
    said("2,000 contacts in step", began, f", {plan['calls']} calls planned")
    assert (plan["matched"], plan["new_in_crm"]) == (400, 800), plan
    assert not differing(server, expected), differing(server, expected)
    edit(server, expected)
    began = time.monotonic()
    until("edits on both sides", lambda: not differing(server, expected), 120)
    server.run("sync", "status", "--wait")
    said("200 edits and 40 new contacts in step", began)
    standing = server.run("sync", "status")
    assert standing["in_step"] and standing["parked"] == 0, standing
    print(f"{standing['pairs']} pairs, none parked, nobody twice")
