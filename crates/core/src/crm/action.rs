//! What an invoked event means for one connection: the native properties to write, or the filters to search with.
//!
//! Nothing is sent here. A field that the mapping does not name is never in an [`Effect`]; one that has gone from the
//! CRM is left out of a write, and stops what cannot do without it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::convert::{listed, to_native};
use super::definition::EventType;
use super::mapping::{ActionType, EventAction, Operator, Otherwise, Transformation, Way};
use super::payload::Payload;
use super::record_id::RecordId;
use super::selector::{ApiObject, Operation, Selector};
use super::{Flaw, template};
use crate::patch::Patch;
use crate::record::{Properties, Record};

/// What is to be done at the vendor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    Nothing,
    /// Make a record, or change the one that has the key.
    Create {
        /// What to write.
        write: Write,
        /// What a record is recognised by; `None` makes one in any case.
        find_by: Option<Key>,
    },
    /// Change the record.
    Update(Write),
    /// Delete the record.
    Delete,
    /// Find the records that pass every filter.
    Search(Vec<Filter>),
    /// Start an automation.
    Start {
        /// Which.
        workflow: String,
        /// Its inputs.
        inputs: Properties,
    },
}

/// What to write into one record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Write {
    /// Native properties; `None` clears one.
    pub properties: Properties,
    /// Those of them that are written only where the record holds nothing.
    pub if_empty: BTreeSet<String>,
    /// Records to link with.
    pub links: Vec<Link>,
}

/// A native property and the value that a record is recognised by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The property.
    pub property: String,
    /// The value.
    pub value: String,
}

/// A link to another record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The other record.
    pub to: RecordId,
    /// The vendor's word for the kind of link; its default when absent.
    pub kind: Option<String>,
}

/// One condition of a search.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filter {
    /// The native property.
    pub property: String,
    /// How it compares.
    pub operator: Operator,
    /// With what; `None` finds records that hold nothing there.
    pub value: Option<String>,
}

/// Why an event is not carried out. None of these cost a call to the vendor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Values that do not fit.
    #[error("the payload does not fit the mapping")]
    Payload(Vec<Flaw>),
    /// A value that no value map lists, and that a person is to decide on.
    #[error("a person must say what \"{value}\" means for {slug}")]
    Park {
        /// The payload field.
        slug: String,
        /// The value.
        value: Json,
    },
    /// The native object's fields have not been fetched yet.
    #[error("the CRM's fields are still being fetched")]
    Undescribed,
    /// Something in the CRM that this cannot do without has gone: a filter's or a key's field, or the workflow.
    #[error("{0} no longer exists in the CRM or can no longer be used; repair the mapping")]
    Gone(String),
}

impl Write {
    /// What is left to write once the record is known: not what it already holds and may not lose.
    pub fn against(&self, current: &Record) -> Properties {
        let kept = |name: &String| self.if_empty.contains(name) && current.text(name).is_some();
        let left = self.properties.iter().filter(|(name, _)| !kept(name));
        left.map(|(name, value)| (name.clone(), value.clone())).collect()
    }
}

/// What an action makes of a payload that [`super::payload::read`] let through.
///
/// # Errors
/// See [`Refusal`].
pub fn evaluate(
    action: &EventAction,
    event_type: EventType,
    api: &ApiObject,
    payload: &Payload,
) -> Result<Effect, Refusal> {
    let root = || api.selector.as_ref().ok_or(Refusal::Undescribed);
    let on_record = matches!(event_type, EventType::Update | EventType::Delete);
    let run = |root, operation| Run { action, root, payload, operation, on_record };
    Ok(match action.action_type {
        ActionType::Noop => Effect::Nothing,
        ActionType::Delete => Effect::Delete,
        ActionType::Search => Effect::Search(run(root()?, Operation::Search).filters()?),
        ActionType::Update => Effect::Update(run(root()?, Operation::Update).write()?),
        ActionType::Create => {
            let run = run(root()?, Operation::Create);
            let write = run.write()?;
            Effect::Create { find_by: run.key(&write)?, write }
        }
        ActionType::Workflow => {
            let id = action.workflow.clone().unwrap_or_default();
            let known = api.workflows.iter().find(|workflow| workflow.id == id);
            let workflow = known.ok_or_else(|| Refusal::Gone(format!("the workflow {id}")))?;
            let inputs = run(&workflow.selector, Operation::Create).write()?.properties;
            Effect::Start { workflow: id, inputs }
        }
    })
}

struct Run<'a> {
    action: &'a EventAction,
    root: &'a Selector,
    payload: &'a Payload,
    operation: Operation,
    /// Whether there is a record already: what did not come stays as it is there, and null clears.
    on_record: bool,
}

/// Why one row has no value.
enum Unfit {
    Bad(String),
    Park(Refusal),
}

