//! Properties that hold for every pair of sides, base, rule, direction and policy.

use std::collections::BTreeMap;

use lockstep_core::change::Verdict;
use lockstep_core::env::Time;
use lockstep_core::mapping::model::{Direction, FieldMap, Kind, Mapping, Rule, Selector, Side, WritePolicy};
use lockstep_core::merge::{Interval, Merge, Sight, merge};
use lockstep_core::pair::{Base, FieldBase};
use lockstep_core::phone::Phone;
use lockstep_core::record::{Edits, Values};
use proptest::prelude::*;

use super::World;

const PHONES: [&str; 3] = ["+6281234567890", "+6281111111111", "+14155550100"];
const TYPED: [&str; 6] =
    ["0812-3456-7890", "+62 812 3456 7890", "+6281111111111", "(0812) 3456.7890", "n/a", "+1 415 555 0100"];

fn text() -> impl Strategy<Value = Option<String>> {
    proptest::option::of(proptest::sample::select(vec!["a", "A", "b", " b ", "a b", "b a c"]).prop_map(str::to_owned))
}

fn rule() -> impl Strategy<Value = Rule> {
    let side = proptest::sample::select(vec![Side::Inbox, Side::Crm]);
    prop_oneof![Just(Rule::Crm), Just(Rule::Inbox), side.prop_map(|tie| Rule::Latest { tie })]
}

fn direction() -> impl Strategy<Value = Direction> {
    proptest::sample::select(vec![Direction::Both, Direction::ToCrm, Direction::ToInbox])
}

fn policy() -> impl Strategy<Value = WritePolicy> {
    proptest::sample::select(vec![WritePolicy::Always, WritePolicy::IfEmpty, WritePolicy::Never])
}

fn interval() -> impl Strategy<Value = Interval> {
    (0_i64..50, 0_i64..20).prop_map(|(from, length)| Interval { from: Time(from), to: Time(from + length) })
}

prop_compose! {
    fn base()(bases in proptest::collection::btree_map("(name|email|phone_number|acquisition_source|metadata.crm_id)", (text(), text()), 0..5)) -> Base {
        bases.into_iter().map(|(field, (ours, theirs))| (field, FieldBase { ours, theirs })).collect()
    }
}

prop_compose! {
    fn world()(
        ours in (text(), text(), proptest::option::of(proptest::sample::select(PHONES.to_vec()))),
        theirs in (text(), text(), text(), proptest::option::of(proptest::sample::select(TYPED.to_vec()))),
        base in base(),
        settings in proptest::collection::vec((rule(), direction(), policy()), 6),
        times in (interval(), interval()),
    ) -> World {
        let mut world = World::new();
        (world.contact.name, world.contact.email) = (ours.0, ours.1);
        world.contact.phone_number = ours.2.and_then(|number| Phone::parse(number).ok());
        let texts = [("firstname", theirs.0), ("lastname", theirs.1), ("email", theirs.2), ("phone", theirs.3.map(str::to_owned))];
        world.record.properties.extend(texts.map(|(name, value)| (name.to_owned(), value)));
        world.base = base;
        (world.ours_at, world.theirs_at) = times;
        for (map, (rule, direction, policy)) in world.mapping.fields.iter_mut().zip(settings) {
            (map.rule, map.direction, map.policy) = (rule, direction, policy);
        }
        world
    }
}

/// One text field, so that both sides can change places.
fn one_field(rule: Rule) -> Mapping {
    let map = FieldMap {
        field: "metadata.x".to_owned(),
        native: Selector::Property("x".to_owned()),
        kind: Kind::Text,
        rule,
        direction: Direction::Both,
        policy: WritePolicy::Always,
    };
    Mapping { version: 1, region: None, fields: vec![map], also_match: Vec::new() }
}

fn merge_one(
    rule: Rule,
    base: Option<(Option<String>, Option<String>)>,
    ours: &Option<String>,
    theirs: &Option<String>,
    at: (Interval, Interval),
) -> Merge {
    let field = || "metadata.x".to_owned();
    let values = |value: &Option<String>| -> Values { value.iter().map(|value| (field(), value.clone())).collect() };
    let base = base.map(|(ours, theirs)| (field(), FieldBase { ours, theirs })).into_iter().collect();
    merge(&Sight {
        mapping: &one_field(rule),
        base: &base,
        held: &[],
        ours: &values(ours),
        theirs: &values(theirs),
        ours_at: at.0,
        theirs_at: at.1,
        owned: &[],
        far: None,
    })
}

