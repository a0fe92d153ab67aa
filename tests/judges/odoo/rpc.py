"""OdooRPC, the community's client, over JSON-RPC: python rpc.py URL [DATABASE LOGIN PASSWORD]

Everything it checks also holds on a real Odoo, where it cleans up behind itself.
"""

import sys
import time
from urllib.parse import urlsplit

import odoorpc

url = urlsplit(sys.argv[1])
database, login, password = (sys.argv[2:5] + ["sandbox", "admin", "sandbox-secret"][len(sys.argv) - 2 :])[:3]
run = f"{time.time_ns():x}"
odoo = odoorpc.ODOO(url.hostname, port=url.port)


def check(what, holds):
    print(("ok   " if holds else "FAIL ") + what)
    if not holds:
        sys.exit(1)


def refused(call):
    """The exception's name and words Odoo refused a call with."""
    try:
        call()
    except odoorpc.error.RPCError as error:
        return error.info["data"]["name"], str(error)
    return None, None


try:
    odoo.login(database, login, "")
    opened = True
except odoorpc.error.RPCError:
    opened = False
check("no password, no login", not opened)
odoo.login(database, login, password)
check("logged in", odoo.env.uid > 0 and odoo.env.user.login == login)
version = int(odoo.version.split(".")[0])
partners, tags, leads = (odoo.env[name] for name in ("res.partner", "res.partner.category", "crm.lead"))

ada = partners.create({"name": f"Ada {run}", "email": f"ada.{run}@example.com", "phone": "+49 30 12345678"})
many = partners.create([{"name": f"Many {number} {run}", "ref": f"{run}-{number}"} for number in range(7)])
check("made one and many", isinstance(ada, int) and len(many) == 7)
read = partners.read([ada], ["name", "email", "parent_id", "category_id", "is_company", "color", "write_date"])[0]
check("nothing is false, 0 or an empty list", (read["parent_id"], read["color"], read["category_id"]) == (False, 0, []))
check("times are told in whole seconds", time.strptime(read["write_date"], "%Y-%m-%d %H:%M:%S") is not None)

record = partners.browse(ada)
record.comment = "note"
check("browse writes and reads", record.name == f"Ada {run}" and "note" in partners.browse(ada).comment)
company = partners.create({"name": f"Acme {run}", "is_company": True, "city": "Berlin"})
partners.write([ada], {"parent_id": company, "email": False})
read = partners.read([ada], ["parent_id", "email", "phone", "city", "display_name"])[0]
check("a link is id and name", read["parent_id"] == [company, f"Acme {run}"])
check("cleared, and the rest left alone", read["email"] is False and read["phone"] == "+49 30 12345678")
check("the company's address came along", read["city"] == "Berlin")
check("display names hold the company", read["display_name"] == f"Acme {run}, Ada {run}")

tag = tags.create({"name": f"Tag {run}"})
partners.write([ada], {"category_id": [(4, tag)]})
check("tagged", partners.search([("category_id", "=", tag)]) == [ada])
check("found through the tag's name", partners.search([("category_id.name", "=", f"Tag {run}")]) == [ada])
partners.write([ada], {"category_id": [(3, tag)]})
check("untagged", partners.search([("category_id", "in", [tag])]) == [])

pages = [partners.search([("ref", "like", f"{run}-")], offset=at, limit=3, order="ref desc") for at in (0, 3, 6)]
check("paged", [len(page) for page in pages] == [3, 3, 1] and sum(pages, []) == many[::-1])
check("counted", partners.search_count([("ref", "=like", f"{run}-_")]) == 7)
either = ["|", ("ref", "=", f"{run}-1"), "&", ("ref", "=", f"{run}-2"), ("name", "ilike", "MANY")]
check("prefix operators", partners.search(either, order="id") == many[1:3])
check("not and nothing", set(partners.search(["!", ("ref", "!=", False), ("id", "in", many + [ada])])) == {ada})
check("names are searched", partners.name_search(f"Acme {run}", [], "ilike", 5)[0][0] == company)

partners.write([many[0]], {"active": False})
check("archived rows hide", partners.search([("id", "=", many[0])]) == [])
check("unless asked for", partners.search([("id", "=", many[0]), ("active", "in", [True, False])]) == [many[0]])
check("or the context says so", partners.with_context(active_test=False).search_count([("id", "=", many[0])]) == 1)

told = partners.fields_get(["name", "category_id", "type", "parent_id"], ["type", "relation", "selection", "string"])
check("fields are described", told["category_id"]["relation"] == "res.partner.category" and told["name"]["type"] == "char")
check("with their choices", "contact" in [value for value, _ in told["type"]["selection"]])

check("an unknown field is a ValueError", refused(lambda: partners.write([ada], {"nothing": 1}))[0] == "builtins.ValueError")
check("a wrong choice too", refused(lambda: partners.write([ada], {"type": "home"}))[0] == "builtins.ValueError")
name, words = refused(lambda: partners.create([{"name": f"Undone {run}"}, {"email": "nameless@example.com"}]))
check("a contact needs a name", name == "odoo.exceptions.ValidationError" and "Contacts require a name" in words)
check("one call is one transaction", partners.search([("name", "=", f"Undone {run}")]) == [])

lead = leads.create({"name": f"Deal {run}", "partner_id": ada, "expected_revenue": 99.5, "type": "opportunity"})
stage = leads.read([lead], ["stage_id", "expected_revenue", "phone"])[0]
check("a lead begins in a stage", isinstance(stage["stage_id"][0], int) and stage["expected_revenue"] == 99.5)
check("with its customer's number", stage["phone"] == "+49 30 12345678")
posted = partners.message_post([ada], body="hello", message_type="comment")
posted = posted[0] if isinstance(posted, list) else posted
message = odoo.env["mail.message"].read([posted], ["body", "model", "res_id", "message_type", "author_id"])[0]
check("a note stands in the chatter", (message["model"], message["res_id"]) == ("res.partner", ada))
check("as a paragraph", message["body"] == "<p>hello</p>")

model = odoo.env["ir.model"].search([("model", "=", "res.partner")])[0]
fields = odoo.env["ir.model.fields"]
custom = f"x_key_{run}"
field = fields.create({"name": custom, "model_id": model, "field_description": "Key", "ttype": "char"})
partners.write([ada], {custom: "k1"})
check("a custom field is made, written and searched", partners.search([(custom, "=", "k1")]) == [ada])
bad = {"name": f"key_{run}", "model_id": model, "field_description": "Key", "ttype": "char"}
check("its name must begin with x_", refused(lambda: fields.create(bad))[0] == "odoo.exceptions.ValidationError")
fields.unlink([field])
check("and it is dropped", refused(lambda: partners.read([ada], [custom]))[0] == "builtins.ValueError")

leads.unlink([lead])
partners.unlink(many + [ada, company])
tags.unlink([tag])
check("deleted rows are passed over by read", partners.read([ada], ["name"]) == [])
name, _ = refused(lambda: partners.write([ada], {"name": "x"}))
check("and missed by write", name == "odoo.exceptions.MissingError")
