//! What only Pipedrive has.

use lockstep_conform::likes::pipedrive::{PipedriveAccount, settings};
use lockstep_conform::world::{KEY, World, set};
use lockstep_connect::oauth::Pkce;
use lockstep_connect::{FaultClass, Find, Got, Outcome, Write};
use lockstep_core::env::{Env, Time};
use lockstep_core::record::Record;
use lockstep_sandbox::pipedrive::{Limits, Plan};
use lockstep_sandbox::{Effect, Fault, Pipedrive, PipedriveSettings};
use secrecy::ExposeSecret as _;
use serde_json::{Value as Json, json};

use crate::consent::{self, Consent};

/// The company's own hand besides, for what the shared cases do not ask for.
fn world_and_company() -> (World, Pipedrive) {
    World::with("pipedrive", |env| {
        let settings = settings(env);
        let sandbox = Pipedrive::new(settings.clone());
        (PipedriveAccount { sandbox: sandbox.clone(), settings }, sandbox)
    })
}

fn found(got: Got) -> Record {
    match got {
        Got::Found(record) => record,
        other => panic!("not found but {other:?}"),
    }
}

/// What the company holds under a list of addresses.
fn points(company: &Pipedrive, id: &str, list: &str) -> Vec<(String, bool)> {
    let record = company.get(id).expect("a record");
    let rows: Json = serde_json::from_str(record.value(list).expect("a list")).expect("JSON");
    let point = |row: &Json| (row["value"].as_str().expect("a value").to_owned(), row["primary"] == true);
    rows.as_array().expect("rows").iter().map(point).collect()
}

#[tokio::test]
async fn writing_an_address_keeps_the_others() {
    let (world, company) = world_and_company();
    let row = json!([{ "name": "Ada", "phones": [
        { "value": "+1", "primary": false, "label": "home" },
        { "value": "+2", "primary": true, "label": "mobile" },
    ] }]);
    company.seed(vec![row[0].as_object().expect("a row").clone()]);
    let id = company.records()[0].id.clone();
    let write = async |phone: Option<&str>| {
        let properties = [("phone".to_owned(), phone.map(str::to_owned))].into();
        world.write_one(&Write::Update(vec![world.update("a", &id, properties)])).await
    };
    assert_eq!(write(Some("+3")).await.text("phone"), Some("+3"));
    let told = |pairs: &[(&str, bool)]| -> Vec<(String, bool)> {
        pairs.iter().map(|(value, primary)| ((*value).to_owned(), *primary)).collect()
    };
    assert_eq!(points(&company, &id, "phones"), told(&[("+1", false), ("+3", true)]));
    assert_eq!(write(Some("+1")).await.text("phone"), Some("+1"));
    assert_eq!(points(&company, &id, "phones"), told(&[("+1", true), ("+3", false)]));
    let asked = ["other_phones".to_owned()];
    let got = world.connector.get(&world.session, std::slice::from_ref(&id), &asked).await.expect("a record").remove(0);
    assert_eq!(found(got).text("other_phones"), Some("+3"));
    write(None).await;
    assert_eq!(points(&company, &id, "phones"), told(&[("+3", true)]));
    assert_eq!(company.get(&id).expect("a record").value("name"), Some("Ada"), "and nothing else was touched");
}

#[tokio::test]
async fn who_has_no_name_goes_by_the_number_which_is_no_name() {
    let (world, company) = world_and_company();
    let made = world
        .write_one(&Write::Create { key: None, rows: vec![world.create("a", &[("phone", "+14155551212")])] })
        .await;
    let name = || company.get(&made.id).expect("a record").value("name").map(str::to_owned);
    assert_eq!((name().as_deref(), made.text("name")), (Some("+14155551212"), None));
    assert_eq!(found(world.get(&[&made.id]).await.remove(0)).text("name"), None);
    let update =
        async |properties| world.write_one(&Write::Update(vec![world.update("b", &made.id, properties)])).await;
    update(set(&[("phone", "+14155551213")])).await;
    assert_eq!(name().as_deref(), Some("+14155551212"), "nobody renames a person");
    assert_eq!(found(world.get(&[&made.id]).await.remove(0)).text("name"), None, "and it is still no name");
    update(set(&[("name", "Ada")])).await;
    update(set(&[("phone", "+14155551214")])).await;
    assert_eq!(name().as_deref(), Some("Ada"));
    assert_eq!(update([("name".to_owned(), None)].into()).await.text("name"), None);
    assert_eq!(name().as_deref(), Some("+14155551214"), "a cleared name is stood in for");
}

