//! Every CRM's look-alike behind one face, one line each.

use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use bytes::Bytes;
use serde_json::{Map, Value};

use crate::record::{Record, Seeded};
use crate::world::{Clock, Wait};
use crate::{Calls, Faults};

/// One webhook on its way.
#[derive(Clone, Debug)]
pub struct Post {
    /// Where it goes, by POST.
    pub url: String,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
}

/// Posts a webhook and answers whether it was taken.
pub type Poster = Arc<dyn Fn(Post) -> Pin<Box<dyn Future<Output = bool> + Send>> + Send + Sync>;

/// A CRM's look-alike, whichever vendor's it is: what an app sees, and the hand of the people who work there.
pub trait Vendor: Send + Sync {
    /// The vendor's API and the sandbox's own `/__…` routes.
    fn router(&self) -> Router;

    /// The fault switch.
    fn faults(&self) -> &Faults;

    /// Calls since the start or the last reset.
    fn calls(&self) -> Calls;

    /// A person makes a contact; an empty value is no value. Answers its id.
    ///
    /// # Errors
    /// What the vendor's own page would refuse.
    fn create(&self, properties: &[(&str, &str)]) -> Result<String, String>;

    /// A person edits a contact; an empty value clears.
    ///
    /// # Errors
    /// As [`create`](Self::create), and if there is no such contact.
    fn edit(&self, id: &str, properties: &[(&str, &str)]) -> Result<(), String>;

    /// A person deletes a contact, or archives it where that is the vendor's way.
    ///
    /// # Errors
    /// If there is no such contact.
    fn archive(&self, id: &str) -> Result<(), String>;

    /// A person brings back a contact that was deleted or archived.
    ///
    /// # Errors
    /// If it does not lie there.
    fn restore(&self, id: &str) -> Result<(), String>;

    /// Fills the account with contacts that were there before.
    fn seed(&self, rows: Vec<Map<String, Value>>) -> Seeded;

    /// As [`seed`](Self::seed), from CSV whose headers are property names.
    ///
    /// # Errors
    /// The first line that is no CSV.
    fn seed_csv(&self, text: &[u8]) -> Result<Seeded, String>;

    /// Every contact, by id: archived and merged ones too.
    fn records(&self) -> Vec<Record>;

    /// Sets how far the vendor's own clock is ahead of ours, in microseconds; it may step back.
    fn set_clock_offset(&self, us: i64);

    /// Posts webhooks as they become due, for ever.
    fn deliver(&self, wait: Wait, poster: Poster) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}

/// The words of a vendor's contacts, and what lets an app in.
#[derive(Clone, Copy, Debug)]
pub struct Words {
    /// The property of a first name; the same as `last` where a name is one property.
    pub first: &'static str,
    /// The property of a last name.
    pub last: &'static str,
    /// The property of the e-mail address.
    pub email: &'static str,
    /// The property of the phone number.
    pub phone: &'static str,
    /// A token that the look-alike takes for one that a person made.
    pub token: &'static str,
    /// What an admin posts to `/__add-property` to make the property for an app's own id, where the vendor lets no app
    /// make one.
    pub admin: Option<&'static str>,
}

impl Words {
    /// The properties of a name.
    #[must_use]
    pub fn name(&self, first: &str, last: &str) -> Vec<(&'static str, String)> {
        let whole = [first, last].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
        if self.first == self.last {
            return vec![(self.first, whole)];
        }
        vec![(self.first, first.to_owned()), (self.last, last.to_owned())]
    }

    /// A record's name.
    #[must_use]
    pub fn name_of(&self, record: &Record) -> String {
        let parts = if self.first == self.last { vec![self.first] } else { vec![self.first, self.last] };
        parts.iter().filter_map(|part| record.value(part)).collect::<Vec<_>>().join(" ")
    }
}

