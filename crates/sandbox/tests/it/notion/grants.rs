use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use serde_json::{Value, json};

use super::desk::{Desk, Got};
use crate::desk::SECOND_US;

const BACK: &str = "https://hub.example.com/back?x=1";

fn token(desk: &Desk, secret: &str, path: &str, body: &Value) -> Got {
    let basic = format!("Basic {}", STANDARD.encode(format!("sandbox-client:{secret}")));
    desk.ask(Method::POST, &format!("/v1/oauth/{path}"), &[("authorization", &basic)], body.to_string())
}

/// Presses a button on the consent page; answers where the browser is sent.
fn press(desk: &Desk, rest: &str) -> String {
    let form =
        format!("client_id=sandbox-client&redirect_uri=https%3A%2F%2Fhub.example.com%2Fback%3Fx%3D1&state=s+1&{rest}");
    let got = desk.ask(Method::POST, "/v1/oauth/authorize", &[], form);
    assert_eq!(got.status, 302, "{}", got.text);
    got.headers["location"].to_str().expect("text").to_owned()
}

fn code_of(location: &str) -> String {
    let (_, rest) = location.split_once("code=").expect("a code");
    rest.split('&').next().unwrap_or_default().to_owned()
}

fn exchange(desk: &Desk, code: &str) -> Got {
    token(
        desk,
        "sandbox-secret",
        "token",
        &json!({"grant_type": "authorization_code", "code": code, "redirect_uri": BACK}),
    )
}

fn refresh(desk: &Desk, token_: &Value) -> Got {
    token(desk, "sandbox-secret", "token", &json!({"grant_type": "refresh_token", "refresh_token": token_}))
}

#[test]
fn a_person_allows_and_both_tokens_rotate() {
    let mut desk = Desk::with(|settings| {
        settings.quirks = false;
        settings.accepts_any_token = false;
    });
    assert_eq!(desk.get("/v1/users/me").code(), "unauthorized");
    let page = desk.get("/v1/oauth/authorize?client_id=sandbox-client&response_type=code&owner=user&state=s&redirect_uri=https%3A%2F%2Fhub.example.com%2Fback%3Fx%3D1");
    assert!(
        page.text.contains("Allow") && page.text.contains("Deny") && page.text.contains("Contacts"),
        "{}",
        page.text
    );
    assert_eq!(
        desk.get("/v1/oauth/authorize?client_id=other&response_type=code&redirect_uri=https%3A%2F%2Fa").status,
        400
    );
    let location = press(&desk, "decision=allow");
    assert!(
        location.starts_with("https://hub.example.com/back?x=1&code=") && location.ends_with("&state=s%201"),
        "{location}"
    );
    let code = code_of(&location);
    let wrong = token(&desk, "wrong", "token", &json!({"grant_type": "authorization_code", "code": code}));
    assert_eq!((wrong.status.as_u16(), wrong.code()), (401, "unauthorized"));
    let first = exchange(&desk, &code);
    assert_eq!(first.status, 200, "{}", first.text);
    assert_eq!(first.json["owner"]["user"]["person"]["email"], "ada@example.com");
    assert_eq!(exchange(&desk, &code).code(), "invalid_grant", "a code works once");
    let bearer = |got: &Got| got.json["access_token"].as_str().expect("a token").to_owned();
    desk.token = bearer(&first);
    assert_eq!(desk.get("/v1/users/me").json["id"], first.json["bot_id"]);
    desk.pass(3_600 * SECOND_US);
    assert_eq!(
        (desk.get("/v1/users/me").status.as_u16(), desk.get("/v1/users/me").message()),
        (401, "API token is invalid.")
    );
    let second = refresh(&desk, &first.json["refresh_token"]);
    assert_ne!(second.json["refresh_token"], first.json["refresh_token"]);
    assert_eq!(refresh(&desk, &first.json["refresh_token"]).code(), "invalid_grant", "the old one is spent");
    desk.token = bearer(&second);
    assert_eq!(desk.get("/v1/users/me").status, 200);
    let about = |name: &str| token(&desk, "sandbox-secret", name, &json!({"token": desk.token}));
    assert_eq!(about("introspect").json["active"], true);
    assert_eq!(about("revoke").status, 200);
    assert_eq!(about("introspect").json["active"], false);
    assert_eq!(desk.get("/v1/users/me").status, 401);
}

#[test]
fn a_person_denies_or_shares_but_a_part() {
    let mut desk = Desk::new();
    assert!(press(&desk, "decision=deny").contains("error=access_denied"));
    let share = format!("decision=allow&picked=1&share={}", desk.contacts);
    let got = exchange(&desk, &code_of(&press(&desk, &share)));
    desk.token = got.json["access_token"].as_str().expect("a token").to_owned();
    let found = desk.post("/v1/search", &json!({"filter": {"property": "object", "value": "data_source"}}));
    assert_eq!(found.results().len(), 1);
    let companies = desk.notion.data_source_id("Companies").expect("it is there");
    assert_eq!(desk.get(&format!("/v1/data_sources/{companies}")).code(), "object_not_found");
    let own = desk.post(
        "/v1/data_sources",
        &json!({"parent": {"database_id": found.results()[0]["parent"]["database_id"]}, "properties": {}}),
    );
    let own = format!("/v1/data_sources/{}", own.json["id"].as_str().expect("an id"));
    assert_eq!(desk.get(&own).status, 200, "what it made, it may see");
    let late = code_of(&press(&desk, "decision=allow"));
    desk.pass(600 * SECOND_US);
    assert_eq!(exchange(&desk, &late).code(), "invalid_grant");
}

#[test]
fn grants_are_taken_back_and_given_again() {
    let mut desk = Desk::new();
    assert_eq!(desk.get("/v1/users").status, 200, "any token is an internal connection's");
    let tokens = desk.notion.grant();
    desk.notion.revoke();
    assert_eq!(desk.get("/v1/users").status, 401);
    desk.token = tokens.access_token;
    assert_eq!(desk.get("/v1/users").status, 401);
    desk.notion.reinstate();
    desk.token = "ntn_internal".to_owned();
    assert_eq!(desk.get("/v1/users").status, 200);
    let tokens = desk.notion.grant();
    desk.token = tokens.access_token;
    desk.notion.expire_tokens();
    assert_eq!(desk.get("/v1/users").status, 401);
    desk.notion.set_workspace_id("00000000-0000-4000-8000-000000000001");
    let other = refresh(&desk, &json!(tokens.refresh_token));
    assert_eq!(other.json["workspace_id"], "00000000-0000-4000-8000-000000000001");
}
