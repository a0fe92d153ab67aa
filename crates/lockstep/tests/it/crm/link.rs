//! CRM Link over HTTP, as its frame asks for it: who may show it, from the first screen to the connection, and coming back.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use http::header::{ACCEPT_LANGUAGE, AUTHORIZATION, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use http::{HeaderMap, Request, StatusCode};
use lockstep_core::limits::BODY_BYTES_MAX;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::signet::{ORIGIN, Signet};
use crate::world::run;

/// A screen as the frame gets it.
struct Screen {
    status: StatusCode,
    headers: HeaderMap,
    html: String,
}

impl Screen {
    /// The value of an attribute, the first of its name.
    fn attribute(&self, name: &str) -> String {
        let value = self.html.split(&format!("{name}=\"")).nth(1).and_then(|rest| rest.split('"').next());
        value.unwrap_or_else(|| panic!("no {name} in {}", self.html)).replace("&#38;", "&")
    }

    #[track_caller]
    fn says(&self, text: &str) {
        assert!(self.html.contains(text), "no \"{text}\" in {} {}", self.status, self.html);
    }
}

fn ask(signet: &Signet, method: &str, path: &str, form: &[(&str, &str)]) -> Screen {
    ask_in(signet, "en", method, path, form)
}

fn ask_in(signet: &Signet, language: &str, method: &str, path: &str, form: &[(&str, &str)]) -> Screen {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(AUTHORIZATION, format!("Bearer {}", signet.token))
        .header(ACCEPT_LANGUAGE, language)
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header("lockstep-time-zone", "Asia/Jakarta")
        .body(Body::from(body))
        .expect("a request");
    let (parts, body) = run(signet.world.router.clone().oneshot(request)).expect("an answer").into_parts();
    let bytes = run(to_bytes(body, usize::MAX)).expect("a body");
    signet.keeps_the_vendors_secrets(path, &parts.headers, &bytes);
    let html = String::from_utf8(bytes.to_vec()).expect("UTF-8");
    Screen { status: parts.status, headers: parts.headers, html }
}

fn objects() -> Value {
    json!({ "opportunity": {
        "fields": {
            "name": { "type": "string", "label": "Deal Name" }, "when": { "type": "string", "format": "datetime", "label": "Signed on" },
        },
        "events": {
            "signed": { "type": "update", "label": "Document signed", "payloadSchema": {
                "when": { "type": "string", "format": "datetime", "label": "Signed on" } } },
        },
    } })
}

/// From the chooser through the consent page to the first screen of the mapping.
fn arrive(signet: &mut Signet, id: &str, objects: &Value) -> Screen {
    ask(signet, "POST", "/link/open", &[("connection", id)]).says("Which CRM does your team use?");
    let waiting = ask(signet, "POST", "/link/connect/hubspot", &[("connection", id)]);
    let poll = waiting.attribute("hx-get");
    assert_eq!(ask(signet, "GET", &poll, &[]).status, StatusCode::NO_CONTENT);
    signet.consent(&waiting.attribute("data-authorize"), "allow");
    let fetching = ask(signet, "GET", &poll, &[]);
    let setup = fetching.attribute("hx-post");
    let pending = ask(signet, "POST", &setup, &[("objects", &objects.to_string())]);
    pending.says("Reading your HubSpot fields");
    signet.world.pass(Duration::from_secs(1));
    ask(signet, "GET", &pending.attribute("hx-get"), &[])
}

#[test]
fn only_pages_of_allowed_origins_may_show_the_frame() {
    let signet = Signet::new();
    let frame = |origin: &str| ask(&signet, "GET", &format!("/link/frame?v=1&origin={origin}"), &[]);
    let allowed = frame(ORIGIN);
    let policy = allowed.headers[CONTENT_SECURITY_POLICY].to_str().expect("ASCII");
    assert!(policy.ends_with(&format!("frame-ancestors {ORIGIN}")), "{policy}");
    assert!(policy.contains("script-src 'self';") && policy.starts_with("default-src 'none'"), "{policy}");
    assert!(!allowed.html.contains("ctk_") && !allowed.headers.contains_key("set-cookie"), "a shell holds nothing");
    let refused = frame("https://evil.example");
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(refused.headers[CONTENT_SECURITY_POLICY].to_str().expect("ASCII").ends_with("frame-ancestors 'none'"));
    assert_eq!(frame("https://signet.example%20https://evil.example").status, StatusCode::FORBIDDEN);
    ask(&signet, "GET", &format!("/link/frame?v=9&origin={ORIGIN}"), &[]).says("version_unsupported");
}

