//! Tokens: personal ones, and the app's through a page, a code and a refresh.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::desk::{DAY_US, Desk, Got, PERSONS, SECOND_US};

const AUTHORIZE: &str =
    "/oauth/authorize?client_id=sandbox-client&redirect_uri=https%3A%2F%2Fapp.example.com%2Fback&state=s%201";

fn basic(secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("sandbox-client:{secret}")))
}

fn decide(desk: &Desk, decision: &str) -> String {
    let body = format!(
        "client_id=sandbox-client&redirect_uri=https%3A%2F%2Fapp.example.com%2Fback&state=s+1&decision={decision}"
    );
    let got = desk.form("/oauth/authorize", "", &body);
    assert_eq!(got.status, 302);
    got.headers["location"].to_str().expect("text").to_owned()
}

fn exchange(desk: &Desk, code: &str) -> Got {
    let body = format!("grant_type=authorization_code&code={code}&redirect_uri=https%3A%2F%2Fapp.example.com%2Fback");
    desk.form("/oauth/token", &basic("sandbox-secret"), &body)
}

fn refresh(desk: &Desk, token: &str) -> Got {
    desk.form("/oauth/token", &basic("sandbox-secret"), &format!("grant_type=refresh_token&refresh_token={token}"))
}

fn code(desk: &Desk) -> String {
    let location = decide(desk, "allow");
    let code =
        location.strip_prefix("https://app.example.com/back?code=").and_then(|it| it.strip_suffix("&state=s%201"));
    code.expect("a code and the state").to_owned()
}

#[test]
fn a_person_allows_or_denies() {
    let desk = Desk::new();
    let page = desk.get(AUTHORIZE);
    assert_eq!(page.status, 200);
    assert!(page.text.contains("Allow") && page.text.contains("Deny") && page.text.contains("contacts:full"));
    assert_eq!(decide(&desk, "deny"), "https://app.example.com/back?error=user%5Fdenied&state=s%201");
    assert_eq!(desk.get("/oauth/authorize?client_id=x&redirect_uri=https://a.example").status, 400);
    assert_eq!(desk.get("/oauth/authorize?client_id=sandbox-client&redirect_uri=javascript:x").status, 400);
}

#[test]
fn a_code_is_exchanged_once_within_five_minutes() {
    let mut desk = Desk::new();
    let first = code(&desk);
    assert_eq!(desk.form("/oauth/token", &basic("wrong"), "grant_type=refresh_token").status, 401);
    let got = exchange(&desk, &first);
    assert_eq!(got.status, 200, "{}", got.text);
    assert_eq!((&got.json["expires_in"], &got.json["token_type"]), (&json!(3599), &json!("Bearer")));
    assert_eq!(got.json["api_domain"], "http://127.0.0.1:8923", "where the caller reached us");
    assert_eq!(exchange(&desk, &first).json["error"], "invalid_grant");
    desk.bearer(got.json["access_token"].as_str().expect("a token"));
    assert_eq!(desk.get(PERSONS).status, 200);
    let late = code(&desk);
    desk.pass(300 * SECOND_US);
    assert_eq!(exchange(&desk, &late).status, 400);
    let public = Desk::with(|settings| settings.public_origin = Some("https://pd.example.com".to_owned()));
    assert_eq!(exchange(&public, &code(&public)).json["api_domain"], "https://pd.example.com");
}

#[test]
fn access_ends_after_an_hour_and_the_refresh_token_slides() {
    let mut desk = Desk::new();
    let tokens = desk.pipedrive.grant();
    assert_eq!(tokens.expires_in, 3599);
    desk.bearer(&tokens.access_token);
    desk.pass(3600 * SECOND_US);
    let expired = desk.get(PERSONS);
    assert_eq!((expired.status.as_u16(), &expired.json["errorCode"]), (401, &json!(401)));
    for _ in 0..3 {
        desk.pass(59 * DAY_US);
        let got = refresh(&desk, &tokens.refresh_token);
        assert_eq!(got.json["refresh_token"], tokens.refresh_token.as_str(), "the same one comes back");
        desk.bearer(got.json["access_token"].as_str().expect("a token"));
        assert_eq!(desk.get(PERSONS).status, 200);
    }
    desk.pass(60 * DAY_US);
    assert_eq!(refresh(&desk, &tokens.refresh_token).status, 400);
    let again = desk.pipedrive.grant();
    desk.bearer(&again.access_token);
    desk.pipedrive.expire_tokens();
    assert_eq!(desk.get(PERSONS).status, 401);
    assert_eq!(refresh(&desk, &again.refresh_token).status, 200);
}

#[test]
fn taking_the_refresh_token_back_uninstalls_the_app() {
    let mut desk = Desk::new();
    let tokens = desk.pipedrive.grant();
    desk.bearer(&tokens.access_token);
    let webhook =
        json!({"subscription_url": "https://a.example/h", "event_action": "*", "event_object": "person", "name": "n"});
    assert_eq!(desk.post("/v1/webhooks", &webhook).json["data"]["type"], "application");
    let gone = desk.form("/oauth/revoke", &basic("sandbox-secret"), &format!("token={}", tokens.refresh_token));
    assert_eq!(gone.status, 200);
    assert_eq!(desk.get(PERSONS).status, 401);
    desk.token = ("x-api-token", "anyone".to_owned());
    assert_eq!(desk.get("/v1/webhooks").json["data"], json!([]));
}

#[test]
fn personal_tokens_come_in_a_header_or_the_query() {
    let mut desk = Desk::with(|settings| settings.accepts_any_token = false);
    assert_eq!(desk.get(PERSONS).status, 401);
    assert_eq!(desk.get(&format!("{PERSONS}?api_token=sandbox-token")).status, 401, "the header goes first");
    desk.token = ("x-nothing", String::new());
    assert_eq!(desk.get(&format!("{PERSONS}?api_token=sandbox-token")).status, 200);
    desk.token = ("x-api-token", "sandbox-token".to_owned());
    assert_eq!(desk.get(PERSONS).status, 200);
    desk.pipedrive.revoke();
    let refused = desk.get(PERSONS);
    assert_eq!(refused.json["error"], "unauthorized access");
    desk.pipedrive.reinstate();
    assert_eq!(desk.get(PERSONS).status, 200);
    desk.bearer("sandbox-token");
    assert_eq!(desk.get(PERSONS).status, 401, "a personal token is no bearer token");
}

#[test]
fn an_app_has_the_scopes_it_was_given() {
    let mut desk = Desk::with(|settings| settings.scopes = vec!["base".to_owned(), "contacts:read".to_owned()]);
    desk.bearer(&desk.pipedrive.grant().access_token.clone());
    assert_eq!(desk.get(PERSONS).status, 200);
    assert_eq!(desk.get("/v1/users/me").status, 200);
    let refused = desk.post(PERSONS, &json!({"name": "A"}));
    assert_eq!((refused.status.as_u16(), &refused.json["error"]), (403, &json!("Scope and URL mismatch")));
    assert_eq!(desk.get("/api/v2/deals").status, 403);
}
