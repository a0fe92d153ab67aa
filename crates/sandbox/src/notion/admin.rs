//! The sandbox's own routes: counters, faults, records, and whatever a person or the vendor can do to an account
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

use super::standard::CONTACTS;
use super::{Notion, Seeded, Tokens, texts, texts_of};
use crate::faults::Fault;

/// Bytes a request with records may have.
const RECORDS_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Records and columns that the page shows.
const ROWS_SHOWN: usize = 200;
const COLUMNS_SHOWN: usize = 8;

/// Everything `POST /__NAME` can do, by name.
const ACTS: [&str; 17] = [
    "create",
    "edit",
    "archive",
    "restore",
    "erase",
    "hide",
    "unhide",
    "readable-after",
    "drop-property",
    "rename-property",
    "revoke",
    "reinstate",
    "expire-tokens",
    "clock-offset",
    "subscribe",
    "verify",
    "grant",
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
    Erase {
        id: String,
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
    RenameProperty {
        name: String,
        new: String,
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
    Verify {
        token: String,
    },
    Grant,
}

fn contacts() -> String {
    CONTACTS.to_owned()
}

/// Which data source a route is about, by its title or id.
#[derive(Deserialize)]
struct Which {
    #[serde(default = "contacts")]
    object: String,
}

pub(super) fn routes() -> Router<Notion> {
    let acts = ACTS.iter().fold(Router::new(), |router, act| {
        let perform = move |State(notion): State<Notion>, body: Bytes| async move { perform(&notion, act, &body) };
        router.route(&format!("/__{act}"), post(perform))
    });
    acts.route("/", get(page))
        .route("/__calls", get(|State(notion): State<Notion>| async move { Json(notion.calls()) }))
        .route("/__calls/reset", post(reset_calls))
        .route("/__faults", get(list_faults).post(push_fault).delete(clear_faults))
        .route("/__records", get(list_records).post(seed_records).layer(DefaultBodyLimit::max(RECORDS_BYTES_MAX)))
}

fn refuse(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({"status": "error", "message": message}))).into_response()
}

fn bad(message: &str) -> Response {
    refuse(StatusCode::BAD_REQUEST, message)
}

async fn reset_calls(State(notion): State<Notion>) -> StatusCode {
    notion.reset_calls();
    StatusCode::NO_CONTENT
}

async fn list_faults(State(notion): State<Notion>) -> Json<Vec<Fault>> {
    Json(notion.faults().pending())
}

async fn push_fault(State(notion): State<Notion>, body: Bytes) -> Response {
    match serde_json::from_slice(&body) {
        Ok(fault) => {
            notion.faults().push(fault);
            StatusCode::NO_CONTENT.into_response()
        }
        Err(error) => bad(&error.to_string()),
    }
}

async fn clear_faults(State(notion): State<Notion>) -> StatusCode {
    notion.faults().clear();
    StatusCode::NO_CONTENT
}

async fn list_records(State(notion): State<Notion>, Query(which): Query<Which>) -> Response {
    match notion.records_of(&which.object) {
        Ok(records) => Json(records).into_response(),
        Err(refusal) => bad(&refusal),
    }
}

