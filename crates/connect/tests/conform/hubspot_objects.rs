//! What only HubSpot has among its objects: links of several kinds, pipelines, workflows, scopes.

use std::sync::Arc;

use lockstep_connect::{Connector, Deed, FaultClass, Outcome, Session};
use lockstep_core::crm::{ApiObject, Link, NativeKind};
use lockstep_core::env::{Env, Time};
use lockstep_core::record::{Properties, Record};
use lockstep_sandbox::hubspot::{Deed as Does, Workflow};
use lockstep_sandbox::{Effect, Fault, Hubspot, HubspotSettings};
use serde_json::json;

use lockstep_conform::door::RouterDoor;
use lockstep_conform::objects::{field, link, record, written};
use lockstep_conform::world::set;

struct Office {
    hubspot: Hubspot,
    session: Session,
    connector: &'static dyn Connector,
}

fn office() -> Office {
    let (env, dial) = Env::manual(Time::from_secs(1_795_348_800), 9);
    let settings = HubspotSettings { clock: Arc::new(move || dial.now().0), ..HubspotSettings::default() };
    let hubspot = Hubspot::new(settings);
    let (connector, session) = RouterDoor::session("hubspot", hubspot.router(), env, "pat-conform");
    Office { hubspot, session, connector }
}

impl Office {
    async fn carry_out(&self, deed: &Deed) -> Result<Outcome, lockstep_connect::Fault> {
        let asked = ["dealname", "firstname", "lockstep_event"].map(str::to_owned);
        self.connector.carry_out(&self.session, deed, &asked).await
    }

    /// How many calls a deed takes.
    async fn cost(&self, deed: &Deed) -> u64 {
        self.hubspot.reset_calls();
        self.carry_out(deed).await.expect("an outcome");
        self.hubspot.calls().total
    }

    async fn create(&self, object: &str, properties: &[(&str, &str)], links: Vec<Link>) -> Record {
        let deed = Deed::Create { object: object.to_owned(), properties: set(properties), key: None, links };
        written(self.carry_out(&deed).await.expect("a record"))
    }

    async fn describe(&self, slug: &str) -> ApiObject {
        self.connector.object(&self.session, slug).await.expect("a description")
    }

    /// The ids and labels of what a record is linked with, as another client sees it.
    async fn links(&self, object: &str, id: &str, to: &str) -> Vec<(String, Vec<String>)> {
        let path = format!("/crm/v4/objects/{object}/{id}/associations/{to}");
        let call = lockstep_connect::Call::read(lockstep_connect::Method::Get, path, None);
        let body = self.session.door.send(call).await.expect("an answer").body;
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let labels = |row: &serde_json::Value| {
            row["associationTypes"].as_array().expect("types").iter().map(|it| text(&it["label"])).collect()
        };
        body["results"].as_array().expect("links").iter().map(|row| (text(&row["toObjectId"]), labels(row))).collect()
    }
}

const DEAL: &[(&str, &str)] = &[("dealname", "Lamps"), ("pipeline", "default"), ("dealstage", "contractsent")];

