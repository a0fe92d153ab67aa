//! Salesforce's bodies as they travel, and the calls that carry them (Salesforce's "REST API Developer Guide").

use lockstep_core::env::Time;
use lockstep_core::record::{Properties, Record};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json, json};

use super::{ABOUT, faults};
use crate::door::{Answer, Call, Method, Session};
use crate::fault::{Fault, FaultClass};
use crate::wire;
pub(super) use crate::wire::in_path;

/// Where everything of one version of the API lives.
pub(super) const DATA: &str = "/services/data/v66.0";
/// The object that a sync keeps.
pub(super) const CONTACT: &str = "Contact";
/// Custom fields end in `__c`, which no name of ours does: these stand for the fields that an admin makes for us.
pub(super) const OURS: [(&str, &str); 2] =
    [("lockstep_id", "Lockstep_Id__c"), ("lockstep_source", "Lockstep_Source__c")];
/// What the suffix of a long id is spelt with.
const ID_SUFFIX: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";

/// The field that a property stands for.
pub(super) fn field_of(property: &str) -> &str {
    OURS.iter().find(|(ours, _)| *ours == property).map_or(property, |(_, field)| field)
}

/// A fault that speaks of the property as the caller does.
pub(super) fn in_callers_words(fault: Fault, asked: &[String]) -> Fault {
    let ours = OURS.iter().find(|(_, field)| fault.property.as_deref() == Some(field));
    match ours.filter(|(ours, _)| asked.iter().any(|name| name == ours)) {
        Some((ours, _)) => Fault { property: Some((*ours).to_owned()), ..fault },
        None => fault,
    }
}

/// Whether Salesforce would read the text as one name. Whatever else a query would be built from is refused.
pub(super) fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The eighteen characters of an id given with fifteen or eighteen; none where it cannot be one. The last three tell
/// which of the others are capitals (Salesforce's page "Record ID fields").
pub(super) fn long_id(id: &str) -> Option<String> {
    if !matches!(id.len(), 15 | 18) || !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let short = &id[..15];
    let capitals = |part: &[u8]| {
        part.iter().enumerate().fold(0, |bits, (at, byte)| bits | (usize::from(byte.is_ascii_uppercase()) << at))
    };
    let suffix: String = short.as_bytes().chunks(5).map(|part| char::from(ID_SUFFIX[capitals(part)])).collect();
    Some(format!("{short}{suffix}"))
}

/// A record in any answer.
#[derive(Debug, Deserialize)]
pub(super) struct Row {
    #[serde(rename = "Id")]
    pub id: String,
    #[serde(rename = "SystemModstamp")]
    stamp: Option<String>,
    #[serde(rename = "IsDeleted", default)]
    pub is_deleted: bool,
    /// The record that this one was merged into.
    #[serde(rename = "MasterRecordId", default)]
    pub master: Option<String>,
    #[serde(flatten)]
    values: Map<String, Json>,
}

impl Row {
    /// The record with the asked properties alone.
    pub(super) fn record(&self, asked: &[String]) -> Record {
        let shown = asked.iter().filter_map(|name| Some((name.clone(), self.value(field_of(name))?)));
        Record {
            id: self.id.clone(),
            properties: shown.collect(),
            updated_at: self.updated_at(),
            archived: self.is_deleted,
            merged: Vec::new(),
        }
    }

    /// When it changed last. Without a stamp it is as old as can be, so that no later one looks older.
    pub(super) fn updated_at(&self) -> Time {
        self.stamp.as_deref().and_then(|stamp| Time::parse(&moment(stamp))).unwrap_or_default()
    }

    /// What a field holds; none where the answer does not show the field.
    pub(super) fn value(&self, field: &str) -> Option<Option<String>> {
        match field {
            "Id" => Some(Some(self.id.clone())),
            "SystemModstamp" => Some(self.stamp.as_deref().map(moment)),
            "IsDeleted" => Some(Some(self.is_deleted.to_string())),
            "MasterRecordId" => Some(self.master.clone()),
            _ => self.values.get(field).map(flat),
        }
    }
}

/// A value as text. Salesforce writes whole numbers of some types with a fraction of nothing.
fn flat(value: &Json) -> Option<String> {
    match value {
        Json::Null => None,
        Json::String(text) => Some(moment(text)),
        Json::Number(number) => {
            let text = number.to_string();
            Some(text.strip_suffix(".0").unwrap_or(&text).to_owned())
        }
        other => Some(other.to_string()),
    }
}

