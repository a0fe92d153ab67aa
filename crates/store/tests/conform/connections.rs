//! Keys, connections and grants.

use std::time::Duration;

use lockstep_core::ids::KeyId;
use lockstep_store::{ConnectionStatus, HookAddress, KeyKind, KeyLimits, NewKey};

use crate::world::World;

pub fn a_key_is_found_by_its_hash_even_when_ended(world: &World) {
    let key = NewKey {
        kind: KeyKind::Admin,
        label: "mine".to_owned(),
        hash: [7; 32],
        first12: "lk_live_abcd".to_owned(),
        last4: "wxyz".to_owned(),
        live: false,
        expires_at: Some(world.env.now().plus(Duration::from_secs(60))),
        scopes: vec!["contacts:read".parse().unwrap()],
    };
    let (kept, second) = (key.clone(), NewKey { hash: [9; 32], expires_at: None, ..key });
    let id = world.write(move |tx, org| tx.add_key(org, &kept));
    let found = world.read(|tx, _| tx.key_by_hash(&[7; 32])).unwrap();
    assert_eq!((&found.id, found.org(), found.kind, found.live), (&id, &world.org, KeyKind::Admin, false));
    assert_eq!((found.scopes.len(), found.last_used_at), (1, None));
    let used = id.clone();
    let key = world.write(move |tx, _| {
        tx.note_key_used(&used)?;
        tx.key_by_hash(&[7; 32])
    });
    assert_eq!(key.and_then(|key| key.last_used_at), Some(world.env.now()));
    assert_eq!(found.limits, KeyLimits::default());
    let (own, limited) = (KeyLimits { write_per_minute: Some(5), read_per_minute: None }, id.clone());
    let key = world.write(move |tx, org| {
        let other = tx.create_org("Toko Lain")?;
        assert!(!tx.set_key_limits(&other, &limited, own)?, "another organization's key");
        assert!(tx.set_key_limits(org, &limited, own)?);
        tx.key_by_hash(&[7; 32])
    });
    assert_eq!(key.map(|key| key.limits), Some(own));
    assert!(!found.is_revoked() && !found.is_expired(world.env.now()));
    world.dial.advance(Duration::from_millis(1));
    let first = id.clone();
    let second = world.write(move |tx, org| {
        let second = tx.add_key(org, &second)?;
        assert_eq!(tx.key(org, &second)?.map(|key| key.id), Some(second.clone()));
        assert_eq!((tx.key(org, &KeyId::new(tx.env()))?.is_none(), tx.count_keys(org)?), (true, 2));
        let (page, more) = tx.keys(org, None, 1)?;
        assert_eq!((page.len(), &page[0].id, more), (1, &first, true));
        let (page, more) = tx.keys(org, Some(&first), 1)?;
        assert_eq!((page.len(), &page[0].id, more), (1, &second, false));
        Ok(second)
    });
    world.dial.advance(Duration::from_secs(60));
    assert!(found.is_expired(world.env.now()));
    assert_eq!(world.write(|tx, org| tx.count_keys(org)), 1, "an expired key has ended");
    let revoked = world.write(move |tx, org| Ok((tx.revoke_key(org, &id)?, tx.revoke_key(org, &id)?)));
    assert_eq!(revoked, (true, false));
    let left = world.write(move |tx, org| {
        tx.revoke_key(org, &second)?;
        Ok((tx.count_keys(org)?, tx.keys(org, None, 9)?.0.len()))
    });
    assert_eq!(left, (0, 2), "ended keys are still shown");
    assert!(world.read(|tx, _| tx.key_by_hash(&[7; 32])).unwrap().is_revoked());
    assert!(world.read(|tx, _| tx.key_by_hash(&[8; 32])).is_none());
}

pub fn a_grant_is_replaced_only_by_who_saw_it_last(world: &World) {
    let of = world.connection("12345");
    let seen = world.write(move |tx, _| {
        let seen = tx.grant(&of)?;
        assert_eq!(seen.sealed, [1, 2, 3]);
        assert!(tx.replace_grant(&of, seen.version, &[4])?);
        assert!(!tx.replace_grant(&of, seen.version, &[5])?);
        tx.grant(&of)
    });
    assert_eq!(seen.sealed, [4]);
}

pub fn a_connection_remembers_whether_it_may_enter(world: &World) {
    let of = world.connection("12345");
    assert_eq!(of.connection().status, ConnectionStatus::Ok);
    let lost = ConnectionStatus::Reauthorise { reason: "the token was revoked".to_owned() };
    let expected = lost.clone();
    let again = world.write(move |tx, org| {
        tx.set_connection_status(&of, &lost)?;
        tx.connection(org, of.id())
    });
    let again = again.unwrap();
    assert_eq!(again.connection().status, expected);
    let by_account = world.read(|tx, _| {
        Ok((tx.connection_by_account("hubspot", "12345")?.len(), tx.connection_by_account("hubspot", "1")?.len()))
    });
    assert_eq!(by_account, (1, 0));
}

pub fn a_hook_address_takes_one_token(world: &World) {
    let of = world.connection("12345");
    world.write(move |tx, _| {
        assert_eq!((tx.hook_address(&of)?, tx.connection_at_hook_path("a")?.is_none()), (None, true));
        tx.set_hook_path(&of, "a")?;
        assert!(!tx.keep_hook_token("b", &[1])?, "nobody's address");
        assert_eq!((tx.keep_hook_token("a", &[1])?, tx.keep_hook_token("a", &[2])?), (true, false));
        let address = HookAddress { path: "a".to_owned(), token_sealed: Some(vec![1]) };
        assert_eq!(tx.hook_address(&of)?, Some(address));
        let found = tx.connection_at_hook_path("a")?.map(|(found, address)| (found.id().clone(), address.token_sealed));
        assert_eq!(found, Some((of.id().clone(), Some(vec![1]))));
        tx.set_hook_path(&of, "b")?;
        assert!(tx.connection_at_hook_path("a")?.is_none());
        assert_eq!(tx.hook_address(&of)?, Some(HookAddress { path: "b".to_owned(), token_sealed: None }));
        tx.disable_connection(&of)?;
        assert_eq!(tx.hook_address(&of)?, None, "it is forgotten with the grant");
        Ok(())
    });
}
