//! The only code that calls a connector: a session through the connection's door, pacing, and the one write path.

mod door;
mod grant;
mod pacing;
mod write;

use std::sync::Arc;
use std::time::Duration;

use lockstep_connect::oauth::{self, Grant, OAuth, Pkce};
use lockstep_connect::{About, Connector, Fault, FaultClass, Session, registry};
use lockstep_store::{ConnectionOf, StoreError};

pub use door::CALL_LIMITS;
pub(crate) use door::exchange_once;
pub use grant::{elsewhere, opens, seal};
pub use pacing::{Class, Pacing, Standing};
pub use write::{Row, Writer};

use crate::app::App;
use door::{Authority, VendorDoor};

/// The connector of a connection and a session through its door. Every call of the session counts in `class`.
///
/// # Errors
/// [`FaultClass::Bug`] when this program lacks the vendor.
pub fn session(app: &App, connection: &ConnectionOf, class: Class) -> Result<(&'static dyn Connector, Session), Fault> {
    let connector = connector(&connection.connection().vendor)?;
    let about = connector.about();
    let account = account_of(app, about, connection);
    let base_url = connection.connection().base_url.clone();
    let authority = Authority::Connection(Box::new(connection.clone()));
    let patient_until = app.env.now().plus(class.patience());
    let memory = account.memory(connection.id());
    let door = VendorDoor { app: app.clone(), connector, base_url, account, memory, class, patient_until, authority };
    Ok((connector, Session { door: Arc::new(door), env: app.env.clone() }))
}

fn account_of(app: &App, about: &About, connection: &ConnectionOf) -> Arc<pacing::Account> {
    let limits = app.settings.vendor_limits.get(about.slug).copied();
    app.pacing.account(about, &connection.connection().account, limits)
}

/// How long to wait before the next look for changes: as the operator set, and longer where the account's day would not
/// last.
pub fn poll_pause(app: &App, about: &About, connection: &ConnectionOf) -> Duration {
    let pause = account_of(app, about, connection).poll_pause(app.env.now());
    pause.max(Duration::from_secs(app.settings.poll_seconds))
}

/// The least time that so many calls of the class take by the account's limits.
pub fn seconds(app: &App, about: &About, connection: &ConnectionOf, class: Class, calls: u64) -> u64 {
    account_of(app, about, connection).seconds(class, calls)
}

/// What the account behind a connection has used of its limits.
///
/// # Errors
/// The store's.
pub async fn standing(app: &App, about: &About, connection: &ConnectionOf) -> Result<Standing, StoreError> {
    account_of(app, about, connection).standing(&app.store, app.env.now()).await
}

/// A session with a grant that no connection holds yet. Nothing is stored and nothing renewed.
pub fn trial(app: &App, connector: &'static dyn Connector, base_url: &str, grant: Grant) -> Session {
    let about = connector.about();
    let limits = app.settings.vendor_limits.get(about.slug).copied();
    // Whose account it is, the first call tells; until then its address stands for it.
    let account = app.pacing.account(about, base_url, limits);
    let authority = Authority::Trial(grant);
    let door = VendorDoor {
        app: app.clone(),
        connector,
        base_url: base_url.to_owned(),
        account,
        memory: Arc::default(),
        class: Class::Interactive,
        patient_until: app.env.now().plus(Class::Interactive.patience()),
        authority,
    };
    Session { door: Arc::new(door), env: app.env.clone() }
}

/// The connector of a vendor.
///
/// # Errors
/// [`FaultClass::Bug`] when this program lacks it.
pub fn connector(vendor: &str) -> Result<&'static dyn Connector, Fault> {
    registry::find(vendor)
        .ok_or_else(|| Fault::new(FaultClass::Bug, "vendor", format!("This program has no connector for {vendor}.")))
}

/// Exchanges the code of an OAuth redirect for a grant, and for the address of the account's API.
///
/// # Errors
/// The vendor's refusal, or [`FaultClass::Forbidden`] when no client id and secret are configured.
pub async fn exchange_code(
    app: &App,
    vendor: &str,
    base_url: &str,
    code: &str,
    pkce: &Pkce,
) -> Result<(Grant, String), Fault> {
    grant::exchange_code(app, connector(vendor)?, base_url, code, pkce).await
}

/// A vendor's OAuth, and the app that we are there, with the address that its redirects come back to.
///
/// # Errors
/// [`FaultClass::Forbidden`] when the vendor has no OAuth, or no client id and secret are configured.
pub fn oauth_app(app: &App, about: &'static About) -> Result<(&'static OAuth, oauth::App), Fault> {
    let forbidden = |message: String| Fault::new(FaultClass::Forbidden, "oauth_app", message);
    let none = || forbidden(format!("{} has no OAuth: connect with a token.", about.name));
    let terms = about.oauth.as_ref().ok_or_else(none)?;
    let missing = || {
        forbidden(format!(
            "OAuth at {} needs the client id and secret of your app there: set them in the configuration.",
            about.name
        ))
    };
    let client = app.settings.oauth_apps.get(about.slug).ok_or_else(missing)?;
    let client = oauth::App {
        client_id: client.client_id.clone(),
        client_secret: client.client_secret.clone(),
        redirect_uri: format!("{}/oauth/callback", app.settings.public_url),
    };
    Ok((terms, client))
}
