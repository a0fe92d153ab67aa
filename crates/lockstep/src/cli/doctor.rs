//! `lockstep doctor`: what is wrong with a set-up and how to mend it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use lockstep_connect::{Call, Connector, FaultClass, KeyField, Method, Session, Webhooks};
use lockstep_core::env::Time;
use lockstep_store::{
    ConnectionOf, ConnectionStatus, KeyKind, Org, PairCounts, StoreError, SyncOf, SyncStatus, Target, try_worker_lock,
};
use serde::Serialize;
use toml::Table;

use super::place::{Place, Where, reach_own_connections, runtime, start_quiet_log};
use super::screen;
use crate::app::App;
use crate::ops::key_ring;
use crate::reach::{self, Class};

#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    at: Where,
    /// Print one JSON array
    #[arg(long)]
    json: bool,
}

/// How one thing stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Well,
    Doubtful,
    Broken,
}

impl State {
    const fn word(self) -> &'static str {
        match self {
            Self::Well => "✓ well",
            Self::Doubtful => "! look",
            Self::Broken => "✗ broken",
        }
    }
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    what: String,
    state: State,
    found: String,
    /// How to mend it; empty where all is well.
    mend: String,
}

/// The patient's chart.
#[derive(Default)]
struct Chart(Vec<Finding>);

impl Chart {
    fn well(&mut self, what: impl Into<String>, found: impl Into<String>) {
        self.note(what, State::Well, found, "");
    }

    fn doubtful(&mut self, what: impl Into<String>, found: impl Into<String>, mend: impl Into<String>) {
        self.note(what, State::Doubtful, found, mend);
    }

    fn broken(&mut self, what: impl Into<String>, found: impl Into<String>, mend: impl Into<String>) {
        self.note(what, State::Broken, found, mend);
    }

    fn note(&mut self, what: impl Into<String>, state: State, found: impl Into<String>, mend: impl Into<String>) {
        self.0.push(Finding { what: what.into(), state, found: found.into(), mend: mend.into() });
    }
}

/// The vendor's clock may differ from ours by this much; what was edited last is told apart by it.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(30);

/// What was set aside is counted so far.
const COUNTED_MAX: usize = 100;

