//! Writing a sync's dirty pairs to the CRM, a full read a job: chosen, read where the merge needs it, merged, noted as
//! intents, sent and settled (laws 1, 2 and 5).

use std::collections::BTreeMap;
use std::sync::Arc;

use lockstep_connect::Got;
use lockstep_core::change::FieldChange;
use lockstep_core::holes::{self, Hole};
use lockstep_core::ids::{IntentId, SyncId};
use lockstep_core::mapping::native;
use lockstep_core::merge::needs_read;
use lockstep_core::pair::{Base, FieldBase, Pair, PairState};
use lockstep_core::record::{Edits, Properties, Record};
use lockstep_store::{Claimed, DirtyKind, Intent, IntentKind, IntentState, StoreError, Tx};

use super::matching::{self, Match};
use super::questions::{self, About};
use super::reconcile::{foresee, reconcile};
use super::spoke::{Halt, Spoke};
use super::{arrive, depart, pull, settle, unknown};
use crate::app::App;
use crate::reach::{Class, Row, Writer};

/// Pairs that are read together and written batch by batch, where a vendor reads more at once than it writes: few, so that
/// what was read is not old when it is written.
const READ_TOGETHER: usize = 16;
const BATCHES_TOGETHER: usize = 2;
/// The same, where a vendor reads one by one: before them a look at what changed stands for as many reads (law 1).
const LOOKED_AT_TOGETHER: usize = 64;
/// Records that are rather read one by one.
const READ_ONE_BY_ONE: usize = 3;

/// What is about to be sent, and what settling it needs.
#[derive(Clone, Debug)]
pub struct Sending {
    /// The row.
    pub row: Row,
    /// The record as it was before.
    pub far: Option<Record>,
    /// What to log when it was carried out.
    pub on_write: Vec<FieldChange>,
}

/// Writes the pairs that one read shows: one batch, or a few small ones.
///
/// # Errors
/// The store's and the vendor's. What was settled stays settled.
pub async fn run(app: &App, sync: &SyncId, claimed: &Claimed) -> Result<(), Halt> {
    let Some(spoke) = Spoke::running(app, sync, Class::Live).await? else { return Ok(()) };
    unknown::resolve(&spoke).await?;
    let Some((kind, pairs)) = spoke.read(choose).await? else { return Ok(()) };
    let fresh = match kind {
        DirtyKind::Updates => read_far(&spoke, &pairs).await?,
        DirtyKind::Archives => {
            let natives: Vec<String> = pairs.iter().filter_map(|pair| pair.native.clone()).collect();
            spoke.get(&natives).await?.into_iter().collect()
        }
        DirtyKind::Creates => BTreeMap::new(),
    };
    let fresh = Arc::new(fresh);
    for batch in pairs.chunks(spoke.connector.about().write_batch) {
        write_batch(&spoke, kind, batch.to_vec(), Arc::clone(&fresh), claimed).await?;
    }
    Ok(())
}

async fn write_batch(
    spoke: &Spoke,
    kind: DirtyKind,
    pairs: Vec<Pair>,
    fresh: Arc<BTreeMap<String, Got>>,
    claimed: &Claimed,
) -> Result<(), Halt> {
    let claim = claimed.clone();
    let (sendings, lease_until) = spoke
        .write(move |spoke, tx| {
            let sendings = prepare(tx, spoke, kind, &pairs, &fresh)?;
            // The lease now outlasts the call: nobody else sends these rows meanwhile.
            let lease_until = tx.renew(&claim)?.ok_or_else(|| StoreError::Unavailable {
                detail: "another worker has taken over the sync's lane".to_owned(),
            })?;
            if sendings.is_empty() {
                settle::push_on(tx, spoke)?;
            }
            Ok((sendings, lease_until))
        })
        .await?;
    if sendings.is_empty() {
        return Ok(());
    }
    let rows: Vec<Row> = sendings.iter().map(|sending| sending.row.clone()).collect();
    let properties = spoke.properties();
    let mut claimed = claimed.clone();
    claimed.lease_until = lease_until;
    let mut writer = Writer {
        app: &spoke.app,
        sync: &spoke.sync,
        claimed,
        connector: spoke.connector,
        session: &spoke.session,
        key: spoke.key(),
        properties: &properties,
    };
    let outcomes = writer.send(intent_kind(kind), &rows).await;
    settle::settle(spoke, sendings, outcomes).await
}

fn intent_kind(kind: DirtyKind) -> IntentKind {
    match kind {
        DirtyKind::Creates => IntentKind::Create,
        DirtyKind::Updates => IntentKind::Update,
        DirtyKind::Archives => IntentKind::Archive,
    }
}