#[tokio::test]
async fn a_key_is_a_field_of_text_that_is_searched_and_not_unique() {
    let (world, company) = world_and_company();
    for _ in 0..2 {
        world.connector.add_key_property(&world.session, KEY).await.expect("a key property");
    }
    let described = world.connector.describe(&world.session).await.expect("a description").properties;
    let keys: Vec<_> = described.iter().filter(|property| property.label == KEY).collect();
    assert_eq!((keys.len(), keys[0].unique, keys[0].read_only), (1, false, false), "made once");
    let code = keys[0].name.clone();
    world.account.calls();
    for key in [code.as_str(), KEY] {
        let rows = vec![world.create(key, &[("name", key)])];
        world.write_one(&Write::Create { key: Some(key.to_owned()), rows }).await;
    }
    assert_eq!(world.account.calls().0, 1 + 1, "its name is looked up in the fields that were just described");
    let find = async |value: &str| {
        let by = Find::Key { property: KEY.to_owned(), values: vec![value.to_owned(), "cnt_nobody".to_owned()] };
        world.connector.find(&world.session, &by, &[]).await.expect("an answer")
    };
    assert!(find(&format!("cnt_{KEY}")).await.is_empty(), "the search lags");
    world.wait_for_index();
    let by_name = find(&format!("cnt_{KEY}")).await;
    assert_eq!((by_name.len(), by_name[0].text(KEY)), (1, Some(format!("cnt_{KEY}").as_str())));
    assert_eq!(company.get(&by_name[0].id).expect("a record").value(&code), Some(format!("cnt_{KEY}").as_str()));
    let fault = world.connector.add_key_property(&world.session, "phone").await.expect_err("no field of text");
    assert_eq!(fault.class, FaultClass::Rejected);
}

#[tokio::test]
async fn fields_of_the_company_are_read_and_written_in_their_types() {
    let (world, company) = world_and_company();
    let labels = ["Gold".to_owned(), "Silver".to_owned()];
    let tier = company.add_property("Tier", "enum", &labels).expect("a field");
    let score = company.add_property("Score", "double", &[]).expect("a field");
    let described = world.connector.describe(&world.session).await.expect("a description").properties;
    let option = described.iter().find(|it| it.name == tier).expect("a field").options[1].clone();
    let id = world.account.create(&[("name", "Ada")]);
    let asked = [tier.clone(), score.clone()];
    let properties = set(&[(&tier, &option), (&score, "12.5")]);
    let write = Write::Update(vec![world.update("a", &id, properties)]);
    let Ok(Outcome::Written(record)) =
        world.connector.write(&world.session, &write, &asked).await.expect("rows").remove(0)
    else {
        panic!("written")
    };
    assert_eq!((record.text(&tier), record.text(&score)), (Some(option.as_str()), Some("12.5")));
    let write = Write::Update(vec![world.update("a", &id, set(&[(&tier, "Bronze")]))]);
    let fault = world.write(&write).await.expect("rows").remove(0).expect_err("no such option");
    assert_eq!((fault.class, fault.property.as_deref()), (FaultClass::Rejected, Some(tier.as_str())));
    company.drop_property("Score").expect("dropped");
    let fault = world.connector.get(&world.session, &[id], &asked).await.expect_err("gone");
    assert_eq!((fault.class, fault.property.as_deref()), (FaultClass::Drift, Some(score.as_str())));
}

#[tokio::test]
async fn a_fault_in_the_middle_is_of_its_row_and_the_rest_is_not_sent() {
    let (world, company) = world_and_company();
    company.faults().push(Fault { skip: 1, ..Fault::anywhere(Effect::LostAfter) });
    let rows = ["a", "b", "c"].map(|trace| world.create(trace, &[("name", trace)])).into();
    let outcomes =
        world.connector.write(&world.session, &Write::Create { key: None, rows }, &world.asked()).await.expect("rows");
    let classes: Vec<_> = outcomes.iter().map(|row| row.as_ref().err().map(|fault| fault.class)).collect();
    assert_eq!(classes, [None, Some(FaultClass::Unknown), Some(FaultClass::Unreachable)]);
    assert_eq!(world.account.living(), 2);
}

