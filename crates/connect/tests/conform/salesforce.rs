//! What only Salesforce has.

use std::sync::Arc;
use std::time::Duration;

use lockstep_conform::likes::salesforce::{KEY_FIELD, made};
use lockstep_conform::world::{Strike, World, set};
use lockstep_connect::oauth::Pkce;
use lockstep_connect::{Cursor, FaultClass, Find, Got, Outcome, RowOutcome, Write};
use lockstep_core::record::Record;
use lockstep_sandbox::{Salesforce, SalesforceSettings};
use secrecy::ExposeSecret as _;

use crate::consent::{self, Consent};

async fn scan(world: &World, cursor: &mut Option<Cursor>) -> Vec<String> {
    let mut ids = Vec::new();
    loop {
        let page = world.connector.changes(&world.session, cursor.as_ref(), &world.asked()).await.expect("a page");
        ids.extend(page.records.into_iter().map(|record| record.id));
        *cursor = Some(page.cursor);
        if !page.more {
            return ids;
        }
    }
}

#[tokio::test]
async fn a_transaction_that_ends_late_is_found_all_the_same() {
    let (world, sandbox) = made(None);
    let mut cursor = None;
    for _ in 0..4 {
        scan(&world, &mut cursor).await;
        world.dial.advance(Duration::from_secs(120));
    }
    let late = world.account.create(&[("LastName", "Late")]);
    sandbox.committed_late(&late, 400_000_000).expect("a late record");
    let mut seen = 0;
    for _ in 0..12 {
        seen += scan(&world, &mut cursor).await.iter().filter(|id| **id == late).count();
        world.dial.advance(Duration::from_secs(30));
    }
    assert!((1..=3).contains(&seen), "found, and not on every page: {seen}");
}

/// The longest transaction there is, however it falls between two looks for late ones.
#[tokio::test]
async fn a_transaction_of_ten_minutes_is_found_whenever_it_ends() {
    for (poll, passed) in (0..12).map(|n| (30, 30 * n)).chain((0..4).map(|n| (600, 150 * n))) {
        let (world, sandbox) = made(None);
        let mut cursor = None;
        for _ in 0..=1_800 / poll {
            scan(&world, &mut cursor).await;
            world.dial.advance(Duration::from_secs(poll));
        }
        world.dial.advance(Duration::from_secs(passed));
        scan(&world, &mut cursor).await;
        world.dial.advance(Duration::from_secs(1));
        let late = world.account.create(&[("LastName", "Late")]);
        sandbox.committed_late(&late, 600_000_000).expect("a late record");
        let mut seen = 0;
        for _ in 0..=900 / poll {
            world.dial.advance(Duration::from_secs(poll));
            seen += scan(&world, &mut cursor).await.iter().filter(|id| **id == late).count();
        }
        assert!(seen > 0, "a look each {poll} s, ended after {passed} s");
    }
}

#[tokio::test]
async fn deleted_records_show_by_id_and_in_the_list_but_not_as_changes() {
    let (world, sandbox) = made(None);
    let [kept, gone] = ["kept", "gone"].map(|name| world.account.create(&[("LastName", name)]));
    let mut cursor = None;
    scan(&world, &mut cursor).await;
    world.dial.advance(Duration::from_secs(60));
    world.account.archive(&gone);
    assert!(!scan(&world, &mut cursor).await.contains(&gone));
    assert!(matches!(world.get(&[&gone, &kept]).await[..], [Got::Archived(_), Got::Found(_)]));
    sandbox.restore(&gone).expect("a restored record");
    assert!(scan(&world, &mut cursor).await.contains(&gone), "a restored one is a change");
}

#[tokio::test]
async fn merges_of_merges_lead_to_the_last_survivor() {
    let (world, _) = made(None);
    let [a, b, c] = ["a", "b", "c"].map(|name| world.account.create(&[("LastName", name)]));
    world.account.merge(&b, &a);
    world.account.merge(&c, &b);
    let got = world.get(&[&a]).await;
    assert!(
        matches!(&got[0], Got::Found(record) if record.id == c && record.merged == [a.clone(), b.clone()]),
        "{got:?}"
    );
}

#[tokio::test]
async fn a_full_batch_with_what_became_of_it_is_one_call() {
    let (world, _) = made(None);
    let rows: Vec<_> = (0..200).map(|n| world.create(&n.to_string(), &[("LastName", "Row")])).collect();
    world.account.calls();
    let outcomes = world.write(&Write::Create { key: Some("lockstep_id".into()), rows }).await.expect("an answer");
    assert!(outcomes.iter().all(|row| matches!(row, Ok(Outcome::Written(it)) if it.text("LastName") == Some("Row"))));
    assert_eq!(world.account.calls(), (1, 0));
    let values = (0..200).map(|n| format!("cnt_{n}")).collect();
    let by_key = Find::Key { property: "lockstep_id".into(), values };
    let found = world.connector.find(&world.session, &by_key, &world.asked()).await.expect("all of them");
    assert_eq!((found.len(), world.account.calls()), (200, (1, 0)));
}

