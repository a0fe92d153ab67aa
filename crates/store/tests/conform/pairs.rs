//! Pairs and what waits to be pushed.

use lockstep_core::contact::Contact;
use lockstep_core::ids::{IntentId, PairId};
use lockstep_core::pair::{Pair, PairState};
use lockstep_store::{DirtyKind, Intent, IntentKind, IntentState, PairCounts, StoreError, SyncOf};

use crate::world::World;

fn pair(world: &World, sync: &SyncOf, contact: &Contact, native: Option<&str>, dirty: Option<i64>) -> Pair {
    Pair {
        id: PairId::new(&world.env),
        sync: sync.id().clone(),
        contact: contact.id.clone(),
        native: native.map(str::to_owned),
        state: PairState::Open,
        base: [].into(),
        fights: [].into(),
        held: vec!["name".to_owned()],
        dirty,
        updated_at: world.env.now(),
    }
}

pub fn a_pair_is_one_to_one(world: &World) {
    let sync = world.sync();
    let budi = world.contact("+628111222333", "Budi", "budi@example.id");
    let siti = world.contact("+628111222444", "Siti", "siti@example.id");
    let first = pair(world, &sync, &budi, Some("501"), None);
    let (same_contact, same_native) =
        (pair(world, &sync, &budi, Some("502"), None), pair(world, &sync, &siti, Some("501"), None));
    let mut second = pair(world, &sync, &siti, None, None);
    world.write(move |tx, _| {
        tx.insert_pair(&sync, &first)?;
        assert!(matches!(tx.insert_pair(&sync, &same_contact), Err(StoreError::Conflict { .. })));
        assert!(matches!(tx.insert_pair(&sync, &same_native), Err(StoreError::Conflict { .. })));
        tx.insert_pair(&sync, &second)?;
        second.native = Some("501".to_owned());
        assert!(matches!(tx.save_pair(&sync, &second), Err(StoreError::Conflict { .. })));
        second.native = Some("503".to_owned());
        second.state = PairState::Tombstone;
        tx.save_pair(&sync, &second)?;
        assert_eq!(tx.pair(&sync, &first.id)?, Some(first.clone()));
        assert_eq!(tx.pair_by_contact(&sync, &budi.id)?, Some(first.clone()));
        assert_eq!(tx.pair_by_native(&sync, "503")?, Some(second));
        assert_eq!(tx.pair_page(&sync, None, 9)?.len(), 2);
        let counts = tx.pair_counts(&sync)?;
        assert_eq!(counts, PairCounts { open: 1, tombstones: 1, ..PairCounts::default() });
        Ok(())
    });
}

pub fn dirty_pairs_come_oldest_first(world: &World) {
    let sync = world.sync();
    let made: Vec<Pair> = [(Some("501"), 9), (Some("502"), 3), (None, 5), (None, 4)]
        .iter()
        .enumerate()
        .map(|(n, (native, dirty))| {
            let contact = world.contact(&format!("+62811122233{n}"), "Budi", "budi@example.id");
            pair(world, &sync, &contact, *native, Some(*dirty))
        })
        .collect();
    let sent = Intent {
        id: IntentId::new(&world.env),
        sync: sync.id().clone(),
        pair: made[1].id.clone(),
        kind: IntentKind::Update,
        fields: [].into(),
        properties: [].into(),
        dirty: 3,
        state: IntentState::Open,
        not_before: None,
        sent_at: world.env.now(),
    };
    world.write(move |tx, _| {
        made.iter().try_for_each(|pair| tx.insert_pair(&sync, pair))?;
        let ids = |pairs: Vec<Pair>| pairs.into_iter().map(|pair| pair.id).collect::<Vec<_>>();
        let updates = ids(tx.dirty_pairs(&sync, DirtyKind::Updates, true, 9)?);
        assert_eq!(updates, [made[1].id.clone(), made[0].id.clone()]);
        let creates = ids(tx.dirty_pairs(&sync, DirtyKind::Creates, true, 9)?);
        assert_eq!(creates, [made[3].id.clone(), made[2].id.clone()]);
        tx.put_intents(&sync, &[sent])?;
        assert_eq!(ids(tx.dirty_pairs(&sync, DirtyKind::Updates, true, 9)?), [made[0].id.clone()]);
        assert_eq!(tx.dirty_pairs(&sync, DirtyKind::Updates, false, 1)?[0].id, made[1].id);
        Ok(())
    });
}
