//! The fault switch on Pipedrive's routes.

use lockstep_sandbox::{Effect, Fault};
use serde_json::json;

use super::desk::{Desk, PERSONS, SECOND_US, START_US};

const CREATE: &str = "POST /api/v2/persons";

#[test]
fn a_create_is_lost_before_or_after() {
    let desk = Desk::calm();
    desk.pipedrive.faults().push(Fault::once(CREATE, Effect::LostBefore));
    assert!(desk.post(PERSONS, &json!({"name": "A"})).dropped);
    desk.pipedrive.faults().push(Fault::once(CREATE, Effect::PartialBatch { rows: 0 }));
    assert!(desk.post(PERSONS, &json!({"name": "A"})).dropped);
    assert!(desk.pipedrive.records().is_empty());
    desk.pipedrive.faults().push(Fault::once(CREATE, Effect::LostAfter));
    assert!(desk.post(PERSONS, &json!({"name": "A"})).dropped);
    assert_eq!(desk.pipedrive.records().len(), 1);
    desk.pipedrive.faults().push(Fault::once(CREATE, Effect::Reset));
    assert!(desk.post(PERSONS, &json!({"name": "B"})).dropped);
    assert_eq!(desk.pipedrive.records().len(), 2);
    assert_eq!(desk.pipedrive.calls().faulted, 4);
}

#[test]
fn statuses_speak_pipedrives_tongue() {
    let desk = Desk::calm();
    let refused = |status: u16, policy: Option<&str>| {
        let policy = policy.map(str::to_owned);
        desk.pipedrive.faults().push(Fault::anywhere(Effect::Status { status, policy }));
        let got = desk.get(PERSONS);
        assert_eq!(got.status, status);
        got
    };
    assert_eq!(refused(429, None).json["error"], "request over limit");
    assert_eq!(refused(500, None).json["success"], false);
    assert_eq!(refused(503, None).json["error"], "Service Unavailable");
    assert_eq!(refused(401, None).json["errorCode"], 401);
    assert_eq!(refused(403, None).json["error"], "Scope and URL mismatch");
    assert_eq!(refused(403, Some("feature_capping")).json["code"], "feature_capping_deals_limit");
    assert!(refused(403, Some("cloudflare")).text.starts_with("<!DOCTYPE html>"));
    assert_eq!(desk.pipedrive.calls().throttled, 0, "a fault is not the limiter");
}

#[test]
fn answers_come_late_or_half() {
    let desk = Desk::calm();
    desk.pipedrive.faults().push(Fault::anywhere(Effect::Slow { us: 3 * SECOND_US }));
    assert_eq!(desk.get(PERSONS).status, 200);
    let id = desk.pipedrive.create(&[("name", "A")]).expect("a person");
    assert_eq!(desk.pipedrive.get(&id).map(|it| it.created_us), Some(START_US + 3 * SECOND_US));
    desk.pipedrive.faults().push(Fault::anywhere(Effect::Truncate));
    let half = desk.get(PERSONS);
    assert!(half.status == 200 && half.json.is_null() && !half.text.is_empty());
}
