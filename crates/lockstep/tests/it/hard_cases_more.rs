//! Hard cases that the vendors' habits make, one test each.

use std::time::Duration;

use lockstep_core::contact::{ContactPatch, NewContact};
use lockstep_core::pair::PairState;
use lockstep_core::parked::Reason;
use lockstep_core::patch::Patch;
use lockstep_core::phone::Phone;
use lockstep_sandbox::{Effect, Fault, HubspotSettings};
use serde_json::json;

use crate::hard_cases::{CREATE, UPDATE, UPSERT, empty, in_step, person, rename};
use crate::world::{Setup, World};

fn name(world: &World, contact: &lockstep_core::contact::Contact) -> Option<String> {
    world.contact(&contact.id).and_then(|contact| contact.name)
}

#[test]
fn a_merge_that_mints_a_new_id_moves_the_pair_and_parks_the_other_contact() {
    let (mut world, pairs) = in_step(&Setup::default(), 2);
    let [(kept, a), (other, b)] = pairs.as_slice() else { panic!("two people") };
    let survivor = world.hubspot.merge(a, b).expect("a merge");

    world.settle();
    world.pass(Duration::from_secs(7_300));

    assert_eq!(world.native_of(&kept.id).as_deref(), Some(survivor.as_str()));
    assert_eq!(world.living_records().len(), 1, "nothing is made anew");
    assert_eq!(world.contacts().len(), 2, "nothing is deleted");
    let asked = world.parked().into_iter().find(|parked| matches!(parked.reason, Reason::MergedAway { .. }));
    assert_eq!(asked.and_then(|parked| parked.contact).as_ref(), Some(&other.id));
    world.hubspot.edit(&survivor, &[("lastname", "Survivor")]).expect("an edit");
    world.settle();
    assert_eq!(name(&world, kept).as_deref(), Some("Ana Survivor"));
}

#[test]
fn edits_within_one_coarse_stamp_all_arrive() {
    // As coarse as stays below the lag that the connector declares.
    let step = Duration::from_secs(9);
    let setup = Setup {
        granularity: step,
        index_lag: Duration::ZERO,
        poll: Duration::from_secs(1),
        page: Some(4),
        ..Setup::default()
    };
    let (mut world, pairs) = in_step(&setup, 10);
    world.pass(step - Duration::from_secs(world.now().as_secs().rem_euclid(9).unsigned_abs()));
    let (contact, native) = &pairs[0];
    world.pass(Duration::from_millis(500));
    world.hubspot.edit(native, &[("firstname", "First")]).expect("an early edit");
    world.pass(Duration::from_secs(2));
    assert_eq!(name(&world, contact).as_deref(), Some("First Person0"));
    let email = ContactPatch { email: Patch::Set("ours@example.com".to_owned()), ..ContactPatch::default() };
    world.patch_contact(&contact.id, email).expect("our edit");
    world.pass(Duration::from_secs(2));
    assert_eq!(world.hubspot.get(native).expect("it lives").value("email"), Some("ours@example.com"));
    for (n, (_, native)) in pairs.iter().enumerate() {
        world.hubspot.edit(native, &[("firstname", &format!("Second{n}"))]).expect("a late edit with the same stamp");
    }

    world.pass(Duration::from_secs(120));

    for (n, (contact, _)) in pairs.iter().enumerate() {
        assert_eq!(name(&world, contact), Some(format!("Second{n} Person{n}")));
    }
}

#[test]
fn an_index_that_lags_does_not_prove_that_a_lost_create_failed() {
    let mut world = empty(&Setup { keyed: false, index_lag: Duration::from_secs(9), ..Setup::default() });
    let contact = world.create_contact(person(1)).expect("a contact");
    world.hubspot.faults().push(Fault::once(CREATE, Effect::LostAfter));

    world.settle();

    assert_eq!(world.living_records().len(), 1);
    assert_eq!(world.native_of(&contact.id), Some(world.living_records()[0].id.clone()));
    assert_eq!(world.contacts().len(), 1);
}

#[test]
fn a_batch_cut_in_the_middle_makes_each_row_once() {
    for keyed in [true, false] {
        let mut world = empty(&Setup { keyed, ..Setup::default() });
        (0..100).for_each(|n| drop(world.create_contact(person(n)).expect("a contact")));
        let route = if keyed { UPSERT } else { CREATE };
        world.hubspot.faults().push(Fault::once(route, Effect::PartialBatch { rows: 40 }));

        world.settle();

        assert_eq!(world.living_records().len(), 100);
        assert_eq!(world.contacts().len(), 100);
        assert!(world.pairs().iter().all(|pair| pair.native.is_some() && pair.dirty.is_none()));
    }
}

