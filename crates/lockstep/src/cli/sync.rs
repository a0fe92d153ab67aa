//! `lockstep sync`

use std::io::{self, IsTerminal, Write};

use anyhow::{Context, bail};
use lockstep_core::env::Time;
use lockstep_core::ids::{ConnectionId, ContactId, PlanId, SyncId};
use lockstep_core::plan::PlanSummary;
use lockstep_store::{ConnectionStatus, OnDelete, Org, PlanStatus, SyncStatus};
use serde::Serialize;
use toml::Table;

use super::init::organization;
use super::jobs;
use super::place::{Place, Where, reach_own_connections, runtime, start_quiet_log};
use super::plan_rows;
use super::screen::{self, number};
use crate::app::App;
use crate::ops::syncs::Standing;
use crate::ops::{key_ring, plans, relink, syncs};

#[derive(clap::Subcommand)]
pub enum Command {
    /// Read the CRM, match both sides and show what a sync would do; writes nothing to either
    Plan(Plan),
    /// Show a plan row by row, with the values that differ
    Show(plan_rows::Show),
    /// Choose whose value of a field that differs will stand
    Turn(plan_rows::Turn),
    /// Accept a plan and keep both sides in step from then on
    Start(Start),
    /// Show where the syncs stand
    Status(Status),
    /// Stop reading and writing; edits wait
    Pause(Which),
    /// Go on after a pause or a stop
    Resume(Which),
    /// Say which contact and record belong together: after a delete, or to answer a question
    Relink(Relink),
}