#[tokio::test]
async fn records_are_linked_when_made_and_later() {
    let office = office();
    let contract = format!("p{}_contracts", HubspotSettings::default().portal_id);
    let ana = office.create("contacts", &[("firstname", "Ana")], vec![]).await.id;
    let firm = office.create("companies", &[("name", "Firm")], vec![]).await.id;
    let deal = office.create("deals", DEAL, vec![link("contacts", &ana, None)]).await.id;
    assert_eq!(office.links("deals", &deal, "contacts").await, [(ana.clone(), vec![String::new()])]);
    assert_eq!(office.links("contacts", &ana, "deals").await.len(), 1, "seen from the other end too");

    let record = record("deals", &deal);
    let links = vec![link("companies", &firm, None), link("companies", &firm, Some("primary"))];
    let update = Deed::Update { record, properties: set(&[("dealname", "More lamps")]), links };
    let changed = written(office.carry_out(&update).await.expect("a change"));
    assert_eq!(changed.text("dealname"), Some("More lamps"));
    let both = vec!["Primary".to_owned(), String::new()];
    assert_eq!(office.links("deals", &deal, "companies").await, [(firm.clone(), both)]);

    let signed = [("contract_name", "Lease")];
    let lease = office.create(&contract, &signed, vec![link("contacts", &ana, Some("Signed by"))]).await.id;
    assert_eq!(office.links(&contract, &lease, "contacts").await, [(ana.clone(), vec!["Signed by".to_owned()])]);
    let note = office.create("notes", &[("hs_note_body", "Called")], vec![link("contacts", &ana, None)]).await.id;
    assert_eq!(office.links("contacts", &ana, "notes").await[0].0, note);

    let odd = Deed::Create {
        object: "notes".to_owned(),
        properties: Properties::new(),
        key: None,
        links: vec![link("contacts", &ana, Some("godfather"))],
    };
    let fault = office.carry_out(&odd).await.expect_err("no such kind");
    assert_eq!((fault.class, fault.code.as_str()), (FaultClass::Rejected, "UNKNOWN_LINK"));
    let lost = Deed::Create {
        object: "deals".to_owned(),
        properties: set(DEAL),
        key: None,
        links: vec![link("contacts", "7", None)],
    };
    assert_eq!(office.carry_out(&lost).await.expect_err("nobody").class, FaultClass::Rejected);
    assert_eq!(office.hubspot.records_of("deals").expect("deals").len(), 1, "and no deal was made");
}

#[tokio::test]
async fn a_link_that_hubspot_refuses_in_a_good_answer_is_not_made() {
    let office = office();
    let ana = office.create("contacts", &[("firstname", "Ana")], vec![]).await.id;
    let deal = office.create("deals", DEAL, vec![]).await.id;
    let record = record("deals", &deal);
    let links = vec![link("contacts", &ana, None)];
    let update = Deed::Update { record, properties: set(&[("amount", "5")]), links };
    office.hubspot.refuse_links(1);
    assert_eq!(office.carry_out(&update).await.expect_err("refused").class, FaultClass::Rejected);
    assert_eq!(office.hubspot.get(&deal).expect("a deal").value("amount"), None);
    office.carry_out(&update).await.expect("the next time it is made");
    assert_eq!(office.links("deals", &deal, "contacts").await.len(), 1);
}

#[tokio::test]
async fn a_deed_takes_as_few_calls_as_it_can() {
    let office = office();
    let ana = office.create("contacts", &[("firstname", "Ana")], vec![]).await.id;
    let create = |object: &str, properties: &[(&str, &str)], kind: Option<&str>| {
        let links = vec![link("contacts", &ana, kind)];
        Deed::Create { object: object.to_owned(), properties: set(properties), key: None, links }
    };
    assert_eq!(office.cost(&create("deals", DEAL, None)).await, 1, "with its link");
    let lease = [("contract_name", "Lease")];
    assert_eq!(
        office.cost(&create("p44237313_contracts", &lease, Some("Signed by"))).await,
        2,
        "its kind is asked for"
    );
    let deal = office.hubspot.records_of("deals").expect("deals").remove(0).id;
    let record = record("deals", &deal);
    let links = vec![link("contacts", &ana, None)];
    let update = Deed::Update { record: record.clone(), properties: set(&[("amount", "5")]), links };
    assert_eq!(office.cost(&update).await, 2);
    assert_eq!(office.cost(&Deed::Archive(record)).await, 1);
}

