//! One field: what moved, and what that means under its rule, direction and policy.

use super::Sight;
use crate::change::{Decision, FieldChange, Verdict};
use crate::mapping::model::{FieldMap, Rule, Side};
use crate::mapping::view::same;
use crate::pair::FieldBase;
use crate::phone;
use crate::record::{Record, Values};

/// What to do about one field.
pub(super) enum Step {
    /// Nothing moved.
    Rest,
    /// Both hold the same: that is the base.
    Agree,
    /// One side's value goes to the other.
    Flow { from: Side, verdict: Verdict },
    /// Nothing flows: `side` keeps its value, which is logged once because the base advances.
    Stand { side: Side, verdict: Verdict },
}

/// One field of both sides.
pub(super) struct Seen<'a> {
    sight: &'a Sight<'a>,
    pub(super) map: &'a FieldMap,
    base: Option<&'a FieldBase>,
    ours: Option<&'a str>,
    theirs: Option<&'a str>,
}

impl<'a> Seen<'a> {
    pub(super) fn new(sight: &'a Sight<'a>, map: &'a FieldMap) -> Self {
        let at = |values: &'a Values| values.get(&map.field).map(String::as_str);
        Self { sight, map, base: sight.base.get(&map.field), ours: at(sight.ours), theirs: at(sight.theirs) }
    }

    fn same(&self, a: Option<&str>, b: Option<&str>) -> bool {
        same(self.map.kind, a, b, self.sight.mapping.region.as_deref())
    }

    pub(super) fn at(&self, side: Side) -> Option<&'a str> {
        match side {
            Side::Inbox => self.ours,
            Side::Crm => self.theirs,
        }
    }

    pub(super) fn now(&self) -> FieldBase {
        FieldBase { ours: self.ours.map(str::to_owned), theirs: self.theirs.map(str::to_owned) }
    }

    fn ours_moved(&self, base: &FieldBase) -> bool {
        !self.same(self.ours, base.ours.as_deref())
    }

    fn theirs_moved(&self, base: &FieldBase) -> bool {
        let mentioned =
            |far: &Record| self.map.native.properties().iter().all(|property| far.properties.contains_key(*property));
        self.sight.far.is_none_or(mentioned) && !self.same(self.theirs, base.theirs.as_deref())
    }

    fn agree(&self) -> Step {
        if self.base == Some(&self.now()) { Step::Rest } else { Step::Agree }
    }

    pub(super) fn decide(&self) -> Step {
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
            (false, true) if self.is_merged_id() => self.flow(Side::Inbox, Verdict::OurId),
            (false, true) => self.flow(Side::Crm, Verdict::Flowed { from: Side::Crm }),
            (true, true) => self.conflict(),
        }
    }

    /// Whether the record lost our id in a merge. One that somebody else's sync has put there is left alone.
    fn is_merged_id(&self) -> bool {
        self.map.is_our_id() && self.sight.far.is_some_and(|far| !far.merged.is_empty())
    }

    /// The channel's address: the inbox's number is never changed, only an empty one is filled (law 3).
    pub(super) fn decide_phone(&self) -> Step {
        if self.same(self.ours, self.theirs) {
            return self.agree();
        }
        let stand = Step::Stand { side: Side::Inbox, verdict: Verdict::ChannelAddress };
        let fill = |theirs: &str| match phone::normalise(theirs, self.sight.mapping.region.as_deref()) {
            Some(_) => self.flow(Side::Crm, Verdict::Flowed { from: Side::Crm }),
            None => Step::Stand { side: Side::Inbox, verdict: Verdict::Blocked { from: Side::Crm } },
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
                (Some(_), _) if self.ours_moved(base) && self.winner() == Side::Inbox => self.conflict(),
                _ => stand,
            },
        }
    }

    fn conflict(&self) -> Step {
        if self.map.rule == Rule::Crm && self.sight.owned.contains(&self.map.field) {
            return self.flow(Side::Inbox, Verdict::OtherCrm);
        }
        let winner = self.winner();
        self.flow(winner, Verdict::Conflict { winner, rule: self.map.rule })
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
            Step::Stand { side: from.other(), verdict: Verdict::Blocked { from } }
        }
    }

    pub(super) fn change(&self, side: Side, after: Option<String>, verdict: Verdict) -> FieldChange {
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
        Decision { verdict, base: self.base.cloned(), ours, theirs, mapping: self.sight.mapping.version }
    }
}
