//! The inbox's conversation: one thread with one contact, who looks after it, and whether it is done.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::env::Time;
use crate::ids::{ContactId, ConversationId, TeamId, UserId};
use crate::patch::Patch;

/// How long after a customer's message a business may write freely; later it takes a template
/// (developers.facebook.com/docs/whatsapp/cloud-api/guides/send-messages, "Customer service windows").
pub const SERVICE_WINDOW: Duration = Duration::from_secs(24 * 60 * 60);

/// Where a conversation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConversationStatus {
    /// Somebody has to answer.
    Open,
    /// Somebody waits for something.
    Pending,
    /// Done. The customer's next message opens it again.
    Resolved,
}

impl ConversationStatus {
    /// Every status.
    pub const ALL: [Self; 3] = [Self::Open, Self::Pending, Self::Resolved];

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Pending => "pending",
            Self::Resolved => "resolved",
        }
    }

    /// Reads the name on the wire.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }
}

/// All messages with one contact. A contact has one conversation, made by its first message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversation {
    /// Its id.
    pub id: ConversationId,
    /// Meta's `phone_number_id` of the account it runs over.
    pub account: String,
    /// With whom.
    pub contact: ContactId,
    /// Where it stands.
    pub status: ConversationStatus,
    /// The user who looks after it.
    pub assigned_user: Option<UserId>,
    /// The team that looks after it.
    pub assigned_team: Option<TeamId>,
    /// The customer's messages that nobody has read.
    pub unread: i64,
    /// When the newest message of either side came or went.
    pub last_message_at: Option<Time>,
    /// When the customer last wrote, as the channel tells it.
    pub last_inbound_at: Option<Time>,
    /// The organization's change number at the last change.
    pub seq: i64,
    /// When it was made.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
}

/// What a caller changes of a conversation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConversationPatch {
    /// Where it shall stand; `None` leaves it.
    pub status: Option<ConversationStatus>,
    /// The user who shall look after it.
    pub assigned_user: Patch<UserId>,
    /// The team that shall look after it.
    pub assigned_team: Patch<TeamId>,
}

impl Conversation {
    /// Whether a message that is no template may be sent now.
    pub fn window_open(&self, now: Time) -> bool {
        self.last_inbound_at.is_some_and(|last| now.since(last) < SERVICE_WINDOW)
    }

    /// The conversation after the patch. Times and the change number are the caller's to set.
    #[must_use]
    pub fn patched(&self, patch: ConversationPatch) -> Self {
        Self {
            status: patch.status.unwrap_or(self.status),
            assigned_user: patch.assigned_user.apply(self.assigned_user.clone()),
            assigned_team: patch.assigned_team.apply(self.assigned_team.clone()),
            ..self.clone()
        }
    }

    /// The conversation after a message of the customer that was written at `at`: unread, and open again if it was done.
    #[must_use]
    pub fn with_inbound(&self, at: Time) -> Self {
        let status = match self.status {
            ConversationStatus::Resolved => ConversationStatus::Open,
            status @ (ConversationStatus::Open | ConversationStatus::Pending) => status,
        };
        Self {
            status,
            unread: self.unread.saturating_add(1),
            last_message_at: self.last_message_at.max(Some(at)),
            last_inbound_at: self.last_inbound_at.max(Some(at)),
            ..self.clone()
        }
    }

    /// The conversation after a message of ours that was queued at `at`.
    #[must_use]
    pub fn with_outbound(&self, at: Time) -> Self {
        Self { last_message_at: self.last_message_at.max(Some(at)), ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conversation() -> Conversation {
        Conversation {
            id: ConversationId::parse("cnv_01HXYZABCDEFGHJKMNPQRSTVWX").unwrap(),
            account: "1001".to_owned(),
            contact: ContactId::parse("ctc_01HXYZABCDEFGHJKMNPQRSTVWX").unwrap(),
            status: ConversationStatus::Resolved,
            assigned_user: UserId::parse("usr_01HXYZABCDEFGHJKMNPQRSTVWX").ok(),
            assigned_team: None,
            unread: 0,
            last_message_at: None,
            last_inbound_at: None,
            seq: 1,
            created_at: Time(0),
            updated_at: Time(0),
        }
    }

    #[test]
    fn a_message_of_the_customer_reopens_and_one_of_ours_does_not() {
        let at = Time::from_secs(100);
        let heard = conversation().with_inbound(at);
        assert_eq!((heard.status, heard.unread), (ConversationStatus::Open, 1));
        assert_eq!((heard.last_message_at, heard.last_inbound_at), (Some(at), Some(at)));
        let late = heard.with_inbound(Time::from_secs(50));
        assert_eq!((late.unread, late.last_inbound_at), (2, Some(at)), "a message that came late moves no time back");
        let pending = Conversation { status: ConversationStatus::Pending, ..conversation() };
        assert_eq!(pending.with_inbound(at).status, ConversationStatus::Pending);
        let told = conversation().with_outbound(at);
        assert_eq!((told.status, told.unread), (ConversationStatus::Resolved, 0));
        assert_eq!((told.last_message_at, told.last_inbound_at), (Some(at), None));
    }

    #[test]
    fn the_window_closes_a_day_after_the_customers_last_message() {
        let at = Time::from_secs(1_000_000);
        assert!(!conversation().window_open(at));
        let heard = conversation().with_inbound(at);
        assert!(heard.window_open(at) && heard.window_open(at.plus(Duration::from_secs(86_399))));
        assert!(!heard.window_open(at.plus(Duration::from_secs(86_400))));
    }

    #[test]
    fn a_patch_changes_what_it_names() {
        let patch = ConversationPatch { assigned_user: Patch::Clear, ..ConversationPatch::default() };
        let next = conversation().patched(patch);
        assert_eq!((next.status, next.assigned_user), (ConversationStatus::Resolved, None));
        assert_eq!(conversation().patched(ConversationPatch::default()), conversation());
        for status in ConversationStatus::ALL {
            assert_eq!(ConversationStatus::parse(status.as_str()), Some(status));
        }
    }
}
