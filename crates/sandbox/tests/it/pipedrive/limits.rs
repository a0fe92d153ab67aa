//! The day's budget, bursts, searches, and Cloudflare before them.

use lockstep_sandbox::pipedrive::{Limits, Plan};
use serde_json::json;

use super::desk::{DAY_US, Desk, Got, PERSONS, SECOND_US};

fn desk(limits: Limits) -> Desk {
    Desk::with(|settings| settings.limits = limits)
}

fn header(got: &Got, name: &str) -> u64 {
    got.headers[name].to_str().ok().and_then(|it| it.parse().ok()).expect(name)
}

#[test]
fn a_burst_is_over_in_two_seconds() {
    let desk = desk(Limits::of(Plan::Lite, 1));
    let first = desk.get(PERSONS);
    assert_eq!((header(&first, "x-ratelimit-limit"), header(&first, "x-ratelimit-remaining")), (20, 19));
    for _ in 1..20 {
        assert_eq!(desk.get(PERSONS).status, 200);
    }
    let refused = desk.get(PERSONS);
    assert_eq!(refused.status, 429);
    assert_eq!((&refused.json["success"], &refused.json["error"]), (&json!(false), &json!("request over limit")));
    assert_eq!((header(&refused, "x-ratelimit-remaining"), header(&refused, "x-ratelimit-reset")), (0, 2));
    desk.pass(2 * SECOND_US);
    assert_eq!(desk.get(PERSONS).status, 200);
    let counted = desk.pipedrive.calls();
    assert_eq!((counted.total, counted.throttled), (22, 1));
    assert_eq!(counted.route("GET /api/v2/persons").statuses[&429], 1);
}

#[test]
fn an_app_may_burst_more_than_a_person() {
    let mut desk = desk(Limits::of(Plan::Lite, 1));
    desk.bearer(&desk.pipedrive.grant().access_token.clone());
    assert_eq!(header(&desk.get(PERSONS), "x-ratelimit-limit"), 80);
}

#[test]
fn searches_have_a_burst_of_their_own() {
    let desk = desk(Limits::of(Plan::Ultimate, 1));
    for _ in 0..10 {
        assert_eq!(desk.get(&format!("{PERSONS}/search?term=ab")).status, 200);
    }
    let refused = desk.get(&format!("{PERSONS}/search?term=ab"));
    assert_eq!((refused.status.as_u16(), header(&refused, "x-ratelimit-limit")), (429, 10));
    assert_eq!(desk.get(PERSONS).status, 200);
}

#[test]
fn every_call_has_its_price() {
    let desk = desk(Limits::of(Plan::Growth, 1));
    let left = |got: &Got| header(got, "x-daily-requests-left");
    let mut before = 60_000;
    let mut price = |got: &Got| {
        let price = before - left(got);
        before = left(got);
        price
    };
    assert_eq!(price(&desk.post(PERSONS, &json!({"name": "A"}))), 5);
    assert_eq!(price(&desk.get(&format!("{PERSONS}/1"))), 1);
    assert_eq!(price(&desk.get(PERSONS)), 10);
    assert_eq!(price(&desk.get(&format!("{PERSONS}/search?term=ab"))), 20);
    assert_eq!(price(&desk.post("/v1/notes", &json!({"content": "x", "person_id": 1}))), 10);
    assert_eq!(price(&desk.get("/v1/users/me")), 2);
    assert_eq!(price(&desk.get("/v1/recents?since_timestamp=2026-01-01%2000:00:00")), 20);
    assert_eq!(price(&desk.delete(&format!("{PERSONS}/1"))), 3);
    assert_eq!(price(&desk.put("/v1/persons/1/merge", &json!({"merge_with_id": 2}))), 40);
}

#[test]
fn a_spent_day_is_over_at_midnight() {
    let desk = desk(Limits { daily_tokens: 12, ..Limits::of(Plan::Growth, 1) });
    assert_eq!(desk.get(PERSONS).status, 200);
    let refused = desk.get(PERSONS);
    assert_eq!((refused.status.as_u16(), header(&refused, "x-daily-requests-left")), (429, 2));
    assert_eq!(header(&refused, "x-ratelimit-reset"), 86_400);
    desk.pass(DAY_US);
    assert_eq!(desk.get(PERSONS).status, 200);
}

#[test]
fn who_does_not_stop_gets_a_page_from_cloudflare() {
    let desk = desk(Limits { personal_burst: 1, abuse_refusals: 3, ..Limits::of(Plan::Growth, 1) });
    let statuses: Vec<u16> = (0..6).map(|_| desk.get(PERSONS).status.as_u16()).collect();
    assert_eq!(statuses, [200, 429, 429, 429, 403, 403]);
    let page = desk.get(PERSONS);
    assert!(page.headers["content-type"].to_str().is_ok_and(|it| it.starts_with("text/html")));
    assert!(page.text.contains("<html") && page.headers.get("x-ratelimit-limit").is_none());
    desk.pass(60 * SECOND_US);
    assert_eq!(desk.get(PERSONS).status, 200);
}

#[test]
fn without_quirks_nothing_is_limited() {
    let desk = Desk::calm();
    assert!((0..300).all(|_| desk.get(PERSONS).status == 200));
    assert!(desk.get(PERSONS).headers.get("x-ratelimit-limit").is_none());
}