fn other(rule: Rule) -> Rule {
    match rule {
        Rule::Crm => Rule::Inbox,
        Rule::Inbox => Rule::Crm,
        Rule::Latest { tie } => Rule::Latest { tie: tie.other() },
    }
}

proptest! {
    #[test]
    fn an_applied_merge_leaves_nothing_to_do(mut world in world()) {
        world.sync();
        prop_assert_eq!(world.merge(), Merge::default());
    }

    #[test]
    fn merging_twice_decides_the_same(world in world()) {
        prop_assert_eq!(world.merge(), world.merge());
    }

    #[test]
    fn a_field_is_decided_once_and_only_if_mapped(world in world()) {
        let merge = world.merge();
        let mapped = |field: &String| world.mapping.field(field).is_some();
        prop_assert!(merge.to_us.keys().chain(merge.to_them.keys()).chain(merge.base.keys()).all(mapped));
        prop_assert!(merge.to_us.keys().all(|field| !merge.to_them.contains_key(field)));
        prop_assert!(merge.to_them.keys().all(|field| !merge.base.contains_key(field)));
        let logged: BTreeMap<_, usize> = merge.decided.iter().chain(&merge.on_write).fold(BTreeMap::new(), |mut count, change| {
            *count.entry(&change.field).or_default() += 1;
            count
        });
        prop_assert!(logged.values().all(|times| *times == 1));
        prop_assert!(merge.to_us.keys().chain(merge.to_them.keys()).all(|field| logged.contains_key(field)));
    }

    #[test]
    fn directions_and_policies_are_never_broken(world in world()) {
        let merge = world.merge();
        for map in &world.mapping.fields {
            prop_assert!(map.direction != Direction::ToCrm || !merge.to_us.contains_key(&map.field));
            prop_assert!(map.direction != Direction::ToInbox || !merge.to_them.contains_key(&map.field));
            prop_assert!(map.policy != WritePolicy::Never || !merge.to_them.contains_key(&map.field));
        }
    }

    #[test]
    fn the_channels_address_is_only_ever_filled(mut world in world()) {
        let before = world.contact.phone_number.clone();
        let merge = world.sync();
        prop_assert!(before.is_none() || world.contact.phone_number == before);
        prop_assert!(before.is_none() || !merge.to_us.contains_key("phone_number"));
    }

    #[test]
    fn formatting_alone_is_never_written(mut world in world(), number in proptest::sample::select(vec!["0812-3456-7890", "+62 812 3456 7890", "(0812) 3456.7890"])) {
        world.contact.phone_number = Phone::parse("+6281234567890").ok();
        world.edit_crm(&[("phone", number)]);
        let merge = world.merge();
        prop_assert!(!merge.to_us.contains_key("phone_number") && !merge.to_them.contains_key("phone_number"));
    }

    #[test]
    fn changing_places_mirrors_the_decision(rule in rule(), base in proptest::option::of((text(), text())), ours in text(), theirs in text(), at in (interval(), interval())) {
        let here = merge_one(rule, base.clone(), &ours, &theirs, at);
        let there = merge_one(other(rule), base.map(|(ours, theirs)| (theirs, ours)), &theirs, &ours, (at.1, at.0));
        prop_assert_eq!(here.to_us, there.to_them);
        prop_assert_eq!(here.to_them, there.to_us);
    }

    #[test]
    fn the_owners_value_wins_exactly_when_both_moved(rule in prop_oneof![Just(Rule::Crm), Just(Rule::Inbox)], base in (text(), text()), ours in text(), theirs in text(), at in (interval(), interval())) {
        let form = |value: &Option<String>| value.as_deref().map(|value| value.trim().to_owned());
        let (ours_moved, theirs_moved) = (form(&ours) != form(&base.0), form(&theirs) != form(&base.1));
        let merge = merge_one(rule, Some(base), &ours, &theirs, at);
        let took = |edits: &Edits| edits.contains_key("metadata.x");
        let conflict = merge.decided.iter().chain(&merge.on_write).any(|change| matches!(change.decision.as_ref().map(|decision| decision.verdict), Some(Verdict::Conflict { .. })));
        let differ = form(&ours) != form(&theirs);
        prop_assert_eq!(conflict, differ && ours_moved && theirs_moved);
        let crm_flows = differ && theirs_moved && (!ours_moved || rule == Rule::Crm);
        let inbox_flows = differ && ours_moved && (!theirs_moved || rule == Rule::Inbox);
        prop_assert_eq!((took(&merge.to_us), took(&merge.to_them)), (crm_flows, inbox_flows));
    }
}
