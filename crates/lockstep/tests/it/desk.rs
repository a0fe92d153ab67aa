//! The Inbox API as its callers and subscribers meet it: the real router on a fresh database, time moved by hand, and a
//! subscriber in memory that answers what a test tells it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use lockstep::app::{App, OAuthApp, RateLimits, Settings};
use lockstep::channel::{
    self, About, Channel, ChannelFault, Channels, Connecting, Denied, Form, Media, Open, Outcome, Outgoing, Sent,
    Template, TemplatePage, TemplateQuery, Told, Way,
};
use lockstep::egress::Rules;
use lockstep::network::{Limits, Network, NetworkError};
use lockstep::ops::crm::issuers::IssuerKeys;
use lockstep::ops::messages::CONNECTED;
use lockstep::ops::{Author, keys};
use lockstep::reach::Pacing;
use lockstep::sync::deliver;
use lockstep::vault::Vault;
use lockstep::wire;
use lockstep::worker;
use lockstep_core::env::{Dial, Env, Time};
use lockstep_core::ids::{ChannelId, TemplateId};
use lockstep_core::job::Job;
use lockstep_core::problem::Problem;
use lockstep_store::{Account, KeyKind, NewChannel, Org, Share, Store, StoreError, Target};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value as Json, json};
use tempfile::TempDir;
use tower::ServiceExt;

use crate::contract::{Exchange, exchange};
use crate::world::{postgres_schema, run};

/// When every test begins.
pub const BEGINNING: Time = Time::from_secs(1_790_000_000);
/// The account that each organization has.
pub const ACCOUNT: &str = "106540352242922";
/// The secret of the app that we are to HubSpot.
pub const APP_SECRET: &str = "app-secret";

pub struct Desk {
    pub app: App,
    pub dial: Dial,
    pub org: Org,
    pub key: String,
    pub subscriber: Arc<Subscriber>,
    pub carrier: Arc<Carrier>,
    router: Router,
    _folder: TempDir,
}

/// An answer as a caller gets it.
#[derive(Debug)]
pub struct Answered {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
    pub body: Json,
}

impl Answered {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("a header in ASCII"))
    }

    /// The envelope's status and code; checks what all refusals have in common.
    #[track_caller]
    pub fn refusal(&self) -> (u16, &str, Option<&str>) {
        let error = &self.body["error"];
        assert_eq!(error["request_id"].as_str(), self.header("x-request-id"), "{}", self.text);
        assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{}", self.text);
        let code = error["code"].as_str().unwrap_or_else(|| panic!("no code: {} {}", self.status, self.text));
        (self.status.as_u16(), code, error["param"].as_str())
    }

    /// The `data` of a success.
    #[track_caller]
    pub fn data(&self) -> &Json {
        assert!(self.status.is_success(), "{} {}", self.status, self.text);
        assert_eq!(self.body["request_id"].as_str(), self.header("x-request-id"), "{}", self.text);
        &self.body["data"]
    }

    /// A string of the `data`.
    #[track_caller]
    pub fn text_of(&self, member: &str) -> String {
        self.data()[member].as_str().unwrap_or_else(|| panic!("no {member}: {}", self.text)).to_owned()
    }
}

impl Desk {
    pub async fn new() -> Self {
        Self::with(RateLimits { write_per_minute: None, read_per_minute: None }).await
    }

    pub async fn with(rate_limits: RateLimits) -> Self {
        Self::on(None, rate_limits).await
    }

    /// A desk on a PostgreSQL database, or on a SQLite file of its own.
    pub async fn on(postgres: Option<String>, rate_limits: RateLimits) -> Self {
        let (env, dial) = Env::manual(BEGINNING, 7);
        let folder = tempfile::tempdir().expect("a folder for the database");
        let target = postgres.map_or_else(|| Target::Sqlite(folder.path().join("lockstep.db")), Target::Postgres);
        let subscriber = Arc::new(Subscriber::default());
        let carrier = Arc::new(Carrier::default());
        let app = App {
            env: env.clone(),
            store: Store::open_inline(&target, env).expect("the database opens"),
            vault: Vault::from_text(&format!("k1:{}=", "A".repeat(43))).expect("a key ring"),
            network: subscriber.clone(),
            channels: Channels::new(vec![carrier.clone()]),
            pacing: Pacing::default(),
            issuer_keys: IssuerKeys::default(),
            settings: Arc::new(settings(rate_limits)),
        };
        let org = organization(&app, "Acme").await;
        let key = key(&app, &org).await;
        Self { router: wire::router(app.clone()), app, dial, org, key, subscriber, carrier, _folder: folder }
    }

