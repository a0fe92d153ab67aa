//! Both sides as anybody can see them, and waiting until they show something.

use std::time::Duration;

use anyhow::bail;
use lockstep_core::contact::Contact;
use lockstep_core::parked::Parked;
use lockstep_sandbox::hubspot::Record;
use lockstep_store::{Org, StoreError, Tx};

use super::stage::Stage;
use crate::cli::look_again;

/// The longest that any step may take before the demo says that it failed.
const STEP_MAX: Duration = Duration::from_secs(1_800);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);
/// Rows read at once.
const PAGE: usize = 1_000;

/// Both sides at one moment.
pub struct Sides {
    /// The inbox's contacts.
    pub contacts: Vec<Contact>,
    /// The look-alike's records.
    pub records: Vec<Record>,
    /// Questions for a person.
    pub parked: Vec<Parked>,
}

impl Sides {
    /// Looks at both.
    pub async fn now(stage: &Stage) -> Result<Self, StoreError> {
        let org = stage.org.clone();
        let (contacts, parked) =
            stage.app.store.read(move |tx| Ok::<_, StoreError>((contacts(tx, &org)?, parked(tx, &org)?))).await?;
        Ok(Self { contacts, parked, records: stage.hubspot.records() })
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
