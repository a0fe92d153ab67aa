//! Conversations: one a contact, the most recent activity first.

use std::collections::BTreeMap;

use lockstep_core::conversation::{Conversation, ConversationStatus};
use lockstep_core::env::Time;
use lockstep_core::ids::{ContactId, ConversationId, LabelId, UserId};
use lockstep_core::label::Label;
use lockstep_core::text::fold;

use crate::contacts::escape_like;
use crate::error::StoreError;
use crate::labels::label_row;
use crate::orgs::Org;
use crate::sql::{Arg, Row, args, cut};
use crate::tx::Tx;

/// Which conversations a list shows; members left out do not narrow.
#[derive(Clone, Debug, Default)]
pub struct ConversationFilter {
    /// Only this account's.
    pub account: Option<String>,
    /// Only those that stand so.
    pub status: Option<ConversationStatus>,
    /// Only this contact's.
    pub contact: Option<ContactId>,
    /// Only those that this user looks after.
    pub assigned_user: Option<UserId>,
    /// Only those that nobody looks after.
    pub unassigned: bool,
    /// Only those with this label.
    pub label: Option<LabelId>,
    /// Only those whose contact's name, address or number holds this text, whatever the case.
    pub search: Option<String>,
}

const CONVERSATION: &str =
    "SELECT id, account, contact_id, status, assigned_user, assigned_team, unread, last_message_at,
        last_inbound_at, seq, created_at, updated_at FROM conversations WHERE org_id = ?1";

fn conversation_row(row: &Row<'_>) -> Result<Conversation, StoreError> {
    Ok(Conversation {
        id: row.take()?,
        account: row.take()?,
        contact: row.take()?,
        status: row.word()?,
        assigned_user: row.take()?,
        assigned_team: row.take()?,
        unread: row.take()?,
        last_message_at: Some(row.take::<Time>()?).filter(|at| *at != Time(0)),
        last_inbound_at: row.take()?,
        seq: row.take()?,
        created_at: row.take()?,
        updated_at: row.take()?,
    })
}

fn like(text: &str) -> Arg<'static> {
    Arg::from(format!("%{}%", escape_like(text)))
}

