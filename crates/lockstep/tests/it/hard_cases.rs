//! Hard cases that other two-way syncs met, one test each. The storm meets them by chance; here they are played on purpose.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use lockstep_core::contact::{Contact, ContactPatch, NewContact};
use lockstep_core::mapping::model::Side;
use lockstep_core::pair::PairState;
use lockstep_core::parked::Reason;
use lockstep_core::patch::Patch;
use lockstep_core::phone::Phone;
use lockstep_core::plan::PlanRow;
use lockstep_sandbox::{Effect, Fault};

use crate::world::{Setup, World};

pub const UPSERT: &str = "POST /crm/v3/objects/contacts/batch/upsert";
pub const CREATE: &str = "POST /crm/v3/objects/contacts/batch/create";
pub const UPDATE: &str = "POST /crm/v3/objects/contacts/batch/update";
pub const SEARCH: &str = "POST /crm/v3/objects/contacts/search";

/// Somebody new.
pub fn person(n: u32) -> NewContact {
    NewContact {
        phone_number: Phone::parse(&format!("+62812{:07}", 3_000_000 + n)).ok(),
        name: Some(format!("Ana Person{n}")),
        email: Some(format!("person{n}@example.com")),
        acquisition_source: Some("api".to_owned()),
        ..NewContact::default()
    }
}

pub fn rename(name: &str) -> ContactPatch {
    ContactPatch { name: Patch::Set(name.to_owned()), ..ContactPatch::default() }
}

/// A running sync without anybody in it.
pub fn empty(setup: &Setup) -> World {
    let mut world = World::new(setup);
    world.connect();
    world.start();
    world
}

/// A running sync with people who stand on both sides: contacts with their records, in step.
pub fn in_step(setup: &Setup, people: u32) -> (World, Vec<(Contact, String)>) {
    let mut world = empty(setup);
    for n in 0..people {
        world.create_contact(person(n)).expect("a contact");
    }
    world.settle();
    let pairs = world
        .contacts()
        .into_iter()
        .map(|contact| {
            let native = world.native_of(&contact.id).expect("every contact has its record");
            (contact, native)
        })
        .collect();
    (world, pairs)
}

fn one(setup: &Setup) -> (World, Contact, String) {
    let (world, mut pairs) = in_step(setup, 1);
    let (contact, native) = pairs.remove(0);
    (world, contact, native)
}

#[test]
fn a_lost_create_is_found_by_our_key_and_an_edit_in_between_is_kept() {
    let mut world = empty(&Setup::default());
    let contact = world.create_contact(person(1)).expect("a contact");
    world.hubspot.faults().push(Fault::once(UPSERT, Effect::LostAfter));
    world.pass(Duration::ZERO);
    let records = world.living_records();
    assert_eq!(records.len(), 1, "the record was made, only the answer was lost");
    world.hubspot.edit(&records[0].id, &[("email", "moved@example.com")]).expect("a person edits it");

    world.settle();

    assert_eq!(world.living_records().len(), 1);
    assert_eq!(world.native_of(&contact.id).as_deref(), Some(records[0].id.as_str()));
    assert_eq!(world.contact(&contact.id).and_then(|contact| contact.email).as_deref(), Some("moved@example.com"));
    assert_eq!(world.hubspot.get(&records[0].id).expect("it lives").value("email"), Some("moved@example.com"));
}

#[test]
fn an_update_queued_while_the_far_record_is_deleted_resurrects_nothing() {
    let (mut world, contact, native) = one(&Setup::default());
    world.patch_contact(&contact.id, rename("Ana Queued")).expect("an edit");
    world.hubspot.archive(&native).expect("a person deletes the record");

    world.settle();

    assert!(world.hubspot.get(&native).expect("in the recycle bin").archived);
    assert!(world.living_records().is_empty(), "nothing is made anew");
    assert_eq!(world.contact(&contact.id).and_then(|contact| contact.name).as_deref(), Some("Ana Queued"));
    let pair = world.pair_of(&contact.id).expect("the pair stays");
    assert_ne!(pair.state, PairState::Open);
    let named = world
        .changes(&contact.id)
        .iter()
        .any(|change| change.fields.iter().any(|field| field.field == "name" && field.decision.is_some()));
    let asked = world.parked().iter().any(|parked| parked.pair.as_ref() == Some(&pair.id));
    assert!(named || asked, "the edit that did not arrive is named");
}

#[test]
fn a_hook_with_an_old_body_changes_nothing() {
    let (mut world, contact, native) = one(&Setup::default());
    world.subscribe();
    world.hubspot.edit(&native, &[("firstname", "Old")]).expect("an edit");
    let old = world.hubspot.take_hooks();
    world.hubspot.edit(&native, &[("firstname", "New")]).expect("an edit");
    world.settle();
    assert_eq!(world.contact(&contact.id).and_then(|contact| contact.name).as_deref(), Some("New Person0"));
    let before = world.effects();

    old.iter().for_each(|hook| assert!(world.deliver(hook).is_success()));
    world.settle();

    assert_eq!(world.effects(), before);
    assert_eq!(world.contact(&contact.id).and_then(|contact| contact.name).as_deref(), Some("New Person0"));
}

