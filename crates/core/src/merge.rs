//! The three-way merge: what each side holds against what it held when both were last in step (laws 3 and 4).
//!
//! Pure: the same sight gives the same decisions on any machine, and each decision keeps what it was made from.

mod decide;

use crate::change::FieldChange;
use crate::env::Time;
use crate::mapping::model::{FieldMap, Kind, Mapping, Rule, Selector, Side, WritePolicy};
use crate::mapping::view::{record_values, same};
use crate::pair::{Base, FieldBase};
use crate::record::{Edits, Field, Record, Values};

use decide::{Seen, Step};

/// When an edit may have happened: from the last moment the side was seen at its base, to the time its edit is stamped
/// with, widened by granularity and clock offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    /// Not before this.
    pub from: Time,
    /// Not after this.
    pub to: Time,
}

/// Both sides of a pair as they are seen now.
#[derive(Clone, Copy, Debug)]
pub struct Sight<'a> {
    /// The mapping in force.
    pub mapping: &'a Mapping,
    /// What both sides held when last in step.
    pub base: &'a Base,
    /// Fields to leave alone: they wait for a person, or their property has gone from the CRM's schema.
    pub held: &'a [Field],
    /// What the inbox holds.
    pub ours: &'a Values,
    /// What the CRM holds, as the mapping views it.
    pub theirs: &'a Values,
    /// When the inbox was edited.
    pub ours_at: Interval,
    /// When the CRM was edited.
    pub theirs_at: Interval,
    /// Fields that the CRM which has the word among several moved, too, since both were last in step.
    pub owned: &'a [Field],
    /// The record behind `theirs`, where it was read: a value it does not mention has not been cleared.
    pub far: Option<&'a Record>,
}

/// What has to happen for both sides to be in step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Merge {
    /// Values that the inbox takes.
    pub to_us: Edits,
    /// Values that the CRM takes. Their fields keep the old base until the write was answered ([`settled`]).
    pub to_them: Edits,
    /// New bases of fields that need no write to the CRM: agreed, beaten, blocked, or flowing to us.
    pub base: Base,
    /// Decisions to log when the merge is applied.
    pub decided: Vec<FieldChange>,
    /// Decisions to log when the write of `to_them` was answered.
    pub on_write: Vec<FieldChange>,
}

impl Merge {
    /// Whether there is nothing to apply, write or note.
    pub fn is_empty(&self) -> bool {
        self.to_us.is_empty() && self.to_them.is_empty() && self.base.is_empty()
    }

    fn take(&mut self, seen: &Seen<'_>, step: Step) {
        let field = || seen.map.field.clone();
        let (side, verdict) = match step {
            Step::Rest => return,
            Step::Agree => {
                self.base.insert(field(), seen.now());
                return;
            }
            Step::Flow { from, verdict } => (from.other(), verdict),
            Step::Stand { side, verdict } => {
                self.base.insert(field(), seen.now());
                let kept = seen.at(side).map(str::to_owned);
                self.decided.push(seen.change(side, kept, verdict));
                return;
            }
        };
        let value = seen.at(side.other()).map(str::to_owned);
        let change = seen.change(side, value.clone(), verdict);
        match side {
            Side::Inbox => {
                self.base.insert(field(), FieldBase { ours: value.clone(), theirs: value.clone() });
                self.to_us.insert(field(), value);
                self.decided.push(change);
            }
            Side::Crm => {
                self.to_them.insert(field(), value);
                self.on_write.push(change);
            }
        }
    }
}

/// Decides every mapped field. Merging again after the merge was applied gives an empty merge.
pub fn merge(sight: &Sight<'_>) -> Merge {
    let mut merge = Merge::default();
    for map in sight.mapping.fields.iter().filter(|map| !sight.held.contains(&map.field)) {
        let seen = Seen::new(sight, map);
        let step = if map.kind == Kind::Phone { seen.decide_phone() } else { seen.decide() };
        merge.take(&seen, step);
    }
    merge
}

/// The bases of written fields after the vendor's answer: what we sent, and what the vendor made of it where that is
/// the same value in another form. An answer with another value is a change of the CRM's own (an automation's, or an
/// edit that came just then), to be merged like any other: then the base is what was written.
///
/// `written` is the record as it would be had the vendor taken our properties literally, `after` what it answered; both
/// are [`crate::mapping::native::after_write`]'s.
///
/// Only for the answer to this very write. After an unknown outcome a later read may hold somebody else's edit
/// already: merge again with it and the old base.
pub fn settled(mapping: &Mapping, sent: &Edits, written: &Record, after: &Record) -> Base {
    let (mut written, mut answered) = (record_values(mapping, written), record_values(mapping, after));
    let base = |(field, ours): (&Field, &Option<String>)| {
        let (written, answered) = (written.remove(field), answered.remove(field));
        let kind = mapping.field(field).map_or(Kind::Text, |map| map.kind);
        let kept = same(kind, written.as_deref(), answered.as_deref(), mapping.region.as_deref());
        let theirs = if kept { answered } else { written };
        (field.clone(), FieldBase { ours: ours.clone(), theirs })
    };
    sent.iter().map(base).collect()
}

/// Whether the record has to be read freshly before these edits are written (law 1): not if the inbox wins every one
/// of them anyway and none depends on what the record holds.
pub fn needs_read(mapping: &Mapping, to_them: &Edits) -> bool {
    let blind = |map: &FieldMap| {
        map.rule == Rule::Inbox
            && map.policy != WritePolicy::IfEmpty
            && !matches!(map.native, Selector::FullName { .. })
    };
    to_them.keys().any(|field| !mapping.field(field).is_some_and(blind))
}
