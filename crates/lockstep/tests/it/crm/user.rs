//! The browser's side: connecting, what a mapping may be, coming back to it, and what never reaches a browser.

use std::time::Duration;

use lockstep_core::ids::ConnectionId;
use lockstep_store::NewConnection;
use serde_json::{Value, json};

use super::signet::{ORIGIN, Signet, direct};
use crate::world::run;

#[test]
fn a_user_who_declines_is_told_and_may_try_again() {
    let signet = Signet::new();
    let begin = || {
        signet.browser("POST", "/connections/hubspot", &json!({ "id": "c" })).1["connection"]["authorization"].clone()
    };
    let begun = begin();
    signet.consent(begun["authorize_url"].as_str().expect("an address"), "deny");
    let path = format!("/authorizations/hubspot/{}", begun["id"].as_str().expect("an id"));
    let (_, body) = signet.browser("GET", &path, &Value::Null);
    let authorization = &body["authorization"];
    assert_eq!((&authorization["status"], &authorization["error_code"]), (&json!("error"), &json!("access_denied")));
    assert_eq!(signet.browser("GET", "/connection/c", &Value::Null).0, 404);
    signet.consent(begin()["authorize_url"].as_str().expect("an address"), "allow");
    assert_eq!(signet.browser("GET", "/connection/c", &Value::Null).0, 200);
}

#[test]
fn a_token_that_is_typed_in_connects_and_the_first_connection_of_a_crm_can_be_ended() {
    let signet = Signet::new();
    let (_, body) = signet.browser("POST", "/connections/hubspot", &json!({ "id": "c" }));
    let typed = json!({ "state": body["connection"]["authorization"]["state"], "token": "pat-typed" });
    let (status, body) = signet.browser("PUT", "/authorizations/hubspot", &typed);
    assert_eq!((status, &body["authorization"]["status"]), (200, &json!("active")), "{body}");
    let (_, body) = signet.browser("GET", "/connections?slug=hubspot", &Value::Null);
    assert_eq!(body["connections"][0]["id"], "c", "{body}");
    let (status, body) = signet.browser("DELETE", "/connections/hubspot", &Value::Null);
    assert_eq!((status, &body["connection"]["enabled"]), (200, &json!(false)), "{body}");
    assert_eq!(signet.browser("GET", "/connections/hubspot", &Value::Null).0, 404);
}

/// Whoever begins an authorisation may send its address to somebody else, whose CRM must not become theirs.
#[test]
fn an_authorisation_goes_on_only_in_the_browser_that_began_it() {
    let signet = Signet::new();
    let (_, body) = signet.browser("POST", "/connections/hubspot", &json!({ "id": "c" }));
    let address = body["connection"]["authorization"]["authorize_url"].as_str().expect("an address");
    let door = address.strip_prefix("https://lockstep.test").expect("our door");
    let knock = |headers: &[(&str, &str)]| signet.send("GET", door, &Value::Null, headers);
    for from in [&[][..], &[("referer", "https://mail.example/")], &[("sec-fetch-site", "none")]] {
        let (status, headers, body) = knock(from);
        assert_eq!(status, 403, "{from:?}: {body}");
        assert!(!headers.contains_key("location") && !headers.contains_key("set-cookie"), "{from:?}");
    }
    let (status, headers, _) = knock(&[("sec-fetch-site", "same-origin")]);
    assert_eq!((status.as_u16(), headers.contains_key("set-cookie")), (303, true), "CRM Link's own window");

    let (back, cookie) = signet.leave(address, "allow");
    assert!(cookie.starts_with("__Host-lockstep-"), "{cookie}");
    let (name, _) = cookie.split_once('=').expect("a value");
    for brought in ["", "lockstep=x", &format!("{name}=AAAA")] {
        let (status, _, body) = signet.send("GET", &back, &Value::Null, &[("cookie", brought)]);
        assert_eq!(status, 400, "{brought:?}: {body}");
        assert_eq!(signet.browser("GET", "/connection/c", &Value::Null).0, 404, "{brought:?}");
    }
    let (status, ..) = signet.send("GET", &back, &Value::Null, &[("cookie", &format!("other=1; {cookie}"))]);
    assert_eq!(status, 303, "the right browser still goes on");
    assert_eq!(signet.browser("GET", "/connection/c", &Value::Null).0, 200);
}

/// A key that does not say whose server it is for would be shown to another one.
#[test]
fn only_crms_whose_server_is_known_are_offered() {
    let signet = Signet::new();
    let (_, body) = signet.browser("GET", "/connectors", &Value::Null);
    let offered: Vec<&str> =
        body["connectors"].as_array().expect("CRMs").iter().filter_map(|crm| crm["slug"].as_str()).collect();
    assert_eq!(offered, ["hubspot", "pipedrive", "notion"], "neither an Odoo nor a Salesforce of one's own");
    let (status, body) = signet.browser("POST", "/connections/odoo", &json!({ "id": "c" }));
    assert_eq!((status, &body["code"]), (404, &json!("not_found")), "{body}");
}

