//! The WhatsApp channel, from a customer's word to a subscriber and from a reply to its status, over Meta's look-alike.

use std::time::Duration;

use axum::body::Body;
use http::{Request, StatusCode};
use lockstep::channel::{Line, Outcome};
use lockstep::ops::Author;
use lockstep::ops::channels::{self, Connect, Connected};
use lockstep::ops::contacts::AccountChoice;
use lockstep::ops::messages::{self, MessageName, NewMessage};
use lockstep::ops::received;
use lockstep::ops::webhooks::{self, Subscribe};
use lockstep_core::conversation::ConversationStatus;
use lockstep_core::event::EventType;
use lockstep_core::ids::MessageId;
use lockstep_core::message::{Direction, Message, MessageKind, MessageStatus, Source};
use lockstep_core::phone::Phone;
use lockstep_core::problem::{Code, Problem};
use lockstep_sandbox::meta::{Delivery, Say, Weather};
use lockstep_sandbox::{Effect, Fault};
use lockstep_store::MessageFilter;
use secrecy::ExposeSecret;
use serde_json::{Value as Json, json};

use crate::world::{GRAPH, Setup, World, postgres_schema, run};

const NUMBER: &str = "106540352242922";
const ANA: &str = "6281234567890";
const MESSAGES: &str = "POST /{version}/{phone-number-id}/messages";
const SUBSCRIBER: &str = "https://subscriber.test/hook";

struct Shop {
    world: World,
    connected: Connected,
}

impl Shop {
    /// A number that is connected, and Meta knows where its webhooks go.
    fn open() -> Self {
        Self::with(&Setup::default())
    }

    fn with(setup: &Setup) -> Self {
        let world = World::new(setup);
        let connected = connect(&world, "EAAtoken").expect("Meta knows the number");
        world.meta.subscribe(&connected.webhook_url, connected.handover["verify_token"].expose_secret());
        let by = Author::command_line(world.org.clone());
        let events = vec![EventType::ContactCreated, EventType::MessageReceived, EventType::MessageStatus];
        let app = world.app.clone();
        let subscribe = Subscribe { url: SUBSCRIBER.to_owned(), description: None, events };
        run(world.app.store.write(move |tx| webhooks::subscribe(tx, &app, &by, subscribe))).expect("a subscription");
        let mut shop = Self { world, connected };
        shop.post();
        assert!(shop.world.meta.is_verified());
        shop
    }

    /// Brings what Meta has for us, and tells Meta what we answered. Answers the statuses.
    fn post(&mut self) -> Vec<u16> {
        let deliveries = self.world.meta.take_hooks();
        deliveries.into_iter().map(|delivery| self.bring(delivery)).collect()
    }

    fn bring(&self, delivery: Delivery) -> u16 {
        let (status, body) = self.world.ask(request(&delivery));
        self.world.meta.answered(delivery, Some((status.as_u16(), &body)));
        status.as_u16()
    }

    /// Lets time go by in seconds, with the mail of each.
    fn pass(&mut self, secs: u64) {
        for _ in 0..secs {
            self.world.pass(Duration::from_secs(1));
            self.post();
        }
        self.world.pass(Duration::from_millis(1));
    }

    fn say(&mut self, text: &str) -> String {
        let id = self.world.meta.say(Say::text(ANA, text).named("Ana")).expect("the number");
        self.pass(1);
        id
    }

    /// It takes a moment, so that ids tell the order.
    fn queue(&self, kind: MessageKind, content: Json) -> Result<Message, Problem> {
        self.world.dial.advance(Duration::from_millis(1));
        let by = Author::command_line(self.world.org.clone());
        let to = Phone::parse(&format!("+{ANA}")).expect("a number");
        let Json::Object(content) = content else { panic!("no content") };
        let new = NewMessage { source: Source::Api, to, kind, content, reply_to: None };
        let (app, account) = (self.world.app.clone(), AccountChoice::Id(NUMBER.to_owned()));
        run(self.world.app.store.write(move |tx| messages::queue(tx, &app, &by, &account, new)))
    }

    fn reply(&self, text: &str) -> MessageId {
        self.queue(MessageKind::Text, json!({"body": text})).expect("the window is open").id
    }

