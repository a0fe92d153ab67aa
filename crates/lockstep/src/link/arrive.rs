//! From opening CRM Link to a connection that can be mapped: choosing a CRM, allowing access, and waiting.

use axum::Form;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use lockstep_connect::About;
use lockstep_core::crm::{CrmCode, CrmProblem, suggest};
use lockstep_store::AuthorizationStatus;
use secrecy::SecretString;
use serde::Deserialize;

use super::guest::{Guest, trouble, words};
use super::journey;
use super::mapping_pages::show;
use super::scene::{Scene, href};
use super::screens::{
    AuthoriseScreen, Bar, ChooseScreen, FetchScreen, FrameScreen, TokenScreen, TroubleScreen, Vendor, WindowScreen,
    html,
};
use super::work::Work;
use super::{Asked, Segments, edits};
use crate::app::App;
use crate::ops::crm::connections::{self, Begun, Seen};
use crate::ops::crm::{app as apps, mapping, schema};

/// The version of the messages between link.js and the frame.
const VERSION: &str = "1";

/// What link.js asks the frame for.
#[derive(Deserialize)]
pub struct Framed {
    #[serde(default)]
    origin: String,
    #[serde(default)]
    v: String,
}

/// `GET /link/frame`: an empty shell, for pages of allowed origins alone.
pub async fn frame(State(app): State<App>, headers: HeaderMap, Asked(asked): Asked<Framed>) -> Response {
    match apps::knows_origin(&app, &asked.origin).await {
        Err(problem) => return trouble(&words(&headers), problem),
        Ok(known) if known && is_origin(&asked.origin) => {}
        Ok(_) => {
            let told = "This page's origin is not among the app's allowed origins.";
            return (StatusCode::FORBIDDEN, told).into_response();
        }
    }
    let failed = (asked.v != VERSION).then_some("version_unsupported");
    let mut response = html(StatusCode::OK, &FrameScreen { origin: &asked.origin, failed });
    let policy = format!("{}; frame-ancestors {}", super::POLICY, asked.origin);
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// Whether a text is an origin and nothing more: it goes into a header.
fn is_origin(text: &str) -> bool {
    url::Url::parse(text).is_ok_and(|url| url.origin().ascii_serialization() == text)
}

/// `GET /link/opening`: what the vendor's window shows until it is led there.
pub async fn opening(headers: HeaderMap) -> Response {
    let w = words(&headers);
    html(StatusCode::OK, &WindowScreen { title: w.say("opening"), why: String::new(), closes: false, w: &w })
}

/// `GET /link/authorized`: where the vendor's window ends.
pub async fn authorized(headers: HeaderMap) -> Response {
    let w = words(&headers);
    let (title, why) = (w.say("returned-title"), w.say("returned-why"));
    html(StatusCode::OK, &WindowScreen { title, why, closes: true, w: &w })
}

/// What the page was opened with.
#[derive(Deserialize)]
pub struct Opening {
    #[serde(default)]
    connection: String,
    #[serde(default)]
    preselect: String,
}

/// Whether a person wants another CRM than the one that they began with.
#[derive(Deserialize)]
pub struct Anew {
    anew: Option<String>,
}

/// `POST /link/open`: the first screen.
pub async fn open(
    State(app): State<App>,
    guest: Guest,
    Asked(anew): Asked<Anew>,
    Form(opening): Form<Opening>,
) -> Response {
    let outcome = first(&app, &guest, &opening, anew.anew.is_some()).await;
    guest.answer(outcome)
}

async fn first(app: &App, guest: &Guest, opening: &Opening, anew: bool) -> Result<Response, CrmProblem> {
    if !opening.connection.is_empty() && !anew {
        match connections::of_context(app, &guest.visitor.context, &opening.connection).await {
            Ok(seen) => return Ok(fetching(&guest.clone().at(seen.about.name), &seen.id, false)),
            Err(problem) if problem.code == CrmCode::ConnectionNotFound => {}
            Err(problem) => return Err(problem),
        }
    }
    let known = connections::connectors(app);
    if known.is_empty() {
        return Ok(no_crms(guest));
    }
    let chosen = known.iter().find(|about| about.slug == opening.preselect && !anew);
    let guest = chosen.map_or_else(|| guest.clone(), |about| guest.clone().at(about.name));
    let vendor = |about: &&'static About| Vendor { slug: about.slug.to_owned(), name: about.name.to_owned() };
    let vendors = chosen.map_or_else(|| known.iter().map(vendor).collect(), |about| vec![vendor(about)]);
    let screen = ChooseScreen { w: &guest.words, bar: Bar::plain("choose"), vendors, preselected: chosen.is_some() };
    Ok(html(StatusCode::OK, &screen))
}

fn no_crms(guest: &Guest) -> Response {
    let w = &guest.words;
    let title = w.say("choose-none-title");
    let screen = TroubleScreen {
        w,
        bar: Bar::plain("trouble"),
        message: title.clone(),
        title,
        why: w.say("choose-none-why"),
        button: None,
        failed: Some("no_crms"),
    };
    html(StatusCode::OK, &screen)
}

/// Hands over the app's objects, then waits.
fn fetching(guest: &Guest, connection: &str, fresh: bool) -> Response {
    let asked: &[(&str, &str)] = if fresh { &[("fresh", "yes")] } else { &[] };
    let setup = Some(href(connection, "setup", asked));
    let screen = FetchScreen { w: &guest.words, bar: Bar::plain("fetch"), setup, poll: None };
    html(StatusCode::OK, &screen)
}

/// `POST /link/connect/{crm}`: begins to connect.
pub async fn connect(
    State(app): State<App>,
    guest: Guest,
    Segments(crm): Segments<String>,
    Form(opening): Form<Opening>,
) -> Response {
    let id = Some(opening.connection.as_str()).filter(|id| !id.is_empty());
    let outcome = connections::begin(&app, &guest.visitor, &crm, id).await;
    match outcome {
        Ok(begun) => authorise(&guest, &begun),
        Err(problem) if problem.code == CrmCode::ConnectionNotFound => taken(&guest, problem),
        Err(problem) => guest.answer(Err(problem)),
    }
}

fn taken(guest: &Guest, problem: CrmProblem) -> Response {
    let w = &guest.words;
    let (title, why) = (w.say("trouble-taken"), w.say("trouble-taken-why"));
    let failed = Some("connection_taken");
    let screen =
        TroubleScreen { w, bar: Bar::plain("trouble"), title, why, button: None, failed, message: problem.message };
    html(StatusCode::CONFLICT, &screen)
}

/// `POST /link/at/{connection}/reconnect`
pub async fn reconnect(State(app): State<App>, guest: Guest, Segments(id): Segments<String>) -> Response {
    let outcome = async {
        let seen = connections::of_context(&app, &guest.visitor.context, &id).await?;
        let begun = connections::begin(&app, &guest.visitor, seen.about.slug, Some(&id)).await?;
        Ok(authorise(&guest, &begun))
    };
    guest.answer(outcome.await)
}

fn authorise(guest: &Guest, begun: &Begun) -> Response {
    let guest = guest.clone().at(begun.about.name);
    let bar = |name: &str| Bar { step: Some(2), ..Bar::plain(name) };
    let id = begun.authorization.id.as_str();
    if let Some(authorize) = &begun.authorize_url {
        let poll = format!("/link/waiting/{id}");
        let screen = AuthoriseScreen { w: &guest.words, bar: bar("authorise"), authorize, poll: &poll };
        return html(StatusCode::OK, &screen);
    }
    let post = format!("/link/token/{id}");
    html(StatusCode::OK, &TokenScreen { w: &guest.words, bar: bar("token"), post: &post, error: None })
}

/// `GET /link/waiting/{authorization}`: 204 while the person is at the vendor.
pub async fn waiting(State(app): State<App>, guest: Guest, Segments(id): Segments<String>) -> Response {
    let outcome = async {
        let found = connections::authorization(&app, &guest.visitor.context, &id).await?;
        let guest = guest.clone().at(connections::connector(&found.vendor)?.name);
        Ok(match found.status {
            AuthorizationStatus::AwaitingCallback | AuthorizationStatus::RetrievingTokens => {
                StatusCode::NO_CONTENT.into_response()
            }
            AuthorizationStatus::Active => fetching(&guest, &found.external_id, true),
            AuthorizationStatus::Error => refused(&guest, found.error.map(|(_, message)| message)),
        })
    };
    guest.answer(outcome.await)
}

fn refused(guest: &Guest, why: Option<String>) -> Response {
    let w = &guest.words;
    let why =
        why.map_or_else(|| w.say("authorise-refused-why"), |why| format!("{why} {}", w.say("authorise-refused-why")));
    let screen = TroubleScreen {
        w,
        bar: Bar { step: Some(2), ..Bar::plain("refused") },
        title: w.say("authorise-refused-title"),
        why,
        button: Some(w.say("try-again")),
        failed: None,
        message: String::new(),
    };
    html(StatusCode::OK, &screen)
}

/// A token that a person made at their CRM.
#[derive(Deserialize)]
pub struct Token {
    token: SecretString,
}

/// `POST /link/token/{authorization}`
pub async fn token(
    State(app): State<App>,
    guest: Guest,
    Segments(id): Segments<String>,
    Form(Token { token }): Form<Token>,
) -> Response {
    let outcome = async {
        let under_way = connections::authorization(&app, &guest.visitor.context, &id).await?;
        let guest = guest.clone().at(connections::connector(&under_way.vendor)?.name);
        let error = match connections::give_token(&app, &guest.visitor.context, &id, token).await {
            Ok(found) if found.status == AuthorizationStatus::Active => {
                return Ok(fetching(&guest, &found.external_id, true));
            }
            Ok(found) => return Ok(refused(&guest, found.error.map(|(_, message)| message))),
            Err(problem) if problem.code.status() < 500 || problem.crm.is_some() => {
                problem.crm.map_or(problem.message, |crm| crm.message)
            }
            Err(problem) => return Err(problem),
        };
        let post = format!("/link/token/{id}");
        let bar = Bar { step: Some(2), ..Bar::plain("token") };
        let screen = TokenScreen { w: &guest.words, bar, post: &post, error: Some(error) };
        Ok(html(StatusCode::UNPROCESSABLE_ENTITY, &screen))
    };
    guest.answer(outcome.await)
}

/// Whether a person has just connected: then every screen is shown once, not only what is open.
#[derive(Deserialize)]
pub struct Fresh {
    fresh: Option<String>,
}

/// What the app defines, as JSON.
#[derive(Deserialize)]
pub struct Objects {
    #[serde(default)]
    objects: String,
}

/// `POST /link/at/{connection}/setup`: takes in what the app defines.
pub async fn setup(
    work: Work,
    Segments(id): Segments<String>,
    Asked(fresh): Asked<Fresh>,
    Form(given): Form<Objects>,
) -> Response {
    let outcome = async {
        let seen = connections::of_context(&work.app, &work.guest.visitor.context, &id).await?;
        let objects = serde_json::from_str(&given.objects)
            .map_err(|_| CrmProblem::new(CrmCode::Malformed, "The objects are no JSON."))?;
        mapping::setup(&work.app, &seen.of, &objects).await?;
        ready(&work, &id, fresh.fresh.is_some()).await
    };
    work.guest.answer(outcome.await)
}

/// `GET /link/at/{connection}/wait`: asked until the CRM's objects are there.
pub async fn wait(work: Work, Segments(id): Segments<String>, Asked(fresh): Asked<Fresh>) -> Response {
    work.guest.answer(ready(&work, &id, fresh.fresh.is_some()).await)
}

/// The screen to begin or to go on with, once the CRM's objects are known.
async fn ready(work: &Work, id: &str, fresh: bool) -> Result<Response, CrmProblem> {
    let (app, guest) = (&work.app, &work.guest);
    let seen = connections::of_context(app, &guest.visitor.context, id).await?;
    let guest = guest.clone().at(seen.about.name);
    match schema::objects(app, &seen.of).await {
        Err(problem) if problem.code == CrmCode::MetadataPending => {
            let poll = Some(href(id, "wait", if fresh { &[("fresh", "yes")] } else { &[] }));
            let bar = Bar::plain("fetch");
            return Ok(html(StatusCode::OK, &FetchScreen { w: &guest.words, bar, setup: None, poll }));
        }
        other => drop(other?),
    }
    let (mut scene, seen) = work.scene(id).await?;
    if suggest_objects(work, &mut scene, &seen).await? {
        scene = work.kept(scene, &seen).await?;
    }
    let first = || journey::order(&scene).into_iter().next().unwrap_or(journey::Place::Review);
    let place = if fresh { first() } else { journey::resume(&scene) };
    show(work, &scene, &seen, &place).await
}

/// Where exactly one native object is named like a CRM object, it is chosen to begin with; and what the app has added to
/// an object that is mapped is guessed.
async fn suggest_objects(work: &Work, scene: &mut Scene, seen: &Seen) -> Result<bool, CrmProblem> {
    let mut changed = false;
    for object in scene.objects.clone() {
        if scene.mapping(&object).is_some() {
            let native = scene.native(&object).cloned();
            let mapping = scene.mapping.iter_mut().find(|mapping| mapping.crm_object_id == object.id);
            changed |=
                mapping.zip(native).is_some_and(|(mapping, native)| edits::guess_open(mapping, &object, &native));
            continue;
        }
        let alike: Vec<_> = scene.natives.iter().filter(|native| suggest::suggests(&object, native)).collect();
        let [alone] = alike[..] else { continue };
        let native = schema::object(&work.app, &seen.of, &alone.slug.clone()).await?;
        edits::choose_native(&mut scene.mapping, &object, Some(&native));
        scene.natives.retain(|other| other.id != native.id);
        scene.natives.push(native);
        changed = true;
    }
    Ok(changed)
}

#[cfg(test)]
mod tests {
    use super::is_origin;

    #[test]
    fn nothing_but_an_origin_goes_into_the_policy() {
        assert!(is_origin("https://app.example.com") && is_origin("http://localhost:3000"));
        for bad in
            ["https://x; script-src * .example.com", "https://x .example.com", "https://app.example.com/", "*", ""]
        {
            assert!(!is_origin(bad), "{bad}");
        }
    }
}
