//! Making, changing and deleting records, with the rules that stand between records. The API, bulk jobs and people all
//! write here.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::answer::Wrong;
use super::check::{Aim, Values, checked};
use super::field::{Field, Kind};
use super::ids;
use super::org::{By, Org};
use super::rows::Row;
use super::schema::Object;

/// Characters of a note's beginning that lists show.
const PREVIEW: usize = 255;

impl Org {
    /// Makes a record of what a body holds. Answers its id.
    pub(super) fn create(
        &mut self,
        object: &str,
        body: &Map<String, Value>,
        by: By,
        allows_duplicates: bool,
    ) -> Result<String, Wrong> {
        let object = self.object(object)?;
        if !object.createable {
            let message = format!("entity type {} does not support create", object.name);
            return Err(Wrong::new("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", message));
        }
        let mut values = checked(self, &object, body, Aim::Create)?;
        values.retain(|_, value| !value.is_null());
        let missing: Vec<String> = object
            .fields
            .iter()
            .filter(|field| field.is_needed() && !values.contains_key(&field.name))
            .map(|field| field.name.clone())
            .collect();
        if !missing.is_empty() {
            let message = format!("Required fields are missing: [{}]", missing.join(", "));
            return Err(Wrong { code: "REQUIRED_FIELD_MISSING".to_owned(), message, fields: missing });
        }
        self.unlocked(&object, None, &values)?;
        self.unclaimed(&object, None, &values)?;
        if !allows_duplicates {
            self.no_duplicate(&object, &values)?;
        }
        for field in &object.fields {
            if let Some(default) = field.default.filter(|_| !values.contains_key(&field.name)) {
                values.insert(field.name.clone(), default.into());
            }
        }
        if object.field("OwnerId").is_some() {
            values.entry("OwnerId".to_owned()).or_insert_with(|| by.user().into());
        }
        if object.name == "Case" {
            values.insert("CaseNumber".to_owned(), self.next_case().into());
        }
        let id = self.next_id(&object.prefix);
        let mut row = self.blank(&object.name, id.clone(), by);
        row.values = values;
        self.derive(&mut row);
        self.rows.put(&id, Some(row));
        Ok(id)
    }

    /// Changes a record: only what the body names.
    pub(super) fn update(&mut self, id: &str, body: &Map<String, Value>, by: By) -> Result<(), Wrong> {
        let mut row = self.standing(id)?.clone();
        let object = self.object(&row.object)?;
        let values = checked(self, &object, body, Aim::Update)?;
        if row.held("IsConverted").is_some_and(|it| *it == true) {
            return Err(Wrong::new("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead"));
        }
        let emptied = |field: &&Field| !field.nillable && values.get(&field.name).is_some_and(Value::is_null);
        let emptied: Vec<String> = object.fields.iter().filter(emptied).map(|field| field.name.clone()).collect();
        if !emptied.is_empty() {
            let message = format!("Required fields are missing: [{}]", emptied.join(", "));
            return Err(Wrong { code: "REQUIRED_FIELD_MISSING".to_owned(), message, fields: emptied });
        }
        self.unlocked(&object, Some(id), &values)?;
        self.unclaimed(&object, Some(id), &values)?;
        row.values.extend(values);
        self.derive(&mut row);
        self.touch(&mut row, by);
        let id = row.id.clone();
        self.rows.put(&id, Some(row));
        Ok(())
    }

    /// Puts a record in the recycle bin, with those that cannot be without it.
    pub(super) fn delete(&mut self, id: &str, by: By) -> Result<(), Wrong> {
        let row = self.standing(id)?.clone();
        let object = self.object(&row.object)?;
        self.unlocked(&object, Some(&row.id), &Values::new())?;
        let at_us = self.stamp_us();
        let mut doomed = vec![row.id];
        while let Some(id) = doomed.pop() {
            let Some(mut row) = self.rows.live(&id).cloned() else { continue };
            doomed.extend(self.children(&row, |field| field.cascades).into_iter().map(|(id, _)| id));
            row.deleted_us = Some(at_us);
            self.touch(&mut row, by);
            self.rows.put(&id, Some(row));
        }
        Ok(())
    }

    /// Marks a record as changed now.
    pub(super) fn touch(&self, row: &mut Row, by: By) {
        let at_us = self.stamp_us();
        (row.modified_us, row.stamp_us, row.modified_by) = (at_us, at_us, by.user());
        row.searchable_us = self.now_us() + self.lag_us();
    }

    /// Live records that refer to one, with the field by which they do.
    pub(super) fn children(&self, of: &Row, by: impl Fn(&Field) -> bool) -> Vec<(String, String)> {
        let mut children = Vec::new();
        for (object, field) in self.schema.referring(&of.object).into_iter().filter(|(_, field)| by(field)) {
            let refers = |row: &&Row| row.deleted_us.is_none() && row.text(&field.name) == of.id;
            let found = self.rows.of(&object.prefix).filter(refers);
            children.extend(found.map(|row| (row.id.clone(), field.name.clone())));
        }
        children
    }

