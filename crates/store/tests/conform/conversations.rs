//! Conversations and messages.

use std::time::Duration;

use lockstep_core::contact::Contact;
use lockstep_core::conversation::{Conversation, ConversationPatch, ConversationStatus};
use lockstep_core::env::Time;
use lockstep_core::ids::{ConversationId, LabelId, MessageId, UserId};
use lockstep_core::label::{Color, NewLabel};
use lockstep_core::message::{Direction, Message, MessageError, MessageKind, MessageStatus, Source, Times};
use lockstep_core::patch::Patch;
use lockstep_store::{ConversationFilter, MessageFilter, NewUser, StoreError, Tx};
use serde_json::{Map, json};

use crate::world::{ACCOUNT, World};

pub fn conversation(world: &World, contact: &Contact) -> Conversation {
    let contact = contact.id.clone();
    world.write(move |tx, org| tx.conversation_with(org, ACCOUNT, &contact)).0
}

pub fn message(world: &World, conversation: &Conversation, direction: Direction, vendor_id: Option<&str>) -> Message {
    Message {
        id: MessageId::new(&world.env),
        account: ACCOUNT.to_owned(),
        conversation: conversation.id.clone(),
        contact: conversation.contact.clone(),
        direction,
        source: Source::Api,
        kind: MessageKind::Text,
        content: Map::from_iter([("body".to_owned(), json!("Halo"))]),
        vendor_id: vendor_id.map(str::to_owned),
        reply_to: None,
        status: if direction == Direction::Inbound { MessageStatus::Received } else { MessageStatus::Queued },
        error: None,
        attempted_at: None,
        times: Times::default(),
        livemode: true,
        created_at: world.env.now(),
        updated_at: world.env.now(),
    }
}

fn user(world: &World) -> UserId {
    let new = NewUser { name: "Sari".to_owned(), email: None };
    world.write(move |tx, org| tx.add_user(org, &new)).id
}

fn label(world: &World, name: &str) -> LabelId {
    // Ids of one moment have no order.
    world.dial.advance(Duration::from_millis(1));
    let name = name.to_owned();
    let made = world.write(move |tx, org| {
        let team = tx.teams(org, None, 1)?.0.remove(0).id;
        tx.add_label(org, NewLabel { team, name, color: Color::Red })
    });
    made.id
}

fn add(world: &World, message: &Message) {
    let message = message.clone();
    world.write(move |tx, org| tx.insert_message(org, &message));
}

pub fn a_contact_has_one_conversation(world: &World) {
    let contact = world.contact("+628111222333", "Budi", "budi@example.id");
    let id = contact.id.clone();
    let (first, again) = world
        .write(move |tx, org| Ok((tx.conversation_with(org, ACCOUNT, &id)?, tx.conversation_with(org, ACCOUNT, &id)?)));
    assert!(first.1 && !again.1);
    assert_eq!(first.0, again.0);
    assert_eq!((first.0.status, first.0.last_message_at), (ConversationStatus::Open, None));
    let id = first.0.id.clone();
    assert_eq!(world.read(move |tx, org| tx.conversation(org, &id)), Some(first.0));
    let other = lockstep_core::ids::ContactId::new(&world.env);
    let unknown = world.try_write(move |tx, org| tx.conversation_with(org, ACCOUNT, &other));
    assert!(matches!(unknown, Err(StoreError::Foreign { .. })), "{unknown:?}");
}

pub fn a_conversation_keeps_what_was_put(world: &World) {
    let contact = world.contact("+628111222333", "Budi", "budi@example.id");
    let made = conversation(world, &contact);
    world.dial.advance(Duration::from_secs(5));
    let team = world.write(|tx, org| tx.add_team(org, "Sales")).id;
    let patch = ConversationPatch {
        status: Some(ConversationStatus::Pending),
        assigned_user: Patch::Set(user(world)),
        assigned_team: Patch::Set(team),
    };
    let next = made.patched(patch).with_inbound(world.env.now());
    let stored = world.write({
        let next = next.clone();
        move |tx, org| tx.put_conversation(org, &next)
    });
    assert_eq!(stored, Conversation { seq: stored.seq, updated_at: world.env.now(), ..next });
    assert!(stored.seq > made.seq);
    let id = stored.id.clone();
    assert_eq!(world.read(move |tx, org| tx.conversation(org, &id)), Some(stored.clone()));
    let gone = Conversation { id: ConversationId::new(&world.env), ..stored };
    let missing = world.try_write(move |tx, org| tx.put_conversation(org, &gone));
    assert_eq!(missing, Err(StoreError::Missing { what: "conversation" }));
}

