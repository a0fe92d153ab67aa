//! What an invoked event costs beside the vendor's own time: events go through the real router to a HubSpot in memory,
//! and the time within that one is taken off. Prints one JSON object.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, to_bytes};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use clap::Parser;
use http::{Request, Response};
use http_body_util::BodyExt as _;
use lockstep::app::App;
use lockstep::channel::registry;
use lockstep::config::{Config, insert};
use lockstep::network::{Limits, Network, NetworkError};
use lockstep::ops::crm::issuers::IssuerKeys;
use lockstep::ops::crm::{connections, mapping, schema, tokens};
use lockstep::ops::keys;
use lockstep::reach::Pacing;
use lockstep::vault::Vault;
use lockstep::wire;
use lockstep_connect::Grant;
use lockstep_core::crm::CrmProblem;
use lockstep_core::env::Env;
use lockstep_sandbox::{Hubspot, HubspotSettings};
use lockstep_store::{ContextData, KeyKind, Org, Store, Target};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

/// Events that are not measured.
const WARM_UP: usize = 200;

#[derive(Parser)]
struct Arguments {
    /// The folder of the database and the key ring
    folder: PathBuf,
    /// A PostgreSQL address instead of SQLite in the folder
    #[arg(long)]
    postgres: Option<String>,
    /// Events to measure
    #[arg(long, default_value_t = 2_000)]
    events: usize,
}

/// HubSpot in memory; counts the time that its answers take.
struct InMemory {
    hubspot: Router,
    spent_ns: AtomicU64,
    calls: AtomicU64,
}

