//! What only Salesforce has among its objects: fields that refer, records between records, flows.

use std::sync::Arc;

use lockstep_connect::{Connector, Deed, FaultClass, Got, Outcome, Session};
use lockstep_core::crm::{Link, NativeKind, RecordId};
use lockstep_core::env::{Env, Time};
use lockstep_core::record::{Properties, Record};
use lockstep_sandbox::salesforce::Flow;
use lockstep_sandbox::{Salesforce, SalesforceSettings};

use lockstep_conform::door::RouterDoor;
use lockstep_conform::objects::{field, link, record, written};
use lockstep_conform::world::set;

struct Office {
    org: Salesforce,
    session: Session,
    connector: &'static dyn Connector,
}

fn office() -> Office {
    let (env, dial) = Env::manual(Time::from_secs(1_795_348_800), 9);
    let org =
        Salesforce::new(SalesforceSettings { clock: Arc::new(move || dial.now().0), ..SalesforceSettings::default() });
    let (connector, session) = RouterDoor::session("salesforce", org.router(), env, "00D-conform");
    Office { org, session, connector }
}

impl Office {
    async fn carry_out(&self, deed: &Deed) -> Result<Outcome, lockstep_connect::Fault> {
        self.connector.carry_out(&self.session, deed, &["Id".to_owned()]).await
    }

    async fn create(&self, object: &str, properties: &[(&str, &str)], links: Vec<Link>) -> Record {
        let deed = Deed::Create { object: object.to_owned(), properties: set(properties), key: None, links };
        written(self.carry_out(&deed).await.expect("a record"))
    }

    fn value(&self, id: &str, field: &str) -> Option<String> {
        self.org.get(id).expect("a record").value(field).map(str::to_owned)
    }
}

const SALE: &[(&str, &str)] = &[("Name", "Lamps"), ("StageName", "Prospecting"), ("CloseDate", "2026-12-24")];

#[tokio::test]
async fn records_are_linked_in_the_call_that_writes_them() {
    let office = office();
    let firm = office.create("Account", &[("Name", "Firm")], vec![]).await.id;
    let ana = office.create("Contact", &[("LastName", "Ana")], vec![link("Account", &firm, None)]).await.id;
    assert_eq!(office.value(&ana, "AccountId"), Some(firm.clone()));
    office.org.reset_calls();
    let links = vec![link("Account", &firm, None), link("Contact", &ana, Some("Decision Maker"))];
    let sale = office.create("Opportunity", SALE, links).await.id;
    assert_eq!(office.org.calls().total, 1);
    let roles = office.org.records_of("OpportunityContactRole").expect("roles");
    assert_eq!(
        (roles.len(), roles[0].value("Role"), roles[0].value("ContactId")),
        (1, Some("Decision Maker"), Some(ana.as_str()))
    );

    let record = record("Opportunity", &sale);
    let again =
        Deed::Update { record, properties: set(&[("NextStep", "Call")]), links: vec![link("Contact", &ana, None)] };
    office.carry_out(&again).await.expect("a change");
    assert_eq!(office.org.records_of("OpportunityContactRole").expect("roles").len(), 1, "they are linked already");
    assert_eq!(office.value(&sale, "NextStep").as_deref(), Some("Call"));

    let note = [("Subject", "Called")];
    let task =
        office.create("Task", &note, vec![link("Contact", &ana, None), link("Opportunity", &sale, None)]).await.id;
    assert_eq!((office.value(&task, "WhoId"), office.value(&task, "WhatId")), (Some(ana.clone()), Some(sale)));
    let holding = office.create("Account", &[("Name", "Holding")], vec![link("Contact", &ana, None)]).await.id;
    assert_eq!(office.value(&ana, "AccountId"), Some(holding), "the other record holds the link");
    let boss = office.create("Contact", &[("LastName", "Boss")], vec![]).await.id;
    let report = vec![link("Contact", &boss, Some("ReportsToId"))];
    let bo = office.create("Contact", &[("LastName", "Bo")], report).await.id;
    assert_eq!(office.value(&bo, "ReportsToId"), Some(boss));
}

