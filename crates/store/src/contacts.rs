//! Contacts and the keys they are matched by.

use std::collections::BTreeMap;

use lockstep_core::contact::{Contact, NewContact};
use lockstep_core::env::Time;
use lockstep_core::external::{self, ExternalId, System};
use lockstep_core::ids::{ContactId, LabelId};
use lockstep_core::mapping::view;
use lockstep_core::phone::Phone;
use lockstep_core::text::fold;

use crate::error::StoreError;
use crate::orgs::Org;
use crate::sql::{Arg, Row, args, cut};
use crate::tx::Tx;

/// Which contacts a list shows; members left out do not narrow.
#[derive(Clone, Debug, Default)]
pub struct ContactFilter {
    /// Only this account's.
    pub account: Option<String>,
    /// Only those with this number.
    pub phone: Option<Phone>,
    /// Only those whose name or email holds this text; case and accents do not count.
    pub search: Option<String>,
    /// Only those that changed after this instant.
    pub updated_after: Option<Time>,
    /// Only those that changed before this instant.
    pub updated_before: Option<Time>,
    /// Only those with this e-mail address; case does not count.
    pub email: Option<String>,
    /// Only those that another system knows by this id.
    pub external_id: Option<ExternalId>,
    /// Only those that have this label.
    pub label: Option<LabelId>,
}

/// A page of a list.
#[derive(Clone, Debug)]
pub struct Page {
    /// How many rows at most.
    pub limit: usize,
    /// The last row of the page before: its key in this order (creation time in microseconds, or change number) and id.
    pub after: Option<(i64, ContactId)>,
    /// The order.
    pub order: Order,
}

/// In which order a list comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Newest first.
    CreatedDesc,
    /// Least recently changed first.
    SeqAsc,
}

/// The columns of a contact, as [`contact_row`] reads them.
macro_rules! columns {
    () => {
        "id, account, phone, name, email, metadata, acquisition_source, seq, created_at, updated_at"
    };
}
const CONTACT: &str = concat!("SELECT ", columns!(), " FROM contacts WHERE org_id = ?1 AND deleted_at IS NULL");

/// The contacts with a match key.
const KEYED: &str = "SELECT contact_id FROM contact_keys WHERE org_id = ?1 AND match_key = ?n";
/// The contacts whose record a sync of the organization knows.
const PAIRED: &str = "SELECT pairs.contact_id FROM syncs JOIN connections ON connections.id = syncs.connection_id
    JOIN pairs ON pairs.sync_id = syncs.id WHERE syncs.org_id = ?1 AND pairs.state = 'open'";

/// A label that hangs on more contacts than these is met soon enough along a list's order.
const LABELLED_FEW: i64 = 2_000;

/// What [`StoreError::Conflict`] names when an account has the number already.
pub(crate) const ACCOUNT_PHONE: &str = "contacts_account_phone";

fn contact_row(row: &Row<'_>) -> Result<Contact, StoreError> {
    Ok(Contact {
        id: row.take()?,
        account: row.take()?,
        phone_number: row.take()?,
        name: row.take()?,
        email: row.take()?,
        metadata: row.maybe_json()?,
        acquisition_source: row.take()?,
        seq: row.take()?,
        created_at: row.take()?,
        updated_at: row.take()?,
    })
}

