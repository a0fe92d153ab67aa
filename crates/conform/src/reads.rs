//! What every connector does alike with records that are there already: these cases write nothing.

use std::collections::BTreeSet;

use lockstep_connect::{Find, Got, Search};

use crate::run::lacking;
use crate::world::World;

/// How many pages are read of what may have any number of them.
const PAGES_MAX: usize = 3;

pub async fn what_stands_is_read_by_id(world: World) {
    let asked = world.asked();
    let standing = world.standing().await;
    let mut ids: Vec<&str> = standing.iter().map(String::as_str).collect();
    ids.push("999999999");
    let mut got = world.get(&ids).await;
    assert_eq!(got.len(), ids.len(), "one entry for each id");
    assert!(!matches!(got.pop(), Some(Got::Found(_))), "nobody has this id");
    for (id, got) in standing.iter().zip(got) {
        let Got::Found(record) = got else { panic!("{id} is listed and not found") };
        assert!(record.id == *id || record.merged.contains(id), "{id} came as {}", record.id);
        assert!(record.properties.keys().eq(&asked.iter().cloned().collect::<BTreeSet<_>>()), "all that was asked for");
    }
}

pub async fn what_stands_is_found_by_its_address(world: World) {
    let standing = world.standing().await;
    let ids: Vec<&str> = standing.iter().map(String::as_str).collect();
    let got = world.get(&ids).await;
    let with_address = got.iter().find_map(|got| match got {
        Got::Found(record) => Some((record.id.clone(), record.text(world.names.email)?.to_owned())),
        _ => None,
    });
    let Some((id, email)) = with_address else { lacking("none of the first contacts has an e-mail address") };
    let find = Find::Email(email.to_uppercase());
    let found = world.connector.find(&world.session, &find, &world.asked()).await.expect("an answer");
    assert!(found.iter().any(|record| record.id == id), "{id} is not found");
}

pub async fn a_list_goes_on_where_its_page_ended(world: World) {
    world.standing().await;
    let (mut seen, mut after) = (BTreeSet::new(), None);
    for _ in 0..PAGES_MAX {
        let page = world.connector.list_ids(&world.session, false, after.as_deref()).await.expect("a page");
        for listed in page.records {
            assert!(seen.insert(listed.id.clone()), "{} is shown twice", listed.id);
        }
        after = page.after;
        if after.is_none() {
            break;
        }
    }
    assert!(!seen.is_empty());
}

pub async fn a_scan_goes_on_where_it_was_left(world: World) {
    world.standing().await;
    let asked: BTreeSet<String> = world.asked().into_iter().collect();
    let (mut cursor, mut shown) = (None, 0);
    for _ in 0..PAGES_MAX {
        let page = world.connector.changes(&world.session, cursor.as_ref(), &world.asked()).await.expect("a page");
        assert!(page.records.iter().all(|record| record.properties.keys().eq(&asked)), "all that was asked for");
        shown += page.records.len();
        // What is stored is what survives a restart, so the cursor travels as text.
        let stored = serde_json::to_string(&page.cursor).expect("text");
        cursor = Some(serde_json::from_str(&stored).expect("a cursor"));
    }
    assert!(shown > 0, "a first scan shows what stands");
}

pub async fn a_search_goes_on_where_its_page_ended(world: World) {
    for sample in world.samples() {
        if world.account.standing().is_none() {
            for name in ["First", "Second", "Third"] {
                world.make(&sample, name).await;
            }
            world.wait_for_index();
        }
        let (mut seen, mut after) = (BTreeSet::new(), None);
        for _ in 0..PAGES_MAX {
            let found = world.search(&sample, Search { limit: 2, after, ..Search::default() }).await;
            let times: Vec<_> = found.records.iter().map(|record| record.updated_at).collect();
            assert!(times.is_sorted_by(|earlier, later| earlier >= later), "{}: the newest first", sample.object);
            for record in found.records {
                assert!(seen.insert(record.id.clone()), "{}: {} is shown twice", sample.object, record.id);
            }
            after = found.after;
            if after.is_none() {
                break;
            }
        }
    }
}