pub fn conversations_come_by_activity_and_filter(world: &World) {
    let (user, tag) = (user(world), label(world, "vip"));
    let mut all = Vec::new();
    for n in 0..5 {
        world.dial.advance(Duration::from_secs(1));
        let contact = world.contact(&format!("+62811122233{n}"), "Budi", &format!("budi{n}@example.id"));
        let made = conversation(world, &contact);
        // Two share a moment, one has no message.
        let at = Time::from_secs(1_780_000_000 + [3, 1, 3, 2, 0][n]);
        let next = if n == 4 { made } else { made.with_outbound(at) };
        let next = Conversation { assigned_user: (n == 1).then(|| user.clone()), ..next };
        all.push(world.write(move |tx, org| tx.put_conversation(org, &next)));
    }
    let page = |filter: ConversationFilter, after: Option<(i64, ConversationId)>, limit: usize| {
        let (rows, more) = world.read(move |tx, org| tx.conversations(org, &filter, after.as_ref(), limit));
        (rows.into_iter().map(|row| row.id).collect::<Vec<_>>(), more)
    };
    let order: Vec<_> = [2, 0, 3, 1, 4].map(|n: usize| all[n].id.clone()).to_vec();
    assert_eq!(page(ConversationFilter::default(), None, 9), (order.clone(), false));
    let (first, more) = page(ConversationFilter::default(), None, 1);
    assert!(more);
    let key = all[2].last_message_at.unwrap().0;
    let (rest, more) = page(ConversationFilter::default(), Some((key, first[0].clone())), 4);
    assert_eq!((rest, more), (order[1..].to_vec(), false));

    let (third, vip) = (all[3].id.clone(), tag.clone());
    assert!(world.write(move |tx, org| tx.attach_to_conversation(org, &vip, &third)));
    let by = |filter: ConversationFilter| page(filter, None, 9).0;
    let own = |n: usize| vec![all[n].id.clone()];
    assert_eq!(by(ConversationFilter { contact: Some(all[0].contact.clone()), ..Default::default() }), own(0));
    assert_eq!(by(ConversationFilter { assigned_user: Some(user), ..Default::default() }), own(1));
    assert_eq!(by(ConversationFilter { label: Some(tag), ..Default::default() }), own(3));
    let found = |text: &str| by(ConversationFilter { search: Some(text.to_owned()), ..Default::default() });
    assert_eq!((found("BUDI3@"), found("11222332"), found("%")), (own(3), own(2), vec![]));
    assert_eq!(found("budi").len(), 5);
    assert_eq!(by(ConversationFilter { unassigned: true, ..Default::default() }).len(), 4);
    assert_eq!(by(ConversationFilter { status: Some(ConversationStatus::Resolved), ..Default::default() }).len(), 0);
    assert_eq!(by(ConversationFilter { account: Some(ACCOUNT.to_owned()), ..Default::default() }).len(), 5);
    assert_eq!(by(ConversationFilter { account: Some("1".to_owned()), ..Default::default() }).len(), 0);
}

pub fn a_conversation_has_a_label_once(world: &World) {
    let made = conversation(world, &world.contact("+628111222333", "Budi", "budi@example.id")).id;
    let (vip, urgent) = (label(world, "vip"), label(world, "urgent"));
    world.write(move |tx, org| {
        let names = |tx: &mut Tx<'_>| {
            let labels = tx.labels_of_conversations(org, &[&made])?.remove(&made).unwrap_or_default();
            Ok::<_, StoreError>(labels.into_iter().map(|label| label.name).collect::<Vec<_>>())
        };
        assert!(tx.attach_to_conversation(org, &urgent, &made)?);
        assert!(tx.attach_to_conversation(org, &vip, &made)?);
        assert!(!tx.attach_to_conversation(org, &vip, &made)?);
        assert_eq!(names(tx)?, ["vip", "urgent"]);
        assert!(tx.detach_from_conversation(org, &vip, &made)?);
        assert!(!tx.detach_from_conversation(org, &vip, &made)?);
        assert_eq!(names(tx)?, ["urgent"]);
        let other = tx.create_org("Another")?;
        assert!(!tx.attach_to_conversation(&other, &vip, &made)?);
        assert!(!tx.detach_from_conversation(&other, &urgent, &made)?);
        assert!(tx.labels_of_conversations(&other, &[&made])?.is_empty());
        assert!(tx.delete_label(org, &urgent)?);
        assert!(names(tx)?.is_empty());
        Ok(())
    });
}

