//! What every connector does alike with any object of an account. A vendor's [`Sample`]s say which objects it is tried
//! with; each case runs for all of them.

use std::time::Duration;

use lockstep_connect::{Changed, Deed, FaultClass, Found, Got, Outcome, Search};
use lockstep_core::crm::action::Key;
use lockstep_core::crm::{ApiObject, Filter, Link, Operation, Operator, RecordId, Selector};
use lockstep_core::record::{Properties, Record};

use crate::run::lacking;
use crate::world::{KEY, Lack, Sample, Strike, World, set, told_of_key};

impl World {
    async fn describe(&self, slug: &str) -> ApiObject {
        self.connector.object(&self.session, slug).await.expect("a description")
    }

    pub async fn carry_out(&self, deed: &Deed, asked: &[&str]) -> Result<Outcome, lockstep_connect::Fault> {
        let asked: Vec<String> = asked.iter().map(|name| (*name).to_owned()).collect();
        let outcome = self.connector.carry_out(&self.session, deed, &asked).await;
        if let Deed::Create { object, properties, .. } = deed {
            match &outcome {
                Ok(Outcome::Written(record)) => self.account.made(Some(object), &record.id),
                Err(fault) if fault.class == FaultClass::Unknown => {
                    self.account.may_have_made(format!("one of {object} with {properties:?}"));
                }
                _ => {}
            }
        }
        outcome
    }

    /// Makes a record that holds what the object needs, under a name.
    pub async fn make(&self, sample: &Sample, name: &str) -> Record {
        written(self.carry_out(&sample.create(name), &[sample.name]).await.expect("a record"))
    }

    async fn read_one(&self, sample: &Sample, id: &str) -> Got {
        let (ids, asked) = ([id.to_owned()], [sample.name.to_owned()]);
        self.connector.read(&self.session, sample.object, &ids, &asked).await.expect("answers").remove(0)
    }

    pub async fn search(&self, sample: &Sample, search: Search) -> Found {
        let asked = [sample.name.to_owned()];
        self.connector.search(&self.session, sample.object, &search, &asked).await.expect("a page")
    }
}

pub fn record(object: &str, id: &str) -> RecordId {
    RecordId::new(object, id).expect("a record id")
}

pub fn link(object: &str, id: &str, kind: Option<&str>) -> Link {
    Link { to: record(object, id), kind: kind.map(str::to_owned) }
}

pub fn field<'a>(root: &'a Selector, name: &str) -> &'a Selector {
    root.children.iter().find(|field| field.api_name.as_deref() == Some(name)).expect("a field")
}

pub fn written(outcome: Outcome) -> Record {
    match outcome {
        Outcome::Written(record) => record,
        Outcome::Archived => panic!("archived instead of written"),
    }
}

impl Sample {
    pub fn properties(&self, name: &str) -> Properties {
        let mut properties = set(self.needs);
        properties.insert(self.name.to_owned(), Some(name.to_owned()));
        properties
    }

    pub fn create(&self, name: &str) -> Deed {
        let (object, properties) = (self.object.to_owned(), self.properties(name));
        Deed::Create { object, properties, key: None, links: Vec::new() }
    }

    fn record(&self, id: &str) -> RecordId {
        record(self.object, id)
    }

    fn filter(&self, operator: Operator, value: Option<&str>) -> Filter {
        Filter { property: self.name.to_owned(), operator, value: value.map(str::to_owned) }
    }
}

fn one(filter: Filter) -> Search {
    Search { filters: vec![filter], limit: 10, ..Search::default() }
}

fn ids(found: &Found) -> Vec<&str> {
    found.records.iter().map(|record| record.id.as_str()).collect()
}

pub async fn every_object_is_listed_and_described(world: World) {
    let listed = world.connector.objects(&world.session).await.expect("objects");
    for sample in world.samples() {
        let of_list = listed.iter().find(|object| object.slug == sample.object).expect("a listed object");
        assert!(of_list.selector.is_none(), "the list has no fields");
        let object = world.describe(sample.object).await;
        assert_eq!((&object.label_one, &object.label_many), (&of_list.label_one, &of_list.label_many));
        let root = object.selector.expect("fields");
        let given = sample.properties("x");
        for field in &root.children {
            let name = field.api_name.as_deref().expect("a name");
            assert!(!field.access.required || given.contains_key(name), "{}: {name} is required", sample.object);
        }
        for name in given.keys() {
            let field = root.children.iter().find(|field| field.api_name.as_ref() == Some(name));
            let field = field.unwrap_or_else(|| panic!("{}: {name} is not described", sample.object));
            assert!(field.allows(Operation::Create) && field.allows(Operation::Read), "{name}");
        }
        let is_fixed = |name: &str| {
            let field = root.children.iter().find(|field| field.api_name.as_deref() == Some(name)).expect("a field");
            !field.allows(Operation::Create) && !field.allows(Operation::Update)
        };
        assert!(is_fixed(sample.read_only), "{}: {} cannot be written", sample.object, sample.read_only);
    }
    let fault = world.connector.object(&world.session, "butterflies").await.expect_err("no such object");
    assert_eq!(fault.class, FaultClass::Missing);
}