#[test]
fn a_burst_of_hooks_gathers_and_is_read_to_the_last() {
    let (mut world, contact, native) = one(&Setup::default());
    world.subscribe();
    let mut edited = |n: usize| {
        world.hubspot.edit(&native, &[("firstname", &format!("Name{n}"))]).expect("an edit");
        world.hubspot.take_hooks()
    };
    let (first, later): (Vec<_>, Vec<_>) =
        ((0..9).flat_map(&mut edited).collect(), (9..12).flat_map(&mut edited).collect());
    let account = serde_json::from_slice::<serde_json::Value>(&first[0].body).expect("JSON")[0]["portalId"].to_string();
    let unread = |world: &World| {
        let account = account.clone();
        world.read(move |tx, _| tx.unread("hubspot", &account, 99)).len()
    };

    first.iter().for_each(|hook| assert!(world.deliver(hook).is_success()));
    world.pass(Duration::ZERO);
    assert_eq!(unread(&world), 0, "the first ones wait for nobody");
    later.iter().for_each(|hook| assert!(world.deliver(hook).is_success()));
    world.pass(Duration::ZERO);
    assert_eq!(unread(&world), later.len(), "the others gather");
    world.pass(Duration::from_millis(100));

    assert_eq!(unread(&world), 0);
    assert_eq!(world.contact(&contact.id).and_then(|contact| contact.name).as_deref(), Some("Name11 Person0"));
}

#[test]
fn our_own_write_coming_back_by_hook_and_poll_causes_no_write() {
    let (mut world, contact, native) = one(&Setup::default());
    world.subscribe();
    world.patch_contact(&contact.id, rename("Ana Echo")).expect("an edit");
    world.settle();
    assert_eq!(world.hubspot.get(&native).expect("it lives").value("lastname"), Some("Echo"));
    let before = world.effects();

    let mut echoes = world.hubspot.take_hooks();
    assert!(!echoes.is_empty());
    for _ in 0..5 {
        for echo in &mut echoes {
            *echo = world.hubspot.repeat_hook(echo);
            assert!(world.deliver(echo).is_success());
        }
        world.settle();
    }

    assert_eq!(world.effects(), before);
}

#[test]
fn an_automation_that_rewrites_our_value_is_a_real_change_taken_once() {
    let (mut world, contact, native) = one(&Setup::default());
    world.hubspot.set_automation(Some(Arc::new(|record| {
        let shouted = record.value("lastname").filter(|name| name.ends_with('!'))?;
        Some(BTreeMap::from([("lastname".to_owned(), shouted.trim_end_matches('!').to_owned())]))
    })));
    let before = world.effects();
    world.patch_contact(&contact.id, rename("Ana Loud!")).expect("an edit");

    world.settle();
    world.settle();

    assert_eq!(world.hubspot.get(&native).expect("it lives").value("lastname"), Some("Loud"));
    assert_eq!(world.contact(&contact.id).and_then(|contact| contact.name).as_deref(), Some("Ana Loud"));
    assert_eq!(world.effects().0, before.0 + 1, "one write to the CRM");
}

#[test]
fn an_echo_that_comes_after_a_month_causes_no_write() {
    let (mut world, contact, _) =
        one(&Setup { poll: Duration::from_secs(86_400), census: Duration::from_secs(864_000), ..Setup::default() });
    world.subscribe();
    world.patch_contact(&contact.id, rename("Ana Later")).expect("an edit");
    world.settle();
    let echoes = world.hubspot.take_hooks();
    let before = world.effects();
    world.pass(Duration::from_secs(30 * 86_400));

    for echo in &echoes {
        assert!(world.deliver(&world.hubspot.repeat_hook(echo)).is_success());
    }
    world.pass(Duration::from_secs(600));

    assert_eq!(world.effects(), before);
}