impl Tx<'_> {
    /// Makes a contact.
    ///
    /// # Errors
    /// `Conflict` of `contacts_account_phone` when the account has the number already; the transaction goes on.
    /// `Missing` when no account was named and the organization has not exactly one; `Foreign` when it lacks the one named.
    pub fn insert_contact(&mut self, org: &Org, new: NewContact) -> Result<Contact, StoreError> {
        let account = match new.account {
            Some(account) => account,
            None => self.only_account(org)?,
        };
        let (now, (seq, stamp)) = (self.now(), self.next_stamp(org)?);
        let contact = Contact {
            id: ContactId::new(self.env()),
            account,
            phone_number: new.phone_number,
            name: new.name,
            email: new.email,
            metadata: new.metadata,
            acquisition_source: new.acquisition_source,
            seq,
            created_at: now,
            updated_at: now,
        };
        let made = self.execute(
            "INSERT INTO contacts (id, org_id, account, phone, name, email, metadata, acquisition_source, search, seq,
                 created_at, updated_at, stamp)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?11, ?12)
             ON CONFLICT (org_id, account, phone) DO NOTHING",
            args![
                &contact.id,
                org.id(),
                &contact.account,
                contact.phone_number.as_ref().map(Phone::as_str),
                contact.name.as_deref(),
                contact.email.as_deref(),
                metadata(&contact)?,
                contact.acquisition_source.as_deref(),
                searchable(&contact),
                seq,
                now,
                stamp
            ],
        )?;
        if made == 0 {
            return Err(StoreError::conflict(ACCOUNT_PHONE));
        }
        self.add_contact_keys(org, &contact)?;
        Ok(contact)
    }

    fn only_account(&mut self, org: &Org) -> Result<String, StoreError> {
        let one = <[_; 1]>::try_from(self.accounts(org)?);
        one.map(|[account]| account.phone_number_id).map_err(|_| StoreError::Missing { what: "account" })
    }

    /// The contact with this id.
    ///
    /// # Errors
    /// When the store fails.
    pub fn contact(&mut self, org: &Org, id: &ContactId) -> Result<Option<Contact>, StoreError> {
        self.hold(org.id())?;
        self.one(&format!("{CONTACT} AND id = ?2"), args![org.id(), id], contact_row)
    }

    /// The living contacts with these ids; any number of them in one statement.
    ///
    /// # Errors
    /// When the store fails.
    pub fn contacts_by_id(
        &mut self,
        org: &Org,
        ids: &[&ContactId],
    ) -> Result<BTreeMap<ContactId, Contact>, StoreError> {
        self.hold(org.id())?;
        let sql = format!("{CONTACT} AND {}", self.dialect().among("id", 2));
        let found = self.query(&sql, args![org.id(), Arg::json(&ids)?], contact_row)?;
        Ok(found.into_iter().map(|contact| (contact.id.clone(), contact)).collect())
    }

    /// The contacts with this number, one per account at most; oldest first.
    ///
    /// # Errors
    /// When the store fails.
    pub fn contact_by_phone(
        &mut self,
        org: &Org,
        account: Option<&str>,
        phone: &Phone,
    ) -> Result<Vec<Contact>, StoreError> {
        self.hold(org.id())?;
        let by_phone = format!("{CONTACT} AND phone = ?2");
        match account {
            Some(account) => self.query(
                &format!("{by_phone} AND account = ?3"),
                args![org.id(), phone.as_str(), account],
                contact_row,
            ),
            None => self.query(&format!("{by_phone} ORDER BY id"), args![org.id(), phone.as_str()], contact_row),
        }
    }

    /// Replaces what a contact holds; sets its change number and time itself and answers what is stored.
    ///
    /// # Errors
    /// `Conflict` of `contacts_account_phone` when another contact of the account has the number; the transaction
    /// goes on. `Missing` when the contact is gone.
    pub fn put_contact(&mut self, org: &Org, contact: &Contact) -> Result<Contact, StoreError> {
        let phone = contact.phone_number.as_ref().map(Phone::as_str);
        let (seq, stamp) = self.next_stamp(org)?;
        let stored = Contact { seq, updated_at: self.now(), ..contact.clone() };
        let taken = "SELECT 1 FROM contacts WHERE org_id = ?1 AND account = ?2 AND phone = ?3 AND id <> ?4";
        let taken = self.one(taken, args![org.id(), &stored.account, phone, &stored.id], |_| Ok(()))?;
        if taken.is_some() {
            return Err(StoreError::conflict(ACCOUNT_PHONE));
        }
        self.change(
            "contact",
            "UPDATE contacts SET phone = ?3, name = ?4, email = ?5, metadata = ?6, acquisition_source = ?7, search = ?8,
                 seq = ?9, updated_at = ?10, stamp = ?11
             WHERE org_id = ?1 AND id = ?2 AND deleted_at IS NULL",
            args![
                org.id(), &stored.id, phone, stored.name.as_deref(), stored.email.as_deref(), metadata(&stored)?,
                stored.acquisition_source.as_deref(), searchable(&stored), stored.seq, stored.updated_at,
                stamp
            ],
        )?;
        self.drop_contact_keys(&stored.id)?;
        self.add_contact_keys(org, &stored)?;
        Ok(stored)
    }

    /// Deletes a contact and answers what it was, under the change number of its end. A row without personal fields stays, so that the id is never reused.
    ///
    /// # Errors
    /// When the store fails.
    pub fn delete_contact(&mut self, org: &Org, id: &ContactId) -> Result<Option<Contact>, StoreError> {
        let Some(contact) = self.contact(org, id)? else { return Ok(None) };
        let (now, (seq, stamp)) = (self.now(), self.next_stamp(org)?);
        self.execute(
            "UPDATE contacts SET phone = NULL, name = NULL, email = NULL, metadata = NULL, search = '', seq = ?3,
                 updated_at = ?4, deleted_at = ?4, stamp = ?5
             WHERE org_id = ?1 AND id = ?2",
            args![org.id(), id, seq, now, stamp],
        )?;
        self.drop_contact_keys(id)?;
        self.execute("DELETE FROM contact_labels WHERE contact_id = ?1", args![id])?;
        Ok(Some(Contact { seq, ..contact }))
    }

    /// Moves contacts to the end of the changes, all under one change number, for something that hangs on them changed.
    /// Answers those that are there, by id.
    ///
    /// # Errors
    /// When the store fails.
    pub fn touch_contacts(&mut self, org: &Org, ids: &[ContactId]) -> Result<Vec<Contact>, StoreError> {
        let (now, (seq, stamp)) = (self.now(), self.next_stamp(org)?);
        let sql = format!(
            "UPDATE contacts SET seq = ?3, updated_at = ?4, stamp = ?5
             WHERE org_id = ?1 AND deleted_at IS NULL AND {} RETURNING {}",
            self.dialect().among("id", 2),
            columns!()
        );
        let mut touched = self.query(&sql, args![org.id(), Arg::json(&ids)?, seq, now, stamp], contact_row)?;
        touched.sort_by(|one, other| one.id.cmp(&other.id));
        Ok(touched)
    }

    /// A page of contacts, and whether there are more.
    ///
    /// # Errors
    /// When the store fails.
    pub fn list_contacts(
        &mut self,
        org: &Org,
        filter: &ContactFilter,
        page: &Page,
    ) -> Result<(Vec<Contact>, bool), StoreError> {
        let few = self.narrows_to_few(filter)?;
        let (sql, values) = listing(org, filter, page, few);
        Ok(cut(self.query(&sql, &values, contact_row)?, page.limit))
    }

    /// Whether a filter names so few contacts that they are looked up and sorted.
    fn narrows_to_few(&mut self, filter: &ContactFilter) -> Result<bool, StoreError> {
        if filter.phone.is_some() || filter.email.is_some() || filter.external_id.is_some() {
            return Ok(true);
        }
        let Some(label) = &filter.label else { return Ok(false) };
        let sql = "SELECT COUNT(*) FROM (SELECT 1 FROM contact_labels WHERE label_id = ?1 LIMIT ?2) AS labelled";
        let labelled: Option<i64> = self.one(sql, args![label, LABELLED_FEW + 1], |row| row.take())?;
        Ok(labelled.unwrap_or(0) <= LABELLED_FEW)
    }

    /// Contacts by id, for a walk over all of them.
    ///
    /// # Errors
    /// When the store fails.
    pub fn contact_page(
        &mut self,
        org: &Org,
        after: Option<&ContactId>,
        limit: usize,
    ) -> Result<Vec<Contact>, StoreError> {
        let after = after.map_or("", ContactId::as_str);
        self.query(&format!("{CONTACT} AND id > ?2 ORDER BY id LIMIT ?3"), args![org.id(), after, limit], contact_row)
    }

    /// How many contacts there are.
    ///
    /// # Errors
    /// When the store fails.
    pub fn count_contacts(&mut self, org: &Org) -> Result<i64, StoreError> {
        let sql = "SELECT COUNT(*) FROM contacts WHERE org_id = ?1 AND deleted_at IS NULL";
        Ok(self.one(sql, args![org.id()], |row| row.take())?.unwrap_or(0))
    }

    /// The contacts with this match key, oldest first.
    ///
    /// # Errors
    /// When the store fails.
    pub fn contacts_by_key(&mut self, org: &Org, key: &str) -> Result<Vec<ContactId>, StoreError> {
        let sql = "SELECT contact_id FROM contact_keys WHERE org_id = ?1 AND match_key = ?2 ORDER BY contact_id";
        self.query(sql, args![org.id(), key], |row| row.take())
    }

    fn add_contact_keys(&mut self, org: &Org, contact: &Contact) -> Result<(), StoreError> {
        let sql = "INSERT INTO contact_keys (org_id, match_key, contact_id) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
        let crm_key = contact.metadata.as_ref().and_then(external::crm_key);
        for key in view::contact_keys(contact).into_iter().chain(crm_key) {
            self.execute(sql, args![org.id(), key, &contact.id])?;
        }
        Ok(())
    }

    fn drop_contact_keys(&mut self, id: &ContactId) -> Result<(), StoreError> {
        self.execute("DELETE FROM contact_keys WHERE contact_id = ?1", args![id]).map(|_| ())
    }
}

