//! `lockstep conform` as a person meets it, on an account that a look-alike plays in a process of its own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Output, Stdio};

use lockstep_sandbox::vendors;
use serde_json::Value as Json;

/// Cases that write nothing, and pass wherever contacts stand in the account.
const READS: [&str; 8] = [
    "the description covers what reads return",
    "the account is named",
    "a refused grant stops",
    "what stands is read by id",
    "what stands is found by its address",
    "a list goes on where its page ended",
    "a scan goes on where it was left",
    "a search goes on where its page ended",
];

/// An account with three contacts, as far away as any.
struct Account {
    vendor: &'static str,
    token: &'static str,
    url: String,
    process: Child,
}

impl Account {
    fn of(vendor: &str) -> Self {
        let listed = vendors().iter().find(|listed| listed.slug == vendor).expect("a look-alike");
        let folder = tempfile::tempdir().expect("a folder");
        let records = folder.path().join("records.csv");
        let words = listed.words;
        let rows = ["ada", "bob", "cem"].map(|who| format!("{who},{who}@standing.example\n")).concat();
        std::fs::write(&records, format!("{},{}\n{rows}", words.last, words.email)).expect("a file");
        let mut process = Command::new(env!("CARGO_BIN_EXE_lockstep"))
            .args(["sandbox", listed.slug, "--listen", "127.0.0.1:0", "--quirks", "off", "--records"])
            .arg(records)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("its output")).read_line(&mut line).expect("a ready line");
        let url = line.trim().strip_prefix("sandbox ready on ").expect("an address").to_owned();
        Self { vendor: listed.slug, token: words.token, url, process }
    }

    fn conform(&self, flags: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_lockstep"))
            .args(["conform", self.vendor, "--live", "--wait", "0", "--rate", "1000"])
            .args(flags)
            .env("LOCKSTEP_CONFORM_TOKEN", self.token)
            .env("LOCKSTEP_CONFORM_URL", &self.url)
            .output()
            .expect("the binary runs")
    }

    #[track_caller]
    fn table(&self, flags: &[&str]) -> Json {
        let output = self.conform(&[flags, &["--json"]].concat());
        let table: Json = serde_json::from_slice(&output.stdout).expect("one JSON value");
        assert!(output.status.success(), "{}: {table:#}", self.vendor);
        table
    }

    fn records(&self) -> Vec<Json> {
        let mut stream = TcpStream::connect(self.url.trim_start_matches("http://")).expect("a connection");
        write!(stream, "GET /__records HTTP/1.0\r\nHost: localhost\r\n\r\n").expect("a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        serde_json::from_str(answer.split_once("\r\n\r\n").expect("a body").1).expect("records")
    }

    fn living(&self) -> Vec<Json> {
        self.records().into_iter().filter(|record| record["archived"] == false).collect()
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[track_caller]
fn outcome<'a>(table: &'a Json, case: &str) -> &'a str {
    let rows = table["cases"].as_array().expect("rows");
    let row = rows.iter().find(|row| row["case"] == case).unwrap_or_else(|| panic!("{case} is no row"));
    row["outcome"].as_str().expect("an outcome")
}

fn a_real_account_is_read_and_written_only_with_leave(vendor: &str) {
    let account = Account::of(vendor);
    let standing = account.records();
    assert_eq!(standing.len(), 3, "{standing:?}");
    let read = account.table(&[]);
    for case in READS {
        assert_eq!(outcome(&read, case), "passed", "{vendor}: {case}");
    }
    assert_eq!(outcome(&read, "nothing clears and absent keeps"), "not told");
    assert_eq!((account.records(), &read["left_behind"]), (standing.clone(), &serde_json::json!([])));

    let written = account.table(&["--write"]);
    for case in READS.iter().chain(&[
        "a record is made read changed and archived",
        "nothing clears and absent keeps",
        "archived is told from missing",
        "records are found by address once the index knows them",
        "a record of any object is made read changed and archived",
        "a poll with nothing new is one call",
    ]) {
        assert_eq!(outcome(&written, case), "passed", "{vendor}: {case}");
    }
    assert_eq!(outcome(&written, "a limit is a limit"), "not told");
    assert!(account.records().len() > 3 && account.living() == standing, "what was made is put away");
    let left: Vec<&str> = written["left_behind"].as_array().expect("a list").iter().filter_map(Json::as_str).collect();
    assert!(left.iter().all(|what| what.starts_with("the property lockstep_id of ")), "{left:?}");
}

#[test]
fn a_hubspot_account_conforms() {
    a_real_account_is_read_and_written_only_with_leave("hubspot");
}

#[test]
fn a_pipedrive_account_conforms() {
    a_real_account_is_read_and_written_only_with_leave("pipedrive");
}

#[test]
fn an_odoo_account_conforms() {
    a_real_account_is_read_and_written_only_with_leave("odoo");
}

#[test]
fn a_case_that_fails_is_told_and_puts_away_what_it_made() {
    let account = Account::of("hubspot");
    let standing = account.living();
    let mut stream = TcpStream::connect(account.url.trim_start_matches("http://")).expect("a connection");
    let fault = r#"{ "route": "POST /crm/v3/objects/contacts/batch/update", "effect": { "status": { "status": 500 } },
        "times": 1, "skip": 0 }"#;
    let length = fault.len();
    write!(stream, "POST /__faults HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{fault}")
        .expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.0 20"), "{answer}");
    let output = account.conform(&["--write"]);
    let (said, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!((output.status.code(), error.trim_end()), (Some(1), "lockstep: 1 of 40 cases failed"), "{said}");
    assert!(said.contains("1 failed"), "{said}");
    assert_eq!(account.living(), standing);
}

#[test]
fn without_credentials_nothing_is_asked() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lockstep"));
    command.args(["conform", "hubspot", "--live"]).env_remove("LOCKSTEP_CONFORM_TOKEN");
    let output = command.output().expect("the binary runs");
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), error.contains("LOCKSTEP_CONFORM_TOKEN")), (Some(1), true), "{error}");
}
