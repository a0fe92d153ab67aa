//! Bulk API 2.0: CSV in, done later, with a result for each row. Jobs are worked on when their time has come.

use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::answer::{Answer, Call, Refusal, Reply, Wrong};
use super::org::{By, Org};
use super::records::on_path;
use super::times::stamp;

/// Bytes of one job's data.
const DATA_MAX: usize = 100 * 1024 * 1024;

/// Which way a job's data goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Ingest,
    Query,
}

/// A job of either way.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) way: Way,
    pub(super) id: String,
    pub(super) object: String,
    pub(super) operation: String,
    pub(super) external_id: Option<String>,
    pub(super) delimiter: String,
    pub(super) line_ending: String,
    pub(super) state: &'static str,
    pub(super) created_us: i64,
    pub(super) changed_us: i64,
    /// When it was handed over, by our clock.
    pub(super) queued_us: i64,
    pub(super) version: f64,
    /// Of an ingest job what came in, of a query job its result.
    pub(super) data: Vec<u8>,
    pub(super) query: String,
    pub(super) rows: Vec<Outcome>,
    pub(super) count: usize,
    pub(super) fault: Option<String>,
}

/// What became of a row, with the row as it came.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    cells: Vec<String>,
    result: Result<(String, bool), Wrong>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewJob {
    object: String,
    operation: String,
    external_id_field_name: Option<String>,
    line_ending: Option<String>,
    column_delimiter: Option<String>,
}

impl Job {
    pub(super) fn separator(&self) -> u8 {
        match self.delimiter.as_str() {
            "BACKQUOTE" => b'`',
            "CARET" => b'^',
            "PIPE" => b'|',
            "SEMICOLON" => b';',
            "TAB" => b'\t',
            _ => b',',
        }
    }

    /// What answers show of it; the figures only when it is asked for.
    pub(super) fn shown(&self, with_figures: bool) -> Value {
        let mut shown = json!({
            "id": self.id,
            "operation": self.operation,
            "object": self.object,
            "createdById": By::App.user(),
            "createdDate": stamp(self.created_us),
            "systemModstamp": stamp(self.changed_us),
            "state": self.state,
            "concurrencyMode": "Parallel",
            "contentType": "CSV",
            "apiVersion": self.version,
            "lineEnding": self.line_ending,
            "columnDelimiter": self.delimiter,
        });
        if let Some(key) = &self.external_id {
            shown["externalIdFieldName"] = key.clone().into();
        }
        if self.way == Way::Ingest && self.state == "Open" {
            shown["contentUrl"] = format!("services/data/v{:.1}/jobs/ingest/{}/batches", self.version, self.id).into();
        }
        if with_figures {
            let failed = self.rows.iter().filter(|row| row.result.is_err()).count();
            shown["jobType"] = if self.way == Way::Ingest { "V2Ingest" } else { "V2Query" }.into();
            shown["numberRecordsProcessed"] = self.count.into();
            if self.way == Way::Ingest {
                shown["numberRecordsFailed"] = failed.into();
                shown["apiActiveProcessingTime"] = self.count.into();
                shown["apexProcessingTime"] = 0.into();
            }
            shown["retries"] = 0.into();
            shown["totalProcessingTime"] = self.count.into();
            if let Some(fault) = &self.fault {
                shown["errorMessage"] = fault.clone().into();
            }
        }
        shown
    }
}

/// `jobs/ingest…`
pub(super) fn route(org: &mut Org, call: &Call, rest: &[&str]) -> Answer {
    match (&call.method, rest) {
        (&Method::POST, []) => open(org, call),
        (&Method::GET, []) => Ok(list(org, Way::Ingest)),
        (method, [id, part @ ..]) => {
            let id = job_id(org, id, Way::Ingest)?;
            match (method, part) {
                (&Method::PUT, ["batches"]) => upload(org, call, &id),
                (&Method::GET, []) => Ok(Reply::ok(org.jobs[&id].shown(true))),
                (&Method::PATCH, []) => change(org, call, &id),
                (&Method::DELETE, []) => remove(org, &id),
                (&Method::GET, ["successfulResults"]) => Ok(results(&org.jobs[&id], Kind::Successful)),
                (&Method::GET, ["failedResults"]) => Ok(results(&org.jobs[&id], Kind::Failed)),
                (&Method::GET, ["unprocessedrecords"]) => Ok(results(&org.jobs[&id], Kind::Unprocessed)),
                _ => Err(Refusal::not_found()),
            }
        }
        _ => Err(Refusal::method(&call.method)),
    }
}

