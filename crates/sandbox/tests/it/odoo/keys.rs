//! API keys, sessions and the throttle.

use http::Method;
use serde_json::json;

use super::desk::{Desk, SECOND_US};

#[test]
fn keys_end_and_are_taken_back() {
    let mut desk = Desk::with(|settings| settings.accepts_any_token = false);
    let ask = json!({"domain": []});
    let got = desk.call("res.partner", "search_count", &ask);
    assert_eq!(got.refusal(), (401, "werkzeug.exceptions.Unauthorized"));
    assert_eq!(got.json["message"], "Invalid apikey");
    let tokens = desk.odoo.grant();
    assert_eq!(tokens.access_token.len(), 40);
    desk.token = tokens.access_token;
    assert_eq!(desk.call("res.partner", "search_count", &ask).json, 0);
    desk.pass(90 * 86_400 * SECOND_US);
    assert_eq!(desk.call("res.partner", "search_count", &ask).status, 401, "three months at most");
    desk.token = desk.odoo.grant().access_token;
    desk.odoo.expire_tokens();
    assert_eq!(desk.call("res.partner", "search_count", &ask).status, 401);
    desk.token = desk.odoo.grant().access_token;
    desk.odoo.revoke();
    assert_eq!(desk.call("res.partner", "search_count", &ask).status, 401);
    desk.odoo.reinstate();
    assert_eq!(desk.call("res.partner", "search_count", &ask).status, 200);
}

#[test]
fn any_other_key_opens_a_sandbox_until_it_is_barred() {
    let desk = Desk::new();
    assert_eq!(desk.ok("search_count", &json!({"domain": []})), 0);
    desk.odoo.revoke();
    assert_eq!(desk.call("res.partner", "search_count", &json!({"domain": []})).status, 401);
    let denied = desk.rpc("res.partner", "search_count", &json!([[]]), &json!({}));
    assert_eq!(denied["error"]["data"]["name"], "odoo.exceptions.AccessDenied");
}

#[test]
fn keys_are_rotated_over_the_api() {
    let mut desk = Desk::with(|settings| settings.accepts_any_token = false);
    desk.token = desk.odoo.grant().access_token;
    let old = desk.token.clone();
    let ask = json!({"key": old, "scope": null, "name": "sync", "expiration_date": "2026-02-01"});
    let made = desk.call("res.users.apikeys", "generate", &ask);
    desk.token = made.json.as_str().expect("a key").to_owned();
    assert_eq!(desk.call("res.users.apikeys", "revoke", &json!({"key": old})).status, 200);
    assert_eq!(desk.call("res.users.apikeys", "revoke", &json!({"key": old})).status, 403);
    assert_eq!(desk.ok("search_count", &json!({"domain": []})), 0);
    let long = json!({"key": desk.token, "scope": null, "name": "sync", "expiration_date": "2027-02-01"});
    assert_eq!(desk.call("res.users.apikeys", "generate", &long).status, 422);
}

#[test]
fn sessions_are_opened_with_a_password() {
    let desk = Desk::new();
    let log_in = |password: &str| {
        let params = json!({"db": "sandbox", "login": "admin", "password": password});
        desk.post("/web/session/authenticate", &json!({"jsonrpc": "2.0", "id": 1, "params": params}))
    };
    assert_eq!(log_in("").json["error"]["data"]["name"], "odoo.exceptions.AccessDenied");
    let opened = log_in("sandbox-secret");
    assert_eq!(opened.json["result"]["uid"], 2);
    let cookie = opened.headers["set-cookie"].to_str().expect("text");
    let cookie = cookie.split(';').next().expect("a pair").to_owned();
    let params = json!({"model": "res.partner", "method": "search_count", "args": [[]], "kwargs": {}});
    let body = json!({"jsonrpc": "2.0", "id": 1, "params": params});
    let with = |cookie: &str| {
        desk.send(
            Method::POST,
            "/web/dataset/call_kw/res.partner/search_count",
            &[("cookie", cookie)],
            body.to_string(),
        )
    };
    assert_eq!(with(&cookie).json["result"], 0);
    let expired = with("session_id=other").json;
    assert_eq!((&expired["error"]["code"], &expired["id"]), (&json!(100), &json!(1)));
    let out = desk.send(Method::POST, "/web/session/destroy", &[("cookie", &cookie)], body.to_string());
    assert_eq!(out.json, json!({"jsonrpc": "2.0", "id": 1}));
    assert_eq!(with(&cookie).json["error"]["message"], "Odoo Session Expired");
}

#[test]
fn odoo_online_lets_one_call_a_second_through() {
    let desk = Desk::with(|settings| settings.limits.per_second = Some(1));
    let ask = json!({"domain": []});
    assert_eq!(desk.call("res.partner", "search_count", &ask).status, 200);
    let refused = desk.call("res.partner", "search_count", &ask);
    assert_eq!(refused.status, 429);
    assert!(refused.text.starts_with("<html>"));
    assert_eq!(desk.odoo.calls().throttled, 1);
    desk.pass(SECOND_US);
    assert_eq!(desk.call("res.partner", "search_count", &ask).status, 200);
}