#[test]
fn a_connection_to_another_crm_is_told_apart_from_somebody_elses() {
    let signet = Signet::new();
    let (org, id) = (signet.world.org.clone(), ConnectionId::new(&signet.world.app.env));
    run(signet.world.app.store.write(move |tx| {
        let context = tx.named_context(&org, "acme")?.expect("the context");
        let new = NewConnection {
            id,
            vendor: "other".to_owned(),
            base_url: String::new(),
            account: "1".to_owned(),
            label: String::new(),
            key_field: "{}".to_owned(),
            grant_sealed: vec![1],
            external_id: Some("c".to_owned()),
            static_token: true,
        };
        tx.add_connection_in(&context, &new)
    }))
    .expect("writes");
    let (status, body) = signet.browser("POST", "/connections/hubspot", &json!({ "id": "c" }));
    assert_eq!((status, &body["code"]), (409, &json!("other_crm")), "{body}");
}

#[test]
fn a_connection_is_renewed_by_its_own_account_alone() {
    let mut signet = Signet::new();
    signet.connect("c");
    signet.world.hubspot.set_portal_id(777);
    let (_, body) = signet.browser("POST", "/connections/hubspot", &json!({ "id": "c" }));
    let begun = &body["connection"]["authorization"];
    signet.consent(begun["authorize_url"].as_str().expect("an address"), "allow");
    let path = format!("/authorizations/hubspot/{}", begun["id"].as_str().expect("an id"));
    let (_, body) = signet.browser("GET", &path, &Value::Null);
    assert_eq!(body["authorization"]["error_code"], "account_mismatch", "{body}");
    assert_eq!(signet.browser("GET", "/connection/c", &Value::Null).0, 200, "what was there stays");
}

#[test]
fn metadata_is_pending_until_it_was_fetched() {
    let mut signet = Signet::new();
    let (_, body) = signet.browser("POST", "/connections/hubspot", &json!({ "id": "c" }));
    signet.consent(body["connection"]["authorization"]["authorize_url"].as_str().expect("an address"), "allow");
    let (status, body) = signet.browser("GET", "/connection/c/api_objects", &Value::Null);
    assert_eq!((status, &body["code"]), (424, &json!("metadata_pending")));
    signet.world.pass(Duration::from_secs(1));
    let (status, body) = signet.browser("GET", "/connection/c/api_objects", &Value::Null);
    assert_eq!(status, 200, "{body}");
    let (_, body) = signet.browser("GET", "/connection/c/api_objects/deals", &Value::Null);
    let root = &body["api_object"]["selector"];
    let stage = root["children"].as_array().expect("fields").iter().find(|field| field["api_name"] == "dealstage");
    assert_eq!(stage.expect("the stage")["required"], true);
}

#[test]
fn what_was_mapped_is_there_when_the_user_comes_back_and_children_stay() {
    let mut signet = Signet::new();
    signet.connect("c");
    let objects = json!({ "document": { "fields": { "title": { "type": "string" }, "tags": { "type": "object" } } } });
    let (_, body) = signet.browser("POST", "/connection/c/crm_setup", &json!({ "objects": objects }));
    let mut defined = body["objects"].clone();
    let fields = defined[0]["fields"].as_array_mut().expect("fields");
    fields.push(json!({ "slug": "tags.Region", "label": "Region", "description": "Region", "parent_slug": "tags",
        "simple_type": { "type": "string", "format": null } }));
    let mapping = json!([{ "crm_object_id": defined[0]["id"], "api_object_id": signet.api_object("c", "deals"),
        "transformations": [direct("title", "dealname"), direct("tags.Region", "description")], "event_actions": [] }]);
    let (status, body) =
        signet.browser("POST", "/connection/c/crm_mapping", &json!({ "objects": defined, "mapping": mapping }));
    assert_eq!(status, 200, "{body}");
    signet.browser("POST", "/connection/c/crm_setup", &json!({ "objects": objects }));
    let (_, body) = signet.browser("GET", "/connection/c/crm_mapping", &Value::Null);
    let slugs: Vec<&str> = body["objects"][0]["fields"]
        .as_array()
        .expect("fields")
        .iter()
        .filter_map(|field| field["slug"].as_str())
        .collect();
    assert_eq!(slugs, ["title", "tags", "tags.Region"], "{body}");
    assert!(
        body["objects"][0]["fields"].as_array().expect("fields").iter().all(|field| field["id"].as_i64() != Some(0))
    );
    assert_eq!(body["mapping"][0]["transformations"].as_array().map(Vec::len), Some(2));
    let id = signet
        .world
        .hubspot
        .create_of(
            "deals",
            &[
                ("dealname", "One"),
                ("dealstage", "appointmentscheduled"),
                ("pipeline", "default"),
                ("description", "West"),
            ],
        )
        .expect("a deal");
    let (_, body) = signet.api("GET", &format!("/api/v1/crm/c/objects/document/deals:{id}"), &Value::Null);
    assert_eq!(body["record"]["data"], json!({ "tags": { "Region": "West" }, "title": "One" }));
}

