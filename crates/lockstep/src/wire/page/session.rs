//! Who sits at the page. The admin link carries a key behind its `#`, which the browser hands over once; what remains is a
//! cookie that scripts cannot read. It is sealed, so that any node can read it and nobody can make one, and it is good only
//! as long as the key itself.

use std::time::Duration;

use axum::Form;
use axum::extract::{FromRequestParts, OriginalUri, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lockstep_core::change::Origin;
use lockstep_core::env::Time;
use lockstep_core::ids::UserId;
use lockstep_core::problem::{Code, Problem};
use lockstep_store::{KeyKind, Org, User};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use super::{Trouble, html, view};
use crate::app::App;
use crate::auth::key_hash;
use crate::ops::{Author, users};
use crate::vault::Place;
use crate::wire::cookie;

/// How long a person stays signed in.
const GOOD_FOR: Duration = Duration::from_secs(7 * 24 * 60 * 60);
const PLACE: Place<'_> = Place { table: "inbox page", row: "", column: "session" };
const COOKIE: &str = "lockstep";
/// Longer text is no cookie of ours.
const COOKIE_CHARS_MAX: usize = 1024;

/// What the cookie holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Ticket {
    /// SHA-256 of the admin key, in hex.
    key: String,
    /// Who the person says they are.
    user: Option<UserId>,
    /// What every form of this session carries.
    csrf: String,
    until: Time,
}

/// A person who signed in.
#[derive(Clone, Debug)]
pub struct Session {
    /// The organization of the key.
    pub org: Org,
    /// Who the person says they are.
    pub user: Option<User>,
    /// What every form of this session carries: another site cannot know it.
    pub csrf: String,
    author: Author,
    ticket: Ticket,
}

impl Session {
    /// The person as the author of a change.
    pub fn author(&self) -> Author {
        self.author.clone()
    }

    /// Refuses a form that did not come from a page of this session.
    ///
    /// # Errors
    /// It came from elsewhere.
    pub fn check(&self, csrf: &str) -> Result<(), Problem> {
        if bool::from(csrf.as_bytes().ct_eq(self.csrf.as_bytes())) { Ok(()) } else { Err(foreign()) }
    }
}

fn foreign() -> Problem {
    Problem::new(Code::InsufficientScope, "This form is not from your own page. Load the page again and repeat it.")
}

/// Browsers say since 2023 which site a request comes from; where they do, another site's is refused.
///
/// # Errors
/// It comes from another site.
pub fn same_site(headers: &HeaderMap) -> Result<(), Problem> {
    const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
    match headers.get(FETCH_SITE) {
        Some(site) if site != "same-origin" && site != "none" => Err(foreign()),
        _ => Ok(()),
    }
}

impl FromRequestParts<App> for Session {
    type Rejection = Response;

    /// Shows the sign-in page to whoever has no session.
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        match find(app, &parts.headers).await {
            Ok(Some(session)) => Ok(session),
            Ok(None) => {
                let uri = parts.extensions.get::<OriginalUri>().map_or(&parts.uri, |original| &original.0);
                let here = uri.path_and_query().map_or("/inbox", |here| here.as_str());
                let next = if parts.method == http::Method::GET { here } else { "/inbox" };
                Err(html(StatusCode::UNAUTHORIZED, &view::SignInPage { next, error: None }))
            }
            Err(problem) => Err(Trouble(problem).into_response()),
        }
    }
}

async fn find(app: &App, headers: &HeaderMap) -> Result<Option<Session>, Problem> {
    let Some(ticket) = cookie::find(app, headers, COOKIE).and_then(|text| unseal(app, text)) else { return Ok(None) };
    if ticket.until <= app.env.now() {
        return Ok(None);
    }
    let Ok(Ok(hash)) = hex::decode(&ticket.key).map(TryInto::try_into) else { return Ok(None) };
    session(app, hash, ticket).await
}

/// The session of a key that still opens the page.
async fn session(app: &App, hash: [u8; 32], ticket: Ticket) -> Result<Option<Session>, Problem> {
    let wanted = ticket.user.clone();
    let now = app.env.now();
    let found = app.store.read(move |tx| {
        let Some(key) = tx.key_by_hash(&hash)? else { return Ok(None) };
        if key.kind != KeyKind::Admin || key.is_revoked() || key.is_expired(now) {
            return Ok(None);
        }
        let user = wanted.map(|id| tx.user(key.org(), &id)).transpose()?.flatten();
        Ok::<_, Problem>(Some((key, user)))
    });
    Ok(found.await?.map(|(key, user)| Session {
        org: key.org().clone(),
        author: Author {
            org: key.org().clone(),
            origin: Origin::Api { key: key.id },
            user: user.as_ref().map(|user| user.id.clone()),
            livemode: key.live,
        },
        user,
        csrf: ticket.csrf.clone(),
        ticket,
    }))
}

