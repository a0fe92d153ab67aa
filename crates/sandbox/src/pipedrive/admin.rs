//! The sandbox's own routes: counters, faults, records, and whatever a person or the vendor can do to a company
//! behind an app's back.

use askama::Template;
use axum::Json;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::HeaderMap;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::kinds::{KINDS, Kind};
use super::{Pipedrive, Record, Seeded, Tokens};
use crate::faults::Fault;

/// Bytes a request with records may have.
const RECORDS_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Records the page shows.
const ROWS_SHOWN: usize = 200;

/// Columns of the page.
fn columns(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Person => &["name", "email", "phone", "org_id", "label_ids"],
        Kind::Organization => &["name", "website", "address"],
        Kind::Deal => &["title", "value", "currency", "status", "stage_id", "person_id"],
        Kind::Activity => &["subject", "type", "due_date", "done", "person_id"],
        Kind::Note => &["content", "person_id", "org_id", "deal_id"],
    }
}

/// Everything `POST /__NAME` can do, by name.
const ACTS: [&str; 17] = [
    "create",
    "edit",
    "archive",
    "restore",
    "merge",
    "hide",
    "unhide",
    "readable-after",
    "add-property",
    "drop-property",
    "recreate-property",
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
        #[serde(default = "persons")]
        object: String,
        properties: Map<String, Value>,
    },
    Edit {
        #[serde(default = "persons")]
        object: String,
        id: String,
        properties: Map<String, Value>,
    },
    Archive {
        #[serde(default = "persons")]
        object: String,
        id: String,
    },
    Restore {
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
    ReadableAfter {
        id: String,
        us: i64,
    },
    AddProperty {
        name: String,
        field_type: String,
        #[serde(default)]
        labels: Vec<String>,
    },
    DropProperty {
        name: String,
    },
    RecreateProperty {
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

fn persons() -> String {
    "persons".to_owned()
}

/// Which object a route is about.
#[derive(Deserialize)]
struct Which {
    #[serde(default = "persons")]
    object: String,
}

pub(super) fn routes() -> Router<Pipedrive> {
    let acts = ACTS.iter().fold(Router::new(), |router, act| {
        let perform =
            move |State(pipedrive): State<Pipedrive>, body: Bytes| async move { perform(&pipedrive, act, &body) };
        router.route(&format!("/__{act}"), post(perform))
    });
    acts.route("/", get(page))
        .route("/__calls", get(|State(pipedrive): State<Pipedrive>| async move { Json(pipedrive.calls()) }))
        .route("/__calls/reset", post(|State(pipedrive): State<Pipedrive>| async move { pipedrive.reset_calls() }))
        .route("/__faults", get(list_faults).post(push_fault).delete(clear_faults))
        .route("/__records", get(list_records).post(seed_records).layer(DefaultBodyLimit::max(RECORDS_BYTES_MAX)))
}

fn refuse(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({"message": message}))).into_response()
}

async fn list_faults(State(pipedrive): State<Pipedrive>) -> Json<Vec<Fault>> {
    Json(pipedrive.faults().pending())
}

async fn push_fault(State(pipedrive): State<Pipedrive>, body: Bytes) -> Response {
    match serde_json::from_slice(&body) {
        Ok(fault) => {
            pipedrive.faults().push(fault);
            StatusCode::NO_CONTENT.into_response()
        }
        Err(error) => refuse(StatusCode::BAD_REQUEST, &error.to_string()),
    }
}

async fn clear_faults(State(pipedrive): State<Pipedrive>) -> StatusCode {
    pipedrive.faults().clear();
    StatusCode::NO_CONTENT
}

async fn list_records(State(pipedrive): State<Pipedrive>, Query(which): Query<Which>) -> Response {
    match pipedrive.records_of(&which.object) {
        Ok(records) => Json(records).into_response(),
        Err(reason) => refuse(StatusCode::NOT_FOUND, &reason),
    }
}

/// Takes a JSON array of maps, or CSV whose headers are names.
async fn seed_records(
    State(pipedrive): State<Pipedrive>,
    Query(which): Query<Which>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let is_csv = headers.get(CONTENT_TYPE).is_some_and(|it| it.as_bytes().starts_with(b"text/csv"));
    let rows =
        if is_csv { rows_of_csv(&body) } else { serde_json::from_slice(&body).map_err(|error| error.to_string()) };
    match rows.and_then(|rows| pipedrive.seed_of(&which.object, rows)) {
        Ok(Seeded { created, refused }) => Json(json!({"created": created, "refused": refused})).into_response(),
        Err(reason) => refuse(StatusCode::BAD_REQUEST, &reason),
    }
}

