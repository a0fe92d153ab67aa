//! What a vendor can do for a sync, as one small interface.

use std::collections::BTreeSet;

use async_trait::async_trait;
use http::header::AUTHORIZATION;
use lockstep_core::day::Told;
use lockstep_core::env::Time;
use lockstep_core::mapping::model::ContactProperties;
use lockstep_core::record::{Properties, Record};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::about::About;
use crate::door::{Answer, Call, Proven, Session, Usage};
use crate::fault::{Fault, FaultClass};
use crate::oauth::Grant;

/// One vendor. Every method makes at most the calls its comment names, sends them through the session's door,
/// and answers what the vendor said; it decides nothing.
#[async_trait]
pub trait Connector: crate::objects::Objects {
    /// What the vendor is, as data.
    fn about(&self) -> &'static About;

    /// What the vendor calls the contact's properties; `key` and `source` are left empty for the caller to fill in.
    fn contact_properties(&self) -> ContactProperties<'static>;

    /// The account behind the authorisation, such as HubSpot's portal id. One call.
    async fn account(&self, session: &Session) -> Result<String, Fault>;

    /// The properties of the contact object. One call.
    async fn describe(&self, session: &Session) -> Result<Description, Fault>;

    /// Makes a unique text property that holds our id; succeeds when a fitting one exists. At most two calls.
    async fn add_key_property(&self, session: &Session, name: &str) -> Result<(), Fault>;

    /// Reads records by id, one call for each full batch of [`About::read_batch`], and one more for those that it did
    /// not show. The answer has one entry for each id, in order.
    ///
    /// Here and in the other reads a record holds every asked property. Where the vendor's answer leaves open whether
    /// a property is empty or gone from the account, one more call settles it.
    ///
    /// # Errors
    /// In all reads: class [`crate::FaultClass::Drift`] when an asked property is gone from the account. Nothing was
    /// answered then that could look like a cleared value.
    async fn get(&self, session: &Session, ids: &[String], properties: &[String]) -> Result<Vec<Got>, Fault>;

    /// Looks for records by search; index lag applies except for a unique key. Few calls.
    async fn find(&self, session: &Session, by: &Find, properties: &[String]) -> Result<Vec<Record>, Fault>;

    /// One page of what changed. One call, or few when more properties are asked than a search can name.
    async fn changes(
        &self,
        session: &Session,
        cursor: Option<&Cursor>,
        properties: &[String],
    ) -> Result<ChangePage, Fault>;

    /// One page of all ids, living or archived. One call.
    async fn list_ids(&self, session: &Session, archived: bool, after: Option<&str>) -> Result<IdPage, Fault>;

    /// Writes up to [`About::write_batch`] rows in one call. The answer has one outcome for each row, in order. A
    /// record in it holds those of the asked properties that the vendor shows after a write; the others are unseen.
    ///
    /// # Errors
    /// A fault of the whole call. Class [`crate::FaultClass::Unknown`] means that it may have happened.
    async fn write(&self, session: &Session, write: &Write, properties: &[String]) -> Result<Vec<RowOutcome>, Fault>;

    /// The call with what shows the vendor who makes it. Pure.
    fn prove(&self, grant: &Grant, call: &Call) -> Proven {
        let bearer = format!("Bearer {}", grant.access.expose_secret());
        call.proven_by(AUTHORIZATION, bearer)
    }

    /// The address of the account's API, where the answer to a token call names it. Pure.
    fn home(&self, _token_answer: &Json) -> Option<String> {
        None
    }

    /// What an answer to a call of [`crate::Window::General`] tells of that limit. Pure.
    fn usage(&self, _answer: &Answer) -> Option<Usage> {
        None
    }

    /// What an answer tells of the account's day. Pure.
    fn day(&self, _answer: &Answer) -> Option<Told> {
        None
    }

    /// Until when the vendor refuses every call of the account, if that is what this answer says: the limit of a day
    /// is used. Pure.
    fn shut_until(&self, _answer: &Answer) -> Option<Time> {
        None
    }

