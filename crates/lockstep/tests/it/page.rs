//! The inbox page as a browser meets it: sign-in, what is shown, and what each form does.

use axum::body::Body;
use http::{Request, header};
use lockstep::channel::Outcome;
use lockstep::ops::keys;
use lockstep_core::ids::{KeyId, UserId};
use lockstep_store::{KeyKind, NewUser, Org, User};
use secrecy::ExposeSecret;
use serde_json::{Value as Json, json};
use url::form_urlencoded::Serializer;

use crate::conversations::{BUDI, subscribe, told, write};
use crate::desk::{Answered, Desk, organization};

/// A browser at the page.
struct Browser<'a> {
    desk: &'a Desk,
    cookie: String,
    csrf: String,
}

async fn admin_key(desk: &Desk, org: &Org) -> (KeyId, String) {
    let minted = keys::mint(&desk.app, org, KeyKind::Admin, "tests", true, None).await.expect("a key");
    (minted.id, minted.plaintext.expose_secret().to_owned())
}

async fn user(desk: &Desk, name: &str) -> User {
    let (org, new) = (desk.org.clone(), NewUser { name: name.to_owned(), email: None });
    desk.app.store.write(move |tx| tx.add_user(&org, &new)).await.expect("a user")
}

fn form(path: &str) -> http::request::Builder {
    Request::post(path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
}

fn encoded(members: &[(&str, &str)]) -> Body {
    Body::from(Serializer::new(String::new()).extend_pairs(members).finish())
}

/// What stands between two texts.
fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    text.split_once(before)?.1.split_once(after).map(|(found, _)| found)
}

async fn sign_in(desk: &Desk, key: &str, next: &str) -> Answered {
    let members = [("key", key), ("next", next)];
    desk.request(form("/inbox/sign-in").body(encoded(&members)).expect("a request")).await
}

impl<'a> Browser<'a> {
    async fn of(desk: &'a Desk, org: &Org) -> Self {
        let (_, key) = admin_key(desk, org).await;
        Self::with(desk, &key).await
    }

    async fn with(desk: &'a Desk, key: &str) -> Self {
        let signed_in = sign_in(desk, key, "/inbox").await;
        assert_eq!((signed_in.status.as_u16(), signed_in.header("location")), (303, Some("/inbox")));
        let mut browser = Self { desk, cookie: cookie_of(&signed_in), csrf: String::new() };
        let page = browser.get("/inbox").await;
        browser.csrf = between(&page.text, "name=\"csrf\" value=\"", "\"").expect("a form").to_owned();
        browser
    }

    async fn get(&self, path: &str) -> Answered {
        self.desk
            .request(Request::get(path).header("cookie", &self.cookie).body(Body::empty()).expect("a request"))
            .await
    }

    /// Sends a form with the session's proof.
    async fn post(&self, path: &str, members: &[(&str, &str)]) -> Answered {
        let members: Vec<_> = [("csrf", self.csrf.as_str())].into_iter().chain(members.iter().copied()).collect();
        let request = form(path).header("cookie", &self.cookie).body(encoded(&members));
        self.desk.request(request.expect("a request")).await
    }
}

