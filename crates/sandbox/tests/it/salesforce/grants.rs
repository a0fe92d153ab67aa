use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::desk::{Desk, Got, SECOND_US};

const CALLBACK: &str = "https%3A%2F%2Fapp.example.com%2Fcallback";

fn request(scope: &str) -> String {
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest("verifier"));
    format!(
        "response_type=code&client_id=sandbox-client&redirect_uri={CALLBACK}&scope={scope}&state=s%261&code_challenge={challenge}&code_challenge_method=S256"
    )
}

fn allowed(desk: &Desk, scope: &str) -> String {
    let got = desk.form("/services/oauth2/authorize", &format!("{}&decision=allow", request(scope)));
    assert_eq!(got.status, 302, "{}", got.text);
    let location = got.headers["location"].to_str().expect("text").to_owned();
    let rest = location.strip_prefix("https://app.example.com/callback?code=").expect("the callback");
    let (code, state) = rest.split_once('&').expect("a state");
    assert_eq!(state, "state=s%261");
    code.to_owned()
}

fn exchange(desk: &Desk, code: &str, verifier: &str) -> Got {
    let form = format!(
        "grant_type=authorization_code&client_id=sandbox-client&client_secret=sandbox-secret&redirect_uri={CALLBACK}&code={code}&code_verifier={verifier}"
    );
    desk.form("/services/oauth2/token", &form)
}

fn refresh(desk: &Desk, token: &str) -> Got {
    let form =
        format!("grant_type=refresh_token&client_id=sandbox-client&client_secret=sandbox-secret&refresh_token={token}");
    desk.form("/services/oauth2/token", &form)
}

fn text(got: &Got, name: &str) -> String {
    got.json[name].as_str().unwrap_or_else(|| panic!("{name} in {}", got.text)).to_owned()
}

#[test]
fn a_person_allows_and_the_code_becomes_a_session() {
    let mut desk = Desk::with(|settings| settings.accepts_any_token = false);
    let page = desk.send(
        "GET",
        &format!("/services/oauth2/authorize?{}", request("api+refresh_token")),
        "text/html",
        String::new(),
    );
    assert!(page.text.contains("Allow") && page.text.contains("Deny") && page.text.contains("refresh_token"));
    assert_eq!(exchange(&desk, &allowed(&desk, "api+refresh_token"), "guess").json["error"], "invalid_grant");
    let code = allowed(&desk, "api+refresh_token");
    let got = exchange(&desk, &code, "verifier");
    assert_eq!(got.status, 200, "{}", got.text);
    assert_eq!(exchange(&desk, &code, "verifier").json["error"], "invalid_grant", "a code serves once");
    assert_eq!(text(&got, "instance_url"), "http://crm.test");
    assert!(got.json.get("expires_in").is_none());
    assert!(text(&got, "issued_at").parse::<i64>().is_ok());
    assert_eq!(desk.get("sobjects").refusal(), (401, "INVALID_SESSION_ID"));
    desk.token = text(&got, "access_token");
    assert_eq!(desk.get("sobjects").status, 200);
    let id = text(&got, "id");
    let path = id.strip_prefix("http://crm.test").expect("on this host");
    let identity = desk.send("GET", path, "application/json", String::new());
    assert_eq!(identity.json["organization_id"].as_str().map(str::len), Some(18), "{}", identity.text);
    let info = desk.send("GET", "/services/oauth2/userinfo", "application/json", String::new());
    assert_eq!(info.json["sub"], id);

    desk.pass(7_200 * SECOND_US);
    assert_eq!(desk.get("sobjects").refusal(), (401, "INVALID_SESSION_ID"));
    let token = text(&got, "refresh_token");
    let renewed = refresh(&desk, &token);
    assert!(renewed.json.get("refresh_token").is_none(), "it stays the same");
    desk.token = text(&renewed, "access_token");
    desk.pass(4_000 * SECOND_US);
    assert_eq!(desk.get("sobjects").status, 200);
    desk.pass(4_000 * SECOND_US);
    assert_eq!(desk.get("sobjects").status, 200, "a session lives while it is used");
    let revoked = desk.form("/services/oauth2/revoke", &format!("token={token}"));
    assert_eq!((revoked.status.as_u16(), revoked.text.as_str()), (200, ""));
    assert_eq!(desk.get("sobjects").status, 401, "its sessions went with it");
    let late = refresh(&desk, &token);
    assert_eq!(
        (late.status.as_u16(), text(&late, "error_description")),
        (400, "expired access/refresh token".to_owned())
    );
}

#[test]
fn refresh_tokens_may_rotate_and_need_a_scope() {
    let desk = Desk::with(|settings| settings.rotates_refresh_tokens = true);
    let first = exchange(&desk, &allowed(&desk, "api+offline_access"), "verifier");
    let second = refresh(&desk, &text(&first, "refresh_token"));
    assert_ne!(text(&first, "refresh_token"), text(&second, "refresh_token"));
    assert_eq!(refresh(&desk, &text(&first, "refresh_token")).status, 400, "the old one has ended");
    let narrow = exchange(&desk, &allowed(&desk, "api"), "verifier");
    assert!(narrow.json.get("refresh_token").is_none());
}

#[test]
fn a_person_may_refuse_and_a_stranger_is_turned_away() {
    let desk = Desk::with(|settings| {
        settings.requires_pkce = true;
        settings.public_origin = Some("https://crm.example.com/".to_owned());
    });
    let denied = desk.form("/services/oauth2/authorize", &format!("{}&decision=deny", request("api")));
    assert!(denied.headers["location"].to_str().expect("text").contains("?error=access%5Fdenied&"));
    let get =
        |query: &str| desk.send("GET", &format!("/services/oauth2/authorize?{query}"), "text/html", String::new());
    assert_eq!(get(&request("api").replace("sandbox-client", "other")).status, 400);
    assert_eq!(get(&request("api").replace("https%3A", "javascript%3A")).status, 400);
    assert_eq!(get(&request("api").replace("code_challenge=", "x=")).status, 400);
    assert_eq!(
        desk.form("/services/oauth2/token", "client_id=sandbox-client&client_secret=no").json["error"],
        "invalid_client"
    );
    let got = exchange(&desk, &allowed(&desk, "api"), "verifier");
    assert_eq!(text(&got, "instance_url"), "https://crm.example.com");
}

#[test]
fn static_tokens_pass_until_they_are_revoked() {
    let mut desk = Desk::new();
    assert_eq!(desk.get("sobjects").status, 200);
    desk.salesforce.revoke();
    assert_eq!(desk.get("sobjects").refusal(), (401, "INVALID_SESSION_ID"));
    desk.salesforce.reinstate();
    desk.token = desk.salesforce.grant().access_token;
    assert_eq!(desk.get("sobjects").status, 200);
    desk.salesforce.expire_tokens();
    assert_eq!(desk.get("sobjects").status, 401);
    desk.token.clear();
    assert_eq!(desk.get("sobjects").status, 401);
}
