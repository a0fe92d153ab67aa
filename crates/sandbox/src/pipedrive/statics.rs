//! What every company has and nobody changes here, in v1.

use serde_json::{Value, json};

use super::answer::{Answer, Call, Reply};
use super::company::Company;

const MADE: &str = "2024-01-01 08:00:00";

/// `GET /v1/currencies`
pub(super) fn currencies(_: &mut Company, _: &Call) -> Answer {
    let all = [("EUR", "Euro", "€"), ("USD", "US Dollar", "$"), ("GBP", "British Pound", "£")];
    let rows = all.iter().zip(1..).map(|((code, name, symbol), id)| {
        json!({"id": id, "code": code, "name": name, "decimal_points": 2, "symbol": symbol, "active_flag": true,
            "is_custom_flag": false})
    });
    Ok(Reply::data(rows.collect::<Vec<Value>>()))
}

/// `GET /v1/activityTypes`
pub(super) fn activity_types(_: &mut Company, _: &Call) -> Answer {
    let all = ["call", "meeting", "task", "deadline", "email", "lunch"];
    let rows = all.iter().zip(1..).map(|(key, id)| {
        json!({"id": id, "order_nr": id, "name": format!("{}{}", key[..1].to_uppercase(), &key[1..]), "key_string": key,
            "icon_key": key, "active_flag": true, "color": "FFFFFF", "is_custom_flag": false, "add_time": MADE,
            "update_time": MADE})
    });
    Ok(Reply::data(rows.collect::<Vec<Value>>()))
}

/// `GET /v1/leadLabels`
pub(super) fn lead_labels(_: &mut Company, _: &Call) -> Answer {
    let all = [
        ("f08b42a0-4e75-41ea-9643-03698ef1cfd6", "Hot", "red"),
        ("f08b42a1-4e75-41ea-9643-03698ef1cfd6", "Cold", "blue"),
    ];
    let time = "2024-01-01T08:00:00.000Z";
    let rows = all.map(
        |(id, name, color)| json!({"id": id, "name": name, "color": color, "add_time": time, "update_time": time}),
    );
    Ok(Reply::data(rows.to_vec()))
}
