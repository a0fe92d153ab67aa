//! The chapters of the demo, in order.

use std::collections::BTreeSet;

use anyhow::Context;
use lockstep_connect::oauth::Grant;
use lockstep_core::ids::{ConnectionId, PlanId};
use lockstep_core::parked::{Parked, Reason};
use lockstep_core::plan::PlanSummary;
use lockstep_sandbox::hubspot::Record;
use lockstep_store::PlanStatus;
use secrecy::SecretString;

use super::agreement::{self, Agreement};
use super::cost::{self, Calls, Written};
use super::edits::{self, Edit};
use super::sides::{Sides, until};
use super::stage::Stage;
use super::story::Story;
use super::summary::{OpenDoors, Summary};
use super::{Options, portal};
use crate::cli::screen::{self, number};
use crate::cli::sync::summary_table;
use crate::import::Import;
use crate::ops;
use crate::ops::syncs::{Connect, KEY_PROPERTY, KeyChoice};

/// Any token will do at the look-alike.
const TOKEN: &str = "demo-token";

const DAY_US: i64 = 86_400_000_000;

/// Refused rows that are shown.
const REFUSED_SHOWN: usize = 5;

/// Plays every chapter; without `once` it then stays until it is dropped.
pub async fn play(stage: &Stage, options: &Options, import: Import) -> anyhow::Result<()> {
    let story = Story::new(options.json);
    let begun = stage.app.env.now();
    let known = portal::records(&import.contacts, &stage.app.env);
    let mut summary = take_in(stage, &story, import).await?;
    let seeded = meet_hubspot(stage, &story, known)?;
    let connection = connect(stage, &story).await?;
    let (plan, counts) = plan(stage, &story, &connection).await?;
    let first = carry_out(stage, &story, &connection, &plan, &counts, &seeded).await?;
    let (second, edits) = edit_both_sides(stage, &story, &connection).await?;
    explain(stage, &story, &edits).await?;

    summary.count_plan(&counts, first, second, edits.iter().filter(|edit| edit.is_conflict()).count());
    conclude(stage, &mut summary, &[first, second]).await?;
    summary.seconds = stage.app.env.now().since(begun).as_secs_f64();
    if !options.once {
        summary.open = Some(open_doors(stage));
    }
    summary.tell(&story)?;
    if options.json {
        screen::json(&summary)?;
    }
    anyhow::ensure!(summary.converged, "the two sides did not come to agree");
    if options.once {
        return Ok(());
    }
    stay(stage, &story).await
}

async fn take_in(stage: &Stage, story: &Story, mut import: Import) -> anyhow::Result<Summary> {
    story.chapter("An inbox and a HubSpot, both on this machine")?;
    story.tell(format!("Inbox    {}", stage.inbox_url()))?;
    story.tell(format!("HubSpot  {}  (a look-alike: limits, index lag, webhooks and all)", stage.crm_url()))?;

    story.chapter("A contact list as real life has it")?;
    let contacts = std::mem::take(&mut import.contacts);
    let summary = Summary {
        rows: import.rows,
        contacts: contacts.len(),
        folded_rows: import.folded.len(),
        refused_rows: import.refused.len(),
        ..Summary::default()
    };
    ops::contacts::import(&stage.app, &stage.org, contacts).await?;
    story.tell(format!(
        "{} rows: {} contacts, {} folded into one of the same person, {} refused",
        number(summary.rows),
        number(summary.contacts),
        number(summary.folded_rows),
        number(summary.refused_rows)
    ))?;
    for row in import.refused.iter().take(REFUSED_SHOWN) {
        story.tell(format!("  line {:>5}  {}", row.line, row.reason))?;
    }
    if import.refused.len() > REFUSED_SHOWN {
        story.tell(format!("  … and {} more", number(import.refused.len() - REFUSED_SHOWN)))?;
    }
    Ok(summary)
}