impl Tx<'_> {
    /// The contact's conversation, made open and without a message if there is none. True when it was made.
    ///
    /// # Errors
    /// `Foreign` when there is no such contact, or the account is none of the organization's.
    pub fn conversation_with(
        &mut self,
        org: &Org,
        account: &str,
        contact: &ContactId,
    ) -> Result<(Conversation, bool), StoreError> {
        self.hold(org.id())?;
        let by_contact = format!("{CONVERSATION} AND contact_id = ?2");
        if let Some(known) = self.one(&by_contact, args![org.id(), contact], conversation_row)? {
            return Ok((known, false));
        }
        let (now, seq) = (self.now(), self.next_seq(org)?);
        let conversation = Conversation {
            id: ConversationId::new(self.env()),
            account: account.to_owned(),
            contact: contact.clone(),
            status: ConversationStatus::Open,
            assigned_user: None,
            assigned_team: None,
            unread: 0,
            last_message_at: None,
            last_inbound_at: None,
            seq,
            created_at: now,
            updated_at: now,
        };
        self.execute(
            "INSERT INTO conversations (id, org_id, account, contact_id, status, unread, last_message_at, seq, created_at,
                 updated_at)
             VALUES (?1, ?2, ?3, ?4, ?5, 0, 0, ?6, ?7, ?7)",
            args![&conversation.id, org.id(), account, contact, conversation.status.as_str(), seq, now],
        )?;
        Ok((conversation, true))
    }

    /// The conversation with this id.
    ///
    /// # Errors
    /// When the store fails.
    pub fn conversation(&mut self, org: &Org, id: &ConversationId) -> Result<Option<Conversation>, StoreError> {
        self.hold(org.id())?;
        self.one(&format!("{CONVERSATION} AND id = ?2"), args![org.id(), id], conversation_row)
    }

    /// Replaces what a conversation holds; sets its change number and time itself and answers what is stored.
    ///
    /// # Errors
    /// `Missing` when the conversation is gone.
    pub fn put_conversation(&mut self, org: &Org, conversation: &Conversation) -> Result<Conversation, StoreError> {
        let stored = Conversation { seq: self.next_seq(org)?, updated_at: self.now(), ..conversation.clone() };
        self.change(
            "conversation",
            "UPDATE conversations SET status = ?3, assigned_user = ?4, assigned_team = ?5, unread = ?6, last_message_at = ?7,
                 last_inbound_at = ?8, seq = ?9, updated_at = ?10
             WHERE org_id = ?1 AND id = ?2",
            args![
                org.id(),
                &stored.id,
                stored.status.as_str(),
                stored.assigned_user.as_ref(),
                stored.assigned_team.as_ref(),
                stored.unread,
                stored.last_message_at.unwrap_or_default(),
                stored.last_inbound_at,
                stored.seq,
                stored.updated_at
            ],
        )?;
        Ok(stored)
    }

    /// A page of conversations, the most recent activity first, from behind `after` (the last message's time in
    /// microseconds, 0 for none, and the id); and whether there are more.
    ///
    /// # Errors
    /// When the store fails.
    pub fn conversations(
        &mut self,
        org: &Org,
        filter: &ConversationFilter,
        after: Option<&(i64, ConversationId)>,
        limit: usize,
    ) -> Result<(Vec<Conversation>, bool), StoreError> {
        let mut sql = CONVERSATION.to_owned();
        let mut values = vec![Arg::from(org.id())];
        let narrowing = [
            (" AND account = ?", filter.account.as_deref().map(Arg::from)),
            (" AND status = ?", filter.status.map(|status| Arg::from(status.as_str()))),
            (" AND contact_id = ?", filter.contact.as_ref().map(Arg::from)),
            (" AND assigned_user = ?", filter.assigned_user.as_ref().map(Arg::from)),
            (
                " AND id IN (SELECT conversation_id FROM conversation_labels WHERE label_id = ?)",
                filter.label.as_ref().map(Arg::from),
            ),
        ];
        for (condition, value) in narrowing {
            let Some(value) = value else { continue };
            values.push(value);
            sql.push_str(&condition.replace('?', &format!("?{}", values.len())));
        }
        if let Some(search) = &filter.search {
            values.extend([like(&fold(search)), like(search)]);
            let (text, number) = (values.len() - 1, values.len());
            sql.push_str(&format!(
                " AND contact_id IN (SELECT id FROM contacts WHERE org_id = ?1
                     AND (search LIKE ?{text} ESCAPE '\\' OR phone LIKE ?{number} ESCAPE '\\'))"
            ));
        }
        if filter.unassigned {
            sql.push_str(" AND assigned_user IS NULL");
        }
        if let Some((at, id)) = after {
            values.extend([Arg::from(*at), Arg::from(id)]);
            sql.push_str(&format!(" AND (last_message_at, id) < (?{}, ?{})", values.len() - 1, values.len()));
        }
        values.push(Arg::from(limit.saturating_add(1)));
        sql.push_str(&format!(" ORDER BY last_message_at DESC, id DESC LIMIT ?{}", values.len()));
        Ok(cut(self.query(&sql, &values, conversation_row)?, limit))
    }

    /// Attaches a label to a conversation of the organization; false when it has it already.
    ///
    /// # Errors
    /// When the store fails.
    pub fn attach_to_conversation(
        &mut self,
        org: &Org,
        label: &LabelId,
        conversation: &ConversationId,
    ) -> Result<bool, StoreError> {
        let sql = "INSERT INTO conversation_labels (conversation_id, label_id)
             SELECT conversations.id, labels.id FROM conversations JOIN labels ON labels.org_id = conversations.org_id
             WHERE conversations.org_id = ?1 AND labels.id = ?2 AND conversations.id = ?3 ON CONFLICT DO NOTHING";
        Ok(self.execute(sql, args![org.id(), label, conversation])? > 0)
    }

    /// Detaches a label from a conversation of the organization; false when it does not have it.
    ///
    /// # Errors
    /// When the store fails.
    pub fn detach_from_conversation(
        &mut self,
        org: &Org,
        label: &LabelId,
        conversation: &ConversationId,
    ) -> Result<bool, StoreError> {
        let sql = "DELETE FROM conversation_labels WHERE label_id = ?2 AND conversation_id = ?3
             AND EXISTS (SELECT 1 FROM labels WHERE org_id = ?1 AND id = ?2)";
        Ok(self.execute(sql, args![org.id(), label, conversation])? > 0)
    }

    /// The labels of conversations, each conversation's by id; any number of conversations in one statement.
    ///
    /// # Errors
    /// When the store fails.
    pub fn labels_of_conversations(
        &mut self,
        org: &Org,
        conversations: &[&ConversationId],
    ) -> Result<BTreeMap<ConversationId, Vec<Label>>, StoreError> {
        let sql = format!(
            "SELECT conversation_labels.conversation_id, labels.id, team_id, name, color, created_at, updated_at
             FROM conversation_labels JOIN labels ON labels.id = conversation_labels.label_id
             WHERE labels.org_id = ?1 AND {} ORDER BY labels.id",
            self.dialect().among("conversation_labels.conversation_id", 2)
        );
        let mut found: BTreeMap<ConversationId, Vec<Label>> = BTreeMap::new();
        let ids = Arg::json(&conversations)?;
        for (conversation, label) in self.query(&sql, args![org.id(), ids], |row| Ok((row.take()?, label_row(row)?)))? {
            found.entry(conversation).or_default().push(label);
        }
        Ok(found)
    }

    /// Removes a contact's conversation with its messages and labels: nothing of what was said stays.
    pub(crate) fn erase_conversations(&mut self, org: &Org, contact: &ContactId) -> Result<(), StoreError> {
        for sql in [
            "DELETE FROM messages WHERE org_id = ?1 AND contact_id = ?2",
            "DELETE FROM conversation_labels WHERE conversation_id IN
                 (SELECT id FROM conversations WHERE org_id = ?1 AND contact_id = ?2)",
            "DELETE FROM conversations WHERE org_id = ?1 AND contact_id = ?2",
        ] {
            self.execute(sql, args![org.id(), contact])?;
        }
        Ok(())
    }
}