#[tokio::test]
async fn stages_owners_and_lists_are_choices() {
    let office = office();
    let deals = office.describe("deals").await;
    let root = deals.selector.expect("fields");
    assert_eq!((deals.label_one.as_str(), deals.label_many.as_str()), ("Deal", "Deals"));
    let labels = |name: &str| field(&root, name).choices.iter().map(|it| it.label.clone()).collect::<Vec<_>>();
    assert_eq!(labels("pipeline"), ["Sales Pipeline", "Renewals"]);
    assert!(labels("dealstage").contains(&"Sales Pipeline: Closed Won".to_owned()), "two pipelines, so it says which");
    assert_eq!(labels("hubspot_owner_id")[0], "Ada Lovelace (ada@example.com)");
    let required: Vec<&str> =
        root.children.iter().filter(|it| it.access.required).filter_map(|it| it.api_name.as_deref()).collect();
    assert_eq!(required, ["dealname", "dealstage", "pipeline"], "and they come first");
    assert_eq!(field(&root, "amount").native_type, NativeKind::Number);
    assert_eq!(field(&root, "closedate").native_type, NativeKind::Datetime);
    assert_eq!(field(&root, "hs_is_closed").native_type, NativeKind::Boolean);
    let tickets = office.describe("tickets").await.selector.expect("fields");
    assert_eq!(field(&tickets, "hs_pipeline_stage").choices[0].label, "New", "one pipeline needs no name");
    assert_eq!(field(&tickets, "hs_ticket_category").native_type, NativeKind::Choices);
    let contacts = office.describe("contacts").await.selector.expect("fields");
    assert!(
        contacts.children.iter().all(|it| !it.api_name.as_deref().unwrap_or_default().starts_with("hs_searchable"))
    );

    let wrong = [("dealname", "Lamps"), ("pipeline", "default"), ("dealstage", "1067411501")];
    let deed = Deed::Create { object: "deals".to_owned(), properties: set(&wrong), key: None, links: vec![] };
    let fault = office.carry_out(&deed).await.expect_err("another pipeline's stage");
    assert_eq!((fault.class, fault.code.as_str()), (FaultClass::Rejected, "INVALID_OPTION"));
    assert_eq!(fault.property.as_deref(), Some("dealstage"));
}

#[tokio::test]
async fn every_kind_of_value_is_taken_and_a_taken_address_is_named() {
    let office = office();
    let lease = [("contract_name", "Lease"), ("signed_on", "2026-02-03"), ("contract_value", "1200.50")];
    let lease = office.create("p44237313_contracts", &lease, vec![]).await.id;
    assert_eq!(office.hubspot.get(&lease).expect("a contract").value("signed_on"), Some("2026-02-03"));
    let closed = [DEAL, &[("closedate", "2026-02-03T10:00:00Z")]].concat();
    let deal = office.create("deals", &closed, vec![]).await.id;
    assert_eq!(office.hubspot.get(&deal).expect("a deal").value("closedate"), Some("2026-02-03T10:00:00.000Z"));
    let firm = office.create("companies", &[("name", "Firm"), ("is_public", "true")], vec![]).await.id;
    assert_eq!(office.hubspot.get(&firm).expect("a company").value("is_public"), Some("true"));
    let ticket = [("subject", "Help"), ("hs_pipeline", "0"), ("hs_pipeline_stage", "1")];
    let ticket = [&ticket[..], &[("hs_ticket_category", "BILLING_ISSUE;FEATURE_REQUEST")]].concat();
    office.create("tickets", &ticket, vec![]).await;

    let ana = office.create("contacts", &[("email", "ana@example.com")], vec![]).await.id;
    let properties = set(&[("email", "Ana@example.com")]);
    let again = Deed::Create { object: "contacts".to_owned(), properties, key: None, links: vec![] };
    let fault = office.carry_out(&again).await.expect_err("taken");
    assert_eq!((fault.class, fault.existing.as_deref()), (FaultClass::Duplicate, Some(ana.as_str())));
}

#[tokio::test]
async fn a_workflow_is_started_by_the_value_it_watches_for() {
    let office = office();
    let contacts = office.describe("contacts").await;
    let [workflow] = &contacts.workflows[..] else { panic!("one workflow: {:?}", contacts.workflows) };
    assert_eq!(workflow.label, "A deal for a lead that is ready");
    let inputs: Vec<&str> = workflow.selector.children.iter().filter_map(|it| it.api_name.as_deref()).collect();
    assert!(inputs.contains(&"lastname") && !inputs.contains(&"hs_lead_status") && !inputs.contains(&"createdate"));
    assert!(workflow.selector.children.iter().all(|it| !it.access.required));

    let ana = office.create("contacts", &[("firstname", "Ana")], vec![]).await.id;
    let start = |id: Option<&str>, inputs: &[(&str, &str)]| Deed::Start {
        object: "contacts".to_owned(),
        workflow: workflow.id.clone(),
        record: id.map(|id| record("contacts", id)),
        inputs: set(inputs),
    };
    for _ in 0..2 {
        let record = written(office.carry_out(&start(Some(&ana), &[("lastname", "Lim")])).await.expect("a start"));
        assert_eq!(record.id, ana);
    }
    let deals = office.hubspot.records_of("deals").expect("deals");
    assert_eq!(deals.iter().map(|deal| deal.value("dealname")).collect::<Vec<_>>(), [Some("Ana Lim"); 2]);
    assert_eq!(office.links("contacts", &ana, "deals").await.len(), 2);
    let made = written(office.carry_out(&start(None, &[("firstname", "Bo")])).await.expect("a start"));
    assert_eq!(made.text("firstname"), Some("Bo"));
    assert_eq!(office.hubspot.workflows()[0].runs, 3);

    office.hubspot.faults().push(Fault::once("PATCH /crm/v3/objects/contacts/{id}", Effect::LostAfter));
    office.carry_out(&start(Some(&ana), &[])).await.expect("what may have been cleared is filled again");
    assert_eq!(office.hubspot.workflows()[0].runs, 4);

    let unknown =
        Deed::Start { object: "contacts".to_owned(), workflow: "7".to_owned(), record: None, inputs: set(&[]) };
    let fault = office.carry_out(&unknown).await.expect_err("no such workflow");
    assert_eq!((fault.class, fault.code.as_str()), (FaultClass::Drift, "WORKFLOW_GONE"));
}

