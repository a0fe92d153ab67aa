//! Contacts through the Inbox API: the contract of Kirim's `/v1` and what goes beyond it.

use std::time::Duration;

use axum::body::Body;
use http::Request;
use lockstep::app::RateLimits;
use lockstep::ops::idempotency::Once;
use lockstep::ops::{contacts, keys};
use lockstep_core::contact::NewContact;
use lockstep_core::ids::ContactId;
use lockstep_core::phone::Phone;
use lockstep_store::{Begin, KeyKind};
use secrecy::ExposeSecret;
use serde_json::{Value as Json, json};

use crate::desk::{ACCOUNT, BEGINNING, Desk, organization};

#[tokio::test]
async fn a_contact_lives_through_its_whole_life() {
    let desk = Desk::new().await;
    let body = json!({ "phone_number": "+628111222333", "name": "Ana", "metadata": { "crm_id": "1" }, "unknown": 1 });
    let made = desk.post("/v1/contacts", body).await;
    assert_eq!(made.status, 201);
    let id = made.text_of("id");
    assert_eq!(
        made.data(),
        &json!({
            "id": id, "object": "contact", "phone_number": "+628111222333", "name": "Ana", "email": null,
            "metadata": { "crm_id": "1" }, "acquisition_source": "api",
            "whatsapp_account": { "phone_number": "+62 851-1760-0829", "phone_number_id": ACCOUNT, "customer": null },
            "created_at": "2026-09-21T14:13:20.000Z", "updated_at": "2026-09-21T14:13:20.000Z",
        })
    );

    desk.dial.advance(Duration::from_secs(1));
    let path = format!("/v1/contacts/{id}");
    let patch = json!({ "email": "ana@example.com", "name": null, "metadata": { "crm_id": null, "tier": 2 } });
    let changed = desk.send("PATCH", &path, patch.clone()).await;
    assert_eq!(changed.data()["name"], Json::Null);
    assert_eq!(changed.data()["metadata"], json!({ "tier": 2 }));
    assert_eq!(changed.data()["updated_at"], "2026-09-21T14:13:21.000Z");

    desk.dial.advance(Duration::from_secs(1));
    let same = desk.send("PATCH", &path, patch).await;
    assert_eq!(same.data(), changed.data(), "a patch that changes nothing leaves no trace");
    assert_eq!(desk.get(&path).await.data(), changed.data());

    let gone = desk.send("DELETE", &path, Json::Null).await;
    assert_eq!(gone.data(), &json!({ "id": id, "object": "contact", "deleted": true }));
    for method in ["GET", "DELETE"] {
        assert_eq!(desk.send(method, &path, Json::Null).await.refusal(), (404, "resource_not_found", None));
    }
    assert_eq!(desk.get("/v1/contacts").await.data(), &json!([]));
    let again = desk.post("/v1/contacts", json!({ "phone_number": "+628111222333" })).await;
    assert_ne!(again.text_of("id"), id, "the number is free again, the id is not");
}

#[tokio::test]
async fn every_change_is_in_the_log_with_its_key() {
    let desk = Desk::new().await;
    let made = desk.post("/v1/contacts", json!({ "phone_number": "+628111222333", "name": "Ana" })).await;
    let id = ContactId::parse(&made.text_of("id")).expect("an id");
    desk.send("PATCH", &format!("/v1/contacts/{id}"), json!({ "name": "Ana B" })).await;
    let org = desk.org.clone();
    let log = desk.app.store.read(move |tx| tx.changes_of(&org, &id, Some("name"), 10)).await.expect("a log");
    let told: Vec<_> = log
        .iter()
        .flat_map(|change| &change.fields)
        .filter(|field| field.field == "name")
        .map(|field| (field.before.as_deref(), field.after.as_deref()))
        .collect();
    assert_eq!(told, [(Some("Ana"), Some("Ana B")), (None, Some("Ana"))]);
    assert!(matches!(log[0].origin, lockstep_core::change::Origin::Api { .. }));
}