/// The query of a page, and its values. Of few contacts neither the order nor the account decides where it enters: those
/// are looked up by what names them. All others are met along the order.
pub(crate) fn listing(org: &Org, filter: &ContactFilter, page: &Page, few: bool) -> (String, Vec<Arg<'static>>) {
    let (mut sql, mut values) = narrowed(org, filter, few);
    let (key, beyond, direction) = match page.order {
        Order::CreatedDesc => ("created_at", '<', "DESC"),
        Order::SeqAsc => ("seq", '>', "ASC"),
    };
    let key = if few { format!("+{key}") } else { key.to_owned() };
    if let Some((at, id)) = &page.after {
        values.extend([Arg::from(*at), Arg::from(id.to_string())]);
        sql.push_str(&format!(" AND ({key}, id) {beyond} (?{}, ?{})", values.len() - 1, values.len()));
    }
    values.push(Arg::from(page.limit.saturating_add(1)));
    // The stamp never falls along the change numbers: the same order, but it can be entered at a time.
    let entry = if filter.updated_after.is_some() && page.order == Order::SeqAsc && !few { "stamp, " } else { "" };
    sql.push_str(&format!(" ORDER BY {entry}{key} {direction}, id {direction} LIMIT ?{}", values.len()));
    (sql, values)
}

