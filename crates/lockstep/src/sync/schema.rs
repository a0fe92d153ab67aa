//! The CRM's schema moves: a mapped property that has gone is left out from then on, and said to a person. Nothing is
//! cleared because of it (a property that is absent is not a value that was cleared).

use lockstep_connect::FaultClass;
use lockstep_core::mapping::Mapping;
use lockstep_core::parked::Reason;
use lockstep_core::record::Field;

use super::mark::enqueue_push;
use super::questions::{self, About};
use super::spoke::{Halt, Spoke};

/// The field that a native property belongs to.
pub fn field_of(mapping: &Mapping, property: &str) -> Option<Field> {
    let map = mapping.fields.iter().find(|map| map.native.properties().contains(&property))?;
    Some(map.field.clone())
}

/// Reads the schema and saves a version of the mapping without the fields whose properties have gone. What waits is
/// planned anew under it.
///
/// # Errors
/// The store's and the vendor's.
pub async fn follow(spoke: &Spoke) -> Result<(), Halt> {
    let description = spoke.connector.describe(&spoke.session).await?;
    let exists = |name: &str| description.properties.iter().any(|property| property.name == name);
    let (kept, gone): (Vec<_>, Vec<_>) =
        spoke.mapping().fields.iter().cloned().partition(|map| map.native.properties().iter().all(|name| exists(name)));
    if gone.is_empty() {
        let message = "The vendor refuses a property that its schema shows.";
        return Err(Halt::Vendor(lockstep_connect::Fault::new(FaultClass::Bug, "schema", message)));
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
                let reason = Reason::Refused { field: Some(map.field), code: "property_gone".to_owned(), detail };
                questions::park(tx, &spoke.sync, About::sync(), reason)?;
            }
            enqueue_push(tx, &spoke.sync)
        })
        .await?;
    Ok(())
}