#[derive(clap::Args)]
pub struct Plan {
    #[command(flatten)]
    at: Where,
    /// The connection; may be left out when there is only one
    #[arg(long, value_name = "ID")]
    connection: Option<ConnectionId>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
pub struct Start {
    #[command(flatten)]
    at: Where,
    /// The plan, as `sync plan` printed it
    #[arg(long, value_name = "ID")]
    plan: PlanId,
    /// What a delete on one side does to the other; unlinked when never said
    #[arg(long, value_name = "WHAT")]
    on_delete: Option<Deletes>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Deletes {
    /// Nothing: the other side keeps its own
    Unlink,
    /// A contact's delete archives its record
    Archive,
    /// Either delete is carried over
    Delete,
}

impl From<Deletes> for OnDelete {
    fn from(deletes: Deletes) -> Self {
        match deletes {
            Deletes::Unlink => Self::Unlink,
            Deletes::Archive => Self::Archive,
            Deletes::Delete => Self::Delete,
        }
    }
}

#[derive(clap::Args)]
pub struct Status {
    #[command(flatten)]
    at: Where,
    /// Only the sync of this connection
    #[arg(long, value_name = "ID")]
    connection: Option<ConnectionId>,
    /// Wait until nothing is left to be written
    #[arg(long)]
    wait: bool,
    /// Print JSON: one object, or an array if there are several syncs
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
pub struct Which {
    #[command(flatten)]
    at: Where,
    /// The connection; may be left out when there is only one
    #[arg(long, value_name = "ID")]
    connection: Option<ConnectionId>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
pub struct Relink {
    #[command(flatten)]
    at: Where,
    /// The contact's id
    contact: ContactId,
    /// The record's id in the CRM; if left out, the record the contact had, or a new one if that was deleted
    #[arg(long, value_name = "ID")]
    record: Option<String>,
    /// The connection; may be left out when there is only one
    #[arg(long, value_name = "ID")]
    connection: Option<ConnectionId>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub fn run(command: Command) -> anyhow::Result<()> {
    start_quiet_log();
    let at = match &command {
        Command::Plan(Plan { at, .. })
        | Command::Show(plan_rows::Show { at, .. })
        | Command::Turn(plan_rows::Turn { at, .. })
        | Command::Start(Start { at, .. })
        | Command::Status(Status { at, .. })
        | Command::Pause(Which { at, .. })
        | Command::Resume(Which { at, .. })
        | Command::Relink(Relink { at, .. }) => at,
    };
    let place = Place::find(at, Table::new())?;
    let app = place.open_existing()?;
    runtime()?.block_on(async {
        key_ring::check(&app).await?;
        let org = organization(&app).await?;
        let desk = Desk { app: reach_own_connections(app, &org).await?, org, place };
        match command {
            Command::Plan(plan) => desk.plan(&plan).await,
            Command::Show(show) => show.run(&desk.app, &desk.org).await,
            Command::Turn(turn) => turn.run(&desk.app, &desk.org).await,
            Command::Start(start) => desk.start(&start).await,
            Command::Status(status) => desk.status(&status).await,
            Command::Pause(which) => desk.pause(&which).await,
            Command::Resume(which) => desk.resume(&which).await,
            Command::Relink(choice) => desk.relink(choice).await,
        }
    })
}

/// Where a person sits who looks after an organization's syncs.
struct Desk {
    app: App,
    place: Place,
    org: Org,
}

/// A sync as it is shown.
#[derive(Serialize)]
struct Shown {
    sync: SyncId,
    connection: ConnectionId,
    status: SyncStatus,
    reason: Option<String>,
    pairs: i64,
    waiting: i64,
    unanswered: usize,
    tombstones: i64,
    parked: i64,
    last_pull: Option<Time>,
    last_census: Option<Time>,
    plan: Option<ShownPlan>,
    in_step: bool,
}

#[derive(Serialize)]
struct ShownPlan {
    plan: PlanId,
    status: PlanStatus,
    #[serde(flatten)]
    summary: PlanSummary,
}

impl From<Standing> for Shown {
    fn from(standing: Standing) -> Self {
        let plan = standing.plan.map(|plan| ShownPlan { plan: plan.id, status: plan.status, summary: plan.summary });
        Self {
            sync: standing.sync,
            connection: standing.connection,
            status: standing.status,
            reason: standing.stopped_reason,
            pairs: standing.pairs.open,
            waiting: standing.pairs.dirty,
            unanswered: standing.unanswered,
            tombstones: standing.pairs.tombstones,
            parked: standing.pairs.questions,
            last_pull: standing.pulled_at,
            last_census: standing.census_at,
            plan,
            in_step: standing.in_step,
        }
    }
}

impl Desk {
    async fn connections(&self) -> anyhow::Result<Vec<ConnectionId>> {
        let org = self.org.clone();
        let connections = self.app.store.read(move |tx| tx.connections(&org)).await?;
        Ok(connections.iter().map(|connection| connection.id().clone()).collect())
    }

    /// The one connection that is meant.
    async fn connection(&self, id: Option<&ConnectionId>) -> anyhow::Result<ConnectionId> {
        let mut connections = self.connections().await?;
        connections.retain(|connection| id.is_none_or(|id| connection == id));
        match (connections.len(), id) {
            (1, _) => Ok(connections.remove(0)),
            (0, Some(id)) => bail!("there is no connection {id}"),
            (0, None) => bail!("no CRM is connected; `lockstep connect` does that"),
            _ => bail!("there are several connections; say which with --connection"),
        }
    }

    async fn plan(&self, arguments: &Plan) -> anyhow::Result<()> {
        let connection = self.connection(arguments.connection.as_ref()).await?;
        let region = self.place.config.region().map(str::to_owned);
        let plan = syncs::plan(&self.app, &self.org, &connection, region).await?;
        let found = jobs::until(&self.app, &self.place.target, async || {
            self.standing(&connection).await?;
            let found = plans::show(&self.app, &self.org, &plan).await?;
            Ok((found.status == PlanStatus::Ready).then_some(found))
        })
        .await?;
        let PlanSummary { matched, ambiguous, new_in_crm, new_in_inbox, conflicts, calls, seconds } = found.summary;
        if arguments.json {
            return screen::json(&serde_json::json!({
                "matched": matched,
                "ambiguous": ambiguous,
                "new_in_crm": new_in_crm,
                "new_in_inbox": new_in_inbox,
                "conflicts": conflicts,
                "calls": calls,
                "seconds": seconds,
                "plan": found.id,
                "sync": found.sync,
            }));
        }
        screen::say("Nothing has been written to either side. This is what a start would do:\n")?;
        screen::say(summary_table(&found.summary))?;
        screen::say(format!(
            "It takes {} calls and at least {} s by the CRM's limits.",
            number(calls),
            number(seconds)
        ))?;
        screen::say(format!("To see it row by row: lockstep sync show {}", found.id))?;
        screen::say(format!("To accept it: lockstep sync start --plan {}", found.id))
    }