#[test]
fn a_revoked_grant_is_one_problem_and_only_the_same_account_resumes_it() {
    let (mut world, pairs) = in_step(&Setup::default(), 3);
    world.hubspot.revoke();
    for (contact, _) in &pairs {
        world.patch_contact(&contact.id, rename("Ana Waiting")).expect("an edit");
    }
    world.settle();
    assert!(world.needs_consent());
    assert!(world.parked().is_empty(), "nothing is set aside row by row");

    assert!(!world.consent_as(99_999_999), "another account is refused");
    assert!(world.needs_consent());
    world.consent();
    world.settle();

    assert!(!world.needs_consent());
    for (_, native) in &pairs {
        assert_eq!(world.hubspot.get(native).expect("it lives").value("lastname"), Some("Waiting"));
    }
}

#[test]
fn existing_pairs_win_over_match_keys_that_people_move_about() {
    let (mut world, pairs) = in_step(&Setup::default(), 2);
    let [(a, of_a), (b, of_b)] = pairs.as_slice() else { panic!("two people") };
    let phone = |contact: &lockstep_core::contact::Contact| {
        contact.phone_number.as_ref().map(Phone::to_string).unwrap_or_default()
    };
    world.hubspot.edit(of_a, &[("phone", &phone(b))]).expect("an edit");
    world.hubspot.edit(of_b, &[("phone", &phone(a))]).expect("an edit");
    world.patch_contact(&a.id, rename("Ana Swapped")).expect("an edit");

    world.settle();

    assert_eq!(world.native_of(&a.id).as_deref(), Some(of_a.as_str()));
    assert_eq!(world.native_of(&b.id).as_deref(), Some(of_b.as_str()));
    assert_eq!(world.contact(&a.id).and_then(|contact| contact.phone_number), a.phone_number);
    assert_eq!(world.contact(&b.id).and_then(|contact| contact.phone_number), b.phone_number);
    assert_eq!(world.hubspot.get(of_a).expect("it lives").value("lastname"), Some("Swapped"));
    assert_eq!(
        world.hubspot.get(of_a).expect("it lives").value("phone"),
        Some(phone(b).as_str()),
        "the CRM keeps what a person typed there"
    );
}

#[test]
fn a_match_key_edited_while_its_create_is_in_flight_pairs_nobody_else() {
    let mut world = empty(&Setup { keyed: false, ..Setup::default() });
    let contact = world.create_contact(person(1)).expect("a contact");
    world.die_after(CREATE);
    let native = world.living_records()[0].id.clone();
    world.hubspot.edit(&native, &[("phone", "+628999000111")]).expect("an edit");

    world.settle();

    assert_eq!(world.living_records().len(), 1);
    assert_eq!(world.native_of(&contact.id), Some(native));
    assert_eq!(world.contacts().len(), 1);
}

#[test]
fn a_delete_against_an_edit_and_a_restore_lose_nothing() {
    let (mut world, pairs) = in_step(&Setup::default(), 1);
    let (contact, native) = &pairs[0];
    world.hubspot.archive(native).expect("a delete");
    world.patch_contact(&contact.id, rename("Ana Meanwhile")).expect("an edit");
    world.pass(Duration::from_secs(8_000));
    assert!(world.hubspot.get(native).expect("in the recycle bin").archived);

    world.hubspot.restore(native).expect("a restore");
    world.settle();
    world.resume_all();
    world.settle();

    assert_eq!(world.pair_of(&contact.id).map(|pair| pair.state), Some(PairState::Open));
    assert_eq!(world.hubspot.get(native).expect("it lives").value("lastname"), Some("Meanwhile"));
    assert_eq!(world.living_records().len(), 1);
    assert_eq!(world.contacts().len(), 1);
}

#[test]
fn a_record_made_anew_after_a_delete_is_not_killed_by_the_tombstone() {
    let (mut world, pairs) = in_step(&Setup::default(), 1);
    let (contact, native) = &pairs[0];
    world.hubspot.archive(native).expect("a delete");
    world.pass(Duration::from_secs(8_000));
    let phone = contact.phone_number.as_ref().map(Phone::to_string).unwrap_or_default();
    let anew = world.hubspot.create(&[("phone", &phone), ("lastname", "Anew")]).expect("a record");

    world.pass(Duration::from_secs(8_000));

    assert!(world.living_records().iter().any(|record| record.id == anew));
    assert_eq!(world.contacts().len(), 1, "the person is not doubled");
    let paired = world.native_of(&contact.id).as_deref() == Some(anew.as_str());
    let asked = world
        .parked()
        .iter()
        .any(|parked| parked.native.as_deref() == Some(anew.as_str()) || parked.contact.as_ref() == Some(&contact.id));
    assert!(paired || asked, "the record stands in a pair or in a question");
}