    /// Verifies a remote webhook over its raw bytes and reads the hints in it. Pure.
    ///
    /// # Errors
    /// Class [`crate::FaultClass::Forbidden`] when the signature is missing, wrong or stale.
    fn read_hook(&self, request: &HookRequest<'_>, secret: &str, now: Time) -> Result<Vec<Hint>, Fault>;

    /// The token that this body hands over and that will prove later webhooks, at a vendor of
    /// [`crate::Webhooks::Handshake`]. Pure.
    fn hook_token(&self, _body: &[u8]) -> Option<SecretString> {
        None
    }

    /// Reads the hints in a remote webhook that was verified when it came. Pure.
    ///
    /// # Errors
    /// Class [`crate::FaultClass::Rejected`] when the body is not a webhook of the vendor's.
    fn read_hints(&self, body: &[u8]) -> Result<Vec<Hint>, Fault>;
}

/// Where a scan stands. Opaque to everybody but the connector that made it; stored with the data it covers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(pub serde_json::Value);

impl Cursor {
    pub(crate) fn of(place: &impl Serialize) -> Result<Self, Fault> {
        let json = serde_json::to_value(place);
        json.map(Self).map_err(|error| Fault::new(FaultClass::Bug, "BAD_CURSOR", error.to_string()))
    }

    /// The place that it was made of; the beginning where there is none.
    pub(crate) fn place<P: Default + DeserializeOwned>(cursor: Option<&Self>) -> Result<P, Fault> {
        let Some(Self(json)) = cursor else { return Ok(P::default()) };
        P::deserialize(json).map_err(|error| {
            Fault::new(FaultClass::Stale, "BAD_CURSOR", format!("The scan's place is unreadable: {error}."))
        })
    }
}

/// One page of changes.
#[derive(Clone, Debug)]
pub struct ChangePage {
    /// What changed; repeats are possible and harmless.
    pub records: Vec<Record>,
    /// What the vendor's clock showed at the latest, where the answer tells. A record with a later time was edited before
    /// the clock was set back.
    pub clock: Option<Time>,
    /// Where to go on, to be saved in the same commit as the records.
    pub cursor: Cursor,
    /// Whether the scan's window has more pages now.
    pub more: bool,
}

/// A record in a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its id.
    pub id: String,
    /// The vendor's modification time.
    pub updated_at: Time,
}

/// One page of a listing.
#[derive(Clone, Debug)]
pub struct IdPage {
    /// The records.
    pub records: Vec<Listed>,
    /// Where to go on; `None` at the end.
    pub after: Option<String>,
}

/// What a read by id found.
#[derive(Clone, Debug)]
pub enum Got {
    /// The record; its id differs from the asked one after a merge.
    Found(Record),
    /// The vendor shows it in its recycle bin.
    Archived(Record),
    /// Nothing to be seen. Not a delete: it may be hidden, or not readable yet.
    Missing,
}

impl From<Record> for Got {
    fn from(record: Record) -> Self {
        if record.archived { Self::Archived(record) } else { Self::Found(record) }
    }
}

impl Got {
    /// The record, if it is there and not in the recycle bin.
    pub(crate) fn found(self) -> Option<Record> {
        if let Self::Found(record) = self { Some(record) } else { None }
    }
}

/// What to look for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Find {
    /// Values of our unique key property; no index lag. At most a read batch of them.
    Key {
        /// The property.
        property: String,
        /// The values.
        values: Vec<String>,
    },
    /// An e-mail address, secondary ones included.
    Email(String),
    /// A phone number in E.164; the caller checks the answers against its own candidates.
    Phone(String),
}

/// What to write, one kind a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// Make records.
    Create {
        /// The agreed unique property: makes the call repeatable.
        key: Option<String>,
        /// The rows.
        rows: Vec<Create>,
    },
    /// Change properties of records.
    Update(Vec<Update>),
    /// Put records into the recycle bin, by id.
    Archive(Vec<String>),
}

