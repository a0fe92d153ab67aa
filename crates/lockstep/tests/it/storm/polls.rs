//! What the polls alone have to see, without webhooks and censuses.

use std::collections::BTreeSet;
use std::time::Duration;

use super::crm::Crm;
use super::ledger::Cell;
use super::story::Storm;

/// After this long, and the lag that the connector declares, a poll must show an edit.
const POLLS_LAG: Duration = Duration::from_secs(20);

impl Storm {
    /// Records that the polls do not show as they are. A census would mend that, so it is asked before one.
    pub(super) fn unread_by_polls(&mut self) -> Vec<String> {
        let lag = self.crms.iter().map(Crm::lag).max().unwrap_or_default();
        self.calm_until(self.world.now().plus(POLLS_LAG + lag));
        let patience = self.world.now().plus(Duration::from_secs(3_600));
        // By the order of commits, since clocks step back; twice, since a window may have been opened long before.
        for _ in 0..2 {
            self.world.forget_pulls();
            while !self.world.has_pulled() {
                let now = self.world.now();
                if now > patience {
                    return vec!["within an hour without faults the polls did not come to an end".to_owned()];
                }
                self.calm_until(now.plus(Duration::from_secs(30)));
            }
        }
        // What was known of a person who was deleted is erased.
        let mut pairs = self.world.pairs();
        pairs.retain(|pair| self.ledger.was_deleted(pair.contact.as_str()));
        let erased: BTreeSet<String> = pairs.into_iter().filter_map(|pair| pair.native).collect();
        let unread = self.unseen();
        let due = |(id, _): &(String, String)| {
            !self.ledger.was_deleted(id) && !erased.contains(id) && !self.misdated.contains(id)
        };
        unread.into_iter().filter(due).map(|(_, text)| text).collect()
    }

    /// Living records that show something else than when they were last looked at, with what.
    pub(super) fn unseen(&self) -> Vec<(String, String)> {
        let mut unseen = Vec::new();
        for (crm, record) in self.crms.iter().flat_map(|crm| crm.living().map(move |record| (crm, record))) {
            let (seen, sight) = (crm.seen(&record), self.world.sight(&record.id));
            let shown = |field: &str| {
                let cell = Cell::of_field(field)?;
                let (there, here) = (seen.get(&cell).map(String::as_str), sight.get(field).map(String::as_str));
                (!cell.same(there, here)).then(|| (cell, there.map(str::to_owned), here.map(str::to_owned)))
            };
            if let Some((cell, there, here)) = ["name", "email", "phone_number"].into_iter().find_map(shown) {
                let text = format!("{cell:?} of {} is {there:?}, but the polls saw {here:?}", record.id);
                unseen.push((record.id, text));
            }
        }
        unseen
    }

    /// The CRM's clock steps: what was edited and not read yet carries a time of which no poll can know.
    pub(super) fn step_vendor_clock(&mut self, secs: i64) {
        if secs == self.vendor_offset {
            return;
        }
        self.vendor_offset = secs;
        let unseen = self.unseen();
        self.misdated.extend(unseen.into_iter().map(|(id, _)| id));
        self.set_vendor_offset(secs);
    }

    /// The clocks of all CRMs are off by so much from now on.
    pub(super) fn set_vendor_offset(&self, secs: i64) {
        self.world.set_vendor_offset(secs);
        self.crms.iter().for_each(|crm| crm.vendor.set_clock_offset(secs * 1_000_000));
    }
}