#[tokio::test]
async fn a_property_of_its_own_starts_any_workflow() {
    let office = office();
    let draft = json!({"name": "lockstep_event", "label": "App event", "type": "string", "fieldType": "text",
        "groupName": "dealinformation"});
    let path = "/crm/v3/properties/deals";
    let call = lockstep_connect::Call::write(lockstep_connect::Method::Post, path, Some(draft));
    assert_eq!(office.session.door.send(call).await.expect("an answer").status, 201);
    let workflow = Workflow {
        name: "Signed".to_owned(),
        object: "deals".to_owned(),
        property: "lockstep_event".to_owned(),
        value: Some("signed".to_owned()),
        does: Does::Set([("dealstage".to_owned(), "closedwon".to_owned())].into()),
        is_enabled: true,
    };
    office.hubspot.add_workflow(workflow).expect("a workflow");
    let deals = office.describe("deals").await;
    let labels: Vec<&str> = deals.workflows.iter().map(|it| it.label.as_str()).collect();
    assert_eq!(labels, ["Workflows that watch \"App event\"", "Signed"]);
    let form = &deals.workflows[0].selector;
    assert_eq!(
        (form.children[0].api_name.as_deref(), form.children[0].access.required),
        (Some("lockstep_event"), true)
    );

    let deal = office.create("deals", DEAL, vec![]).await.id;
    let start = |inputs: &[(&str, &str)]| Deed::Start {
        object: "deals".to_owned(),
        workflow: "lockstep_event".to_owned(),
        record: Some(record("deals", &deal)),
        inputs: set(inputs),
    };
    let fault = office.carry_out(&start(&[])).await.expect_err("no event");
    assert_eq!((fault.class, fault.property.as_deref()), (FaultClass::Rejected, Some("lockstep_event")));
    office.carry_out(&start(&[("lockstep_event", "signed")])).await.expect("a start");
    let deal = office.hubspot.get(&deal).expect("it is there");
    assert_eq!((deal.value("dealstage"), deal.value("hs_is_closed_won")), (Some("closedwon"), Some("true")));
}

#[tokio::test]
async fn only_what_the_grant_covers_is_offered() {
    let office = office();
    let tokens = office.hubspot.grant_scopes(&["crm.objects.contacts.read", "crm.schemas.contacts.read"]);
    let env = office.session.env.clone();
    let door = RouterDoor::new(office.hubspot.router(), env.clone(), office.connector, &tokens.access_token);
    let session = Session { door: Arc::new(door), env };
    let slugs = |objects: Vec<ApiObject>| objects.into_iter().map(|it| it.slug).collect::<Vec<_>>();
    let offered = office.connector.objects(&session).await.expect("objects");
    assert_eq!(slugs(offered), ["contacts", "notes"]);
    let contacts = office.connector.object(&session, "contacts").await.expect("a description");
    assert!(contacts.workflows.is_empty());
    assert!(field(&contacts.selector.expect("fields"), "hubspot_owner_id").choices.is_empty());
    let fault = office.connector.object(&session, "deals").await.expect_err("not granted");
    assert_eq!((fault.class, fault.code.as_str()), (FaultClass::Forbidden, "MISSING_SCOPES"));
}
