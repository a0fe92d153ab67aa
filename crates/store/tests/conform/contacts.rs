//! Contacts, their match keys and their log.

use std::collections::BTreeSet;
use std::slice::from_ref;
use std::time::Duration;

use lockstep_core::change::{Change, Decision, FieldChange, Origin, Verdict};
use lockstep_core::contact::Contact;
use lockstep_core::event::{Event, EventType};
use lockstep_core::external::ExternalId;
use lockstep_core::ids::{ChangeId, ContactId, EventId, PairId, ParkedId, SecretId};
use lockstep_core::mapping::model::Side;
use lockstep_core::pair::{FieldBase, Pair, PairState};
use lockstep_core::parked::{Parked, Reason};
use lockstep_core::phone::Phone;
use lockstep_core::plan::{PlanConflict, PlanRow};
use lockstep_core::record::Record;
use lockstep_store::{ContactFilter, NewSubscription, Order, Page, StoreError};
use serde_json::json;

use crate::world::{ACCOUNT, World, new_contact};

fn page(limit: usize, order: Order) -> Page {
    Page { limit, after: None, order }
}

pub fn a_contact_reads_back_as_it_was_made(world: &World) {
    let made = world.write(|tx, org| {
        let mut new = new_contact("+628111222333", "Budi Santoso", "budi@example.id");
        new.metadata = json!({"tier": "gold", "n": 1}).as_object().cloned();
        new.acquisition_source = Some("import".to_owned());
        tx.insert_contact(org, new)
    });
    assert_eq!(made.account, ACCOUNT);
    assert_eq!((made.created_at, made.updated_at), (world.env.now(), world.env.now()));
    let (id, expected) = (made.id.clone(), made.clone());
    assert_eq!(world.read(move |tx, org| tx.contact(org, &id)), Some(expected));
    let phone = Phone::parse("+628111222333").unwrap();
    let by_phone = world.read(move |tx, org| {
        Ok((tx.contact_by_phone(org, None, &phone)?, tx.contact_by_phone(org, Some("elsewhere"), &phone)?))
    });
    assert_eq!(by_phone, (vec![made], vec![]));
    assert_eq!(world.read(|tx, org| tx.count_contacts(org)), 1);
}

pub fn contacts_are_read_many_at_once(world: &World) {
    let (ana, budi) = (world.contact("+628111222333", "Ana", "a@b.c"), world.contact("+628111222334", "Budi", "b@b.c"));
    let gone = world.contact("+628111222335", "Citra", "c@b.c").id;
    world.write(move |tx, org| {
        tx.delete_contact(org, &gone)?;
        let found = tx.contacts_by_id(org, &[&ana.id, &budi.id, &gone, &ana.id])?;
        assert_eq!(found.keys().collect::<BTreeSet<_>>(), BTreeSet::from([&ana.id, &budi.id]));
        assert_eq!(tx.contacts_by_id(org, &[&budi.id])?.remove(&budi.id), Some(budi));
        assert!(tx.contacts_by_id(org, &[])?.is_empty());
        let other = tx.create_org("Another")?;
        assert!(tx.contacts_by_id(&other, &[&ana.id])?.is_empty());
        Ok(())
    });
}

pub fn an_account_has_a_number_once(world: &World) {
    world.contact("+628111222333", "Budi", "budi@example.id");
    let other = world.contact("+628111222444", "Siti", "siti@example.id");
    let kept = world.write(move |tx, org| {
        let again = tx.insert_contact(org, new_contact("+628111222333", "Impostor", "x@example.id"));
        assert_eq!(again, Err(StoreError::Conflict { constraint: "contacts_account_phone".to_owned() }));
        let mut thief = other.clone();
        thief.phone_number = Some(Phone::parse("+628111222333").unwrap());
        assert!(matches!(tx.put_contact(org, &thief), Err(StoreError::Conflict { .. })));
        // The transaction goes on after both, and another account may have the number.
        tx.add_account(org, "2", "+1", "Second")?;
        let mut elsewhere = new_contact("+628111222333", "Budi", "budi@example.id");
        elsewhere.account = Some("2".to_owned());
        tx.insert_contact(org, elsewhere)?;
        tx.count_contacts(org)
    });
    assert_eq!(kept, 3);
}