#[test]
fn a_child_goes_with_its_parent_alone() {
    let mut signet = Signet::new();
    signet.connect("c");
    let both = json!({ "document": { "fields": { "tags": { "type": "object" }, "extra": { "type": "object" } } } });
    let (_, body) = signet.browser("POST", "/connection/c/crm_setup", &json!({ "objects": both }));
    let mut defined = body["objects"].clone();
    for parent in ["tags", "extra"] {
        let child = json!({ "slug": format!("{parent}.Region"), "label": "Region", "parent_slug": parent,
            "simple_type": { "type": "string", "format": null } });
        defined[0]["fields"].as_array_mut().expect("fields").push(child);
    }
    let saved = json!({ "objects": defined, "mapping": [] });
    assert_eq!(signet.browser("POST", "/connection/c/crm_mapping", &saved).0, 200);
    let one = json!({ "document": { "fields": { "tags": { "type": "object" } } } });
    let (_, body) = signet.browser("POST", "/connection/c/crm_setup", &json!({ "objects": one }));
    let left: Vec<&str> = body["objects"][0]["fields"]
        .as_array()
        .expect("fields")
        .iter()
        .filter_map(|field| field["slug"].as_str())
        .collect();
    assert_eq!(left, ["tags", "tags.Region"], "{body}");
}

#[test]
fn a_disconnected_user_finds_the_mapping_again_under_the_same_id() {
    let mut signet = Signet::new();
    signet.connect("c");
    let objects = json!({ "document": { "fields": { "title": { "type": "string" } } } });
    signet.map("c", &objects, "deals", &json!([direct("title", "dealname")]), &json!([]));
    assert_eq!(signet.browser("DELETE", "/connection/c", &Value::Null).0, 200);
    assert_eq!(signet.browser("GET", "/connection/c", &Value::Null).0, 404);
    signet.connect("c");
    let (_, body) = signet.browser("GET", "/connection/c/crm_mapping", &Value::Null);
    assert_eq!(body["mapping"][0]["transformations"].as_array().map(Vec::len), Some(1), "{body}");
}

#[test]
fn a_session_renews_a_token_for_the_apps_own_pages() {
    let signet = Signet::new();
    let bearer = format!("Bearer {}", signet.token);
    let (status, headers, _) = signet.send(
        "POST",
        "/api/platform_user/sessions",
        &Value::Null,
        &[("authorization", &bearer), ("origin", ORIGIN)],
    );
    assert_eq!(status, 200);
    assert_eq!(headers["access-control-allow-credentials"], "true");
    let cookie = headers["set-cookie"].to_str().expect("ASCII").split(';').next().expect("a pair").to_owned();
    let renew = |origin: &str| {
        signet.send(
            "POST",
            "/api/platform_user/sessions/token",
            &Value::Null,
            &[("cookie", &cookie), ("origin", origin)],
        )
    };
    let (status, _, body) = renew(ORIGIN);
    assert_eq!(status, 200, "{body}");
    let renewed = format!("Bearer {}", body["access_token"].as_str().expect("a token"));
    let (status, ..) = signet.send("GET", "/api/platform_user/session", &Value::Null, &[("authorization", &renewed)]);
    assert_eq!(status, 200);
    assert_eq!(renew("https://evil.example").0, 403);
    let (status, headers, _) =
        signet.send("OPTIONS", "/api/platform_user/connections", &Value::Null, &[("origin", ORIGIN)]);
    assert_eq!((status.as_u16(), headers["access-control-allow-origin"].to_str().ok()), (204, Some(ORIGIN)));
}

/// Every answer of these tests is searched for what the vendor issued: here each operation is asked once.
#[test]
fn nothing_that_lets_us_act_at_the_crm_reaches_a_browser_or_the_back_end() {
    let mut signet = Signet::new();
    signet.connect("c");
    assert_eq!(signet.world.wire.issued().len(), 2, "an access and a refresh token");
    for path in [
        "/connectors",
        "/connectors/hubspot",
        "/connections",
        "/connections/hubspot",
        "/connection/c",
        "/connection/c/api_objects",
        "/connection/c/api_objects/deals",
        "/connection/c/crm_mapping",
        "/platform",
        "/platform/connectors",
    ] {
        let (status, body) = signet.browser("GET", path, &Value::Null);
        assert_eq!(status, 200, "{path} {body}");
    }
    for path in [
        "/api/v1/crm/connections",
        "/api/v1/crm/connections/c",
        "/api/platform/app",
        "/api/platform/contexts/acme/connections/hubspot",
    ] {
        let (status, body) = signet.api("GET", path, &Value::Null);
        assert_eq!(status, 200, "{path} {body}");
    }
}
