//! Channels of accounts: connected, taken away, and their webhooks taken in.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::HeaderMap;
use lockstep_core::ids::ChannelId;
use lockstep_core::problem::{Code, Problem};
use lockstep_store::{Account, ChannelOf, NewChannel, Org, StoreError, StoredChannel, Tx};
use secrecy::SecretString;
use serde_json::json;

use crate::app::App;
use crate::channel::{self, About, Channel, Connecting, DISCONNECTED, Denied, Form, Outcome, Way};
use crate::ops::Author;
use crate::ops::audit::{Action, note};
use crate::ops::messages::CONNECTED;
use crate::ops::received::{self, VerifiedHook};

/// What is needed to connect an account to its network.
#[derive(Debug)]
pub struct Connect {
    /// The slug of the channel.
    pub channel: String,
    /// The account, as its `phone_number_id`. It is made where the organization has none of this id.
    pub account: String,
    /// Where the network is; `None` takes its own address.
    pub base_url: Option<String>,
    /// The members of the channel's form.
    pub given: BTreeMap<String, SecretString>,
}

/// An account that is connected, and what a person tells its network.
#[derive(Debug)]
pub struct Connected {
    /// The channel.
    pub id: ChannelId,
    /// The account that it carries.
    pub account: Account,
    /// What the network is.
    pub about: &'static About,
    /// Where it sends webhooks.
    pub webhook_url: String,
    /// What to give it with that address, by name.
    pub handover: BTreeMap<&'static str, SecretString>,
}

/// Connects an account, or renews the secrets of one that is; the address of its webhooks then stays.
///
/// # Errors
/// No such channel, a form that will not do, an address that may not be reached, an account that another channel
/// carries, or the network does not let us act for the account.
pub async fn connect(app: &App, by: &Author, request: Connect) -> Result<Connected, Problem> {
    let channel = app.channels.find(&request.channel).ok_or_else(|| unknown_channel(app))?;
    let about = channel.about();
    let base_url = request.base_url.as_deref().unwrap_or(about.base_url).trim_end_matches('/').to_owned();
    app.settings
        .egress
        .check_url(&base_url)
        .map_err(|bad| Problem::of(Code::InvalidFieldValue, "base_url", format!("The address will not do: {bad}.")))?;
    let mut form = Form::check(about.form, request.given)?;
    let (org, number) = (by.org.clone(), request.account.clone());
    let known = app.store.read(move |tx| tx.channel_of_account(&org, &number)).await?;
    refuse_another(known.as_ref(), about)?;
    // Secrets that cannot be opened any more are replaced.
    form.before = known.and_then(|of| channel::open(&app.vault, of.channel()).ok());
    let (env, network) = (app.env.clone(), app.network.clone());
    let way = Way { env, network, base_url: base_url.clone(), number: request.account.clone() };
    let connecting = channel.connect(&way, &form).await.map_err(|denied| refused(about, denied))?;
    let (here, by) = (app.clone(), by.clone());
    let made = app.store.write(move |tx| {
        let known = tx.channel_of_account(&by.org, &request.account)?;
        refuse_another(known.as_ref(), about)?;
        let account = account(tx, &by.org, &request.account, &connecting)?;
        let id = known.map_or_else(|| ChannelId::new(tx.env()), |of| of.channel().id.clone());
        let sealed = channel::seal(&connecting.secrets, &here.vault, &id, tx.env()).map_err(|error| {
            tracing::error!(%error, "a channel's secrets cannot be sealed");
            Problem::new(Code::InternalError, "The key ring cannot seal the secrets.")
        })?;
        let (slug, number) = (about.slug.to_owned(), account.phone_number_id.clone());
        tx.put_channel(&by.org, &NewChannel { id: id.clone(), slug, account: number, base_url, sealed })?;
        let detail = json!({ "channel": id, "account": account.phone_number_id });
        note(tx, &by, Action::ChannelConnected, &detail)?;
        let webhook_url = address(&here, about.slug, &id);
        Ok::<_, Problem>(Connected { id, account, about, webhook_url, handover: connecting.handover })
    });
    made.await
}

fn unknown_channel(app: &App) -> Problem {
    let known: Vec<&str> = app.channels.iter().map(|channel| channel.about().slug).collect();
    let message = format!("There is no such channel. There are: {}.", known.join(", "));
    Problem::of(Code::InvalidFieldValue, "channel", message)
}

/// An account has one network: its contacts are numbers there.
fn refuse_another(known: Option<&ChannelOf>, about: &About) -> Result<(), Problem> {
    if known.is_none_or(|of| of.channel().slug == about.slug) {
        return Ok(());
    }
    let message = "Another channel carries this account. Disconnect it first.";
    Err(Problem::of(Code::InvalidFieldValue, "channel", message))
}

