//! Writes (the ORM reference, `create` and `write`). One call is one transaction: all of its rows or none. A list of new
//! rows is one call; a change is one call for all records that take the same values.

use lockstep_core::record::{Properties, Record};
use serde_json::{Map, Value as Json, json};

use super::wire::{self, CONTACTS, ask, numbers};
use super::{ABOUT, NAME, read, values};
use crate::connector::{Create, Got, Outcome, RowOutcome, Update, Write, unseen};
use crate::door::Session;
use crate::fault::{Fault, FaultClass};
use crate::stand_in::stand_in;

/// What stands in for a name.
const ADDRESSES: [&str; 2] = ["email", "phone"];

/// Writes one batch. Odoo answers ids at most: what it made of the rows shows at the next poll.
pub(super) async fn write(session: &Session, write: &Write) -> Result<Vec<RowOutcome>, Fault> {
    write.check(ABOUT.write_batch)?;
    match write {
        Write::Create { rows, .. } if rows.is_empty() => Ok(Vec::new()),
        Write::Create { key, rows } => create(session, key.as_deref(), rows).await,
        Write::Update(rows) => update(session, rows).await,
        Write::Archive(ids) => archive(session, ids).await,
    }
}

/// One call.
async fn create(session: &Session, key: Option<&str>, rows: &[Create]) -> Result<Vec<RowOutcome>, Fault> {
    let rows: Vec<Properties> = rows.iter().map(|row| named(row, key)).collect();
    let all: Properties = rows.iter().flatten().map(|(name, _)| (name.clone(), None)).collect();
    let known = kinds(session, &all).await?;
    let vals = rows.iter().map(|row| values::written(row, &known));
    let vals: Vec<Map<String, Json>> = vals.collect::<Result<_, _>>().map_err(|fault| of_batch(fault, rows.len()))?;
    let call = wire::write(CONTACTS, "create", json!({ "vals_list": vals }));
    let ids: Vec<u64> = match ask(session, call).await {
        Ok(ids) => ids,
        Err(fault) => {
            let fault = values::drifted(session, CONTACTS, fault, all.keys()).await;
            return Err(of_batch(Right::new("create").judge(session, fault).await, rows.len()));
        }
    };
    if ids.len() != rows.len() {
        let message = format!("Odoo answered {} ids for {} new rows.", ids.len(), rows.len());
        return Err(Fault::new(FaultClass::Unknown, "UNREADABLE_ANSWER", message));
    }
    Ok(ids.iter().map(|id| Ok(written(session, id.to_string()))).collect())
}

/// A new contact as it is sent. Odoo wants a name of everybody, so one without is called by its address, as Odoo itself
/// calls those who write in.
fn named(row: &Create, key: Option<&str>) -> Properties {
    let mut properties = row.keyed(key);
    if properties.get(NAME).is_none_or(is_empty)
        && let Some(called) = stand_in(&properties, ADDRESSES)
    {
        properties.insert(NAME.to_owned(), Some(called));
    }
    properties
}

/// The same for contacts whose name is taken away. At most one call, or as [`read::get`] says.
async fn renamed(session: &Session, rows: &[Update]) -> Result<Vec<Update>, Fault> {
    let loses = |row: &&Update| row.properties.get(NAME).is_some_and(is_empty);
    let ids: Vec<String> = rows.iter().filter(loses).map(|row| row.id.clone()).collect();
    let mut rows = rows.to_vec();
    if ids.is_empty() {
        return Ok(rows);
    }
    let held = read::get(session, CONTACTS, &ids, &ADDRESSES.map(str::to_owned)).await.map_err(Fault::nothing_done)?;
    let held: Vec<Record> = held.into_iter().filter_map(Got::found).collect();
    for row in rows.iter_mut().filter(|row| loses(&&**row)) {
        let mut later = held.iter().find(|it| it.id == row.id).map(|it| it.properties.clone()).unwrap_or_default();
        later.extend(row.properties.clone());
        row.properties.insert(NAME.to_owned(), stand_in(&later, ADDRESSES));
    }
    Ok(rows)
}

