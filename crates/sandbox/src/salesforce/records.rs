//! Records one at a time: by id, by external id, and what is told of an object's changes.

use http::{Method, StatusCode};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::answer::{Answer, Call, Content, Refusal, Reply, Wrong};
use super::field::{Field, Kind};
use super::ids;
use super::org::{By, Org};
use super::rows::Row;
use super::schema::Object;

/// From this version on an upsert that updates answers 200 with a body; before, 204 without.
const UPSERTS_WITH_BODY: f64 = 46.0;

/// Whether the caller overrules the org's duplicate rule.
pub(super) fn allows_duplicates(call: &Call) -> bool {
    call.header("sforce-duplicate-rule-header").is_some_and(|it| it.to_lowercase().contains("allowsave=true"))
}

pub(super) fn saved(id: &str) -> Value {
    json!({"id": id, "success": true, "errors": []})
}

/// As a path's refusal: what is not there is 404.
pub(super) fn on_path(wrong: Wrong) -> Refusal {
    match wrong.code.as_str() {
        "INVALID_TYPE" | "INVALID_CROSS_REFERENCE_KEY" => Refusal::not_found(),
        "MALFORMED_ID" => {
            let message = format!(
                "Provided external ID field does not exist or is not accessible: {}",
                wrong.message.trim_start_matches("malformed id ")
            );
            Refusal::new(StatusCode::NOT_FOUND, "NOT_FOUND", message)
        }
        _ => wrong.into(),
    }
}

impl Org {
    /// What a read shows of a field: of a file only its address.
    pub(super) fn shown_value(&self, row: &Row, field: &Field, call: &Call) -> Value {
        let value = self.value(row, field);
        if field.kind == Kind::Base64 && !value.is_null() {
            return format!("{}/{}", call.url_of(&row.object, &row.id), field.name).into();
        }
        value
    }

    /// The live record of an object.
    fn record(&self, object: &Object, id: &str) -> Result<&Row, Refusal> {
        let row = self.standing(id).map_err(on_path)?;
        if row.object == object.name { Ok(row) } else { Err(Refusal::not_found()) }
    }

    /// Live records that an external id leads to.
    pub(super) fn by_external_id(&self, object: &Object, name: &str, value: &Value) -> Result<Vec<String>, Wrong> {
        let field = object.field(name).filter(|field| {
            field.external_id || field.id_lookup && (field.name != "Email" || self.settings.upserts_by_email)
        });
        let Some(field) = field else {
            let message = format!("Provided external ID field does not exist or is not accessible: {name}");
            return Err(Wrong::new("NOT_FOUND", message));
        };
        if field.kind == Kind::Id {
            return self.standing(value.as_str().unwrap_or_default()).map(|row| vec![row.id.clone()]);
        }
        Ok(self.rows.by_key(&object.name, &field.name, value))
    }
}

/// `sobjects/{object}`: POST makes a record, GET tells of the object.
pub(super) fn object(org: &mut Org, call: &Call, name: &str) -> Answer {
    match call.method {
        Method::POST => {
            let body: Map<String, Value> = call.json()?;
            org.object(name).map_err(on_path)?;
            let id = org.create(name, &body, By::App, allows_duplicates(call))?;
            let at = call.url_of(name, &id);
            Ok(Reply::json(StatusCode::CREATED, saved(&id)).header("location", at))
        }
        Method::GET => {
            let object = org.object(name).map_err(on_path)?;
            let about = super::describe::summary(&object, call);
            let mut recent: Vec<&Row> = org.rows.of(&object.prefix).filter(|row| row.deleted_us.is_none()).collect();
            recent.sort_by_key(|row| std::cmp::Reverse(row.modified_us));
            let shown = recent.into_iter().take(5).map(|row| {
                let mut record = org.attributes(row, call);
                record.insert("Id".to_owned(), row.id.clone().into());
                Value::from(record)
            });
            let items: Vec<Value> = shown.collect();
            Ok(Reply::ok(json!({"objectDescribe": about, "recentItems": items})))
        }
        _ => Err(Refusal::method(&call.method)),
    }
}

/// `sobjects/{object}/{id}`
pub(super) fn one(org: &mut Org, call: &Call, name: &str, id: &str) -> Answer {
    let object = org.object(name).map_err(on_path)?;
    let row = org.record(&object, id)?.clone();
    preconditions(call, row.modified_us)?;
    match call.method {
        Method::GET if is_unchanged(call, row.modified_us) => Ok(Reply::empty(StatusCode::NOT_MODIFIED)),
        Method::GET => Ok(Reply::ok(show(org, call, &object, &row)?)),
        Method::PATCH => {
            let body: Map<String, Value> = call.json()?;
            org.update(&row.id, &body, By::App)?;
            Ok(Reply::empty(StatusCode::NO_CONTENT))
        }
        Method::DELETE => {
            org.delete(&row.id, By::App)?;
            Ok(Reply::empty(StatusCode::NO_CONTENT))
        }
        _ => Err(Refusal::method(&call.method)),
    }
}