/// What is written next: pairs of one kind, longest waiting first, without those whose last write is still unknown.
fn choose(spoke: &Spoke, tx: &mut Tx<'_>) -> Result<Option<(DirtyKind, Vec<Pair>)>, StoreError> {
    let about = spoke.connector.about();
    for kind in [DirtyKind::Creates, DirtyKind::Updates, DirtyKind::Archives] {
        let limit = match kind {
            DirtyKind::Creates => about.write_batch,
            DirtyKind::Updates if about.read_batch == 1 => LOOKED_AT_TOGETHER,
            DirtyKind::Updates => {
                about.read_batch.min(READ_TOGETHER.max(about.update_batch * BATCHES_TOGETHER)).max(about.update_batch)
            }
            DirtyKind::Archives => about.write_batch.max(about.read_batch.min(READ_TOGETHER)),
        };
        let pairs = tx.dirty_pairs(&spoke.sync, kind, true, limit)?;
        if !pairs.is_empty() {
            return Ok(Some((kind, pairs)));
        }
    }
    Ok(None)
}

/// Reads the records that a merge should not decide about from what they showed earlier.
async fn read_far(spoke: &Spoke, pairs: &[Pair]) -> Result<BTreeMap<String, Got>, Halt> {
    let pairs = pairs.to_vec();
    let mut ids = spoke
        .read(move |spoke, tx| {
            let mut ids = Vec::new();
            for pair in pairs {
                let Some(native) = pair.native.clone() else { continue };
                let Some(contact) = tx.contact(spoke.org(), &pair.contact)? else { continue };
                let known = tx.native_record(&spoke.sync, &native)?;
                let to_them = foresee(tx, spoke, &pair, &contact, known.as_ref())?.to_them;
                if known.is_none() || needs_read(spoke.mapping(), &to_them) {
                    ids.push(native);
                }
            }
            Ok(ids)
        })
        .await?;
    let mut fresh = BTreeMap::new();
    if spoke.connector.about().read_batch == 1 && ids.len() > READ_ONE_BY_ONE && spoke.sync.row().cursor.is_some() {
        pull::catch_up(spoke).await?;
        let wanted = ids.clone();
        fresh.extend(spoke.read(move |spoke, tx| known(tx, spoke, &wanted)).await?);
        ids.retain(|id| !fresh.contains_key(id));
    }
    fresh.extend(spoke.get(&ids).await?);
    Ok(fresh)
}

/// Living records as they were seen last.
fn known(tx: &mut Tx<'_>, spoke: &Spoke, ids: &[String]) -> Result<Vec<(String, Got)>, StoreError> {
    let mut known = Vec::with_capacity(ids.len());
    for id in ids {
        let record = tx.native_record(&spoke.sync, id)?.filter(|record| !record.archived);
        known.extend(record.map(|record| (id.clone(), Got::Found(record))));
    }
    Ok(known)
}

/// Decides what is sent for each pair and stores it as intents.
fn prepare(
    tx: &mut Tx<'_>,
    spoke: &Spoke,
    kind: DirtyKind,
    pairs: &[Pair],
    fresh: &BTreeMap<String, Got>,
) -> Result<Vec<Sending>, StoreError> {
    let mut sendings = Vec::new();
    for chosen in pairs {
        // It may have changed since it was chosen.
        let Some(pair) = tx.pair(&spoke.sync, &chosen.id)? else { continue };
        if pair.dirty.is_none() || pair.state != chosen.state || pair.native != chosen.native {
            continue;
        }
        let sending = match kind {
            DirtyKind::Creates => create(tx, spoke, pair)?,
            DirtyKind::Updates => update(tx, spoke, pair, fresh)?,
            DirtyKind::Archives => archive(tx, spoke, pair, fresh)?,
        };
        sendings.extend(sending);
    }
    let intents: Vec<Intent> = sendings.iter().map(|sending| sending.row.intent.clone()).collect();
    if !holes::open(Hole::NoIntents) {
        tx.put_intents(&spoke.sync, &intents)?;
    }
    Ok(sendings)
}

/// A contact without a record: matched with one that is there already, or to be made.
fn create(tx: &mut Tx<'_>, spoke: &Spoke, mut pair: Pair) -> Result<Option<Sending>, StoreError> {
    let Some(contact) = tx.contact(spoke.org(), &pair.contact)? else {
        pair.dirty = None;
        pair.state = PairState::Tombstone;
        tx.save_pair(&spoke.sync, &pair)?;
        return Ok(None);
    };
    match matching::of_contact(tx, spoke, &contact)? {
        Match::One(native) => {
            if let Some(record) = tx.native_record(&spoke.sync, &native)? {
                arrive::bind(tx, spoke, &contact.id, &record)?;
            }
            return Ok(None);
        }
        Match::Ambiguous(reason) => {
            pair.state = PairState::Parked;
            tx.save_pair(&spoke.sync, &pair)?;
            questions::park(tx, &spoke.sync, About::pair(&pair), reason)?;
            return Ok(None);
        }
        Match::None => {}
    }
    let merged = foresee(tx, spoke, &pair, &contact, None)?;
    let properties = native::properties(spoke.mapping(), &merged.to_them, None);
    if !merged.to_them.keys().any(|field| field != "id" && field != "acquisition_source") {
        // Nobody can be made of nothing: it waits for its first value.
        pair.dirty = None;
        tx.save_pair(&spoke.sync, &pair)?;
        return Ok(None);
    }
    Ok(Some(sending(tx, &pair, IntentKind::Create, merged.to_them, properties, None, merged.on_write)))
}

