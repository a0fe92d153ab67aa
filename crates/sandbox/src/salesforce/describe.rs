//! What Salesforce tells of its objects and their fields.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::answer::{Answer, Call, Refusal, Reply};
use super::field::{Field, Kind, Source};
use super::org::Org;
use super::records::{is_unchanged, on_path};
use super::schema::Object;
use crate::world::http_date;

/// Bytes that a character may take.
const CHAR_BYTES: usize = 3;

/// What lists tell of an object.
pub(super) fn summary(object: &Object, call: &Call) -> Value {
    let base = format!("/services/data/{}/sobjects/{}", call.version, object.name);
    json!({
        "activateable": false,
        "associateEntityType": null,
        "associateParentEntity": null,
        "createable": object.createable,
        "custom": object.name.ends_with("__c"),
        "customSetting": false,
        "deepCloneable": false,
        "deletable": object.createable,
        "deprecatedAndHidden": false,
        "feedEnabled": true,
        "hasSubtypes": false,
        "idEnabled": true,
        "isInterface": false,
        "isSubtype": false,
        "keyPrefix": object.prefix,
        "label": object.label,
        "labelPlural": object.plural,
        "layoutable": true,
        "mergeable": object.mergeable,
        "mruEnabled": true,
        "name": object.name,
        "queryable": true,
        "replicateable": true,
        "retrieveable": true,
        "searchable": true,
        "triggerable": true,
        "undeletable": object.createable,
        "updateable": object.createable,
        "urls": {
            "sobject": base,
            "describe": format!("{base}/describe"),
            "rowTemplate": format!("{base}/{{ID}}"),
        },
    })
}

/// `GET sobjects`
pub(super) fn global(org: &mut Org, call: &Call) -> Answer {
    if is_unchanged(call, org.schema.changed_us) {
        return Ok(Reply::empty(StatusCode::NOT_MODIFIED));
    }
    let all: Vec<Value> = org.schema.all().map(|object| summary(object, call)).collect();
    let rows = all.len();
    Ok(Reply::ok(json!({"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": all})).rows(rows))
}

/// `GET sobjects/{object}/describe`
pub(super) fn one(org: &mut Org, call: &Call, name: &str) -> Answer {
    if call.method != Method::GET {
        return Err(Refusal::method(&call.method));
    }
    let object = org.object(name).map_err(on_path)?;
    if is_unchanged(call, org.schema.changed_us) {
        return Ok(Reply::empty(StatusCode::NOT_MODIFIED));
    }
    let mut about = summary(&object, call);
    let children = org.schema.referring(&object.name).into_iter().map(|(child, field)| {
        json!({
            "cascadeDelete": field.cascades,
            "childSObject": child.name,
            "deprecatedAndHidden": false,
            "field": field.name,
            "junctionIdListNames": [],
            "junctionReferenceTo": [],
            "relationshipName": field.children,
            "restrictedDelete": false,
        })
    });
    let more = json!({
        "actionOverrides": [],
        "childRelationships": children.collect::<Value>(),
        "compactLayoutable": true,
        "defaultImplementation": null,
        "extendedBy": null,
        "extendsInterfaces": null,
        "fields": object.fields.iter().map(|it| field(&object, it)).collect::<Value>(),
        "implementedBy": null,
        "implementsInterfaces": null,
        "listviewable": null,
        "lookupLayoutable": null,
        "namedLayoutInfos": [],
        "networkScopeFieldName": null,
        "recordTypeInfos": [],
        "searchLayoutable": true,
        "sobjectDescribeOption": "FULL",
        "supportedScopes": [{"label": "All", "name": "everything"}],
    });
    if let (Value::Object(about), Value::Object(more)) = (&mut about, more) {
        about.extend(more);
    }
    Ok(Reply::ok(about).header("last-modified", http_date(org.schema.changed_us)))
}

fn choices(field: &Field) -> Value {
    let shown = field.choices.iter().map(|choice| {
        let is_default = field.default == Some(choice.as_str());
        json!({"active": true, "defaultValue": is_default, "label": choice, "validFor": null, "value": choice})
    });
    shown.collect()
}

