"""The Python client of Notion, pointed at the sandbox: python judge.py URL"""

import sys
import time

from notion_client import APIErrorCode, APIResponseError, Client
from notion_client.helpers import collect_paginated_api

url = sys.argv[1]
run = f"{time.time_ns():x}"
notion = Client(auth="ntn_judge", base_url=url)


def text(content):
    return [{"text": {"content": content}}]


def refused(call):
    """The code Notion refused a call with."""
    try:
        call()
    except APIResponseError as error:
        return error.code
    raise AssertionError("the call should have been refused")


def done(name):
    print(f"ok {name}")


found = notion.search(query="Contacts", filter={"property": "object", "value": "data_source"})
source = next(it["id"] for it in found["results"] if it["title"][0]["plain_text"] == "Contacts")
assert notion.data_sources.retrieve(data_source_id=source)["properties"]["Email"]["type"] == "email"
key = f"Key {run}"
made = notion.data_sources.update(data_source_id=source, properties={key: {"rich_text": {}}})
assert made["properties"][key]["type"] == "rich_text"
done("finds the data source and makes a property")


def create(name, **more):
    properties = {"Name": {"title": text(name)}, "Email": {"email": f"{name}.{run}@example.com"}, **more}
    return notion.pages.create(parent={"data_source_id": source}, properties=properties)


ada = create("ada", **{key: {"rich_text": text("k1")}})
changed = notion.pages.update(page_id=ada["id"], properties={"Phone": {"phone_number": "+34600111222"}})
assert changed["properties"]["Email"]["email"] == f"ada.{run}@example.com"
assert notion.pages.update(page_id=ada["id"], archived=True)["in_trash"]
assert not notion.pages.update(page_id=ada["id"], archived=False)["in_trash"]
done("creates, updates, trashes and restores a page")

for name in ("b1", "b2", "b3"):
    create(name)
rows = collect_paginated_api(
    notion.data_sources.query,
    data_source_id=source,
    filter={"property": "Email", "email": {"contains": f".{run}@"}},
    sorts=[{"timestamp": "created_time", "direction": "ascending"}],
    page_size=2,
)
assert len(rows) == 4, rows
hits = notion.data_sources.query(data_source_id=source, filter={"property": key, "rich_text": {"equals": "k1"}})
assert [it["id"] for it in hits["results"]] == [ada["id"]]
done("queries and pages")

zero = "00000000-0000-0000-0000-000000000000"
assert refused(lambda: notion.pages.retrieve(page_id=zero)) == APIErrorCode.ObjectNotFound
assert refused(lambda: create("x", Mood={"number": 1})) == APIErrorCode.ValidationError
done("is refused with codes it knows")

notion.comments.create(parent={"page_id": ada["id"]}, rich_text=text("hello"))
assert notion.comments.list(block_id=ada["id"])["results"][0]["rich_text"][0]["plain_text"] == "hello"
notion.blocks.children.append(block_id=ada["id"], children=[{"paragraph": {"rich_text": text("one")}}])
assert len(notion.blocks.children.list(block_id=ada["id"])["results"]) == 1
item = notion.pages.properties.retrieve(page_id=ada["id"], property_id="title")
assert item["results"][0]["title"]["plain_text"] == "ada"
assert len(notion.users.list()["results"]) == 3 and notion.users.me()["type"] == "bot"
done("comments, writes blocks, reads a property and users")
