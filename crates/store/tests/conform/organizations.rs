//! Organizations and what their keys have for themselves.

use std::time::Duration;

use lockstep_store::{KeyKind, KeyLimits, NewKey};

use crate::world::World;

pub fn organizations_are_listed_in_pages(world: &World) {
    let listed = |world: &World| world.read(|tx, _| Ok((tx.list_orgs(None, 1)?, tx.count_orgs()?)));
    let ((page, more), count) = listed(world);
    assert_eq!((page.len(), more, count), (1, false, 1));
    assert_eq!((&page[0].id, page[0].name.as_str()), (world.org.id(), "Toko Maju"));
    world.dial.advance(Duration::from_secs(1));
    world.write(|tx, _| tx.create_org("Toko Lain"));
    let ((first, more), count) = listed(world);
    assert_eq!((first, more, count), (page.clone(), true, 2));
    let after = page[0].id.clone();
    let (rest, more) = world.read(move |tx, _| tx.list_orgs(Some(&after), 9));
    assert_eq!((rest.len(), rest[0].name.as_str(), more), (1, "Toko Lain", false));
    assert_eq!(rest[0].created_at.since(page[0].created_at), Duration::from_secs(1));
}

pub fn what_keys_have_for_themselves_adds_up(world: &World) {
    let key = |n: u8, expires_at| NewKey {
        kind: KeyKind::Api,
        label: n.to_string(),
        hash: [n; 32],
        first12: "kdv_live_abc".to_owned(),
        last4: "wxyz".to_owned(),
        live: true,
        expires_at,
        scopes: Vec::new(),
    };
    let end = world.env.now().plus(Duration::from_secs(5));
    let (first, sums) = world.write(move |tx, org| {
        let (first, second, ends) =
            (tx.add_key(org, &key(1, None))?, tx.add_key(org, &key(2, None))?, tx.add_key(org, &key(3, Some(end)))?);
        let none = tx.own_limits(org, None)?;
        tx.set_key_limits(org, &first, KeyLimits { write_per_minute: Some(5), read_per_minute: None })?;
        tx.set_key_limits(org, &second, KeyLimits { write_per_minute: Some(7), read_per_minute: Some(11) })?;
        tx.set_key_limits(org, &ends, KeyLimits { write_per_minute: Some(100), read_per_minute: Some(100) })?;
        let other = tx.create_org("Toko Lain")?;
        let sums = [none, tx.own_limits(org, None)?, tx.own_limits(org, Some(&first))?, tx.own_limits(&other, None)?];
        Ok((first, sums))
    });
    assert_eq!(sums, [(0, 0), (112, 111), (107, 111), (0, 0)]);
    world.dial.advance(Duration::from_secs(6));
    let sums = world.write(move |tx, org| {
        let ended = tx.own_limits(org, None)?;
        tx.revoke_key(org, &first)?;
        Ok([ended, tx.own_limits(org, None)?])
    });
    assert_eq!(sums, [(12, 11), (7, 11)]);
}
