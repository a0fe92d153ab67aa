//! The chapters of the demo, in order.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use lockstep_connect::oauth::Grant;
use lockstep_core::contact::Contact;
use lockstep_core::ids::{ConnectionId, PlanId};
use lockstep_core::parked::{Parked, Reason};
use lockstep_core::plan::PlanSummary;
use lockstep_sandbox::Record;
use lockstep_store::PlanStatus;
use secrecy::SecretString;

use super::cost::Written;
use super::edits::{self, Edit};
use super::sides::{Sides, Spoke, until};
use super::stage::{Crm, Stage};
use super::story::Story;
use super::summary::{OpenDoors, Share, Summary};
use super::{Options, agreement, portal};
use crate::cli::screen::{self, number};
use crate::cli::sync::summary_table;
use crate::import::Import;
use crate::network::{Body, Limits};
use crate::ops;
use crate::ops::syncs::{Connect, KEY_PROPERTY, KeyChoice, Standing};

/// For the admin's hand at a look-alike.
const ADMIN_LIMITS: Limits = Limits { timeout: Duration::from_secs(10), body: Body::Whole { bytes_max: 65_536 } };

const DAY_US: i64 = 86_400_000_000;

/// Refused rows that are shown.
const REFUSED_SHOWN: usize = 5;

/// Plays every chapter; without `once` it then stays until it is dropped.
pub async fn play(stage: &Stage, options: &Options, import: Import) -> anyhow::Result<()> {
    let story = Story::new(options.json);
    let begun = stage.app.env.now();
    let contacts = import.contacts.clone();
    let mut summary = take_in(stage, &story, import).await?;
    let mut spokes = Vec::new();
    for crm in &stage.crms {
        let seeded = meet(&story, crm, portal::records(&contacts, &crm.listed.words, &stage.app.env))?;
        let connection = connect(stage, &story, crm).await?;
        let mut share = Share { crm: crm.listed.name, ..Share::default() };
        share.calls.setup = crm.vendor.calls().total;
        let spoke = Spoke { crm, connection, seeded };
        let (plan, counts) = plan(stage, &story, &spoke).await?;
        carry_out(stage, &story, &spoke, &plan, &counts).await?;
        share.count_plan(&counts);
        summary.crms.push(share);
        spokes.push(spoke);
    }
    all_in_step(stage, &spokes).await?;
    let first: Vec<Written> = spokes.iter().map(|it| Written::between(&it.seeded, &it.crm.vendor.records())).collect();
    let (second, edits) = edit_all_sides(stage, &story, &spokes).await?;
    explain(stage, &story, &edits).await?;

    summary.edited_at_once = edits.iter().filter(|edit| edit.is_conflict()).count();
    conclude(stage, &mut summary, &spokes, first.into_iter().zip(second)).await?;
    summary.seconds = stage.app.env.now().since(begun).as_secs_f64();
    if !options.once {
        summary.open = Some(open_doors(stage));
    }
    summary.tell(&story)?;
    if options.json {
        screen::json(&summary.told())?;
    }
    anyhow::ensure!(summary.converged, "the sides did not come to agree");
    if options.once {
        return Ok(());
    }
    stay(stage, &story, &spokes).await
}

