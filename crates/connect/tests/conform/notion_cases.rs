//! What only Notion has: names of properties, times cut to the minute, queries that end early, writes that were saved
//! though they were refused.

use std::collections::BTreeSet;
use std::time::Duration;

use lockstep_connect::{Call, FaultClass, Find, Got, Method, Outcome, Write};
use lockstep_sandbox::{Effect, Fault, Notion, NotionSettings};
use serde_json::json;

use crate::notion::world_of;
use crate::world::{KEY, set};

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

#[tokio::test]
async fn another_data_source_called_contacts_is_scanned_from_its_beginning() {
    let (world, sandbox) = world_of(|settings| settings);
    let page = world.connector.changes(&world.session, None, &[]).await.expect("a page");
    for (title, new) in [("Contacts", "Old contacts"), ("Companies", "Contacts")] {
        let path = format!("/v1/data_sources/{}", sandbox.data_source_id(title).expect("an id"));
        let body = json!({ "title": [{ "text": { "content": new } }] });
        world.session.door.send(Call::write(Method::Patch, path, Some(body))).await.expect("a rename");
    }
    world.dial.advance(Duration::from_secs(601));
    let fault = world.connector.changes(&world.session, Some(&page.cursor), &[]).await.expect_err("another");
    assert_eq!(fault.class, FaultClass::Stale);
    world.connector.changes(&world.session, None, &[]).await.expect("a page of the other");
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
