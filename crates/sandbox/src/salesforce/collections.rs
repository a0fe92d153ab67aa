//! Up to 200 records in one call: an answer for each row, in the rows' order.

use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::answer::{Answer, Call, Refusal, Reply, Wrong};
use super::ids;
use super::org::{By, Org};
use super::records::{allows_duplicates, on_path, saved};

/// Rows of one call.
pub(super) const ROWS_MAX: usize = 200;

/// Records that one read by ids may ask for.
const READ_MAX: usize = 2_000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    #[serde(default)]
    all_or_none: bool,
    #[serde(default)]
    records: Vec<Map<String, Value>>,
}

/// What became of a row.
struct Done {
    id: String,
    created: Option<bool>,
}

fn type_of(row: &Map<String, Value>) -> Result<String, Wrong> {
    let named = row.get("attributes").and_then(|it| it["type"].as_str());
    named.map(str::to_owned).ok_or_else(|| Wrong::new("INVALID_TYPE", "sObject type is not specified"))
}

fn checked(count: usize) -> Result<(), Refusal> {
    match count {
        0 => Err(Refusal::bad("REQUIRED_FIELD_MISSING", "At least 1 record is required")),
        1..=ROWS_MAX => Ok(()),
        _ => {
            let message = format!("record limit reached. cannot submit more than {ROWS_MAX} records into this call");
            Err(Refusal::bad("EXCEEDED_ID_LIMIT", message))
        }
    }
}

/// `composite/sobjects`
pub(super) fn many(org: &mut Org, call: &Call) -> Answer {
    match call.method {
        Method::POST => {
            let body: Body = call.json()?;
            let allows = allows_duplicates(call);
            each(org, call, body.all_or_none, body.records, |org, row| {
                let id = org.create(&type_of(&row)?, &row, By::App, allows)?;
                Ok(Done { id, created: None })
            })
        }
        Method::PATCH => {
            let body: Body = call.json()?;
            each(org, call, body.all_or_none, body.records, |org, mut row| {
                let id = row.remove("id").or_else(|| row.remove("Id"));
                let id = id.and_then(|id| id.as_str().map(str::to_owned));
                let id = id.ok_or_else(|| Wrong::new("MISSING_ARGUMENT", "Id not specified in an update call"))?;
                let id = org.standing(&id)?.id.clone();
                org.update(&id, &row, By::App)?;
                Ok(Done { id, created: None })
            })
        }
        Method::DELETE => {
            let asked = call.query("ids").unwrap_or_default();
            let rows: Vec<String> =
                asked.split(',').map(str::trim).filter(|it| !it.is_empty()).map(str::to_owned).collect();
            each(org, call, call.is_set("allOrNone"), rows, |org, id| {
                let id = org.standing(&id)?.id.clone();
                org.delete(&id, By::App)?;
                Ok(Done { id, created: None })
            })
        }
        Method::GET => Err(Refusal::not_found()),
        _ => Err(Refusal::method(&call.method)),
    }
}

/// `composite/sobjects/{object}/{field}`
pub(super) fn upsert(org: &mut Org, call: &Call, object: &str, key: &str) -> Answer {
    if call.method != Method::PATCH {
        return Err(Refusal::method(&call.method));
    }
    let object = org.object(object).map_err(on_path)?;
    // A key that is none refuses the call, not each row.
    if !key.eq_ignore_ascii_case("Id") {
        org.by_external_id(&object, key, &Value::Null)?;
    }
    let body: Body = call.json()?;
    let allows = allows_duplicates(call);
    each(org, call, body.all_or_none, body.records, |org, mut row| {
        if type_of(&row).is_ok_and(|named| !named.eq_ignore_ascii_case(&object.name)) {
            return Err(Wrong::new("INVALID_TYPE", "sObject type of the record is not that of the call"));
        }
        let name = row.keys().find(|name| name.eq_ignore_ascii_case(key)).cloned();
        let value = name.and_then(|name| row.remove(&name)).filter(|value| !value.is_null());
        let is_id = key.eq_ignore_ascii_case("Id");
        let found = match &value {
            None if is_id => Vec::new(),
            None => return Err(Wrong::new("MISSING_ARGUMENT", format!("{key} not specified"))),
            Some(value) => org.by_external_id(&object, key, value)?,
        };
        match found.as_slice() {
            [] => {
                if let Some(value) = value {
                    row.insert(key.to_owned(), value);
                }
                let id = org.create(&object.name, &row, By::App, allows)?;
                Ok(Done { id, created: Some(true) })
            }
            [id] => {
                org.update(id, &row, By::App)?;
                Ok(Done { id: id.clone(), created: Some(false) })
            }
            several => {
                let shown = several.join(", ");
                Err(Wrong::new(
                    "DUPLICATE_EXTERNAL_ID",
                    format!("{key}: more than one record found for external id field: [{shown}]"),
                ))
            }
        }
    })
}

