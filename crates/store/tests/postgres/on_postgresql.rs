//! PostgreSQL with its threads: lost connections, two nodes, and writes that meet. Runs where `LOCKSTEP_TEST_PG`
//! holds the URL of a server on which schemas may be made.

use std::sync::mpsc::channel;

use lockstep_core::contact::NewContact;
use lockstep_core::env::Env;
use lockstep_core::event::{Event, EventType};
use lockstep_core::ids::{ContactId, EventId, PairId, SecretId};
use lockstep_core::mapping::Mapping;
use lockstep_core::pair::{Pair, PairState};
use lockstep_store::{
    Begin, ContactFilter, NewConnection, NewSubscription, Order, Org, Outcome, Page, Settled, Store, StoreError,
    StoredAnswer, SubscriptionPatch, SubscriptionStatus, SyncOf, SyncStatus, Target,
};
use postgres::{Client, NoTls};

struct House {
    node: Store,
    other_node: Store,
    org: Org,
    sync: SyncOf,
    server: String,
    schema: String,
}

/// Two nodes on one schema; `None`, and a printed line, where there is no server.
async fn house(schema: &str) -> Option<House> {
    let Ok(server) = std::env::var("LOCKSTEP_TEST_PG") else {
        eprintln!("skipped: LOCKSTEP_TEST_PG names no PostgreSQL server");
        return None;
    };
    let schema = format!("{schema}_{}", std::process::id());
    run(&server, format!("CREATE SCHEMA {schema}")).await;
    let target = Target::Postgres(format!("{server}?options=-csearch_path%3D{schema}"));
    let open = || Store::open(&target, Env::system().unwrap()).unwrap();
    let (node, other_node) = (open(), open());
    let made = node.write(|tx| {
        let org = tx.create_org("Toko Maju")?;
        tx.add_account(&org, "1", "+62 851-1760-0829", "Toko Maju")?;
        let connection = NewConnection {
            external_id: None,
            id: lockstep_core::ids::ConnectionId::new(tx.env()),
            vendor: "hubspot".to_owned(),
            base_url: "https://api.hubapi.com".to_owned(),
            account: "12345".to_owned(),
            label: "HubSpot".to_owned(),
            key_field: "null".to_owned(),
            grant_sealed: vec![1],
            static_token: true,
        };
        let connection = tx.add_connection(&org, &connection)?;
        let mapping = Mapping { version: 1, region: None, fields: Vec::new(), also_match: Vec::new() };
        let sync = tx.add_sync(&connection, &mapping)?;
        tx.set_sync_status(&sync, SyncStatus::Running, None)?;
        Ok::<_, StoreError>((org, sync))
    });
    let (org, sync) = made.await.unwrap();
    Some(House { node, other_node, org, sync, server, schema })
}

impl House {
    async fn leave(self) {
        run(&self.server, format!("DROP SCHEMA {} CASCADE", self.schema)).await;
    }
}

/// The driver blocks on a runtime of its own, which may not be inside the test's.
async fn run(server: &str, sql: String) {
    let server = server.to_owned();
    let work = move || Client::connect(&server, NoTls).unwrap().batch_execute(&sql).unwrap();
    tokio::task::spawn_blocking(work).await.unwrap();
}

/// Returns once a statement in this schema waits for a lock. The database says so; nothing here depends on how long it
/// takes, and one that never does ends the test.
async fn until_one_waits(house: &House) {
    let (server, schema) = (house.server.clone(), house.schema.clone());
    let watch = move || {
        let mut client = Client::connect(&server, NoTls).unwrap();
        let waiting = "SELECT COUNT(*) FROM pg_locks AS waiting WHERE NOT waiting.granted AND EXISTS (
                           SELECT 1 FROM pg_locks AS l JOIN pg_class AS c ON c.oid = l.relation
                           JOIN pg_namespace AS n ON n.oid = c.relnamespace
                           WHERE l.pid = waiting.pid AND n.nspname = $1)";
        for _ in 0..20_000 {
            if client.query_one(waiting, &[&schema]).unwrap().get::<_, i64>(0) > 0 {
                return;
            }
        }
        panic!("nothing waits for a lock");
    };
    tokio::task::spawn_blocking(watch).await.unwrap();
}

