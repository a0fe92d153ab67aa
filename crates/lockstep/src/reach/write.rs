//! The vendor's half of the one write path (law 2): rows whose intents are stored go out, and each gets its outcome.

use std::iter::repeat_n;

use std::time::Duration;

use lockstep_connect::{Connector, Create, Fault, FaultClass, RowOutcome, Session, Update, Write};
use lockstep_core::env::Time;
use lockstep_core::ids::{ContactId, IntentId};
use lockstep_core::record::Properties;
use lockstep_store::{Claimed, Intent, IntentKind, StoreError, SyncOf};

use super::door::CALL_LIMITS;
use crate::app::App;

/// What has to be left of the lease when a call begins, besides the time that the call may take.
const LEASE_MARGIN: Duration = Duration::from_secs(5);

/// One row to be written, of which the intent is stored already.
#[derive(Clone, Debug)]
pub struct Row {
    /// What is sent.
    pub intent: Intent,
    /// Whose record it is.
    pub contact: ContactId,
    /// The record; `None` when it is to be made.
    pub native: Option<String>,
    /// What it showed, if it was read just before.
    pub before: Option<Properties>,
}

/// How rows are written at one vendor, under the lease of a job.
pub struct Writer<'a> {
    /// The running Lockstep.
    pub app: &'a App,
    /// Whose rows they are.
    pub sync: &'a SyncOf,
    /// The job that writes. Its lease was renewed in the commit of the intents.
    pub claimed: Claimed,
    /// The vendor.
    pub connector: &'static dyn Connector,
    /// The way out.
    pub session: &'a Session,
    /// The agreed unique property for our id.
    pub key: Option<&'a str>,
    /// What the answers should show.
    pub properties: &'a [String],
}

impl Writer<'_> {
    /// Sends rows of one kind, at most a write batch of them, and answers one outcome for each, in order.
    ///
    /// A call that is refused as a whole without naming rows is repeated in halves, so that one bad row does not hold up
    /// the others: at most twice as many calls as rows. [`FaultClass::Unknown`] is the outcome of every row that may have
    /// been carried out; after a fault that kept a call from being sent, no further one is tried. Nor is one without
    /// a lease that outlasts it: another worker may send the rows then.
    pub async fn send(&mut self, kind: IntentKind, rows: &[Row]) -> Vec<RowOutcome> {
        let mut outcomes = Vec::with_capacity(rows.len());
        let mut waiting = vec![rows];
        while let Some(part) = waiting.pop() {
            let leased = if part.len() == rows.len() { self.outlasts_a_call() } else { self.renew(part).await };
            let answered = match leased {
                Ok(()) => self.call(kind, part).await,
                Err(fault) => Err(fault),
            };
            match answered {
                Ok(answered) => outcomes.extend(answered),
                Err(fault) if part.len() == rows.len() && self.lacks_the_key(kind, &fault).await => {
                    let gone = Fault { class: FaultClass::Drift, property: self.key.map(str::to_owned), ..fault };
                    return vec![Err(gone); rows.len()];
                }
                Err(fault) if part.len() > 1 && blames_a_row(fault.class) => {
                    let (first, second) = part.split_at(part.len() / 2);
                    waiting.extend([second, first]);
                }
                Err(fault) if fault.class == FaultClass::Unknown || blames_a_row(fault.class) => {
                    outcomes.extend(repeat_n(Err(fault), part.len()));
                }
                Err(fault) => {
                    outcomes.extend(repeat_n(Err(fault), rows.len() - outcomes.len()));
                    break;
                }
            }
        }
        outcomes
    }

    /// Whether creates are refused because the key property has gone: vendors do not say so in a way to rely on, so the
    /// schema is asked. One call.
    async fn lacks_the_key(&self, kind: IntentKind, fault: &Fault) -> bool {
        let (IntentKind::Create, FaultClass::Rejected, None, Some(key)) =
            (kind, fault.class, &fault.property, self.key)
        else {
            return false;
        };
        let described = self.connector.describe(self.session).await;
        described.is_ok_and(|described| !described.properties.iter().any(|property| property.name == key))
    }

    fn outlasts_a_call(&self) -> Result<(), Fault> {
        let left = self.claimed.lease_until.since(self.app.env.now());
        if left > CALL_LIMITS.timeout + LEASE_MARGIN { Ok(()) } else { Err(unleased()) }
    }

    /// Renews the lease before a further call, and notes that its rows are sent now: what becomes of them is looked up
    /// from then on.
    async fn renew(&mut self, rows: &[Row]) -> Result<(), Fault> {
        let (claimed, sync) = (self.claimed.clone(), self.sync.clone());
        let intents: Vec<IntentId> = rows.iter().map(|row| row.intent.id.clone()).collect();
        let renewed = self.app.store.write(move |tx| {
            let lease = tx.renew(&claimed)?;
            if lease.is_some() {
                tx.set_intents_sent(&sync, &intents)?;
            }
            Ok::<Option<Time>, StoreError>(lease)
        });
        let renewed = renewed.await.map_err(|error| Fault::new(FaultClass::Unreachable, "store", error.to_string()))?;
        self.claimed.lease_until = renewed.ok_or_else(unleased)?;
        self.outlasts_a_call()
    }

    async fn call(&self, kind: IntentKind, rows: &[Row]) -> Result<Vec<RowOutcome>, Fault> {
        let answered = self.connector.write(self.session, &self.write_of(kind, rows), self.properties).await;
        match answered {
            Ok(answered) if answered.len() == rows.len() => Ok(answered),
            Ok(_) => Err(Fault::new(FaultClass::Unknown, "rows", "The answer does not tell what became of each row.")),
            // A gateway that gives up says nothing about what stands behind it.
            Err(fault) if fault.class == FaultClass::Busy => Err(Fault { class: FaultClass::Unknown, ..fault }),
            Err(fault) => Err(fault),
        }
    }

    fn write_of(&self, kind: IntentKind, rows: &[Row]) -> Write {
        let native = |row: &Row| row.native.clone().unwrap_or_default();
        match kind {
            IntentKind::Create => Write::Create {
                key: self.key.map(str::to_owned),
                rows: rows
                    .iter()
                    .map(|row| Create {
                        trace: row.intent.id.to_string(),
                        key_value: row.contact.to_string(),
                        properties: row.intent.properties.clone(),
                    })
                    .collect(),
            },
            IntentKind::Update => Write::Update(
                rows.iter()
                    .map(|row| Update {
                        trace: row.intent.id.to_string(),
                        id: native(row),
                        properties: row.intent.properties.clone(),
                        before: row.before.clone(),
                    })
                    .collect(),
            ),
            IntentKind::Archive => Write::Archive(rows.iter().map(native).collect()),
        }
    }
}

fn unleased() -> Fault {
    Fault::new(FaultClass::Unreachable, "lease", "The job's lease does not outlast another call: what is left waits.")
}

/// Whether the cause may be one row of the call.
fn blames_a_row(class: FaultClass) -> bool {
    matches!(class, FaultClass::Rejected | FaultClass::Duplicate | FaultClass::Missing | FaultClass::Bug)
}
