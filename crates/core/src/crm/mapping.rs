//! A user's mapping of one CRM object: which native object it is, where its fields come from and what its events do.
//!
//! The wire is that of Xkit's `crm_mapping`; `template`, `value_map`, `time_zone`, `default_value`, `only_if_empty`,
//! `find_by`, `associations` and `workflow` stand beside it.

use std::collections::BTreeMap;
use std::mem;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use utoipa::ToSchema;

/// The mapping of one CRM object on one connection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ObjectMapping {
    /// The CRM object, by its `id`.
    pub crm_object_id: i64,
    /// The native object, by its `id`; `null` when the user opted out of this CRM object.
    pub api_object_id: Option<i64>,
    /// Where each field comes from.
    #[serde(default)]
    pub transformations: Vec<Transformation>,
    /// What each event does.
    #[serde(default)]
    pub event_actions: Vec<EventAction>,
    /// Whether a unique property of ours may be kept in the native object: then no lost answer can make a record twice.
    #[serde(default, skip_serializing_if = "is_false")]
    pub keep_key: bool,
}

/// A field, a payload field or an event, by slug.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SlugRef {
    /// The slug.
    pub slug: String,
}

/// One row: of a field that is read, of an action that writes, or of a search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Transformation {
    /// What happens between the two sides.
    #[serde(flatten)]
    pub way: Way,
    /// The app's side. Rows that take nothing from the app have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<SlugRef>,
    /// The CRM's side: a selector's `pointer`. On a write it is the target, the name notwithstanding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_pointer: Option<String>,
    /// How a search compares.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub criteria_operator: Option<Operator>,
    /// Stands in where there is no value. On an update, only for `null`: what did not come stays as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Value)]
    pub default_value: Option<Json>,
    /// Write only where the CRM holds nothing.
    #[serde(default, skip_serializing_if = "is_false")]
    pub only_if_empty: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_false(flag: &bool) -> bool {
    !*flag
}

/// What happens to a value between the two sides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum Way {
    /// It passes, converted to the type of the other side.
    Direct,
    /// It passes as an ISO 8601 date, or as the date that the CRM takes.
    Date {
        /// Where times without a zone are, and where a day begins; UTC when absent. An IANA name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        time_zone: Option<String>,
    },
    /// A fixed value.
    Static {
        /// The value; `null` while it is still to be typed.
        #[serde(default)]
        #[schema(value_type = Value)]
        static_value: Json,
    },
    /// Nothing passes.
    Empty,
    /// A text made of several values.
    Template {
        /// The template's source; empty while it is still to be typed.
        #[serde(default)]
        template: String,
    },
    /// Listed values become other values, many to one.
    ValueMap {
        /// The rows; the first that holds the value decides.
        #[serde(default)]
        value_map: Vec<MapRow>,
        /// What becomes of a value in no row.
        #[serde(default)]
        otherwise: Otherwise,
    },
}

/// A row of a value map.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MapRow {
    /// Values as they come, compared as text.
    pub from: Vec<String>,
    /// The value they become.
    #[schema(value_type = Value)]
    pub to: Json,
}

/// What becomes of a value that a value map does not list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "then", rename_all = "snake_case")]
pub enum Otherwise {
    /// Nothing passes: a write leaves the field alone, a read is null.
    #[default]
    Skip,
    /// It passes as it is.
    Keep,
    /// Another value passes.
    Use {
        /// That value.
        #[schema(value_type = Value)]
        value: Json,
    },
    /// The whole event is set aside for a person. A read is null.
    Park,
}

/// How a search compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Operator {
    /// The native field equals the value.
    Eq,
    /// The native field contains the value.
    Contains,
}

/// What an event does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EventAction {
    /// The event.
    pub event: SlugRef,
    /// What it does.
    pub action_type: ActionType,
    /// The rows of its form.
    #[serde(default)]
    pub transformations: Vec<Transformation>,
    /// Of a create: the native field, by pointer, that a record is recognised by. A record that has the same value
    /// there is changed, and none is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub find_by: Option<String>,
    /// Of a create or an update: records to link with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub associations: Vec<Association>,
    /// Of a workflow: which, by its `id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<String>,
    /// Of a draft: the rows that stood here while another form was chosen, by [`Self::form`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub laid_by: BTreeMap<String, Vec<Transformation>>,
}

/// The closed list of actions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ActionType {
    /// Make a record.
    Create,
    /// Change the record.
    Update,
    /// Delete the record.
    Delete,
    /// Find records.
    Search,
    /// Nothing.
    Noop,
    /// Hand it to an automation of the CRM.
    Workflow,
}

/// A link from the written record to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Association {
    /// The payload field that holds the other record's id, such as `contacts:123`.
    pub field: SlugRef,
    /// The native object that the other record must be of, by its slug.
    pub api_object: String,
    /// The vendor's word for the kind of link; its default when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
}

