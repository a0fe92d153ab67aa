//! Kirim over its public API `/v1`, with the paths of either generation: a remote account of the same kind as our own
//! inbox. Another Lockstep speaks the same.

mod faults;
mod hooks;
mod read;
mod scan;
mod wire;
mod write;

use std::time::Duration;

use async_trait::async_trait;
use http::HeaderName;
use http::header::AUTHORIZATION;
use lockstep_core::crm::ApiObject;
use lockstep_core::env::Time;
use lockstep_core::mapping::model::{ContactProperties, NameProperties};
use secrecy::ExposeSecret as _;

use crate::about::{About, RateLimit, TokenForm, Webhooks};
use crate::connector::{
    ChangePage, Connector, Cursor, Description, Find, Got, Hint, HookRequest, IdPage, RowOutcome, Write,
};
use crate::door::{Answer, Call, Proven, Session, Usage};
use crate::fault::{Fault, FaultClass};
use crate::oauth::Grant;
use crate::objects::Objects;

/// The connector of Kirim.
pub struct Kirim;

/// Source: Kirim's pages "Authentication", "Pagination", "Rate limits" and "Idempotency", of both generations.
static ABOUT: About = About {
    slug: "kirim",
    name: "Kirim",
    base_url: "https://api.kirimdev.com",
    domains: &["kirimdev.com", "kirim.chat", "kirim.dev"],
    headers: &[],
    token: TokenForm { label: "API key", own_address: true },
    oauth: None,
    // There is no call for many contacts.
    write_batch: 1,
    update_batch: 1,
    read_batch: 1,
    page: wire::PAGE,
    // Lists read the database itself.
    index_lag: Duration::ZERO,
    // Times are shown with milliseconds or without.
    granularity: Duration::from_secs(1),
    // A free organization's buckets: 600 reads in a minute, and apart from them 60 writes, which are Kirim's other limit.
    general_limit: RateLimit { calls: 600, window: Duration::from_secs(60) },
    search_limit: RateLimit { calls: 60, window: Duration::from_secs(60) },
    day: None,
    upsert_by_key: false,
    webhooks: Webhooks::App,
    docs: "docs/connect-kirim.md",
};

/// The number of a plan's calls, in the answer to each; on reads it is that of reads.
const LIMIT: (&str, &str) = ("x-ratelimit-limit", "x-ratelimit-remaining");
/// Makes a repeated create the same create (page "Idempotency").
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Contacts are all that a sync needs; to the CRM API Kirim has no objects.
#[async_trait]
impl Objects for Kirim {
    async fn objects(&self, _session: &Session) -> Result<Vec<ApiObject>, Fault> {
        Ok(Vec::new())
    }

    async fn object(&self, _session: &Session, slug: &str) -> Result<ApiObject, Fault> {
        Err(Fault::new(FaultClass::Missing, "NO_OBJECT", format!("Kirim has no object \"{slug}\" for the CRM API.")))
    }
}

#[async_trait]
impl Connector for Kirim {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn contact_properties(&self) -> ContactProperties<'static> {
        ContactProperties {
            phone: wire::PHONE,
            email: wire::EMAIL,
            name: NameProperties::Whole(wire::NAME),
            other_phones: &[],
            other_emails: &[],
            source: None,
            key: None,
        }
    }

    async fn account(&self, session: &Session) -> Result<String, Fault> {
        read::account(session).await
    }

    async fn describe(&self, session: &Session) -> Result<Description, Fault> {
        read::describe(session).await
    }

    /// Metadata takes any key, so there is nothing to make. No call.
    async fn add_key_property(&self, _session: &Session, name: &str) -> Result<(), Fault> {
        if !wire::is_member(name) {
            return Ok(());
        }
        let message = format!("\"{name}\" is a member of every contact. Choose another name.");
        let fault = Fault::new(FaultClass::Rejected, "KEY_PROPERTY_UNFIT", message);
        Err(Fault { property: Some(name.to_owned()), ..fault })
    }

    async fn get(&self, session: &Session, ids: &[String], properties: &[String]) -> Result<Vec<Got>, Fault> {
        read::get(session, ids, properties).await
    }

    async fn find(
        &self,
        session: &Session,
        by: &Find,
        properties: &[String],
    ) -> Result<Vec<lockstep_core::record::Record>, Fault> {
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

    fn prove(&self, grant: &Grant, call: &Call) -> Proven {
        let mut proven = call.proven_by(AUTHORIZATION, format!("Bearer {}", grant.access.expose_secret().trim()));
        proven.headers.extend(call.key.clone().map(|key| (IDEMPOTENCY_KEY, key.into())));
        proven
    }

    fn usage(&self, answer: &Answer) -> Option<Usage> {
        Some(Usage { max: answer.figure(LIMIT.0)?, remaining: answer.figure(LIMIT.1)? })
    }

    fn read_hook(&self, request: &HookRequest<'_>, secret: &str, now: Time) -> Result<Vec<Hint>, Fault> {
        hooks::read(request, secret, now)
    }

    fn read_hints(&self, body: &[u8]) -> Result<Vec<Hint>, Fault> {
        hooks::hints(body)
    }
}