#[tokio::test]
async fn a_name_of_one_word_is_the_last_name_and_reads_back_as_it_was() {
    let (world, _) = made(None);
    let made =
        world.write_one(&Write::Create { key: None, rows: vec![world.create("a", &[("FirstName", "Ada")])] }).await;
    assert_eq!((made.text("FirstName"), made.text("LastName")), (None, Some("Ada")));
    let longer = world.update("b", &made.id, set(&[("FirstName", "Ada"), ("LastName", "Lovelace")]));
    world.write_one(&Write::Update(vec![longer])).await;
    let cleared = world.update("c", &made.id, [("LastName".to_owned(), None)].into());
    let short = world.write_one(&Write::Update(vec![cleared])).await;
    assert_eq!((short.text("FirstName"), short.text("LastName")), (None, Some("Ada")));
}

/// Everything of a full batch: a call has room for five collections, and then for no read.
#[tokio::test]
async fn a_thousand_contacts_are_one_call_and_a_lost_answer_leaves_none_twice() {
    let (world, sandbox) = made(None);
    assert_eq!(world.connector.about().write_batch, 1_000);
    let rows: Vec<_> = (0..1_000).map(|n| world.create(&n.to_string(), &[("LastName", "Row")])).collect();
    let write = Write::Create { key: Some("lockstep_id".into()), rows };
    world.strike(Strike::LostAfter);
    assert_eq!(world.write(&write).await.expect_err("no answer").class, FaultClass::Unknown);
    assert_eq!(world.account.living(), 1_000);
    world.account.calls();
    let outcomes = world.write(&write).await.expect("an answer");
    assert_eq!((world.account.calls(), world.account.living()), ((1, 0), 1_000));
    let ids: Vec<String> = outcomes.into_iter().map(|row| written(row).id).collect();
    for at in [0, 199, 200, 999] {
        let record = sandbox.get(&ids[at]).expect("a record");
        assert_eq!(record.value(KEY_FIELD), Some(format!("cnt_{at}").as_str()), "each row has its own");
    }

    let update = |(at, id): (usize, &String)| world.update(&at.to_string(), id, set(&[("Title", "Dr")]));
    let outcomes = world.write(&Write::Update(ids.iter().enumerate().map(update).collect())).await.expect("an answer");
    assert!(outcomes.iter().all(Result::is_ok) && world.account.calls() == (1, 0));
    let outcomes = world.write(&Write::Archive(ids)).await.expect("an answer");
    assert!(outcomes.iter().all(|row| matches!(row, Ok(Outcome::Archived))));
    assert_eq!((world.account.calls(), world.account.living()), ((1, 0), 0));
}

#[tokio::test]
async fn rows_beyond_the_first_collection_are_shown_too() {
    let (world, _) = made(None);
    let rows: Vec<_> = (0..500).map(|n| world.create(&n.to_string(), &[("LastName", &format!("Row{n}"))])).collect();
    let outcomes = world.write(&Write::Create { key: None, rows }).await.expect("an answer");
    assert_eq!(world.account.calls(), (1, 0));
    for (n, outcome) in outcomes.into_iter().enumerate() {
        assert_eq!(written(outcome).text("LastName"), Some(format!("Row{n}").as_str()));
    }
}

