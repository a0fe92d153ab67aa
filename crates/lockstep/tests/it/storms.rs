//! A few storms on each engine; `cargo run --release --example storm` plays as many as wanted.

use std::process::Command;

use crate::storm;
use crate::world;

/// Names the server to test on: `postgres://…`.
const POSTGRES: &str = "LOCKSTEP_TEST_PG";

fn weathers(seed: u64, postgres: Option<String>) {
    let told = storm::play(seed, None, postgres);
    if !told.findings.is_clean() {
        let told = storm::shrunk(&told).unwrap_or(told);
        panic!("seed {seed}: {:#?}\n{}", told.findings, told.lines.join("\n"));
    }
    assert_eq!(told.tally.self_429, 0, "seed {seed} drew a 429 of its own");
    assert!(
        told.tally.edits >= 100 && told.tally.faults >= 20 && told.tally.crashes >= 2,
        "seed {seed}: {:?}",
        told.tally
    );
}

#[test]
fn nothing_is_lost_doubled_diverged_or_looped_on_sqlite() {
    (1..=6).for_each(|seed| weathers(seed, None));
}

#[test]
fn nothing_is_lost_doubled_diverged_or_looped_on_postgresql() {
    let Ok(server) = std::env::var(POSTGRES) else {
        println!("skipped: {POSTGRES} names no server");
        return;
    };
    for seed in 7..=8 {
        weathers(seed, Some(world::postgres_schema(&server, &format!("storm_test_{seed}"))));
    }
}

#[test]
fn one_seed_tells_one_story() {
    assert_eq!(storm::play(3, None, None).lines, storm::play(3, None, None).lines);
}

#[test]
fn the_released_program_has_no_holes() {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--package", "lockstep", "--edges", "normal,features"])
        .output()
        .expect("cargo runs");
    let tree = String::from_utf8_lossy(&tree.stdout);
    assert!(tree.contains("lockstep-core"), "{tree}");
    assert!(!tree.contains("holes"), "the program would be built with planted holes:\n{tree}");
}
