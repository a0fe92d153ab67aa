//! A real account as the table's world. Its people's hands are the connector's own calls; whatever nobody can do there
//! ends the case as not told. Without leave nothing is written, and all that a case made is put away after it.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use lockstep_connect::{Answer, Call, Connector, Create, Deed, Door, Fault, Memory, Outcome, Session, Update, Write};
use lockstep_core::crm::{ApiObject, Operation, RecordId};
use lockstep_core::env::{Dial, Env};
use lockstep_core::record::Properties;
use lockstep_sandbox::Vendor;
use tokio::runtime::Handle;
use tokio::task::block_in_place;

use crate::likes;
use crate::run::lacking;
use crate::world::{Account, KEY, Lack, Sample, World};

/// The most records that one case makes.
const RECORDS_MAX: usize = 20;
/// The most calls that one case makes.
const CALLS_MAX: u64 = 300;
/// How many of the contacts that stand in the account cases look at.
const STANDING_MAX: usize = 3;

/// What a person gives for a run.
pub struct Terms {
    /// Who speaks to the account.
    pub connector: &'static dyn Connector,
    /// The account's token, which tells some vendors' protocols apart.
    pub token: String,
    /// The way to the account.
    pub door: Arc<dyn Door>,
    /// The same with a token that the account never had.
    pub stranger: Arc<dyn Door>,
    /// Real time, and a way to wait.
    pub env: Env,
    /// The longest wait for what shows late.
    pub wait_max: Duration,
    /// Whether cases may write.
    pub write: bool,
}

/// A token that the vendor never issued. The look-alikes take any other.
#[must_use]
pub fn strange(token: &str) -> String {
    format!("{token}{}", lockstep_sandbox::NO_TOKEN)
}

/// A real account.
pub struct Live {
    terms: Terms,
    like: World,
    door: Arc<Gate>,
    session: Session,
    dial: Dial,
    mark: String,
    made: Mutex<Vec<(Option<String>, String)>>,
    left: Mutex<Vec<String>>,
    keyed: Mutex<BTreeSet<String>>,
}

/// What every call to the account passes.
struct Gate {
    right: Arc<dyn Door>,
    stranger: Arc<dyn Door>,
    /// Why nothing is written, if so.
    read_only: Option<&'static str>,
    is_stranger: AtomicBool,
    calls: AtomicU64,
    looked_at: AtomicU64,
    clock: (Env, Dial),
}

#[async_trait]
impl Door for Gate {
    async fn send(&self, call: Call) -> Result<Answer, Fault> {
        if let (true, Some(why)) = (call.effect, self.read_only) {
            lacking(why);
        }
        if self.calls.fetch_add(1, Ordering::Relaxed) >= CALLS_MAX {
            lacking("it takes too many calls in an account of this size");
        }
        let (env, dial) = &self.clock;
        dial.advance(env.now().since(dial.now()));
        let is_stranger = self.is_stranger.load(Ordering::Relaxed);
        let door = if is_stranger { &self.stranger } else { &self.right };
        door.send(call).await
    }

    fn memory(&self) -> Option<&Memory> {
        self.right.memory()
    }
}

impl Live {
    /// Gets ready. Nothing is asked yet.
    #[must_use]
    pub fn new(mut terms: Terms) -> Rc<Self> {
        let like = likes::like(terms.connector.about().slug, &terms.token);
        let read_only = match (terms.write, like.account.lacks(Lack::Deletes)) {
            (false, _) => Some("it writes, which takes --write"),
            (true, Some(_)) => Some("it writes, and what it made could not be put away again"),
            (true, None) => None,
        };
        terms.write = read_only.is_none();
        let (env, dial) = Env::manual(terms.env.now(), 7);
        let mark = format!("t{}", terms.env.now().as_millis());
        let door = Arc::new(Gate {
            right: terms.door.clone(),
            stranger: terms.stranger.clone(),
            read_only,
            is_stranger: AtomicBool::new(false),
            calls: AtomicU64::new(0),
            looked_at: AtomicU64::new(0),
            clock: (terms.env.clone(), dial.clone()),
        });
        let session = Session { door: door.clone(), env };
        let (made, left, keyed) = Default::default();
        Rc::new(Self { terms, like, door, session, dial, mark, made, left, keyed })
    }

    /// Looks at what the account has of ours before the first case.
    ///
    /// # Errors
    /// When the account does not answer.
    pub async fn begin(&self) -> Result<(), Fault> {
        self.terms.connector.account(&self.session).await?;
        if self.terms.write {
            *self.keyed.lock().expect("the keys") = self.with_key().await;
        }
        Ok(())
    }