/// A pair with a record: merged with it as it is now; what the CRM has to take is sent.
fn update(
    tx: &mut Tx<'_>,
    spoke: &Spoke,
    pair: Pair,
    fresh: &BTreeMap<String, Got>,
) -> Result<Option<Sending>, StoreError> {
    let Some(native) = pair.native.clone() else { return Ok(None) };
    let record = match fresh.get(&native) {
        Some(Got::Found(record)) if record.id != native || !record.merged.is_empty() => {
            arrive::take(tx, spoke, record)?;
            record.clone()
        }
        Some(Got::Found(record)) => {
            arrive::remember(tx, spoke, record)?;
            record.clone()
        }
        Some(Got::Archived(record)) => {
            depart::gone(tx, spoke, record)?;
            return Ok(None);
        }
        Some(Got::Missing) => {
            let unseen = sending(tx, &pair, IntentKind::Update, Edits::new(), Properties::new(), None, Vec::new());
            tx.put_intents(&spoke.sync, std::slice::from_ref(&unseen.row.intent))?;
            unknown::look_later(tx, spoke, &unseen.row.intent)?;
            return Ok(None);
        }
        None => match tx.native_record(&spoke.sync, &native)? {
            Some(record) => record,
            None => return Ok(None),
        },
    };
    let Some(pair) =
        tx.pair_by_native(&spoke.sync, &record.id)?.filter(|now| now.id == pair.id && now.state == PairState::Open)
    else {
        return Ok(None);
    };
    let Some(mut merged) = reconcile(tx, spoke, pair, &record)? else { return Ok(None) };
    let unread = !fresh.contains_key(&native) && needs_read(spoke.mapping(), &merged.to_them);
    if merged.to_them.is_empty() || unread {
        // An edit that came since the batch was chosen is read for and written by the next one.
        return Ok(None);
    }
    let properties = native::properties(spoke.mapping(), &merged.to_them, Some(&record));
    if properties.is_empty() {
        // What differs is only a matter of form that a write would not change: both sides are in step.
        merged.pair.base.append(&mut as_they_stand(spoke, &merged.to_them, &record));
        merged.pair.dirty = None;
        tx.save_pair(&spoke.sync, &merged.pair)?;
        return Ok(None);
    }
    let before = fresh.contains_key(&native).then(|| record.properties.clone());
    let mut sending =
        sending(tx, &merged.pair, IntentKind::Update, merged.to_them, properties, Some(record), merged.on_write);
    sending.row.before = before;
    Ok(Some(sending))
}

fn as_they_stand(spoke: &Spoke, edits: &Edits, record: &Record) -> Base {
    let theirs = lockstep_core::mapping::view::record_values(spoke.mapping(), record);
    let base = |(field, ours): (&String, &Option<String>)| {
        (field.clone(), FieldBase { ours: ours.clone(), theirs: theirs.get(field).cloned() })
    };
    edits.iter().map(base).collect()
}

/// A record to be archived. One that was merged since belongs to whoever keeps the survivor: archiving it by its old id
/// would archive the survivor. One that cannot be seen waits: HubSpot answers the archiving of what is hidden from us like
/// any other, and archives nothing.
fn archive(
    tx: &mut Tx<'_>,
    spoke: &Spoke,
    pair: Pair,
    fresh: &BTreeMap<String, Got>,
) -> Result<Option<Sending>, StoreError> {
    match pair.native.as_ref().and_then(|native| fresh.get(native)) {
        Some(Got::Found(record)) => arrive::paired(tx, spoke, record).map(|_| ())?,
        Some(Got::Archived(record)) => {
            depart::gone(tx, spoke, record)?;
            return Ok(None);
        }
        Some(Got::Missing) => {
            let unsent = archiving(tx, &pair).row.intent;
            tx.put_intents(&spoke.sync, std::slice::from_ref(&unsent))?;
            unknown::look_later(tx, spoke, &unsent)?;
            return Ok(None);
        }
        None => {}
    }
    let pair = tx.pair(&spoke.sync, &pair.id)?.filter(|pair| pair.native.is_some());
    Ok(pair.map(|pair| archiving(tx, &pair)))
}

fn archiving(tx: &Tx<'_>, pair: &Pair) -> Sending {
    sending(tx, pair, IntentKind::Archive, Edits::new(), Properties::new(), None, Vec::new())
}

fn sending(
    tx: &Tx<'_>,
    pair: &Pair,
    kind: IntentKind,
    fields: Edits,
    properties: Properties,
    far: Option<Record>,
    on_write: Vec<FieldChange>,
) -> Sending {
    let intent = Intent {
        id: IntentId::new(tx.env()),
        sync: pair.sync.clone(),
        pair: pair.id.clone(),
        kind,
        fields,
        properties,
        dirty: pair.dirty.unwrap_or_default(),
        state: IntentState::Open,
        not_before: None,
        sent_at: tx.now(),
    };
    let row = Row { intent, contact: pair.contact.clone(), native: pair.native.clone(), before: None };
    Sending { row, far, on_write }
}
