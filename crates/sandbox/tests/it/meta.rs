//! The WhatsApp look-alike, called as its clients call it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use hmac::{Hmac, KeyInit, Mac};
use http::Method;
use lockstep_sandbox::meta::{Delivery, Say, Weather};
use lockstep_sandbox::{Effect, Fault, Meta, MetaSettings};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::desk::{SECOND_US, START_US, ask, clock};

const NUMBER: &str = "106540352242922";
const ANA: &str = "6281234567890";
const HOOK: &str = "https://inbox.example.com/hooks/whatsapp";
const MESSAGES: &str = "POST /{version}/{phone-number-id}/messages";

struct Phone {
    meta: Meta,
    now_us: Arc<AtomicI64>,
}

impl Phone {
    fn new() -> Self {
        let (now_us, clock) = clock();
        let access_token = Some("EAAtoken".to_owned());
        Self { meta: Meta::new(MetaSettings { clock, access_token, ..MetaSettings::default() }), now_us }
    }

    /// With an address that has answered the handshake.
    fn listening() -> Self {
        let phone = Self::new();
        phone.meta.subscribe(HOOK, "open sesame");
        for handshake in phone.meta.take_hooks() {
            let challenge = query(&handshake.url, "hub.challenge");
            phone.meta.answered(handshake, Some((200, challenge.as_bytes())));
        }
        assert!(phone.meta.is_verified());
        phone
    }

    fn pass(&self, us: i64) {
        self.now_us.fetch_add(us, Ordering::Relaxed);
    }

    fn ask(&self, method: Method, path: &str, token: &str, body: &Value) -> (u16, Value, bool) {
        let bearer = format!("Bearer {token}");
        let got = ask(&self.meta.router(), method, path, &[("authorization", &bearer)], body.to_string());
        (got.status.as_u16(), got.json, got.dropped)
    }

    fn send(&self, body: &Value) -> (u16, Value) {
        let (status, json, _) = self.ask(Method::POST, &format!("/v25.0/{NUMBER}/messages"), "EAAtoken", body);
        (status, json)
    }
}

fn query(url: &str, name: &str) -> String {
    let (_, rest) = url.split_once(&format!("{name}=")).expect("the parameter");
    rest.split('&').next().unwrap_or_default().to_owned()
}

fn text_to(to: &str, body: &str) -> Value {
    json!({"messaging_product": "whatsapp", "to": to, "type": "text", "text": {"body": body}})
}

fn values(deliveries: &[Delivery]) -> Vec<Value> {
    let bodies = deliveries.iter().map(|it| serde_json::from_slice::<Value>(&it.body).expect("JSON"));
    bodies
        .flat_map(|body| {
            assert_eq!(body["object"], "whatsapp_business_account");
            let changes = body["entry"][0]["changes"].as_array().expect("changes").clone();
            changes.into_iter().map(|change| {
                assert_eq!(change["field"], "messages");
                change["value"].clone()
            })
        })
        .collect()
}

#[test]
fn nothing_is_told_before_the_address_has_answered_the_challenge() {
    let phone = Phone::new();
    phone.meta.subscribe(HOOK, "open sesame");
    phone.meta.say(Say::text(ANA, "hello")).expect("a number");
    let first = phone.meta.take_hooks();
    assert_eq!(first.len(), 1);
    assert_eq!((first[0].method, query(&first[0].url, "hub.mode").as_str()), ("GET", "subscribe"));
    assert_eq!(query(&first[0].url, "hub.verify_token"), "open%20sesame");
    phone.meta.answered(first[0].clone(), Some((200, b"no")));
    assert!(!phone.meta.is_verified());
    assert!(phone.meta.take_hooks().is_empty(), "one handshake for one subscription");
    phone.meta.subscribe(HOOK, "open sesame");
    let again = phone.meta.take_hooks().remove(0);
    let challenge = query(&again.url, "hub.challenge");
    phone.meta.answered(again, Some((200, challenge.as_bytes())));
    assert_eq!(values(&phone.meta.take_hooks()).len(), 1);
}

