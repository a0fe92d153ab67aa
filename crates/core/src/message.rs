//! The inbox's message: what it holds, in the form Meta gives it, and where it is on its way.

mod check;
mod status;

pub use check::{check_content, check_sendable};
pub use status::MessageStatus;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::env::Time;
use crate::ids::{ContactId, ConversationId, MessageId};

/// Which way a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From the customer.
    Inbound,
    /// To the customer.
    Outbound,
}

/// What a message is. The names are Meta's (developers.facebook.com/docs/whatsapp/cloud-api/webhooks/components,
/// "Messages object", and /reference/messages).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageKind {
    /// `{body}`
    Text,
    /// A picture: `{id | link, caption?, mime_type?}`
    Image,
    /// A film, like a picture.
    Video,
    /// Sound or a voice note.
    Audio,
    /// A file: also `filename`.
    Document,
    /// A sticker.
    Sticker,
    /// `{latitude, longitude, name?, address?}`
    Location,
    /// Address cards, as `{contacts: […]}`.
    Contacts,
    /// Buttons and lists; from the customer, what they chose.
    Interactive,
    /// A template that Meta has approved: `{name, language, components?}`
    Template,
    /// `{message_id, emoji}`; an empty emoji takes the reaction away.
    Reaction,
    /// A template's quick reply that was pressed: `{payload, text}`
    Button,
    /// What the channel has no name for.
    Unknown,
}

impl MessageKind {
    /// Every kind.
    pub const ALL: [Self; 13] = [
        Self::Text,
        Self::Image,
        Self::Video,
        Self::Audio,
        Self::Document,
        Self::Sticker,
        Self::Location,
        Self::Contacts,
        Self::Interactive,
        Self::Template,
        Self::Reaction,
        Self::Button,
        Self::Unknown,
    ];

    /// The name on the wire, and of the member that holds the content in Meta's form.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Image => "image",
            Self::Video => "video",
            Self::Audio => "audio",
            Self::Document => "document",
            Self::Sticker => "sticker",
            Self::Location => "location",
            Self::Contacts => "contacts",
            Self::Interactive => "interactive",
            Self::Template => "template",
            Self::Reaction => "reaction",
            Self::Button => "button",
            Self::Unknown => "unknown",
        }
    }

    /// Reads the name on the wire.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// Whether its content is a file.
    pub const fn is_media(self) -> bool {
        matches!(self, Self::Image | Self::Video | Self::Audio | Self::Document | Self::Sticker)
    }
}

/// Who wrote a message of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A program, with an API key.
    Api,
    /// A person at the inbox page.
    Dashboard,
    /// The customer, or a person at the channel's own app.
    App,
}

/// Why a message of ours did not arrive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageError {
    /// Stable: the channel's own code as text, or [`MessageError::OUTCOME_UNKNOWN`].
    pub code: String,
    /// What happened and what to do.
    pub message: String,
}

impl MessageError {
    /// The answer to a send was lost and nothing has told since whether it arrived.
    pub const OUTCOME_UNKNOWN: &str = "outcome_unknown";
}

/// When the channel says that each thing happened to a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// It was written (inbound) or taken by the channel (outbound).
    pub sent: Option<Time>,
    /// It reached the other side.
    pub delivered: Option<Time>,
    /// It was read: by the customer, or of theirs by us.
    pub read: Option<Time>,
    /// It failed.
    pub failed: Option<Time>,
}

/// One message of a conversation.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Its id.
    pub id: MessageId,
    /// Meta's `phone_number_id` of the account it came or goes over.
    pub account: String,
    /// The conversation.
    pub conversation: ConversationId,
    /// The conversation's contact.
    pub contact: ContactId,
    /// Which way it goes.
    pub direction: Direction,
    /// Who wrote it.
    pub source: Source,
    /// What it is.
    pub kind: MessageKind,
    /// What stands under the kind's name in Meta's form.
    pub content: Map<String, Json>,
    /// The channel's id of it (a wamid), unique within the account.
    pub vendor_id: Option<String>,
    /// The channel's id of the message that it answers.
    pub reply_to: Option<String>,
    /// Where it is on its way.
    pub status: MessageStatus,
    /// Why it failed; only with a failed status.
    pub error: Option<MessageError>,
    /// When the last try to send it began.
    pub attempted_at: Option<Time>,
    /// What the channel tells of it.
    pub times: Times,
    /// False when a test key sent it.
    pub livemode: bool,
    /// When we took it.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
}

