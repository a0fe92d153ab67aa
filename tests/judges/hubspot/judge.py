"""HubSpot's own Python client, pointed at the sandbox: python judge.py URL"""

import sys
import time

from hubspot import HubSpot
from hubspot.crm.contacts import (
    BatchInputSimplePublicObjectBatchInputForCreate,
    BatchInputSimplePublicObjectBatchInputUpsert,
    BatchReadInputSimplePublicObjectId,
    PublicMergeInput,
    PublicObjectSearchRequest,
    SimplePublicObjectInput,
    SimplePublicObjectInputForCreate,
)
from hubspot.crm.contacts.exceptions import ApiException
from hubspot.crm.properties import PropertyCreate

url = sys.argv[1]
run = f"{time.time_ns():x}"
client = HubSpot(access_token="pat-judge")


def aimed(api):
    """The API with its calls sent to the sandbox."""
    api.api_client.configuration.host = url
    return api


def address(name):
    return f"{name}.{run}@example.com"


def refused(call):
    """The status HubSpot refused a call with."""
    try:
        call()
    except ApiException as error:
        return error.status
    raise AssertionError("the call should have been refused")


basic = aimed(client.crm.contacts.basic_api)
batch = aimed(client.crm.contacts.batch_api)
search = aimed(client.crm.contacts.search_api)
core = aimed(client.crm.properties.core_api)

properties = {"email": address("ada"), "firstname": "Ada"}
ada = basic.create(SimplePublicObjectInputForCreate(properties=properties, associations=[]))
assert ada.properties["email"] == address("ada")
assert refused(lambda: basic.create(SimplePublicObjectInputForCreate(properties=properties, associations=[]))) == 409
assert basic.update(ada.id, SimplePublicObjectInput(properties={"lastname": "L"})).properties["lastname"] == "L"
assert basic.get_by_id(address("ada"), id_property="email", properties=["firstname"]).id == ada.id
assert refused(lambda: basic.get_by_id("7")) == 404

made = batch.create(
    BatchInputSimplePublicObjectBatchInputForCreate(
        inputs=[
            {"properties": {"email": address(name)}, "associations": [], "objectWriteTraceId": name}
            for name in ("b1", "b2", "ada")
        ]
    )
)
assert len(made.results) == 2 and made.num_errors == 1, made
one, two = made.results
found = batch.read(
    BatchReadInputSimplePublicObjectId(
        inputs=[{"id": one.id}, {"id": two.id}], properties=["email"], properties_with_history=[]
    )
)
assert len(found.results) == 2

name = f"judge_{run}"
core.create(
    "contacts",
    PropertyCreate(
        name=name, label="Judge", type="string", field_type="text", group_name="contactinformation", has_unique_value=True
    ),
)
row = {"id": "k1", "idProperty": name, "properties": {"firstname": "K"}}
first = batch.upsert(BatchInputSimplePublicObjectBatchInputUpsert(inputs=[row]))
second = batch.upsert(BatchInputSimplePublicObjectBatchInputUpsert(inputs=[row]))
assert first.results[0].new and not second.results[0].new
assert first.results[0].id == second.results[0].id
core.archive("contacts", name)

hits = search.do_search(
    PublicObjectSearchRequest(
        filter_groups=[{"filters": [{"propertyName": "email", "operator": "EQ", "value": address("ada")}]}],
        sorts=[{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
        properties=["email"],
        limit=10,
    )
)
assert hits.total == 1 and hits.results[0].id == ada.id

merge = aimed(getattr(client.crm.contacts, "public_object_api", None) or client.crm.contacts.basic_api).merge
merged = merge(PublicMergeInput(primary_object_id=one.id, object_id_to_merge=two.id))
assert basic.get_by_id(two.id).id == merged.id
basic.archive(merged.id)
assert any(it.id == merged.id for it in basic.get_page(limit=100, archived=True).results)