    /// The world of the next case.
    #[must_use]
    pub fn world(self: &Rc<Self>) -> World {
        self.door.calls.store(0, Ordering::Relaxed);
        self.door.looked_at.store(0, Ordering::Relaxed);
        self.door.is_stranger.store(false, Ordering::Relaxed);
        let hand = Box::new(Hand(Rc::clone(self)));
        let world = World::at(self.terms.connector, hand, self.session.clone(), self.dial.clone());
        World { mark: self.mark.clone(), given: self.like.given, ..world }
    }

    /// Puts away what the last case made.
    pub async fn tidy(&self) {
        self.door.calls.store(0, Ordering::Relaxed);
        self.door.is_stranger.store(false, Ordering::Relaxed);
        let made = std::mem::take(&mut *self.made.lock().expect("what was made"));
        let mut contacts = Vec::new();
        for (object, id) in made {
            let Some(object) = object else {
                if !contacts.contains(&id) {
                    contacts.push(id);
                }
                continue;
            };
            let Ok(record) = RecordId::new(&object, &id) else { continue };
            let gone = self.terms.connector.carry_out(&self.session, &Deed::Archive(record), &[]).await;
            if let Err(fault) = gone {
                self.leave(format!("{object} {id}: {}", fault.message));
            }
        }
        for ids in contacts.chunks(self.terms.connector.about().write_batch) {
            let gone = self.terms.connector.write(&self.session, &Write::Archive(ids.to_vec()), &[]).await;
            let faults = gone.map(|rows| rows.into_iter().map(Result::err).collect());
            let faults: Vec<Option<Fault>> = faults.unwrap_or_else(|fault| vec![Some(fault); ids.len()]);
            for (id, fault) in ids.iter().zip(faults) {
                if let Some(fault) = fault {
                    self.leave(format!("contact {id}: {}", fault.message));
                }
            }
        }
    }

    /// What could not be put away.
    pub async fn end(&self) -> Vec<String> {
        if self.terms.write {
            let now = self.with_key().await;
            for object in now.difference(&*self.keyed.lock().expect("the keys")) {
                self.leave(format!("the property {KEY} of {object}: no call takes it away"));
            }
        }
        std::mem::take(&mut *self.left.lock().expect("what was left"))
    }

    fn leave(&self, what: String) {
        self.left.lock().expect("what was left").push(what);
    }

    /// The objects with a property for our id.
    async fn with_key(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let described = self.terms.connector.describe(&self.session).await;
        if described.is_ok_and(|described| described.properties.iter().any(|property| property.name == KEY)) {
            found.insert("contacts".to_owned());
        }
        let listed = self.terms.connector.objects(&self.session).await.unwrap_or_default();
        for object in self.samples(&listed).iter().map(|sample| sample.object) {
            let described = self.terms.connector.object(&self.session, object).await;
            if described.is_ok_and(|described| names(&described, |_| true).any(|name| name == KEY)) {
                found.insert(object.to_owned());
            }
        }
        found
    }

    /// What cases are tried with, of the objects that the account has.
    fn samples(&self, listed: &[ApiObject]) -> Vec<Sample> {
        let describe = |slug: &str| self.ask(self.terms.connector.object(&self.session, slug)).expect("a description");
        self.like.account.samples_among(listed, &describe)
    }

    /// Waits for an answer where nobody else can.
    fn ask<T>(&self, answering: impl Future<Output = T>) -> T {
        block_in_place(|| Handle::current().block_on(answering))
    }

    fn write(&self, write: &Write) -> Outcome {
        let rows = self.ask(self.terms.connector.write(&self.session, write, &[])).expect("an answer");
        rows.into_iter().next().expect("a row").expect("a row carried out")
    }
}

/// The fields of an object that pass.
fn names<'a>(
    object: &'a ApiObject,
    passes: impl Fn(&lockstep_core::crm::Selector) -> bool + 'a,
) -> impl Iterator<Item = &'a str> {
    let fields = object.selector.iter().flat_map(|root| &root.children);
    fields.filter(move |field| passes(field)).filter_map(|field| field.api_name.as_deref())
}

/// The hand of everyone else on a real account.
struct Hand(Rc<Live>);

impl Account for Hand {
    fn vendor(&self) -> &dyn Vendor {
        lacking("its network and its machine are out of reach")
    }

    fn id(&self) -> String {
        self.0.ask(self.0.terms.connector.account(&self.0.session)).expect("an account")
    }

