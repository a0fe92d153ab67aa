//! The table of cases on a real Odoo 14, beside its look-alike: `LOCKSTEP_REAL_ODOO=http://HOST:PORT`, where every case
//! gets a copy of the database `conform`. `tests/real-odoo.sh` starts one.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use http::Response;
use lockstep_conform::run::lacking;
use lockstep_conform::{Case, Outcome, run};
use lockstep_core::env::Time;
use lockstep_sandbox::vendor::Poster;
use lockstep_sandbox::{Calls, Faults, Record, Seeded, Vendor, Wait, system_clock};
use serde_json::{Map, Value as Json, json};

use lockstep_conform::likes::odoo::{SHOE, lack, old_world, samples};
use lockstep_conform::world::{Account, Lack, Sample, World};

const CONTACTS: &str = "res.partner";
/// The user whom every database begins with, and the password.
const ADMIN: (u64, &str) = (2, "admin");

static DATABASES: AtomicU64 = AtomicU64::new(0);

/// Where the real server is, if there is one.
pub fn address() -> Option<String> {
    let url = std::env::var("LOCKSTEP_REAL_ODOO").ok()?;
    Some(url.trim_start_matches("http://").trim_end_matches('/').to_owned())
}

/// Runs a case on both, prints a row of what came of it, and fails if either did.
pub async fn side_by_side(case: &Case) {
    let sandbox = run(case, || old_world(None)).await;
    let real = run(case, world).await;
    println!("| {} | {sandbox:?} | {real:?} |", case.name);
    let failed = |outcome: &Outcome| matches!(outcome, Outcome::Failed(_));
    assert!(!failed(&sandbox) && !failed(&real), "{}", case.name);
}

fn world() -> World {
    let world = World::new("odoo", |_| Database::copied(address().expect("a server")));
    // Ours is the time of the server's machine.
    let now = Time(system_clock()());
    world.dial.advance(now.since(world.dial.now()));
    world
}

/// A copy of the database, which is dropped with it.
struct Database {
    address: String,
    name: String,
    calls: Arc<AtomicU64>,
}

impl Database {
    fn copied(address: String) -> Self {
        let name = format!("case{}x{}", std::process::id(), DATABASES.fetch_add(1, Ordering::Relaxed));
        let database = Self { address, name, calls: Arc::default() };
        database.ask("db", "duplicate_database", json!(["admin", "conform", database.name]));
        database
    }

    fn ask(&self, service: &str, method: &str, args: Json) -> Json {
        let params = json!({ "service": service, "method": method, "args": args });
        let body = json!({ "jsonrpc": "2.0", "method": "call", "params": params });
        // A database cannot be made or dropped through itself.
        let host = if service == "db" { "localhost" } else { &self.name };
        let answer = sent(&self.address, host, "/jsonrpc", body.to_string().as_bytes()).expect("an answer");
        let mut answer: Json = serde_json::from_slice(answer.body()).expect("JSON");
        assert!(answer.get("error").is_none(), "{method}: {}", answer["error"]["data"]["message"]);
        answer["result"].take()
    }

    /// A method of a model, as the administrator.
    fn on(&self, model: &str, method: &str, args: Json) -> Json {
        let (user, password) = ADMIN;
        // Archived rows too.
        let named = json!({ "context": { "active_test": false } });
        self.ask("object", "execute_kw", json!([self.name, user, password, model, method, args, named]))
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.ask("db", "drop", json!(["admin", self.name]));
    }
}

/// Posts JSON, on a connection of its own. The host that it names is the database's.
fn sent(address: &str, host: &str, path: &str, body: &[u8]) -> std::io::Result<Response<Vec<u8>>> {
    let mut stream = TcpStream::connect(address)?;
    let head = format!(
        "POST {path} HTTP/1.0\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").expect("a head");
    let body = answer.split_off(end + 4);
    let head = String::from_utf8_lossy(&answer);
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).expect("a status");
    let answer = Response::builder().status(status);
    let headers = lines.filter_map(|line| line.split_once(": "));
    Ok(headers.fold(answer, |answer, (name, value)| answer.header(name, value)).body(body).expect("an answer"))
}

fn number(id: &str) -> u64 {
    id.parse().expect("an id")
}

fn values(properties: &[(&str, &str)]) -> Map<String, Json> {
    // Nothing is false.
    let value = |value: &str| if value.is_empty() { json!(false) } else { json!(value) };
    properties.iter().map(|(name, text)| ((*name).to_owned(), value(text))).collect()
}

