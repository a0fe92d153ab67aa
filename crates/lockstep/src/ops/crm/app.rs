//! An organization's app: what its operator set, and the secret that signs what it is sent.

use lockstep_core::crm::{CrmCode, CrmProblem, Flaw};
use lockstep_core::limits::{CRM_LABEL_CHARS_MAX, CRM_ORIGINS_MAX, WEBHOOK_URL_BYTES_MAX, fits};
use lockstep_store::{Org, StoredApp};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::json;
use url::Url;
use utoipa::ToSchema;

use crate::app::App;
use crate::ops::Author;
use crate::ops::audit::{self, Action};
use crate::vault::Place;

/// What an app is and where it is called.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AppSettings {
    /// The name that users see beside their CRM's.
    pub name: String,
    /// The app's own address.
    pub website: Option<String>,
    /// Where a page goes whose session has ended.
    pub login_redirect_url: Option<String>,
    /// The host that the app's pages name, where one server has several apps; the first app has all others.
    pub domain: Option<String>,
    /// Origins of pages that may open CRM Link, such as `https://app.example.com` or `https://*.example.com`.
    pub allowed_origins: Vec<String>,
    /// Where changes to subscribed records are told.
    pub data_webhook_url: Option<String>,
    /// Whether only status 204 counts as taken, as Xkit has it; else every 2xx does.
    pub strict_204: bool,
    /// Where changes of connections are told.
    pub connection_webhooks: Vec<ConnectionWebhook>,
    /// Who else may issue tokens for contexts.
    pub token_issuers: Vec<TokenIssuer>,
}

/// One event type, told to one address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConnectionWebhook {
    /// What is told.
    pub event_type: ConnectionEvent,
    /// Where.
    pub url: String,
}

/// What may happen to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum ConnectionEvent {
    /// A user connected, or connected again.
    #[serde(rename = "connection.enabled")]
    Enabled,
    /// It was disconnected.
    #[serde(rename = "connection.disabled")]
    Disabled,
    /// The CRM no longer lets us in.
    #[serde(rename = "connection.errored")]
    Errored,
}

/// Somebody who signs tokens that stand for contexts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenIssuer {
    /// The token's `iss`.
    pub issuer: String,
    /// The token's `aud`, where one is demanded.
    #[serde(default)]
    pub audience: Option<String>,
    /// The claim whose value is the context's id.
    #[serde(default = "subject")]
    pub context_claim: String,
    /// The claim that names the context for people.
    #[serde(default)]
    pub name_claim: Option<String>,
    /// Where the issuer's keys are.
    pub jwks_url: String,
}

fn subject() -> String {
    "sub".to_owned()
}

pub(crate) fn place(org: &str) -> Place<'_> {
    Place { table: "crm_apps", row: org, column: "secret_sealed" }
}

/// The organization's app, as it was set.
///
/// # Errors
/// The store's.
pub async fn settings(app: &App, org: &Org) -> Result<AppSettings, CrmProblem> {
    let org = org.clone();
    let stored = app.store.read(move |tx| Ok::<_, CrmProblem>(tx.app::<AppSettings>(&org)?)).await?;
    Ok(stored.map(|stored| stored.settings).unwrap_or_default())
}

/// Sets the author's organization's app; the first time it gets its signing secret.
///
/// # Errors
/// [`CrmCode::Invalid`] with every flaw; the store's.
pub async fn set(app: &App, by: &Author, settings: AppSettings) -> Result<AppSettings, CrmProblem> {
    let flaws = flaws(app, &settings);
    if !flaws.is_empty() {
        return Err(CrmProblem::flawed(CrmCode::Invalid, flaws));
    }
    let fresh = format!("whsec_{}", super::tokens::random_text(app));
    let secret =
        app.vault.seal(place(by.org.id().as_str()), fresh.as_bytes(), &app.env).map_err(super::tokens::broken)?;
    let by = by.clone();
    app.store
        .write(move |tx| {
            tx.put_app(&by.org, &StoredApp { settings: settings.clone(), secret })?;
            let detail = json!({ "name": settings.name, "allowed_origins": settings.allowed_origins });
            audit::note(tx, &by, Action::AppSet, &detail)?;
            Ok::<_, CrmProblem>(settings)
        })
        .await
}

/// What signs the app's webhooks; `None` before the app was set up.
///
/// # Errors
/// The store's and the key ring's.
pub async fn secret(app: &App, org: &Org) -> Result<Option<SecretString>, CrmProblem> {
    let of = org.clone();
    let stored = app.store.read(move |tx| Ok::<_, CrmProblem>(tx.app::<AppSettings>(&of)?)).await?;
    stored.map(|stored| open_secret(app, org, &stored.secret)).transpose()
}

/// Opens the signing secret as it is stored.
///
/// # Errors
/// The key ring's.
pub fn open_secret(app: &App, org: &Org, sealed: &[u8]) -> Result<SecretString, CrmProblem> {
    app.vault.open(place(org.id().as_str()), sealed).map_err(super::tokens::broken)
}

