//! Which records of an object changed or were deleted in a span of time. Source: Salesforce's getUpdated and
//! getDeleted.

use serde_json::{Value, json};

use super::answer::{Answer, Call, Refusal, Reply};
use super::org::{BIN_US, Org};
use super::records::on_path;
use super::rows::Row;
use super::times::{DAY_US, SECOND_US, moment, stamp};

const MINUTE_US: i64 = 60 * SECOND_US;

/// How far back changes are told.
const UPDATED_US: i64 = 30 * DAY_US;

/// Ids that an answer may hold.
const IDS_MAX: usize = 600_000;

/// The span asked for, whole minutes: seconds are not looked at.
fn span(call: &Call, earliest_us: i64) -> Result<(i64, i64), Refusal> {
    let minute = |name: &str| -> Result<i64, Refusal> {
        let text = call.query(name).unwrap_or_default();
        // A plus sign that nobody encoded arrives as a blank.
        let us = moment(text).or_else(|| moment(&text.replace(' ', "+")));
        let us = us.ok_or_else(|| Refusal::bad("INVALID_REPLICATION_DATE", format!("invalid {name} date: {text}")))?;
        Ok(us - us.rem_euclid(MINUTE_US))
    };
    let (start, end) = (minute("start")?, minute("end")?);
    let refused = |message: &str| Err(Refusal::bad("INVALID_REPLICATION_DATE", message));
    if start < earliest_us - MINUTE_US {
        return refused("startDate before org replication enabled date");
    }
    if end < start + MINUTE_US {
        return refused("startDate must be at least one minute before endDate");
    }
    Ok((start, end))
}

fn covered(org: &Org, end: i64) -> i64 {
    let now = org.org_us();
    end.min(now - now.rem_euclid(MINUTE_US))
}

fn within(
    org: &Org,
    prefix: &str,
    at: impl Fn(&Row) -> Option<i64>,
    span: (i64, i64),
) -> Result<Vec<(i64, String)>, Refusal> {
    let rows = org.rows.of(prefix);
    let mut found: Vec<(i64, String)> = rows
        .filter_map(|row| Some((at(row)?, row.id.clone())))
        .filter(|(at_us, _)| *at_us >= span.0 && *at_us < span.1)
        .collect();
    if found.len() > IDS_MAX {
        return Err(Refusal::bad("EXCEEDED_ID_LIMIT", "Too many ids in the span of time"));
    }
    found.sort();
    Ok(found)
}

/// `GET sobjects/{object}/updated`
pub(super) fn updated(org: &mut Org, call: &Call, name: &str) -> Answer {
    let object = org.object(name).map_err(on_path)?;
    let span = span(call, org.org_us() - UPDATED_US)?;
    let changed = |row: &Row| row.deleted_us.is_none().then_some(row.stamp_us);
    let found = within(org, &object.prefix, changed, span)?;
    let ids: Vec<&String> = found.iter().map(|(_, id)| id).collect();
    let rows = ids.len();
    Ok(Reply::ok(json!({"ids": ids, "latestDateCovered": stamp(covered(org, span.1))})).rows(rows))
}

/// `GET sobjects/{object}/deleted`
pub(super) fn deleted(org: &mut Org, call: &Call, name: &str) -> Answer {
    let object = org.object(name).map_err(on_path)?;
    let earliest_us = org.org_us() - BIN_US;
    let span = span(call, earliest_us)?;
    let found = within(org, &object.prefix, |row| row.deleted_us.filter(|_| org.in_bin(row)), span)?;
    let rows: Vec<Value> = found.iter().map(|(at_us, id)| json!({"id": id, "deletedDate": stamp(*at_us)})).collect();
    let count = rows.len();
    Ok(Reply::ok(json!({
        "deletedRecords": rows,
        "earliestDateAvailable": stamp(earliest_us),
        "latestDateCovered": stamp(covered(org, span.1)),
    }))
    .rows(count))
}
