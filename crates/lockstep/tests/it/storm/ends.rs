//! What may not be left when all is quiet: calls whose outcome nobody knows, and values that nobody can explain.

use lockstep::ops;
use lockstep_core::ids::PairId;
use lockstep_core::pair::PairState;

use super::story::Storm;
use crate::world::run;

const FIELDS: [&str; 3] = ["name", "email", "phone_number"];

impl Storm {
    /// Loose ends, one sentence each.
    pub(super) fn loose_ends(&self) -> Vec<String> {
        self.open_intents().chain(self.unexplained()).collect()
    }

    /// Intents that nobody was asked about. A parked pair waits for a person.
    fn open_intents(&self) -> impl Iterator<Item = String> {
        let open: Vec<PairId> = self.world.read(|tx, org| {
            let mut open = Vec::new();
            for sync in tx.syncs(org)? {
                open.extend(tx.open_intents(&sync, 1_000)?.into_iter().map(|intent| intent.pair));
            }
            Ok(open)
        });
        let pairs = self.world.pairs();
        let parked = move |id: &PairId| pairs.iter().any(|pair| pair.id == *id && pair.state == PairState::Parked);
        open.into_iter().filter(move |id| !parked(id)).map(|id| format!("a write of pair {id} is still open"))
    }

    /// Fields whose value has no answer to "why?", or another one when the decision is made again.
    fn unexplained(&self) -> Vec<String> {
        let mut unexplained = Vec::new();
        for contact in self.world.contacts() {
            for field in FIELDS {
                let why = run(ops::why::why(&self.world.app, &self.world.org, &contact.id, field));
                let fails = match why {
                    Ok(why) if why.recomputed == Some(false) => "another decision when it is made again".to_owned(),
                    Ok(why) if why.inbox.is_some() && why.changes.is_empty() => "no change that explains it".to_owned(),
                    Ok(_) => continue,
                    Err(problem) => problem.to_string(),
                };
                unexplained.push(format!("why is {field} of {} what it is? {fails}", contact.id));
            }
        }
        unexplained
    }
}
