//! What each rule, direction and policy does, one example each.

use std::time::Duration;

use lockstep_core::change::Verdict;
use lockstep_core::env::Time;
use lockstep_core::mapping::model::{Direction, FieldMap, Rule, Side, WritePolicy};
use lockstep_core::merge::{Interval, Merge, Sight, merge, needs_read};
use lockstep_core::record::Edits;

use super::World;

const PHONE: &str = "+6281234567890";

fn budi() -> World {
    World::in_step(PHONE, "budi@example.com", "Budi", "Santoso")
}

fn field<'a>(world: &'a mut World, field: &str) -> &'a mut FieldMap {
    world.mapping.fields.iter_mut().find(|map| map.field == field).unwrap()
}

fn verdicts(merge: &Merge) -> Vec<(&str, Verdict)> {
    let verdict = |change: &lockstep_core::change::FieldChange| change.decision.as_ref().unwrap().verdict;
    merge.decided.iter().chain(&merge.on_write).map(|change| (change.field.as_str(), verdict(change))).collect()
}

#[test]
fn a_change_on_one_side_flows_even_against_the_owner() {
    let mut world = budi();
    world.contact.email = Some("new@example.com".to_owned());
    let merge = world.sync();
    assert_eq!(verdicts(&merge), [("email", Verdict::Flowed { from: Side::Inbox })]);
    assert_eq!(world.crm("email"), "new@example.com");

    world.edit_crm(&[("lastname", "Wijaya")]);
    world.sync();
    assert_eq!(world.contact.name.as_deref(), Some("Budi Wijaya"));
    assert!(world.merge().is_empty());
}

#[test]
fn a_clear_is_a_change_and_flows() {
    let mut world = budi();
    world.contact.email = None;
    world.edit_crm(&[("firstname", ""), ("lastname", "")]);
    world.sync();
    assert_eq!(world.crm("email"), "");
    assert_eq!(world.contact.name, None);
    assert!(world.merge().is_empty());
}

#[test]
fn when_both_moved_the_rule_names_the_winner_and_the_loser_is_logged() {
    let mut world = budi();
    world.contact.email = Some("ours@example.com".to_owned());
    world.edit_crm(&[("email", "theirs@example.com")]);
    let merge = world.sync();
    assert_eq!(verdicts(&merge), [("email", Verdict::Conflict { winner: Side::Crm, rule: Rule::Crm })]);
    let decision = merge.decided[0].decision.clone().unwrap();
    assert_eq!(decision.ours.as_deref(), Some("ours@example.com"));
    assert_eq!(decision.base.unwrap().ours.as_deref(), Some("budi@example.com"));
    assert_eq!(world.contact.email.as_deref(), Some("theirs@example.com"));
    assert!(world.merge().is_empty());
}

#[test]
fn both_moved_to_the_same_value_is_agreement() {
    let mut world = budi();
    world.contact.email = Some("New@example.com".to_owned());
    world.edit_crm(&[("email", "new@EXAMPLE.com")]);
    let merge = world.sync();
    assert!(verdicts(&merge).is_empty() && merge.to_us.is_empty() && merge.to_them.is_empty());
    assert!(world.merge().is_empty());
}

#[test]
fn without_a_base_an_empty_side_is_filled_and_two_values_are_a_conflict() {
    let mut world = World::new();
    world.contact.email = Some("ours@example.com".to_owned());
    world.edit_crm(&[("email", "theirs@example.com"), ("firstname", "Dewi")]);
    let merge = world.sync();
    assert!(verdicts(&merge).contains(&("email", Verdict::Conflict { winner: Side::Crm, rule: Rule::Crm })));
    assert_eq!(world.contact.name.as_deref(), Some("Dewi"));
    assert_eq!(world.crm("lockstep_source"), "kirim_inbound");
    assert_eq!(world.crm("lockstep_id"), world.contact.id.as_str());
    assert_eq!(world.contact.metadata.as_ref().unwrap()["crm_id"], "7");
    assert!(world.merge().is_empty());
}

#[test]
fn latest_compares_intervals_and_falls_back_where_they_overlap() {
    let second = Duration::from_secs(1);
    let at = |secs| Interval { from: Time::from_secs(secs), to: Time::from_secs(secs).plus(second) };
    for (ours_at, theirs_at, winner) in [
        (at(10), at(20), Side::Crm),
        (at(20), at(10), Side::Inbox),
        (at(10), at(11), Side::Inbox),
        (at(10), at(10), Side::Inbox),
    ] {
        let mut world = budi();
        let rule = Rule::Latest { tie: Side::Inbox };
        field(&mut world, "email").rule = rule;
        (world.ours_at, world.theirs_at) = (ours_at, theirs_at);
        world.contact.email = Some("ours@example.com".to_owned());
        world.edit_crm(&[("email", "theirs@example.com")]);
        assert_eq!(verdicts(&world.merge()), [("email", Verdict::Conflict { winner, rule })]);
    }
}

#[test]
fn a_forbidden_flow_is_logged_once_and_each_side_keeps_its_own() {
    let mut world = budi();
    world.edit_crm(&[("lockstep_source", "kirim_import")]);
    let merge = world.sync();
    assert_eq!(verdicts(&merge), [("acquisition_source", Verdict::Blocked { from: Side::Crm })]);
    assert_eq!(merge.decided[0].before, merge.decided[0].after);
    assert_eq!(world.contact.acquisition_source.as_deref(), Some("inbound"));
    assert!(world.merge().is_empty());
}

