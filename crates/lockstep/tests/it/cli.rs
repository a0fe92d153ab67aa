//! The binary as a person at a terminal meets it.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lockstep_core::env::{Env, Time};
use lockstep_core::ids::{ChannelId, ConnectionId, InvocationId};
use lockstep_store::{ContextData, NewChannel, NewConnection, NewInvocation, Store, StoreError, Target};
use serde_json::Value as Json;
use tempfile::TempDir;

use crate::world::run;

struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn data(&self) -> std::path::PathBuf {
        self.0.path().join("data")
    }

    /// A command on the desk's data, apart from the settings of the machine.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lockstep"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("LOCKSTEP_") {
                command.env_remove(name);
            }
        }
        command.args(arguments).env("LOCKSTEP_DATA", self.data()).env("LOCKSTEP_LOG_LEVEL", "error");
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the binary runs")
    }

    #[track_caller]
    fn json(&self, arguments: &[&str]) -> Json {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("one JSON value")
    }

    /// The one line that a failure ends in.
    #[track_caller]
    fn refusal(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {}", text(&output.stdout));
        let said = text(&output.stderr);
        assert_eq!(said.lines().count(), 1, "{said}");
        said.trim_end().to_owned()
    }

    fn file(&self, name: &str, content: &[u8]) -> String {
        let path = self.0.path().join(name);
        fs::write(&path, content).expect("a file");
        path.display().to_string()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn contents(path: &Path) -> Vec<u8> {
    fs::read(path).expect("a readable file")
}

#[test]
fn init_shows_its_keys_once() {
    let desk = Desk::new();
    let made = desk.json(&["init", "--json"]);
    assert_eq!(made["created"], true);
    let starts = [
        ("api_key", "kdv_live_"),
        ("publishable_key", "pk_live_"),
        ("secret_key", "sk_live_"),
        ("organization", "org_"),
    ];
    for (member, start) in starts {
        assert!(made[member].as_str().is_some_and(|value| value.starts_with(start)), "{member}: {made}");
    }
    assert!(made["admin_link"].as_str().is_some_and(|link| link.contains("#key=adm_")), "{made}");
    let again = desk.json(&["init", "--json"]);
    assert_eq!((&again["created"], &again["organization"]), (&Json::Bool(false), &made["organization"]));
    assert!(again.get("api_key").is_none() && again.get("admin_link").is_none(), "{again}");
}

#[test]
fn keys_are_made_listed_and_revoked() {
    let desk = Desk::new();
    assert!(desk.run(&["init"]).status.success());
    let made = desk.json(&["keys", "create", "--label", "laptop", "--test", "--expires-in", "30", "--json"]);
    assert!(made["key"].as_str().is_some_and(|key| key.starts_with("kdv_test_")), "{made}");
    let id = made["id"].as_str().expect("an id");
    let listed = || {
        let keys = desk.json(&["keys", "list", "--json"]);
        keys.as_array().and_then(|keys| keys.iter().find(|key| key["id"] == id)).expect("the key").clone()
    };
    assert_eq!((&listed()["label"], &listed()["state"]), (&Json::from("laptop"), &Json::from("active")));
    assert!(!listed().to_string().contains(made["key"].as_str().expect("a key")), "a list never shows a whole key");
    assert!(desk.run(&["keys", "revoke", id]).status.success());
    assert_eq!(listed()["state"], "revoked");
    assert!(desk.refusal(&["keys", "revoke", id]).contains("there is no active key"));
}

#[test]
fn an_app_is_set_bit_by_bit_and_keeps_its_webhook_secret() {
    let desk = Desk::new();
    assert!(desk.run(&["init"]).status.success());
    let none = desk.json(&["app", "show", "--json"]);
    assert_eq!((&none["app"]["name"], &none["webhook_secret"]), (&Json::from(""), &Json::Null));
    let hook = "connection.enabled=https://app.example/crm";
    let origins = ["--origin", "https://app.example", "--origin", "https://*.app.example"];
    let mut named = vec!["app", "set", "--name", "Signet", "--strict-204", "--connection-webhook", hook, "--json"];
    named.extend(origins);
    let first = desk.json(&named);
    let secret = first["webhook_secret"].as_str().expect("a secret").to_owned();
    assert!(secret.starts_with("whsec_"), "{secret}");
    let second =
        desk.json(&["app", "set", "--data-webhook-url", "https://app.example/data", "--strict-204=false", "--json"]);
    assert_eq!(second["webhook_secret"], secret, "a change keeps the secret");
    let app = &second["app"];
    assert_eq!(
        (&app["name"], &app["data_webhook_url"], &app["strict_204"]),
        (&Json::from("Signet"), &Json::from("https://app.example/data"), &Json::from(false))
    );
    assert_eq!(app["allowed_origins"], serde_json::json!(["https://app.example", "https://*.app.example"]));
    assert_eq!(app["connection_webhooks"][0]["event_type"], "connection.enabled");
    let table = text(&desk.run(&["app", "show"]).stdout);
    assert!(table.contains(&secret) && table.contains("any status 2xx"), "{table}");
    let gone = desk.json(&["app", "set", "--data-webhook-url", "", "--json"]);
    assert_eq!(gone["app"]["data_webhook_url"], Json::Null);
    let noted = desk.json(&["audit", "--json"]);
    assert_eq!(noted.as_array().expect("entries")[..3].iter().filter(|entry| entry["action"] == "app.set").count(), 3);
}

#[test]
fn an_app_is_set_from_a_file_and_its_flaws_are_told() {
    let desk = Desk::new();
    assert!(desk.run(&["init"]).status.success());
    let issuer = serde_json::json!({ "issuer": "https://id.example", "jwks_url": "https://id.example/jwks" });
    let file = desk
        .file("app.json", serde_json::json!({ "name": "Signet", "token_issuers": [issuer] }).to_string().as_bytes());
    let set = desk.json(&["app", "set", "--file", &file, "--json"]);
    assert_eq!(set["app"]["token_issuers"][0]["context_claim"], "sub");
    let mistyped = desk.file("mistyped.json", br#"{"name": "Signet", "orgins": []}"#);
    assert!(desk.refusal(&["app", "set", "--file", &mistyped]).contains("orgins"));
    assert!(desk.refusal(&["app", "set", "--origin", "app.example"]).contains("must be an origin"));
    let misused = desk.run(&["app", "set", "--connection-webhook", "connection.lost=https://app.example"]);
    assert_eq!(misused.status.code(), Some(2), "{}", text(&misused.stderr));
    assert_eq!(desk.run(&["app", "set"]).status.code(), Some(2), "nothing to set");
}

#[test]
fn a_key_pair_makes_one_basic_header() {
    let desk = Desk::new();
    assert!(desk.run(&["init"]).status.success());
    let pair = desk.json(&["keys", "pair", "--label", "app", "--json"]);
    let of = |member: &str| pair[member].as_str().expect("text").to_owned();
    assert!(of("publishable_key").starts_with("pk_live_") && of("secret_key").starts_with("sk_live_"), "{pair}");
    let encoded = of("authorization").strip_prefix("Basic ").expect("Basic").to_owned();
    let decoded = STANDARD.decode(encoded).expect("base64");
    assert_eq!(text(&decoded), format!("{}:{}", of("publishable_key"), of("secret_key")));
    let keys = desk.json(&["keys", "list", "--json"]);
    let of_app = keys.as_array().expect("keys").iter().filter(|key| key["label"] == "app");
    let kinds: BTreeSet<&str> = of_app.map(|key| key["kind"].as_str().expect("text")).collect();
    assert_eq!(kinds, BTreeSet::from(["publishable", "secret"]));
}

#[test]
fn a_mistyped_folder_is_told_and_not_made() {
    let desk = Desk::new();
    for command in [&["keys", "list"][..], &["sync", "status"], &["parked", "list"]] {
        let said = desk.refusal(command);
        assert!(said.contains("there is no database at") && said.contains("--data"), "{said}");
    }
    assert!(!desk.data().exists());
}

#[test]
fn an_import_counts_every_row_and_can_be_repeated() {
    let desk = Desk::new();
    let file = desk.file(
        "people.csv",
        b"name,phone,email\nA,0812 3456 7890,a@example.com\nA again,+62 812-3456-7890,\nB,12345,\nC,,c@example.com\n",
    );
    let first = desk.json(&["import", &file, "--region", "ID", "--json"]);
    let counts = |import: &Json| {
        ["rows", "contacts", "created", "folded_rows", "refused_rows"]
            .map(|member| import[member].as_i64().expect("a count"))
    };
    assert_eq!(counts(&first), [4, 2, 2, 1, 1]);
    assert_eq!(first["refused"][0]["line"], 4);
    let again = desk.json(&["import", &file, "--region", "ID", "--json"]);
    assert_eq!(counts(&again), [4, 2, 0, 1, 1], "nobody is made twice");
}

#[test]
fn a_dry_run_and_a_corrupt_file_leave_the_data_untouched() {
    let desk = Desk::new();
    let good = desk.file("good.csv", b"name,phone\nA,+6281234567890\n");
    let corrupt = desk.file("corrupt.csv", b"name,phone\nA,+6281234567890\n\"B,+6281234567891\nC,+6281234567892\n");
    assert!(desk.run(&["import", &good, "--dry-run"]).status.success());
    assert!(!desk.data().exists(), "a dry run makes nothing");
    assert_eq!(
        desk.refusal(&["import", &corrupt]),
        format!("lockstep: {corrupt}: line 3: a quotation mark is never closed")
    );
    assert!(!desk.data().exists());
    assert!(desk.refusal(&["import", "/nowhere/people.csv"]).contains("No such file"));
}

#[test]
fn settings_that_are_wrong_are_named_in_one_line() {
    let desk = Desk::new();
    let file = desk.file("lockstep.toml", b"[sync]\npol_seconds = 3\n");
    assert_eq!(
        desk.refusal(&["serve", "--config", &file]),
        format!("lockstep: {file}: unknown setting \"sync.pol_seconds\"; did you mean \"sync.poll_seconds\"?")
    );
    assert_eq!(desk.run(&["serve", "--listen", "nowhere"]).status.code(), Some(2), "misuse");
}

#[test]
fn a_port_in_use_is_named_in_one_line() {
    let desk = Desk::new();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let said = desk.refusal(&["serve", "--listen", &address]);
    assert!(said.starts_with(&format!("lockstep: cannot listen on {address}")), "{said}");
}

#[test]
fn a_database_that_is_newer_or_something_else_is_left_alone() {
    let desk = Desk::new();
    assert!(desk.run(&["init"]).status.success());
    let database = desk.data().join("lockstep.db");
    let newer = rusqlite::Connection::open(&database).expect("a database");
    newer.execute("INSERT INTO schema_version (version) VALUES (9999)", []).expect("a row");
    newer.close().expect("it closes");
    let before = contents(&database);
    assert!(desk.refusal(&["keys", "list"]).contains("9999"));
    assert!(desk.refusal(&["migrate"]).contains("9999"));
    assert!(contents(&database) == before, "the file was written");

    fs::write(&database, b"a diary").expect("a file");
    assert!(desk.refusal(&["keys", "list"]).contains("not a database"));
    assert_eq!(contents(&database), b"a diary");
}

#[test]
fn a_key_ring_that_is_no_key_ring_is_refused() {
    let desk = Desk::new();
    assert!(desk.run(&["init"]).status.success());
    fs::write(desk.data().join("keyring"), b"garbage").expect("a file");
    assert!(desk.refusal(&["keys", "list"]).contains("key ring"));
}

#[test]
fn a_key_ring_of_another_database_is_refused_before_anything_is_served() {
    let desk = Desk::new();
    let sandbox = Sandbox::start();
    desk.json(&["connect", "hubspot", "--token", "t", "--base-url", &sandbox.url, "--key-field", "none", "--json"]);
    fs::remove_file(desk.data().join("keyring")).expect("there was one");
    for command in [&["serve", "--listen", "127.0.0.1:0"][..], &["sync", "status"], &["sync", "plan"]] {
        let said = desk.refusal(command);
        assert!(said.contains("use the ring this database was made with"), "{said}");
    }
    let database = rusqlite::Connection::open(desk.data().join("lockstep.db")).expect("a database");
    let syncs: i64 = database.query_row("SELECT COUNT(*) FROM syncs", [], |row| row.get(0)).expect("a count");
    assert_eq!(syncs, 0, "nothing was written");
}

#[test]
fn a_plan_is_computed_and_carried_out_without_a_server() {
    let desk = Desk::new();
    let sandbox = Sandbox::start();
    let file = desk.file("people.csv", b"name,phone\nAda Lovelace,+6281234567890\n");
    desk.json(&["import", &file, "--json"]);
    desk.json(&["connect", "hubspot", "--token", "t", "--base-url", &sandbox.url, "--key-field", "create", "--json"]);
    let plan = desk.json(&["sync", "plan", "--json"]);
    assert_eq!((&plan["new_in_crm"], &plan["matched"]), (&Json::from(1), &Json::from(0)));
    let id = plan["plan"].as_str().expect("an id");
    assert!(desk.refusal(&["sync", "start", "--plan", id]).contains("--yes"), "nobody is asked without a terminal");
    desk.json(&["sync", "start", "--plan", id, "--yes", "--json"]);
    let status = desk.json(&["sync", "status", "--wait", "--json"]);
    assert_eq!((&status["in_step"], &status["pairs"]), (&Json::Bool(true), &Json::from(1)));
    assert_eq!(desk.json(&["parked", "list", "--json"]), Json::Array(Vec::new()));
}

#[test]
fn a_plan_is_read_row_by_row_and_its_conflicts_can_be_turned() {
    let desk = Desk::new();
    let sandbox = Sandbox::start();
    let person = |name: &str| format!("name,phone,email\n{name},+6281234567890,ada@example.com\n");
    let theirs = Desk::new();
    theirs.json(&["import", &theirs.file("people.csv", person("Ada King").as_bytes()), "--json"]);
    let connect = ["connect", "hubspot", "--token", "t", "--base-url", &sandbox.url, "--key-field", "none", "--json"];
    theirs.json(&connect);
    let plan = theirs.json(&["sync", "plan", "--json"])["plan"].as_str().expect("an id").to_owned();
    theirs.json(&["sync", "start", "--plan", &plan, "--yes", "--json"]);
    theirs.json(&["sync", "status", "--wait", "--json"]);

    desk.json(&["import", &desk.file("people.csv", person("Ada Lovelace").as_bytes()), "--json"]);
    desk.json(&connect);
    let plan = desk.json(&["sync", "plan", "--json"])["plan"].as_str().expect("an id").to_owned();
    let rows = desk.json(&["sync", "show", &plan, "--json"]);
    assert_eq!((&rows[0]["kind"], &rows[0]["row"]), (&Json::from("matched"), &Json::from(1)));
    let conflict = &rows[0]["conflicts"][0];
    assert_eq!((&conflict["field"], &conflict["winner"]), (&Json::from("name"), &Json::from("crm")));
    let shown = text(&desk.run(&["sync", "show", &plan]).stdout);
    assert!(shown.contains("Ada Lovelace") && shown.contains("Ada King"), "{shown}");

    assert!(desk.refusal(&["sync", "turn", &plan, "1", "email", "inbox"]).contains("conflict"));
    assert!(desk.run(&["sync", "turn", &plan, "1", "name", "inbox"]).status.success());
    assert_eq!(desk.json(&["sync", "show", &plan, "--json"])[0]["conflicts"][0]["winner"], "inbox");
    desk.json(&["sync", "start", "--plan", &plan, "--yes", "--json"]);
    desk.json(&["sync", "status", "--wait", "--json"]);

    let after = Desk::new();
    after.json(&["import", &after.file("people.csv", person("Ada Lovelace").as_bytes()), "--json"]);
    after.json(&connect);
    let plan = after.json(&["sync", "plan", "--json"]);
    assert_eq!((&plan["matched"], &plan["conflicts"]), (&Json::from(1), &Json::from(0)), "the record has our name now");
}

#[test]
fn a_new_token_renews_its_connection_and_no_other() {
    let desk = Desk::new();
    let sandbox = Sandbox::start();
    let connect = ["connect", "hubspot", "--token", "t", "--base-url", &sandbox.url, "--key-field", "create", "--json"];
    let connection = desk.json(&connect)["connection"].as_str().expect("an id").to_owned();
    let renew = ["connect", "hubspot", "--token", "u", "--connection", &connection, "--json"];
    assert_eq!(desk.json(&renew)["connection"].as_str(), Some(connection.as_str()));
    let unknown = "con_01HXYZABCDEFGHJKMNPQRSTVWX";
    assert!(desk.refusal(&["connect", "hubspot", "--token", "u", "--connection", unknown]).contains("connection"));
}

#[test]
fn a_server_says_where_it_is_answers_and_ends_when_it_is_asked_to() {
    let desk = Desk::new();
    let mut process =
        desk.command(&["serve", "--listen", "127.0.0.1:0"]).stdout(Stdio::piped()).spawn().expect("it runs");
    let url = ready(&mut process, "lockstep ready on ");
    let address = url.strip_prefix("http://").expect("an address");
    let mut stream = TcpStream::connect(address).expect("somebody listens");
    write!(stream, "GET /v1/health HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let asked = Command::new("kill").args(["-TERM", &process.id().to_string()]).status().expect("kill runs");
    assert!(asked.success());
    assert!(process.wait().expect("it ends").success());
}

#[test]
fn a_second_signal_ends_a_server_that_waits_for_a_client() {
    let desk = Desk::new();
    let mut process =
        desk.command(&["serve", "--listen", "127.0.0.1:0"]).stdout(Stdio::piped()).spawn().expect("it runs");
    let url = ready(&mut process, "lockstep ready on ");
    let address = url.strip_prefix("http://").expect("an address");
    let mut idler = TcpStream::connect(address).expect("somebody listens");
    let head =
        format!("POST /hooks/hubspot HTTP/1.1\r\nhost: {address}\r\nexpect: 100-continue\r\ncontent-length: 9\r\n\r\n");
    idler.write_all(head.as_bytes()).expect("a request without its body");
    idler.read_exact(&mut [0; 12]).expect("the server waits for the body and says so");
    let terminate = || {
        let asked = Command::new("kill").args(["-TERM", &process.id().to_string()]).status().expect("kill runs");
        assert!(asked.success());
    };
    terminate();
    while TcpStream::connect(address).is_ok() {}
    terminate();
    assert_eq!(process.wait().expect("it ends").code(), Some(130));
}

/// The address in a process's ready line.
fn ready(process: &mut Child, start: &str) -> String {
    let mut line = String::new();
    BufReader::new(process.stdout.take().expect("its output")).read_line(&mut line).expect("a ready line");
    line.trim().strip_prefix(start).expect("an address").to_owned()
}

/// A HubSpot look-alike in a process of its own.
struct Sandbox {
    process: Child,
    url: String,
}

impl Sandbox {
    fn start() -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_lockstep"))
            .args(["sandbox", "hubspot", "--listen", "127.0.0.1:0", "--quirks", "off"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let url = ready(&mut process, "sandbox ready on ");
        Self { process, url }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn members_accounts_and_scopes_are_managed_at_the_terminal() {
    let desk = Desk::new();
    assert!(desk.run(&["init", "--phone-number-id", "123456789"]).status.success());
    let sales = desk.json(&["teams", "add", "Sales", "--json"])["id"].as_str().expect("an id").to_owned();
    let ana = desk.json(&["users", "add", "Ana", "--email", "ana@example.com", "--team", &sales, "--json"]);
    assert_eq!(ana["team_ids"], serde_json::json!([sales]));
    let ana = ana["id"].as_str().expect("an id");
    assert!(desk.refusal(&["users", "add", "Other", "--email", "ANA@example.com"]).contains("e-mail address"));
    assert!(desk.run(&["teams", "leave", &sales, ana]).status.success());
    assert_eq!(desk.json(&["users", "list", "--team", &sales, "--json"]), serde_json::json!([]));
    assert!(desk.run(&["teams", "join", &sales, ana]).status.success());
    assert!(text(&desk.run(&["users", "list"]).stdout).contains(&sales));
    assert!(desk.run(&["users", "change", ana, "--name", "Anna", "--email", ""]).status.success());
    let changed = desk.json(&["users", "list", "--json"]);
    assert_eq!((&changed[0]["name"], &changed[0]["email"]), (&"Anna".into(), &Json::Null));
    assert_eq!(desk.run(&["users", "change", ana]).status.code(), Some(2), "nothing to change");
    assert!(desk.run(&["teams", "rename", &sales, "Field sales"]).status.success());
    assert!(desk.refusal(&["teams", "rename", &sales, "general"]).contains("team of this name"));

    let second = ["accounts", "add", "+62 811-0000-0002", "--phone-number-id", "222222222", "--name", "Sales"];
    assert!(desk.run(&second).status.success());
    assert!(desk.refusal(&second).contains("has an account"));
    assert!(desk.run(&["accounts", "rename", "222222222", "Penjualan"]).status.success());
    assert!(desk.run(&["accounts", "give", "222222222", "--team", &sales]).status.success());
    let accounts = desk.json(&["accounts", "list", "--json"]);
    assert_eq!((accounts.as_array().map(Vec::len), accounts[1]["team"].as_str()), (Some(2), Some(sales.as_str())));
    assert_eq!(accounts[1]["name"], "Penjualan");
    assert!(desk.refusal(&["teams", "remove", &sales]).contains("labels or accounts"));
    assert!(desk.run(&["accounts", "give", "222222222"]).status.success());
    assert!(desk.run(&["teams", "remove", &sales]).status.success());
    assert!(desk.run(&["users", "remove", ana]).status.success());
    assert!(desk.refusal(&["users", "remove", ana]).contains("No such user"));
    assert_eq!(desk.json(&["users", "list", "--json"]), serde_json::json!([]));

    let made = desk.json(&["keys", "create", "--scope", "contacts:read", "--scope", "labels:write", "--json"]);
    assert_eq!(made["scopes"], serde_json::json!(["contacts:read", "labels:write"]));
    assert!(text(&desk.run(&["keys", "list"]).stdout).contains("contacts:read labels:write"));
    assert_eq!(desk.run(&["keys", "create", "--scope", "contacts:eat"]).status.code(), Some(2));
    assert!(desk.refusal(&["keys", "create", "--kind", "admin", "--scope", "org:read"]).contains("inbox API"));
}

#[test]
fn one_server_has_several_organizations() {
    let desk = Desk::new();
    assert!(desk.run(&["init"]).status.success());
    let add = ["organizations", "add", "Second", "--phone-number", "+628110000002", "--phone-number-id", "222222222"];
    let made = desk.json(&[add.as_slice(), &["--json"]].concat());
    let id = made["organization"].as_str().expect("an id");
    assert!(made["keys"]["api_key"].as_str().is_some_and(|key| key.starts_with("kdv_live_")), "{made}");
    let named: Vec<Json> = desk.json(&["organizations", "list", "--json"]).as_array().expect("an array").clone();
    assert_eq!(named.iter().map(|org| &org["name"]).collect::<Vec<_>>(), ["My organization", "Second"]);
    let accounts = desk.json(&["accounts", "list", "--organization", id, "--json"]);
    assert_eq!(accounts[0]["phone_number_id"], "222222222");
    assert!(desk.run(&["users", "add", "Ana", "--organization", id]).status.success());
    assert_eq!(desk.json(&["users", "list", "--json"]), serde_json::json!([]), "the first has none");
    assert_eq!(desk.json(&["keys", "list", "--organization", id, "--json"]).as_array().map(Vec::len), Some(4));
    let nobody = desk.refusal(&["teams", "list", "--organization", "org_01HXYZABCDEFGHJKMNPQRSTVWX"]);
    assert!(nobody.contains("no organization"), "{nobody}");
}

#[test]
fn doctor_says_what_is_missing_and_how_to_mend_it() {
    let desk = Desk::new();
    let nothing = desk.run(&["doctor", "--json"]);
    assert_eq!(nothing.status.code(), Some(1));
    assert!(text(&nothing.stdout).contains("lockstep init"));
    assert!(!desk.data().exists(), "a look makes nothing");
    assert!(desk.run(&["init"]).status.success());
    let findings = desk.json(&["doctor", "--json"]);
    let words = findings.to_string();
    assert!(words.contains("lockstep serve") && words.contains("lockstep connect hubspot"), "{words}");
}

#[test]
fn a_webhook_that_was_set_aside_is_shown_until_somebody_decides() {
    let desk = Desk::new();
    desk.json(&["init", "--json"]);
    let (env, _) = Env::manual(Time::from_secs(1_790_000_000), 1);
    let store = Store::open_inline(&Target::Sqlite(desk.data().join("lockstep.db")), env).expect("the database opens");
    let id = run(store.write(|tx| {
        let org = tx.oldest_org()?.ok_or(StoreError::Missing { what: "organization" })?;
        let (id, account) = (ChannelId::new(tx.env()), tx.accounts(&org)?.remove(0).phone_number_id);
        let sealed = Vec::new();
        let (slug, base_url) = ("whatsapp".to_owned(), "https://graph.test".to_owned());
        tx.put_channel(&org, &NewChannel { id: id.clone(), slug, account, base_url, sealed })?;
        tx.receive("whatsapp", id.as_str(), "1", b"{")?;
        let received = tx.unread("whatsapp", id.as_str(), 9)?.remove(0).id;
        tx.park_received(&received, "it is torn")?;
        Ok::<_, StoreError>(received.to_string())
    }))
    .expect("a webhook");
    drop(store);
    let listed = desk.json(&["parked", "list", "--json"]);
    assert_eq!((&listed[0]["id"], &listed[0]["reason"]["detail"]), (&id.as_str().into(), &"it is torn".into()));
    assert!(text(&desk.run(&["parked", "list"]).stdout).contains("it is torn"));
    assert!(text(&desk.run(&["parked", "show", &id]).stdout).contains("a webhook of whatsapp"));
    let chart = text(&desk.run(&["doctor"]).stdout);
    assert!(chart.contains("1 could not be taken in and are kept"), "{chart}");
    assert_eq!(desk.json(&["parked", "resume", &id, "--json"])["outcome"], "resumed");
    assert_eq!(desk.json(&["parked", "list", "--json"]), Json::Array(Vec::new()));
    assert!(desk.refusal(&["parked", "drop", &id]).contains("No such parked webhook"));
}

#[test]
fn an_invocation_without_an_answer_is_shown_until_somebody_decides() {
    let desk = Desk::new();
    desk.json(&["init", "--json"]);
    let (env, _) = Env::manual(Time::from_secs(1_790_000_000), 1);
    let store = Store::open_inline(&Target::Sqlite(desk.data().join("lockstep.db")), env).expect("the database opens");
    let id = run(store.write(|tx| {
        let org = tx.oldest_org()?.ok_or(StoreError::Missing { what: "organization" })?;
        let context = tx.put_context(&org, "acme", &ContextData::default())?;
        let new = NewConnection {
            id: ConnectionId::new(tx.env()),
            vendor: "hubspot".to_owned(),
            base_url: "http://127.0.0.1:9".to_owned(),
            account: "1".to_owned(),
            label: "HubSpot 1".to_owned(),
            key_field: r#"{"kind":"none"}"#.to_owned(),
            grant_sealed: Vec::new(),
            external_id: Some("acme-crm".to_owned()),
            static_token: true,
        };
        let of = tx.add_connection_in(&context, &new)?;
        let invoked = NewInvocation {
            id: InvocationId::new(tx.env()),
            object: "document".to_owned(),
            event: "document_sent".to_owned(),
            idempotency_key: Some("k".to_owned()),
            fingerprint: [1; 32],
            exclusive: None,
            found_by: None,
            deed: serde_json::json!({"sent": "start"}),
        };
        tx.begin_invocation(&of, &invoked)?;
        tx.set_invocation_unknown(&of, &invoked.id)?;
        Ok::<_, StoreError>(invoked.id.to_string())
    }))
    .expect("an invocation");
    drop(store);
    let listed = desk.json(&["parked", "list", "--json"]);
    let found = (&listed[0]["id"], &listed[0]["connection"], &listed[0]["event"]);
    assert_eq!(found, (&id.as_str().into(), &"acme-crm".into(), &"document_sent".into()));
    for command in [&["parked", "list"][..], &["parked", "show", &id]] {
        let said = text(&desk.run(command).stdout);
        assert!(said.contains("it may have happened") && said.contains("document_sent"), "{said}");
    }
    let chart = text(&desk.run(&["doctor"]).stdout);
    assert!(chart.contains("1 lost the CRM's answer"), "{chart}");
    assert!(desk.refusal(&["parked", "resume", &id]).contains("no proof"));
    assert_eq!(desk.json(&["parked", "drop", &id, "--json"])["outcome"], "dropped");
    assert_eq!(desk.json(&["parked", "list", "--json"]), Json::Array(Vec::new()));
    assert!(desk.refusal(&["parked", "drop", &id]).contains("No outcome of an invocation"));
}

#[test]
fn help_and_completions_print() {
    let desk = Desk::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(text(&desk.run(&["completions", shell]).stdout).contains("lockstep"), "{shell}");
    }
    assert!(text(&desk.run(&["--version"]).stdout).starts_with("lockstep "));
    assert_eq!(text(&desk.run(&["config"]).stdout), lockstep::config::defaults());
}