/// Fills the look-alike with what other people typed about half of the contacts.
fn meet_hubspot(stage: &Stage, story: &Story, known: Vec<portal::Properties>) -> anyhow::Result<Vec<Record>> {
    // They were typed a while ago, not in this second.
    stage.hubspot.set_clock_offset(-30 * DAY_US);
    let seeded = stage.hubspot.seed(known);
    stage.hubspot.set_clock_offset(0);
    if let Some((row, reason)) = seeded.refused.first() {
        anyhow::bail!("the look-alike refuses record {row}: {reason}");
    }
    story.tell(format!("HubSpot already holds {} records, typed by other people", number(seeded.created)))?;
    Ok(stage.hubspot.records())
}

fn open_doors(stage: &Stage) -> OpenDoors {
    OpenDoors { inbox_url: stage.inbox_url(), api_key: stage.api_key.clone(), crm_url: stage.crm_url() }
}

async fn connect(stage: &Stage, story: &Story) -> anyhow::Result<ConnectionId> {
    let request = Connect {
        renews: None,
        vendor: "hubspot".to_owned(),
        base_url: Some(stage.crm_url()),
        grant: Grant::fixed(SecretString::from(TOKEN)),
        key: KeyChoice::Create,
    };
    let connection = ops::syncs::connect(&stage.app, &stage.org, request).await?;
    story.tell(format!("Connected, with our id kept in HubSpot's new unique property {KEY_PROPERTY}"))?;
    Ok(connection.id().clone())
}

async fn plan(stage: &Stage, story: &Story, connection: &ConnectionId) -> anyhow::Result<(PlanId, PlanSummary)> {
    story.chapter("The plan. Nothing has been written to either side")?;
    let region = stage.region.clone();
    let plan = ops::syncs::plan(&stage.app, &stage.org, connection, region).await?;
    let summary = until(stage, "the plan", async || {
        let found = ops::plans::show(&stage.app, &stage.org, &plan).await?;
        Ok((found.status == PlanStatus::Ready).then_some(found.summary))
    })
    .await?;
    story.show(&summary_table(&summary))?;
    story.tell(format!(
        "It takes {} calls and at least {} s by HubSpot's limits",
        number(summary.calls),
        summary.seconds
    ))?;
    Ok((plan, summary))
}

async fn carry_out(
    stage: &Stage,
    story: &Story,
    connection: &ConnectionId,
    plan: &PlanId,
    counts: &PlanSummary,
    seeded: &[Record],
) -> anyhow::Result<Written> {
    story.tell("The demo accepts its own plan; with `lockstep sync start` that is up to you")?;
    ops::plans::accept(&stage.app, &stage.org, plan).await?;
    let total = counts.matched + counts.new_in_crm + counts.new_in_inbox;
    let bar = screen::bar(u64::try_from(total)?, "Bringing both sides in step");
    until(stage, "the plan to be carried out", async || {
        let standing = ops::syncs::standing(&stage.app, &stage.org, connection).await?.context("the sync is gone")?;
        bar.set_position(u64::try_from(standing.pairs.open - standing.pairs.dirty).unwrap_or_default());
        Ok(standing.in_step.then_some(()))
    })
    .await?;
    bar.finish_and_clear();
    let written = Written::between(seeded, &stage.hubspot.records());
    story.tell(format!(
        "Done: {} records made and {} updated in HubSpot, {} contacts made in the inbox",
        number(written.created),
        number(written.updated),
        number(counts.new_in_inbox)
    ))?;
    Ok(written)
}

