//! The screen of one row over HTTP.

use axum::Form;
use axum::http::StatusCode;
use axum::response::Response;
use lockstep_core::crm::{
    ApiObject, CrmObject, CrmProblem, EventAction, ObjectMapping, Operation, Selector, State as Standing,
    Transformation, Way, template,
};

use super::edits::{self, Pick, RowKey};
use super::event::root_of;
use super::journey::Place;
use super::mapping_pages::{Wanted, missing, show};
use super::options;
use super::preview::Try;
use super::row::{self, Frame, Given, Part, RowScreen};
use super::scene::{Scene, field};
use super::screens::{Bar, html};
use super::work::Work;
use super::{Asked, Segments};

/// Whose row it is: an object's own, where its fields come from, or one of its events'.
struct Owner<'a> {
    object: &'a CrmObject,
    event: &'a str,
    native: &'a ApiObject,
    /// What the event does.
    action: Option<&'a EventAction>,
    rows: &'a [Transformation],
    root: &'a Selector,
    operation: Operation,
}

impl<'a> Owner<'a> {
    fn find(scene: &'a Scene, object: &str, event: &'a str) -> Option<Self> {
        let object = scene.object(object)?;
        let (mapping, native) = (scene.mapping(object)?, scene.native(object)?);
        if event.is_empty() {
            let (rows, root) = (&*mapping.transformations, native.selector.as_ref()?);
            return Some(Self { object, event, native, action: None, rows, root, operation: Operation::Read });
        }
        let action = mapping.action(event)?;
        let operation = edits::operation(action.action_type)?;
        let (rows, root) = (&*action.transformations, root_of(action, native)?);
        Some(Self { object, event, native, action: Some(action), rows, root, operation })
    }

