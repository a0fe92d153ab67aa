//! What only Pipedrive has among its objects: links that are members, values with types, automations by a field.

use lockstep_connect::{Call, Connector, Deed, Fault, FaultClass, Method, Outcome, Search, Session};
use lockstep_core::crm::action::Key;
use lockstep_core::crm::{ApiObject, Filter, Link, NativeKind, Operator};
use lockstep_core::env::{Dial, Env, Time};
use lockstep_core::record::Record;
use lockstep_sandbox::{Effect, Pipedrive};
use serde_json::{Value as Json, json};

use lockstep_conform::door::RouterDoor;
use lockstep_conform::likes::pipedrive::settings;
use lockstep_conform::objects::{field, link, record, written};
use lockstep_conform::world::set;

struct Office {
    company: Pipedrive,
    session: Session,
    connector: &'static dyn Connector,
    dial: Dial,
}

fn office() -> Office {
    let (env, dial) = Env::manual(Time::from_secs(1_795_348_800), 9);
    let company = Pipedrive::new(settings(env.clone()));
    let (connector, session) = RouterDoor::session("pipedrive", company.router(), env, "t");
    Office { company, session, connector, dial }
}

impl Office {
    async fn carry_out(&self, deed: &Deed) -> Result<Outcome, Fault> {
        let asked = ["name".to_owned()];
        self.connector.carry_out(&self.session, deed, if of(deed) == "persons" { &asked } else { &[] }).await
    }

    async fn create(&self, object: &str, properties: &[(&str, &str)], links: Vec<Link>) -> String {
        let deed = Deed::Create { object: object.to_owned(), properties: set(properties), key: None, links };
        written(self.carry_out(&deed).await.expect("a record")).id
    }

    async fn describe(&self, slug: &str) -> ApiObject {
        self.connector.object(&self.session, slug).await.expect("a description")
    }

    fn held(&self, object: &str, id: &str) -> lockstep_sandbox::pipedrive::Record {
        let all = self.company.records_of(object).expect("records");
        all.into_iter().find(|record| record.id == id).expect("a record")
    }

    async fn search(&self, object: &str, search: &Search, asked: &[&str]) -> (Vec<Record>, Option<String>) {
        let asked: Vec<String> = asked.iter().map(|name| (*name).to_owned()).collect();
        let found = self.connector.search(&self.session, object, search, &asked).await.expect("a page");
        (found.records, found.after)
    }

    async fn add_field(&self, object: &str, name: &str) -> String {
        let body = json!({ "field_name": name, "field_type": "varchar" });
        let call = Call::write(Method::Post, format!("/api/v2/{object}Fields"), Some(body));
        let answer = self.session.door.send(call).await.expect("an answer");
        answer.body["data"]["field_code"].as_str().expect("a code").to_owned()
    }
}

fn of(deed: &Deed) -> &str {
    match deed {
        Deed::Create { object, .. } | Deed::Start { object, .. } => object,
        Deed::Update { record, .. } | Deed::Archive(record) => record.object(),
    }
}

#[tokio::test]
async fn a_limit_of_the_plan_refuses_the_deal_and_not_the_grant() {
    let office = office();
    let effect = Effect::Status { status: 403, policy: Some("feature_capping".to_owned()) };
    office.company.faults().push(lockstep_sandbox::Fault::anywhere(effect));
    let (object, properties) = ("deals".to_owned(), set(&[("title", "Lamps")]));
    let deed = Deed::Create { object, properties, key: None, links: vec![] };
    let fault = office.carry_out(&deed).await.expect_err("no more deals");
    assert_eq!((fault.class, fault.code.as_str()), (FaultClass::Rejected, "feature_capping_deals_limit"));
}

#[tokio::test]
async fn records_are_linked_in_the_call_that_writes_them() {
    let office = office();
    let ana = office.create("persons", &[("name", "Ana")], vec![]).await;
    let bo = office.create("persons", &[("name", "Bo")], vec![]).await;
    let firm = office.create("organizations", &[("name", "Firm")], vec![]).await;
    office.company.reset_calls();
    let links = vec![link("persons", &ana, None), link("organizations", &firm, Some("org_id"))];
    let deal = office.create("deals", &[("title", "Lamps")], links).await;
    assert_eq!(office.company.calls().total, 1);
    let held = office.held("deals", &deal);
    assert_eq!((held.value("person_id"), held.value("org_id")), (Some(ana.as_str()), Some(firm.as_str())));

    let call = office.create("activities", &[("subject", "Call")], vec![link("persons", &ana, None)]).await;
    let links = vec![link("persons", &bo, None), link("deals", &deal, None)];
    let update = Deed::Update { record: record("activities", &call), properties: set(&[]), links };
    office.carry_out(&update).await.expect("linked");
    let held = office.held("activities", &call);
    let participants: Json = serde_json::from_str(held.value("participants").expect("a list")).expect("JSON");
    let ids: Vec<String> =
        participants.as_array().expect("rows").iter().map(|it| it["person_id"].to_string()).collect();
    assert_eq!((ids, held.value("deal_id")), (vec![ana.clone(), bo], Some(deal.as_str())));

    for links in [vec![link("deals", &deal, None)], vec![link("organizations", &firm, Some("employer"))]] {
        let update = Deed::Update { record: record("persons", &ana), properties: set(&[]), links };
        let fault = office.carry_out(&update).await.expect_err("no such link");
        assert_eq!((fault.class, fault.code.as_str()), (FaultClass::Rejected, "UNKNOWN_LINK"));
    }
    let update = Deed::Update {
        record: record("persons", &ana),
        properties: set(&[]),
        links: vec![link("organizations", "999999", None)],
    };
    let fault = office.carry_out(&update).await.expect_err("nobody");
    assert_eq!((fault.class, fault.property.as_deref()), (FaultClass::Rejected, Some("org_id")));
}

