//! Kirim's worlds, one for each generation of its paths.

use std::sync::Arc;

use lockstep_core::env::Env;
use lockstep_sandbox::kirim::Generation;
use lockstep_sandbox::{Kirim, KirimSettings};

use crate::world::{Account, Delivery, Lack, Sample, World, on_its_sandbox};

pub struct KirimAccount {
    pub sandbox: Kirim,
    settings: KirimSettings,
}

impl KirimAccount {
    pub fn new(settings: KirimSettings) -> Self {
        Self { sandbox: Kirim::new(settings.clone()), settings }
    }
}

pub fn settings(env: Env, generation: Generation) -> KirimSettings {
    KirimSettings { clock: Arc::new(move || env.now().0), generation, ..KirimSettings::default() }
}

/// The first generation, of a whole organization.
pub fn world(_page_max: Option<usize>) -> World {
    World::new("kirim", |env| KirimAccount::new(settings(env, Generation::Flat)))
}

/// The second, of one number.
pub fn scoped_world(_page_max: Option<usize>) -> World {
    World::new("kirim", |env| KirimAccount::new(settings(env, Generation::Scoped)))
}

impl Account for KirimAccount {
    on_its_sandbox!();

    fn token(&self) -> String {
        "kdv_live_conform".to_owned()
    }

    fn id(&self) -> String {
        self.settings.organization_id.clone()
    }

    /// People of the organization's country would write another country's number with its code.
    fn create(&self, properties: &[(&str, &str)]) -> String {
        let abroad = |value: &str| value.replace("(415)", "+1 415");
        let properties: Vec<(&str, String)> = properties.iter().map(|(name, value)| (*name, abroad(value))).collect();
        let properties: Vec<(&str, &str)> = properties.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.sandbox.create(&properties).expect("a record")
    }

    fn needs(&self, trace: &str) -> Vec<(&'static str, String)> {
        let digits: String = trace.bytes().map(|byte| format!("{byte:03}")).collect();
        vec![("phone_number", format!("+62811{digits}"))]
    }

    fn merge(&self, _winner: &str, _loser: &str) -> String {
        unreachable!("nothing merges")
    }

    fn drop_property(&self, _name: &str) {
        unreachable!("nothing drops a property")
    }

    fn samples(&self) -> Vec<Sample> {
        Vec::new()
    }

    fn drop_property_of(&self, _object: &str, _name: &str) {
        unreachable!("there are no objects")
    }

    fn bad_address(&self) -> Option<String> {
        Some("no address".to_owned())
    }

    fn subscribe(&self, url: &str) -> String {
        self.sandbox.subscribe(&format!("{url}&account={}", self.settings.organization_id))
    }

    fn hooks(&self) -> Vec<Delivery> {
        let taken = self.sandbox.take_hooks().into_iter();
        taken.map(|hook| Delivery::of(hook.url, &hook.headers, &hook.body)).collect()
    }

    /// Where contacts lie is asked for once.
    fn extra_scan_calls(&self) -> u64 {
        1
    }

    fn lacks(&self, lack: Lack) -> Option<&'static str> {
        match lack {
            Lack::UniqueAddresses => Some("only numbers are unique, and their own case says so"),
            Lack::Merges | Lack::TraceOfMerges | Lack::WritesToMerged => Some("contacts are not merged"),
            Lack::ShortPages => Some("a page is as long as was asked for"),
            Lack::UniqueKeys => Some("metadata is not kept unique"),
            Lack::FixedArchive | Lack::ArchivedList => Some("a deleted contact is gone"),
            Lack::LateChanges => Some("lists have no index"),
            Lack::Deletes => Some("the API deletes nothing, and a contact that a person deleted is not to be seen"),
            Lack::PhoneEdits => Some("a contact's number is its address"),
            Lack::OwnProperties => Some("members are fixed and metadata takes any key"),
            Lack::Objects => Some("there are contacts alone"),
            Lack::SignedHooks => None,
        }
    }
}