impl Vendor for Database {
    /// Takes calls to the real server.
    fn router(&self) -> Router {
        let (address, host, calls) = (self.address.clone(), self.name.clone(), Arc::clone(&self.calls));
        Router::new().fallback(move |request: Request| async move {
            calls.fetch_add(1, Ordering::Relaxed);
            let path = request.uri().path().to_owned();
            let body = to_bytes(request.into_body(), 1 << 24).await.expect("a body");
            sent(&address, &host, &path, &body).expect("an answer").map(Body::from)
        })
    }

    fn faults(&self) -> &Faults {
        lacking("its network cannot be cut")
    }

    fn calls(&self) -> Calls {
        Calls { total: self.calls.swap(0, Ordering::Relaxed), ..Calls::default() }
    }

    fn create(&self, properties: &[(&str, &str)]) -> Result<String, String> {
        let mut row = values(properties);
        row.entry("name").or_insert_with(|| json!("Somebody"));
        Ok(self.on(CONTACTS, "create", json!([[row]]))[0].to_string())
    }

    fn edit(&self, id: &str, properties: &[(&str, &str)]) -> Result<(), String> {
        self.on(CONTACTS, "write", json!([[number(id)], values(properties)]));
        Ok(())
    }

    fn archive(&self, id: &str) -> Result<(), String> {
        self.on(CONTACTS, "write", json!([[number(id)], { "active": false }]));
        Ok(())
    }

    fn restore(&self, id: &str) -> Result<(), String> {
        self.on(CONTACTS, "write", json!([[number(id)], { "active": true }]));
        Ok(())
    }

    fn seed(&self, _rows: Vec<Map<String, Json>>) -> Seeded {
        lacking("nobody fills it past its API")
    }

    fn seed_csv(&self, _text: &[u8]) -> Result<Seeded, String> {
        lacking("nobody fills it past its API")
    }

    fn records(&self) -> Vec<Record> {
        lacking("nobody sees its tables")
    }

    fn set_clock_offset(&self, _us: i64) {
        lacking("its clock is that of the machine")
    }

    fn deliver(&self, _wait: Wait, _poster: Poster) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        lacking("version 14 sends no webhooks")
    }
}

impl Account for Database {
    fn vendor(&self) -> &dyn Vendor {
        self
    }

    fn token(&self) -> String {
        let (user, password) = ADMIN;
        format!("{}:{user}:{password}", self.name)
    }

    fn id(&self) -> String {
        lacking("what hides the contacts of its own hides its users")
    }

    fn merge(&self, winner: &str, loser: &str) -> String {
        let (winner, loser) = (number(winner), number(loser));
        let wizard = "base.partner.merge.automatic.wizard";
        let both = json!({ "partner_ids": [[6, 0, [winner, loser]]], "dst_partner_id": winner });
        let made = self.on(wizard, "create", json!([both]));
        self.on(wizard, "action_merge", json!([[made]]));
        winner.to_string()
    }

    fn droppable(&self) -> Option<&'static str> {
        Some(SHOE)
    }

    fn drop_property(&self, name: &str) {
        self.drop_property_of(CONTACTS, name);
    }

    fn samples(&self) -> Vec<Sample> {
        samples()
    }

    fn drop_property_of(&self, object: &str, name: &str) {
        let fields = "ir.model.fields";
        let found = self.on(fields, "search", json!([[["model", "=", object], ["name", "=", name]]]));
        self.on(fields, "unlink", json!([found]));
    }

    fn revoke(&self) {
        self.on("res.users", "write", json!([[ADMIN.0], { "password": "another" }]));
    }

    fn living(&self) -> usize {
        let found = self.on(CONTACTS, "search", json!([[["active", "=", true]]]));
        found.as_array().expect("ids").len()
    }

    fn set_clock_offset(&self, _seconds: i64) {
        lacking("its clock cannot be set")
    }

    fn calls(&self) -> (u64, u64) {
        (Vendor::calls(self).total, 0)
    }

    /// On a real server time passes by itself alone. What is longer waits for transactions that are committed late, of which
    /// this server has none.
    fn pass(&self, time: Duration) -> Duration {
        let time = time.min(Duration::from_secs(2));
        std::thread::sleep(time);
        time
    }

    fn lacks(&self, lacking: Lack) -> Option<&'static str> {
        lack(lacking)
    }
}
