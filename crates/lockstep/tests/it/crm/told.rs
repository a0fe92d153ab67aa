//! What an app is told: changes of the records that it subscribed to, and of connections.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::time::Duration;

use lockstep::ops::crm::subscriptions::Told;
use lockstep::worker;
use lockstep_core::ids::CrmSubscriptionId;
use lockstep_sandbox::{Effect, Fault};
use serde_json::{Value, json};

use super::signet::{ORIGIN, Signet, direct};
use crate::world::{Setup, World, drive};

const SEARCH: &str = "POST /crm/v3/objects/deals/search";
const READ: &str = "POST /crm/v3/objects/deals/batch/read";

fn ready() -> Signet {
    mapped(Signet::new())
}

/// Documents are deals, and two search events find them by their title.
fn mapped(mut signet: Signet) -> Signet {
    signet.connect("c");
    let event = json!({ "type": "search", "payloadSchema": { "title": { "type": "string" } } });
    let objects = json!({ "document": { "fields": { "title": { "type": "string" } }, "events": {
        "find": event, "find_too": event,
    } } });
    let filters = [by("title", "dealname")];
    let actions = ["find", "find_too"]
        .map(|slug| json!({ "event": { "slug": slug }, "action_type": "search", "transformations": filters }));
    signet.map("c", &objects, "deals", &json!([direct("title", "dealname")]), &json!(actions));
    signet
}

/// A row that compares a payload field.
fn by(slug: &str, property: &str) -> Value {
    let mut row = direct(slug, property);
    row["criteria_operator"] = "eq".into();
    row
}

fn subscribe(signet: &Signet, what: &str, payload: &Value) -> Value {
    let path = format!("/api/v1/crm/c/objects/document/{what}/subscriptions");
    let (status, body) = signet.api("POST", &path, payload);
    assert_eq!(status, 201, "{body}");
    body["subscription"]["id"].clone()
}

/// Subscribes to the deals of a title.
fn to_title(signet: &Signet, title: &str) -> Value {
    subscribe(signet, "events/find", &json!({ "payload": { "title": title } }))
}

/// Subscribes to one deal.
fn to_deal(signet: &Signet, deal: &str) -> Value {
    subscribe(signet, &format!("deals:{deal}"), &Value::Null)
}

fn edit(signet: &Signet, deal: &str, title: &str) {
    signet.world.hubspot.edit(deal, &[("dealname", title)]).expect("an edit");
}

/// The user opens CRM Link anew: what their browser held has ended.
fn connect_again(signet: &mut Signet) {
    signet.token = signet.token_of("acme");
    signet.connect("c");
}

fn pass(signet: &mut Signet, secs: u64) {
    signet.world.pass(Duration::from_secs(secs));
}

/// What Signet was told at an address since the last call.
fn told(signet: &Signet, path: &str) -> Vec<Value> {
    let all = signet.world.wire.take_exchanges();
    let to = |uri: &str| uri == format!("https://signet.example{path}");
    all.iter().filter(|call| to(&call.uri)).map(|call| serde_json::from_slice(&call.request).expect("JSON")).collect()
}

/// The deals that Signet was told of, in order.
fn deals(changes: &[Value]) -> Vec<String> {
    let id = |change: &Value| change["payload"]["record"]["id"].as_str().map(|id| id.replace("deals:", ""));
    changes.iter().map(|change| id(change).expect("an id")).collect()
}

#[test]
fn a_subscribed_record_is_told_with_its_latest_version_and_its_end() {
    let mut signet = ready();
    let (watched, other) = (signet.deal("Watched"), signet.deal("Other"));
    signet.world.pass(Duration::from_secs(120));
    let path = format!("/api/v1/crm/c/objects/document/deals:{watched}/subscriptions");
    let (status, body) = signet.api("POST", &path, &Value::Null);
    assert_eq!(status, 201, "{body}");
    assert_eq!(signet.api("POST", &path, &Value::Null).1, body, "the same wish is the same subscription");
    signet.world.pass(Duration::from_secs(120));
    assert!(told(&signet, "/changes").is_empty(), "nothing has changed");
    edit(&signet, &watched, "First");
    edit(&signet, &other, "Unwanted");
    edit(&signet, &watched, "Second");
    signet.world.pass(Duration::from_secs(150));
    let subscription = body["subscription"]["id"].clone();
    let expected = json!({ "event_type": "record.changed", "payload": {
        "connection": { "external_id": "c" }, "context": { "external_id": "acme" }, "subscription": { "id": subscription },
        "record": { "type": "document", "id": format!("deals:{watched}"), "data": { "title": "Second" } },
    } });
    assert_eq!(told(&signet, "/changes"), [expected]);
    signet.world.hubspot.archive(&watched).expect("a delete");
    signet.world.pass(Duration::from_secs(150));
    let gone = told(&signet, "/changes");
    assert_eq!((gone.len(), &gone[0]["event_type"]), (1, &json!("record.deleted")), "{gone:?}");
    signet.world.pass(Duration::from_secs(150));
    assert!(told(&signet, "/changes").is_empty(), "told once");
}