fn written(outcome: RowOutcome) -> Record {
    match outcome {
        Ok(Outcome::Written(record)) => record,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn somebody_without_a_name_is_called_by_the_number_which_reads_back_as_no_name() {
    let (world, sandbox) = made(None);
    let number = "+6281234567890";
    let rows = vec![world.create("a", &[("Phone", number)])];
    let made = world.write_one(&Write::Create { key: None, rows }).await;
    let at_salesforce = || {
        let record = sandbox.get(&made.id).expect("a record");
        ["FirstName", "LastName"].map(|name| record.value(name).map(str::to_owned))
    };
    assert_eq!(at_salesforce(), [None, Some(number.to_owned())]);
    let by_phone = Find::Phone(number.to_owned());
    let found = world.connector.find(&world.session, &by_phone, &world.asked()).await.expect("an answer");
    let last_name = ["LastName".to_owned()];
    let changed = world.connector.changes(&world.session, None, &last_name).await.expect("a page").records;
    let Got::Found(read) = world.get(&[&made.id]).await.remove(0) else { panic!("it is there") };
    for record in [&made, &found[0], &changed[0], &read] {
        assert_eq!((record.text("LastName"), record.properties.contains_key("LastName")), (None, true), "{record:?}");
    }
    assert_eq!(changed[0].properties.len(), 1, "only what was asked for");

    let update = async |pairs: &[(&str, Option<&str>)]| {
        let properties = pairs.iter().map(|(name, value)| ((*name).to_owned(), value.map(str::to_owned))).collect();
        let record = world.write_one(&Write::Update(vec![world.update("b", &made.id, properties)])).await;
        ["FirstName", "LastName"].map(|name| record.text(name).map(str::to_owned))
    };
    let ada = [None, Some("Ada".to_owned())];
    assert_eq!(
        (update(&[("FirstName", Some("Ada"))]).await, at_salesforce()),
        (ada.clone(), ada),
        "a name of one word"
    );
    let cleared = update(&[("FirstName", None), ("LastName", None)]).await;
    assert_eq!((cleared, at_salesforce()), ([None, None], [None, Some(number.to_owned())]));
    sandbox.edit(&made.id, &[("Phone", "+6281200000000")]).expect("an edit");
    let Got::Found(read) = world.get(&[&made.id]).await.remove(0) else { panic!("it is there") };
    assert_eq!(read.text("LastName"), None, "a number that somebody changed since is no name either");
}

#[tokio::test]
async fn our_own_numbers_are_found_before_the_index_knows_them() {
    let (world, _) = made(None);
    let ours = world.account.create(&[("MobilePhone", "+6281234567890")]);
    let typed = world.account.create(&[("HomePhone", "0812-3456-7890")]);
    let by = Find::Phone("+6281234567890".into());
    let find = async || {
        let found = world.connector.find(&world.session, &by, &world.asked()).await.expect("an answer");
        found.into_iter().map(|record| record.id).collect::<Vec<_>>()
    };
    assert_eq!(find().await, [ours.as_str()]);
    world.wait_for_index();
    assert_eq!(find().await, [ours, typed]);
}

#[tokio::test]
async fn a_record_that_somebody_holds_is_busy_and_the_others_are_written() {
    let (world, sandbox) = made(None);
    let [held, free] = ["held", "free"].map(|name| world.account.create(&[("LastName", name)]));
    sandbox.lock(&held, 60_000_000).expect("a lock");
    let rows = [&held, &free].map(|id| world.update(id, id, set(&[("Title", "Dr")]))).into();
    let outcomes = world.write(&Write::Update(rows)).await.expect("an answer");
    assert_eq!(outcomes[0].as_ref().expect_err("held").class, FaultClass::Busy);
    assert!(outcomes[1].is_ok());
}

#[tokio::test]
async fn an_ended_session_wants_a_new_token() {
    let (world, sandbox) = made(None);
    sandbox.revoke();
    let fault = world.connector.account(&world.session).await.expect_err("no session");
    assert_eq!((fault.class, fault.code.as_str()), (FaultClass::Reauthorise, "INVALID_SESSION_ID"));
}

/// The code flow with PKCE from the address to a renewed grant whose refresh token rotates, and a revoked one.
#[tokio::test]
async fn a_code_becomes_a_grant_that_can_be_renewed_until_it_is_taken_back() {
    let env = consent::clock();
    let clock = env.clone();
    let settings = SalesforceSettings {
        clock: Arc::new(move || clock.now().0),
        rotates_refresh_tokens: true,
        requires_pkce: true,
        ..SalesforceSettings::default()
    };
    let (id, secret) = (settings.client_id.clone(), settings.client_secret.clone());
    let sandbox = Salesforce::new(settings);
    let mut consent = Consent::new("salesforce", env, sandbox.router(), id, secret);
    consent.host = Some("acme.my.salesforce.com");
    let pkce = Pkce::new(&consent.env);
    let code = consent.allow(&consent.address(&pkce)).await;
    let (grant, body) = consent.grant(&code, &pkce).await.expect("a grant");
    assert_eq!(grant.expires_at, None, "Salesforce does not say when a session ends");
    assert!(consent.connector.home(&body).is_some_and(|home| home.ends_with("://acme.my.salesforce.com")));

    let held = grant.refresh.expect("a refresh token");
    let renewed = consent.renew(&held).await.expect("a renewed grant");
    let rotated = renewed.refresh.expect("a refresh token");
    assert_ne!(rotated.expose_secret(), held.expose_secret());
    assert_eq!(consent.renew(&held).await.expect_err("used").class, FaultClass::Reauthorise);
    sandbox.revoke();
    assert_eq!(consent.renew(&rotated).await.expect_err("taken back").class, FaultClass::Reauthorise);
}