/// What can be set up of every look-alike alike.
#[derive(Clone)]
pub struct Basics {
    /// Where time comes from.
    pub clock: Clock,
    /// How to wait; none under a virtual clock.
    pub wait: Option<Wait>,
    /// Index lag, limits and other oddities on or off.
    pub quirks: bool,
}

/// A look-alike that can be made.
#[derive(Clone, Copy)]
pub struct Listed {
    /// The vendor's slug.
    pub slug: &'static str,
    /// The vendor's name for people.
    pub name: &'static str,
    /// The port that it listens on unless another one is asked for.
    pub port: u16,
    /// What its people type, and where.
    pub words: Words,
    /// Makes an account without records.
    pub make: fn(Basics) -> Box<dyn Vendor>,
}

/// The look-alikes of all CRMs.
#[must_use]
pub fn vendors() -> &'static [Listed] {
    VENDORS
}

macro_rules! vendors {
    ($($slug:literal $label:literal $port:literal $module:ident::$name:ident, $settings:ident, $hooks:ident;)*) => {
        const VENDORS: &[Listed] = &[$(Listed {
            slug: $slug,
            name: $label,
            port: $port,
            words: crate::$module::WORDS,
            make: |Basics { clock, wait, quirks }| {
                use crate::$module::{$name, $settings};
                Box::new($name::new($settings { clock, wait, quirks, ..$settings::default() }))
            },
        }),*];

        $(impl Vendor for crate::$module::$name {
            fn router(&self) -> Router {
                self.router()
            }

            fn faults(&self) -> &Faults {
                self.faults()
            }

            fn calls(&self) -> Calls {
                self.calls()
            }

            fn create(&self, properties: &[(&str, &str)]) -> Result<String, String> {
                self.create(properties).map_err(|refusal| refusal.to_string())
            }

            fn edit(&self, id: &str, properties: &[(&str, &str)]) -> Result<(), String> {
                self.edit(id, properties).map_err(|refusal| refusal.to_string())
            }

            fn archive(&self, id: &str) -> Result<(), String> {
                self.archive(id).map_err(|refusal| refusal.to_string())
            }

            fn restore(&self, id: &str) -> Result<(), String> {
                self.restore(id).map_err(|refusal| refusal.to_string())
            }

            fn seed(&self, rows: Vec<Map<String, Value>>) -> Seeded {
                self.seed(rows)
            }

            fn seed_csv(&self, text: &[u8]) -> Result<Seeded, String> {
                self.seed_csv(text)
            }

            fn records(&self) -> Vec<Record> {
                self.records()
            }

            fn set_clock_offset(&self, us: i64) {
                self.set_clock_offset(us);
            }

            fn deliver(&self, wait: Wait, poster: Poster) -> Pin<Box<dyn Future<Output = ()> + Send>> {
                vendors!(@$hooks self, wait, poster, $module)
            }
        })*
    };
    (@hooks $vendor:ident, $wait:ident, $poster:ident, $module:ident) => {
        Box::pin(crate::$module::deliver_hooks($vendor.clone(), $wait, move |hook| {
            $poster(Post { url: hook.url, headers: hook.headers, body: hook.body })
        }))
    };
    // This vendor pushes nothing that its look-alike does.
    (@silent $vendor:ident, $wait:ident, $poster:ident, $module:ident) => {{
        drop(($wait, $poster));
        Box::pin(pending())
    }};
}

vendors! {
    "hubspot" "HubSpot" 8490 hubspot::Hubspot, HubspotSettings, hooks;
    "salesforce" "Salesforce" 8492 salesforce::Salesforce, SalesforceSettings, silent;
    "pipedrive" "Pipedrive" 8493 pipedrive::Pipedrive, PipedriveSettings, hooks;
    "notion" "Notion" 8494 notion::Notion, NotionSettings, hooks;
    "odoo" "Odoo" 8495 odoo::Odoo, OdooSettings, hooks;
    "kirim" "Kirim" 8496 kirim::Kirim, KirimSettings, hooks;
}
