//! What every case needs of a vendor's sandbox: a session on it, and the hands of everyone else.

use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use http::HeaderName;
use lockstep_connect::{Connector, Create, FaultClass, Outcome, RowOutcome, Session, Update, Write};
use lockstep_core::crm::ApiObject;
use lockstep_core::env::{Dial, Env, Time};
use lockstep_core::mapping::model::{ContactProperties, NameProperties};
use lockstep_core::record::{Properties, Record};
use lockstep_sandbox::{Effect, Fault, Vendor};
use serde_json::Value as Json;

use crate::door::RouterDoor;
use crate::run::{lacking, not_for};

/// The name of the key property in every case.
pub const KEY: &str = "lockstep_id";

/// What goes wrong with the next call.
#[derive(Clone, Copy, Debug)]
pub enum Strike {
    LostBefore,
    LostAfter,
    Truncated,
    TooMany,
}

/// What a vendor may be without, so that a case or a part of one is not for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lack {
    /// E-mail addresses that only one record may have.
    UniqueAddresses,
    /// Records that people merge.
    Merges,
    /// A trail from a merged record to the one it lives on in.
    TraceOfMerges,
    /// Writes to a merged record that reach the one it lives on in.
    WritesToMerged,
    ShortPages,
    UniqueKeys,
    /// An archive whose records cannot be changed.
    FixedArchive,
    /// A list of archived records.
    ArchivedList,
    /// Changes that show later than they are made.
    LateChanges,
    /// Webhooks, or proof of who sent them.
    SignedHooks,
    /// A call that deletes, and a trace of what was deleted.
    Deletes,
    /// Phone numbers that can be changed.
    PhoneEdits,
    /// Properties that an admin can drop.
    OwnProperties,
    /// More objects than contacts.
    Objects,
}

/// A webhook as the vendor sends it.
pub struct Delivery {
    pub url: String,
    pub headers: http::HeaderMap,
    pub body: Vec<u8>,
}

impl Delivery {
    pub fn of(url: String, headers: &[(String, String)], body: &[u8]) -> Self {
        let header = |(name, value): &(String, String)| {
            (name.parse::<HeaderName>().expect("a name"), value.parse().expect("a value"))
        };
        Self { url, headers: headers.iter().map(header).collect(), body: body.to_vec() }
    }
}

/// An object that cases are tried with, by the vendor's own names.
pub struct Sample {
    pub object: &'static str,
    /// A text property that records go by.
    pub name: &'static str,
    /// What a new record needs.
    pub needs: &'static [(&'static str, &'static str)],
    /// A property that a record can do without.
    pub optional: &'static str,
    /// A property that cannot be written.
    pub read_only: &'static str,
}

