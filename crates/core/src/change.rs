//! The append-only log: what changed, where it came from and what the decision was made from.

use serde::{Deserialize, Serialize};

use crate::env::Time;
use crate::ids::{ChangeId, ConnectionId, ContactId, KeyId, SyncId};
use crate::mapping::model::{Rule, Side};
use crate::pair::FieldBase;
use crate::record::Field;

/// One entry of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Its id.
    pub id: ChangeId,
    /// The contact it is about.
    pub subject: ContactId,
    /// The organization's change number.
    pub seq: i64,
    /// When it was committed.
    pub at: Time,
    /// Where it came from.
    pub origin: Origin,
    /// What happened to which field.
    pub fields: Vec<FieldChange>,
}

/// Where a change came from; it is not sent back there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Origin {
    /// A request with this API key.
    Api {
        /// The key's record.
        key: KeyId,
    },
    /// The command line or an import.
    CommandLine,
    /// The customer, who wrote.
    Channel {
        /// Meta's `phone_number_id` of the account.
        account: String,
    },
    /// A spoke: a sync's CRM.
    Crm {
        /// The sync.
        sync: SyncId,
        /// Its connection.
        connection: ConnectionId,
    },
    /// Our own write to a CRM, told so that the log has both directions.
    Push {
        /// The sync.
        sync: SyncId,
        /// Its connection.
        connection: ConnectionId,
    },
}

/// What happened to one field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FieldChange {
    /// The field.
    pub field: Field,
    /// The side whose value changed, or would have.
    pub side: Side,
    /// Its value before.
    pub before: Option<String>,
    /// Its value after; equal to `before` when the change was beaten or held.
    pub after: Option<String>,
    /// What was decided, and from what. `None` for a plain edit.
    pub decision: Option<Decision>,
}

/// A decision of the merge with everything it was made from, so that it can be recomputed (law 10).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// What was decided.
    pub verdict: Verdict,
    /// The base, if there was one.
    pub base: Option<FieldBase>,
    /// What the inbox held.
    pub ours: Option<String>,
    /// What the CRM held.
    pub theirs: Option<String>,
    /// The mapping's version.
    pub mapping: i64,
}

/// What the merge decided about one field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// Only this side moved, or only it had a value: its value flows to the other.
    Flowed {
        /// The side the value came from.
        from: Side,
    },
    /// Both moved and the rule named a winner; the other side's edit is beaten.
    Conflict {
        /// The side that won.
        winner: Side,
        /// The rule that decided.
        rule: Rule,
    },
    /// This side's value would flow, but the field's direction or write policy forbids it; each side keeps its own.
    Blocked {
        /// The side whose value does not flow.
        from: Side,
    },
    /// Both moved, and so did the CRM that has the word among several: what the inbox holds stands.
    OtherCrm,
    /// A phone number edited in the CRM: kept there as one more way to match, never written to a contact that has a number.
    ChannelAddress,
    /// A merge of records left another contact's id in the record: it names its own contact again.
    OurId,
    /// The CRM keeps setting our value back: the field waits for a person.
    Held,
}
