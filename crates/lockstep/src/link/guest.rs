//! Who asks for a screen: the visitor of a token, their language and their time zone; and what they are told when
//! something stands in the way.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use lockstep_core::crm::{CrmCode, CrmProblem};

use super::screens::{Bar, TroubleScreen, html};
use super::words::{Language, Words};
use crate::app::App;
use crate::ops::crm::app as apps;
use crate::ops::crm::tokens::{self, Kind, Visitor};
use crate::wire::request::Cause;

/// A person in the frame.
#[derive(Clone, Debug)]
pub struct Guest {
    /// Whom the token stands for.
    pub visitor: Visitor,
    /// The texts, in their language; the CRM is named once it is known.
    pub words: Words,
}

impl FromRequestParts<App> for Guest {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let mut words = words(&parts.headers);
        let bearer = text(&parts.headers, header::AUTHORIZATION.as_str()).strip_prefix("Bearer ").unwrap_or_default();
        match tokens::visitor(app, bearer, Kind::Bearer).await {
            Ok(visitor) => {
                words.app.clone_from(&visitor.settings.name);
                Ok(Self { visitor, words })
            }
            Err(problem) => {
                // Nobody is known, but the host tells whose page it is.
                if let Ok((_, settings)) = apps::of_host(app, text(&parts.headers, header::HOST.as_str())).await {
                    words.app = settings.name;
                }
                Err(trouble(&words, problem))
            }
        }
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// The texts for a request: its language, and the time zone that the frame tells.
pub fn words(headers: &HeaderMap) -> Words {
    let zone = text(headers, "lockstep-time-zone");
    let zone = if jiff::tz::TimeZone::get(zone).is_ok() { zone } else { "" };
    let language = Language::of(text(headers, header::ACCEPT_LANGUAGE.as_str()));
    Words { language, app: "Lockstep".to_owned(), crm: "CRM".to_owned(), zone: zone.to_owned() }
}

impl Guest {
    /// The same person, once their CRM is known.
    #[must_use]
    pub fn at(mut self, crm: &str) -> Self {
        crm.clone_into(&mut self.words.crm);
        self
    }

    /// The screen, or what stands in its way.
    pub fn answer(&self, outcome: Result<Response, CrmProblem>) -> Response {
        outcome.unwrap_or_else(|problem| trouble(&self.words, problem))
    }
}

/// The screen of a problem.
pub fn trouble(w: &Words, problem: CrmProblem) -> Response {
    let told = |title: &str, why: &str| (w.say(title), w.say(why));
    let ((title, why), failed) = match problem.code {
        CrmCode::TokenInvalid | CrmCode::Unauthorized => {
            (told("trouble-session", "trouble-session-why"), Some("unauthorized"))
        }
        CrmCode::Invalid => (told("trouble-objects", "trouble-objects-why"), Some("invalid_objects")),
        CrmCode::Malformed => (told("trouble-objects", "trouble-objects-why"), Some("invalid_options")),
        CrmCode::OtherCrm => (told("trouble-other-crm", "trouble-other-crm-why"), None),
        CrmCode::NotFound | CrmCode::ConnectionNotFound | CrmCode::ConnectionDisabled => {
            (told("trouble-gone", "trouble-gone-why"), None)
        }
        CrmCode::CrmRefused | CrmCode::CrmUnavailable | CrmCode::RateLimited | CrmCode::ReauthorisationNeeded => {
            let words = problem.crm.as_ref().map_or_else(|| problem.message.clone(), |crm| crm.message.clone());
            ((w.say("trouble-crm"), words), None)
        }
        _ => (told("trouble-busy", "trouble-busy-why"), None),
    };
    let flaws = problem.flaws.iter().map(|flaw| format!("{} {}", flaw.path, flaw.error)).collect::<Vec<_>>().join("; ");
    let message = match problem.code {
        CrmCode::Invalid => format!("objects: {flaws}"),
        _ => problem.message,
    };
    let screen = TroubleScreen {
        w,
        bar: Bar::plain("trouble"),
        title,
        why,
        button: failed.is_none().then(|| w.say("try-again")),
        failed,
        message,
    };
    let status = StatusCode::from_u16(problem.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = html(status, &screen);
    if let Some(cause) = problem.cause {
        response.extensions_mut().insert(Cause(cause.into()));
    }
    response
}
