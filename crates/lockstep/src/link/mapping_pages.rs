//! The screens of a mapping over HTTP: each choice is an edit of the draft, kept at once.

use axum::Form;
use axum::http::StatusCode;
use axum::response::Response;
use lockstep_core::crm::definition::CrmField;
use lockstep_core::crm::schema::TextFormat;
use lockstep_core::crm::{ApiObject, CrmCode, CrmEvent, CrmObject, CrmProblem, ObjectMapping, Operation, SimpleType};
use serde::Deserialize;

use super::edits::{self, Pick};
use super::event::{self, EventScreen};
use super::fields::FieldsScreen;
use super::journey::{self, Place};
use super::options::OptionsPage;
use super::review::ReviewScreen;
use super::row::Given;
use super::scene::Scene;
use super::screens::{NativeScreen, ObjectsScreen, html};
use super::work::Work;
use super::{Asked, Segments};
use crate::ops::crm::connections::Seen;
use crate::ops::crm::schema;

/// What a screen is asked for.
#[derive(Debug, Default, Deserialize)]
pub struct Wanted {
    /// A CRM object.
    #[serde(default)]
    pub object: String,
    /// One of its events.
    #[serde(default)]
    pub event: String,
    /// A row: [`edits::RowKey`].
    #[serde(default)]
    pub row: String,
    /// The record to preview with.
    #[serde(default)]
    pub record: String,
    /// Whether to go on from here.
    pub next: Option<String>,
}

/// What was asked for is not there any more, or never was.
pub fn missing() -> CrmProblem {
    CrmProblem::new(CrmCode::NotFound, "There is no such object, event or row.")
}

/// The screen at a place.
///
/// # Errors
/// The vendor's; the store's.
pub async fn show(work: &Work, scene: &Scene, seen: &Seen, place: &Place) -> Result<Response, CrmProblem> {
    let object = |slug: &str| scene.object(slug).ok_or_else(missing);
    Ok(match place {
        Place::Objects => {
            let account = &seen.of.connection().account;
            html(StatusCode::OK, &ObjectsScreen::new(scene, seen.about.slug, account, seen.is_active()))
        }
        Place::Native(slug) => html(StatusCode::OK, &NativeScreen::new(scene, object(slug)?)),
        Place::Review => html(StatusCode::OK, &ReviewScreen::new(scene, false)),
        Place::Fields(slug) | Place::Event(slug, _) => {
            let (scene, _) = work.scene_of(&scene.connection, slug).await?;
            let object = scene.object(slug).ok_or_else(missing)?;
            match place {
                Place::Event(_, event) => event_screen(&scene, object, event, &event::Asked::default())?,
                _ => fields_screen(&scene, object, false, None)?,
            }
        }
    })
}

/// The fields' screen, pointing at what is missing if it is judged.
///
/// # Errors
/// The object is not mapped to a described native object.
pub fn fields_screen(
    scene: &Scene,
    object: &CrmObject,
    judged: bool,
    refused: Option<String>,
) -> Result<Response, CrmProblem> {
    let screen = FieldsScreen::new(scene, object, judged, refused).ok_or_else(missing)?;
    Ok(html(StatusCode::OK, &screen))
}

/// An event's screen.
///
/// # Errors
/// There is no such event, or its object is not mapped to a described native object.
pub fn event_screen(
    scene: &Scene,
    object: &CrmObject,
    slug: &str,
    asked: &event::Asked<'_>,
) -> Result<Response, CrmProblem> {
    let event = object.event(slug).ok_or_else(missing)?;
    let screen = EventScreen::new(scene, object, event, asked).ok_or_else(missing)?;
    Ok(html(StatusCode::OK, &screen))
}

/// `GET /link/at/{connection}/objects`
pub async fn objects(work: Work, Segments(id): Segments<String>) -> Response {
    at(&work, &id, Place::Objects).await
}

/// `GET /link/at/{connection}/review`
pub async fn review(work: Work, Segments(id): Segments<String>) -> Response {
    at(&work, &id, Place::Review).await
}

/// `GET /link/at/{connection}/native?object=`
pub async fn native(work: Work, Segments(id): Segments<String>, Asked(wanted): Asked<Wanted>) -> Response {
    at(&work, &id, Place::Native(wanted.object)).await
}

async fn at(work: &Work, id: &str, place: Place) -> Response {
    let outcome = async {
        let (scene, seen) = work.scene(id).await?;
        show(work, &scene, &seen, &place).await
    };
    work.guest.answer(outcome.await)
}

/// Which native object a CRM object is; none for an object that is not to be connected.
#[derive(Deserialize)]
pub struct Chosen {
    object: String,
    #[serde(default)]
    native: String,
}

