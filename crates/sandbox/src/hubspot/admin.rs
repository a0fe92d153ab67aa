//! The sandbox's own routes: counters, faults, records, and whatever a person or the vendor can do to an
//! account behind an app's back.

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

use super::{Hubspot, Refusal, Seeded, Tokens, Workflow};
use crate::faults::Fault;

/// Bytes a request with records may have.
const RECORDS_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Records the page shows.
const ROWS_SHOWN: usize = 200;

/// Columns of the page.
fn columns(object: &str) -> &'static [&'static str] {
    match object {
        "contacts" => &["firstname", "lastname", "email", "phone", "lifecyclestage", "lockstep_id", "lockstep_source"],
        "companies" => &["name", "domain", "phone", "city"],
        "deals" => &["dealname", "amount", "pipeline", "dealstage", "closedate"],
        "tickets" => &["subject", "hs_pipeline_stage", "hs_ticket_priority", "content"],
        "notes" => &["hs_timestamp", "hs_note_body"],
        _ => &["contract_name", "contract_number", "contract_status", "contract_value", "signed_on"],
    }
}

/// Everything `POST /__NAME` can do, by name.
const ACTS: [&str; 19] = [
    "create",
    "edit",
    "archive",
    "restore",
    "gdpr-delete",
    "merge",
    "hide",
    "unhide",
    "readable-after",
    "drop-property",
    "recreate-property",
    "revoke",
    "reinstate",
    "expire-tokens",
    "clock-offset",
    "subscribe",
    "grant",
    "workflow",
    "refuse-links",
];

#[derive(Deserialize)]
#[serde(tag = "act", rename_all = "kebab-case")]
enum Act {
    Create {
        #[serde(default = "contacts")]
        object: String,
        properties: Map<String, Value>,
    },
    Edit {
        id: String,
        properties: Map<String, Value>,
    },
    Archive {
        id: String,
    },
    Restore {
        id: String,
    },
    GdprDelete {
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
    DropProperty {
        #[serde(default = "contacts")]
        object: String,
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
        properties: Vec<String>,
    },
    Grant,
    Workflow(Workflow),
    RefuseLinks {
        times: u32,
    },
}

fn contacts() -> String {
    "contacts".to_owned()
}

/// Which object a route is about.
#[derive(Deserialize)]
struct Which {
    #[serde(default = "contacts")]
    object: String,
}

pub(super) fn routes() -> Router<Hubspot> {
    let acts = ACTS.iter().fold(Router::new(), |router, act| {
        let perform = move |State(hubspot): State<Hubspot>, body: Bytes| async move { perform(&hubspot, act, &body) };
        router.route(&format!("/__{act}"), post(perform))
    });
    acts.route("/", get(page))
        .route("/__calls", get(|State(hubspot): State<Hubspot>| async move { Json(hubspot.calls()) }))
        .route("/__calls/reset", post(|State(hubspot): State<Hubspot>| async move { hubspot.reset_calls() }))
        .route("/__workflows", get(|State(hubspot): State<Hubspot>| async move { Json(hubspot.workflows()) }))
        .route("/__faults", get(list_faults).post(push_fault).delete(clear_faults))
        .route("/__records", get(list_records).post(seed_records).layer(DefaultBodyLimit::max(RECORDS_BYTES_MAX)))
}

fn refuse(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({"message": message}))).into_response()
}

async fn list_faults(State(hubspot): State<Hubspot>) -> Json<Vec<Fault>> {
    Json(hubspot.faults().pending())
}

async fn push_fault(State(hubspot): State<Hubspot>, body: Bytes) -> Response {
    match serde_json::from_slice(&body) {
        Ok(fault) => {
            hubspot.faults().push(fault);
            StatusCode::NO_CONTENT.into_response()
        }
        Err(error) => refuse(StatusCode::BAD_REQUEST, &error.to_string()),
    }
}

async fn clear_faults(State(hubspot): State<Hubspot>) -> StatusCode {
    hubspot.faults().clear();
    StatusCode::NO_CONTENT
}

async fn list_records(State(hubspot): State<Hubspot>, Query(which): Query<Which>) -> Response {
    match hubspot.records_of(&which.object) {
        Ok(records) => Json(records).into_response(),
        Err(refusal) => refuse(refusal.status, &refusal.to_string()),
    }
}

/// Takes a JSON array of property maps, or CSV whose headers are property names.
async fn seed_records(
    State(hubspot): State<Hubspot>,
    Query(which): Query<Which>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let is_csv = headers.get(CONTENT_TYPE).is_some_and(|it| it.as_bytes().starts_with(b"text/csv"));
    let rows =
        if is_csv { rows_of_csv(&body) } else { serde_json::from_slice(&body).map_err(|error| error.to_string()) };
    match rows {
        Ok(rows) => match hubspot.seed_of(&which.object, rows) {
            Ok(Seeded { created, refused }) => Json(json!({"created": created, "refused": refused})).into_response(),
            Err(refusal) => refuse(refusal.status, &refusal.to_string()),
        },
        Err(error) => refuse(StatusCode::BAD_REQUEST, &error),
    }
}

