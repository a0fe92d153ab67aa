//! The form of an event's action.

use std::collections::BTreeSet;

use super::{
    ActionType, ApiObject, CrmEvent, EventAction, Findings, ObjectMapping, Operation, Selector, State, Transformation,
    Way, actions, bounded, is_open,
};
use crate::crm::convert::to_native;
use crate::crm::{below, template};

/// What one action is checked against.
struct Form<'a> {
    path: &'a str,
    event: &'a CrmEvent,
    action: &'a EventAction,
    root: &'a Selector,
    operation: Operation,
}

impl Form<'_> {
    /// Where a row is found: by its payload field, else by its place in the list.
    fn place(&self, index: usize, row: &Transformation) -> String {
        match row.slug() {
            Some(slug) => below(self.path, slug),
            None => format!("{}.rows.{index}", self.path),
        }
    }

    /// Rows but for those of payload fields that the app no longer sends.
    fn rows(&self) -> impl Iterator<Item = (usize, &Transformation)> {
        let known = |slug: &str| self.event.fields.iter().any(|field| field.slug == slug);
        self.action.transformations.iter().enumerate().filter(move |(_, row)| row.slug().is_none_or(known))
    }

    /// The payload fields that the user has decided about: a row has them, a template speaks of them, a link needs them.
    fn decided(&self) -> BTreeSet<String> {
        let action = self.action;
        let links = action.associations.iter().map(|association| association.field.slug.clone());
        let spoken = |row: &Transformation| match &row.way {
            Way::Template { template } => template::names(template).unwrap_or_default(),
            _ => BTreeSet::new(),
        };
        let rows =
            action.transformations.iter().flat_map(|row| spoken(row).into_iter().chain(row.slug().map(str::to_owned)));
        rows.chain(links).collect()
    }
}

impl Findings {
    pub(super) fn event(
        &mut self,
        path: &str,
        event: &CrmEvent,
        mapping: &ObjectMapping,
        api: &ApiObject,
        root: &Selector,
    ) {
        let mut chosen = mapping.event_actions.iter().filter(|action| action.event.slug == event.slug);
        let Some(action) = chosen.next() else {
            return self.add(path, State::Missing, "needs an action");
        };
        if chosen.next().is_some() {
            return self.add(path, State::Wrong, "has two actions");
        }
        if !actions(event.event_type).contains(&action.action_type) {
            return self.add(path, State::Wrong, "cannot have this action");
        }
        if self.too_many(path, action.transformations.len()) || self.too_many(path, action.associations.len()) {
            return;
        }
        let form = |root, operation| Form { path, event, action, root, operation };
        match action.action_type {
            ActionType::Noop | ActionType::Delete => {}
            ActionType::Create => self.write(&form(root, Operation::Create)),
            ActionType::Update => self.write(&form(root, Operation::Update)),
            ActionType::Search => self.filters(&form(root, Operation::Search)),
            ActionType::Workflow => {
                let known = |id: &String| api.workflows.iter().find(|workflow| workflow.id == *id);
                match action.workflow.as_ref().map(known) {
                    None => self.add(path, State::Missing, "needs a workflow"),
                    Some(None) => self.add(path, State::Gone, "has a workflow that the CRM no longer has"),
                    Some(Some(workflow)) => {
                        let form = form(&workflow.selector, Operation::Create);
                        let written = self.rows(&form);
                        self.required(&form, &written);
                    }
                }
            }
        }
    }

    fn write(&mut self, form: &Form<'_>) {
        let decided = form.decided();
        for field in form.event.fields.iter().filter(|field| !decided.contains(&field.slug)) {
            self.add(&below(form.path, &field.slug), State::Missing, "needs a choice");
        }
        let written = self.rows(form);
        if form.operation == Operation::Create {
            self.required(form, &written);
        }
        for association in &form.action.associations {
            if form.event.fields.iter().all(|field| field.slug != association.field.slug) {
                self.add(form.path, State::Wrong, "links by a payload field that the event does not have");
            }
        }
        if let Some(pointer) = &form.action.find_by {
            let found = form.root.find(pointer).filter(|field| field.allows(Operation::Search));
            if found.and_then(Selector::property).is_none() {
                self.add(form.path, State::Gone, "finds records by a field that the CRM cannot search by");
            } else if !written.contains(pointer.as_str()) {
                self.add(form.path, State::Missing, "finds records by a field that no row writes");
            }
        }
    }