#[tokio::test]
async fn both_path_layouts_lead_to_the_same_contacts() {
    let desk = Desk::new().await;
    let org = desk.org.clone();
    let added = desk.app.store.write(move |tx| tx.add_account(&org, "222222222", "+62 811-0000-0002", "Sales"));
    added.await.expect("an account");
    let flat = desk.post("/v1/contacts", json!({ "phone_number": "+628111222333" })).await;
    assert_eq!(flat.refusal(), (400, "missing_required_field", Some("from")));
    let from = desk.post("/v1/contacts", json!({ "phone_number": "+628111222333", "from": "+6281100000002" })).await;
    assert_eq!(from.data()["whatsapp_account"]["phone_number_id"], "222222222");
    let scoped = desk.post(&format!("/v1/{ACCOUNT}/contacts"), json!({ "phone_number": "+628111222333" })).await;
    assert_eq!(scoped.data()["whatsapp_account"]["phone_number_id"], ACCOUNT);

    assert_eq!(desk.get("/v1/contacts?phone=%2B628111222333").await.data().as_array().map(Vec::len), Some(2));
    assert_eq!(desk.get("/v1/contacts?phone=+628111222333").await.data().as_array().map(Vec::len), Some(2));
    let only = desk.get(&format!("/v1/{ACCOUNT}/contacts")).await;
    assert_eq!(only.data().as_array().map(Vec::len), Some(1));
    let other = format!("/v1/{ACCOUNT}/contacts/{}", from.text_of("id"));
    assert_eq!(desk.get(&other).await.refusal(), (404, "resource_not_found", None));
    for unknown in ["/v1/999999999/contacts", "/v1/abcdefgh/contacts", "/v1/12345/contacts"] {
        assert_eq!(desk.get(unknown).await.refusal(), (404, "resource_not_found", None), "{unknown}");
    }
    let bad = desk.post("/v1/contacts", json!({ "phone_number": "+628111222334", "from": "+6281100000009" })).await;
    assert_eq!(bad.refusal(), (400, "invalid_field_value", Some("from")));
}

#[tokio::test]
async fn one_number_is_one_contact_and_an_upsert_finds_it() {
    let desk = Desk::new().await;
    let path = "/v1/contacts/by_phone/%2B628111222333";
    let made = desk.send("PUT", path, json!({ "name": "Ana", "metadata": { "a": 1, "b": null } })).await;
    assert_eq!((made.status.as_u16(), &made.data()["metadata"]), (201, &json!({ "a": 1 })));
    let found = desk.send("PUT", path, json!({ "email": "ana@example.com" })).await;
    assert_eq!((found.status.as_u16(), found.text_of("id")), (200, made.text_of("id")));
    assert_eq!((found.text_of("name"), found.text_of("email")), ("Ana".to_owned(), "ana@example.com".to_owned()));
    let twice = desk.post("/v1/contacts", json!({ "phone_number": "+628111222333" })).await;
    assert_eq!(twice.refusal(), (409, "contact_already_exists", Some("phone_number")));
    let bad = desk.send("PUT", "/v1/contacts/by_phone/0811", json!({})).await;
    assert_eq!(bad.refusal(), (400, "invalid_phone_number", Some("phone")));
}

#[tokio::test]
async fn search_folds_case_and_accents() {
    let desk = Desk::new().await;
    desk.post("/v1/contacts", json!({ "phone_number": "+628111222333", "name": "Zoë Ångström" })).await;
    desk.post("/v1/contacts", json!({ "phone_number": "+628111222334", "email": "bob@EXAMPLE.com" })).await;
    for (text, hits) in [("zoe", 1), ("ANGSTR", 1), ("example", 1), ("nobody", 0), ("%25", 0), ("_", 0)] {
        let found = desk.get(&format!("/v1/contacts?search={text}")).await;
        assert_eq!(found.data().as_array().map(Vec::len), Some(hits), "{text}");
    }
}

