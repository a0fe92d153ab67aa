//! A whole Lockstep and a whole HubSpot in one thread, with time moved by hand. Nothing happens at a moment that a test
//! did not choose.

mod drive;
mod setup;
mod wire;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http::{Request, StatusCode};
use lockstep::app::{App, Settings};
use lockstep::channel::registry;
use lockstep::ops::crm::issuers::IssuerKeys;
use lockstep::ops::syncs::{Connect, KeyChoice};
use lockstep::ops::{self, Author};
use lockstep::reach::Pacing;
use lockstep::vault::Vault;
use lockstep::{wire as surfaces, worker};
use lockstep_connect::oauth::Grant;
use lockstep_core::change::Change;
use lockstep_core::contact::{Contact, ContactPatch, NewContact};
use lockstep_core::env::{Dial, Env, Time};
use lockstep_core::ids::{ConnectionId, ContactId, PlanId};
use lockstep_core::mapping::model::Side;
use lockstep_core::mapping::view::record_values;
use lockstep_core::pair::Pair;
use lockstep_core::parked::Parked;
use lockstep_core::plan::PlanRow;
use lockstep_core::problem::Problem;
use lockstep_core::record::{Edits, Values};
use lockstep_sandbox::hubspot::{HookDelivery, Record};
use lockstep_sandbox::vendor::Listed;
use lockstep_sandbox::{Clock, Hubspot, HubspotSettings, Meta, MetaSettings, Vendor};
use lockstep_store::{
    Claimed, ConnectionOf, ConnectionStatus, OnDelete, Org, PlanStatus, Share, Store, StoreError, SyncOf, Target, Tx,
};
use serde_json::json;
use tempfile::TempDir;
use tower::ServiceExt;

pub use drive::{drive, run};
pub use setup::{Setup, postgres_schema};
pub use wire::{CRM, Exchange, Wire};

/// Where Meta's sandbox is to be found.
pub const GRAPH: &str = "https://graph.test";

/// When every world begins.
pub const BEGINNING: Time = Time::from_secs(1_790_000_000);

/// The world.
pub struct World {
    pub dial: Dial,
    pub env: Env,
    pub app: App,
    /// Our own surfaces.
    pub router: Router,
    pub hubspot: Hubspot,
    pub meta: Meta,
    pub wire: Arc<Wire>,
    pub org: Org,
    /// The account that was connected last.
    pub connection: Option<ConnectionId>,
    keyed: bool,
    /// How far true time is ahead of our clock, in microseconds: grows when our clock steps back.
    skew: Arc<AtomicI64>,
    /// How far HubSpot's clock is ahead of true time, in microseconds.
    vendor_offset: Arc<AtomicI64>,
    target: Target,
    _folder: TempDir,
}

impl World {
    /// A fresh database and an empty HubSpot.
    pub fn new(setup: &Setup) -> Self {
        let (env, dial) = Env::manual(BEGINNING, setup.seed);
        let (skew, vendor_offset) = (Arc::new(AtomicI64::new(0)), Arc::new(AtomicI64::new(0)));
        let true_clock = true_clock(&dial, &skew);
        let vendor_clock: Clock = {
            let (clock, offset) = (Arc::clone(&true_clock), Arc::clone(&vendor_offset));
            Arc::new(move || clock() + offset.load(Ordering::SeqCst))
        };
        let hubspot = Hubspot::new(setup.look_alike(Arc::clone(&true_clock)));
        let meta =
            Meta::new(MetaSettings { clock: Arc::clone(&true_clock), seed: setup.seed, ..MetaSettings::default() });
        let wire = Wire::new(&hubspot, &meta, vendor_clock);
        let folder = tempfile::tempdir_in(setup::scratch()).expect("a folder for the database");
        let target = match &setup.postgres {
            Some(url) => Target::Postgres(url.clone()),
            None => Target::Sqlite(folder.path().join("lockstep.db")),
        };
        let vault = Vault::from_text(&format!("k1:{}=", "A".repeat(43))).expect("a key ring");
        let store = Store::open_inline(&target, env.clone()).expect("the database opens");
        let app = assemble(env.clone(), store, vault, &wire, Arc::new(setup.settings()));
        let org = run(app.store.write(|tx| {
            let org = tx.create_org("Storm")?;
            tx.add_account(&org, "123456789012345", "+62 811-1000-2000", "Storm")?;
            Ok::<_, StoreError>(org)
        }))
        .expect("an organization");
        let router = surfaces::router(app.clone());
        Self {
            dial,
            env,
            app,
            router,
            hubspot,
            meta,
            wire,
            org,
            connection: None,
            keyed: setup.keyed,
            skew,
            vendor_offset,
            target,
            _folder: folder,
        }
    }

