//! Pipedrive on API v2, with v1 where v2 has nothing: its people for syncs, and its objects for the CRM API.

mod deeds;
mod faults;
mod fields;
mod hooks;
mod kinds;
mod objects;
mod read;
mod record;
mod scan;
mod search;
mod wire;
mod write;

use std::time::Duration;

use async_trait::async_trait;
use http::HeaderName;
use http::header::AUTHORIZATION;
use lockstep_core::crm::ApiObject;
use lockstep_core::crm::action::Key;
use lockstep_core::day::Told;
use lockstep_core::env::Time;
use lockstep_core::mapping::model::{ContactProperties, NameProperties};
use lockstep_core::record::Record;
use secrecy::ExposeSecret;
use serde_json::Value as Json;

use crate::about::{About, DayLimit, RateLimit, TokenForm, Webhooks};
use crate::connector::{
    ChangePage, Connector, Cursor, Description, Find, Got, Hint, HookRequest, IdPage, Outcome, RowOutcome, Write,
};
use crate::door::{Answer, Call, Proven, Session, Usage};
use crate::fault::{Fault, FaultClass};
use crate::oauth::{Grant, OAuth, TokenCall};
use crate::objects::{Deed, Found, Objects, Search};
use crate::stand_in;
use kinds::{Kind, PERSON};

/// The connector of Pipedrive.
pub struct Pipedrive;

/// Figures of Pipedrive's pages "Rate limiting" (the smallest plan, personal token) and of its OpenAPI document of v2.
static ABOUT: About = About {
    slug: "pipedrive",
    name: "Pipedrive",
    base_url: "https://api.pipedrive.com",
    domains: &["pipedrive.com"],
    headers: &[],
    oauth: Some(OAuth {
        authorize_url: "https://oauth.pipedrive.com/oauth/authorize",
        authorize_params: &[],
        token_url: "https://oauth.pipedrive.com/oauth/token",
        token_call: TokenCall::BasicForm,
        pkce: false,
        // They are fixed where the app is registered.
        scopes: &[],
        optional_scopes: &[],
    }),
    token: TokenForm { label: "Personal API token", own_address: false },
    // There are no batches.
    write_batch: 1,
    update_batch: 1,
    // A list by ids takes more, but each record that it does not show takes a read of its own, and each key a search: so
    // many leave room in the smallest burst, and a look that is refused in the middle would begin anew for ever.
    read_batch: 8,
    page: 500,
    // Nothing is promised.
    index_lag: Duration::from_secs(10),
    granularity: Duration::from_secs(1),
    general_limit: RateLimit { calls: 20, window: Duration::from_secs(2) },
    search_limit: RateLimit { calls: SEARCHES, window: Duration::from_secs(2) },
    // A page of a list costs 10 tokens (`x-token-cost` in the API's description).
    day: Some(DayLimit { least: 30_000, unit: "tokens", poll: 10 }),
    upsert_by_key: false,
    webhooks: Webhooks::App,
    docs: "docs/connect-pipedrive.md",
};

/// Searches that a token may make in two seconds, on every plan.
const SEARCHES: u32 = 10;

fn kind(slug: &str) -> Result<&'static Kind, Fault> {
    kinds::named(slug).ok_or_else(|| {
        Fault::new(FaultClass::Missing, "UNKNOWN_OBJECT", format!("Pipedrive has no object \"{slug}\"."))
    })
}

#[async_trait]
impl Objects for Pipedrive {
    async fn objects(&self, session: &Session) -> Result<Vec<ApiObject>, Fault> {
        objects::objects(session).await
    }

    async fn object(&self, session: &Session, slug: &str) -> Result<ApiObject, Fault> {
        objects::object(session, kind(slug)?).await
    }

    async fn read(
        &self,
        session: &Session,
        object: &str,
        ids: &[String],
        properties: &[String],
    ) -> Result<Vec<Got>, Fault> {
        read::get(session, kind(object)?, ids, properties).await
    }

    async fn by_key(&self, _: &Session, object: &str, key: &Key, _: &[String]) -> Result<Option<Record>, Fault> {
        let message = format!("Pipedrive keeps no values of {object} unique.");
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
        search::search(session, kind(object)?, search, properties).await
    }

    async fn add_key(&self, session: &Session, object: &str, name: &str) -> Result<(), Fault> {
        fields::add_key(session, kind(object)?, name).await
    }

    async fn carry_out(&self, session: &Session, deed: &Deed, properties: &[String]) -> Result<Outcome, Fault> {
        deeds::carry_out(session, deed, properties).await
    }
}

