//! Fields: those of every company and those of its own, whose codes are 40 hexadecimal digits and differ from company
//! to company. Source: Pipedrive's fields API v2.

use std::collections::BTreeMap;

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::answer::{Answer, Call, Refusal, Reply};
use super::company::Company;
use super::kinds::{KINDS, Kind, Shape};
use super::lists::{limit, offset_cursor, offset_of};
use super::values::parts;

/// Types a company may make fields of.
const CREATABLE: [&str; 16] = [
    "varchar",
    "text",
    "double",
    "phone",
    "date",
    "daterange",
    "time",
    "timerange",
    "set",
    "enum",
    "varchar_auto",
    "address",
    "monetary",
    "org",
    "people",
    "user",
];
/// Fields of one object at most.
const FIELDS_MAX: usize = 1_000;
/// Options of one field at most.
const OPTIONS_MAX: usize = 10_000;
/// Digits of a custom field's code.
const CODE_DIGITS: usize = 40;
/// Labels every company starts with.
const LABELS: [&str; 4] = ["Customer", "Hot lead", "Warm lead", "Cold lead"];

#[derive(Clone, Debug)]
pub(super) struct Choice {
    pub(super) id: i64,
    pub(super) label: String,
}

#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) code: String,
    pub(super) field_type: String,
    pub(super) options: Vec<Choice>,
    pub(super) is_custom: bool,
    is_required: bool,
    is_dropped: bool,
}

/// The fields of every object.
#[derive(Debug, Default)]
pub(super) struct Fields {
    by_kind: BTreeMap<Kind, Vec<Field>>,
    last_option: i64,
}

/// The code of a native field. Pipedrive's reference shows `phone` for the member that records call `phones`.
fn code_of(member: &str) -> &str {
    match member {
        "emails" => "email",
        "phones" => "phone",
        other => other,
    }
}

impl Fields {
    pub(super) fn standard() -> Self {
        let mut all = Self::default();
        for kind in KINDS {
            let mut fields = vec![native("id", "ID", "int")];
            for member in kind.members() {
                let mut field = native(code_of(member.code), member.label, member.shape.field_type());
                if member.code == "phones" {
                    field.field_type = "phone".to_owned();
                }
                field.is_required = member.shape == Shape::Name;
                if member.shape == Shape::Labels {
                    field.options = LABELS.iter().map(|label| all.choice(label)).collect();
                }
                fields.push(field);
            }
            fields.push(native("add_time", "Created", "date"));
            fields.push(native("update_time", "Update time", "date"));
            all.by_kind.insert(kind, fields);
        }
        all
    }

    fn choice(&mut self, label: &str) -> Choice {
        self.last_option += 1;
        Choice { id: self.last_option, label: label.to_owned() }
    }

    fn all(&self, kind: Kind) -> impl Iterator<Item = &Field> {
        self.by_kind.get(&kind).into_iter().flatten().filter(|field| !field.is_dropped)
    }

    /// The object's own fields that live.
    pub(super) fn customs(&self, kind: Kind) -> impl Iterator<Item = &Field> {
        self.all(kind).filter(|field| field.is_custom)
    }

    pub(super) fn named(&self, kind: Kind, code: &str) -> Option<&Field> {
        self.all(kind).find(|field| field.code == code)
    }

    /// A custom field by its code or, as people say it, its name.
    pub(super) fn named_or_labelled(&self, kind: Kind, name: &str) -> Option<&Field> {
        let labelled = || self.customs(kind).find(|field| field.name.eq_ignore_ascii_case(name));
        self.customs(kind).find(|field| field.code == name).or_else(labelled)
    }

    /// Whether an admin took a native member away.
    pub(super) fn is_dropped(&self, kind: Kind, member: &str) -> bool {
        let fields = self.by_kind.get(&kind).into_iter().flatten();
        fields.into_iter().any(|field| field.is_dropped && field.code == code_of(member))
    }

    fn get_mut(&mut self, kind: Kind, code: &str) -> Result<&mut Field, Refusal> {
        let fields = self.by_kind.entry(kind).or_default();
        fields.iter_mut().find(|field| field.code == code && !field.is_dropped).ok_or_else(no_field)
    }

    /// Takes a field away or brings it back, by its code or its name.
    pub(super) fn set_dropped(&mut self, kind: Kind, name: &str, is_dropped: bool) -> Result<(), Refusal> {
        let fields = self.by_kind.entry(kind).or_default();
        let found =
            fields.iter_mut().find(|field| field.code == code_of(name) || (field.is_custom && field.name == name));
        found.map(|field| field.is_dropped = is_dropped).ok_or_else(no_field)
    }
}

