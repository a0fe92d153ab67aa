//! Why a field has the value it has: from the log of changes, with the decision computed again (law 10).

use lockstep_core::change::{Change, Decision, FieldChange, Origin, Verdict};
use lockstep_core::env::Time;
use lockstep_core::ids::{ConnectionId, ContactId};
use lockstep_core::mapping::Mapping;
use lockstep_core::mapping::model::{Rule, Side};
use lockstep_core::mapping::view::{contact_values, record_values};
use lockstep_core::merge::{Interval, Sight, merge};
use lockstep_core::pair::{Base, FieldBase, PairState};
use lockstep_core::problem::{Code, Problem};
use lockstep_core::record::{Field, Values};
use lockstep_store::{Org, StoreError, Tx};
use serde::Serialize;

use crate::app::App;

/// How many changes of the field an explanation looks back.
const CHANGES_MAX: usize = 20;

/// Why a field has its value.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// The contact.
    pub contact: ContactId,
    /// The field.
    pub field: Field,
    /// What the inbox holds.
    pub inbox: Option<String>,
    /// What each CRM holds.
    pub crms: Vec<CrmSide>,
    /// What happened to the field, newest first.
    pub changes: Vec<Change>,
    /// Whether computing the last decision again, under the mapping that is still in force, gives the same. `None`
    /// where there is no decision or the mapping has changed.
    pub recomputed: Option<bool>,
    /// The answer in one sentence.
    pub sentence: String,
}

/// A CRM's side of the field.
#[derive(Clone, Debug, Serialize)]
pub struct CrmSide {
    /// The connection.
    pub connection: ConnectionId,
    /// The vendor's slug.
    pub vendor: String,
    /// The native record.
    pub native: Option<String>,
    /// Where the pair stands.
    pub state: PairState,
    /// What the CRM last showed.
    pub value: Option<String>,
    /// What both sides held when last in step.
    pub base: Option<FieldBase>,
}

/// Explains a field of a contact.
///
/// # Errors
/// No such contact, or a field that contacts do not have.
pub async fn why(app: &App, org: &Org, contact: &ContactId, field: &str) -> Result<Explanation, Problem> {
    let (org, contact, field) = (org.clone(), contact.clone(), field.to_owned());
    app.store.read(move |tx| explain(tx, &org, contact, field)).await
}

fn explain(tx: &mut Tx<'_>, org: &Org, id: ContactId, field: Field) -> Result<Explanation, Problem> {
    const FIELDS: [&str; 5] = ["id", "phone_number", "name", "email", "acquisition_source"];
    if !FIELDS.contains(&field.as_str()) && !field.starts_with("metadata.") {
        let message = format!("Contacts have no field {field}. They have {} and metadata.KEY.", FIELDS.join(", "));
        return Err(Problem::of(Code::InvalidFieldValue, "field", message));
    }
    let contact = tx.contact(org, &id)?.ok_or_else(|| Problem::not_found("contact"))?;
    let inbox = contact_values(&contact).remove(&field);
    let crms = crm_sides(tx, org, &id, &field)?;
    let changes = tx.changes_of(org, &id, Some(&field), CHANGES_MAX)?;
    let last = changes.iter().find_map(|change| Some((change, change.fields.iter().find(|of| of.field == field)?)));
    let mapping = match last.and_then(|(change, _)| sync_of(&change.origin)) {
        Some(sync) => tx.sync(sync)?.map(|sync| sync.row().mapping.clone()),
        None => None,
    };
    let recomputed =
        last.and_then(|(change, of)| recompute(mapping.as_ref()?, &field, of.decision.as_ref()?, change.at));
    let sentence = match last {
        Some((change, of)) => sentence(&field, inbox.as_deref(), change, of, &crms),
        None => format!("Nothing has happened to {field} since the contact was made."),
    };
    Ok(Explanation { contact: id, inbox, crms, recomputed, sentence, field, changes })
}

fn crm_sides(tx: &mut Tx<'_>, org: &Org, contact: &ContactId, field: &str) -> Result<Vec<CrmSide>, StoreError> {
    let mut sides = Vec::new();
    for sync in tx.syncs(org)? {
        let Some(pair) = tx.pair_by_contact(&sync, contact)? else { continue };
        let record = pair.native.as_deref().map(|native| tx.native_record(&sync, native)).transpose()?.flatten();
        let value = record.and_then(|record| record_values(&sync.row().mapping, &record).remove(field));
        let vendor = tx.connection(org, &sync.row().connection)?.map(|of| of.connection().vendor.clone());
        sides.push(CrmSide {
            connection: sync.row().connection.clone(),
            vendor: vendor.unwrap_or_default(),
            native: pair.native,
            state: pair.state,
            value,
            base: pair.base.get(field).cloned(),
        });
    }
    Ok(sides)
}