    /// The process dies and starts again on its database: nothing that was only in memory is left.
    pub fn restart(&mut self) {
        let settings = Arc::clone(&self.app.settings);
        let vault = self.app.vault.clone();
        let store = Store::open_inline(&self.target, self.env.clone()).expect("the database opens again");
        self.app = assemble(self.env.clone(), store, vault, &self.wire, settings);
        self.router = surfaces::router(self.app.clone());
        self.write(|tx, _| tx.reclaim_all());
    }

    pub fn now(&self) -> Time {
        self.env.now()
    }

    /// Our clock steps back; HubSpot's does not.
    pub fn step_back(&self, span: Duration) {
        let before = self.dial.now();
        self.dial.set(before.minus(span));
        self.skew.fetch_add(before.0 - self.dial.now().0, Ordering::SeqCst);
    }

    /// Sets how far HubSpot's clock is ahead of true time.
    pub fn set_vendor_offset(&self, secs: i64) {
        self.vendor_offset.store(secs * 1_000_000, Ordering::SeqCst);
        self.hubspot.set_clock_offset(secs * 1_000_000);
    }

    /// Runs a closure in a writing transaction.
    pub fn write<T: Send + 'static>(
        &self,
        f: impl FnOnce(&mut Tx<'_>, &Org) -> Result<T, StoreError> + Send + 'static,
    ) -> T {
        let org = self.org.clone();
        run(self.app.store.write(move |tx| f(tx, &org))).expect("the store writes")
    }

    /// Runs a closure on a snapshot.
    pub fn read<T: Send + 'static>(
        &self,
        f: impl FnOnce(&mut Tx<'_>, &Org) -> Result<T, StoreError> + Send + 'static,
    ) -> T {
        let org = self.org.clone();
        run(self.app.store.read(move |tx| f(tx, &org))).expect("the store reads")
    }

    /// The next job that is due, claimed.
    pub fn claim(&self) -> Option<Claimed> {
        self.write(|tx, _| tx.claim("world", Share::All, 1)).pop()
    }

    /// Runs every job that falls due within the span, moving the clock from one to the next.
    pub fn pass(&mut self, span: Duration) {
        let end = self.now().plus(span);
        loop {
            while let Some(claimed) = self.claim() {
                run(worker::run_one(&self.app, &claimed)).expect("the store commits a job's end");
            }
            match self.next_due() {
                Some(due) if due <= end => self.dial.set(due.max(self.now())),
                _ => break,
            }
        }
        self.dial.set(end.max(self.now()));
    }

    /// Lets three polls go by: long enough for every edit to reach the other side.
    pub fn settle(&mut self) {
        self.pass(Duration::from_secs(3 * self.app.settings.poll_seconds + 30));
    }

    /// When the next waiting job falls due.
    pub fn next_due(&self) -> Option<Time> {
        self.read(|tx, _| tx.next_due(Share::All))
    }

    fn connection(&self) -> &ConnectionId {
        self.connection.as_ref().expect("the world is connected")
    }

    /// An admin of the CRM agrees that we may act there.
    fn grant(&self) -> Grant {
        let tokens = self.hubspot.grant();
        let life = Duration::from_secs(tokens.expires_in.unsigned_abs());
        Grant {
            access: tokens.access_token.into(),
            refresh: Some(tokens.refresh_token.into()),
            expires_at: Some(self.now().plus(life)),
        }
    }

    /// Connects the CRM.
    pub fn connect(&mut self) {
        let key = if self.keyed { KeyChoice::Create } else { KeyChoice::None };
        let request = Connect {
            vendor: "hubspot".to_owned(),
            base_url: Some(CRM.to_owned()),
            grant: self.grant(),
            key,
            renews: None,
        };
        let connection = run(ops::syncs::connect(&self.app, &self.org, request)).expect("the CRM lets us in");
        self.connection = Some(connection.id().clone());
    }

    /// Connects another CRM with a token of its own. Where an app may not make a property for its id, an admin does.
    pub fn connect_to(&mut self, listed: &Listed, crm: &dyn Vendor) {
        if let Some(field) = listed.words.admin {
            let made = Request::post("/__add-property").body(Body::from(field)).expect("a request");
            let answer = run(crm.router().oneshot(made)).unwrap_or_else(|never| match never {});
            assert!(answer.status().is_success(), "{}", answer.status());
        }
        let base_url = format!("https://{}.test", listed.slug);
        self.connect_at(listed.slug, &base_url, crm.router(), listed.words.token.to_owned());
    }

