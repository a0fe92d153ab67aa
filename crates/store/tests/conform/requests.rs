//! Idempotency keys, received webhooks and the audit.

use std::time::Duration;

use lockstep_core::budget::{Budgets, Limit};
use lockstep_core::ids::ChannelId;
use lockstep_core::job::Job;
use lockstep_store::{Begin, NewChannel, Share, StoreError, StoredAnswer, Tx};
use serde_json::json;

use crate::world::{ACCOUNT, World};

fn begin(world: &World, fingerprint: u8) -> Begin {
    world.write(move |tx, org| tx.idempotency_begin(org, "key", &[fingerprint; 32]))
}

pub fn an_idempotency_key_runs_once(world: &World) {
    let answer = StoredAnswer { status: 201, headers: "{}".to_owned(), body: b"{\"data\":1}".to_vec() };
    assert_eq!(begin(world, 1), Begin::First);
    assert_eq!(begin(world, 1), Begin::Running);
    assert_eq!(begin(world, 2), Begin::OtherRequest);
    world.write(|tx, org| tx.idempotency_release(org, "key"));
    assert_eq!(begin(world, 2), Begin::First);
    let kept = answer.clone();
    world.write(move |tx, org| tx.idempotency_finish(org, "key", &kept, None));
    world.write(|tx, org| tx.idempotency_release(org, "key"));
    assert_eq!(begin(world, 2), Begin::Replay(answer));
    assert_eq!(begin(world, 1), Begin::OtherRequest);
    let elsewhere = world.write(|tx, _| {
        let other = tx.create_org("Another")?;
        tx.idempotency_begin(&other, "key", &[9; 32])
    });
    assert_eq!(elsewhere, Begin::First);
}

pub fn an_abandoned_or_old_key_runs_again(world: &World) {
    assert_eq!(begin(world, 1), Begin::First);
    world.dial.advance(Duration::from_secs(120));
    assert_eq!(begin(world, 1), Begin::First);
    let answer = StoredAnswer { status: 400, headers: "{}".to_owned(), body: Vec::new() };
    world.write(move |tx, org| tx.idempotency_finish(org, "key", &answer, None));
    world.dial.advance(Duration::from_secs(24 * 3_600 - 1));
    assert!(matches!(begin(world, 1), Begin::Replay(_)));
    world.dial.advance(Duration::from_secs(1));
    assert_eq!(begin(world, 2), Begin::First);
    world.dial.advance(Duration::from_secs(1));
    let now = world.env.now();
    assert_eq!(world.write(move |tx, _| tx.purge_idempotency(now)), 1);
}

pub fn a_kept_answer_ends_with_the_contact_it_quotes(world: &World) {
    let contact = world.contact("+628111222333", "Budi", "budi@example.id");
    let answer = StoredAnswer { status: 201, headers: String::new(), body: b"sealed".to_vec() };
    assert_eq!(begin(world, 1), Begin::First);
    let (id, kept) = (contact.id.clone(), answer.clone());
    world.write(move |tx, org| tx.idempotency_finish(org, "key", &kept, Some(&id)));
    assert_eq!(begin(world, 1), Begin::Replay(answer));
    world.write(move |tx, org| tx.erase_subject(org, &contact.id));
    assert_eq!(begin(world, 1), Begin::First);
}

pub fn a_webhook_is_received_once(world: &World) {
    let receive = |event: &'static str| world.write(move |tx, _| tx.receive("hubspot", "12345", event, b"[\0\xff]"));
    let unread = || world.read(|tx, _| tx.unread("hubspot", "12345", 9));
    assert!(receive("1"));
    assert!(!receive("1"));
    world.dial.advance(Duration::from_secs(1));
    assert!(receive("2"));
    let jobs = world.write(|tx, _| tx.claim("test", Share::All, 9));
    assert_eq!(jobs.len(), 1, "one job reads them all");
    assert_eq!(jobs[0].job, Job::Ingest { vendor: "hubspot".to_owned(), account: "12345".to_owned() });
    assert!(world.write(|tx, _| tx.receive("hubspot", "99", "3", b"[]")), "another account's");
    let first = unread()[0].clone();
    assert_eq!((unread().len(), first.body.as_slice()), (2, &b"[\0\xff]"[..]));
    let behind = unread()[1..].to_vec();
    world.write(move |tx, _| tx.forget_received(&first.id));
    assert_eq!(unread(), behind);
    assert!(!receive("1"), "what is forgotten was seen all the same");
    let later = world.env.now().plus(Duration::from_secs(1));
    assert_eq!(world.write(move |tx, _| tx.purge_received(later)), 1, "what nobody has read is not removed");
    assert_eq!(unread(), behind);
}