/// `POST /link/at/{connection}/native`
pub async fn choose_native(work: Work, Segments(id): Segments<String>, Form(chosen): Form<Chosen>) -> Response {
    let outcome = async {
        let (mut scene, seen) = work.scene(&id).await?;
        let object = scene.object(&chosen.object).ok_or_else(missing)?.clone();
        let native = match chosen.native.as_str() {
            "" => None,
            slug => Some(schema::object(&work.app, &seen.of, slug).await?),
        };
        edits::choose_native(&mut scene.mapping, &object, native.as_ref());
        if let Some(native) = native {
            scene.natives.retain(|other| other.id != native.id);
            scene.natives.push(native);
        }
        let scene = work.kept(scene, &seen).await?;
        let of_object = |place: &Place| matches!(place, Place::Fields(of) | Place::Event(of, _) if *of == object.slug);
        let fallback = if scene.objects.len() == 1 { Place::Review } else { Place::Objects };
        let place = journey::order(&scene).into_iter().find(of_object).unwrap_or(fallback);
        show(&work, &scene, &seen, &place).await
    };
    work.guest.answer(outcome.await)
}

/// `GET /link/at/{connection}/options?object=`: the list that all pickers of an object share. A row of a workflow has the
/// workflow's inputs instead.
pub async fn options(work: Work, Segments(id): Segments<String>, Asked(wanted): Asked<Wanted>) -> Response {
    let outcome = async {
        let (scene, _) = work.scene_of(&id, &wanted.object).await?;
        let object = scene.object(&wanted.object).ok_or_else(missing)?;
        let native = scene.native(object).ok_or_else(missing)?;
        let action = scene.mapping(object).and_then(|mapping| mapping.action(&wanted.event));
        let root = match action {
            Some(action) => event::root_of(action, native),
            None => native.selector.as_ref(),
        };
        let root = root.ok_or_else(missing)?;
        let own = native.selector.as_ref().is_some_and(|selector| selector == root);
        let records = if own { scene.records(native) } else { &[] };
        Ok(html(StatusCode::OK, &OptionsPage::new(root, records, &scene.words)))
    };
    work.guest.answer(outcome.await)
}

/// `GET /link/at/{connection}/fields?object=`; with `next` it goes on, or names what is missing.
pub async fn fields(work: Work, Segments(id): Segments<String>, Asked(wanted): Asked<Wanted>) -> Response {
    let outcome = async {
        let (scene, seen) = work.scene_of(&id, &wanted.object).await?;
        let object = scene.object(&wanted.object).ok_or_else(missing)?;
        let screen = FieldsScreen::new(&scene, object, wanted.next.is_some(), None).ok_or_else(missing)?;
        if wanted.next.is_none() || !screen.is_complete() {
            return Ok(html(StatusCode::OK, &screen));
        }
        show(&work, &scene, &seen, &journey::after(&scene, &Place::Fields(object.slug.clone()))).await
    };
    work.guest.answer(outcome.await)
}

/// A choice for one field, a field that the user adds below another, or one that they take away.
#[derive(Deserialize)]
pub struct FieldEdit {
    object: String,
    #[serde(default)]
    field: String,
    #[serde(default)]
    pick: String,
    #[serde(default)]
    parent: String,
    #[serde(default)]
    label: String,
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    drop: String,
}

/// `POST /link/at/{connection}/fields`
pub async fn edit_field(work: Work, Segments(id): Segments<String>, Form(edit): Form<FieldEdit>) -> Response {
    let outcome = async {
        let (mut scene, seen) = work.scene_of(&id, &edit.object).await?;
        let at = scene.objects.iter().position(|object| object.slug == edit.object).ok_or_else(missing)?;
        let row = apply(&mut scene, at, &edit)?;
        let (scene, refused) = match work.kept(scene, &seen).await {
            Ok(scene) => (scene, None),
            Err(problem) if problem.code == CrmCode::Invalid && !edit.parent.is_empty() => {
                let told = problem.flaws.first().map(|flaw| flaw.error.clone()).unwrap_or_default();
                let (scene, _) = work.scene(&id).await?;
                let words = scene.words.clone();
                let label = ("label", edit.label.clone().into());
                (scene, Some(words.with("fields-bad-child", &[label, ("error", told.into())])))
            }
            Err(problem) => return Err(problem),
        };
        if let Some(key) = row {
            return super::row_pages::screen(&scene, &edit.object, "", &key);
        }
        let (fresh, _) = work.scene_of(&id, &edit.object).await?;
        let object = fresh.object(&edit.object).ok_or_else(missing)?;
        fields_screen(&fresh, object, false, refused)
    };
    work.guest.answer(outcome.await)
}