    /// Another server on the same database, with nothing in common but that and the clock.
    pub fn another_server(&self) -> Router {
        let store = Store::open_inline(self.app.store.target(), self.app.env.clone()).expect("the database opens");
        wire::router(App { store, pacing: Pacing::default(), ..self.app.clone() })
    }

    /// Has another channel from now on.
    pub fn carry(&mut self, channel: Arc<dyn Channel>) {
        self.app.channels = Channels::new(vec![self.carrier.clone(), channel]);
        self.router = wire::router(self.app.clone());
    }

    /// The operator, as the author of what a test sets up.
    pub fn operator(&self) -> Author {
        Author::command_line(self.org.clone())
    }

    /// A request with the desk's key.
    pub async fn send(&self, method: &str, path: &str, body: Json) -> Answered {
        self.send_as(&self.key, method, path, body).await
    }

    pub async fn get(&self, path: &str) -> Answered {
        self.send("GET", path, Json::Null).await
    }

    pub async fn post(&self, path: &str, body: Json) -> Answered {
        self.send("POST", path, body).await
    }

    pub async fn send_as(&self, key: &str, method: &str, path: &str, body: Json) -> Answered {
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        let request = Request::builder().method(method).uri(path).header("authorization", format!("Bearer {key}"));
        self.request(request.body(body).expect("a request")).await
    }

    /// A POST with an idempotency key.
    pub async fn post_once(&self, key: &str, path: &str, body: Json) -> Answered {
        let request = Request::post(path)
            .header("authorization", format!("Bearer {}", self.key))
            .header("idempotency-key", key)
            .body(Body::from(body.to_string()));
        self.request(request.expect("a request")).await
    }

    /// A request with the desk's key whose body is a stream, and whose answer is not read yet.
    pub async fn open(&self, method: &str, path: &str, body: Body) -> Response<Body> {
        let request = Request::builder().method(method).uri(path);
        let request = request.header("authorization", format!("Bearer {}", self.key)).body(body).expect("a request");
        let (method, uri, asked) = (request.method().clone(), request.uri().clone(), request.headers().clone());
        let answer = self.router.clone().oneshot(request).await.unwrap_or_else(|never| match never {});
        let (status, headers) = (answer.status(), answer.headers());
        let (method, uri, asked) = (&method, &uri, &asked);
        Exchange { method, uri, asked, request: None, status, headers, answer: None }.check();
        answer
    }

    /// Sends a request and holds the exchange against the OpenAPI document.
    pub async fn request(&self, request: Request<Body>) -> Answered {
        let (head, got) = exchange(&self.router, request).await;
        let text = String::from_utf8(got.into()).expect("text");
        let body = serde_json::from_str(&text).unwrap_or(Json::Null);
        Answered { status: head.status, headers: head.headers, text, body }
    }

    /// Subscribes to all contact events; answers the subscription's id and its secret.
    pub async fn subscribe(&self, url: &str) -> (String, String) {
        let events = ["contact.created", "contact.updated", "contact.deleted"];
        let made = self.post("/v1/webhook_subscriptions", serde_json::json!({ "url": url, "events": events })).await;
        (made.text_of("id"), made.text_of("initial_secret"))
    }