fn cookie_of(answer: &Answered) -> String {
    let set = answer.header("set-cookie").expect("a cookie");
    assert!(set.starts_with("__Host-lockstep="), "{set}");
    for part in ["Path=/", "HttpOnly", "Secure", "SameSite=Lax"] {
        assert!(set.split("; ").any(|given| given == part), "{set}");
    }
    set.split(';').next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn the_admin_link_opens_the_page_and_no_other_key_does() {
    let desk = Desk::new().await;
    let conversation = write(&desk, BUDI, "wamid.1", "Halo").await.conversation;
    let link = format!("/inbox/{conversation}");
    let asked = desk.request(Request::get(&link).body(Body::empty()).expect("a request")).await;
    assert_eq!(asked.status, 401);
    assert!(asked.text.contains(&format!("name=\"next\" value=\"{link}\"")), "{}", asked.text);
    assert!(!asked.text.contains("Halo"));

    let (id, key) = admin_key(&desk, &desk.org).await;
    for wrong in ["", "adm_wrong", &desk.key] {
        let refused = sign_in(&desk, wrong, &link).await;
        assert_eq!((refused.status.as_u16(), refused.header("set-cookie")), (401, None), "{wrong}");
        assert!(refused.text.contains("This key does not open the inbox"), "{}", refused.text);
    }
    let signed_in = sign_in(&desk, &format!(" {key}\n"), &link).await;
    assert_eq!((signed_in.status.as_u16(), signed_in.header("location")), (303, Some(link.as_str())));
    let elsewhere = sign_in(&desk, &key, "https://evil.test/").await;
    assert_eq!(elsewhere.header("location"), Some("/inbox"));

    let browser = Browser { desk: &desk, cookie: cookie_of(&signed_in), csrf: String::new() };
    let page = browser.get(&link).await;
    assert_eq!(page.status, 200);
    for shown in ["Halo", "Budi", BUDI] {
        assert!(page.text.contains(shown), "{shown}: {}", page.text);
    }
    let policy = page.header("content-security-policy").expect("a policy");
    assert!(policy.starts_with("default-src 'none';") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(page.header("cache-control"), Some("no-store"));

    let altered = Browser { cookie: format!("{}A", browser.cookie), csrf: String::new(), desk: &desk };
    assert_eq!(altered.get(&link).await.status, 401);
    keys::revoke(&desk.app, &desk.org, &id).await.expect("the key is revoked");
    assert_eq!(browser.get(&link).await.status, 401, "a session ends with its key");
}

#[tokio::test]
async fn a_session_ends_by_itself_and_by_hand() {
    let desk = Desk::new().await;
    let browser = Browser::of(&desk, &desk.org).await;
    let out = browser.post("/inbox/sign-out", &[]).await;
    assert_eq!(out.status, 303);
    assert!(out.header("set-cookie").is_some_and(|cookie| cookie.contains("Max-Age=0")));
    desk.dial.advance(std::time::Duration::from_secs(7 * 24 * 60 * 60));
    assert_eq!(browser.get("/inbox").await.status, 401);
}

#[tokio::test]
async fn another_organizations_conversation_is_not_there() {
    let desk = Desk::new().await;
    let message = write(&desk, BUDI, "wamid.1", "Halo").await;
    let conversation = message.conversation;
    let other = organization(&desk.app, "Other").await;
    let browser = Browser::of(&desk, &other).await;
    for path in [format!("/inbox/{conversation}"), "/inbox/x".to_owned()] {
        let answer = browser.get(&path).await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.text.contains("<h1>") && !answer.text.contains("Halo"), "{}", answer.text);
    }
    assert_eq!(browser.get(&format!("/inbox/{conversation}/files/{}", message.id)).await.status, 404);
    assert!(!browser.get("/inbox").await.text.contains("Budi"));
    let message = message.id.to_string();
    for (action, members) in [
        ("reply", vec![("text", "Hi"), ("seq", "1")]),
        ("read", vec![("message", message.as_str())]),
        ("assign", vec![("user", "")]),
        ("status", vec![("status", "resolved")]),
        ("label", vec![("label", "lbl_01HXYZABCDEFGHJKMNPQRSTVWX"), ("operation", "attach")]),
    ] {
        let refused = browser.post(&format!("/inbox/{conversation}/{action}"), &members).await;
        assert_eq!(refused.status, 404, "{action}: {}", refused.text);
    }
}

#[tokio::test]
async fn a_form_from_elsewhere_is_refused() {
    let desk = Desk::new().await;
    let conversation = write(&desk, BUDI, "wamid.1", "Halo").await.conversation;
    let mut browser = Browser::of(&desk, &desk.org).await;
    let foreign = Browser::of(&desk, &desk.org).await;
    let path = format!("/inbox/{conversation}/status");
    let own = browser.csrf.clone();
    for csrf in ["", "x", &foreign.csrf] {
        browser.csrf = csrf.to_owned();
        assert_eq!(browser.post(&path, &[("status", "resolved")]).await.status, 403, "{csrf:?}");
    }
    let members = [("csrf", own.as_str()), ("status", "resolved")];
    let request = form(&path).header("cookie", &browser.cookie).header("sec-fetch-site", "cross-site");
    assert_eq!(desk.request(request.body(encoded(&members)).expect("a request")).await.status, 403);
    let unsigned = form(&path).body(encoded(&members)).expect("a request");
    assert_eq!(desk.request(unsigned).await.status, 401);
    let shown = desk.get(&format!("/v1/conversations/{conversation}")).await;
    assert_eq!(shown.data()["status"], "open");
    browser.csrf = own;
    assert_eq!(browser.post(&path, &[("status", "resolved")]).await.status, 303);
}

#[tokio::test]
async fn a_reply_goes_out_once_and_one_that_cannot_comes_back() {
    let desk = Desk::new().await;
    let conversation = write(&desk, BUDI, "wamid.1", "Halo").await.conversation;
    let browser = Browser::of(&desk, &desk.org).await;
    let page = format!("/inbox/{conversation}?status=open&whose=all");
    let seq = {
        let text = browser.get(&page).await.text;
        between(&text, "name=\"seq\" value=\"", "\"").expect("a reply form").to_owned()
    };
    let reply = format!("/inbox/{conversation}/reply?status=open&whose=all");
    for _ in 0..2 {
        let sent = browser.post(&reply, &[("text", "Baik,\r\n<b>Budi</b>"), ("seq", &seq)]).await;
        assert_eq!((sent.status.as_u16(), sent.header("location")), (303, Some(page.as_str())));
    }
    desk.settle().await;
    let sent = desk.carrier.take_sent();
    assert_eq!(sent.len(), 1, "a doubled click is one message");
    assert_eq!(sent[0].content["body"], "Baik,\n<b>Budi</b>");
    let listed = desk.get(&format!("/v1/messages?conversation_id={conversation}&direction=outbound")).await;
    assert_eq!((&listed.data()[0]["source"], &listed.data()[0]["status"]), (&json!("dashboard"), &json!("sent")));
    let shown = browser.get(&page).await.text;
    assert!(shown.contains("&#60;b&#62;Budi") && !shown.contains("<b>Budi"), "{shown}");

    let empty = browser.post(&reply, &[("text", "  "), ("seq", &seq)]).await;
    assert_eq!((empty.status.as_u16(), empty.header("hx-replace-url")), (400, Some("false")));
    assert!(empty.text.contains("A reply has 1 to 4096 characters."), "{}", empty.text);

    desk.dial.advance(std::time::Duration::from_secs(24 * 60 * 60));
    let closed = browser.get(&page).await.text;
    assert!(closed.contains("has not written for 24 hours") && !closed.contains("<textarea"), "{closed}");
    let late = browser.post(&reply, &[("text", "Masih di sana?"), ("seq", &seq)]).await;
    assert_eq!(late.status, 422);
    assert!(late.text.contains("Send an approved template instead"), "{}", late.text);
}

#[tokio::test]
async fn a_day_after_the_customers_last_word_a_template_goes_out_once() {
    let desk = Desk::new().await;
    let conversation = write(&desk, BUDI, "wamid.1", "Halo").await.conversation;
    let browser = Browser::of(&desk, &desk.org).await;
    desk.dial.advance(std::time::Duration::from_secs(24 * 60 * 60));
    let page = format!("/inbox/{conversation}?status=open&whose=all");
    let path = format!("/inbox/{conversation}/templates?status=open&whose=all");
    assert!(browser.get(&page).await.text.contains(&path.replace('&', "&#38;")));
    let offered = browser.get(&path).await;
    for shown in ["Which template shall go to Budi?", "Hello {{1}}", "In place of {{1}}", "name=\"gap.1\""] {
        assert!(offered.text.contains(shown), "{shown}: {}", offered.text);
    }
    let members = [("name", "greeting"), ("language", "en_US"), ("seq", "7"), ("gap.1", " Budi ")];
    for _ in 0..2 {
        let sent = browser.post(&path, &members).await;
        assert_eq!((sent.status.as_u16(), sent.header("location")), (303, Some(page.as_str())));
    }
    desk.settle().await;
    let sent = desk.carrier.take_sent();
    assert_eq!(sent.len(), 1, "a doubled click is one message");
    assert_eq!(
        Json::Object(sent[0].content.clone()),
        json!({ "name": "greeting", "language": { "code": "en_US" },
            "components": [{ "type": "body", "parameters": [{ "type": "text", "text": "Budi" }] }] })
    );
    let listed = browser.get("/inbox").await.text;
    assert!(listed.contains("Us: Template: greeting"), "the list shows what was said last: {listed}");
    let empty = [("name", "greeting"), ("language", "en_US"), ("seq", "7"), ("gap.1", " ")];
    assert_eq!(browser.post(&path, &empty).await.status, 400);
    desk.carrier.fail(Outcome::NotTaken { retry_after: None }, "2");
    let failed = browser.get(&path).await;
    assert_eq!(failed.status, 502);
    assert!(failed.text.contains("The templates cannot be listed. It failed: 2."), "{}", failed.text);
    let other = Browser::of(&desk, &organization(&desk.app, "Other").await).await;
    assert_eq!(other.get(&path).await.status, 404);
    assert_eq!(other.post(&path, &members).await.status, 404);
    assert_eq!(Browser { csrf: "x".to_owned(), ..browser }.post(&path, &members).await.status, 403);
}

#[tokio::test]
async fn a_conversation_is_given_labelled_read_and_closed_at_the_page() {
    let desk = Desk::new().await;
    subscribe(&desk).await;
    let message = write(&desk, BUDI, "wamid.1", "Halo").await;
    let (id, ana) = (message.conversation.to_string(), user(&desk, "Ana").await.id.to_string());
    let label = desk.post("/v1/labels", json!({ "name": "urgent", "color": "red" })).await.text_of("id");
    let browser = Browser::of(&desk, &desk.org).await;
    told(&desk).await;
    let api = format!("/v1/conversations/{id}?expand=labels");
    let page = format!("/inbox/{id}");

    assert_eq!(browser.post(&format!("{page}/assign"), &[("user", &ana)]).await.status, 303);
    assert_eq!(browser.post(&format!("{page}/label"), &[("label", &label), ("operation", "attach")]).await.status, 303);
    assert_eq!(browser.post(&format!("{page}/read"), &[("message", message.id.as_str())]).await.status, 303);
    let now = desk.get(&api).await;
    assert_eq!(now.data()["assignee"]["id"], json!(ana));
    assert_eq!((&now.data()["labels"][0]["name"], &now.data()["unread_count"]), (&json!("urgent"), &json!(0)));
    let shown = browser.get(&page).await.text;
    assert!(shown.contains(&format!("Take off {}", "urgent")) && !shown.contains("Mark as read"), "{shown}");

    browser.post(&format!("{page}/label"), &[("label", &label), ("operation", "detach")]).await;
    browser.post(&format!("{page}/assign"), &[("user", "")]).await;
    browser.post(&format!("{page}/status"), &[("status", "resolved")]).await;
    let now = desk.get(&api).await;
    assert_eq!((&now.data()["assignee"], &now.data()["labels"]), (&Json::Null, &json!([])));
    let mut names: Vec<String> = told(&desk).await.into_iter().map(|(name, _)| name).collect();
    names.sort();
    assert_eq!(names, ["conversation.assigned", "conversation.assigned", "conversation.closed"]);
    assert_eq!(desk.carrier.take_read().len(), 1, "the customer sees that it was read");
    for (action, members) in [
        ("assign", [("user", "usr_01HXYZABCDEFGHJKMNPQRSTVWX"), ("", "")]),
        ("label", [("label", "lbl_01HXYZABCDEFGHJKMNPQRSTVWX"), ("operation", "attach")]),
    ] {
        let status = browser.post(&format!("{page}/{action}"), &members).await.status.as_u16();
        assert!(matches!(status, 400 | 404), "{action}: {status}");
    }
}

#[tokio::test]
async fn who_closes_a_conversation_at_the_page_is_named() {
    let desk = Desk::new().await;
    subscribe(&desk).await;
    let page = format!("/inbox/{}", write(&desk, BUDI, "wamid.1", "Halo").await.conversation);
    let ana = user(&desk, "Ana").await.id;
    let mut browser = Browser::of(&desk, &desk.org).await;
    let close = async |browser: &Browser<'_>| {
        browser.post(&format!("{page}/status"), &[("status", "open")]).await;
        told(&desk).await;
        browser.post(&format!("{page}/status"), &[("status", "resolved")]).await;
        let events = told(&desk).await;
        assert_eq!((events.len(), events[0].0.as_str()), (1, "conversation.closed"));
        events[0].1["data"]["conversation"]["closed_by_user_id"].clone()
    };
    assert_eq!(close(&browser).await, Json::Null, "nobody said who they are");
    browser.cookie = cookie_of(&browser.post("/inbox/me", &[("user", ana.as_str())]).await);
    assert_eq!(close(&browser).await, json!(ana));
}

