//! What only Notion has among its objects: relations as links, comments, types of every kind.

use std::time::Duration;

use lockstep_connect::{Changed, Deed, Fault, FaultClass, Outcome, Search};
use lockstep_core::crm::{Filter, Link, NativeKind, Operation, Operator};
use lockstep_core::record::{Properties, Record};
use lockstep_sandbox::{Notion, NotionSettings};

use lockstep_conform::likes::notion::world_of;
use lockstep_conform::objects::{link, record, written};
use lockstep_conform::world::{World, set};

struct Office {
    world: World,
    notion: Notion,
}

fn office() -> Office {
    let (world, notion) = world_of(|settings| settings);
    Office { world, notion }
}

impl Office {
    fn source(&self, title: &str) -> String {
        self.notion.data_source_id(title).expect("a data source")
    }

    async fn create(&self, title: &str, properties: Properties, links: Vec<Link>) -> Result<Record, Fault> {
        let deed = Deed::Create { object: self.source(title), properties, key: None, links };
        self.world.carry_out(&deed, &["title"]).await.map(written)
    }

    fn link(&self, title: &str, id: &str, kind: Option<&str>) -> Link {
        link(&self.source(title), id, kind)
    }
}

#[tokio::test]
async fn every_data_source_and_comments_are_objects() {
    let office = office();
    let listed = office.world.connector.objects(&office.world.session).await.expect("objects");
    let labels: Vec<&str> = listed.iter().map(|object| object.label_many.as_str()).collect();
    assert_eq!(labels, ["Companies", "Contacts", "Deals", "Messages", "Comments"]);
    for object in listed {
        let described = office.world.connector.object(&office.world.session, &object.slug).await.expect("fields");
        assert!(!described.selector.expect("fields").children.is_empty(), "{}", object.label_many);
    }
}

#[tokio::test]
async fn fields_have_their_types_and_choices() {
    let office = office();
    let contacts = office.source("Contacts");
    let described = office.world.connector.object(&office.world.session, &contacts).await.expect("an object");
    let root = described.selector.expect("fields");
    let field = |label: &str| root.children.iter().find(|it| it.label.as_deref() == Some(label)).expect("a field");
    let kinds = [
        ("Name", NativeKind::Text, 0),
        ("Email", NativeKind::Text, 0),
        ("Stage", NativeKind::Choice, 3),
        ("Status", NativeKind::Choice, 3),
        ("Tags", NativeKind::Choices, 2),
        ("Score", NativeKind::Number, 0),
        ("Birthday", NativeKind::Date, 0),
        ("Opted in", NativeKind::Boolean, 0),
        ("Company", NativeKind::Choices, 0),
        ("Created", NativeKind::Datetime, 0),
    ];
    for (label, kind, choices) in kinds {
        assert_eq!((field(label).native_type, field(label).choices.len()), (kind, choices), "{label}");
    }
    assert_eq!(field("Name").api_name.as_deref(), Some("title"));
    for label in ["Number", "Label", "Created", "Edited by", "Companies", "Files"] {
        assert!(!field(label).allows(Operation::Update), "{label}");
    }
    assert!(root.children.iter().all(|field| !field.access.required), "Notion requires nothing");
}

#[tokio::test]
async fn values_of_every_type_are_written_and_read() {
    let office = office();
    let values = [
        ("title", "Ada"),
        ("email", "ada@example.com"),
        ("Stage", "Customer"),
        ("Status", "Done"),
        ("Tags", "VIP;Press"),
        ("Score", "12.5"),
        ("Birthday", "1815-12-10"),
        ("Opted in", "true"),
        ("Notes", "First programmer"),
        ("Website", "https://ada.example"),
    ];
    let made = office.create("Contacts", set(&values), vec![]).await.expect("a page");
    let names: Vec<String> = values.iter().map(|(name, _)| (*name).to_owned()).collect();
    let (world, contacts) = (&office.world, office.source("Contacts"));
    let got =
        world.connector.read(&world.session, &contacts, std::slice::from_ref(&made.id), &names).await.expect("answers");
    let lockstep_connect::Got::Found(found) = &got[0] else { panic!("{got:?}") };
    for (name, value) in values {
        assert_eq!(found.text(name), Some(value), "{name}");
    }
    for (name, value) in [("Tags", "VIP"), ("Score", "12.5"), ("Opted in", "true"), ("Stage", "Customer")] {
        let filter = Filter { property: name.into(), operator: Operator::Eq, value: Some(value.into()) };
        let search = Search { filters: vec![filter], limit: 5, ..Search::default() };
        let found = world.connector.search(&world.session, &contacts, &search, &[]).await.expect("a page");
        assert_eq!(found.records.len(), 1, "{name}");
    }
    let clear: Properties = names.iter().map(|name| (name.clone(), None)).collect();
    let record_id = record(&contacts, &made.id);
    let update = Deed::Update { record: record_id, properties: clear, links: vec![] };
    let asked: Vec<&str> = names.iter().map(String::as_str).collect();
    let cleared = written(world.carry_out(&update, &asked).await.expect("cleared"));
    let held: Vec<&String> = names.iter().filter(|name| cleared.text(name).is_some()).collect();
    assert_eq!(held, ["Opted in"], "a checkbox is always one or the other");
}

#[tokio::test]
async fn refused_values_name_their_property() {
    let office = office();
    for (name, value) in [("Score", "many"), ("Number", "7"), ("Birthday", "tomorrow"), ("Opted in", "maybe")] {
        let fault = office.create("Contacts", set(&[(name, value)]), vec![]).await.expect_err("refused");
        assert_eq!((fault.class, fault.property.as_deref()), (FaultClass::Rejected, Some(name)));
    }
    let fault = office.create("Contacts", set(&[("Stage", "a,b")]), vec![]).await.expect_err("a comma");
    assert_eq!(fault.class, FaultClass::Rejected);
    let fault = office.create("Contacts", set(&[("Company", "7")]), vec![]).await.expect_err("no page");
    assert_eq!((fault.class, fault.property.as_deref()), (FaultClass::Rejected, Some("Company")));
    assert!(office.notion.records().is_empty());
}

