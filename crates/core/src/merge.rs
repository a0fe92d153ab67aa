//! The three-way merge: what each side holds against what it held when both were last in step (laws 3 and 4).
//!
//! Pure: the same sight gives the same decisions on any machine, and each decision keeps what it was made from.

use crate::change::{Decision, FieldChange, Verdict};
use crate::env::Time;
use crate::mapping::model::{FieldMap, Kind, Mapping, Rule, Selector, Side, WritePolicy};
use crate::mapping::view::{record_values, same};
use crate::pair::{Base, FieldBase};
use crate::phone;
use crate::record::{Edits, Field, Record, Values};

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
                self.base.insert(
                    field(),
                    FieldBase {
                        ours: value.clone(),
                        theirs: value.clone(),
                    },
                );
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

/// What to do about one field.
enum Step {
    /// Nothing moved.
    Rest,
    /// Both hold the same: that is the base.
    Agree,
    /// One side's value goes to the other.
    Flow { from: Side, verdict: Verdict },
    /// Nothing flows: `side` keeps its value, which is logged once because the base advances.
    Stand { side: Side, verdict: Verdict },
}

/// Decides every mapped field. Merging again after the merge was applied gives an empty merge.
pub fn merge(sight: &Sight<'_>) -> Merge {
    let mut merge = Merge::default();
    for map in sight
        .mapping
        .fields
        .iter()
        .filter(|map| !sight.held.contains(&map.field))
    {
        let seen = Seen::new(sight, map);
        let step = if map.kind == Kind::Phone {
            seen.decide_phone()
        } else {
            seen.decide()
        };
        merge.take(&seen, step);
    }
    merge
}

/// The bases of written fields after the vendor's answer: what we sent, and what the vendor made of it.
/// `after` is [`crate::mapping::native::after_write`]'s.
///
/// Only for the answer to this very write. After an unknown outcome a later read may hold somebody else's edit
/// already: merge again with it and the old base.
pub fn settled(mapping: &Mapping, sent: &Edits, after: &Record) -> Base {
    let mut theirs = record_values(mapping, after);
    let base = |(field, ours): (&Field, &Option<String>)| {
        let theirs = theirs.remove(field);
        (
            field.clone(),
            FieldBase {
                ours: ours.clone(),
                theirs,
            },
        )
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
    to_them
        .keys()
        .any(|field| !mapping.field(field).is_some_and(blind))
}

/// One field of both sides.
struct Seen<'a> {
    sight: &'a Sight<'a>,
    map: &'a FieldMap,
    base: Option<&'a FieldBase>,
    ours: Option<&'a str>,
    theirs: Option<&'a str>,
}

impl<'a> Seen<'a> {
    fn new(sight: &'a Sight<'a>, map: &'a FieldMap) -> Self {
        let at = |values: &'a Values| values.get(&map.field).map(String::as_str);
        Self {
            sight,
            map,
            base: sight.base.get(&map.field),
            ours: at(sight.ours),
            theirs: at(sight.theirs),
        }
    }

    fn same(&self, a: Option<&str>, b: Option<&str>) -> bool {
        same(self.map.kind, a, b, self.sight.mapping.region.as_deref())
    }

