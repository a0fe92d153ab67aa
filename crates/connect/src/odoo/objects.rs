//! Odoo's models for the CRM API: listed, described and searched (models `ir.model`, `ir.actions.server`; the ORM
//! reference, search domains).

use lockstep_core::crm::action::Key;
use lockstep_core::crm::selector::Choice;
use lockstep_core::crm::{Access, ApiObject, Filter, NativeField, NativeKind, Operator, Selector, Workflow};
use lockstep_core::record::{Properties, Record};
use serde_json::{Value as Json, json};

use super::values::{self, Field, Fields};
use super::wire::{self, CONTACTS, Row, Search as Wanted, ask, id_of, is_key, off_wire, on_wire, records};
use super::{ABOUT, read};
use crate::door::Session;
use crate::fault::{Fault, FaultClass};
use crate::objects::{Changed, Found, Search};

/// Models that are offered where the account has them: name, one, many.
const STANDARD: [(&str, &str, &str); 7] = [
    (CONTACTS, "Contact", "Contacts"),
    ("crm.lead", "Lead or opportunity", "Leads and opportunities"),
    ("helpdesk.ticket", "Ticket", "Tickets"),
    ("project.task", "Task", "Tasks"),
    ("mail.activity", "Activity", "Activities"),
    ("res.partner.category", "Contact tag", "Contact tags"),
    ("crm.tag", "CRM tag", "CRM tags"),
];
/// Models of the account's own that are offered.
const CUSTOM_MAX: usize = 50;
/// Records of a linked model that are offered as choices.
const CHOICES_MAX: usize = 200;
/// Models whose records are few and are chosen from.
const LISTS: [&str; 8] = [
    "crm.stage",
    "crm.team",
    "res.users",
    "res.country",
    "mail.activity.type",
    "crm.lost.reason",
    "helpdesk.stage",
    "helpdesk.team",
];
/// Server actions that are offered of one model.
const ACTIONS_MAX: usize = 25;

/// The models that the account has and the grant may read. One call, and one for each of them.
pub(super) async fn objects(session: &Session) -> Result<Vec<ApiObject>, Fault> {
    let names = STANDARD.map(|(name, ..)| name);
    let there = models(session, json!(["|", ["model", "in", names], ["state", "=", "manual"]])).await?;
    let mut offered = Vec::new();
    let standard = names.iter().filter_map(|name| there.iter().find(|object| object.slug == *name));
    let custom = there.iter().filter(|object| !names.contains(&object.slug.as_str()));
    for object in standard.chain(custom) {
        let arguments = json!({ "domain": [], "fields": ["id"], "limit": 1 });
        let seen = ask::<Vec<Row>>(session, wire::read(&object.slug, "search_read", arguments)).await;
        if granted(seen)?.is_some() {
            offered.push(object.clone());
        }
    }
    Ok(offered)
}

async fn models(session: &Session, domain: Json) -> Result<Vec<ApiObject>, Fault> {
    let arguments = json!({ "domain": domain, "fields": ["model", "name"], "order": "model",
        "limit": STANDARD.len() + CUSTOM_MAX });
    let rows: Vec<Row> = ask(session, wire::read("ir.model", "search_read", arguments)).await?;
    let object = |row: &Row| {
        let text = |member: &str| row.get(member).and_then(Json::as_str);
        let (slug, label) = (text("model")?, text("name")?);
        let known = STANDARD.iter().find(|(name, ..)| *name == slug);
        let (_, one, many) = known.copied().unwrap_or((slug, label, label));
        Some(ApiObject::new(slug, one, many))
    };
    Ok(rows.iter().filter_map(object).collect())
}

/// What the grant does not cover, or the account does not have, is not there.
fn granted<T>(answer: Result<T, Fault>) -> Result<Option<T>, Fault> {
    match answer {
        Err(fault) if matches!(fault.class, FaultClass::Forbidden | FaultClass::Missing | FaultClass::Rejected) => {
            Ok(None)
        }
        answer => answer.map(Some),
    }
}

