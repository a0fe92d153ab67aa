//! What the polls alone have to see, without webhooks and censuses.

use std::collections::BTreeSet;
use std::time::Duration;

use super::story::Storm;

/// After this long a poll must show an edit: the lag that the connector declares, and a poll's own time.
const POLLS_LAG: Duration = Duration::from_secs(30);

impl Storm {
    /// Records that the polls do not show as they are. A census would mend that, so it is asked before one.
    pub(super) fn unread_by_polls(&mut self) -> Vec<String> {
        self.calm_until(self.world.now().plus(POLLS_LAG));
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
        for record in self.world.living_records() {
            let sight = self.world.sight(&record.id);
            let seen = |name: &str| sight.as_ref().and_then(|sight| sight.text(name)).unwrap_or_default();
            let differs = |name: &&&str| record.value(name).unwrap_or_default().trim() != seen(name).trim();
            if let Some(name) = ["firstname", "lastname", "email", "phone"].iter().find(differs) {
                let text =
                    format!("{name} of {} is {:?}, but the polls saw {:?}", record.id, record.value(name), seen(name));
                unseen.push((record.id, text));
            }
        }
        unseen
    }

    /// HubSpot's clock steps: what was edited and not read yet carries a time of which no poll can know.
    pub(super) fn step_vendor_clock(&mut self, secs: i64) {
        if secs == self.vendor_offset {
            return;
        }
        self.vendor_offset = secs;
        let unseen = self.unseen();
        self.misdated.extend(unseen.into_iter().map(|(id, _)| id));
        self.world.set_vendor_offset(secs);
    }
}
