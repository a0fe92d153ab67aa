//! The screens that need no mapping: choosing a CRM, allowing access, waiting, the overview, and how it ends.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use lockstep_core::crm::{ApiObject, CrmObject, State, suggest};

use super::journey::{self, Place};
use super::scene::Scene;
use super::words::Words;

/// What every screen has at its top.
pub struct Bar {
    /// What the screen is known by: another one gets the focus.
    pub name: String,
    /// Which of the five bars it belongs to.
    pub step: Option<u8>,
    /// Where the arrow leads.
    pub back: Option<String>,
}

impl Bar {
    /// A screen without a place among the five.
    pub fn plain(name: &str) -> Self {
        Self { name: name.to_owned(), step: None, back: None }
    }

    /// A screen of the mapping.
    pub fn at(scene: &Scene, place: &Place) -> Self {
        let back = journey::before(scene, place).map(|before| before.href(scene));
        let overview = || (*place != Place::Objects).then(|| Place::Objects.href(scene));
        Self { name: format!("{place:?}"), step: Some(place.step()), back: back.or_else(overview) }
    }

    /// Which step it is, in words.
    pub fn told(&self, w: &Words) -> String {
        let name = match self.step {
            Some(1) => w.say("step-choose"),
            Some(2) => w.say("step-authorise"),
            Some(4) => w.say("step-events"),
            Some(5) => w.say("step-check"),
            _ => w.say("step-fields"),
        };
        w.with("step", &[("step", self.step.unwrap_or_default().into()), ("name", name.into())])
    }
}

/// A rendered screen.
pub fn html(status: StatusCode, screen: &impl Template) -> Response {
    match screen.render() {
        Ok(text) => (status, Html(text)).into_response(),
        Err(error) => {
            tracing::error!(%error, "a screen cannot be rendered");
            (StatusCode::INTERNAL_SERVER_ERROR, "The screen cannot be shown.").into_response()
        }
    }
}

/// A CRM that can be connected.
pub struct Vendor {
    /// Its slug.
    pub slug: String,
    /// Its name.
    pub name: String,
}

impl Vendor {
    fn initial(&self) -> String {
        initial(&self.name)
    }
}

/// The letter that stands for a name.
pub fn initial(name: &str) -> String {
    name.chars().next().map(|first| first.to_uppercase().collect()).unwrap_or_default()
}

/// Which CRM.
#[derive(Template)]
#[template(path = "link/choose.html")]
pub struct ChooseScreen<'a> {
    /// The texts.
    pub w: &'a Words,
    /// The top.
    pub bar: Bar,
    /// What can be chosen.
    pub vendors: Vec<Vendor>,
    /// Whether the app chose already.
    pub preselected: bool,
}

impl ChooseScreen<'_> {
    fn one(&self) -> Option<&Vendor> {
        self.vendors.first().filter(|_| self.preselected)
    }

    fn app_initial(&self) -> String {
        initial(&self.w.app)
    }
}

/// Waiting for the person to allow access in the vendor's window.
#[derive(Template)]
#[template(path = "link/authorise.html")]
pub struct AuthoriseScreen<'a> {
    /// The texts.
    pub w: &'a Words,
    /// The top.
    pub bar: Bar,
    /// Where the window is led.
    pub authorize: &'a str,
    /// Where to ask how far it is.
    pub poll: &'a str,
}

/// Hands the app's objects over, then waits until the CRM's fields are there.
#[derive(Template)]
#[template(path = "link/fetch.html")]
pub struct FetchScreen<'a> {
    /// The texts.
    pub w: &'a Words,
    /// The top.
    pub bar: Bar,
    /// Where the app's objects go.
    pub setup: Option<String>,
    /// Where to ask again.
    pub poll: Option<String>,
}

/// All objects and the connection itself.
#[derive(Template)]
#[template(path = "link/objects.html")]
pub struct ObjectsScreen<'a> {
    w: &'a Words,
    bar: Bar,
    account: &'a str,
    active: bool,
    vendor: &'a str,
    reconnect: String,
    disconnect: String,
    go: String,
    rows: Vec<ObjectRow>,
    left: usize,
}

/// One object.
struct ObjectRow {
    label: String,
    about: String,
    href: String,
    left: usize,
    gone: usize,
    out: bool,
}

impl<'a> ObjectsScreen<'a> {
    /// The overview of a connection.
    pub fn new(scene: &'a Scene, vendor: &'a str, account: &'a str, active: bool) -> Self {
        let rows: Vec<ObjectRow> = scene.objects.iter().map(|object| ObjectRow::new(scene, object)).collect();
        Self {
            w: &scene.words,
            bar: Bar { back: None, ..Bar::at(scene, &Place::Objects) },
            account,
            active,
            vendor,
            reconnect: scene.href("reconnect", &[]),
            disconnect: scene.href("disconnect", &[]),
            go: journey::first_open(scene).unwrap_or(Place::Review).href(scene),
            left: rows.iter().map(|row| row.left + row.gone).sum(),
            rows,
        }
    }