pub fn a_message_reads_back_and_moves_on(world: &World) {
    let contact = world.contact("+628111222333", "Budi", "budi@example.id");
    let thread = conversation(world, &contact);
    let sent = message(world, &thread, Direction::Outbound, None);
    add(world, &sent);
    let id = sent.id.clone();
    let found = world.read({
        let id = id.clone();
        move |tx, org| Ok((tx.message(org, &id)?, tx.org_of_message(&id)?, org.clone()))
    });
    assert_eq!(found.0, Some(sent.clone()));
    assert_eq!(found.1, Some(found.2));
    world.dial.advance(Duration::from_secs(5));
    let at = world.env.now();
    let next = Message {
        vendor_id: Some("wamid.1".to_owned()),
        status: MessageStatus::Failed,
        error: Some(MessageError { code: "131026".to_owned(), message: "Not deliverable.".to_owned() }),
        attempted_at: Some(at),
        times: Times { sent: Some(at), delivered: Some(at), read: Some(at), failed: Some(at) },
        updated_at: at,
        ..sent
    };
    let stored = world.write({
        let next = next.clone();
        move |tx, org| tx.put_message(org, &next)
    });
    assert_eq!(stored, next);
    let by_vendor = world.read(move |tx, org| {
        assert_eq!(tx.message_by_vendor(org, "1", "wamid.1")?, None);
        tx.message_by_vendor(org, ACCOUNT, "wamid.1")
    });
    assert_eq!(by_vendor, Some(next.clone()));
    let gone = Message { id: MessageId::new(&world.env), vendor_id: None, ..next };
    let missing = world.try_write(move |tx, org| tx.put_message(org, &gone));
    assert_eq!(missing, Err(StoreError::Missing { what: "message" }));
}

pub fn an_account_has_a_channels_id_once(world: &World) {
    let contact = world.contact("+628111222333", "Budi", "budi@example.id");
    let thread = conversation(world, &contact);
    add(world, &message(world, &thread, Direction::Inbound, Some("wamid.1")));
    let twice = message(world, &thread, Direction::Inbound, Some("wamid.1"));
    let refused = world.write(move |tx, org| Ok(tx.insert_message(org, &twice)));
    assert_eq!(refused, Err(StoreError::Conflict { constraint: "messages_vendor".to_owned() }));
    for _ in 0..2 {
        add(world, &message(world, &thread, Direction::Outbound, None));
    }
    assert_eq!(world.read(|tx, org| tx.messages(org, &MessageFilter::default(), None, 9)).0.len(), 3);
}

pub fn a_message_waits_behind_those_queued_before_it(world: &World) {
    let ana = conversation(world, &world.contact("+628111111111", "Ana", "ana@example.com"));
    let budi = conversation(world, &world.contact("+628222222222", "Budi", "budi@example.com"));
    let queued = |of: &Conversation, direction: Direction| {
        world.dial.advance(Duration::from_millis(1));
        let queued = message(world, of, direction, None);
        add(world, &queued);
        queued
    };
    queued(&ana, Direction::Inbound);
    queued(&budi, Direction::Outbound);
    let first = queued(&ana, Direction::Outbound);
    let second = queued(&ana, Direction::Outbound);
    world.write(move |tx, org| {
        assert!(!tx.waits_behind(org, &first)? && tx.waits_behind(org, &second)?);
        tx.put_message(org, &Message { status: MessageStatus::Sending, ..first })?;
        assert!(!tx.waits_behind(org, &second)?);
        Ok(())
    });
}

