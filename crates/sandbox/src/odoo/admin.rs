//! The sandbox's own routes: counters, faults, records, and whatever a person or the vendor can do to a database behind
//! an app's back.

use std::collections::BTreeMap;

use askama::Template;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::HeaderMap;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{CONTACTS, Odoo, Refusal, Seeded, Tokens, Workflow};
use crate::faults::Fault;

/// Bytes a request with records may have.
const RECORDS_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Records the page shows.
const ROWS_SHOWN: usize = 200;
/// Models the page shows, what people call them, and their columns.
const SHOWN: [(&str, &str, &[&str]); 5] = [
    (CONTACTS, "Contacts", &["name", "email", "phone", "is_company", "parent_id", "category_id", "ref"]),
    ("crm.lead", "Leads", &["name", "type", "partner_id", "stage_id", "expected_revenue", "tag_ids"]),
    ("mail.message", "Messages", &["model", "res_id", "message_type", "body"]),
    ("mail.activity", "Activities", &["res_model", "res_id", "summary", "date_deadline"]),
    ("ir.actions.server", "Server actions", &["name", "model_name", "state"]),
];

/// Everything `POST /__NAME` can do, by name.
const ACTS: [&str; 16] = [
    "create",
    "edit",
    "archive",
    "restore",
    "delete",
    "merge",
    "hide",
    "unhide",
    "say",
    "drop-property",
    "revoke",
    "reinstate",
    "expire-tokens",
    "clock-offset",
    "subscribe",
    "grant",
];

#[derive(Deserialize)]
#[serde(tag = "act", rename_all = "kebab-case")]
enum Act {
    Create {
        #[serde(default = "contacts")]
        object: String,
        properties: BTreeMap<String, String>,
    },
    Edit {
        #[serde(default = "contacts")]
        object: String,
        id: String,
        properties: BTreeMap<String, String>,
    },
    Archive {
        id: String,
    },
    Restore {
        id: String,
    },
    Delete {
        id: String,
    },
    Merge {
        primary: String,
        other: String,
    },
    Hide {
        id: String,
    },
    Unhide {
        id: String,
    },
    Say {
        id: String,
        body: String,
    },
    DropProperty {
        name: String,
    },
    Revoke,
    Reinstate,
    ExpireTokens,
    ClockOffset {
        us: i64,
    },
    Subscribe {
        url: String,
    },
    Grant,
}

fn contacts() -> String {
    CONTACTS.to_owned()
}

/// Which model a route is about.
#[derive(Deserialize)]
struct Which {
    #[serde(default = "contacts")]
    object: String,
}

pub(super) fn routes() -> Router<Odoo> {
    let acts = ACTS.iter().fold(Router::new(), |router, act| {
        let perform = move |State(odoo): State<Odoo>, body: Bytes| async move { perform(&odoo, act, &body) };
        router.route(&format!("/__{act}"), post(perform))
    });
    acts.route("/", get(page))
        .route("/__calls", get(|State(odoo): State<Odoo>| async move { Json(odoo.calls()) }))
        .route("/__calls/reset", post(|State(odoo): State<Odoo>| async move { odoo.reset_calls() }))
        .route("/__workflows", get(|State(odoo): State<Odoo>| async move { Json(odoo.workflows()) }))
        .route("/__workflow", post(add_workflow))
        .route("/__faults", get(list_faults).post(push_fault).delete(clear_faults))
        .route("/__records", get(list_records).post(seed_records).layer(DefaultBodyLimit::max(RECORDS_BYTES_MAX)))
}

fn refuse(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({"message": message}))).into_response()
}

fn refused(refusal: &Refusal) -> Response {
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::BAD_REQUEST);
    refuse(status, &refusal.to_string())
}

async fn list_faults(State(odoo): State<Odoo>) -> Json<Vec<Fault>> {
    Json(odoo.faults().pending())
}

async fn push_fault(State(odoo): State<Odoo>, body: Bytes) -> Response {
    match serde_json::from_slice(&body) {
        Ok(fault) => {
            odoo.faults().push(fault);
            StatusCode::NO_CONTENT.into_response()
        }
        Err(error) => refuse(StatusCode::BAD_REQUEST, &error.to_string()),
    }
}

async fn clear_faults(State(odoo): State<Odoo>) -> StatusCode {
    odoo.faults().clear();
    StatusCode::NO_CONTENT
}

async fn add_workflow(State(odoo): State<Odoo>, body: Bytes) -> Response {
    match serde_json::from_slice::<Workflow>(&body) {
        Ok(workflow) => match odoo.add_workflow(&workflow) {
            Ok(made) => Json(made).into_response(),
            Err(refusal) => refused(&refusal),
        },
        Err(error) => refuse(StatusCode::BAD_REQUEST, &error.to_string()),
    }
}

async fn list_records(State(odoo): State<Odoo>, Query(which): Query<Which>) -> Response {
    if which.object == CONTACTS {
        return Json(odoo.records()).into_response();
    }
    match odoo.records_of(&which.object) {
        Ok(records) => Json(records).into_response(),
        Err(refusal) => refused(&refusal),
    }
}

/// Takes a JSON array of field maps, or CSV whose headers are field names.
async fn seed_records(
    State(odoo): State<Odoo>,
    Query(which): Query<Which>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let is_csv = headers.get(CONTENT_TYPE).is_some_and(|it| it.as_bytes().starts_with(b"text/csv"));
    let rows =
        if is_csv { rows_of_csv(&body) } else { serde_json::from_slice(&body).map_err(|error| error.to_string()) };
    match rows.map(|rows| odoo.seed_of(&which.object, rows)) {
        Ok(Ok(Seeded { created, refused })) => Json(json!({"created": created, "refused": refused})).into_response(),
        Ok(Err(refusal)) => refused(&refusal),
        Err(error) => refuse(StatusCode::BAD_REQUEST, &error),
    }
}