async fn add(store: &Store, org: &Org, name: &str) -> Result<ContactId, StoreError> {
    let (org, new) = (org.clone(), NewContact { name: Some(name.to_owned()), ..NewContact::default() });
    store.write(move |tx| tx.insert_contact(&org, new).map(|contact| contact.id)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_connection_is_retryable_and_mended_by_the_next_write() {
    let Some(house) = house("lost_connection").await else { return };
    let (begun, has_begun) = channel::<()>();
    let (release, held) = channel::<()>();
    let (store, org) = (house.node.clone(), house.org.clone());
    let losing = tokio::spawn(async move {
        store
            .write(move |tx| {
                tx.insert_contact(&org, NewContact::default())?;
                begun.send(()).unwrap();
                held.recv().unwrap();
                Ok::<_, StoreError>(())
            })
            .await
    });
    has_begun.recv().unwrap();
    // The one connection that holds locks on this schema's tables.
    let end = "SELECT pg_terminate_backend(l.pid) FROM pg_locks AS l JOIN pg_class AS c ON c.oid = l.relation
               JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = ";
    run(&house.server, format!("{end}'{}'", house.schema)).await;
    release.send(()).unwrap();
    assert!(losing.await.unwrap().unwrap_err().is_retryable());
    for n in 0..20 {
        add(&house.node, &house.org, &n.to_string()).await.unwrap();
    }
    let org = house.org.clone();
    let counted: Result<i64, StoreError> = house.node.read(move |tx| tx.count_contacts(&org)).await;
    assert_eq!(counted.unwrap(), 20);
    house.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writes_that_meet_from_two_nodes_all_succeed() {
    let Some(house) = house("two_nodes").await else { return };
    let mut contacts = Vec::new();
    for n in 0..20 {
        contacts.push(add(&house.node, &house.org, &n.to_string()).await.unwrap());
    }
    // A pull takes pairs, then contacts, in one order; edits take contacts, then pairs, in the other.
    let pulls = (0..10).map(|_| {
        let (store, org, sync, contacts) =
            (house.node.clone(), house.org.clone(), house.sync.clone(), contacts.clone());
        tokio::spawn(async move {
            store
                .write(move |tx| {
                    for id in contacts.iter().rev() {
                        let pair = tx.pair_by_contact(&sync, id)?;
                        let mut contact = tx.contact(&org, id)?.ok_or(StoreError::Missing { what: "contact" })?;
                        contact.email = Some("pulled@example.id".to_owned());
                        tx.put_contact(&org, &contact)?;
                        if let Some(pair) = pair {
                            tx.save_pair(&sync, &pair)?;
                        }
                    }
                    Ok::<_, StoreError>(())
                })
                .await
        })
    });
    let edits = contacts.iter().cycle().take(60).map(|id| {
        let (store, org, sync, id) = (house.other_node.clone(), house.org.clone(), house.sync.clone(), id.clone());
        tokio::spawn(async move {
            store
                .write(move |tx| {
                    let contact = tx.contact(&org, &id)?.ok_or(StoreError::Missing { what: "contact" })?;
                    let stored = tx.put_contact(&org, &contact)?;
                    if tx.pair_by_contact(&sync, &id)?.is_none() {
                        let pair = Pair {
                            id: PairId::new(tx.env()),
                            sync: sync.id().clone(),
                            contact: id.clone(),
                            native: None,
                            state: PairState::Open,
                            base: [].into(),
                            fights: [].into(),
                            held: Vec::new(),
                            dirty: Some(stored.seq),
                            updated_at: tx.now(),
                        };
                        tx.insert_pair(&sync, &pair)?;
                    }
                    Ok::<_, StoreError>(())
                })
                .await
        })
    });
    for outcome in edits.chain(pulls).collect::<Vec<_>>() {
        outcome.await.unwrap().unwrap();
    }
    let sync = house.sync.clone();
    let counts: Result<_, StoreError> = house.node.read(move |tx| tx.pair_counts(&sync)).await;
    assert_eq!(counts.unwrap().dirty, 20);
    house.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_delta_misses_nothing_while_one_transaction_is_open_and_another_commits() {
    let Some(house) = house("open_tx").await else { return };
    add(&house.node, &house.org, "first").await.unwrap();
    let (begun, has_begun) = channel::<()>();
    let (release, held) = channel::<()>();
    let (store, org) = (house.node.clone(), house.org.clone());
    let slow = tokio::spawn(async move {
        let new = NewContact { name: Some("slow".to_owned()), ..NewContact::default() };
        store
            .write(move |tx| {
                tx.insert_contact(&org, new)?;
                begun.send(()).unwrap();
                held.recv().unwrap();
                Ok::<_, StoreError>(())
            })
            .await
    });
    has_begun.recv().unwrap();
    let (store, org) = (house.other_node.clone(), house.org.clone());
    let quick = tokio::spawn(async move { add(&store, &org, "quick").await });
    until_one_waits(&house).await;
    // A reader of the other node follows its cursor all the time, whatever is open.
    let after = async |place: Option<(i64, ContactId)>| {
        let (org, page) = (house.org.clone(), Page { limit: 9, after: place, order: Order::SeqAsc });
        let read = house.other_node.read(move |tx| tx.list_contacts(&org, &ContactFilter::default(), &page)).await;
        let rows: Result<_, StoreError> = read;
        rows.unwrap().0
    };
    let (mut seen, mut place) = (Vec::new(), None);
    let mut follow = async || {
        for contact in after(place.clone()).await {
            place = Some((contact.seq, contact.id));
            seen.push(contact.name.unwrap());
        }
        seen.len()
    };
    assert_eq!(follow().await, 1, "what is not committed is not seen, and nothing behind it either");
    release.send(()).unwrap();
    slow.await.unwrap().unwrap();
    follow().await;
    quick.await.unwrap().unwrap();
    assert_eq!(follow().await, 3);
    assert_eq!(seen, ["first", "slow", "quick"]);
    house.leave().await;
}

/// Until a statement of this house's tables that begins so waits for a lock.
async fn until_blocked(house: &House, statement: &'static str) {
    let (server, schema) = (house.server.clone(), house.schema.clone());
    let look = move || {
        let mut client = Client::connect(&server, NoTls).unwrap();
        let sql = "SELECT 1 FROM pg_locks JOIN pg_stat_activity USING (pid) JOIN pg_namespace ON nspname = $2
             WHERE NOT pg_blocking_pids(pid) = '{}' AND query LIKE $1 || '%'
             AND EXISTS (SELECT 1 FROM pg_locks AS held JOIN pg_class ON pg_class.oid = held.relation
                 WHERE held.pid = pg_locks.pid AND relnamespace = pg_namespace.oid) LIMIT 1";
        assert!(
            (0..50_000).any(|_| !client.query(sql, &[&statement, &schema]).unwrap().is_empty()),
            "nothing that begins with {statement:?} waits"
        );
    };
    tokio::task::spawn_blocking(look).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_is_not_outrun_by_deliveries_that_are_given_up() {
    let Some(house) = house("pause").await else { return };
    let org = house.org.clone();
    let made = house.node.write(move |tx| {
        let new = NewSubscription {
            url: "https://example.com/hook".to_owned(),
            description: None,
            events: vec![EventType::ContactCreated],
            secret: SecretId::new(tx.env()),
            sealed: vec![1],
        };
        let to = tx.add_subscription(&org, &new)?.id;
        let event = Event {
            id: EventId::new(tx.env()),
            event_type: EventType::ContactCreated,
            created_at: tx.now(),
            livemode: true,
            sequence: None,
            data: serde_json::json!({}),
        };
        let delivery = tx.publish_to(&org, &to, &event)?;
        Ok::<_, StoreError>((to, delivery))
    });
    let (to, delivery) = made.await.unwrap();
    let (begun, has_begun) = channel::<()>();
    let (release, held) = channel::<()>();
    let (store, org, paused) = (house.node.clone(), house.org.clone(), to.clone());
    let pause = tokio::spawn(async move {
        let paused = store.write(move |tx| {
            let patch = SubscriptionPatch { status: Some(SubscriptionStatus::Paused), ..SubscriptionPatch::default() };
            tx.patch_subscription(&org, &paused, &patch)?;
            begun.send(()).unwrap();
            held.recv().unwrap();
            Ok::<_, StoreError>(())
        });
        paused.await
    });
    tokio::task::spawn_blocking(move || has_begun.recv().unwrap()).await.unwrap();
    let (store, given_up) = (house.other_node.clone(), to.clone());
    let settle = tokio::spawn(async move {
        let outcome = Outcome::Dead { error: "answered 410".to_owned(), counts: true };
        let settled = Settled { id: delivery, response_status: Some(410), outcome };
        store.write(move |tx| tx.settle_deliveries(&given_up, &[settled], 1)).await
    });
    until_blocked(&house, "UPDATE subscriptions").await;
    release.send(()).unwrap();
    pause.await.unwrap().unwrap();
    assert_eq!(settle.await.unwrap(), Ok::<_, StoreError>(false), "what is paused is not disabled");
    let org = house.org.clone();
    let read: Result<_, StoreError> = house.node.read(move |tx| tx.subscription(&org, &to)).await;
    assert_eq!(read.unwrap().map(|it| (it.status, it.consecutive_failures)), Some((SubscriptionStatus::Paused, 1)));
    house.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_whose_first_call_still_runs_is_told_so_at_once() {
    let Some(house) = house("in_flight").await else { return };
    let (begun, has_begun) = channel::<()>();
    let (release, held) = channel::<()>();
    let answer = StoredAnswer { status: 201, headers: "{}".to_owned(), body: vec![1] };
    let (store, org, kept) = (house.node.clone(), house.org.clone(), answer.clone());
    let first = tokio::spawn(async move {
        let claimed = store.write(move |tx| {
            let claim = tx.idempotency_begin(&org, "key", &[1; 32])?;
            begun.send(()).unwrap();
            held.recv().unwrap();
            tx.idempotency_finish(&org, "key", &kept, None)?;
            Ok::<_, StoreError>(claim)
        });
        claimed.await
    });
    tokio::task::spawn_blocking(move || has_begun.recv().unwrap()).await.unwrap();
    let begin = async |key: &'static str| {
        let org = house.org.clone();
        let claim: Result<_, StoreError> =
            house.other_node.write(move |tx| tx.idempotency_begin(&org, key, &[1; 32])).await;
        claim.unwrap()
    };
    // The first one ends only when it is released: whoever waited for it would wait for ever.
    assert_eq!(begin("key").await, Begin::Running);
    assert_eq!(begin("another").await, Begin::First);
    release.send(()).unwrap();
    assert_eq!(first.await.unwrap(), Ok(Begin::First));
    assert_eq!(begin("key").await, Begin::Replay(answer));
    house.leave().await;
}

#[tokio::test]
async fn processes_that_start_together_found_one_organization() {
    let Some(house) = house("founding").await else { return };
    let found = |store: &Store| {
        let store = store.clone();
        tokio::spawn(async move {
            store
                .write(|tx| {
                    tx.hold_founding()?;
                    // The house has one organization already; this is about the second.
                    if tx.orgs()?.len() < 2 {
                        tx.create_org("Toko Baru")?;
                    }
                    Ok::<_, StoreError>(())
                })
                .await
        })
    };
    let started: Vec<_> = (0..8).map(|n| found(if n % 2 == 0 { &house.node } else { &house.other_node })).collect();
    for process in started {
        process.await.unwrap().unwrap();
    }
    let orgs: Result<_, StoreError> = house.node.read(|tx| tx.orgs()).await;
    assert_eq!(orgs.unwrap().len(), 2);
    house.leave().await;
}

#[tokio::test]
async fn what_the_server_says_when_the_schema_cannot_be_made_is_told() {
    let Some(house) = house("refused").await else { return };
    let nowhere = format!("{}?options=-csearch_path%3Dno_such_schema", house.server);
    let refused = Store::open(&Target::Postgres(nowhere), Env::system().unwrap()).unwrap_err().to_string();
    assert!(refused.contains("no schema has been selected"), "{refused}");
    assert_eq!(refused.lines().count(), 1, "{refused}");
    house.leave().await;
}