pub fn a_webhook_that_cannot_be_taken_in_is_put_off_and_set_aside(world: &World) {
    let (channel, stranger) = world.write(|tx, org| {
        let channel = NewChannel {
            id: ChannelId::new(tx.env()),
            slug: "letters".to_owned(),
            account: ACCOUNT.to_owned(),
            base_url: "https://post.example".to_owned(),
            sealed: Vec::new(),
        };
        tx.put_channel(org, &channel)?;
        let stranger = tx.create_org("Other")?;
        Ok((channel.id.to_string(), stranger))
    });
    let to = channel.clone();
    world.write(move |tx, _| Ok((tx.receive("letters", &to, "1", b"one")?, tx.receive("letters", &to, "2", b"two")?)));
    let waiting = |world: &World| {
        let to = channel.clone();
        world.read(move |tx, _| Ok((tx.unread("letters", &to, 9)?, tx.next_unread("letters", &to)?)))
    };
    let (unread, next) = waiting(world);
    assert_eq!((unread.len(), unread[0].attempts, next), (2, 0, None));
    let (first, second) = (unread[0].id.clone(), unread[1].id.clone());
    let due = world.env.now().plus(Duration::from_secs(9));
    world.write(move |tx, _| tx.put_off_received(&first, due));
    let (left, next) = waiting(world);
    assert_eq!((left.len(), &left[0].id, next), (1, &second, Some(due)));
    world.dial.advance(Duration::from_secs(9));
    let (again, next) = waiting(world);
    assert_eq!((again[0].id.clone(), again[1].attempts, next), (second, 1, None), "what is tried again comes last");

    let tried = again[1].id.clone();
    let id = tried.clone();
    world.write(move |tx, _| tx.park_received(&id, "it is torn"));
    assert_eq!(waiting(world).0.len(), 1);
    let parked = world.read(move |tx, org| {
        assert_eq!((tx.parked_hooks(&stranger, 9)?.0.len(), tx.parked_hook(&stranger, &tried)?), (0, None));
        assert_eq!(tx.parked_hooks(org, 0)?, (Vec::new(), true));
        assert_eq!(tx.parked_hooks(org, 9)?.0.first(), tx.parked_hook(org, &tried)?.as_ref());
        Ok(tx.parked_hook(org, &tried)?.unwrap())
    });
    assert_eq!((parked.vendor.as_str(), parked.account.as_str(), parked.bytes), ("letters", channel.as_str(), 3));
    assert_eq!((parked.reason.as_str(), parked.parked_at), ("it is torn", world.env.now()));
    let later = world.env.now().plus(Duration::from_secs(1));
    assert_eq!(world.write(move |tx, _| tx.purge_received(later)), 0);
    let (resumed, dropped) = (parked.clone(), parked.id.clone());
    world.write(|tx, _| tx.claim("test", Share::All, 9).map(drop));
    world.write(move |tx, _| tx.resume_hook(&resumed));
    assert_eq!(waiting(world).0.iter().map(|received| received.attempts).collect::<Vec<_>>(), [0, 0]);
    assert_eq!(world.write(|tx, _| tx.queue_counts()).waiting, 1, "a job looks at it");
    world.write(move |tx, org| {
        tx.park_received(&dropped, "torn still")?;
        tx.forget_received(&dropped)?;
        assert_eq!(tx.parked_hook(org, &dropped)?, None);
        Ok(())
    });
    assert_eq!(waiting(world).0.len(), 1);
}

pub fn the_audit_comes_newest_first(world: &World) {
    let entries = world.write(|tx, org| {
        for n in 0..3 {
            tx.audit(org, "command line", "key.added", &json!({"n": n}))?;
        }
        let newest = tx.audit_list(org, None, 2)?;
        let rest = tx.audit_list(org, Some(newest[1].seq), 9)?;
        Ok([newest, rest].concat())
    });
    let order: Vec<_> = entries.iter().map(|entry| entry.detail["n"].clone()).collect();
    assert_eq!(order, [2, 1, 0]);
}

pub fn a_bucket_gives_no_more_than_it_holds(world: &World) {
    world.write(|tx, _| {
        assert_eq!(tx.take_tokens("org:read", 60, 0, 40)?.0, 40);
        assert_eq!(tx.take_tokens("org:read", 60, 0, 40)?.0, 20);
        assert_eq!(tx.take_tokens("org:read", 60, 0, 40)?.0, 0);
        assert_eq!(tx.take_tokens("org:read", 60, 5, 40)?.0, 5, "what is given back can be taken again");
        assert_eq!(tx.take_tokens("org:write", 60, 9, 90)?.0, 60, "a bucket never holds more than a minute's");
        Ok(())
    });
    world.dial.advance(Duration::from_secs(30));
    let (given, left) = world.write(|tx, _| tx.take_tokens("org:read", 60, 0, 20));
    assert_eq!((given, left.tokens(), left.at), (20, 10, world.env.now()));
    let now = world.env.now();
    assert_eq!(world.write(move |tx, _| tx.purge_buckets(now)), 1);
}

pub fn a_vendor_budget_is_kept_until_nobody_uses_it(world: &World) {
    let limit = Limit { calls: 100, window: Duration::from_secs(10), reserve: 10 };
    let used = move |tx: &mut Tx<'_>| -> Result<u32, StoreError> {
        let mut budgets = tx.hold_budgets("hubspot:1")?;
        budgets.general.take(limit, 1, tx.now());
        tx.save_budgets("hubspot:1", &budgets)?;
        Ok(budgets.general.ours())
    };
    assert_eq!([world.write(move |tx, _| used(tx)), world.write(move |tx, _| used(tx))], [1, 2]);
    assert_eq!(world.write(|tx, _| tx.hold_budgets("hubspot:2")), Budgets::default(), "each account has its own");
    world.dial.advance(Duration::from_secs(1));
    assert_eq!(world.write(move |tx, _| used(tx)), 3);
    let now = world.env.now();
    assert_eq!(world.write(move |tx, _| tx.purge_budgets(now)), 1, "the one that nobody uses");
    assert_eq!(world.write(move |tx, _| used(tx)), 4);
}
