//! The wall around channels: a second one is one folder, and nothing names a channel but its folder and the registry.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use axum::body::Body;
use http::Request;
use lockstep::channel::registry;
use lockstep::ops::channels::{self, Connect, Connected};
use lockstep_core::problem::{Code, Problem};
use serde_json::{Value as Json, json};

use crate::desk::{ACCOUNT, Desk};
use crate::letters::{Letters, SEAL, seal};

const BOX: &str = "200300400500";

async fn connect(desk: &Desk, channel: &str, given: &[(&str, &str)]) -> Result<Connected, Problem> {
    let request = Connect {
        channel: channel.to_owned(),
        account: BOX.to_owned(),
        base_url: None,
        given: given.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect(),
    };
    channels::connect(&desk.app, &desk.operator(), request).await
}

#[tokio::test]
async fn a_second_channel_is_one_folder() {
    let mut desk = Desk::new().await;
    desk.carry(Arc::new(Letters));
    let connected = connect(&desk, "letters", &[("signet", "iron")]).await.expect("a box");
    assert_eq!(connected.webhook_url, format!("https://lockstep.test/hooks/letters/{}", connected.id));

    let letter =
        json!({ "id": "l1", "from": "+6281234567890", "signed": "Ana", "at": 1_790_000_000, "text": "Dear all" });
    let body = json!({ "box": BOX, "letter": letter }).to_string();
    let brought = async |path: String, seal: String| {
        let request = Request::post(path).header(SEAL, seal).body(Body::from(body.clone()));
        desk.request(request.expect("a request")).await.status.as_u16()
    };
    let path = format!("/hooks/letters/{}", connected.id);
    assert_eq!(brought(path.clone(), seal("copper", body.as_bytes())).await, 401);
    assert_eq!(brought(path.replace("letters", "carrier"), seal("iron", body.as_bytes())).await, 404);
    assert_eq!(brought(path.clone(), seal("iron", body.as_bytes())).await, 200);
    let asked = desk.request(Request::get(&path).body(Body::empty()).expect("a request")).await;
    assert_eq!(asked.status.as_u16(), 404, "a post office never asks");
    desk.settle().await;

    let received = desk.get(&format!("/v1/{BOX}/messages")).await;
    assert_eq!(received.data()[0]["content"], "Dear all");
    desk.subscriber.take();
    let sent = desk.post(&format!("/v1/{BOX}/messages"), json!({ "to": "+6281234567890", "text": "Dear Ana" })).await;
    let id = sent.text_of("id");
    desk.settle().await;
    let posted = desk.subscriber.take().pop().expect("a letter");
    assert_eq!(posted.uri(), "https://post.test/letters");
    assert_eq!(posted.headers()[SEAL], seal("iron", posted.body()));
    assert_eq!(**posted.body(), *json!({ "to": "+6281234567890", "text": "Dear Ana" }).to_string().as_bytes());
    let shown = desk.get(&format!("/v1/messages/{id}")).await;
    assert_eq!((shown.text_of("status"), shown.text_of("provider_id")), ("sent".to_owned(), format!("letter.{id}")));
    assert!(desk.carrier.take_sent().is_empty());
}

#[tokio::test]
async fn a_form_that_will_not_do_connects_nothing() {
    let mut desk = Desk::new().await;
    desk.carry(Arc::new(Letters));
    let long = "x".repeat(5_000);
    for (channel, given, code, member) in [
        ("pigeons", vec![("signet", "iron")], Code::InvalidFieldValue, "channel"),
        ("letters", vec![], Code::MissingRequiredField, "signet"),
        ("letters", vec![("signet", " ")], Code::MissingRequiredField, "signet"),
        ("letters", vec![("signet", long.as_str())], Code::InvalidFieldValue, "signet"),
        ("letters", vec![("signet", "wax")], Code::InvalidFieldValue, "signet"),
    ] {
        let refused = connect(&desk, channel, &given).await.expect_err("it will not do");
        assert_eq!((refused.code, refused.param.as_deref()), (code, Some(member)));
    }
    connect(&desk, "letters", &[("signet", "iron"), ("colour", "red")]).await.expect("more than is asked does no harm");
    let refused = connect(&desk, "carrier", &[]).await.expect_err("the account has a channel");
    assert_eq!((refused.code, refused.param.as_deref()), (Code::InvalidFieldValue, Some("channel")));
}

