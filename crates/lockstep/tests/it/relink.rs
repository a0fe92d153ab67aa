//! A person says what belongs together.

use std::time::Duration;

use lockstep_core::pair::PairState;
use lockstep_core::phone::Phone;

use crate::hard_cases::{in_step, person, rename};
use crate::world::{Setup, World};

#[test]
fn a_contact_whose_record_was_deleted_gets_a_new_one_when_a_person_says_so() {
    let (mut world, pairs) = in_step(&Setup::default(), 1);
    let (contact, native) = &pairs[0];
    world.hubspot.archive(native).expect("a delete");
    world.pass(Duration::from_secs(8_000));
    world.patch_contact(&contact.id, rename("Ana Anew")).expect("an edit");
    world.settle();
    assert_eq!(world.living_records().len(), 0, "the tombstone keeps it from coming back by itself");

    world.relink(&contact.id, None).expect("a new record");
    world.settle();

    let pair = world.pair_of(&contact.id).expect("a pair");
    assert_eq!(pair.state, PairState::Open);
    let record = world.hubspot.get(&pair.native.expect("a record")).expect("it lives");
    assert_eq!((record.value("firstname"), record.value("lastname")), (Some("Ana"), Some("Anew")));
    assert_eq!(world.living_records().len(), 1);
}

#[test]
fn an_ambiguous_match_is_answered_by_naming_the_record() {
    let mut world = World::new(&Setup::default());
    let contact = world.create_contact(person(1)).expect("a contact");
    let phone = contact.phone_number.as_ref().map(Phone::to_string).unwrap_or_default();
    let twins =
        ["One", "Two"].map(|name| world.hubspot.create(&[("phone", &phone), ("lastname", name)]).expect("a record"));
    world.pass(Duration::from_secs(10));
    world.connect();
    world.start();
    assert!(world.native_of(&contact.id).is_none(), "none is guessed");

    world.relink(&contact.id, Some(&twins[1])).expect("the person's choice");
    world.settle();

    assert_eq!(world.native_of(&contact.id).as_ref(), Some(&twins[1]));
    assert_eq!(world.pair_of(&contact.id).map(|pair| pair.state), Some(PairState::Open));
    let questions = world.parked();
    assert!(questions.iter().all(|it| it.contact.as_ref() != Some(&contact.id)), "it is answered: {questions:?}");
    assert_eq!(world.contact(&contact.id).and_then(|contact| contact.name).as_deref(), Some("Two"), "both sides agree");
}

#[test]
fn a_record_of_another_contact_an_unknown_and_a_deleted_one_are_refused() {
    let (mut world, pairs) = in_step(&Setup::default(), 3);
    let [(one, _), (_, theirs), (_, deleted)] = pairs.as_slice() else { panic!("three people") };
    world.hubspot.archive(deleted).expect("a delete");
    world.pass(Duration::from_secs(8_000));
    let before = world.pair_of(&one.id);

    for record in [theirs.as_str(), "404404", deleted] {
        let problem = world.relink(&one.id, Some(record)).expect_err("it is refused");
        assert_eq!(problem.param.as_deref(), Some("record"), "{problem:?}");
    }
    assert_eq!(world.pair_of(&one.id), before, "nothing was changed");
}