pub fn run(arguments: &Arguments) -> ExitCode {
    start_quiet_log();
    let mut chart = Chart::default();
    if let Err(error) = examine(&arguments.at, &mut chart) {
        chart.broken("set-up", format!("{error:#}"), "mend this first; the rest cannot be looked at before");
    }
    let broken = chart.0.iter().any(|finding| finding.state == State::Broken);
    let shown = if arguments.json { screen::json(&chart.0) } else { show(chart) };
    if broken || shown.is_err() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn show(chart: Chart) -> anyhow::Result<()> {
    let row = |finding: Finding| {
        let advice =
            if finding.mend.is_empty() { finding.found } else { format!("{}\n→ {}", finding.found, finding.mend) };
        vec![finding.state.word().to_owned(), finding.what, advice]
    };
    screen::say(screen::table(&["", "what", "found"], &[], chart.0.into_iter().map(row).collect()))
}

fn examine(at: &Where, chart: &mut Chart) -> anyhow::Result<()> {
    let place = Place::find(at, Table::new())?;
    chart.well("settings", "every setting is known and makes sense");
    private(&place.keyring_file(), chart);
    let app = place.open_existing()?;
    chart.well("database", format!("{} answers and has this program's schema", place.target));
    worker(&place.target, chart)?;
    runtime()?.block_on(async {
        if let Err(error) = key_ring::check(&app).await {
            chart.broken("key ring", error.to_string(), "restore the file keyring, or set keyring as it was");
        }
        let orgs = app.store.read(|tx| tx.orgs()).await?;
        if orgs.is_empty() {
            chart.broken("organization", "there is none", "run `lockstep init`");
        }
        for (org, _) in orgs {
            let own = reach_own_connections(app.clone(), &org).await?;
            organization(&own, &org, chart).await?;
            targets(&app, &org, chart).await?;
        }
        Ok(())
    })
}

fn private(path: &Path, chart: &mut Chart) {
    match fs::metadata(path).map(|file| file.permissions().mode() & 0o077) {
        Ok(0) => chart.well("key ring", format!("only its owner can read {}", path.display())),
        Ok(_) => {
            let mend = format!("chmod 600 {}", path.display());
            chart.broken("key ring", "other users of this machine can read it", mend);
        }
        // It may be in the settings instead; opening tells.
        Err(_) => {}
    }
}

fn worker(target: &Target, chart: &mut Chart) -> anyhow::Result<()> {
    match target {
        Target::Postgres(_) => chart.well("worker", "every server of this database takes part"),
        Target::Sqlite(_) if try_worker_lock(target)?.is_none() => {
            chart.well("worker", "a running process does the jobs")
        }
        Target::Sqlite(_) => {
            chart.doubtful(
                "worker",
                "no process does the jobs: nothing is synced or delivered",
                "run `lockstep serve`",
            );
        }
    }
    Ok(())
}

async fn organization(app: &App, org: &Org, chart: &mut Chart) -> anyhow::Result<()> {
    let of = org.clone();
    let (accounts, keys, connections, syncs) = app
        .store
        .read(move |tx| {
            Ok::<_, StoreError>((
                tx.accounts(&of)?,
                tx.keys(&of, None, usize::MAX)?.0,
                tx.connections(&of)?,
                tx.syncs(&of)?,
            ))
        })
        .await?;
    if accounts.is_empty() {
        chart.broken("account", "no WhatsApp account: no contact can be made", "run `lockstep init`");
    }
    let now = app.env.now();
    let usable =
        keys.iter().filter(|key| key.kind == KeyKind::Api && !key.is_revoked() && !key.is_expired(now)).count();
    match usable {
        0 => {
            chart.doubtful("API keys", "none is active: the inbox API refuses everybody", "run `lockstep keys create`")
        }
        count => chart.well("API keys", format!("{count} active")),
    }
    if connections.is_empty() {
        chart.doubtful("connections", "no CRM is connected", "run `lockstep connect hubspot`");
    }
    for connection in &connections {
        examine_connection(app, connection, chart).await;
    }
    let of = org.clone();
    let (hooks, lost) = app
        .store
        .read(move |tx| {
            Ok::<_, StoreError>((tx.parked_hooks(&of, COUNTED_MAX)?, tx.lost_invocations(&of, COUNTED_MAX)?))
        })
        .await?;
    let counted = |count: usize, more: bool, what: &str| {
        let more = if more { " or more" } else { "" };
        (count > 0).then(|| format!("{count}{more} {what}"))
    };
    if let Some(found) = counted(hooks.0.len(), hooks.1, "could not be taken in and are kept") {
        chart.doubtful("webhooks, parked", found, "run `lockstep parked list`");
    }
    if let Some(found) = counted(lost.0.len(), lost.1, "lost the CRM's answer: whether they happened is unknown") {
        chart.doubtful("invocations, parked", found, "run `lockstep parked list`");
    }
    for sync in &syncs {
        let of = sync.clone();
        let counts = app.store.read(move |tx| tx.pair_counts(&of)).await?;
        examine_sync(sync, counts, chart);
    }
    Ok(())
}

/// Where connections lead that a server may not reach.
async fn targets(app: &App, org: &Org, chart: &mut Chart) -> anyhow::Result<()> {
    let of = org.clone();
    for connection in app.store.read(move |tx| tx.connections(&of)).await? {
        let url = &connection.connection().base_url;
        if let Err(error) = app.settings.egress.check_url(url) {
            let mend = "start `lockstep serve` with --allow-local-targets, or name the host in egress.allow";
            chart.doubtful(format!("connection {}", connection.id()), format!("{url}: {error}"), mend);
        }
    }
    Ok(())
}

async fn examine_connection(app: &App, connection: &ConnectionOf, chart: &mut Chart) {
    let name = format!("connection {}", connection.id());
    if let ConnectionStatus::Reauthorise { reason } = &connection.connection().status {
        chart.broken(
            &name,
            format!("the vendor lets us in no more: {reason}"),
            "run `lockstep connect` again with a new token",
        );
        return;
    }
    let (connector, session) = match reach::session(app, connection, Class::Interactive) {
        Ok(found) => found,
        Err(fault) => return chart.broken(&name, fault.message, "use the program that made this connection"),
    };
    match connector.account(&session).await {
        Ok(account) => chart.well(&name, format!("{} account {account} lets us in", connector.about().name)),
        Err(fault) => {
            let scopes = connector.about().oauth.as_ref().map_or_else(String::new, |terms| terms.scopes.join(", "));
            let mend = match fault.class {
                FaultClass::Reauthorise => "run `lockstep connect` again with a new token".to_owned(),
                FaultClass::Forbidden => {
                    format!(
                        "give the app these scopes: {scopes}; where the app itself is refused, correct its client id and secret"
                    )
                }
                _ => "see whether the address is right and answers".to_owned(),
            };
            return chart.broken(&name, fault.message, mend);
        }
    }
    key_property(connection, connector, &session, chart).await;
    budget(app, connection, connector, chart).await;
    clock(app, &session, &name, chart).await;
    hooks(app, connection, connector, chart).await;
}

/// What is used and left of what the vendor allows the account.
async fn budget(app: &App, connection: &ConnectionOf, connector: &dyn Connector, chart: &mut Chart) {
    let about = connector.about();
    let what = format!("budget of {} account {}", about.name, connection.connection().account);
    let now = app.env.now();
    match reach::standing(app, about, connection).await {
        Err(error) => chart.broken(what, error.to_string(), "see whether the database answers"),
        Ok(standing) if standing.is_used(now) => {
            let mend = "what waits goes out when the day ends; a larger plan or fewer calls by other tools keep it from happening";
            chart.doubtful(what, standing.line(now), mend);
        }
        Ok(standing) => chart.well(what, standing.line(now)),
    }
}

async fn key_property(connection: &ConnectionOf, connector: &dyn Connector, session: &Session, chart: &mut Chart) {
    let what = format!("key property of {}", connection.id());
    let name = match serde_json::from_str(&connection.connection().key_field) {
        Ok(KeyField::Property { name }) => name,
        Ok(KeyField::None) => {
            return chart
                .well(what, "none, as agreed: a create whose answer is lost is searched for by e-mail and phone");
        }
        Err(error) => {
            return chart.broken(what, format!("cannot be read: {error}"), "restore a backup of the database");
        }
    };
    match connector.describe(session).await {
        Err(fault) => chart.broken(what, fault.message, "give the app the scopes to read properties"),
        Ok(description) => match description.properties.iter().find(|property| property.name == name) {
            None => chart.broken(
                what,
                format!("{name} is gone from the account"),
                "make it again as a unique text property of that name",
            ),
            Some(property) if !property.unique && connector.about().upsert_by_key => {
                chart.broken(
                    what,
                    format!("{name} is not unique"),
                    "make it again as a unique text property of that name",
                );
            }
            Some(property) if property.unique => chart.well(what, format!("{name} is there and unique")),
            Some(_) => chart.well(what, format!("{name} is there")),
        },
    }
}

/// Any answer tells the vendor's time, a refusal too.
async fn clock(app: &App, session: &Session, connection: &str, chart: &mut Chart) {
    let Ok(answer) = session.door.send(Call::read(Method::Get, "/", None)).await else { return };
    let date = answer.headers.get(http::header::DATE).and_then(|date| date.to_str().ok());
    let Some(theirs) = date.and_then(|date| jiff::fmt::rfc2822::parse(date).ok()) else { return };
    let (ours, theirs) = (app.env.now(), Time(theirs.timestamp().as_microsecond()));
    let apart = ours.since(theirs).max(theirs.since(ours));
    let what = format!("clock, against {connection}");
    if apart > CLOCK_TOLERANCE {
        let found = format!("ours is {} s away from the vendor's", apart.as_secs());
        chart.broken(what, found, "let the machine keep its time by NTP");
    } else {
        chart.well(what, "both agree");
    }
}

async fn hooks(app: &App, connection: &ConnectionOf, connector: &dyn Connector, chart: &mut Chart) {
    let (about, url) = (connector.about(), &app.settings.public_url);
    let what = format!("webhooks of {}", connection.id());
    let polled = format!("changes are found every {} s by asking", app.settings.poll_seconds);
    let (is_set_up, mend) = match about.webhooks {
        Webhooks::None => {
            return chart.well(what, format!("{} sends none that can be proved; {polled}", about.name));
        }
        Webhooks::App => (
            app.settings.oauth_apps.contains_key(about.slug),
            format!(
                "for news at once, set public_url and {}.client_secret, and point the app's webhooks to public_url with \
                 /hooks/{} behind it",
                about.slug, about.slug
            ),
        ),
        Webhooks::Handshake => {
            let of = connection.clone();
            let address = app.store.read(move |tx| tx.hook_address(&of)).await.ok().flatten();
            (
                address.is_some_and(|address| address.token_sealed.is_some()),
                format!("for news at once, run `lockstep webhooks {}` and see {}", connection.id(), about.docs),
            )
        }
    };
    if !is_set_up {
        return chart.doubtful(what, format!("not set up; {polled}"), mend);
    }
    let public = crate::egress::Rules::default().check_url(url).is_ok();
    let local_vendor = connection.connection().base_url != about.base_url;
    if public || local_vendor {
        chart.well(what, format!("taken at {url}/hooks/{}", about.slug));
    } else {
        chart.doubtful(
            what,
            format!("public_url is none that the vendor can reach; {polled}"),
            "set public_url to an https address",
        );
    }
}

fn examine_sync(sync: &SyncOf, counts: PairCounts, chart: &mut Chart) {
    let row = sync.row();
    let name = format!("sync {}", sync.id());
    match row.status {
        SyncStatus::Running => chart.well(&name, format!("{} pairs, {} wait to be written", counts.open, counts.dirty)),
        SyncStatus::Planning => {
            chart.doubtful(&name, "its plan is being computed", "wait, or see `lockstep sync status`")
        }
        SyncStatus::Planned => chart.doubtful(&name, "its plan waits for you", "run `lockstep sync start`"),
        SyncStatus::Paused => chart.doubtful(&name, "a person paused it", "run `lockstep sync resume`"),
        SyncStatus::Stopped => {
            let reason = row.stopped_reason.clone().unwrap_or_else(|| "it stopped itself".to_owned());
            chart.broken(&name, reason, "mend the cause, then run `lockstep sync resume`");
        }
    }
    if counts.questions > 0 {
        let found = format!("{} questions wait for a person", counts.questions);
        chart.doubtful(format!("{name}, parked"), found, "run `lockstep parked list`");
    }
}