#[tokio::test]
async fn an_account_is_connected_and_disconnected_over_http() {
    let mut desk = Desk::new().await;
    desk.carry(Arc::new(Letters));
    let path = format!("/v1/accounts/{BOX}/channel");
    let put = async |body: Json| desk.send("PUT", &path, body).await;
    let good = json!({ "channel": "letters", "settings": { "signet": "iron" } });
    assert_eq!(put(good.clone()).await.refusal(), (404, "resource_not_found", None), "no such account");
    let account = json!({ "phone_number_id": BOX, "phone_number": "+200300400500", "name": "Post" });
    desk.post("/v1/accounts", account).await.data();
    assert_eq!(desk.get(&path).await.refusal(), (404, "resource_not_found", None));
    for (body, refusal) in [
        (json!({}), (400, "missing_required_field", Some("channel"))),
        (json!({ "channel": "pigeons" }), (400, "invalid_field_value", Some("channel"))),
        (json!({ "channel": "letters" }), (400, "missing_required_field", Some("settings.signet"))),
        (
            json!({ "channel": "letters", "settings": { "signet": "wax" } }),
            (400, "invalid_field_value", Some("settings.signet")),
        ),
        (
            json!({ "channel": "letters", "base_url": "http://10.0.0.1", "settings": { "signet": "iron" } }),
            (400, "invalid_field_value", Some("base_url")),
        ),
    ] {
        assert_eq!(put(body.clone()).await.refusal(), refusal, "{body}");
    }
    let test = desk.post("/v1/keys", json!({ "label": "test", "livemode": false })).await.text_of("key");
    let refused = desk.send_as(&test, "PUT", &path, good.clone()).await;
    assert_eq!(refused.refusal(), (403, "insufficient_scope", Some("livemode")));

    let connected = put(good).await;
    let id = connected.text_of("id");
    let mut shown = json!({ "id": id, "object": "channel", "channel": "letters", "phone_number_id": BOX,
        "base_url": "https://post.test", "webhook_url": format!("https://lockstep.test/hooks/letters/{id}"),
        "connected_at": "2026-09-21T14:13:20.000Z", "handover": {} });
    assert_eq!(connected.data(), &shown);
    shown.as_object_mut().expect("an object").remove("handover");
    assert_eq!(desk.get(&path).await.data(), &shown);
    let accounts = desk.get("/v1/accounts").await;
    let of = |id: &str| accounts.data().as_array().and_then(|all| all.iter().find(|it| it["phone_number_id"] == id));
    let seen = |id: &str| of(id).map(|account| (account["status"].clone(), account["channel"].clone()));
    assert_eq!(seen(BOX), Some((json!("connected"), json!("letters"))));
    assert_eq!(seen(ACCOUNT), Some((json!("connected"), json!("carrier"))));

    assert_eq!(desk.send_as(&test, "DELETE", &path, Json::Null).await.refusal().0, 403);
    let gone = desk.send("DELETE", &path, Json::Null).await;
    assert_eq!(gone.data(), &json!({ "phone_number_id": BOX, "object": "channel", "deleted": true }));
    assert_eq!(desk.send("DELETE", &path, Json::Null).await.refusal(), (404, "resource_not_found", None));
    let left = desk.get("/v1/accounts?status=all").await;
    assert!(left.text.contains("disconnected"), "{}", left.text);
}

#[test]
fn no_channel_has_the_name_of_another_or_of_a_connector() {
    let channels = registry::all();
    let slugs = channels.iter().map(|channel| channel.about().slug);
    let mut slugs: Vec<&str> =
        slugs.chain(lockstep_connect::registry::all().iter().map(|connector| connector.about().slug)).collect();
    slugs.sort_unstable();
    let named = slugs.len();
    slugs.dedup();
    assert_eq!(slugs.len(), named);
}

/// Every Rust file below a folder.
fn sources(folder: &Path, into: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|it| it == "rs") {
            into.push((path.display().to_string(), fs::read_to_string(&path).expect("text")));
        }
    }
}

#[test]
fn nothing_names_a_channels_module_but_its_folder_and_the_registry() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    sources(&root, &mut found);
    for channel in registry::all().iter() {
        let slug = channel.about().slug;
        let folder = root.join("channel").join(slug).display().to_string();
        assert!(Path::new(&folder).is_dir(), "{slug} has no folder");
        let module = [format!("{slug}::"), format!("mod {slug}"), format!("{slug};"), format!("{slug}}}")];
        let outside = found.iter().filter(|(path, _)| !path.starts_with(&folder));
        let names: Vec<&str> = outside
            .filter(|(_, text)| module.iter().any(|name| text.contains(name.as_str())))
            .map(|(path, _)| path.strip_prefix(&root.display().to_string()).unwrap_or(path))
            .collect();
        assert!(
            names.iter().all(|name| ["/channel/mod.rs", "/channel/registry.rs"].contains(name)),
            "{slug}: {names:?}"
        );
    }
}
