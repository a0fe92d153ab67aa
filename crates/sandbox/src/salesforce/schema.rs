//! An org's objects: how they are found by name, by the prefix of their ids and by what refers to them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::answer::Wrong;
use super::field::{Field, Property};
use super::standard;

/// An object and its fields.
#[derive(Clone, Debug)]
pub(super) struct Object {
    pub(super) name: String,
    pub(super) label: String,
    pub(super) plural: String,
    pub(super) prefix: String,
    pub(super) fields: Vec<Field>,
    pub(super) createable: bool,
    pub(super) mergeable: bool,
}

impl Object {
    pub(super) fn new(name: &str, plural: &str, prefix: &str) -> Self {
        Self {
            name: name.to_owned(),
            label: name.to_owned(),
            plural: plural.to_owned(),
            prefix: prefix.to_owned(),
            fields: Vec::new(),
            createable: true,
            mergeable: false,
        }
    }

    /// A field, whatever the case of its name.
    pub(super) fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name.eq_ignore_ascii_case(name))
    }

    /// As [`field`](Self::field), refused as Salesforce refuses what is not there.
    pub(super) fn needed(&self, name: &str) -> Result<&Field, Wrong> {
        self.field(name).ok_or_else(|| {
            Wrong::new("INVALID_FIELD", format!("No such column '{name}' on sobject of type {}", self.name))
        })
    }

    /// The reference behind a relationship such as `Account`.
    pub(super) fn relationship(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.relationship().is_some_and(|it| it.eq_ignore_ascii_case(name)))
    }
}

/// All objects of an org.
#[derive(Debug)]
pub(super) struct Schema {
    objects: BTreeMap<String, Arc<Object>>,
    /// When it last changed, in microseconds since the epoch.
    pub(super) changed_us: i64,
}

impl Schema {
    pub(super) fn new(properties: &[Property], now_us: i64) -> Self {
        let objects = standard::objects().into_iter().map(|it| (it.name.to_lowercase(), Arc::new(it))).collect();
        let mut schema = Self { objects, changed_us: now_us };
        for property in properties {
            // Settings that name no object make no field.
            drop(schema.add(property, now_us));
        }
        schema
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<Object>> {
        self.objects.values()
    }

    pub(super) fn get(&self, name: &str) -> Option<&Arc<Object>> {
        self.objects.get(&name.to_lowercase())
    }

    /// The object whose records' ids begin so.
    pub(super) fn of_prefix(&self, prefix: &str) -> Option<&Arc<Object>> {
        self.all().find(|object| object.prefix == prefix)
    }

    /// Every field that refers to an object, with the object it belongs to.
    pub(super) fn referring(&self, to: &str) -> Vec<(&Object, &Field)> {
        self.all()
            .flat_map(|object| object.fields.iter().map(move |field| (&**object, field)))
            .filter(|(_, field)| field.refers_to.contains(&to))
            .collect()
    }

    pub(super) fn add(&mut self, property: &Property, now_us: i64) -> Result<(), String> {
        let object = self.objects.get_mut(&property.object.to_lowercase()).ok_or("there is no such object")?;
        if !property.name.ends_with("__c") {
            return Err("a custom field's name ends in __c".to_owned());
        }
        if object.field(&property.name).is_some() {
            return Err("there is such a field already".to_owned());
        }
        Arc::make_mut(object).fields.push(property.field());
        self.changed_us = now_us;
        Ok(())
    }

    pub(super) fn drop(&mut self, object: &str, name: &str, now_us: i64) -> Result<(), String> {
        let object = self.objects.get_mut(&object.to_lowercase()).ok_or("there is no such object")?;
        let before = object.fields.len();
        Arc::make_mut(object).fields.retain(|field| !field.name.eq_ignore_ascii_case(name));
        if object.fields.len() == before {
            return Err("there is no such field".to_owned());
        }
        self.changed_us = now_us;
        Ok(())
    }
}
