//! The whole way through: a plan, its start, edits on both sides, deletes and merges, and what is said about them.

use std::ops::ControlFlow;
use std::time::Duration;

use lockstep::ops::syncs::{Connect, KeyChoice};
use lockstep::ops::{parked, plans, syncs, why};
use lockstep::worker;
use lockstep_connect::oauth::Grant;
use lockstep_core::contact::{Contact, ContactPatch, NewContact};
use lockstep_core::ids::{ConnectionId, PlanId};
use lockstep_core::pair::PairState;
use lockstep_core::parked::Reason;
use lockstep_core::patch::Patch;
use lockstep_core::phone::Phone;
use lockstep_core::plan::{PlanRow, PlanSummary};
use lockstep_store::{OnDelete, SyncStatus};

use crate::world::{Setup, World, drive, run};

struct Office {
    world: World,
    connection: ConnectionId,
}

impl Office {
    fn open(setup: &Setup, key: KeyChoice) -> Self {
        let world = World::new(setup);
        let connect = Connect {
            renews: None,
            vendor: "hubspot".to_owned(),
            base_url: Some("https://hubspot.test".to_owned()),
            grant: Grant::fixed("pat-eu1-test".to_owned().into()),
            key,
        };
        let connection = run(syncs::connect(&world.app, &world.org, connect)).expect("a connection").id().clone();
        Self { world, connection }
    }

    fn plan(&mut self) -> PlanId {
        let plan = run(syncs::plan(&self.world.app, &self.world.org, &self.connection, None)).expect("a plan");
        self.world.pass(Duration::from_secs(60));
        plan
    }

    fn summary(&self, plan: &PlanId) -> PlanSummary {
        run(plans::show(&self.world.app, &self.world.org, plan)).expect("the plan").summary
    }

    fn rows(&self, plan: &PlanId) -> Vec<PlanRow> {
        let rows = run(plans::rows(&self.world.app, &self.world.org, plan, 0, 1_000)).expect("its rows");
        rows.into_iter().map(|(_, row)| row).collect()
    }

    fn start(&mut self, plan: &PlanId) {
        run(plans::accept(&self.world.app, &self.world.org, plan)).expect("accepted");
        self.world.settle();
    }

    fn started(setup: &Setup, key: KeyChoice, people: &[NewContact]) -> Self {
        let mut office = Self::open(setup, key);
        for person in people {
            office.world.create_contact(person.clone()).expect("a contact");
        }
        let plan = office.plan();
        office.start(&plan);
        office
    }

    fn only_contact(&self) -> Contact {
        let contacts = self.world.contacts();
        assert_eq!(contacts.len(), 1, "{contacts:?}");
        contacts[0].clone()
    }

    fn value(&self, native: &str, property: &str) -> Option<String> {
        self.world.hubspot.get(native).and_then(|record| record.value(property).map(str::to_owned))
    }

    fn writes(&self) -> u64 {
        self.world.effects().0
    }
}

fn person(phone: &str, name: &str, email: &str) -> NewContact {
    let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    NewContact {
        phone_number: Phone::parse(phone).ok(),
        name: given(name),
        email: given(email),
        acquisition_source: Some("api".to_owned()),
        ..NewContact::default()
    }
}

fn named(name: &str) -> ContactPatch {
    ContactPatch { name: Patch::Set(name.to_owned()), ..ContactPatch::default() }
}

#[test]
fn a_plan_shows_every_kind_of_row_and_writes_nothing() {
    let mut office = Office::open(&Setup::default(), KeyChoice::Create);
    let crm = &office.world.hubspot;
    crm.create(&[("phone", "(0812) 300-0001"), ("firstname", "Ana"), ("email", "old@example.com")]).expect("a record");
    crm.create(&[("email", "bo@example.com"), ("firstname", "Bo")]).expect("a record");
    crm.create(&[("phone", "+62 812 300 0003"), ("firstname", "Twin")]).expect("a record");
    crm.create(&[("phone", "+628123000003"), ("firstname", "Twin again")]).expect("a record");
    crm.create(&[("phone", "+62 812 300 0009"), ("firstname", "Only there")]).expect("a record");
    for new in [
        person("+628123000001", "Ana", "new@example.com"),
        person("+628123000002", "Bo", "Bo@Example.com"),
        person("+628123000003", "Twin", ""),
        person("+628123000004", "Only here", ""),
    ] {
        office.world.create_contact(new).expect("a contact");
    }
    office.world.pass(Duration::from_secs(30));

    let plan = run(syncs::plan(&office.world.app, &office.world.org, &office.connection, Some("ID".to_owned())))
        .expect("a plan");
    office.world.pass(Duration::from_secs(60));

    let summary = office.summary(&plan);
    let counts = (summary.matched, summary.ambiguous, summary.new_in_crm, summary.new_in_inbox, summary.conflicts);
    assert_eq!(counts, (2, 1, 1, 1, 1), "{:#?}", office.rows(&plan));
    assert!(summary.calls > 0 && summary.seconds > 0, "{summary:?}");
    assert_eq!(office.writes(), 0);
    assert_eq!(office.world.contacts().len(), 4);
    assert!(office.world.pairs().is_empty());

    office.start(&plan);

    assert_eq!(office.world.contacts().len(), 5);
    assert_eq!(office.world.living_records().len(), 6);
    let states: Vec<PairState> = office.world.pairs().iter().map(|pair| pair.state).collect();
    assert_eq!(states.iter().filter(|state| **state == PairState::Open).count(), 4, "{states:?}");
    assert!(matches!(office.world.parked().as_slice(), [one] if matches!(one.reason, Reason::Ambiguous { .. })));
    let standing = run(syncs::standing(&office.world.app, &office.world.org, &office.connection))
        .expect("a sync")
        .expect("a sync");
    assert_eq!(standing.status, SyncStatus::Running);
    assert!(standing.in_step, "{standing:?}");
}