    /// Connects a server of a vendor's kind, which answers at this address.
    pub fn connect_at(&mut self, slug: &str, base_url: &str, server: Router, token: String) {
        self.wire.route(base_url, server);
        let key = if self.keyed { KeyChoice::Create } else { KeyChoice::None };
        let grant = Grant::fixed(token.into());
        let base_url = Some(base_url.to_owned());
        let request = Connect { vendor: slug.to_owned(), base_url, grant, key, renews: None };
        let connection = run(ops::syncs::connect(&self.app, &self.org, request)).expect("the CRM lets us in");
        self.connection = Some(connection.id().clone());
    }

    /// The connection as it is stored.
    pub fn the_connection(&self) -> ConnectionOf {
        let id = self.connection().clone();
        self.read(move |tx, org| tx.connection(org, &id)).expect("a connection")
    }

    /// True time, for look-alikes.
    pub fn clock(&self) -> Clock {
        true_clock(&self.dial, &self.skew)
    }

    /// Computes the first-run plan.
    pub fn plan(&mut self) -> PlanId {
        let plan =
            run(ops::syncs::plan(&self.app, &self.org, self.connection(), Some("ID".to_owned()))).expect("a plan");
        let status = |world: &Self| run(ops::plans::show(&world.app, &world.org, &plan)).map(|plan| plan.status);
        for _ in 0..60 {
            if status(self) == Ok(PlanStatus::Ready) {
                return plan;
            }
            self.pass(Duration::from_secs(10));
        }
        panic!("the plan is not ready: {:?}", status(self));
    }

    pub fn plan_rows(&self, plan: &PlanId) -> Vec<(i64, PlanRow)> {
        run(ops::plans::rows(&self.app, &self.org, plan, 0, 10_000)).expect("the plan's rows")
    }

    /// A person turns the winner of a conflict.
    pub fn turn(&self, plan: &PlanId, n: i64, field: &str, winner: Side) {
        run(ops::plans::turn(&self.app, &self.org, plan, n, field, winner)).expect("the conflict turns");
    }

    /// A person accepts the plan; it is carried out.
    pub fn accept(&mut self, plan: &PlanId) {
        run(ops::plans::accept(&self.app, &self.org, plan)).expect("the plan is accepted");
        self.settle();
    }

    /// The whole first run.
    pub fn start(&mut self) {
        let plan = self.plan();
        self.accept(&plan);
    }

    /// A delete on one side archives the other from now on.
    pub fn carry_deletes_over(&self) {
        self.write(|tx, org| tx.syncs(org)?.iter().try_for_each(|sync| tx.set_sync_on_delete(sync, OnDelete::Archive)));
    }

    /// Saves the mapping as a new version.
    pub fn bump_mapping(&self) {
        self.write(|tx, org| {
            for sync in tx.syncs(org)? {
                let mut mapping = sync.row().mapping.clone();
                mapping.version += 1;
                tx.set_sync_mapping(&sync, &mapping)?;
            }
            Ok(())
        });
    }

    /// Whether a person has to authorise again.
    pub fn needs_consent(&self) -> bool {
        let id = self.connection().clone();
        let connection = self.read(move |tx, org| tx.connection(org, &id));
        connection.is_some_and(|of| of.connection().status != ConnectionStatus::Ok)
    }

    /// A person authorises again. It takes a few tries when the CRM is in a bad state, and an hour when its day is
    /// used up.
    pub fn consent(&mut self) {
        let mut refusal = None;
        for tries in 0..60 {
            match self.authorise_again() {
                Ok(()) => return,
                Err(problem) => refusal = Some(problem),
            }
            self.dial.advance(Duration::from_secs(3 * tries));
        }
        panic!("the CRM does not let us in again: {refusal:?}");
    }

    fn authorise_again(&self) -> Result<(), Problem> {
        run(async {
            let renewal = Connect::renewal(&self.app, &self.org, self.connection(), self.grant()).await?;
            ops::syncs::connect(&self.app, &self.org, renewal).await.map(drop)
        })
    }

    /// A person of another account authorises by mistake. Answers whether it was taken.
    pub fn consent_as(&mut self, portal: u32) -> bool {
        let own = HubspotSettings::default().portal_id;
        self.hubspot.set_portal_id(portal);
        let taken = self.authorise_again().is_ok();
        self.hubspot.set_portal_id(own);
        taken
    }