    /// Where a sync stands. One that stopped, or whose connection is refused, will not come further by waiting.
    async fn standing(&self, connection: &ConnectionId) -> anyhow::Result<Standing> {
        let (org, id) = (self.org.clone(), connection.clone());
        let found = self.app.store.read(move |tx| tx.connection(&org, &id)).await?;
        if let Some(ConnectionStatus::Reauthorise { reason }) = found.map(|of| of.connection().status.clone()) {
            bail!("the CRM lets us in no more ({reason}); run `lockstep connect` again");
        }
        let standing = syncs::standing(&self.app, &self.org, connection).await?;
        let standing = standing.context("this connection has no sync; `lockstep sync plan` begins one")?;
        if standing.status == SyncStatus::Stopped {
            bail!("the sync stopped: {}", standing.stopped_reason.as_deref().unwrap_or("no reason was noted"));
        }
        Ok(standing)
    }

    async fn start(&self, arguments: &Start) -> anyhow::Result<()> {
        let plan = plans::show(&self.app, &self.org, &arguments.plan).await?;
        if !arguments.yes {
            confirm(&plan.summary)?;
        }
        if let Some(deletes) = arguments.on_delete {
            plans::choose_deletes(&self.app, &self.org, &arguments.plan, deletes.into()).await?;
        }
        plans::accept(&self.app, &self.org, &arguments.plan).await?;
        if arguments.json {
            return screen::json(&serde_json::json!({ "sync": plan.sync, "plan": plan.id, "accepted": true }));
        }
        screen::say(
            "Accepted. A running `lockstep serve` carries it out; `lockstep sync status --wait` watches or does it.",
        )
    }

    async fn status(&self, arguments: &Status) -> anyhow::Result<()> {
        let mut shown: Vec<Shown> = Vec::new();
        for connection in self.connections().await? {
            let meant = arguments.connection.as_ref().is_none_or(|id| connection == *id);
            if !meant || syncs::standing(&self.app, &self.org, &connection).await?.is_none() {
                continue;
            }
            if arguments.wait {
                self.wait(&connection).await?;
            }
            let standing = syncs::standing(&self.app, &self.org, &connection).await?;
            shown.extend(standing.map(Shown::from));
        }
        match (arguments.json, shown.as_slice()) {
            (true, [one]) => screen::json(one),
            (true, all) => screen::json(&all),
            (false, []) => screen::say("There is no sync; `lockstep sync plan` begins one."),
            (false, all) => {
                screen::say(screen::table(&STATUS_HEADER, &[2, 3, 4], all.iter().map(status_row).collect()))
            }
        }
    }

    async fn wait(&self, connection: &ConnectionId) -> anyhow::Result<()> {
        let total = self
            .standing(connection)
            .await?
            .plan
            .map_or(0, |plan| plan.summary.matched + plan.summary.new_in_crm + plan.summary.new_in_inbox);
        let bar = screen::bar(u64::try_from(total).unwrap_or_default(), "Bringing both sides in step");
        let waited = jobs::until(&self.app, &self.place.target, async || {
            let standing = self.standing(connection).await?;
            let accepted =
                standing.plan.is_none_or(|plan| matches!(plan.status, PlanStatus::Accepted | PlanStatus::Done));
            match standing.status {
                SyncStatus::Paused => bail!("the sync is paused; `lockstep sync resume` goes on with it"),
                SyncStatus::Planned if !accepted => bail!("the plan waits for you; `lockstep sync start` accepts it"),
                SyncStatus::Planning | SyncStatus::Planned | SyncStatus::Running | SyncStatus::Stopped => {}
            }
            bar.set_position(u64::try_from(standing.pairs.open - standing.pairs.dirty).unwrap_or_default());
            Ok(standing.in_step.then_some(()))
        });
        let outcome = waited.await;
        bar.finish_and_clear();
        outcome
    }