#[tokio::test]
async fn stages_owners_and_types_are_choices() {
    let office = office();
    let deals = office.describe("deals").await;
    assert_eq!((deals.label_one.as_str(), deals.label_many.as_str()), ("Deal", "Deals"));
    let root = deals.selector.expect("fields");
    let labels = |name: &str| field(&root, name).choices.iter().map(|it| it.label.clone()).collect::<Vec<_>>();
    assert_eq!(labels("stage_id")[..2], ["Qualified", "Contact Made"]);
    assert_eq!((labels("pipeline_id"), labels("owner_id").len()), (vec!["Pipeline".to_owned()], 2));
    assert!(labels("status").contains(&"Won".to_owned()));
    assert_eq!(root.children[0].api_name.as_deref(), Some("title"), "what is required comes first");
    assert_eq!(field(&root, "value").native_type, NativeKind::Number);
    assert_eq!(field(&root, "expected_close_date").native_type, NativeKind::Date);
    assert_eq!(field(&root, "won_time").native_type, NativeKind::Datetime);
    assert_eq!(field(&root, "label_ids").native_type, NativeKind::Choices);
    let activities = office.describe("activities").await.selector.expect("fields");
    assert!(field(&activities, "type").choices.iter().any(|it| it.value == "call" && it.label == "Call"));
    assert_eq!(field(&activities, "done").native_type, NativeKind::Boolean);
}

