//! An app invokes an event; the user's mapping says what that is. Intent before effect: what is sent is durable first,
//! and a lost answer is looked for before anything is said.

use std::time::Duration;

use lockstep_connect::{Deed, FaultClass, Outcome};
use lockstep_core::crm::action::{Key, Write};
use lockstep_core::crm::{
    CrmCode, CrmEvent, CrmProblem, Effect, EventAction, EventType, Filter, Flaw, Operator, RecordId, Refusal, evaluate,
    payload,
};
use lockstep_core::ids::InvocationId;
use lockstep_core::record::{Properties, Record};
use lockstep_store::{BeginInvocation, NewInvocation, Org};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use super::mapping::KEY_PROPERTY;
use super::outcome::{self, Blame};
use super::records::{self, Mapped};
use super::tokens;
use super::unknown::{self, Lost};
use crate::app::App;
use crate::ops::idempotency::Once;

/// How long a CRM's search may take to show what was written: longer than any of them takes.
const SEARCH_LAG_MAX: Duration = Duration::from_secs(60);

/// Pages that a find-or-create looks through. Where a vendor has no index for the property, they are nearly empty.
const PAGES_SEARCHED_MAX: usize = 20;

/// What an app asks for.
#[derive(Clone, Debug)]
pub struct Invoke {
    /// The connection's name.
    pub connection: String,
    /// The CRM object's slug.
    pub object: String,
    /// The record's id, for events about one.
    pub record: Option<String>,
    /// The event's slug.
    pub event: String,
    /// The event's values.
    pub payload: Json,
    /// Whether unknown values are refused.
    pub strict: bool,
    /// The app's key: what was sent under it is never sent again.
    pub idempotency_key: Option<String>,
    /// How many records a search answers.
    pub limit: usize,
    /// Where a search goes on.
    pub cursor: Option<String>,
}

/// Carries out what the user decided for the event, and answers the body for the app.
///
/// A field that has gone from the CRM since the mapping was made is noticed by its refusal: then the event runs once more
/// without it.
///
/// # Errors
/// See [`CrmCode`].
pub async fn invoke(app: &App, org: &Org, asked: &Invoke) -> Result<Json, CrmProblem> {
    let mapped = records::mapped(app, org, &asked.connection, &asked.object).await?;
    match run(app, &mapped, asked).await {
        Err(problem) => match mapped.moved(app, &problem).await {
            Some(moved) => run(app, &moved, asked).await,
            None => Err(problem),
        },
        answered => answered,
    }
}

async fn run(app: &App, mapped: &Mapped, asked: &Invoke) -> Result<Json, CrmProblem> {
    let event = mapped.object.event(&asked.event).cloned().ok_or_else(|| {
        let shown: String = asked.event.chars().take(64).collect();
        CrmProblem::new(CrmCode::EventNotFound, format!("{} defines no event called {shown}.", mapped.object.slug))
    })?;
    check_place(&event, asked.record.is_some())?;
    let payload = payload::read(&event.fields, &asked.payload, asked.strict).map_err(unfit)?;
    let Some(api) = mapped.api.clone() else { return opted_out(mapped, &event) };
    let record = asked.record.as_deref().map(|id| mapped.record(id)).transpose()?;
    let action = mapped.mapping.action(&event.slug).cloned().ok_or_else(|| {
        let message = format!("The user has not decided yet what {} does. They can in CRM Link.", event.slug);
        CrmProblem::new(CrmCode::EventNotMapped, message)
    })?;
    let run = Run { app, mapped, event: &event, action: &action, asked, record };
    if let Some(before) = run.before().await? {
        return Ok(before);
    }
    let effect = evaluate(&action, event.event_type, &api, &payload).map_err(refused)?;
    run.carry_out(effect).await
}

/// Events of a kind are invoked where they make sense.
fn check_place(event: &CrmEvent, on_record: bool) -> Result<(), CrmProblem> {
    let needs_record = matches!(event.event_type, EventType::Update | EventType::Delete);
    match (needs_record, on_record) {
        (true, false) => {
            let message = format!("{} is invoked on a record: …/{{record id}}/events/{0}.", event.slug);
            Err(CrmProblem::new(CrmCode::RecordRequired, message))
        }
        (false, true) => {
            let message = format!("{} is invoked on the object, not on a record.", event.slug);
            Err(CrmProblem::new(CrmCode::RecordNotAllowed, message))
        }
        _ => Ok(()),
    }
}

