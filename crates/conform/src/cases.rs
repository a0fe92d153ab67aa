//! What every connector does alike, apart from scans.

use lockstep_connect::{
    FaultClass, Find, Got, HintKind, HookRequest, KeyField, Next, Outcome, RowOutcome, Write, next,
};
use lockstep_core::record::Record;
use serde_json::json;

use crate::run::not_for;
use crate::world::{KEY, Lack, Strike, World, set, told_of_key};

fn found(got: &Got) -> &Record {
    match got {
        Got::Found(record) => record,
        other => panic!("not found but {other:?}"),
    }
}

pub async fn the_description_covers_what_reads_return(world: World) {
    let described = world.connector.describe(&world.session).await.expect("a description").properties;
    let names = &world.names;
    let asked = world.asked();
    // Not every version of a vendor's has them all; those that it has are described.
    let others = names.other_phones.iter().chain(names.other_emails).copied();
    let others = others.filter(|name| !world.account.is_without(name));
    for name in asked.iter().map(String::as_str).chain(others) {
        let property = described.iter().find(|property| property.name == name);
        assert!(
            property.is_some_and(|property| !property.label.is_empty() && !property.native_type.is_empty()),
            "{name}"
        );
    }
    let standing = world.standing().await;
    let record = found(&world.get(&[&standing[0]]).await[0]).clone();
    assert!(record.properties.keys().all(|name| asked.contains(name)), "only what was asked for");
}

pub async fn the_account_is_named(world: World) {
    assert_eq!(world.connector.account(&world.session).await, Ok(world.account.id()));
}

pub async fn a_record_is_made_read_changed_and_archived(world: World) {
    let names = &world.names;
    let ada = world.address("ada");
    let rows = vec![world.create("a", &[(names.email, &ada), (world.given, "Ada")])];
    let made = world.write_one(&Write::Create { key: None, rows }).await;
    assert_eq!(found(&world.get(&[&made.id]).await[0]).text(world.given), Some("Ada"));

    let changed =
        world.write_one(&Write::Update(vec![world.update("b", &made.id, set(&[(world.given, "Adele")]))])).await;
    let shown = changed.properties.get(world.given).map(Option::as_deref);
    assert!(changed.id == made.id && matches!(shown, None | Some(Some("Adele"))), "{shown:?}");
    let got = world.get(&[&made.id]).await;
    let record = found(&got[0]);
    assert_eq!((record.text(world.given), record.text(names.email)), (Some("Adele"), Some(ada.as_str())));

    if world.lacks(Lack::Deletes) {
        return;
    }
    for _ in 0..2 {
        let outcomes = world.write(&Write::Archive(vec![made.id.clone()])).await.expect("an answer");
        assert!(matches!(outcomes[..], [Ok(Outcome::Archived)]), "gone, or gone already");
    }
    assert!(matches!(world.get(&[&made.id]).await[..], [Got::Archived(_)]));
}

pub async fn nothing_clears_and_absent_keeps(world: World) {
    let names = &world.names;
    let ada = world.address("ada");
    let held = [(names.email, ada.as_str()), (names.phone, "+14155551212")];
    let id = world.account.create(&held);
    let (kept, cleared) = if world.lacks(Lack::PhoneEdits) { (held[1], held[0]) } else { (held[0], held[1]) };
    let clear = [(cleared.0.to_owned(), None)].into();
    world.write_one(&Write::Update(vec![world.update("a", &id, clear)])).await;
    let got = world.get(&[&id]).await;
    assert_eq!((found(&got[0]).text(cleared.0), found(&got[0]).text(kept.0)), (None, Some(kept.1)));
}

pub async fn a_keyed_create_can_be_repeated(world: World) {
    world.needs_unique_keys();
    let added = world.connector.add_key_property(&world.session, KEY).await;
    told_of_key(added).expect("a key property");
    let rows: Vec<_> = ["a", "b", "c"].map(|trace| world.create(trace, &[(world.given, trace)])).into();
    let write = Write::Create { key: Some(KEY.into()), rows };
    let ids = |outcomes: Vec<RowOutcome>| -> Vec<String> {
        outcomes
            .into_iter()
            .map(|row| match row.expect("a row") {
                Outcome::Written(record) => record.id,
                Outcome::Archived => String::new(),
            })
            .collect()
    };
    let first = ids(world.write(&write).await.expect("an answer"));
    let second = ids(world.write(&write).await.expect("an answer"));
    assert_eq!(first, second);
    assert_eq!(world.account.living(), 3);
    let key = format!("cnt_{}b", world.mark);
    let by_key = Find::Key { property: KEY.into(), values: vec![key.clone(), "cnt_nobody".into()] };
    let found = world.connector.find(&world.session, &by_key, &[]).await.expect("an answer");
    let told: Vec<_> = found.iter().map(|record| (record.id.as_str(), record.text(KEY))).collect();
    assert_eq!(told, [(first[1].as_str(), Some(key.as_str()))], "at once, without waiting for an index");
}

