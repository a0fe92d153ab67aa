//! Rows of one organization never show through another's proof.

use lockstep_core::ids::SecretId;
use lockstep_core::phone::Phone;
use lockstep_store::{KeyKind, NewKey, NewSubscription, Order, Page};
use serde_json::json;

use crate::world::World;

pub fn no_row_shows_through_anothers_proof(world: &World) {
    let contact = world.contact("+628111222333", "Budi", "budi@example.id");
    let connection = world.connection("12345");
    let subscription = NewSubscription {
        url: "https://example.com".to_owned(),
        description: None,
        events: Vec::new(),
        secret: SecretId::new(&world.env),
        sealed: vec![1],
    };
    let key = NewKey {
        kind: KeyKind::Api,
        label: "mine".to_owned(),
        hash: [7; 32],
        first12: "lk_live_abcd".to_owned(),
        last4: "wxyz".to_owned(),
        live: true,
        expires_at: None,
    };
    world.write(move |tx, org| {
        let subscription = tx.add_subscription(org, &subscription)?;
        let key = tx.add_key(org, &key)?;
        tx.audit(org, "test", "key.added", &json!({}))?;
        let other = tx.create_org("Another")?;
        let all = Page { limit: 9, after: None, order: Order::SeqAsc };
        let phone = Phone::parse("+628111222333").unwrap();
        assert_eq!(tx.contact(&other, &contact.id)?, None);
        assert!(tx.contact_by_phone(&other, None, &phone)?.is_empty());
        assert!(tx.contacts_by_key(&other, "email:budi@example.id")?.is_empty());
        assert!(tx.list_contacts(&other, &Default::default(), &all)?.0.is_empty());
        assert!(tx.put_contact(&other, &contact).is_err());
        assert_eq!(tx.delete_contact(&other, &contact.id)?, None);
        assert!(tx.accounts(&other)?.is_empty());
        assert!(tx.connection(&other, connection.id())?.is_none());
        assert!(tx.connections(&other)?.is_empty());
        assert!(tx.subscription(&other, &subscription.id)?.is_none());
        assert!(!tx.delete_subscription(&other, &subscription.id)?);
        assert!(!tx.revoke_key(&other, &key)?);
        assert!(tx.keys(&other)?.is_empty());
        assert!(tx.audit_list(&other, None, 9)?.is_empty());
        assert_eq!(tx.contact(org, &contact.id)?, Some(contact));
        let orgs: Vec<_> = tx.orgs()?.into_iter().map(|(org, _)| org).collect();
        assert_eq!(orgs.len(), 2);
        assert_eq!(tx.oldest_org()?.as_ref(), orgs.first());
        Ok(())
    });
}
