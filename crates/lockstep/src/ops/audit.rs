//! The audit: who did what to an organization's set-up, noted in the transaction that does it.

use lockstep_core::change::Origin;
use lockstep_store::{Org, StoreError, Tx};
use serde_json::Value as Json;

use super::Author;

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A key was made.
    KeyCreated,
    /// A key was ended.
    KeyRevoked,
    /// A key was given rate limits of its own, or they were taken away.
    KeyLimited,
    /// What the app is was set.
    AppSet,
    /// An account of a vendor was connected.
    ConnectionMade,
    /// A connection got a fresh grant.
    ConnectionAuthorised,
    /// A connection got an address for its webhooks; one that it had is nobody's.
    HookAddressMade,
    /// A first-run plan was accepted.
    PlanAccepted,
    /// What the deletes of a sync do was chosen.
    DeletesChosen,
    /// A sync was paused.
    SyncPaused,
    /// A sync was told to go on.
    SyncResumed,
    /// A question was answered with "try again".
    QuestionResumed,
    /// A question was answered with "leave it".
    QuestionDropped,
    /// A person said which contact and which record belong together.
    PairRelinked,
    /// A webhook subscription was made.
    SubscriptionMade,
    /// A webhook subscription was changed.
    SubscriptionChanged,
    /// A webhook subscription was deleted.
    SubscriptionDeleted,
    /// A webhook subscription got a new signing secret.
    SecretRotated,
    /// A signing secret was ended.
    SecretDeleted,
    /// A number was connected to its channel.
    ChannelConnected,
    /// A number's channel was taken away.
    ChannelDisconnected,
    /// A label was deleted.
    LabelDeleted,
    /// The organization was made.
    OrganizationMade,
    /// A user was added.
    UserAdded,
    /// A user's name or address was changed.
    UserChanged,
    /// A user was removed.
    UserRemoved,
    /// A team was made.
    TeamAdded,
    /// A team was renamed.
    TeamRenamed,
    /// A team was removed.
    TeamRemoved,
    /// A user came into a team.
    TeamJoined,
    /// A user left a team.
    TeamLeft,
    /// A WhatsApp account was added.
    AccountAdded,
    /// A WhatsApp account was renamed.
    AccountRenamed,
    /// A WhatsApp account was given to a team, or to all of them.
    AccountGiven,
}

impl Action {
    /// The word that is kept.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::KeyCreated => "key.created",
            Self::KeyRevoked => "key.revoked",
            Self::KeyLimited => "key.limited",
            Self::AppSet => "app.set",
            Self::ConnectionMade => "connection.made",
            Self::ConnectionAuthorised => "connection.authorised",
            Self::HookAddressMade => "connection.hook_address_made",
            Self::PlanAccepted => "plan.accepted",
            Self::DeletesChosen => "sync.deletes_chosen",
            Self::SyncPaused => "sync.paused",
            Self::SyncResumed => "sync.resumed",
            Self::QuestionResumed => "question.resumed",
            Self::QuestionDropped => "question.dropped",
            Self::PairRelinked => "pair.relinked",
            Self::SubscriptionMade => "subscription.made",
            Self::SubscriptionChanged => "subscription.changed",
            Self::SubscriptionDeleted => "subscription.deleted",
            Self::SecretRotated => "secret.rotated",
            Self::SecretDeleted => "secret.deleted",
            Self::ChannelConnected => "channel.connected",
            Self::ChannelDisconnected => "channel.disconnected",
            Self::LabelDeleted => "label.deleted",
            Self::OrganizationMade => "organization.made",
            Self::UserAdded => "user.added",
            Self::UserChanged => "user.changed",
            Self::UserRemoved => "user.removed",
            Self::TeamAdded => "team.added",
            Self::TeamRenamed => "team.renamed",
            Self::TeamRemoved => "team.removed",
            Self::TeamJoined => "team.joined",
            Self::TeamLeft => "team.left",
            Self::AccountAdded => "account.added",
            Self::AccountRenamed => "account.renamed",
            Self::AccountGiven => "account.given",
        }
    }
}

/// Notes what an author did. `detail` names what it was done to; personal values and secrets stay out of it.
///
/// # Errors
/// The store's.
pub fn note(tx: &mut Tx<'_>, by: &Author, action: Action, detail: &Json) -> Result<(), StoreError> {
    let actor = match &by.origin {
        Origin::Api { key } => key.as_str(),
        Origin::CommandLine => "command line",
        Origin::Channel { .. } => "customer",
        Origin::Crm { sync, .. } | Origin::Push { sync, .. } => sync.as_str(),
    };
    tx.audit(&by.org, actor, action.as_str(), detail)
}

/// Notes what the operator did, where the command line is the only way to do it.
///
/// # Errors
/// The store's.
pub fn note_operator(tx: &mut Tx<'_>, org: &Org, action: Action, detail: &Json) -> Result<(), StoreError> {
    note(tx, &Author::command_line(org.clone()), action, detail)
}