/// Reads CSV whose headers are property names; empty cells hold no value.
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

fn perform(hubspot: &Hubspot, act: &str, body: &[u8]) -> Response {
    let members: Result<Map<String, Value>, _> =
        if body.is_empty() { Ok(Map::new()) } else { serde_json::from_slice(body) };
    let act = members.and_then(|mut members| {
        members.insert("act".to_owned(), act.into());
        serde_json::from_value(members.into())
    });
    match act {
        Ok(act) => match hubspot.perform(act) {
            Ok(answer) => Json(answer).into_response(),
            Err(refusal) => refuse(refusal.status, &refusal.to_string()),
        },
        Err(error) => refuse(StatusCode::BAD_REQUEST, &error.to_string()),
    }
}

impl Hubspot {
    fn perform(&self, act: Act) -> Result<Value, Refusal> {
        match act {
            Act::Create { object, properties } => return Ok(json!({"id": self.create_map(&object, &properties)?})),
            Act::Merge { primary, other } => {
                return Ok(json!({"id": self.merge(&primary, &other)?}));
            }
            Act::Grant => {
                let Tokens { access_token, refresh_token, .. } = self.grant();
                return Ok(json!({"access_token": access_token, "refresh_token": refresh_token}));
            }
            Act::Workflow(workflow) => return Ok(json!({"id": self.add_workflow(workflow)?})),
            Act::Edit { id, properties } => self.edit_map(&id, &properties)?,
            Act::Archive { id } => self.archive(&id)?,
            Act::Restore { id } => self.restore(&id)?,
            Act::GdprDelete { id } => self.gdpr_delete(&id)?,
            Act::Hide { id } => self.hide(&id)?,
            Act::Unhide { id } => self.unhide(&id)?,
            Act::ReadableAfter { id, us } => self.readable_after(&id, us)?,
            Act::DropProperty { object, name } => self.drop_property_of(&object, &name)?,
            Act::RecreateProperty { name } => self.recreate_property(&name)?,
            Act::Revoke => self.revoke(),
            Act::Reinstate => self.reinstate(),
            Act::ExpireTokens => self.expire_tokens(),
            Act::ClockOffset { us } => self.set_clock_offset(us),
            Act::RefuseLinks { times } => self.refuse_links(times),
            Act::Subscribe { url, properties } => {
                let properties: Vec<&str> = properties.iter().map(String::as_str).collect();
                self.subscribe(&url, &properties);
            }
        }
        Ok(json!({}))
    }
}

#[derive(Template)]
#[template(path = "records.html")]
struct RecordsPage {
    label: &'static str,
    /// Every object: its name in the address, its name for people, and whether it is the one shown.
    objects: Vec<(String, &'static str, bool)>,
    total: usize,
    calls: u64,
    headings: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

async fn page(State(hubspot): State<Hubspot>, Query(which): Query<Which>) -> Response {
    let named = hubspot.with(|portal| portal.objects.named(&which.object));
    let of = match named {
        Ok(of) => of,
        Err(refusal) => return refuse(refusal.status, &refusal.to_string()),
    };
    let (label, shown, objects) = hubspot.with(|portal| {
        let all = portal
            .objects
            .all()
            .map(|it| (portal.objects[it].name.clone(), portal.objects[it].about.label_many, it == of));
        let about = portal.objects[of].about;
        (about.label_many, columns(about.plural), all.collect())
    });
    let (total, mut newest) = hubspot.newest(of, ROWS_SHOWN);
    newest.sort_by_key(|record| std::cmp::Reverse(record.updated_us));
    let rows = newest
        .into_iter()
        .map(|record| {
            let cell = |name: &str| record.properties.get(name).cloned().flatten().unwrap_or_default();
            let ends = [crate::world::iso(record.updated_us), record.id.clone()];
            ends.into_iter().chain(shown.iter().map(|name| cell(name))).collect()
        })
        .collect();
    let headings = ["changed", "id"].into_iter().chain(shown.iter().copied()).collect();
    match (RecordsPage { label, objects, total, calls: hubspot.calls().total, headings, rows }).render() {
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
            let members = json!({"act": act, "id": "1", "us": 0, "times": 1, "name": "n", "url": "u",
                "primary": "1", "other": "2", "properties": [], "object": "deals", "property": "p", "does": {"set": {}}});
            let with_map = json!({"act": act, "id": "1", "properties": {}});
            let known = [members, with_map].map(serde_json::from_value::<Act>);
            assert!(known.iter().any(Result::is_ok), "{act}");
        }
        let unknown = serde_json::from_value::<Act>(json!({"act": ""})).map(|_| ());
        let listed = unknown.expect_err("no such act").to_string();
        assert_eq!(listed.matches('`').count() / 2 - 1, ACTS.len(), "{listed}");
    }
}
