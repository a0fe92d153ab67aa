//! Writes whose outcome is unknown (law 5): the answer was lost, or the process ended before it came. In a sync's lane
//! every intent that a job finds at its start is one of these. What became of it is looked up before anything is repeated.

use std::time::Duration;

use lockstep_connect::{Find, Got};
use lockstep_core::env::Time;
use lockstep_core::job::Job;
use lockstep_core::mapping::Direction;
use lockstep_core::mapping::view::{email_key, phone_key, record_keys, record_values, same};
use lockstep_core::pair::{Base, FieldBase, Pair, PairState};
use lockstep_core::parked::Reason;
use lockstep_core::phone::Phone;
use lockstep_core::record::{Field, Record};
use lockstep_store::{Intent, IntentKind, IntentState, OnDelete, StoreError, Tx};

use super::mark::enqueue_push;
use super::questions::{self, About};
use super::reconcile::reconcile;
use super::spoke::{Halt, Spoke};
use super::{arrive, depart};
use crate::reach::CALL_LIMITS;

/// Intents that one job looks after.
const INTENTS_MAX: usize = 200;
/// Questions that one look goes through.
const QUESTIONS_MAX: usize = 1_000;
/// What is added to a vendor's declared index lag.
const LAG_MARGIN: Duration = Duration::from_secs(5);
/// The first and the longest wait before an outcome is looked up again; the waits double.
const LOOK_AGAIN: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(3_600));

/// Finds out what became of the writes without an answer, as far as it can be known now.
///
/// # Errors
/// The store's and the vendor's.
pub async fn resolve(spoke: &Spoke) -> Result<(), Halt> {
    let found = spoke.read(|spoke, tx| tx.open_intents(&spoke.sync, INTENTS_MAX)).await?;
    let now = spoke.app.env.now();
    let (untold, told): (Vec<Intent>, Vec<Intent>) = found.into_iter().partition(|intent| is_untold(spoke, intent));
    if !untold.is_empty() {
        let note_all = move |spoke: &Spoke, tx: &mut Tx<'_>| {
            untold.iter().try_for_each(|intent| note(tx, spoke, intent, due_at(spoke, intent)))
        };
        spoke.write(note_all).await?;
    }
    let (due, later): (Vec<Intent>, Vec<Intent>) = told.into_iter().partition(|intent| due_at(spoke, intent) <= now);
    if let Some(next) = later.iter().map(|intent| due_at(spoke, intent)).min() {
        spoke.write(move |spoke, tx| tx.enqueue(&Job::Push { sync: spoke.sync.id().clone() }, next)).await?;
    }
    let (creates, others): (Vec<Intent>, Vec<Intent>) =
        due.into_iter().partition(|intent| intent.kind == IntentKind::Create);
    look_by_id(spoke, others).await?;
    match spoke.key().map(str::to_owned) {
        Some(key) => look_by_key(spoke, key, creates).await,
        None => look_by_search(spoke, creates).await,
    }
}

/// Whether a create without a unique key went out from a process that died before it could note anything.
fn is_untold(spoke: &Spoke, intent: &Intent) -> bool {
    intent.state == IntentState::Open && intent.kind == IntentKind::Create && spoke.unique_key().is_none()
}

/// When the outcome can be looked up. A create without a unique key is found only after the index lag; a call whose process ended
/// may have been carried out until its time limit.
fn due_at(spoke: &Spoke, intent: &Intent) -> Time {
    match intent.state {
        IntentState::Unknown => intent.not_before.unwrap_or(intent.sent_at),
        IntentState::Open if is_untold(spoke, intent) => {
            intent.sent_at.plus(CALL_LIMITS.timeout).plus(search_lag(spoke))
        }
        IntentState::Open => intent.sent_at,
    }
}

fn search_lag(spoke: &Spoke) -> Duration {
    spoke.connector.about().index_lag + LAG_MARGIN
}

/// When to look for the first time after an answer was lost just now.
pub fn first_look(spoke: &Spoke, kind: IntentKind, now: Time) -> Time {
    match kind {
        // What is not found then is made anew: no call may be under way.
        IntentKind::Create if spoke.unique_key().is_none() => now.plus(CALL_LIMITS.timeout).plus(search_lag(spoke)),
        IntentKind::Create | IntentKind::Update | IntentKind::Archive => now.plus(LOOK_AGAIN.0),
    }
}

/// Notes that nobody knows what became of a write, and when to look. A create without a key is looked for only when the
/// CRM's changes were read once more from here on: by the order of commits, since clocks step back.
///
/// # Errors
/// The store's.
pub fn note(tx: &mut Tx<'_>, spoke: &Spoke, intent: &Intent, not_before: Time) -> Result<(), StoreError> {
    tx.set_intent_unknown(&spoke.sync, &intent.id, not_before)?;
    if intent.kind == IntentKind::Create && spoke.key().is_none() {
        tx.set_sync_pulled_at(&spoke.sync, None)?;
    }
    tx.enqueue(&Job::Push { sync: spoke.sync.id().clone() }, not_before)
}