/// The account, made where there is none, with what its network says of it.
fn account(tx: &mut Tx<'_>, org: &Org, id: &str, connecting: &Connecting) -> Result<Account, StoreError> {
    let shown = connecting.phone_number.trim();
    let phone_number = if shown.starts_with('+') { shown.to_owned() } else { format!("+{shown}") };
    let held = match tx.account(org, id)? {
        Some(held) => held,
        None => tx.add_account(org, id, &phone_number, connecting.name.as_deref().unwrap_or(&phone_number))?,
    };
    let name = connecting.name.clone().unwrap_or_else(|| held.name.clone());
    let account = Account { phone_number, name, status: CONNECTED.to_owned(), ..held };
    tx.put_account(org, &account)?;
    Ok(account)
}

fn refused(about: &About, Denied { member, fault }: Denied) -> Problem {
    match fault.outcome {
        Outcome::Refused | Outcome::Disconnected => Problem::of(
            Code::InvalidFieldValue,
            member,
            format!("{} does not take it: {} (code {})", about.name, fault.message, fault.code),
        ),
        Outcome::NotTaken { .. } | Outcome::Paced { .. } | Outcome::Unknown => {
            Problem::new(Code::WhatsappUpstreamError, fault.message)
        }
    }
}

/// Where a channel's webhooks go.
pub fn webhook_url(app: &App, channel: &StoredChannel) -> String {
    address(app, &channel.slug, &channel.id)
}

fn address(app: &App, slug: &str, id: &ChannelId) -> String {
    format!("{}/hooks/{slug}/{id}", app.settings.public_url)
}

/// The organization's channels.
///
/// # Errors
/// The store's.
pub async fn list(app: &App, org: &Org) -> Result<Vec<ChannelOf>, Problem> {
    let org = org.clone();
    Ok(app.store.read(move |tx| tx.channels(&org)).await?)
}

/// Forgets an account's channel and its secrets. Its contacts and messages stay.
///
/// # Errors
/// The account is not connected, or the store's.
pub fn disconnect(tx: &mut Tx<'_>, by: &Author, account: &str) -> Result<(), Problem> {
    let of = tx.channel_of_account(&by.org, account)?.ok_or_else(|| Problem::not_found("channel"))?;
    tx.delete_channel(&of)?;
    if let Some(held) = tx.account(&by.org, account)? {
        tx.put_account(&by.org, &Account { status: DISCONNECTED.to_owned(), ..held })?;
    }
    let detail = json!({ "channel": of.channel().id, "account": account });
    Ok(note(tx, by, Action::ChannelDisconnected, &detail)?)
}

/// Answers a network's question whether this is the address that it was told.
///
/// # Errors
/// No such channel, or the channel's.
pub async fn greet(app: &App, slug: &str, id: &str, asked: &BTreeMap<String, String>) -> Result<String, Problem> {
    let (channel, _, secrets) = opened(app, slug, id).await?;
    channel.greet(&secrets, asked)
}

/// Keeps a webhook whose signature verifies, to be read later.
///
/// # Errors
/// No such channel, a wrong signature, or the store's; the network then sends it again.
pub async fn receive(app: &App, slug: &str, id: &str, headers: &HeaderMap, body: Bytes) -> Result<(), Problem> {
    let (channel, of, secrets) = opened(app, slug, id).await?;
    if !channel.verifies(&secrets, headers, &body) {
        tracing::warn!(channel = id, bytes = body.len(), "a webhook's signature does not verify");
        return Err(Problem::new(Code::InvalidApiKey, "The signature does not verify."));
    }
    let accounts = BTreeMap::from([(of.channel().id.to_string(), None)]);
    received::receive(app, VerifiedHook { vendor: channel.about().slug, accounts, body }).await
}

async fn opened<'a>(app: &'a App, slug: &str, id: &str) -> Result<(&'a dyn Channel, ChannelOf, SecretString), Problem> {
    let unknown = || Problem::not_found("path");
    let channel = app.channels.find(slug).ok_or_else(unknown)?;
    let id = ChannelId::parse(id).map_err(|_| unknown())?;
    let found = app.store.read(move |tx| tx.channel(&id)).await?;
    let of = found.filter(|of| of.channel().slug == slug).ok_or_else(unknown)?;
    let secrets = channel::open(&app.vault, of.channel()).map_err(|error| {
        tracing::error!(channel = %of.channel().id, %error, "a channel's secrets cannot be opened");
        Problem::new(Code::InternalError, "The channel's secrets cannot be opened. Tell the operator.")
    })?;
    Ok((channel, of, secrets))
}
