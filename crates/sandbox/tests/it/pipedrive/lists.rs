//! Lists: pages, orders, changes since a time.

use serde_json::json;

use super::desk::{Desk, PERSONS, SECOND_US, assert_invalid, ids};

fn pages(desk: &Desk, query: &str) -> Vec<Vec<u64>> {
    let mut all = Vec::new();
    let mut cursor = String::new();
    loop {
        let got = desk.get(&format!("{PERSONS}?{query}{cursor}"));
        all.push(ids(&got));
        match got.json["additional_data"]["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return all,
        }
    }
}

#[test]
fn cursors_lead_through_every_order() {
    let desk = Desk::calm();
    for name in ["A", "B", "C", "D", "E"] {
        desk.person(json!({"name": name}));
    }
    assert_eq!(pages(&desk, "limit=2"), [vec![1, 2], vec![3, 4], vec![5]]);
    assert_eq!(pages(&desk, "limit=3&sort_direction=desc"), [vec![5, 4, 3], vec![2, 1]]);
    desk.pass(SECOND_US);
    desk.patch(&format!("{PERSONS}/1"), &json!({"name": "Z"}));
    assert_eq!(pages(&desk, "limit=2&sort_by=update_time"), [vec![2, 3], vec![4, 5], vec![1]]);
    assert_eq!(pages(&desk, "limit=5&sort_by=update_time&sort_direction=desc"), [vec![1, 5, 4, 3, 2]]);
    let next = desk.get(&format!("{PERSONS}?limit=2")).json["additional_data"]["next_cursor"].clone();
    let next = next.as_str().expect("a cursor");
    assert_invalid(&desk.get(&format!("{PERSONS}?sort_by=add_time&cursor={next}")), "cursor");
    assert_invalid(&desk.get(&format!("{PERSONS}?cursor=x")), "cursor");
    let small = Desk::with(|settings| settings.page_max = Some(1));
    small.person(json!({"name": "A"}));
    small.person(json!({"name": "B"}));
    assert_eq!(pages(&small, "limit=500"), [[1], [2]]);
}

#[test]
fn changes_since_are_inclusive_and_in_whole_seconds() {
    let desk = Desk::calm();
    desk.person(json!({"name": "A"}));
    desk.pass(1_400_000);
    desk.person(json!({"name": "B"}));
    let since = |time: &str| desk.get(&format!("{PERSONS}?sort_by=update_time&updated_since={time}"));
    assert_eq!(ids(&since("2026-01-01T00:00:00Z")), [1, 2]);
    assert_eq!(ids(&since("2026-01-01T00:00:01Z")), [2], "stamped with the second it began");
    assert_eq!(ids(&since("2026-01-01T01:00:01%2B01:00")), [2]);
    assert_eq!(ids(&since("2026-01-01T00:00:02Z")), [] as [u64; 0]);
    assert_invalid(&since("2026-01-01T00:00:01.000Z"), "is not a valid datetime");
    assert_invalid(&since("2026-01-01"), "is not a valid datetime");
    assert_eq!(ids(&desk.get(&format!("{PERSONS}?updated_until=2026-01-01T00:00:01Z"))), [1]);
}

#[test]
fn lists_are_narrowed_and_refuse_what_they_do_not_know() {
    let desk = Desk::calm();
    let org = desk.made("/api/v2/organizations", json!({"name": "Lamps"}));
    let a = desk.person(json!({"name": "A", "org_id": org}));
    let b = desk.person(json!({"name": "B"}));
    let deal = desk.made("/api/v2/deals", json!({"title": "D", "person_id": b}));
    assert_eq!(ids(&desk.get(&format!("{PERSONS}?org_id={org}"))), [a]);
    assert_eq!(ids(&desk.get(&format!("{PERSONS}?deal_id={deal}"))), [b]);
    assert_eq!(ids(&desk.get(&format!("{PERSONS}?ids={b},77"))), [b]);
    assert_eq!(ids(&desk.get("/api/v2/deals?status=won")), [] as [u64; 0]);
    assert_eq!(ids(&desk.get("/api/v2/activities?done=false")), [] as [u64; 0]);
    let many: Vec<String> = (0..101).map(|id| id.to_string()).collect();
    for (query, names) in [
        ("limit=501".to_owned(), "limit"),
        ("limit=0".to_owned(), "limit"),
        ("limit=x".to_owned(), "limit"),
        ("sort_by=name".to_owned(), "sort_by"),
        ("sort_direction=up".to_owned(), "sort_direction"),
        (format!("ids={}", many.join(",")), "ids"),
        ("filter_id=1".to_owned(), "filter_id"),
        ("include_fields=nonsense".to_owned(), "include_fields"),
        ("custom_fields=nonsense".to_owned(), "custom_fields"),
    ] {
        assert_invalid(&desk.get(&format!("{PERSONS}?{query}")), names);
    }
    let asked = desk.get(&format!("{PERSONS}/{a}?include_fields=marketing_status,notes_count"));
    assert_eq!(asked.json["data"]["marketing_status"], json!(null));
}

#[test]
fn the_vendors_clock_may_differ_from_ours() {
    let desk = Desk::calm();
    desk.pipedrive.set_clock_offset(-600 * SECOND_US);
    let id = desk.person(json!({"name": "A"}));
    let got = desk.get(&format!("{PERSONS}/{id}"));
    assert_eq!(got.json["data"]["update_time"], "2025-12-31T23:50:00Z");
    assert_eq!(got.headers["date"], "Wed, 31 Dec 2025 23:50:00 GMT");
}