#[test]
fn a_person_goes_from_the_chooser_to_a_mapping_in_force() {
    let mut signet = Signet::new();
    let deal = signet.deal("Roastery lease");
    // HubSpot's search shows it a little later.
    signet.world.pass(Duration::from_secs(10));
    let fields = arrive(&mut signet, "team 7", &objects());
    fields.says("Where does Signet find these?");
    fields.says("Roastery lease");
    let missing = ask(&signet, "GET", "/link/at/team%207/fields?object=opportunity&next=yes", &[]);
    missing.says("Choose a field for “Signed on”, or leave it empty.");
    let chosen = [("object", "opportunity"), ("field", "when"), ("pick", "#/properties/closedate")];
    ask(&signet, "POST", "/link/at/team%207/fields", &chosen).says("Chosen by you");
    let event = ask(&signet, "GET", "/link/at/team%207/fields?object=opportunity&next=yes", &[]);
    event.says("When “Document signed” happens in Signet, HubSpot should");
    event.says("nothing is written");
    let review = ask(&signet, "GET", "/link/at/team%207/event?object=opportunity&event=signed&next=yes", &[]);
    review.says("Document signed: update deal");
    let version = review.html.split("name=\"version\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
    let version = version.expect("a version").to_owned();
    ask(&signet, "POST", "/link/at/team%207/finish", &[("version", "1")]).says("changed in another window");
    let done = ask(&signet, "POST", "/link/at/team%207/finish", &[("version", &version)]);
    assert_eq!(done.attribute("data-done"), "team 7");

    let path = format!("/api/v1/crm/team%207/objects/opportunity/deals:{deal}/events/signed");
    let (status, body) = signet.api("POST", &path, &json!({ "payload": { "when": "2026-11-23T09:00:00Z" } }));
    assert_eq!((status, &body["record"]["data"]["name"]), (200, &json!("Roastery lease")), "{body}");

    ask(&signet, "POST", "/link/open", &[("connection", "team 7")]).says("Reading your HubSpot fields");
    let again = ask(&signet, "POST", "/link/at/team%207/setup", &[("objects", &objects().to_string())]);
    again.says("Everything is set.");
    let gone = ask(&signet, "POST", "/link/at/team%207/disconnect", &[]);
    assert_eq!(gone.attribute("data-failed"), "disconnected");
}

#[test]
fn one_row_is_edited_in_full_and_what_is_wrong_is_said_there() {
    let mut signet = Signet::new();
    arrive(&mut signet, "c", &objects());
    let row = [("object", "opportunity"), ("event", "signed"), ("row", "of:when")];
    let with = |more: &[(&'static str, &'static str)]| [&row[..], more].concat();
    let template = [("way", "template"), ("pointer", "#/properties/description"), ("template", "{{ nobody }}")];
    let wrong = with(&[&template[..], &[("step", "done")]].concat());
    ask(&signet, "POST", "/link/at/c/row", &wrong).says("which the event does not have");
    let shown = with(&[("way", "template"), ("pointer", "#/properties/description"), ("template", "on {{ when }}")]);
    ask(&signet, "POST", "/link/at/c/row", &shown).says("on 20");
    let kept = [&shown[..], &[("step", "done")]].concat();
    ask(&signet, "POST", "/link/at/c/row", &kept).says("“on {{ when }}”");
    let list = ask(&signet, "GET", "/link/at/c/options?object=opportunity", &[]);
    list.says("data-value=\"#/properties/dealname\"");
}

#[test]
fn pickers_keep_their_list_by_an_address_that_names_the_native_object() {
    let mut signet = Signet::new();
    let deals = arrive(&mut signet, "c", &objects()).attribute("data-list");
    let chosen = [("object", "opportunity"), ("native", "contacts")];
    let contacts = ask(&signet, "POST", "/link/at/c/native", &chosen).attribute("data-list");
    assert_ne!(deals, contacts);
    ask(&signet, "GET", &contacts, &[]).says("data-value=\"#/properties/firstname\"");
}

#[test]
fn who_looks_at_other_actions_finds_their_rows_again_and_what_is_finished_holds_only_its_own() {
    let mut signet = Signet::new();
    arrive(&mut signet, "c", &objects());
    let event = [("object", "opportunity"), ("event", "signed")];
    let with = |more: &[(&'static str, &'static str)]| [&event[..], more].concat();
    let text = [("way", "template"), ("pointer", "#/properties/description"), ("template", "on {{ when }}")];
    let made = with(&[&[("row", "of:when"), ("step", "done")], &text[..]].concat());
    ask(&signet, "POST", "/link/at/c/row", &made).says("“on {{ when }}”");
    let does = |action| ask(&signet, "POST", "/link/at/c/event", &with(&[("does", action)]));
    assert!(!does("workflow").html.contains("on {{ when }}"));
    does("update").says("“on {{ when }}”");
    does("noop");
    let left = [("object", "opportunity"), ("field", "when"), ("pick", "empty")];
    ask(&signet, "POST", "/link/at/c/fields", &left);
    let review = ask(&signet, "GET", "/link/at/c/review", &[]);
    let version = review.html.split("name=\"version\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
    let done = ask(&signet, "POST", "/link/at/c/finish", &[("version", version.expect("a version"))]);
    assert_eq!(done.attribute("data-done"), "c");
    assert!(!does("update").html.contains("on {{ when }}"), "nothing of an update was left in it");
}

#[test]
fn a_user_adds_a_field_below_an_object_and_takes_it_away() {
    let mut signet = Signet::new();
    let tagged = json!({ "opportunity": { "fields": { "tags": { "type": "object", "label": "Tags" } } } });
    arrive(&mut signet, "c", &tagged);
    let child = [("object", "opportunity"), ("parent", "tags"), ("label", "Region <1>"), ("type", "string")];
    let added = ask(&signet, "POST", "/link/at/c/fields", &child);
    added.says("Region &#60;1&#62;");
    ask(&signet, "POST", "/link/at/c/fields", &child).says("has the label of another child");
    let taken = [("object", "opportunity"), ("drop", "tags.Region <1>")];
    assert!(!ask(&signet, "POST", "/link/at/c/fields", &taken).html.contains("Region"));
}

#[test]
fn a_token_that_has_ended_and_objects_with_flaws_have_stable_codes() {
    let mut signet = Signet::new();
    signet.connect("c");
    let flawed = json!({ "opportunity": { "events": { "a": { "type": "explode" } } } }).to_string();
    let refused = ask_in(&signet, "id-ID", "POST", "/link/at/c/setup", &[("objects", &flawed)]);
    assert_eq!(
        (refused.status, refused.attribute("data-failed")),
        (StatusCode::BAD_REQUEST, "invalid_objects".to_owned())
    );
    refused.says("objects: opportunity.events.a.type must be create, update, delete or search");
    refused.says("lang=\"id\"");
    let other = signet.token_of("somebody else");
    let own = std::mem::replace(&mut signet.token, other);
    let taken = ask(&signet, "POST", "/link/connect/hubspot", &[("connection", "c")]);
    assert_eq!(taken.attribute("data-failed"), "connection_taken");
    signet.token = format!("{own}x");
    let ended = ask(&signet, "POST", "/link/open", &[]);
    assert_eq!((ended.status, ended.attribute("data-failed")), (StatusCode::UNAUTHORIZED, "unauthorized".to_owned()));
    let long = "x".repeat(BODY_BYTES_MAX as usize + 1);
    signet.token = own;
    assert_eq!(ask(&signet, "POST", "/link/at/c/setup", &[("objects", &long)]).status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[test]
fn a_field_that_has_gone_from_the_crm_is_said_and_can_be_left_empty() {
    let mut signet = Signet::new();
    arrive(&mut signet, "c", &objects());
    let choose = |pick: &str| {
        ask(&signet, "POST", "/link/at/c/fields", &[("object", "opportunity"), ("field", "when"), ("pick", pick)])
    };
    choose("#/properties/closedate").says("Chosen by you");
    signet.world.hubspot.drop_property_of("deals", "closedate").expect("dropped");
    signet.world.pass(Duration::from_secs(61));
    let overview = ask(&signet, "GET", "/link/at/c/objects", &[]);
    overview.says("fields are gone");
    let fields = ask(&signet, "GET", "/link/at/c/fields?object=opportunity", &[]);
    fields.says("This field no longer exists in HubSpot. Choose another.");
    let choose = [("object", "opportunity"), ("field", "when"), ("pick", "empty")];
    assert!(!ask(&signet, "POST", "/link/at/c/fields", &choose).html.contains("no longer exists"));
}

#[test]
fn every_crm_has_the_mark_that_its_description_names() {
    let signet = Signet::new();
    let (_, body) = signet.browser("GET", "/platform/connectors", &Value::Null);
    let connectors = body["connectors"].as_array().expect("connectors");
    assert!(!connectors.is_empty());
    for connector in connectors {
        let (url, name) = (connector["mark_url"].as_str().expect("an address"), connector["name"].as_str());
        let mark = ask(&signet, "GET", url::Url::parse(url).expect("an address").path(), &[]);
        assert_eq!(
            (mark.status, &mark.headers[CONTENT_TYPE]),
            (StatusCode::OK, &"image/svg+xml".parse().expect("a type"))
        );
        mark.says(&format!("aria-label=\"{}\"", name.expect("a name")));
    }
    assert_eq!(ask(&signet, "GET", "/link/marks/nobody.svg", &[]).status, StatusCode::NOT_FOUND);
    assert_eq!(ask(&signet, "GET", "/link/marks/hubspot", &[]).status, StatusCode::NOT_FOUND);
}

#[test]
fn who_denies_access_is_told_and_can_try_again() {
    let signet = Signet::new();
    let waiting = ask(&signet, "POST", "/link/connect/hubspot", &[]);
    signet.consent(&waiting.attribute("data-authorize"), "deny");
    let refused = ask(&signet, "GET", &waiting.attribute("hx-get"), &[]);
    refused.says("HubSpot did not give access");
    refused.says("Try again");
}
