//! All sides at one moment, and waiting until they show something.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::bail;
use lockstep_core::contact::Contact;
use lockstep_core::ids::{ConnectionId, ContactId};
use lockstep_core::parked::Parked;
use lockstep_sandbox::Record;
use lockstep_store::{Org, StoreError, Tx};

use super::stage::{Crm, Stage};
use crate::cli::look_again;

/// The longest that any step may take before the demo says that it failed.
const STEP_MAX: Duration = Duration::from_secs(1_800);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);
/// Rows read at once.
const PAGE: usize = 1_000;

/// A CRM that the inbox is kept in step with.
pub struct Spoke<'a> {
    /// The look-alike.
    pub crm: &'a Crm,
    /// Our connection to it.
    pub connection: ConnectionId,
    /// What it held before we came.
    pub seeded: Vec<Record>,
}

/// One CRM's side at one moment.
pub struct Side<'a> {
    /// The look-alike.
    pub crm: &'a Crm,
    /// Its living records by id.
    pub records: BTreeMap<String, Record>,
    /// Which record a contact is kept in step with.
    pub pairs: BTreeMap<ContactId, String>,
    /// Records that are archived or live on in another.
    gone: BTreeSet<String>,
}

impl Side<'_> {
    /// The record of a contact.
    pub fn record_of(&self, contact: &ContactId) -> Option<&Record> {
        self.records.get(self.pairs.get(contact)?)
    }

    /// Whether a contact came from a record that the look-alike does not list: an account can have its own company and
    /// its administrator among the contacts.
    pub fn is_vendors_own(&self, contact: &ContactId) -> bool {
        self.pairs.get(contact).is_some_and(|record| !self.records.contains_key(record) && !self.gone.contains(record))
    }
}

/// All sides at one moment.
pub struct Sides<'a> {
    /// The inbox's contacts.
    pub contacts: Vec<Contact>,
    /// The CRMs.
    pub crms: Vec<Side<'a>>,
    /// Questions for a person.
    pub parked: Vec<Parked>,
}

impl<'a> Sides<'a> {
    /// Looks at all of them.
    pub async fn now(stage: &Stage, spokes: &[Spoke<'a>]) -> Result<Self, StoreError> {
        let org = stage.org.clone();
        let connections: Vec<ConnectionId> = spokes.iter().map(|spoke| spoke.connection.clone()).collect();
        let (contacts, parked, pairs) = stage
            .app
            .store
            .read(move |tx| {
                let pairs = connections.iter().map(|connection| pairs(tx, &org, connection));
                let pairs = pairs.collect::<Result<Vec<_>, _>>()?;
                Ok::<_, StoreError>((contacts(tx, &org)?, parked(tx, &org)?, pairs))
            })
            .await?;
        let sides = spokes.iter().zip(pairs).map(|(spoke, pairs)| {
            let is_living = |record: &Record| !record.archived && record.merged_into.is_none();
            let (living, gone): (Vec<_>, Vec<_>) = spoke.crm.vendor.records().into_iter().partition(is_living);
            Side {
                crm: spoke.crm,
                records: living.into_iter().map(|record| (record.id.clone(), record)).collect(),
                pairs,
                gone: gone.into_iter().map(|record| record.id).collect(),
            }
        });
        Ok(Self { contacts, parked, crms: sides.collect() })
    }
}

fn pairs(tx: &mut Tx<'_>, org: &Org, connection: &ConnectionId) -> Result<BTreeMap<ContactId, String>, StoreError> {
    let Some(of) = tx.connection(org, connection)? else { return Ok(BTreeMap::new()) };
    let Some(sync) = tx.sync_of_connection(&of)? else { return Ok(BTreeMap::new()) };
    let mut all = BTreeMap::new();
    let mut last = None;
    loop {
        let page = tx.pair_page(&sync, last.as_ref(), PAGE)?;
        last = page.last().map(|pair| pair.id.clone());
        let end = page.len() < PAGE;
        all.extend(page.into_iter().filter_map(|pair| Some((pair.contact, pair.native?))));
        if end {
            return Ok(all);
        }
    }
}

fn contacts(tx: &mut Tx<'_>, org: &Org) -> Result<Vec<Contact>, StoreError> {
    let mut all: Vec<Contact> = Vec::new();
    loop {
        let page = tx.contact_page(org, all.last().map(|contact| &contact.id), PAGE)?;
        let last = page.len() < PAGE;
        all.extend(page);
        if last {
            return Ok(all);
        }
    }
}

fn parked(tx: &mut Tx<'_>, org: &Org) -> Result<Vec<Parked>, StoreError> {
    let mut all: Vec<Parked> = Vec::new();
    loop {
        let (page, more) = tx.parked_list(org, all.last().map(|parked| &parked.id), PAGE)?;
        all.extend(page);
        if !more {
            return Ok(all);
        }
    }
}

/// Looks until `seen` answers something.
pub async fn until<T>(
    stage: &Stage,
    what: &str,
    mut seen: impl AsyncFnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let begun = stage.app.env.now();
    loop {
        if let Some(found) = seen().await? {
            return Ok(found);
        }
        if stage.app.env.now().since(begun) > STEP_MAX {
            bail!("waited {} s in vain for {what}", STEP_MAX.as_secs());
        }
        look_again(LOOK).await;
    }
}
