//! What an account asks of its channel: its row found, its secrets opened, and a refusal of them noted.

use lockstep_store::{Account, Org};

use super::{
    Channel, ChannelFault, Media, NOT_CONNECTED, Open, Outcome, Outgoing, Sent, TemplatePage, TemplateQuery, Way,
};
use crate::app::App;

/// The status of an account that can neither send nor, mostly, receive.
pub const DISCONNECTED: &str = "disconnected";

/// Over which of whose accounts something goes.
#[derive(Clone, Debug)]
pub struct Line {
    /// The organization.
    pub org: Org,
    /// Its account.
    pub account: Account,
}

impl Line {
    /// See [`Channel::send`].
    ///
    /// # Errors
    /// As there, or the account has no channel.
    pub async fn send(&self, app: &App, outgoing: &Outgoing) -> Result<Sent, ChannelFault> {
        let (channel, open) = self.open(app).await?;
        self.noting(app, channel.send(&open, outgoing).await).await
    }

    /// See [`Channel::mark_read`].
    ///
    /// # Errors
    /// As there, or the account has no channel.
    pub async fn mark_read(&self, app: &App, vendor_id: &str, typing: bool) -> Result<(), ChannelFault> {
        let (channel, open) = self.open(app).await?;
        self.noting(app, channel.mark_read(&open, vendor_id, typing).await).await
    }

    /// See [`Channel::has_media`].
    ///
    /// # Errors
    /// As there, or the account has no channel.
    pub async fn has_media(&self, app: &App, media_id: &str) -> Result<(), ChannelFault> {
        let (channel, open) = self.open(app).await?;
        self.noting(app, channel.has_media(&open, media_id).await).await
    }

    /// See [`Channel::media`].
    ///
    /// # Errors
    /// As there, or the account has no channel.
    pub async fn media(&self, app: &App, media_id: &str) -> Result<Media, ChannelFault> {
        let (channel, open) = self.open(app).await?;
        self.noting(app, channel.media(&open, media_id).await).await
    }

    /// See [`Channel::templates`].
    ///
    /// # Errors
    /// As there, or the account has no channel.
    pub async fn templates(&self, app: &App, query: &TemplateQuery) -> Result<TemplatePage, ChannelFault> {
        let (channel, open) = self.open(app).await?;
        self.noting(app, channel.templates(&open, query).await).await
    }

    async fn open<'a>(&self, app: &'a App) -> Result<(&'a dyn Channel, Open), ChannelFault> {
        let (org, number) = (self.org.clone(), self.account.phone_number_id.clone());
        let found = app.store.read(move |tx| tx.channel_of_account(&org, &number)).await.map_err(|error| {
            tracing::warn!(%error, "an account's channel cannot be read");
            let outcome = Outcome::NotTaken { retry_after: None };
            ChannelFault::new(outcome, "store", "The account's channel cannot be read now.")
        })?;
        let absent = || {
            let message = "The account has no channel. Connect it with `lockstep channel connect` or PUT its channel.";
            ChannelFault::new(Outcome::Refused, NOT_CONNECTED, message)
        };
        let of = found.ok_or_else(absent)?;
        let stored = of.channel();
        let channel = app.channels.find(&stored.slug).ok_or_else(absent)?;
        let secrets = super::open(&app.vault, stored).map_err(|error| {
            tracing::error!(channel = %stored.id, %error, "a channel's secrets cannot be opened");
            let outcome = Outcome::NotTaken { retry_after: None };
            ChannelFault::new(outcome, "key_ring", "The account's secrets cannot be opened.")
        })?;
        let way = Way {
            env: app.env.clone(),
            network: app.network.clone(),
            base_url: stored.base_url.clone(),
            number: stored.account.clone(),
        };
        Ok((channel, Open { way, secrets }))
    }

    /// Credentials that are refused stay refused: the account shows it until somebody connects it again.
    async fn noting<T>(&self, app: &App, answer: Result<T, ChannelFault>) -> Result<T, ChannelFault> {
        if let Err(refusal) = &answer
            && refusal.outcome == Outcome::Disconnected
        {
            let account = &self.account.phone_number_id;
            tracing::error!(account, "the network no longer accepts an account's credentials: {refusal}");
            let (org, mut account) = (self.org.clone(), self.account.clone());
            DISCONNECTED.clone_into(&mut account.status);
            if let Err(error) = app.store.write(move |tx| tx.put_account(&org, &account)).await {
                tracing::warn!(%error, "that an account is disconnected could not be noted");
            }
        }
        answer
    }
}