    pub(super) fn object(&self, name: &str) -> Result<Arc<Object>, Wrong> {
        let found = self.schema.get(name).cloned();
        found.ok_or_else(|| Wrong::new("INVALID_TYPE", format!("sObject type '{name}' is not supported.")))
    }

    /// A live record, whichever length of id is given.
    pub(super) fn standing(&self, id: &str) -> Result<&Row, Wrong> {
        let Some(long) = ids::long(id) else {
            return Err(Wrong::new("MALFORMED_ID", format!("malformed id {id}")));
        };
        match self.rows.get(&long) {
            Some(row) if row.deleted_us.is_none() => Ok(row),
            Some(_) => Err(Wrong::new("ENTITY_IS_DELETED", "entity is deleted")),
            None => Err(Wrong::new("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")),
        }
    }

    /// Refuses while somebody else writes the record or one that it is put under.
    fn unlocked(&self, object: &Object, id: Option<&str>, values: &Values) -> Result<(), Wrong> {
        let now_us = self.now_us();
        let id = id.and_then(ids::long);
        let parents = object.fields.iter().filter(|field| field.kind == Kind::Reference);
        let mut touched = parents.filter_map(|field| values.get(&field.name)?.as_str()).chain(id.as_deref());
        match touched.find(|id| self.locks.get(*id).is_some_and(|until_us| *until_us > now_us)) {
            Some(locked) => {
                let message = format!("unable to obtain exclusive access to this record or 1 records: {locked}");
                Err(Wrong::new("UNABLE_TO_LOCK_ROW", message))
            }
            None => Ok(()),
        }
    }

    /// Refuses a value that another record holds and only one may.
    pub(super) fn unclaimed(&self, object: &Object, id: Option<&str>, values: &Values) -> Result<(), Wrong> {
        let id = id.and_then(ids::long);
        for field in object.fields.iter().filter(|field| field.unique) {
            let Some(value) = values.get(&field.name).filter(|value| !value.is_null()) else { continue };
            let others = self.rows.by_key(&object.name, &field.name, value);
            if let Some(other) = others.iter().find(|other| Some(*other) != id.as_ref()) {
                let (name, other) = (&field.name, ids::short(other));
                let message = format!("duplicate value found: {name} duplicates value on record with id: {other}");
                return Err(Wrong::of("DUPLICATE_VALUE", message, name));
            }
        }
        if object.name == "TopicAssignment" && id.is_none() {
            let same = |row: &&Row| {
                row.deleted_us.is_none()
                    && ["TopicId", "EntityId"].iter().all(|name| row.held(name) == values.get(*name))
            };
            if let Some(other) = self.rows.of(&object.prefix).find(same) {
                let message = format!("duplicate value found: duplicates value on record with id: {}", other.id);
                return Err(Wrong::new("DUPLICATE_VALUE", message));
            }
        }
        Ok(())
    }

    /// The org's duplicate rule, if it has one: nobody twice by e-mail address.
    fn no_duplicate(&self, object: &Object, values: &Values) -> Result<(), Wrong> {
        let email = values.get("Email").filter(|_| self.settings.duplicate_rule);
        let found = email.is_some_and(|email| !self.rows.by_key(&object.name, "Email", email).is_empty());
        if found { Err(Wrong::new("DUPLICATES_DETECTED", "Use one of these records?")) } else { Ok(()) }
    }

    /// Sets what follows from other values.
    fn derive(&self, row: &mut Row) {
        match row.object.as_str() {
            "Task" => {
                let parent = [row.text("WhatId"), row.text("WhoId")].map(str::to_owned);
                let of_parent = |id: &String| {
                    let parent = self.rows.get(id)?;
                    if parent.object == "Account" {
                        Some(id.clone())
                    } else {
                        Some(parent.text("AccountId").to_owned())
                    }
                };
                let account = parent.iter().filter_map(of_parent).find(|id| !id.is_empty());
                row.values.insert("AccountId".to_owned(), account.into());
            }
            "TopicAssignment" => {
                let of = self.schema.of_prefix(ids::prefix(row.text("EntityId"))).map(|object| object.name.clone());
                row.values.insert("EntityType".to_owned(), of.into());
            }
            "ContentNote" => {
                let content = STANDARD.decode(row.text("Content")).unwrap_or_default();
                let preview: String = plain(&String::from_utf8_lossy(&content)).chars().take(PREVIEW).collect();
                row.values.insert("TextPreview".to_owned(), preview.into());
                row.values.insert("ContentSize".to_owned(), content.len().into());
            }
            _ => {}
        }
    }
}

/// HTML without its marks.
fn plain(html: &str) -> String {
    let mut inside = false;
    let kept: String = html
        .chars()
        .filter(|letter| {
            let is_mark = inside || *letter == '<';
            inside = is_mark && *letter != '>';
            !is_mark
        })
        .collect();
    let pairs = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")];
    pairs.iter().fold(kept, |text, (mark, letter)| text.replace(mark, letter))
}
