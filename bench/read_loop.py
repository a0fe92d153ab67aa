"""The yardstick for reading a CRM: a plain loop that pages through 10,000 contacts and writes them to SQLite."""

import http.client
import json
import sqlite3
import sys

host, database = sys.argv[1], sys.argv[2]
connection = http.client.HTTPConnection(host)
store = sqlite3.connect(database)
store.execute("CREATE TABLE contacts (id TEXT PRIMARY KEY, properties TEXT)")
last, rows = "0", 0
while True:
    filters = [{"propertyName": "hs_object_id", "operator": "GT", "value": last}]
    body = {"filterGroups": [{"filters": filters}], "limit": 200, "properties": ["email", "firstname", "lastname", "phone"],
            "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}]}
    headers = {"authorization": "Bearer bench", "content-type": "application/json"}
    connection.request("POST", "/crm/v3/objects/contacts/search", json.dumps(body), headers)
    page = json.loads(connection.getresponse().read())["results"]
    store.executemany("INSERT INTO contacts VALUES (?, ?)", [(row["id"], json.dumps(row["properties"])) for row in page])
    rows += len(page)
    if len(page) < 200:
        break
    last = page[-1]["id"]
store.commit()
print(rows)