#[test]
fn clocks_that_step_back_hide_no_edit() {
    let (mut world, pairs) = in_step(&Setup::default(), 2);
    let [(a, of_a), (b, of_b)] = pairs.as_slice() else { panic!("two people") };
    world.set_vendor_offset(-600);
    world.hubspot.edit(of_a, &[("firstname", "Stepped")]).expect("an edit");
    world.settle();
    assert_eq!(name(&world, a).as_deref(), Some("Stepped Person0"));

    world.step_back(Duration::from_secs(600));
    world.hubspot.edit(of_b, &[("firstname", "Ours")]).expect("an edit");
    world.patch_contact(&a.id, rename("Stepped Back")).expect("an edit");
    world.pass(Duration::from_secs(1_200));

    assert_eq!(name(&world, b).as_deref(), Some("Ours Person1"));
    assert_eq!(world.hubspot.get(of_a).expect("it lives").value("lastname"), Some("Back"));
}

#[test]
fn a_record_that_cannot_be_seen_is_not_a_deleted_one() {
    let (mut world, pairs) = in_step(&Setup::default(), 1);
    world.subscribe();
    let new = world.hubspot.create(&[("phone", "+628999000222"), ("lastname", "Early")]).expect("a record");
    world.hubspot.readable_after(&new, 30_000_000).expect("it exists");
    world.hubspot.take_hooks().iter().for_each(|hook| assert!(world.deliver(hook).is_success()));
    world.pass(Duration::from_secs(1));
    assert_eq!(world.contacts().len(), 1, "not readable yet");
    world.settle();
    assert_eq!(world.contacts().len(), 2, "readable now");

    let (contact, native) = &pairs[0];
    world.hubspot.hide(native).expect("it exists");
    world.patch_contact(&contact.id, rename("Ana Hidden")).expect("an edit");
    world.settle();
    assert_eq!(world.pair_of(&contact.id).map(|pair| pair.state), Some(PairState::Open), "hidden is not deleted");
    world.hubspot.unhide(native).expect("it exists");
    world.pass(Duration::from_secs(1_800));
    assert_eq!(world.hubspot.get(native).expect("it lives").value("lastname"), Some("Hidden"));
}

#[test]
fn a_property_that_disappears_clears_nothing() {
    let (mut world, pairs) = in_step(&Setup::default(), 2);
    let [(a, of_a), (b, _)] = pairs.as_slice() else { panic!("two people") };
    world.hubspot.drop_property("lastname").expect("an admin may");
    world.hubspot.edit(of_a, &[("email", "still@example.com")]).expect("an edit");
    world.settle();
    assert_eq!(name(&world, a).as_deref(), Some("Ana Person0"), "absent is not cleared");
    world.hubspot.recreate_property("lastname").expect("an admin may");
    world.patch_contact(&b.id, rename("Ana Again")).expect("an edit");

    world.pass(Duration::from_secs(1_800));
    world.resume_all();
    world.settle();

    assert_eq!(name(&world, a).as_deref(), Some("Ana Person0"));
    assert_eq!(world.contact(&a.id).and_then(|contact| contact.email).as_deref(), Some("still@example.com"));
    let record = world.native_of(&b.id).and_then(|native| world.hubspot.get(&native)).expect("it lives");
    assert_eq!(record.value("lastname"), Some("Again"));
}

#[test]
fn a_property_that_only_reads_name_is_left_out_too_and_said() {
    let (mut world, pairs) = in_step(&Setup::default(), 1);
    let (contact, native) = &pairs[0];
    world.hubspot.drop_property("lastname").expect("an admin may");
    world.hubspot.edit(native, &[("email", "still@example.com")]).expect("an edit");

    world.settle();

    assert_eq!(world.contact(&contact.id).and_then(|contact| contact.email).as_deref(), Some("still@example.com"));
    assert!(
        world
            .parked()
            .iter()
            .any(|parked| matches!(&parked.reason, Reason::Refused { code, .. } if code == "property_gone"))
    );
}

#[test]
fn a_key_property_that_disappears_stops_no_create() {
    let (mut world, pairs) = in_step(&Setup::default(), 1);
    world.hubspot.drop_property("lockstep_id").expect("an admin may");
    let new = world.create_contact(person(7)).expect("a contact");
    world.patch_contact(&pairs[0].0.id, rename("Ana Goes On")).expect("an edit");

    world.settle();

    assert!(world.native_of(&new.id).is_some(), "made without our key");
    assert_eq!(world.hubspot.get(&pairs[0].1).expect("it lives").value("lastname"), Some("Goes On"));
    assert_eq!(world.living_records().len(), 2);
    assert!(
        world
            .parked()
            .iter()
            .any(|parked| matches!(&parked.reason, Reason::Refused { code, .. } if code == "property_gone"))
    );
}

