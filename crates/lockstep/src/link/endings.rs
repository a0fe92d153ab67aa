//! How it ends: a mapping put in force, or a CRM disconnected.

use axum::Form;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use lockstep_core::crm::{CrmCode, CrmProblem};
use serde::Deserialize;

use super::Segments;
use super::event;
use super::guest::Guest;
use super::journey::{self, Place};
use super::mapping_pages::{event_screen, fields_screen, missing};
use super::review::ReviewScreen;
use super::scene::{Scene, href};
use super::screens::{Bar, DisconnectScreen, DoneScreen, NativeScreen, TroubleScreen, html};
use super::work::Work;
use crate::app::App;
use crate::ops::crm::connections;
use crate::ops::crm::mapping::{self, Demand};

/// The draft that the person looked at when they finished.
#[derive(Deserialize)]
pub struct Finished {
    version: i64,
}

/// `POST /link/at/{connection}/finish`
pub async fn finish(work: Work, Segments(id): Segments<String>, Form(finished): Form<Finished>) -> Response {
    let outcome = async {
        let (scene, seen) = work.scene(&id).await?;
        let again = |moved: bool| html(StatusCode::OK, &ReviewScreen::new(&scene, moved));
        if scene.version != finished.version {
            return Ok(again(true));
        }
        let draft = mapping::last(&work.app, &seen.of).await?;
        match mapping::finish(&work.app, &seen.of, &draft, Demand::Complete).await {
            Ok(_) => {
                let bar = Bar { step: Some(5), ..Bar::plain("done") };
                Ok(html(StatusCode::OK, &DoneScreen { w: &scene.words, bar, connection: &seen.id }))
            }
            Err(problem) if problem.code == CrmCode::MappingChanged => Ok(again(true)),
            Err(problem) if problem.code == CrmCode::Invalid => match journey::first_open(&scene) {
                Some(place) => judged(&work, &scene, &place).await,
                None => Ok(again(false)),
            },
            Err(problem) => Err(problem),
        }
    };
    work.guest.answer(outcome.await)
}

/// The first screen with something open, pointing at it.
async fn judged(work: &Work, scene: &Scene, place: &Place) -> Result<Response, CrmProblem> {
    match place {
        Place::Fields(slug) => {
            let (scene, _) = work.scene_of(&scene.connection, slug).await?;
            fields_screen(&scene, scene.object(slug).ok_or_else(missing)?, true, None)
        }
        Place::Event(slug, event) => {
            let (scene, _) = work.scene_of(&scene.connection, slug).await?;
            let asked = event::Asked { judged: true, ..event::Asked::default() };
            event_screen(&scene, scene.object(slug).ok_or_else(missing)?, event, &asked)
        }
        Place::Native(slug) => {
            Ok(html(StatusCode::OK, &NativeScreen::new(scene, scene.object(slug).ok_or_else(missing)?)))
        }
        Place::Objects | Place::Review => Ok(html(StatusCode::OK, &ReviewScreen::new(scene, false))),
    }
}

/// `GET /link/at/{connection}/disconnect`: asks first.
pub async fn ask_disconnect(State(app): State<App>, guest: Guest, Segments(id): Segments<String>) -> Response {
    let outcome = async {
        let seen = connections::of_context(&app, &guest.visitor.context, &id).await?;
        let guest = guest.clone().at(seen.about.name);
        let post = href(&id, "disconnect", &[]);
        let keep = href(&id, "objects", &[]);
        let screen = DisconnectScreen { w: &guest.words, bar: Bar::plain("disconnect"), post, keep };
        Ok(html(StatusCode::OK, &screen))
    };
    guest.answer(outcome.await)
}

/// `POST /link/at/{connection}/disconnect`
pub async fn disconnect(State(app): State<App>, guest: Guest, Segments(id): Segments<String>) -> Response {
    let outcome = async {
        let seen = connections::of_context(&app, &guest.visitor.context, &id).await?;
        connections::disconnect(&app, &seen).await?;
        let guest = guest.clone().at(seen.about.name);
        let w = &guest.words;
        let screen = TroubleScreen {
            w,
            bar: Bar::plain("disconnected"),
            title: w.say("disconnected-title"),
            why: w.say("disconnect-why"),
            button: Some(w.say("objects-reconnect")),
            failed: Some("disconnected"),
            message: "The person disconnected the CRM.".to_owned(),
        };
        Ok(html(StatusCode::OK, &screen))
    };
    guest.answer(outcome.await)
}