    fn message(&self, id: &MessageId) -> Message {
        let id = id.clone();
        self.world.read(move |tx, org| tx.message(org, &id)).expect("the message")
    }

    fn messages(&self, direction: Direction) -> Vec<Message> {
        let filter = MessageFilter { direction: Some(direction), ..MessageFilter::default() };
        self.world.read(move |tx, org| Ok(tx.messages(org, &filter, None, 1_000)?.0))
    }

    /// What the subscriber got of this event since the last call of it.
    fn told(&self) -> Vec<Json> {
        let exchanges = self.world.wire.take_exchanges().into_iter().filter(|it| it.uri == SUBSCRIBER);
        exchanges.map(|it| serde_json::from_slice(&it.request).expect("JSON")).collect()
    }

    /// The texts that reached the customer, in their order.
    fn arrived(&self) -> Vec<String> {
        let sent = self.world.meta.messages().into_iter().filter(|it| it.outbound);
        sent.map(|it| it.content["text"]["body"].as_str().unwrap_or_default().to_owned()).collect()
    }

    fn sends(&self) -> u64 {
        self.world.meta.calls().route(MESSAGES).total
    }
}

/// Everything goes wrong at once, and yet every word of a customer is there once and no reply went out twice.
fn muddle(setup: &Setup) {
    let mut shop = Shop::with(setup);
    shop.world.meta.set_weather(Weather { duplicates: 1, shuffle: true, batch: 3 });
    shop.say("hello");
    let (mut replies, mut said) = (Vec::new(), 1);
    for n in 0..40 {
        let effect = match shop.world.env.between(0, 9) {
            0 => Some(Effect::LostBefore),
            1 => Some(Effect::LostAfter),
            2 => Some(Effect::Truncate),
            3 => Some(Effect::Status { status: 400, policy: Some("130429".to_owned()) }),
            4 => Some(Effect::Status { status: 503, policy: None }),
            _ => None,
        };
        if let Some(effect) = effect {
            shop.world.meta.faults().push(Fault::once(MESSAGES, effect));
        }
        if shop.world.env.between(0, 1) == 0 {
            shop.world.meta.say(Say::text(ANA, &n.to_string())).expect("the number");
            said += 1;
        } else {
            replies.push(shop.reply(&n.to_string()));
        }
        if shop.world.env.between(0, 7) == 0 {
            shop.world.restart();
        }
        shop.world.pass(Duration::from_secs(shop.world.env.between(0, 3).unsigned_abs()));
        for delivery in shop.world.meta.take_hooks() {
            if shop.world.env.between(0, 5) == 0 {
                shop.world.meta.answered(delivery, None);
            } else {
                assert_eq!(shop.bring(delivery), 200);
            }
        }
    }
    shop.pass(900);
    let mut received: Vec<_> = shop.messages(Direction::Inbound).into_iter().map(|it| it.vendor_id).collect();
    received.sort();
    received.dedup();
    assert_eq!((received.len(), shop.messages(Direction::Inbound).len()), (said, said), "seed {}", setup.seed);
    let arrived = shop.world.meta.messages();
    for id in replies {
        let times = arrived.iter().filter(|it| it.content["biz_opaque_callback_data"] == id.as_str()).count();
        let status = shop.message(&id).status;
        let right = match times {
            0 => status.has_failed(),
            1 => status == MessageStatus::Read,
            _ => false,
        };
        assert!(right, "seed {}: {id} arrived {times} times and is {status:?}", setup.seed);
    }
}

#[test]
fn nothing_is_lost_or_doubled_when_everything_goes_wrong() {
    (1..=12).for_each(|seed| muddle(&Setup { seed, ..Setup::default() }));
}

#[test]
fn nothing_is_lost_or_doubled_on_postgresql() {
    let Ok(server) = std::env::var("LOCKSTEP_TEST_PG") else {
        println!("skipped: LOCKSTEP_TEST_PG names no server");
        return;
    };
    let postgres = Some(postgres_schema(&server, "whatsapp_test"));
    muddle(&Setup { seed: 13, postgres, ..Setup::default() });
}