#[async_trait]
impl Network for InMemory {
    async fn exchange(&self, request: Request<Bytes>, _: Limits) -> Result<Response<Bytes>, NetworkError> {
        let begun = clock();
        let lost = |error: axum::Error| NetworkError::Lost(error.to_string());
        let answered = self.hubspot.clone().oneshot(request.map(Body::from)).await;
        let (parts, body) = answered.unwrap_or_else(|never| match never {}).into_parts();
        let body = body.collect().await.map_err(lost)?.to_bytes();
        self.spent_ns.fetch_add(nanos(begun.elapsed()), Ordering::Relaxed);
        self.calls.fetch_add(1, Ordering::Relaxed);
        Ok(Response::from_parts(parts, body))
    }
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

#[expect(clippy::disallowed_methods, reason = "a bench measures")]
fn clock() -> Instant {
    Instant::now()
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let settings = HubspotSettings { quirks: false, ..HubspotSettings::default() };
    let hubspot = Hubspot::new(settings);
    let network =
        Arc::new(InMemory { hubspot: hubspot.router(), spent_ns: AtomicU64::new(0), calls: AtomicU64::new(0) });
    let app = assemble(&arguments, Arc::clone(&network))?;
    let (org, basic) = organization(&app).await?;
    connect(&app, &org, &hubspot).await?;
    let router = wire::router(app);
    let mut added = Vec::with_capacity(arguments.events);
    let calls_before = network.calls.load(Ordering::Relaxed);
    for n in 0..WARM_UP + arguments.events {
        let before = network.spent_ns.load(Ordering::Relaxed);
        let begun = clock();
        invoke(&router, &basic, n).await?;
        let whole = nanos(begun.elapsed());
        if n >= WARM_UP {
            added.push(whole.saturating_sub(network.spent_ns.load(Ordering::Relaxed) - before));
        }
    }
    added.sort_unstable();
    let share = |percent: usize| added.get(added.len() * percent / 100).map_or(0.0, |ns| *ns as f64 / 1e6);
    let events = (WARM_UP + arguments.events) as f64;
    let calls = (network.calls.load(Ordering::Relaxed) - calls_before) as f64 / events;
    let vendor_ms = network.spent_ns.load(Ordering::Relaxed) as f64 / 1e6 / events;
    let figures = json!({ "events": arguments.events, "added_p50_ms": share(50), "added_p99_ms": share(99),
        "calls": calls, "vendor_ms": vendor_ms });
    println!("{figures}");
    Ok(())
}

fn assemble(arguments: &Arguments, network: Arc<InMemory>) -> Result<App> {
    let env = Env::system()?;
    let mut flags = toml::Table::new();
    insert(&mut flags, "rate_limits.preset", "lifted".into());
    let mut settings = Config::shipped(flags)?.settings("http://localhost");
    let limits = lockstep::app::VendorLimits { general: 1_000_000, search: 1_000_000 };
    settings.vendor_limits = BTreeMap::from([("hubspot".to_owned(), limits)]);
    let target = match &arguments.postgres {
        Some(url) => Target::Postgres(url.clone()),
        None => Target::Sqlite(arguments.folder.join("lockstep.db")),
    };
    Ok(App {
        store: Store::open(&target, env.clone())?,
        vault: Vault::load_or_create(&arguments.folder.join("keyring"), &env)?,
        network,
        channels: registry::all(),
        pacing: Pacing::default(),
        issuer_keys: IssuerKeys::default(),
        settings: Arc::new(settings),
        env,
    })
}

async fn organization(app: &App) -> Result<(Org, String)> {
    let org = app.store.write(|tx| Ok::<_, CrmProblem>(tx.create_org("Bench")?)).await?;
    let mut pair = Vec::new();
    for kind in [KeyKind::Publishable, KeyKind::Secret] {
        pair.push(keys::mint(app, &org, kind, "bench", true, None).await?.plaintext.expose_secret().to_owned());
    }
    Ok((org, format!("Basic {}", STANDARD.encode(pair.join(":")))))
}

/// A user connects HubSpot and maps a document to a deal.
async fn connect(app: &App, org: &Org, hubspot: &Hubspot) -> Result<()> {
    let context = tokens::put_context(app, org, "acme", ContextData::default()).await?;
    let of = context.clone();
    let begun = app.store.write(move |tx| Ok::<_, CrmProblem>(tx.add_authorization(&of, "hubspot", "c")?)).await?;
    let grant = Grant::fixed(hubspot.grant().access_token.into());
    let connection = connections::connect(app, &context, &begun, grant, "https://api.hubapi.com".to_owned()).await?;
    schema::run(app, connection.id()).await?;
    let text = json!({ "type": "string" });
    let objects = json!({ "document": { "fields": { "title": text }, "events": {
        "signed": { "type": "create", "payloadSchema": { "title": text } } } } });
    let objects = mapping::setup(app, &connection, &objects).await?;
    let known = schema::objects(app, &connection).await?;
    let deals = known.iter().find(|api| api.slug == "deals").context("HubSpot has deals")?;
    let row = |value: Value, property: &str| {
        let mut row = value;
        row["source_pointer"] = json!(format!("#/properties/{property}"));
        row
    };
    let title = json!({ "name": "direct", "field": { "slug": "title" } });
    let fixed = |value: &str| json!({ "name": "static", "static_value": value });
    let mapped = json!([{ "crm_object_id": objects[0].id, "api_object_id": deals.id,
        "transformations": [row(title.clone(), "dealname")],
        "event_actions": [{ "event": { "slug": "signed" }, "action_type": "create", "transformations": [
            row(title, "dealname"), row(fixed("appointmentscheduled"), "dealstage"), row(fixed("default"), "pipeline")] }] }]);
    let draft = mapping::keep(app, &connection, None, &objects, serde_json::from_value(mapped)?).await?;
    mapping::finish(app, &connection, &draft, mapping::Demand::Complete).await?;
    Ok(())
}

async fn invoke(router: &Router, basic: &str, n: usize) -> Result<()> {
    let body = json!({ "payload": { "title": format!("Contract {n}") } }).to_string();
    let request = Request::post("/api/v1/crm/c/objects/document/events/signed")
        .header("authorization", basic)
        .body(Body::from(body))?;
    let answer = router.clone().oneshot(request).await.unwrap_or_else(|never| match never {});
    let status = answer.status();
    let body = to_bytes(answer.into_body(), 1 << 20).await?;
    ensure!(status.is_success(), "{status}: {}", String::from_utf8_lossy(&body));
    Ok(())
}
