//! Property definitions and groups over the API.

use std::sync::Arc;

use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{Answer, Call, Refusal, Reply};
use super::batch::BATCH_MAX;
use super::objects::ObjectNo;
use super::portal::Portal;
use super::schema::{CUSTOM_PROPERTIES_MAX, Group, Property, PropertyDraft, PropertyPatch, UNIQUE_PROPERTIES_MAX};
use crate::world::iso;

/// Characters a property's name may have.
const NAME_CHARS_MAX: usize = 100;

fn shown(value: &impl serde::Serialize) -> Result<Value, Refusal> {
    serde_json::to_value(value).map_err(|error| Refusal::plain(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))
}

fn no_such_property(name: &str) -> Refusal {
    Refusal::not_found(format!("Property {name} does not exist"))
        .sub_category("Properties.PROPERTY_NOT_FOUND")
        .context("propertyName", [name.to_owned()])
}

fn object_of(portal: &Portal, call: &Call) -> Result<ObjectNo, Refusal> {
    portal.objects.named(call.param("objectType"))
}

impl Portal {
    fn define(&mut self, of: ObjectNo, draft: PropertyDraft) -> Result<Value, Refusal> {
        let name = &draft.name;
        let well_named = name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.len() <= NAME_CHARS_MAX
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        if !well_named {
            let message = format!("{name} is not a valid property name: lower case letters, digits and underscores");
            return Err(Refusal::validation(message));
        }
        if !self.objects[of].schema.groups.contains_key(&draft.group_name) {
            return Err(Refusal::validation(format!("Property group {} does not exist", draft.group_name)));
        }
        if self.objects[of].schema.live(name).is_some() {
            let message = format!("A property named '{name}' already exists.");
            return Err(Refusal::new(StatusCode::CONFLICT, "OBJECT_ALREADY_EXISTS", message)
                .sub_category("Properties.PROPERTY_WITH_NAME_EXISTS")
                .context("name", [name.clone()]));
        }
        let custom = self.objects[of].schema.properties.values().filter(|it| !it.hubspot_defined && !it.archived);
        let unique = custom.clone().filter(|it| it.has_unique_value).count();
        if custom.count() >= CUSTOM_PROPERTIES_MAX || draft.has_unique_value && unique >= UNIQUE_PROPERTIES_MAX {
            return Err(Refusal::validation("The limit of properties of this kind has been reached"));
        }
        let property = draft.define(self.stamp_us());
        let answer = shown(&property);
        self.objects[of].schema.properties.insert(Arc::from(property.name.as_str()), property);
        answer
    }

    fn custom_property(&mut self, of: ObjectNo, name: &str) -> Result<&mut Property, Refusal> {
        let property = self.objects[of].schema.properties.get_mut(name).filter(|it| !it.archived);
        let property = property.ok_or_else(|| no_such_property(name))?;
        if property.modification_metadata.read_only_definition {
            return Err(Refusal::validation(format!("{name} is a HubSpot-defined property and cannot be changed")));
        }
        Ok(property)
    }

    /// Takes any property away or brings it back, as an admin of the account may; values stay behind it.
    pub(super) fn set_property_archived(&mut self, of: ObjectNo, name: &str, archived: bool) -> Result<(), Refusal> {
        let property = self.objects[of].schema.properties.get_mut(name).ok_or_else(|| no_such_property(name))?;
        property.archived = archived;
        Ok(())
    }
}

/// `GET /crm/v3/properties/{objectType}`
pub(super) fn list(portal: &mut Portal, call: &Call) -> Answer {
    let of = object_of(portal, call)?;
    let archived = call.is_set("archived");
    let properties: Vec<&Property> =
        portal.objects[of].schema.properties.values().filter(|property| property.archived == archived).collect();
    Ok(Reply::ok(json!({"results": shown(&properties)?})).rows(properties.len()))
}

/// `POST /crm/v3/properties/{objectType}`
pub(super) fn create(portal: &mut Portal, call: &Call) -> Answer {
    let of = object_of(portal, call)?;
    Ok(Reply::json(StatusCode::CREATED, portal.define(of, call.json()?)?))
}

/// `GET /crm/v3/properties/{objectType}/{propertyName}`
pub(super) fn get(portal: &mut Portal, call: &Call) -> Answer {
    let of = object_of(portal, call)?;
    let name = call.param("propertyName");
    let property = portal.objects[of].schema.properties.get(name).filter(|it| it.archived == call.is_set("archived"));
    Ok(Reply::ok(shown(property.ok_or_else(|| no_such_property(name))?)?))
}

/// `PATCH /crm/v3/properties/{objectType}/{propertyName}`
pub(super) fn patch(portal: &mut Portal, call: &Call) -> Answer {
    let of = object_of(portal, call)?;
    let patch: PropertyPatch = call.json()?;
    if let Some(group) = &patch.group_name
        && !portal.objects[of].schema.groups.contains_key(group)
    {
        return Err(Refusal::validation(format!("Property group {group} does not exist")));
    }
    let now_us = portal.stamp_us();
    let property = portal.custom_property(of, call.param("propertyName"))?;
    property.patch(patch, now_us);
    Ok(Reply::ok(shown(property)?))
}