fn connect(world: &World, token: &str) -> Result<Connected, Problem> {
    let given = [("token", token), ("app_secret", "sandbox-app-secret")];
    let request = Connect {
        channel: "whatsapp".to_owned(),
        account: NUMBER.to_owned(),
        base_url: Some(GRAPH.to_owned()),
        given: given.map(|(name, value)| (name.to_owned(), value.into())).into(),
    };
    run(channels::connect(&world.app, &Author::command_line(world.org.clone()), request))
}

fn request(delivery: &Delivery) -> Request<Body> {
    let path = delivery.url.strip_prefix("https://lockstep.test").expect("our own address");
    let request = Request::builder().method(delivery.method).uri(path);
    let request = delivery.headers.iter().fold(request, |request, (name, value)| request.header(name, value));
    request.body(Body::from(delivery.body.clone())).expect("a request")
}

fn statuses(told: &[Json]) -> Vec<String> {
    let status =
        |body: &Json| body["entry"][0]["changes"][0]["value"]["statuses"][0]["status"].as_str().map(str::to_owned);
    told.iter().filter_map(status).collect()
}

#[test]
fn a_stranger_who_writes_becomes_a_contact_with_a_conversation() {
    let mut shop = Shop::open();
    let id = shop.say("Is it still there?");
    let contacts = shop.world.contacts();
    assert_eq!(contacts.len(), 1);
    assert_eq!(contacts[0].phone_number.as_ref().map(Phone::as_str), Some("+6281234567890"));
    assert_eq!(
        (contacts[0].name.as_deref(), contacts[0].acquisition_source.as_deref()),
        (Some("Ana"), Some("inbound"))
    );
    let received = shop.messages(Direction::Inbound);
    assert_eq!(received.len(), 1);
    assert_eq!((received[0].vendor_id.as_deref(), received[0].account.as_str()), (Some(id.as_str()), NUMBER));
    assert_eq!(Json::Object(received[0].content.clone()), json!({"body": "Is it still there?"}));
    let conversation = received[0].conversation.clone();
    let conversation = shop.world.read(move |tx, org| tx.conversation(org, &conversation)).expect("a conversation");
    assert_eq!((conversation.status, conversation.unread), (ConversationStatus::Open, 1));

    let told = shop.told();
    assert_eq!(told.len(), 2, "contact.created and message.received");
    let received = told.iter().find(|body| body["object"] == "whatsapp_business_account").expect("Meta's form");
    let value = &received["entry"][0]["changes"][0]["value"];
    assert_eq!((&value["messages"][0]["id"], &value["contacts"][0]["wa_id"]), (&json!(id), &json!(ANA)));
    assert_eq!(received["kirim"]["contact_id"], contacts[0].id.as_str());
}

#[test]
fn webhooks_doubled_bundled_and_out_of_order_make_each_message_once() {
    let mut shop = Shop::open();
    shop.world.meta.set_weather(Weather { duplicates: 2, shuffle: true, batch: 4 });
    for n in 0..10 {
        shop.world.meta.say(Say::text(ANA, &n.to_string())).expect("the number");
    }
    assert_eq!(shop.post(), vec![200; 9]);
    shop.pass(2);
    assert_eq!(shop.messages(Direction::Inbound).len(), 10);
    assert_eq!(shop.told().iter().filter(|body| body.get("kirim").is_some()).count(), 10);
    let id = shop.reply("all here");
    shop.pass(6);
    assert_eq!(shop.message(&id).status, MessageStatus::Read);
    let mut told = statuses(&shop.told());
    told.sort();
    assert!(told.len() <= 3 && told.contains(&"read".to_owned()), "{told:?}");
    assert_eq!(shop.sends(), 1);
}