#[tokio::test]
async fn a_link_is_a_relation_and_drops_no_other() {
    let office = office();
    let mut people = Vec::new();
    for n in 0..30 {
        people.push(office.notion.create(&[("Name", &format!("N{n}"))]).expect("a page"));
    }
    let first = vec![office.link("Contacts", &people[0], None)];
    let deal = office.create("Deals", set(&[("title", "Lamps")]), first).await.expect("a deal").id;
    let held = || office.notion.get(&deal).expect("a deal").value("Contact").unwrap_or_default().split(',').count();
    let record = record(&office.source("Deals"), &deal);
    let update = |links| Deed::Update { record: record.clone(), properties: Properties::new(), links };
    assert_eq!(held(), 1);
    let many = people.iter().map(|id| office.link("Contacts", id, Some("Contact"))).collect();
    office.world.carry_out(&update(many), &[]).await.expect("links");
    assert_eq!(held(), 30);
    let one_more = office.notion.create(&[("Name", "Last")]).expect("a page");
    office.world.carry_out(&update(vec![office.link("Contacts", &one_more, None)]), &[]).await.expect("a link");
    assert_eq!(held(), 31, "those that a page does not show are kept");

    for link in [office.link("Messages", &deal, None), office.link("Contacts", &one_more, Some("Stage"))] {
        let fault = office.world.carry_out(&update(vec![link]), &[]).await.expect_err("no such relation");
        assert_eq!((fault.class, fault.code.as_str()), (FaultClass::Rejected, "UNKNOWN_LINK"));
    }
    let nobody = office.link("Contacts", "393abc1e-edcd-8179-9372-000bd163e729", None);
    let fault = office.create("Deals", set(&[("title", "Lost")]), vec![nobody]).await.expect_err("nobody");
    assert_eq!(fault.class, FaultClass::Rejected);
    assert_eq!(office.notion.records_of("Deals").expect("deals").len(), 1, "and no deal was made");
}

#[tokio::test]
async fn a_note_is_a_comment_on_the_page() {
    let office = office();
    let ada = office.notion.create(&[("Name", "Ada")]).expect("a page");
    let comment = |links: Vec<Link>| Deed::Create {
        object: "comments".into(),
        properties: set(&[("text", "Called")]),
        key: None,
        links,
    };
    let made = written(
        office.world.carry_out(&comment(vec![office.link("Contacts", &ada, None)]), &["text"]).await.expect("made"),
    );
    assert_eq!((made.text("text"), office.notion.comments_on(&ada)), (Some("Called"), vec!["Called".to_owned()]));
    let record = record("comments", &made.id);
    let update = Deed::Update { record: record.clone(), properties: set(&[("text", "Wrote")]), links: vec![] };
    for deed in [update, Deed::Archive(record)] {
        let fault = office.world.carry_out(&deed, &[]).await.expect_err("it stays as it is");
        assert_eq!((fault.class, fault.code.as_str()), (FaultClass::Rejected, "COMMENT_FIXED"));
    }
    let fault = office.world.carry_out(&comment(vec![]), &[]).await.expect_err("on nothing");
    assert_eq!(fault.class, FaultClass::Rejected);
    let (world, _) = world_of(|settings| NotionSettings { can_comment: false, ..settings });
    let fault =
        world.carry_out(&comment(vec![office.link("Contacts", &ada, None)]), &[]).await.expect_err("not allowed");
    assert_eq!(fault.class, FaultClass::Forbidden);
}

#[tokio::test]
async fn an_edit_between_two_pages_of_a_search_hides_no_other_record() {
    let (world, sandbox) = world_of(|settings| settings);
    let contacts = sandbox.data_source_id("Contacts").expect("a data source");
    let begun = world.dial.now();
    let mut ids: Vec<String> = (0..6)
        .map(|n| {
            world.dial.advance(Duration::from_secs(60));
            sandbox.create(&[("Name", &format!("N{n}"))]).expect("a page")
        })
        .collect();
    let until = world.dial.now();
    let mut page = Search { changed: Some(Changed { from: begun, until: None }), limit: 2, ..Search::default() };
    let mut seen = Vec::new();
    loop {
        let found = world.connector.search(&world.session, &contacts, &page, &[]).await.expect("a page");
        seen.extend(found.records.into_iter().map(|record| record.id));
        world.dial.advance(Duration::from_secs(120));
        sandbox.edit(&ids[0], &[("Name", "New")]).expect("an edit");
        page.changed = Some(Changed { from: begun, until: Some(until) });
        page.after = found.after;
        if page.after.is_none() {
            break;
        }
    }
    assert_eq!(seen, ids);
    let page = Search { after: None, limit: 10, ..page };
    let found = world.connector.search(&world.session, &contacts, &page, &[]).await.expect("a page");
    ids.remove(0);
    assert_eq!(
        found.records.into_iter().map(|record| record.id).collect::<Vec<_>>(),
        ids,
        "what is newer is not shown"
    );
}

#[tokio::test]
async fn no_automation_can_be_started() {
    let office = office();
    let start = Deed::Start {
        object: office.source("Contacts"),
        workflow: "x".into(),
        record: None,
        inputs: Properties::new(),
    };
    let done: Result<Outcome, Fault> = office.world.carry_out(&start, &[]).await;
    assert_eq!(done.expect_err("none").class, FaultClass::Rejected);
}
