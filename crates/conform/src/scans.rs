//! What every connector's scan of changes must survive.

use std::collections::BTreeMap;
use std::time::Duration;

use lockstep_connect::Cursor;
use lockstep_core::record::Record;

use crate::world::{Lack, World};

/// A reader that keeps what it was shown last of each record, as a sync does.
struct Reader<'a> {
    world: &'a World,
    cursor: Option<Cursor>,
    seen: BTreeMap<String, Record>,
    pages: usize,
}

impl<'a> Reader<'a> {
    fn new(world: &'a World) -> Self {
        Self { world, cursor: None, seen: BTreeMap::new(), pages: 0 }
    }

    /// Reads one page; says whether there is more now.
    async fn page(&mut self) -> bool {
        let world = self.world;
        let page = world.connector.changes(&world.session, self.cursor.as_ref(), &world.asked()).await.expect("a page");
        // What is stored is what survives a restart, so the cursor travels as text.
        let stored = serde_json::to_string(&page.cursor).expect("text");
        self.cursor = Some(serde_json::from_str(&stored).expect("a cursor"));
        self.pages += 1;
        self.seen.extend(page.records.into_iter().map(|record| (record.id.clone(), record)));
        // Searches have a limiter of their own, which the pacer keeps; here time passes instead.
        world.pass(Duration::from_millis(250));
        page.more
    }

    async fn read_all(&mut self) {
        while self.page().await {}
    }

    fn name(&self, id: &str) -> Option<&str> {
        self.seen.get(id)?.text(self.world.given)
    }
}

fn people(world: &World, count: usize) -> Vec<String> {
    world.account.make_room(count);
    (0..count).map(|n| world.account.create(&[(world.given, &format!("N{n}"))])).collect()
}

pub async fn a_first_scan_reads_everything_in_full_pages(world: World) {
    let page = world.connector.about().page;
    let ids = people(&world, 2 * page + 50);
    world.wait_for_index();
    world.account.calls();
    let mut reader = Reader::new(&world);
    reader.read_all().await;
    assert_eq!(
        (reader.seen.len(), reader.pages),
        (ids.len(), 3),
        "all have one timestamp, which fills more than a page"
    );
    assert_eq!(world.account.calls(), (3 + world.account.extra_scan_calls(), 0));
}

pub async fn a_poll_with_nothing_new_is_one_call(world: World) {
    people(&world, 5);
    let mut reader = Reader::new(&world);
    world.wait_for_index();
    reader.read_all().await;
    world.account.calls();
    for _ in 0..3 {
        world.wait_for_index();
        assert!(!reader.page().await);
    }
    assert_eq!(world.account.calls(), (3, 0));
}

pub async fn no_edit_is_missed_between_pages_and_behind_the_index(world: World) {
    let ids = people(&world, 2 * world.connector.about().page + 50);
    world.wait_for_index();
    let mut reader = Reader::new(&world);
    let mut round = 0;
    let edit = |round: usize, at: usize| world.account.edit(&ids[at], &[(world.given, &format!("R{round}-{at}"))]);
    // On every page: one that was passed, one that is to come, and a new one.
    let mut made = Vec::new();
    while reader.page().await {
        round += 1;
        edit(round, 0);
        edit(round, ids.len() - 1);
        made.push(world.account.create(&[(world.given, &format!("new {round}"))]));
    }
    assert!(round >= 2, "the scan had several pages");
    // Old enough for the window, too young for the index.
    edit(99, 1);
    world.pass(Duration::from_secs(2));
    reader.read_all().await;
    let late = !world.lacks(Lack::LateChanges);
    assert_eq!(reader.name(&ids[1]) != Some("R99-1"), late, "the index lags");
    world.wait_for_index();
    reader.read_all().await;
    assert_eq!(reader.name(&ids[0]), Some(format!("R{round}-0").as_str()));
    assert_eq!(reader.name(&ids[ids.len() - 1]), Some(format!("R{round}-{}", ids.len() - 1).as_str()));
    assert_eq!(reader.name(&ids[1]), Some("R99-1"));
    assert!(made.iter().all(|id| reader.seen.contains_key(id)));
}

pub async fn short_pages_are_not_the_end(world: World) {
    world.needs(Lack::ShortPages);
    let world = world.with_pages_of(3);
    let ids = people(&world, 10);
    world.wait_for_index();
    let mut reader = Reader::new(&world);
    reader.read_all().await;
    assert_eq!((reader.seen.len(), reader.pages), (ids.len(), 4));
}

pub async fn a_merge_shows_as_a_change_of_the_survivor(world: World) {
    world.needs(Lack::Merges);
    let ids = people(&world, 3);
    world.wait_for_index();
    let mut reader = Reader::new(&world);
    reader.read_all().await;
    let survivor = world.account.merge(&ids[0], &ids[1]);
    world.wait_for_index();
    reader.seen.clear();
    reader.read_all().await;
    assert!(reader.seen.contains_key(&survivor));
    if !world.lacks(Lack::TraceOfMerges) {
        assert!(reader.seen[&survivor].merged.contains(&ids[1]));
    }
}

pub async fn a_clock_that_is_off_or_steps_back_loses_nothing(world: World) {
    let ids = people(&world, 4);
    world.account.set_clock_offset(-600);
    world.wait_for_index();
    let mut reader = Reader::new(&world);
    reader.read_all().await;
    for (round, offset) in [-600, 900, 890, -900, -900].into_iter().enumerate() {
        world.account.set_clock_offset(offset);
        for (at, id) in ids.iter().enumerate() {
            world.account.edit(id, &[(world.given, &format!("R{round}-{at}"))]);
            world.pass(Duration::from_secs(1));
        }
        world.wait_for_index();
        reader.read_all().await;
        for (at, id) in ids.iter().enumerate() {
            assert_eq!(reader.name(id), Some(format!("R{round}-{at}").as_str()), "after a step to {offset} s");
        }
    }
}