/// The query of a list without its order, and its values.
fn narrowed(org: &Org, filter: &ContactFilter, few: bool) -> (String, Vec<Arg<'static>>) {
    let mut sql = CONTACT.to_owned();
    let mut values = vec![Arg::from(org.id().to_string())];
    let mut narrow = |condition: &str, value: Arg<'static>| {
        values.push(value);
        sql.push_str(&condition.replace("?n", &format!("?{}", values.len())));
    };
    if let Some(account) = &filter.account {
        let its = if few { " AND account || '' = ?n" } else { " AND account = ?n" };
        narrow(its, Arg::from(account.clone()));
    }
    if let Some(phone) = &filter.phone {
        narrow(" AND phone = ?n", Arg::from(phone.to_string()));
    }
    if let Some(email) = &filter.email {
        let key = view::email_key(email).unwrap_or_default();
        narrow(&format!(" AND id IN ({KEYED})"), Arg::from(key));
    }
    if let Some(ExternalId { system, id }) = &filter.external_id {
        match system {
            System::Crm => {
                narrow(&format!(" AND id IN ({PAIRED} AND pairs.native = ?n"), Arg::from(id.clone()));
                narrow(&format!(" UNION {KEYED})"), Arg::from(external::key_of(id)));
            }
            System::Vendor(vendor) => {
                narrow(&format!(" AND id IN ({PAIRED} AND connections.vendor = ?n"), Arg::from(vendor.clone()));
                narrow(" AND pairs.native = ?n)", Arg::from(id.clone()));
            }
            System::Sync(sync) => {
                narrow(&format!(" AND id IN ({PAIRED} AND syncs.id = ?n"), Arg::from(sync.to_string()));
                narrow(" AND pairs.native = ?n)", Arg::from(id.clone()));
            }
        }
    }
    if let Some(search) = &filter.search {
        narrow(" AND search LIKE ?n ESCAPE '\\'", Arg::from(format!("%{}%", escape_like(&fold(search)))));
    }
    if let Some(after) = filter.updated_after {
        let since = if few { " AND updated_at > ?n" } else { " AND updated_at > ?n AND stamp > ?n" };
        narrow(since, Arg::from(after));
    }
    if let Some(before) = filter.updated_before {
        narrow(" AND updated_at < ?n", Arg::from(before));
    }
    if let Some(label) = &filter.label {
        let labelled = if few {
            " AND id IN (SELECT contact_id FROM contact_labels WHERE label_id = ?n)"
        } else {
            " AND EXISTS (SELECT 1 FROM contact_labels WHERE contact_id = contacts.id AND label_id = ?n)"
        };
        narrow(labelled, Arg::from(label.to_string()));
    }
    (sql, values)
}

fn metadata(contact: &Contact) -> Result<Option<Arg<'static>>, StoreError> {
    contact.metadata.as_ref().map(Arg::json).transpose()
}

fn searchable(contact: &Contact) -> String {
    let parts = [contact.name.as_deref().unwrap_or_default(), contact.email.as_deref().unwrap_or_default()];
    fold(&parts.join("\n"))
}

/// The text as LIKE finds it literally behind `ESCAPE '\'`.
pub(crate) fn escape_like(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}