/// The field that is put together from this one and others.
fn compound<'a>(object: &'a Object, field: &Field) -> Option<&'a str> {
    let is_whole_of = |whole: &&Field| match whole.source {
        Source::FullName => ["FirstName", "LastName", "Salutation"].contains(&field.name.as_str()),
        Source::Address(prefix) => {
            let parts = ["Street", "City", "State", "PostalCode", "Country"];
            field.name.strip_prefix(prefix).is_some_and(|part| parts.contains(&part))
        }
        _ => false,
    };
    object.fields.iter().find(is_whole_of).map(|whole| whole.name.as_str())
}

/// What is the same of every field here.
fn common() -> Value {
    json!({
        "aiPredictionField": false,
        "calculated": false,
        "calculatedFormula": null,
        "cascadeDelete": false,
        "caseSensitive": false,
        "controllerName": null,
        "defaultValueFormula": null,
        "dependentPicklist": false,
        "deprecatedAndHidden": false,
        "displayLocationInDecimal": false,
        "encrypted": false,
        "filteredLookupInfo": null,
        "formulaTreatNullNumberAsZero": false,
        "highScaleNumber": false,
        "htmlFormatted": false,
        "inlineHelpText": null,
        "mask": null,
        "maskType": null,
        "queryByDistance": false,
        "referenceTargetField": null,
        "relationshipOrder": null,
        "restrictedDelete": false,
        "searchPrefilterable": false,
        "writeRequiresMasterRead": false,
    })
}

fn field(object: &Object, field: &Field) -> Value {
    let compound = compound(object, field);
    let is_text = field.kind.is_text() || matches!(field.kind, Kind::Id | Kind::Reference);
    let is_real = field.kind.is_number() && field.kind != Kind::Int;
    let is_narrow = matches!(field.kind, Kind::Id | Kind::Reference | Kind::MultiPicklist);
    let bytes = if is_narrow { field.length } else { field.length * CHAR_BYTES };
    let is_long = field.kind == Kind::TextArea && field.length > 255;
    let mut about = json!({
        "aggregatable": field.is_filterable(),
        "autoNumber": field.source == Source::AutoNumber,
        "byteLength": if is_text { bytes } else { 0 },
        "compoundFieldName": compound,
        "createable": field.createable,
        "custom": field.custom,
        "defaultValue": if field.kind == Kind::Boolean { Value::from("false") } else { field.default.into() },
        "defaultedOnCreate": field.is_defaulted() || !field.createable,
        "digits": if field.kind == Kind::Int { field.length } else { 0 },
        "externalId": field.external_id,
        "extraTypeInfo": if is_long { Value::from("plaintextarea") } else { Value::Null },
    });
    let more = json!({
        "filterable": field.is_filterable(),
        "groupable": field.is_filterable() && !is_real && field.kind != Kind::DateTime,
        "idLookup": field.id_lookup,
        "label": field.label,
        "length": if is_text { field.length } else { 0 },
        "name": field.name,
        "nameField": matches!(field.name.as_str(), "Name" | "CaseNumber" | "Subject" | "Title"),
        "namePointing": field.refers_to.len() > 1,
    });
    let last = json!({
        "nillable": field.nillable,
        "permissionable": field.nillable && field.createable,
        "picklistValues": choices(field),
        "polymorphicForeignKey": field.refers_to.len() > 1,
        "precision": if is_real { field.length } else { 0 },
        "referenceTo": field.refers_to,
        "relationshipName": field.relationship(),
        "restrictedPicklist": field.restricted,
        "scale": field.scale,
        "soapType": field.kind.soap(),
        "sortable": field.is_filterable() && field.kind != Kind::MultiPicklist,
        "type": field.kind.wire(),
        "unique": field.unique,
        "updateable": field.updateable,
    });
    for part in [more, last, common()] {
        if let (Value::Object(about), Value::Object(part)) = (&mut about, part) {
            about.extend(part);
        }
    }
    about
}
