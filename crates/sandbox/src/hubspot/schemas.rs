//! Object schemas: what an admin made, and on request those of every account. Source: HubSpot's page "Custom objects".

use http::StatusCode;
use serde_json::{Value, json};

use super::answer::{Answer, Call, Refusal, Reply};
use super::objects::ObjectNo;
use super::portal::Portal;

const MADE: &str = "2024-03-11T08:15:00.000Z";

impl Portal {
    fn show_schema(&self, of: ObjectNo) -> Result<Value, Refusal> {
        let object = &self.objects[of];
        let about = object.about;
        let properties: Vec<_> = object.schema.properties.values().filter(|property| !property.archived).collect();
        let properties = serde_json::to_value(properties)
            .map_err(|error| Refusal::plain(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
        let required: Vec<&str> = about.required.iter().flat_map(|names| names.iter().copied()).collect();
        let name = if about.is_custom { object.name.clone() } else { about.singular.to_uppercase() };
        Ok(json!({
            "id": about.type_id.split_once('-').map_or("", |(_, number)| number),
            "objectTypeId": about.type_id,
            "name": about.singular,
            "fullyQualifiedName": name,
            "labels": {"singular": about.label_one, "plural": about.label_many},
            "requiredProperties": required,
            "searchableProperties": required,
            "primaryDisplayProperty": about.defaults.first(),
            "secondaryDisplayProperties": [],
            "archived": false,
            "createdAt": MADE,
            "updatedAt": MADE,
            "properties": properties,
            "associations": self.association_definitions(of),
        }))
    }
}

/// `GET /crm/v3/schemas`: the custom ones.
pub(super) fn list(portal: &mut Portal, _call: &Call) -> Answer {
    let custom = portal.objects.all().filter(|of| portal.objects[*of].about.is_custom);
    let results = custom.map(|of| portal.show_schema(of)).collect::<Result<Vec<_>, _>>()?;
    Ok(Reply::ok(json!({"results": results})))
}

/// `GET /crm/v3/schemas/{objectType}`
pub(super) fn get(portal: &mut Portal, call: &Call) -> Answer {
    let of = portal.objects.named(call.param("objectType"))?;
    Ok(Reply::ok(portal.show_schema(of)?))
}