pub fn a_patch_moves_the_contact_to_the_end_of_the_changes(world: &World) {
    let first = world.contact("+628111222333", "Budi", "budi@example.id");
    let second = world.contact("+628111222444", "Siti", "siti@example.id");
    world.dial.advance(Duration::from_secs(5));
    let mut changed = first.clone();
    changed.name = Some("Budi Santoso".to_owned());
    let stored = world.write(move |tx, org| tx.put_contact(org, &changed));
    assert!(stored.seq > second.seq);
    assert_eq!(stored.updated_at, world.env.now());
    assert_eq!(stored.created_at, first.created_at);
    let (since, expected) = (second.updated_at, stored.clone());
    let found = world.read(move |tx, org| {
        let filter = ContactFilter { updated_after: Some(since), ..ContactFilter::default() };
        tx.list_contacts(org, &filter, &page(10, Order::SeqAsc))
    });
    assert_eq!(found, (vec![expected], false));
    let mut ghost = stored;
    ghost.id = ContactId::new(&world.env);
    let missing = world.try_write(move |tx, org| {
        ghost.phone_number = None;
        tx.put_contact(org, &ghost)
    });
    assert_eq!(missing, Err(StoreError::Missing { what: "contact" }));
}

pub fn a_deleted_contact_leaves_no_personal_field(world: &World) {
    let contact = world.contact("+628111222333", "Budi", "budi@example.id");
    let (id, expected) = (contact.id.clone(), Contact { seq: contact.seq + 1, ..contact });
    let deleted = world.write(move |tx, org| Ok((tx.delete_contact(org, &id)?, tx.delete_contact(org, &id)?)));
    assert_eq!(deleted, (Some(expected), None));
    let (listed, keyed, count) = world.read(|tx, org| {
        let (listed, _) = tx.list_contacts(org, &ContactFilter::default(), &page(10, Order::SeqAsc))?;
        Ok((listed, tx.contacts_by_key(org, "email:budi@example.id")?, tx.count_contacts(org)?))
    });
    assert_eq!((listed.len(), keyed.len(), count), (0, 0, 0));
    world.contact("+628111222333", "Budi again", "budi@example.id");
}

pub fn search_forgets_case_and_accents_and_takes_signs_literally(world: &World) {
    let jose = world.contact("+5511987654321", "José Álvarez", "jose@example.br");
    let percent = world.contact("+5511987654322", "100% Café_Bar", "bar@example.br");
    let search = |text: &str| {
        let filter = ContactFilter { search: Some(text.to_owned()), ..ContactFilter::default() };
        let (found, _) = world.read(move |tx, org| tx.list_contacts(org, &filter, &page(10, Order::CreatedDesc)));
        found.into_iter().map(|contact| contact.id).collect::<Vec<_>>()
    };
    assert_eq!(search("jose alv"), from_ref(&jose.id));
    assert_eq!(search("ÁLVAREZ"), from_ref(&jose.id));
    assert_eq!(search("@EXAMPLE").len(), 2);
    assert_eq!(search("0% c"), from_ref(&percent.id));
    assert_eq!(search("fe_b"), [percent.id]);
    assert!(search("%").len() == 1 && search("a_v").is_empty() && search("\\").is_empty());
}

pub fn pages_show_every_contact_once_in_both_orders(world: &World) {
    for n in 0..7 {
        // Three share an instant, so that the id has to break the tie.
        if n % 3 == 0 {
            world.dial.advance(Duration::from_secs(1));
        }
        world.contact(&format!("+62811122230{n}"), &format!("Contact {n}"), "same@example.id");
    }
    for order in [Order::CreatedDesc, Order::SeqAsc] {
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = Page { limit: 2, after: after.clone(), order };
            let (found, more) = world.read(move |tx, org| tx.list_contacts(org, &ContactFilter::default(), &page));
            let last = found.last().unwrap();
            let key = if order == Order::SeqAsc { last.seq } else { last.created_at.0 };
            after = Some((key, last.id.clone()));
            seen.extend(found);
            if !more {
                break;
            }
        }
        assert_eq!(seen.len(), 7);
        let sorted = match order {
            Order::CreatedDesc => {
                seen.is_sorted_by_key(|contact| std::cmp::Reverse((contact.created_at, contact.id.clone())))
            }
            Order::SeqAsc => seen.is_sorted_by_key(|contact| contact.seq),
        };
        assert!(sorted);
    }
    let walk = world.read(|tx, org| {
        let first = tx.contact_page(org, None, 4)?;
        let rest = tx.contact_page(org, first.last().map(|contact| &contact.id), 10)?;
        Ok((first.len(), rest.len()))
    });
    assert_eq!(walk, (4, 3));
}

pub fn match_keys_follow_the_contact(world: &World) {
    let contact = world.contact("+628111222333", "Budi", "Budi@Example.id");
    let by_key = |key: &'static str| world.read(move |tx, org| tx.contacts_by_key(org, key));
    assert_eq!(by_key("email:budi@example.id"), from_ref(&contact.id));
    assert_eq!(by_key("phone:+628111222333"), from_ref(&contact.id));
    let mut moved = contact;
    moved.email = Some("santoso@example.id".to_owned());
    let moved = world.write(move |tx, org| tx.put_contact(org, &moved));
    assert!(by_key("email:budi@example.id").is_empty());
    assert_eq!(by_key("email:santoso@example.id"), [moved.id]);
}

