//! The work that waits, as a closed set.

use serde::{Deserialize, Serialize};

use crate::ids::{ConnectionId, ConversationId, MessageId, OrgId, SubscriptionId, SyncId};

/// One piece of work. It does one page or one batch and then requeues.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "job", rename_all = "snake_case")]
pub enum Job {
    /// Read one page of the CRM for a first-run plan, then match (law 8).
    Plan {
        /// The sync to plan.
        sync: SyncId,
    },
    /// Write a batch of a sync's dirty pairs.
    Push {
        /// The sync.
        sync: SyncId,
    },
    /// Read a page of what changed in the CRM.
    Pull {
        /// The sync.
        sync: SyncId,
    },
    /// Read a page of a complete census, which finds deletes that no hint told (law 9).
    Census {
        /// The sync.
        sync: SyncId,
    },
    /// Look at records that a remote webhook names as deleted, merged or erased.
    Check {
        /// The sync.
        sync: SyncId,
        /// The native records.
        natives: Vec<String>,
    },
    /// Understand the stored remote webhooks of a vendor's account.
    Ingest {
        /// The vendor's slug.
        vendor: String,
        /// The vendor's id of the account.
        account: String,
    },
    /// Send a batch of waiting deliveries to one subscriber.
    Deliver {
        /// The subscription.
        subscription: SubscriptionId,
    },
    /// Hand a queued message to its channel.
    Send {
        /// The message.
        message: MessageId,
        /// Its conversation: messages of one go out one after the other.
        conversation: ConversationId,
    },
    /// Tell the channel that a customer's message was read.
    MarkRead {
        /// The customer's message.
        message: MessageId,
        /// Whether to show the customer that an answer is being typed.
        typing: bool,
    },
    /// Fetch what a connection's CRM offers: its objects, and the fields of those that are likely to be mapped.
    Describe {
        /// The connection.
        connection: ConnectionId,
    },
    /// Look through a connection's CRM for changes that its app subscribed to.
    Watch {
        /// The connection.
        connection: ConnectionId,
    },
    /// Call an organization's app about its users' CRMs.
    TellApp {
        /// The organization.
        org: OrgId,
    },
    /// Remove what its retention has ended.
    Purge,
}

impl Job {
    /// Two waiting jobs with one key are one job. A running job does not count.
    pub fn key(&self) -> String {
        match self {
            Self::Plan { sync } => format!("plan:{sync}"),
            Self::Push { sync } => format!("push:{sync}"),
            Self::Pull { sync } => format!("pull:{sync}"),
            Self::Census { sync } => format!("census:{sync}"),
            Self::Check { sync, natives } => format!("check:{sync}:{}", natives.join(",")),
            Self::Ingest { vendor, account } => format!("ingest:{vendor}:{account}"),
            Self::Deliver { subscription } => format!("deliver:{subscription}"),
            Self::Send { message, .. } => format!("send:{message}"),
            Self::MarkRead { message, typing } => format!("mark_read:{message}:{typing}"),
            Self::Describe { connection } => format!("describe:{connection}"),
            Self::Watch { connection } => format!("watch:{connection}"),
            Self::TellApp { org } => format!("tell_app:{org}"),
            Self::Purge => "purge".to_owned(),
        }
    }

    /// Its lane, which things that must not run at once share: everything that reads or writes one sync's pairs has one,
    /// and so has everything that is sent to one subscriber.
    pub fn lane(&self) -> String {
        match self {
            Self::Plan { sync }
            | Self::Push { sync }
            | Self::Pull { sync }
            | Self::Census { sync }
            | Self::Check { sync, .. } => sync.to_string(),
            Self::Send { conversation, .. } => conversation.to_string(),
            Self::Ingest { .. }
            | Self::Deliver { .. }
            | Self::MarkRead { .. }
            | Self::Describe { .. }
            | Self::Watch { .. }
            | Self::TellApp { .. }
            | Self::Purge => self.key(),
        }
    }

    /// The name in logs and metrics.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Plan { .. } => "plan",
            Self::Push { .. } => "push",
            Self::Pull { .. } => "pull",
            Self::Census { .. } => "census",
            Self::Check { .. } => "check",
            Self::Ingest { .. } => "ingest",
            Self::Deliver { .. } => "deliver",
            Self::Send { .. } => "send",
            Self::MarkRead { .. } => "mark_read",
            Self::Describe { .. } => "describe",
            Self::Watch { .. } => "watch",
            Self::TellApp { .. } => "tell_app",
            Self::Purge => "purge",
        }
    }
}
