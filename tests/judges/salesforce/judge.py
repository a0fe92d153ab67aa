"""simple-salesforce, pointed at the Salesforce sandbox behind TLS: python judge.py HOST:PORT CERTIFICATE"""

import sys
import time

import requests
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import SalesforceMalformedRequest, SalesforceResourceNotFound

KEY = "Lockstep_Id__c"
run = str(time.time_ns())
host, certificate = sys.argv[1:]
session = requests.Session()
session.verify = certificate
# Another bundle named in the environment would go before it.
session.trust_env = False
sf = Salesforce(instance=host, session_id="00D!judge", version="66.0", session=session)


def refused(kind, call):
    try:
        call()
    except kind as error:
        return error.content[0]["errorCode"]
    raise AssertionError("the call should have been refused")


def one_by_one():
    made = sf.Contact.create({"LastName": "Lovelace", "Email": f"ada.{run}@example.com"})
    assert made["success"]
    assert sf.Contact.get(made["id"])["Email"] == f"ada.{run}@example.com"
    assert sf.Contact.update(made["id"], {"FirstName": "Ada"}) == 204
    assert sf.Contact.upsert(f"{KEY}/k{run}", {"LastName": "K"}) == 201
    assert sf.Contact.upsert(f"{KEY}/k{run}", {"FirstName": "K"}) in (200, 204)
    assert sf.Contact.get_by_custom_id(KEY, f"k{run}")["Name"] == "K K"
    assert refused(SalesforceMalformedRequest, lambda: sf.Contact.create({})) == "REQUIRED_FIELD_MISSING"
    assert sf.Contact.delete(made["id"]) == 204
    assert refused(SalesforceResourceNotFound, lambda: sf.Contact.get(made["id"])) == "ENTITY_IS_DELETED"


def queries():
    sf.Contact.create({"LastName": f"Q{run}", "Phone": "(415) 555-1213"})
    assert sf.query(f"SELECT Id FROM Contact WHERE LastName = 'Q{run}'")["totalSize"] == 1
    assert len(list(sf.query_all_iter("SELECT Id FROM Contact"))) >= 1
    found = sf.search("FIND {4155551213} IN PHONE FIELDS RETURNING Contact(Id, LastName)")
    assert any(it["LastName"] == f"Q{run}" for it in found["searchRecords"])
    assert sf.describe()["maxBatchSize"] == 200
    assert any(it["name"] == KEY for it in sf.Contact.describe()["fields"])
    assert sf.limits()["DailyApiRequests"]["Max"] > 0


def bulk():
    rows = [{"LastName": f"B{run}", KEY: f"b{run}"}, {"LastName": f"B{run}", KEY: f"c{run}"}]
    done = sf.bulk2.Contact.insert(records=rows)
    assert done[0]["numberRecordsFailed"] == 0 and done[0]["numberRecordsTotal"] == 2, done
    pages = list(sf.bulk2.Contact.query(f"SELECT Id, LastName FROM Contact WHERE LastName = 'B{run}'"))
    assert sum(page.count(f"B{run}") for page in pages) == 2, pages


for check in (one_by_one, queries, bulk):
    check()
    print(f"simple-salesforce {check.__name__}: ok")
