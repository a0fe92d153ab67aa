//! Strangers at every door: another organization's key pair, and another context's token. A route that is new fails here
//! until somebody has said what a stranger gets of it.

use std::collections::BTreeSet;
use std::fs;

use axum::body::{Body, to_bytes};
use http::Request;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use lockstep_store::StoreError;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::signet::{ORIGIN, Signet, direct};
use crate::world::run;

/// What a stranger gets.
#[derive(Clone, Copy, PartialEq)]
enum Gets {
    /// Nothing of anybody's: 404.
    NotFound,
    /// Their own empty list, or what is everybody's.
    Own,
}

/// Routes of an app's back end below `/api`, as they are registered.
const KEYED: [(&str, &str, Gets); 20] = [
    ("GET", "/connections", Gets::Own),
    ("GET", "/connections/{id}", Gets::NotFound),
    ("DELETE", "/connections/{id}", Gets::NotFound),
    ("GET", "/{connection}/objects/{object}", Gets::NotFound),
    ("GET", "/{connection}/objects/{object}/{record}", Gets::NotFound),
    ("POST", "/{connection}/objects/{object}/events/{event}", Gets::NotFound),
    ("POST", "/{connection}/objects/{object}/{record}/events/{event}", Gets::NotFound),
    ("POST", "/{connection}/objects/{object}/{record}/subscriptions", Gets::NotFound),
    ("POST", "/{connection}/objects/{object}/events/{event}/subscriptions", Gets::NotFound),
    ("GET", "/{connection}/subscriptions", Gets::NotFound),
    ("GET", "/{connection}/subscriptions/{id}", Gets::NotFound),
    ("DELETE", "/{connection}/subscriptions/{id}", Gets::NotFound),
    ("GET", "/{connection}/invocations/{id}", Gets::NotFound),
    ("DELETE", "/{connection}/invocations/{id}", Gets::NotFound),
    ("GET", "/app", Gets::Own),
    ("PUT", "/app", Gets::Own),
    ("POST", "/contexts", Gets::Own),
    ("GET", "/contexts/{context}/connections/{crm}", Gets::NotFound),
    ("GET", "/nothing", Gets::NotFound),
    ("POST", "/nothing", Gets::NotFound),
];

/// Routes of the browser below `/api/platform_user`.
const BROWSER: [(&str, &str, Gets); 22] = [
    ("GET", "/platform", Gets::Own),
    ("GET", "/platform/connectors", Gets::Own),
    ("GET", "/platform/connectors/{crm}", Gets::Own),
    ("POST", "/sessions", Gets::Own),
    ("GET", "/session", Gets::Own),
    ("POST", "/sessions/ott", Gets::Own),
    ("GET", "/connectors", Gets::Own),
    ("GET", "/connectors/{crm}", Gets::Own),
    ("GET", "/connections", Gets::Own),
    ("GET", "/connections/{crm}", Gets::NotFound),
    ("DELETE", "/connections/{crm}", Gets::NotFound),
    ("POST", "/connections/{crm}", Gets::NotFound),
    ("GET", "/connection/{connection}", Gets::NotFound),
    ("DELETE", "/connection/{connection}", Gets::NotFound),
    ("GET", "/authorizations/{crm}/{id}", Gets::NotFound),
    ("PUT", "/authorizations/{crm}", Gets::NotFound),
    ("POST", "/connection/{connection}/crm_setup", Gets::NotFound),
    ("GET", "/connection/{connection}/api_objects", Gets::NotFound),
    ("GET", "/connection/{connection}/api_objects/{native}", Gets::NotFound),
    ("GET", "/connection/{connection}/crm_mapping", Gets::NotFound),
    ("POST", "/connection/{connection}/crm_mapping", Gets::NotFound),
    ("DELETE", "/sessions", Gets::Own),
];

/// Routes that are not about a context: the document, the cookie alone, and the pages of the pop-up window.
const OTHERS: [&str; 6] = [
    "/api/openapi.json",
    "/sessions/token",
    "/authorizations/loading",
    "/authorizations/{crm}/loading",
    "/authorizations/loading.js",
    "/socket/websocket",
];

