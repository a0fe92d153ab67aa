//! Salesforce by its REST API: its contacts for syncs, and any of its objects for the CRM API.

mod deeds;
mod faults;
mod flows;
mod links;
mod metadata;
mod names;
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
use serde_json::Value as Json;

use crate::about::{About, DayLimit, RateLimit, TokenForm, Webhooks};
use crate::connector::{
    ChangePage, Connector, Cursor, Description, Find, Got, Hint, HookRequest, IdPage, Outcome, RowOutcome, Write,
};
use crate::door::{Answer, Session, Usage};
use crate::fault::{Fault, FaultClass};
use crate::oauth::{OAuth, TokenCall};
use crate::objects::{Deed, Found, Objects, Search};
use wire::{CONTACT, in_callers_words};

/// The connector of Salesforce.
pub struct Salesforce;

/// Salesforce limits calls by the day alone; the figure is that of the smallest paid org, and every answer tells the real
/// one ([`Connector::usage`]).
const DAY: RateLimit = RateLimit { calls: 100_000, window: Duration::from_secs(24 * 60 * 60) };

/// Figures of Salesforce's pages "API Request Limits and Allocations", "sObject Collections", "Composite" and "Query".
static ABOUT: About = About {
    slug: "salesforce",
    name: "Salesforce",
    base_url: "https://login.salesforce.com",
    domains: &["salesforce.com", "force.com", "salesforce.mil", "cloudforce.com", "sfcrmproducts.cn"],
    headers: &[],
    token: TokenForm { label: "Access token", own_address: true },
    oauth: Some(OAuth {
        authorize_url: "https://login.salesforce.com/services/oauth2/authorize",
        authorize_params: &[],
        token_url: "https://login.salesforce.com/services/oauth2/token",
        token_call: TokenCall::Form,
        pkce: true,
        scopes: &["api", "refresh_token"],
        optional_scopes: &[],
    }),
    // Five collections of 200, the most that one composite call may carry.
    write_batch: 1_000,
    update_batch: 1_000,
    read_batch: 2_000,
    page: 2_000,
    // Of searches for phone numbers alone; queries know of a write at once. Nothing is promised.
    index_lag: Duration::from_secs(10),
    granularity: Duration::from_secs(1),
    general_limit: DAY,
    search_limit: DAY,
    day: Some(DayLimit { least: DAY.calls, unit: "calls", poll: 1 }),
    upsert_by_key: true,
    webhooks: Webhooks::None,
    docs: "docs/connect-salesforce.md",
};

#[async_trait]
impl Objects for Salesforce {
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
        read::by_key(session, object, key, properties).await
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
impl Connector for Salesforce {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn contact_properties(&self) -> ContactProperties<'static> {
        ContactProperties {
            phone: "Phone",
            email: "Email",
            name: NameProperties::Parts { first: "FirstName", last: "LastName" },
            other_phones: &["MobilePhone", "HomePhone", "OtherPhone"],
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
        metadata::add_key(session, CONTACT, name).await
    }

    async fn get(&self, session: &Session, ids: &[String], properties: &[String]) -> Result<Vec<Got>, Fault> {
        let got = read::get(session, CONTACT, ids, &names::with_first(properties)).await;
        let got = got.map_err(|fault| in_callers_words(fault, properties))?;
        Ok(got.into_iter().map(|got| names::contact_got(got, properties)).collect())
    }

    async fn find(&self, session: &Session, by: &Find, properties: &[String]) -> Result<Vec<Record>, Fault> {
        let found = read::find(session, by, &names::with_first(properties)).await;
        let found = found.map_err(|fault| in_callers_words(fault, properties))?;
        Ok(found.into_iter().map(|record| names::contact(record, properties)).collect())
    }

