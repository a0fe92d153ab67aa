//! The sandbox's own routes, beneath `/__` and at `/`: counters, faults, records, and whatever a person, an admin or the
//! vendor can do to an account behind an app's back.

use askama::Template;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::HeaderMap;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::calls::Calls;
use crate::faults::Fault;
use crate::front::Fronted;
use crate::record::{Record, Seeded};
use crate::world::iso;

/// Bytes a request may have; records are the longest.
const BODY_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Records the page shows.
pub(crate) const ROWS_SHOWN: usize = 200;

/// Why something was not done.
pub(crate) struct Refused(pub(crate) StatusCode, pub(crate) String);

impl From<String> for Refused {
    fn from(reason: String) -> Self {
        Self(StatusCode::BAD_REQUEST, reason)
    }
}

impl From<serde_json::Error> for Refused {
    fn from(error: serde_json::Error) -> Self {
        error.to_string().into()
    }
}

impl From<askama::Error> for Refused {
    fn from(error: askama::Error) -> Self {
        Self(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.0, Json(json!({"message": self.1}))).into_response()
    }
}

/// A vendor with routes of the sandbox's own.
pub(crate) trait Desk: Fronted {
    /// Everything `POST /__NAME` can do: an enum tagged `act` with the name in kebab-case.
    type Act: DeserializeOwned;

    /// The status of a fault that was taken.
    const FAULT_TAKEN: StatusCode = StatusCode::NO_CONTENT;

    /// Does it, and answers what there is to tell.
    fn perform(&self, act: Self::Act) -> Result<Value, Refused>;
}

/// A vendor whose records can be listed, filled in and looked at. Objects go by the vendor's names of them.
pub(crate) trait Records: Desk {
    /// The vendor's name for people.
    const NAME: &'static str;

    /// The object that is meant where none is named.
    const CONTACTS: &'static str;

    /// Every record of an object.
    fn records_of(&self, object: &str) -> Result<Vec<Record>, Refused>;

    /// Fills an object with records.
    fn seed_of(&self, object: &str, rows: Vec<Map<String, Value>>) -> Result<Seeded, Refused>;

    /// What the page shows of an object.
    fn shown(&self, object: &str) -> Result<Shown, Refused>;
}

/// What the page of records shows.
pub(crate) struct Shown {
    /// The object's name for people.
    pub(crate) label: String,
    /// Every object: its name in the address, its name for people, and whether it is the one shown.
    pub(crate) objects: Vec<(String, String, bool)>,
    /// Properties, each with its heading.
    pub(crate) columns: Vec<(String, String)>,
    /// How many records there are.
    pub(crate) total: usize,
    /// Those that changed last, newest first.
    pub(crate) newest: Vec<Record>,
}

/// Properties that are headed by their own names.
pub(crate) fn columns<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<(String, String)> {
    names.into_iter().map(|name| (name.to_owned(), name.to_owned())).collect()
}

/// How many records there are, and those of them that changed last.
pub(crate) fn newest(mut records: Vec<Record>) -> (usize, Vec<Record>) {
    let total = records.len();
    records.sort_by_key(|record| std::cmp::Reverse(record.updated_us));
    records.truncate(ROWS_SHOWN);
    (total, records)
}

/// Counters, faults and acts.
pub(crate) fn routes<V: Desk>() -> Router<V> {
    Router::new()
        .route("/__calls", get(|State(vendor): State<V>| async move { Json::<Calls>(vendor.front().calls()) }))
        .route("/__calls/reset", post(|State(vendor): State<V>| async move { vendor.front().reset_calls() }))
        .route("/__faults", get(list_faults::<V>).post(push_fault::<V>).delete(clear_faults::<V>))
        .route("/__{act}", post(perform::<V>))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
}

/// As [`routes`], with the records and their page.
pub(crate) fn with_records<V: Records>() -> Router<V> {
    let records = get(list_records::<V>).post(seed_records::<V>).layer(DefaultBodyLimit::max(BODY_BYTES_MAX));
    routes().route("/", get(page::<V>)).route("/__records", records)
}

async fn list_faults<V: Desk>(State(vendor): State<V>) -> Json<Vec<Fault>> {
    Json(vendor.front().faults.pending())
}

async fn push_fault<V: Desk>(State(vendor): State<V>, body: Bytes) -> Result<StatusCode, Refused> {
    vendor.front().faults.push(serde_json::from_slice(&body)?);
    Ok(V::FAULT_TAKEN)
}

async fn clear_faults<V: Desk>(State(vendor): State<V>) -> StatusCode {
    vendor.front().faults.clear();
    StatusCode::NO_CONTENT
}

/// Reads the body's members as those of the act that the path names.
async fn perform<V: Desk>(
    State(vendor): State<V>,
    Path(act): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, Refused> {
    let mut members: Map<String, Value> = if body.is_empty() { Map::new() } else { serde_json::from_slice(&body)? };
    members.insert("act".to_owned(), act.into());
    Ok(Json(vendor.perform(serde_json::from_value(members.into())?)?))
}

/// Which object a route is about.
#[derive(Deserialize)]
struct Which {
    object: Option<String>,
}

impl Which {
    fn object<V: Records>(&self) -> &str {
        self.object.as_deref().unwrap_or(V::CONTACTS)
    }
}

async fn list_records<V: Records>(
    State(vendor): State<V>,
    Query(which): Query<Which>,
) -> Result<Json<Vec<Record>>, Refused> {
    Ok(Json(vendor.records_of(which.object::<V>())?))
}

/// Takes a JSON array of property maps, or CSV whose headers are property names.
async fn seed_records<V: Records>(
    State(vendor): State<V>,
    Query(which): Query<Which>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Seeded>, Refused> {
    let is_csv = headers.get(CONTENT_TYPE).is_some_and(|it| it.as_bytes().starts_with(b"text/csv"));
    let rows = if is_csv { rows_of_csv(&body)? } else { serde_json::from_slice(&body)? };
    Ok(Json(vendor.seed_of(which.object::<V>(), rows)?))
}

/// Reads CSV whose headers are property names; empty cells hold no value.
pub(crate) fn rows_of_csv(text: &[u8]) -> Result<Vec<Map<String, Value>>, String> {
    let mut reader = csv::Reader::from_reader(text);
    let headers = reader.headers().map_err(|error| error.to_string())?.clone();
    let row = |row: Result<csv::StringRecord, csv::Error>| {
        let row = row.map_err(|error| error.to_string())?;
        let cells = headers.iter().zip(row.iter()).filter(|(_, cell)| !cell.is_empty());
        Ok(cells.map(|(name, cell)| (name.to_owned(), Value::from(cell))).collect())
    };
    reader.records().map(row).collect()
}

#[derive(Template)]
#[template(path = "records.html")]
struct RecordsPage<'a> {
    vendor: &'static str,
    shown: &'a Shown,
    calls: u64,
    rows: Vec<Vec<String>>,
}

async fn page<V: Records>(State(vendor): State<V>, Query(which): Query<Which>) -> Result<Html<String>, Refused> {
    let shown = vendor.shown(which.object::<V>())?;
    let rows = shown.newest.iter().map(|record| {
        let cells = shown.columns.iter().map(|(name, _)| record.value(name).unwrap_or_default().to_owned());
        [iso(record.updated_us), record.id.clone()].into_iter().chain(cells).collect()
    });
    let rows = rows.collect();
    let page = RecordsPage { vendor: V::NAME, shown: &shown, calls: vendor.front().calls().total, rows };
    Ok(Html(page.render()?))
}