#[test]
fn a_reply_goes_out_and_its_statuses_come_back() {
    let mut shop = Shop::open();
    let question = shop.say("Is it still there?");
    shop.told();
    let new = NewMessage {
        source: Source::Api,
        to: Phone::parse(&format!("+{ANA}")).expect("a number"),
        kind: MessageKind::Text,
        content: json!({"body": "Yes"}).as_object().expect("an object").clone(),
        reply_to: Some(MessageName::Channels(question.clone())),
    };
    let (by, app) = (Author::command_line(shop.world.org.clone()), shop.world.app.clone());
    let account = AccountChoice::Id(NUMBER.to_owned());
    let reply = run(shop.world.app.store.write(move |tx| messages::queue(tx, &app, &by, &account, new)));
    let id = reply.expect("the window is open").id;
    shop.pass(5);
    let sent = shop.world.meta.messages().pop().expect("it arrived");
    assert_eq!(sent.content["context"], json!({"message_id": question}));
    assert_eq!(sent.content["biz_opaque_callback_data"], id.as_str());
    let message = shop.message(&id);
    assert_eq!((message.status, message.vendor_id), (MessageStatus::Read, Some(sent.id)));
    assert!(message.times.sent <= message.times.delivered && message.times.delivered <= message.times.read);
    let mut told = statuses(&shop.told());
    told.sort();
    assert_eq!(told, ["delivered", "read", "sent"], "no order is promised");
}

#[test]
fn a_lost_answer_never_sends_twice_and_a_status_tells_what_became_of_it() {
    let mut shop = Shop::open();
    shop.say("hello");
    shop.world.meta.faults().push(Fault::once(MESSAGES, Effect::LostAfter));
    let id = shop.reply("hi");
    shop.world.pass(Duration::from_millis(10));
    let message = shop.message(&id);
    assert_eq!((message.status, message.vendor_id), (MessageStatus::Sending, None));
    shop.pass(6);
    assert_eq!(shop.message(&id).status, MessageStatus::Read);
    assert!(shop.message(&id).vendor_id.is_some());
    shop.pass(300);
    assert_eq!(shop.sends(), 1);
    for effect in [Effect::Truncate, Effect::Reset, Effect::Slow { us: 60_000_000 }] {
        let before = shop.sends();
        shop.say("and?");
        shop.world.meta.faults().push(Fault::once(MESSAGES, effect.clone()));
        let id = shop.reply("this");
        shop.pass(200);
        assert_eq!((shop.sends() - before, shop.message(&id).status), (1, MessageStatus::Read), "{effect:?}");
    }
}

#[test]
fn a_send_that_never_arrived_is_a_failure_and_never_sent_again() {
    let mut shop = Shop::open();
    shop.say("hello");
    shop.world.meta.faults().push(Fault::once(MESSAGES, Effect::LostBefore));
    let id = shop.reply("hi");
    shop.pass(200);
    let message = shop.message(&id);
    assert_eq!(message.status, MessageStatus::Unknown);
    assert_eq!(message.error.map(|error| error.code).as_deref(), Some("outcome_unknown"));
    assert_eq!(shop.sends(), 1);
}

#[test]
fn what_meta_puts_off_is_tried_again_and_what_it_refuses_is_told() {
    let mut shop = Shop::open();
    shop.say("hello");
    for (status, policy) in [(400, Some("130429")), (400, Some("131056")), (503, Some("2"))] {
        let policy = policy.map(str::to_owned);
        shop.world.meta.faults().push(Fault::once(MESSAGES, Effect::Status { status, policy }));
    }
    let id = shop.reply("hi");
    shop.pass(120);
    assert_eq!((shop.message(&id).status, shop.sends()), (MessageStatus::Read, 4));
    shop.told();
    let refusal = Effect::Status { status: 400, policy: Some("131026".to_owned()) };
    shop.world.meta.faults().push(Fault::once(MESSAGES, refusal));
    let id = shop.reply("hi again");
    shop.pass(5);
    let message = shop.message(&id);
    assert_eq!(message.status, MessageStatus::Failed);
    assert_eq!(message.error.map(|error| error.code).as_deref(), Some("131026"));
    assert_eq!(statuses(&shop.told()), ["failed"]);
}

#[test]
fn a_message_that_is_put_off_is_not_overtaken() {
    let mut shop = Shop::open();
    shop.say("hello");
    let busy = Effect::Status { status: 503, policy: Some("2".to_owned()) };
    shop.world.meta.faults().push(Fault { times: 3, ..Fault::once(MESSAGES, busy) });
    let ids: Vec<MessageId> = (0..4).map(|n| shop.reply(&n.to_string())).collect();
    shop.pass(120);
    assert!(ids.iter().all(|id| shop.message(id).status == MessageStatus::Read));
    assert_eq!(shop.arrived(), ["0", "1", "2", "3"]);
    assert_eq!(shop.sends(), 7);
}