/// A moment as everybody else writes it: `2024-09-09T13:08:34.000+0000` has an offset that RFC 3339 does not know.
fn moment(text: &str) -> String {
    let bytes = text.as_bytes();
    let is_moment = bytes.len() == 28 && bytes[10] == b'T' && bytes[19] == b'.';
    match text.strip_suffix("+0000").filter(|_| is_moment) {
        Some(head) => format!("{head}Z"),
        None => text.to_owned(),
    }
}

/// A page of a query.
#[derive(Debug, Deserialize)]
pub(super) struct Page {
    pub done: bool,
    pub records: Vec<Row>,
}

/// What became of a row in a collection, and of a record that was made alone.
#[derive(Debug, Deserialize)]
pub(super) struct Saved {
    pub id: Option<String>,
    pub success: bool,
    #[serde(default)]
    pub errors: Vec<ErrorBody>,
}

/// One reason of a refusal, of a whole call or of one row.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ErrorBody {
    pub message: String,
    #[serde(rename = "errorCode", alias = "statusCode")]
    pub code: String,
    pub fields: Option<Vec<String>>,
    /// What a duplicate rule found. Salesforce's own documents misspell it.
    #[serde(rename = "duplicateResult", alias = "duplicateResut")]
    pub duplicate: Json,
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

/// A call within a composite one; its name is what the others refer to it by.
pub(super) fn part(method: Method, path: &str, name: &str, body: Option<Json>) -> Json {
    let mut part = json!({ "method": method.as_str(), "url": path, "referenceId": name });
    if let Some(body) = body {
        part["body"] = body;
    }
    part
}

/// What became of a call within a composite one.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PartAnswer {
    #[serde(default)]
    pub body: Json,
    pub http_status_code: u16,
}

impl PartAnswer {
    pub(super) fn is_done(&self) -> bool {
        (200..300).contains(&self.http_status_code)
    }

    /// The fault of a refused part. `effect` says whether it may have happened all the same.
    pub(super) fn fault(&self, sent_at: Time, effect: bool) -> Fault {
        let headers = http::HeaderMap::new();
        faults::of_answer(&Answer { status: self.http_status_code, headers, body: self.body.clone(), sent_at }, effect)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Composite {
    composite_response: Vec<PartAnswer>,
}

/// Several calls in one, which counts as one. Gives what became of each, in order, and when it was sent.
pub(super) async fn compose(
    session: &Session,
    parts: &[Json],
    all_or_none: bool,
) -> Result<(Vec<PartAnswer>, Time), Fault> {
    // Parts are carried out in their order only where Salesforce may not gather those of a kind.
    let body = json!({ "allOrNone": all_or_none, "collateSubrequests": false, "compositeRequest": parts });
    let answer = send(session, Call::write(Method::Post, format!("{DATA}/composite"), Some(body))).await?;
    let answers = read::<Composite>(answer.body, true)?.composite_response;
    if answers.len() < parts.len() {
        let message = "Salesforce's answer does not mention every part of the call.";
        return Err(Fault::new(FaultClass::Unknown, "PART_NOT_MENTIONED", message));
    }
    Ok((answers, answer.sent_at))
}

/// The path and the body of a read of many records by id. What they hold is asked for in the body, which has room for
/// any number of fields; a record that is not to be seen is null in the answer.
pub(super) fn retrieve(object: &str, ids: &[String], asked: &[String]) -> Result<(String, Json), Fault> {
    let body = json!({ "ids": ids, "fields": fields(&["Id", "SystemModstamp"], asked)? });
    Ok((format!("{DATA}/composite/sobjects/{}", in_path(object)), body))
}

/// The fields to ask for: each once, for Salesforce refuses a field that is named twice.
pub(super) fn fields<'a>(always: &[&'a str], asked: &'a [String]) -> Result<Vec<&'a str>, Fault> {
    let mut all: Vec<&str> = Vec::with_capacity(always.len() + asked.len());
    for name in always.iter().copied().chain(asked.iter().map(|name| field_of(name))) {
        check_name(name)?;
        if !all.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            all.push(name);
        }
    }
    Ok(all)
}

/// Refuses a property that can be none of Salesforce's.
pub(super) fn check_name(name: &str) -> Result<(), Fault> {
    if is_name(name) {
        return Ok(());
    }
    let fault = Fault::new(FaultClass::Drift, "INVALID_FIELD", format!("Salesforce has no field \"{name}\"."));
    Err(Fault { property: Some(name.to_owned()), ..fault }.bounded())
}