/// The vendor's account, as people and the vendor itself handle it. Properties go by the vendor's own names.
pub trait Account {
    /// The sandbox, as far as all are alike.
    fn vendor(&self) -> &dyn Vendor;
    /// What a person types in to connect.
    fn token(&self) -> String {
        "pat-conform".to_owned()
    }
    fn id(&self) -> String;
    /// A property that the vendor's own page wants of everybody.
    fn wanted(&self) -> Option<&'static str> {
        None
    }
    /// What a person types for a new contact, with what the page wants.
    fn typed<'a>(&self, properties: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        let wanted = self.wanted().filter(|wanted| properties.iter().all(|(name, _)| name != wanted));
        properties.iter().copied().chain(wanted.map(|name| (name, "Somebody"))).collect()
    }
    fn create(&self, properties: &[(&str, &str)]) -> String {
        self.vendor().create(&self.typed(properties)).expect("a record")
    }
    /// Some contacts that stand in the account already, where cases may not make them.
    fn standing(&self) -> Option<Vec<String>> {
        None
    }
    /// Whether the account can take so many records of one case.
    fn make_room(&self, _count: usize) {}
    /// The connector made a record: of this object, or a contact.
    fn made(&self, _object: Option<&str>, _id: &str) {}
    /// The connector may have made a record.
    fn may_have_made(&self, _what: String) {}
    fn edit(&self, id: &str, properties: &[(&str, &str)]) {
        self.vendor().edit(id, properties).expect("an edit");
    }
    fn archive(&self, id: &str) {
        self.vendor().archive(id).expect("an archived record");
    }
    fn merge(&self, winner: &str, loser: &str) -> String;
    /// Whether this version of the vendor's does not have a property that others have.
    fn is_without(&self, _name: &str) -> bool {
        false
    }
    /// A text property of contacts that an admin can drop, where that is not the phone number.
    fn droppable(&self) -> Option<&'static str> {
        None
    }
    fn drop_property(&self, name: &str);
    fn samples(&self) -> Vec<Sample>;
    /// The same in another account of the vendor's, which lists these objects.
    fn samples_among(&self, listed: &[ApiObject], _describe: &dyn Fn(&str) -> ApiObject) -> Vec<Sample> {
        let is_listed = |sample: &Sample| listed.iter().any(|object| object.slug == sample.object);
        self.samples().into_iter().filter(is_listed).collect()
    }
    fn drop_property_of(&self, object: &str, name: &str);
    fn revoke(&self);
    /// Records that are neither archived nor merged away.
    fn living(&self) -> usize {
        self.vendor().records().iter().filter(|record| !record.archived && record.merged_into.is_none()).count()
    }
    /// The vendor's way to say that there were too many calls.
    fn limit(&self) -> Effect {
        Effect::Status { status: 429, policy: None }
    }
    fn set_clock_offset(&self, seconds: i64);
    /// Ours passes, and so does the vendor's time, which mostly goes by ours.
    /// Answers how much passed, for there may be nothing to wait for.
    fn pass(&self, time: Duration) -> Duration {
        time
    }
    /// Whether so much time can pass there.
    fn outlasts(&self, _time: Duration) -> bool {
        true
    }
    /// Calls since the last look, and how many of them drew a limit.
    fn calls(&self) -> (u64, u64);
    /// Has webhooks sent to the address from now on; gives the secret that signs them.
    fn subscribe(&self, _url: &str) -> String {
        String::new()
    }
    fn hooks(&self) -> Vec<Delivery> {
        Vec::new()
    }
    /// What a new contact needs, whatever the case is about.
    fn needs(&self, _trace: &str) -> Vec<(&'static str, String)> {
        Vec::new()
    }
    /// An address that the vendor's own page and API refuse, where nothing else is wrong with the row.
    fn bad_address(&self) -> Option<String> {
        None
    }
    /// The property that a name of one part stands in, where that is not the first name.
    fn given(&self) -> Option<&'static str> {
        None
    }
    /// Calls of a first scan of several pages, besides one for each page.
    fn extra_scan_calls(&self) -> u64 {
        0
    }
    /// Why the vendor is without it, if it is.
    fn lacks(&self, _lack: Lack) -> Option<&'static str> {
        None
    }
}

pub struct World {
    pub connector: &'static dyn Connector,
    pub account: Box<dyn Account>,
    pub session: Session,
    pub dial: Dial,
    /// The door of a look-alike.
    pub(crate) door: Option<Arc<RouterDoor>>,
    /// Stands in every name and address of a case, so that it meets no records but its own; nothing in a look-alike.
    pub mark: String,
    /// What was left out of a case, and why.
    pub(crate) notes: Arc<Mutex<Vec<String>>>,
    pub names: ContactProperties<'static>,
    /// The property of the first name, or of the whole one.
    pub given: &'static str,
}

