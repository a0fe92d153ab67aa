//! `write_date`: told in seconds, kept in microseconds.

use serde_json::json;

use super::desk::{Desk, SECOND_US};

fn later(desk: &Desk, operator: &str, at: &str) -> u64 {
    desk.rpc("res.partner", "search_count", &json!([[["write_date", operator, at]]]), &json!({}))["result"]
        .as_u64()
        .expect("a count")
}

#[test]
fn before_19_a_row_is_later_than_its_own_write_date() {
    let desk = Desk::old();
    desk.pass(SECOND_US / 2);
    desk.odoo.create(&[("name", "Ada")]).expect("made");
    let told = desk.rpc("res.partner", "search_read", &json!([[], ["write_date"]]), &json!({}));
    assert_eq!(told["result"][0]["write_date"], "2026-01-01 00:00:00");
    assert_eq!(later(&desk, ">", "2026-01-01 00:00:00"), 1);
    assert_eq!(later(&desk, ">=", "2026-01-01 00:00:01"), 0);
    assert_eq!(later(&desk, "=", "2026-01-01 00:00:00"), 0);
    assert_eq!(later(&desk, ">", "2026-01-01 00:00:00.5"), 0);
    assert_eq!(later(&desk, "=", "2026-01-01 00:00:00.500000"), 1);
}

#[test]
fn since_19_seconds_are_compared_as_whole() {
    let desk = Desk::new();
    desk.pass(SECOND_US / 2);
    desk.odoo.create(&[("name", "Ada")]).expect("made");
    assert_eq!(later(&desk, ">", "2026-01-01 00:00:00"), 0, "a second change in the same second is missed");
    assert_eq!(later(&desk, ">=", "2026-01-01 00:00:00"), 1);
    assert_eq!(later(&desk, "=", "2026-01-01 00:00:00"), 1);
    assert_eq!(later(&desk, "<=", "2026-01-01 00:00:00"), 1);
    assert_eq!(later(&desk, "<", "2026-01-01 00:00:00"), 0);
    assert_eq!(later(&desk, "<=", "2025-12-31"), 0);
    assert_eq!(later(&desk, "<=", "2026-01-01"), 1);
    assert_eq!(later(&desk, ">", "2026-01-01"), 0);
}

#[test]
fn a_write_that_changes_nothing_moves_write_date() {
    let desk = Desk::new();
    let id = desk.contact(json!({"name": "Ada"}));
    desk.pass(3 * SECOND_US);
    desk.ok("write", &json!({"ids": [id], "vals": {"name": "Ada"}}));
    assert_eq!(desk.read(id)["write_date"], "2026-01-01 00:00:03");
    assert_eq!(desk.read(id)["create_date"], "2026-01-01 00:00:00");
    desk.pass(SECOND_US);
    desk.ok("message_post", &json!({"ids": [id], "body": "hello"}));
    assert_eq!(desk.read(id)["write_date"], "2026-01-01 00:00:03", "a note does not");
}

#[test]
fn rows_appear_with_the_time_their_transaction_began() {
    let desk = Desk::with(|settings| settings.commit_lag_us = 2 * SECOND_US);
    let id = desk.contact(json!({"name": "Ada"}));
    assert_eq!(desk.read(id)["write_date"], "2025-12-31 23:59:58");
    desk.odoo.set_clock_offset(-600 * SECOND_US);
    let other = desk.contact(json!({"name": "Bob"}));
    assert_eq!(desk.read(other)["write_date"], "2025-12-31 23:49:58", "a clock may step back");
}