/// Reads all pages; answers the ids in order and the last page.
async fn pages(desk: &Desk, query: &str) -> (Vec<String>, Json) {
    let (mut ids, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = desk.get(&format!("/v1/contacts?limit=3{query}{cursor}")).await;
        let rows = page.data().as_array().expect("rows");
        ids.extend(rows.iter().map(|row| row["id"].as_str().expect("an id").to_owned()));
        assert_eq!(page.body["has_more"], page.body["next_cursor"].is_string());
        match page.body["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return (ids, page.body),
        }
    }
}

#[tokio::test]
async fn pages_miss_nothing_among_equal_times() {
    let desk = Desk::new().await;
    for n in 0..10 {
        desk.post("/v1/contacts", json!({ "phone_number": format!("+62811122233{n}") })).await;
    }
    let (ids, _) = pages(&desk, "").await;
    let mut unique = ids.clone();
    unique.sort();
    unique.dedup();
    assert_eq!((ids.len(), unique.len()), (10, 10));
}

#[tokio::test]
async fn a_delta_cursor_shows_each_later_change_though_the_clock_steps_back() {
    let desk = Desk::new().await;
    let mut ids = Vec::new();
    for n in 0..7 {
        let made = desk.post("/v1/contacts", json!({ "phone_number": format!("+62811122233{n}") })).await;
        ids.push(made.text_of("id"));
    }
    let since = "&updated_after=2026-01-01T00:00:00Z";
    let (all, last) = pages(&desk, since).await;
    assert_eq!(all, ids, "in the order of their changes");
    let delta = last["delta_cursor"].as_str().expect("a delta cursor").to_owned();
    let (none, last) = pages(&desk, &format!("{since}&cursor={delta}")).await;
    assert!(none.is_empty());
    assert_eq!(last["delta_cursor"], *delta, "nothing new: the same place");

    desk.dial.set(BEGINNING.minus(Duration::from_secs(400 * 24 * 3_600)));
    desk.send("PATCH", &format!("/v1/contacts/{}", ids[3]), json!({ "name": "Late" })).await;
    let (changed, _) = pages(&desk, &format!("{since}&cursor={delta}")).await;
    assert_eq!(changed, [ids[3].clone()]);

    let none_yet = desk.get("/v1/contacts?updated_after=2030-01-01T00:00:00Z").await;
    assert_eq!(none_yet.data(), &json!([]));
    assert!(none_yet.body["delta_cursor"].is_string());
}

#[tokio::test]
async fn a_cursor_fits_only_its_own_list() {
    let desk = Desk::new().await;
    for n in 0..3 {
        desk.post("/v1/contacts", json!({ "phone_number": format!("+62811122233{n}"), "name": "Ana" })).await;
    }
    let page = desk.get("/v1/contacts?limit=1&search=ana").await;
    let cursor = page.body["next_cursor"].as_str().expect("a cursor");
    assert_eq!(desk.get(&format!("/v1/contacts?limit=2&search=ana&cursor={cursor}")).await.status, 200);
    let mut altered = cursor.to_owned();
    altered.replace_range(40..41, if &cursor[40..41] == "A" { "B" } else { "A" });
    let other = organization(&desk.app, "Other").await;
    let other_key = crate::desk::key(&desk.app, &other).await;
    let foreign =
        desk.send_as(&other_key, "GET", &format!("/v1/contacts?search=ana&cursor={cursor}"), Json::Null).await;
    assert_eq!(foreign.refusal(), (400, "invalid_cursor", Some("cursor")));
    for query in [
        format!("search=bob&cursor={cursor}"),
        format!("cursor={cursor}"),
        format!("search=ana&updated_after=2026-01-01T00:00:00Z&cursor={cursor}"),
        format!("search=ana&cursor={altered}"),
        "search=ana&cursor=".to_owned(),
        "search=ana&cursor=abc".to_owned(),
        format!("search=ana&cursor={}", "A".repeat(5_000)),
    ] {
        let refused = desk.get(&format!("/v1/contacts?{query}")).await;
        assert_eq!(refused.refusal(), (400, "invalid_cursor", Some("cursor")), "{query}");
    }
    let elsewhere = desk.get(&format!("/v1/webhook_deliveries?cursor={cursor}")).await;
    assert_eq!(elsewhere.refusal(), (400, "invalid_cursor", Some("cursor")));
}

