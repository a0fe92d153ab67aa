//! The walls of the house: what a crate may not depend on, read from the resolved graph.
#![expect(clippy::unwrap_used, reason = "a test that cannot set its scene has failed")]

use std::collections::BTreeSet;
use std::process::Command;

/// Every package that a crate's own code links, itself included.
fn linked(package: &str) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "-p", package, "-e", "normal", "--prefix", "none", "--format", "{p}", "--offline", "--locked"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
    let names: BTreeSet<String> =
        lines.lines().filter_map(|line| line.split_whitespace().next().map(str::to_owned)).collect();
    assert!(names.contains(package), "cargo tree listed no {package}");
    names
}

fn refuse(package: &str, forbidden: &[&str]) {
    let linked = linked(package);
    let broken: Vec<&&str> = forbidden.iter().filter(|name| linked.contains(**name)).collect();
    assert!(broken.is_empty(), "{package} must not depend on {broken:?}");
}

#[test]
fn core_does_no_input_or_output() {
    refuse("lockstep-core", &["tokio", "rusqlite", "postgres", "axum", "reqwest"]);
}

#[test]
fn connectors_open_no_sockets_and_know_no_sql() {
    refuse("lockstep-connect", &["reqwest", "rusqlite", "postgres", "axum", "lockstep-store", "lockstep-sandbox"]);
}

#[test]
fn the_sandbox_judges_connectors_without_sharing_their_code() {
    refuse("lockstep-sandbox", &["lockstep-connect", "lockstep-store"]);
}

#[test]
fn the_store_knows_no_vendor() {
    refuse("lockstep-store", &["lockstep-connect", "lockstep-sandbox", "axum", "reqwest"]);
}
