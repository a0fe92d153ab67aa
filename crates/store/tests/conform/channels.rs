//! Channels of accounts.

use std::time::Duration;

use lockstep_core::ids::ChannelId;
use lockstep_store::{Account, NewChannel, StoreError};

use crate::world::{ACCOUNT, World};

fn channel(id: &ChannelId, base_url: &str, sealed: &[u8]) -> NewChannel {
    NewChannel {
        id: id.clone(),
        slug: "letters".to_owned(),
        account: ACCOUNT.to_owned(),
        base_url: base_url.to_owned(),
        sealed: sealed.to_vec(),
    }
}

pub fn an_account_has_one_channel_that_can_be_connected_again(world: &World) {
    let id = ChannelId::new(&world.env);
    let kept = id.clone();
    world.write(move |tx, org| tx.put_channel(org, &channel(&kept, "https://one.example", b"sealed")));
    world.dial.advance(Duration::from_secs(5));
    let kept = id.clone();
    let other = world.write(move |tx, org| {
        tx.put_channel(org, &channel(&kept, "https://two.example", b"again"))?;
        tx.create_org("Other")
    });
    let of = world.read({
        let id = id.clone();
        move |tx, org| {
            let of = tx.channel(&id)?.unwrap();
            assert_eq!(of.org(), org);
            assert_eq!(tx.channels(org)?, std::slice::from_ref(&of));
            assert_eq!(tx.channel_of_account(org, ACCOUNT)?.as_ref(), Some(&of));
            assert_eq!((tx.channel_of_account(&other, ACCOUNT)?, tx.channels(&other)?), (None, Vec::new()));
            Ok(of)
        }
    });
    let stored = of.channel();
    assert_eq!((stored.slug.as_str(), stored.account.as_str()), ("letters", ACCOUNT));
    assert_eq!((stored.base_url.as_str(), stored.sealed.as_slice()), ("https://two.example", &b"again"[..]));
    assert_eq!(stored.updated_at.since(stored.created_at), Duration::from_secs(5));

    let second = ChannelId::new(&world.env);
    let refused = world.try_write(move |tx, org| tx.put_channel(org, &channel(&second, "https://x.example", b"x")));
    assert!(matches!(refused, Err(StoreError::Conflict { .. })), "{refused:?}");
    world.write(move |tx, org| {
        tx.delete_channel(&of)?;
        assert_eq!((tx.channel(&id)?, tx.channels(org)?), (None, Vec::new()));
        let account = tx.account(org, ACCOUNT)?.unwrap();
        let away = Account { status: "disconnected".to_owned(), ..account };
        tx.put_account(org, &away)?;
        assert_eq!(tx.account(org, ACCOUNT)?, Some(away.clone()));
        let nobody = Account { phone_number_id: "1".to_owned(), ..away };
        assert!(matches!(tx.put_account(org, &nobody), Err(StoreError::Missing { .. })));
        Ok(())
    });
}