#[test]
fn a_failure_that_comes_by_webhook_names_metas_reason() {
    let mut shop = Shop::open();
    shop.say("hello");
    shop.world.meta.set_unreachable(ANA, true);
    let id = shop.reply("hi");
    shop.pass(3);
    let message = shop.message(&id);
    assert_eq!(message.status, MessageStatus::Failed);
    assert_eq!(message.error.map(|error| error.code).as_deref(), Some("131026"));
}

#[test]
fn outside_the_window_only_templates_go_out() {
    let mut shop = Shop::open();
    shop.say("hello");
    shop.world.pass(Duration::from_secs(24 * 3_600));
    let refused = shop.queue(MessageKind::Text, json!({"body": "too late"})).expect_err("a day has passed");
    assert_eq!(refused.code, Code::Outside24hWindow);
    let template = json!({"name": "hello_world", "language": {"code": "en_US"}});
    let id = shop.queue(MessageKind::Template, template).expect("a template may go").id;
    shop.pass(5);
    assert_eq!(shop.message(&id).status, MessageStatus::Read);
    assert_eq!(shop.sends(), 1);
}

#[test]
fn a_burst_is_paced_and_no_message_is_refused_for_speed() {
    let mut shop = Shop::open();
    shop.say("hello");
    let ids: Vec<MessageId> = (0..50).map(|n| shop.reply(&n.to_string())).collect();
    shop.pass(90);
    assert!(ids.iter().all(|id| shop.message(id).status == MessageStatus::Read));
    let calls = shop.world.meta.calls().route(MESSAGES);
    assert_eq!((calls.total, calls.throttled), (50, 0));
    let texts: Vec<String> = (0..50).map(|n| n.to_string()).collect();
    assert_eq!(shop.arrived(), texts, "in the order that they were written");
}

#[test]
fn webhooks_that_cannot_be_taken_in_are_kept_set_aside_and_hold_up_no_other() {
    let mut shop = Shop::open();
    let channel = shop.connected.id.to_string();
    let kept = channel.clone();
    shop.world.write(move |tx, _| {
        for n in 0..40 {
            // No database of ours takes the character U+0000.
            let message = json!({"id": format!("wamid.\u{0}{n}"), "from": ANA, "timestamp": "1790000000", "type": "text",
                "text": {"body": "x"}});
            let value = json!({"metadata": {"phone_number_id": NUMBER}, "messages": [message]});
            let body = json!({"entry": [{"id": "1", "changes": [{"field": "messages", "value": value}]}]});
            tx.receive("whatsapp", &kept, &n.to_string(), body.to_string().as_bytes())?;
        }
        tx.receive("whatsapp", &kept, "torn", b"{").map(drop)
    });
    let parked = |shop: &Shop| shop.world.read(|tx, org| Ok(tx.parked_hooks(org, 99)?.0));
    shop.pass(2);
    assert_eq!(parked(&shop).len(), 1, "what cannot be read is not tried again");
    shop.say("hello");
    assert_eq!(shop.messages(Direction::Inbound).len(), 1);
    shop.world.pass(Duration::from_secs(20 * 60));
    assert_eq!(parked(&shop).len(), 41);
    assert!(parked(&shop).iter().all(|hook| hook.vendor == "whatsapp" && hook.account == channel));
    assert_eq!(parked(&shop)[0].reason, "A value cannot be stored: a text holds a NUL character.");
    shop.world.pass(Duration::from_secs(4 * 24 * 60 * 60));
    run(lockstep::sync::purge::run(&shop.world.app)).expect("the store works");
    assert_eq!(parked(&shop).len(), 41, "Meta was told that they are kept");
    let next = shop.world.read(move |tx, _| tx.next_unread("whatsapp", &channel));
    assert_eq!(next, None, "nothing tries them by itself");

    let hooks = parked(&shop);
    let (app, org) = (shop.world.app.clone(), shop.world.org.clone());
    run(received::resume(&app, &org, &hooks[0].id)).expect("it is parked");
    shop.world.pass(Duration::from_secs(60));
    assert_eq!(parked(&shop).len(), 40, "it has as many tries as a new one");
    shop.world.pass(Duration::from_secs(20 * 60));
    assert_eq!(parked(&shop).len(), 41);
    run(received::drop_parked(&app, &org, &hooks[0].id)).expect("it is parked");
    assert!(run(received::resume(&app, &org, &hooks[0].id)).is_err());
    assert_eq!(parked(&shop).len(), 40);
}