/// One model with its fields and server actions. Three calls, and one for each list that a field is chosen from.
pub(super) async fn object(session: &Session, slug: &str) -> Result<ApiObject, Fault> {
    let found = models(session, json!([["model", "=", slug]])).await?.into_iter().next();
    let object = found.ok_or_else(|| {
        Fault::new(FaultClass::Missing, "NO_MODEL", format!("Odoo does not show a model \"{slug}\"."))
    })?;
    let known: Fields = values::fields(session, slug, &[]).await?;
    let mut fields = Vec::new();
    for (name, field) in known.into_iter().filter(|(_, field)| field.kind != "binary") {
        let choices = if LISTS.contains(&field.relation.as_str()) && field.kind == "many2one" {
            linked(session, &field.relation).await?
        } else {
            Vec::new()
        };
        fields.push(native(slug, &name, field, choices));
    }
    fields.sort_by_cached_key(|field| (!field.access.required, field.label.to_lowercase()));
    let workflows = actions(session, slug, &fields).await?;
    Ok(ApiObject { workflows, ..object.described(&fields) })
}

/// The records of a short list. One call.
async fn linked(session: &Session, model: &str) -> Result<Vec<Choice>, Fault> {
    let arguments = json!({ "domain": [], "fields": ["display_name"], "limit": CHOICES_MAX });
    let Some(rows) = granted(ask::<Vec<Row>>(session, wire::read(model, "search_read", arguments)).await)? else {
        return Ok(Vec::new());
    };
    let choice = |row: &Row| {
        let value = id_of(row)?.to_string();
        let label = row.get("display_name").and_then(Json::as_str).unwrap_or(&value).to_owned();
        Ok(Choice { label, value })
    };
    rows.iter().map(choice).collect()
}

fn native(model: &str, name: &str, field: Field, linked: Vec<Choice>) -> NativeField {
    // Odoo's pages let nobody type into such a field; what is derived takes nothing over the API either.
    let writable = !field.readonly && name != "id";
    let kind = match field.kind.as_str() {
        "boolean" => NativeKind::Boolean,
        "integer" | "many2one_reference" => NativeKind::Integer,
        "float" | "monetary" => NativeKind::Number,
        "date" => NativeKind::Date,
        "datetime" => NativeKind::Datetime,
        "selection" => NativeKind::Choice,
        "many2one" if !linked.is_empty() => NativeKind::Choice,
        "many2many" | "one2many" => NativeKind::Choices,
        _ => NativeKind::Text,
    };
    let listed = field.selection.into_iter().filter_map(|(value, label)| {
        Some(Choice { label, value: value.as_str().map(str::to_owned).or_else(|| Some(value.to_string()))? })
    });
    NativeField {
        name: off_wire(name).to_owned(),
        label: if field.string.is_empty() { name.to_owned() } else { field.string },
        kind,
        choices: listed.chain(linked).collect(),
        access: Access {
            readable: true,
            createable: writable,
            updateable: writable,
            // Contacts need one by a rule that the description does not tell; what has a default is not asked for.
            required: writable && (name == "name" && (field.required || model == CONTACTS) || is_needed(model, name)),
            searchable: field.searchable.unwrap_or(field.store),
        },
        children: Vec::new(),
    }
}

/// Fields besides names that have no default.
fn is_needed(model: &str, name: &str) -> bool {
    model == "mail.activity" && matches!(name, "res_model_id" | "res_id")
}

/// Server actions of a model that a person made to be run by hand; a form of what can be written before. One call. There
/// are none where the grant may not read them.
async fn actions(session: &Session, slug: &str, fields: &[NativeField]) -> Result<Vec<Workflow>, Fault> {
    let arguments = json!({ "domain": [["model_name", "=", slug], ["usage", "=", "ir_actions_server"]],
        "fields": ["name"], "order": "id", "limit": ACTIONS_MAX });
    let call = wire::read("ir.actions.server", "search_read", arguments);
    let Some(rows) = granted(ask::<Vec<Row>>(session, call).await)? else { return Ok(Vec::new()) };
    let writable = fields.iter().filter(|field| field.access.createable).cloned();
    let form: Vec<NativeField> =
        writable.map(|field| NativeField { access: Access { required: false, ..field.access }, ..field }).collect();
    let workflow = |row: &Row| {
        let id = id_of(row)?.to_string();
        let label = row.get("name").and_then(Json::as_str).unwrap_or(&id).to_owned();
        Ok(Workflow { selector: Selector::root(&label, &id, &form), id, label })
    };
    rows.iter().map(workflow).collect()
}