fn is_empty(value: &Option<String>) -> bool {
    value.as_deref().unwrap_or_default().trim().is_empty()
}

/// A refusal of several rows at once does not say which one it is about: it only tells the caller to split.
fn of_batch(fault: Fault, rows: usize) -> Fault {
    if fault.class == FaultClass::Missing && rows > 1 { Fault { class: FaultClass::Rejected, ..fault } } else { fault }
}

/// The types of the properties. One call where one is not known to be text.
async fn kinds(session: &Session, properties: &Properties) -> Result<values::Fields, Fault> {
    values::kinds_of(session, CONTACTS, properties).await.map_err(Fault::nothing_done)
}

fn written(session: &Session, id: String) -> Outcome {
    Outcome::Written(unseen(id, session.env.now()))
}

/// One call for all rows with the same values; one more where names are taken away.
async fn update(session: &Session, rows: &[Update]) -> Result<Vec<RowOutcome>, Fault> {
    let rows = renamed(session, rows).await?;
    let all: Properties = rows.iter().flat_map(|row| &row.properties).map(|(name, _)| (name.clone(), None)).collect();
    let known = kinds(session, &all).await?;
    let mut right = Right::new("write");
    let mut settled: Vec<Option<Result<(), Fault>>> = vec![None; rows.len()];
    let mut stopped: Option<Fault> = None;
    for first in 0..rows.len() {
        if settled[first].is_some() {
            continue;
        }
        let same: Vec<usize> =
            (first..rows.len()).filter(|at| rows[*at].properties == rows[first].properties).collect();
        let done = match (&stopped, values::written(&rows[first].properties, &known)) {
            (Some(fault), _) => vec![Err(fault.clone()); same.len()],
            (None, Err(fault)) => vec![Err(fault); same.len()],
            (None, Ok(vals)) => {
                let ids: Vec<&str> = same.iter().map(|at| rows[*at].id.as_str()).collect();
                change(session, &ids, &vals, &mut right).await
            }
        };
        for (at, done) in same.into_iter().zip(done) {
            let done = match done {
                Err(fault) => Err(values::drifted(session, CONTACTS, fault, all.keys()).await),
                done => done,
            };
            if let Err(fault) = &done
                && !is_of_row(fault)
            {
                // With nothing done yet, it is the fault of the whole call.
                if settled.iter().flatten().all(Result::is_err) && stopped.is_none() {
                    return Err(fault.clone());
                }
                stopped.get_or_insert(not_sent(fault.clone()));
            }
            settled[at] = Some(done);
        }
    }
    let unsettled = || Err(Fault::new(FaultClass::Unknown, "UNSETTLED", "Nothing tells what became of the row."));
    let outcome = |(row, done): (&Update, Option<Result<(), Fault>>)| {
        done.unwrap_or_else(unsettled).map(|()| written(session, row.id.clone()))
    };
    Ok(rows.iter().zip(settled).map(outcome).collect())
}

/// Whether a fault is about one row, and says nothing of the others.
fn is_of_row(fault: &Fault) -> bool {
    matches!(fault.class, FaultClass::Rejected | FaultClass::Missing | FaultClass::Duplicate)
}

/// The fault of rows behind one that ended the batch.
fn not_sent(fault: Fault) -> Fault {
    if fault.class == FaultClass::Unknown { Fault { class: FaultClass::Unreachable, ..fault } } else { fault }
}

/// The right to do something to contacts at all, asked for once a batch where a refusal leaves it open.
struct Right {
    operation: &'static str,
    is_there: Option<bool>,
}

impl Right {
    fn new(operation: &'static str) -> Self {
        Self { operation, is_there: None }
    }

    /// Odoo refuses alike who has no right to a model and who may not do this to one record: a record rule, or
    /// `res.partner`'s own `write`, which keeps contacts of other users from whom has no right on users. Where the right
    /// is there, the refusal is of that record's values alone. At most one call, and one more where the method is none.
    async fn judge(&mut self, session: &Session, fault: Fault) -> Fault {
        if fault.class != FaultClass::Forbidden || !fault.code.ends_with(".AccessError") {
            return fault;
        }
        let is_there = match self.is_there {
            Some(is_there) => is_there,
            None => match self.ask(session).await {
                Ok(is_there) => is_there,
                // Refused as well: there is no right to speak of.
                Err(Fault { class: FaultClass::Forbidden | FaultClass::Missing | FaultClass::Bug, .. }) => false,
                Err(later) => return later.nothing_done(),
            },
        };
        self.is_there = Some(is_there);
        if is_there { Fault { class: FaultClass::Rejected, ..fault } } else { fault }
    }

