//! The shapes of the CRM API's answers.

use lockstep_core::crm::view::CrmRecord;
use lockstep_core::env::Time;
use lockstep_core::ids::{CrmSubscriptionId, InvocationId};
use lockstep_store::{Invocation, InvocationState};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::user_shapes::PublicConnector;
use crate::ops::crm::app::AppSettings;
use crate::ops::crm::connections::Seen;

/// A record of the user's CRM as the app sees it.
#[derive(Serialize, ToSchema)]
pub struct RecordObject {
    /// The CRM object's slug.
    #[serde(rename = "type")]
    object: String,
    /// Opaque; the same after another mapping.
    #[schema(example = "deals:15")]
    id: String,
    /// Every field of the CRM object, `null` where there is nothing; no field after a delete.
    #[schema(value_type = HashMap<String, Value>)]
    data: Map<String, Value>,
}

impl From<CrmRecord> for RecordObject {
    fn from(CrmRecord { object, id, data }: CrmRecord) -> Self {
        Self { object, id, data }
    }
}

/// One record.
#[derive(Serialize, ToSchema)]
pub struct OneRecord {
    /// The record.
    pub record: RecordObject,
}

/// Records, and where the next page begins.
#[derive(Serialize, ToSchema)]
pub struct RecordList {
    /// The records.
    pub records: Vec<RecordObject>,
    /// To be passed back as `cursor`.
    #[schema(required)]
    pub next_cursor: Option<String>,
}

/// What an event came to.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "the operation answers JSON, as it is kept for repeats; the tests hold it against this")]
pub enum EventAnswer {
    /// Of a search.
    Found(RecordList),
    /// Of any other event.
    Done(Done),
}

/// What a create, an update or a delete came to.
#[derive(Serialize, ToSchema)]
pub struct Done {
    /// The record as the CRM holds it now; `null` where the user wants none, or a workflow was started.
    #[schema(required)]
    record: Option<RecordObject>,
    /// Where a workflow was started.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    job: Option<JobReference>,
}

/// What was handed to an automation of the CRM.
#[derive(Serialize, ToSchema)]
pub struct JobReference {
    /// The invocation, to ask about.
    id: String,
}

/// A connection. What opens the CRM is never shown.
#[derive(Serialize, ToSchema)]
pub struct ConnectionObject {
    /// The `connectionID`.
    id: String,
    /// Always true: one that was disconnected is not shown.
    enabled: bool,
    /// `active`, or `error` when the user has to authorise again.
    #[schema(value_type = String)]
    status: &'static str,
    /// The CRM.
    crm: CrmName,
    /// The CRM's own id of the account.
    account: String,
    /// Whose it is.
    context: ContextReference,
    /// Slugs of the CRM objects that are mapped.
    objects: Vec<String>,
    /// When it was connected first.
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
    /// When it changed last.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Time,
}

/// A CRM.
#[derive(Serialize, ToSchema)]
pub struct CrmName {
    /// Such as `hubspot`.
    #[schema(value_type = String)]
    pub slug: &'static str,
    /// For people.
    #[schema(value_type = String)]
    pub name: &'static str,
}

/// A context, by the app's name for it.
#[derive(Serialize, ToSchema)]
pub struct ContextReference {
    /// The app's name for it.
    external_id: String,
}