/// Takes a JSON array of property maps, or CSV whose headers are property names.
async fn seed_records(
    State(notion): State<Notion>,
    Query(which): Query<Which>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let is_csv = headers.get(CONTENT_TYPE).is_some_and(|it| it.as_bytes().starts_with(b"text/csv"));
    let rows =
        if is_csv { rows_of_csv(&body) } else { serde_json::from_slice(&body).map_err(|error| error.to_string()) };
    match rows.and_then(|rows| notion.seed_of(&which.object, rows)) {
        Ok(Seeded { created, refused }) => Json(json!({"created": created, "refused": refused})).into_response(),
        Err(error) => bad(&error),
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

fn perform(notion: &Notion, act: &str, body: &[u8]) -> Response {
    let members: Result<Map<String, Value>, _> =
        if body.is_empty() { Ok(Map::new()) } else { serde_json::from_slice(body) };
    let act = members.and_then(|mut members| {
        members.insert("act".to_owned(), act.into());
        serde_json::from_value(members.into())
    });
    match act {
        Ok(act) => match notion.perform(act) {
            Ok(answer) => Json(answer).into_response(),
            Err(refusal) => bad(&refusal),
        },
        Err(error) => bad(&error.to_string()),
    }
}

impl Notion {
    fn perform(&self, act: Act) -> Result<Value, String> {
        match act {
            Act::Create { object, properties } => {
                return Ok(json!({"id": self.create_owned(&object, &texts_of(properties))?}));
            }
            Act::Grant => {
                let Tokens { access_token, refresh_token, .. } = self.grant();
                return Ok(json!({"access_token": access_token, "refresh_token": refresh_token}));
            }
            Act::Verify { token } => return Ok(json!({"verified": self.verify_hooks(&token)})),
            Act::Edit { id, properties } => self.edit_owned(&id, &texts_of(properties))?,
            Act::Archive { id } => self.archive(&id)?,
            Act::Restore { id } => self.restore(&id)?,
            Act::Erase { id } => self.erase(&id)?,
            Act::Hide { id } => self.hide(&id)?,
            Act::Unhide { id } => self.unhide(&id)?,
            Act::ReadableAfter { id, us } => self.readable_after(&id, us)?,
            Act::DropProperty { object, name } => self.drop_property_of(&object, &name)?,
            Act::RenameProperty { name, new } => self.rename_property(&name, &new)?,
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
#[template(path = "notion/records.html")]
struct RecordsPage {
    label: String,
    /// Every data source: its id, its title, and whether it is the one shown.
    sources: Vec<(String, String, bool)>,
    total: usize,
    calls: u64,
    headings: Vec<String>,
    rows: Vec<Vec<String>>,
}

async fn page(State(notion): State<Notion>, Query(which): Query<Which>) -> Response {
    let shown = notion.as_person(|workspace| {
        let source = workspace.source_named(&which.object)?;
        let columns = source.properties.iter().take(COLUMNS_SHOWN).map(|it| it.name.clone());
        let sources = workspace.sources.values().map(|it| (it.id.clone(), texts::plain(&it.title), it.id == source.id));
        Ok((texts::plain(&source.title), columns.collect::<Vec<String>>(), sources.collect()))
    });
    let (label, columns, sources) = match shown {
        Ok(shown) => shown,
        Err(refusal) => return bad(&refusal),
    };
    let mut records = notion.records_of(&which.object).unwrap_or_default();
    records.retain(|record| !record.archived);
    let total = records.len();
    records.sort_by_key(|record| std::cmp::Reverse(record.updated_us));
    records.truncate(ROWS_SHOWN);
    let row = |record: &super::Record| {
        let cells = columns.iter().map(|name| record.value(name).unwrap_or_default().to_owned());
        [crate::world::iso(record.updated_us)].into_iter().chain(cells).chain([record.id.clone()]).collect()
    };
    let rows = records.iter().map(row).collect();
    let ends = |name: &str| std::iter::once(name.to_owned());
    let headings = ends("changed").chain(columns.iter().cloned()).chain(ends("id")).collect();
    match (RecordsPage { label, sources, total, calls: notion.calls().total, headings, rows }).render() {
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
            let members = json!({"act": act, "id": "1", "us": 0, "name": "n", "new": "m", "url": "u", "token": "t",
                "properties": {}});
            assert!(serde_json::from_value::<Act>(members).is_ok(), "{act}");
        }
        let unknown = serde_json::from_value::<Act>(json!({"act": ""})).map(|_| ());
        let listed = unknown.expect_err("no such act").to_string();
        assert_eq!(listed.matches('`').count() / 2 - 1, ACTS.len(), "{listed}");
    }
}