#[tokio::test]
async fn a_link_that_cannot_be_made_leaves_nothing_behind() {
    let office = office();
    let create = |links| Deed::Create { object: "Opportunity".to_owned(), properties: set(SALE), key: None, links };
    let nobody =
        office.carry_out(&create(vec![link("Contact", "003ak000003dQCGAA2", None)])).await.expect_err("nobody");
    assert_eq!(nobody.class, FaultClass::Rejected);
    let unknown = office.carry_out(&create(vec![link("Lead", "00Qak000003dQCGAA2", None)])).await.expect_err("no way");
    assert_eq!((unknown.class, unknown.code.as_str()), (FaultClass::Rejected, "UNKNOWN_LINK"));
    let odd = office
        .carry_out(&create(vec![link("Account", "001ak00000OKNPHAA5", Some("Nothing__c"))]))
        .await
        .expect_err("no field");
    assert_eq!((odd.class, odd.property.as_deref()), (FaultClass::Drift, Some("Nothing__c")));
    assert!(office.org.records_of("Opportunity").expect("sales").is_empty());
}

#[tokio::test]
async fn stages_owners_and_required_fields_are_described() {
    let office = office();
    let sale = office.connector.object(&office.session, "Opportunity").await.expect("a description");
    let root = sale.selector.expect("fields");
    let required: Vec<&str> =
        root.children.iter().filter(|it| it.access.required).filter_map(|it| it.api_name.as_deref()).collect();
    assert_eq!(required, ["CloseDate", "Name", "StageName"], "and they come first");
    assert!(field(&root, "StageName").choices.iter().any(|choice| choice.value == "Closed Won"));
    assert_eq!(field(&root, "OwnerId").choices[0].label, "Ada Lovelace (ada@example.com)");
    assert_eq!(field(&root, "CloseDate").native_type, NativeKind::Date);
    assert_eq!(field(&root, "IsWon").native_type, NativeKind::Boolean);
}

#[tokio::test]
async fn a_user_who_is_not_there_is_missing() {
    let office = office();
    let ids = ["005ak0000000zzzAAA".to_owned()];
    let got = office.connector.read(&office.session, "User", &ids, &["Name".to_owned()]).await.expect("an answer");
    assert!(matches!(got[..], [Got::Missing]), "{got:?}");
}

#[tokio::test]
async fn flows_are_offered_and_started() {
    let office = office();
    office.org.add_flow(Flow {
        name: "Notify".into(),
        label: "Notify sales".into(),
        required: vec!["recordId".into()],
        optional: vec!["why".into()],
        outputs: serde_json::Map::new(),
    });
    let contacts = office.connector.object(&office.session, "Contact").await.expect("a description");
    assert_eq!((contacts.workflows.len(), contacts.workflows[0].label.as_str()), (1, "Notify sales"));
    let ana = office.create("Contact", &[("LastName", "Ana")], vec![]).await.id;
    let start = |record: Option<RecordId>, workflow: &str, inputs: Properties| Deed::Start {
        object: "Contact".to_owned(),
        workflow: workflow.to_owned(),
        record,
        inputs,
    };
    let record = Some(record("Contact", &ana));
    office.carry_out(&start(record, "Notify", set(&[("why", "signed")]))).await.expect("a run");
    let runs = office.org.flow_runs();
    assert_eq!((runs.len(), &runs[0].inputs["recordId"], &runs[0].inputs["why"]), (1, &ana.into(), &"signed".into()));
    let fault = office.carry_out(&start(None, "Notify", Properties::new())).await.expect_err("no record");
    assert_eq!(fault.class, FaultClass::Rejected);
    assert_eq!(
        office.carry_out(&start(None, "Gone", Properties::new())).await.expect_err("gone").class,
        FaultClass::Drift
    );
}
