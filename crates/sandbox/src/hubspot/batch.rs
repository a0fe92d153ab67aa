//! Batches of at most 100 rows. Answers come in any order; a row's own fault is told in a 207 where HubSpot
//! does so, and otherwise fails the whole batch with nothing done.

use std::collections::HashSet;

use http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::answer::{Answer, Call, Refusal, Reply};
use super::item::Source;
use super::links::{LinkBody, NewLink};
use super::objects::ObjectNo;
use super::portal::{Claimed, Portal};
use super::records::{history, object_of, shown};
use super::values::{Change, Invalid};
use crate::world::iso;

/// Rows in one batch.
pub(super) const BATCH_MAX: usize = 100;

#[derive(Deserialize)]
struct Batch<T> {
    inputs: Vec<T>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WriteInput {
    id: Option<String>,
    id_property: Option<String>,
    object_write_trace_id: Option<String>,
    properties: Map<String, Value>,
    #[serde(default)]
    associations: Vec<LinkBody>,
}

#[derive(Deserialize)]
struct IdInput {
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReadBody {
    inputs: Vec<IdInput>,
    id_property: Option<String>,
    #[serde(default)]
    properties: Vec<String>,
    #[serde(default)]
    properties_with_history: Vec<String>,
}

/// What a row writes to.
enum Target {
    New,
    Known(u64),
    /// Names a record that is not there; an upsert makes it, with the key it was named by.
    Missing(String),
}

struct Row {
    target: Target,
    trace: Option<String>,
    changes: Result<Vec<Change>, Vec<Invalid>>,
    written: Vec<String>,
    links: Vec<NewLink>,
}

/// What an answer is made of.
struct Outcome {
    of: ObjectNo,
    results: Vec<Value>,
    errors: Vec<Value>,
    missing: Vec<String>,
}

impl Outcome {
    fn new(of: ObjectNo) -> Self {
        Self { of, results: Vec::new(), errors: Vec::new(), missing: Vec::new() }
    }

    fn answer(mut self, portal: &mut Portal, whole: StatusCode, started_us: i64) -> Answer {
        if portal.settings.quirks {
            portal.rng.shuffle(&mut self.results);
        }
        if !self.missing.is_empty() {
            let object = portal.objects[self.of].about.singular.to_uppercase();
            let message = format!(
                "Could not get some {object} objects, they may be deleted or not exist. Check that ids are valid."
            );
            self.errors.push(Refusal::not_found(message).context("ids", self.missing).row().into());
        }
        let rows = self.results.len() + self.errors.len();
        let mut body = json!({
            "status": "COMPLETE",
            "results": self.results,
            "startedAt": iso(started_us),
            "completedAt": iso(portal.stamp_us()),
        });
        if self.errors.is_empty() {
            return Ok(Reply::json(whole, body).rows(rows));
        }
        body["numErrors"] = self.errors.len().into();
        body["errors"] = self.errors.into();
        Ok(Reply::json(StatusCode::MULTI_STATUS, body).rows(rows))
    }
}

fn within_bounds<T>(inputs: &[T]) -> Result<(), Refusal> {
    if inputs.len() <= BATCH_MAX {
        return Ok(());
    }
    Err(Refusal::validation(format!("Batch size {} is larger than the maximum of {BATCH_MAX}", inputs.len())))
}

/// HubSpot refuses a batch that names one record twice.
fn no_duplicates<'a>(ids: impl Iterator<Item = &'a str>) -> Result<(), Refusal> {
    let mut seen = HashSet::new();
    let twice: Vec<String> = ids.filter(|id| !seen.insert(*id)).map(str::to_owned).collect();
    if twice.is_empty() {
        return Ok(());
    }
    let message = format!("Duplicate IDs found in batch input: [{}]. IDs must be unique", twice.join(", "));
    Err(Refusal::validation(message).context("ids", twice))
}

impl Portal {
    fn row(&self, of: ObjectNo, input: WriteInput) -> Result<Row, Refusal> {
        let mut properties = input.properties;
        let target = match input.id {
            None => Target::New,
            Some(id) => match self.find(of, input.id_property.as_deref(), &id, false)? {
                Some(found) => Target::Known(found),
                None => {
                    // A row that makes the record gives it the key it was named by.
                    if let Some(name) = input.id_property {
                        properties.entry(name).or_insert_with(|| id.clone().into());
                    }
                    Target::Missing(id)
                }
            },
        };
        let known = if let Target::Known(id) = target { Some(id) } else { None };
        let changes = self.check(of, known, &properties);
        let links = self.check_links(of, &input.associations)?;
        let written = properties.into_iter().map(|(name, _)| name).collect();
        Ok(Row { target, trace: input.object_write_trace_id, changes, written, links })
    }

    /// Does the rows. With a trace id on every row each row stands or falls alone; otherwise one bad row
    /// fails them all before anything is done. Properties that do not exist fail them all either way.
    fn write_rows(
        &mut self,
        of: ObjectNo,
        rows: Vec<Row>,
        cut: Option<usize>,
        makes_missing: bool,
    ) -> Result<Outcome, Refusal> {
        let traced = rows.iter().all(|row| row.trace.is_some());
        let invalid = |row: &Row| row.changes.as_ref().err().cloned().unwrap_or_default();
        let all_invalid: Vec<Invalid> = rows.iter().flat_map(invalid).collect();
        if all_invalid.iter().any(|it| !traced || it.is_unknown_property()) {
            return Err(Refusal::invalid(&all_invalid));
        }
        if !traced {
            let mut claimed = Claimed::new();
            for row in &rows {
                if let Ok(changes) = &row.changes {
                    let target = if let Target::Known(id) = row.target { Some(id) } else { None };
                    // A whole batch is told that there is a conflict, not where.
                    self.claim(of, target, changes, &mut claimed).map_err(Refusal::without_owner)?;
                    if target.is_none() && (makes_missing || matches!(row.target, Target::New)) {
                        self.is_whole(of, changes)?;
                    }
                }
            }
        }
        let mut outcome = Outcome::new(of);
        for row in rows.into_iter().take(cut.unwrap_or(BATCH_MAX)) {
            self.write_row(of, row, makes_missing, &mut outcome);
        }
        Ok(outcome)
    }

