//! What holds for every transaction.

use std::future::Future;
use std::task::{Context, Waker};
use std::thread;

use lockstep_core::contact::NewContact;
use lockstep_core::env::Env;
use lockstep_core::job::Job;
use lockstep_store::{Store, StoreError};

use crate::world::{World, finish, new_contact};

pub fn a_refusal_undoes_row_event_and_job_together(world: &World) {
    #[derive(Debug, PartialEq)]
    enum Refusal {
        NotToday,
        Store(StoreError),
    }
    impl From<StoreError> for Refusal {
        fn from(error: StoreError) -> Self {
            Self::Store(error)
        }
    }
    let ready = world.store.jobs_ready();
    let org = world.org.clone();
    let refused: Result<(), Refusal> = finish(world.store.write(move |tx| {
        tx.insert_contact(&org, new_contact("+628111222333", "Budi", "budi@example.id"))?;
        let now = tx.now();
        tx.enqueue(&Job::Purge, now)?;
        Err(Refusal::NotToday)
    }));
    assert_eq!(refused, Err(Refusal::NotToday));
    let left = world.read(|tx, org| Ok((tx.count_contacts(org)?, tx.queue_counts()?.waiting)));
    assert_eq!(left, (0, 0));
    assert!(!ready.has_changed().unwrap());
    world.write(|tx, _| {
        let now = tx.now();
        tx.enqueue(&Job::Purge, now)
    });
    assert!(ready.has_changed().unwrap());
}

pub fn a_swallowed_failure_keeps_nothing(world: &World) {
    let outcome = world.try_write(|tx, org| {
        tx.insert_contact(org, new_contact("+628111222333", "Budi", "budi@example.id"))?;
        assert!(matches!(tx.add_account(org, crate::world::ACCOUNT, "+1", "again"), Err(StoreError::Conflict { .. })));
        assert!(tx.count_contacts(org).is_err());
        Ok(())
    });
    assert!(matches!(outcome, Err(StoreError::Conflict { .. })));
    assert_eq!(world.read(|tx, org| tx.count_contacts(org)), 0);
}

pub fn a_panic_is_an_error_of_its_closure_alone(world: &World) {
    let outcome: Result<(), StoreError> = world.try_write(|tx, org| {
        tx.insert_contact(org, new_contact("+628111222333", "Budi", "budi@example.id"))?;
        panic!("a planted panic");
    });
    assert!(matches!(outcome, Err(StoreError::Bug { .. })));
    assert_eq!(world.read(|tx, org| tx.count_contacts(org)), 0);
    world.contact("+628111222333", "Budi", "budi@example.id");
}

pub fn a_nul_character_is_refused(world: &World) {
    let outcome = world.try_write(|tx, org| tx.insert_contact(org, new_contact("", "Bu\0di", "budi@example.id")));
    assert!(matches!(outcome, Err(StoreError::Invalid { .. })));
    assert_eq!(world.read(|tx, org| tx.count_contacts(org)), 0);
}

pub fn an_unknown_account_is_refused(world: &World) {
    let mut new = new_contact("+628111222333", "Budi", "budi@example.id");
    new.account = Some("unheard of".to_owned());
    let outcome = world.try_write(move |tx, org| tx.insert_contact(org, new));
    assert!(matches!(outcome, Err(StoreError::Foreign { .. })));
    let ambiguous = world.try_write(|tx, org| {
        tx.add_account(org, "2", "+1", "Second")?;
        tx.insert_contact(org, new_contact("+628111222333", "Budi", "budi@example.id"))
    });
    assert_eq!(ambiguous, Err(StoreError::Missing { what: "account" }));
}

pub fn an_inline_write_can_be_stopped_before_and_after_its_commit(world: &World) {
    let stopped_after = |polls: usize| {
        let org = world.org.clone();
        let mut write = Box::pin(world.store.write(move |tx| tx.insert_contact(&org, NewContact::default())));
        for _ in 0..polls {
            assert!(write.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        }
        drop(write);
        world.read(|tx, org| tx.count_contacts(org))
    };
    assert_eq!(stopped_after(1), 0);
    assert_eq!(stopped_after(2), 1);
}

/// The store with its own threads, on the world's database.
fn threaded(world: &World) -> Store {
    Store::open(&world.target, Env::system().unwrap()).unwrap()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(4).build().unwrap()
}

pub fn numbers_grow_in_commit_order(world: &World) {
    let store = threaded(world);
    let watcher = store.clone();
    let (org, watched) = (world.org.clone(), world.org.clone());
    runtime().block_on(async move {
        let writers: Vec<_> = (0..40)
            .map(|n| {
                let (store, org) = (store.clone(), org.clone());
                tokio::spawn(async move {
                    let new = new_contact(&format!("+6281112223{n:02}"), "Budi", "budi@example.id");
                    store.write(move |tx| tx.insert_contact(&org, new)).await
                })
            })
            .collect();
        // A reader that pages by number meanwhile must never see a number come below one that it has seen.
        let (mut seen, mut highest) = (0, 0);
        while seen < 40 {
            let written = writers.iter().all(tokio::task::JoinHandle::is_finished);
            let org = watched.clone();
            let page = lockstep_store::Page {
                limit: 100,
                after: Some((highest, lockstep_core::ids::ContactId::new(&Env::system().unwrap()))),
                order: lockstep_store::Order::SeqAsc,
            };
            let found: Result<_, StoreError> =
                watcher.read(move |tx| tx.list_contacts(&org, &Default::default(), &page)).await;
            let fresh: Vec<i64> =
                found.unwrap().0.into_iter().map(|contact| contact.seq).filter(|seq| *seq > highest).collect();
            seen += fresh.len();
            highest = fresh.last().copied().unwrap_or(highest);
            if written && fresh.is_empty() {
                break;
            }
        }
        for writer in writers {
            writer.await.unwrap().unwrap();
        }
        assert_eq!(seen, 40);
    });
}

pub fn writes_of_one_organization_never_lose_an_update(world: &World) {
    let contact = world.contact("+628111222333", "0", "budi@example.id");
    let store = threaded(world);
    let add_one = |store: Store, org: lockstep_store::Org, id| async move {
        store
            .write(move |tx| {
                let mut contact = tx.contact(&org, &id)?.ok_or(StoreError::Missing { what: "contact" })?;
                // Widens the gap in which another write could come between.
                thread::yield_now();
                let count: u32 = contact.name.as_deref().unwrap_or_default().parse().unwrap();
                contact.name = Some((count + 1).to_string());
                tx.put_contact(&org, &contact)
            })
            .await
    };
    runtime().block_on(async {
        let adding: Vec<_> =
            (0..50).map(|_| tokio::spawn(add_one(store.clone(), world.org.clone(), contact.id.clone()))).collect();
        for one in adding {
            one.await.unwrap().unwrap();
        }
    });
    let id = contact.id;
    let counted = world.read(move |tx, org| tx.contact(org, &id)).unwrap();
    assert_eq!(counted.name.as_deref(), Some("50"));
}