    /// Checks rows that write, and answers with the pointers they write to.
    fn rows<'a>(&mut self, form: &'a Form<'_>) -> BTreeSet<&'a str> {
        let mut written = BTreeSet::new();
        for (index, row) in form.rows().filter(|(_, row)| row.way != Way::Empty) {
            let path = form.place(index, row);
            self.row(&path, form, row);
            if let Some(pointer) = row.source_pointer.as_deref()
                && !written.insert(pointer)
            {
                self.add(&path, State::Wrong, "writes a field that another row writes too");
            }
        }
        written
    }

    fn required(&mut self, form: &Form<'_>, written: &BTreeSet<&str>) {
        for field in form.root.children.iter().filter(|field| field.access.required && field.access.createable) {
            if field.pointer.as_deref().is_some_and(|pointer| !written.contains(pointer)) {
                let path = format!("{}.required.{}", form.path, field.api_name.as_deref().unwrap_or_default());
                self.add(&path, State::Missing, "is required by the CRM");
            }
        }
    }

    /// Filters combine; zero of them find everything.
    fn filters(&mut self, form: &Form<'_>) {
        for (index, row) in form.rows() {
            let path = form.place(index, row);
            if row.way == Way::Empty {
                self.add(&path, State::Missing, "needs a value to compare with");
            } else {
                self.row(&path, form, row);
            }
            if row.criteria_operator.is_none() {
                self.add(&path, State::Missing, "needs an operator");
            }
        }
    }

    fn row(&mut self, path: &str, form: &Form<'_>, row: &Transformation) {
        let field = form.event.fields.iter().find(|field| row.slug() == Some(&field.slug));
        let target = match (&row.way, field) {
            (Way::Direct | Way::Date { .. }, Some(field)) => {
                self.passage(path, field.simple_type, row, form.root, form.operation)
            }
            (Way::Direct | Way::Date { .. } | Way::ValueMap { .. }, None) => {
                return self.add(path, State::Missing, "needs a value of the event");
            }
            _ => self.target(path, row, form.root, form.operation),
        };
        let fixed: Vec<&serde_json::Value> = match &row.way {
            unfinished if is_open(unfinished) => return self.add(path, State::Missing, "needs a value"),
            Way::Static { static_value } => vec![static_value],
            Way::ValueMap { value_map, .. } => {
                if self.too_many(path, value_map.iter().map(|mapped| mapped.from.len()).sum()) {
                    return;
                }
                value_map.iter().map(|mapped| &mapped.to).collect()
            }
            Way::Template { template } => {
                let unknown = |name: &str| form.event.fields.iter().all(|field| field.slug != name);
                self.template(path, template, unknown, State::Wrong, "which the event does not have");
                Vec::new()
            }
            Way::Direct | Way::Date { .. } | Way::Empty => Vec::new(),
        };
        let Some(target) = target else { return };
        for value in fixed.into_iter().chain(&row.default_value) {
            match bounded(value).and_then(|()| to_native(value, target, &row.way)) {
                Err(error) => self.sound(path, Err(error)),
                Ok(Some(text)) if !listed(&text, target) => {
                    self.add(path, State::Gone, format!("has the value \"{text}\", which the CRM does not list"));
                }
                Ok(_) => {}
            }
        }
    }
}

/// Whether the CRM lists a value, or has no list.
fn listed(text: &str, target: &Selector) -> bool {
    let one = |part: &str| target.choices.iter().any(|choice| choice.value == part);
    target.choices.is_empty() || text.split(';').all(one)
}