/// What an event does for a user who chose not to connect the object.
fn opted_out(mapped: &Mapped, event: &CrmEvent) -> Result<Json, CrmProblem> {
    match event.event_type {
        EventType::Create => Ok(json!({ "record": null })),
        EventType::Search => Ok(json!({ "records": [], "next_cursor": null })),
        EventType::Update | EventType::Delete => mapped.native().map(|_| Json::Null),
    }
}

fn unfit(flaws: Vec<Flaw>) -> CrmProblem {
    CrmProblem::flawed(CrmCode::PayloadInvalid, flaws)
}

pub(super) fn refused(refusal: Refusal) -> CrmProblem {
    let message = format!("{refusal}.");
    match refusal {
        Refusal::Payload(flaws) => unfit(flaws),
        Refusal::Park { slug, .. } => {
            CrmProblem { field: Some(slug), ..CrmProblem::new(CrmCode::ValueNotMapped, message) }
        }
        Refusal::Undescribed => CrmProblem::new(CrmCode::MetadataPending, message),
        Refusal::Gone(_) => CrmProblem::new(CrmCode::MappingBroken, message),
    }
}

/// What a beginning comes to.
enum Begun {
    /// It is to be sent.
    First(InvocationId),
    /// It was answered before.
    Before(Json),
}

/// One invocation under way.
struct Run<'a> {
    app: &'a App,
    mapped: &'a Mapped,
    event: &'a CrmEvent,
    action: &'a EventAction,
    asked: &'a Invoke,
    record: Option<RecordId>,
}

