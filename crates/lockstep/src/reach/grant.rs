//! What lets us act at a vendor: opened, renewed and stored again in this file only.

use lockstep_connect::oauth::{self, Grant, OAuth};
use lockstep_connect::{About, Connector, Fault, FaultClass};
use lockstep_core::env::Env;
use lockstep_core::ids::ConnectionId;
use lockstep_store::{ConnectionOf, ConnectionStatus, SealedGrant, StoreError};
use secrecy::ExposeSecret;
use serde_json::Value as Json;

use super::door::post_token_call;
use crate::app::App;
use crate::ops::crm::app::ConnectionEvent;
use crate::ops::crm::connections;
use crate::vault::{Place, Vault, VaultError};

fn place(connection: &ConnectionId) -> Place<'_> {
    Place { table: "connections", row: connection.as_str(), column: "grant_sealed" }
}

/// Seals a grant for its connection.
///
/// # Errors
/// When the key ring cannot seal.
pub fn seal(vault: &Vault, connection: &ConnectionId, grant: &Grant, env: &Env) -> Result<Vec<u8>, VaultError> {
    let text = grant.to_plain_text().map_err(|_| VaultError::Malformed("the grant cannot be written"))?;
    vault.seal(place(connection), text.expose_secret().as_bytes(), env)
}

/// Whether the key ring opens a connection's grant.
///
/// # Errors
/// [`VaultError::WrongKey`] when it does not.
pub fn opens(vault: &Vault, connection: &ConnectionId, sealed: &[u8]) -> Result<(), VaultError> {
    vault.open(place(connection), sealed).map(drop)
}

/// The grant in force, and the version to replace it by.
pub(super) async fn current(app: &App, connection: &ConnectionOf) -> Result<(Grant, i64), Fault> {
    let of = connection.clone();
    let SealedGrant { sealed, version } =
        app.store.read(move |tx| tx.grant(&of)).await.map_err(|error| store_fault(&error))?;
    let text = app
        .vault
        .open(place(connection.id()), &sealed)
        .map_err(|error| Fault::new(FaultClass::Reauthorise, "key_ring", error.to_string()))?;
    let grant = Grant::from_plain_text(text.expose_secret())
        .map_err(|error| Fault::new(FaultClass::Bug, "grant", error.to_string()))?;
    Ok((grant, version))
}

/// Renews a grant, unless somebody else has done so since `version` was read. The caller holds the account's lock;
/// against other processes the store's compare-and-swap decides, and the loser takes what the winner stored.
pub(super) async fn renew(
    app: &App,
    connector: &'static dyn Connector,
    connection: &ConnectionOf,
    version: i64,
) -> Result<Grant, Fault> {
    let (held, current_version) = current(app, connection).await?;
    if current_version != version {
        return Ok(held);
    }
    let about = connector.about();
    let Some(refresh) = held.refresh.as_ref() else {
        return Err(Fault::new(FaultClass::Reauthorise, "token_refused", format!("{} refuses the token.", about.name)));
    };
    let (terms, client) = super::oauth_app(app, about)?;
    let call = oauth::refresh_call(terms, &client, refresh);
    let sent_at = app.env.now();
    let (status, body) =
        post_token_call(app, &token_url(about, terms, &connection.connection().base_url), &call).await?;
    let grant = oauth::read_grant(status, &body, sent_at, Some(refresh))?;
    store(app, connection, version, &grant).await?;
    Ok(current(app, connection).await?.0)
}

async fn store(app: &App, connection: &ConnectionOf, version: i64, grant: &Grant) -> Result<(), Fault> {
    let sealed = seal(&app.vault, connection.id(), grant, &app.env)
        .map_err(|error| Fault::new(FaultClass::Bug, "key_ring", error.to_string()))?;
    let of = connection.clone();
    let stored = app
        .store
        .write(move |tx| tx.replace_grant(&of, version, &sealed))
        .await
        .map_err(|error| store_fault(&error))?;
    if !stored {
        tracing::info!(connection = %connection.id(), "another process renewed the grant first; its grant is used");
    }
    Ok(())
}

/// Writes down that a person has to authorise again.
pub(super) async fn lost(app: &App, connection: &ConnectionOf, fault: &Fault) -> Result<(), Fault> {
    tracing::warn!(connection = %connection.id(), code = fault.code, "the grant is gone: a person has to authorise again");
    let (of, reason) = (connection.clone(), fault.message.clone());
    app.store
        .write(move |tx| {
            tx.set_connection_status(&of, &ConnectionStatus::Reauthorise { reason })?;
            // An app's connection may have been in that state before: it is told once.
            if of.connection().external_id.is_some() && of.connection().status == ConnectionStatus::Ok {
                let context = tx.context_name(of.org(), &of.connection().context)?.unwrap_or_default();
                connections::tell(tx, &of, &context, ConnectionEvent::Errored)?;
            }
            Ok(())
        })
        .await
        .map_err(|error| store_fault(&error))
}

/// A store that is away keeps a call from being made: nothing was sent.
pub(super) fn store_fault(error: &StoreError) -> Fault {
    Fault::new(FaultClass::Unreachable, "store", error.to_string())
}

/// Where tokens are issued: at the vendor; at the account's own address where accounts have one, such as a test org; and
/// for a connection to a look-alike at the look-alike.
fn token_url(about: &About, terms: &OAuth, base_url: &str) -> String {
    let central = about.is_home(base_url) && !about.token.own_address;
    if central { terms.token_url.to_owned() } else { elsewhere(base_url, terms.token_url) }
}

/// A page of the vendor under another address, such as a sandbox's.
pub fn elsewhere(base_url: &str, page: &str) -> String {
    let path = url::Url::parse(page).map(|url| url.path().to_owned()).unwrap_or_default();
    format!("{}{path}", base_url.trim_end_matches('/'))
}

/// Exchanges an authorisation code for a grant, and for the address of the account's API where the vendor tells it.
pub(super) async fn exchange_code(
    app: &App,
    connector: &'static dyn Connector,
    base_url: &str,
    code: &str,
    pkce: &oauth::Pkce,
) -> Result<(Grant, String), Fault> {
    let about = connector.about();
    let (terms, client) = super::oauth_app(app, about)?;
    let call = oauth::code_call(terms, &client, code, pkce);
    let sent_at = app.env.now();
    let (status, body): (u16, Json) = post_token_call(app, &token_url(about, terms, base_url), &call).await?;
    let grant = oauth::read_grant(status, &body, sent_at, None)?;
    Ok((grant, connector.home(&body).unwrap_or_else(|| base_url.to_owned())))
}
