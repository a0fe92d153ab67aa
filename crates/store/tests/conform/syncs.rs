//! Syncs with their plans, records, intents and questions.

use std::slice::from_ref;
use std::time::Duration;

use lockstep_core::ids::{ContactId, IntentId, PairId, ParkedId};
use lockstep_core::parked::{Parked, Reason};
use lockstep_core::plan::{PlanRow, PlanSummary};
use lockstep_core::record::Record;
use lockstep_store::{Intent, IntentKind, IntentState, OnDelete, PlanStatus, StoreError, SyncStatus};

use crate::world::{World, mapping};

pub fn a_sync_keeps_its_place(world: &World) {
    let of = world.sync();
    assert_eq!((of.row().status, of.row().on_delete), (SyncStatus::Planning, OnDelete::Unlink));
    let now = world.env.now();
    let id = of.id().clone();
    let org = world.write(move |tx, org| {
        tx.set_sync_status(&of, SyncStatus::Stopped, Some("the token was revoked"))?;
        tx.set_sync_cursor(&of, Some(r#"{"since":1}"#))?;
        tx.set_sync_scan(&of, Some("7"))?;
        tx.set_sync_pulled_at(&of, Some(now))?;
        tx.set_sync_census(&of, Some("{}"), Some(now))?;
        assert_eq!(tx.sync_census(&of)?.as_deref(), Some("{}"));
        tx.set_sync_census(&of, None, None)?;
        assert_eq!(tx.sync_census(&of)?, None);
        tx.set_sync_on_delete(&of, OnDelete::Archive)?;
        assert_eq!(tx.syncs(org)?.len(), 1);
        let connection = tx.connection(org, &of.row().connection)?.unwrap();
        assert_eq!(tx.sync_of_connection(&connection)?.unwrap().id(), of.id());
        tx.org_of_sync(of.id())
    });
    assert_eq!(org.as_ref(), Some(&world.org));
    let row = world.read(move |tx, _| tx.sync(&id)).unwrap().row().clone();
    assert_eq!((row.status, row.stopped_reason.as_deref()), (SyncStatus::Stopped, Some("the token was revoked")));
    assert_eq!((row.cursor.as_deref(), row.scan.as_deref()), (Some(r#"{"since":1}"#), Some("7")));
    assert_eq!((row.pulled_at, row.census_at), (Some(now), Some(now)));
    assert_eq!((row.on_delete, row.mapping), (OnDelete::Archive, mapping()));
    let second = world.try_write(|tx, org| {
        let connection = tx.connections(org)?.remove(0);
        tx.add_sync(&connection, &mapping()).map(|_| ())
    });
    assert!(matches!(second, Err(StoreError::Conflict { .. })));
}

pub fn a_plan_keeps_its_rows_in_order(world: &World) {
    let of = world.sync();
    let row = |n: i64| PlanRow::NewInInbox { native: n.to_string() };
    let (rows, turned) = world.write(move |tx, _| {
        let plan = tx.add_plan(&of)?;
        tx.add_plan_rows(&plan, &[row(1), row(2)])?;
        tx.add_plan_rows(&plan, &[row(3)])?;
        tx.replace_plan_row(&plan, 2, &row(22))?;
        let summary = PlanSummary { new_in_inbox: 3, ..PlanSummary::default() };
        tx.set_plan(&plan, PlanStatus::Ready, &summary)?;
        let kept = tx.plan(&plan)?.unwrap();
        assert_eq!((kept.status, kept.summary, &kept.sync), (PlanStatus::Ready, summary, of.id()));
        assert!(tx.replace_plan_row(&plan, 9, &row(9)).is_err());
        Ok((tx.plan_rows(&plan, 0, 2)?, tx.plan_rows(&plan, 2, 9)?))
    });
    assert_eq!(rows, [(1, row(1)), (2, row(22))]);
    assert_eq!(turned, [(3, row(3))]);
}

fn record(world: &World, id: &str, name: &str) -> Record {
    Record {
        id: id.to_owned(),
        properties: [("firstname".to_owned(), Some(name.to_owned())), ("phone".to_owned(), None)].into(),
        updated_at: world.env.now(),
        archived: false,
        merged: vec!["77".to_owned()],
    }
}

pub fn records_are_found_by_key_and_by_census(world: &World) {
    let of = world.sync();
    let (first, second) = (record(world, "501", "Budi"), record(world, "502", "Siti"));
    let changed = record(world, "501", "Budi Santoso");
    let later = world.env.now().plus(Duration::from_secs(1));
    world.write(move |tx, _| {
        tx.put_record(&of, &first, &["email:a".to_owned(), "email:a".to_owned(), "phone:1".to_owned()])?;
        tx.put_record(&of, &second, &["email:a".to_owned()])?;
        assert_eq!(tx.records_by_key(&of, "email:a")?, ["501", "502"]);
        tx.put_record(&of, &changed, &["email:b".to_owned()])?;
        assert_eq!(tx.records_by_key(&of, "email:a")?, ["502"]);
        assert!(tx.records_by_key(&of, "phone:1")?.is_empty());
        assert_eq!(tx.native_record(&of, "501")?, Some(changed.clone()));
        assert_eq!(tx.record_page(&of, Some("501"), 9)?.len(), 1);
        tx.seen_in_census(&of, 1, &["501".to_owned(), "999".to_owned()])?;
        assert_eq!(tx.absent_since_census(&of, 1, later, None, 9)?, ["502"]);
        let read_since = tx.now();
        assert!(tx.absent_since_census(&of, 1, read_since, None, 9)?.is_empty());
        tx.delete_record(&of, "502")?;
        assert_eq!(tx.record_page(&of, None, 9)?, [changed]);
        assert!(tx.records_by_key(&of, "email:a")?.is_empty());
        Ok(())
    });
}

pub fn an_intent_is_exclusive_and_closes(world: &World) {
    let of = world.sync();
    let intent = Intent {
        id: IntentId::new(&world.env),
        sync: of.id().clone(),
        pair: PairId::new(&world.env),
        kind: IntentKind::Create,
        fields: [("name".to_owned(), Some("Budi".to_owned()))].into(),
        properties: [("firstname".to_owned(), Some("Budi".to_owned())), ("lastname".to_owned(), None)].into(),
        dirty: 4,
        state: IntentState::Open,
        not_before: None,
        sent_at: world.env.now(),
    };
    let (kept, rival) = (intent.clone(), Intent { id: IntentId::new(&world.env), ..intent.clone() });
    let (sync, later) = (of.clone(), world.env.now().plus(Duration::from_secs(10)));
    world.write(move |tx, _| {
        tx.put_intents(&sync, from_ref(&kept))?;
        assert_eq!(tx.open_intents(&sync, 9)?, from_ref(&kept));
        tx.set_intent_unknown(&sync, &kept.id, later)?;
        let unknown = tx.intent_of_pair(&sync, &kept.pair)?.unwrap();
        assert_eq!((unknown.state, unknown.not_before), (IntentState::Unknown, Some(later)));
        Ok(())
    });
    let sync = of.clone();
    assert!(matches!(world.try_write(move |tx, _| tx.put_intents(&sync, &[rival])), Err(StoreError::Conflict { .. })));
    let left = world.write(move |tx, _| {
        tx.close_intent(&of, &intent.id)?;
        tx.open_intents(&of, 9)
    });
    assert!(left.is_empty());
}

pub fn a_question_is_asked_once(world: &World) {
    let of = world.sync();
    let contact = ContactId::new(&world.env);
    let question = |reason: Reason| Parked {
        id: ParkedId::new(&world.env),
        sync: of.id().clone(),
        contact: Some(contact.clone()),
        pair: None,
        native: None,
        reason,
        parked_at: world.env.now(),
    };
    let fight = |field: &str, ours: &str| {
        question(Reason::Fight { field: field.to_owned(), ours: Some(ours.to_owned()), theirs: None })
    };
    let first = fight("email", "one");
    let (again, other, lost) = (fight("email", "two"), fight("name", "one"), question(Reason::UnknownOutcome));
    let sync = of.clone();
    world.write(move |tx, org| {
        let id = tx.park(&sync, &first)?;
        assert_eq!(tx.park(&sync, &again)?, id);
        tx.park(&sync, &other)?;
        tx.park(&sync, &lost)?;
        let (page, more) = tx.parked_list(org, None, 2)?;
        assert_eq!((page.len(), more), (2, true));
        let kept = tx.parked(org, &id)?.unwrap();
        assert_eq!(kept.reason, again.reason);
        assert_eq!(tx.pair_counts(&sync)?.questions, 3);
        assert!(tx.close_parked(org, &id)?);
        assert!(!tx.close_parked(org, &id)?);
        Ok(())
    });
}
