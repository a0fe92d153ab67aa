//! `lockstep conform`: the table of cases, on a vendor's look-alike or on a real account.

use std::fmt::Display;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use async_trait::async_trait;
use lockstep_conform::live::{Live, Terms, strange};
use lockstep_conform::{Case, Outcome, TABLE, likes, run as run_case};
use lockstep_connect::oauth::Grant;
use lockstep_connect::{Answer, Call, Connector, Door, Fault, Memory, Window, registry};
use lockstep_core::env::{Env, Time};
use serde_json::{Value as Json, json};
use tokio::sync::Mutex;

use super::place::{authority, runtime, start_quiet_log};
use super::{screen, stop};
use crate::egress::{Egress, Rules};
use crate::reach::exchange_once;

#[derive(clap::Args)]
pub struct Arguments {
    /// The vendor, such as hubspot
    vendor: String,
    /// Ask a real account instead of the look-alike in memory; it is only read
    #[arg(long)]
    live: bool,
    /// Let cases write to the real account: what they made is archived after each of them
    #[arg(long, requires = "live")]
    write: bool,
    /// The real account's token or key
    #[arg(long, env = "LOCKSTEP_CONFORM_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Where the real account is, if not at the vendor's own address
    #[arg(long, value_name = "URL", env = "LOCKSTEP_CONFORM_URL", hide_env_values = true)]
    url: Option<String>,
    /// The longest wait for what shows late [default: what is known of the vendor]
    #[arg(long, value_name = "SECONDS")]
    wait: Option<u64>,
    /// Calls a second [default: what is known of the vendor]
    #[arg(long, value_name = "CALLS", value_parser = clap::value_parser!(u32).range(1..))]
    rate: Option<u32>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    start_quiet_log();
    let Some(connector) = registry::find(&arguments.vendor) else {
        let known: Vec<&str> = registry::all().iter().map(|connector| connector.about().slug).collect();
        bail!("there is no connector for \"{}\"; known: {}", arguments.vendor, known.join(", "));
    };
    let (rows, left) = runtime()?.block_on(async {
        let live = if arguments.live { Some(begin(connector, &arguments).await?) } else { None };
        lockstep_conform::run::quietly();
        table(connector, live).await
    })?;
    show(connector.about().name, &rows, &left, arguments.json)
}

