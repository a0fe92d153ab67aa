//! A Kirim that anybody can point a Kirim client at: contacts of either generation of its `/v1`, paging, idempotency, rate
//! limits, and webhooks. Of what is not documented it does what is hardest on a client: metadata is replaced, a number that
//! is taken is refused, deleted contacts are gone and nobody is told.

mod admin;
mod answer;
mod contacts;
mod gate;
mod hooks;
mod inbox;
mod limits;
mod settings;

use std::sync::Arc;

use axum::Router;
use serde_json::{Map, Value};

pub use hooks::{HookDelivery, deliver_hooks};
pub use settings::{Generation, KirimSettings, Number};

pub use crate::record::{Record, Seeded};

use crate::calls::Calls;
use crate::desk::rows_of_csv;
use crate::faults::Faults;
use crate::front::Shared;
use crate::vendor::Words;
pub(crate) use answer::Refusal;
use inbox::Inbox;

/// The words of its contacts.
pub const WORDS: Words =
    Words { first: "name", last: "name", email: "email", phone: "phone_number", token: "kdv_live_test", admin: None };

/// One organization. Clones share it.
///
/// Besides [`router`](Self::router), which is all an app sees, it is the hand of everyone else: people at Kirim's own
/// pages, and Kirim.
#[derive(Clone, Debug)]
pub struct Kirim(Arc<Shared<Inbox>>);

impl Kirim {
    /// An organization without contacts.
    #[must_use]
    pub fn new(settings: KirimSettings) -> Self {
        let wait = settings.wait.clone();
        Self(Shared::new(Inbox::new(settings), wait))
    }

    /// Kirim's API and the sandbox's own `/__…` routes. It needs no runtime to be polled.
    pub fn router(&self) -> Router {
        gate::router(self.clone())
    }

    /// The fault switch. A status may have one of Kirim's codes as its policy.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.0.front.faults
    }

    /// Calls since the start or the last reset.
    #[must_use]
    pub fn calls(&self) -> Calls {
        self.0.front.calls()
    }

    /// Sets all counters to 0.
    pub fn reset_calls(&self) {
        self.0.front.reset_calls();
    }

    fn with<T>(&self, work: impl FnOnce(&mut Inbox) -> T) -> T {
        self.0.with(work)
    }

    /// A person makes a contact; an empty value is no value. Properties are `phone_number` as people write it, `name`,
    /// `email` and `metadata.KEY`. Answers its id.
    ///
    /// # Errors
    /// What Kirim's own page would refuse.
    pub fn create(&self, properties: &[(&str, &str)]) -> Result<String, String> {
        self.create_map(&map_of(properties)).map_err(|refusal| refusal.to_string())
    }

    fn create_map(&self, properties: &Map<String, Value>) -> Result<String, Refusal> {
        self.with(|inbox| {
            let contact = by_hand(inbox, properties)?;
            inbox.announce("contact.created", &contact, &[]);
            Ok(contact.id)
        })
    }

    /// A person edits a contact; an empty value clears.
    ///
    /// # Errors
    /// As [`create`](Self::create), and if there is no such contact.
    pub fn edit(&self, id: &str, properties: &[(&str, &str)]) -> Result<(), String> {
        self.edit_map(id, &map_of(properties)).map_err(|refusal| refusal.to_string())
    }

    fn edit_map(&self, id: &str, properties: &Map<String, Value>) -> Result<(), Refusal> {
        self.with(|inbox| {
            let before = inbox.contact(id).ok_or_else(Refusal::not_found)?.clone();
            let (phone, edit) = inbox.typed(Some(&before), properties)?;
            if let Some(phone) = phone {
                inbox.renumber(id, phone)?;
            }
            let (contact, changed) = inbox.edit(id, edit).ok_or_else(Refusal::not_found)?;
            if !changed.is_empty() || contact.phone != before.phone {
                inbox.announce("contact.updated", &contact, &changed);
            }
            Ok(())
        })
    }

    /// A person deletes a contact: its row is gone.
    ///
    /// # Errors
    /// If there is no such contact.
    pub fn archive(&self, id: &str) -> Result<(), String> {
        self.with(|inbox| inbox.delete(id)).ok_or_else(|| Refusal::not_found().to_string())
    }

    /// Kirim has no bin.
    ///
    /// # Errors
    /// Always: a deleted contact is gone.
    pub fn restore(&self, _: &str) -> Result<(), String> {
        Err("a deleted contact is gone; make a new one".to_owned())
    }

    /// Fills the organization with contacts that were there before, announced to nobody.
    pub fn seed(&self, rows: Vec<Map<String, Value>>) -> Seeded {
        self.with(|inbox| {
            let mut seeded = Seeded::default();
            for (row, number) in rows.iter().zip(1..) {
                match by_hand(inbox, row) {
                    Ok(_) => seeded.created += 1,
                    Err(refusal) => seeded.refused.push((number, refusal.to_string())),
                }
            }
            seeded
        })
    }

    /// As [`seed`](Self::seed), from CSV whose headers are property names.
    ///
    /// # Errors
    /// The first line that is no CSV.
    pub fn seed_csv(&self, text: &[u8]) -> Result<Seeded, String> {
        rows_of_csv(text).map(|rows| self.seed(rows))
    }

    /// Every contact, the oldest first: deleted ones too.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        self.with(|inbox| inbox.contacts.values().map(Inbox::record).collect())
    }

    /// Sends every event of contacts to `url` from now on. Answers the secret that signs them.
    #[must_use]
    pub fn subscribe(&self, url: &str) -> String {
        self.with(|inbox| inbox.subscribe(url))
    }

    /// Takes the webhook deliveries that are due, signed now. They are forgotten here: a test delivers them, or loses,
    /// doubles or reorders them.
    #[must_use]
    pub fn take_hooks(&self) -> Vec<HookDelivery> {
        self.with(Inbox::take_hooks)
    }

    /// Gives a delivery back that was not answered with 2xx in ten seconds: it comes again, seven times.
    pub fn return_hook(&self, delivery: HookDelivery) {
        self.with(|inbox| inbox.return_hook(delivery));
    }

    /// The organization takes every key back.
    pub fn revoke(&self) {
        self.with(|inbox| inbox.is_revoked = true);
    }

    /// Keys work again after [`revoke`](Self::revoke).
    pub fn reinstate(&self) {
        self.with(|inbox| inbox.is_revoked = false);
    }

    /// Sets how far Kirim's own clock is ahead of ours; it may step back.
    pub fn set_clock_offset(&self, us: i64) {
        self.with(|inbox| inbox.settings.clock_offset_us = us);
    }
}

fn map_of(properties: &[(&str, &str)]) -> Map<String, Value> {
    properties.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect()
}

/// A contact of the organization's first number, as a person types it in.
fn by_hand(inbox: &mut Inbox, properties: &Map<String, Value>) -> Result<inbox::Contact, Refusal> {
    let (phone, edit) = inbox.typed(None, properties)?;
    let number = inbox.settings.numbers.first().map(|number| number.id.clone()).unwrap_or_default();
    inbox.create(&number, phone.flatten(), edit)
}