/// A text as a query has it (Salesforce's page "Quoted string escape sequences").
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('\'');
    for letter in text.chars() {
        match letter {
            '\\' | '\'' => quoted.extend(['\\', letter]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            other => quoted.push(other),
        }
    }
    quoted.push('\'');
    quoted
}

/// Texts as a query has a list of them.
pub(super) fn quoted_list<'a>(texts: impl Iterator<Item = &'a String>) -> String {
    texts.map(|text| quoted(text)).collect::<Vec<_>>().join(",")
}

/// A query as a path. `kind` is `query`, or `queryAll` to see deleted records too.
pub(super) fn query_path(kind: &str, soql: &str) -> String {
    format!("{DATA}/{kind}?q={}", in_path(soql))
}

/// Where one record is.
pub(super) fn path_of(object: &str, id: &str) -> String {
    format!("{DATA}/sobjects/{}/{}", in_path(object), in_path(id))
}

/// Values as they are written: text on the wire, which Salesforce reads by the field's type; null clears.
pub(super) fn on_wire(properties: &Properties) -> Map<String, Json> {
    properties.iter().map(|(name, value)| (field_of(name).to_owned(), value.clone().into())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_lengths_of_an_id_are_one_id() {
        // Recorded from real orgs.
        for id in ["003ak000003dQCGAA2", "001ak00000OKNPHAA5", "005ak000005hvjJAAQ"] {
            assert_eq!(long_id(&id[..15]).as_deref(), Some(id));
            assert_eq!(long_id(id).as_deref(), Some(id));
        }
        assert_eq!([long_id("999999999"), long_id("003ak0000/3dQCGAA2"), long_id("")], [None, None, None]);
    }

    #[test]
    fn values_are_flat_text() {
        let row = json!({ "Id": "1", "SystemModstamp": "2024-09-09T13:08:34.000+0000", "Amount": 50000.0, "Ratio": 0.25,
            "Count": 3, "IsWon": true, "Name": "Ada", "Empty": null, "CloseDate": "2024-09-09",
            "CreatedDate": "2024-09-09T13:08:34.000+0000", "MailingAddress": { "city": "Rome" } });
        let row: Row = serde_json::from_value(row).expect("a row");
        let text = |field: &str| row.value(field).map(|value| value.unwrap_or_default());
        let told = ["Amount", "Ratio", "Count", "IsWon", "Name", "Empty", "CloseDate", "CreatedDate"].map(text);
        let expected = ["50000", "0.25", "3", "true", "Ada", "", "2024-09-09", "2024-09-09T13:08:34.000Z"];
        assert_eq!(told, expected.map(|value| Some(value.to_owned())));
        assert_eq!(text("MailingAddress").as_deref(), Some(r#"{"city":"Rome"}"#));
        assert_eq!(text("NotAsked"), None);
        assert_eq!(row.updated_at(), Time::from_secs(1_725_887_314));
    }

    #[test]
    fn texts_are_quoted_and_names_are_names() {
        assert_eq!(quoted("O'Hara \\ \n"), r"'O\'Hara \\ \n'");
        assert!(is_name("Lockstep_Id__c") && is_name("LastName"));
        for wrong in ["", "Name FROM User", "1st", "Account.Name", "x,y", "naïve"] {
            assert!(!is_name(wrong), "{wrong}");
        }
        let asked = ["lockstep_id", "Id", "Email", "email"].map(str::to_owned);
        assert_eq!(fields(&["Id"], &asked).expect("fields"), ["Id", "Lockstep_Id__c", "Email"]);
        let gone = |name: &str| Fault { property: Some(name.to_owned()), ..Fault::new(FaultClass::Drift, "X", "x") };
        let told = |name: &str, asked: &[String]| in_callers_words(gone(name), asked).property.unwrap_or_default();
        assert_eq!(told("Lockstep_Id__c", &asked), "lockstep_id");
        assert_eq!(told("Lockstep_Id__c", &["Lockstep_Id__c".to_owned()]), "Lockstep_Id__c");
        assert_eq!(told("Email", &asked), "Email");
        let fault = fields(&[], &["Name FROM User".to_owned()]).expect_err("no name");
        assert_eq!(fault.class, FaultClass::Drift);
    }
}
