//! The objects of a company and their fields (Pipedrive's fields API v2, pipelines, stages, users and activity types).

use lockstep_core::crm::selector::Choice;
use lockstep_core::crm::{Access, ApiObject, NativeField, NativeKind, Selector, Workflow};
use serde::Deserialize;
use serde_json::Value as Json;

use super::fields::{self, Field};
use super::kinds::{ALL, Kind};
use super::wire::ask;
use crate::door::{Call, Method, Session};
use crate::fault::{Fault, FaultClass};

/// A field that a company may have for us: any of its values may start something there.
pub(super) const EVENT: &str = "lockstep_event";

/// The objects that the grant may read: what it covers is known to Pipedrive alone, so each is tried. One call each.
pub(super) async fn objects(session: &Session) -> Result<Vec<ApiObject>, Fault> {
    let mut all = Vec::new();
    for kind in ALL {
        let path = format!("{}/{}", kind.fields(), kind.title);
        if granted(ask::<Json>(session, Call::read(Method::Get, path, None)).await)?.is_some() {
            all.push(ApiObject::new(kind.slug, kind.one, kind.many));
        }
    }
    Ok(all)
}

/// What the grant does not cover is not there.
fn granted<T>(answer: Result<T, Fault>) -> Result<Option<T>, Fault> {
    match answer {
        Err(fault) if fault.class == FaultClass::Forbidden => Ok(None),
        answer => answer.map(Some),
    }
}

/// One object with its fields and automations. One call, and one each for owners, pipelines, stages and types of activities,
/// where there are some.
pub(super) async fn object(session: &Session, kind: &Kind) -> Result<ApiObject, Fault> {
    let known = fields::with_others(kind, fields::of(session, kind).await?);
    let mut native: Vec<NativeField> = known.iter().map(|field| native_field(kind, field)).collect();
    for (name, path) in [
        ("owner_id", "/api/v1/users"),
        ("pipeline_id", "/api/v2/pipelines"),
        ("stage_id", "/api/v2/stages"),
        ("type", "/api/v1/activityTypes"),
    ] {
        if let Some(field) = native.iter_mut().find(|field| field.name == name && field.access.createable) {
            field.choices = named(session, path).await?;
            if !field.choices.is_empty() {
                field.kind = NativeKind::Choice;
            }
        }
    }
    native.sort_by_cached_key(|field| (!field.access.required, field.label.to_lowercase()));
    let workflows = known.iter().find(|field| is_event(field)).map(|event| workflow(event, &native));
    let object = ApiObject::new(kind.slug, kind.one, kind.many).described(&native);
    Ok(ApiObject { workflows: workflows.into_iter().collect(), ..object })
}

fn native_field(kind: &Kind, field: &Field) -> NativeField {
    let writable = field.is_writable(kind);
    let native_kind = native_kind(field);
    let lists = matches!(native_kind, NativeKind::Choice | NativeKind::Choices);
    let choices = field.choices().filter(|_| lists).map(|(value, label)| Choice { label, value });
    NativeField {
        name: field.code.clone(),
        label: if field.name.is_empty() { field.code.clone() } else { field.name.clone() },
        kind: native_kind,
        choices: choices.collect(),
        access: Access {
            readable: true,
            createable: writable,
            updateable: writable,
            required: kind.has_customs && field.code == kind.title,
            searchable: true,
        },
        children: Vec::new(),
    }
}

fn native_kind(field: &Field) -> NativeKind {
    match field.native_type.as_str() {
        "double" => NativeKind::Number,
        "int" | "org" | "people" | "user" | "stage" | "deal" | "activity" | "project" => NativeKind::Integer,
        "boolean" => NativeKind::Boolean,
        "date" if field.code.ends_with("_time") => NativeKind::Datetime,
        "date" => NativeKind::Date,
        "enum" | "status" | "visible_to" => NativeKind::Choice,
        "set" => NativeKind::Choices,
        "address" | "monetary" | "daterange" | "timerange" => NativeKind::Object,
        "time" if field.is_custom => NativeKind::Object,
        // An address book's primary entry is a text of its own.
        "varchar_options" if !matches!(field.code.as_str(), "email" | "phone") => NativeKind::List,
        "json" => NativeKind::List,
        _ => NativeKind::Text,
    }
}

/// Something with a name that a field refers to.
#[derive(Deserialize)]
struct Named {
    id: Json,
    #[serde(default)]
    name: String,
    /// Of a type of activities: what is written.
    key_string: Option<String>,
    /// Of a user.
    active_flag: Option<bool>,
}

async fn named(session: &Session, path: &str) -> Result<Vec<Choice>, Fault> {
    let list = granted(ask::<Vec<Named>>(session, Call::read(Method::Get, path, None)).await)?;
    let living = list.into_iter().flatten().filter(|it| it.active_flag != Some(false));
    Ok(living.map(|it| Choice { value: it.key_string.unwrap_or_else(|| it.id.to_string()), label: it.name }).collect())
}

fn is_event(field: &Field) -> bool {
    field.is_custom
        && field.name.eq_ignore_ascii_case(EVENT)
        && matches!(field.native_type.as_str(), "varchar" | "text")
}

/// Pipedrive has no call that runs an automation; one starts when a field takes a value. The form asks for the value and for
/// what can be written besides.
fn workflow(event: &Field, native: &[NativeField]) -> Workflow {
    let label = format!("Automations that watch \"{}\"", event.name);
    let inputs = native.iter().filter(|field| field.access.createable);
    let inputs: Vec<NativeField> = inputs
        .map(|field| {
            let required = field.name == event.code;
            NativeField { access: Access { required, ..field.access }, ..field.clone() }
        })
        .collect();
    Workflow { id: event.code.clone(), selector: Selector::root(&label, &event.code, &inputs), label }
}

/// The field that starts automations. One call.
///
/// # Errors
/// Class [`FaultClass::Drift`] when it has gone.
pub(super) async fn event(session: &Session, kind: &Kind, workflow: &str) -> Result<String, Fault> {
    let known = fields::of(session, kind).await?;
    let event = known.into_iter().find(|field| field.code == workflow && is_event(field));
    event.map(|field| field.code).ok_or_else(|| {
        let message = format!("The field \"{EVENT}\" that starts automations of {} is gone.", kind.slug);
        Fault::new(FaultClass::Drift, "WORKFLOW_GONE", message)
    })
}
