//! Notion: the pages of the data source "Contacts" for syncs, and those of any data source for the CRM API.

mod deeds;
mod faults;
mod hooks;
mod naming;
mod objects;
mod query;
mod read;
mod scan;
mod search;
mod sources;
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
use secrecy::SecretString;
use serde::Deserialize;

use crate::about::{About, RateLimit, TokenForm, Webhooks};
use crate::connector::{
    ChangePage, Connector, Cursor, Description, Find, Got, Hint, HookRequest, IdPage, Outcome, RowOutcome, Write,
};
use crate::door::{Answer, Call, Method, Session};
use crate::fault::{Fault, FaultClass};
use crate::oauth::{OAuth, TokenCall};
use crate::objects::{Deed, Found, Objects, Search};
use sources::Which;

/// The connector of Notion.
pub struct Notion;

/// Calls of one connection: the least that any plan has (page "Request limits").
const LIMIT: RateLimit = RateLimit { calls: 180, window: Duration::from_secs(60) };

/// Figures of Notion's pages "Versioning", "Authorization", "Request limits" and "Query a data source".
static ABOUT: About = About {
    slug: "notion",
    name: "Notion",
    base_url: "https://api.notion.com",
    domains: &["notion.com"],
    headers: &[("Notion-Version", "2025-09-03")],
    token: TokenForm { label: "Internal integration secret", own_address: false },
    oauth: Some(OAuth {
        authorize_url: "https://api.notion.com/v1/oauth/authorize",
        authorize_params: &[("owner", "user")],
        token_url: "https://api.notion.com/v1/oauth/token",
        token_call: TokenCall::BasicJson,
        pkce: false,
        // What a connection may do is set where it is made; the person chooses the pages.
        scopes: &[],
        optional_scopes: &[],
    }),
    write_batch: 1,
    update_batch: 1,
    read_batch: 1,
    page: query::PAGE,
    // None is told of; nothing is promised either.
    index_lag: Duration::from_secs(10),
    granularity: Duration::from_secs(60),
    general_limit: LIMIT,
    search_limit: LIMIT,
    day: None,
    upsert_by_key: false,
    webhooks: Webhooks::Handshake,
    docs: "docs/connect-notion.md",
};

#[derive(Deserialize)]
struct Bot {
    id: String,
    #[serde(default)]
    bot: BotOf,
}

#[derive(Default, Deserialize)]
struct BotOf {
    workspace_id: Option<String>,
}

#[async_trait]
impl Objects for Notion {
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
        read::get(session, Which::Id(object), ids, properties).await
    }

    async fn by_key(
        &self,
        _session: &Session,
        _object: &str,
        key: &Key,
        _properties: &[String],
    ) -> Result<Option<Record>, Fault> {
        let message = "Notion keeps no property unique; a search finds every page that has the value.";
        let fault = Fault::new(FaultClass::Rejected, "NOT_UNIQUE", message);
        Err(Fault { property: Some(key.property.clone()), ..fault }.bounded())
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
        sources::add_key(session, Which::Id(object), name).await
    }

    async fn carry_out(&self, session: &Session, deed: &Deed, properties: &[String]) -> Result<Outcome, Fault> {
        deeds::carry_out(session, deed, properties).await
    }
}

#[async_trait]
impl Connector for Notion {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn contact_properties(&self) -> ContactProperties<'static> {
        ContactProperties {
            phone: "phone_number",
            email: "email",
            name: NameProperties::Whole("title"),
            other_phones: &[],
            other_emails: &[],
            source: None,
            key: None,
        }
    }

    async fn account(&self, session: &Session) -> Result<String, Fault> {
        let me: Bot = wire::ask(session, Call::read(Method::Get, "/v1/users/me", None)).await?;
        Ok(me.bot.workspace_id.unwrap_or(me.id))
    }

    async fn describe(&self, session: &Session) -> Result<Description, Fault> {
        sources::describe(session).await
    }

    async fn add_key_property(&self, session: &Session, name: &str) -> Result<(), Fault> {
        sources::add_key(session, Which::Contacts, name).await
    }

    async fn get(&self, session: &Session, ids: &[String], properties: &[String]) -> Result<Vec<Got>, Fault> {
        read::get(session, Which::Contacts, ids, properties).await
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

    fn shut_until(&self, answer: &Answer) -> Option<Time> {
        faults::shut_until(answer)
    }

    fn read_hook(&self, request: &HookRequest<'_>, secret: &str, _now: Time) -> Result<Vec<Hint>, Fault> {
        hooks::read(request, secret)
    }

    fn hook_token(&self, body: &[u8]) -> Option<SecretString> {
        hooks::token(body)
    }

    fn read_hints(&self, body: &[u8]) -> Result<Vec<Hint>, Fault> {
        hooks::hints(body)
    }
}
