//! Answers that get lost, and requests that come twice.

use lockstep_sandbox::{Effect, Fault};
use serde_json::{Value, json};

use super::signet::{Signet, direct, fixed};

const MADE: &str = "/api/v1/crm/c/objects/document/events/made";

fn ready(keep_key: bool) -> Signet {
    let mut signet = Signet::new();
    signet.connect("c");
    let objects = json!({ "document": { "fields": { "title": { "type": "string" } }, "events": {
        "made": { "type": "create", "payloadSchema": { "title": { "type": "string" } } },
        "moved": { "type": "update", "payloadSchema": { "title": { "type": "string" } } },
    } } });
    let made = json!({ "event": { "slug": "made" }, "action_type": "create", "transformations": [
        direct("title", "dealname"), fixed("appointmentscheduled", "dealstage"), fixed("default", "pipeline") ] });
    let moved = json!({ "event": { "slug": "moved" }, "action_type": "update", "transformations": [direct("title", "dealname")] });
    let (_, body) = signet.browser("POST", "/connection/c/crm_setup", &json!({ "objects": objects }));
    let mapping = json!([{ "crm_object_id": body["objects"][0]["id"], "api_object_id": signet.api_object("c", "deals"),
        "keep_key": keep_key, "transformations": [direct("title", "dealname")], "event_actions": [made, moved] }]);
    let saved = json!({ "objects": body["objects"], "mapping": mapping });
    let (status, body) = signet.browser("POST", "/connection/c/crm_mapping", &saved);
    assert_eq!(status, 200, "{body}");
    signet
}

fn made(signet: &Signet, key: &str) -> (u16, Value) {
    signet.api_with("POST", MADE, &json!({ "payload": { "title": "Apple" } }), &[("idempotency-key", key)])
}

fn deals(signet: &Signet) -> usize {
    signet.world.hubspot.records_of("deals").expect("deals").len()
}

#[test]
fn the_same_key_is_answered_the_same_and_sent_once() {
    let signet = ready(false);
    let first = made(&signet, "k1");
    assert_eq!(first.0, 200, "{}", first.1);
    assert_eq!(made(&signet, "k1"), first);
    assert_eq!(deals(&signet), 1);
    let (status, body) =
        signet.api_with("POST", MADE, &json!({ "payload": { "title": "Other" } }), &[("idempotency-key", "k1")]);
    assert_eq!((status, &body["code"]), (422, &json!("idempotency_key_reuse")));
    assert_eq!(made(&signet, "k2").0, 200);
    assert_eq!(deals(&signet), 2);
}

#[test]
fn a_lost_create_is_found_by_our_key_where_the_user_granted_one() {
    let signet = ready(true);
    signet.world.hubspot.faults().push(Fault::once("POST /crm/v3/objects/deals", Effect::LostAfter));
    let (status, body) = made(&signet, "k1");
    assert_eq!((status, &body["record"]["data"]["title"]), (200, &json!("Apple")), "{body}");
    assert_eq!((made(&signet, "k1").1, deals(&signet)), (body, 1));
}

#[test]
fn a_create_that_never_arrived_may_be_tried_again_under_its_key() {
    let signet = ready(true);
    signet.world.hubspot.faults().push(Fault::once("POST /crm/v3/objects/deals", Effect::LostBefore));
    let (status, body) = made(&signet, "k1");
    assert_eq!((status, &body["code"]), (502, &json!("crm_unavailable")), "{body}");
    assert_eq!(made(&signet, "k1").0, 200);
    assert_eq!(deals(&signet), 1);
}

#[test]
fn without_a_key_of_ours_a_lost_create_is_unknown_and_never_sent_again() {
    let signet = ready(false);
    signet.world.hubspot.faults().push(Fault::once("POST /crm/v3/objects/deals", Effect::LostAfter));
    for _ in 0..3 {
        let (status, body) = made(&signet, "k1");
        assert_eq!((status, &body["code"]), (504, &json!("outcome_unknown")), "{body}");
    }
    assert_eq!(deals(&signet), 1, "the one that arrived");
}

#[test]
fn without_a_key_of_the_apps_own_a_lost_create_is_not_said_to_be_repeatable() {
    let signet = ready(true);
    signet.world.hubspot.faults().push(Fault::once("POST /crm/v3/objects/deals", Effect::LostBefore));
    let (status, body) = signet.api("POST", MADE, &json!({ "payload": { "title": "Apple" } }));
    assert_eq!((status, &body["code"]), (504, &json!("outcome_unknown")), "{body}");
}

#[test]
fn a_lost_link_is_not_said_to_be_made() {
    let mut signet = Signet::new();
    signet.connect("c");
    let objects = json!({ "document": { "events": { "tied": { "type": "update", "payloadSchema": {
        "signer": { "type": "string" } } } } } });
    let tied = json!([{ "event": { "slug": "tied" }, "action_type": "update", "transformations": [
        { "name": "empty", "field": { "slug": "signer" } }],
        "associations": [{ "field": { "slug": "signer" }, "api_object": "contacts" }] }]);
    signet.map("c", &objects, "deals", &json!([]), &tied);
    let (deal, ana) =
        (signet.deal("One"), signet.world.hubspot.create(&[("email", "ana@example.com")]).expect("a contact"));
    let path = format!("/api/v1/crm/c/objects/document/deals:{deal}/events/tied");
    let payload = json!({ "payload": { "signer": format!("contacts:{ana}") } });
    signet.world.hubspot.faults().push(Fault::anywhere(Effect::LostAfter));
    let (status, body) = signet.api("POST", &path, &payload);
    assert_eq!((status, &body["code"]), (504, &json!("outcome_unknown")), "{body}");
    assert_eq!(signet.api("POST", &path, &payload).0, 200);
}

#[test]
fn a_lost_update_is_looked_for_in_the_record() {
    let signet = ready(false);
    let id = signet.deal("Old");
    signet.world.hubspot.faults().push(Fault::once("PATCH /crm/v3/objects/deals/{id}", Effect::LostAfter));
    let path = format!("/api/v1/crm/c/objects/document/deals:{id}/events/moved");
    let (status, body) = signet.api("POST", &path, &json!({ "payload": { "title": "New" } }));
    assert_eq!((status, &body["record"]["data"]["title"]), (200, &json!("New")), "{body}");
}

#[test]
fn what_was_not_sent_for_want_of_access_may_be_tried_again() {
    let signet = ready(false);
    let status = |status| Effect::Status { status, policy: None };
    for effect in [status(502), status(423), Effect::LostAfter, Effect::Truncate] {
        signet.world.hubspot.expire_tokens();
        signet.world.hubspot.faults().push(Fault::once("POST /oauth/v1/token", effect.clone()));
        let (status, body) = made(&signet, "k1");
        assert_eq!((status, &body["code"]), (502, &json!("crm_unavailable")), "{effect:?}: {body}");
    }
    assert_eq!(made(&signet, "k1").0, 200);
    assert_eq!(deals(&signet), 1);
}
