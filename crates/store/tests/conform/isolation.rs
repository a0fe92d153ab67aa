//! Rows of one organization never show through another's proof.

use lockstep_core::ids::SecretId;
use lockstep_core::label::{Color, NewLabel};
use lockstep_core::message::Direction;
use lockstep_core::phone::Phone;
use lockstep_store::{KeyKind, NewKey, NewSubscription, NewUser, Order, Page};
use serde_json::json;

use crate::conversations::{conversation, message};
use crate::world::{ACCOUNT, World};

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
        scopes: Vec::new(),
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
        assert!(tx.keys(&other, None, 9)?.0.is_empty() && tx.key(&other, &key)?.is_none());
        assert_eq!((tx.count_keys(&other)?, tx.count_keys(org)?), (0, 1));
        let new = NewLabel { team: tx.teams(org, None, 1)?.0.remove(0).id, name: "VIP".to_owned(), color: Color::Gray };
        let label = tx.add_label(org, new)?;
        let user = tx.add_user(org, &NewUser { name: "Ana".to_owned(), email: None })?;
        tx.attach_to_contacts(&other, &label.id, std::slice::from_ref(&contact.id))?;
        assert!(tx.labels_of_contacts(org, &[&contact.id])?.is_empty());
        tx.attach_to_contacts(org, &label.id, std::slice::from_ref(&contact.id))?;
        tx.detach_from_contacts(&other, &label.id, std::slice::from_ref(&contact.id))?;
        assert_eq!(tx.labels_of_contacts(org, &[&contact.id])?.len(), 1);
        assert!(tx.labels_of_contacts(&other, &[&contact.id])?.is_empty());
        assert!(tx.label_targets(&other, &label, std::slice::from_ref(&contact.id))?.is_empty());
        assert_eq!(tx.label(&other, &label.id)?, None);
        assert!(tx.labels(&other, None, None, 9)?.0.is_empty());
        assert!(tx.put_label(&other, &label).is_err());
        assert!(!tx.delete_label(&other, &label.id)?);
        assert!(tx.touch_contacts(&other, std::slice::from_ref(&contact.id))?.is_empty());
        assert_eq!((tx.user(&other, &user.id)?, tx.team(&other, &label.team)?), (None, None));
        assert!(tx.users_by_id(&other, std::slice::from_ref(&user.id))?.is_empty());
        assert!(tx.put_user(&other, &user).is_err() && tx.rename_team(&other, &label.team, "x").is_err());
        assert_eq!((tx.count_users(&other)?, tx.count_teams(&other)?), (0, 1));
        assert!(!tx.remove_user(&other, &user.id)? && !tx.remove_team(&other, &label.team)?);
        tx.join_team(org, &label.team, &user.id)?;
        assert!(!tx.leave_team(&other, &label.team, &user.id)?);
        assert!(tx.audit_list(&other, None, 9)?.is_empty());
        assert_eq!(tx.contact(org, &contact.id)?, Some(contact));
        let orgs: Vec<_> = tx.orgs()?.into_iter().map(|(org, _)| org).collect();
        assert_eq!(orgs.len(), 2);
        assert_eq!(tx.oldest_org()?.as_ref(), orgs.first());
        Ok(())
    });
}

pub fn no_conversation_shows_through_anothers_proof(world: &World) {
    let thread = conversation(world, &world.contact("+628111222333", "Budi", "budi@example.id"));
    let message = message(world, &thread, Direction::Inbound, Some("wamid.1"));
    world.write(move |tx, org| {
        tx.insert_message(org, &message)?;
        let other = tx.create_org("Another")?;
        assert_eq!(tx.conversation(&other, &thread.id)?, None);
        assert!(tx.put_conversation(&other, &thread).is_err());
        assert!(tx.conversations(&other, &Default::default(), None, 9)?.0.is_empty());
        assert_eq!(tx.message(&other, &message.id)?, None);
        assert_eq!(tx.message_by_vendor(&other, ACCOUNT, "wamid.1")?, None);
        assert!(tx.put_message(&other, &message).is_err());
        assert_eq!(tx.read_messages(&other, &message)?, 0);
        assert!(tx.messages(&other, &Default::default(), None, 9)?.0.is_empty());
        assert_eq!(tx.message(org, &message.id)?, Some(message));
        Ok(())
    });
}
