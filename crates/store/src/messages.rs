//! Messages. The channel's own id of one is unique within an account, so that a doubled webhook is one message.

use std::collections::BTreeMap;

use lockstep_core::env::Time;
use lockstep_core::ids::{ConversationId, MessageId};
use lockstep_core::message::{Direction, Message, MessageStatus, Times};

use crate::error::StoreError;
use crate::orgs::Org;
use crate::sql::{Arg, Row, args, cut};
use crate::tx::Tx;

/// Which messages a list shows; members left out do not narrow.
#[derive(Clone, Debug, Default)]
pub struct MessageFilter {
    /// Only this account's.
    pub account: Option<String>,
    /// Only this conversation's.
    pub conversation: Option<ConversationId>,
    /// Only those that go this way.
    pub direction: Option<Direction>,
    /// Only those that stand at one of these; empty does not narrow.
    pub statuses: Vec<MessageStatus>,
    /// Only those made at or after this instant.
    pub created_after: Option<Time>,
    /// Only those made before this instant.
    pub created_before: Option<Time>,
}

const MESSAGE: &str =
    "SELECT id, account, conversation_id, contact_id, direction, source, kind, content, vendor_id, reply_to,
        status, error, attempted_at, sent_at, delivered_at, read_at, failed_at, livemode, created_at, updated_at
    FROM messages WHERE org_id = ?1";

/// What [`StoreError::Conflict`] names when the account has a message with this id of the channel.
const MESSAGE_VENDOR: &str = "messages_vendor";

fn message_row(row: &Row<'_>) -> Result<Message, StoreError> {
    Ok(Message {
        id: row.take()?,
        account: row.take()?,
        conversation: row.take()?,
        contact: row.take()?,
        direction: row.word()?,
        source: row.word()?,
        kind: row.word()?,
        content: row.json()?,
        vendor_id: row.take()?,
        reply_to: row.take()?,
        status: row.word()?,
        error: row.maybe_json()?,
        attempted_at: row.take()?,
        times: Times { sent: row.take()?, delivered: row.take()?, read: row.take()?, failed: row.take()? },
        livemode: row.take()?,
        created_at: row.take()?,
        updated_at: row.take()?,
    })
}

