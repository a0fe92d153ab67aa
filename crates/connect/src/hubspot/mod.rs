//! HubSpot on the v3 paths: its contacts for syncs, and any of its objects for the CRM API.

mod deeds;
mod faults;
mod flows;
mod hooks;
mod links;
mod metadata;
mod objects;
mod read;
mod scan;
mod search;
mod wire;
mod write;

use std::time::Duration;

use async_trait::async_trait;
use lockstep_core::crm::ApiObject;
use lockstep_core::crm::action::Key;
use lockstep_core::day::Told;
use lockstep_core::env::Time;
use lockstep_core::mapping::model::{ContactProperties, NameProperties};
use lockstep_core::record::Record;

use crate::about::{About, DayLimit, RateLimit, TokenForm, Webhooks};
use crate::connector::{
    ChangePage, Connector, Cursor, Description, Find, Got, Hint, HookRequest, IdPage, Outcome, RowOutcome, Write,
};
use crate::door::{Answer, Session, Usage};
use crate::fault::Fault;
use crate::oauth::{OAuth, TokenCall};
use crate::objects::{Deed, Found, Objects, Search};

/// The connector of HubSpot.
pub struct Hubspot;

/// Figures of HubSpot's pages "Usage guidelines" (public app, per account), "CRM API | Search" and "CRM API | Objects".
static ABOUT: About = About {
    slug: "hubspot",
    name: "HubSpot",
    base_url: "https://api.hubapi.com",
    domains: &["hubapi.com", "hubspot.com"],
    headers: &[],
    token: TokenForm { label: "Access token of a private app", own_address: false },
    oauth: Some(OAuth {
        authorize_url: "https://app.hubspot.com/oauth/authorize",
        authorize_params: &[],
        token_url: "https://api.hubapi.com/oauth/v1/token",
        token_call: TokenCall::Form,
        pkce: true,
        scopes: &[
            "oauth",
            "crm.objects.contacts.read",
            "crm.objects.contacts.write",
            "crm.schemas.contacts.read",
            "crm.schemas.contacts.write",
        ],
        optional_scopes: &[
            "crm.objects.companies.read",
            "crm.objects.companies.write",
            "crm.schemas.companies.read",
            "crm.schemas.companies.write",
            "crm.objects.deals.read",
            "crm.objects.deals.write",
            "crm.schemas.deals.read",
            "crm.schemas.deals.write",
            "tickets",
            "crm.objects.custom.read",
            "crm.objects.custom.write",
            "crm.schemas.custom.read",
            "crm.schemas.custom.write",
            "crm.objects.owners.read",
            "automation",
        ],
    }),
    write_batch: 100,
    update_batch: 100,
    read_batch: 100,
    page: 200,
    // Seen to be about five seconds; nothing is promised.
    index_lag: Duration::from_secs(10),
    granularity: Duration::from_millis(1),
    general_limit: RateLimit { calls: 110, window: Duration::from_secs(10) },
    search_limit: RateLimit { calls: 5, window: Duration::from_secs(1) },
    day: Some(DayLimit { least: 250_000, unit: "calls", poll: 1 }),
    upsert_by_key: true,
    webhooks: Webhooks::App,
    docs: "docs/connect-hubspot.md",
};

#[async_trait]
impl Objects for Hubspot {
    async fn objects(&self, session: &Session) -> Result<Vec<ApiObject>, Fault> {
        objects::objects(session).await
    }

    async fn object(&self, session: &Session, slug: &str) -> Result<ApiObject, Fault> {
        objects::object(session, slug).await
    }

    async fn read(
        &self,
        session: &Session,
        object: &str,
        ids: &[String],
        properties: &[String],
    ) -> Result<Vec<Got>, Fault> {
        read::get(session, object, ids, properties).await
    }

    async fn by_key(
        &self,
        session: &Session,
        object: &str,
        key: &Key,
        properties: &[String],
    ) -> Result<Option<Record>, Fault> {
        let values = [key.value.clone()];
        Ok(read::by_key(session, object, &key.property, &values, properties).await?.pop())
    }

    async fn search(
        &self,
        session: &Session,
        object: &str,
        search: &Search,
        properties: &[String],
    ) -> Result<Found, Fault> {
        search::search(session, object, search, properties).await
    }

    async fn add_key(&self, session: &Session, object: &str, name: &str) -> Result<(), Fault> {
        metadata::add_key(session, object, name).await
    }

    async fn carry_out(&self, session: &Session, deed: &Deed, properties: &[String]) -> Result<Outcome, Fault> {
        deeds::carry_out(session, deed, properties).await
    }
}

#[async_trait]
impl Connector for Hubspot {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn contact_properties(&self) -> ContactProperties<'static> {
        ContactProperties {
            phone: "phone",
            email: "email",
            name: NameProperties::Parts { first: "firstname", last: "lastname" },
            other_phones: &["mobilephone"],
            other_emails: &["hs_additional_emails"],
            source: None,
            key: None,
        }
    }

    async fn account(&self, session: &Session) -> Result<String, Fault> {
        metadata::account(session).await
    }

    async fn describe(&self, session: &Session) -> Result<Description, Fault> {
        metadata::describe(session).await
    }

    async fn add_key_property(&self, session: &Session, name: &str) -> Result<(), Fault> {
        metadata::add_key(session, "contacts", name).await
    }

    async fn get(&self, session: &Session, ids: &[String], properties: &[String]) -> Result<Vec<Got>, Fault> {
        read::get(session, "contacts", ids, properties).await
    }

    async fn find(&self, session: &Session, by: &Find, properties: &[String]) -> Result<Vec<Record>, Fault> {
        read::find(session, by, properties).await
    }

    async fn changes(
        &self,
        session: &Session,
        cursor: Option<&Cursor>,
        properties: &[String],
    ) -> Result<ChangePage, Fault> {
        scan::changes(session, cursor, properties).await
    }

    async fn list_ids(&self, session: &Session, archived: bool, after: Option<&str>) -> Result<IdPage, Fault> {
        read::list_ids(session, archived, after).await
    }

    async fn write(&self, session: &Session, write: &Write, properties: &[String]) -> Result<Vec<RowOutcome>, Fault> {
        write::write(session, write, properties).await
    }

    fn read_hook(&self, request: &HookRequest<'_>, secret: &str, now: Time) -> Result<Vec<Hint>, Fault> {
        hooks::read(request, secret, now)
    }

    fn usage(&self, answer: &Answer) -> Option<Usage> {
        let (max, remaining) =
            (answer.figure("x-hubspot-ratelimit-max")?, answer.figure("x-hubspot-ratelimit-remaining")?);
        Some(Usage { max, remaining })
    }

    // Not told to OAuth apps. The day ends at midnight of the account's zone, which no answer tells.
    fn day(&self, answer: &Answer) -> Option<Told> {
        let (max, left) =
            (answer.figure("x-hubspot-ratelimit-daily")?, answer.figure("x-hubspot-ratelimit-daily-remaining")?);
        Some(Told { max: Some(max), left, resets_at: None })
    }

    fn shut_until(&self, answer: &Answer) -> Option<Time> {
        faults::shut_until(answer)
    }

    fn read_hints(&self, body: &[u8]) -> Result<Vec<Hint>, Fault> {
        hooks::hints(body)
    }
}
