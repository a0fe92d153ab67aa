//! Addresses where connections' CRMs send webhooks, at vendors that hand over first what will prove them. Only the operator
//! and the vendor know such an address, so nobody else can hand over a token of his own before.

use bytes::Bytes;
use http::HeaderMap;
use lockstep_connect::{Connector, HookRequest, Webhooks, registry};
use lockstep_core::ids::ConnectionId;
use lockstep_core::problem::{Code, Problem};
use lockstep_store::{ConnectionOf, HookAddress, Org};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use crate::app::App;
use crate::ops::audit::{Action, note_operator};
use crate::ops::received::{self, VerifiedHook};
use crate::vault::{Place, Vault, VaultError};

/// Bytes of chance in an address.
const PATH_BYTES: usize = 20;

/// Where a connection's CRM sends webhooks.
#[derive(Debug)]
pub struct Shown {
    /// The address.
    pub url: String,
    /// The token that was handed over there; `None` as long as none was.
    pub token: Option<SecretString>,
}

/// The connection's address, made where it has none. With `anew` it gets another one, and the old one is nobody's with
/// the token that was handed over there.
///
/// # Errors
/// No such connection, a vendor that hands over no token, a key ring that does not open the token, or the store's.
pub async fn show(app: &App, org: &Org, connection: &ConnectionId, anew: bool) -> Result<Shown, Problem> {
    let (org, connection) = (org.clone(), connection.clone());
    let shown = app.store.write(move |tx| {
        let of = tx.connection(&org, &connection)?.ok_or_else(|| Problem::not_found("connection"))?;
        check_vendor(&of)?;
        if let (false, Some(held)) = (anew, tx.hook_address(&of)?) {
            return Ok((of, held));
        }
        let path = hex::encode(tx.env().random_bytes::<PATH_BYTES>());
        tx.set_hook_path(&of, &path)?;
        note_operator(tx, &org, Action::HookAddressMade, &json!({ "connection": of.id() }))?;
        Ok::<_, Problem>((of, HookAddress { path, token_sealed: None }))
    });
    let (of, HookAddress { path, token_sealed }) = shown.await?;
    let url = format!("{}/hooks/{}/{path}", app.settings.public_url, of.connection().vendor);
    let token =
        token_sealed.map(|sealed| open(&app.vault, of.id(), &sealed)).transpose().map_err(|error| closed(&error))?;
    Ok(Shown { url, token })
}

fn check_vendor(of: &ConnectionOf) -> Result<(), Problem> {
    let vendor = of.connection().vendor.as_str();
    let about = registry::find(vendor).ok_or_else(|| Problem::not_found("connection"))?.about();
    let message = match about.webhooks {
        Webhooks::Handshake if of.connection().disabled_at.is_none() => return Ok(()),
        Webhooks::Handshake => "It is disconnected. Connect it again first.".to_owned(),
        Webhooks::App => format!(
            "{} sends webhooks to one address for all connections: public_url with /hooks/{vendor} behind it. See {}.",
            about.name, about.docs
        ),
        Webhooks::None => format!("{} sends no webhooks that can be proved; its changes are polled.", about.name),
    };
    Err(Problem::of(Code::InvalidFieldValue, "connection", message))
}

/// Keeps the token that is handed over, once; from then on keeps webhooks that it proves, to be read later. They hint at
/// the connection's own account alone.
///
/// # Errors
/// No such address, nothing that proves the webhook, another token than the one that is kept, or the store's; the vendor
/// then sends it again.
pub async fn receive(
    app: &App,
    connector: &dyn Connector,
    path: &str,
    headers: &HeaderMap,
    body: Bytes,
) -> Result<(), Problem> {
    let (about, path) = (connector.about(), path.to_owned());
    let asked = path.clone();
    let found = app.store.read(move |tx| tx.connection_at_hook_path(&asked)).await?;
    let ours = found.filter(|(of, _)| of.connection().vendor == about.slug);
    let (of, address) = ours.ok_or_else(|| Problem::not_found("path"))?;
    let held = address
        .token_sealed
        .map(|sealed| open(&app.vault, of.id(), &sealed))
        .transpose()
        .map_err(|error| closed(&error))?;
    let (held, offered) = match (held, connector.hook_token(&body)) {
        (None, Some(offered)) => return keep(app, &of, path, &offered).await,
        (None, None) => return Err(refused(&of, "no token was handed over yet")),
        (Some(held), offered) => (held, offered),
    };
    if let Some(offered) = offered {
        // The answer to the first time may have been lost.
        let is_same = offered.expose_secret() == held.expose_secret();
        return if is_same {
            Ok(())
        } else {
            Err(refused(&of, "another token than the one that is kept was handed over"))
        };
    }
    let uri = format!("{}/hooks/{}/{path}", app.settings.public_url, about.slug);
    let request = HookRequest { method: "POST", uri: &uri, headers, body: &body };
    let hints = connector
        .read_hook(&request, held.expose_secret(), app.env.now())
        .map_err(|fault| refused(&of, &fault.to_string()))?;
    let account = &of.connection().account;
    let hints = hints.into_iter().filter(|hint| hint.is_of(account));
    let accounts = hints.map(|hint| (account.clone(), hint.at)).collect();
    received::receive(app, VerifiedHook { vendor: about.slug, accounts, body }).await
}

/// Of two at once, one is kept.
async fn keep(app: &App, of: &ConnectionOf, path: String, token: &SecretString) -> Result<(), Problem> {
    let sealed =
        app.vault.seal(place(of.id()), token.expose_secret().as_bytes(), &app.env).map_err(|error| closed(&error))?;
    if !app.store.write(move |tx| tx.keep_hook_token(&path, &sealed)).await? {
        return Err(refused(of, "another token was handed over in the same moment"));
    }
    tracing::info!(connection = %of.id(), "the token of its webhooks is kept, `lockstep webhooks` shows it");
    Ok(())
}

/// Whether the key ring opens a connection's token.
///
/// # Errors
/// When it does not.
pub(super) fn opens(vault: &Vault, connection: &ConnectionId, sealed: &[u8]) -> Result<(), VaultError> {
    open(vault, connection, sealed).map(drop)
}

fn open(vault: &Vault, connection: &ConnectionId, sealed: &[u8]) -> Result<SecretString, VaultError> {
    vault.open(place(connection), sealed)
}

fn place(connection: &ConnectionId) -> Place<'_> {
    Place { table: "connections", row: connection.as_str(), column: "hook_token" }
}

fn refused(of: &ConnectionOf, why: &str) -> Problem {
    tracing::warn!(connection = %of.id(), "a webhook was refused: {why}");
    Problem::new(Code::InvalidApiKey, "The signature does not verify.")
}

fn closed(error: &VaultError) -> Problem {
    tracing::error!(%error, "the token of a connection's webhooks cannot be sealed or opened");
    Problem::new(Code::InternalError, "The key ring does not fit the token of the webhooks. Tell the operator.")
}