#[tokio::test]
async fn me_accounts_and_health_answer() {
    let desk = Desk::with(RateLimits { write_per_minute: Some(60), read_per_minute: None }).await;
    let me = desk.get("/v1/me").await;
    assert_eq!(me.data()["organization"], json!({ "id": desk.org.id(), "object": "organization", "name": "Acme" }));
    assert_eq!(me.data()["api_key"]["last4"], desk.key[desk.key.len() - 4..]);
    let limits = json!({ "tier": "self_hosted", "write_per_minute": 60, "read_per_minute": null });
    assert_eq!(me.data()["rate_limits"], limits);
    let account = json!({ "object": "account", "phone_number_id": ACCOUNT, "phone_number": "+6285117600829",
        "name": "Support", "status": "connected", "team_id": null, "channel": "carrier" });
    let accounts = desk.get("/v1/accounts?status=all").await;
    assert_eq!((accounts.data(), &accounts.body["has_more"]), (&json!([account]), &json!(false)));
    let from = json!({ "phone_number": "+628111222333", "from": account["phone_number"] });
    let contact = desk.post("/v1/contacts", from).await;
    assert_eq!(contact.data()["whatsapp_account"]["phone_number"], "+62 851-1760-0829", "as people read it");
    assert_eq!(desk.get("/v1/accounts?status=gone").await.refusal(), (400, "invalid_field_value", Some("status")));
    let health = desk.request(Request::get("/v1/health").body(Body::empty()).expect("a request")).await;
    assert_eq!(health.data()["status"], "ok");
}

#[tokio::test]
async fn keys_open_only_while_they_are_good() {
    let desk = Desk::new().await;
    let mint = async |kind, live, expires| {
        keys::mint(&desk.app, &desk.org, kind, "other", live, expires).await.expect("a key")
    };
    let soon = mint(KeyKind::Api, true, Some(BEGINNING.plus(Duration::from_secs(5)))).await;
    let soon = soon.plaintext.expose_secret();
    assert_eq!((soon.len(), &soon[..9]), (33, "kdv_live_"));
    assert_eq!(desk.send_as(soon, "GET", "/v1/me", Json::Null).await.status, 200);
    desk.dial.advance(Duration::from_secs(5));
    assert_eq!(desk.send_as(soon, "GET", "/v1/me", Json::Null).await.refusal(), (401, "expired_api_key", None));

    let revoked = mint(KeyKind::Api, true, None).await;
    let (org, id) = (desk.org.clone(), revoked.id);
    assert!(desk.app.store.write(move |tx| tx.revoke_key(&org, &id)).await.expect("revokes"));
    let refused = desk.send_as(revoked.plaintext.expose_secret(), "GET", "/v1/me", Json::Null).await;
    assert_eq!(refused.refusal(), (401, "revoked_api_key", None));

    let secret = mint(KeyKind::Secret, true, None).await;
    let refused = desk.send_as(secret.plaintext.expose_secret(), "GET", "/v1/me", Json::Null).await;
    assert_eq!(refused.refusal(), (401, "invalid_api_key", None), "a key of another surface opens nothing here");
    assert_eq!(
        desk.send_as("kdv_live_AAAAAAAAAAAAAAAAAAAAAAAA", "GET", "/v1/nothing", Json::Null).await.refusal().1,
        "invalid_api_key"
    );

    for (header, code) in [
        (None, "missing_api_key"),
        (Some(format!("Basic {}", desk.key)), "invalid_api_key"),
        (Some(desk.key.clone()), "invalid_api_key"),
        (Some("Bearer ".to_owned()), "invalid_api_key"),
    ] {
        let mut request =
            Request::get(format!("/v1/me?api_key={}", desk.key)).header("cookie", format!("key={}", desk.key));
        if let Some(header) = header {
            request = request.header("authorization", header);
        }
        let refused = desk.request(request.body(Body::empty()).expect("a request")).await;
        assert_eq!(refused.refusal(), (401, code, None));
    }
}