    async fn changes(
        &self,
        session: &Session,
        cursor: Option<&Cursor>,
        properties: &[String],
    ) -> Result<ChangePage, Fault> {
        let page = scan::changes(session, cursor, &names::with_first(properties)).await;
        let page = page.map_err(|fault| in_callers_words(fault, properties))?;
        let records = page.records.into_iter().map(|record| names::contact(record, properties)).collect();
        Ok(ChangePage { records, ..page })
    }

    async fn list_ids(&self, session: &Session, archived: bool, after: Option<&str>) -> Result<IdPage, Fault> {
        read::list_ids(session, archived, after).await
    }

    async fn write(&self, session: &Session, write: &Write, properties: &[String]) -> Result<Vec<RowOutcome>, Fault> {
        let in_words = |fault| in_callers_words(fault, properties);
        let rows = write::write(session, write, &names::with_first(properties)).await.map_err(in_words)?;
        let shown = |outcome| match outcome {
            Outcome::Written(record) => Outcome::Written(names::contact(record, properties)),
            Outcome::Archived => Outcome::Archived,
        };
        Ok(rows.into_iter().map(|row| row.map(shown).map_err(in_words)).collect())
    }

    /// Salesforce's answer to a token call names the org's own host.
    fn home(&self, token_answer: &Json) -> Option<String> {
        Some(token_answer.get("instance_url")?.as_str()?.trim_end_matches('/').to_owned())
    }

    /// `Sforce-Limit-Info: api-usage=18/15000`, of the last 24 hours; further limits may stand behind it.
    fn usage(&self, answer: &Answer) -> Option<Usage> {
        let told = answer.header("sforce-limit-info")?;
        let usage = told.split([',', ';']).find_map(|part| part.trim().strip_prefix("api-usage="))?;
        let (used, max) = usage.split_once('/')?;
        let (used, max): (u32, u32) = (used.trim().parse().ok()?, max.trim().parse().ok()?);
        Some(Usage { max, remaining: max.saturating_sub(used) })
    }

    // The last 24 hours count.
    fn day(&self, answer: &Answer) -> Option<Told> {
        self.usage(answer).map(|Usage { max, remaining }| Told { max: Some(max), left: remaining, resets_at: None })
    }

    fn shut_until(&self, answer: &Answer) -> Option<Time> {
        faults::shut_until(answer)
    }

    fn read_hook(&self, _request: &HookRequest<'_>, _secret: &str, _now: Time) -> Result<Vec<Hint>, Fault> {
        Err(no_hooks(FaultClass::Forbidden))
    }

    fn read_hints(&self, _body: &[u8]) -> Result<Vec<Hint>, Fault> {
        Err(no_hooks(FaultClass::Rejected))
    }
}

fn no_hooks(class: FaultClass) -> Fault {
    Fault::new(class, "NO_WEBHOOKS", "Salesforce sends no webhooks; its changes are found by asking for them.")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::script::NOON;

    #[test]
    fn a_token_answer_names_the_orgs_host() {
        let answer = json!({ "access_token": "t", "instance_url": "https://acme.my.salesforce.com/" });
        let home = Salesforce.home(&answer).expect("a host");
        assert_eq!(home, "https://acme.my.salesforce.com");
        assert!(ABOUT.is_home(&home) && !ABOUT.is_home("https://acme.my.salesforce.com.example.org"));
        assert_eq!(Salesforce.home(&json!({})), None);
    }

    #[test]
    fn every_answer_tells_of_the_day() {
        let told = |text: &'static str| {
            let mut headers = http::HeaderMap::new();
            headers.insert("sforce-limit-info", http::HeaderValue::from_static(text));
            Salesforce.usage(&Answer { status: 200, headers, body: Json::Null, sent_at: NOON })
        };
        let usage = Some(Usage { max: 15_000, remaining: 14_982 });
        assert_eq!(told("api-usage=18/15000"), usage);
        assert_eq!(told("api-usage=18/15000, per-app-api-usage=17/250(appName=sample)"), usage);
        assert_eq!([told("api-usage=many"), told("")], [None, None]);
    }
}