#[tokio::test]
async fn every_kind_of_value_is_taken() {
    let office = office();
    let properties = [
        ("title", "Lamps"),
        ("value", "12.5"),
        ("currency", "USD"),
        ("stage_id", "3"),
        ("status", "won"),
        ("probability", "50"),
        ("expected_close_date", "2026-12-01"),
        ("won_time", "2026-11-22T10:00:00.5Z"),
    ];
    let deal = office.create("deals", &properties, vec![]).await;
    let held = office.held("deals", &deal);
    let told: Vec<_> = ["value", "stage_id", "status", "expected_close_date"].map(|it| held.value(it)).into();
    assert_eq!(told, [Some("12.5"), Some("3"), Some("won"), Some("2026-12-01")]);
    let call = [("subject", "Call"), ("done", "true"), ("due_date", "2026-12-01"), ("due_time", "10:00")];
    let call = office.create("activities", &call, vec![]).await;
    assert_eq!(office.held("activities", &call).value("done"), Some("true"));
    let firm =
        office.create("organizations", &[("name", "Firm"), ("address", "Rome"), ("label_ids", "")], vec![]).await;
    assert_eq!(office.held("organizations", &firm).value("address"), Some(r#"{"value":"Rome"}"#));
    let ada = [("name", "Ada"), ("email", "ada@example.com"), ("birthday", "1815-12-10")];
    let ada = office.create("persons", &ada, vec![]).await;
    assert_eq!(office.held("persons", &ada).value("email"), Some("ada@example.com"));
    let clear = [("birthday".to_owned(), None), ("email".to_owned(), None)].into();
    let update = Deed::Update { record: record("persons", &ada), properties: clear, links: vec![] };
    office.carry_out(&update).await.expect("cleared");
    let held = office.held("persons", &ada);
    assert_eq!((held.value("birthday"), held.value("email"), held.value("name")), (None, None, Some("Ada")));
    let fixed = Deed::Update { record: record("deals", &deal), properties: set(&[("add_time", "x")]), links: vec![] };
    let fault = office.carry_out(&fixed).await.expect_err("not to be written");
    assert_eq!((fault.class, fault.property.as_deref()), (FaultClass::Rejected, Some("add_time")));
}

#[tokio::test]
async fn a_key_of_ours_is_searched_for() {
    let office = office();
    for _ in 0..2 {
        office.connector.add_key(&office.session, "deals", "lockstep_id").await.expect("a key");
    }
    let fault = office.connector.add_key(&office.session, "activities", "lockstep_id").await.expect_err("no fields");
    assert_eq!((fault.class, fault.code.as_str()), (FaultClass::Rejected, "NO_CUSTOM_FIELDS"));
    let key = Key { property: "lockstep_id".to_owned(), value: "key 1".to_owned() };
    let fault = office.connector.by_key(&office.session, "deals", &key, &[]).await.expect_err("not unique");
    assert_eq!(fault.class, FaultClass::Rejected);
    let (object, properties) = ("deals".to_owned(), set(&[("title", "Lamps")]));
    let create = Deed::Create { object, properties, key: Some(key), links: vec![] };
    let made = written(office.carry_out(&create).await.expect("a deal"));
    office.dial.advance(office.connector.about().index_lag);
    let filter = Filter { property: "lockstep_id".into(), operator: Operator::Eq, value: Some("key 1".into()) };
    let search = Search { filters: vec![filter], limit: 2, ..Search::default() };
    let (found, after) = office.search("deals", &search, &["title", "lockstep_id"]).await;
    assert_eq!((found.len(), found[0].id.as_str(), after), (1, made.id.as_str(), None));
    assert_eq!(found[0].text("lockstep_id"), Some("key 1"));
}

#[tokio::test]
async fn what_pipedrive_cannot_search_is_looked_through_and_paged() {
    let office = office();
    let mut ids = Vec::new();
    for number in 0..6 {
        let stage = if number % 2 == 0 { "1" } else { "2" };
        let properties = [("title", "Lamps"), ("stage_id", stage), ("value", "5")];
        ids.push(office.create("deals", &properties, vec![]).await);
        office.dial.advance(std::time::Duration::from_secs(1));
    }
    office.dial.advance(office.connector.about().index_lag);
    let filter = |property: &str, value: Option<&str>| Filter {
        property: property.to_owned(),
        operator: Operator::Eq,
        value: value.map(str::to_owned),
    };
    let mut cases =
        vec![vec![filter("stage_id", Some("2"))], vec![filter("value", Some("5")), filter("stage_id", Some("2"))]];
    cases.push(vec![filter("title", Some("lamps")), filter("stage_id", Some("2")), filter("lost_reason", None)]);
    for filters in cases {
        let (mut told, mut after, mut pages) = (Vec::new(), None, 0);
        loop {
            let search = Search { filters: filters.clone(), limit: 2, after, ..Search::default() };
            let (found, next) = office.search("deals", &search, &["title"]).await;
            assert!(found.len() <= 2);
            told.extend(found.into_iter().map(|record| record.id));
            (after, pages) = (next, pages + 1);
            if after.is_none() || pages > 5 {
                break;
            }
        }
        assert_eq!((told, pages), (vec![ids[5].clone(), ids[3].clone(), ids[1].clone()], 2), "{filters:?}");
    }
    let search = Search { after: Some("over there".to_owned()), limit: 2, ..Search::default() };
    let fault = office.connector.search(&office.session, "deals", &search, &[]).await.expect_err("no place");
    assert_eq!((fault.class, fault.code.as_str()), (FaultClass::Rejected, "BAD_PLACE"));
}

#[tokio::test]
async fn a_field_of_its_own_starts_automations() {
    let office = office();
    assert!(office.describe("deals").await.workflows.is_empty());
    let code = office.add_field("deal", "Lockstep_event").await;
    let deals = office.describe("deals").await;
    let [workflow] = &deals.workflows[..] else { panic!("one workflow: {:?}", deals.workflows) };
    assert_eq!(
        (workflow.id.as_str(), workflow.label.as_str()),
        (code.as_str(), "Automations that watch \"Lockstep_event\"")
    );
    let required: Vec<_> = workflow.selector.children.iter().filter(|it| it.access.required).collect();
    assert_eq!((required.len(), required[0].api_name.as_deref()), (1, Some(code.as_str())));
    let deal = office.create("deals", &[("title", "Lamps")], vec![]).await;
    let start = |deal: Option<&str>, inputs: &[(&str, &str)]| Deed::Start {
        object: "deals".to_owned(),
        workflow: code.clone(),
        record: deal.map(|id| record("deals", id)),
        inputs: set(inputs),
    };
    let fault = office.carry_out(&start(Some(&deal), &[])).await.expect_err("no event");
    assert_eq!((fault.class, fault.property.as_deref()), (FaultClass::Rejected, Some(code.as_str())));
    office.company.subscribe("https://other.example.com/hooks");
    for moves in [1, 2] {
        office.carry_out(&start(Some(&deal), &[(&code, "signed"), ("value", "7")])).await.expect("a start");
        assert_eq!(office.company.take_hooks().len(), moves, "a value that is there is cleared first");
    }
    assert_eq!(office.held("deals", &deal).value(&code), Some("signed"));
    office.carry_out(&start(None, &[(&code, "signed"), ("title", "More")])).await.expect("a start with a new record");
    assert_eq!(office.company.records_of("deals").expect("deals").len(), 2);
    office.company.drop_property_of("deals", &code).expect("dropped");
    let fault = office.carry_out(&start(Some(&deal), &[(&code, "signed")])).await.expect_err("gone");
    assert_eq!((fault.class, fault.code.as_str()), (FaultClass::Drift, "WORKFLOW_GONE"));
}
