//! The load: a fixed number of requests over a fixed number of kept connections, each request with a body of its own.
//!
//! Prints one JSON line. With `--log` every answered request's number is appended and flushed before the next is sent,
//! so that what was promised can be compared with what is on disk after a `kill -9`.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use clap::{Parser, ValueEnum};
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;

#[derive(Parser, Clone)]
struct Args {
    /// `HOST:PORT` of the server.
    #[arg(long)]
    address: String,
    #[arg(long, value_enum)]
    kind: Kind,
    #[arg(long, default_value_t = 64)]
    connections: u64,
    #[arg(long, default_value_t = 20_000)]
    requests: u64,
    /// The first number; numbers make phone numbers, so that runs do not collide.
    #[arg(long, default_value_t = 0)]
    from: u64,
    #[arg(long, default_value = "")]
    api_key: String,
    #[arg(long)]
    log: Option<PathBuf>,
    /// For `given` the requests, one a line, sent again and again: method, path and, if it has one, the body. For
    /// `deliveries` the body.
    #[arg(long)]
    given: Option<PathBuf>,
}

/// What the connections share.
struct Load {
    args: Args,
    next: AtomicU64,
    given: Vec<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    Hooks,
    Contacts,
    Given,
    Deliveries,
}

#[derive(Default)]
struct Tally {
    latencies: Vec<Duration>,
    refused: u64,
    bytes: u64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let args = Args::parse();
    let given = args.given.as_ref().map(std::fs::read_to_string).transpose()?.unwrap_or_default();
    let given = given.lines().map(str::to_owned).collect();
    let load = Arc::new(Load { args, next: AtomicU64::new(0), given });
    let started = clock();
    let workers: Vec<_> = (0..load.args.connections).map(|_| tokio::spawn(work(Arc::clone(&load)))).collect();
    let mut total = Tally::default();
    let mut broken = 0;
    for worker in workers {
        match worker.await? {
            Ok(tally) => {
                total.latencies.extend(tally.latencies);
                total.refused += tally.refused;
                total.bytes += tally.bytes;
            }
            Err(_) => broken += 1,
        }
    }
    report(&mut total, broken, started.elapsed());
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a bench measures")]
fn clock() -> Instant {
    Instant::now()
}

async fn work(load: Arc<Load>) -> Result<Tally> {
    let args = &load.args;
    let mut tally = Tally::default();
    let mut log =
        args.log.as_ref().map(|path| std::fs::File::options().create(true).append(true).open(path)).transpose()?;
    let mut sender = connect(&args.address).await?;
    loop {
        let number = load.next.fetch_add(1, Ordering::Relaxed);
        if number >= args.requests {
            return Ok(tally);
        }
        let sent = clock();
        let request = request(&load, args.from + number)?;
        sender.ready().await?;
        let answer = sender.send_request(request).await?;
        let success = answer.status().is_success();
        tally.bytes += answer.into_body().collect().await?.to_bytes().len() as u64;
        tally.latencies.push(sent.elapsed());
        tally.refused += u64::from(!success);
        if let (true, Some(log)) = (success, log.as_mut()) {
            log.write_all(format!("{}\n", args.from + number).as_bytes())?;
        }
    }
}

async fn connect(address: &str) -> Result<SendRequest<Full<Bytes>>> {
    let stream = tokio::net::TcpStream::connect(address).await.with_context(|| format!("no server at {address}"))?;
    stream.set_nodelay(true)?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

fn request(load: &Load, number: u64) -> Result<Request<Full<Bytes>>> {
    let args = &load.args;
    let builder =
        Request::post(path(args.kind)).header("host", &args.address).header("content-type", "application/json");
    let authorization = format!("Bearer {}", args.api_key);
    let request = match args.kind {
        Kind::Contacts => {
            let body = format!(
                r#"{{"phone_number":"+62811{number:08}","name":"Load {number}","email":"load{number}@example.com"}}"#
            );
            builder.header("authorization", authorization).body(Full::from(body))?
        }
        Kind::Given => {
            let at = usize::try_from(number)? % load.given.len().max(1);
            let line = load.given.get(at).context("--given names a file with requests")?;
            let mut parts = line.splitn(3, ' ');
            let builder = builder.method(parts.next().unwrap_or_default()).uri(parts.next().unwrap_or_default());
            let body = parts.next().unwrap_or_default().to_owned();
            builder.header("authorization", authorization).body(Full::from(body))?
        }
        Kind::Hooks => {
            let millis = epoch_millis()?;
            let body = format!(
                r#"[{{"eventId":{number},"subscriptionId":1,"portalId":62515,"appId":1,"occurredAt":{millis},"subscriptionType":"contact.propertyChange","attemptNumber":0,"objectId":{number},"propertyName":"email","propertyValue":"a{number}@example.com","changeSource":"CRM_UI"}}]"#
            );
            let timestamp = millis.to_string();
            let uri = format!("http://{}{}", args.address, path(args.kind));
            let signature = lockstep_bench::signature_v3(&uri, body.as_bytes(), &timestamp)?;
            builder
                .header("x-hubspot-request-timestamp", timestamp)
                .header("x-hubspot-signature-v3", signature)
                .body(Full::from(body))?
        }
        Kind::Deliveries => {
            let body = load.given.first().context("--given names a file with a body")?;
            let signature = lockstep_bench::delivery_signature(body.as_bytes(), epoch_millis()? / 1000)?;
            builder
                .header("user-agent", "Kirim-Webhook/1.0")
                .header("x-kirim-source", "kirim")
                .header("x-kirim-event", "contact.updated")
                .header("x-kirim-event-id", format!("evt_{number:026}"))
                .header("x-kirim-delivery-id", format!("whd_{number:026}"))
                .header("x-kirim-attempt", "1")
                .header("x-kirim-sequence", number)
                .header("x-kirim-signature", signature)
                .body(Full::from(body.clone()))?
        }
    };
    Ok(request)
}

const fn path(kind: Kind) -> &'static str {
    match kind {
        Kind::Hooks => "/hooks/hubspot",
        Kind::Contacts => "/v1/contacts",
        Kind::Given => "/",
        Kind::Deliveries => "/sink",
    }
}

fn epoch_millis() -> Result<u128> {
    #[expect(clippy::disallowed_methods, reason = "signatures carry the time")]
    let now = SystemTime::now();
    let since = now.duration_since(UNIX_EPOCH)?;
    ensure!(since.as_millis() > 0, "the clock stands at the epoch");
    Ok(since.as_millis())
}

fn report(total: &mut Tally, broken: u64, wall: Duration) {
    total.latencies.sort_unstable();
    let at = |share: usize| {
        total.latencies.get(total.latencies.len().saturating_sub(1) * share / 100).map_or(0.0, Duration::as_secs_f64)
    };
    let answered = total.latencies.len();
    println!(
        "{}",
        serde_json::json!({
            "answered": answered, "refused": total.refused, "broken_connections": broken, "seconds": wall.as_secs_f64(),
            "per_second": answered as f64 / wall.as_secs_f64(), "p50_ms": at(50) * 1000.0, "p99_ms": at(99) * 1000.0,
            "bytes": total.bytes / answered.max(1) as u64,
        })
    );
}
