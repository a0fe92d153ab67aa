//! Property definitions and groups of one object.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::standard::{self, Row};
use crate::world::iso;

/// Unique properties an account may define per object.
pub(super) const UNIQUE_PROPERTIES_MAX: usize = 10;
/// Custom properties an account may define per object.
pub(super) const CUSTOM_PROPERTIES_MAX: usize = 1_000;

/// What a property's values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    String,
    Number,
    Date,
    Datetime,
    Enumeration,
    Bool,
    PhoneNumber,
}

/// How a property's values are entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum FieldType {
    Text,
    Textarea,
    Select,
    Radio,
    Checkbox,
    Booleancheckbox,
    Date,
    File,
    Number,
    Html,
    Phonenumber,
    #[serde(rename = "calculation_equation")]
    CalculationEquation,
}

/// One choice of an enumeration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Choice {
    pub(super) label: String,
    pub(super) value: String,
    #[serde(default)]
    description: String,
    #[serde(default = "unordered")]
    display_order: i32,
    #[serde(default)]
    hidden: bool,
}

impl Choice {
    pub(super) fn new(value: &str, label: &str, display_order: i32) -> Self {
        Self {
            label: label.to_owned(),
            value: value.to_owned(),
            description: String::new(),
            display_order,
            hidden: false,
        }
    }
}

fn unordered() -> i32 {
    -1
}

/// What may be changed about a property.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Modification {
    pub(super) archivable: bool,
    pub(super) read_only_definition: bool,
    pub(super) read_only_value: bool,
}

/// A property definition as the API shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Property {
    pub(super) name: String,
    pub(super) label: String,
    #[serde(rename = "type")]
    pub(super) kind: Kind,
    pub(super) field_type: FieldType,
    pub(super) description: String,
    pub(super) group_name: String,
    pub(super) options: Vec<Choice>,
    pub(super) display_order: i32,
    pub(super) calculated: bool,
    pub(super) external_options: bool,
    pub(super) has_unique_value: bool,
    pub(super) hidden: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) hubspot_defined: bool,
    pub(super) modification_metadata: Modification,
    pub(super) form_field: bool,
    pub(super) data_sensitivity: &'static str,
    pub(super) created_at: String,
    pub(super) updated_at: String,
    pub(super) archived: bool,
}

/// The body that defines a property.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PropertyDraft {
    pub(super) name: String,
    label: String,
    #[serde(rename = "type")]
    kind: Kind,
    field_type: FieldType,
    pub(super) group_name: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    options: Vec<Choice>,
    #[serde(default = "unordered")]
    display_order: i32,
    #[serde(default)]
    external_options: bool,
    #[serde(default)]
    pub(super) has_unique_value: bool,
    #[serde(default)]
    hidden: bool,
    #[serde(default)]
    form_field: bool,
}

impl PropertyDraft {
    pub(super) fn define(self, now_us: i64) -> Property {
        Property {
            name: self.name,
            label: self.label,
            kind: self.kind,
            field_type: self.field_type,
            description: self.description,
            group_name: self.group_name,
            options: self.options,
            display_order: self.display_order,
            calculated: self.field_type == FieldType::CalculationEquation,
            external_options: self.external_options,
            has_unique_value: self.has_unique_value,
            hidden: self.hidden,
            hubspot_defined: false,
            modification_metadata: Modification {
                archivable: true,
                read_only_definition: false,
                read_only_value: self.field_type == FieldType::CalculationEquation,
            },
            form_field: self.form_field,
            data_sensitivity: "non_sensitive",
            created_at: iso(now_us),
            updated_at: iso(now_us),
            archived: false,
        }
    }
}

/// The body that changes a property. Its name and uniqueness can never change.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PropertyPatch {
    label: Option<String>,
    #[serde(rename = "type")]
    kind: Option<Kind>,
    field_type: Option<FieldType>,
    pub(super) group_name: Option<String>,
    description: Option<String>,
    options: Option<Vec<Choice>>,
    display_order: Option<i32>,
    hidden: Option<bool>,
    form_field: Option<bool>,
}

impl Property {
    pub(super) fn patch(&mut self, patch: PropertyPatch, now_us: i64) {
        fn put<T>(place: &mut T, value: Option<T>) {
            if let Some(value) = value {
                *place = value;
            }
        }
        put(&mut self.label, patch.label);
        put(&mut self.kind, patch.kind);
        put(&mut self.field_type, patch.field_type);
        put(&mut self.group_name, patch.group_name);
        put(&mut self.description, patch.description);
        put(&mut self.options, patch.options);
        put(&mut self.display_order, patch.display_order);
        put(&mut self.hidden, patch.hidden);
        put(&mut self.form_field, patch.form_field);
        self.updated_at = iso(now_us);
    }
}

/// A property group.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Group {
    pub(super) name: String,
    pub(super) label: String,
    pub(super) display_order: i32,
    pub(super) archived: bool,
}

/// All definitions of one object.
#[derive(Debug)]
pub(super) struct Schema {
    pub(super) properties: BTreeMap<Arc<str>, Property>,
    pub(super) groups: BTreeMap<String, Group>,
}

impl Schema {
    /// The definitions that an object begins with; `group` is the name and label of the group they stand in.
    pub(super) fn of(rows: &[Row], group: (&str, &str)) -> Self {
        let properties = standard::properties(rows, group.0).into_iter();
        let properties = properties.map(|property| (Arc::from(property.name.as_str()), property)).collect();
        let groups = [group, ("sales_properties", "Sales properties")]
            .iter()
            .zip(0..)
            .map(|((name, label), display_order)| {
                let (name, label) = ((*name).to_owned(), (*label).to_owned());
                (name.clone(), Group { name, label, display_order, archived: false })
            })
            .collect();
        Self { properties, groups }
    }

    /// A property that exists and is not archived, with its shared name.
    pub(super) fn live(&self, name: &str) -> Option<(&Arc<str>, &Property)> {
        self.properties.get_key_value(name).filter(|(_, property)| !property.archived)
    }

    pub(super) fn is_unique(&self, name: &str) -> bool {
        self.live(name).is_some_and(|(_, property)| property.has_unique_value)
    }
}