#[async_trait]
impl Connector for Pipedrive {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn contact_properties(&self) -> ContactProperties<'static> {
        ContactProperties {
            phone: "phone",
            email: "email",
            name: NameProperties::Whole("name"),
            other_phones: &["other_phones"],
            other_emails: &["other_emails"],
            source: None,
            key: None,
        }
    }

    async fn account(&self, session: &Session) -> Result<String, Fault> {
        read::account(session).await
    }

    async fn describe(&self, session: &Session) -> Result<Description, Fault> {
        fields::describe(session).await
    }

    async fn add_key_property(&self, session: &Session, name: &str) -> Result<(), Fault> {
        fields::add_key(session, &PERSON, name).await
    }

    async fn get(&self, session: &Session, ids: &[String], properties: &[String]) -> Result<Vec<Got>, Fault> {
        Ok(stand_in::got(read::get(session, &PERSON, ids, properties).await?, PERSON.title))
    }

    async fn find(&self, session: &Session, by: &Find, properties: &[String]) -> Result<Vec<Record>, Fault> {
        Ok(stand_in::contacts(read::find(session, by, properties).await?, PERSON.title))
    }

    async fn changes(
        &self,
        session: &Session,
        cursor: Option<&Cursor>,
        properties: &[String],
    ) -> Result<ChangePage, Fault> {
        let page = scan::changes(session, cursor, properties).await?;
        Ok(ChangePage { records: stand_in::contacts(page.records, PERSON.title), ..page })
    }

    async fn list_ids(&self, session: &Session, archived: bool, after: Option<&str>) -> Result<IdPage, Fault> {
        read::list_ids(session, archived, after).await
    }

    async fn write(&self, session: &Session, write: &Write, properties: &[String]) -> Result<Vec<RowOutcome>, Fault> {
        Ok(stand_in::written(write::write(session, write, properties).await?, PERSON.title))
    }

    /// A personal token goes in a header of its own; it is the grant that cannot be renewed.
    fn prove(&self, grant: &Grant, call: &Call) -> Proven {
        let token = grant.access.expose_secret();
        match grant.refresh {
            Some(_) => call.proven_by(AUTHORIZATION, format!("Bearer {token}")),
            None => call.proven_by(HeaderName::from_static("x-api-token"), token),
        }
    }

    fn home(&self, token_answer: &Json) -> Option<String> {
        token_answer.get("api_domain")?.as_str().map(str::to_owned)
    }

    fn usage(&self, answer: &Answer) -> Option<Usage> {
        let (max, remaining) = (answer.figure("x-ratelimit-limit")?, answer.figure("x-ratelimit-remaining")?);
        // The answer to a search may tell of the searches' own limit, which is less than any plan's general one.
        (max > SEARCHES).then_some(Usage { max, remaining })
    }

    // The company's tokens; what the plan allows is not told.
    fn day(&self, answer: &Answer) -> Option<Told> {
        let left = answer.figure("x-daily-requests-left")?;
        Some(Told { max: None, left, resets_at: Some(faults::midnight(answer.sent_at)) })
    }

    fn shut_until(&self, answer: &Answer) -> Option<Time> {
        faults::shut_until(answer)
    }

    fn read_hook(&self, request: &HookRequest<'_>, secret: &str, _: Time) -> Result<Vec<Hint>, Fault> {
        hooks::read(request, secret)
    }

    fn read_hints(&self, body: &[u8]) -> Result<Vec<Hint>, Fault> {
        hooks::hints(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_personal_token_and_a_grant_are_shown_in_their_own_ways() {
        let call = Call::read(crate::door::Method::Get, "/api/v1/users/me", None);
        let fixed = Grant::fixed("t0".to_owned().into());
        let (name, value) = Pipedrive.prove(&fixed, &call).headers.pop().expect("a header");
        assert_eq!((name.as_str(), value.expose_secret()), ("x-api-token", "t0"));
        let renewable = Grant { refresh: Some("r".to_owned().into()), ..fixed };
        let (name, value) = Pipedrive.prove(&renewable, &call).headers.pop().expect("a header");
        assert_eq!((name.as_str(), value.expose_secret()), ("authorization", "Bearer t0"));
        let answer = json!({ "access_token": "a", "api_domain": "https://firm.pipedrive.com" });
        assert_eq!(Pipedrive.home(&answer).as_deref(), Some("https://firm.pipedrive.com"));
        assert!(ABOUT.is_home("https://firm.pipedrive.com") && !ABOUT.is_home("https://pipedrive.com.evil.example"));
    }

    #[test]
    fn every_answer_tells_of_the_day() {
        let header = (HeaderName::from_static("x-daily-requests-left"), http::HeaderValue::from_static("29985"));
        let headers = [header].into_iter().collect();
        let answer = Answer { status: 200, headers, body: Json::Null, sent_at: Time::from_secs(86_400 * 3 + 1) };
        let told = Told { max: None, left: 29_985, resets_at: Some(Time::from_secs(86_400 * 4)) };
        assert_eq!(Pipedrive.day(&answer), Some(told));
    }

    #[test]
    fn usage_is_of_the_general_limit_alone() {
        let answer = |limit: &'static str| {
            let headers = [("x-ratelimit-limit", limit), ("x-ratelimit-remaining", "3")]
                .map(|(name, value)| (HeaderName::from_static(name), http::HeaderValue::from_static(value)));
            Answer {
                status: 200,
                headers: headers.into_iter().collect(),
                body: Json::Null,
                sent_at: Time::from_secs(1),
            }
        };
        assert_eq!(Pipedrive.usage(&answer("20")), Some(Usage { max: 20, remaining: 3 }));
        assert_eq!(Pipedrive.usage(&answer("10")), None);
    }
}
