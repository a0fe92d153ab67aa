//! WhatsApp, over Meta's Cloud API.

mod body;
mod faults;
mod graph;
pub mod hook;
mod pace;
mod secrets;

use std::sync::Arc;

use async_trait::async_trait;
use lockstep_core::env::Env;
use lockstep_store::{Org, Store, StoredChannel};
use secrecy::SecretString;

pub use graph::{BASE_URL, Profile};
pub use secrets::Secrets;

use self::graph::Graph;
use self::pace::Pace;
use super::{Channel, ChannelFault, Line, Media, NOT_CONNECTED, Outcome, Outgoing, Sent, TemplatePage, TemplateQuery};
use crate::network::Network;
use crate::vault::Vault;

/// What stored webhooks of this channel are filed under.
pub const VENDOR: &str = "whatsapp";

/// The channel of every account that was connected to WhatsApp.
pub struct WhatsApp {
    env: Env,
    store: Store,
    vault: Vault,
    network: Arc<dyn Network>,
    pace: Pace,
}

impl WhatsApp {
    /// A channel that finds each account's address and secrets in the store.
    pub fn new(env: Env, store: Store, vault: Vault, network: Arc<dyn Network>) -> Self {
        Self { env, store, vault, network, pace: Pace::default() }
    }

    /// The Graph API for an account, and the id of its WhatsApp Business Account where somebody said it.
    async fn graph(&self, line: &Line) -> Result<(Graph, Option<String>), ChannelFault> {
        let (org, account): (Org, String) = (line.org.clone(), line.account.phone_number_id.clone());
        let found = self.store.read(move |tx| tx.channel_of_account(&org, &account)).await.map_err(|error| {
            tracing::warn!(%error, "an account's channel cannot be read");
            fault(Outcome::NotTaken { retry_after: None }, "store", "The account's channel cannot be read now.")
        })?;
        let channel: StoredChannel = match found {
            Some(of) => of.channel().clone(),
            None => {
                let message = "The account is not connected to WhatsApp. Run `lockstep channel connect whatsapp`.";
                return Err(fault(Outcome::Refused, NOT_CONNECTED, message));
            }
        };
        let secrets = Secrets::open(&self.vault, &channel).map_err(|error| {
            tracing::error!(channel = %channel.id, %error, "a channel's secrets cannot be opened");
            fault(Outcome::NotTaken { retry_after: None }, "key_ring", "The account's secrets cannot be opened.")
        })?;
        let graph = Graph { network: self.network.clone(), base_url: channel.base_url, token: secrets.access_token };
        Ok((graph, secrets.business_account))
    }

    /// A token that is refused stays refused: the account shows it until somebody connects it again.
    async fn note_refusal<T>(&self, line: &Line, answer: Result<T, ChannelFault>) -> Result<T, ChannelFault> {
        if let Err(refusal) = &answer
            && faults::is_token(refusal)
        {
            tracing::error!(account = line.account.phone_number_id, "WhatsApp no longer accepts the token: {refusal}");
            let (org, mut account) = (line.org.clone(), line.account.clone());
            DISCONNECTED.clone_into(&mut account.status);
            let noted = self.store.write(move |tx| tx.put_account(&org, &account)).await;
            if let Err(error) = noted {
                tracing::warn!(%error, "that an account is disconnected could not be noted");
            }
        }
        answer
    }
}

/// The status of an account that can neither send nor, mostly, receive.
pub const DISCONNECTED: &str = "disconnected";

fn fault(outcome: Outcome, code: &str, message: &str) -> ChannelFault {
    ChannelFault { outcome, code: code.to_owned(), message: message.to_owned() }
}

/// Asks Meta about a number with a token that nobody has stored yet.
///
/// # Errors
/// See [`ChannelFault`].
pub async fn profile(
    network: Arc<dyn Network>,
    base_url: &str,
    token: SecretString,
    number: &str,
) -> Result<Profile, ChannelFault> {
    Graph { network, base_url: base_url.to_owned(), token }.profile(number).await
}

/// Asks Meta whether a token that nobody has stored yet may see the templates of a WhatsApp Business Account.
///
/// # Errors
/// See [`ChannelFault`].
pub async fn check_business_account(
    network: Arc<dyn Network>,
    base_url: &str,
    token: SecretString,
    business_account: &str,
) -> Result<(), ChannelFault> {
    let query = TemplateQuery { limit: 1, ..TemplateQuery::default() };
    Graph { network, base_url: base_url.to_owned(), token }.templates(business_account, &query).await.map(drop)
}

#[async_trait]
impl Channel for WhatsApp {
    async fn send(&self, line: &Line, outgoing: &Outgoing) -> Result<Sent, ChannelFault> {
        let (graph, _) = self.graph(line).await?;
        let number = &line.account.phone_number_id;
        self.pace
            .admit(number, outgoing.to.as_str(), self.env.now())
            .map_err(|wait| fault(Outcome::Paced { wait }, "paced", "The number sends as fast as WhatsApp lets it."))?;
        self.note_refusal(line, graph.send(number, &body::send(outgoing)).await).await
    }

    async fn mark_read(&self, line: &Line, vendor_id: &str, typing: bool) -> Result<(), ChannelFault> {
        let (graph, _) = self.graph(line).await?;
        let body = body::mark_read(vendor_id, typing);
        self.note_refusal(line, graph.mark_read(&line.account.phone_number_id, &body).await).await
    }

    async fn has_media(&self, line: &Line, media_id: &str) -> Result<(), ChannelFault> {
        let (graph, _) = self.graph(line).await?;
        self.note_refusal(line, graph.has_media(media_id).await).await
    }

    async fn media(&self, line: &Line, media_id: &str) -> Result<Media, ChannelFault> {
        let (graph, _) = self.graph(line).await?;
        self.note_refusal(line, graph.media(media_id).await).await
    }

    async fn templates(&self, line: &Line, query: &TemplateQuery) -> Result<TemplatePage, ChannelFault> {
        let (graph, business_account) = self.graph(line).await?;
        let business_account = business_account.ok_or_else(|| {
            let message = "It is not known to which WhatsApp Business Account the number belongs. Connect it again with \
                           --business-account.";
            fault(Outcome::Refused, NOT_CONNECTED, message)
        })?;
        self.note_refusal(line, graph.templates(&business_account, query).await).await
    }
}