fn sync_of(origin: &Origin) -> Option<&lockstep_core::ids::SyncId> {
    match origin {
        Origin::Crm { sync, .. } | Origin::Push { sync, .. } => Some(sync),
        Origin::Api { .. } | Origin::CommandLine | Origin::Channel { .. } => None,
    }
}

/// Whether merging what the decision was made from gives it again.
fn recompute(mapping: &Mapping, field: &str, decision: &Decision, at: Time) -> Option<bool> {
    let map = mapping.field(field).filter(|_| mapping.version == decision.mapping)?;
    if decision.verdict == Verdict::Held || matches!(map.rule, Rule::Latest { .. }) {
        return None;
    }
    let only = Mapping { fields: vec![map.clone()], ..mapping.clone() };
    let values =
        |value: &Option<String>| value.iter().map(|value| (field.to_owned(), value.clone())).collect::<Values>();
    let (ours, theirs) = (values(&decision.ours), values(&decision.theirs));
    let base: Base = decision.base.iter().map(|base| (field.to_owned(), base.clone())).collect();
    let then = Interval { from: at, to: at };
    let owned = if decision.verdict == Verdict::OtherCrm { vec![map.field.clone()] } else { Vec::new() };
    let sight = Sight {
        mapping: &only,
        base: &base,
        held: &[],
        ours: &ours,
        theirs: &theirs,
        ours_at: then,
        theirs_at: then,
        owned: &owned,
        far: None,
    };
    let merged = merge(&sight);
    let again =
        merged.decided.iter().chain(&merged.on_write).find_map(|change| Some(change.decision.as_ref()?.verdict));
    Some(again == Some(decision.verdict))
}

fn sentence(field: &str, inbox: Option<&str>, change: &Change, of: &FieldChange, crms: &[CrmSide]) -> String {
    let crm = match &change.origin {
        Origin::Crm { connection, .. } | Origin::Push { connection, .. } => {
            crms.iter().find(|side| side.connection == *connection)
        }
        Origin::Api { .. } | Origin::CommandLine | Origin::Channel { .. } => None,
    };
    let crm = crm.map_or("the CRM", |side| side.vendor.as_str());
    let at = change.at;
    let head = format!("In the inbox, {field} is {}", shown(inbox));
    let Some(decision) = &of.decision else {
        let author = match &change.origin {
            Origin::Api { key } => format!("the API key {key}"),
            Origin::CommandLine => "the command line".to_owned(),
            Origin::Channel { account } => format!("a message to the account {account}"),
            Origin::Crm { .. } | Origin::Push { .. } => crm.to_owned(),
        };
        return format!(
            "{head}: {author} changed it from {} to {} at {at}.",
            shown(of.before.as_deref()),
            shown(of.after.as_deref())
        );
    };
    let (ours, theirs) = (shown(decision.ours.as_deref()), shown(decision.theirs.as_deref()));
    match decision.verdict {
        Verdict::Flowed { from: Side::Crm } => {
            format!(
                "{head}: it came from {crm} at {at}, since only {crm} had changed it after both were last in step (the inbox held {ours})."
            )
        }
        Verdict::Flowed { from: Side::Inbox } => {
            format!(
                "{head}: it was written to {crm} at {at}, since only the inbox had changed it after both were last in step ({crm} held {theirs})."
            )
        }
        Verdict::Conflict { winner, rule } => {
            let winner = if winner == Side::Crm { crm } else { "the inbox" };
            format!(
                "{head}: both sides had changed it (the inbox held {ours}, {crm} {theirs}), and by the rule \"{}\" {winner} won at {at}.",
                rule_name(rule)
            )
        }
        Verdict::OtherCrm => {
            format!(
                "{head}: both sides had changed it (the inbox held {ours}, {crm} {theirs}), and so had the CRM that was connected first, which has the word: the inbox's value stands since {at}."
            )
        }
        Verdict::Blocked { from: Side::Crm } => {
            format!(
                "{head}: {crm} holds {theirs} since {at}, which does not flow to the inbox by the field's direction."
            )
        }
        Verdict::Blocked { from: Side::Inbox } => {
            format!(
                "{head}: {crm} keeps {theirs}, since the field's direction or write policy forbids writing it there (decided at {at})."
            )
        }
        Verdict::ChannelAddress => {
            format!(
                "{head}: {crm} holds {theirs} since {at}, but the number is the channel's address and no sync changes it in a contact that has one."
            )
        }
        Verdict::OurId => {
            format!("{head}: it was written to {crm} at {at}, since a merge of records had left {theirs} there.")
        }
        Verdict::Held => {
            format!("{head}: {crm} has set it back to {theirs} again and again, so it waits for a person since {at}.")
        }
    }
}

fn rule_name(rule: Rule) -> &'static str {
    match rule {
        Rule::Crm => "the CRM wins",
        Rule::Inbox => "the inbox wins",
        Rule::Latest { .. } => "the later edit wins",
    }
}

fn shown(value: Option<&str>) -> String {
    value.map_or_else(|| "empty".to_owned(), |value| format!("\"{value}\""))
}