pub async fn the_key_property_can_be_asked_for_twice(world: World) {
    world.needs_unique_keys();
    for _ in 0..2 {
        let added = world.connector.add_key_property(&world.session, KEY).await;
        assert_eq!(told_of_key(added), Ok(()));
    }
    let described = world.connector.describe(&world.session).await.expect("a description").properties;
    assert!(described.iter().any(|property| property.name == KEY && property.unique && !property.read_only));
    let fault = world.connector.add_key_property(&world.session, world.given).await.expect_err("not unique");
    assert_eq!(fault.class, FaultClass::Rejected);
    let named = KeyField::Property { name: KEY.into() };
    let kept: KeyField = serde_json::from_value(serde_json::to_value(&named).expect("JSON")).expect("a key field");
    assert_eq!(kept, named);
}

pub async fn one_bad_row_does_not_spoil_the_batch(world: World) {
    let unique = !world.lacks(Lack::UniqueAddresses);
    let bad = if unique { Some(world.address("taken")) } else { world.account.bad_address() };
    let Some(bad) = bad else { not_for("nothing that is wrong with a row alone is known".to_owned()) };
    let names = &world.names;
    let [a, c] = ["a", "c"].map(|who| world.address(who));
    let taken = world.account.create(&[(names.email, &world.address("taken"))]);
    let rows = vec![
        world.create("a", &[(names.email, &a)]),
        world.create("b", &[(names.email, &bad), (world.given, "Bad")]),
        world.create("c", &[(names.email, &c)]),
    ];
    let outcomes = world.write(&Write::Create { key: None, rows }).await.expect("an answer");
    let fault = outcomes[1].as_ref().expect_err("bad");
    let in_the_way = (FaultClass::Duplicate, Some(taken.as_str()));
    let expected = if unique { in_the_way } else { (FaultClass::Rejected, None) };
    assert_eq!((fault.class, fault.existing.as_deref()), expected);
    for (at, email) in [(0, a.as_str()), (2, c.as_str())] {
        let Ok(Outcome::Written(record)) = &outcomes[at] else { panic!("row {at} was good") };
        assert_eq!(
            found(&world.get(&[&record.id]).await[0]).text(names.email),
            Some(email),
            "row {at} got its own record"
        );
    }

    let update = |trace: &str, id: &str| world.update(trace, id, set(&[(world.given, trace)]));
    let outcomes =
        world.write(&Write::Update(vec![update("x", "999999999"), update("y", &taken)])).await.expect("an answer");
    assert_eq!(outcomes[0].as_ref().expect_err("no such record").class, FaultClass::Missing);
    assert!(matches!(&outcomes[1], Ok(Outcome::Written(record)) if record.id == taken));
}

pub async fn a_taken_address_names_the_record_that_has_it(world: World) {
    world.needs(Lack::UniqueAddresses);
    let names = &world.names;
    let taken = world.account.create(&[(names.email, &world.address("taken"))]);
    let rows = vec![world.create("a", &[(names.email, &world.address("Taken").replace("example", "Example"))])];
    let fault = match world.write(&Write::Create { key: None, rows }).await {
        Ok(mut outcomes) => outcomes.remove(0).expect_err("taken"),
        Err(fault) => fault,
    };
    assert_eq!((fault.class, fault.existing), (FaultClass::Duplicate, Some(taken)));
    assert_eq!(world.account.living(), 1);
}