pub(super) fn list(org: &Org, way: Way) -> Reply {
    let shown: Vec<Value> = org.jobs.values().filter(|job| job.way == way).map(|job| job.shown(false)).collect();
    Reply::ok(json!({"done": true, "nextRecordsUrl": null, "records": shown}))
}

pub(super) fn job_id(org: &Org, id: &str, way: Way) -> Result<String, Refusal> {
    let long = super::ids::long(id).filter(|id| org.jobs.get(id).is_some_and(|job| job.way == way));
    long.ok_or_else(Refusal::not_found)
}

pub(super) fn new_job(org: &mut Org, call: &Call, way: Way, object: &str, operation: &str) -> Job {
    Job {
        way,
        id: org.next_id("750"),
        object: object.to_owned(),
        operation: operation.to_owned(),
        external_id: None,
        delimiter: "COMMA".to_owned(),
        line_ending: "LF".to_owned(),
        state: "Open",
        created_us: org.stamp_us(),
        changed_us: org.stamp_us(),
        queued_us: 0,
        version: call.version_number(),
        data: Vec::new(),
        query: String::new(),
        rows: Vec::new(),
        count: 0,
        fault: None,
    }
}

fn open(org: &mut Org, call: &Call) -> Answer {
    let asked: NewJob = call.json()?;
    let object = org.object(&asked.object).map_err(on_path)?;
    if !["insert", "update", "upsert", "delete", "hardDelete"].contains(&asked.operation.as_str()) {
        return Err(Refusal::bad("INVALIDJOB", format!("InvalidJob : unknown operation: {}", asked.operation)));
    }
    if asked.operation == "upsert" {
        let key = asked.external_id_field_name.as_deref().unwrap_or_default();
        let known = object.field(key).is_some_and(|field| field.is_key() || field.name == "Id");
        if !known {
            let message = format!(
                "InvalidJob : Field name provided, {key} does not match an External ID, Salesforce Id, or indexed field for {}",
                object.name
            );
            return Err(Refusal::bad("INVALIDJOB", message));
        }
    }
    let mut job = new_job(org, call, Way::Ingest, &object.name, &asked.operation);
    job.external_id = asked.external_id_field_name;
    job.delimiter = asked.column_delimiter.unwrap_or(job.delimiter);
    job.line_ending = asked.line_ending.unwrap_or(job.line_ending);
    let shown = job.shown(false);
    org.jobs.insert(job.id.clone(), job);
    Ok(Reply::ok(shown))
}

fn upload(org: &mut Org, call: &Call, id: &str) -> Answer {
    let kind = call.header("content-type").unwrap_or_default();
    if !kind.starts_with("text/csv") {
        return Err(Refusal::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "UNSUPPORTED_MEDIA_TYPE",
            format!("Content-Type must be text/csv, was {kind}"),
        ));
    }
    let Some(job) = org.jobs.get_mut(id).filter(|job| job.state == "Open" && job.data.is_empty()) else {
        return Err(Refusal::bad("INVALIDJOBSTATE", "Found multiple contents for job, or the job is not open"));
    };
    if call.body.len() > DATA_MAX {
        return Err(Refusal::bad("FILE_SIZE_LIMIT_EXCEEDED", "The data of a job may have 100 MB"));
    }
    job.data = call.body.to_vec();
    Ok(Reply::empty(StatusCode::CREATED))
}

