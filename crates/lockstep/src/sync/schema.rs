//! The CRM's schema moves: a mapped property that has gone is left out from then on, and said to a person. Nothing is
//! cleared because of it (a property that is absent is not a value that was cleared).

use std::collections::BTreeMap;

use lockstep_connect::{Connector, Description, Fault, FaultClass, Got};
use lockstep_core::ids::{ParkedId, SyncId};
use lockstep_core::mapping::Mapping;
use lockstep_core::mapping::model::ContactProperties;
use lockstep_core::mapping::view::{contact_values, record_values};
use lockstep_core::pair::Pair;
use lockstep_core::parked::{Parked, Reason};
use lockstep_core::record::{Field, Values};
use lockstep_store::{StoreError, Tx};

use super::mark::{enqueue_push, mark_one};
use super::questions::{self, About};
use super::spoke::{Halt, Spoke};
use crate::app::App;
use crate::reach::Class;

/// The property that takes the acquisition source, where the account has it.
pub const SOURCE_PROPERTY: &str = "lockstep_source";
/// What a question about a property that has gone is called.
pub const PROPERTY_GONE: &str = "property_gone";
/// Pairs that one commit covers when a field comes back.
const PAIRS_CHUNK: usize = 200;

/// The field that a native property belongs to.
pub fn field_of(mapping: &Mapping, property: &str) -> Option<Field> {
    let map = mapping.fields.iter().find(|map| map.native.properties().contains(&property))?;
    Some(map.field.clone())
}

/// The default mapping of contacts, with the properties that the account has.
pub fn default_mapping(
    connector: &dyn Connector,
    description: &Description,
    key: Option<&str>,
    region: Option<String>,
) -> Mapping {
    let has = |name: &str| description.properties.iter().any(|property| property.name == name);
    let names = ContactProperties {
        key,
        source: has(SOURCE_PROPERTY).then_some(SOURCE_PROPERTY),
        ..connector.contact_properties()
    };
    let mut mapping = Mapping::contacts(&names, region);
    mapping.fields.retain(|map| map.native.properties().iter().all(|name| has(name)));
    mapping.also_match.retain(|also| has(&also.property));
    mapping
}

/// Takes fields up again whose properties have come back, and closes the questions about them. Their bases are forgotten
/// first: what a new property does not hold was never cleared by anybody. Where the contact was edited meanwhile and the
/// record still holds a value, the base stays, so that the edit flows.
///
/// # Errors
/// The store's and the vendor's.
pub async fn restore(spoke: &Spoke) -> Result<(), Halt> {
    let gone: Vec<(ParkedId, Field)> = spoke
        .read(|spoke, tx| {
            let asked = tx.parked_of_sync(&spoke.sync)?;
            Ok(asked.into_iter().filter_map(|parked| Some((parked.id.clone(), gone_field(&parked)?))).collect())
        })
        .await?;
    if gone.is_empty() {
        return Ok(());
    }
    let description = spoke.connector.describe(&spoke.session).await?;
    let wanted = default_mapping(spoke.connector, &description, spoke.agreed_key(), spoke.mapping().region.clone());
    let back = |(_, field): &(ParkedId, Field)| spoke.mapping().field(field).is_none() && wanted.field(field).is_some();
    let (questions, fields): (Vec<ParkedId>, Vec<Field>) = gone.into_iter().filter(back).unzip();
    if fields.is_empty() {
        return Ok(());
    }
    let mut mapping = spoke.mapping().clone();
    mapping.version += 1;
    mapping.fields.extend(wanted.fields.into_iter().filter(|map| fields.contains(&map.field)));
    let mut after = None;
    loop {
        let page = spoke.read(move |spoke, tx| tx.pair_page(&spoke.sync, after.as_ref(), PAIRS_CHUNK)).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.id.clone());
        forget_bases(spoke, page, &mapping, &fields).await?;
    }
    spoke
        .write(move |spoke, tx| {
            tx.set_sync_mapping(&spoke.sync, &mapping)?;
            for question in &questions {
                tx.close_parked(spoke.org(), question)?;
            }
            enqueue_push(tx, &spoke.sync)
        })
        .await?;
    Ok(())
}

