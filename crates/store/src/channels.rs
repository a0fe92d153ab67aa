//! Channels: what carries an account's messages. Their secrets are kept sealed by the caller's vault.

use lockstep_core::env::Time;
use lockstep_core::ids::ChannelId;

use crate::error::StoreError;
use crate::orgs::Org;
use crate::sql::{Row, args};
use crate::tx::Tx;

/// A channel as kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredChannel {
    /// Its id, which stands in the address of its webhooks.
    pub id: ChannelId,
    /// The slug of the code for its network.
    pub slug: String,
    /// The `phone_number_id` of the account that it carries.
    pub account: String,
    /// Where its network is.
    pub base_url: String,
    /// What the vault made of its secrets.
    pub sealed: Vec<u8>,
    /// When it was connected first.
    pub created_at: Time,
    /// When it was connected last.
    pub updated_at: Time,
}

/// A channel to keep.
#[derive(Clone, Debug)]
pub struct NewChannel {
    /// See [`StoredChannel`].
    pub id: ChannelId,
    /// See [`StoredChannel`].
    pub slug: String,
    /// See [`StoredChannel`].
    pub account: String,
    /// See [`StoredChannel`].
    pub base_url: String,
    /// See [`StoredChannel`].
    pub sealed: Vec<u8>,
}

/// Proof that a channel belongs to an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelOf {
    org: Org,
    channel: StoredChannel,
}

impl ChannelOf {
    /// Whose it is.
    pub fn org(&self) -> &Org {
        &self.org
    }

    /// The channel as it was when looked up.
    pub fn channel(&self) -> &StoredChannel {
        &self.channel
    }
}

const CHANNEL: &str = "SELECT org_id, id, slug, account, base_url, sealed, created_at, updated_at FROM channels";

fn channel_row(row: &Row<'_>) -> Result<ChannelOf, StoreError> {
    Ok(ChannelOf {
        org: Org::proven(row.take()?),
        channel: StoredChannel {
            id: row.take()?,
            slug: row.take()?,
            account: row.take()?,
            base_url: row.take()?,
            sealed: row.take()?,
            created_at: row.take()?,
            updated_at: row.take()?,
        },
    })
}

impl Tx<'_> {
    /// Keeps the account's one channel under its id; of one that is there already, address and secrets are replaced.
    ///
    /// # Errors
    /// `Conflict` when the account has a channel with another id.
    pub fn put_channel(&mut self, org: &Org, channel: &NewChannel) -> Result<(), StoreError> {
        let now = self.now();
        let NewChannel { id, slug, account, base_url, sealed } = channel;
        self.execute(
            "INSERT INTO channels (id, org_id, slug, account, base_url, sealed, created_at, updated_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7)
             ON CONFLICT (id) DO UPDATE SET base_url = excluded.base_url, sealed = excluded.sealed,
                 updated_at = excluded.updated_at WHERE channels.org_id = excluded.org_id",
            args![id, org.id(), slug, account, base_url, sealed.as_slice(), now],
        )
        .map(|_| ())
    }

    /// The channel with this id, whoever's it is: its webhooks name nothing else.
    ///
    /// # Errors
    /// When the store fails.
    pub fn channel(&mut self, id: &ChannelId) -> Result<Option<ChannelOf>, StoreError> {
        self.one(&format!("{CHANNEL} WHERE id = ?1"), args![id], channel_row)
    }

    /// The channel of an organization's account.
    ///
    /// # Errors
    /// When the store fails.
    pub fn channel_of_account(&mut self, org: &Org, account: &str) -> Result<Option<ChannelOf>, StoreError> {
        self.one(&format!("{CHANNEL} WHERE org_id = ?1 AND account = ?2"), args![org.id(), account], channel_row)
    }

    /// The organization's channels, oldest first.
    ///
    /// # Errors
    /// When the store fails.
    pub fn channels(&mut self, org: &Org) -> Result<Vec<ChannelOf>, StoreError> {
        self.query(&format!("{CHANNEL} WHERE org_id = ?1 ORDER BY id"), args![org.id()], channel_row)
    }

    /// Forgets a channel and its secrets.
    ///
    /// # Errors
    /// When the store fails.
    pub fn delete_channel(&mut self, of: &ChannelOf) -> Result<(), StoreError> {
        self.execute("DELETE FROM channels WHERE org_id = ?1 AND id = ?2", args![of.org.id(), &of.channel.id])
            .map(|_| ())
    }
}
