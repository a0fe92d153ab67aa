//! What Lockstep can do, decided and committed: one file per capability.

pub mod accounts;
pub mod audit;
pub mod authorise;
pub mod channels;
pub mod contacts;
pub mod conversations;
pub mod crm;
pub mod hook_addresses;
pub mod idempotency;
pub mod key_ring;
pub mod keys;
pub mod labels;
pub mod media;
pub mod messages;
pub mod organizations;
pub mod parked;
pub mod payload;
pub mod plans;
pub mod received;
pub mod relink;
pub mod sending;
pub mod syncs;
pub mod templates;
pub mod users;
pub mod webhooks;
pub mod why;

use lockstep_core::change::Origin;
use lockstep_core::ids::UserId;
use lockstep_store::Org;

/// On whose behalf something changes.
#[derive(Clone, Debug)]
pub struct Author {
    /// The organization.
    pub org: Org,
    /// Where the change comes from.
    pub origin: Origin,
    /// The user who acts, where a person said who they are; keys and the program act for nobody.
    pub user: Option<UserId>,
    /// Whether the events that it causes say `livemode: true`; only a test key's do not.
    pub livemode: bool,
}

impl Author {
    /// The operator at the command line.
    pub fn command_line(org: Org) -> Self {
        Self { org, origin: Origin::CommandLine, user: None, livemode: true }
    }

    /// A customer who wrote to an account.
    pub fn customer(org: Org, account: &str) -> Self {
        Self { org, origin: Origin::Channel { account: account.to_owned() }, user: None, livemode: true }
    }
}