#[test]
fn a_record_is_told_without_a_field_that_has_gone_from_the_crm() {
    let mut signet = Signet::new();
    signet.connect("c");
    let text = json!({ "type": "string" });
    let objects = json!({ "document": { "fields": { "title": text, "note": text } } });
    let rows = json!([direct("title", "dealname"), direct("note", "description")]);
    signet.map("c", &objects, "deals", &rows, &json!([]));
    let deal = signet.deal("Before");
    to_deal(&signet, &deal);
    pass(&mut signet, 120);
    signet.world.hubspot.drop_property_of("deals", "description").expect("a property");
    edit(&signet, &deal, "After");
    pass(&mut signet, 120);
    let changes = told(&signet, "/changes");
    assert_eq!(changes.len(), 1, "{changes:?}");
    assert_eq!(changes[0]["payload"]["record"]["data"], json!({ "note": null, "title": "After" }));
}

#[test]
fn a_record_that_begins_to_match_a_search_is_told() {
    let mut signet = ready();
    let deal = signet.deal("Draft");
    let path = "/api/v1/crm/c/objects/document/events/find/subscriptions";
    let (status, body) = signet.api("POST", path, &json!({ "payload": { "title": "Signed" } }));
    assert_eq!(status, 201, "{body}");
    signet.world.pass(Duration::from_secs(120));
    signet.world.hubspot.edit(&deal, &[("dealname", "Signed")]).expect("an edit");
    signet.world.pass(Duration::from_secs(150));
    let changes = told(&signet, "/changes");
    assert_eq!(
        (changes.len(), &changes[0]["payload"]["record"]["data"]["title"]),
        (1, &json!("Signed")),
        "{changes:?}"
    );
    let id = body["subscription"]["id"].as_str().expect("an id");
    let (status, _) = signet.api("DELETE", &format!("/api/v1/crm/c/subscriptions/{id}"), &Value::Null);
    assert_eq!(status, 204);
    signet.world.hubspot.edit(&deal, &[("amount", "5")]).expect("an edit");
    signet.world.pass(Duration::from_secs(150));
    assert!(told(&signet, "/changes").is_empty(), "nobody wants to know any more");
}

#[test]
fn connections_are_told_as_they_come_break_and_go() {
    let mut signet = ready();
    let of = |kind: &str| {
        json!({ "event_type": kind, "payload": {
        "connector": { "slug": "hubspot" }, "context": { "external_id": "acme" }, "connection": { "external_id": "c" } } })
    };
    assert_eq!(told(&signet, "/connections"), [of("connection.enabled")]);
    signet.world.hubspot.revoke();
    signet.world.hubspot.expire_tokens();
    let (status, _) = signet.api("GET", "/api/v1/crm/c/objects/document/deals:1", &Value::Null);
    assert_eq!(status, 409);
    signet.world.pass(Duration::from_secs(5));
    assert_eq!(told(&signet, "/connections"), [of("connection.errored")]);
    let (status, _) = signet.api("DELETE", "/api/v1/crm/connections/c", &Value::Null);
    assert_eq!(status, 204);
    signet.world.pass(Duration::from_secs(5));
    assert_eq!(told(&signet, "/connections"), [of("connection.disabled")]);
}

#[test]
fn what_changes_while_nobody_may_look_is_told_after_connecting_again() {
    let mut signet = ready();
    let deal = signet.deal("Before");
    pass(&mut signet, 120);
    to_deal(&signet, &deal);
    to_title(&signet, "While away");
    pass(&mut signet, 120);
    let (status, _) = signet.api("DELETE", "/api/v1/crm/connections/c", &Value::Null);
    assert_eq!(status, 204);
    pass(&mut signet, 3_600);
    edit(&signet, &deal, "While away");
    pass(&mut signet, 3_600);
    assert!(told(&signet, "/changes").is_empty());
    connect_again(&mut signet);
    pass(&mut signet, 60);
    assert_eq!(told(&signet, "/changes").len(), 2, "after a disconnect");

    signet.world.hubspot.revoke();
    signet.world.hubspot.expire_tokens();
    pass(&mut signet, 3_600);
    edit(&signet, &deal, "Revoked");
    pass(&mut signet, 600);
    assert!(told(&signet, "/changes").is_empty());
    signet.world.hubspot.reinstate();
    connect_again(&mut signet);
    pass(&mut signet, 60);
    assert_eq!(told(&signet, "/changes").len(), 1, "after a lost grant");

    signet.world.hubspot.faults().push(Fault::once(READ, Effect::Status { status: 403, policy: None }));
    edit(&signet, &deal, "Forbidden for a while");
    pass(&mut signet, 120);
    assert!(told(&signet, "/changes").is_empty());
    pass(&mut signet, 300);
    assert_eq!(told(&signet, "/changes").len(), 1, "after a refusal that passed");
}