#[test]
fn another_contacts_id_that_a_merge_left_in_the_record_gives_way_to_ours() {
    let mut world = budi();
    world.record.merged = vec!["8".to_owned()];
    world.edit_crm(&[("lockstep_id", "ctc_01HXYZABCDEFGHJKMNPQRSTVWZ")]);
    let ours = world.contact.id.to_string();
    let merge = world.sync();
    assert_eq!(merge.to_them["id"].as_deref(), Some(ours.as_str()));
    assert_eq!(verdicts(&merge), [("id", Verdict::OurId)]);
    assert_eq!(world.crm("lockstep_id"), ours);
    assert!(world.merge().is_empty());
}

#[test]
fn an_id_that_another_sync_keeps_in_the_record_is_left_alone() {
    let mut world = budi();
    world.edit_crm(&[("lockstep_id", "ctc_01HXYZABCDEFGHJKMNPQRSTVWZ")]);
    let merge = world.sync();
    assert_eq!(verdicts(&merge), [("id", Verdict::Blocked { from: Side::Crm })]);
    assert!(world.merge().is_empty());
}

#[test]
fn directions_and_policies_bind_our_side_too() {
    for (direction, policy) in [
        (Direction::ToInbox, WritePolicy::Always),
        (Direction::Both, WritePolicy::Never),
        (Direction::Both, WritePolicy::IfEmpty),
    ] {
        let mut world = budi();
        let map = field(&mut world, "email");
        (map.direction, map.policy) = (direction, policy);
        world.contact.email = Some("ours@example.com".to_owned());
        let merge = world.sync();
        assert_eq!(verdicts(&merge), [("email", Verdict::Blocked { from: Side::Inbox })]);
        assert_eq!(world.crm("email"), "budi@example.com");
        assert!(world.merge().is_empty());
    }
}

#[test]
fn what_the_crm_that_has_the_word_moved_too_stands_against_another_one() {
    let mut world = budi();
    world.contact.name = Some("Of The First".to_owned());
    world.edit_crm(&[("firstname", "Of The"), ("lastname", "Second")]);
    assert_eq!(verdicts(&world.merge()), [("name", Verdict::Conflict { winner: Side::Crm, rule: Rule::Crm })]);
    let owned = ["name".to_owned()];
    let merged = world.merge_with(|sight| merge(&Sight { owned: &owned, ..*sight }));
    assert_eq!(verdicts(&merged), [("name", Verdict::OtherCrm)]);
    assert_eq!(merged.to_them["name"].as_deref(), Some("Of The First"));
    assert!(merged.to_us.is_empty());
}

#[test]
fn a_number_edited_in_the_crm_never_changes_the_channels_address() {
    let mut world = budi();
    for number in ["+6281111111111", "", "ask her"] {
        world.edit_crm(&[("phone", number)]);
        let merge = world.sync();
        assert_eq!(verdicts(&merge), [("phone_number", Verdict::ChannelAddress)], "{number}");
        assert_eq!(world.contact.phone_number.as_ref().unwrap().as_str(), PHONE);
        assert_eq!(world.crm("phone"), number);
        assert!(world.merge().is_empty());
    }
}

#[test]
fn an_empty_number_is_filled_from_either_side() {
    let mut world = World::new();
    world.edit_crm(&[("phone", "0812-3456-7890")]);
    world.sync();
    assert_eq!(world.contact.phone_number.as_ref().unwrap().as_str(), PHONE);
    assert_eq!(world.crm("phone"), "0812-3456-7890");
    assert!(world.merge().is_empty());

    let mut world = World::new();
    world.contact.phone_number = Some(PHONE.to_owned().try_into().unwrap());
    world.sync();
    assert_eq!(world.crm("phone"), PHONE);
}

#[test]
fn text_that_is_no_number_never_fills_one() {
    let mut world = World::new();
    world.edit_crm(&[("phone", "ask reception")]);
    let merge = world.sync();
    assert!(verdicts(&merge).contains(&("phone_number", Verdict::Blocked { from: Side::Crm })));
    assert_eq!(world.contact.phone_number, None);
    assert!(world.merge().is_empty());
}

#[test]
fn the_inboxs_own_changed_number_is_written() {
    let mut world = budi();
    world.contact.phone_number = Some("+6281999999999".to_owned().try_into().unwrap());
    world.sync();
    assert_eq!(world.crm("phone"), "+6281999999999");
}

#[test]
fn what_the_vendor_makes_of_our_write_is_its_base() {
    let mut world = budi();
    world.contact.name = Some("budi  santoso".to_owned());
    world.sync();
    assert_eq!((world.crm("firstname"), world.crm("lastname")), ("budi", "santoso"));
    assert!(world.merge().is_empty());
    assert_eq!(world.contact.name.as_deref(), Some("budi  santoso"));
}

#[test]
fn a_property_that_the_vendor_did_not_mention_is_not_cleared() {
    let mut world = budi();
    world.record.properties.remove("email");
    assert!(world.merge().is_empty());
}

#[test]
fn held_fields_are_left_alone() {
    let mut world = budi();
    world.held.push("email".to_owned());
    world.contact.email = None;
    assert!(world.merge().is_empty());
}

#[test]
fn a_read_is_needed_unless_the_inbox_wins_every_field_anyway() {
    let mapping = super::default_mapping();
    let edits = |fields: &[&str]| -> Edits { fields.iter().map(|field| ((*field).to_owned(), None)).collect() };
    assert!(!needs_read(&mapping, &edits(&["phone_number", "acquisition_source", "id"])));
    assert!(needs_read(&mapping, &edits(&["phone_number", "email"])));
    assert!(needs_read(&mapping, &edits(&["name"])));
}