    /// A person has every question tried again.
    pub fn resume_all(&self) {
        for parked in self.parked() {
            run(ops::parked::resume(&self.app, &self.org, &parked.id)).expect("the question is resumed");
        }
    }

    /// A person says which record a contact belongs to.
    pub fn relink(&self, contact: &ContactId, record: Option<&str>) -> Result<Pair, Problem> {
        run(ops::relink::relink(&self.app, &self.org, self.connection(), contact, record.map(str::to_owned)))
    }

    /// Runs what is due until a call of the route was carried out, and dies before its answer is read.
    pub fn die_after(&mut self, route: &str) {
        let path = route.split_once(' ').map_or(route, |(_, path)| path);
        self.wire.take_exchanges();
        let wire = Arc::clone(&self.wire);
        while let Some(claimed) = self.claim() {
            let app = self.app.clone();
            let done = drive(worker::run_one(&app, &claimed), || {
                if wire.take_exchanges().iter().any(|exchange| exchange.uri.ends_with(path)) {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            });
            if done.is_none() {
                return self.restart();
            }
        }
        panic!("{route} was not called");
    }

    /// Living contacts, oldest first.
    pub fn contacts(&self) -> Vec<Contact> {
        self.read(|tx, org| tx.contact_page(org, None, 10_000))
    }

    pub fn contact(&self, id: &ContactId) -> Option<Contact> {
        let id = id.clone();
        self.read(move |tx, org| tx.contact(org, &id))
    }

    /// Records that neither lie in the recycle bin nor live on in another.
    pub fn living_records(&self) -> Vec<Record> {
        self.hubspot.records().into_iter().filter(|record| !record.archived && record.merged_into.is_none()).collect()
    }

    /// Every pair of every sync.
    pub fn pairs(&self) -> Vec<Pair> {
        self.read(|tx, org| {
            let mut pairs = Vec::new();
            for sync in tx.syncs(org)? {
                pairs.extend(tx.pair_page(&sync, None, 10_000)?);
            }
            Ok(pairs)
        })
    }

    pub fn pair_of(&self, contact: &ContactId) -> Option<Pair> {
        self.pairs().into_iter().find(|pair| pair.contact == *contact)
    }

    /// A living contact with a write that has no answer yet.
    pub fn in_flight(&self) -> Option<Contact> {
        self.read(|tx, org| {
            for sync in tx.syncs(org)? {
                for intent in tx.open_intents(&sync, 1_000)? {
                    if let Some(pair) = tx.pair(&sync, &intent.pair)?
                        && let Some(contact) = tx.contact(org, &pair.contact)?
                    {
                        return Ok(Some(contact));
                    }
                }
            }
            Ok(None)
        })
    }

    /// What a write without an answer so far is to set on a record.
    pub fn unanswered(&self, native: &str) -> Edits {
        let native = native.to_owned();
        self.read(move |tx, org| {
            for sync in tx.syncs(org)? {
                if let Some(pair) = tx.pair_by_native(&sync, &native)?
                    && let Some(intent) = tx.intent_of_pair(&sync, &pair.id)?
                {
                    return Ok(intent.fields);
                }
            }
            Ok(Edits::new())
        })
    }

    /// As if nothing had been read from the CRM yet.
    pub fn forget_pulls(&self) {
        self.write(|tx, org| tx.syncs(org)?.iter().try_for_each(|sync| tx.set_sync_pulled_at(sync, None)));
    }

    /// Whether everything that changed in the CRM has been read since, the first run being over.
    pub fn has_pulled(&self) -> bool {
        let read = |sync: &SyncOf| sync.row().pulled_at.is_some() && sync.row().scan.is_none();
        self.read(move |tx, org| Ok(tx.syncs(org)?.iter().all(read)))
    }

    /// What a record showed when it was last looked at, by the fields of its sync's mapping.
    pub fn sight(&self, native: &str) -> Values {
        let native = native.to_owned();
        self.read(move |tx, org| {
            for sync in tx.syncs(org)? {
                if let Some(record) = tx.native_record(&sync, &native)? {
                    return Ok(record_values(&sync.row().mapping, &record));
                }
            }
            Ok(Values::new())
        })
    }

    /// The record that a contact is paired with.
    pub fn native_of(&self, contact: &ContactId) -> Option<String> {
        self.pair_of(contact)?.native
    }

    /// Open questions.
    pub fn parked(&self) -> Vec<Parked> {
        self.read(|tx, org| Ok(tx.parked_list(org, None, 10_000)?.0))
    }

    /// The log of a contact, newest first.
    pub fn changes(&self, contact: &ContactId) -> Vec<Change> {
        let contact = contact.clone();
        self.read(move |tx, org| tx.changes_of(org, &contact, None, 10_000))
    }

    /// Writes to the CRM so far, and the highest change number of the inbox: neither moves while nothing is to be done.
    pub fn effects(&self) -> (u64, i64) {
        let calls = self.hubspot.calls();
        let verbs = ["update", "create", "upsert", "archive"];
        let route = |verb: &str| calls.route(&format!("POST /crm/v3/objects/contacts/batch/{verb}")).total;
        (verbs.into_iter().map(route).sum(), self.contacts().iter().map(|contact| contact.seq).max().unwrap_or(0))
    }

    /// An admin of the CRM makes the property that takes the acquisition source.
    pub fn add_source_property(&self) {
        let body = json!({
            "name": ops::syncs::SOURCE_PROPERTY, "label": "Source", "type": "string", "fieldType": "text",
            "groupName": "contactinformation",
        });
        let request = Request::post("/crm/v3/properties/contacts").header("authorization", "Bearer admin");
        let request =
            request.header("content-type", "application/json").body(Body::from(body.to_string())).expect("a request");
        let answer =
            run(self.hubspot.router().oneshot(request)).map_or_else(|never| match never {}, |answer| answer.status());
        assert!(answer.is_success(), "{answer}");
    }

    /// HubSpot sends its webhooks to us from now on.
    pub fn subscribe(&self) {
        self.hubspot.subscribe("https://lockstep.test/hooks/hubspot", &["firstname", "lastname", "email", "phone"]);
    }

    fn author(&self) -> Author {
        Author::command_line(self.org.clone())
    }

    /// A person makes a contact. It takes a moment, so that ids tell the order.
    pub fn create_contact(&self, mut new: NewContact) -> Result<Contact, Problem> {
        self.dial.advance(Duration::from_millis(1));
        let by = self.author();
        new.account.get_or_insert_with(|| "123456789012345".to_owned());
        run(self.app.store.write(move |tx| ops::contacts::create(tx, &by, new)))
    }

    /// A person edits a contact.
    pub fn patch_contact(&self, id: &ContactId, patch: ContactPatch) -> Result<Contact, Problem> {
        let (by, id) = (self.author(), id.clone());
        run(self.app.store.write(move |tx| {
            let old = ops::contacts::find(tx, &by.org, None, &id)?;
            Ok(ops::contacts::patch(tx, &by, &old, patch)?)
        }))
    }

    /// A person deletes a contact.
    pub fn delete_contact(&self, id: &ContactId) -> Result<(), Problem> {
        let (by, id) = (self.author(), id.clone());
        run(self.app.store.write(move |tx| Ok(ops::contacts::delete(tx, &by, &id)?)))
    }

    /// Brings a webhook of HubSpot to our door. Answers the status.
    pub fn deliver(&self, hook: &HookDelivery) -> StatusCode {
        let mut request = Request::post("/hooks/hubspot");
        for (name, value) in &hook.headers {
            request = request.header(name, value);
        }
        self.ask(request.body(Body::from(hook.body.clone())).expect("a request")).0
    }

    /// Asks a surface that is not the Inbox API. Answers the status and the body.
    pub fn ask(&self, request: Request<Body>) -> (StatusCode, Bytes) {
        assert!(!request.uri().path().starts_with("/v1/"), "the Inbox API is held against its document");
        let answer = run(self.router.clone().oneshot(request)).unwrap_or_else(|never| match never {});
        let (head, body) = answer.into_parts();
        (head.status, run(axum::body::to_bytes(body, usize::MAX)).expect("a body"))
    }
}

fn true_clock(dial: &Dial, skew: &Arc<AtomicI64>) -> Clock {
    let (dial, skew) = (dial.clone(), Arc::clone(skew));
    Arc::new(move || dial.now().0 + skew.load(Ordering::SeqCst))
}

fn assemble(env: Env, store: Store, vault: Vault, wire: &Arc<Wire>, settings: Arc<Settings>) -> App {
    let channels = registry::all();
    App {
        env,
        store,
        vault,
        network: wire.clone(),
        channels,
        pacing: Pacing::default(),
        issuer_keys: IssuerKeys::default(),
        settings,
    }
}