#[tokio::test]
async fn the_list_narrows_and_tells_nothing_twice() {
    let desk = Desk::new().await;
    let ana = user(&desk, "Ana").await.id;
    let first = write(&desk, BUDI, "wamid.1", "Halo").await.conversation;
    let second = write(&desk, "+628999888777", "wamid.2", "Oi").await.conversation;
    let path = format!("/v1/conversations/{first}");
    desk.send("PATCH", &path, json!({ "assigned_to": ana })).await;
    let mut browser = Browser::of(&desk, &desk.org).await;
    let listed = async |browser: &Browser<'_>, query: &str| {
        let text = browser.get(&format!("/inbox?{query}")).await.text;
        [&first, &second].map(|id| text.contains(&format!("id=\"row-{id}\"")))
    };
    assert_eq!(listed(&browser, "").await, [true, true]);
    assert_eq!(listed(&browser, "whose=nobody").await, [false, true]);
    assert_eq!(listed(&browser, "search=8999888").await, [false, true]);
    assert_eq!(listed(&browser, "search=nobody+of+this+name").await, [false, false]);
    assert_eq!(listed(&browser, "status=resolved").await, [false, false]);
    assert_eq!(listed(&browser, "whose=mine").await, [false, false], "nobody in particular has none");
    browser.cookie = cookie_of(&browser.post("/inbox/me", &[("user", ana.as_str())]).await);
    assert_eq!(listed(&browser, "whose=mine").await, [true, false]);
    let unknown = UserId::parse("usr_01HXYZABCDEFGHJKMNPQRSTVWX").expect("an id");
    assert_eq!(browser.post("/inbox/me", &[("user", unknown.as_str())]).await.status, 404);
    assert_eq!(browser.get(&format!("/inbox?search={}", "x".repeat(201))).await.status, 400);
    assert_eq!(browser.get("/inbox?after=x").await.status, 400);

    let page = browser.get(&format!("/inbox/{first}")).await;
    let etag = between(&page.text, "data-etag=\"", "\">").expect("an etag").replace("&#34;", "\"");
    let again = async || {
        let request = Request::get(format!("/inbox/{first}")).header("cookie", &browser.cookie);
        let request = request.header("if-none-match", &etag).body(Body::empty()).expect("a request");
        desk.request(request).await.status.as_u16()
    };
    assert_eq!(again().await, 304, "what is on the screen is not sent again");
    write(&desk, BUDI, "wamid.3", "Masih di sana?").await;
    assert_eq!(again().await, 200);
}