/// `DELETE /crm/v3/properties/{objectType}/{propertyName}`
pub(super) fn archive(portal: &mut Portal, call: &Call) -> Answer {
    let of = object_of(portal, call)?;
    portal.custom_property(of, call.param("propertyName"))?.archived = true;
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

#[derive(Deserialize)]
struct Batch<T> {
    inputs: Vec<T>,
    #[serde(default)]
    archived: bool,
}

#[derive(Deserialize)]
struct NameInput {
    name: String,
}

fn read_batch<T: serde::de::DeserializeOwned>(call: &Call) -> Result<Batch<T>, Refusal> {
    let batch: Batch<T> = call.json()?;
    if batch.inputs.len() > BATCH_MAX {
        return Err(Refusal::validation(format!("A batch has at most {BATCH_MAX} inputs")));
    }
    Ok(batch)
}

fn batch_answer(portal: &Portal, whole: StatusCode, rows: Vec<Result<Value, Refusal>>) -> Answer {
    let at = iso(portal.stamp_us());
    let count = rows.len();
    let mut results = Vec::new();
    let mut errors: Vec<Value> = Vec::new();
    for row in rows {
        match row {
            Ok(property) => results.push(property),
            Err(refusal) => errors.push(refusal.row().into()),
        }
    }
    let mut body = json!({"status": "COMPLETE", "startedAt": at, "completedAt": at, "results": results});
    if errors.is_empty() {
        return Ok(Reply::json(whole, body).rows(count));
    }
    body["numErrors"] = errors.len().into();
    body["errors"] = errors.into();
    Ok(Reply::json(StatusCode::MULTI_STATUS, body).rows(count))
}

/// `POST /crm/v3/properties/{objectType}/batch/create`
pub(super) fn batch_create(portal: &mut Portal, call: &Call) -> Answer {
    let of = object_of(portal, call)?;
    let batch = read_batch::<PropertyDraft>(call)?;
    let rows = batch.inputs.into_iter().map(|draft| portal.define(of, draft)).collect();
    batch_answer(portal, StatusCode::CREATED, rows)
}

/// `POST /crm/v3/properties/{objectType}/batch/read`
pub(super) fn batch_read(portal: &mut Portal, call: &Call) -> Answer {
    let of = object_of(portal, call)?;
    let batch = read_batch::<NameInput>(call)?;
    let rows = batch.inputs.iter().map(|NameInput { name }| {
        let property =
            portal.objects[of].schema.properties.get(name.as_str()).filter(|it| it.archived == batch.archived);
        shown(property.ok_or_else(|| no_such_property(name))?)
    });
    let rows = rows.collect();
    batch_answer(portal, StatusCode::OK, rows)
}

/// `POST /crm/v3/properties/{objectType}/batch/archive`
pub(super) fn batch_archive(portal: &mut Portal, call: &Call) -> Answer {
    let of = object_of(portal, call)?;
    let batch = read_batch::<NameInput>(call)?;
    for NameInput { name } in &batch.inputs {
        portal.custom_property(of, name)?.archived = true;
    }
    Ok(Reply::empty(StatusCode::NO_CONTENT).rows(batch.inputs.len()))
}

fn no_such_group(name: &str) -> Refusal {
    Refusal::not_found(format!("Property group {name} does not exist"))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GroupDraft {
    name: String,
    label: String,
    display_order: Option<i32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GroupPatch {
    label: Option<String>,
    display_order: Option<i32>,
}

/// `GET /crm/v3/properties/{objectType}/groups`
pub(super) fn groups(portal: &mut Portal, call: &Call) -> Answer {
    let of = object_of(portal, call)?;
    let groups: Vec<&Group> = portal.objects[of].schema.groups.values().collect();
    Ok(Reply::ok(json!({"results": shown(&groups)?})))
}

/// `POST /crm/v3/properties/{objectType}/groups`
pub(super) fn create_group(portal: &mut Portal, call: &Call) -> Answer {
    let of = object_of(portal, call)?;
    let draft: GroupDraft = call.json()?;
    if portal.objects[of].schema.groups.contains_key(&draft.name) {
        let message = format!("Property group {} already exists", draft.name);
        return Err(Refusal::new(StatusCode::CONFLICT, "OBJECT_ALREADY_EXISTS", message));
    }
    let display_order = draft.display_order.unwrap_or(-1);
    let group = Group { name: draft.name, label: draft.label, display_order, archived: false };
    let answer = shown(&group)?;
    portal.objects[of].schema.groups.insert(group.name.clone(), group);
    Ok(Reply::json(StatusCode::CREATED, answer))
}

/// `GET /crm/v3/properties/{objectType}/groups/{groupName}`
pub(super) fn get_group(portal: &mut Portal, call: &Call) -> Answer {
    let of = object_of(portal, call)?;
    let name = call.param("groupName");
    Ok(Reply::ok(shown(portal.objects[of].schema.groups.get(name).ok_or_else(|| no_such_group(name))?)?))
}

/// `PATCH /crm/v3/properties/{objectType}/groups/{groupName}`
pub(super) fn patch_group(portal: &mut Portal, call: &Call) -> Answer {
    let of = object_of(portal, call)?;
    let patch: GroupPatch = call.json()?;
    let name = call.param("groupName");
    let group = portal.objects[of].schema.groups.get_mut(name).ok_or_else(|| no_such_group(name))?;
    if let Some(label) = patch.label {
        group.label = label;
    }
    if let Some(display_order) = patch.display_order {
        group.display_order = display_order;
    }
    Ok(Reply::ok(shown(group)?))
}

/// `DELETE /crm/v3/properties/{objectType}/groups/{groupName}`
pub(super) fn archive_group(portal: &mut Portal, call: &Call) -> Answer {
    let of = object_of(portal, call)?;
    let name = call.param("groupName");
    if portal.objects[of].schema.properties.values().any(|property| property.group_name == name && !property.archived) {
        return Err(Refusal::validation(format!("Property group {name} still has properties")));
    }
    portal.objects[of]
        .schema
        .groups
        .remove(name)
        .map(|_| Reply::empty(StatusCode::NO_CONTENT))
        .ok_or_else(|| no_such_group(name))
}
