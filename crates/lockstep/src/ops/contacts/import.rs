//! Contacts from a file, taken into the inbox.

use lockstep_core::contact::{Contact, ContactPatch, NewContact};
use lockstep_core::mapping::view::email_key;
use lockstep_core::patch::Patch;
use lockstep_core::problem::Problem;
use lockstep_store::{Org, StoreError, Tx};
use serde_json::{Map, Value as Json};

use super::{AccountChoice, account, create, patch};
use crate::app::App;
use crate::ops::Author;

/// Contacts that one commit of an import covers: enough to share it, few enough to let others in between.
const IMPORT_CHUNK: usize = 200;

/// What an import did with the contacts it was given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// New contacts.
    pub created: usize,
    /// Contacts with the same number or address whose empty fields were filled.
    pub filled: usize,
    /// Contacts with the same number or address that had it all.
    pub unchanged: usize,
}

/// Takes contacts from a file, a chunk a commit, in order. What a contact with the same number or
/// address holds already is never overwritten. Repeating an interrupted import does no harm.
///
/// # Errors
/// The account is not clear, or the store's. The chunks before stay.
pub async fn import(app: &App, org: &Org, contacts: Vec<NewContact>) -> Result<Imported, Problem> {
    let by = Author::command_line(org.clone());
    let account = app.store.read({
        let org = org.clone();
        move |tx| account(tx, &org, &AccountChoice::Only)
    });
    let account = account.await?.phone_number_id;
    let mut done = Imported::default();
    let mut rest = contacts.into_iter();
    loop {
        let chunk: Vec<NewContact> = rest.by_ref().take(IMPORT_CHUNK).collect();
        if chunk.is_empty() {
            return Ok(done);
        }
        let (by, account) = (by.clone(), account.clone());
        let taken = app.store.write(move |tx| {
            let mut taken = Imported::default();
            for new in chunk {
                let count = match import_one(tx, &by, &account, new)? {
                    Fate::Created => &mut taken.created,
                    Fate::Filled => &mut taken.filled,
                    Fate::Unchanged => &mut taken.unchanged,
                };
                *count += 1;
            }
            Ok::<_, Problem>(taken)
        });
        let taken = taken.await?;
        done.created += taken.created;
        done.filled += taken.filled;
        done.unchanged += taken.unchanged;
    }
}

enum Fate {
    Created,
    Filled,
    Unchanged,
}

fn import_one(tx: &mut Tx<'_>, by: &Author, account: &str, new: NewContact) -> Result<Fate, Problem> {
    let Some(old) = known(tx, by, account, &new)? else {
        create(tx, by, NewContact { account: Some(new.account.unwrap_or_else(|| account.to_owned())), ..new })?;
        return Ok(Fate::Created);
    };
    let next = patch(tx, by, &old, filling(&old, new))?;
    Ok(if next.seq == old.seq { Fate::Unchanged } else { Fate::Filled })
}

/// The contact that has the number; else, where one of the two has no number, the one that has the e-mail address.
fn known(tx: &mut Tx<'_>, by: &Author, account: &str, new: &NewContact) -> Result<Option<Contact>, StoreError> {
    if let Some(phone) = &new.phone_number
        && let Some(contact) = tx.contact_by_phone(&by.org, Some(account), phone)?.into_iter().next()
    {
        return Ok(Some(contact));
    }
    let Some(key) = new.email.as_deref().and_then(email_key) else { return Ok(None) };
    for id in tx.contacts_by_key(&by.org, &key)? {
        let contact = tx.contact(&by.org, &id)?.filter(|contact| contact.account == account);
        if let Some(contact) = contact.filter(|contact| contact.phone_number.is_none() || new.phone_number.is_none()) {
            return Ok(Some(contact));
        }
    }
    Ok(None)
}

/// The patch that gives a contact what it lacks.
fn filling(old: &Contact, new: NewContact) -> ContactPatch {
    let missing = |held: &Option<String>, value: Option<String>| match value {
        Some(value) if held.is_none() => Patch::Set(value),
        _ => Patch::Keep,
    };
    let keys: Map<String, Json> = new
        .metadata
        .unwrap_or_default()
        .into_iter()
        .filter(|(key, _)| !old.metadata.as_ref().is_some_and(|held| held.contains_key(key)))
        .collect();
    ContactPatch {
        // Fills an empty one only.
        phone_number: new.phone_number,
        name: missing(&old.name, new.name),
        email: missing(&old.email, new.email),
        metadata: if keys.is_empty() { Patch::Keep } else { Patch::Set(keys) },
    }
}