/// Reads CSV whose headers are field names; empty cells hold no value.
pub(super) fn rows_of_csv(text: &[u8]) -> Result<Vec<Map<String, Value>>, String> {
    let mut reader = csv::Reader::from_reader(text);
    let headers = reader.headers().map_err(|error| error.to_string())?.clone();
    let row = |row: Result<csv::StringRecord, csv::Error>| {
        let row = row.map_err(|error| error.to_string())?;
        let cells = headers.iter().zip(row.iter()).filter(|(_, cell)| !cell.is_empty());
        Ok(cells.map(|(name, cell)| (name.to_owned(), Value::from(cell))).collect())
    };
    reader.records().map(row).collect()
}

fn perform(odoo: &Odoo, act: &str, body: &[u8]) -> Response {
    let members: Result<Map<String, Value>, _> =
        if body.is_empty() { Ok(Map::new()) } else { serde_json::from_slice(body) };
    let act = members.and_then(|mut members| {
        members.insert("act".to_owned(), act.into());
        serde_json::from_value(members.into())
    });
    match act {
        Ok(act) => match odoo.perform(act) {
            Ok(answer) => Json(answer).into_response(),
            Err(refusal) => refused(&refusal),
        },
        Err(error) => refuse(StatusCode::BAD_REQUEST, &error.to_string()),
    }
}

impl Odoo {
    fn perform(&self, act: Act) -> Result<Value, Refusal> {
        let pairs = |properties: &BTreeMap<String, String>| -> Vec<(String, String)> {
            properties.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
        };
        fn lent(pairs: &[(String, String)]) -> Vec<(&str, &str)> {
            pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
        }
        match act {
            Act::Create { object, properties } => {
                return Ok(json!({"id": self.create_of(&object, &lent(&pairs(&properties)))?}));
            }
            Act::Merge { primary, other } => return Ok(json!({"id": self.merge(&primary, &other)?})),
            Act::Say { id, body } => return Ok(json!({"id": self.say(&id, &body)?})),
            Act::Grant => {
                let Tokens { access_token, database, login, .. } = self.grant();
                return Ok(json!({"access_token": access_token, "database": database, "login": login}));
            }
            Act::Edit { object, id, properties } => self.edit_of(&object, &id, &lent(&pairs(&properties)))?,
            Act::Archive { id } => self.archive(&id)?,
            Act::Restore { id } => self.restore(&id)?,
            Act::Delete { id } => self.delete(&id)?,
            Act::Hide { id } => self.hide(&id)?,
            Act::Unhide { id } => self.unhide(&id)?,
            Act::DropProperty { name } => self.drop_property(&name)?,
            Act::Revoke => self.revoke(),
            Act::Reinstate => self.reinstate(),
            Act::ExpireTokens => self.expire_tokens(),
            Act::ClockOffset { us } => self.set_clock_offset(us),
            Act::Subscribe { url } => self.subscribe(&url),
        }
        Ok(json!({}))
    }
}

#[derive(Template)]
#[template(path = "odoo.html")]
struct RecordsPage {
    label: &'static str,
    /// Every model: its name in the address, its name for people, and whether it is the one shown.
    objects: Vec<(&'static str, &'static str, bool)>,
    total: usize,
    calls: u64,
    headings: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

async fn page(State(odoo): State<Odoo>, Query(which): Query<Which>) -> Response {
    let Some((model, label, columns)) = SHOWN.into_iter().find(|(model, _, _)| *model == which.object) else {
        return refuse(StatusCode::NOT_FOUND, "no page shows this model");
    };
    let mut records = if model == CONTACTS { odoo.records() } else { odoo.records_of(model).unwrap_or_default() };
    let total = records.iter().filter(|record| record.merged_into.is_none()).count();
    records.sort_by_key(|record| std::cmp::Reverse(record.updated_us));
    let rows = records.into_iter().filter(|record| record.merged_into.is_none()).take(ROWS_SHOWN).map(|record| {
        let ends = [crate::world::iso(record.updated_us), record.id.clone()];
        ends.into_iter().chain(columns.iter().map(|name| record.value(name).unwrap_or_default().to_owned())).collect()
    });
    let headings = ["changed", "id"].into_iter().chain(columns.iter().copied()).collect();
    let objects = SHOWN.map(|(name, label, _)| (name, label, name == model)).to_vec();
    let page = RecordsPage { label, objects, total, calls: odoo.calls().total, headings, rows: rows.collect() };
    match page.render() {
        Ok(page) => Html(page).into_response(),
        Err(error) => refuse(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_act_has_a_route_and_every_route_an_act() {
        for act in ACTS {
            let members = json!({"act": act, "id": "1", "us": 0, "name": "n", "url": "u", "body": "b",
                "primary": "1", "other": "2", "properties": {}});
            assert!(serde_json::from_value::<Act>(members).is_ok(), "{act}");
        }
        let unknown = serde_json::from_value::<Act>(json!({"act": ""})).map(|_| ());
        let listed = unknown.expect_err("no such act").to_string();
        assert_eq!(listed.matches('`').count() / 2 - 1, ACTS.len(), "{listed}");
    }
}