/// Does every row; with `all_or_none` one bad row undoes the others.
fn each<T>(
    org: &mut Org,
    call: &Call,
    all_or_none: bool,
    rows: Vec<T>,
    work: impl Fn(&mut Org, T) -> Result<Done, Wrong>,
) -> Answer {
    checked(rows.len())?;
    let count = rows.len();
    let mark = org.rows.begin();
    let done: Vec<Result<Done, Wrong>> =
        rows.into_iter().take(call.cut.unwrap_or(usize::MAX)).map(|row| work(org, row)).collect();
    // Of all or none a connection that breaks leaves none.
    let cut = call.cut.is_some_and(|rows| rows < count);
    let failed = all_or_none && (cut || done.iter().any(Result::is_err));
    org.rows.end(mark, failed);
    let answer: Vec<Value> = done
        .into_iter()
        .map(|row| match row {
            Ok(_) if failed => {
                let message = "Record rolled back because not all records were valid and the request was using \
                               AllOrNone header";
                json!({"success": false, "errors": [Wrong::new("ALL_OR_NONE_OPERATION_ROLLED_BACK", message).row()]})
            }
            Ok(Done { id, created }) => {
                let mut row = saved(&id);
                if let Some(created) = created {
                    row["created"] = created.into();
                }
                row
            }
            Err(wrong) => json!({"success": false, "errors": [wrong.row()]}),
        })
        .collect();
    Ok(Reply::ok(answer.into()).rows(count))
}

#[derive(Deserialize)]
struct Wanted {
    ids: Vec<String>,
    fields: Vec<String>,
}

/// `composite/sobjects/{object}`: records by their ids, null for each that is not there.
pub(super) fn read(org: &mut Org, call: &Call, name: &str) -> Answer {
    let object = org.object(name).map_err(on_path)?;
    let list = |name: &str| -> Vec<String> {
        call.query(name).unwrap_or_default().split(',').filter(|it| !it.is_empty()).map(str::to_owned).collect()
    };
    let wanted = match call.method {
        Method::POST => call.json()?,
        Method::GET => Wanted { ids: list("ids"), fields: list("fields") },
        _ => return Err(Refusal::method(&call.method)),
    };
    if wanted.ids.len() > READ_MAX {
        return Err(Refusal::bad("EXCEEDED_ID_LIMIT", format!("at most {READ_MAX} ids")));
    }
    let fields = wanted.fields.iter().map(|name| object.needed(name)).collect::<Result<Vec<_>, Wrong>>()?;
    let mut shown = Vec::new();
    for id in &wanted.ids {
        let Some(long) = ids::long(id) else {
            return Err(Refusal::bad("MALFORMED_ID", format!("malformed id {id}")));
        };
        let row = org.rows.live(&long).filter(|row| row.object == object.name);
        shown.push(row.map_or(Value::Null, |row| {
            let mut record = org.attributes(row, call);
            record.insert("Id".to_owned(), row.id.clone().into());
            for field in &fields {
                record.insert(field.name.clone(), org.shown_value(row, field, call));
            }
            record.into()
        }));
    }
    let rows = shown.len();
    Ok(Reply::json(StatusCode::OK, shown.into()).rows(rows))
}
