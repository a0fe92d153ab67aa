//! What only Kirim has.

use lockstep_conform::likes::kirim::{KirimAccount, settings};
use lockstep_conform::world::{KEY, World, set};
use lockstep_connect::{Call, Fault, FaultClass, Find, KeyField, Method, Outcome, Write};
use lockstep_core::record::Record;
use lockstep_sandbox::kirim::{Generation, Number};
use lockstep_sandbox::{Effect, Kirim};

/// With the organization's own hand, for what the shared cases do not ask for.
fn world_and_organization(generation: Generation) -> (World, Kirim) {
    World::with("kirim", |env| {
        let account = KirimAccount::new(settings(env, generation));
        let sandbox = account.sandbox.clone();
        (account, sandbox)
    })
}

async fn refusal(world: &World, write: Write) -> Fault {
    world.write(&write).await.map(|mut rows| rows.remove(0).expect_err("refused")).unwrap_or_else(|fault| fault)
}

#[tokio::test]
async fn a_number_that_is_taken_names_who_has_it() {
    for generation in [Generation::Flat, Generation::Scoped] {
        let (world, organization) = world_and_organization(generation);
        let taken = organization.create(&[("phone_number", "0811-097")]).expect("a contact");
        let rows = vec![world.create("a", &[("name", "Ada")])];
        let fault = refusal(&world, Write::Create { key: None, rows }).await;
        assert_eq!((fault.class, fault.existing), (FaultClass::Duplicate, Some(taken)));
        assert_eq!(organization.records().len(), 1);
    }
}

/// The key goes with the call: a repeated call is the same call.
#[tokio::test]
async fn a_create_that_is_repeated_makes_nothing_new() {
    let (world, organization) = world_and_organization(Generation::Flat);
    let rows = vec![world.create("a", &[("name", "Ada")])];
    let write = Write::Create { key: Some(KEY.to_owned()), rows };
    let (first, second) = (world.write_one(&write).await, world.write_one(&write).await);
    assert_eq!((first.id.as_str(), organization.records().len()), (second.id.as_str(), 1));
    let found = Find::Key { property: KEY.to_owned(), values: vec!["cnt_a".to_owned(), "cnt_nobody".to_owned()] };
    let found = world.connector.find(&world.session, &found, &[]).await.expect("an answer");
    let told: Vec<_> = found.iter().map(|record| (record.id.as_str(), record.text(KEY))).collect();
    assert_eq!(told, [(first.id.as_str(), Some("cnt_a"))], "metadata holds our id");
    let held = KeyField::Property { name: KEY.to_owned() };
    assert_eq!(world.connector.add_key_property(&world.session, KEY).await, Ok(()), "{held:?} needs no making");
}

#[tokio::test]
async fn what_others_keep_in_metadata_survives() {
    let (world, organization) = world_and_organization(Generation::Scoped);
    let id = organization.create(&[("name", "Ada"), ("metadata.crm_segment", "gold")]).expect("a contact");
    let described = world.connector.describe(&world.session).await.expect("a description").properties;
    assert!(described.iter().any(|property| property.name == "crm_segment"), "what contacts hold is described");
    let asked = ["crm_segment".to_owned(), KEY.to_owned()];
    let write = Write::Update(vec![world.update("a", &id, set(&[(KEY, "ctc_1")]))]);
    let outcome = world.connector.write(&world.session, &write, &asked).await.expect("rows").remove(0);
    let Ok(Outcome::Written(record)) = outcome else { panic!("written") };
    assert_eq!((record.text(KEY), record.text("crm_segment")), (Some("ctc_1"), Some("gold")));
}