    async fn pause(&self, which: &Which) -> anyhow::Result<()> {
        let connection = self.connection(which.connection.as_ref()).await?;
        syncs::pause(&self.app, &self.org, &connection).await?;
        self.tell(which, &connection, "Paused. Edits on both sides wait until `lockstep sync resume`.").await
    }

    async fn resume(&self, which: &Which) -> anyhow::Result<()> {
        let connection = self.connection(which.connection.as_ref()).await?;
        syncs::resume(&self.app, &self.org, &connection).await?;
        self.tell(which, &connection, "Resumed.").await
    }

    async fn relink(&self, choice: Relink) -> anyhow::Result<()> {
        let connection = self.connection(choice.connection.as_ref()).await?;
        let pair = relink::relink(&self.app, &self.org, &connection, &choice.contact, choice.record).await?;
        if choice.json {
            return screen::json(&serde_json::json!({ "contact": pair.contact, "record": pair.native }));
        }
        let with = pair.native.map_or_else(|| "a new record".to_owned(), |native| format!("the record {native}"));
        screen::say(format!("{} is kept in step with {with} from now on.", pair.contact))
    }

    async fn tell(&self, which: &Which, connection: &ConnectionId, sentence: &str) -> anyhow::Result<()> {
        if which.json { screen::json(&Shown::from(self.standing(connection).await?)) } else { screen::say(sentence) }
    }
}

const STATUS_HEADER: [&str; 7] = ["connection", "status", "pairs", "wait to be written", "parked", "last look", "note"];

fn status_row(shown: &Shown) -> Vec<String> {
    let status = if shown.in_step { "in step".to_owned() } else { format!("{:?}", shown.status).to_lowercase() };
    let note = match (&shown.reason, &shown.plan) {
        (Some(reason), _) => reason.clone(),
        (None, Some(plan)) if plan.status == PlanStatus::Ready => format!("plan {} waits for you", plan.plan),
        _ => String::new(),
    };
    vec![
        shown.connection.to_string(),
        status,
        number(shown.pairs),
        number(shown.waiting),
        number(shown.parked),
        shown.last_pull.map_or_else(|| "never".to_owned(), |at| at.to_string()),
        note,
    ]
}

/// A plan for people.
pub fn summary_table(summary: &PlanSummary) -> String {
    let rows = [
        ("Matched by phone or e-mail", summary.matched, "kept in step from now on"),
        ("  fields that differ", summary.conflicts, "the field's rule decides; the log keeps the other value"),
        ("Ambiguous", summary.ambiguous, "left alone until you choose"),
        ("Only in the inbox", summary.new_in_crm, "made in the CRM"),
        ("Only in the CRM", summary.new_in_inbox, "made in the inbox"),
    ];
    let rows = rows.map(|(what, count, then)| vec![what.to_owned(), number(count), then.to_owned()]).to_vec();
    screen::table(&["", "count", "what a start does"], &[1], rows)
}

fn confirm(summary: &PlanSummary) -> anyhow::Result<()> {
    if !io::stdin().is_terminal() {
        bail!("say --yes to accept the plan");
    }
    screen::remark(summary_table(summary));
    write!(io::stderr(), "Accept this plan? [yes/no] ")?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).context("no answer was read")?;
    match answer.trim() {
        "y" | "yes" => Ok(()),
        _ => bail!("not accepted; nothing was written"),
    }
}