/// Edits both sides while the sync is paused, so that one of the edits is a true conflict, and watches them converge.
async fn edit_both_sides(
    stage: &Stage,
    story: &Story,
    connection: &ConnectionId,
) -> anyhow::Result<(Written, Vec<Edit>)> {
    story.chapter("People edit both sides, one field at the same time")?;
    let sides = Sides::now(stage).await?;
    let edits = edits::script(&sides.contacts, &sides.records);
    stage.switch_webhooks_on();
    ops::syncs::pause(&stage.app, &stage.org, connection).await?;
    for edit in &edits {
        edits::type_in(stage, edit).await?;
    }
    let typed = stage.hubspot.records();
    let resumed = stage.app.env.now();
    ops::syncs::resume(&stage.app, &stage.org, connection).await?;
    until(stage, "both sides to agree", async || {
        let sides = Sides::now(stage).await?;
        Ok(edits.iter().all(|edit| edit.is_settled(&sides.contacts, &sides.records)).then_some(()))
    })
    .await?;
    let seconds = stage.app.env.now().since(resumed).as_secs_f64();
    let none = || "·".to_owned();
    let rows = edits.iter().map(|edit| {
        let crm = edit.crm.as_ref().map(|typed| typed.value.clone());
        vec![
            edit.field.to_owned(),
            edit.before.clone(),
            edit.inbox.clone().unwrap_or_else(none),
            crm.unwrap_or_else(none),
            edit.expected.clone(),
        ]
    });
    let header = ["field", "before", "typed in the inbox", "typed in HubSpot", "now on both sides"];
    story.show(&screen::table(&header, &[], rows.collect()))?;
    story.tell(format!("Both sides agreed {seconds:.1} s after the sync was resumed"))?;
    Ok((Written::between(&typed, &stage.hubspot.records()), edits))
}

async fn explain(stage: &Stage, story: &Story, edits: &[Edit]) -> anyhow::Result<()> {
    let Some(edit) = edits.iter().find(|edit| edit.is_conflict()) else { return Ok(()) };
    story.chapter("Why is that so? The log keeps what each decision was made from")?;
    story.tell(format!("$ lockstep why contact {} {}", edit.contact, edit.field))?;
    let explanation = ops::why::why(&stage.app, &stage.org, &edit.contact, edit.field).await?;
    story.quote(&explanation.sentence)
}

/// Waits until the hub has seen the echoes of its own writes, and judges both sides.
async fn conclude(stage: &Stage, summary: &mut Summary, phases: &[Written]) -> anyhow::Result<()> {
    let spinner = screen::spinner("Waiting until the echoes of our own writes have come back");
    until(stage, "the echoes of our own writes", async || {
        Ok(stage.tap.has_seen(&stage.hubspot.records()).then_some(()))
    })
    .await?;
    spinner.finish_and_clear();
    let sides = Sides::now(stage).await?;
    let agreement: Agreement = agreement::compare(&sides.contacts, &sides.records);
    let (contacts, records) = asked_about(&sides.parked);
    summary.parked = sides.parked.len();
    summary.converged = agreement.complete(contacts, records);
    let (changed, empty_polls) = stage.tap.count();
    summary.calls = Calls::sorted(&stage.hubspot.calls(), cost::minimum(phases, changed, empty_polls));
    Ok(())
}

/// How many contacts and records the questions are about.
fn asked_about(parked: &[Parked]) -> (usize, usize) {
    let (mut contacts, mut records) = (BTreeSet::new(), BTreeSet::new());
    for question in parked {
        contacts.extend(question.contact.as_ref());
        records.extend(question.native.as_ref());
        if let Reason::Ambiguous { contacts: several, records: candidates } = &question.reason {
            contacts.extend(several);
            records.extend(candidates);
        }
    }
    (contacts.len(), records.len())
}

async fn stay(stage: &Stage, story: &Story) -> anyhow::Result<()> {
    let sides = Sides::now(stage).await?;
    story.chapter("It stays up until you press Ctrl-C. Try:")?;
    let (inbox, key, crm) = (stage.inbox_url(), &stage.api_key, stage.crm_url());
    story.tell(format!("curl -H 'Authorization: Bearer {key}' '{inbox}/v1/contacts?limit=3'"))?;
    let paired = sides.contacts.iter().find_map(|contact| Some((&contact.id, agreement::record_id(contact)?)));
    if let Some((contact, record)) = paired {
        story.tell(format!(
            "curl -X PATCH -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' -d '{{\"name\":\"Ada Lovelace\"}}' {inbox}/v1/contacts/{contact}"
        ))?;
        story.tell(format!("curl -H 'Authorization: Bearer {TOKEN}' '{crm}/crm/v3/objects/contacts/{record}?properties=firstname,lastname,phone'"))?;
    }
    story.tell(format!("HubSpot's records in a browser: {crm}/"))?;
    std::future::pending().await
}