    /// Carries out the deliveries that are due now; answers how many requests were sent.
    pub async fn deliver_due(&self) -> usize {
        let store = &self.app.store;
        let claimed = store.write(|tx| tx.claim("desk", Share::All, 1_000)).await.expect("claims");
        let before = self.subscriber.sent.load(Ordering::SeqCst);
        for claimed in claimed {
            if let Job::Deliver { subscription } = &claimed.job {
                deliver::run(&self.app, subscription).await.expect("the store works");
            }
            store.write(move |tx| tx.finish(&claimed)).await.expect("finishes");
        }
        self.subscriber.sent.load(Ordering::SeqCst) - before
    }

    /// Runs every job that is due now, as the worker does.
    pub async fn settle(&self) {
        let store = &self.app.store;
        for _ in 0..100 {
            let claimed = store.write(|tx| tx.claim("desk", Share::All, 100)).await.expect("claims");
            if claimed.is_empty() {
                return;
            }
            for claimed in claimed {
                worker::run_one(&self.app, &claimed).await.expect("the store works");
            }
        }
        panic!("jobs follow jobs without an end");
    }

    /// Moves the clock to the next job.
    pub async fn wait_for_next(&self) -> Time {
        let due = self.app.store.read(|tx| tx.next_due(Share::All)).await.expect("reads").expect("a job waits");
        self.dial.set(due.max(self.dial.now()));
        due
    }
}

/// Plays a case on a fresh desk of each engine; PostgreSQL where `LOCKSTEP_TEST_PG` names a server. Its driver bears no
/// runtime around it, so the case is polled by hand.
pub fn on_both(schema: &str, case: impl AsyncFn(&Desk)) {
    run(async { case(&Desk::new().await).await });
    let Ok(server) = std::env::var("LOCKSTEP_TEST_PG") else {
        eprintln!("skipped: LOCKSTEP_TEST_PG names no PostgreSQL server");
        return;
    };
    let url = postgres_schema(&server, schema);
    let free = RateLimits { write_per_minute: None, read_per_minute: None };
    run(async { case(&Desk::on(Some(url), free).await).await });
}

fn settings(rate_limits: RateLimits) -> Settings {
    let app = OAuthApp { client_id: "app-id".to_owned(), client_secret: APP_SECRET.into() };
    Settings {
        public_url: "https://lockstep.test".to_owned(),
        rate_limits,
        disable_after: 3,
        poll_seconds: 60,
        census_seconds: 3_600,
        vendor_limits: [].into(),
        oauth_apps: [("hubspot".to_owned(), app)].into(),
        vendor_urls: [].into(),
        egress: Rules::default(),
    }
}

/// Makes an organization with one account.
pub async fn organization(app: &App, name: &'static str) -> Org {
    let vault = app.vault.clone();
    let made = app.store.write(move |tx| {
        let org = tx.create_org(name)?;
        let account = tx.add_account(&org, ACCOUNT, "+62 851-1760-0829", "Support")?;
        // The carrier carries it.
        tx.put_account(&org, &Account { status: CONNECTED.to_owned(), ..account })?;
        // Draws nothing from the desk's chance, so that the ids after it stay what they are.
        let id = ChannelId::parse(&org.id().as_str().replace("org_", "chn_")).expect("an id");
        let sealed = channel::seal(&"".into(), &vault, &id, &Env::manual(BEGINNING, 1).0).expect("the key ring seals");
        let (slug, base_url) = (CARRIER.slug.to_owned(), CARRIER.base_url.to_owned());
        tx.put_channel(&org, &NewChannel { id, slug, account: ACCOUNT.to_owned(), base_url, sealed })?;
        Ok::<_, StoreError>(org)
    });
    made.await.expect("an organization")
}

/// Makes a live key.
pub async fn key(app: &App, org: &Org) -> String {
    let minted: Result<_, Problem> = keys::mint(app, org, KeyKind::Api, "tests", true, None).await;
    minted.expect("a key").plaintext.expose_secret().to_owned()
}

/// A subscriber that keeps what it gets.
#[derive(Default)]
pub struct Subscriber {
    sent: AtomicUsize,
    got: Mutex<Vec<Request<Bytes>>>,
    answers: Mutex<VecDeque<Result<Response<Bytes>, NetworkError>>>,
}