#[tokio::test]
async fn long_conversations_and_lists_come_in_pages() {
    let desk = Desk::new().await;
    let mut last = None;
    for n in 0..103 {
        desk.dial.advance(std::time::Duration::from_secs(1));
        last = Some(write(&desk, BUDI, &format!("wamid.{n}"), &format!("Number {n}.")).await);
    }
    for n in 0..26 {
        desk.dial.advance(std::time::Duration::from_secs(1));
        write(&desk, &format!("+6281112220{n:02}"), &format!("wamid.other.{n}"), "Halo").await;
    }
    let browser = Browser::of(&desk, &desk.org).await;
    let conversation = last.expect("a message").conversation;
    let newest = browser.get(&format!("/inbox/{conversation}")).await.text;
    assert!(newest.contains("Number 102.") && newest.contains("Number 3.") && !newest.contains("Number 2."));
    assert!(!newest.contains(&format!("id=\"row-{conversation}\"")), "it is on the list's second page");
    let follow = |text: &str, word: &str| {
        let (before, _) = text.split_once(word).expect("a link");
        let href = before.rsplit_once("href=\"").expect("an address").1;
        href.trim_end_matches("\">").replace("&#38;", "&")
    };
    let earlier = browser.get(&follow(&newest, "Earlier messages")).await;
    assert_eq!(earlier.status, 200, "{}", earlier.text);
    assert!(earlier.text.contains("Number 2.") && !earlier.text.contains("Number 3."));
    let older = browser.get(&follow(&newest, "Older conversations")).await.text;
    assert!(older.contains(&format!("id=\"row-{conversation}\"")));
}

