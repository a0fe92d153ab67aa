//! A fresh database with one organization, a clock moved by hand and transactions run by hand.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};

use lockstep_core::contact::{Contact, NewContact};
use lockstep_core::env::{Dial, Env, Time};
use lockstep_core::ids::ConnectionId;
use lockstep_core::mapping::Mapping;
use lockstep_core::phone::Phone;
use lockstep_store::{ConnectionOf, NewConnection, Org, Store, StoreError, SyncOf, Target, Tx};

/// What a case is given.
pub struct World {
    pub store: Store,
    pub target: Target,
    pub env: Env,
    pub dial: Dial,
    pub org: Org,
}

/// The account that the organization starts with.
pub const ACCOUNT: &str = "106540352242922";

/// Polls a future of an inline store to its end.
pub fn finish<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
    }
}

impl World {
    fn new(target: Target) -> Self {
        let (env, dial) = Env::manual(Time::from_secs(1_780_000_000), 7);
        let store = Store::open_inline(&target, env.clone()).unwrap();
        let org = finish(store.write(|tx| {
            let org = tx.create_org("Toko Maju")?;
            tx.add_account(&org, ACCOUNT, "+62 851-1760-0829", "Toko Maju")?;
            Ok::<_, StoreError>(org)
        }))
        .unwrap();
        Self { store, target, env, dial, org }
    }

    pub fn try_write<T: Send + 'static>(
        &self,
        f: impl FnOnce(&mut Tx<'_>, &Org) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let org = self.org.clone();
        finish(self.store.write(move |tx| f(tx, &org)))
    }

    pub fn write<T: Send + 'static>(
        &self,
        f: impl FnOnce(&mut Tx<'_>, &Org) -> Result<T, StoreError> + Send + 'static,
    ) -> T {
        self.try_write(f).unwrap()
    }

    pub fn read<T: Send + 'static>(
        &self,
        f: impl FnOnce(&mut Tx<'_>, &Org) -> Result<T, StoreError> + Send + 'static,
    ) -> T {
        let org = self.org.clone();
        finish(self.store.read(move |tx| f(tx, &org))).unwrap()
    }

    pub fn contact(&self, phone: &str, name: &str, email: &str) -> Contact {
        let new = new_contact(phone, name, email);
        self.write(move |tx, org| tx.insert_contact(org, new))
    }

    pub fn connection(&self, account: &str) -> ConnectionOf {
        let new = NewConnection {
            external_id: None,
            id: ConnectionId::new(&self.env),
            vendor: "hubspot".to_owned(),
            base_url: "https://api.hubapi.com".to_owned(),
            account: account.to_owned(),
            label: "HubSpot".to_owned(),
            key_field: r#"{"name":"lockstep_id"}"#.to_owned(),
            grant_sealed: vec![1, 2, 3],
            static_token: true,
        };
        self.write(move |tx, org| tx.add_connection(org, &new))
    }

    pub fn sync(&self) -> SyncOf {
        let connection = self.connection("12345");
        self.write(move |tx, _| tx.add_sync(&connection, &mapping()))
    }
}

pub fn new_contact(phone: &str, name: &str, email: &str) -> NewContact {
    NewContact {
        phone_number: (!phone.is_empty()).then(|| Phone::parse(phone).unwrap()),
        name: Some(name.to_owned()),
        email: Some(email.to_owned()),
        ..NewContact::default()
    }
}

pub fn mapping() -> Mapping {
    serde_json::from_str(r#"{"version":1,"region":"ID","fields":[],"also_match":[]}"#).unwrap()
}

pub fn on_sqlite(case: fn(&World)) {
    let dir = tempfile::tempdir().unwrap();
    case(&World::new(Target::Sqlite(dir.path().join("lockstep.db"))));
}

pub fn on_postgres(case: fn(&World)) {
    if let Some(schema) = Schema::make() {
        case(&World::new(Target::Postgres(schema.url())));
    }
}

/// A schema of its own on the test server, gone when dropped.
pub struct Schema {
    server: String,
    name: String,
}

impl Schema {
    /// `None`, and a printed line, where there is no server.
    pub fn make() -> Option<Self> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let Ok(server) = std::env::var("LOCKSTEP_TEST_PG") else {
            eprintln!("skipped: LOCKSTEP_TEST_PG names no PostgreSQL server");
            return None;
        };
        let name = format!("conform_{}_{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let schema = Self { server, name };
        schema.run(&format!("CREATE SCHEMA {}", schema.name));
        Some(schema)
    }

    pub fn url(&self) -> String {
        let separator = if self.server.contains('?') { '&' } else { '?' };
        format!("{}{separator}options=-csearch_path%3D{}", self.server, self.name)
    }

    fn run(&self, sql: &str) {
        postgres::Client::connect(&self.server, postgres::NoTls).unwrap().batch_execute(sql).unwrap();
    }
}

impl Drop for Schema {
    fn drop(&mut self) {
        self.run(&format!("DROP SCHEMA {} CASCADE", self.name));
    }
}