impl From<&Seen> for ConnectionObject {
    fn from(seen: &Seen) -> Self {
        let row = seen.of.connection();
        Self {
            id: seen.id.clone(),
            enabled: true,
            status: if seen.is_active() { "active" } else { "error" },
            crm: CrmName { slug: seen.about.slug, name: seen.about.name },
            account: row.account.clone(),
            context: ContextReference { external_id: seen.context.clone() },
            objects: seen.objects.clone(),
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// One connection.
#[derive(Serialize, ToSchema)]
pub struct OneConnection {
    /// The connection.
    pub connection: ConnectionObject,
}

/// Connections, and where the next page begins.
#[derive(Serialize, ToSchema)]
pub struct ConnectionList {
    /// The connections.
    pub connections: Vec<ConnectionObject>,
    /// To be passed back as `cursor`.
    #[schema(required)]
    pub next_cursor: Option<String>,
}

/// An invoked event as it stands.
#[derive(Serialize, ToSchema)]
pub struct InvocationObject {
    /// Its id.
    #[schema(value_type = String)]
    id: InvocationId,
    /// The CRM object's slug.
    object: String,
    /// The event's slug.
    event: String,
    /// `open` while it is being sent, `unknown` when its answer was lost, `done`.
    #[schema(value_type = String)]
    state: InvocationState,
    /// What the app was answered; `null` until it is done.
    #[schema(required, value_type = Option<HashMap<String, Value>>)]
    answer: Option<Value>,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
}

impl From<Invocation> for InvocationObject {
    fn from(Invocation { id, object, event, state, answer, created_at, .. }: Invocation) -> Self {
        Self { id, object, event, state, answer, created_at }
    }
}

/// One invocation.
#[derive(Serialize, ToSchema)]
pub struct OneInvocation {
    /// The invocation.
    pub invocation: InvocationObject,
}

/// A subscription to changes of one record, or of all that a search event finds.
#[derive(Serialize, ToSchema)]
pub struct SubscriptionObject {
    /// Its id.
    #[schema(value_type = String)]
    pub id: CrmSubscriptionId,
    /// The CRM object's slug.
    pub object: String,
    /// The record.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub record: Option<RecordReference>,
    /// The search event's slug.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub event: Option<String>,
    /// What is searched for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = HashMap<String, Value>)]
    pub payload: Option<Value>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Time,
}

/// A record without its data.
#[derive(Serialize, ToSchema)]
pub struct RecordReference {
    /// The CRM object's slug.
    #[serde(rename = "type")]
    pub object: String,
    /// The record's id.
    pub id: String,
}

/// One subscription.
#[derive(Serialize, ToSchema)]
pub struct OneSubscription {
    /// The subscription.
    pub subscription: SubscriptionObject,
}

/// Subscriptions, and where the next page begins.
#[derive(Serialize, ToSchema)]
pub struct SubscriptionList {
    /// The subscriptions.
    pub subscriptions: Vec<SubscriptionObject>,
    /// To be passed back as `cursor`.
    #[schema(required, value_type = Option<String>)]
    pub next_cursor: Option<CrmSubscriptionId>,
}

/// The app's settings.
#[derive(Serialize, ToSchema)]
pub struct OneApp {
    /// The settings.
    pub app: AppSettings,
    /// What signs its webhooks; shown to who sets the app.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub webhook_secret: Option<String>,
}

/// A context with a token for its browser.
#[derive(Serialize, ToSchema)]
pub struct ContextToken {
    /// Lets a browser act for this context: the second argument of `linkCRM`.
    pub access_token: String,
    /// Seconds for which it is good.
    pub expires_in: u64,
    /// The context as it was given.
    pub context: ContextObject,
}

/// A context of the app.
#[derive(Serialize, ToSchema)]
pub struct ContextObject {
    /// The app's name for it.
    pub external_id: String,
    /// Its name for people.
    #[schema(required)]
    pub external_name: Option<String>,
    /// What else the app said of it.
    #[serde(flatten)]
    #[schema(value_type = HashMap<String, Value>)]
    pub attributes: Map<String, Value>,
}

/// A context's connection to one CRM.
#[derive(Serialize, ToSchema)]
pub struct PlatformConnection {
    /// The connection.
    pub connection: ConnectionReference,
    /// The CRM, as it can be chosen.
    pub connector: PublicConnector,
    /// How its authorisation stands.
    pub authorization: AuthorizationStanding,
}

/// A connection by its id.
#[derive(Serialize, ToSchema)]
pub struct ConnectionReference {
    /// The `connectionID`.
    pub id: String,
    /// Always true: one that was disconnected is not shown.
    pub enabled: bool,
}

/// How an authorisation stands.
#[derive(Serialize, ToSchema)]
pub struct AuthorizationStanding {
    /// `active`, or `error` when the user has to authorise again.
    #[schema(value_type = String)]
    pub status: &'static str,
    /// Always `null`: records are read and written here.
    #[schema(required)]
    pub credential: Option<String>,
}