/// Routes of CRM Link that a token opens.
const LINK: [(&str, &str, Gets); 21] = [
    ("POST", "/link/open", Gets::Own),
    ("POST", "/link/connect/{crm}", Gets::Own),
    ("GET", "/link/waiting/{authorization}", Gets::NotFound),
    ("POST", "/link/token/{authorization}", Gets::NotFound),
    ("POST", "/link/at/{connection}/reconnect", Gets::NotFound),
    ("POST", "/link/at/{connection}/setup", Gets::NotFound),
    ("GET", "/link/at/{connection}/wait", Gets::NotFound),
    ("GET", "/link/at/{connection}/objects", Gets::NotFound),
    ("GET", "/link/at/{connection}/native", Gets::NotFound),
    ("POST", "/link/at/{connection}/native", Gets::NotFound),
    ("GET", "/link/at/{connection}/options", Gets::NotFound),
    ("GET", "/link/at/{connection}/fields", Gets::NotFound),
    ("POST", "/link/at/{connection}/fields", Gets::NotFound),
    ("GET", "/link/at/{connection}/event", Gets::NotFound),
    ("POST", "/link/at/{connection}/event", Gets::NotFound),
    ("GET", "/link/at/{connection}/row", Gets::NotFound),
    ("POST", "/link/at/{connection}/row", Gets::NotFound),
    ("GET", "/link/at/{connection}/review", Gets::NotFound),
    ("POST", "/link/at/{connection}/finish", Gets::NotFound),
    ("GET", "/link/at/{connection}/disconnect", Gets::NotFound),
    ("POST", "/link/at/{connection}/disconnect", Gets::NotFound),
];

/// Routes of CRM Link that are for everybody: the frame, which asks who shows it, the window's pages, and files.
const LINK_OTHERS: [&str; 8] = [
    "/link/frame",
    "/link/opening",
    "/link/authorized",
    "/link/assets/{name}",
    "/link/accent/{name}",
    "/link/marks/{name}",
    "/link.js",
    "/link.classic.js",
];

/// The paths that a source file registers.
fn routes(text: &str) -> impl Iterator<Item = String> {
    let rest = text.split(".route(").skip(1);
    rest.filter_map(|rest| rest.trim_start().strip_prefix('"')?.split('"').next().map(str::to_owned))
}

/// Every path that is registered below the CRM API: all but a few are in its document.
fn registered() -> BTreeSet<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/wire/crm");
    let below = |path: &String| {
        let bases = ["/api/v1/crm", "/api/platform_user", "/api/platform"];
        bases.iter().find_map(|base| path.strip_prefix(base)).expect("a path of the CRM API").to_owned()
    };
    let mut found: BTreeSet<String> = lockstep::wire::crm::document().paths.paths.keys().map(below).collect();
    for file in fs::read_dir(folder).expect("the folder") {
        let text = fs::read_to_string(file.expect("a file").path()).expect("text");
        found.extend(routes(&text));
    }
    found
}

struct Theirs {
    deal: String,
    subscription: String,
    authorization: String,
}

impl Theirs {
    fn fill(&self, path: &str) -> String {
        path.replace("{connection}", "c")
            .replace("{record}", &format!("deals:{}", self.deal))
            .replace("/subscriptions/{id}", &format!("/subscriptions/{}", self.subscription))
            .replace("/invocations/{id}", "/invocations/inv_01HXYZABCDEFGHJKMNPQRSTVW0")
            .replace("/authorizations/{crm}/{id}", &format!("/authorizations/{{crm}}/{}", self.authorization))
            .replace("{authorization}", &self.authorization)
            .replace("{id}", "c")
            .replace("{context}", "acme")
            .replace("{crm}", "hubspot")
            .replace("{object}", "document")
            .replace("{native}", "deals")
            .replace("{event}", "find")
    }

    /// A body that would do something if it were let in.
    fn body(&self, path: &str) -> Value {
        match path {
            "/authorizations/{crm}" => json!({ "state": self.authorization, "token": "pat-stolen" }),
            "/contexts" => json!({ "context": { "external_id": "acme" } }),
            "/app" => json!({ "name": "Stranger" }),
            _ => json!({ "id": "c", "payload": { "title": "x" } }),
        }
    }
}

fn owner() -> (Signet, Theirs) {
    let mut signet = Signet::new();
    signet.connect("c");
    let objects = json!({ "document": { "fields": { "title": { "type": "string" } }, "events": {
        "find": { "type": "search", "payloadSchema": { "title": { "type": "string" } } } } } });
    let filter = json!({ "name": "direct", "field": { "slug": "title" }, "source_pointer": "#/properties/dealname", "criteria_operator": "eq" });
    let find = json!([{ "event": { "slug": "find" }, "action_type": "search", "transformations": [filter] }]);
    signet.map("c", &objects, "deals", &json!([direct("title", "dealname")]), &find);
    let deal = signet.deal("Secret contract");
    let path = format!("/api/v1/crm/c/objects/document/deals:{deal}/subscriptions");
    let subscription =
        signet.api("POST", &path, &Value::Null).1["subscription"]["id"].as_str().expect("an id").to_owned();
    let (_, body) = signet.browser("POST", "/connections/hubspot", &json!({ "id": "second" }));
    let authorization = body["connection"]["authorization"]["id"].as_str().expect("an id").to_owned();
    (signet, Theirs { deal, subscription, authorization })
}