fn gone_field(parked: &Parked) -> Option<Field> {
    match &parked.reason {
        Reason::Refused { field, code, .. } if code == PROPERTY_GONE => field.clone(),
        _ => None,
    }
}

async fn forget_bases(spoke: &Spoke, page: Vec<Pair>, mapping: &Mapping, fields: &[Field]) -> Result<(), Halt> {
    let (pairs, wanted) = (page.clone(), fields.to_vec());
    let edited = spoke.read(move |spoke, tx| edited(tx, spoke, &pairs, &wanted)).await?;
    let got = match edited.as_slice() {
        [] => Vec::new(),
        edited => spoke.connector.get(&spoke.session, edited, &mapping.properties()).await?,
    };
    let found = |got: &Got| if let Got::Found(record) = got { record_values(mapping, record) } else { Values::new() };
    let shown: BTreeMap<String, Values> = edited.into_iter().zip(got.iter().map(found)).collect();
    let fields = fields.to_vec();
    spoke
        .write(move |spoke, tx| {
            for pair in &page {
                let Some(mut pair) = tx.pair(&spoke.sync, &pair.id)? else { continue };
                let shown = pair.native.as_ref().and_then(|native| shown.get(native));
                pair.base
                    .retain(|field, _| !fields.contains(field) || shown.is_some_and(|shown| shown.contains_key(field)));
                tx.save_pair(&spoke.sync, &pair)?;
                if let Some(contact) = tx.contact(spoke.org(), &pair.contact)? {
                    mark_one(tx, &spoke.sync, &contact.id, contact.seq)?;
                }
            }
            Ok(())
        })
        .await?;
    Ok(())
}

/// The records of the pairs whose contact has moved from its base in one of the fields.
fn edited(tx: &mut Tx<'_>, spoke: &Spoke, pairs: &[Pair], fields: &[Field]) -> Result<Vec<String>, StoreError> {
    let mut edited = Vec::new();
    for pair in pairs {
        let (Some(native), Some(contact)) = (&pair.native, tx.contact(spoke.org(), &pair.contact)?) else { continue };
        let ours = contact_values(&contact);
        let moved = |field: &Field| pair.base.get(field).is_some_and(|base| base.ours.as_ref() != ours.get(field));
        if fields.iter().any(moved) {
            edited.push(native.clone());
        }
    }
    Ok(edited)
}

/// Reads the schema and saves a version of the mapping without the fields whose properties have gone. What waits is
/// planned anew under it.
///
/// # Errors
/// The store's and the vendor's; [`FaultClass::Bug`] when every mapped property is there.
pub async fn follow(app: &App, sync: &SyncId) -> Result<(), Halt> {
    let Some(spoke) = Spoke::open(app, sync, Class::Live).await? else { return Ok(()) };
    let description = spoke.connector.describe(&spoke.session).await?;
    let exists = |name: &str| description.properties.iter().any(|property| property.name == name);
    let (kept, gone): (Vec<_>, Vec<_>) =
        spoke.mapping().fields.iter().cloned().partition(|map| map.native.properties().iter().all(|name| exists(name)));
    if gone.is_empty() {
        let message = "The vendor refuses a property that its schema shows.";
        return Err(Halt::Vendor(Fault::new(FaultClass::Bug, "schema", message)));
    }
    let mut mapping = spoke.mapping().clone();
    mapping.version += 1;
    mapping.fields = kept;
    mapping.also_match.retain(|also| exists(&also.property));
    spoke
        .write(move |spoke, tx| {
            tx.set_sync_mapping(&spoke.sync, &mapping)?;
            for map in gone {
                tracing::warn!(sync = %spoke.sync.id(), field = map.field, "the CRM has no such property any more: the field is left alone");
                let detail = format!("The CRM has no property {} any more.", map.native.properties().join(" and "));
                let reason = Reason::Refused { field: Some(map.field), code: PROPERTY_GONE.to_owned(), detail };
                questions::park(tx, &spoke.sync, About::sync(), reason)?;
            }
            enqueue_push(tx, &spoke.sync)
        })
        .await?;
    Ok(())
}