/// The app that a host belongs to: the one that names it, else the first.
///
/// # Errors
/// [`CrmCode::NotFound`] when no app was set up; the store's.
pub async fn of_host(app: &App, host: &str) -> Result<(Org, AppSettings), CrmProblem> {
    let mut apps = app.store.read(|tx| Ok::<_, CrmProblem>(tx.apps::<AppSettings>()?)).await?;
    let named = apps.iter().position(|(_, settings)| settings.domain.as_deref() == Some(host)).unwrap_or(0);
    if apps.is_empty() {
        let message = "No app is set up on this server: `lockstep app set` or PUT /api/platform/app does it.";
        return Err(CrmProblem::new(CrmCode::NotFound, message));
    }
    Ok(apps.swap_remove(named))
}

/// Whether any app allows pages of this origin.
///
/// # Errors
/// The store's.
pub async fn knows_origin(app: &App, origin: &str) -> Result<bool, CrmProblem> {
    let apps = app.store.read(|tx| Ok::<_, CrmProblem>(tx.apps::<AppSettings>()?)).await?;
    Ok(apps.iter().any(|(_, settings)| settings.allows_origin(origin)))
}

impl AppSettings {
    /// Whether a page of this origin may open CRM Link for the app.
    pub fn allows_origin(&self, origin: &str) -> bool {
        self.allowed_origins.iter().any(|allowed| matches_origin(allowed, origin))
    }
}

/// `https://*.example.com` allows every host below example.com, over the same scheme and port.
fn matches_origin(allowed: &str, origin: &str) -> bool {
    match allowed.split_once("://*.") {
        None => allowed == origin,
        Some((scheme, domain)) => {
            let host = origin.strip_prefix(scheme).and_then(|rest| rest.strip_prefix("://"));
            host.and_then(|host| host.strip_suffix(domain)).is_some_and(|below| below.len() > 1 && below.ends_with('.'))
        }
    }
}

/// An origin is a scheme, a host and perhaps a port: no path, and http for this machine alone.
fn is_origin(text: &str) -> bool {
    let Ok(url) = Url::parse(&text.replacen("://*.", "://any.", 1)) else { return false };
    let local = matches!(url.host_str(), Some("localhost" | "127.0.0.1"));
    let scheme = url.scheme() == "https" || (url.scheme() == "http" && local);
    scheme && url.origin().ascii_serialization() == text.replacen("://*.", "://any.", 1)
}

fn flaws(app: &App, settings: &AppSettings) -> Vec<Flaw> {
    let mut flaws = Vec::new();
    let mut say = |path: String, error: &str| flaws.push(Flaw::new(path, error));
    if settings.name.trim().is_empty() || !fits(&settings.name, CRM_LABEL_CHARS_MAX) {
        say("name".to_owned(), "must have 1 to 100 characters");
    }
    let lists = [settings.allowed_origins.len(), settings.connection_webhooks.len(), settings.token_issuers.len()];
    if lists.iter().any(|length| *length as u64 > CRM_ORIGINS_MAX) {
        say("allowed_origins".to_owned(), "and the other lists take at most 100 rows each");
    }
    for (index, origin) in settings.allowed_origins.iter().enumerate().filter(|(_, origin)| !is_origin(origin)) {
        say(
            format!("allowed_origins.{index}"),
            &format!("must be an origin such as https://app.example.com, not {origin}"),
        );
    }
    let webhooks = settings.connection_webhooks.iter().enumerate();
    let mut called: Vec<(String, &str)> =
        webhooks.map(|(index, hook)| (format!("connection_webhooks.{index}.url"), hook.url.as_str())).collect();
    called.extend(settings.data_webhook_url.as_deref().map(|url| ("data_webhook_url".to_owned(), url)));
    let issuers = settings.token_issuers.iter().enumerate();
    called.extend(issuers.map(|(index, issuer)| (format!("token_issuers.{index}.jwks_url"), issuer.jwks_url.as_str())));
    for (path, url) in called {
        let fits = url.len() as u64 <= WEBHOOK_URL_BYTES_MAX;
        let allowed = app.settings.egress.check_url(url).is_ok();
        if !fits || !allowed {
            say(path, "must be an https address that this server may call");
        }
    }
    for (path, url) in [("website", &settings.website), ("login_redirect_url", &settings.login_redirect_url)] {
        let web = |url: &String| Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "https" | "http"));
        if url.as_ref().is_some_and(|url| !web(url)) {
            say(path.to_owned(), "must be an http or https address");
        }
    }
    flaws
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_allowed_as_written_or_below_a_star() {
        for (allowed, origin, expected) in [
            ("https://a.example", "https://a.example", true),
            ("https://a.example", "http://a.example", false),
            ("https://*.a.example", "https://b.a.example", true),
            ("https://*.a.example", "https://c.b.a.example", true),
            ("https://*.a.example", "https://a.example", false),
            ("https://*.a.example", "https://.a.example", false),
            ("https://*.a.example", "https://evila.example", false),
            ("https://*.a.example", "http://b.a.example", false),
        ] {
            assert_eq!(matches_origin(allowed, origin), expected, "{allowed} {origin}");
        }
    }

    #[test]
    fn an_origin_has_no_path_and_is_secure_but_for_this_machine() {
        for good in ["https://a.example", "https://a.example:8443", "https://*.a.example", "http://localhost:3000"] {
            assert!(is_origin(good), "{good}");
        }
        for bad in ["https://a.example/", "https://a.example/x", "http://a.example", "a.example", "*", ""] {
            assert!(!is_origin(bad), "{bad}");
        }
    }
}