#[test]
fn a_customers_message_comes_signed_over_its_raw_bytes() {
    let phone = Phone::listening();
    let id = phone.meta.say(Say::text(ANA, "Häl\u{1f600}lo").named("Ana")).expect("a number");
    let deliveries = phone.meta.take_hooks();
    let mut mac = Hmac::<Sha256>::new_from_slice(b"sandbox-app-secret").expect("any key");
    mac.update(&deliveries[0].body);
    let expected = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
    assert!(deliveries[0].headers.contains(&("x-hub-signature-256".to_owned(), expected)));
    let value = &values(&deliveries)[0];
    assert_eq!(value["metadata"]["phone_number_id"], NUMBER);
    assert_eq!(value["contacts"][0], json!({"wa_id": ANA, "profile": {"name": "Ana"}}));
    let message = &value["messages"][0];
    assert_eq!((&message["from"], &message["id"], &message["type"]), (&json!(ANA), &json!(id), &json!("text")));
    assert_eq!(message["timestamp"], (START_US / SECOND_US).to_string());
}

#[test]
fn a_send_is_followed_by_its_statuses_with_the_callers_own_word() {
    let phone = Phone::listening();
    phone.meta.say(Say::text(ANA, "hello")).expect("a number");
    drop(phone.meta.take_hooks());
    let mut body = text_to("+62 812-3456-7890", "hi");
    body["biz_opaque_callback_data"] = "msg_1".into();
    let (status, answer) = phone.send(&body);
    assert_eq!(status, 200);
    assert_eq!(answer["contacts"][0], json!({"input": "+62 812-3456-7890", "wa_id": ANA}));
    let id = answer["messages"][0]["id"].clone();
    assert!(phone.meta.take_hooks().is_empty(), "nothing is due yet");
    phone.pass(3 * SECOND_US);
    let told = values(&phone.meta.take_hooks());
    let names: Vec<&str> = told.iter().filter_map(|it| it["statuses"][0]["status"].as_str()).collect();
    assert_eq!(names, ["sent", "delivered", "read"]);
    assert!(told.iter().all(|it| it["statuses"][0]["id"] == id));
    assert!(told.iter().all(|it| it["statuses"][0]["biz_opaque_callback_data"] == "msg_1"));
    assert_eq!(told[0]["statuses"][0]["conversation"]["origin"]["type"], "service");
    assert_eq!(told[0]["statuses"][0]["pricing"]["billable"], false);
}

#[test]
fn outside_the_window_only_templates_arrive() {
    let phone = Phone::listening();
    phone.meta.say(Say::text(ANA, "hello")).expect("a number");
    phone.pass(24 * 3_600 * SECOND_US);
    drop(phone.meta.take_hooks());
    assert_eq!(phone.send(&text_to(ANA, "too late")).0, 200, "Meta says so by webhook");
    phone.pass(SECOND_US);
    let failed = values(&phone.meta.take_hooks()).remove(0);
    assert_eq!(failed["statuses"][0]["errors"][0]["code"], 131_047);
    let template = |name: &str, parameters: Value| {
        json!({"messaging_product": "whatsapp", "to": ANA, "type": "template", "template": {"name": name,
            "language": {"code": "en_US"}, "components": [{"type": "body", "parameters": parameters}]}})
    };
    let two = json!([{"type": "text", "text": "A-1"}, {"type": "text", "text": "today"}]);
    assert_eq!(phone.send(&template("order_update", two)).1["messages"][0]["message_status"], "accepted");
    assert_eq!(phone.send(&template("order_update", json!([]))).1["error"]["code"], 132_000);
    assert_eq!(phone.send(&template("unheard_of", json!([]))).1["error"]["code"], 132_001);
    phone.pass(SECOND_US);
    assert_eq!(values(&phone.meta.take_hooks())[0]["statuses"][0]["status"], "sent");
}

#[test]
fn templates_are_listed_in_pages_and_only_approved_ones_are_sent() {
    let phone = Phone::new();
    let list = |query: &str| {
        let path = format!("/v25.0/102290129340398/message_templates?{query}");
        phone.ask(Method::GET, &path, "EAAtoken", &Value::Null).1
    };
    let all = list("");
    assert_eq!(all["data"].as_array().map(Vec::len), Some(5));
    assert_eq!(all["paging"].get("next"), None, "the last page has no next");
    assert_eq!(
        all["data"][2],
        json!({"name": "order_update", "parameter_format": "POSITIONAL", "language": "id", "status": "APPROVED",
            "category": "UTILITY", "id": "1192339204654489", "components": [{"type": "BODY",
            "text": "Halo {{1}}, pesanan {{2}} sedang dikirim.",
            "example": {"body_text": [["example 1", "example 2"]]}}]})
    );
    let page = list("status=APPROVED&limit=2");
    assert!(page["paging"]["next"].as_str().is_some_and(|next| next.ends_with("&after=2")));
    assert_eq!(list("status=APPROVED&limit=2&after=2")["data"][0]["language"], "id");
    assert_eq!(list("name=order&language=en_US")["data"][0]["name"], "order_update");
    assert_eq!(list("status=PAUSED"), json!({"data": []}));
    assert_eq!(list("after=x")["error"]["code"], 100);
    let foreign = phone.ask(Method::GET, "/v25.0/1/message_templates", "EAAtoken", &Value::Null);
    assert_eq!(foreign.1["error"]["code"], 100);
    let pending = json!({"messaging_product": "whatsapp", "to": ANA, "type": "template",
        "template": {"name": "season_sale", "language": {"code": "en_US"}}});
    assert_eq!(phone.send(&pending).1["error"]["code"], 132_001);
}

