//! Odoo over JSON-2 (19 and later) or JSON-RPC (14 and later): its contacts for syncs, and its other records for the CRM
//! API.

mod deeds;
mod faults;
mod metadata;
mod objects;
mod read;
mod scan;
mod token;
mod values;
mod wire;
mod write;

use std::time::Duration;

use async_trait::async_trait;
use lockstep_core::crm::ApiObject;
use lockstep_core::crm::action::Key;
use lockstep_core::env::Time;
use lockstep_core::mapping::model::{ContactProperties, NameProperties};
use lockstep_core::record::Record;

use crate::about::{About, RateLimit, TokenForm, Webhooks};
use crate::connector::Outcome;
use crate::connector::{
    ChangePage, Connector, Cursor, Description, Find, Got, Hint, HookRequest, IdPage, RowOutcome, Write,
};
use crate::door::{Call, Proven, Session};
use crate::fault::{Fault, FaultClass};
use crate::oauth::Grant;
use crate::objects::{Deed, Found, Objects, Search};
use crate::stand_in;

/// What a contact's name is called.
const NAME: &str = "name";

/// The connector of Odoo.
pub struct Odoo;

/// Odoo names no limits and has none of its own; sizes are such that an answer comes in a second. Sources: the pages
/// "External JSON-2 API" and "External RPC API", and a server of version 14.
static ABOUT: About = About {
    slug: "odoo",
    name: "Odoo",
    // Everybody's Odoo has an address of its own.
    base_url: "https://www.odoo.com",
    domains: &["odoo.com"],
    headers: &[],
    token: TokenForm { label: "DATABASE:KEY from Odoo 19 on, DATABASE:USER-ID:KEY before", own_address: true },
    oauth: None,
    write_batch: 100,
    update_batch: 1,
    read_batch: 500,
    page: 500,
    // Searches read the database itself, but a call may commit that long after it began, with times of its beginning.
    index_lag: scan::OVERLAP,
    granularity: Duration::from_secs(1),
    general_limit: RateLimit { calls: 10, window: Duration::from_secs(1) },
    search_limit: RateLimit { calls: 10, window: Duration::from_secs(1) },
    day: None,
    upsert_by_key: false,
    webhooks: Webhooks::None,
    docs: "docs/connect-odoo.md",
};

#[async_trait]
impl Objects for Odoo {
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
        objects::by_key(session, object, key, properties).await
    }

    async fn search(
        &self,
        session: &Session,
        object: &str,
        search: &Search,
        properties: &[String],
    ) -> Result<Found, Fault> {
        objects::search(session, object, search, properties).await
    }

    async fn add_key(&self, session: &Session, object: &str, name: &str) -> Result<(), Fault> {
        metadata::add_key(session, object, name).await
    }

    async fn carry_out(&self, session: &Session, deed: &Deed, properties: &[String]) -> Result<Outcome, Fault> {
        deeds::carry_out(session, deed, properties).await
    }
}

#[async_trait]
impl Connector for Odoo {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn contact_properties(&self) -> ContactProperties<'static> {
        ContactProperties {
            phone: "phone",
            email: "email",
            name: NameProperties::Whole(NAME),
            // Went in version 19.
            other_phones: &["mobile"],
            other_emails: &[],
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
        metadata::add_key(session, wire::CONTACTS, name).await
    }

    async fn get(&self, session: &Session, ids: &[String], properties: &[String]) -> Result<Vec<Got>, Fault> {
        Ok(stand_in::got(read::get(session, wire::CONTACTS, ids, properties).await?, NAME))
    }

    async fn find(&self, session: &Session, by: &Find, properties: &[String]) -> Result<Vec<Record>, Fault> {
        Ok(stand_in::contacts(read::find(session, by, properties).await?, NAME))
    }

    async fn changes(
        &self,
        session: &Session,
        cursor: Option<&Cursor>,
        properties: &[String],
    ) -> Result<ChangePage, Fault> {
        let page = scan::changes(session, cursor, properties).await?;
        Ok(ChangePage { records: stand_in::contacts(page.records, NAME), ..page })
    }

    async fn list_ids(&self, session: &Session, archived: bool, after: Option<&str>) -> Result<IdPage, Fault> {
        read::list_ids(session, archived, after).await
    }

    async fn write(&self, session: &Session, write: &Write, _asked: &[String]) -> Result<Vec<RowOutcome>, Fault> {
        write::write(session, write).await
    }

    fn prove(&self, grant: &Grant, call: &Call) -> Proven {
        token::prove(grant, call)
    }

    fn read_hook(&self, _request: &HookRequest<'_>, _secret: &str, _now: Time) -> Result<Vec<Hint>, Fault> {
        Err(unsigned(FaultClass::Forbidden))
    }

    fn read_hints(&self, _body: &[u8]) -> Result<Vec<Hint>, Fault> {
        Err(unsigned(FaultClass::Rejected))
    }
}

/// Webhooks of automation rules (17 and later) carry nothing that proves who sent them.
fn unsigned(class: FaultClass) -> Fault {
    Fault::new(class, "UNSIGNED_HOOK", "Odoo signs no webhooks, so none is taken; changes are found by looking.")
}