/// Puts a look off: the longer it has been unknown, the longer.
pub fn look_later(tx: &mut Tx<'_>, spoke: &Spoke, intent: &Intent) -> Result<(), StoreError> {
    let wait = tx.now().since(intent.sent_at).clamp(LOOK_AGAIN.0, LOOK_AGAIN.1);
    let not_before = tx.now().plus(wait);
    tx.set_intent_unknown(&spoke.sync, &intent.id, not_before)?;
    tx.enqueue(&Job::Push { sync: spoke.sync.id().clone() }, not_before)
}

/// Updates and deletes: the record itself shows what became of them. Of one that another pair took over in a merge
/// nothing is left to be known for this one.
async fn look_by_id(spoke: &Spoke, intents: Vec<Intent>) -> Result<(), Halt> {
    if intents.is_empty() {
        return Ok(());
    }
    let pairs = spoke
        .write(move |spoke, tx| {
            let mut pairs = Vec::new();
            for intent in intents {
                match tx.pair(&spoke.sync, &intent.pair)?.and_then(|pair| pair.native) {
                    Some(native) => pairs.push((native, intent)),
                    None => tx.close_intent(&spoke.sync, &intent.id)?,
                }
            }
            Ok(pairs)
        })
        .await?;
    for batch in pairs.chunks(spoke.connector.about().read_batch) {
        let ids: Vec<String> = batch.iter().map(|(native, _)| native.clone()).collect();
        let got = spoke.get(&ids).await?;
        let intents: Vec<Intent> = batch.iter().map(|(_, intent)| intent.clone()).collect();
        spoke
            .write(move |spoke, tx| {
                for (intent, (_, got)) in intents.iter().zip(&got) {
                    seen(tx, spoke, intent, got)?;
                }
                enqueue_push(tx, &spoke.sync)
            })
            .await?;
    }
    Ok(())
}

fn seen(tx: &mut Tx<'_>, spoke: &Spoke, intent: &Intent, got: &Got) -> Result<(), StoreError> {
    let Some(mut pair) = tx.pair(&spoke.sync, &intent.pair)? else { return tx.close_intent(&spoke.sync, &intent.id) };
    match got {
        Got::Archived(record) => depart::gone(tx, spoke, record),
        Got::Missing => look_later(tx, spoke, intent),
        Got::Found(record) => {
            tx.close_intent(&spoke.sync, &intent.id)?;
            pair.base.append(&mut shown_as_sent(spoke, intent, record));
            tx.save_pair(&spoke.sync, &pair)?;
            arrive::take(tx, spoke, record)
        }
    }
}

/// Fields on which the record shows what was sent: the write has landed, and this is their base. Another value says
/// nothing, since somebody may have changed it since.
pub fn shown_as_sent(spoke: &Spoke, intent: &Intent, record: &Record) -> Base {
    let theirs = record_values(spoke.mapping(), record);
    let region = spoke.mapping().region.as_deref();
    let landed = |(field, sent): (&String, &Option<String>)| {
        let kind = spoke.mapping().field(field)?.kind;
        let shown = theirs.get(field).cloned();
        same(kind, sent.as_deref(), shown.as_deref(), region)
            .then(|| (field.clone(), FieldBase { ours: sent.clone(), theirs: shown }))
    };
    intent.fields.iter().filter_map(landed).collect()
}

/// Creates with a key: absence is proof. Reading by a unique one has no lag; for another one the lag is waited out.
async fn look_by_key(spoke: &Spoke, property: String, intents: Vec<Intent>) -> Result<(), Halt> {
    for batch in intents.chunks(spoke.connector.about().read_batch) {
        let batch = batch.to_vec();
        let contacts = spoke
            .read(move |spoke, tx| {
                let mut pairs = Vec::new();
                for intent in batch {
                    pairs.push((tx.pair(&spoke.sync, &intent.pair)?, intent));
                }
                Ok(pairs)
            })
            .await?;
        let values = contacts.iter().filter_map(|(pair, _)| Some(pair.as_ref()?.contact.to_string())).collect();
        let find = Find::Key { property: property.clone(), values };
        let found = spoke.connector.find(&spoke.session, &find, &spoke.properties()).await?;
        let property = property.clone();
        spoke
            .write(move |spoke, tx| {
                for (_, intent) in contacts {
                    let Some(pair) = tx.pair(&spoke.sync, &intent.pair)? else {
                        tx.close_intent(&spoke.sync, &intent.id)?;
                        continue;
                    };
                    match found.iter().find(|record| record.text(&property) == Some(pair.contact.as_str())) {
                        Some(record) => landed(tx, spoke, pair, record)?,
                        None => tx.close_intent(&spoke.sync, &intent.id)?,
                    }
                }
                enqueue_push(tx, &spoke.sync)
            })
            .await?;
    }
    Ok(())
}

