//! The sandbox's own routes: counters, faults, records, and whatever a person, an admin or the vendor can do to an org
//! behind an app's back.

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

use super::{Flow, Property, Record, Salesforce, Seeded, Tokens};
use crate::faults::Fault;

/// Bytes a request with records may have.
const RECORDS_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Records the page shows.
const ROWS_SHOWN: usize = 200;

/// Objects the page shows, each with its columns.
const SHOWN: [(&str, &[&str]); 7] = [
    ("Contact", &["FirstName", "LastName", "Email", "Phone", "MobilePhone", "Lockstep_Id__c"]),
    ("Lead", &["FirstName", "LastName", "Company", "Email", "Phone", "Status"]),
    ("Account", &["Name", "Website", "Phone", "BillingCity"]),
    ("Opportunity", &["Name", "StageName", "Amount", "CloseDate"]),
    ("Case", &["CaseNumber", "Subject", "Status", "Priority"]),
    ("Task", &["Subject", "Status", "ActivityDate", "Description"]),
    ("ContentNote", &["Title", "TextPreview"]),
];

/// Everything `POST /__NAME` can do, by name.
const ACTS: [&str; 15] = [
    "create",
    "edit",
    "archive",
    "restore",
    "merge",
    "convert",
    "lock",
    "add-property",
    "drop-property",
    "add-flow",
    "revoke",
    "reinstate",
    "expire-tokens",
    "clock-offset",
    "grant",
];

#[derive(Deserialize)]
#[serde(tag = "act", rename_all = "kebab-case")]
enum Act {
    Create {
        #[serde(default = "contact")]
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
    Merge {
        primary: String,
        other: String,
    },
    Convert {
        id: String,
    },
    Lock {
        id: String,
        us: i64,
    },
    AddProperty(Property),
    DropProperty {
        #[serde(default = "contact")]
        object: String,
        name: String,
    },
    AddFlow(Flow),
    Revoke,
    Reinstate,
    ExpireTokens,
    ClockOffset {
        us: i64,
    },
    Grant,
}

fn contact() -> String {
    "Contact".to_owned()
}

/// Which object a route is about.
#[derive(Deserialize)]
struct Which {
    #[serde(default = "contact")]
    object: String,
}

pub(super) fn routes() -> Router<Salesforce> {
    let acts = ACTS.iter().fold(Router::new(), |router, act| {
        let perform =
            move |State(salesforce): State<Salesforce>, body: Bytes| async move { performed(&salesforce, act, &body) };
        router.route(&format!("/__{act}"), post(perform))
    });
    acts.route("/", get(page))
        .route("/__calls", get(|State(it): State<Salesforce>| async move { Json(it.calls()) }))
        .route("/__calls/reset", post(|State(it): State<Salesforce>| async move { it.reset_calls() }))
        .route("/__flow-runs", get(|State(it): State<Salesforce>| async move { Json(it.flow_runs()) }))
        .route("/__faults", get(list_faults).post(push_fault).delete(clear_faults))
        .route("/__records", get(list_records).post(seed_records).layer(DefaultBodyLimit::max(RECORDS_BYTES_MAX)))
}

fn refuse(message: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({"message": message}))).into_response()
}

async fn list_faults(State(salesforce): State<Salesforce>) -> Json<Vec<Fault>> {
    Json(salesforce.faults().pending())
}

async fn push_fault(State(salesforce): State<Salesforce>, body: Bytes) -> Response {
    match serde_json::from_slice(&body) {
        Ok(fault) => {
            salesforce.faults().push(fault);
            StatusCode::NO_CONTENT.into_response()
        }
        Err(error) => refuse(&error.to_string()),
    }
}

async fn clear_faults(State(salesforce): State<Salesforce>) -> StatusCode {
    salesforce.faults().clear();
    StatusCode::NO_CONTENT
}

async fn list_records(State(salesforce): State<Salesforce>, Query(which): Query<Which>) -> Response {
    match salesforce.records_of(&which.object) {
        Ok(records) => Json(records).into_response(),
        Err(message) => refuse(&message),
    }
}

/// Takes a JSON array of maps, or CSV whose headers are field names.
async fn seed_records(
    State(salesforce): State<Salesforce>,
    Query(which): Query<Which>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let is_csv = headers.get(CONTENT_TYPE).is_some_and(|it| it.as_bytes().starts_with(b"text/csv"));
    let rows =
        if is_csv { rows_of_csv(&body) } else { serde_json::from_slice(&body).map_err(|error| error.to_string()) };
    match rows {
        Ok(rows) => {
            let Seeded { created, refused } = salesforce.seed_of(&which.object, rows);
            Json(json!({"created": created, "refused": refused})).into_response()
        }
        Err(error) => refuse(&error),
    }
}