fn change(world: &World, subject: &ContactId, seq: i64, field: &str) -> Change {
    let value = |text: &str| Some(text.to_owned());
    Change {
        id: ChangeId::new(&world.env),
        subject: subject.clone(),
        seq,
        at: world.env.now(),
        origin: Origin::CommandLine,
        fields: vec![FieldChange {
            field: field.to_owned(),
            side: Side::Inbox,
            before: value("secret before"),
            after: value("secret after"),
            decision: Some(Decision {
                verdict: Verdict::Held,
                base: Some(FieldBase { ours: value("secret base"), theirs: None }),
                ours: value("secret ours"),
                theirs: value("secret theirs"),
                mapping: 3,
            }),
        }],
    }
}

pub fn the_log_answers_by_contact_and_by_field(world: &World) {
    let contact = world.contact("+628111222333", "Budi", "budi@example.id");
    let other = world.contact("+628111222444", "Siti", "siti@example.id");
    let email = change(world, &contact.id, 10, "email");
    let tag = change(world, &contact.id, 11, "metadata.a_b");
    let lookalike = change(world, &contact.id, 12, "metadata.axb");
    let foreign = change(world, &other.id, 13, "email");
    let all = [email.clone(), tag.clone(), lookalike.clone(), foreign];
    world.write(move |tx, org| all.iter().try_for_each(|change| tx.record(org, change)));
    let of = |field: Option<&'static str>, limit: usize| {
        let id = contact.id.clone();
        world.read(move |tx, org| tx.changes_of(org, &id, field, limit))
    };
    assert_eq!(of(None, 10), [lookalike.clone(), tag.clone(), email.clone()]);
    assert_eq!(of(Some("email"), 10), [email]);
    assert_eq!(of(Some("metadata.a_b"), 10), [tag]);
    assert_eq!(of(None, 1), [lookalike]);
    assert_eq!(of(Some("mail"), 10), []);
}

fn quoting_event(world: &World, contact: &ContactId) -> Event {
    Event {
        id: EventId::new(&world.env),
        event_type: EventType::ContactCreated,
        created_at: world.env.now(),
        sequence: None,
        livemode: true,
        data: json!({"contact": {"id": contact, "name": "secret name"}}),
    }
}

fn quoting_record(world: &World) -> Record {
    Record {
        id: "501".to_owned(),
        properties: [("firstname".to_owned(), Some("secret name".to_owned()))].into(),
        updated_at: world.env.now(),
        archived: false,
        merged: Vec::new(),
    }
}

pub fn an_erased_person_is_nowhere_quoted(world: &World) {
    let sync = world.sync();
    let contact = world.contact("+628111222333", "Budi", "budi@example.id");
    let logged = change(world, &contact.id, 10, "email");
    let pair = Pair {
        id: PairId::new(&world.env),
        sync: sync.id().clone(),
        contact: contact.id.clone(),
        native: Some("501".to_owned()),
        state: PairState::Open,
        base: [("email".to_owned(), FieldBase { ours: Some("secret base".to_owned()), theirs: None })].into(),
        fights: [].into(),
        held: Vec::new(),
        dirty: None,
        updated_at: world.env.now(),
    };
    let question = Parked {
        id: ParkedId::new(&world.env),
        sync: sync.id().clone(),
        contact: Some(contact.id.clone()),
        pair: Some(pair.id.clone()),
        native: None,
        reason: Reason::Fight { field: "email".to_owned(), ours: Some("secret".to_owned()), theirs: None },
        parked_at: world.env.now(),
    };
    let (event, record) = (quoting_event(world, &contact.id), quoting_record(world));
    let subscription = NewSubscription {
        url: "https://example.com".to_owned(),
        description: None,
        events: EventType::ALL.to_vec(),
        secret: SecretId::new(&world.env),
        sealed: vec![1],
    };
    let conflict = |value: &str| PlanConflict {
        field: "email".to_owned(),
        ours: value.to_owned(),
        theirs: value.to_owned(),
        winner: Side::Inbox,
    };
    let shown = |value| PlanRow::Matched {
        contact: contact.id.clone(),
        native: "501".to_owned(),
        conflicts: vec![conflict(value)],
    };
    let shared = PlanRow::Ambiguous {
        contacts: vec![contact.id.clone(), ContactId::new(&world.env)],
        records: vec!["502".to_owned()],
    };
    let (planned, blanked) = ([shown("secret"), shared.clone()], [(1, shown("")), (2, shared)]);
    let left = world.write(move |tx, org| {
        tx.record(org, &logged)?;
        tx.insert_pair(&sync, &pair)?;
        tx.put_record(&sync, &record, &["phone:628111222333".to_owned()])?;
        let plan = tx.add_plan(&sync)?;
        tx.add_plan_rows(&plan, &planned)?;
        tx.park(&sync, &question)?;
        tx.add_subscription(org, &subscription)?;
        tx.publish(org, &event)?;
        tx.erase_subject(org, &contact.id)?;
        assert_eq!(tx.plan_rows(&plan, 0, 9)?, blanked, "what was planned stays, for the others that a row names too");
        assert_eq!(tx.records_by_key(&sync, "phone:628111222333")?, ["501"], "its record is still met by its number");
        assert!(tx.native_record(&sync, "501")?.unwrap().properties.is_empty());
        let (deliveries, _) = tx.deliveries(org, &Default::default(), None, 1)?;
        tx.replay(org, &deliveries[0].id)?.unwrap();
        let sent = tx.delivery_work(&deliveries[0].subscription, 9)?.unwrap().due;
        let left = (tx.changes_of(org, &contact.id, None, 9)?, tx.pair(&sync, &pair.id)?, &sent[0].1.data);
        Ok((format!("{left:?}"), left.0, tx.parked_list(org, None, 9)?.0))
    });
    assert!(!left.0.contains("secret"), "{}", left.0);
    assert_eq!(left.1[0].fields[0].decision.as_ref().unwrap().mapping, 3);
    assert!(left.2.is_empty());
}