#[test]
fn a_plan_begun_anew_while_a_page_is_read_has_no_holes() {
    let mut office = Office::open(&Setup { page: Some(4), ..Setup::default() }, KeyChoice::None);
    for n in 0..10 {
        office.world.hubspot.create(&[("email", &format!("p{n}@example.com"))]).expect("a record");
    }
    office.world.pass(Duration::from_secs(30));
    let begin = |world: &World| run(syncs::plan(&world.app, &world.org, &office.connection, None)).expect("a plan");
    begin(&office.world);
    let first_page = office.world.claim().expect("the first page");
    run(worker::run_one(&office.world.app, &first_page)).expect("it is read");

    let second_page = office.world.claim().expect("the second page");
    let mut again = None;
    let app = office.world.app.clone();
    drive(worker::run_one(&app, &second_page), || {
        again.get_or_insert_with(|| begin(&office.world));
        ControlFlow::Continue(())
    })
    .expect("the job ends")
    .expect("it is committed");
    office.world.pass(Duration::from_secs(60));

    assert_eq!(office.summary(&again.expect("the second plan")).new_in_inbox, 10);
}

#[test]
fn edits_on_either_side_show_on_the_other_and_then_nothing_moves() {
    for key in [KeyChoice::Create, KeyChoice::None] {
        let mut office =
            Office::started(&Setup::default(), key, &[person("+628123000001", "Ana Lee", "ana@example.com")]);
        let contact = office.only_contact();
        let native = office.world.native_of(&contact.id).expect("a record");
        assert_eq!(office.value(&native, "firstname").as_deref(), Some("Ana"));

        office.world.patch_contact(&contact.id, named("Ana Li")).expect("an edit");
        office.world.settle();
        assert_eq!(office.value(&native, "lastname").as_deref(), Some("Li"));

        office.world.hubspot.edit(&native, &[("email", "li@example.com")]).expect("an edit");
        office.world.settle();
        assert_eq!(office.only_contact().email.as_deref(), Some("li@example.com"));

        let quiet = office.world.effects();
        office.world.settle();
        assert_eq!(office.world.effects(), quiet, "echoes cause nothing");
    }
}

#[test]
fn a_conflict_is_settled_by_rule_and_explained() {
    let mut office =
        Office::started(&Setup::default(), KeyChoice::Create, &[person("+628123000001", "Ana Lee", "ana@example.com")]);
    let contact = office.only_contact();
    let native = office.world.native_of(&contact.id).expect("a record");
    office.world.hubspot.edit(&native, &[("email", "crm@example.com")]).expect("an edit");
    let patch = ContactPatch { email: Patch::Set("inbox@example.com".to_owned()), ..ContactPatch::default() };
    office.world.patch_contact(&contact.id, patch).expect("an edit");

    office.world.settle();

    assert_eq!(office.only_contact().email.as_deref(), Some("crm@example.com"));
    assert_eq!(office.value(&native, "email").as_deref(), Some("crm@example.com"));
    let why = run(why::why(&office.world.app, &office.world.org, &contact.id, "email")).expect("an explanation");
    assert_eq!(why.recomputed, Some(true), "{why:#?}");
    assert!(why.sentence.contains("both sides had changed it"), "{}", why.sentence);
    assert!(why.sentence.contains("inbox@example.com"), "{}", why.sentence);
}

