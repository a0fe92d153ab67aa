//! The seam to messaging networks. A channel is one folder here that implements [`Channel`], and one line in
//! [`registry`]; nothing else knows how its messages travel. What comes in goes to [`crate::ops::messages`], as [`Told`].

mod fault;
mod form;
mod line;
pub mod registry;
mod sealed;
mod template;
mod told;
mod whatsapp;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::HeaderMap;
use lockstep_core::env::Env;
use lockstep_core::ids::MessageId;
use lockstep_core::message::MessageKind;
use lockstep_core::phone::Phone;
use lockstep_core::problem::Problem;
use secrecy::SecretString;
use serde_json::{Map, Value as Json};

pub use fault::{ChannelFault, NOT_CONNECTED, Outcome};
pub use form::{Form, FormField, Need};
pub use line::{DISCONNECTED, Line};
pub use registry::Channels;
pub use sealed::{open, seal};
pub use template::{Template, TemplatePage, TemplateQuery, TemplateStatus};
pub use told::{Inbound, News, StatusNews, Told};

use crate::network::Network;

/// The code for one messaging network. It builds calls and reads answers; it knows neither the store nor the vault.
#[async_trait]
pub trait Channel: Send + Sync {
    /// What the network is.
    fn about(&self) -> &'static About;

    /// Asks the network whether what a person gave lets us act for the account, and makes the secrets of it.
    ///
    /// # Errors
    /// The member of the form that will not do, and why.
    async fn connect(&self, way: &Way, form: &Form) -> Result<Connecting, Denied>;

    /// Answers a network that asks, with a GET, whether this is the address that it was told. `asked` is the query.
    ///
    /// # Errors
    /// What is wrong with the question. A network that never asks is answered that there is nothing here.
    fn greet(&self, secrets: &SecretString, asked: &BTreeMap<String, String>) -> Result<String, Problem> {
        let _ = (secrets, asked);
        Err(Problem::not_found("path"))
    }

    /// Whether a webhook is the network's, over its raw bytes.
    fn verifies(&self, secrets: &SecretString, headers: &HeaderMap, body: &[u8]) -> bool;

    /// Everything that a verified webhook tells, in its order.
    ///
    /// # Errors
    /// Why it cannot be read, in words for the log.
    fn read(&self, body: &[u8]) -> Result<Vec<Told>, String>;

    /// Hands a message over. It is called at most once for a message, unless it answers that nothing was taken.
    ///
    /// # Errors
    /// [`ChannelFault`]; its [`Outcome`] must be [`Outcome::Unknown`] whenever the message may have been taken.
    async fn send(&self, open: &Open, outgoing: &Outgoing) -> Result<Sent, ChannelFault>;

    /// Tells the network that a customer's message was read, and shows a typing sign if `typing`. Safe to repeat.
    ///
    /// # Errors
    /// [`ChannelFault`].
    async fn mark_read(&self, open: &Open, vendor_id: &str, typing: bool) -> Result<(), ChannelFault>;

    /// Asks whether the network has a file still, without fetching it.
    ///
    /// # Errors
    /// [`ChannelFault`]; [`Outcome::Refused`] when it does not.
    async fn has_media(&self, open: &Open, media_id: &str) -> Result<(), ChannelFault>;

    /// Fetches a file of the network: its addresses want the account's credentials, so no caller could follow them.
    ///
    /// # Errors
    /// [`ChannelFault`]; [`Outcome::Refused`] when the network does not have it any more.
    async fn media(&self, open: &Open, media_id: &str) -> Result<Media, ChannelFault>;

    /// Lists the templates that the account may send once they are approved.
    ///
    /// # Errors
    /// [`ChannelFault`].
    async fn templates(&self, open: &Open, query: &TemplateQuery) -> Result<TemplatePage, ChannelFault>;
}

/// What a network is, as data.
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// Its name in addresses, requests and the store; no connector has the same.
    pub slug: &'static str,
    /// Its name for people.
    pub name: &'static str,
    /// Its address, without a slash at the end.
    pub base_url: &'static str,
    /// What a person gives to connect an account.
    pub form: &'static [FormField],
    /// Where a person tells the network of our address: a sentence that ends before the address and what goes with it.
    pub advice: &'static str,
}

/// The way to one account's network.
#[derive(Clone)]
pub struct Way {
    /// Time, chance and ids.
    pub env: Env,
    /// The way out.
    pub network: Arc<dyn Network>,
    /// The network's address or a sandbox's, without a slash at the end.
    pub base_url: String,
    /// The account, as its `phone_number_id`.
    pub number: String,
}

/// A [`Way`] with what opens it.
pub struct Open {
    /// The way.
    pub way: Way,
    /// What [`Channel::connect`] made.
    pub secrets: SecretString,
}

/// An account that its network lets us act for.
#[derive(Debug)]
pub struct Connecting {
    /// Its number as people read it; with or without its plus.
    pub phone_number: String,
    /// The name that customers see, where the network tells it.
    pub name: Option<String>,
    /// What later calls and webhooks need, as text in the channel's own form.
    pub secrets: SecretString,
    /// What a person gives the network together with our address, by name.
    pub handover: BTreeMap<&'static str, SecretString>,
}

/// A member of a form that will not do.
#[derive(Debug)]
pub struct Denied {
    /// The member's name.
    pub member: &'static str,
    /// Why.
    pub fault: ChannelFault,
}

/// A message to send, checked already by [`lockstep_core::message::check_sendable`].
#[derive(Clone, Debug, PartialEq)]
pub struct Outgoing {
    /// Our id. It travels along where the channel can echo it in its news (Meta's `biz_opaque_callback_data`), so that a
    /// send whose answer was lost is told from one that never arrived.
    pub id: MessageId,
    /// To whom.
    pub to: Phone,
    /// What it is.
    pub kind: MessageKind,
    /// What stands under the kind's name in Meta's form; a file's address is its `link`. Address cards stand in a member
    /// `contacts`, because Meta's list has no other place in an object.
    pub content: Map<String, Json>,
    /// The channel's id of the message that this one answers.
    pub reply_to: Option<String>,
}

/// The channel has taken a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The channel's id of it; Meta's wamid.
    pub vendor_id: String,
}

/// A file of the channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    /// Its type, as the channel tells it.
    pub mime_type: String,
    /// All of it; at most [`lockstep_core::limits::MEDIA_BYTES_MAX`].
    pub bytes: Bytes,
}
