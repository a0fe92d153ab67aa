//! The objects of an account and their fields (HubSpot's pages "CRM API | Objects", "Properties", "Pipelines", "Owners"
//! and "Custom objects").

use lockstep_core::crm::selector::Choice;
use lockstep_core::crm::{Access, ApiObject, NativeField, NativeKind};
use serde::Deserialize;

use super::flows;
use super::metadata::{self, Property};
use super::wire::{Page, Paging, ask, in_path, records_of};
use crate::door::{Call, Method, Session};
use crate::fault::{Fault, FaultClass};

/// Custom objects and their definitions.
const SCHEMAS: &str = "/crm/v3/schemas";
/// Pages of owners that are read; HubSpot shows 500 on one.
const OWNER_PAGES_MAX: usize = 4;
/// The property that holds who a record belongs to.
const OWNER: &str = "hubspot_owner_id";

/// An object that every account has.
pub(super) struct Standard {
    pub slug: &'static str,
    /// HubSpot's number of it, which workflows go by.
    pub type_id: &'static str,
    one: &'static str,
    many: &'static str,
    /// What HubSpot refuses a new record without, except for what we fill in ourselves. A company needs a domain or a
    /// name; the name is what people know it by.
    required: &'static [&'static str],
    /// The properties that place its records in a pipeline: pipeline and stage.
    pipeline: Option<[&'static str; 2]>,
}

pub(super) const STANDARD: [Standard; 5] = [
    Standard { slug: "contacts", type_id: "0-1", one: "Contact", many: "Contacts", required: &[], pipeline: None },
    Standard {
        slug: "companies",
        type_id: "0-2",
        one: "Company",
        many: "Companies",
        required: &["name"],
        pipeline: None,
    },
    Standard {
        slug: "deals",
        type_id: "0-3",
        one: "Deal",
        many: "Deals",
        required: &["dealname", "dealstage", "pipeline"],
        pipeline: Some(["pipeline", "dealstage"]),
    },
    Standard {
        slug: "tickets",
        type_id: "0-5",
        one: "Ticket",
        many: "Tickets",
        required: &["subject", "hs_pipeline", "hs_pipeline_stage"],
        pipeline: Some(["hs_pipeline", "hs_pipeline_stage"]),
    },
    Standard { slug: "notes", type_id: "0-46", one: "Note", many: "Notes", required: &[], pipeline: None },
];

/// An object that every account has, by its slug.
pub(super) fn standard(slug: &str) -> Option<&'static Standard> {
    STANDARD.iter().find(|object| object.slug == slug)
}

#[derive(Deserialize)]
struct SchemaList {
    results: Vec<Schema>,
}

/// A custom object.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Schema {
    fully_qualified_name: String,
    object_type_id: String,
    labels: Labels,
    #[serde(default)]
    required_properties: Vec<String>,
    #[serde(default)]
    properties: Vec<Property>,
}

#[derive(Deserialize)]
struct Labels {
    singular: Option<String>,
    plural: Option<String>,
}

impl Schema {
    fn object(&self) -> ApiObject {
        let name = &self.fully_qualified_name;
        let [one, many] = [&self.labels.singular, &self.labels.plural].map(|label| label.as_deref().unwrap_or(name));
        ApiObject::new(name, one, many)
    }
}

/// The objects that the grant may read: what it covers is known to HubSpot alone, so each is tried. One call for each
/// object that every account has, and one for the custom ones.
pub(super) async fn objects(session: &Session) -> Result<Vec<ApiObject>, Fault> {
    let mut all = Vec::new();
    for object in &STANDARD {
        let path = format!("{}?limit=1&properties=hs_object_id", records_of(object.slug));
        if granted(ask::<Page>(session, Call::read(Method::Get, path, None)).await)?.is_some() {
            all.push(ApiObject::new(object.slug, object.one, object.many));
        }
    }
    let custom = granted(ask::<SchemaList>(session, Call::read(Method::Get, SCHEMAS, None)).await)?;
    all.extend(custom.into_iter().flat_map(|list| list.results).map(|schema| schema.object()));
    Ok(all)
}