#[test]
fn a_new_mapping_version_rewrites_nothing_that_is_in_step() {
    let (mut world, pairs) = in_step(&Setup::default(), 3);
    let (contact, native) = &pairs[0];
    world.patch_contact(&contact.id, rename("Ana Queued")).expect("an edit, not pushed yet");
    world.bump_mapping();
    let before = world.hubspot.calls().route(UPDATE).rows;

    world.settle();

    assert_eq!(world.hubspot.calls().route(UPDATE).rows, before + 1, "only the edit is written");
    assert_eq!(world.hubspot.get(native).expect("it lives").value("lastname"), Some("Queued"));
}

#[test]
fn an_unlinked_record_stays_when_its_contact_is_deleted() {
    let (mut world, pairs) = in_step(&Setup::default(), 1);
    let (contact, native) = &pairs[0];
    world.delete_contact(&contact.id).expect("a delete");
    world.hubspot.edit(native, &[("lastname", "Stays")]).expect("an edit");

    world.pass(Duration::from_secs(8_000));

    assert_eq!(world.living_records().len(), 1);
    assert!(world.contacts().is_empty(), "the tombstone keeps the contact from coming back");
    let again = NewContact { name: Some("Ana Again".to_owned()), ..person(0) };
    assert!(world.create_contact(again).is_ok(), "the number is free again");
}

#[test]
fn a_mass_delete_that_webhooks_tell_stops_and_asks() {
    let (mut world, pairs) = in_step(&Setup::default(), 20);
    world.subscribe();
    for (_, native) in &pairs[..8] {
        world.hubspot.archive(native).expect("a delete");
    }
    world.hubspot.take_hooks().iter().for_each(|hook| assert!(world.deliver(hook).is_success()));
    let tombstones = |world: &World| world.pairs().iter().filter(|pair| pair.state == PairState::Tombstone).count();

    world.pass(Duration::from_secs(20_000));
    assert_eq!(tombstones(&world), 5, "the rest waits, however few the censuses find");
    assert!(matches!(world.parked().as_slice(), [one] if matches!(one.reason, Reason::MassDelete { .. })));

    world.resume_all();
    world.pass(Duration::from_secs(8_000));
    assert_eq!(tombstones(&world), 8);
    assert!(world.parked().is_empty());
}

#[test]
fn a_record_that_is_hidden_when_its_contact_is_deleted_is_archived_once_it_can_be_seen() {
    let (mut world, pairs) = in_step(&Setup::default(), 1);
    world.carry_deletes_over();
    let (contact, native) = &pairs[0];
    world.hubspot.hide(native).expect("it exists");

    world.delete_contact(&contact.id).expect("a delete");
    world.settle();
    assert_eq!(world.living_records().len(), 1, "what cannot be seen cannot be archived");
    world.hubspot.unhide(native).expect("it exists");
    world.pass(Duration::from_secs(8_000));

    assert!(world.living_records().is_empty(), "the delete is carried over");
}

#[test]
fn a_hint_that_cannot_be_stored_holds_up_no_other_and_is_set_aside() {
    let mut world = World::new(&Setup::default());
    world.connect();
    world.start();
    let portal = HubspotSettings::default().portal_id;
    world.write(move |tx, _| {
        for (n, record) in ["1\u{0}", "77"].into_iter().enumerate() {
            let event = json!([{ "portalId": portal, "subscriptionType": "contact.deletion", "objectId": record }]);
            tx.receive("hubspot", &portal.to_string(), &n.to_string(), event.to_string().as_bytes())?;
        }
        tx.receive("hubspot", &portal.to_string(), "torn", b"{").map(drop)
    });
    world.pass(Duration::from_secs(1));
    let parked = |world: &World| world.read(|tx, org| Ok(tx.parked_hooks(org, 9)?.0.len()));
    let left = |world: &World| world.read(move |tx, _| tx.next_unread("hubspot", &portal.to_string()));
    assert_eq!((parked(&world), left(&world).is_some()), (1, true), "the torn one lies aside, the odd one waits");
    let unread = world.read(move |tx, _| tx.unread("hubspot", &portal.to_string(), 9));
    assert!(unread.is_empty(), "the good one was read");
    world.pass(Duration::from_secs(20 * 60));
    assert_eq!((parked(&world), left(&world)), (2, None));
}