/// Creates without a key: looked for by what was sent, once the search must show them and a pull has seen everything
/// that changed meanwhile. Nothing found then means that it did not land; more than one candidate is a question.
async fn look_by_search(spoke: &Spoke, intents: Vec<Intent>) -> Result<(), Halt> {
    for intent in intents {
        let due = due_at(spoke, &intent);
        // A time still to come was written before our clock stepped back, and proves nothing.
        let now = spoke.app.env.now();
        if spoke.sync.row().pulled_at.is_none_or(|pulled| pulled < due || pulled > now) {
            let retry = now.plus(LOOK_AGAIN.0);
            spoke
                .write(move |spoke, tx| {
                    let (now, sync) = (tx.now(), spoke.sync.id().clone());
                    tx.enqueue(&Job::Pull { sync: sync.clone() }, now)?;
                    tx.enqueue(&Job::Push { sync }, retry)
                })
                .await?;
            return Ok(());
        }
        let sent = |field: &str| intent.fields.get(field).cloned().flatten();
        let mut found = Vec::new();
        let finds = [sent("email").map(Find::Email), sent("phone_number").map(Find::Phone)];
        for find in finds.iter().flatten() {
            found.extend(spoke.connector.find(&spoke.session, find, &spoke.properties()).await?);
        }
        let searched = finds.iter().any(Option::is_some);
        spoke.write(move |spoke, tx| judge(tx, spoke, &intent, &found, searched)).await?;
    }
    Ok(())
}

fn judge(tx: &mut Tx<'_>, spoke: &Spoke, intent: &Intent, found: &[Record], searched: bool) -> Result<(), StoreError> {
    let Some(pair) = tx.pair(&spoke.sync, &intent.pair)?.filter(|pair| pair.native.is_none()) else {
        return tx.close_intent(&spoke.sync, &intent.id);
    };
    let mut candidates: Vec<&Record> = Vec::new();
    for record in found.iter().filter(|record| !record.archived && shares_key(spoke, intent, record)) {
        let known = candidates.iter().any(|candidate| candidate.id == record.id);
        if !known && tx.pair_by_native(&spoke.sync, &record.id)?.is_none() {
            candidates.push(record);
        }
    }
    match candidates.as_slice() {
        [record] => landed(tx, spoke, pair, record),
        [] if searched || pair.state == PairState::Tombstone => {
            tx.close_intent(&spoke.sync, &intent.id)?;
            enqueue_push(tx, &spoke.sync)
        }
        _ => uncertain(tx, spoke, pair, intent),
    }
}

fn shares_key(spoke: &Spoke, intent: &Intent, record: &Record) -> bool {
    let sent = |field: &str| intent.fields.get(field).and_then(Option::as_deref);
    let phone = sent("phone_number").and_then(|number| Phone::parse(number).ok()).map(|phone| phone_key(&phone));
    let keys = record_keys(spoke.mapping(), record);
    phone.into_iter().chain(sent("email").and_then(email_key)).any(|key| keys.contains(&key))
}

/// Whether a record that shares a key with the contact is what was sent for it: it shows everything as it was sent, or a
/// mark that only we write.
pub fn is_what_was_sent(spoke: &Spoke, intent: &Intent, record: &Record) -> bool {
    let shown = shown_as_sent(spoke, intent, record);
    (!intent.fields.is_empty() && shown.len() == intent.fields.len()) || bears_our_mark(spoke, &shown)
}

/// Whether a record that nobody claims may be a create without an answer whose e-mail and phone somebody has changed
/// since: it bears the name that was sent or a mark that only we write, or the contact was deleted meanwhile and what was
/// sent is erased, or a person is asked already what became of a create under that name. Nothing is guessed then: the record becomes a question, and so does a contact that the name points to
/// if it has no other record.
///
/// # Errors
/// The store's.
pub fn may_be_ours(tx: &mut Tx<'_>, spoke: &Spoke, record: &Record) -> Result<bool, StoreError> {
    if spoke.key().is_some() {
        return Ok(false);
    }
    let mut intents = tx.open_intents(&spoke.sync, INTENTS_MAX)?;
    intents.retain(|intent| intent.kind == IntentKind::Create);
    let name = record_values(spoke.mapping(), record).remove("name");
    let named =
        |intent: &&Intent| intent.fields.is_empty() || name.is_some() && intent.fields.get("name") == Some(&name);
    let marked = |intent: &Intent| bears_our_mark(spoke, &shown_as_sent(spoke, intent, record));
    let named = intents.iter().find(named);
    if named.is_none() && !intents.iter().any(marked) && !is_asked_for(tx, spoke, name.as_ref())? {
        return Ok(false);
    }
    questions::park(tx, &spoke.sync, About::record(&record.id), Reason::UnknownOutcome)?;
    if let Some(intent) = named
        && let Some(pair) = tx.pair(&spoke.sync, &intent.pair)?
        && pair.native.is_none()
        && pair.state == PairState::Open
    {
        uncertain(tx, spoke, pair, intent)?;
    }
    Ok(true)
}