impl Transformation {
    /// A row with a way and nothing else.
    pub const fn new(way: Way) -> Self {
        Self {
            way,
            field: None,
            source_pointer: None,
            criteria_operator: None,
            default_value: None,
            only_if_empty: false,
        }
    }

    /// The slug of the app's side.
    pub fn slug(&self) -> Option<&str> {
        self.field.as_ref().map(|field| field.slug.as_str())
    }
}

impl EventAction {
    /// What the rows fill in: a workflow's inputs, by its id, or the native object's fields.
    fn form(&self) -> String {
        match self.action_type {
            ActionType::Workflow => format!("workflow:{}", self.workflow.as_deref().unwrap_or_default()),
            _ => "fields".to_owned(),
        }
    }

    /// Chooses something else. The rows of another form are laid by, and those that were laid by for this one are back.
    pub fn turn(&mut self, action_type: ActionType, workflow: Option<String>) {
        let (before, rows) = (self.form(), mem::take(&mut self.transformations));
        if !rows.is_empty() {
            self.laid_by.insert(before, rows);
        }
        (self.action_type, self.workflow) = (action_type, workflow);
        self.transformations = self.laid_by.remove(&self.form()).unwrap_or_default();
    }

    /// Drops what belongs to other choices than the one that was made in the end.
    pub fn settle(&mut self) {
        use ActionType::{Create, Delete, Noop, Update, Workflow};
        self.laid_by.clear();
        if matches!(self.action_type, Delete | Noop) {
            self.transformations.clear();
        }
        if !matches!(self.action_type, Create | Update) {
            self.associations.clear();
        }
        self.find_by = self.find_by.take().filter(|_| self.action_type == Create);
        self.workflow = self.workflow.take().filter(|_| self.action_type == Workflow);
    }
}

impl ObjectMapping {
    /// The action of an event.
    pub fn action(&self, event: &str) -> Option<&EventAction> {
        self.event_actions.iter().find(|action| action.event.slug == event)
    }

    /// The row of a field.
    pub fn row(&self, field: &str) -> Option<&Transformation> {
        self.transformations.iter().find(|row| row.slug() == Some(field))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_mapping_as_a_stock_client_posts_it_comes_back_unchanged() {
        let wire = json!({
            "crm_object_id": 7, "api_object_id": 9,
            "transformations": [
                {"name": "direct", "field": {"slug": "title"}, "source_pointer": "#/properties/dealname"},
                {"name": "static", "field": {"slug": "open"}, "static_value": true},
                {"name": "empty", "field": {"slug": "size"}}
            ],
            "event_actions": [
                {"event": {"slug": "find"}, "action_type": "search", "transformations": [
                    {"name": "date", "field": {"slug": "at"}, "source_pointer": "#/p", "criteria_operator": "eq"}]},
                {"event": {"slug": "gone"}, "action_type": "noop", "transformations": []}
            ]
        });
        let mapping: ObjectMapping = serde_json::from_value(wire.clone()).unwrap();
        assert_eq!(serde_json::to_value(&mapping).unwrap(), wire);
        assert_eq!(mapping.row("open").unwrap().way, Way::Static { static_value: json!(true) });
        assert_eq!(mapping.action("gone").unwrap().action_type, ActionType::Noop);
        let opted_out = json!({"crm_object_id": 7, "api_object_id": null, "extra": 1});
        assert_eq!(serde_json::from_value::<ObjectMapping>(opted_out).unwrap().api_object_id, None);
    }

    #[test]
    fn additions_stand_beside_the_known_members() {
        let wire = json!({
            "event": {"slug": "won"}, "action_type": "create", "find_by": "#/properties/key",
            "associations": [{"field": {"slug": "contact"}, "api_object": "contacts"}],
            "transformations": [
                {"name": "value_map", "field": {"slug": "state"}, "source_pointer": "#/properties/stage",
                 "value_map": [{"from": ["done", "signed"], "to": "won"}], "otherwise": {"then": "use", "value": "open"}},
                {"name": "template", "template": "{{ title }}!", "source_pointer": "#/properties/dealname", "only_if_empty": true},
                {"name": "date", "time_zone": "Asia/Jakarta", "field": {"slug": "at"}, "source_pointer": "#/properties/on",
                 "default_value": "2026-01-01"}
            ]
        });
        let action: EventAction = serde_json::from_value(wire.clone()).unwrap();
        assert_eq!(serde_json::to_value(&action).unwrap(), wire);
        let mut turned = action.clone();
        turned.turn(ActionType::Workflow, Some("7".to_owned()));
        assert!(turned.transformations.is_empty());
        turned.turn(ActionType::Create, None);
        assert_eq!(turned, action);
        turned.turn(ActionType::Noop, None);
        turned.settle();
        let nothing = json!({"event": {"slug": "won"}, "action_type": "noop", "transformations": []});
        assert_eq!(serde_json::to_value(&turned).expect("JSON"), nothing);
        let unknown = json!({"event": {"slug": "won"}, "action_type": "explode"});
        assert!(serde_json::from_value::<EventAction>(unknown).is_err());
    }
}
