//! What only Notion has: names of properties, times cut to the minute, queries that end early, writes that were saved
//! though they were refused.

use std::collections::BTreeSet;
use std::time::Duration;

use lockstep_connect::{Call, FaultClass, Find, Got, Method, Outcome, Write};
use lockstep_sandbox::{Effect, Fault, Notion, NotionSettings};
use serde_json::{Value as Json, json};

use lockstep_conform::likes::notion::world_of;
use lockstep_conform::world::{KEY, World, set};

fn asked(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[tokio::test]
async fn our_id_in_a_plain_property_leads_back_to_the_page() {
    let (world, sandbox) = world_of(|settings| settings);
    world.connector.add_key_property(&world.session, KEY).await.expect("a property");
    world.connector.add_key_property(&world.session, KEY).await.expect("the same one");
    let described = world.connector.describe(&world.session).await.expect("a description").properties;
    assert!(described.iter().any(|property| property.name == KEY && !property.unique && !property.read_only));
    let rows = vec![world.create("b", &[("title", "Ada")])];
    sandbox.reset_calls();
    let made = world.write_one(&Write::Create { key: Some(KEY.into()), rows }).await;
    assert_eq!(sandbox.calls().total, 1, "what the data source looks like is known already");
    let by_key = Find::Key { property: KEY.into(), values: vec!["cnt_b".into(), "cnt_nobody".into()] };
    let found = world.connector.find(&world.session, &by_key, &[]).await.expect("an answer");
    let told: Vec<_> = found.iter().map(|record| (record.id.as_str(), record.text(KEY))).collect();
    assert_eq!(told, [(made.id.as_str(), Some("cnt_b"))]);
}

#[tokio::test]
async fn a_renamed_property_stays_what_it_is() {
    let (world, sandbox) = world_of(|settings| settings);
    let id = sandbox.create(&[("Name", "Ada"), ("Phone", "+14155551212")]).expect("a page");
    world.acquaint().await;
    sandbox.rename_property("Phone", "Mobil").expect("a rename");
    let Got::Found(record) = world.get(&[&id]).await.remove(0) else { panic!("it is there") };
    assert_eq!(record.text("phone_number"), Some("+14155551212"));
    let update = Write::Update(vec![world.update("a", &id, set(&[("phone_number", "+14155551213")]))]);
    assert_eq!(world.write_one(&update).await.text("phone_number"), Some("+14155551213"));
}

#[tokio::test]
async fn what_a_page_shows_in_part_is_read_whole() {
    let (world, sandbox) = world_of(|settings| settings);
    let firms: Vec<String> =
        (0..30).map(|n| sandbox.create_of("Companies", &[("Name", &format!("Firm {n}"))]).expect("a page")).collect();
    let id = sandbox.create(&[("Name", "Ada"), ("Company", &firms.join(","))]).expect("a page");
    let got = world.connector.get(&world.session, &[id], &asked(&["Company"])).await.expect("an answer").remove(0);
    let Got::Found(record) = got else { panic!("{got:?}") };
    assert_eq!(record.text("Company").map(|all| all.split(';').count()), Some(30));
}

#[tokio::test]
async fn pages_of_other_data_sources_are_no_contacts() {
    let (world, sandbox) = world_of(|settings| settings);
    let firm = sandbox.create_of("Companies", &[("Name", "Firm")]).expect("a page");
    assert!(matches!(world.get(&[&firm]).await[..], [Got::Missing]));
}

#[tokio::test]
async fn contacts_that_are_shared_no_more_stop_the_connection() {
    let (world, sandbox) = world_of(|settings| settings);
    let page = world.connector.changes(&world.session, None, &[]).await.expect("a page");
    sandbox.hide(&sandbox.data_source_id("Contacts").expect("an id")).expect("hidden");
    let fault = world.connector.changes(&world.session, Some(&page.cursor), &[]).await.expect_err("hidden");
    assert_eq!(fault.class, FaultClass::Forbidden);
    let fault = world.connector.describe(&world.session).await.expect_err("hidden");
    assert_eq!((fault.class, fault.code.as_str()), (FaultClass::Forbidden, "NO_CONTACTS"));
}

/// Changes a data source as an app does.
async fn patch(world: &World, source: &str, body: Json) {
    let path = format!("/v1/data_sources/{source}");
    let answer = world.session.door.send(Call::write(Method::Patch, path, Some(body))).await.expect("an answer");
    assert_eq!(answer.status, 200, "{:?}", answer.body);
}

async fn rename(world: &World, sandbox: &Notion, title: &str, new: &str) {
    let source = sandbox.data_source_id(title).expect("an id");
    patch(world, &source, json!({ "title": [{ "text": { "content": new } }] })).await;
}

#[tokio::test]
async fn another_data_source_called_contacts_is_neither_read_nor_written() {
    let (world, sandbox) = world_of(|settings| settings);
    sandbox.create(&[("Name", "Ada")]).expect("a page");
    let page = world.connector.changes(&world.session, None, &[]).await.expect("a page");
    rename(&world, &sandbox, "Contacts", "Old contacts").await;
    rename(&world, &sandbox, "Companies", "Contacts").await;
    for _ in 0..2 {
        world.dial.advance(Duration::from_secs(601));
        let fault = world.connector.changes(&world.session, Some(&page.cursor), &[]).await.expect_err("another");
        assert_eq!((fault.class, fault.code.as_str()), (FaultClass::Forbidden, "OTHER_CONTACTS"));
        assert!(fault.message.contains("\"Old contacts\""), "{}", fault.message);
        let rows = vec![world.create("a", &[("title", "Bo")])];
        let fault = world.write(&Write::Create { key: None, rows }).await.expect_err("another");
        assert_eq!(fault.code, "OTHER_CONTACTS", "nothing is written to it either");
    }
    rename(&world, &sandbox, "Contacts", "Companies").await;
    world.connector.changes(&world.session, Some(&page.cursor), &[]).await.expect("it may be called anything");
}

#[tokio::test]
async fn what_the_search_does_not_show_is_asked_for_by_its_id() {
    let (world, sandbox) = world_of(|settings| settings);
    sandbox.create(&[("Name", "Ada")]).expect("a page");
    let mut cursor = world.connector.changes(&world.session, None, &[]).await.expect("a page").cursor;
    let companies = json!({ "id": sandbox.data_source_id("Companies").expect("an id"), "title": [] });
    for shown in [json!([]), json!([companies])] {
        world.dial.advance(Duration::from_secs(601));
        world.proxy(200, json!({ "results": shown, "has_more": false, "next_cursor": null }));
        let page = world.connector.changes(&world.session, Some(&cursor), &world.asked()).await.expect("a page");
        assert!(!page.more);
        cursor = page.cursor;
        let rows = vec![world.create("a", &[("title", "Bo")])];
        world.write_one(&Write::Create { key: None, rows }).await;
    }
    assert_eq!(sandbox.records().len(), 3, "and is written to");
}

#[tokio::test]
async fn a_new_column_takes_nobodys_place() {
    let (world, sandbox) = world_of(|settings| settings);
    sandbox.rename_property("Email", "Mail").expect("a rename");
    let id = sandbox.create(&[("Name", "Ada"), ("Mail", "ada@example.com")]).expect("a page");
    let Got::Found(record) = world.get(&[&id]).await.remove(0) else { panic!("it is there") };
    assert_eq!(record.text("email"), Some("ada@example.com"));
    let contacts = sandbox.data_source_id("Contacts").expect("an id");
    patch(&world, &contacts, json!({ "properties": { "Email": { "email": {} } } })).await;
    let ids = [id.clone()];
    let email = asked(&["email"]);
    let fault = world.connector.get(&world.session, &ids, &email).await.expect_err("which one?");
    assert_eq!((fault.class, fault.property.as_deref()), (FaultClass::Drift, Some("email")));
    let fault = world.connector.changes(&world.session, None, &email).await.expect_err("which one?");
    assert_eq!(fault.class, FaultClass::Drift);
    sandbox.rename_property("Mail", "lockstep_email").expect("a rename");
    let Got::Found(record) = world.get(&[&id]).await.remove(0) else { panic!("it is there") };
    assert_eq!(record.text("email"), Some("ada@example.com"));
}

#[tokio::test]
async fn a_scan_goes_on_beyond_what_one_query_shows() {
    let (world, sandbox) = world_of(|settings| NotionSettings { query_max: 10, page_max: 4, ..settings });
    let mut ids = Vec::new();
    for n in 0..35 {
        ids.push(sandbox.create(&[("Name", &format!("N{n}"))]).expect("a page"));
        world.dial.advance(Duration::from_secs(20));
    }
    let (mut seen, mut cursor) = (BTreeSet::new(), None);
    loop {
        let page = world.connector.changes(&world.session, cursor.as_ref(), &[]).await.expect("a page");
        seen.extend(page.records.into_iter().map(|record| record.id));
        cursor = Some(page.cursor);
        if !page.more {
            break;
        }
    }
    assert_eq!(seen.len(), ids.len());
    let (mut listed, mut after) = (BTreeSet::new(), None);
    loop {
        let page = world.connector.list_ids(&world.session, false, after.as_deref()).await.expect("a page");
        listed.extend(page.records.into_iter().map(|listed| listed.id));
        after = page.after;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(listed, seen);
}

/// Scans pages of which each was made in a minute of its own, four at a time, and does something to the first of them
/// after the first four were read; gives how many were seen.
async fn seen_while(something: impl Fn(&Notion, &str)) -> (usize, usize) {
    let (world, sandbox) = world_of(|settings| NotionSettings { page_max: 4, ..settings });
    let ids: Vec<String> = (0..10)
        .map(|n| {
            world.dial.advance(Duration::from_secs(60));
            sandbox.create(&[("Name", &format!("N{n}"))]).expect("a page")
        })
        .collect();
    world.dial.advance(Duration::from_secs(600));
    let (mut seen, mut cursor) = (BTreeSet::new(), None);
    for round in 0.. {
        let page = world.connector.changes(&world.session, cursor.as_ref(), &[]).await.expect("a page");
        seen.extend(page.records.into_iter().map(|record| record.id));
        cursor = Some(page.cursor);
        if round == 0 {
            world.dial.advance(Duration::from_secs(60));
            something(&sandbox, &ids[0]);
        }
        if !page.more {
            break;
        }
    }
    (seen.len(), ids.len())
}

#[tokio::test]
async fn a_page_that_is_edited_or_goes_to_the_trash_during_a_scan_hides_no_other() {
    let (seen, all) = seen_while(|sandbox, id| sandbox.archive(id).expect("in the trash")).await;
    assert_eq!(seen, all, "the one that moved into its place was seen, too");
    let (seen, all) = seen_while(|sandbox, id| sandbox.edit(id, &[("Name", "New")]).expect("an edit")).await;
    assert_eq!(seen, all, "an edit moves nothing");
}

#[tokio::test]
async fn edits_within_one_minute_are_seen_and_never_end_the_scan() {
    let (world, sandbox) = world_of(|settings| settings);
    let id = sandbox.create(&[("Name", "One")]).expect("a page");
    let mut cursor = None;
    for name in ["Two", "Three", "Four"] {
        sandbox.edit(&id, &[("Name", name)]).expect("an edit");
        world.dial.advance(Duration::from_secs(5));
        let page = world.connector.changes(&world.session, cursor.as_ref(), &world.asked()).await.expect("a page");
        assert_eq!((page.records[0].text("title"), page.more), (Some(name), false), "all have one stamp");
        cursor = Some(page.cursor);
    }
    world.dial.advance(Duration::from_secs(180));
    for expected in [1, 0] {
        let page = world.connector.changes(&world.session, cursor.as_ref(), &world.asked()).await.expect("a page");
        assert_eq!((page.records.len(), page.more), (expected, false), "the overlap ends with the minute");
        cursor = Some(page.cursor);
    }
}

#[tokio::test]
async fn a_create_that_was_saved_though_it_was_refused_is_one_page() {
    let (world, sandbox) = world_of(|settings| settings);
    world.acquaint().await;
    let committed = Effect::Status { status: 503, policy: Some("committed".into()) };
    sandbox.faults().push(Fault::once("POST /v1/pages", committed));
    let rows = vec![world.create("a", &[("email", "ada@example.com")])];
    let outcome = world.write(&Write::Create { key: None, rows }).await.expect("an answer").remove(0);
    let Ok(Outcome::Written(record)) = outcome else { panic!("{outcome:?}") };
    assert_eq!((record.text("email"), world.account.living()), (Some("ada@example.com"), 1));
    assert!(sandbox.get(&record.id).is_some());
}

#[tokio::test]
async fn overload_and_a_page_of_a_proxy_are_waited_for_and_a_block_is_not() {
    let (world, sandbox) = world_of(|settings| settings);
    world.acquaint().await;
    let cases = [
        (529, None, FaultClass::Busy),
        (503, Some("html"), FaultClass::Busy),
        (503, None, FaultClass::Unknown),
        (409, None, FaultClass::Busy),
        (429, Some("public_api_request_blocked"), FaultClass::Forbidden),
    ];
    for (status, policy, class) in cases {
        let effect = Effect::Status { status, policy: policy.map(str::to_owned) };
        sandbox.faults().push(Fault::once("POST /v1/pages", effect));
        let rows = vec![world.create("a", &[("email", "ada@example.com")])];
        let fault = world.write(&Write::Create { key: None, rows }).await.expect_err("refused");
        assert_eq!(fault.class, class, "{status} {policy:?}");
    }
}
