//! How a look-alike is set up.

use crate::world::{Clock, Wait, system_clock};

/// Where contacts lie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Generation {
    /// The first generation: `/v1/contacts`, of the whole organization.
    #[default]
    Flat,
    /// The second and third: `/v1/{phone_number_id}/contacts`, and the numbers at `/v1/accounts`.
    Scoped,
}

/// A number of the organization's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Number {
    /// Meta's id of it, which stands in paths.
    pub id: String,
    /// The number as people read it.
    pub display: String,
}

/// How the look-alike is set up.
#[derive(Clone)]
pub struct KirimSettings {
    /// Where time comes from.
    pub clock: Clock,
    /// How to wait, for faults that slow an answer; none under a virtual clock.
    pub wait: Option<Wait>,
    /// Seed of ids and secrets.
    pub seed: u64,
    /// Limiters on or off.
    pub quirks: bool,
    /// Where contacts lie.
    pub generation: Generation,
    /// Calls in a minute that write; 60 in the free plan.
    pub writes_per_minute: u32,
    /// Calls in a minute that read; 600 in the free plan.
    pub reads_per_minute: u32,
    /// The organization's id.
    pub organization_id: String,
    /// Its numbers; new contacts belong to the first unless the call says otherwise.
    pub numbers: Vec<Number>,
    /// The country code of numbers that people type with a leading zero.
    pub country_code: String,
    /// How far Kirim's own clock is ahead of ours, in microseconds.
    pub clock_offset_us: i64,
}

impl Default for KirimSettings {
    fn default() -> Self {
        Self {
            clock: system_clock(),
            wait: None,
            seed: 1,
            quirks: true,
            generation: Generation::default(),
            writes_per_minute: 60,
            reads_per_minute: 600,
            organization_id: "org_01HXYZABCDEFGHJKMNPQRSTVWX".to_owned(),
            numbers: vec![Number { id: "106540352242922".to_owned(), display: "+62 851-1760-0829".to_owned() }],
            country_code: "62".to_owned(),
            clock_offset_us: 0,
        }
    }
}