impl Write {
    /// Refuses more rows than a call takes, and a row that comes twice: vendors refuse a whole batch for it.
    pub(crate) fn check(&self, rows_max: usize) -> Result<(), Fault> {
        let names: Vec<&str> = match self {
            Self::Create { rows, .. } => rows.iter().map(|row| row.key_value.as_str()).collect(),
            Self::Update(rows) => rows.iter().map(|row| row.id.as_str()).collect(),
            Self::Archive(ids) => ids.iter().map(String::as_str).collect(),
        };
        if names.len() > rows_max || names.iter().collect::<BTreeSet<_>>().len() < names.len() {
            let message = format!("A batch of {} rows is too large or names a row twice.", names.len());
            return Err(Fault::new(FaultClass::Bug, "BAD_BATCH", message));
        }
        Ok(())
    }
}

/// A record to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Create {
    /// Our intent's id: travels as the row's trace.
    pub trace: String,
    /// Our contact's id: the value of the key property, where one was agreed.
    pub key_value: String,
    /// What to set.
    pub properties: Properties,
}

impl Create {
    /// What to set, our key included where one was agreed.
    pub(crate) fn keyed(&self, key: Option<&str>) -> Properties {
        let key = key.map(|key| (key.to_owned(), Some(self.key_value.clone())));
        self.properties.clone().into_iter().chain(key).collect()
    }
}

/// A record to be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    /// Our intent's id: travels as the row's trace.
    pub trace: String,
    /// The record. No id may come twice in one batch.
    pub id: String,
    /// What to set; `None` clears.
    pub properties: Properties,
    /// What a read showed just before this write, where there was one: it need not be read again.
    pub before: Option<Properties>,
}

/// What became of one row.
pub type RowOutcome = Result<Outcome, Fault>;

/// A row that the vendor carried out.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// Made, or found by the key and changed; what the vendor made of it.
    Written(Record),
    /// Gone to the recycle bin, or not there any more.
    Archived,
}

impl Outcome {
    /// After a record was put into the recycle bin: what is not there any more is archived well enough.
    pub(crate) fn archived<T>(done: Result<T, Fault>) -> RowOutcome {
        match done {
            Err(fault) if fault.class != FaultClass::Missing => Err(fault),
            _ => Ok(Self::Archived),
        }
    }
}

/// A record that was written to and not shown.
pub(crate) fn unseen(id: impl Into<String>, updated_at: Time) -> Record {
    Record { id: id.into(), properties: Properties::new(), updated_at, archived: false, merged: Vec::new() }
}

/// A native object as the vendor describes it.
#[derive(Clone, Debug)]
pub struct Description {
    /// Its properties.
    pub properties: Vec<PropertySpec>,
}

/// One native property.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PropertySpec {
    /// The name on the wire.
    pub name: String,
    /// The name for people.
    pub label: String,
    /// The vendor's word for its type.
    pub native_type: String,
    /// Whether the vendor keeps its values unique.
    pub unique: bool,
    /// Whether it cannot be written.
    pub read_only: bool,
    /// Allowed values, empty where any will do.
    pub options: Vec<String>,
}

/// A remote webhook as it came.
#[derive(Clone, Copy, Debug)]
pub struct HookRequest<'a> {
    /// The HTTP method.
    pub method: &'a str,
    /// The full URI as the vendor called it (our public address, path and query).
    pub uri: &'a str,
    /// The headers.
    pub headers: &'a http::HeaderMap,
    /// The raw bytes.
    pub body: &'a [u8],
}

/// What a webhook hints at. The decision is always made from a fresh read (law 1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// The account it is about, such as HubSpot's portal id; empty where only the delivery's address names it.
    pub account: String,
    /// The record it is about.
    pub record: String,
    /// What it says happened.
    pub kind: HintKind,
    /// When it says that happened, if it does.
    pub at: Option<Time>,
}

impl Hint {
    /// Whether it is about the account that its delivery was taken for.
    pub fn is_of(&self, account: &str) -> bool {
        self.account.is_empty() || self.account == account
    }
}

/// What a webhook says happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HintKind {
    /// Made, edited or restored.
    Changed,
    /// Deleted. Evidence is still asked for.
    Deleted,
    /// Merged into the hint's record.
    Merged {
        /// The ids that lead to it now.
        losers: Vec<String>,
    },
    /// A person's data was erased for good.
    Erased,
}