#[test]
fn the_first_run_shows_both_values_and_a_person_can_turn_the_winner() {
    let mut world = World::new(&Setup::default());
    let contact = world
        .create_contact(NewContact { email: Some("inbox@example.com".to_owned()), ..person(1) })
        .expect("a contact");
    let phone = contact.phone_number.as_ref().map(Phone::to_string).unwrap_or_default();
    let spaced = format!("{} {}", &phone[..6], &phone[6..]);
    let native = world
        .hubspot
        .create(&[("phone", &spaced), ("email", "crm@example.com"), ("firstname", "Ana"), ("lastname", "Person1")])
        .expect("a record");
    world.pass(Duration::from_secs(10));
    world.connect();
    let plan = world.plan();

    let rows = world.plan_rows(&plan);
    let [(n, PlanRow::Matched { conflicts, .. })] = rows.as_slice() else { panic!("one pair is shown: {rows:?}") };
    let conflict = conflicts.iter().find(|conflict| conflict.field == "email").expect("the e-mails differ");
    assert_eq!(
        (conflict.ours.as_str(), conflict.theirs.as_str(), conflict.winner),
        ("inbox@example.com", "crm@example.com", Side::Crm)
    );
    assert_eq!(world.effects().0, 0, "nothing is written before it is accepted");
    assert_eq!(world.contact(&contact.id), Some(contact.clone()));

    world.turn(&plan, *n, "email", Side::Inbox);
    world.accept(&plan);
    world.settle();

    assert_eq!(world.hubspot.get(&native).expect("it lives").value("email"), Some("inbox@example.com"));
    assert_eq!(world.contact(&contact.id).and_then(|contact| contact.email).as_deref(), Some("inbox@example.com"));
}

#[test]
fn two_records_that_share_the_match_key_are_shown_and_not_written() {
    let mut world = World::new(&Setup::default());
    let contact = world.create_contact(person(1)).expect("a contact");
    let phone = contact.phone_number.as_ref().map(Phone::to_string).unwrap_or_default();
    let twins =
        ["One", "Two"].map(|name| world.hubspot.create(&[("phone", &phone), ("lastname", name)]).expect("a record"));
    let before = twins.clone().map(|id| world.hubspot.get(&id));
    world.pass(Duration::from_secs(10));
    world.connect();
    world.start();

    world.settle();

    assert_eq!(twins.clone().map(|id| world.hubspot.get(&id)), before);
    assert_eq!(world.contacts().len(), 1);
    let shown = world.parked().into_iter().find_map(|parked| match parked.reason {
        Reason::Ambiguous { records, .. } => Some(records),
        _ => None,
    });
    let shown = shown.expect("a question names the candidates");
    assert!(twins.iter().all(|id| shown.contains(id)), "{shown:?}");
}

#[test]
fn twelve_copies_of_a_change_and_an_echo_before_the_link_make_one_record() {
    let mut world = empty(&Setup::default());
    world.subscribe();
    let contact = world.create_contact(person(1)).expect("a contact");
    world.die_after(UPSERT);
    assert_eq!(world.living_records().len(), 1, "made, but we died before we knew");
    let echoes = world.hubspot.take_hooks();
    for hook in echoes.iter().cycle().take(12) {
        assert!(world.deliver(hook).is_success());
    }

    world.settle();

    assert_eq!(world.living_records().len(), 1);
    assert_eq!(world.contacts().len(), 1);
    let native = world.native_of(&contact.id).expect("paired");
    world.hubspot.edit(&native, &[("firstname", "Twelve")]).expect("an edit");
    for hook in world.hubspot.take_hooks().iter().cycle().take(12) {
        assert!(world.deliver(hook).is_success());
    }
    world.settle();
    assert_eq!(world.contact(&contact.id).and_then(|contact| contact.name).as_deref(), Some("Twelve Person1"));
    assert_eq!(world.living_records().len(), 1);
}

#[test]
fn a_429_in_mid_scan_and_a_death_leave_no_unfinished_work_behind() {
    let (mut world, pairs) = in_step(&Setup { page: Some(4), ..Setup::default() }, 10);
    for (n, (_, native)) in pairs.iter().enumerate() {
        world.hubspot.edit(native, &[("firstname", &format!("Second{n}"))]).expect("an edit");
    }
    let limited = Effect::Status { status: 429, policy: None };
    world.hubspot.faults().push(Fault { route: Some(SEARCH.to_owned()), effect: limited, times: 1, skip: 1 });
    world.pass(Duration::from_secs(65));
    world.restart();

    world.settle();

    for (n, (contact, _)) in pairs.iter().enumerate() {
        let name = world.contact(&contact.id).and_then(|contact| contact.name);
        assert_eq!(name, Some(format!("Second{n} Person{n}")));
    }
    assert_eq!(world.contacts().len(), 10);
    assert_eq!(world.hubspot.calls().throttled, 0);
}

#[test]
fn a_value_that_the_account_refuses_parks_at_once_with_the_vendors_reason() {
    let (mut world, pairs) = in_step(&Setup::default(), 2);
    let (taken, contact) = (&pairs[0].0, &pairs[1].0);
    let email = ContactPatch { email: taken.email.clone().map_or(Patch::Clear, Patch::Set), ..ContactPatch::default() };
    world.patch_contact(&contact.id, email).expect("the inbox has no such rule");

    world.settle();

    let parked = world.parked();
    let [question] = parked.as_slice() else { panic!("one question: {parked:?}") };
    assert_eq!(question.contact.as_ref(), Some(&contact.id));
    let Reason::Refused { detail, .. } = &question.reason else { panic!("refused: {question:?}") };
    assert!(detail.contains("already exists"), "{detail}");
}