impl Run<'_> {
    fn write(&self) -> Result<Write, Refusal> {
        let mut write = Write::default();
        let mut flaws = Vec::new();
        for row in &self.action.transformations {
            let Some((target, property)) = self.target(row) else { continue };
            match self.native(row, target) {
                Ok(Patch::Set(text)) => write.properties.insert(property.clone(), Some(text)),
                Ok(Patch::Clear) if self.on_record => write.properties.insert(property.clone(), None),
                Ok(Patch::Clear | Patch::Keep) => continue,
                Err(Unfit::Park(refusal)) => return Err(refusal),
                Err(Unfit::Bad(error)) => {
                    flaws.push(Flaw::new(place(row), error));
                    continue;
                }
            };
            if row.only_if_empty {
                write.if_empty.insert(property);
            }
        }
        self.links(&mut write, &mut flaws);
        if flaws.is_empty() { Ok(write) } else { Err(Refusal::Payload(flaws)) }
    }

    fn filters(&self) -> Result<Vec<Filter>, Refusal> {
        let mut filters = Vec::new();
        let mut flaws = Vec::new();
        for row in self.action.transformations.iter().filter(|row| row.way != Way::Empty) {
            let pointer = row.source_pointer.as_deref().unwrap_or("a filter's field");
            let (target, property) = self.target(row).ok_or_else(|| Refusal::Gone(pointer.to_owned()))?;
            let operator = row.criteria_operator.unwrap_or(Operator::Eq);
            match self.native(row, target) {
                Ok(Patch::Set(text)) => filters.push(Filter { property, operator, value: Some(text) }),
                Ok(Patch::Clear) => filters.push(Filter { property, operator, value: None }),
                // Without its filter the search would find more than the user allowed.
                Ok(Patch::Keep) => flaws.push(Flaw::new(place(row), "is needed by this search")),
                Err(Unfit::Park(refusal)) => return Err(refusal),
                Err(Unfit::Bad(error)) => flaws.push(Flaw::new(place(row), error)),
            }
        }
        if flaws.is_empty() { Ok(filters) } else { Err(Refusal::Payload(flaws)) }
    }

    /// The key of a find-or-create. Where no value came for it, there is none.
    fn key(&self, write: &Write) -> Result<Option<Key>, Refusal> {
        let Some(pointer) = self.action.find_by.as_deref() else { return Ok(None) };
        let found = self.root.find(pointer).filter(|selector| selector.allows(Operation::Search));
        let property = found.and_then(Selector::property).ok_or_else(|| Refusal::Gone(pointer.to_owned()))?;
        let value = write.properties.get(&property).cloned().flatten();
        Ok(value.map(|value| Key { property, value }))
    }

    fn links(&self, write: &mut Write, flaws: &mut Vec<Flaw>) {
        for association in &self.action.associations {
            let given = self.payload.get(&association.field.slug).filter(|value| !value.is_null());
            let Some(value) = given else { continue };
            let id = value.as_str().and_then(|text| text.parse::<RecordId>().ok());
            match id.filter(|id| id.object() == association.api_object) {
                Some(to) => write.links.push(Link { to, kind: association.kind.clone() }),
                None => {
                    let error = format!("must be the id of a record of {0}, such as {0}:123", association.api_object);
                    flaws.push(Flaw::new(format!("payload.{}", association.field.slug), error));
                }
            }
        }
    }

    fn target(&self, row: &Transformation) -> Option<(&Selector, String)> {
        let target = self.root.find(row.source_pointer.as_deref()?)?;
        let property = target.property().filter(|_| target.allows(self.operation))?;
        Some((target, property))
    }

    fn native(&self, row: &Transformation, target: &Selector) -> Result<Patch<String>, Unfit> {
        Ok(match self.value(row)? {
            Patch::Keep => Patch::Keep,
            Patch::Clear => Patch::Clear,
            Patch::Set(value) => {
                to_native(&value, target, &row.way).map_err(Unfit::Bad)?.map_or(Patch::Clear, Patch::Set)
            }
        })
    }

    /// A row's value on the app's side, before it takes the type of the target.
    fn value(&self, row: &Transformation) -> Result<Patch<Json>, Unfit> {
        match &row.way {
            Way::Empty | Way::Static { static_value: Json::Null } => Ok(Patch::Keep),
            Way::Static { static_value } => Ok(Patch::Set(static_value.clone())),
            Way::Template { template } if template.trim().is_empty() => Ok(Patch::Keep),
            Way::Template { template } => self.rendered(row, template),
            Way::Direct | Way::Date { .. } => Ok(self.given(row)),
            Way::ValueMap { value_map, otherwise } => {
                let Patch::Set(value) = self.given(row) else { return Ok(self.given(row)) };
                if let Some(row) = listed(&value, value_map) {
                    return Ok(Patch::Set(row.to.clone()));
                }
                match otherwise {
                    Otherwise::Skip => Ok(Patch::Keep),
                    Otherwise::Keep => Ok(Patch::Set(value)),
                    Otherwise::Use { value } => Ok(Patch::Set(value.clone())),
                    Otherwise::Park => {
                        Err(Unfit::Park(Refusal::Park { slug: row.slug().unwrap_or_default().to_owned(), value }))
                    }
                }
            }
        }
    }

    fn given(&self, row: &Transformation) -> Patch<Json> {
        let default = || row.default_value.clone().map(Patch::Set);
        match row.slug().and_then(|slug| self.payload.get(slug)) {
            None if self.on_record => Patch::Keep,
            None => default().unwrap_or(Patch::Keep),
            Some(Json::Null) => default().unwrap_or(Patch::Clear),
            Some(value) => Patch::Set(value.clone()),
        }
    }

    /// A template that speaks of values none of which came says nothing.
    fn rendered(&self, row: &Transformation, source: &str) -> Result<Patch<Json>, Unfit> {
        let bad = |error: template::BadTemplate| Unfit::Bad(error.to_string());
        let names = template::names(source).map_err(bad)?;
        if !names.is_empty() && names.iter().all(|name| !self.payload.contains_key(name)) {
            let default = row.default_value.clone().filter(|_| !self.on_record);
            return Ok(default.map_or(Patch::Keep, Patch::Set));
        }
        // A null prints like a value that did not come.
        let values: Map<String, Json> = self
            .payload
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        template::render(source, values).map(|text| Patch::Set(text.into())).map_err(bad)
    }
}

/// Where a caller looks for what is wrong with a row.
fn place(row: &Transformation) -> String {
    match row.slug() {
        Some(slug) => format!("payload.{slug}"),
        None => format!("mapping.{}", row.source_pointer.as_deref().unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests;