/// Carries an edit out; answers with the row whose own screen comes next, because something is still to be typed there.
fn apply(scene: &mut Scene, at: usize, edit: &FieldEdit) -> Result<Option<edits::RowKey>, CrmProblem> {
    let zone = scene.words.zone.clone();
    if !edit.parent.is_empty() {
        scene.objects[at].fields.push(child(edit));
        return Ok(None);
    }
    if !edit.drop.is_empty() {
        let object = &mut scene.objects[at];
        object.fields.retain(|field| field.slug != edit.drop || field.parent_slug.is_none());
        let id = object.id;
        for mapping in scene.mapping.iter_mut().filter(|mapping| mapping.crm_object_id == id) {
            mapping.transformations.retain(|row| row.slug() != Some(&edit.drop));
        }
        return Ok(None);
    }
    let object = scene.objects[at].clone();
    let root = scene.native(&object).and_then(|native| native.selector.clone()).ok_or_else(missing)?;
    let field = object.fields.iter().find(|field| field.slug == edit.field).ok_or_else(missing)?;
    let pick = Pick::read(&edit.pick).ok_or_else(missing)?;
    let row = edits::row(field, &pick, &root, Operation::Read, &zone);
    let mapping = scene.mapping.iter_mut().find(|mapping| mapping.crm_object_id == object.id).ok_or_else(missing)?;
    edits::choose_field(mapping, &object, row, &root, &zone);
    let typed = matches!(pick, Pick::Static | Pick::Template);
    Ok(typed.then(|| edits::RowKey::Of(field.slug.clone())))
}

/// A child as a person adds it; the operation that keeps it judges it and makes its slug.
fn child(edit: &FieldEdit) -> CrmField {
    let simple_type = match edit.kind.as_str() {
        "number" => SimpleType::Number,
        "boolean" => SimpleType::Boolean,
        "object" => SimpleType::Object,
        "datetime" => SimpleType::String(Some(TextFormat::Datetime)),
        _ => SimpleType::String(None),
    };
    CrmField {
        id: 0,
        slug: format!("{}.{}", edit.parent, edit.label.trim()),
        label: edit.label.trim().to_owned(),
        description: String::new(),
        simple_type,
        parent_slug: Some(edit.parent.clone()),
        properties: Vec::new(),
        items: None,
        choices: Vec::new(),
    }
}

/// `GET /link/at/{connection}/event?object=&event=`; with `next` it goes on, or names what is missing.
pub async fn event(work: Work, Segments(id): Segments<String>, Asked(wanted): Asked<Wanted>) -> Response {
    let outcome = async {
        let (scene, seen) = work.scene_of(&id, &wanted.object).await?;
        let object = scene.object(&wanted.object).ok_or_else(missing)?;
        let judged = wanted.next.is_some();
        if judged && scene.findings_at(object, "events", &wanted.event).is_empty() {
            let place = Place::Event(wanted.object.clone(), wanted.event.clone());
            return show(&work, &scene, &seen, &journey::after(&scene, &place)).await;
        }
        event_screen(&scene, object, &wanted.event, &event::Asked { record: &wanted.record, judged })
    };
    work.guest.answer(outcome.await)
}

/// `POST /link/at/{connection}/event`: the action, the workflow, the key of a find-or-create, a link.
pub async fn edit_event(work: Work, Segments(id): Segments<String>, Form(given): Form<Given>) -> Response {
    let outcome = async {
        let text = |name: &str| given.get(name).map(String::as_str).unwrap_or_default();
        let (mut scene, seen) = work.scene_of(&id, text("object")).await?;
        let object = scene.object(text("object")).ok_or_else(missing)?.clone();
        let event = object.event(text("event")).ok_or_else(missing)?;
        let native = scene.native(&object).ok_or_else(missing)?.clone();
        let mapping = scene.mapping.iter_mut().find(|mapping| mapping.crm_object_id == object.id);
        change(mapping.ok_or_else(missing)?, &object, event, &native, &given)?;
        let samples = std::mem::take(&mut scene.samples);
        let mut scene = work.kept(scene, &seen).await?;
        scene.samples = samples;
        event_screen(&scene, &object, &event.slug, &event::Asked::default())
    };
    work.guest.answer(outcome.await)
}

fn change(
    mapping: &mut ObjectMapping,
    object: &CrmObject,
    event: &CrmEvent,
    native: &ApiObject,
    given: &Given,
) -> Result<(), CrmProblem> {
    if let Some(action) = given.get("does") {
        let action = event::action_of(action).ok_or_else(missing)?;
        edits::choose_action(mapping, object, event, action, native);
        return Ok(());
    }
    if given.contains_key("key") {
        mapping.keep_key = given.contains_key("keep_key");
    }
    let action = mapping.event_actions.iter_mut().find(|action| action.event.slug == event.slug).ok_or_else(missing)?;
    let filled = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    if let Some(workflow) = given.get("workflow") {
        action.turn(action.action_type, filled(workflow));
    }
    if let Some(pointer) = given.get("find_by") {
        action.find_by = filled(pointer);
    }
    if let (Some(field), Some(api_object)) = (given.get("link_field"), given.get("link_object")) {
        edits::link(action, field, api_object);
    }
    if let Some(at) =
        given.get("unlink").and_then(|at| at.parse::<usize>().ok()).filter(|at| *at < action.associations.len())
    {
        action.associations.remove(at);
    }
    Ok(())
}