/// The record that holds our key, archived or not. One call, and one more where no living record has it.
///
/// # Errors
/// Class [`FaultClass::Rejected`] for any other property: Odoo keeps nothing unique, so the caller searches.
pub(super) async fn by_key(
    session: &Session,
    object: &str,
    key: &Key,
    properties: &[String],
) -> Result<Option<Record>, Fault> {
    if !is_key(&key.property) {
        let fault = Fault::new(FaultClass::Rejected, "NOT_UNIQUE", "Odoo does not keep values of a field unique.");
        return Err(Fault { property: Some(key.property.clone()), ..fault });
    }
    let values = [key.value.clone()];
    Ok(read::by_key(session, object, &key.property, &values, properties).await?.into_iter().next())
}

/// One page of a search. One call, or as [`wire::search`] says, and one before it where a filter is not about text.
pub(super) async fn search(
    session: &Session,
    object: &str,
    search: &Search,
    properties: &[String],
) -> Result<Found, Fault> {
    let place = search.place()?;
    let mut domain = conditions(session, object, &search.filters).await?;
    let limit = search.limit.clamp(1, ABOUT.page);
    let (order, offset) = match search.changed {
        None => ("write_date desc, id desc", usize::try_from(place).unwrap_or(usize::MAX)),
        Some(changed) => {
            domain.push(json!(["id", ">", place]));
            domain.extend(times(changed));
            ("id", 0)
        }
    };
    let wanted =
        Wanted { model: object, domain, properties, also: &[], order, offset, limit: limit + 1, archived: false };
    let mut found = wire::search(session, &wanted).await?;
    let more = found.rows.len() > limit;
    found.rows.truncate(limit);
    let last = found.rows.last().map(id_of).transpose()?;
    let after = match search.changed {
        None => Some(place + found.rows.len() as u64),
        Some(_) => last,
    };
    let records = records(session, object, &found.rows, properties).await?;
    let after = after.filter(|_| more).map(|after| after.to_string());
    Ok(Found { records, after, asked_at: found.seen.asked_at() })
}

/// Whole seconds on both ends: a time is read so and compared with its fraction.
fn times(changed: Changed) -> Vec<Json> {
    let mut times = vec![json!(["write_date", ">=", wire::text_of(changed.from.as_secs())])];
    if let Some(until) = changed.until {
        times.push(json!(["write_date", "<", wire::text_of(until.as_secs().saturating_add(1))]));
    }
    times
}

async fn conditions(session: &Session, object: &str, filters: &[Filter]) -> Result<Vec<Json>, Fault> {
    let named: Properties = filters.iter().map(|filter| (filter.property.clone(), None)).collect();
    let known = values::kinds_of(session, object, &named).await?;
    let condition = |filter: &Filter| {
        let name = on_wire(&filter.property);
        let kind = known.get(name).map_or("char", |field| field.kind.as_str());
        match (&filter.value, filter.operator) {
            (None, _) => Ok(json!([name, "=", false])),
            (Some(text), Operator::Contains) => Ok(json!([name, "ilike", text])),
            (Some(text), Operator::Eq) if kind.ends_with("2many") => {
                Ok(json!([name, "in", wire::numbers(std::slice::from_ref(text))]))
            }
            (Some(text), Operator::Eq) => match values::typed(kind, text) {
                Some(value) => Ok(json!([name, "=", value])),
                None => {
                    let message = format!("\"{text}\" is no {kind}, so no record has it.");
                    let fault = Fault::new(FaultClass::Rejected, "WRONG_TYPE", message);
                    Err(Fault { property: Some(filter.property.clone()), ..fault })
                }
            },
        }
    };
    filters.iter().map(condition).collect()
}
