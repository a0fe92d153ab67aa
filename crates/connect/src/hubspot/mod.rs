//! HubSpot's contacts, on the v3 paths.

mod faults;
mod hooks;
mod metadata;
mod read;
mod scan;
mod wire;
mod write;

use std::time::Duration;

use async_trait::async_trait;
use lockstep_core::env::Time;
use lockstep_core::mapping::model::ContactProperties;
use lockstep_core::record::Record;

use crate::about::{About, RateLimit};
use crate::connector::{
    ChangePage, Connector, Cursor, Description, Find, Got, Hint, HookRequest, IdPage, RowOutcome, Write,
};
use crate::door::{Answer, Session};
use crate::fault::Fault;
use crate::oauth::OAuth;
use crate::objects::Objects;

/// The connector of HubSpot.
pub struct Hubspot;

/// Figures of HubSpot's pages "Usage guidelines" (public app, per account), "CRM API | Search" and "CRM API | Objects".
static ABOUT: About = About {
    slug: "hubspot",
    name: "HubSpot",
    base_url: "https://api.hubapi.com",
    oauth: OAuth {
        authorize_url: "https://app.hubspot.com/oauth/authorize",
        token_path: "/oauth/v1/token",
        scopes: &[
            "oauth",
            "crm.objects.contacts.read",
            "crm.objects.contacts.write",
            "crm.schemas.contacts.read",
            "crm.schemas.contacts.write",
        ],
    },
    write_batch: 100,
    read_batch: 100,
    page: 200,
    // Seen to be about five seconds; nothing is promised.
    index_lag: Duration::from_secs(10),
    granularity: Duration::from_millis(1),
    general_limit: RateLimit { calls: 110, window: Duration::from_secs(10) },
    search_limit: RateLimit { calls: 5, window: Duration::from_secs(1) },
    upsert_by_key: true,
    docs: "docs/connect-hubspot.md",
};

impl Objects for Hubspot {}

#[async_trait]
impl Connector for Hubspot {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn contact_properties(&self) -> ContactProperties<'static> {
        ContactProperties {
            phone: "phone",
            email: "email",
            first_name: "firstname",
            last_name: "lastname",
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
        metadata::add_key_property(session, name).await
    }

    async fn get(&self, session: &Session, ids: &[String], properties: &[String]) -> Result<Vec<Got>, Fault> {
        read::get(session, ids, properties).await
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

    fn shut_until(&self, answer: &Answer) -> Option<Time> {
        faults::shut_until(answer)
    }

    fn read_hints(&self, body: &[u8]) -> Result<Vec<Hint>, Fault> {
        hooks::hints(body)
    }
}
