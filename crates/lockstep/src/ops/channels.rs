//! Channels of accounts: connected, taken away, and their webhooks taken in.

use std::collections::BTreeMap;

use bytes::Bytes;
use lockstep_core::ids::ChannelId;
use lockstep_core::problem::{Code, Problem};
use lockstep_store::{Account, ChannelOf, Org, StoreError, Tx};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::app::App;
use crate::channel::whatsapp::{self, Profile, Secrets, hook};
use crate::channel::{ChannelFault, Outcome};
use crate::ops::audit::{self, Action};
use crate::ops::messages::CONNECTED;
use crate::ops::received::{self, VerifiedHook};

/// Random bytes of a verify token that nobody chose.
const VERIFY_TOKEN_BYTES: usize = 18;

/// What is needed to connect a number.
#[derive(Debug)]
pub struct Connect {
    /// Meta's `phone_number_id`. An account is made of it where the organization has none.
    pub account: String,
    /// Where the Graph API is; `None` takes Meta's own address.
    pub base_url: Option<String>,
    /// A token that may send for the number.
    pub access_token: SecretString,
    /// The secret of the Meta app, which signs its webhooks.
    pub app_secret: SecretString,
    /// The word that Meta must know; `None` keeps the one it has, or makes one.
    pub verify_token: Option<SecretString>,
    /// The id of the WhatsApp Business Account, by which templates are read; `None` keeps the one that was said before.
    pub business_account: Option<String>,
}

/// A number that is connected, and what a person tells Meta of it.
#[derive(Debug)]
pub struct Connected {
    /// The channel.
    pub id: ChannelId,
    /// The account that it carries.
    pub account: Account,
    /// Where Meta sends webhooks.
    pub webhook_url: String,
    /// The word to give Meta with that address.
    pub verify_token: SecretString,
}

/// Connects a number, or renews the secrets of one that is; the address of its webhooks then stays.
///
/// # Errors
/// An address that may not be reached, or Meta does not let this token act for the number.
pub async fn connect(app: &App, org: &Org, request: Connect) -> Result<Connected, Problem> {
    let base_url = request.base_url.as_deref().unwrap_or(whatsapp::BASE_URL).trim_end_matches('/').to_owned();
    app.settings
        .egress
        .check_url(&base_url)
        .map_err(|bad| Problem::of(Code::InvalidFieldValue, "base_url", format!("The address will not do: {bad}.")))?;
    let (network, token) = (app.network.clone(), request.access_token.clone());
    let profile = whatsapp::profile(network, &base_url, token, &request.account);
    let profile = profile.await.map_err(|fault| refused("access_token", fault))?;
    if let Some(id) = &request.business_account {
        let (network, token) = (app.network.clone(), request.access_token.clone());
        let checked = whatsapp::check_business_account(network, &base_url, token, id);
        checked.await.map_err(|fault| refused("business_account", fault))?;
    }
    let here = app.clone();
    let org = org.clone();
    let made = app.store.write(move |tx| {
        let account = account(tx, &org, &request.account, profile)?;
        let known = tx.channel_of_account(&org, &account.phone_number_id)?;
        // Secrets that cannot be opened any more are replaced.
        let before = known.as_ref().and_then(|of| Secrets::open(&here.vault, of.channel()).ok());
        let (said, named) = before.map(|before| (before.verify_token, before.business_account)).unzip();
        let id = known.map_or_else(|| ChannelId::new(tx.env()), |of| of.channel().id.clone());
        let made_up = || hex::encode(tx.env().random_bytes::<VERIFY_TOKEN_BYTES>()).into();
        let secrets = Secrets {
            access_token: request.access_token,
            app_secret: request.app_secret,
            verify_token: request.verify_token.or(said).unwrap_or_else(made_up),
            business_account: request.business_account.or(named.flatten()),
        };
        let sealed = secrets.seal(&here.vault, &id, tx.env()).map_err(|error| {
            tracing::error!(%error, "a channel's secrets cannot be sealed");
            Problem::new(Code::InternalError, "The key ring cannot seal the secrets.")
        })?;
        tx.put_channel(&org, &id, &account.phone_number_id, &base_url, &sealed)?;
        let detail = json!({ "channel": id, "account": account.phone_number_id });
        audit::note_operator(tx, &org, Action::ChannelConnected, &detail)?;
        let webhook_url = webhook_url(&here, &id);
        Ok::<_, Problem>(Connected { id, account, webhook_url, verify_token: secrets.verify_token })
    });
    made.await
}