#[test]
fn a_delete_in_the_crm_unlinks_and_a_restore_opens_the_pair_again() {
    let mut office =
        Office::started(&Setup::default(), KeyChoice::Create, &[person("+628123000001", "Ana Lee", "ana@example.com")]);
    let contact = office.only_contact();
    let native = office.world.native_of(&contact.id).expect("a record");
    office.world.hubspot.archive(&native).expect("a delete");
    office.world.pass(Duration::from_secs(3 * 3_600));

    let pair = office.world.pair_of(&contact.id).expect("the pair stays");
    assert_eq!(pair.state, PairState::Tombstone);
    office.world.patch_contact(&contact.id, named("Ana Lin")).expect("an edit");
    office.world.settle();
    assert!(office.world.living_records().is_empty(), "nothing is made anew");

    office.world.hubspot.restore(&native).expect("a restore");
    office.world.hubspot.edit(&native, &[("jobtitle", "Baker")]).expect("an edit");
    office.world.settle();
    assert_eq!(office.world.pair_of(&contact.id).expect("a pair").state, PairState::Open);
    assert_eq!(office.value(&native, "lastname").as_deref(), Some("Lin"));
}

#[test]
fn of_two_merged_records_one_contact_keeps_the_survivor_and_the_other_is_a_question() {
    let people = [
        person("+628123000001", "Ana Lee", "ana@example.com"),
        person("+628123000002", "Anna Lee", "anna@example.com"),
    ];
    let mut office = Office::started(&Setup::default(), KeyChoice::Create, &people);
    let natives: Vec<String> =
        office.world.contacts().iter().filter_map(|contact| office.world.native_of(&contact.id)).collect();
    let survivor = office.world.hubspot.merge(&natives[0], &natives[1]).expect("a merge");

    office.world.settle();

    let pairs = office.world.pairs();
    assert_eq!(pairs.iter().filter(|pair| pair.native.as_deref() == Some(survivor.as_str())).count(), 1, "{pairs:#?}");
    assert_eq!(pairs.iter().filter(|pair| pair.state == PairState::Parked).count(), 1);
    let parked = office.world.parked();
    assert!(
        matches!(parked.as_slice(), [one] if one.reason == Reason::MergedAway { survivor: survivor.clone() }),
        "{parked:?}"
    );
    assert_eq!(office.world.living_records().len(), 1);
    assert_eq!(office.world.contacts().len(), 2);
}

#[test]
fn a_refused_value_waits_alone_and_goes_out_once_it_is_mended() {
    let people =
        [person("+628123000001", "Ana Lee", "not an address"), person("+628123000002", "Bo Li", "bo@example.com")];
    let mut office = Office::started(&Setup::default(), KeyChoice::Create, &people);
    assert_eq!(office.world.living_records().len(), 1, "the good row is not held up");
    let parked = office.world.parked();
    assert!(matches!(parked.as_slice(), [one] if matches!(one.reason, Reason::Refused { .. })), "{parked:?}");

    let ana =
        office.world.contacts().into_iter().find(|contact| contact.name.as_deref() == Some("Ana Lee")).expect("Ana");
    let patch = ContactPatch { email: Patch::Set("ana@example.com".to_owned()), ..ContactPatch::default() };
    office.world.patch_contact(&ana.id, patch).expect("an edit");
    office.world.settle();

    assert_eq!(office.world.living_records().len(), 2);
    assert!(office.world.parked().is_empty());
}

#[test]
fn a_question_that_is_dropped_leaves_both_sides_alone() {
    let mut office = Office::open(&Setup::default(), KeyChoice::Create);
    office.world.hubspot.create(&[("phone", "+628123000003"), ("firstname", "Twin")]).expect("a record");
    office.world.hubspot.create(&[("phone", "+62 812 3000003"), ("firstname", "Twin again")]).expect("a record");
    let contact = office.world.create_contact(person("+628123000003", "Twin", "")).expect("a contact");
    office.world.pass(Duration::from_secs(30));
    let plan = office.plan();
    office.start(&plan);
    let question = office.world.parked().remove(0);

    run(parked::drop_question(&office.world.app, &office.world.org, &question.id)).expect("dropped");
    office.world.patch_contact(&contact.id, named("Twin edited")).expect("an edit");
    office.world.settle();

    assert!(office.world.parked().is_empty());
    assert_eq!(office.world.living_records().len(), 2);
    assert_eq!(office.writes(), 0);
}

