//! One record at a time in v2: how it is shown, read, made, changed and deleted. There is no batch, no upsert and
//! nothing is unique. Source: Pipedrive's OpenAPI document of v2.

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::answer::{Answer, Call, Refusal, Reply};
use super::company::{Company, Item, Source};
use super::fields::Field;
use super::kinds::{Kind, Shape};
use super::values::stamp;

/// Custom fields a call may choose at most.
const CHOSEN_MAX: usize = 15;

/// What of a record a call asked for.
pub(super) struct Selection<'a> {
    optional: Vec<&'a str>,
    customs: Option<Vec<&'a str>>,
    with_labels: bool,
}

impl<'a> Selection<'a> {
    pub(super) fn of(company: &Company, call: &'a Call) -> Result<Self, Refusal> {
        let kind = call.kind();
        let optional = call.query_list("include_fields").unwrap_or_default();
        if let Some(unknown) = optional.iter().find(|it| !kind.optional().contains(it)) {
            return Err(Refusal::invalid(format!("include_fields: {unknown} is not allowed")));
        }
        let customs = call.query_list("custom_fields");
        if customs.as_ref().is_some_and(|codes| codes.len() > CHOSEN_MAX) {
            return Err(Refusal::invalid(format!("custom_fields: no more than {CHOSEN_MAX} may be chosen")));
        }
        if let Some(unknown) = customs.iter().flatten().find(|it| company.fields.named(kind, it).is_none()) {
            return Err(Refusal::invalid(format!("custom_fields: {unknown} does not exist")));
        }
        Ok(Self { optional, customs, with_labels: call.query_flag("include_option_labels")?.unwrap_or(false) })
    }

    fn all() -> Self {
        Self { optional: Vec::new(), customs: None, with_labels: false }
    }

    fn wants(&self, code: &str) -> bool {
        self.customs.as_ref().is_none_or(|chosen| chosen.contains(&code))
    }
}

/// A value as v2 shows it where a record has none.
fn empty(shape: Shape) -> Value {
    match shape {
        Shape::Points | Shape::Labels | Shape::Participants | Shape::List => json!([]),
        Shape::Flag => false.into(),
        _ => Value::Null,
    }
}

/// A record as v2 shows it.
pub(super) fn view(company: &Company, item: &Item, selection: &Selection<'_>) -> Value {
    let mut view = Map::new();
    view.insert("id".to_owned(), item.id.into());
    for member in item.kind.members() {
        if company.fields.is_dropped(item.kind, member.code) || member.code == "attendees" {
            continue;
        }
        let value = item.now.values.get(member.code).cloned().unwrap_or_else(|| empty(member.shape));
        view.insert(member.code.to_owned(), value);
    }
    view.insert("add_time".to_owned(), stamp(item.add_us).into());
    view.insert("update_time".to_owned(), stamp(item.update_us).into());
    view.insert("is_deleted".to_owned(), item.deleted_us.is_some().into());
    for name in &selection.optional {
        // What the look-alike does not count is null.
        view.insert((*name).to_owned(), item.now.values.get(*name).cloned().unwrap_or_default());
    }
    if item.kind.takes_custom_fields() {
        let customs: Map<String, Value> = company
            .fields
            .customs(item.kind)
            .filter(|field| selection.wants(&field.code))
            .map(|field| (field.code.clone(), custom(field, item.now.custom.get(&field.code), selection)))
            .collect();
        view.insert("custom_fields".to_owned(), customs.into());
    }
    view.into()
}

fn custom(field: &Field, value: Option<&Value>, selection: &Selection<'_>) -> Value {
    let value = value.cloned().unwrap_or_default();
    if !selection.with_labels {
        return value;
    }
    let named = |id: &Value| {
        let option = field.options.iter().find(|it| Some(it.id) == id.as_i64());
        option.map_or(Value::Null, |it| json!({"id": it.id, "label": it.label}))
    };
    match (field.field_type.as_str(), &value) {
        ("enum", Value::Number(_)) => named(&value),
        ("set", Value::Array(ids)) => ids.iter().map(named).collect(),
        _ => value,
    }
}

pub(super) fn shown(company: &Company, kind: Kind, id: u64) -> Value {
    company.items.get(&(kind, id)).map_or(Value::Null, |item| view(company, item, &Selection::all()))
}

/// `GET /api/v2/persons/{id}` and the like
pub(super) fn read(company: &mut Company, call: &Call) -> Answer {
    let (kind, id) = (call.kind(), call.id()?);
    let selection = Selection::of(company, call)?;
    let item = company.seen(kind, id).ok_or_else(|| Refusal::not_found(kind))?;
    Ok(Reply::data(view(company, item, &selection)))
}

pub(super) fn created(company: &Company) -> StatusCode {
    StatusCode::from_u16(company.settings.created_status).unwrap_or(StatusCode::CREATED)
}

/// `POST /api/v2/persons` and the like
pub(super) fn create(company: &mut Company, call: &Call) -> Answer {
    let kind = call.kind();
    let draft = company.check(kind, &call.object()?, true)?;
    let id = company.create(kind, draft, Source::Api)?;
    Ok(Reply::data(shown(company, kind, id)).status(created(company)))
}

/// `PATCH /api/v2/persons/{id}` and the like: what is left out stays.
pub(super) fn update(company: &mut Company, call: &Call) -> Answer {
    let (kind, id) = (call.kind(), call.id()?);
    company.live_or_refuse(kind, id)?;
    let draft = company.check(kind, &call.object()?, false)?;
    company.write(kind, id, draft, Source::Api);
    Ok(Reply::data(shown(company, kind, id)))
}

/// `DELETE /api/v2/persons/{id}` and the like: purged thirty days later.
pub(super) fn delete(company: &mut Company, call: &Call) -> Answer {
    let (kind, id) = (call.kind(), call.id()?);
    company.live_or_refuse(kind, id)?;
    company.delete(kind, id, None, Source::Api);
    Ok(Reply::data(json!({"id": id})))
}