#[test]
fn a_webhook_that_does_not_verify_writes_nothing() {
    let mut shop = Shop::open();
    shop.world.meta.say(Say::text(ANA, "hello")).expect("the number");
    let delivery = shop.world.meta.take_hooks().remove(0);
    let tampered = |change: &dyn Fn(&mut Delivery)| {
        let mut tampered = delivery.clone();
        change(&mut tampered);
        shop.world.ask(request(&tampered)).0
    };
    assert_eq!(tampered(&|it| it.headers.retain(|(name, _)| name != "x-hub-signature-256")), StatusCode::UNAUTHORIZED);
    assert_eq!(tampered(&|it| it.body = [it.body.as_ref(), b" "].concat().into()), StatusCode::UNAUTHORIZED);
    let foreign = "sha256=0329a06b62cd16b33eb6792be8c60b158d89a2ee3a876fce9a881ebb488c0914";
    assert_eq!(tampered(&|it| it.headers[2].1 = foreign.to_owned()), StatusCode::UNAUTHORIZED);
    let elsewhere = delivery.url.replace(shop.connected.id.as_str(), "chn_01HXYZABCDEFGHJKMNPQRSTVWX");
    assert_eq!(tampered(&|it| it.url.clone_from(&elsewhere)), StatusCode::NOT_FOUND);
    shop.world.pass(Duration::from_secs(5));
    assert!(shop.world.contacts().is_empty() && shop.messages(Direction::Inbound).is_empty());
    assert_eq!(shop.bring(delivery), 200);
    shop.pass(1);
    assert_eq!(shop.messages(Direction::Inbound).len(), 1);
}

#[test]
fn only_who_knows_the_word_is_answered_the_challenge() {
    let shop = Shop::open();
    let ask = |query: &str| {
        let path = format!("/hooks/whatsapp/{}?{query}", shop.connected.id);
        shop.world.ask(Request::get(path).body(Body::empty()).expect("a request"))
    };
    let word = shop.connected.handover["verify_token"].expose_secret();
    let (status, body) = ask(&format!("hub.mode=subscribe&hub.verify_token={word}&hub.challenge=1158201444"));
    assert_eq!((status, body.as_ref()), (StatusCode::OK, &b"1158201444"[..]));
    assert_eq!(ask("hub.mode=subscribe&hub.verify_token=guess&hub.challenge=1").0, StatusCode::UNAUTHORIZED);
    assert_eq!(ask("hub.mode=subscribe&hub.challenge=1").0, StatusCode::BAD_REQUEST);
    let unsubscribe = ask(&format!("hub.mode=unsubscribe&hub.verify_token={word}&hub.challenge=1"));
    assert_eq!(unsubscribe.0, StatusCode::BAD_REQUEST);
}

#[test]
fn what_has_no_name_here_is_kept_whole() {
    let mut shop = Shop::open();
    let order = json!({"type": "order", "order": {"catalog_id": "7"}});
    let say = Say { message: order.as_object().expect("an object").clone(), ..Say::text(ANA, "") };
    shop.world.meta.say(say).expect("the number");
    shop.pass(1);
    let received = shop.messages(Direction::Inbound);
    assert_eq!(received[0].kind, MessageKind::Unknown);
    assert_eq!(received[0].content["order"], json!({"catalog_id": "7"}));
}