#[tokio::test]
async fn rate_limits_tell_where_they_stand() {
    let desk = Desk::with(RateLimits { write_per_minute: Some(2), read_per_minute: Some(600) }).await;
    let reset = |secs: i64| (BEGINNING.as_secs() + secs).to_string();
    let first = desk.post("/v1/contacts", json!({})).await;
    assert_eq!(first.refusal().0, 400);
    let standing = |answered: &crate::desk::Answered| {
        ["limit", "remaining", "reset"].map(|name| answered.header(&format!("x-ratelimit-{name}")).map(str::to_owned))
    };
    assert_eq!(standing(&first), [Some("2".into()), Some("1".into()), Some(reset(30))]);
    desk.post("/v1/contacts", json!({ "phone_number": "+628111222333" })).await;
    let refused = desk.post("/v1/contacts", json!({ "phone_number": "+628111222334" })).await;
    assert_eq!(refused.refusal(), (429, "rate_limit_exceeded", None));
    assert_eq!(
        (standing(&refused), refused.header("retry-after")),
        ([Some("2".into()), Some("0".into()), Some(reset(60))], Some("30"))
    );
    let read = desk.get("/v1/contacts").await;
    assert_eq!(
        standing(&read),
        [Some("600".into()), Some("599".into()), Some(reset(1))],
        "reads have their own bucket"
    );
    desk.dial.advance(Duration::from_secs(30));
    assert_eq!(desk.post("/v1/contacts", json!({ "phone_number": "+628111222334" })).await.status, 201);
    let lifted = Desk::new().await.get("/v1/contacts").await;
    assert_eq!(standing(&lifted), [None, None, None]);
}

