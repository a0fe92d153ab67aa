//! Salesforce's world.

use std::sync::Arc;

use lockstep_sandbox::salesforce::{Kind, Property};
use lockstep_sandbox::{Effect, Salesforce, SalesforceSettings};

use crate::world::{Account, Lack, Sample, World, on_its_sandbox};

#[derive(Clone)]
struct SalesforceAccount {
    sandbox: Salesforce,
}

/// What an admin makes before anybody can agree on a key.
pub const KEY_FIELD: &str = "Lockstep_Id__c";

pub fn world(page_max: Option<usize>) -> World {
    made(page_max).0
}

/// With the org's own hand, for what the shared cases do not ask for.
pub fn made(page_max: Option<usize>) -> (World, Salesforce) {
    World::with("salesforce", |env| {
        let clock = Arc::new(move || env.now().0);
        let sandbox = Salesforce::new(SalesforceSettings { clock, page_max, ..SalesforceSettings::default() });
        let account = SalesforceAccount { sandbox: sandbox.clone() };
        for sample in account.samples() {
            let key = Property::of(sample.object, KEY_FIELD, Kind::String);
            sandbox.add_property(&Property { external_id: true, unique: true, ..key }).expect("a field");
        }
        (account, sandbox)
    })
}

impl Account for SalesforceAccount {
    on_its_sandbox!();

    fn id(&self) -> String {
        "00Dak0000000001EAA".to_owned()
    }

    fn wanted(&self) -> Option<&'static str> {
        Some("LastName")
    }

    fn merge(&self, winner: &str, loser: &str) -> String {
        self.sandbox.merge(winner, loser).expect("a merge")
    }

    fn drop_property(&self, name: &str) {
        self.sandbox.drop_property(name).expect("a dropped property");
    }

    fn samples(&self) -> Vec<Sample> {
        let sample = |object, name, needs, optional, read_only| Sample { object, name, needs, optional, read_only };
        vec![
            sample("Contact", "LastName", &[("LastName", "")], "Title", "CreatedDate"),
            sample("Account", "Name", &[("Name", "")], "Website", "SystemModstamp"),
            sample("Lead", "LastName", &[("LastName", ""), ("Company", "Firm")], "Title", "IsConverted"),
            sample(
                "Opportunity",
                "Name",
                &[("Name", ""), ("StageName", "Prospecting"), ("CloseDate", "2026-12-24")],
                "NextStep",
                "IsWon",
            ),
            sample("Case", "Subject", &[], "Reason", "CaseNumber"),
            sample("Task", "Subject", &[], "Description", "IsClosed"),
        ]
    }

    fn drop_property_of(&self, object: &str, name: &str) {
        self.sandbox.drop_property_of(object, name).expect("a dropped property");
    }

    fn limit(&self) -> Effect {
        Effect::Status { status: 403, policy: Some("REQUEST_LIMIT_EXCEEDED".into()) }
    }

    /// Salesforce takes no contact without a last name.
    fn given(&self) -> Option<&'static str> {
        Some("LastName")
    }

    /// Addresses are unique only where an admin made a rule, which does not say in rows which record is in the way; queries
    /// read the database itself; a record that was merged away is deleted; and nothing is sent to webhooks.
    fn bad_address(&self) -> Option<String> {
        Some("no address".to_owned())
    }

    fn lacks(&self, lack: Lack) -> Option<&'static str> {
        match lack {
            Lack::UniqueAddresses => Some("two contacts may have one address"),
            Lack::LateChanges => Some("queries have no index that lags"),
            Lack::WritesToMerged => Some("a loser is gone"),
            Lack::SignedHooks => Some("there are no webhooks"),
            _ => None,
        }
    }
}
