//! How a look-alike is set up.

use crate::world::{Clock, Wait, system_clock};

/// A business phone number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Number {
    /// Meta's id of it, which stands in paths and webhooks.
    pub id: String,
    /// The number as people read it.
    pub display: String,
    /// The name that customers see.
    pub verified_name: String,
}

/// How the look-alike is set up.
#[derive(Clone)]
pub struct MetaSettings {
    /// Where time comes from.
    pub clock: Clock,
    /// How to wait, for faults that slow an answer; none under a virtual clock.
    pub wait: Option<Wait>,
    /// Seed of ids and orders.
    pub seed: u64,
    /// Throughput and pair limits on or off.
    pub limits: bool,
    /// The secret of the app, which signs webhooks.
    pub app_secret: String,
    /// The only token that is accepted; none accepts any.
    pub access_token: Option<String>,
    /// The id of the WhatsApp Business Account.
    pub waba_id: String,
    /// Its numbers.
    pub numbers: Vec<Number>,
    /// How long after a send the status `sent` comes, in microseconds.
    pub sent_after_us: i64,
    /// How long after a send the status `delivered` comes, in microseconds.
    pub delivered_after_us: i64,
    /// How long after a send the customer reads it, in microseconds; none never does.
    pub read_after_us: Option<i64>,
}

impl Default for MetaSettings {
    fn default() -> Self {
        Self {
            clock: system_clock(),
            wait: None,
            seed: 1,
            limits: true,
            app_secret: "sandbox-app-secret".to_owned(),
            access_token: None,
            waba_id: "102290129340398".to_owned(),
            numbers: vec![Number {
                id: "106540352242922".to_owned(),
                display: "15550783881".to_owned(),
                verified_name: "Sandbox".to_owned(),
            }],
            sent_after_us: 300_000,
            delivered_after_us: 1_000_000,
            read_after_us: Some(3_000_000),
        }
    }
}