#[test]
fn a_walk_keeps_its_place_over_a_limit_and_an_edit_between_its_pages() {
    let setup = Setup { page: Some(2), ..Setup::default() };
    let mut signet = mapped(Signet::in_world(World::new(&setup)));
    to_title(&signet, "Signed");
    pass(&mut signet, 30);
    let signed: Vec<String> = (0..5).map(|_| signet.deal("Signed")).collect();
    let limited = Effect::Status { status: 429, policy: Some("SECONDLY".to_owned()) };
    signet.world.hubspot.faults().push(Fault { skip: 1, ..Fault::once(SEARCH, limited) });
    told(&signet, "/changes");
    pass(&mut signet, 30);
    for deal in [&signed[0], &signed[4]] {
        signet.world.hubspot.edit(deal, &[("amount", "5")]).expect("an edit");
    }
    let first = signet.world.wire.take_exchanges();
    pass(&mut signet, 20);
    let rest = signet.world.wire.take_exchanges();
    let begins: Vec<String> =
        first.iter().chain(&rest).filter(|call| call.uri.ends_with("/deals/search")).map(begin).collect();
    assert_eq!(begins, ["0", &signed[1], &signed[1], &signed[3]], "one page a job, and none twice");
    pass(&mut signet, 120);
    let told = deals(&told(&signet, "/changes"));
    let calls = first.iter().chain(&rest).filter(|call| call.uri == "https://signet.example/changes");
    let read = |call: &crate::world::Exchange| serde_json::from_slice::<Value>(&call.request).expect("JSON");
    let mut all = deals(&calls.map(read).collect::<Vec<_>>());
    all.extend(told);
    all.sort();
    let mut expected = [signed.clone(), vec![signed[0].clone(), signed[4].clone()]].concat();
    expected.sort();
    assert_eq!(
        all, expected,
        "each once, and those that were edited meanwhile once more: the index is some seconds old"
    );
}

/// Behind which id a search goes on.
fn begin(call: &crate::world::Exchange) -> String {
    let body: Value = serde_json::from_slice(&call.request).expect("JSON");
    let filters = body["filterGroups"][0]["filters"].as_array().expect("filters").clone();
    let id = filters.iter().find(|filter| filter["propertyName"] == "hs_object_id").expect("a place");
    id["value"].as_str().expect("an id").to_owned()
}

#[test]
fn a_search_that_the_crm_refuses_keeps_no_other_waiting() {
    let mut signet = ready();
    to_title(&signet, "Signed");
    to_title(&signet, "Paid");
    pass(&mut signet, 30);
    let both: BTreeSet<String> = [signet.deal("Signed"), signet.deal("Paid")].into();
    signet.world.hubspot.faults().push(Fault::once(SEARCH, Effect::Status { status: 400, policy: None }));
    pass(&mut signet, 60);
    let first = deals(&told(&signet, "/changes"));
    assert_eq!(first.len(), 1, "the other one");
    pass(&mut signet, 300);
    let second = deals(&told(&signet, "/changes"));
    assert_eq!(first.into_iter().chain(second).collect::<BTreeSet<_>>(), both);

    signet.world.hubspot.faults().push(Fault::once(SEARCH, Effect::Status { status: 503, policy: None }));
    both.iter().for_each(|deal| signet.world.hubspot.edit(deal, &[("amount", "5")]).expect("an edit"));
    pass(&mut signet, 180);
    assert_eq!(told(&signet, "/changes").len(), 2, "after an outage");
}