#[test]
fn a_deleted_contact_takes_nobody_else_out_of_a_plan() {
    let mut office = Office::open(&Setup::default(), KeyChoice::Create);
    let crm = &office.world.hubspot;
    crm.create(&[("email", "twin@example.com"), ("firstname", "Twin")]).expect("a record");
    crm.create(&[("phone", "+628123000009"), ("email", "other@example.com"), ("firstname", "Cy")]).expect("a record");
    let people = [
        person("+628123000001", "Twin", "twin@example.com"),
        person("+628123000002", "Twin", "twin@example.com"),
        person("+628123000009", "Cy", "cy@example.com"),
    ];
    let [one, two, matched] = people.map(|new| office.world.create_contact(new).expect("a contact"));
    office.world.pass(Duration::from_secs(30));
    let plan = office.plan();
    for gone in [&one, &matched] {
        office.world.delete_contact(&gone.id).expect("a delete");
    }

    let rows = office.rows(&plan);
    assert_eq!(rows.len(), 2, "{rows:#?}");
    assert!(!format!("{rows:?}").contains("cy@example.com"), "{rows:#?}");
    office.start(&plan);

    let asked = office.world.parked();
    assert!(matches!(asked.as_slice(), [question] if question.contact.as_ref() == Some(&two.id)), "{asked:?}");
    assert_eq!(office.only_contact().id, two.id, "no record of a deleted contact comes back as a new one");
    assert_eq!(office.writes(), 0);
}

#[test]
fn a_deleted_person_who_writes_again_is_not_made_a_second_time() {
    let mut office =
        Office::started(&Setup::default(), KeyChoice::Create, &[person("+628123000001", "Ana Lee", "ana@example.com")]);
    let contact = office.only_contact();
    office.world.delete_contact(&contact.id).expect("a delete");
    let again = office.world.create_contact(person("+628123000001", "Ana", "")).expect("a contact");

    office.world.settle();

    assert_eq!(office.world.living_records().len(), 1);
    let asked = office.world.parked();
    assert!(matches!(asked.as_slice(), [question] if question.contact.as_ref() == Some(&again.id)), "{asked:?}");
}

#[test]
fn a_connection_without_a_sync_gets_no_call() {
    let mut office = Office::open(&Setup::default(), KeyChoice::Create);
    office.world.hubspot.reset_calls();
    for n in 0..100 {
        office.world.create_contact(person(&format!("+62812300{n:04}"), "Somebody", "")).expect("a contact");
    }
    office.world.settle();
    assert_eq!(office.world.hubspot.calls().total, 0);
}

#[test]
fn an_account_that_is_connected_keeps_its_key_property() {
    let office = Office::open(&Setup::default(), KeyChoice::Create);
    let again = |key: KeyChoice| {
        let grant = Grant::fixed("pat-eu1-test".to_owned().into());
        let connect = Connect {
            vendor: "hubspot".to_owned(),
            base_url: Some("https://hubspot.test/".to_owned()),
            grant,
            key,
            renews: None,
        };
        run(syncs::connect(&office.world.app, &office.world.org, connect)).map(|of| of.id().clone())
    };
    assert_eq!(again(KeyChoice::Create), Ok(office.connection.clone()));
    let other_key = again(KeyChoice::None).expect_err("another key property");
    assert!(other_key.message.contains("lockstep_id") && other_key.message.contains("none"), "{}", other_key.message);
}

#[test]
fn a_question_of_a_paused_sync_stays_open_until_the_sync_goes_on() {
    let people = [person("+628123000003", "Twin", "")];
    let mut office = Office::started(&Setup::default(), KeyChoice::Create, &people);
    let twin =
        office.world.hubspot.create(&[("phone", "+628123000003"), ("firstname", "Twin again")]).expect("a record");
    office.world.settle();
    let question = office.world.parked().remove(0).id;
    let (app, org) = (office.world.app.clone(), office.world.org.clone());
    run(syncs::pause(&app, &org, &office.connection)).expect("paused");
    office.world.hubspot.edit(&twin, &[("phone", "+628123000004")]).expect("an edit that answers it");

    assert!(run(parked::resume(&app, &org, &question)).is_err(), "nothing would take it up");
    assert_eq!(office.world.parked().len(), 1);
    run(syncs::resume(&app, &org, &office.connection)).expect("it goes on");
    run(parked::resume(&app, &org, &question)).expect("resumed");
    office.world.settle();

    assert!(office.world.parked().is_empty());
    assert_eq!(office.world.contacts().len(), 2);
}

#[test]
fn deletes_are_carried_over_where_a_person_chose_that() {
    let mut office = Office::open(&Setup::default(), KeyChoice::Create);
    let contact = office.world.create_contact(person("+628123000003", "Ana", "")).expect("a contact");
    let plan = office.plan();
    run(plans::choose_deletes(&office.world.app, &office.world.org, &plan, OnDelete::Archive)).expect("chosen");
    office.start(&plan);
    assert_eq!(office.world.living_records().len(), 1);

    office.world.delete_contact(&contact.id).expect("a delete");
    office.world.settle();

    assert!(office.world.living_records().is_empty());
}
