//! Fields that a CRM's automation sets back after our write: noticed, and after three times left to a person (law 4).
//!
//! The caller keeps [`Fight`]s with the pair, in the same commit as its base: it calls [`remember`] when an update was
//! answered and [`watch`] before each merge. A person who resumes a held field starts with no fight.

use std::collections::BTreeMap;

use crate::change::{Decision, FieldChange, Verdict};
use crate::mapping::model::{Mapping, Side};
use crate::mapping::view::same;
use crate::merge::Sight;
use crate::pair::{Base, Fight};
use crate::record::{Edits, Field, Values};

/// So many of our writes may be set back before the field waits for a person.
pub const SET_BACKS_MAX: u8 = 3;

/// Notes an answered update: what each field held before and what the vendor made of our value (`settled`, from
/// [`crate::merge::settled`]). A fight goes on only where the CRM is back at what it held before our last write.
pub fn remember(mapping: &Mapping, fights: &mut BTreeMap<Field, Fight>, sent: &Edits, before: &Values, settled: &Base) {
    let region = mapping.region.as_deref();
    for map in mapping.fields.iter().filter(|map| sent.contains_key(&map.field)) {
        let before = before.get(&map.field).cloned();
        let wrote = settled.get(&map.field).and_then(|base| base.theirs.clone());
        let goes_on = |old: &&Fight| same(map.kind, old.before.as_deref(), before.as_deref(), region);
        let set_back = fights.get(&map.field).filter(goes_on).map_or(0, |old| old.set_back);
        fights.insert(map.field.clone(), Fight { before, wrote, set_back });
    }
}

/// Looks at the CRM's side before a merge: counts writes that were set back and forgets fights that ended in another
/// value. The answer names the fields that have reached [`SET_BACKS_MAX`], as entries for the log: the caller holds and
/// parks them, and merges without them.
pub fn watch(sight: &Sight<'_>, fights: &mut BTreeMap<Field, Fight>) -> Vec<FieldChange> {
    let region = sight.mapping.region.as_deref();
    let mut lost = Vec::new();
    for map in sight.mapping.fields.iter().filter(|map| !sight.held.contains(&map.field)) {
        let field = &map.field;
        let same = |a: Option<&str>, b: Option<&str>| same(map.kind, a, b, region);
        let theirs = sight.theirs.get(field).map(String::as_str);
        let base = sight.base.get(field);
        let Some(fight) = fights.get_mut(field) else {
            continue;
        };
        let stands = base.is_none_or(|base| same(theirs, base.theirs.as_deref()));
        let ours_stood = base.is_some_and(|base| same(base.theirs.as_deref(), fight.wrote.as_deref()));
        if stands || !ours_stood {
            continue;
        }
        if !same(theirs, fight.before.as_deref()) {
            fights.remove(field);
            continue;
        }
        fight.set_back = fight.set_back.saturating_add(1);
        if fight.set_back >= SET_BACKS_MAX {
            let ours = sight.ours.get(field).cloned();
            let theirs = theirs.map(str::to_owned);
            let mapping = sight.mapping.version;
            let decision =
                Decision { verdict: Verdict::Held, base: base.cloned(), ours: ours.clone(), theirs, mapping };
            lost.push(FieldChange {
                field: field.clone(),
                side: Side::Inbox,
                before: ours.clone(),
                after: ours,
                decision: Some(decision),
            });
        }
    }
    lost
}
