"""odoo-json2, a client of JSON-2 alone: python json2.py URL [DATABASE KEY]"""

import sys
import time

import requests
from odoo_json2 import JSON2Client
from odoo_json2.exceptions import OdooAuthError, OdooNotFoundError, OdooServerException, OdooValidationError

url = sys.argv[1].rstrip("/")
database, key = (sys.argv[2:4] + ["sandbox", "key-judge"][len(sys.argv) - 2 :])[:2]
run = f"{time.time_ns():x}"
client = JSON2Client(host=url, api_key=key, database=database)
partners = client.env["res.partner"]


def check(what, holds):
    print(("ok   " if holds else "FAIL ") + what)
    if not holds:
        sys.exit(1)


def refused(kind, call):
    """Status and exception of a refusal of one kind."""
    try:
        call()
    except kind as error:
        return error.status_code, (error.raw_error or {}).get("name")
    return None, None


check("tells its version", int(client.version()["version"].split(".")[0]) >= 19)
ids = partners.create([{"name": f"{name} {run}", "ref": run} for name in ("Ada", "Bob")])
check("made two", len(ids) == 2 and all(isinstance(id, int) for id in ids))
cyd = partners.create({"name": f"Cyd {run}", "ref": run})
check("made one, as a list", len(cyd) == 1)
rows = partners.search_read([("ref", "=", run)], fields=["name", "email"], order="name", limit=2)
check("searched and read", [row["name"] for row in rows] == [f"Ada {run}", f"Bob {run}"] and rows[0]["email"] is False)
check("paged", partners.search([("ref", "=", run)], offset=2, order="name", limit=2) == cyd)
check("counted", partners.search_count([("ref", "=", run)]) == 3)
check("written", partners.write(ids, {"city": "Jakarta"}) is True)
check("read", {row["city"] for row in partners.read(ids, ["city"])} == {"Jakarta"})
check("described", partners.fields_get(["ref"], ["type"])["ref"]["type"] == "char")
noted = partners.message_post(ids=[ids[0]], body="hello")
check("noted", client.env["mail.message"].read(noted, ["body"])[0]["body"] == "<p>hello</p>")

validation = refused(OdooValidationError, lambda: partners.create({"email": "nameless@example.com"}))
check("a broken rule is a 422", validation == (422, "odoo.exceptions.ValidationError"))
unknown = refused(OdooServerException, lambda: partners.write(ids, {"nothing": 1}))
check("an unknown field is a 500", unknown == (500, "builtins.ValueError"))
keyword = refused(OdooValidationError, lambda: client.call("res.partner", "search", domain=[], colour=1))
check("an unknown parameter is a 422", keyword == (422, "werkzeug.exceptions.UnprocessableEntity"))
check("an unknown model is a 404", refused(OdooNotFoundError, lambda: client.env["no.model"].search([]))[0] == 404)
check("so is an unknown method", refused(OdooNotFoundError, lambda: partners.no_method())[0] == 404)

check("deleted", partners.unlink(partners.search([("ref", "=", run)])) is True)
missing = refused(OdooNotFoundError, lambda: partners.write(ids, {"name": "x"}))
check("what is gone is a 404", missing == (404, "odoo.exceptions.MissingError"))
keyless = JSON2Client(host=url, api_key="", database=database)
check("no key is a 401", refused(OdooAuthError, lambda: keyless.env["res.partner"].search([]))[0] == 401)
elsewhere = JSON2Client(host=url, api_key=key, database="elsewhere")
check("another database is a 404", refused(OdooNotFoundError, lambda: elsewhere.env["res.partner"].search([]))[0] == 404)

bearer = {"Authorization": f"bearer {key}"}
made = requests.post(f"{url}/json/2/res.users/context_get", json={}, headers=bearer, timeout=10)
check("what the documentation shows by plain HTTP", made.json()["lang"] == "en_US")