pub fn messages_come_newest_first_and_filter(world: &World) {
    let budi = conversation(world, &world.contact("+628111222333", "Budi", "budi@example.id"));
    let ana = conversation(world, &world.contact("+628111222334", "Ana", "ana@example.id"));
    let mut all = Vec::new();
    for n in 0..4_usize {
        // The second and the third share a moment.
        world.dial.advance(Duration::from_secs([1, 1, 0, 1][n]));
        let (thread, direction) = if n == 3 { (&ana, Direction::Outbound) } else { (&budi, Direction::Inbound) };
        let vendor = format!("wamid.{n}");
        all.push(message(world, thread, direction, Some(&vendor)));
        add(world, &all[n]);
    }
    all.sort_by(|one, other| (one.created_at, &one.id).cmp(&(other.created_at, &other.id)));
    let page = |filter: MessageFilter, after: Option<(i64, MessageId)>, limit: usize| {
        let (rows, more) = world.read(move |tx, org| tx.messages(org, &filter, after.as_ref(), limit));
        (rows.into_iter().map(|row| row.id).collect::<Vec<_>>(), more)
    };
    let order: Vec<_> = all.iter().rev().map(|message| message.id.clone()).collect();
    assert_eq!(page(MessageFilter::default(), None, 9), (order.clone(), false));
    assert_eq!(page(MessageFilter::default(), None, 2), (order[..2].to_vec(), true));
    let after = (all[2].created_at.0, all[2].id.clone());
    assert_eq!(page(MessageFilter::default(), Some(after), 2), (order[2..].to_vec(), false));
    let by = |filter: MessageFilter| page(filter, None, 9).0;
    assert_eq!(by(MessageFilter { conversation: Some(ana.id.clone()), ..Default::default() }), order[..1]);
    assert_eq!(by(MessageFilter { direction: Some(Direction::Inbound), ..Default::default() }), order[1..]);
    let statuses = vec![MessageStatus::Queued, MessageStatus::Sending];
    assert_eq!(by(MessageFilter { statuses, ..Default::default() }), order[..1]);
    let (ids, expected) = ([budi.id.clone(), ana.id.clone()], [all[2].id.clone(), all[3].id.clone()]);
    world.write(move |tx, org| {
        let last = tx.last_messages(org, &[&ids[0], &ids[1]])?;
        assert_eq!((last.len(), &last[&ids[0]].id, &last[&ids[1]].id), (2, &expected[0], &expected[1]));
        assert!(tx.last_messages(org, &[])?.is_empty());
        let other = tx.create_org("Another")?;
        assert!(tx.last_messages(&other, &[&ids[0], &ids[1]])?.is_empty());
        Ok(())
    });
    let (from, to) = (Some(all[1].created_at), Some(all[3].created_at));
    let between = MessageFilter { created_after: from, created_before: to, ..Default::default() };
    assert_eq!(by(between), order[1..3]);
    assert_eq!(by(MessageFilter { account: Some("1".to_owned()), ..Default::default() }).len(), 0);

    let second = all[1].clone();
    let count = world.write(move |tx, org| Ok((tx.read_messages(org, &second)?, tx.read_messages(org, &second)?)));
    assert_eq!(count, (2, 0), "those after it, and the other conversation's, stay unread");
    let read = by(MessageFilter { statuses: vec![MessageStatus::Read], ..Default::default() });
    assert_eq!(read, order[2..]);
}

pub fn an_erased_persons_conversation_is_gone(world: &World) {
    let contact = world.contact("+628111222333", "Budi", "budi@example.id");
    let thread = conversation(world, &contact);
    add(world, &message(world, &thread, Direction::Inbound, Some("wamid.1")));
    let kept = conversation(world, &world.contact("+628111222334", "Ana", "ana@example.id"));
    add(world, &message(world, &kept, Direction::Inbound, Some("wamid.2")));
    let vip = label(world, "vip");
    world.write(move |tx, org| {
        tx.attach_to_conversation(org, &vip, &thread.id)?;
        tx.erase_subject(org, &contact.id)?;
        assert_eq!(tx.conversation(org, &thread.id)?, None);
        assert!(tx.labels_of_conversations(org, &[&thread.id])?.is_empty());
        let left = tx.messages(org, &MessageFilter::default(), None, 9)?.0;
        assert_eq!(left.iter().map(|message| &message.conversation).collect::<Vec<_>>(), [&kept.id]);
        Ok(())
    });
}