pub fn a_contact_is_found_by_the_id_of_its_record(world: &World) {
    let sync = world.sync();
    let contact = world.contact("+628111222333", "Budi", "Budi@Example.id");
    let other = world.contact("+628111222334", "Ana", "ana@example.id");
    let pair = Pair {
        id: PairId::new(&world.env),
        sync: sync.id().clone(),
        contact: contact.id.clone(),
        native: Some("501".to_owned()),
        state: PairState::Open,
        base: [].into(),
        fights: [].into(),
        held: Vec::new(),
        dirty: None,
        updated_at: world.env.now(),
    };
    world.write(move |tx, org| {
        tx.insert_pair(&sync, &pair)?;
        let mut known = other.clone();
        known.metadata = json!({"crm_id": 501}).as_object().cloned();
        tx.put_contact(org, &known)?;
        let mut found = |text: &str| {
            let external_id = Some(ExternalId::parse(text).unwrap());
            let filter = ContactFilter { external_id, ..ContactFilter::default() };
            let (rows, _) = tx.list_contacts(org, &filter, &page(9, Order::SeqAsc))?;
            Ok::<_, StoreError>(rows.into_iter().map(|row| row.id).collect::<Vec<_>>())
        };
        assert_eq!(found("hubspot:501")?, from_ref(&contact.id));
        assert_eq!(found(&format!("{}:501", sync.id()))?, from_ref(&contact.id));
        assert_eq!(found("crm:501")?, [contact.id.clone(), other.id]);
        assert!(found("pipedrive:501")?.is_empty() && found("hubspot:502")?.is_empty());
        let mut pair = pair;
        pair.state = PairState::Tombstone;
        tx.save_pair(&sync, &pair)?;
        let filter = ContactFilter { external_id: ExternalId::parse("hubspot:501").ok(), ..ContactFilter::default() };
        assert!(tx.list_contacts(org, &filter, &page(9, Order::CreatedDesc))?.0.is_empty(), "it was let go of");
        let filter = ContactFilter { email: Some("BUDI@example.ID".to_owned()), ..ContactFilter::default() };
        assert_eq!(tx.list_contacts(org, &filter, &page(9, Order::CreatedDesc))?.0, [contact]);
        Ok(())
    });
}

pub fn changes_since_a_time_come_in_commit_order_though_clocks_step_back(world: &World) {
    let start = world.env.now();
    let mut made = Vec::new();
    for secs in [10_u64, 30, 20, 5, 40] {
        world.dial.set(start.plus(Duration::from_secs(secs)));
        made.push(world.contact(&format!("+62811122233{}", made.len()), "Budi", "budi@example.id").id);
    }
    let since = |secs: u64, before: Option<u64>| {
        let at = |secs| start.plus(Duration::from_secs(secs));
        let filter =
            ContactFilter { updated_after: Some(at(secs)), updated_before: before.map(at), ..ContactFilter::default() };
        let listed = world.read(move |tx, org| Ok(tx.list_contacts(org, &filter, &page(9, Order::SeqAsc))?.0));
        listed.into_iter().map(|contact| made.iter().position(|id| *id == contact.id).unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(since(0, None), [0, 1, 2, 3, 4]);
    assert_eq!(since(9, None), [0, 1, 2, 4]);
    assert_eq!(since(25, None), [1, 4]);
    assert_eq!(since(4, Some(30)), [0, 2, 3]);
    assert_eq!(world.read(|tx, org| tx.last_seq(org)), 5);
}