#[derive(Deserialize)]
struct Change {
    state: String,
}

pub(super) fn change(org: &mut Org, call: &Call, id: &str) -> Answer {
    let Change { state } = call.json()?;
    let (now_us, stamp_us) = (org.now_us(), org.stamp_us());
    let Some(job) = org.jobs.get_mut(id) else { return Err(Refusal::not_found()) };
    let is_over = matches!(job.state, "JobComplete" | "Failed" | "Aborted");
    job.state = match (state.as_str(), job.state) {
        ("UploadComplete", "Open") => "UploadComplete",
        ("Aborted", _) if !is_over => "Aborted",
        (asked, was) => {
            return Err(Refusal::bad("INVALIDJOBSTATE", format!("Transitioning from {was} to {asked} is not allowed")));
        }
    };
    (job.queued_us, job.changed_us) = (now_us, stamp_us);
    let mut shown = job.shown(false);
    if let Some(members) = shown.as_object_mut().filter(|_| job.way == Way::Ingest) {
        members.remove("lineEnding");
        members.remove("columnDelimiter");
    }
    Ok(Reply::ok(shown))
}

pub(super) fn remove(org: &mut Org, id: &str) -> Answer {
    let is_over = org.jobs.get(id).is_some_and(|job| matches!(job.state, "JobComplete" | "Failed" | "Aborted"));
    if !is_over {
        return Err(Refusal::bad(
            "API_ERROR",
            "Error encountered when deleting the job because the job is not terminated",
        ));
    }
    org.jobs.remove(id);
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

impl Org {
    /// Works on jobs whose time has come.
    pub(super) fn run_due_jobs(&mut self) {
        let (now_us, step_us) = (self.now_us(), self.settings.bulk_step_us);
        let waiting = self.jobs.values().filter(|job| matches!(job.state, "UploadComplete" | "InProgress"));
        let due: Vec<(String, i64)> = waiting.map(|job| (job.id.clone(), job.queued_us + step_us)).collect();
        for (id, at_us) in due {
            let Some(mut job) = self.jobs.remove(&id) else { continue };
            if now_us >= at_us + step_us {
                match job.way {
                    Way::Ingest => self.ingest(&mut job),
                    Way::Query => self.run_query_job(&mut job),
                }
                job.state = if job.fault.is_some() { "Failed" } else { "JobComplete" };
                job.changed_us = self.stamp_us();
            } else if now_us >= at_us {
                job.state = "InProgress";
            }
            self.jobs.insert(id, job);
        }
    }

    fn ingest(&mut self, job: &mut Job) {
        let data = std::mem::take(&mut job.data);
        let mut reader =
            csv::ReaderBuilder::new().delimiter(job.separator()).flexible(true).from_reader(data.as_slice());
        let headers: Vec<String> =
            reader.headers().map(|row| row.iter().map(str::to_owned).collect()).unwrap_or_default();
        let Ok(object) = self.object(&job.object) else { return };
        let unknown = headers.iter().find(|name| {
            let first = name.split('.').next().unwrap_or_default();
            object.field(name).is_none() && object.relationship(first).is_none()
        });
        if let Some(unknown) = unknown {
            job.fault = Some(format!("InvalidBatch : Field name not found : {unknown}"));
            job.data = data;
            return;
        }
        let rows: Vec<Vec<String>> =
            reader.records().filter_map(|row| Some(row.ok()?.iter().map(str::to_owned).collect())).collect();
        for cells in rows {
            let mut row = row_of(&headers, &cells);
            let result = self.ingest_row(job, &mut row);
            job.rows.push(Outcome { cells, result });
        }
        job.count = job.rows.len();
        job.query = headers.join("\u{1f}");
    }

    fn ingest_row(&mut self, job: &Job, row: &mut Map<String, Value>) -> Result<(String, bool), Wrong> {
        let mut taken = |name: &str| {
            let name = row.keys().find(|it| it.eq_ignore_ascii_case(name))?.clone();
            row.remove(&name).filter(|value| !value.is_null())
        };
        let missing = |name: &str| Wrong::new("MISSING_ARGUMENT", format!("{name} not specified"));
        match job.operation.as_str() {
            "insert" => Ok((self.create(&job.object, row, By::App, false)?, true)),
            "upsert" => {
                let key = job.external_id.as_deref().unwrap_or_default();
                let value = taken(key);
                let object = self.object(&job.object)?;
                let found = match (&value, object.field(key)) {
                    (Some(value), Some(field)) if field.name == "Id" => {
                        vec![self.standing(value.as_str().unwrap_or_default())?.id.clone()]
                    }
                    (Some(value), Some(field)) => self.rows.by_key(&object.name, &field.name, value),
                    _ if key.eq_ignore_ascii_case("Id") => Vec::new(),
                    _ => return Err(missing(key)),
                };
                match found.as_slice() {
                    [] => {
                        row.extend(value.map(|value| (key.to_owned(), value)));
                        Ok((self.create(&job.object, row, By::App, false)?, true))
                    }
                    [id] => self.update(id, row, By::App).map(|()| (id.clone(), false)),
                    _ => Err(Wrong::new("DUPLICATE_EXTERNAL_ID", "more than one record found for external id field")),
                }
            }
            operation => {
                let id = taken("Id").and_then(|id| id.as_str().map(str::to_owned)).ok_or_else(|| missing("Id"))?;
                let id = self.standing(&id)?.id.clone();
                if operation == "update" {
                    self.update(&id, row, By::App)?
                } else {
                    self.delete(&id, By::App)?
                }
                Ok((id, false))
            }
        }
    }
}

/// The values of a line: an empty cell says nothing, `#N/A` clears, `Account.Key__c` names another record by its key.
fn row_of(headers: &[String], cells: &[String]) -> Map<String, Value> {
    let mut row = Map::new();
    for (name, cell) in headers.iter().zip(cells).filter(|(_, cell)| !cell.is_empty()) {
        let value = if cell == "#N/A" { Value::Null } else { Value::from(cell.as_str()) };
        match name.split_once('.') {
            Some((relationship, key)) => row.insert(relationship.to_owned(), json!({key: value})),
            None => row.insert(name.clone(), value),
        };
    }
    row
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Successful,
    Failed,
    Unprocessed,
}

fn results(job: &Job, kind: Kind) -> Reply {
    let headers = job.query.split('\u{1f}').filter(|name| !name.is_empty());
    let more: &[&str] = match kind {
        Kind::Successful => &["sf__Id", "sf__Created"],
        Kind::Failed => &["sf__Id", "sf__Error"],
        Kind::Unprocessed => &[],
    };
    let mut writer = csv::WriterBuilder::new()
        .delimiter(job.separator())
        .quote_style(csv::QuoteStyle::Always)
        .flexible(true)
        .from_writer(Vec::new());
    let mut lines = vec![more.iter().copied().chain(headers).map(str::to_owned).collect::<Vec<_>>()];
    for row in job.rows.iter().filter(|_| kind != Kind::Unprocessed) {
        let told = match &row.result {
            Ok((id, created)) if kind == Kind::Successful => [id.clone(), created.to_string()],
            Err(wrong) if kind == Kind::Failed => {
                let fields = wrong.fields.join(",");
                [String::new(), format!("{}:{}:{fields} --", wrong.code, wrong.message)]
            }
            _ => continue,
        };
        lines.push(told.into_iter().chain(row.cells.iter().cloned()).collect());
    }
    let count = lines.len() - 1;
    // An unprocessed job's data comes back as it was sent.
    if kind == Kind::Unprocessed && job.state != "JobComplete" {
        return Reply::csv(job.data.clone());
    }
    for line in lines.iter().filter(|line| !line.is_empty()) {
        // Writing to memory cannot fail.
        drop(writer.write_record(line));
    }
    Reply::csv(writer.into_inner().unwrap_or_default()).rows(count)
}