    /// What the row is about. The value that it takes from the app is named by the row, or by the key of one to come.
    fn part(&self, scene: &'a Scene, key: &RowKey) -> Part<'a> {
        let row = edits::find(self.rows, key);
        let slug = row.and_then(|row| row.slug().map(str::to_owned)).or_else(|| match key {
            RowKey::Of(slug) => Some(slug.clone()),
            RowKey::At(_) | RowKey::New(_) => None,
        });
        let fields = match self.object.event(self.event) {
            Some(event) => &event.fields,
            None => &self.object.fields,
        };
        let values = match self.operation {
            Operation::Read => self
                .root
                .children
                .iter()
                .filter(|child| child.access.readable)
                .filter_map(|child| Some((child.api_name.clone()?, child.label.clone()?)))
                .take(VALUES_SHOWN)
                .collect(),
            _ => fields.iter().map(|field| (field.slug.clone(), field.label.clone())).collect(),
        };
        let field = slug.and_then(|slug| field(fields, &slug));
        Part { field, values, root: self.root, operation: self.operation, zone: &scene.words.zone }
    }

    /// The row, or one to begin with.
    fn row(&self, part: &Part<'_>, key: &RowKey) -> Transformation {
        if let Some(row) = edits::find(self.rows, key) {
            return row.clone();
        }
        let pointer = if let RowKey::New(pointer) = key { pointer.clone() } else { None };
        match part.field {
            Some(of) => Transformation {
                source_pointer: pointer,
                way: Way::Direct,
                ..edits::row(of, &Pick::Empty, self.root, self.operation, part.zone)
            },
            None => Transformation {
                source_pointer: pointer,
                criteria_operator: (self.operation == Operation::Search).then_some(lockstep_core::crm::Operator::Eq),
                ..Transformation::new(Way::Static { static_value: serde_json::Value::Null })
            },
        }
    }

    fn home(&self) -> Place {
        match self.event {
            "" => Place::Fields(self.object.slug.clone()),
            event => Place::Event(self.object.slug.clone(), event.to_owned()),
        }
    }
}

/// Values that a text can be made of, as buttons.
const VALUES_SHOWN: usize = 24;

/// `GET /link/at/{connection}/row?object=&event=&row=`
pub async fn get(work: Work, Segments(id): Segments<String>, Asked(wanted): Asked<Wanted>) -> Response {
    let outcome = async {
        let (scene, _) = work.scene_of(&id, &wanted.object).await?;
        let key = RowKey::read(&wanted.row).ok_or_else(missing)?;
        screen(&scene, &wanted.object, &wanted.event, &key)
    };
    work.guest.answer(outcome.await)
}

/// The screen of a row as it is kept.
///
/// # Errors
/// There is no such row.
pub fn screen(scene: &Scene, object: &str, event: &str, key: &RowKey) -> Result<Response, CrmProblem> {
    let owner = Owner::find(scene, object, event).ok_or_else(missing)?;
    let part = owner.part(scene, key);
    let row = owner.row(&part, key);
    Ok(rendered(scene, &owner, &part, key, &row, Vec::new()))
}

fn rendered(
    scene: &Scene,
    owner: &Owner<'_>,
    part: &Part<'_>,
    key: &RowKey,
    row: &Transformation,
    errors: Vec<String>,
) -> Response {
    let (object, event) = (owner.object.slug.as_str(), owner.event);
    let home = owner.home();
    let bar =
        Bar { back: Some(home.href(scene)), step: Some(home.step()), name: format!("row {object} {event} {key}") };
    let frame = Frame {
        w: &scene.words,
        bar,
        post: scene.href("row", &[]),
        list: options::href(scene, owner.object, owner.native, owner.action),
        hidden: vec![("object", object.to_owned()), ("event", event.to_owned()), ("row", key.to_string())],
        key,
    };
    let becomes = becomes(scene, owner, row);
    html(StatusCode::OK, &RowScreen::new(frame, part, row, becomes, errors))
}

/// The text that a template makes of the person's latest record, or of examples.
fn becomes(scene: &Scene, owner: &Owner<'_>, row: &Transformation) -> Option<String> {
    let Way::Template { template } = &row.way else { return None };
    let native = scene.native(owner.object)?;
    let record = scene.records(native).first();
    let made = match owner.object.event(owner.event) {
        None => {
            let held = record.iter().flat_map(|record| &record.properties);
            let values: serde_json::Map<String, serde_json::Value> =
                held.filter_map(|(name, value)| Some((name.clone(), value.clone()?.into()))).collect();
            template::render(template, values)
        }
        Some(event) => {
            let (w, object, mapping) = (&scene.words, owner.object, scene.mapping(owner.object)?);
            let records = scene.records(native);
            let try_it = Try { w, object, event, mapping, native, records, wanted: "", now: scene.now };
            template::render(template, try_it.payload(record))
        }
    };
    Some(made.unwrap_or_else(|error| error.to_string()))
}

/// `POST /link/at/{connection}/row`: keeps the row, shows it again, or takes it away.
pub async fn post(work: Work, Segments(id): Segments<String>, Form(given): Form<Given>) -> Response {
    let outcome = async {
        let text = |name: &str| given.get(name).map(String::as_str).unwrap_or_default();
        let (scene, seen) = work.scene_of(&id, text("object")).await?;
        let key = RowKey::read(text("row")).ok_or_else(missing)?;
        let owner = Owner::find(&scene, text("object"), text("event")).ok_or_else(missing)?;
        let part = owner.part(&scene, &key);
        let row = row::read(&given, &part, edits::find(owner.rows, &key));
        let done = match text("step") {
            "remove" => None,
            "done" => {
                let wrong = wrong(&scene, &owner, &key, &row);
                if !wrong.is_empty() {
                    return Ok(rendered(&scene, &owner, &part, &key, &row, wrong));
                }
                Some(row)
            }
            _ => return Ok(rendered(&scene, &owner, &part, &key, &row, Vec::new())),
        };
        let (home, object, event) = (owner.home(), owner.object.id, text("event").to_owned());
        let mut scene = scene;
        let mapping = scene.mapping.iter_mut().find(|mapping| mapping.crm_object_id == object).ok_or_else(missing)?;
        put(mapping, &event, &key, done);
        let scene = work.kept(scene, &seen).await?;
        show(&work, &scene, &seen, &home).await
    };
    work.guest.answer(outcome.await)
}

fn put(mapping: &mut ObjectMapping, event: &str, key: &RowKey, row: Option<Transformation>) {
    let rows = match mapping.event_actions.iter_mut().find(|action| action.event.slug == event) {
        Some(action) => &mut action.transformations,
        None => &mut mapping.transformations,
    };
    edits::put(rows, key, row);
}

/// What would be wrong about the mapping with this row that is not wrong without it.
fn wrong(scene: &Scene, owner: &Owner<'_>, key: &RowKey, row: &Transformation) -> Vec<String> {
    let Some(known) = scene.mapping(owner.object) else { return Vec::new() };
    let mut mapping = known.clone();
    put(&mut mapping, owner.event, key, Some(row.clone()));
    let found =
        |mapping: &ObjectMapping| lockstep_core::crm::check(Some(mapping), owner.object, scene.native(owner.object));
    let before = found(known);
    let after = found(&mapping).into_iter().filter(|found| found.state == Standing::Wrong && !before.contains(found));
    after.map(|found| found.error).collect()
}