/// What the grant does not cover is not there.
pub(super) fn granted<T>(answer: Result<T, Fault>) -> Result<Option<T>, Fault> {
    match answer {
        Err(fault) if fault.class == FaultClass::Forbidden => Ok(None),
        answer => answer.map(Some),
    }
}

/// One object with its fields and workflows. One call, and one each for pipelines, owners and the list of workflows,
/// where there are some.
pub(super) async fn object(session: &Session, slug: &str) -> Result<ApiObject, Fault> {
    let Some(object) = standard(slug) else { return custom(session, slug).await };
    let properties = metadata::properties(session, slug).await?;
    let mut fields = fields(properties, object.required);
    if let Some(placing) = object.pipeline {
        add_pipelines(session, slug, placing, &mut fields).await?;
    }
    let described = ApiObject::new(slug, object.one, object.many);
    finish(session, described, object.type_id, fields).await
}

async fn custom(session: &Session, slug: &str) -> Result<ApiObject, Fault> {
    let path = format!("{SCHEMAS}/{}", in_path(slug));
    let schema: Schema =
        ask(session, Call::read(Method::Get, path, None)).await.map_err(|fault| match fault.class {
            // HubSpot answers 400 where it does not know the name.
            FaultClass::Rejected => Fault { class: FaultClass::Missing, ..fault },
            _ => fault,
        })?;
    let described = schema.object();
    let required: Vec<&str> = schema.required_properties.iter().map(String::as_str).collect();
    let fields = fields(schema.properties, &required);
    finish(session, described, &schema.object_type_id, fields).await
}

async fn finish(
    session: &Session,
    object: ApiObject,
    type_id: &str,
    mut fields: Vec<NativeField>,
) -> Result<ApiObject, Fault> {
    if let Some(field) = fields.iter_mut().find(|field| field.name == OWNER) {
        field.choices = owners(session).await?;
    }
    fields.sort_by_cached_key(|field| (!field.access.required, field.label.to_lowercase()));
    let workflows = flows::of(session, type_id, &fields).await?;
    Ok(ApiObject { workflows, ..object.described(&fields) })
}

fn fields(properties: Vec<Property>, required: &[&str]) -> Vec<NativeField> {
    let shown = properties.into_iter().filter(|property| !property.hidden);
    shown
        .map(|property| {
            let writable = !property.is_read_only();
            let kind = kind(&property);
            let required = writable && required.contains(&property.name.as_str());
            let options = property.options.into_iter().filter(|option| !option.hidden);
            let choices = options.map(|option| Choice { label: option.label, value: option.value });
            NativeField {
                name: property.name,
                label: property.label,
                kind,
                choices: if kind == NativeKind::Boolean { Vec::new() } else { choices.collect() },
                access: Access {
                    readable: true,
                    createable: writable,
                    updateable: writable,
                    required,
                    searchable: true,
                },
                children: Vec::new(),
            }
        })
        .collect()
}

fn kind(property: &Property) -> NativeKind {
    match (property.native_type.as_str(), property.field_type.as_str()) {
        ("number", _) => NativeKind::Number,
        ("date", _) => NativeKind::Date,
        ("datetime", _) => NativeKind::Datetime,
        ("bool", _) | ("enumeration", "booleancheckbox") => NativeKind::Boolean,
        ("enumeration", "checkbox") => NativeKind::Choices,
        ("enumeration", _) => NativeKind::Choice,
        _ => NativeKind::Text,
    }
}

#[derive(Deserialize)]
struct PipelineList {
    results: Vec<Pipeline>,
}

#[derive(Deserialize)]
struct Pipeline {
    id: String,
    label: String,
    #[serde(default)]
    stages: Vec<Stage>,
}