#[tokio::test]
async fn the_bursts_and_the_day_are_told() {
    let env = Env::manual(Time::from_secs(1_795_348_800), 7).0;
    let limits = Limits { daily_tokens: 25, ..settings(env.clone()).limits };
    let world = World::new("pipedrive", |env| {
        let settings = PipedriveSettings { limits, ..settings(env) };
        PipedriveAccount { sandbox: Pipedrive::new(settings.clone()), settings }
    });
    let call = || lockstep_connect::Call::read(lockstep_connect::Method::Get, "/api/v2/persons?limit=1", None);
    let answer = world.session.door.send(call()).await.expect("an answer");
    let usage = world.connector.usage(&answer).expect("a figure");
    assert_eq!((usage.max, usage.remaining, world.connector.shut_until(&answer)), (10_000, 9_999, None));
    world.session.door.send(call()).await.expect("an answer");
    let refused = world.session.door.send(call()).await.expect("an answer");
    assert_eq!(refused.status, 429);
    let until = world.connector.shut_until(&refused).expect("an end");
    assert!(until > world.dial.now() && until.as_secs() % 86_400 == 0, "{until}");
    let fault = world.connector.changes(&world.session, None, &world.asked()).await.expect_err("the day is used");
    assert_eq!((fault.class, fault.retry_at), (FaultClass::Limited, Some(until)));
}

/// What a background job does in one go must fit the smallest plan: what is refused in the middle begins anew.
#[tokio::test]
async fn a_full_look_by_key_or_by_id_fits_the_burst() {
    let world = World::new("pipedrive", |env| {
        let settings = PipedriveSettings { limits: Limits::of(Plan::Lite, 1), ..settings(env) };
        PipedriveAccount { sandbox: Pipedrive::new(settings.clone()), settings }
    });
    world.connector.add_key_property(&world.session, KEY).await.expect("a key property");
    let batch = world.connector.about().read_batch;
    let ids: Vec<String> = (0..batch).map(|_| world.account.create(&[("name", "Gone")])).collect();
    ids.iter().for_each(|id| world.account.archive(id));
    let got = world.connector.get(&world.session, &ids, &world.asked()).await.expect("answers");
    assert!(got.len() == batch && got.iter().all(|got| matches!(got, Got::Archived(_))));
    world.dial.advance(std::time::Duration::from_secs(2));
    let by = Find::Key { property: KEY.to_owned(), values: ids };
    assert!(world.connector.find(&world.session, &by, &[]).await.expect("an answer").is_empty());
    assert_eq!(world.account.calls().1, 0);
}

/// The code flow from the address to a renewed grant, and a revoked one.
#[tokio::test]
async fn a_code_becomes_a_grant_that_can_be_renewed_until_it_is_taken_back() {
    let env = consent::clock();
    let settings = settings(env.clone());
    let (id, secret) = (settings.client_id.clone(), settings.client_secret.clone());
    let sandbox = Pipedrive::new(settings);
    let consent = Consent::new("pipedrive", env, sandbox.router(), id, secret);
    let pkce = Pkce::new(&consent.env);
    let address = consent.address(&pkce);
    assert!(!address.contains("scope"), "they are fixed where the app is registered");

    let code = consent.allow(&address).await;
    let (grant, body) = consent.grant(&code, &pkce).await.expect("a grant");
    assert_eq!(grant.expires_at, Some(Time::from_secs(consent.env.now().as_secs() + 3_599)));
    assert_eq!(consent.connector.home(&body).as_deref(), Some("http://localhost"));
    let held = grant.refresh.expect("a refresh token");
    let renewed = consent.renew(&held).await.expect("a renewed grant");
    assert_ne!(renewed.access.expose_secret(), grant.access.expose_secret());

    sandbox.revoke();
    assert_eq!(consent.renew(&held).await.expect_err("taken back").class, FaultClass::Reauthorise);
}