#[test]
fn a_customers_file_is_fetched_with_the_accounts_token() {
    let mut shop = Shop::open();
    let image = json!({"type": "image", "image": {"caption": "look"}});
    let message = image.as_object().expect("an object").clone();
    let media = Some(("image/png".to_owned(), b"PNG".to_vec()));
    shop.world.meta.say(Say { message, media, ..Say::text(ANA, "") }).expect("the number");
    shop.pass(1);
    let received = shop.messages(Direction::Inbound).remove(0);
    assert_eq!((received.kind, &received.content["caption"]), (MessageKind::Image, &json!("look")));
    let id = received.content["id"].as_str().expect("its id").to_owned();
    let account = shop.world.read(|tx, org| tx.account(org, NUMBER)).expect("the account");
    let line = Line { org: shop.world.org.clone(), account };
    assert_eq!(run(line.has_media(&shop.world.app, &id)), Ok(()));
    assert_eq!(run(line.has_media(&shop.world.app, "1")).map_err(|fault| fault.outcome), Err(Outcome::Refused));
    let file = run(line.media(&shop.world.app, &id)).expect("the file");
    assert_eq!((file.mime_type.as_str(), file.bytes.as_ref()), ("image/png", &b"PNG"[..]));
    assert!(run(line.media(&shop.world.app, "1")).is_err());
}

#[test]
fn reading_a_message_is_told_to_meta() {
    let mut shop = Shop::open();
    let id = shop.say("hello");
    let message = shop.messages(Direction::Inbound).remove(0);
    let by = Author::command_line(shop.world.org.clone());
    run(shop.world.app.store.write(move |tx| messages::mark_read(tx, &by, &message, false))).expect("read");
    shop.pass(1);
    let read: Vec<String> =
        shop.world.meta.messages().into_iter().filter(|it| it.marked_read).map(|it| it.id).collect();
    assert_eq!(read, [id]);
}

#[test]
fn a_token_that_ends_shows_at_the_account_until_it_is_connected_again() {
    let mut shop = Shop::open();
    shop.say("hello");
    shop.world.meta.set_token("EAAnew");
    let id = shop.reply("hi");
    shop.pass(2);
    assert_eq!(shop.message(&id).error.map(|error| error.code).as_deref(), Some("190"));
    let status = |shop: &Shop| shop.world.read(|tx, org| tx.account(org, NUMBER)).expect("the account").status;
    assert_eq!(status(&shop), "disconnected");
    let refused = shop.queue(MessageKind::Text, json!({"body": "x"})).expect_err("nothing can be sent");
    assert_eq!(refused.code, Code::WhatsappNumberNotVerified);

    assert_eq!(connect(&shop.world, "EAAwrong").expect_err("another token").code, Code::InvalidFieldValue);
    let again = connect(&shop.world, "EAAnew").expect("the new token");
    assert_eq!(again.handover["verify_token"].expose_secret(), shop.connected.handover["verify_token"].expose_secret());
    assert_eq!((again.id, status(&shop).as_str()), (shop.connected.id.clone(), "connected"));
    assert_eq!(again.webhook_url, shop.connected.webhook_url);
    let id = shop.reply("hi");
    shop.pass(5);
    assert_eq!(shop.message(&id).status, MessageStatus::Read);
}

#[test]
fn a_crash_between_the_send_and_its_note_sends_nothing_twice() {
    let mut shop = Shop::open();
    shop.say("hello");
    let id = shop.reply("hi");
    shop.world.die_after("POST /v25.0/106540352242922/messages");
    shop.pass(6);
    assert_eq!((shop.message(&id).status, shop.sends()), (MessageStatus::Read, 1));
}

#[test]
fn a_number_that_is_taken_away_neither_sends_nor_listens() {
    let mut shop = Shop::open();
    shop.say("hello");
    let disconnect = |shop: &Shop| {
        let by = Author::command_line(shop.world.org.clone());
        run(shop.world.app.store.write(move |tx| channels::disconnect(tx, &by, NUMBER)))
    };
    disconnect(&shop).expect("it was connected");
    assert!(run(channels::list(&shop.world.app, &shop.world.org)).expect("the channels").is_empty());
    shop.world.meta.say(Say::text(ANA, "anybody?")).expect("the number");
    assert_eq!(shop.post(), [404]);
    assert_eq!(
        shop.queue(MessageKind::Text, json!({"body": "x"})).map(|it| it.id).map_err(|it| it.code),
        Err(Code::WhatsappNumberNotVerified)
    );
    assert!(disconnect(&shop).is_err());
}
