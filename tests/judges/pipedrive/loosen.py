"""Makes Pipedrive's OpenAPI document fit what its servers answer: python loosen.py SPEC.json > LOOSE.json

Members without a value are null in real answers, creates are answered with 201, and the document says neither. Its own
examples write times of v1 without a zone where it asks for RFC 3339.
Paths the sandbox does not have are left out.
"""

import json
import re
import sys

KEPT = re.compile(
    r"/(persons|organizations|deals|activities)(/\{id\}|/search|/\{id\}/merge)?$"
    r"|/(person|organization|deal)Fields(/.*)?$|/activityFields(/.*)?$|/itemSearch(/field)?$"
    r"|/notes(/\{id\})?$|/users(/me|/find|/\{id\})?$|/webhooks(/\{id\})?$|/recents$"
    r"|/(currencies|activityTypes|leadLabels)$"
)
READ_ONLY = re.compile(r"/(stages|pipelines|currencies|activityTypes|leadLabels|users|activityFields)")
OLD_ONLY = {"/v1": re.compile(r"/\w+Fields(/.*)?$")}


def nullable(schema):
    """Every member may be null, and a time in any form."""
    if isinstance(schema, list):
        for item in schema:
            nullable(item)
    if not isinstance(schema, dict):
        return
    if schema.get("format") == "date-time":
        del schema["format"]
    for member in (schema.get("properties") or {}).values():
        if isinstance(member, dict) and "$ref" not in member:
            member["nullable"] = True
            if "enum" in member and None not in member["enum"]:
                member["enum"] = [*member["enum"], None]
    for value in schema.values():
        nullable(value)


spec = json.load(open(sys.argv[1]))
prefix = "/v1" if spec["servers"][0]["url"].endswith("/v1") else "/api/v2"
paths = {}
for path, methods in spec["paths"].items():
    if not KEPT.match(path) or (prefix in OLD_ONLY and OLD_ONLY[prefix].match(path)):
        continue
    for name in [name for name in methods if name in ("post", "put", "patch", "delete") and READ_ONLY.match(path)]:
        del methods[name]
    for name, operation in methods.items():
        if not isinstance(operation, dict):
            continue
        for status, answer in operation.get("responses", {}).items():
            for content in answer.get("content", {}).values():
                content.pop("example", None)
                content.pop("examples", None)
                nullable(content.get("schema"))
        if name == "post" and "200" in operation["responses"]:
            operation["responses"].setdefault("201", operation["responses"]["200"])
    paths[prefix + path] = methods
spec["paths"] = paths
spec["servers"] = [{"url": "/"}]
spec.pop("security", None)
json.dump(spec, sys.stdout)
