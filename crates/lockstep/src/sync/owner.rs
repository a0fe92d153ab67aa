//! Which CRM has the word where several are kept in step with one inbox (law 3): the one whose sync is the oldest. An
//! edit in another one flows only if the owner has not moved since.

use lockstep_core::change::Origin;
use lockstep_core::ids::SyncId;
use lockstep_core::mapping::model::{Rule, Side};
use lockstep_core::pair::Pair;
use lockstep_core::record::{Field, Values};
use lockstep_store::{StoreError, Tx};

use super::spoke::Spoke;

/// How far back the owner's edit is looked for among a field's changes.
const CHANGES_MAX: usize = 100;

/// Fields that both sides of a pair moved and that the CRM would win, were it alone: those of them that the owner, which
/// is another CRM, moved as well.
///
/// # Errors
/// The store's.
pub fn moved_too(
    tx: &mut Tx<'_>,
    spoke: &Spoke,
    pair: &Pair,
    ours: &Values,
    theirs: &Values,
) -> Result<Vec<Field>, StoreError> {
    let both_moved = |field: &&Field| {
        let moved = |base: &_, now: &Values| now.get(*field) != Option::as_ref(base);
        pair.base.get(*field).is_some_and(|base| moved(&base.ours, ours) && moved(&base.theirs, theirs))
    };
    let of_crm = spoke.mapping().fields.iter().filter(|map| map.rule == Rule::Crm).map(|map| &map.field);
    let doubtful: Vec<&Field> = of_crm.filter(both_moved).collect();
    if doubtful.is_empty() {
        return Ok(Vec::new());
    }
    let Some(owner) = tx.syncs(spoke.org())?.into_iter().next().filter(|first| first.id() != spoke.sync.id()) else {
        return Ok(Vec::new());
    };
    let mut owned = Vec::new();
    for field in doubtful {
        if has_moved(tx, spoke, owner.id(), pair, field)? {
            owned.push(field.clone());
        }
    }
    Ok(owned)
}

/// Whether a sync changed the inbox's value since it was the pair's base.
fn has_moved(tx: &mut Tx<'_>, spoke: &Spoke, owner: &SyncId, pair: &Pair, field: &str) -> Result<bool, StoreError> {
    let base = pair.base.get(field).and_then(|base| base.ours.as_ref());
    for change in tx.changes_of(spoke.org(), &pair.contact, Some(field), CHANGES_MAX)? {
        let changed = |it: &&lockstep_core::change::FieldChange| {
            it.field == field && it.side == Side::Inbox && it.before != it.after
        };
        match change.fields.iter().find(changed) {
            Some(it) if it.after.as_ref() == base => return Ok(false),
            Some(_) if matches!(&change.origin, Origin::Crm { sync, .. } if sync == owner) => return Ok(true),
            _ => {}
        }
    }
    Ok(false)
}