impl World {
    /// `account` gets our clock and makes the vendor's account on it.
    pub fn new<A: Account + 'static>(slug: &str, account: impl FnOnce(Env) -> A) -> Self {
        Self::with(slug, |env| (account(env), ())).0
    }

    /// The same with something of the account for what the shared cases do not ask for.
    pub fn with<A: Account + 'static, K>(slug: &str, account: impl FnOnce(Env) -> (A, K)) -> (Self, K) {
        let (env, dial) = Env::manual(Time::from_secs(1_795_348_800), 7);
        let (account, kept) = account(env.clone());
        let connector = lockstep_connect::registry::find(slug).expect("a connector");
        let door = Arc::new(RouterDoor::new(account.vendor().router(), env.clone(), connector, &account.token()));
        let session = Session { door: door.clone(), env };
        let world = Self::at(connector, Box::new(account), session, dial);
        (Self { door: Some(door), ..world }, kept)
    }

    /// On whatever account the session is for.
    pub(crate) fn at(
        connector: &'static dyn Connector,
        account: Box<dyn Account>,
        session: Session,
        dial: Dial,
    ) -> Self {
        let names = connector.contact_properties();
        let given = match names.name {
            NameProperties::Parts { first, .. } => first,
            NameProperties::Whole(name) => name,
        };
        let given = account.given().unwrap_or(given);
        let (mark, notes) = (String::new(), Arc::default());
        Self { connector, account, session, dial, door: None, mark, notes, names, given }
    }

    /// An e-mail address of somebody whom only this case knows.
    pub fn address(&self, who: &str) -> String {
        format!("{who}{}@example.com", self.mark)
    }

    /// Contacts that stand in the account, made where nobody minds.
    pub async fn standing(&self) -> Vec<String> {
        if let Some(standing) = self.account.standing() {
            return standing;
        }
        let made = ["ada", "bob", "cem"].map(|who| self.account.create(&[(self.names.email, &self.address(who))]));
        self.wait_for_index();
        made.into()
    }

    /// The objects that cases are tried with.
    pub fn samples(&self) -> Vec<Sample> {
        self.needs(Lack::Objects);
        self.account.samples()
    }

    /// The same vendor with shorter pages.
    pub fn with_pages_of(&self, most: usize) -> Self {
        if self.door.is_none() {
            lacking("nobody shortens its pages");
        }
        crate::likes::worlds(self.connector.about().slug)[0](Some(most))
    }

    /// The next call goes wrong.
    pub fn strike(&self, strike: Strike) {
        self.account.vendor().faults().push(Fault::anywhere(match strike {
            Strike::LostBefore => Effect::LostBefore,
            Strike::LostAfter => Effect::LostAfter,
            Strike::Truncated => Effect::Truncate,
            Strike::TooMany => self.account.limit(),
        }));
    }

    /// The properties that cases read.
    pub fn asked(&self) -> Vec<String> {
        let name = match self.names.name {
            NameProperties::Parts { first, last } => vec![first, last],
            NameProperties::Whole(name) => vec![name],
        };
        [self.names.email, self.names.phone].into_iter().chain(name).map(str::to_owned).collect()
    }

    /// Whether the vendor is without it, so that a part of the case is left out, which is said.
    pub fn lacks(&self, lack: Lack) -> bool {
        let why = self.account.lacks(lack);
        if let Some(why) = why {
            let note = format!("without {lack:?}: {why}");
            let mut notes = self.notes.lock().expect("the notes");
            if !notes.contains(&note) {
                notes.push(note);
            }
        }
        why.is_some()
    }

    /// Ends the case if the vendor is without what it is about.
    pub fn needs(&self, lack: Lack) {
        if let Some(why) = self.account.lacks(lack) {
            not_for(format!("{lack:?}: {why}"));
        }
    }

    /// Ends the case if the vendor keeps no property unique.
    pub fn needs_unique_keys(&self) {
        if !self.connector.about().upsert_by_key {
            not_for("it keeps no property of ours unique".to_owned());
        }
    }

    /// The next call is answered by a proxy.
    pub fn proxy(&self, status: u16, body: Json) {
        let Some(door) = &self.door else { lacking("nobody stands between us and it") };
        door.proxy.lock().expect("the proxy").push_back((status, body));
    }

    /// Time for the vendor's index to catch up.
    pub fn wait_for_index(&self) {
        self.pass(self.connector.about().index_lag + Duration::from_secs(1));
    }

    /// Time passes for both sides.
    pub fn pass(&self, time: Duration) {
        self.dial.advance(self.account.pass(time));
    }

    /// Writes in the vendor's batches. A fault of a call with one of several rows is the row's.
    pub async fn write(&self, write: &Write) -> Result<Vec<RowOutcome>, lockstep_connect::Fault> {
        let batches = batches(write, self.connector.about().write_batch);
        let mut outcomes = Vec::new();
        for (rows, batch) in &batches {
            let written = self.connector.write(&self.session, batch, &self.asked()).await;
            if let Write::Create { rows, .. } = batch {
                self.note_made(rows, &written);
            }
            match written {
                Err(fault) if batches.len() > 1 && *rows == 1 => outcomes.push(Err(fault)),
                answered => outcomes.extend(answered?),
            }
        }
        Ok(outcomes)
    }

    fn note_made(&self, rows: &[Create], written: &Result<Vec<RowOutcome>, lockstep_connect::Fault>) {
        let lost = |fault: &lockstep_connect::Fault| {
            if fault.class == FaultClass::Unknown {
                rows.iter().for_each(|row| self.account.may_have_made(format!("a contact with {:?}", row.properties)));
            }
        };
        match written {
            Ok(outcomes) => outcomes.iter().for_each(|outcome| match outcome {
                Ok(Outcome::Written(record)) => self.account.made(None, &record.id),
                Ok(Outcome::Archived) => {}
                Err(fault) => lost(fault),
            }),
            Err(fault) => lost(fault),
        }
    }

    /// Has the connector learn what it keeps in mind between calls, so that the next one is the write itself.
    pub async fn acquaint(&self) {
        self.connector.describe(&self.session).await.expect("a description");
    }

    /// Writes one row that must succeed; gives the record as the vendor answered it.
    pub async fn write_one(&self, write: &Write) -> Record {
        let outcome = self.write(write).await.expect("an answer").remove(0).expect("a row carried out");
        match outcome {
            Outcome::Written(record) => record,
            Outcome::Archived => panic!("archived instead of written"),
        }
    }

    pub async fn get(&self, ids: &[&str]) -> Vec<lockstep_connect::Got> {
        let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
        self.connector.get(&self.session, &ids, &self.asked()).await.expect("answers")
    }

    pub fn create(&self, trace: &str, properties: &[(&str, &str)]) -> Create {
        let needs = self.account.needs(trace).into_iter().map(|(name, value)| (name.to_owned(), Some(value)));
        let properties = needs.chain(set(properties)).collect();
        Create { trace: trace.into(), key_value: format!("cnt_{}{trace}", self.mark), properties }
    }

    pub fn update(&self, trace: &str, id: &str, properties: Properties) -> Update {
        Update { trace: trace.into(), id: id.into(), properties, before: None }
    }
}