impl Subscriber {
    /// Answers the next requests so; 200 when there is nothing left.
    pub fn answer(&self, statuses: &[u16]) {
        for status in statuses {
            let answer = Response::builder().status(*status).body(Bytes::new()).expect("an answer");
            self.push(Ok(answer));
        }
    }

    pub fn push(&self, answer: Result<Response<Bytes>, NetworkError>) {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).push_back(answer);
    }

    /// The requests since the last call.
    pub fn take(&self) -> Vec<Request<Bytes>> {
        std::mem::take(&mut *self.got.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl Network for Subscriber {
    async fn exchange(&self, request: Request<Bytes>, _: Limits) -> Result<Response<Bytes>, NetworkError> {
        self.sent.fetch_add(1, Ordering::SeqCst);
        self.got.lock().unwrap_or_else(PoisonError::into_inner).push(request);
        let answer = self.answers.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        answer.unwrap_or_else(|| Ok(Response::new(Bytes::new())))
    }
}

/// A channel that keeps what it is given and answers what a test tells it.
#[derive(Default)]
pub struct Carrier {
    sent: Mutex<Vec<Outgoing>>,
    read: Mutex<Vec<(String, bool)>>,
    faults: Mutex<VecDeque<ChannelFault>>,
}

impl Carrier {
    /// Fails the next call so.
    pub fn fail(&self, outcome: Outcome, code: &str) {
        let fault = ChannelFault { outcome, code: code.to_owned(), message: format!("It failed: {code}.") };
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).push_back(fault);
    }

    fn fault(&self) -> Result<(), ChannelFault> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).pop_front().map_or(Ok(()), Err)
    }

    /// What was handed over since the last call, whatever became of it.
    pub fn take_sent(&self) -> Vec<Outgoing> {
        std::mem::take(&mut *self.sent.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What was marked as read since the last call.
    pub fn take_read(&self) -> Vec<(String, bool)> {
        std::mem::take(&mut *self.read.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

const CARRIER: About = About {
    slug: "carrier",
    name: "Carrier",
    base_url: "https://carrier.test",
    form: &[],
    advice: "Tell the carrier:",
};

#[async_trait]
impl Channel for Carrier {
    fn about(&self) -> &'static About {
        &CARRIER
    }

    async fn connect(&self, way: &Way, _: &Form) -> Result<Connecting, Denied> {
        let (phone_number, secrets) = (way.number.clone(), "".into());
        Ok(Connecting { phone_number, name: None, secrets, handover: BTreeMap::new() })
    }

    fn verifies(&self, _: &SecretString, _: &HeaderMap, _: &[u8]) -> bool {
        false
    }

    fn read(&self, _: &[u8]) -> Result<Vec<Told>, String> {
        Ok(Vec::new())
    }

    async fn send(&self, _: &Open, outgoing: &Outgoing) -> Result<Sent, ChannelFault> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).push(outgoing.clone());
        self.fault().map(|()| Sent { vendor_id: format!("wamid.{}", outgoing.id) })
    }

    async fn mark_read(&self, _: &Open, vendor_id: &str, typing: bool) -> Result<(), ChannelFault> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner).push((vendor_id.to_owned(), typing));
        self.fault()
    }

    async fn templates(&self, _: &Open, query: &TemplateQuery) -> Result<TemplatePage, ChannelFault> {
        self.fault()?;
        let greeting = Template {
            id: TemplateId::of(7),
            name: "greeting".to_owned(),
            language: query.language.clone().unwrap_or_else(|| "en_US".to_owned()),
            status: "approved".to_owned(),
            category: "utility".to_owned(),
            components: vec![json!({ "type": "BODY", "text": "Hello {{1}}" })],
        };
        Ok(TemplatePage { templates: vec![greeting], after: None })
    }

    async fn has_media(&self, _: &Open, _: &str) -> Result<(), ChannelFault> {
        self.fault()
    }

    async fn media(&self, _: &Open, media_id: &str) -> Result<Media, ChannelFault> {
        self.fault()?;
        Ok(Media { mime_type: "image/jpeg".to_owned(), bytes: Bytes::from(format!("file {media_id}")) })
    }
}