impl Run<'_> {
    fn fingerprint(&self) -> [u8; 32] {
        let record = self.record.as_ref().map(ToString::to_string).unwrap_or_default();
        let path = format!("{}/{record}/{}", self.mapped.object.slug, self.event.slug);
        Once::new(String::new(), "POST", &path, &self.asked.payload).fingerprint
    }

    /// What was answered under the same key before; a lost answer is looked for.
    async fn before(&self) -> Result<Option<Json>, CrmProblem> {
        let Some(key) = self.asked.idempotency_key.clone() else { return Ok(None) };
        let (of, fingerprint) = (self.mapped.of.clone(), self.fingerprint());
        let read = self.app.store.read(move |tx| Ok::<_, CrmProblem>(tx.invocation_by_key(&of, &key, &fingerprint)?));
        match read.await? {
            Some(found) => self.repeated(found).await,
            None => Ok(None),
        }
    }

    async fn repeated(&self, found: BeginInvocation) -> Result<Option<Json>, CrmProblem> {
        match found {
            BeginInvocation::First => Ok(None),
            BeginInvocation::Running => {
                let message = "Another invocation about the same thing is under way. Try again in a second.";
                let retry_after = Some(Duration::from_secs(1));
                Err(CrmProblem { retry_after, ..CrmProblem::new(CrmCode::InvocationInProgress, message) })
            }
            BeginInvocation::OtherRequest => {
                let message = "This Idempotency-Key came with another invocation before. Use a new key for a new one.";
                Err(CrmProblem::new(CrmCode::KeyReused, message))
            }
            BeginInvocation::Before(before) => match &before.answer {
                Some(answer) => Ok(Some(answer.clone())),
                None => unknown::settle(self.app, self.mapped, &before).await.map(Some),
            },
        }
    }

    async fn carry_out(&self, effect: Effect) -> Result<Json, CrmProblem> {
        match effect {
            Effect::Nothing => self.nothing().await,
            Effect::Search(filters) => {
                let (limit, after) = (self.asked.limit, self.asked.cursor.clone());
                let (records, next) = self.mapped.search(self.app, filters, limit, after).await?;
                Ok(json!({ "records": records, "next_cursor": next }))
            }
            Effect::Create { write, find_by } => self.create(write, find_by).await,
            Effect::Update(write) => {
                let record = self.on_record()?.clone();
                self.update(record, write).await
            }
            Effect::Delete => self.act(Deed::Archive(self.on_record()?.clone())).await,
            Effect::Start { workflow, inputs } => {
                let object = self.mapped.native()?.slug.clone();
                self.act(Deed::Start { object, workflow, record: self.record.clone(), inputs }).await
            }
        }
    }

    fn on_record(&self) -> Result<&RecordId, CrmProblem> {
        self.record.as_ref().ok_or_else(|| CrmProblem::new(CrmCode::RecordRequired, "This event needs a record."))
    }

    async fn nothing(&self) -> Result<Json, CrmProblem> {
        match (self.event.event_type, &self.record) {
            (EventType::Search, _) => Ok(json!({ "records": [], "next_cursor": null })),
            (EventType::Update, Some(record)) => Ok(json!({ "record": self.mapped.current(self.app, record).await? })),
            (EventType::Delete, Some(record)) => Ok(self.only_id(record)),
            _ => Ok(json!({ "record": null })),
        }
    }

    /// All that a delete event is answered with.
    fn only_id(&self, record: &RecordId) -> Json {
        json!({ "record": { "type": self.mapped.object.slug, "id": record.to_string(), "data": {} } })
    }

    /// Makes a record, or changes the one that has the key.
    async fn create(&self, write: Write, find_by: Option<Key>) -> Result<Json, CrmProblem> {
        let api = self.mapped.native()?;
        let Some(key) = find_by else { return self.act(self.creation(write)?).await };
        // The key is held before it is looked for, so that nobody else finds nothing at the same time.
        let found_by = format!("{}:{}={}", api.slug, key.property, key.value);
        let creation = self.creation(write.clone())?;
        let id = match self.begin(&creation, Some(found_by.clone())).await? {
            Begun::Before(answer) => return Ok(answer),
            Begun::First(id) => id,
        };
        let existing = match self.existing(&key, &write).await {
            Ok(None) => self.made_lately(&found_by, &id, &key, &write).await,
            found => found,
        };
        let deed = match existing {
            Ok(None) => creation,
            Ok(Some(record)) => {
                let properties = write.against(&record);
                let record = RecordId::new(&api.slug, &record.id).map_err(tokens::broken)?;
                let deed = Deed::Update { record, properties, links: write.links };
                self.intend(&id, &deed).await?;
                deed
            }
            Err(problem) => return self.forget(&id, problem).await,
        };
        self.send(&id, &deed).await
    }

    /// Changes what a begun invocation is about to send.
    async fn intend(&self, id: &InvocationId, deed: &Deed) -> Result<(), CrmProblem> {
        let (of, id) = (self.mapped.of.clone(), id.clone());
        let lost = serde_json::to_value(self.lost(deed)).map_err(tokens::broken)?;
        self.app.store.write(move |tx| Ok::<_, CrmProblem>(tx.set_invocation_deed(&of, &id, &lost)?)).await
    }

    fn lost(&self, deed: &Deed) -> Lost {
        Lost::of(deed, self.asked.idempotency_key.is_some())
    }

    fn creation(&self, write: Write) -> Result<Deed, CrmProblem> {
        let object = self.mapped.native()?.slug.clone();
        Ok(Deed::Create { object, properties: write.properties, key: self.own_key(), links: write.links })
    }

    /// Our id in a unique property, where the user granted one: the same for every try under one key of the app.
    fn own_key(&self) -> Option<Key> {
        let value = match &self.asked.idempotency_key {
            Some(key) => hex::encode(Sha256::digest(format!("{}\0{key}", self.mapped.of.id()))),
            None => InvocationId::new(&self.app.env).to_string(),
        };
        self.mapped.mapping.keep_key.then(|| Key { property: KEY_PROPERTY.to_owned(), value })
    }

    /// The record that a find-or-create recognises. A property that is not unique is searched for, and then several may
    /// have the value: none is guessed.
    async fn existing(&self, key: &Key, write: &Write) -> Result<Option<Record>, CrmProblem> {
        let (connector, session) = self.mapped.session(self.app)?;
        let object = &self.mapped.native()?.slug;
        let properties: Vec<String> = write.if_empty.iter().cloned().collect();
        let blame = |fault| outcome::problem(self.app, fault, connector.about(), self.blame());
        match connector.by_key(&session, object, key, &properties).await {
            Err(fault) if fault.class == FaultClass::Rejected => {}
            found => return found.map_err(blame),
        }
        let filter = Filter { property: key.property.clone(), operator: Operator::Eq, value: Some(key.value.clone()) };
        let mut search = lockstep_connect::Search { filters: vec![filter], limit: 2, ..Default::default() };
        let mut records = Vec::new();
        for _ in 0..PAGES_SEARCHED_MAX {
            let found = connector.search(&session, object, &search, &properties).await.map_err(blame)?;
            records.extend(found.records);
            if records.len() > 1 {
                let message = format!("Several records have {} \"{}\". Nothing was written.", key.property, key.value);
                return Err(CrmProblem::new(CrmCode::RecordAmbiguous, message));
            }
            search.after = found.after;
            if search.after.is_none() {
                return Ok(records.pop());
            }
        }
        let message = format!(
            "{} cannot search its records by {} to the end. Nothing was written: let the event find them by another field.",
            connector.about().name,
            key.property
        );
        Err(CrmProblem::new(CrmCode::RecordAmbiguous, message))
    }

    /// The record that the last event with this key made or changed: a search shows it only after a while.
    async fn made_lately(
        &self,
        found_by: &str,
        id: &InvocationId,
        key: &Key,
        write: &Write,
    ) -> Result<Option<Record>, CrmProblem> {
        let (of, found_by, id) = (self.mapped.of.clone(), found_by.to_owned(), id.clone());
        let last = self.app.store.read(move |tx| Ok::<_, CrmProblem>(tx.last_found_by(&of, &found_by, &id)?));
        let Some(last) = last.await? else { return Ok(None) };
        let Some(answer) = last.answer else {
            let shown_at = last.updated_at.plus(SEARCH_LAG_MAX);
            return match shown_at.since(self.app.env.now()) {
                Duration::ZERO => Ok(None),
                wait => {
                    let message = "The CRM's answer to an event with the same key was lost, and it would not show yet what \
                                   that event made. Try again later.";
                    let problem = CrmProblem::new(CrmCode::InvocationInProgress, message);
                    Err(CrmProblem { retry_after: Some(wait), ..problem })
                }
            };
        };
        let record = answer["record"]["id"].as_str().and_then(|id| id.parse::<RecordId>().ok());
        let Some(record) = record.filter(|record| record.object() == self.mapped.native().map_or("", |api| &api.slug))
        else {
            return Ok(None);
        };
        let asked: Vec<String> = write.if_empty.iter().cloned().chain([key.property.clone()]).collect();
        let held = self.mapped.look(self.app, &record, &asked).await?;
        Ok(held.filter(|held| held.text(&key.property) == Some(key.value.as_str())))
    }

    async fn update(&self, record: RecordId, write: Write) -> Result<Json, CrmProblem> {
        let properties = if write.if_empty.is_empty() {
            write.properties
        } else {
            let asked: Vec<String> = write.if_empty.iter().cloned().collect();
            let held = self
                .mapped
                .look(self.app, &record, &asked)
                .await?
                .ok_or_else(|| CrmProblem::new(CrmCode::RecordNotFound, "The CRM shows no such record."))?;
            write.against(&held)
        };
        if properties.is_empty() && write.links.is_empty() {
            let current = self.mapped.current(self.app, &record).await?;
            return Ok(if self.event.event_type == EventType::Delete {
                self.only_id(&record)
            } else {
                json!({ "record": current })
            });
        }
        self.act(Deed::Update { record, properties, links: write.links }).await
    }

    fn blame(&self) -> Option<Blame<'_>> {
        let root = self.mapped.api.as_ref()?.selector.as_ref()?;
        Some(Blame { action: self.action, root })
    }

    /// Writes the intent, sends, and keeps what came of it.
    async fn act(&self, deed: Deed) -> Result<Json, CrmProblem> {
        match self.begin(&deed, None).await? {
            Begun::Before(answer) => Ok(answer),
            Begun::First(id) => self.send(&id, &deed).await,
        }
    }

    async fn begin(&self, deed: &Deed, found_by: Option<String>) -> Result<Begun, CrmProblem> {
        let id = InvocationId::new(&self.app.env);
        let new = NewInvocation {
            id: id.clone(),
            object: self.mapped.object.slug.clone(),
            event: self.event.slug.clone(),
            idempotency_key: self.asked.idempotency_key.clone(),
            fingerprint: self.fingerprint(),
            exclusive: found_by.clone().or_else(|| self.record.as_ref().map(ToString::to_string)),
            found_by,
            deed: serde_json::to_value(self.lost(deed)).map_err(tokens::broken)?,
        };
        let of = self.mapped.of.clone();
        let begun = self.app.store.write(move |tx| Ok::<_, CrmProblem>(tx.begin_invocation(&of, &new)?)).await?;
        Ok(self.repeated(begun).await?.map_or(Begun::First(id), Begun::Before))
    }

    async fn send(&self, id: &InvocationId, deed: &Deed) -> Result<Json, CrmProblem> {
        let lost = self.lost(deed);
        let (connector, session) = self.mapped.session(self.app)?;
        let sent = connector.carry_out(&session, deed, &self.mapped.properties()).await;
        match sent {
            Ok(done) => {
                let answer = self.answer(id, deed, done).await?;
                self.finish(id, &answer).await?;
                Ok(answer)
            }
            // A gateway that gives up says nothing about what stands behind it.
            Err(fault) if matches!(fault.class, FaultClass::Unknown | FaultClass::Busy) => {
                let of = self.mapped.of.clone();
                let noted = id.clone();
                self.app.store.write(move |tx| Ok::<_, CrmProblem>(tx.set_invocation_unknown(&of, &noted)?)).await?;
                unknown::look(self.app, self.mapped, self.event, id, &lost).await
            }
            // Our own key is taken: an earlier try under it has landed after all.
            Err(fault)
                if fault.class == FaultClass::Duplicate && matches!(&lost, Lost::Create { key: Some(_), .. }) =>
            {
                match unknown::find(self.app, self.mapped, self.event, id, &lost).await? {
                    Some(answer) => {
                        self.finish(id, &answer).await?;
                        Ok(answer)
                    }
                    None => self.forget(id, outcome::problem(self.app, fault, connector.about(), self.blame())).await,
                }
            }
            Err(fault) => self.forget(id, outcome::problem(self.app, fault, connector.about(), self.blame())).await,
        }
    }

    /// Nothing was done: the app's key may be used again.
    async fn forget(&self, id: &InvocationId, problem: CrmProblem) -> Result<Json, CrmProblem> {
        let (of, id) = (self.mapped.of.clone(), id.clone());
        self.app.store.write(move |tx| Ok::<_, CrmProblem>(tx.drop_invocation(&of, &id)?)).await?;
        Err(problem)
    }

    async fn finish(&self, id: &InvocationId, answer: &Json) -> Result<(), CrmProblem> {
        let (of, id, answer) = (self.mapped.of.clone(), id.clone(), answer.clone());
        self.app.store.write(move |tx| Ok::<_, CrmProblem>(tx.finish_invocation(&of, &id, &answer)?)).await
    }

    /// The body for the app. What the CRM holds after the write is read where its answer did not show all of it; where
    /// it cannot be read now, the app sees what the answer showed, for the write has happened.
    async fn answer(&self, id: &InvocationId, deed: &Deed, done: Outcome) -> Result<Json, CrmProblem> {
        if let Deed::Start { .. } = deed {
            return Ok(json!({ "record": null, "job": { "id": id } }));
        }
        let native = match &done {
            Outcome::Written(record) => RecordId::new(&self.mapped.native()?.slug, &record.id).ok(),
            Outcome::Archived => self.record.clone(),
        };
        let native = native.ok_or_else(|| tokens::broken("the vendor's answer has no usable id"))?;
        if self.event.event_type == EventType::Delete {
            return Ok(self.only_id(self.record.as_ref().unwrap_or(&native)));
        }
        let Outcome::Written(written) = done else { return Ok(self.only_id(&native)) };
        let wanted = self.mapped.properties();
        if wanted.iter().all(|name| written.properties.contains_key(name)) {
            return Ok(json!({ "record": self.mapped.view(&written)? }));
        }
        let held = self.mapped.look(self.app, &native, &wanted).await.unwrap_or_else(|problem| {
            tracing::info!(invocation = %id, %problem, "what the CRM holds after a write could not be read");
            None
        });
        Ok(json!({ "record": self.mapped.view(held.as_ref().unwrap_or(&written))? }))
    }
}

/// The properties of a write that a later look can compare.
pub(super) fn holds(record: &Record, sent: &Properties) -> bool {
    sent.iter().all(|(name, value)| record.text(name) == value.as_deref().filter(|text| !text.is_empty()))
}
