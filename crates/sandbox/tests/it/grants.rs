use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::desk::{Desk, SECOND_US};

const CALLBACK: &str = "https%3A%2F%2Fapp.example.com%2Fcallback";

fn request() -> String {
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest("verifier"));
    format!(
        "client_id=sandbox-client&redirect_uri={CALLBACK}&scope=crm.objects.contacts.read&state=s%261&code_challenge={challenge}"
    )
}

fn allowed(desk: &Desk) -> String {
    let got = desk.form("/oauth/authorize", &format!("{}&decision=allow", request()));
    assert_eq!(got.status, 302);
    let location = got.headers["location"].to_str().expect("text").to_owned();
    let rest = location.strip_prefix("https://app.example.com/callback?code=").expect("the callback");
    let (code, state) = rest.split_once('&').expect("a state");
    assert_eq!(state, "state=s%261");
    code.replace("%2D", "-")
}

fn exchange(desk: &Desk, code: &str, verifier: &str) -> crate::desk::Got {
    desk.form(
        "/oauth/v1/token",
        &format!("grant_type=authorization_code&client_id=sandbox-client&client_secret=sandbox-secret&redirect_uri={CALLBACK}&code={code}&code_verifier={verifier}"),
    )
}

#[test]
fn a_person_allows_and_the_code_becomes_tokens() {
    let mut desk = Desk::with(|settings| settings.accepts_any_token = false);
    let page = desk.get(&format!("/oauth/authorize?{}", request()));
    assert_eq!(page.status, 200);
    assert!(page.text.contains("Allow") && page.text.contains("crm.objects.contacts.read"));
    assert_eq!(exchange(&desk, &allowed(&desk), "guess").json["status"], "BAD_CODE_VERIFIER");
    let code = allowed(&desk);
    let got = exchange(&desk, &code, "verifier");
    assert_eq!((got.status.as_u16(), got.json["expires_in"].as_i64()), (200, Some(1_800)), "{}", got.text);
    assert_eq!(exchange(&desk, &code, "verifier").json["status"], "BAD_AUTH_CODE", "a code serves once");

    assert_eq!(desk.get("/crm/v3/objects/contacts").json["category"], "INVALID_AUTHENTICATION");
    desk.token = got.json["access_token"].as_str().expect("a token").to_owned();
    assert!(desk.token.len() > 300);
    assert_eq!(desk.get("/crm/v3/objects/contacts").status, 200);
    let info = desk.get(&format!("/oauth/v1/access-tokens/{}", desk.token));
    assert_eq!((info.json["hub_id"].as_u64(), info.json["expires_in"].as_i64()), (Some(44_237_313), Some(1_800)));

    desk.pass(1_800 * SECOND_US);
    let expired = desk.get("/crm/v3/objects/contacts");
    assert_eq!((expired.status.as_u16(), expired.json["category"].as_str()), (401, Some("EXPIRED_AUTHENTICATION")));
    let refresh = got.json["refresh_token"].as_str().expect("a token").to_owned();
    let form = format!(
        "grant_type=refresh_token&client_id=sandbox-client&client_secret=sandbox-secret&refresh_token={refresh}"
    );
    let renewed = desk.form("/oauth/v1/token", &form);
    assert_eq!(renewed.json["refresh_token"], refresh);
    desk.token = renewed.json["access_token"].as_str().expect("a token").to_owned();
    assert_eq!(desk.get("/account-info/v3/details").json["portalId"], 44_237_313);

    desk.hubspot.revoke();
    assert_eq!(desk.get("/crm/v3/objects/contacts").status, 401);
    assert_eq!(desk.form("/oauth/v1/token", &form).json["status"], "BAD_REFRESH_TOKEN");
}

#[test]
fn a_person_may_refuse_and_a_stranger_is_turned_away() {
    let desk = Desk::new();
    let got = desk.form("/oauth/authorize", &format!("{}&decision=deny", request()));
    assert!(got.headers["location"].to_str().expect("text").contains("?error=access%5Fdenied&"));
    assert_eq!(desk.get("/oauth/authorize?client_id=other&redirect_uri=https://a.example").status, 400);
    let got = desk.get("/oauth/authorize?client_id=sandbox-client&redirect_uri=javascript:alert(1)");
    assert_eq!(got.status, 400);
}

#[test]
fn what_was_issued_passes_for_no_private_apps_token() {
    let mut desk = Desk::new();
    let given = desk.hubspot.grant_scopes(&["crm.objects.deals.read"]);
    let foreign = lockstep_sandbox::Hubspot::new(lockstep_sandbox::HubspotSettings { seed: 9, ..Default::default() });
    let foreign = foreign.grant();
    let mut asks = |token: &str| {
        desk.token = token.to_owned();
        let got = desk.get("/crm/v3/objects/contacts");
        got.json["category"].as_str().map_or_else(|| got.status.to_string(), str::to_owned)
    };
    assert_eq!(asks(&given.access_token), "MISSING_SCOPES");
    for token in [&given.refresh_token, &foreign.access_token, &foreign.refresh_token] {
        assert_eq!(asks(token), "INVALID_AUTHENTICATION", "{token}");
    }
    desk.token = "pat-na1-11111111-2222-4333-8444-555555555555".to_owned();
    assert_eq!(desk.delete(&format!("/oauth/v1/refresh-tokens/{}", given.refresh_token)).status, 204);
    assert_eq!(desk.get(&format!("/oauth/v1/access-tokens/{}", given.access_token)).json["hub_id"], 44_237_313);
    desk.token = given.access_token;
    assert_eq!(desk.get("/crm/v3/objects/contacts").json["category"], "MISSING_SCOPES", "it lives on as it was");
    desk.hubspot.revoke();
    desk.hubspot.reinstate();
    assert_eq!(desk.get("/crm/v3/objects/contacts").json["category"], "INVALID_AUTHENTICATION");
}

#[test]
fn static_tokens_pass_until_they_are_revoked() {
    let mut desk = Desk::new();
    assert_eq!(desk.get("/crm/v3/objects/contacts").status, 200);
    desk.hubspot.revoke();
    assert_eq!(desk.get("/crm/v3/objects/contacts").json["category"], "INVALID_AUTHENTICATION");
    desk.hubspot.reinstate();
    assert_eq!(desk.get("/crm/v3/objects/contacts").status, 200);
    desk.token.clear();
    let got = desk.get("/crm/v3/objects/contacts");
    assert!(got.json["message"].as_str().is_some_and(|it| it.starts_with("Authentication credentials not found")));
}
