//! Plays storms: `cargo run --release --example storm -- --seeds 1000`.
//!
//! Each seed is one story of two sides edited at once while everything fails that can; see `tests/it/storm`.
//! The last line counts what the oracle found; the exit code is 1 if it found anything.
#![expect(clippy::expect_used, reason = "a test that is run by hand: what cannot happen ends it")]

#[path = "../tests/it/storm/mod.rs"]
mod storm;
#[expect(dead_code, reason = "the tests use more of the world than the storm does")]
#[path = "../tests/it/world/mod.rs"]
mod world;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use clap::builder::PossibleValuesParser;
use clap::{Parser, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use lockstep_core::holes::Hole;

use storm::Told;
use storm::story::Tally;

/// Plays storms and judges them.
#[derive(Parser)]
struct Arguments {
    /// How many seeds.
    #[arg(long, default_value_t = 100)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// The database. PostgreSQL is found by LOCKSTEP_TEST_PG.
    #[arg(long, value_enum, default_value_t = Engine::Sqlite)]
    engine: Engine,
    /// Plays only with this CRM, or with these at once: `--vendor hubspot,odoo`. Without, each seed draws one. Pipedrive
    /// and Odoo do not go together: both number their records from one on, and the storm knows records by their ids.
    #[arg(long, value_delimiter = ',', value_parser = PossibleValuesParser::new(storm::crm::slugs()))]
    vendor: Vec<String>,
    /// Plants a hole that the storm must find; `list` names them.
    #[arg(long)]
    mutate: Option<String>,
    /// Plays all seeds even if some fail, and prints what each of them found.
    #[arg(long)]
    keep_going: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Engine {
    Sqlite,
    Postgres,
}

/// All seeds together.
#[derive(Default)]
struct Sum {
    seeds: u64,
    /// How many of them had which CRMs.
    vendors: BTreeMap<String, u64>,
    tally: Tally,
    findings: [usize; 4],
    /// The lowest seed that failed.
    failed: Option<(u64, Told)>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // A panic is caught and told as a finding.
    std::panic::set_hook(Box::new(|_| {}));
    match arguments.mutate.as_deref().map(|name| (name, Hole::parse(name))) {
        Some(("list", _)) => {
            for hole in Hole::ALL {
                println!("{:24} {}", hole.name(), hole.story());
            }
            return ExitCode::SUCCESS;
        }
        Some((name, None)) => {
            eprintln!("There is no hole {name:?}; --mutate list names them.");
            return ExitCode::from(2);
        }
        Some((_, Some(hole))) => lockstep_core::holes::plant(hole),
        None => {}
    }
    match play_all(&arguments) {
        Ok(sum) => report(&arguments, &sum),
        Err(error) => {
            eprintln!("LOCKSTEP_TEST_PG must name a PostgreSQL server: {error}");
            ExitCode::from(2)
        }
    }
}

fn play_all(arguments: &Arguments) -> Result<Sum, std::env::VarError> {
    let server = match arguments.engine {
        Engine::Sqlite => None,
        Engine::Postgres => Some(std::env::var("LOCKSTEP_TEST_PG")?),
    };
    let given = storm::crm::slugs().filter(|slug| arguments.vendor.iter().any(|vendor| vendor == slug));
    let vendors = Some(given.collect::<Vec<_>>()).filter(|vendors| !vendors.is_empty());
    let bar = ProgressBar::new(arguments.seeds).with_style(
        ProgressStyle::with_template("{bar:40} {pos}/{len} seeds, {eta} left")
            .unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    let next = AtomicU64::new(arguments.from);
    let end = arguments.from.saturating_add(arguments.seeds);
    let failed = AtomicBool::new(false);
    let sum = Mutex::new(Sum::default());
    let threads = if server.is_some() { 1 } else { thread::available_parallelism().map_or(1, usize::from) };
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::SeqCst);
                    if seed >= end || failed.load(Ordering::SeqCst) {
                        return;
                    }
                    let schema = server.as_deref().map(|server| world::postgres_schema(server, "storm"));
                    let told = storm::play(seed, vendors.clone(), schema);
                    let clean = told.findings.is_clean();
                    if arguments.keep_going {
                        bar.suspend(|| {
                            told.findings.all().for_each(|(kind, text)| println!("seed {seed} {kind}: {text}"));
                            if told.tally.self_429 > 0 {
                                println!("seed {seed} drew {} refusals of its own", told.tally.self_429);
                            }
                        });
                    }
                    sum.lock().unwrap_or_else(PoisonError::into_inner).add(seed, told);
                    bar.inc(1);
                    failed.fetch_or(!clean && !arguments.keep_going, Ordering::SeqCst);
                }
            });
        }
    });
    bar.finish_and_clear();
    Ok(sum.into_inner().unwrap_or_else(PoisonError::into_inner))
}

impl Sum {
    fn add(&mut self, seed: u64, told: Told) {
        self.seeds += 1;
        *self.vendors.entry(told.weather.vendors.join("+")).or_default() += 1;
        add(&mut self.tally, &told.tally);
        let found = &told.findings;
        for (sum, list) in
            self.findings.iter_mut().zip([&found.lost, &found.duplicated, &found.looped, &found.diverged])
        {
            *sum += list.len();
        }
        let lower = self.failed.as_ref().is_none_or(|(lowest, _)| seed < *lowest);
        if lower && !told.findings.is_clean() {
            self.failed = Some((seed, told));
        }
    }
}

fn report(arguments: &Arguments, sum: &Sum) -> ExitCode {
    if let Some((seed, told)) = &sum.failed {
        println!("seed {seed} fails after {} acts; seeds to find it: {}", told.script.len(), seed - arguments.from + 1);
        told.findings.all().for_each(|(kind, finding)| println!("{kind}: {finding}"));
        // What a planted hole does is known.
        if arguments.mutate.is_none() && !arguments.keep_going {
            tell_shortest(*seed, told);
        }
    }
    let (tally, [lost, duplicated, looped, diverged]) = (&sum.tally, sum.findings);
    let played: Vec<String> = sum.vendors.iter().map(|(vendors, seeds)| format!("{vendors}={seeds}")).collect();
    println!("{}", played.join(" "));
    println!("edits={} overtaken={} parked={} self_429={}", tally.edits, tally.overtaken, tally.parked, tally.self_429);
    println!(
        "seeds={} steps={} crashes={} faults={} lost={lost} duplicated={duplicated} looped={looped} diverged={diverged}",
        sum.seeds, tally.steps, tally.crashes, tally.faults
    );
    if sum.failed.is_none() && tally.self_429 == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Shrinks a failing story and tells what is left of it.
fn tell_shortest(seed: u64, told: &Told) {
    println!("shrinking the story of seed {seed}");
    let shorter = storm::shrunk(told);
    let told = shorter.as_ref().unwrap_or(told);
    for line in &told.lines {
        println!("  {line}");
    }
    told.findings.all().for_each(|(kind, finding)| println!("{kind}: {finding}"));
    println!("seed {seed}: {} acts left", told.script.len());
}

/// Adds another story's figures.
fn add(sum: &mut Tally, other: &Tally) {
    sum.steps += other.steps;
    sum.edits += other.edits;
    sum.faults += other.faults;
    sum.crashes += other.crashes;
    sum.overtaken += other.overtaken;
    sum.parked += other.parked;
    sum.self_429 += other.self_429;
}