#[test]
fn a_search_with_no_room_for_a_condition_on_the_time_is_refused_in_words() {
    let mut signet = Signet::new();
    signet.connect("c");
    let text = json!({ "type": "string" });
    let payload = json!({ "title": text, "about": text, "next": text, "stage": text, "amount": { "type": "number" } });
    let objects = json!({ "document": { "fields": { "title": text }, "events": {
        "find": { "type": "search", "payloadSchema": payload },
    } } });
    let filters = [
        by("title", "dealname"),
        by("about", "description"),
        by("next", "hs_next_step"),
        by("stage", "dealstage"),
        by("amount", "amount"),
    ];
    let find = json!([{ "event": { "slug": "find" }, "action_type": "search", "transformations": filters }]);
    signet.map("c", &objects, "deals", &json!([direct("title", "dealname")]), &find);
    let criteria = json!({ "title": "a", "about": "b", "next": "c", "stage": "appointmentscheduled", "amount": 5 });
    let path = "/api/v1/crm/c/objects/document/events/find/subscriptions";
    let (status, body) = signet.api("POST", path, &json!({ "payload": criteria }));
    let message = "HubSpot refused: HubSpot takes at most 4 conditions in a search for changes. Nothing was written.";
    assert_eq!((status, &body["code"], &body["error"]), (502, &json!("crm_refused"), &json!(message)));
}

#[test]
fn a_subscription_begins_when_it_is_made_and_knows_no_history() {
    for offset in [0, -3_600, 3_600] {
        let mut signet = ready();
        signet.world.set_vendor_offset(offset);
        let deal = signet.deal("Draft");
        pass(&mut signet, 120);
        let first = to_title(&signet, "Signed");
        edit(&signet, &deal, "Signed");
        pass(&mut signet, 150);
        assert_eq!(told(&signet, "/changes").len(), 1, "edited before anybody looked; clocks {offset} s apart");
        pass(&mut signet, 3_600);
        let second = subscribe(&signet, "events/find_too", &json!({ "payload": { "title": "Signed" } }));
        let third = to_deal(&signet, &deal);
        pass(&mut signet, 300);
        assert!(told(&signet, "/changes").is_empty(), "an hour of history is no change");
        signet.world.hubspot.edit(&deal, &[("amount", "5")]).expect("an edit");
        pass(&mut signet, 150);
        let subscriptions: Vec<Value> =
            told(&signet, "/changes").iter().map(|change| change["payload"]["subscription"]["id"].clone()).collect();
        assert_eq!(subscriptions.len(), 3, "each of those that want the record is told once");
        assert!([first, second, third].iter().all(|id| subscriptions.contains(id)), "{subscriptions:?}");
    }
}

#[test]
fn a_change_during_a_call_is_another_call() {
    let mut signet = ready();
    let deal = signet.deal("First");
    pass(&mut signet, 120);
    let id = to_deal(&signet, &deal);
    edit(&signet, &deal, "Second");
    let subscription = CrmSubscriptionId::parse(id.as_str().expect("an id")).expect("an id");
    let record = format!("deals:{deal}");
    let fold = format!("{subscription}:{record}");
    let again = Told::Record { connection: "c".to_owned(), subscription, record };
    let again = serde_json::to_value(&again).expect("JSON");
    let mut calls = Vec::new();
    let app = signet.world.app.clone();
    while let Some(claimed) = signet.world.claim() {
        let done = drive(worker::run_one(&app, &claimed), || {
            let taken = told(&signet, "/changes");
            if calls.is_empty() && !taken.is_empty() {
                let (fold, again) = (fold.clone(), again.clone());
                signet.world.write(move |tx, org| tx.tell_app(org, &fold, &again));
            }
            calls.extend(taken);
            ControlFlow::Continue(())
        });
        done.expect("it ran to its end").expect("the store commits a job's end");
    }
    assert_eq!(calls.len(), 2);
    pass(&mut signet, 120);
    assert!(told(&signet, "/changes").is_empty());
}

#[test]
fn a_call_that_is_not_taken_is_repeated_twenty_times() {
    let setup = Setup { poll: Duration::from_secs(86_400), ..Setup::default() };
    let mut signet = mapped(Signet::in_world(World::new(&setup)));
    // The subscribers of this world answer 200.
    let settings = json!({ "name": "Signet", "allowed_origins": [ORIGIN], "strict_204": true,
        "data_webhook_url": "https://signet.example/changes" });
    let (status, body) = signet.api("PUT", "/api/platform/app", &settings);
    assert_eq!(status, 200, "{body}");
    let deal = signet.deal("First");
    to_deal(&signet, &deal);
    pass(&mut signet, 1);
    edit(&signet, &deal, "Second");
    pass(&mut signet, 20 * 86_400);
    assert_eq!(told(&signet, "/changes").len(), 20);
    pass(&mut signet, 10 * 86_400);
    assert_eq!(told(&signet, "/changes").len(), 1, "some 24 days after the first");
    pass(&mut signet, 30 * 86_400);
    assert!(told(&signet, "/changes").is_empty(), "given up");
}
