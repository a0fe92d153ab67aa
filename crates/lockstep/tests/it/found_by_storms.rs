//! Stories that a storm found, as small as they could be made.

use std::time::Duration;

use lockstep_core::contact::{ContactPatch, NewContact};
use lockstep_core::pair::PairState;
use lockstep_core::parked::Reason;
use lockstep_core::patch::Patch;
use lockstep_sandbox::{Effect, Fault};

use crate::hard_cases::{CREATE, UPDATE, empty, in_step, person, rename};
use crate::world::Setup;

fn readdress(email: &str) -> ContactPatch {
    ContactPatch { email: Patch::Set(email.to_owned()), ..ContactPatch::default() }
}

#[test]
fn after_the_vendors_clock_was_set_back_a_lagging_search_undoes_no_write() {
    let setup = Setup { index_lag: Duration::from_secs(9), poll: Duration::from_secs(2), ..Setup::default() };
    let (mut world, pairs) = in_step(&setup, 1);
    let (contact, native) = &pairs[0];
    world.hubspot.edit(native, &[("email", "old@example.com")]).expect("an edit");
    world.pass(Duration::from_secs(60));
    world.set_vendor_offset(-600);
    world.patch_contact(&contact.id, readdress("new@example.com")).expect("our edit");

    world.pass(Duration::from_secs(120));

    let kept = world.contact(&contact.id).and_then(|contact| contact.email);
    assert_eq!(kept.as_deref(), Some("new@example.com"));
    assert_eq!(world.hubspot.get(native).expect("it lives").value("email"), Some("new@example.com"));
    assert_eq!(world.changes(&contact.id).iter().filter(|change| wrote(change, "old@example.com")).count(), 1);
}

fn wrote(change: &lockstep_core::change::Change, email: &str) -> bool {
    change.fields.iter().any(|field| field.field == "email" && field.after.as_deref() == Some(email))
}

/// Its field had been set aside before the whole pair was.
#[test]
fn a_parked_pair_that_gets_a_new_try_holds_no_field_back() {
    let (mut world, pairs) = in_step(&Setup::default(), 1);
    let (contact, native) = &pairs[0];
    let route = Some("POST /crm/v3/objects/contacts/batch/update".to_owned());
    let effect = Effect::Status { status: 418, policy: None };
    world.hubspot.faults().push(Fault { route, effect, times: 1, skip: 1 });
    let name = Patch::Set("Ana New".to_owned());
    let patch = ContactPatch { name, ..readdress("no address") };
    world.patch_contact(&contact.id, patch).expect("the inbox has no such rule");
    world.settle();
    assert_eq!(world.parked().len(), 2);

    world.patch_contact(&contact.id, readdress("new@example.com")).expect("an edit");
    world.settle();

    let record = world.hubspot.get(native).expect("it lives");
    assert_eq!((record.value("email"), world.parked().len()), (Some("new@example.com"), 0));
}

#[test]
fn a_pair_that_opens_again_holds_no_field_back() {
    let (mut world, pairs) = in_step(&Setup::default(), 1);
    let (contact, native) = &pairs[0];
    world.patch_contact(&contact.id, readdress("no address")).expect("the inbox has no such rule");
    world.settle();
    assert_eq!(world.parked().len(), 1);
    world.hubspot.archive(native).expect("a delete");
    world.pass(Duration::from_secs(7_200));
    assert_eq!(world.parked().len(), 0, "there is no record to ask about");
    world.hubspot.restore(native).expect("a restore");
    world.pass(Duration::from_secs(7_200));

    world.patch_contact(&contact.id, readdress("new@example.com")).expect("an edit");
    world.settle();

    let record = world.hubspot.get(native).expect("it lives");
    assert_eq!((record.value("email"), world.parked().len()), (Some("new@example.com"), 0));
}

#[test]
fn another_contacts_id_that_a_merge_left_in_a_record_is_replaced() {
    let (mut world, pairs) = in_step(&Setup::default(), 2);
    let [(a, of_a), (b, of_b)] = pairs.as_slice() else { panic!("two people") };
    let survivor = world.hubspot.merge(of_a, of_b).expect("a merge");
    world.settle();
    let noted = |world: &crate::world::World| {
        world.hubspot.get(&survivor).expect("it lives").value("lockstep_id").map(str::to_owned)
    };
    let keeper = if world.native_of(&a.id).is_some() { a } else { b };
    let other = if keeper.id == a.id { b } else { a };
    assert_eq!(noted(&world).as_deref(), Some(keeper.id.as_str()));

    world.hubspot.edit(&survivor, &[("lockstep_id", other.id.as_str())]).expect("a batch that was under way");
    world.settle();

    assert_eq!(noted(&world).as_deref(), Some(keeper.id.as_str()));
}

#[test]
fn a_process_that_starts_again_and_again_keeps_to_the_budget() {
    let mut world = empty(&Setup { budget: 20, ..Setup::default() });
    for n in 0..30 {
        world.create_contact(person(n)).expect("a contact");
        world.pass(Duration::from_millis(100));
        world.restart();
    }
    world.settle();

    assert_eq!(world.hubspot.calls().throttled, 0);
    assert_eq!(world.living_records().len(), 30);
}

#[test]
fn a_write_without_an_answer_is_not_waited_for_when_a_merge_gave_its_record_to_another() {
    let (mut world, pairs) = in_step(&Setup::default(), 2);
    world.subscribe();
    let [(a, of_a), (b, of_b)] = pairs.as_slice() else { panic!("two people") };
    world.hubspot.faults().push(Fault::once(UPDATE, Effect::LostBefore));
    for (contact, name) in [(a, "Budi One"), (b, "Budi Two")] {
        world.patch_contact(&contact.id, rename(name)).expect("our edit");
    }
    world.pass(Duration::ZERO);
    assert!(world.in_flight().is_some(), "the answer was lost");
    world.hubspot.merge(of_a, of_b).expect("a merge");
    // It is told before the outcome is looked up.
    world.hubspot.take_hooks().iter().for_each(|hook| assert!(world.deliver(hook).is_success()));

    world.settle();

    let parted = world.pairs().into_iter().find(|pair| pair.state == PairState::Parked).expect("one has no record now");
    assert_eq!((parted.native, world.in_flight().map(|contact| contact.id)), (None, None));
}

#[test]
fn a_record_that_shows_late_under_the_name_of_a_lost_create_is_a_question_and_nobody_new() {
    let mut world = empty(&Setup { keyed: false, ..Setup::default() });
    let contact = world.create_contact(NewContact { phone_number: None, ..person(1) }).expect("a contact");
    let no_address = ContactPatch { email: Patch::Clear, ..ContactPatch::default() };
    world.patch_contact(&contact.id, no_address).expect("our edit");
    world.hubspot.faults().push(Fault::once(CREATE, Effect::LostAfter));
    world.pass(Duration::ZERO);
    let made = world.living_records().remove(0).id;
    world.hubspot.hide(&made).expect("it lives");
    world.pass(Duration::from_secs(900));
    assert!(world.parked().iter().any(|it| it.reason == Reason::UnknownOutcome), "nothing is left to look for it by");

    world.hubspot.unhide(&made).expect("it lives");
    world.hubspot.edit(&made, &[("city", "Bandung")]).expect("a person edits it");
    world.settle();

    assert_eq!(world.contacts().len(), 1);
    assert!(world.parked().iter().any(|it| it.native.as_ref() == Some(&made) && it.reason == Reason::UnknownOutcome));
}
