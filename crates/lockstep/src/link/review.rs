//! The last screen before finishing: one sentence for each event, and what is still open.

use askama::Template;
use lockstep_core::crm::{ActionType, ApiObject, CrmEvent, CrmObject, EventAction, Selector};

use super::event::root_of;
use super::journey::{self, Place};
use super::scene::Scene;
use super::screens::Bar;
use super::words::Words;

/// The screen.
#[derive(Template)]
#[template(path = "link/review.html")]
pub struct ReviewScreen<'a> {
    w: &'a Words,
    bar: Bar,
    post: String,
    version: i64,
    /// A sentence, what it is about in detail, and where it is changed.
    sentences: Vec<(String, String, String)>,
    left: usize,
    open: Option<String>,
    /// Whether another window changed the draft after this screen was shown.
    moved: bool,
}

impl<'a> ReviewScreen<'a> {
    /// The screen of a draft.
    pub fn new(scene: &'a Scene, moved: bool) -> Self {
        let left = scene.objects.iter().map(|object| scene.findings(object).len()).sum();
        Self {
            w: &scene.words,
            bar: Bar::at(scene, &Place::Review),
            post: scene.href("finish", &[]),
            version: scene.version,
            sentences: scene.objects.iter().flat_map(|object| sentences(scene, object)).collect(),
            left,
            open: journey::first_open(scene).map(|place| place.href(scene)),
            moved,
        }
    }
}

fn sentences(scene: &Scene, object: &CrmObject) -> Vec<(String, String, String)> {
    let w = &scene.words;
    let slug = || object.slug.clone();
    let (Some(mapping), Some(native)) = (scene.mapping(object), scene.native(object)) else {
        let out = w.of("review-out", "object", object.label.as_str());
        return vec![(out, String::new(), Place::Native(slug()).href(scene))];
    };
    let read: Vec<&str> = object.fields.iter().map(|field| &*field.label).collect();
    let reads = (!read.is_empty()).then(|| {
        let told = w.of("review-reads", "fields", native.label_many.as_str());
        (told, read.join(", "), Place::Fields(slug()).href(scene))
    });
    let events = object.events.iter().map(|event| {
        let (told, detail) = sentence(w, event, mapping.action(&event.slug), native);
        (told, detail, Place::Event(slug(), event.slug.clone()).href(scene))
    });
    reads.into_iter().chain(events).collect()
}

fn sentence(w: &Words, event: &CrmEvent, action: Option<&EventAction>, native: &ApiObject) -> (String, String) {
    let one = native.label_one.to_lowercase();
    let named = ("event", event.label.as_str().into());
    let Some(action) = action else { return (w.with("review-noop", &[named]), String::new()) };
    let root = root_of(action, native);
    let written = || targets(action, root).join(", ");
    match action.action_type {
        ActionType::Create => (w.with("review-create", &[named, ("one", one.into())]), written()),
        ActionType::Update => (w.with("review-update", &[named, ("one", one.into())]), written()),
        ActionType::Delete => (w.with("review-delete", &[named, ("one", one.into())]), String::new()),
        ActionType::Search => {
            (w.with("review-search", &[named, ("many", native.label_many.to_lowercase().into())]), written())
        }
        ActionType::Noop => (w.with("review-noop", &[named]), String::new()),
        ActionType::Workflow => {
            let known = native.workflows.iter().find(|of| Some(&of.id) == action.workflow.as_ref());
            let label = known.map_or_else(|| w.say("event-choose-workflow"), |of| of.label.clone());
            (w.with("review-workflow", &[named, ("workflow", label.into())]), String::new())
        }
    }
}

fn targets<'a>(action: &EventAction, root: Option<&'a Selector>) -> Vec<&'a str> {
    let pointers = action.transformations.iter().filter_map(|row| row.source_pointer.as_deref());
    pointers.filter_map(|pointer| root?.find(pointer)?.label.as_deref()).collect()
}