/// The account, made where there is none, with what Meta says of it.
fn account(tx: &mut Tx<'_>, org: &Org, id: &str, profile: Profile) -> Result<Account, StoreError> {
    let shown = profile.display_phone_number.trim();
    let phone_number = if shown.starts_with('+') { shown.to_owned() } else { format!("+{shown}") };
    let held = match tx.account(org, id)? {
        Some(held) => held,
        None => tx.add_account(org, id, &phone_number, profile.verified_name.as_deref().unwrap_or(&phone_number))?,
    };
    let name = profile.verified_name.unwrap_or_else(|| held.name.clone());
    let account = Account { phone_number, name, status: CONNECTED.to_owned(), ..held };
    tx.put_account(org, &account)?;
    Ok(account)
}

fn refused(param: &str, fault: ChannelFault) -> Problem {
    match fault.outcome {
        Outcome::Refused => Problem::of(
            Code::InvalidFieldValue,
            param,
            format!("WhatsApp does not let this token act for it: {} (code {})", fault.message, fault.code),
        ),
        Outcome::NotTaken { .. } | Outcome::Paced { .. } | Outcome::Unknown => {
            Problem::new(Code::WhatsappUpstreamError, fault.message)
        }
    }
}

/// Where a channel's webhooks go.
pub fn webhook_url(app: &App, id: &ChannelId) -> String {
    format!("{}/hooks/{}/{id}", app.settings.public_url, whatsapp::VENDOR)
}

/// The organization's channels.
///
/// # Errors
/// The store's.
pub async fn list(app: &App, org: &Org) -> Result<Vec<ChannelOf>, Problem> {
    let org = org.clone();
    Ok(app.store.read(move |tx| tx.channels(&org)).await?)
}

/// Forgets a number's channel and its secrets. Its contacts and messages stay.
///
/// # Errors
/// The number is not connected, or the store's.
pub async fn disconnect(app: &App, org: &Org, account: &str) -> Result<(), Problem> {
    let (org, account) = (org.clone(), account.to_owned());
    let gone = app.store.write(move |tx| {
        let of = tx.channel_of_account(&org, &account)?.ok_or_else(|| Problem::not_found("channel"))?;
        tx.delete_channel(&of)?;
        if let Some(held) = tx.account(&org, &account)? {
            tx.put_account(&org, &Account { status: whatsapp::DISCONNECTED.to_owned(), ..held })?;
        }
        let detail = json!({ "channel": of.channel().id, "account": account });
        Ok::<_, Problem>(audit::note_operator(tx, &org, Action::ChannelDisconnected, &detail)?)
    });
    gone.await
}

/// Answers Meta's question whether this is the address that it was told: the challenge, for whoever knows the word.
///
/// # Errors
/// No such channel, or the word is wrong.
pub async fn challenge(app: &App, id: &str, verify_token: &str, challenge: String) -> Result<String, Problem> {
    let (_, secrets) = opened(app, id).await?;
    // Digests of equal length tell nothing about where the words differ.
    let digest = |word: &str| Sha256::digest(word.as_bytes());
    if digest(secrets.verify_token.expose_secret()) == digest(verify_token) {
        Ok(challenge)
    } else {
        Err(unverified("The verify token is wrong."))
    }
}

/// Keeps a webhook whose signature verifies, to be read later.
///
/// # Errors
/// No such channel, a wrong signature, or the store's; Meta then sends it again.
pub async fn receive(app: &App, id: &str, signature: &str, body: Bytes) -> Result<(), Problem> {
    let (of, secrets) = opened(app, id).await?;
    if !hook::verifies(signature, secrets.app_secret.expose_secret(), &body) {
        tracing::warn!(channel = id, bytes = body.len(), "a webhook's signature does not verify");
        return Err(unverified("The signature does not verify."));
    }
    let accounts = BTreeMap::from([(of.channel().id.to_string(), None)]);
    received::receive(app, VerifiedHook { vendor: whatsapp::VENDOR, accounts, body }).await
}

async fn opened(app: &App, id: &str) -> Result<(ChannelOf, Secrets), Problem> {
    let unknown = || Problem::not_found("path");
    let id = ChannelId::parse(id).map_err(|_| unknown())?;
    let of = app.store.read(move |tx| tx.channel(&id)).await?.ok_or_else(unknown)?;
    let secrets = Secrets::open(&app.vault, of.channel()).map_err(|error| {
        tracing::error!(channel = %of.channel().id, %error, "a channel's secrets cannot be opened");
        Problem::new(Code::InternalError, "The channel's secrets cannot be opened. Tell the operator.")
    })?;
    Ok((of, secrets))
}

fn unverified(message: &str) -> Problem {
    Problem::new(Code::InvalidApiKey, message)
}
