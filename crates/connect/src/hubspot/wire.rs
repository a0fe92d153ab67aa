//! HubSpot's bodies as they travel, read leniently: every member that we can do without is optional.

use std::collections::BTreeMap;

use lockstep_core::env::Time;
use lockstep_core::record::{Properties, Record};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json, json};

use super::{ABOUT, faults};
use crate::door::{Answer, Call, Method, Session};
use crate::fault::Fault;
use crate::wire;
pub(super) use crate::wire::in_path;

/// The collection that every contact path starts with.
pub(super) const CONTACTS: &str = "/crm/v3/objects/contacts";
/// Where HubSpot lists the losers of merges, joined by `;`.
pub(super) const MERGED: &str = "hs_merged_object_ids";

/// A record in any answer.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Object {
    pub id: String,
    #[serde(default)]
    pub properties: BTreeMap<String, Option<String>>,
    pub updated_at: Time,
    #[serde(default)]
    pub archived: bool,
    pub object_write_trace_id: Option<String>,
}

impl Object {
    /// The record with the asked properties alone.
    pub(super) fn record(mut self, asked: &[String]) -> Record {
        let merged = self.merged().map(str::to_owned).collect();
        self.properties.retain(|name, _| asked.contains(name));
        Record {
            id: self.id,
            properties: self.properties,
            updated_at: self.updated_at,
            archived: self.archived,
            merged,
        }
    }

    /// Ids that lead to this record since a merge.
    pub(super) fn merged(&self) -> impl Iterator<Item = &str> {
        self.text(MERGED).unwrap_or_default().split(';').map(str::trim).filter(|id| !id.is_empty())
    }

    pub(super) fn text(&self, property: &str) -> Option<&str> {
        self.properties.get(property)?.as_deref()
    }
}

/// A batch, a list or a search result.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Page {
    pub results: Vec<Object>,
    #[serde(default)]
    pub errors: Vec<ErrorBody>,
    #[serde(default)]
    pub status: Option<BatchStatus>,
    #[serde(default)]
    pub total: Option<u64>,
    #[serde(default)]
    paging: Option<Paging>,
}

impl Page {
    /// Where the next page starts; `None` at the end.
    pub(super) fn after(&self) -> Option<&str> {
        self.paging.as_ref()?.after()
    }

    /// Whether a batch was carried out to its end.
    pub(super) fn is_complete(&self) -> bool {
        self.status.is_none_or(|status| status == BatchStatus::Complete)
    }
}

/// How far a batch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum BatchStatus {
    Complete,
    Pending,
    Processing,
    Canceled,
}

#[derive(Debug, Deserialize)]
pub(super) struct Paging {
    next: Option<NextPage>,
}

impl Paging {
    /// Where the next page starts; `None` at the end.
    pub(super) fn after(&self) -> Option<&str> {
        self.next.as_ref().map(|next| next.after.as_str())
    }
}

#[derive(Debug, Deserialize)]
struct NextPage {
    after: String,
}

/// The envelope of a refusal, of a whole call or of one row.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ErrorBody {
    pub message: String,
    pub category: Option<String>,
    pub sub_category: Option<Json>,
    pub context: Context,
    pub errors: Vec<ErrorDetail>,
    pub policy_name: Option<String>,
    pub correlation_id: Option<String>,
    pub request_id: Option<String>,
}

impl ErrorBody {
    /// Reads an envelope; one of an unknown shape is an empty one, its status still tells enough.
    pub(super) fn read(body: &Json) -> Self {
        Self::deserialize(body).unwrap_or_default()
    }

    /// The texts under a name in the context.
    pub(super) fn context(&self, name: &str) -> impl Iterator<Item = &str> {
        texts(&self.context, name)
    }
}

/// One of several reasons in an envelope.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ErrorDetail {
    pub message: String,
    #[serde(alias = "error")]
    pub code: Option<String>,
    pub name: Option<String>,
    pub context: Context,
}

impl ErrorDetail {
    /// The property that this reason speaks of.
    pub(super) fn property(&self) -> Option<&str> {
        self.name.as_deref().or_else(|| texts(&self.context, "propertyName").next())
    }
}

/// Lists of texts by name; anything else that HubSpot puts there is passed over.
type Context = BTreeMap<String, Json>;

fn texts<'a>(context: &'a Context, name: &str) -> impl Iterator<Item = &'a str> {
    context.get(name).and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str)
}

/// Sends a call; a refusal becomes a fault.
pub(super) async fn send(session: &Session, call: Call) -> Result<Answer, Fault> {
    wire::send(session, call, faults::of_answer).await
}

/// Sends a call and reads its answer.
pub(super) async fn ask<T: DeserializeOwned>(session: &Session, call: Call) -> Result<T, Fault> {
    let effect = call.effect;
    read(send(session, call).await?.body, effect)
}

/// Reads an answer's body.
pub(super) fn read<T: DeserializeOwned>(body: Json, effect: bool) -> Result<T, Fault> {
    wire::read(&ABOUT, body, effect)
}

/// The collection of an object's records.
pub(super) fn records_of(object: &str) -> String {
    format!("/crm/v3/objects/{}", in_path(object))
}

/// A batch read of an object's records.
pub(super) fn batch_read(
    object: &str,
    inputs: Vec<Json>,
    properties: &[String],
    id_property: Option<&str>,
    archived: bool,
) -> Call {
    let mut body = json!({ "inputs": inputs, "properties": with_merged(properties), "propertiesWithHistory": [] });
    if let Some(name) = id_property {
        body["idProperty"] = name.into();
    }
    let query = if archived { "?archived=true" } else { "" };
    Call::read(Method::Post, format!("{}/batch/read{query}", records_of(object)), Some(body))
}

/// The properties to ask for: the wanted ones and what tells merges.
pub(super) fn with_merged(properties: &[String]) -> Vec<&str> {
    let wanted = properties.iter().map(String::as_str).filter(|name| *name != MERGED);
    wanted.chain([MERGED]).collect()
}

/// Values as they are written: text on the wire; the empty text clears.
pub(super) fn on_wire(properties: &Properties) -> Map<String, Json> {
    properties.iter().map(|(name, value)| (name.clone(), value.as_deref().unwrap_or_default().into())).collect()
}

/// One condition of a search.
pub(super) fn filter(property: &str, operator: &str, value: &str) -> Json {
    json!({ "propertyName": property, "operator": operator, "value": value })
}
