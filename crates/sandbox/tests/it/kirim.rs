//! The Kirim look-alike as an app sees it.

use std::sync::Arc;

use axum::Router;
use http::Method;
use lockstep_sandbox::kirim::Generation;
use lockstep_sandbox::{Kirim, KirimSettings};
use serde_json::json;

use crate::desk::{Got, ask, clock};

struct Office {
    kirim: Kirim,
    router: Router,
}

impl Office {
    fn new(generation: Generation) -> Self {
        let (_, clock) = clock();
        let kirim = Kirim::new(KirimSettings { clock, generation, ..KirimSettings::default() });
        Self { router: kirim.router(), kirim }
    }

    fn ask(&self, method: Method, path: &str, key: Option<&str>, body: &str) -> Got {
        let headers = [("authorization", "Bearer kdv_live_x"), ("idempotency-key", key.unwrap_or_default())];
        ask(&self.router, method, path, &headers[..1 + usize::from(key.is_some())], body.to_owned())
    }

    fn get(&self, path: &str) -> Got {
        self.ask(Method::GET, path, None, "")
    }
}

fn code(got: &Got) -> (u16, &str) {
    assert_eq!(got.json["error"]["request_id"].as_str(), got.headers["x-request-id"].to_str().ok());
    (got.status.as_u16(), got.json["error"]["code"].as_str().unwrap_or_default())
}

#[test]
fn each_generation_has_its_own_paths() {
    let (flat, scoped) = (Office::new(Generation::Flat), Office::new(Generation::Scoped));
    assert_eq!(
        (flat.get("/v1/contacts").status, flat.get("/v1/accounts").status.as_u16()),
        (http::StatusCode::OK, 404)
    );
    let numbers = scoped.get("/v1/accounts");
    let id = numbers.json["data"][0]["phone_number_id"].as_str().expect("an id").to_owned();
    assert_eq!(scoped.get(&format!("/v1/{id}/contacts")).status, 200);
    assert_eq!(scoped.get("/v1/contacts").status, 404);
    assert_eq!(code(&scoped.get("/v1/206540352242922/contacts")), (404, "resource_not_found"));
}

#[test]
fn a_repeated_create_is_replayed_and_another_with_its_key_refused() {
    let office = Office::new(Generation::Flat);
    let post = |body: &str| office.ask(Method::POST, "/v1/contacts", Some("k1"), body);
    let (first, again) = (post(r#"{"phone_number":"+62811"}"#), post(r#"{"phone_number":"+62811"}"#));
    assert_eq!((first.status.as_u16(), code(&first).0), (400, 400), "too short");
    assert_eq!(code(&again), (400, "invalid_phone_number"));
    let body = r#"{"phone_number":"+628111111111","name":"Ada"}"#;
    let (first, again) = (post(body), post(body));
    assert_eq!((first.status.as_u16(), again.status.as_u16()), (201, 201));
    assert_eq!(first.json["data"], again.json["data"]);
    assert_eq!(
        (&first.headers["idempotent-replayed"], &again.headers["idempotent-replayed"]),
        (&"false".parse().expect("a value"), &"true".parse().expect("a value"))
    );
    assert_eq!(code(&post(r#"{"phone_number":"+628111111112"}"#)), (422, "idempotency_key_reuse"));
    let taken = office.ask(Method::POST, "/v1/contacts", None, body);
    assert_eq!(code(&taken), (409, "contact_already_exists"));
    assert_eq!(office.kirim.records().len(), 1);
}

#[test]
fn a_cursor_is_good_for_its_own_list_only() {
    let office = Office::new(Generation::Flat);
    for n in 0..5 {
        office.kirim.create(&[("name", &format!("N{n}"))]).expect("a contact");
    }
    let page = office.get("/v1/contacts?limit=2");
    let names = |got: &Got| json!([got.json["data"][0]["name"], got.json["data"][1]["name"]]);
    assert_eq!((names(&page), page.json["has_more"].as_bool()), (json!(["N4", "N3"]), Some(true)));
    let cursor = page.json["next_cursor"].as_str().expect("a cursor");
    assert_eq!(names(&office.get(&format!("/v1/contacts?limit=2&cursor={cursor}"))), json!(["N2", "N1"]));
    assert_eq!(code(&office.get(&format!("/v1/contacts?search=N&cursor={cursor}"))), (400, "invalid_cursor"));
    assert_eq!(code(&office.get("/v1/contacts?limit=101")), (400, "invalid_limit"));
    assert_eq!(code(&office.get("/v1/contacts?phone=0811")), (400, "invalid_phone_number"));
}

#[test]
fn what_was_not_taken_is_told_again_and_nothing_is_told_of_no_change() {
    let (now_us, clock) = clock();
    let kirim = Kirim::new(KirimSettings { clock, ..KirimSettings::default() });
    let secret = kirim.subscribe("https://app.example.com/hook");
    assert!(secret.starts_with("whsec_"));
    let id = kirim.create(&[("name", "Ada")]).expect("a contact");
    kirim.edit(&id, &[("name", "Ada")]).expect("no edit at all");
    let first = kirim.take_hooks().remove(0);
    assert!(kirim.take_hooks().is_empty());
    let attempt = |headers: &[(String, String)]| {
        headers.iter().find(|(name, _)| name == "x-kirim-attempt").map(|(_, value)| value.clone())
    };
    let now_us = Arc::clone(&now_us);
    kirim.return_hook(first.clone());
    now_us.fetch_add(10_000_000, std::sync::atomic::Ordering::Relaxed);
    let again = kirim.take_hooks().remove(0);
    assert_eq!((attempt(&first.headers).as_deref(), attempt(&again.headers).as_deref()), (Some("1"), Some("2")));
    assert_eq!(first.body, again.body);
}