impl Tx<'_> {
    /// Adds a message.
    ///
    /// # Errors
    /// `Conflict` of `messages_vendor` when the account has a message with this id of the channel; the transaction goes on.
    pub fn insert_message(&mut self, org: &Org, message: &Message) -> Result<(), StoreError> {
        let Times { sent, delivered, read, failed } = message.times;
        let made = self.execute(
            "INSERT INTO messages (id, org_id, account, conversation_id, contact_id, direction, source, kind, content, vendor_id,
                 reply_to, status, error, attempted_at, sent_at, delivered_at, read_at, failed_at, livemode, created_at,
                 updated_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21)
             ON CONFLICT (org_id, account, vendor_id) DO NOTHING",
            args![
                &message.id,
                org.id(),
                &message.account,
                &message.conversation,
                &message.contact,
                Arg::word(&message.direction)?,
                Arg::word(&message.source)?,
                message.kind.as_str(),
                Arg::json(&message.content)?,
                message.vendor_id.as_deref(),
                message.reply_to.as_deref(),
                Arg::word(&message.status)?,
                message.error.as_ref().map(Arg::json).transpose()?,
                message.attempted_at,
                sent,
                delivered,
                read,
                failed,
                message.livemode,
                message.created_at,
                message.updated_at
            ],
        )?;
        if made == 0 { Err(StoreError::conflict(MESSAGE_VENDOR)) } else { Ok(()) }
    }

    /// The message with this id.
    ///
    /// # Errors
    /// When the store fails.
    pub fn message(&mut self, org: &Org, id: &MessageId) -> Result<Option<Message>, StoreError> {
        self.hold(org.id())?;
        self.one(&format!("{MESSAGE} AND id = ?2"), args![org.id(), id], message_row)
    }

    /// The newest message of each of these conversations; any number of them in one statement.
    ///
    /// # Errors
    /// When the store fails.
    pub fn last_messages(
        &mut self,
        org: &Org,
        conversations: &[&ConversationId],
    ) -> Result<BTreeMap<ConversationId, Message>, StoreError> {
        let newest = "SELECT id FROM messages WHERE conversation_id = c.id ORDER BY created_at DESC, id DESC LIMIT 1";
        let of = self.dialect().among("c.id", 2);
        let sql = format!("{MESSAGE} AND id IN (SELECT ({newest}) FROM conversations c WHERE c.org_id = ?1 AND {of})");
        let found = self.query(&sql, args![org.id(), Arg::json(&conversations)?], message_row)?;
        Ok(found.into_iter().map(|message| (message.conversation.clone(), message)).collect())
    }

    /// The account's message with this id of the channel.
    ///
    /// # Errors
    /// When the store fails.
    pub fn message_by_vendor(
        &mut self,
        org: &Org,
        account: &str,
        vendor_id: &str,
    ) -> Result<Option<Message>, StoreError> {
        self.hold(org.id())?;
        let sql = format!("{MESSAGE} AND account = ?2 AND vendor_id = ?3");
        self.one(&sql, args![org.id(), account, vendor_id], message_row)
    }

    /// The organization of a claimed job's message.
    ///
    /// # Errors
    /// When the store fails.
    pub fn org_of_message(&mut self, id: &MessageId) -> Result<Option<Org>, StoreError> {
        self.one("SELECT org_id FROM messages WHERE id = ?1", args![id], |row| row.take().map(Org::proven))
    }

    /// Replaces where a message stands: its status and times, its error, the channel's id of it. What it says never changes.
    ///
    /// # Errors
    /// `Missing` when the message is gone.
    pub fn put_message(&mut self, org: &Org, message: &Message) -> Result<Message, StoreError> {
        let stored = Message { updated_at: self.now(), ..message.clone() };
        let Times { sent, delivered, read, failed } = stored.times;
        self.change(
            "message",
            "UPDATE messages SET vendor_id = ?3, status = ?4, error = ?5, attempted_at = ?6, sent_at = ?7, delivered_at = ?8,
                 read_at = ?9, failed_at = ?10, updated_at = ?11
             WHERE org_id = ?1 AND id = ?2",
            args![
                org.id(),
                &stored.id,
                stored.vendor_id.as_deref(),
                Arg::word(&stored.status)?,
                stored.error.as_ref().map(Arg::json).transpose()?,
                stored.attempted_at,
                sent,
                delivered,
                read,
                failed,
                stored.updated_at
            ],
        )?;
        Ok(stored)
    }

    /// Whether an earlier message of the conversation still waits to be sent.
    ///
    /// # Errors
    /// When the store fails.
    pub fn waits_behind(&mut self, org: &Org, message: &Message) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM messages WHERE org_id = ?1 AND conversation_id = ?2 AND direction = 'outbound'
             AND status = 'queued' AND created_at < ?3 LIMIT 1";
        let earlier = args![org.id(), &message.conversation, message.created_at];
        Ok(self.one(sql, earlier, |_| Ok(()))?.is_some())
    }

    /// Marks as read what the customer had written when `upto` was made, and that message; answers how many that were.
    ///
    /// # Errors
    /// When the store fails.
    pub fn read_messages(&mut self, org: &Org, upto: &Message) -> Result<i64, StoreError> {
        let now = self.now();
        let read = self.execute(
            "UPDATE messages SET status = 'read', read_at = ?5, updated_at = ?5
             WHERE org_id = ?1 AND conversation_id = ?2 AND direction = 'inbound' AND status = 'received'
             AND (created_at, id) <= (?3, ?4)",
            args![org.id(), &upto.conversation, upto.created_at, &upto.id, now],
        )?;
        Ok(i64::try_from(read).unwrap_or(i64::MAX))
    }

    /// A page of messages, newest first, from behind `after` (its creation time in microseconds and its id); and whether
    /// there are more.
    ///
    /// # Errors
    /// When the store fails.
    pub fn messages(
        &mut self,
        org: &Org,
        filter: &MessageFilter,
        after: Option<&(i64, MessageId)>,
        limit: usize,
    ) -> Result<(Vec<Message>, bool), StoreError> {
        let mut sql = MESSAGE.to_owned();
        let mut values = vec![Arg::from(org.id())];
        let narrowing = [
            (" AND account = ", filter.account.as_deref().map(Arg::from)),
            (" AND conversation_id = ", filter.conversation.as_ref().map(Arg::from)),
            (" AND direction = ", filter.direction.as_ref().map(Arg::word).transpose()?),
            (" AND created_at >= ", filter.created_after.map(Arg::from)),
            (" AND created_at < ", filter.created_before.map(Arg::from)),
        ];
        for (condition, value) in narrowing {
            let Some(value) = value else { continue };
            values.push(value);
            sql.push_str(&format!("{condition}?{}", values.len()));
        }
        if !filter.statuses.is_empty() {
            let mut places = Vec::new();
            for status in &filter.statuses {
                values.push(Arg::word(status)?);
                places.push(format!("?{}", values.len()));
            }
            sql.push_str(&format!(" AND status IN ({})", places.join(", ")));
        }
        if let Some((at, id)) = after {
            values.extend([Arg::from(*at), Arg::from(id)]);
            sql.push_str(&format!(" AND (created_at, id) < (?{}, ?{})", values.len() - 1, values.len()));
        }
        values.push(Arg::from(limit.saturating_add(1)));
        sql.push_str(&format!(" ORDER BY created_at DESC, id DESC LIMIT ?{}", values.len()));
        Ok(cut(self.query(&sql, &values, message_row)?, limit))
    }
}