#[track_caller]
fn check(what: &str, gets: Gets, status: u16, body: &Value) {
    match gets {
        Gets::NotFound => assert_eq!(status, 404, "{what}: {body}"),
        Gets::Own => assert!(status < 300, "{what}: {status} {body}"),
    }
    let text = body.to_string();
    assert!(!text.contains("Secret contract") && !text.contains("sub_"), "{what}: {text}");
    assert!(!text.contains("\"id\":\"c\""), "{what}: {text}");
}

#[test]
fn every_route_is_known_here() {
    let known = KEYED.iter().chain(&BROWSER).map(|(_, path, _)| *path).chain(OTHERS);
    let known: BTreeSet<String> = known.filter(|path| *path != "/nothing").map(str::to_owned).collect();
    assert_eq!(registered(), known);
    let known: BTreeSet<String> = LINK.iter().map(|(_, path, _)| *path).chain(LINK_OTHERS).map(str::to_owned).collect();
    assert_eq!(routes(include_str!("../../../src/link/mod.rs")).collect::<BTreeSet<String>>(), known);
}

#[test]
fn another_organization_sees_and_does_nothing() {
    let (signet, theirs) = owner();
    let other = run(signet.world.app.store.write(|tx| tx.create_org("Stranger").map_err(|error: StoreError| error)));
    let basic = signet.pair_of(&other.expect("an organization"));
    for (method, path, gets) in KEYED {
        let base =
            if path.starts_with("/app") || path.starts_with("/contexts") { "/api/platform" } else { "/api/v1/crm" };
        let full = format!("{base}{}", theirs.fill(path));
        let (status, _, body) = signet.send(method, &full, &theirs.body(path), &[("authorization", &basic)]);
        check(&format!("{method} {full}"), gets, status.as_u16(), &body);
    }
    assert_eq!(signet.browser("GET", "/connection/c", &Value::Null).0, 200, "it is still there");
    assert_eq!(signet.api("GET", "/api/platform/app", &Value::Null).1["app"]["name"], "Signet");
}

#[test]
fn another_context_sees_and_does_nothing() {
    let (signet, theirs) = owner();
    let bearer = format!("Bearer {}", signet.token_of("stranger"));
    for (method, path, gets) in BROWSER {
        let full = format!("/api/platform_user{}", theirs.fill(path));
        let headers = [("authorization", bearer.as_str()), ("origin", ORIGIN)];
        let (status, _, body) = signet.send(method, &full, &theirs.body(path), &headers);
        check(&format!("{method} {full}"), gets, status.as_u16(), &body);
    }
    assert_eq!(signet.browser("GET", "/connection/c", &Value::Null).0, 200, "it is still there");
}

#[test]
fn another_context_gets_no_screen_of_a_connection() {
    let (signet, theirs) = owner();
    let bearer = format!("Bearer {}", signet.token_of("stranger"));
    let form = "object=document&event=find&row=title&field=title&pick=empty&native=contacts&step=remove&version=0\
                &token=pat-stolen&objects=%7B%7D&does=noop";
    for (method, path, gets) in LINK {
        let full = theirs.fill(path);
        let asked = if method == "GET" { format!("{full}?{form}") } else { full.clone() };
        let body = if method == "GET" { Body::empty() } else { Body::from(form) };
        let request = Request::builder()
            .method(method)
            .uri(asked)
            .header(AUTHORIZATION, &bearer)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(body)
            .expect("a request");
        let (parts, body) = run(signet.world.router.clone().oneshot(request)).expect("an answer").into_parts();
        let bytes = run(to_bytes(body, usize::MAX)).expect("a body");
        check(&format!("{method} {full}"), gets, parts.status.as_u16(), &json!(String::from_utf8_lossy(&bytes)));
    }
    let (status, body) = signet.browser("GET", "/connection/c", &Value::Null);
    assert_eq!((status, &body["connection"]["enabled"]), (200, &json!(true)), "it is still there: {body}");
    let path = format!("/api/v1/crm/c/objects/document/deals:{}", theirs.deal);
    assert_eq!(signet.api("GET", &path, &Value::Null).1["record"]["data"], json!({ "title": "Secret contract" }));
}