pub async fn old_ids_lead_to_the_survivor_of_a_merge(world: World) {
    world.needs(Lack::Merges);
    let [a, b, c] = ["a", "b", "c"].map(|who| world.account.create(&[(world.names.email, &world.address(who))]));
    let survivor = world.account.merge(&a, &b);
    if world.lacks(Lack::TraceOfMerges) {
        let loser = if survivor == a { &b } else { &a };
        assert!(!matches!(world.get(&[loser]).await[..], [Got::Found(_)]), "it is gone, and that is all that is shown");
        return;
    }
    let got = world.get(&[&b, &c, &a]).await;
    let ids: Vec<&str> = got.iter().map(|got| found(got).id.as_str()).collect();
    assert_eq!(ids, [survivor.as_str(), c.as_str(), survivor.as_str()]);
    assert!(found(&got[0]).merged.contains(&b), "the survivor names its losers");
    let rows =
        vec![world.update("x", &b, set(&[(world.given, "Bea")])), world.update("y", &c, set(&[(world.given, "Cem")]))];
    let outcomes = world.write(&Write::Update(rows)).await.expect("an answer");
    if world.lacks(Lack::WritesToMerged) {
        assert_eq!(outcomes[0].as_ref().expect_err("it is gone").class, FaultClass::Missing);
        assert!(matches!(&outcomes[1], Ok(Outcome::Written(record)) if record.id == c));
        return;
    }
    let ids: Vec<&str> = outcomes
        .iter()
        .map(|row| match row {
            Ok(Outcome::Written(record)) => record.id.as_str(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(ids, [survivor.as_str(), c.as_str()], "the write's answer names the survivor");
}

pub async fn archived_is_told_from_missing(world: World) {
    let [living, archived] = ["a", "b"].map(|who| world.account.create(&[(world.names.email, &world.address(who))]));
    world.account.archive(&archived);
    let got = world.get(&["999999999", &archived, &living]).await;
    if world.lacks(Lack::Deletes) {
        return assert!(matches!(got[..], [Got::Missing, Got::Missing, Got::Found(_)]), "{got:?}");
    }
    assert!(
        matches!(&got[..], [Got::Missing, Got::Archived(record), Got::Found(_)] if record.id == archived),
        "{got:?}"
    );
}

pub async fn records_are_found_by_address_once_the_index_knows_them(world: World) {
    let names = &world.names;
    let typed = world.account.create(&[(names.phone, "(415) 555-1212"), (names.email, &world.address("ada"))]);
    let e164 = world.account.create(&[(names.phone, "+6281234567890")]);
    let other = world.account.create(&[(names.phone, "+442071838750"), (names.email, &world.address("bob"))]);
    let ours = [&typed, &e164, &other];
    world.wait_for_index();
    let by = async |find: Find| -> Vec<String> {
        let records = world.connector.find(&world.session, &find, &world.asked()).await.expect("an answer");
        // Whoever else has these numbers in the account is no matter.
        records.into_iter().map(|record| record.id).filter(|id| ours.contains(&id)).collect()
    };
    assert_eq!(by(Find::Email(world.address("ada").replace("ada", "ADA"))).await, [typed.as_str()]);
    assert_eq!(by(Find::Phone("+14155551212".into())).await, [typed.as_str()]);
    assert_eq!(by(Find::Phone("+6281234567890".into())).await, [e164.as_str()]);
    let nobody = Find::Email(world.address("nobody"));
    assert!(world.connector.find(&world.session, &nobody, &world.asked()).await.expect("an answer").is_empty());
}

pub async fn the_list_shows_every_id_once(world: World) {
    world.account.make_room(230);
    let mut ids: Vec<String> = (0..230).map(|n| world.account.create(&[(world.given, &format!("N{n}"))])).collect();
    let archived = ids.split_off(220);
    archived.iter().for_each(|id| world.account.archive(id));
    let mut shown_in_bin = if world.lacks(Lack::ArchivedList) { Vec::new() } else { archived };
    for (in_bin, expected) in [(false, &mut ids), (true, &mut shown_in_bin)] {
        let (mut listed, mut after) = (Vec::new(), None);
        loop {
            let page = world.connector.list_ids(&world.session, in_bin, after.as_deref()).await.expect("a page");
            listed.extend(page.records.into_iter().map(|record| record.id));
            after = page.after;
            if after.is_none() {
                break;
            }
        }
        listed.sort();
        expected.sort();
        assert_eq!(&listed, expected);
    }
}

pub async fn a_lost_answer_to_a_write_is_an_unknown_outcome(world: World) {
    world.acquaint().await;
    for (strike, living) in [(Strike::LostBefore, 0), (Strike::LostAfter, 1)] {
        world.strike(strike);
        let rows = vec![world.create("a", &[(world.names.email, "a@example.com")])];
        let fault = world.write(&Write::Create { key: None, rows }).await.expect_err("no answer");
        assert_eq!(fault.class, FaultClass::Unknown, "{strike:?}");
        assert_eq!(world.account.living(), living, "nobody can tell from the fault");
    }
}

pub async fn a_lost_answer_to_a_read_is_not(world: World) {
    world.strike(Strike::LostAfter);
    let fault = world.connector.changes(&world.session, None, &world.asked()).await.expect_err("no answer");
    assert_eq!(fault.class, FaultClass::Busy);
    world.strike(Strike::Truncated);
    let fault = world.connector.describe(&world.session).await.expect_err("half an answer");
    assert_eq!(fault.class, FaultClass::Busy);
}

pub async fn a_cut_answer_to_a_write_is_an_unknown_outcome(world: World) {
    world.acquaint().await;
    world.strike(Strike::Truncated);
    let rows = vec![world.create("a", &[(world.names.email, "a@example.com")])];
    let fault = world.write(&Write::Create { key: None, rows }).await.expect_err("half an answer");
    assert_eq!((fault.class, world.account.living()), (FaultClass::Unknown, 1));
}

pub async fn a_limit_is_a_limit(world: World) {
    world.strike(Strike::TooMany);
    let fault = world.connector.changes(&world.session, None, &world.asked()).await.expect_err("too many");
    assert_eq!(fault.class, FaultClass::Limited);
    assert!(fault.retry_at.is_some_and(|at| at > world.dial.now()) && !fault.counts_as_try());
}

pub async fn a_proxys_page_is_no_verdict(world: World) {
    world.acquaint().await;
    for status in [401, 403, 404, 503] {
        world.proxy(status, json!("<!doctype html><title>Attention required</title>"));
        let rows = vec![world.create("a", &[(world.names.email, "a@example.com")])];
        let fault = world.write(&Write::Create { key: None, rows }).await.expect_err("a page");
        assert_eq!(fault.class, FaultClass::Busy, "{status}");
    }
}

pub async fn a_refused_grant_stops(world: World) {
    world.account.revoke();
    let fault = world.connector.changes(&world.session, None, &world.asked()).await.expect_err("no grant");
    assert_eq!(fault.class, FaultClass::Reauthorise);
    assert_eq!(next(&fault, 0, &world.session.env), Next::StopConnection);
    assert!(!fault.counts_as_try());
}

pub async fn a_vanished_property_is_drift(world: World) {
    world.needs(Lack::OwnProperties);
    let names = &world.names;
    let gone = world.account.droppable().unwrap_or(names.phone);
    let id = world.account.create(&[(names.email, "a@example.com"), (gone, "+14155551212")]);
    world.account.drop_property(gone);
    world.wait_for_index();
    let mut asked = world.asked();
    if !asked.iter().any(|name| name == gone) {
        asked.push(gone.to_owned());
    }
    let write = Write::Update(vec![world.update("a", &id, set(&[(gone, "+14155551213")]))]);
    let written = match world.write(&write).await {
        Ok(mut rows) => rows.remove(0).expect_err("no such property"),
        Err(fault) => fault,
    };
    let scanned = world.connector.changes(&world.session, None, &asked).await.expect_err("no such property");
    let read = world.connector.get(&world.session, &[id], &asked).await.expect_err("no such property");
    for fault in [written, scanned, read] {
        assert_eq!((fault.class, fault.property.as_deref()), (FaultClass::Drift, Some(gone)));
    }
}

pub async fn hooks_are_verified_and_hint(world: World) {
    if world.lacks(Lack::SignedHooks) {
        let headers = http::HeaderMap::new();
        let uri = "https://sync.example.com/hooks";
        let request = HookRequest { method: "POST", uri, headers: &headers, body: b"[]" };
        assert!(world.connector.read_hook(&request, "secret", world.dial.now()).is_err(), "nobody can have signed it");
        return;
    }
    let merges = !world.lacks(Lack::Merges);
    let secret = world.account.subscribe("https://sync.example.com/hooks/con_1?a=b%3Ac");
    let id = world.account.create(&[(world.names.email, "a@example.com")]);
    let other = world.account.create(&[(world.names.email, "b@example.com")]);
    world.account.edit(&id, &[(world.names.email, "c@example.com")]);
    let survivor = if merges { world.account.merge(&id, &other) } else { other.clone() };
    world.account.archive(&survivor);
    let mut hints = Vec::new();
    for delivery in world.account.hooks() {
        let request =
            HookRequest { method: "POST", uri: &delivery.url, headers: &delivery.headers, body: &delivery.body };
        let now = world.dial.now();
        hints.extend(world.connector.read_hook(&request, &secret, now).expect("a signed delivery"));
        let fault = world.connector.read_hook(&request, "another secret", now).expect_err("another's");
        assert_eq!(fault.class, FaultClass::Forbidden);
    }
    assert!(hints.iter().all(|hint| hint.account == world.account.id()));
    let has = |record: &str, kind: &dyn Fn(&HintKind) -> bool| {
        hints.iter().any(|hint| hint.record == record && kind(&hint.kind))
    };
    assert!(has(&id, &|kind| *kind == HintKind::Changed), "{hints:?}");
    assert!(
        !merges || has(&survivor, &|kind| matches!(kind, HintKind::Merged { losers } if losers.contains(&other))),
        "{hints:?}"
    );
    assert!(world.lacks(Lack::Deletes) || has(&survivor, &|kind| *kind == HintKind::Deleted), "{hints:?}");
}