#[test]
fn what_is_wrong_is_refused_with_metas_codes() {
    let phone = Phone::new();
    let code = |path: &str, token: &str, body: &Value| {
        let (status, answer, _) = phone.ask(Method::POST, path, token, body);
        (status, answer["error"]["code"].clone())
    };
    let path = format!("/v25.0/{NUMBER}/messages");
    assert_eq!(code(&path, "wrong", &text_to(ANA, "hi")), (401, json!(190)));
    assert_eq!(code("/v25.0/1/messages", "EAAtoken", &text_to(ANA, "hi")), (400, json!(100)));
    assert_eq!(code("/latest/1/messages", "EAAtoken", &text_to(ANA, "hi")), (400, json!(100)));
    assert_eq!(code(&path, "EAAtoken", &json!({"to": ANA})), (400, json!(100)));
    assert_eq!(code(&path, "EAAtoken", &text_to(ANA, "")), (400, json!(100)));
    assert_eq!(code(&path, "EAAtoken", &text_to("12", "hi")), (400, json!(131_009)));
    let read = json!({"messaging_product": "whatsapp", "status": "read", "message_id": "wamid.none"});
    assert_eq!(code(&path, "EAAtoken", &read), (400, json!(131_009)));
    assert!(phone.meta.messages().is_empty());
}

#[test]
fn marking_as_read_reads_what_came_before_too() {
    let phone = Phone::new();
    let first = phone.meta.say(Say::text(ANA, "one")).expect("a number");
    let second = phone.meta.say(Say::text(ANA, "two")).expect("a number");
    phone.meta.say(Say::text(ANA, "three")).expect("a number");
    let read = json!({"messaging_product": "whatsapp", "status": "read", "message_id": second});
    assert_eq!(phone.send(&read), (200, json!({"success": true})));
    let marked: Vec<(String, bool)> = phone.meta.messages().into_iter().map(|it| (it.id, it.marked_read)).collect();
    assert_eq!(marked[..2], [(first, true), (second, true)]);
    assert!(!marked[2].1);
}

#[test]
fn a_number_is_limited_in_all_and_to_one_person() {
    let phone = Phone::new();
    let codes: Vec<Value> = (0..50).map(|_| phone.send(&text_to(ANA, "hi")).1["error"]["code"].clone()).collect();
    assert_eq!(codes.iter().filter(|code| code.is_null()).count(), 45, "a burst to one person");
    assert_eq!(codes[49], 131_056);
    let others = (0..40).map(|n| phone.send(&text_to(&format!("62810000{n:04}"), "hi")).1["error"]["code"].clone());
    assert_eq!(others.filter(Value::is_null).count(), 35, "80 a second");
    assert_eq!(phone.meta.calls().route(MESSAGES).throttled, 10);
    phone.pass(6 * SECOND_US);
    assert_eq!(phone.send(&text_to(ANA, "hi")).0, 200);
}

#[test]
fn faults_strike_after_or_instead_of_the_deed() {
    let phone = Phone::new();
    phone.meta.faults().push(Fault::once(MESSAGES, Effect::LostAfter));
    assert!(phone.ask(Method::POST, &format!("/v25.0/{NUMBER}/messages"), "EAAtoken", &text_to(ANA, "hi")).2);
    assert_eq!(phone.meta.messages().len(), 1, "done all the same");
    phone.meta.faults().push(Fault::once(MESSAGES, Effect::Status { status: 400, policy: Some("131026".to_owned()) }));
    assert_eq!(phone.send(&text_to(ANA, "hi")).1["error"]["code"], 131_026);
    phone.meta.faults().push(Fault::once(MESSAGES, Effect::Status { status: 503, policy: None }));
    assert_eq!(phone.send(&text_to(ANA, "hi")).0, 503);
    phone.meta.faults().push(Fault::once(MESSAGES, Effect::Truncate));
    assert_eq!(phone.send(&text_to(ANA, "hi")), (200, Value::Null));
    assert_eq!(phone.meta.messages().len(), 2);
}