fn show(org: &Org, call: &Call, object: &Object, row: &Row) -> Result<Value, Refusal> {
    let mut record = org.attributes(row, call);
    match call.query("fields") {
        Some(names) => {
            for name in names.split(',').map(str::trim).filter(|name| !name.is_empty()) {
                let field = object.needed(name)?;
                record.insert(field.name.clone(), org.shown_value(row, field, call));
            }
            record.insert("Id".to_owned(), row.id.clone().into());
        }
        None => {
            let all = object.fields.iter().map(|field| (field.name.clone(), org.shown_value(row, field, call)));
            record.extend(all);
        }
    }
    Ok(record.into())
}

/// Moments of conditional headers are in whole seconds.
fn header_us(call: &Call, name: &str) -> Option<i64> {
    let text = call.header(name)?;
    let at: Timestamp = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(at.as_microsecond())
}

fn preconditions(call: &Call, modified_us: i64) -> Result<(), Refusal> {
    match header_us(call, "if-unmodified-since") {
        Some(since_us) if modified_us > since_us => {
            let message = "Entity has been modified since the time given in If-Unmodified-Since";
            Err(Refusal::new(StatusCode::PRECONDITION_FAILED, "PRECONDITION_FAILED", message))
        }
        _ => Ok(()),
    }
}

pub(super) fn is_unchanged(call: &Call, changed_us: i64) -> bool {
    header_us(call, "if-modified-since").is_some_and(|since_us| changed_us < since_us + super::times::SECOND_US)
}

/// `sobjects/{object}/{field}/{value}`: a record by an external id; and the content of a file by the record's id.
pub(super) fn keyed(org: &mut Org, call: &Call, name: &str, field: &str, value: &str) -> Answer {
    let object = org.object(name).map_err(on_path)?;
    if let Some(long) = ids::long(field).filter(|_| object.field(field).is_none()) {
        return file(org, call, &object, &long, value);
    }
    let found = org.by_external_id(&object, field, &value.into());
    let found = match found {
        Err(wrong) if field.eq_ignore_ascii_case("Id") => return Err(on_path(wrong)),
        other => other?,
    };
    if found.len() > 1 {
        let urls: Vec<String> = found.iter().map(|id| call.url_of(&object.name, id)).collect();
        return Ok(Reply::json(StatusCode::MULTIPLE_CHOICES, json!(urls)));
    }
    match (&call.method, found.first()) {
        (&Method::PATCH | &Method::POST, found) => upsert_one(org, call, &object, field, value, found),
        (_, Some(id)) => one(org, call, name, &id.clone()),
        (_, None) => Err(Refusal::not_found()),
    }
}

fn upsert_one(org: &mut Org, call: &Call, object: &Object, key: &str, value: &str, found: Option<&String>) -> Answer {
    let mut body: Map<String, Value> = call.json()?;
    if body.keys().any(|name| name.eq_ignore_ascii_case(key)) {
        return Err(Refusal::bad(
            "INVALID_FIELD",
            format!("The {key} field should not be specified in the sobject data."),
        ));
    }
    match found {
        Some(id) => {
            org.update(id, &body, By::App)?;
            if call.version_number() < UPSERTS_WITH_BODY {
                return Ok(Reply::empty(StatusCode::NO_CONTENT));
            }
            let mut answer = saved(id);
            answer["created"] = false.into();
            Ok(Reply::ok(answer))
        }
        None if call.is_set("updateOnly") => Err(Refusal::not_found()),
        None => {
            body.insert(key.to_owned(), value.into());
            let id = org.create(&object.name, &body, By::App, allows_duplicates(call))?;
            let mut answer = saved(&id);
            answer["created"] = true.into();
            Ok(Reply::json(StatusCode::CREATED, answer))
        }
    }
}

fn file(org: &Org, call: &Call, object: &Object, id: &str, name: &str) -> Answer {
    use base64::Engine;
    let field = object.field(name).filter(|field| field.kind == Kind::Base64).ok_or_else(Refusal::not_found)?;
    if call.method != Method::GET {
        return Err(Refusal::method(&call.method));
    }
    let row = org.record(object, id)?;
    let bytes = base64::engine::general_purpose::STANDARD.decode(row.text(&field.name)).unwrap_or_default();
    Ok(Reply::new(StatusCode::OK, Content::Other("application/octet-stream", bytes)))
}