    fn wanted(&self) -> Option<&'static str> {
        self.0.like.account.wanted()
    }

    fn create(&self, properties: &[(&str, &str)]) -> String {
        let properties = self.typed(properties).into_iter().filter(|(_, value)| !value.is_empty());
        let properties = properties.map(|(name, value)| (name.to_owned(), Some(value.to_owned()))).collect();
        let row = Create { trace: "hand".to_owned(), key_value: String::new(), properties };
        let Outcome::Written(record) = self.0.write(&Write::Create { key: None, rows: vec![row] }) else {
            panic!("archived instead of made")
        };
        self.made(None, &record.id);
        record.id
    }

    fn edit(&self, id: &str, properties: &[(&str, &str)]) {
        let value = |value: &str| Some(value.to_owned()).filter(|value| !value.is_empty());
        let properties: Properties = properties.iter().map(|(name, text)| ((*name).to_owned(), value(text))).collect();
        self.0.write(&Write::Update(vec![Update {
            trace: "hand".to_owned(),
            id: id.to_owned(),
            properties,
            before: None,
        }]));
    }

    fn archive(&self, id: &str) {
        self.0.write(&Write::Archive(vec![id.to_owned()]));
    }

    /// With leave to write a case makes its own.
    fn standing(&self) -> Option<Vec<String>> {
        if self.0.terms.write {
            return None;
        }
        let page = self.0.ask(self.0.terms.connector.list_ids(&self.0.session, false, None)).expect("a page");
        let ids: Vec<String> = page.records.into_iter().take(STANDING_MAX).map(|listed| listed.id).collect();
        if ids.is_empty() {
            lacking("no contact stands in the account");
        }
        Some(ids)
    }

    fn make_room(&self, count: usize) {
        if count > RECORDS_MAX {
            lacking("it takes hundreds of records");
        }
    }

    fn made(&self, object: Option<&str>, id: &str) {
        self.0.made.lock().expect("what was made").push((object.map(str::to_owned), id.to_owned()));
    }

    fn may_have_made(&self, what: String) {
        self.0.leave(format!("perhaps {what}: the answer was lost"));
    }

    fn merge(&self, _winner: &str, _loser: &str) -> String {
        lacking("nobody merges there")
    }

    /// Its version is not known: it may be without what any is without.
    fn is_without(&self, name: &str) -> bool {
        let worlds = likes::worlds(self.0.terms.connector.about().slug);
        worlds.into_iter().any(|making| making(None).account.is_without(name))
    }

    fn droppable(&self) -> Option<&'static str> {
        lacking("no admin drops a property there")
    }

    fn drop_property(&self, _name: &str) {
        lacking("no admin drops a property there")
    }

    fn samples(&self) -> Vec<Sample> {
        let listed = self.0.ask(self.0.terms.connector.objects(&self.0.session)).expect("objects");
        let samples = self.0.samples(&listed);
        if samples.is_empty() {
            lacking("the account has none of the objects that it is tried with");
        }
        samples
    }

    fn drop_property_of(&self, _object: &str, _name: &str) {
        lacking("no admin drops a property there")
    }

    fn revoke(&self) {
        self.0.door.is_stranger.store(true, Ordering::Relaxed);
    }

    /// Others' records cannot be told from doubles of ours, so only what we were told of is counted.
    fn living(&self) -> usize {
        let made = self.0.made.lock().expect("what was made");
        made.iter().collect::<BTreeSet<_>>().len()
    }

    fn outlasts(&self, time: Duration) -> bool {
        time <= self.0.terms.wait_max
    }

    fn set_clock_offset(&self, _seconds: i64) {
        lacking("nobody sets its clock")
    }

    fn pass(&self, time: Duration) -> Duration {
        let (env, time) = (&self.0.terms.env, time.min(self.0.terms.wait_max));
        self.0.ask(env.wait_until(env.now().plus(time)));
        time
    }

    fn calls(&self) -> (u64, u64) {
        let calls = self.0.door.calls.load(Ordering::Relaxed);
        (calls - self.0.door.looked_at.swap(calls, Ordering::Relaxed), 0)
    }

    fn subscribe(&self, _url: &str) -> String {
        lacking("its webhooks reach no case")
    }

    fn needs(&self, trace: &str) -> Vec<(&'static str, String)> {
        self.0.like.account.needs(trace)
    }

    fn bad_address(&self) -> Option<String> {
        self.0.like.account.bad_address()
    }

    fn extra_scan_calls(&self) -> u64 {
        self.0.like.account.extra_scan_calls()
    }

    fn lacks(&self, lack: Lack) -> Option<&'static str> {
        self.0.like.account.lacks(lack)
    }
}

/// The first property that cannot be written, for a vendor whose objects have other names in every account.
pub(crate) fn fixed(object: &ApiObject) -> Option<String> {
    let is_fixed =
        |field: &lockstep_core::crm::Selector| !field.allows(Operation::Create) && !field.allows(Operation::Update);
    names(object, is_fixed).next().map(str::to_owned)
}