pub async fn a_record_of_any_object_is_made_read_changed_and_archived(world: World) {
    for sample in world.samples() {
        let made = world.make(&sample, "First").await;
        assert_eq!(made.text(sample.name), Some("First"), "{}", sample.object);
        let Got::Found(read) = world.read_one(&sample, &made.id).await else { panic!("{} is there", sample.object) };
        assert_eq!((&read.id, read.text(sample.name)), (&made.id, Some("First")));
        let record = sample.record(&made.id);
        let update = |properties| Deed::Update { record: record.clone(), properties, links: Vec::new() };
        let changed = world.carry_out(&update(set(&[(sample.name, "Second")])), &[sample.name]).await;
        assert_eq!(written(changed.expect("a change")).text(sample.name), Some("Second"));
        let same = world.carry_out(&update(Properties::new()), &[sample.name]).await;
        assert_eq!(written(same.expect("nothing to change")).text(sample.name), Some("Second"));
        for _ in 0..2 {
            let gone = world.carry_out(&Deed::Archive(record.clone()), &[]).await.expect("archived, or so already");
            assert!(matches!(gone, Outcome::Archived));
        }
        assert!(matches!(world.read_one(&sample, &made.id).await, Got::Archived(_)));
        if world.lacks(Lack::FixedArchive) {
            continue;
        }
        let fault = world.carry_out(&update(set(&[(sample.name, "Third")])), &[]).await.expect_err("archived");
        assert_eq!(fault.class, FaultClass::Missing);
    }
}