async fn take_in(stage: &Stage, story: &Story, mut import: Import) -> anyhow::Result<Summary> {
    let names: Vec<&str> = stage.crms.iter().map(|crm| crm.listed.name).collect();
    story.chapter(&format!("An inbox and {}, all on this machine", names.join(", ")))?;
    story.tell(format!("{:<11} {}", "Inbox", stage.inbox_url()))?;
    for crm in &stage.crms {
        story.tell(format!("{:<11} {}  (a look-alike: limits, lags and all)", crm.listed.name, crm.url))?;
    }

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

/// Fills a look-alike with what other people typed about half of the contacts.
fn meet(story: &Story, crm: &Crm, known: Vec<portal::Properties>) -> anyhow::Result<Vec<Record>> {
    let name = crm.listed.name;
    story.chapter(&format!("{name}, as its users left it"))?;
    // They were typed a while ago, not in this second.
    crm.vendor.set_clock_offset(-30 * DAY_US);
    let seeded = crm.vendor.seed(known);
    crm.vendor.set_clock_offset(0);
    story.tell(format!("{name} already holds {} records, typed by other people", number(seeded.created)))?;
    if let Some((_, reason)) = seeded.refused.first() {
        story.tell(format!("{} more it would not take: {reason}", number(seeded.refused.len())))?;
    }
    anyhow::ensure!(seeded.created > 0, "{name} takes no record at all");
    Ok(crm.vendor.records())
}

fn open_doors(stage: &Stage) -> OpenDoors {
    let crms = stage.crms.iter().map(|crm| (crm.listed.slug, crm.url.clone()));
    OpenDoors { inbox_url: stage.inbox_url(), api_key: stage.api_key.clone(), crm_urls: crms.collect() }
}

async fn connect(stage: &Stage, story: &Story, crm: &Crm) -> anyhow::Result<ConnectionId> {
    if let Some(property) = crm.listed.words.admin {
        let request = http::Request::post(format!("{}/__add-property", crm.url)).body(Bytes::from(property))?;
        let answer = stage.app.network.exchange(request, ADMIN_LIMITS).await?;
        anyhow::ensure!(answer.status().is_success(), "no property for our id: {}", answer.status());
    }
    let request = Connect {
        renews: None,
        vendor: crm.listed.slug.to_owned(),
        base_url: Some(crm.url.clone()),
        grant: Grant::fixed(SecretString::from(crm.listed.words.token)),
        key: KeyChoice::Create,
    };
    let connection = ops::syncs::connect(&stage.app, &stage.org, request).await?;
    story.tell(format!("Connected, with our id kept in its property {KEY_PROPERTY}"))?;
    Ok(connection.id().clone())
}

async fn plan(stage: &Stage, story: &Story, spoke: &Spoke<'_>) -> anyhow::Result<(PlanId, PlanSummary)> {
    let name = spoke.crm.listed.name;
    story.chapter(&format!("The plan for {name}. Nothing has been written to either side"))?;
    let region = stage.region.clone();
    let plan = ops::syncs::plan(&stage.app, &stage.org, &spoke.connection, region).await?;
    let summary = until(stage, "the plan", async || {
        let found = ops::plans::show(&stage.app, &stage.org, &plan).await?;
        Ok((found.status == PlanStatus::Ready).then_some(found.summary))
    })
    .await?;
    story.show(&summary_table(&summary))?;
    story.tell(format!(
        "It takes {} calls and at least {} s by {name}'s limits",
        number(summary.calls),
        summary.seconds
    ))?;
    Ok((plan, summary))
}

async fn carry_out(
    stage: &Stage,
    story: &Story,
    spoke: &Spoke<'_>,
    plan: &PlanId,
    counts: &PlanSummary,
) -> anyhow::Result<()> {
    story.tell("The demo accepts its own plan; with `lockstep sync start` that is up to you")?;
    ops::plans::accept(&stage.app, &stage.org, plan).await?;
    let total = counts.matched + counts.new_in_crm + counts.new_in_inbox;
    let bar = screen::bar(u64::try_from(total)?, "Bringing both sides in step");
    until(stage, "the plan to be carried out", async || {
        let standing = standing(stage, spoke).await?;
        bar.set_position(u64::try_from(standing.pairs.open - standing.pairs.dirty).unwrap_or_default());
        Ok(standing.in_step.then_some(()))
    })
    .await?;
    bar.finish_and_clear();
    let written = Written::between(&spoke.seeded, &spoke.crm.vendor.records());
    let name = spoke.crm.listed.name;
    story.tell(format!(
        "Done: {} records made and {} updated in {name}, {} contacts made in the inbox",
        number(written.created),
        number(written.updated),
        number(counts.new_in_inbox)
    ))
}

async fn standing(stage: &Stage, spoke: &Spoke<'_>) -> anyhow::Result<Standing> {
    ops::syncs::standing(&stage.app, &stage.org, &spoke.connection).await?.context("the sync is gone")
}

async fn all_in_step(stage: &Stage, spokes: &[Spoke<'_>]) -> anyhow::Result<()> {
    let spinner = screen::spinner("Until every CRM knows whom the others brought");
    until(stage, "all sides to be in step", async || {
        for spoke in spokes {
            if !standing(stage, spoke).await?.in_step {
                return Ok(None);
            }
        }
        Ok(Some(()))
    })
    .await?;
    spinner.finish_and_clear();
    Ok(())
}

/// Edits all sides while the syncs are paused, so that one of the edits is a true conflict, and watches them converge.
/// Answers what was written at each CRM since.
async fn edit_all_sides<'a>(
    stage: &Stage,
    story: &Story,
    spokes: &[Spoke<'a>],
) -> anyhow::Result<(Vec<Written>, Vec<Edit<'a>>)> {
    story.chapter("People edit both sides, one field at the same time")?;
    let edits = edits::script(&Sides::now(stage, spokes).await?);
    for spoke in spokes {
        ops::syncs::pause(&stage.app, &stage.org, &spoke.connection).await?;
    }
    for edit in &edits {
        edits::type_in(stage, edit).await?;
    }
    let typed: Vec<Vec<Record>> = spokes.iter().map(|spoke| spoke.crm.vendor.records()).collect();
    let resumed = stage.app.env.now();
    for spoke in spokes {
        ops::syncs::resume(&stage.app, &stage.org, &spoke.connection).await?;
    }
    until(stage, "all sides to agree", async || {
        let sides = Sides::now(stage, spokes).await?;
        Ok(edits.iter().all(|edit| edit.is_settled(&sides)).then_some(()))
    })
    .await?;
    let seconds = stage.app.env.now().since(resumed).as_secs_f64();
    story.show(&table_of(&edits))?;
    story.tell(format!("All sides agreed {seconds:.1} s after the syncs were resumed"))?;
    let written = typed.iter().zip(spokes).map(|(typed, it)| Written::between(typed, &it.crm.vendor.records()));
    Ok((written.collect(), edits))
}

fn table_of(edits: &[Edit<'_>]) -> String {
    let none = || "·".to_owned();
    let rows = edits.iter().map(|edit| {
        let at = edit.crm.as_ref().map(|typed| typed.crm.listed.name.to_owned());
        let crm = edit.crm.as_ref().map(|typed| typed.value.clone());
        vec![
            edit.field.to_owned(),
            edit.before.clone(),
            edit.inbox.clone().unwrap_or_else(none),
            at.unwrap_or_else(none),
            crm.unwrap_or_else(none),
            edit.expected.clone(),
        ]
    });
    let header = ["field", "before", "typed in the inbox", "or in", "as", "now on all sides"];
    screen::table(&header, &[], rows.collect())
}

async fn explain(stage: &Stage, story: &Story, edits: &[Edit<'_>]) -> anyhow::Result<()> {
    let Some(edit) = edits.iter().find(|edit| edit.is_conflict()) else { return Ok(()) };
    story.chapter("Why is that so? The log keeps what each decision was made from")?;
    story.tell(format!("$ lockstep why contact {} {}", edit.contact, edit.field))?;
    let explanation = ops::why::why(&stage.app, &stage.org, &edit.contact, edit.field).await?;
    story.quote(&explanation.sentence)
}

/// Waits until the hub has looked for changes again, so that every echo of its own writes came back, and judges all
/// sides.
async fn conclude(
    stage: &Stage,
    summary: &mut Summary,
    spokes: &[Spoke<'_>],
    phases: impl Iterator<Item = (Written, Written)>,
) -> anyhow::Result<()> {
    let settled = stage.app.env.now();
    let spinner = screen::spinner("Waiting until the echoes of our own writes have come back");
    until(stage, "the echoes of our own writes", async || {
        for spoke in spokes {
            let looked = standing(stage, spoke).await?.pulled_at;
            if looked.is_none_or(|looked| looked.since(settled) < spoke.crm.about.index_lag) {
                return Ok(None);
            }
        }
        Ok(Some(()))
    })
    .await?;
    all_in_step(stage, spokes).await?;
    spinner.finish_and_clear();
    let sides = Sides::now(stage, spokes).await?;
    let (contacts, records) = asked_about(&sides.parked);
    summary.parked = sides.parked.len();
    let left = sides.crms.iter().find_map(|side| {
        let left = agreement::compare(&sides.contacts, side).left(contacts, records)?;
        Some(format!("{}: {left}", side.crm.listed.name))
    });
    summary.converged = left.is_none();
    left.into_iter().for_each(screen::remark);
    for ((share, spoke), (first, second)) in summary.crms.iter_mut().zip(spokes).zip(phases) {
        share.count(spoke, first, second);
    }
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

async fn stay(stage: &Stage, story: &Story, spokes: &[Spoke<'_>]) -> anyhow::Result<()> {
    let sides = Sides::now(stage, spokes).await?;
    story.chapter("It stays up until you press Ctrl-C. Try:")?;
    let (inbox, key) = (stage.inbox_url(), &stage.api_key);
    story.tell(format!("curl -H 'Authorization: Bearer {key}' '{inbox}/v1/contacts?limit=3'"))?;
    let known = |contact: &&Contact| sides.crms.iter().all(|side| side.record_of(&contact.id).is_some());
    if let Some(contact) = sides.contacts.iter().find(known) {
        story.tell(format!(
            "curl -X PATCH -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' -d '{{\"name\":\"Ada Lovelace\"}}' {inbox}/v1/contacts/{}",
            contact.id
        ))?;
    }
    for crm in &stage.crms {
        story.tell(format!("{}'s records in a browser: {}/", crm.listed.name, crm.url))?;
    }
    std::future::pending().await
}