#[derive(Deserialize)]
struct Stage {
    id: String,
    label: String,
}

async fn add_pipelines(
    session: &Session,
    slug: &str,
    [pipeline, stage]: [&str; 2],
    fields: &mut [NativeField],
) -> Result<(), Fault> {
    let call = Call::read(Method::Get, format!("/crm/v3/pipelines/{slug}"), None);
    let Some(list) = granted(ask::<PipelineList>(session, call).await)? else { return Ok(()) };
    let several = list.results.len() > 1;
    let mut stages = Vec::new();
    for pipeline in &list.results {
        stages.extend(pipeline.stages.iter().map(|stage| Choice {
            label: if several { format!("{}: {}", pipeline.label, stage.label) } else { stage.label.clone() },
            value: stage.id.clone(),
        }));
    }
    let pipelines = list.results.into_iter().map(|it| Choice { label: it.label, value: it.id }).collect();
    for (name, choices) in [(pipeline, pipelines), (stage, stages)] {
        if let Some(field) = fields.iter_mut().find(|field| field.name == name) {
            field.choices = choices;
        }
    }
    Ok(())
}

#[derive(Deserialize)]
struct OwnerList {
    results: Vec<Owner>,
    paging: Option<Paging>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Owner {
    id: String,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    first_name: Option<String>,
    #[serde(default)]
    last_name: Option<String>,
}

impl Owner {
    fn choice(self) -> Choice {
        let names = [self.first_name, self.last_name];
        let name = names.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
        let label = match (name.is_empty(), self.email) {
            (false, Some(email)) => format!("{name} ({email})"),
            (false, None) => name,
            (true, email) => email.unwrap_or_else(|| self.id.clone()),
        };
        Choice { label, value: self.id }
    }
}

async fn owners(session: &Session) -> Result<Vec<Choice>, Fault> {
    let mut choices = Vec::new();
    let mut path = "/crm/v3/owners/?limit=500".to_owned();
    for _ in 0..OWNER_PAGES_MAX {
        let page = granted(ask::<OwnerList>(session, Call::read(Method::Get, path, None)).await)?;
        let Some(page) = page else { break };
        choices.extend(page.results.into_iter().map(Owner::choice));
        let Some(after) = page.paging.as_ref().and_then(Paging::after) else { break };
        path = format!("/crm/v3/owners/?limit=500&after={}", in_path(after));
    }
    Ok(choices)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{Line, Script};
    use serde_json::json;

    #[tokio::test]
    async fn owners_are_read_page_by_page_and_named_by_what_is_known() {
        let first = json!({ "results": [
            { "id": "1", "email": "ana@example.com", "firstName": "Ana", "lastName": "" },
            { "id": "2", "email": "bo@example.com", "firstName": null },
        ], "paging": { "next": { "after": "2" } } });
        let second = json!({ "results": [{ "id": "3" }, { "id": "4", "lastName": "Dua" }] });
        let (script, session, _) = Script::new([Line::new(200, first), Line::new(200, second)]);
        let choices = owners(&session).await.expect("owners");
        let told: Vec<_> = choices.iter().map(|it| (it.value.as_str(), it.label.as_str())).collect();
        assert_eq!(told, [("1", "Ana (ana@example.com)"), ("2", "bo@example.com"), ("3", "3"), ("4", "Dua")]);
        assert_eq!(script.calls()[1].path, "/crm/v3/owners/?limit=500&after=2");
    }

    #[tokio::test]
    async fn pages_of_owners_without_end_are_left_at_some_point() {
        let page = || Line::new(200, json!({ "results": [{ "id": "1" }], "paging": { "next": { "after": "1" } } }));
        let (script, session, _) = Script::new((0..OWNER_PAGES_MAX).map(|_| page()));
        assert_eq!(owners(&session).await.expect("owners").len(), OWNER_PAGES_MAX);
        assert_eq!(script.calls().len(), OWNER_PAGES_MAX);
    }
}