fn batches(write: &Write, most: usize) -> Vec<(usize, Write)> {
    match write {
        Write::Create { key, rows } => rows
            .chunks(most)
            .map(|rows| (rows.len(), Write::Create { key: key.clone(), rows: rows.to_vec() }))
            .collect(),
        Write::Update(rows) => rows.chunks(most).map(|rows| (rows.len(), Write::Update(rows.to_vec()))).collect(),
        Write::Archive(ids) => ids.chunks(most).map(|ids| (ids.len(), Write::Archive(ids.to_vec()))).collect(),
    }
}

/// What became of the property for our id. Where only an admin can make it and did not, the case cannot be told.
pub fn told_of_key(added: Result<(), lockstep_connect::Fault>) -> Result<(), lockstep_connect::Fault> {
    match added {
        Err(fault) if fault.code == "KEY_PROPERTY_MISSING" => lacking("an admin has to make the property for our id"),
        added => added,
    }
}

/// Properties to be set.
pub fn set(properties: &[(&str, &str)]) -> Properties {
    properties.iter().map(|(name, value)| ((*name).to_owned(), Some((*value).to_owned()))).collect()
}

/// What a sandbox answers: it waits for nothing, so no runtime is needed.
pub fn at_once<T>(answering: impl Future<Output = T>) -> T {
    match pin!(answering).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("the sandbox waits"),
    }
}

/// What every sandbox can do alike, and [`Vendor`] does not show.
macro_rules! on_its_sandbox {
    () => {
        fn vendor(&self) -> &dyn lockstep_sandbox::Vendor {
            &self.sandbox
        }

        fn revoke(&self) {
            self.sandbox.revoke();
        }

        fn set_clock_offset(&self, seconds: i64) {
            self.sandbox.set_clock_offset(seconds * 1_000_000);
        }

        fn calls(&self) -> (u64, u64) {
            let calls = self.sandbox.calls();
            self.sandbox.reset_calls();
            (calls.total, calls.throttled)
        }
    };
}
pub(crate) use on_its_sandbox;