    /// `check_access_rights` is in every version so far and deprecated from 18 on, where `has_access` came.
    async fn ask(&self, session: &Session) -> Result<bool, Fault> {
        let old = json!({ "operation": self.operation, "raise_exception": false });
        match ask(session, wire::read(CONTACTS, "check_access_rights", old)).await {
            Err(Fault { class: FaultClass::Missing | FaultClass::Bug, .. }) => {
                let new = json!({ "ids": [], "operation": self.operation });
                ask(session, wire::read(CONTACTS, "has_access", new)).await
            }
            told => told,
        }
    }
}

/// Sets the values on all records, or where one of them is in the way, on each by itself. One outcome for each.
async fn change(
    session: &Session,
    ids: &[&str],
    vals: &Map<String, Json>,
    right: &mut Right,
) -> Vec<Result<(), Fault>> {
    let together = set(session, ids, vals, right).await;
    match together {
        Err(fault) if ids.len() > 1 && is_of_row(&fault) => {}
        done => return vec![done; ids.len()],
    }
    let mut each: Vec<Result<(), Fault>> = Vec::with_capacity(ids.len());
    for id in ids {
        let ended = each.last().and_then(|done| done.as_ref().err()).filter(|fault| !is_of_row(fault));
        each.push(match ended {
            Some(fault) => Err(not_sent(fault.clone())),
            None => set(session, &[id], vals, right).await,
        });
    }
    each
}

async fn set(session: &Session, ids: &[&str], vals: &Map<String, Json>, right: &mut Right) -> Result<(), Fault> {
    let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
    let known = numbers(&ids);
    if known.len() < ids.len() {
        return Err(Fault::new(FaultClass::Missing, "NO_RECORD", "Odoo's ids are numbers."));
    }
    let call = wire::write(CONTACTS, "write", json!({ "ids": known, "vals": vals }));
    match ask::<Json>(session, call).await {
        Ok(_) => Ok(()),
        Err(fault) => Err(right.judge(session, fault).await),
    }
}

/// One call, and one for each record where one is in the way. What is gone already is archived well enough.
async fn archive(session: &Session, ids: &[String]) -> Result<Vec<RowOutcome>, Fault> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let vals = Map::from_iter([("active".to_owned(), false.into())]);
    let done = change(session, &ids, &vals, &mut Right::new("write")).await;
    if let Some(Err(fault)) = done.first().filter(|_| done.iter().all(|it| *it == done[0]))
        && !is_of_row(fault)
    {
        return Err(fault.clone());
    }
    Ok(done.into_iter().map(Outcome::archived).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{Line, Script};

    #[tokio::test]
    async fn a_name_that_is_taken_away_makes_room_for_the_address() {
        let update = |id: &str, name: Option<&str>| {
            let properties = [(NAME.to_owned(), name.map(str::to_owned))].into();
            Update { trace: id.into(), id: id.into(), properties, before: None }
        };
        let rows = [update("1", Some("Ada")), update("2", None), update("3", None)];
        let row =
            |id: u64, email: Json| json!({ "id": id, "email": email, "phone": "+14155550000", "write_date": false });
        let held = Line::new(200, json!([row(2, json!("b@example.com")), row(3, json!(false))]));
        let done = || Line::new(200, json!(true));
        let (script, session, _) = Script::new([held, done(), done(), done()]);
        write(&session, &Write::Update(rows.to_vec())).await.expect("rows");
        let vals: Vec<Json> = script.bodies()[1..4].iter().map(|body| body["vals"]["name"].clone()).collect();
        assert_eq!(vals, [json!("Ada"), json!("b@example.com"), json!("+14155550000")]);
    }
}