#[tokio::test]
async fn a_post_with_an_idempotency_key_acts_once() {
    let desk = Desk::new().await;
    let body = json!({ "phone_number": "+628111222333", "name": "Ana" });
    let first = desk.post_once("k1", "/v1/contacts", body.clone()).await;
    assert_eq!((first.status.as_u16(), first.header("idempotent-replayed")), (201, Some("false")));
    let other_spelling = Request::post("/v1/contacts")
        .header("authorization", format!("Bearer {}", desk.key))
        .header("idempotency-key", "k1")
        .body(Body::from(r#"{ "name" : "Ana", "phone_number":"+628111222333" }"#));
    let again = desk.request(other_spelling.expect("a request")).await;
    assert_eq!((again.status.as_u16(), again.header("idempotent-replayed")), (201, Some("true")));
    assert_eq!((&again.text, again.header("x-request-id")), (&first.text, first.header("x-request-id")));

    let reused = desk.post_once("k1", "/v1/contacts", json!({ "phone_number": "+628111222334" })).await;
    assert_eq!(reused.refusal(), (422, "idempotency_key_reuse", Some("Idempotency-Key")));
    let elsewhere = desk.post_once("k1", &format!("/v1/{ACCOUNT}/contacts"), body.clone()).await;
    assert_eq!(elsewhere.refusal().1, "idempotency_key_reuse", "the path is part of the request");

    let bad = json!({ "phone_number": "0811" });
    let refused = desk.post_once("k2", "/v1/contacts", bad.clone()).await;
    assert_eq!(refused.refusal().1, "invalid_phone_number");
    let again = desk.post_once("k2", "/v1/contacts", bad).await;
    assert_eq!(
        (again.header("idempotent-replayed"), &again.text),
        (Some("true"), &refused.text),
        "a refusal is kept too"
    );

    let taken = desk.post_once("k3", "/v1/contacts", body.clone()).await;
    assert_eq!(taken.refusal().1, "contact_already_exists");
    desk.send("DELETE", &format!("/v1/contacts/{}", first.text_of("id")), Json::Null).await;
    assert_eq!(desk.post_once("k3", "/v1/contacts", body.clone()).await.status, 201, "a conflict is not kept");

    desk.dial.advance(Duration::from_secs(24 * 3_600));
    let later = desk.post_once("k1", "/v1/contacts", body).await;
    assert_eq!(later.refusal().1, "contact_already_exists", "after a day the key is new");
    let long = desk.post_once(&"k".repeat(256), "/v1/contacts", json!({})).await;
    assert_eq!(long.refusal(), (400, "invalid_field_value", Some("Idempotency-Key")));
}

#[tokio::test]
async fn a_kept_answer_is_sealed_and_goes_with_the_person_it_quotes() {
    let desk = Desk::new().await;
    let (path, hook) =
        ("/v1/webhook_subscriptions", json!({ "url": "https://example.com/hook", "events": ["contact.created"] }));
    let made = desk.post_once("k1", path, hook.clone()).await;
    assert_eq!(
        desk.post_once("k1", path, hook.clone()).await.text_of("initial_secret"),
        made.text_of("initial_secret")
    );
    let (once, org) = (Once::new("k1".to_owned(), "POST", path, &hook), desk.org.clone());
    let kept = desk.app.store.write(move |tx| tx.idempotency_begin(&org, &once.key, &once.fingerprint));
    let Begin::Replay(kept) = kept.await.expect("reads") else { panic!("the answer is kept") };
    assert!(!kept.body.windows(6).any(|window| window == b"whsec_"));

    let person = json!({ "phone_number": "+628111222333", "name": "Ana" });
    let first = desk.post_once("k2", "/v1/contacts", person.clone()).await;
    desk.send("DELETE", &format!("/v1/contacts/{}", first.text_of("id")), Json::Null).await;
    let again = desk.post_once("k2", "/v1/contacts", person).await;
    assert_eq!(again.header("idempotent-replayed"), Some("false"));
    assert_ne!(again.text_of("id"), first.text_of("id"));
}

#[tokio::test]
async fn an_import_fills_what_is_missing_and_overwrites_nothing() {
    let desk = Desk::new().await;
    desk.post("/v1/contacts", json!({ "phone_number": "+628111222333", "name": "Ana" })).await;
    let new = |phone: &str, name: &str, email: Option<&str>| NewContact {
        phone_number: Some(Phone::parse(phone).expect("E.164")),
        name: Some(name.to_owned()),
        email: email.map(str::to_owned),
        ..NewContact::default()
    };
    let rows = vec![
        new("+628111222333", "Other", Some("ana@example.com")),
        new("+628111222334", "Bob", None),
        new("+628111222334", "Bob", None),
    ];
    let done = contacts::import(&desk.app, &desk.org, rows).await.expect("an import");
    assert_eq!((done.created, done.filled, done.unchanged), (1, 1, 1));
    let ana = desk.get("/v1/contacts?phone=%2B628111222333").await;
    assert_eq!((&ana.data()[0]["name"], &ana.data()[0]["email"]), (&json!("Ana"), &json!("ana@example.com")));
}

#[tokio::test]
async fn two_writes_at_once_both_hold() {
    let desk = Desk::new().await;
    let made = desk.post("/v1/contacts", json!({ "phone_number": "+628111222333" })).await;
    let path = format!("/v1/contacts/{}", made.text_of("id"));
    let (one, two) = tokio::join!(
        desk.send("PATCH", &path, json!({ "name": "Ana" })),
        desk.send("PATCH", &path, json!({ "metadata": { "tier": 1 } })),
    );
    assert!(one.status.is_success() && two.status.is_success());
    let now = desk.get(&path).await;
    assert_eq!((&now.data()["name"], &now.data()["metadata"]), (&json!("Ana"), &json!({ "tier": 1 })));
}