/// Reads CSV whose headers are names; empty cells hold no value.
pub(super) fn rows_of_csv(text: &[u8]) -> Result<Vec<Map<String, Value>>, String> {
    let mut reader = csv::Reader::from_reader(text);
    let headers = reader.headers().map_err(|error| error.to_string())?.clone();
    reader
        .records()
        .map(|row| {
            let row = row.map_err(|error| error.to_string())?;
            let cells = headers.iter().zip(row.iter()).filter(|(_, cell)| !cell.is_empty());
            Ok(cells.map(|(name, cell)| (name.to_owned(), Value::from(cell))).collect())
        })
        .collect()
}

fn perform(pipedrive: &Pipedrive, act: &str, body: &[u8]) -> Response {
    let members: Result<Map<String, Value>, _> =
        if body.is_empty() { Ok(Map::new()) } else { serde_json::from_slice(body) };
    let act = members.and_then(|mut members| {
        members.insert("act".to_owned(), act.into());
        serde_json::from_value(members.into())
    });
    match act.map_err(|error| error.to_string()).and_then(|act| pipedrive.perform(act)) {
        Ok(answer) => Json(answer).into_response(),
        Err(reason) => refuse(StatusCode::BAD_REQUEST, &reason),
    }
}

impl Pipedrive {
    fn perform(&self, act: Act) -> Result<Value, String> {
        match act {
            Act::Create { object, properties } => return Ok(json!({"id": self.create_map(&object, &properties)?})),
            Act::Merge { primary, other } => return Ok(json!({"id": self.merge(&primary, &other)?})),
            Act::Grant => {
                let Tokens { access_token, refresh_token, .. } = self.grant();
                return Ok(json!({"access_token": access_token, "refresh_token": refresh_token}));
            }
            Act::AddProperty { name, field_type, labels } => {
                return Ok(json!({"field_code": self.add_property(&name, &field_type, &labels)?}));
            }
            Act::Edit { object, id, properties } => self.edit_map(&object, &id, &properties)?,
            Act::Archive { object, id } => self.archive_of(&object, &id)?,
            Act::Restore { id } => self.restore(&id)?,
            Act::Hide { id } => self.hide(&id)?,
            Act::Unhide { id } => self.unhide(&id)?,
            Act::ReadableAfter { id, us } => self.readable_after(&id, us)?,
            Act::DropProperty { name } => self.drop_property(&name)?,
            Act::RecreateProperty { name } => self.recreate_property(&name)?,
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
#[template(path = "pipedrive/records.html")]
struct RecordsPage {
    label: &'static str,
    /// Every object: its name in the address, its name for people, and whether it is the one shown.
    objects: Vec<(&'static str, &'static str, bool)>,
    total: usize,
    calls: u64,
    headings: Vec<String>,
    rows: Vec<Vec<String>>,
}

async fn page(State(pipedrive): State<Pipedrive>, Query(which): Query<Which>) -> Response {
    let Some(kind) = Kind::named(&which.object) else {
        return refuse(StatusCode::NOT_FOUND, "there is no such object");
    };
    let mut live: Vec<Record> = pipedrive.records_kind(kind).into_iter().filter(|it| !it.archived).collect();
    let total = live.len();
    live.sort_by_key(|record| std::cmp::Reverse(record.updated_us));
    live.truncate(ROWS_SHOWN);
    let customs: Vec<(String, String)> = pipedrive
        .with(|company| company.fields.customs(kind).map(|field| (field.code.clone(), field.name.clone())).collect());
    let rows = live
        .into_iter()
        .map(|record| {
            let ends = [crate::world::iso(record.updated_us), record.id.clone()];
            let names = columns(kind).iter().copied().chain(customs.iter().map(|(code, _)| code.as_str()));
            ends.into_iter().chain(names.map(|name| record.value(name).unwrap_or_default().to_owned())).collect()
        })
        .collect();
    let natives = ["changed", "id"].into_iter().chain(columns(kind).iter().copied()).map(str::to_owned);
    let headings = natives.chain(customs.iter().map(|(_, name)| name.clone())).collect();
    let objects = KINDS.map(|it| (it.plural(), it.plural(), it == kind)).to_vec();
    let calls = pipedrive.calls().total;
    match (RecordsPage { label: kind.plural(), objects, total, calls, headings, rows }).render() {
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
            let members = json!({"act": act, "id": "1", "us": 0, "name": "n", "url": "u", "primary": "1", "other": "2",
                "properties": {}, "field_type": "varchar"});
            assert!(serde_json::from_value::<Act>(members).is_ok(), "{act}");
        }
        let unknown = serde_json::from_value::<Act>(json!({"act": ""})).map(|_| ());
        let listed = unknown.expect_err("no such act").to_string();
        assert_eq!(listed.matches('`').count() / 2 - 1, ACTS.len(), "{listed}");
    }
}
