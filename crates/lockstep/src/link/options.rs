//! The list of a native object's fields that all pickers of that object share.

use askama::Template;
use lockstep_core::crm::{ActionType, ApiObject, CrmObject, EventAction, Operation, Selector};
use lockstep_core::record::Record;

use super::scene::{Scene, code, icon, latest};
use super::words::Words;

/// The list.
#[derive(Template)]
#[template(path = "link/options.html")]
pub struct OptionsPage<'a> {
    w: &'a Words,
    options: Vec<Choosable>,
}

/// Where the list of an object's fields is, or that of what a workflow takes. Pickers keep a list by its address, so the
/// address says whose fields they are.
pub fn href(scene: &Scene, object: &CrmObject, native: &ApiObject, action: Option<&EventAction>) -> String {
    let object = ("object", object.slug.as_str());
    match action.filter(|action| action.action_type == ActionType::Workflow) {
        None => scene.href("options", &[object, ("native", &native.slug)]),
        Some(action) => {
            let workflow = action.workflow.as_deref().unwrap_or_default();
            scene.href("options", &[object, ("event", &action.event.slug), ("workflow", workflow)])
        }
    }
}

/// One field to choose.
struct Choosable {
    pointer: String,
    label: String,
    /// What the search looks at: label, API name and the sample's value, lower-cased.
    key: String,
    icon: &'static str,
    /// What the latest record holds, or that the last ones hold nothing.
    sample: String,
    /// A letter for each thing that can be done with it.
    ops: String,
    /// The app's types that it feeds.
    feeds: String,
    kind: String,
}

impl<'a> OptionsPage<'a> {
    /// The fields below a root, those within fields included.
    pub fn new(root: &Selector, records: &[Record], w: &'a Words) -> Self {
        let mut options = Vec::new();
        collect(root, "", records, w, &mut options);
        Self { w, options }
    }
}

/// The letter of an operation, for the picker.
pub const fn letter(operation: Operation) -> &'static str {
    match operation {
        Operation::Read => "r",
        Operation::Create => "c",
        Operation::Update => "u",
        Operation::Search => "s",
    }
}

fn collect(above: &Selector, path: &str, records: &[Record], w: &Words, options: &mut Vec<Choosable>) {
    for field in &above.children {
        let name = field.label.as_deref().or(field.api_name.as_deref()).unwrap_or_default();
        let label = if path.is_empty() { name.to_owned() } else { format!("{path} › {name}") };
        options.push(choosable(field, &label, records, w));
        collect(field, &label, records, w, options);
    }
}

fn choosable(field: &Selector, label: &str, records: &[Record], w: &Words) -> Choosable {
    let held = latest(records, field, w);
    let key = [label, field.api_name.as_deref().unwrap_or_default(), held.as_deref().unwrap_or_default()].join(" ");
    let all = [Operation::Read, Operation::Create, Operation::Update, Operation::Search];
    let can = |operation: &&Operation| {
        field.allows(**operation) && (**operation == Operation::Read || field.property().is_some())
    };
    let feeds: Vec<String> = field.input_types.iter().map(|input| code(input.input_type)).collect();
    Choosable {
        pointer: field.pointer.clone().unwrap_or_default(),
        label: label.to_owned(),
        key: key.to_lowercase(),
        icon: icon(field.native_type),
        sample: held.unwrap_or_else(|| match records.len() {
            0 => w.say("picker-no-sample"),
            count => w.of("picker-empty", "count", count),
        }),
        ops: all.iter().filter(can).map(|operation| letter(*operation)).collect(),
        feeds: feeds.join(" "),
        kind: field.type_label.clone(),
    }
}