/// `POST /inbox/sign-in`
#[derive(Deserialize)]
pub struct SignIn {
    key: String,
    #[serde(default)]
    next: String,
}

/// Exchanges an admin key for a session.
pub async fn sign_in(
    State(app): State<App>,
    headers: HeaderMap,
    Form(form): Form<SignIn>,
) -> Result<Response, Trouble> {
    same_site(&headers)?;
    let next = own_path(&form.next);
    let hash = key_hash(form.key.trim());
    let ticket = Ticket {
        key: hex::encode(hash),
        user: None,
        csrf: URL_SAFE_NO_PAD.encode(app.env.random_bytes::<16>()),
        until: app.env.now().plus(GOOD_FOR),
    };
    match session(&app, hash, ticket).await? {
        Some(session) => {
            tracing::info!(org = %session.org.id(), "somebody signed in to the inbox page");
            Ok((set_cookie(&app, &session.ticket)?, Redirect::to(next)).into_response())
        }
        None => {
            let error = Some("This key does not open the inbox. Use the whole admin link that lockstep init printed.");
            Ok(html(StatusCode::UNAUTHORIZED, &view::SignInPage { next, error }))
        }
    }
}

/// A form with nothing but its proof.
#[derive(Deserialize)]
pub struct Bare {
    csrf: String,
}

/// Ends the session in this browser.
pub async fn sign_out(
    State(app): State<App>,
    session: Session,
    headers: HeaderMap,
    Form(form): Form<Bare>,
) -> Result<Response, Trouble> {
    same_site(&headers)?;
    session.check(&form.csrf)?;
    let gone = cookie::set(&app, COOKIE, "", Duration::ZERO);
    Ok(([(header::SET_COOKIE, value(&gone)?)], Redirect::to("/inbox")).into_response())
}

/// `POST /inbox/me`
#[derive(Deserialize)]
pub struct Me {
    csrf: String,
    #[serde(default)]
    user: String,
    #[serde(default)]
    next: String,
}

/// Takes in who the person says they are.
pub async fn choose_user(
    State(app): State<App>,
    session: Session,
    headers: HeaderMap,
    Form(form): Form<Me>,
) -> Result<Response, Trouble> {
    same_site(&headers)?;
    session.check(&form.csrf)?;
    let user = if form.user.is_empty() { None } else { Some(user_id(&form.user)?) };
    if let Some(id) = user.clone() {
        let org = session.org.clone();
        app.store.read(move |tx| users::find(tx, &org, &id).map(|_| ())).await?;
    }
    let cookie = set_cookie(&app, &Ticket { user, ..session.ticket })?;
    Ok((cookie, Redirect::to(own_path(&form.next))).into_response())
}

/// Reads a user's id.
///
/// # Errors
/// Text that is none: no such user.
pub fn user_id(text: &str) -> Result<UserId, Problem> {
    UserId::parse(text).map_err(|_| Problem::not_found("user"))
}

/// Where to go on: a path of this page, and nowhere else.
fn own_path(next: &str) -> &str {
    let rest = next.strip_prefix("/inbox");
    let own = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']));
    if own && next.bytes().all(|byte| byte.is_ascii_graphic()) { next } else { "/inbox" }
}

fn unseal(app: &App, text: &str) -> Option<Ticket> {
    if text.len() > COOKIE_CHARS_MAX {
        return None;
    }
    let plain = app.vault.open(PLACE, &URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
    serde_json::from_str(plain.expose_secret()).ok()
}

fn set_cookie(app: &App, ticket: &Ticket) -> Result<[(HeaderName, HeaderValue); 1], Problem> {
    let internal = |error: &dyn std::fmt::Display| {
        tracing::error!(%error, "a session cannot be sealed");
        Problem::new(Code::InternalError, "The key ring cannot seal the session.")
    };
    let plain = serde_json::to_vec(ticket).map_err(|error| internal(&error))?;
    let sealed = app.vault.seal(PLACE, &plain, &app.env).map_err(|error| internal(&error))?;
    let cookie = cookie::set(app, COOKIE, &URL_SAFE_NO_PAD.encode(sealed), GOOD_FOR);
    Ok([(header::SET_COOKIE, value(&cookie)?)])
}

fn value(text: &str) -> Result<HeaderValue, Problem> {
    HeaderValue::from_str(text).map_err(|_| Problem::new(Code::InternalError, "The cookie cannot be written."))
}

#[cfg(test)]
mod tests {
    use super::own_path;

    #[test]
    fn a_sign_in_leads_nowhere_else() {
        for own in ["/inbox", "/inbox/cnv_1", "/inbox?status=open", "/inbox/cnv_1?search=a%20b"] {
            assert_eq!(own_path(own), own);
        }
        for foreign in ["", "https://evil.test", "//evil.test/inbox", "/inboxer", "/inbox\r\nx: y", "/v1/me"] {
            assert_eq!(own_path(foreign), "/inbox", "{foreign:?}");
        }
    }
}