fn native(code: &str, name: &str, field_type: &str) -> Field {
    Field {
        name: name.to_owned(),
        code: code.to_owned(),
        field_type: field_type.to_owned(),
        options: Vec::new(),
        is_custom: false,
        is_required: false,
        is_dropped: false,
    }
}

fn no_field() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "Field not found").code("ERR_NOT_FOUND")
}

fn view(field: &Field, extras: &[&str]) -> Value {
    let options = match field.field_type.as_str() {
        "enum" | "set" => options_view(&field.options),
        "status" => {
            ["open", "lost", "won", "deleted"].map(|id| json!({"id": id, "label": capital(id)})).to_vec().into()
        }
        "visible_to" => json!([{"id": 1, "label": "Owner & followers"}, {"id": 3, "label": "Entire company"}]),
        _ => Value::Null,
    };
    let subfields = parts(&field.field_type).map(|parts| {
        let name = |part: &str| format!("{} of {}", capital(part), field.name);
        let part = |part: &&str| json!({"field_code": part, "field_name": name(part), "field_type": "varchar"});
        parts.iter().map(part).collect::<Vec<_>>()
    });
    let mut view = json!({
        "field_name": field.name,
        "field_code": field.code,
        "field_type": field.field_type,
        "options": options,
        "subfields": subfields,
        "is_custom_field": field.is_custom,
        "is_optional_response_field": false,
    });
    for extra in extras {
        view[*extra] = match *extra {
            "ui_visibility" => json!({"add_visible_flag": !field.is_custom, "details_visible_flag": true,
                "show_in_add_deal_dialog": {"show": false, "order": null}}),
            "required_fields" => json!({"enabled": field.is_required}),
            _ => json!({"enabled": false, "stage_ids": []}),
        };
    }
    view
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn options_view(options: &[Choice]) -> Value {
    options.iter().map(|it| json!({"id": it.id, "label": it.label})).collect()
}

const EXTRAS: [&str; 3] = ["ui_visibility", "important_fields", "required_fields"];

fn extras(call: &Call) -> Result<Vec<&str>, Refusal> {
    let asked = call.query_list("include_fields").unwrap_or_default();
    match asked.iter().find(|it| !EXTRAS.contains(it)) {
        Some(unknown) => Err(Refusal::invalid(format!("include_fields: {unknown} is not allowed"))),
        None => Ok(asked),
    }
}

/// `GET /api/v2/personFields` and the like
pub(super) fn list(company: &mut Company, call: &Call) -> Answer {
    let extras = extras(call)?;
    let (start, limit) = (offset_of(call)?, limit(company, call)?);
    let all: Vec<&Field> = company.fields.all(call.kind()).collect();
    let rows: Vec<Value> = all.iter().skip(start).take(limit).map(|field| view(field, &extras)).collect();
    let next = offset_cursor(start + rows.len(), all.len());
    Ok(Reply::page(rows, next))
}

/// `GET /api/v2/personFields/{field_code}`
pub(super) fn read(company: &mut Company, call: &Call) -> Answer {
    let extras = extras(call)?;
    let found = company.fields.named(call.kind(), call.param("field_code"));
    found.map(|field| Reply::data(view(field, &extras))).ok_or_else(no_field)
}

fn member<'a>(body: &'a Map<String, Value>, name: &str) -> Result<&'a str, Refusal> {
    let text = body.get(name).and_then(Value::as_str).map(str::trim).filter(|it| !it.is_empty() && it.len() <= 255);
    text.ok_or_else(|| Refusal::invalid(format!("{name} must be a string")))
}

/// Rows of a request about options, with the id or the label each needs.
fn option_rows(value: &Value, with_id: bool, with_label: bool) -> Result<Vec<(i64, String)>, Refusal> {
    let rows = value.as_array().filter(|rows| !rows.is_empty() && rows.len() <= OPTIONS_MAX);
    let rows = rows.ok_or_else(|| Refusal::invalid("options must be an array that is not empty"))?;
    let read = rows.iter().map(|row| {
        let id = row["id"].as_i64().filter(|_| with_id).unwrap_or_default();
        let label = row["label"].as_str().filter(|it| with_label && !it.is_empty()).unwrap_or_default();
        if (with_id && id == 0) || (with_label && label.is_empty()) {
            return Err(Refusal::invalid("options: id must be an integer and label a string"));
        }
        Ok((id, label.to_owned()))
    });
    read.collect()
}