    fn write_row(&mut self, of: ObjectNo, row: Row, makes_missing: bool, outcome: &mut Outcome) {
        let target = match row.target {
            Target::Known(id) => Some(id),
            Target::Missing(id) if !makes_missing => return outcome.missing.push(id),
            Target::New | Target::Missing(_) => None,
        };
        let changes = row.changes.map_err(|invalid| Refusal::invalid(&invalid));
        let free = changes.and_then(|changes| {
            if target.is_none() {
                self.is_whole(of, &changes)?;
            }
            self.claim(of, target, &changes, &mut Claimed::new())?;
            Ok(changes)
        });
        let changes = match free {
            Ok(changes) => changes,
            Err(refusal) => {
                let refusal = refusal.context("objectWriteTraceId", row.trace);
                return outcome.errors.push(refusal.row().into());
            }
        };
        let mut result = match target {
            Some(id) => {
                self.write(id, changes, Source::Integration);
                self.show_updated(id, &row.written)
            }
            None => {
                let id = self.create(of, changes, Source::Integration);
                self.link_all(id, &row.links);
                self.show_created(id)
            }
        };
        if makes_missing {
            result.insert("new".into(), target.is_none().into());
        }
        if let Some(trace) = row.trace.filter(|_| self.settings.echoes_trace) {
            result.insert("objectWriteTraceId".into(), trace.into());
        }
        outcome.results.push(result.into());
    }
}

/// Whether rows must, may or must not name a record.
#[derive(Clone, Copy, PartialEq)]
enum Naming {
    Never,
    MustExist,
    MadeIfMissing,
}

fn write_batch(portal: &mut Portal, call: &Call, naming: Naming, whole: StatusCode) -> Answer {
    let of = object_of(portal, call)?;
    let Batch { mut inputs } = call.json::<Batch<WriteInput>>()?;
    within_bounds(&inputs)?;
    if naming == Naming::Never {
        inputs.iter_mut().for_each(|input| input.id = None);
    } else if inputs.iter().any(|input| input.id.is_none()) {
        return Err(Refusal::validation("Some required fields were not set: [id]"));
    }
    no_duplicates(inputs.iter().filter_map(|input| input.id.as_deref()))?;
    let started_us = portal.stamp_us();
    let rows = inputs.into_iter().map(|input| portal.row(of, input)).collect::<Result<Vec<_>, _>>()?;
    let outcome = portal.write_rows(of, rows, call.cut, naming == Naming::MadeIfMissing)?;
    outcome.answer(portal, whole, started_us)
}

/// `POST /crm/v3/objects/{object}/batch/create`
pub(super) fn create(portal: &mut Portal, call: &Call) -> Answer {
    write_batch(portal, call, Naming::Never, StatusCode::CREATED)
}

/// `POST /crm/v3/objects/{object}/batch/update`
pub(super) fn update(portal: &mut Portal, call: &Call) -> Answer {
    write_batch(portal, call, Naming::MustExist, StatusCode::OK)
}

/// `POST /crm/v3/objects/{object}/batch/upsert`
pub(super) fn upsert(portal: &mut Portal, call: &Call) -> Answer {
    write_batch(portal, call, Naming::MadeIfMissing, StatusCode::OK)
}

/// `POST /crm/v3/objects/{object}/batch/read`
pub(super) fn read(portal: &mut Portal, call: &Call) -> Answer {
    let of = object_of(portal, call)?;
    let body: ReadBody = call.json()?;
    within_bounds(&body.inputs)?;
    let started_us = portal.stamp_us();
    let asked: Vec<&str> = body.properties.iter().map(String::as_str).collect();
    let with_history: Vec<&str> = body.properties_with_history.iter().map(String::as_str).collect();
    let names = shown(&portal.objects[of], &asked);
    let mut outcome = Outcome::new(of);
    let mut seen = HashSet::new();
    for IdInput { id } in body.inputs {
        let found = portal.find(of, body.id_property.as_deref(), &id, call.is_set("archived"))?;
        let Some(item) = found.and_then(|id| portal.items.get(&id)) else {
            outcome.missing.push(id);
            continue;
        };
        // Two ids that were merged are one record now.
        if !seen.insert(item.id) {
            continue;
        }
        let mut record = portal.show(item.now(), &names, portal.settings.unset);
        if !with_history.is_empty() {
            record.insert("propertiesWithHistory".into(), history(item, &with_history));
        }
        outcome.results.push(record.into());
    }
    outcome.answer(portal, StatusCode::OK, started_us)
}

/// `POST /crm/v3/objects/{object}/batch/archive`: ids that are not there are passed over.
pub(super) fn archive(portal: &mut Portal, call: &Call) -> Answer {
    let of = object_of(portal, call)?;
    let Batch { inputs } = call.json::<Batch<IdInput>>()?;
    within_bounds(&inputs)?;
    let rows = inputs.len();
    for IdInput { id } in inputs.into_iter().take(call.cut.unwrap_or(BATCH_MAX)) {
        if let Some(found) = portal.find(of, None, &id, false)? {
            portal.archive(found, Source::Integration);
        }
    }
    Ok(Reply::empty(StatusCode::NO_CONTENT).rows(rows))
}
