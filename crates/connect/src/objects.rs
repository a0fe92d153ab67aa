//! What a vendor can do for the CRM API: any object of an account, described, read and written one record at a time.

use async_trait::async_trait;
use lockstep_core::crm::action::Key;
use lockstep_core::crm::{ApiObject, Filter, Link, RecordId};
use lockstep_core::env::Time;
use lockstep_core::record::{Properties, Record};

use crate::connector::{Got, Outcome};
use crate::door::Session;
use crate::fault::{Fault, FaultClass};

/// The part of a connector that knows more than contacts. What a vendor cannot do is refused in words.
///
/// In every read a record holds each asked property. One that has gone from the account is class
/// [`FaultClass::Drift`], so that it never looks like a cleared value.
#[async_trait]
pub trait Objects: Send + Sync {
    /// The account's objects, without their fields: those that the grant may read. At most one call for each kind of
    /// object.
    async fn objects(&self, _session: &Session) -> Result<Vec<ApiObject>, Fault> {
        Err(unsupported("list its objects"))
    }

    /// One object with its fields and the automations that its records can start. Few calls. What the grant does not
    /// cover, such as the names of owners, is left out.
    ///
    /// # Errors
    /// Class [`FaultClass::Missing`] when the account has no such object.
    async fn object(&self, _session: &Session, _slug: &str) -> Result<ApiObject, Fault> {
        Err(unsupported("describe its objects"))
    }

    /// Reads records by id, one call for each full batch of [`crate::About::read_batch`], and one more for those that it
    /// did not show. The answer has one entry for each id, in order.
    async fn read(
        &self,
        _session: &Session,
        _object: &str,
        _ids: &[String],
        _properties: &[String],
    ) -> Result<Vec<Got>, Fault> {
        Err(unsupported("read its objects"))
    }

    /// The record whose unique property holds the value; no index lag. One call, or two where archived ones are
    /// looked at apart.
    ///
    /// # Errors
    /// Class [`FaultClass::Rejected`] when the vendor does not keep the property's values unique.
    async fn by_key(
        &self,
        _session: &Session,
        _object: &str,
        _key: &Key,
        _properties: &[String],
    ) -> Result<Option<Record>, Fault> {
        Err(unsupported("find a record by a key"))
    }

    /// One page of the records that pass every filter. Index lag applies. One call, or few when more properties are asked
    /// than a search can name. Where a vendor pages only so far, the page beyond is class [`FaultClass::Rejected`]; a
    /// search with [`Search::changed`] has no such end, and is refused alike on every page when it has too many filters.
    async fn search(
        &self,
        _session: &Session,
        _object: &str,
        _search: &Search,
        _properties: &[String],
    ) -> Result<Found, Fault> {
        Err(unsupported("search its objects"))
    }

    /// Gives the object a unique text property that holds our id; succeeds when a fitting one exists. At most two calls.
    ///
    /// # Errors
    /// Class [`FaultClass::Rejected`] with the property when there is one that does not fit.
    async fn add_key(&self, _session: &Session, _object: &str, _name: &str) -> Result<(), Fault> {
        Err(unsupported("keep a key of ours"))
    }

    /// Carries out one deed. A record is made in one call with its links; a change takes one more for each link, before
    /// the record's own, and starting an automation may take two. What has to be looked up for it is read before. The
    /// record in the outcome holds those of the asked properties that the vendor shows after a write; the others are
    /// unseen.
    ///
    /// # Errors
    /// Class [`FaultClass::Unknown`] means that it may have happened. [`FaultClass::Duplicate`] names the record in the
    /// way, [`FaultClass::Rejected`] the property at fault, where the vendor tells. [`FaultClass::Drift`] is also an
    /// automation that has gone. [`FaultClass::Unreachable`] when nothing was done and it may be repeated, also because
    /// something could not be looked up.
    async fn carry_out(&self, _session: &Session, _deed: &Deed, _properties: &[String]) -> Result<Outcome, Fault> {
        Err(unsupported("be written to"))
    }
}

fn unsupported(what: &str) -> Fault {
    Fault::new(FaultClass::Bug, "unsupported", format!("This connector does not {what} yet."))
}

/// What to search for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Search {
    /// Conditions that must all hold.
    pub filters: Vec<Filter>,
    /// Only what was modified then, in an order that no edit between two pages changes; else all, the newest first.
    pub changed: Option<Changed>,
    /// How many records at most; a vendor's page may hold fewer.
    pub limit: usize,
    /// Where the page before ended.
    pub after: Option<String>,
}

impl Search {
    /// Where the page begins, for a vendor that counts: how many results come before it, or behind which id.
    pub(crate) fn place(&self) -> Result<u64, Fault> {
        self.after.as_deref().map_or(Ok(0), str::parse).map_err(|_| bad_place())
    }
}

/// The fault of a place that no page ended at.
pub(crate) fn bad_place() -> Fault {
    Fault::new(FaultClass::Rejected, "BAD_PLACE", "A search goes on where a page of it ended.")
}

/// What a new record is to hold, our key included.
pub(crate) fn keyed(properties: &Properties, key: Option<&Key>) -> Properties {
    let key = key.map(|key| (key.property.clone(), Some(key.value.clone())));
    properties.clone().into_iter().chain(key).collect()
}

/// Modification times by the vendor's clock, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Changed {
    /// The earliest.
    pub from: Time,
    /// The latest; `None` is no end.
    pub until: Option<Time>,
}

/// One page of a search.
#[derive(Clone, Debug)]
pub struct Found {
    /// The records.
    pub records: Vec<Record>,
    /// Where the next page begins; `None` at the end.
    pub after: Option<String>,
    /// As late as the vendor's clock surely stood when the call was sent: what is modified later may be missing here. Our
    /// own clock where the vendor does not tell, and earlier where it may yet show what was modified before.
    pub asked_at: Time,
}

/// One thing to do at a vendor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Make a record.
    Create {
        /// The object: [`ApiObject::slug`].
        object: String,
        /// What to set.
        properties: Properties,
        /// Our own unique property and the value that makes the record known again, where one was agreed.
        key: Option<Key>,
        /// Records to link with.
        links: Vec<Link>,
    },
    /// Change a record.
    Update {
        /// The record.
        record: RecordId,
        /// What to set; `None` clears.
        properties: Properties,
        /// Records to link with.
        links: Vec<Link>,
    },
    /// Put a record into the recycle bin.
    Archive(RecordId),
    /// Start an automation of the CRM.
    Start {
        /// The object that the automation was described with.
        object: String,
        /// Which one: [`lockstep_core::crm::Workflow::id`].
        workflow: String,
        /// The record it is about; `None` when there is none yet.
        record: Option<RecordId>,
        /// Its inputs.
        inputs: Properties,
    },
}