impl Message {
    /// Takes in that the message has come this far at `at`, in whatever order such news arrive. False when that is no
    /// news. An earlier time of the same step stays.
    pub fn advance(&mut self, to: MessageStatus, at: Time, error: Option<MessageError>) -> bool {
        let slot = match to {
            MessageStatus::Sent => Some(&mut self.times.sent),
            MessageStatus::Delivered => Some(&mut self.times.delivered),
            MessageStatus::Read => Some(&mut self.times.read),
            MessageStatus::Failed => Some(&mut self.times.failed),
            MessageStatus::Received | MessageStatus::Queued | MessageStatus::Sending | MessageStatus::Unknown => None,
        };
        let first = slot.is_some_and(|slot| slot.is_none() && slot.replace(at).is_none());
        let next = self.status.join(to);
        if next == self.status {
            return first;
        }
        self.error = error.filter(|_| next.has_failed());
        self.status = next;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn queued() -> Message {
        Message {
            id: MessageId::parse("msg_01HXYZABCDEFGHJKMNPQRSTVWX").unwrap(),
            account: "1001".to_owned(),
            conversation: ConversationId::parse("cnv_01HXYZABCDEFGHJKMNPQRSTVWX").unwrap(),
            contact: ContactId::parse("ctc_01HXYZABCDEFGHJKMNPQRSTVWX").unwrap(),
            direction: Direction::Outbound,
            source: Source::Api,
            kind: MessageKind::Text,
            content: Map::new(),
            vendor_id: None,
            reply_to: None,
            status: MessageStatus::Queued,
            error: None,
            attempted_at: None,
            times: Times::default(),
            livemode: true,
            created_at: Time(0),
            updated_at: Time(0),
        }
    }

    /// What is told of each step is the same each time.
    fn tell(message: &mut Message, step: MessageStatus) -> bool {
        let error = MessageError { code: format!("{step:?}"), message: String::new() };
        let at = MessageStatus::ALL.iter().position(|status| *status == step).unwrap_or_default();
        message.advance(step, Time(at as i64), step.has_failed().then_some(error))
    }

    fn told(steps: &[MessageStatus]) -> Message {
        steps.iter().fold(queued(), |mut message, step| {
            tell(&mut message, *step);
            message
        })
    }

    proptest! {
        #[test]
        fn whatever_the_order_of_the_news_the_message_ends_the_same(
            steps in proptest::collection::vec(proptest::sample::select(&MessageStatus::ALL[2..]), 1..10),
            order in any::<u64>(),
        ) {
            let mut other = steps.clone();
            other.rotate_left(usize::try_from(order % 10).unwrap_or(0) % steps.len());
            if order % 2 == 0 {
                other.reverse();
            }
            let (one, other) = (told(&steps), told(&other));
            prop_assert_eq!(&one, &other);
            prop_assert_eq!(one.error.is_some(), one.status.has_failed());
            let mut again = one.clone();
            for step in steps {
                prop_assert!(!tell(&mut again, step), "a repeat of {:?} is no news", step);
            }
            prop_assert_eq!(again, one);
        }
    }

    #[test]
    fn an_arrival_clears_the_failure_that_was_told_before() {
        let failed = told(&[MessageStatus::Sent, MessageStatus::Failed]);
        assert_eq!(failed.error.as_ref().map(|error| error.code.as_str()), Some("Failed"));
        let arrived = told(&[MessageStatus::Failed, MessageStatus::Delivered, MessageStatus::Sent]);
        assert_eq!((arrived.status, arrived.error), (MessageStatus::Delivered, None));
        assert!(arrived.times.failed.is_some() && arrived.times.sent.is_some());
        for kind in MessageKind::ALL {
            assert_eq!(MessageKind::parse(kind.as_str()), Some(kind));
        }
    }
}