#[tokio::test]
async fn a_number_does_not_change_and_the_api_deletes_nobody() {
    let (world, organization) = world_and_organization(Generation::Flat);
    let id = organization.create(&[("phone_number", "+14155551212")]).expect("a contact");
    let update = world.update("a", &id, set(&[("phone_number", "+14155551213")]));
    let fault = refusal(&world, Write::Update(vec![update])).await;
    assert_eq!((fault.class, fault.property.as_deref()), (FaultClass::Rejected, Some("phone_number")));
    let fault = refusal(&world, Write::Archive(vec![id])).await;
    assert_eq!((fault.class, fault.code.as_str()), (FaultClass::Rejected, "NO_DELETE"));
    let nobody = world.write(&Write::Archive(vec!["ctc_0".to_owned()])).await.expect("rows");
    assert!(matches!(nobody[..], [Ok(Outcome::Archived)]), "gone already");
}

#[tokio::test]
async fn several_numbers_need_a_server_that_shows_all_of_them() {
    let second = Number { id: "206540352242922".to_owned(), display: "+62 811-1760-0829".to_owned() };
    let of = |generation| {
        World::new("kirim", |env| {
            let mut settings = settings(env, generation);
            settings.numbers.push(second.clone());
            KirimAccount::new(settings)
        })
    };
    let world = of(Generation::Scoped);
    let fault = world.connector.describe(&world.session).await.expect_err("which one?");
    assert_eq!((fault.class, fault.code.as_str()), (FaultClass::Rejected, "NOT_ONE_NUMBER"));
    let world = of(Generation::Flat);
    world.account.create(&[("name", "Ada")]);
    assert!(world.connector.describe(&world.session).await.is_ok());
    let fault = refusal(&world, Write::Create { key: None, rows: vec![world.create("a", &[])] }).await;
    assert_eq!((fault.class, fault.property.as_deref()), (FaultClass::Rejected, Some("from")));
}

#[tokio::test]
async fn limits_are_told_apart_and_say_when() {
    let (world, organization) = world_and_organization(Generation::Flat);
    let ask = async || {
        let answer = world.session.door.send(Call::read(Method::Get, "/v1/me", None)).await.expect("an answer");
        world.connector.usage(&answer).map(|usage| (usage.max, usage.remaining))
    };
    assert_eq!((ask().await, ask().await), (Some((600, 599)), Some((600, 598))));
    world.acquaint().await;
    let row = |n: usize| world.create(&format!("{n}"), &[("phone_number", &format!("+6281100{n:04}"))]);
    let made = Write::Create { key: None, rows: (0..60).map(row).collect() };
    world.write(&made).await.expect("sixty in a minute");
    let fault = refusal(&world, Write::Create { key: None, rows: vec![row(60)] }).await;
    let wait = fault.retry_at.expect("a time").since(world.dial.now());
    assert_eq!((fault.class, wait.as_secs()), (FaultClass::Limited, 1));
    assert_eq!(organization.calls().throttled, 1);
    world.dial.advance(wait);
    world.write(&Write::Create { key: None, rows: vec![row(60)] }).await.expect("one more by now");
    organization.faults().push(lockstep_sandbox::Fault::anywhere(Effect::Status { status: 403, policy: None }));
    let fault = refusal(&world, Write::Create { key: None, rows: vec![row(61)] }).await;
    assert_eq!(fault.class, FaultClass::Forbidden);
}

#[tokio::test]
async fn a_deleted_contact_is_gone_from_the_list_and_a_scan_says_nothing() {
    let (world, organization) = world_and_organization(Generation::Scoped);
    let ids = ["Ada", "Bob"].map(|name| organization.create(&[("name", name)]).expect("a contact"));
    organization.archive(&ids[0]).expect("deleted");
    let listed = world.connector.list_ids(&world.session, false, None).await.expect("a page");
    assert_eq!(listed.records.iter().map(|listed| listed.id.as_str()).collect::<Vec<_>>(), [ids[1].as_str()]);
    let page = world.connector.changes(&world.session, None, &world.asked()).await.expect("a page");
    let shown: Vec<Option<&str>> = page.records.iter().map(|record: &Record| record.text("name")).collect();
    assert_eq!(shown, [Some("Bob")]);
}
