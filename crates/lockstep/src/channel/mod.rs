//! The seam to messaging channels. A channel is one folder here that implements [`Channel`]; nothing else knows how its
//! messages travel. What comes in goes to [`crate::ops::messages`], as [`Inbound`] and [`StatusNews`].

pub mod whatsapp;

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use lockstep_core::env::Time;
use lockstep_core::ids::{MessageId, TemplateId};
use lockstep_core::message::{MessageError, MessageKind, MessageStatus};
use lockstep_core::phone::Phone;
use lockstep_store::{Account, Org};
use serde_json::{Map, Value as Json};

/// Carries messages to one kind of network and back. Implementations hold what they need: the store for an account's
/// credentials, the vault, the network.
#[async_trait]
pub trait Channel: Send + Sync {
    /// Hands a message over. It is called at most once for a message, unless it answers that nothing was taken.
    ///
    /// # Errors
    /// [`ChannelFault`]; its [`Outcome`] must be [`Outcome::Unknown`] whenever the message may have been taken.
    async fn send(&self, line: &Line, outgoing: &Outgoing) -> Result<Sent, ChannelFault>;

    /// Tells the channel that a customer's message was read, and shows a typing sign if `typing`. Safe to repeat.
    ///
    /// # Errors
    /// [`ChannelFault`].
    async fn mark_read(&self, line: &Line, vendor_id: &str, typing: bool) -> Result<(), ChannelFault>;

    /// Asks whether the channel has a file still, without fetching it.
    ///
    /// # Errors
    /// [`ChannelFault`]; [`Outcome::Refused`] when it does not.
    async fn has_media(&self, line: &Line, media_id: &str) -> Result<(), ChannelFault>;

    /// Fetches a file of the channel: its addresses want the account's credentials, so no caller could follow them.
    ///
    /// # Errors
    /// [`ChannelFault`]; [`Outcome::Refused`] when the channel does not have it any more.
    async fn media(&self, line: &Line, media_id: &str) -> Result<Media, ChannelFault>;

    /// Lists the templates that the account may send once they are approved.
    ///
    /// # Errors
    /// [`ChannelFault`].
    async fn templates(&self, line: &Line, query: &TemplateQuery) -> Result<TemplatePage, ChannelFault>;
}

/// Which templates to list; members left out do not narrow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TemplateQuery {
    /// Only those that stand so.
    pub status: Option<TemplateStatus>,
    /// Only those in this language, such as `en_US`.
    pub language: Option<String>,
    /// Only those of this name.
    pub name: Option<String>,
    /// What the page before answered as its `after`.
    pub after: Option<String>,
    /// Templates on the page, 1 to [`lockstep_core::limits::PAGE_SIZE_MAX`].
    pub limit: usize,
}

/// How a template stands. Channels know more ways, which nobody asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TemplateStatus {
    /// It can be sent.
    Approved,
    /// The channel looks at it.
    Pending,
    /// The channel does not want it.
    Rejected,
}

/// A page of templates.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TemplatePage {
    /// The templates, in the channel's order.
    pub templates: Vec<Template>,
    /// Where the next page begins; `None` on the last.
    pub after: Option<String>,
}

/// A text that the channel has looked at, to be sent when the customer has not written for a day.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    /// Its id.
    pub id: TemplateId,
    /// Its name; it is written in several languages under one name.
    pub name: String,
    /// The language, such as `en_US`.
    pub language: String,
    /// How it stands, in the channel's word and in lower case: `approved`, `pending`, `rejected`, `paused` and others.
    pub status: String,
    /// What it is for, in the channel's word and in lower case: `utility`, `marketing`, `authentication`.
    pub category: String,
    /// Its parts in Meta's form.
    pub components: Vec<Json>,
}

/// Over which of whose accounts something goes.
#[derive(Clone, Debug)]
pub struct Line {
    /// The organization.
    pub org: Org,
    /// Its account.
    pub account: Account,
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

/// Why the channel did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ChannelFault {
    /// What is certain about the message.
    pub outcome: Outcome,
    /// The channel's own code as text, or a word of ours such as `not_connected`. Callers read it.
    pub code: String,
    /// What went wrong and what to do. Callers read it.
    pub message: String,
}

/// The code of an account that has no channel, or whose channel lacks what it was asked for.
pub const NOT_CONNECTED: &str = "not_connected";

/// What is certain after a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Surely not taken, and a later try may succeed: no connection, a rate limit, a channel that says "later".
    NotTaken {
        /// How long the channel wants to be left alone, if it says so.
        retry_after: Option<Duration>,
    },
    /// Never offered: our own pacing asks to wait so long first, and that is no try (law 11).
    Paced {
        /// How long.
        wait: Duration,
    },
    /// Surely not taken, and it never will be: refused by rule, or credentials that no longer work.
    Refused,
    /// It may have been taken: the answer was lost or says nothing.
    Unknown,
}

/// A message that came in, as a channel understood it.
#[derive(Clone, Debug, PartialEq)]
pub struct Inbound {
    /// The channel's id of it; one that came before is the same message.
    pub vendor_id: String,
    /// Who wrote.
    pub from: Phone,
    /// How the channel names them; taken for a contact that has no name yet.
    pub profile_name: Option<String>,
    /// When they wrote, as the channel tells it.
    pub at: Time,
    /// What it is.
    pub kind: MessageKind,
    /// What stands under the kind's name in Meta's form.
    pub content: Map<String, Json>,
    /// The channel's id of the message that it answers.
    pub reply_to: Option<String>,
    /// The webhook's body in Meta's form, narrowed to this one message: subscribers get it with a `kirim` member.
    pub body: Map<String, Json>,
}

/// What a channel tells of a message of ours.
#[derive(Clone, Debug, PartialEq)]
pub struct StatusNews {
    /// The channel's id of the message.
    pub vendor_id: String,
    /// Our id, where the channel echoes it.
    pub ours: Option<MessageId>,
    /// What happened: `Sent`, `Delivered`, `Read` or `Failed`.
    pub status: MessageStatus,
    /// When, as the channel tells it.
    pub at: Time,
    /// Why it failed.
    pub error: Option<MessageError>,
    /// The webhook's body in Meta's form, narrowed to this one status.
    pub body: Map<String, Json>,
}

/// No channel is connected: nothing is taken, and every caller is told so.
#[derive(Clone, Copy, Debug)]
pub struct Unconnected;

impl Unconnected {
    fn fault<T>() -> Result<T, ChannelFault> {
        Err(ChannelFault {
            outcome: Outcome::Refused,
            code: NOT_CONNECTED.to_owned(),
            message: "The account has no channel. Connect its WhatsApp number first.".to_owned(),
        })
    }
}

#[async_trait]
impl Channel for Unconnected {
    async fn send(&self, _: &Line, _: &Outgoing) -> Result<Sent, ChannelFault> {
        Self::fault()
    }

    async fn mark_read(&self, _: &Line, _: &str, _: bool) -> Result<(), ChannelFault> {
        Self::fault()
    }

    async fn has_media(&self, _: &Line, _: &str) -> Result<(), ChannelFault> {
        Self::fault()
    }

    async fn media(&self, _: &Line, _: &str) -> Result<Media, ChannelFault> {
        Self::fault()
    }

    async fn templates(&self, _: &Line, _: &TemplateQuery) -> Result<TemplatePage, ChannelFault> {
        Self::fault()
    }
}