/// Reads CSV whose headers are field names; empty cells hold no value.
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

fn performed(salesforce: &Salesforce, act: &str, body: &[u8]) -> Response {
    let members: Result<Map<String, Value>, _> =
        if body.is_empty() { Ok(Map::new()) } else { serde_json::from_slice(body) };
    let act = members.and_then(|mut members| {
        members.insert("act".to_owned(), act.into());
        serde_json::from_value(members.into())
    });
    let done = act.map_err(|error| error.to_string()).and_then(|act| salesforce.perform(act));
    match done {
        Ok(answer) => Json(answer).into_response(),
        Err(message) => refuse(&message),
    }
}

impl Salesforce {
    fn perform(&self, act: Act) -> Result<Value, String> {
        match act {
            Act::Create { object, properties } => return Ok(json!({"id": self.create_map(&object, &properties)?})),
            Act::Edit { id, properties } => self.tried(|org| org.update(&id, &properties, super::By::Person))?,
            Act::Archive { id } => self.archive(&id)?,
            Act::Restore { id } => self.restore(&id)?,
            Act::Merge { primary, other } => return Ok(json!({"id": self.merge(&primary, &other)?})),
            Act::Convert { id } => return Ok(json!(self.convert(&id)?)),
            Act::Lock { id, us } => self.lock(&id, us)?,
            Act::AddProperty(property) => self.add_property(&property)?,
            Act::DropProperty { object, name } => self.drop_property_of(&object, &name)?,
            Act::AddFlow(flow) => self.add_flow(flow),
            Act::Revoke => self.revoke(),
            Act::Reinstate => self.reinstate(),
            Act::ExpireTokens => self.expire_tokens(),
            Act::ClockOffset { us } => self.set_clock_offset(us),
            Act::Grant => {
                let Tokens { access_token, refresh_token, expires_in } = self.grant();
                return Ok(json!({
                    "access_token": access_token,
                    "refresh_token": refresh_token,
                    "expires_in": expires_in,
                }));
            }
        }
        Ok(json!({}))
    }
}

#[derive(Template)]
#[template(path = "salesforce_records.html")]
struct RecordsPage {
    label: &'static str,
    /// Every object: its name in the address, its name for people, and whether it is the one shown.
    objects: Vec<(&'static str, &'static str, bool)>,
    total: usize,
    calls: u64,
    headings: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

async fn page(State(salesforce): State<Salesforce>, Query(which): Query<Which>) -> Response {
    let Some((object, columns)) = SHOWN.into_iter().find(|(name, _)| *name == which.object) else {
        return refuse("the page does not show this object");
    };
    let mut records: Vec<Record> = salesforce.records_of(object).unwrap_or_default();
    records.retain(|record| !record.archived);
    let total = records.len();
    records.sort_by_key(|record| std::cmp::Reverse(record.updated_us));
    let rows = records.iter().take(ROWS_SHOWN).map(|record| {
        let ends = [crate::world::iso(record.updated_us), record.id.clone()];
        let cells = columns.iter().map(|name| record.value(name).unwrap_or_default().to_owned());
        ends.into_iter().chain(cells).collect()
    });
    let page = RecordsPage {
        label: object,
        objects: SHOWN.into_iter().map(|(name, _)| (name, name, name == object)).collect(),
        total,
        calls: salesforce.calls().total,
        headings: ["changed", "id"].into_iter().chain(columns.iter().copied()).collect(),
        rows: rows.collect(),
    };
    match page.render() {
        Ok(page) => Html(page).into_response(),
        Err(error) => refuse(&error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_act_has_a_route_and_every_route_an_act() {
        for act in ACTS {
            let members = json!({"act": act, "id": "1", "us": 0, "name": "n__c", "label": "l",
                "primary": "1", "other": "2", "properties": {}, "object": "Contact"});
            assert!(serde_json::from_value::<Act>(members).is_ok(), "{act}");
        }
        let unknown = serde_json::from_value::<Act>(json!({"act": ""})).map(|_| ());
        let listed = unknown.expect_err("no such act").to_string();
        assert_eq!(listed.matches('`').count() / 2 - 1, ACTS.len(), "{listed}");
    }
}