    fn at(&self, side: Side) -> Option<&'a str> {
        match side {
            Side::Inbox => self.ours,
            Side::Crm => self.theirs,
        }
    }

    fn now(&self) -> FieldBase {
        FieldBase {
            ours: self.ours.map(str::to_owned),
            theirs: self.theirs.map(str::to_owned),
        }
    }

    fn ours_moved(&self, base: &FieldBase) -> bool {
        !self.same(self.ours, base.ours.as_deref())
    }

    fn theirs_moved(&self, base: &FieldBase) -> bool {
        let mentioned = |far: &Record| {
            self.map
                .native
                .properties()
                .iter()
                .all(|property| far.properties.contains_key(*property))
        };
        self.sight.far.is_none_or(mentioned) && !self.same(self.theirs, base.theirs.as_deref())
    }

    fn agree(&self) -> Step {
        if self.base == Some(&self.now()) {
            Step::Rest
        } else {
            Step::Agree
        }
    }

    fn decide(&self) -> Step {
        if self.same(self.ours, self.theirs) {
            return self.agree();
        }
        let (ours_moved, theirs_moved) = match self.base {
            Some(base) => (self.ours_moved(base), self.theirs_moved(base)),
            None => (self.ours.is_some(), self.theirs.is_some()),
        };
        match (ours_moved, theirs_moved) {
            (false, false) => Step::Rest,
            (true, false) => self.flow(Side::Inbox, Verdict::Flowed { from: Side::Inbox }),
            (false, true) => self.flow(Side::Crm, Verdict::Flowed { from: Side::Crm }),
            (true, true) => self.conflict(),
        }
    }

    /// The channel's address: the inbox's number is never changed, only an empty one is filled (law 3).
    fn decide_phone(&self) -> Step {
        if self.same(self.ours, self.theirs) {
            return self.agree();
        }
        let stand = Step::Stand {
            side: Side::Inbox,
            verdict: Verdict::ChannelAddress,
        };
        let fill =
            |theirs: &str| match phone::normalise(theirs, self.sight.mapping.region.as_deref()) {
                Some(_) => self.flow(Side::Crm, Verdict::Flowed { from: Side::Crm }),
                None => Step::Stand {
                    side: Side::Inbox,
                    verdict: Verdict::Blocked { from: Side::Crm },
                },
            };
        let Some(base) = self.base else {
            return match (self.ours, self.theirs) {
                (None, theirs) => theirs.map_or(Step::Rest, fill),
                (Some(_), None) => self.flow(Side::Inbox, Verdict::Flowed { from: Side::Inbox }),
                (Some(_), Some(_)) => stand,
            };
        };
        match (self.ours_moved(base), self.theirs_moved(base)) {
            (false, false) => Step::Rest,
            (true, false) => self.flow(Side::Inbox, Verdict::Flowed { from: Side::Inbox }),
            (_, true) => match (self.ours, self.theirs) {
                (None, Some(theirs)) => fill(theirs),
                (Some(_), _) if self.ours_moved(base) && self.winner() == Side::Inbox => {
                    self.conflict()
                }
                _ => stand,
            },
        }
    }

    fn conflict(&self) -> Step {
        let winner = self.winner();
        self.flow(
            winner,
            Verdict::Conflict {
                winner,
                rule: self.map.rule,
            },
        )
    }

    fn winner(&self) -> Side {
        let (ours, theirs) = (self.sight.ours_at, self.sight.theirs_at);
        match self.map.rule {
            Rule::Crm => Side::Crm,
            Rule::Inbox => Side::Inbox,
            Rule::Latest { .. } if ours.from > theirs.to => Side::Inbox,
            Rule::Latest { .. } if theirs.from > ours.to => Side::Crm,
            Rule::Latest { tie } => tie,
        }
    }

    fn flow(&self, from: Side, verdict: Verdict) -> Step {
        let allowed = match from {
            Side::Inbox => self.map.flows_to_crm(self.theirs),
            Side::Crm => self.map.flows_to_inbox(),
        };
        if allowed {
            Step::Flow { from, verdict }
        } else {
            Step::Stand {
                side: from.other(),
                verdict: Verdict::Blocked { from },
            }
        }
    }

    fn change(&self, side: Side, after: Option<String>, verdict: Verdict) -> FieldChange {
        FieldChange {
            field: self.map.field.clone(),
            side,
            before: self.at(side).map(str::to_owned),
            after,
            decision: Some(self.decision(verdict)),
        }
    }

    fn decision(&self, verdict: Verdict) -> Decision {
        let FieldBase { ours, theirs } = self.now();
        Decision {
            verdict,
            base: self.base.cloned(),
            ours,
            theirs,
            mapping: self.sight.mapping.version,
        }
    }
}