    fn initial(&self) -> String {
        initial(&self.w.crm)
    }
}

impl ObjectRow {
    fn new(scene: &Scene, object: &CrmObject) -> Self {
        let w = &scene.words;
        let found = scene.findings(object);
        let gone = found.iter().filter(|found| found.state == State::Gone).count();
        let out = scene.mapping(object).is_some_and(|mapping| mapping.api_object_id.is_none());
        let native = scene.native(object);
        let about = match native {
            _ if out => w.say("objects-out"),
            None => w.say("objects-open"),
            Some(native) => w.with(
                "objects-holds",
                &[
                    ("native", native.label_many.as_str().into()),
                    ("fields", w.of("objects-fields", "count", object.fields.len()).into()),
                    ("events", w.of("objects-events", "count", object.events.len()).into()),
                ],
            ),
        };
        let first = journey::order(scene).into_iter().find(|place| match place {
            Place::Fields(of) | Place::Event(of, _) => *of == object.slug,
            Place::Objects | Place::Native(_) | Place::Review => false,
        });
        let first = first.filter(|_| native.is_some()).unwrap_or(Place::Native(object.slug.clone()));
        Self { label: object.label.clone(), about, href: first.href(scene), left: found.len() - gone, gone, out }
    }
}

/// Which native object a CRM object is.
#[derive(Template)]
#[template(path = "link/native.html")]
pub struct NativeScreen<'a> {
    w: &'a Words,
    bar: Bar,
    object: &'a CrmObject,
    post: String,
    choices: Vec<NativeChoice<'a>>,
    out: bool,
}

struct NativeChoice<'a> {
    native: &'a ApiObject,
    suggested: bool,
    current: bool,
}

impl<'a> NativeScreen<'a> {
    /// Suggested ones come first, then all by name.
    pub fn new(scene: &'a Scene, object: &'a CrmObject) -> Self {
        let mapping = scene.mapping(object);
        let choice = |native: &'a ApiObject| NativeChoice {
            native,
            suggested: suggest::suggests(object, native),
            current: mapping.is_some_and(|mapping| mapping.api_object_id == Some(native.id)),
        };
        let mut choices: Vec<NativeChoice<'a>> = scene.natives.iter().map(choice).collect();
        choices.sort_by_key(|choice| (!choice.suggested, choice.native.label_many.to_lowercase()));
        Self {
            w: &scene.words,
            bar: Bar { back: Some(Place::Objects.href(scene)), ..Bar::at(scene, &Place::Native(object.slug.clone())) },
            object,
            post: scene.href("native", &[]),
            choices,
            out: mapping.is_some_and(|mapping| mapping.api_object_id.is_none()),
        }
    }
}

/// What the person made, and that it is done.
#[derive(Template)]
#[template(path = "link/done.html")]
pub struct DoneScreen<'a> {
    /// The texts.
    pub w: &'a Words,
    /// The top.
    pub bar: Bar,
    /// The connection, whose id the app is told.
    pub connection: &'a str,
}

/// Whether to disconnect.
#[derive(Template)]
#[template(path = "link/disconnect.html")]
pub struct DisconnectScreen<'a> {
    /// The texts.
    pub w: &'a Words,
    /// The top.
    pub bar: Bar,
    /// Where the answer goes.
    pub post: String,
    /// Where it leads to keep it.
    pub keep: String,
}

/// Something stands in the way: what, why, and one way on.
#[derive(Template)]
#[template(path = "link/trouble.html")]
pub struct TroubleScreen<'a> {
    /// The texts.
    pub w: &'a Words,
    /// The top.
    pub bar: Bar,
    /// What happened.
    pub title: String,
    /// Why, or what stays as it was.
    pub why: String,
    /// The text of the button that begins anew, with the page's options; without one there is only "Close".
    pub button: Option<String>,
    /// What the app's promise is rejected with, by its code; `None` where a person can still go on.
    pub failed: Option<&'static str>,
    /// What the app's promise says of it.
    pub message: String,
}

/// The empty shell that link.js loads.
#[derive(Template)]
#[template(path = "link/frame.html")]
pub struct FrameScreen<'a> {
    /// The page's origin, the only one that is spoken with.
    pub origin: &'a str,
    /// Why the frame cannot begin.
    pub failed: Option<&'a str>,
}

/// The vendor's window before and after.
#[derive(Template)]
#[template(path = "link/window.html")]
pub struct WindowScreen<'a> {
    /// The texts.
    pub w: &'a Words,
    /// What happens.
    pub title: String,
    /// What to do.
    pub why: String,
    /// Whether the window has done its part.
    pub closes: bool,
}

/// A token to type in, where no app is registered at the CRM.
#[derive(Template)]
#[template(path = "link/token.html")]
pub struct TokenScreen<'a> {
    /// The texts.
    pub w: &'a Words,
    /// The top.
    pub bar: Bar,
    /// Where the form goes.
    pub post: &'a str,
    /// What the CRM said of the last one.
    pub error: Option<String>,
}
