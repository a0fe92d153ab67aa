//! Contacts made and changed row by row in one transaction: a row that is refused leaves the others alone.

use lockstep_core::contact::{ContactPatch, NewContact};
use lockstep_core::ids::ContactId;
use lockstep_core::problem::Problem;
use lockstep_store::Tx;

use super::{AccountChoice, account, create, edit, find, taken_by_another, upsert};
use crate::ops::Author;

/// What one row asks for, checked already.
#[derive(Clone, Debug)]
pub enum Row {
    /// A contact that must not exist yet.
    Create {
        /// The contact.
        new: NewContact,
        /// Whose it becomes.
        choice: AccountChoice,
    },
    /// A contact found by its number, or made.
    Upsert {
        /// What is made where there is none.
        new: NewContact,
        /// What is changed of the one there is.
        patch: ContactPatch,
        /// Whose it is.
        choice: AccountChoice,
    },
    /// A contact found by its id.
    Patch {
        /// The id.
        id: ContactId,
        /// What is changed of it.
        patch: ContactPatch,
        /// Its account, where the path names one.
        account: Option<String>,
    },
}

/// What became of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The contact is new.
    Created,
    /// The contact was changed.
    Updated,
    /// It held all of that already.
    Unchanged,
}

/// A row's answer: which contact, and what became of it.
pub type Done = Result<(ContactId, Fate), Problem>;

/// Carries out rows in order. What a caller is to blame for is that row's answer alone.
///
/// # Errors
/// The store's: then no row was carried out.
pub fn apply(tx: &mut Tx<'_>, by: &Author, rows: Vec<Result<Row, Problem>>) -> Result<Vec<Done>, Problem> {
    rows.into_iter()
        .map(|row| match row.and_then(|row| apply_one(tx, by, row)) {
            Err(problem) if problem.code.wire().0 >= 500 => Err(problem),
            done => Ok(done),
        })
        .collect()
}

/// Every refusal comes before the row's first write, because the transaction goes on.
fn apply_one(tx: &mut Tx<'_>, by: &Author, row: Row) -> Done {
    match row {
        Row::Create { new, choice } => {
            let account = account(tx, &by.org, &choice)?.phone_number_id;
            if let Some(phone) = &new.phone_number
                && !tx.contact_by_phone(&by.org, Some(&account), phone)?.is_empty()
            {
                return Err(taken_by_another());
            }
            let made = create(tx, by, NewContact { account: Some(account), ..new })?;
            Ok((made.id, Fate::Created))
        }
        Row::Upsert { new, patch, choice } => {
            let before = tx.last_seq(&by.org)?;
            let (contact, made) = upsert(tx, by, &choice, new, patch)?;
            let fate = match made {
                true => Fate::Created,
                false if contact.seq > before => Fate::Updated,
                false => Fate::Unchanged,
            };
            Ok((contact.id, fate))
        }
        Row::Patch { id, patch, account } => {
            let old = find(tx, &by.org, account.as_deref(), &id)?;
            let next = edit(tx, by, &old, patch)?;
            Ok((next.id, if next.seq == old.seq { Fate::Unchanged } else { Fate::Updated }))
        }
    }
}