pub async fn searches_filter_and_go_by_time(world: World) {
    for sample in world.samples() {
        // Apart by the vendor's times.
        let apart = world.connector.about().granularity.max(Duration::from_secs(1));
        if !world.account.outlasts(apart) {
            lacking("what it makes has to be further apart than --wait");
        }
        let mark = &world.mark;
        let blue = format!("Blue {mark}Lamp");
        let mut made = Vec::new();
        for name in [&format!("Amber {mark}Lamp"), &blue, &format!("Cedar {mark}Chair")] {
            made.push(world.make(&sample, name).await.id);
            world.pass(apart);
        }
        world.wait_for_index();
        let equal = world.search(&sample, one(sample.filter(Operator::Eq, Some(&blue)))).await;
        assert_eq!(ids(&equal), [made[1].as_str()]);
        assert_eq!(equal.records[0].text(sample.name), Some(blue.as_str()));
        let with = world.search(&sample, one(sample.filter(Operator::Contains, Some(&format!("{mark}lam"))))).await;
        assert_eq!(ids(&with), [made[1].as_str(), made[0].as_str()], "{}: the newest first", sample.object);
        let without = world.search(&sample, one(sample.filter(Operator::Eq, None))).await;
        assert!(without.records.is_empty());

        // Longer than any vendor takes to show what was modified before.
        let long = Duration::from_secs(900);
        let outlasts = world.account.outlasts(long);
        if outlasts {
            world.dial.advance(long);
        }
        let (from, between) = (with.records[1].updated_at, with.records[0].updated_at);
        let page = |until, after| {
            let changed = Some(Changed { from, until });
            Search { changed, limit: 2, after, ..Search::default() }
        };
        let first = world.search(&sample, page(None, None)).await;
        assert_eq!(ids(&first), [made[0].as_str(), made[1].as_str()], "{}: a page of what changed", sample.object);
        assert!(!outlasts || first.asked_at >= between, "by the vendor's clock");
        let second = world.search(&sample, page(None, first.after.clone())).await;
        assert_eq!((ids(&second), &second.after), (vec![made[2].as_str()], &None));
        let (mut closed, mut after) = (Vec::new(), None);
        loop {
            // The last pages may be empty: a vendor that cannot hold what is newer back shows it, and it is left out.
            let found = world.search(&sample, page(Some(between), after)).await;
            closed.extend(found.records.into_iter().map(|record| record.id));
            after = found.after;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(closed, made[..2]);
        let update = |id: &str| Deed::Update {
            record: sample.record(id),
            properties: set(&[(sample.name, &format!("Amber {mark}Lamp 2"))]),
            links: Vec::new(),
        };
        world.carry_out(&update(&made[0]), &[]).await.expect("an edit between two pages");
        world.wait_for_index();
        let second = world.search(&sample, page(None, first.after)).await;
        assert_eq!(ids(&second), [made[2].as_str()], "which shifts nothing");
    }
}

pub async fn more_properties_than_a_search_can_name_are_read(world: World) {
    let Some(sample) = world.samples().into_iter().next() else { return };
    let long = format!("Long{}", world.mark);
    let made = world.make(&sample, &long).await;
    world.wait_for_index();
    let described = world.describe(sample.object).await.selector.expect("fields");
    let names = described.children.iter().filter_map(|field| field.api_name.clone());
    let asked: Vec<String> = names.cycle().take(400).collect();
    let wanted = one(sample.filter(Operator::Eq, Some(&long)));
    let found = world.connector.search(&world.session, sample.object, &wanted, &asked).await.expect("a page");
    assert_eq!((ids(&found), found.records[0].text(sample.name)), (vec![made.id.as_str()], Some(long.as_str())));
}

pub async fn a_key_of_ours_makes_a_record_known_again(world: World) {
    for sample in world.samples() {
        let add = || world.connector.add_key(&world.session, sample.object, KEY);
        match told_of_key(add().await) {
            Ok(()) => add().await.expect("one that is there"),
            // Not every object of every vendor takes properties of one's own.
            Err(fault) => {
                assert_eq!((fault.class, world.connector.about().upsert_by_key), (FaultClass::Rejected, false));
                continue;
            }
        }
        let key = Key { property: KEY.to_owned(), value: format!("key {}1", world.mark) };
        let by_key = || world.connector.by_key(&world.session, sample.object, &key, &[]);
        match by_key().await {
            Ok(found) => assert!(found.is_none()),
            Err(fault) => {
                assert_eq!((fault.class, world.connector.about().upsert_by_key), (FaultClass::Rejected, false));
                searched_by_key(&world, &sample, key).await;
                continue;
            }
        }
        let (object, properties) = (sample.object.to_owned(), sample.properties("Keyed"));
        let create = Deed::Create { object, properties, key: Some(key.clone()), links: Vec::new() };
        let made = written(world.carry_out(&create, &[]).await.expect("a record"));
        let found = by_key().await.expect("an answer").expect("the record, without any lag");
        assert_eq!(found.id, made.id);
        if world.lacks(Lack::UniqueKeys) {
            continue;
        }
        let fault = world.carry_out(&create, &[]).await.expect_err("it is there");
        assert_eq!((fault.class, fault.existing.as_deref()), (FaultClass::Duplicate, Some(made.id.as_str())));
    }
}

/// Where a vendor keeps nothing unique, the caller looks by a search.
async fn searched_by_key(world: &World, sample: &Sample, key: Key) {
    let filter = Filter { property: KEY.to_owned(), operator: Operator::Eq, value: Some(key.value.clone()) };
    assert!(world.search(sample, one(filter.clone())).await.records.is_empty());
    let (object, properties) = (sample.object.to_owned(), sample.properties("Keyed"));
    let create = Deed::Create { object, properties, key: Some(key), links: Vec::new() };
    let made = written(world.carry_out(&create, &[]).await.expect("a record"));
    world.wait_for_index();
    assert_eq!(ids(&world.search(sample, one(filter)).await), [made.id.as_str()]);
}

pub async fn a_property_that_is_not_unique_is_no_key(world: World) {
    for sample in world.samples() {
        let key = Key { property: sample.name.to_owned(), value: "Only".to_owned() };
        let fault = world.connector.by_key(&world.session, sample.object, &key, &[]).await.expect_err("no key");
        assert_eq!(fault.class, FaultClass::Rejected, "{}", sample.object);
    }
}

pub async fn what_a_new_record_lacks_is_named(world: World) {
    for sample in world.samples() {
        for (needed, _) in sample.needs {
            let mut properties = sample.properties("Short");
            properties.remove(*needed);
            let object = sample.object.to_owned();
            let create = Deed::Create { object, properties, key: None, links: Vec::new() };
            let fault = world.carry_out(&create, &[]).await.expect_err("too little");
            assert_eq!((fault.class, fault.property.as_deref()), (FaultClass::Rejected, Some(*needed)));
        }
    }
}

pub async fn a_property_that_an_object_lost_is_drift(world: World) {
    for sample in world.samples() {
        let made = world.make(&sample, "Old").await;
        world.wait_for_index();
        world.account.drop_property_of(sample.object, sample.optional);
        let asked = [sample.optional.to_owned()];
        let properties = set(&[(sample.optional, "1")]);
        let update = Deed::Update { record: sample.record(&made.id), properties, links: Vec::new() };
        let faults = [
            world.carry_out(&update, &[]).await.map(drop).expect_err("it is gone"),
            world.connector.read(&world.session, sample.object, &[made.id], &asked).await.map(drop).expect_err("gone"),
            world
                .connector
                .search(&world.session, sample.object, &Search { limit: 1, ..Search::default() }, &asked)
                .await
                .map(drop)
                .expect_err("gone"),
        ];
        for fault in faults {
            let told = (fault.class, fault.property.as_deref());
            assert_eq!(told, (FaultClass::Drift, Some(sample.optional)), "{}", sample.object);
        }
    }
}

pub async fn a_deed_whose_answer_is_lost_may_have_happened(world: World) {
    for sample in world.samples() {
        // The connector may learn what it has to know before, so that the deed's own call is the next.
        world.describe(sample.object).await;
        for strike in [Strike::LostBefore, Strike::LostAfter, Strike::Truncated] {
            world.strike(strike);
            let fault = world.carry_out(&sample.create("Lost"), &[]).await.expect_err("no answer");
            assert_eq!(fault.class, FaultClass::Unknown, "{strike:?}");
        }
        world.strike(Strike::TooMany);
        let fault = world.carry_out(&sample.create("Late"), &[]).await.expect_err("a limit");
        assert_eq!(fault.class, FaultClass::Limited);
    }
}
