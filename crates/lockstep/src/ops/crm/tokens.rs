//! Context tokens: what lets a browser act for one context, for an hour.
//!
//! A token is sealed by the key ring: nobody can read, alter or make one, any node can open it, and nothing is stored.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use lockstep_core::crm::{CrmCode, CrmProblem, Flaw};
use lockstep_core::env::Time;
use lockstep_core::ids::{ContextId, OrgId};
use lockstep_core::limits::{CRM_ATTRIBUTES_BYTES_MAX, EXTERNAL_ID_CHARS_MAX, fits};
use lockstep_store::{ContextData, ContextOf, Org};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};

use super::app::{self, AppSettings};
use super::issuers;
use crate::app::App;
use crate::vault::Place;

/// How long a token is good for.
pub const TOKEN_LIFE: Duration = Duration::from_secs(60 * 60);
/// How long a browser's session may be renewed without a new token of the app.
pub const SESSION_LIFE: Duration = Duration::from_secs(12 * 60 * 60);

const TOKEN: &str = "ctk_";

/// What a sealed token is for. One kind never opens as another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Goes with every request, as a bearer.
    Bearer,
    /// Stands in a cookie and renews a bearer.
    Session,
    /// Signs a pop-up window in, once it is open.
    OneTime,
}

#[derive(Serialize, Deserialize)]
struct Sealed {
    org: OrgId,
    context: ContextId,
    until: Time,
}

/// A browser that acts for a context.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// The context.
    pub context: ContextOf,
    /// The app.
    pub settings: AppSettings,
}

impl Kind {
    const fn place(self) -> Place<'static> {
        let column = match self {
            Self::Bearer => "token",
            Self::Session => "session",
            Self::OneTime => "ticket",
        };
        Place { table: "contexts", row: "", column }
    }

    const fn life(self) -> Duration {
        match self {
            Self::Bearer => TOKEN_LIFE,
            Self::Session => SESSION_LIFE,
            Self::OneTime => Duration::from_secs(60),
        }
    }
}

/// Makes a token of a context.
///
/// # Errors
/// The key ring's.
pub fn issue(app: &App, context: &ContextOf, kind: Kind) -> Result<String, CrmProblem> {
    let until = app.env.now().plus(kind.life());
    let sealed = Sealed { org: context.org().id().clone(), context: context.id().clone(), until };
    let plain = serde_json::to_vec(&sealed).map_err(broken)?;
    let sealed = app.vault.seal(kind.place(), &plain, &app.env).map_err(broken)?;
    Ok(format!("{TOKEN}{}", URL_SAFE_NO_PAD.encode(sealed)))
}

/// Makes an app's context, or changes it.
///
/// # Errors
/// [`CrmCode::Invalid`] for an id or attributes over their limits; the store's.
pub async fn put_context(app: &App, org: &Org, external_id: &str, data: ContextData) -> Result<ContextOf, CrmProblem> {
    let mut flaws = Vec::new();
    let sound =
        |text: &str| !text.is_empty() && fits(text, EXTERNAL_ID_CHARS_MAX) && !text.chars().any(char::is_control);
    if !sound(external_id) {
        flaws.push(Flaw::new("context.external_id", format!("must have 1 to {EXTERNAL_ID_CHARS_MAX} characters")));
    }
    if data.name.as_ref().is_some_and(|name| !fits(name, EXTERNAL_ID_CHARS_MAX)) {
        flaws.push(Flaw::new("context.external_name", format!("must have at most {EXTERNAL_ID_CHARS_MAX} characters")));
    }
    let bytes = serde_json::to_vec(&data.attributes).map_or(usize::MAX, |text| text.len());
    if bytes as u64 > CRM_ATTRIBUTES_BYTES_MAX {
        flaws.push(Flaw::new("context", format!("must have at most {CRM_ATTRIBUTES_BYTES_MAX} bytes of attributes")));
    }
    if !flaws.is_empty() {
        return Err(CrmProblem::flawed(CrmCode::Invalid, flaws));
    }
    let (org, external_id) = (org.clone(), external_id.to_owned());
    app.store.write(move |tx| Ok::<_, CrmProblem>(tx.put_context(&org, &external_id, &data)?)).await
}

/// What is told of a context.
///
/// # Errors
/// The store's.
pub async fn context_data(app: &App, of: &ContextOf) -> Result<ContextData, CrmProblem> {
    let of = of.clone();
    app.store.read(move |tx| Ok::<_, CrmProblem>(tx.context_data(&of)?)).await
}

/// The organization's context of this name.
///
/// # Errors
/// The store's.
pub async fn known_context(app: &App, org: &Org, external_id: &str) -> Result<Option<ContextOf>, CrmProblem> {
    let (org, external_id) = (org.clone(), external_id.to_owned());
    app.store.read(move |tx| Ok::<_, CrmProblem>(tx.named_context(&org, &external_id)?)).await
}

/// Proves whom a token stands for: one of ours, or of an issuer that the app trusts.
///
/// # Errors
/// [`CrmCode::TokenInvalid`]; the store's.
pub async fn visitor(app: &App, token: &str, kind: Kind) -> Result<Visitor, CrmProblem> {
    let context = match open(app, token, kind) {
        Some(sealed) => {
            app.store.read(move |tx| Ok::<_, CrmProblem>(tx.context(&sealed.org, &sealed.context)?)).await?
        }
        None if kind == Kind::Bearer && !token.starts_with(TOKEN) => issuers::context(app, token).await?,
        None => None,
    };
    let context = context.ok_or_else(invalid)?;
    let settings = app::settings(app, context.org()).await?;
    Ok(Visitor { context, settings })
}

fn open(app: &App, token: &str, kind: Kind) -> Option<Sealed> {
    let sealed = URL_SAFE_NO_PAD.decode(token.strip_prefix(TOKEN)?).ok()?;
    let plain = app.vault.open(kind.place(), &sealed).ok()?;
    let sealed: Sealed = serde_json::from_str(plain.expose_secret()).ok()?;
    (sealed.until > app.env.now()).then_some(sealed)
}

pub(super) fn invalid() -> CrmProblem {
    CrmProblem::new(
        CrmCode::TokenInvalid,
        "This context token is not valid here, or has ended. Get a new one from your app.",
    )
}

/// 24 random bytes as text.
pub(super) fn random_text(app: &App) -> String {
    STANDARD.encode(app.env.random_bytes::<24>())
}

/// Our own defect, told to the operator alone.
pub(crate) fn broken(error: impl std::fmt::Display) -> CrmProblem {
    let message = "Something broke on our side. Tell the operator the request id.";
    CrmProblem { cause: Some(error.to_string().into()), ..CrmProblem::new(CrmCode::Internal, message) }
}