#[test]
fn webhooks_come_doubled_disordered_and_bundled_when_told_to() {
    let phone = Phone::listening();
    phone.meta.set_weather(Weather { duplicates: 1, shuffle: true, batch: 3 });
    for n in 0..9 {
        phone.meta.say(Say::text(ANA, &n.to_string())).expect("a number");
    }
    let deliveries = phone.meta.take_hooks();
    assert_eq!(deliveries.len(), 6);
    let texts: Vec<String> =
        values(&deliveries).iter().map(|it| it["messages"][0]["text"]["body"].to_string()).collect();
    let mut sorted = texts.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!((texts.len(), sorted.len()), (18, 9));
    assert_ne!(texts[..9], sorted[..]);
}

#[test]
fn what_is_not_answered_with_200_comes_again_for_a_week() {
    let phone = Phone::listening();
    phone.meta.say(Say::text(ANA, "hello")).expect("a number");
    let mut attempts = 0;
    let begin_us = phone.now_us.load(Ordering::Relaxed);
    while phone.now_us.load(Ordering::Relaxed) - begin_us < 30 * 24 * 3_600 * SECOND_US {
        for delivery in phone.meta.take_hooks() {
            attempts += 1;
            phone.meta.answered(delivery, Some((204, b"")));
        }
        phone.pass(60 * SECOND_US);
    }
    assert_eq!(attempts, 13);
}

#[test]
fn media_are_had_by_a_short_lived_address_and_the_token() {
    let phone = Phone::listening();
    let message = [("type".to_owned(), json!("image")), ("image".to_owned(), json!({"caption": "look"}))];
    let media = Some(("image/png".to_owned(), vec![1, 2, 3]));
    let say = Say { from: ANA.to_owned(), name: None, to: None, message: message.into_iter().collect(), media };
    phone.meta.say(say).expect("a number");
    let image = values(&phone.meta.take_hooks())[0]["messages"][0]["image"].clone();
    assert_eq!((&image["caption"], &image["mime_type"]), (&json!("look"), &json!("image/png")));
    let id = image["id"].as_str().expect("an id");
    let (_, found, _) = phone.ask(Method::GET, &format!("/v25.0/{id}"), "EAAtoken", &Value::Null);
    let url = found["url"].as_str().expect("an address");
    let path = url.split_once("graph.facebook.com").map_or(url, |(_, path)| path).to_owned();
    assert_eq!(phone.ask(Method::GET, &path, "EAAtoken", &Value::Null).0, 200);
    assert_eq!(phone.ask(Method::GET, &path, "wrong", &Value::Null).0, 404);
    phone.pass(5 * 60 * SECOND_US);
    assert_eq!(phone.ask(Method::GET, &path, "EAAtoken", &Value::Null).0, 404);
    let (_, profile, _) = phone.ask(Method::GET, &format!("/v25.0/{NUMBER}"), "EAAtoken", &Value::Null);
    assert_eq!(profile["display_phone_number"], "15550783881");
}

#[test]
fn a_person_plays_the_customer_by_hand() {
    let phone = Phone::listening();
    let post = |path: &str, body: &Value| phone.ask(Method::POST, path, "", body);
    let (status, answer, _) = post("/__say", &json!({"from": ANA, "name": "Ana", "text": "hello"}));
    assert_eq!((status, answer["id"].is_string()), (200, true));
    assert_eq!(post("/__say", &json!({"from": ANA})).0, 400);
    assert_eq!(post("/__say", &json!({"from": ANA, "text": "x", "to": "1"})).0, 400);
    assert_eq!(post("/__reach", &json!({"customer": ANA, "unreachable": true})).0, 200);
    assert_eq!(post("/__weather", &json!({"duplicates": 1})).0, 200);
    assert_eq!(phone.send(&text_to(ANA, "hi")).0, 200);
    phone.pass(SECOND_US);
    let told = values(&phone.meta.take_hooks());
    assert_eq!(told.len(), 4, "each twice");
    assert_eq!(told[3]["statuses"][0]["errors"][0]["code"], 131_026);
    assert_eq!(post("/__faults", &json!({"effect": "lost_before"})).0, 200);
    assert!(post(&format!("/v25.0/{NUMBER}/messages"), &text_to(ANA, "hi")).2);
    let (_, calls, _) = phone.ask(Method::GET, "/__calls", "", &Value::Null);
    assert_eq!(calls["routes"][MESSAGES]["total"], 2);
    assert_eq!(phone.ask(Method::GET, "/", "", &Value::Null).0, 200);
}
