"""A sync's whole life with a CRM's sandbox, which the server reaches through another address:
python journey.py BINARY VENDOR SANDBOX-URL URL LOG"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[2]))
from server import Server, call, until

binary, vendor, sandbox, url, log = sys.argv[1:]
NAME, PHONE, EMAIL = {
    "hubspot": ("firstname", "phone", "email"),
    "pipedrive": ("name", "phone", "email"),
    "notion": ("Name", "Phone", "Email"),
}[vendor]


def number(at):
    return f"+62812777{at:05}"


def act(what, **body):
    return call("POST", f"{sandbox}/__{what}", body)


def records():
    return {record["properties"].get(PHONE): record for record in call("GET", f"{sandbox}/__records")}


def names_in_crm():
    return {phone: record["properties"].get(NAME) for phone, record in records().items() if not record["archived"]}


def names_in_inbox(server):
    return {phone: contact["name"] for phone, contact in server.contacts().items()}


with Server(binary, log) as server:
    for at in range(0, 20):
        act("create", properties={NAME: f"Crm{at}", PHONE: number(at), EMAIL: f"p{at}@example.com"})
    for at in range(10, 30):
        server.api("POST", "/contacts", {"phone_number": number(at), "name": f"Crm{at}"})
    plan = server.connect(vendor, url, "judge", "create")
    assert (plan["matched"], plan["new_in_crm"], plan["new_in_inbox"]) == (10, 10, 10), plan

    expected = {number(at): f"Crm{at}" for at in range(30)}
    until("both sides have all", lambda: names_in_crm() == names_in_inbox(server) == expected)
    ids, contacts = records(), server.contacts()
    for at in (1, 11, 21):
        act("edit", id=ids[number(at)]["id"], properties={NAME: f"Edited{at}"})
        server.api("PATCH", f"/contacts/{contacts[number(at + 1)]['id']}", {"name": f"Renamed{at}"})
        expected |= {number(at): f"Edited{at}", number(at + 1): f"Renamed{at}"}
    server.api("POST", "/contacts", {"phone_number": number(40), "name": "Late"})
    expected[number(40)] = "Late"
    until("edits reach the other side", lambda: names_in_crm() == names_in_inbox(server) == expected)
    act("archive", id=ids[number(2)]["id"])
    server.run("sync", "status", "--wait")
    standing = server.run("sync", "status")
    assert standing["in_step"] and standing["parked"] == 0, standing