#[tokio::test]
async fn the_page_loads_nothing_from_elsewhere_and_no_script_stands_in_it() {
    let desk = Desk::new().await;
    let conversation =
        write(&desk, BUDI, "wamid.1", "https://example.com <script>alert(1)</script>").await.conversation;
    let browser = Browser::of(&desk, &desk.org).await;
    let page = browser.get(&format!("/inbox/{conversation}")).await.text;
    for named in ["src=\"", "href=\"/inbox/assets"] {
        assert!(page.contains(named));
    }
    for loaded in page.split("src=\"").skip(1) {
        assert!(loaded.starts_with("/inbox/assets/"), "{loaded}");
    }
    for forbidden in ["<script>", "style=\"", "hx-on", "javascript:", "onclick"] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    for (name, kind) in [
        ("htmx-4.0.1.min.js", "text/javascript; charset=utf-8"),
        ("inbox.js", "text/javascript; charset=utf-8"),
        ("inbox.css", "text/css; charset=utf-8"),
        ("icon.svg", "image/svg+xml"),
    ] {
        let path = format!("/inbox/assets/{name}");
        let file = desk.request(Request::get(&path).body(Body::empty()).expect("a request")).await;
        assert_eq!((file.status.as_u16(), file.header("content-type")), (200, Some(kind)));
        let etag = file.header("etag").expect("an etag");
        let again = Request::get(&path).header("if-none-match", etag).body(Body::empty()).expect("a request");
        assert_eq!(desk.request(again).await.status, 304);
    }
    let missing = Request::get("/inbox/assets/x").body(Body::empty()).expect("a request");
    assert_eq!(desk.request(missing).await.status, 404);
}