/// Whether a person is asked what became of a create under this name.
fn is_asked_for(tx: &mut Tx<'_>, spoke: &Spoke, name: Option<&String>) -> Result<bool, StoreError> {
    for parked in tx.parked_list(spoke.org(), None, QUESTIONS_MAX)?.0 {
        if parked.sync == *spoke.sync.id()
            && parked.reason == Reason::UnknownOutcome
            && let Some(pair) = parked.pair.map(|id| tx.pair(&spoke.sync, &id)).transpose()?.flatten()
            && pair.native.is_none()
            && pair.base.get("name").is_some_and(|base| base.theirs.is_some() && base.theirs.as_ref() == name)
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Nobody can say what became of a create: a person has to.
fn uncertain(tx: &mut Tx<'_>, spoke: &Spoke, mut pair: Pair, intent: &Intent) -> Result<(), StoreError> {
    tx.close_intent(&spoke.sync, &intent.id)?;
    pair.state = PairState::Parked;
    // Whichever record it turns out to be: what was sent is no edit of the CRM's.
    pair.base.extend(as_sent(intent));
    tx.save_pair(&spoke.sync, &pair)?;
    questions::park(tx, &spoke.sync, About::pair(&pair), Reason::UnknownOutcome)
}

/// What was sent, as the base of both sides.
fn as_sent(intent: &Intent) -> impl Iterator<Item = (Field, FieldBase)> + '_ {
    intent.fields.iter().map(|(field, sent)| (field.clone(), FieldBase { ours: sent.clone(), theirs: sent.clone() }))
}

/// A create has landed: the record is the pair's. Where our key says so, or a value that nobody but us writes, what was
/// sent is the base of both sides, so that an edit made since is an edit and not a conflict. Else a person may just as
/// well have made the record: then only what it shows as it was sent is a base.
///
/// # Errors
/// The store's.
pub fn landed(tx: &mut Tx<'_>, spoke: &Spoke, mut pair: Pair, record: &Record) -> Result<(), StoreError> {
    arrive::remember(tx, spoke, record)?;
    if let Some(intent) = tx.intent_of_pair(&spoke.sync, &pair.id)? {
        let mut shown = shown_as_sent(spoke, &intent, record);
        if spoke.key().is_some() || bears_our_mark(spoke, &shown) {
            pair.base.extend(as_sent(&intent));
        }
        pair.base.append(&mut shown);
        tx.close_intent(&spoke.sync, &intent.id)?;
    }
    if let Some(owner) = tx.pair_by_native(&spoke.sync, &record.id)?.filter(|owner| owner.id != pair.id) {
        let contacts = vec![pair.contact.clone(), owner.contact];
        pair.state = PairState::Parked;
        tx.save_pair(&spoke.sync, &pair)?;
        return questions::park(
            tx,
            &spoke.sync,
            About::pair(&pair),
            super::matching::ambiguous(contacts, vec![record.id.clone()]),
        );
    }
    questions::close_all(tx, &spoke.sync, &mut pair)?;
    questions::close_record(tx, &spoke.sync, &record.id)?;
    pair.native = Some(record.id.clone());
    if pair.state == PairState::Tombstone {
        return deleted_meanwhile(tx, spoke, pair);
    }
    pair.state = PairState::Open;
    reconcile(tx, spoke, pair, record)?;
    Ok(())
}

/// Whether among the values that are as they were sent is one that nobody but us writes.
fn bears_our_mark(spoke: &Spoke, shown: &Base) -> bool {
    let only_ours = |field: &str| spoke.mapping().field(field).is_some_and(|map| map.direction == Direction::ToCrm);
    shown.iter().any(|(field, base)| base.ours.is_some() && only_ours(field))
}

/// The contact was deleted while its record was being made: the tombstone learns the record, so that it does not come
/// back as a new contact.
///
/// # Errors
/// The store's.
pub fn deleted_meanwhile(tx: &mut Tx<'_>, spoke: &Spoke, mut pair: Pair) -> Result<(), StoreError> {
    if spoke.sync.row().on_delete != OnDelete::Unlink {
        pair.dirty = Some(tx.next_seq(spoke.org())?);
        enqueue_push(tx, &spoke.sync)?;
    }
    tx.save_pair(&spoke.sync, &pair)
}