type Row = (&'static str, Outcome);

/// Runs the cases until the last one, or until asked to stop; then what could not be put away.
async fn table(connector: &dyn Connector, live: Option<Rc<Live>>) -> anyhow::Result<(Vec<Row>, Vec<String>)> {
    let stop = stop::on_signals()?;
    let bar = screen::bar(TABLE.len() as u64, "cases");
    let mut rows = Vec::new();
    for case in TABLE {
        let outcome = match &live {
            None => on_look_alikes(connector.about().slug, case).await,
            Some(live) => {
                let outcome = tokio::select! {
                    outcome = run_case(case, || live.world()) => Some(outcome),
                    () = stop::asked(stop.clone()) => None,
                };
                live.tidy().await;
                let Some(outcome) = outcome else { break };
                outcome
            }
        };
        rows.push((case.name, outcome));
        bar.inc(1);
    }
    bar.finish_and_clear();
    let left = match live {
        Some(live) => live.end().await,
        None => Vec::new(),
    };
    Ok((rows, left))
}

/// The first of the vendor's protocols that a case does not pass with, or else the last one.
async fn on_look_alikes(slug: &str, case: &Case) -> Outcome {
    let mut outcome = Outcome::Passed(Vec::new());
    for making in likes::worlds(slug) {
        outcome = run_case(case, || making(None)).await;
        if matches!(outcome, Outcome::Failed(_)) {
            break;
        }
    }
    outcome
}

async fn begin(connector: &'static dyn Connector, arguments: &Arguments) -> anyhow::Result<Rc<Live>> {
    let about = connector.about();
    let token = arguments.token.clone().context("give the account's token in LOCKSTEP_CONFORM_TOKEN")?;
    if about.token.own_address && arguments.url.is_none() {
        bail!("say in LOCKSTEP_CONFORM_URL where your {} is: a token does not tell", about.name);
    }
    let base_url = arguments.url.clone().unwrap_or_else(|| about.base_url.to_owned());
    // Whoever types an address means it, be it on this machine.
    let allow = authority(&base_url).into_iter().collect();
    let network = Arc::new(Egress::new(Rules { allow, ..Rules::default() })?);
    let env = super::env()?;
    let door = |token: String| {
        let grant = Grant::fixed(token.into());
        let (next, memory) = (Mutex::new(env.now()), Memory::default());
        let (env, base_url, rate) = (env.clone(), base_url.clone(), arguments.rate);
        Arc::new(PacedDoor { connector, base_url, grant, network: Arc::clone(&network), env, rate, next, memory })
    };
    let known = (about.index_lag + Duration::from_secs(1)).max(about.granularity);
    let live = Live::new(Terms {
        connector,
        door: door(token.clone()),
        stranger: door(strange(&token)),
        token,
        env: env.clone(),
        wait_max: arguments.wait.map_or(known, Duration::from_secs),
        write: arguments.write,
    });
    live.begin().await.map_err(|fault| anyhow::anyhow!("{} does not answer: {}", about.name, fault.message))?;
    Ok(live)
}

/// A door to an account that no connection is made of: its calls are apart by what the vendor allows.
struct PacedDoor {
    connector: &'static dyn Connector,
    base_url: String,
    grant: Grant,
    network: Arc<Egress>,
    env: Env,
    rate: Option<u32>,
    /// When there is room for the next call.
    next: Mutex<Time>,
    memory: Memory,
}

#[async_trait]
impl Door for PacedDoor {
    async fn send(&self, call: Call) -> Result<Answer, Fault> {
        let about = self.connector.about();
        let limit = match call.window {
            Window::General => about.general_limit,
            Window::Search => about.search_limit,
        };
        let apart = self.rate.map_or(limit.window / limit.calls, |rate| Duration::from_secs(1) / rate);
        let turn = {
            let mut next = self.next.lock().await;
            let turn = (*next).max(self.env.now());
            *next = turn.plus(apart);
            turn
        };
        self.env.wait_until(turn).await;
        exchange_once(self.connector, &self.base_url, &call, &self.grant, self.network.as_ref(), &self.env).await
    }

    fn memory(&self) -> Option<&Memory> {
        Some(&self.memory)
    }
}

/// How a row is told: its word, and why.
fn told(outcome: &Outcome, vendor: &str) -> (String, String) {
    match outcome {
        Outcome::Passed(without) => ("passed".to_owned(), without.join("; ")),
        Outcome::Failed(why) => ("failed".to_owned(), why.clone()),
        Outcome::NotFor(why) => (format!("not for {vendor}"), why.clone()),
        Outcome::NotTold(why) => ("not told".to_owned(), (*why).to_owned()),
    }
}

fn show(vendor: &str, rows: &[Row], left: &[String], json: bool) -> anyhow::Result<()> {
    let told = rows.iter().map(|(name, outcome)| {
        let (word, why) = told(outcome, vendor);
        [name.replace('_', " "), word, why]
    });
    if json {
        let row = |[case, outcome, why]: [String; 3]| json!({ "case": case, "outcome": outcome, "why": why });
        screen::json(&json!({ "cases": told.map(row).collect::<Vec<Json>>(), "left_behind": left }))?;
    } else {
        screen::say(screen::table(&["Case", "Outcome", "Why"], &[], told.map(Vec::from).collect()))?;
        let count = |is: &dyn Fn(&Outcome) -> bool| rows.iter().filter(|(_, outcome)| is(outcome)).count();
        let sum: [(usize, &dyn Display); 4] = [
            (count(&|outcome| matches!(outcome, Outcome::Passed(_))), &"passed"),
            (count(&|outcome| matches!(outcome, Outcome::Failed(_))), &"failed"),
            (count(&|outcome| matches!(outcome, Outcome::NotFor(_))), &format!("not for {vendor}")),
            (count(&|outcome| matches!(outcome, Outcome::NotTold(_))), &"not told"),
        ];
        let sum: Vec<String> = sum.iter().map(|(count, word)| format!("{count} {word}")).collect();
        screen::say(format!("{} of {} cases: {}.", rows.len(), TABLE.len(), sum.join(", ")))?;
        for what in left {
            screen::say(format!("Left behind: {what}"))?;
        }
    }
    let failed = rows.iter().filter(|(_, outcome)| matches!(outcome, Outcome::Failed(_))).count();
    if failed > 0 {
        bail!("{failed} of {} cases failed", rows.len());
    }
    if rows.len() < TABLE.len() {
        bail!("stopped after {} of {} cases", rows.len(), TABLE.len());
    }
    Ok(())
}
