//! Bulk API 2.0, the other way: a query that is worked on later and read in parts of CSV.

use http::Method;
use serde::Deserialize;
use serde_json::Value;

use super::answer::{Answer, Call, Refusal, Reply};
use super::bulk::{Job, Way, change, job_id, list, new_job, remove};
use super::org::Org;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewJob {
    operation: String,
    query: String,
    column_delimiter: Option<String>,
}

/// `jobs/query…`
pub(super) fn route(org: &mut Org, call: &Call, rest: &[&str]) -> Answer {
    match (&call.method, rest) {
        (&Method::POST, []) => open(org, call),
        (&Method::GET, []) => Ok(list(org, Way::Query)),
        (method, [id, part @ ..]) => {
            let id = job_id(org, id, Way::Query)?;
            match (method, part) {
                (&Method::GET, []) => Ok(Reply::ok(org.jobs[&id].shown(true))),
                (&Method::PATCH, []) => change(org, call, &id),
                (&Method::DELETE, []) => remove(org, &id),
                (&Method::GET, ["results"]) => results(&org.jobs[&id], call),
                _ => Err(Refusal::not_found()),
            }
        }
        _ => Err(Refusal::method(&call.method)),
    }
}

fn open(org: &mut Org, call: &Call) -> Answer {
    let asked: NewJob = call.json()?;
    if !["query", "queryAll"].contains(&asked.operation.as_str()) {
        return Err(Refusal::bad("INVALIDJOB", format!("InvalidJob : unknown operation: {}", asked.operation)));
    }
    let prepared = org.prepare(&asked.query)?;
    let mut job = new_job(org, call, Way::Query, &prepared.object, &asked.operation);
    job.delimiter = asked.column_delimiter.unwrap_or(job.delimiter);
    job.query = asked.query;
    job.state = "UploadComplete";
    job.queued_us = org.now_us();
    let shown = job.shown(false);
    org.jobs.insert(job.id.clone(), job);
    Ok(Reply::ok(shown))
}

impl Org {
    pub(super) fn run_query_job(&mut self, job: &mut Job) {
        let prepared = match self.prepare(&job.query) {
            Ok(prepared) => prepared,
            Err(wrong) => {
                job.fault = Some(wrong.to_string());
                return;
            }
        };
        let mut writer = csv::WriterBuilder::new()
            .delimiter(job.separator())
            .quote_style(csv::QuoteStyle::Always)
            .from_writer(Vec::new());
        // Writing to memory cannot fail.
        drop(writer.write_record(&prepared.columns));
        let ids = self.found(&prepared, job.operation == "queryAll");
        for row in ids.iter().filter_map(|id| self.rows.get(id)) {
            let cells = prepared.columns.iter().map(|path| match self.value_at(row, path) {
                Value::Null => String::new(),
                Value::String(text) => text,
                other => other.to_string(),
            });
            drop(writer.write_record(cells));
        }
        job.count = ids.len();
        job.data = writer.into_inner().unwrap_or_default();
    }
}

/// `GET jobs/query/{id}/results?maxRecords=&locator=`; a locator is the number of the next row.
fn results(job: &Job, call: &Call) -> Answer {
    if job.state != "JobComplete" {
        return Err(Refusal::bad("INVALIDJOBSTATE", format!("Job is not complete: {}", job.state)));
    }
    let most: usize = call.query("maxRecords").and_then(|it| it.parse().ok()).unwrap_or(job.count.max(1));
    let from: usize = match call.query("locator") {
        None => 0,
        Some(locator) => {
            let from = locator.parse().ok().filter(|from| *from < job.count);
            from.ok_or_else(|| Refusal::bad("INVALID_QUERY_LOCATOR", "invalid query locator"))?
        }
    };
    let mut reader =
        csv::ReaderBuilder::new().delimiter(job.separator()).has_headers(false).from_reader(job.data.as_slice());
    let mut writer = csv::WriterBuilder::new()
        .delimiter(job.separator())
        .quote_style(csv::QuoteStyle::Always)
        .from_writer(Vec::new());
    let lines: Vec<csv::StringRecord> = reader.records().filter_map(Result::ok).collect();
    let (head, body) = lines.split_at(lines.len().min(1));
    let part: Vec<_> = body.iter().skip(from).take(most.max(1)).collect();
    for line in head.iter().chain(part.iter().copied()) {
        drop(writer.write_record(line));
    }
    let next = from + part.len();
    let locator = if next < job.count { next.to_string() } else { "null".to_owned() };
    Ok(Reply::csv(writer.into_inner().unwrap_or_default())
        .header("sforce-locator", locator)
        .header("sforce-numberofrecords", part.len().to_string())
        .rows(part.len()))
}