/// `POST /api/v2/personFields`
pub(super) fn create(company: &mut Company, call: &Call) -> Answer {
    let (kind, body) = (call.kind(), call.object()?);
    let known = ["field_name", "field_type", "options"];
    if let Some(name) = body.keys().find(|it| !known.contains(&it.as_str()) && !EXTRAS.contains(&it.as_str())) {
        return Err(Refusal::invalid(format!("{name} is not allowed")));
    }
    let (name, field_type) = (member(&body, "field_name")?, member(&body, "field_type")?);
    let has_options = ["enum", "set"].contains(&field_type);
    let labels = match body.get("options").filter(|_| has_options) {
        Some(options) => option_rows(options, false, true)?,
        None if has_options => return Err(Refusal::invalid("options is required")),
        None => Vec::new(),
    };
    let labels: Vec<String> = labels.into_iter().map(|(_, label)| label).collect();
    let field = company.add_field(kind, name, field_type, &labels)?;
    Ok(Reply::data(view(&field, &EXTRAS)))
}

impl Company {
    /// Makes a field of the company's own.
    pub(super) fn add_field(
        &mut self,
        kind: Kind,
        name: &str,
        field_type: &str,
        labels: &[String],
    ) -> Result<Field, Refusal> {
        if !CREATABLE.contains(&field_type) {
            return Err(Refusal::invalid(format!("field_type must be one of {}", CREATABLE.join(", "))));
        }
        if self.fields.all(kind).count() >= FIELDS_MAX {
            return Err(Refusal::capped("field", "custom fields"));
        }
        let code: String = self.rng.token(3).chars().take(CODE_DIGITS).collect();
        let mut field = native(&code, name, field_type);
        field.is_custom = true;
        field.options = labels.iter().map(|label| self.fields.choice(label)).collect();
        self.fields.by_kind.entry(kind).or_default().push(field.clone());
        Ok(field)
    }
}

/// `PATCH /api/v2/personFields/{field_code}`
pub(super) fn update(company: &mut Company, call: &Call) -> Answer {
    let body = call.object()?;
    let field = company.fields.get_mut(call.kind(), call.param("field_code"))?;
    if body.contains_key("field_name") {
        member(&body, "field_name")?.clone_into(&mut field.name);
    }
    Ok(Reply::data(view(field, &EXTRAS)))
}

/// `DELETE /api/v2/personFields/{field_code}`: its values go with it.
pub(super) fn delete(company: &mut Company, call: &Call) -> Answer {
    let field = company.fields.get_mut(call.kind(), call.param("field_code"))?;
    if !field.is_custom {
        return Err(Refusal::new(StatusCode::FORBIDDEN, "Field cannot be deleted").code("ERR_FORBIDDEN"));
    }
    field.is_dropped = true;
    Ok(Reply::data(view(field, &[])))
}

/// `POST /api/v2/personFields/{field_code}/options`
pub(super) fn add_options(company: &mut Company, call: &Call) -> Answer {
    let rows = option_rows(&call.json()?, false, true)?;
    company.fields.get_mut(call.kind(), call.param("field_code"))?;
    let added: Vec<Choice> = rows.iter().map(|(_, label)| company.fields.choice(label)).collect();
    let field = optional(company, call)?;
    field.options.extend(added.iter().cloned());
    Ok(Reply::json(StatusCode::OK, json!({"success": true, "data": options_view(&added), "additional_data": null})))
}

fn optional<'a>(company: &'a mut Company, call: &Call) -> Result<&'a mut Field, Refusal> {
    let field = company.fields.get_mut(call.kind(), call.param("field_code"))?;
    if ["enum", "set"].contains(&field.field_type.as_str()) {
        return Ok(field);
    }
    Err(Refusal::invalid("this field has no options"))
}

/// `PATCH` and `DELETE /api/v2/personFields/{field_code}/options`: all of the rows or none.
fn change_options(company: &mut Company, call: &Call, renames: bool) -> Answer {
    let rows = option_rows(&call.json()?, true, renames)?;
    let field = optional(company, call)?;
    if let Some((id, _)) = rows.iter().find(|(id, _)| !field.options.iter().any(|it| it.id == *id)) {
        return Err(Refusal::invalid(format!("options: {id} does not exist")));
    }
    let asked = |it: &Choice| rows.iter().find(|(id, _)| *id == it.id);
    let mut changed: Vec<Choice> = field.options.iter().filter(|it| asked(it).is_some()).cloned().collect();
    if renames {
        for option in changed.iter_mut().chain(&mut field.options) {
            if let Some((_, label)) = rows.iter().find(|(id, _)| *id == option.id) {
                option.label.clone_from(label);
            }
        }
    } else {
        field.options.retain(|it| asked(it).is_none());
    }
    Ok(Reply::json(StatusCode::OK, json!({"success": true, "data": options_view(&changed), "additional_data": null})))
}

/// `PATCH /api/v2/personFields/{field_code}/options`
pub(super) fn rename_options(company: &mut Company, call: &Call) -> Answer {
    change_options(company, call, true)
}

/// `DELETE /api/v2/personFields/{field_code}/options`
pub(super) fn delete_options(company: &mut Company, call: &Call) -> Answer {
    change_options(company, call, false)
}
