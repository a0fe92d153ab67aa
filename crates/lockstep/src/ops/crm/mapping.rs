//! What a user maps: the app's definition taken in, choices kept as a draft, and a version that events go by.

use lockstep_connect::FaultClass;
use lockstep_core::crm::check::{Finding, State};
use lockstep_core::crm::{
    ApiObject, CrmCode, CrmObject, CrmProblem, EventAction, Flaw, ObjectMapping, SimpleType, check, definition,
};
use lockstep_store::{ConnectionOf, MappingVersion};
use serde_json::Value as Json;

use super::{outcome, schema};
use crate::app::App;
use crate::reach::{self, Class};

/// The unique property that may hold our id.
pub const KEY_PROPERTY: &str = "lockstep_id";

/// Takes in what the app defines this time. What was mapped before stays where it still has something to stand for; the
/// children that the user added stay too.
///
/// # Errors
/// [`CrmCode::Invalid`] with every flaw of the definition; the store's.
pub async fn setup(app: &App, of: &ConnectionOf, objects: &Json) -> Result<Vec<CrmObject>, CrmProblem> {
    let defined = match objects {
        Json::Null => Vec::new(),
        objects => definition::objects(objects).map_err(|flaws| CrmProblem::flawed(CrmCode::Invalid, flaws))?,
    };
    let of = of.clone();
    app.store
        .write(move |tx| {
            let last = tx.last_mapping(&of)?;
            let before = last.as_ref().map_or(Vec::new(), |last| still_possible(&last.objects, &defined));
            let objects = definition::with_children(&defined, &before)
                .map_err(|flaws| CrmProblem::flawed(CrmCode::Invalid, flaws))?;
            let same = last.as_ref().is_some_and(|last| last.objects == objects);
            if !same {
                let mapping = last.as_ref().map_or(Vec::new(), |last| last.mapping.clone());
                let mapping = mapping
                    .into_iter()
                    .filter(|mapping| objects.iter().any(|object| object.id == mapping.crm_object_id))
                    .collect();
                let version = draft_version(last.as_ref());
                tx.put_mapping(&of, &MappingVersion { version, objects: objects.clone(), mapping, finished_at: None })?;
            }
            Ok::<_, CrmProblem>(objects)
        })
        .await
}

/// The objects without the children whose parent is gone or is no object any more.
fn still_possible(before: &[CrmObject], defined: &[CrmObject]) -> Vec<CrmObject> {
    let is_object = |object: &CrmObject, parent: &str| {
        let fields = defined.iter().filter(|other| other.slug == object.slug).flat_map(|other| &other.fields);
        fields.into_iter().any(|field| field.slug == parent && field.simple_type == SimpleType::Object)
    };
    let mut left = before.to_vec();
    for object in &mut left {
        let known = object.clone();
        object.fields.retain(|field| field.parent_slug.as_deref().is_none_or(|parent| is_object(&known, parent)));
    }
    left
}

fn draft_version(last: Option<&MappingVersion>) -> i64 {
    last.map_or(1, |last| last.version + i64::from(last.finished_at.is_some()))
}

/// The last version: the draft, or what is in force. Nothing was defined before [`setup`].
///
/// # Errors
/// The store's.
pub async fn last(app: &App, of: &ConnectionOf) -> Result<MappingVersion, CrmProblem> {
    let of = of.clone();
    let last = app.store.read(move |tx| Ok::<_, CrmProblem>(tx.last_mapping(&of)?)).await?;
    Ok(last.unwrap_or(MappingVersion { version: 0, objects: Vec::new(), mapping: Vec::new(), finished_at: None }))
}

/// Keeps choices as the draft. `version` is the one that they were made on, where the caller knows it.
///
/// # Errors
/// [`CrmCode::Invalid`] for children that cannot be; [`CrmCode::MappingChanged`] when another version came meanwhile;
/// the store's.
pub async fn keep(
    app: &App,
    of: &ConnectionOf,
    version: Option<i64>,
    objects: &[CrmObject],
    mapping: Vec<ObjectMapping>,
) -> Result<MappingVersion, CrmProblem> {
    let (of, posted) = (of.clone(), objects.to_vec());
    app.store
        .write(move |tx| {
            let last = tx.last_mapping(&of)?;
            if version.is_some_and(|version| version != last.as_ref().map_or(0, |last| last.version)) {
                let message = "Somebody else changed this mapping meanwhile. Read it again.";
                return Err(CrmProblem::new(CrmCode::MappingChanged, message));
            }
            let defined = last.as_ref().map_or(&[][..], |last| &last.objects);
            let objects = definition::with_children(defined, &posted)
                .map_err(|flaws| CrmProblem::flawed(CrmCode::Invalid, flaws))?;
            let version = draft_version(last.as_ref());
            let draft = MappingVersion { version, objects, mapping, finished_at: None };
            tx.put_mapping(&of, &draft)?;
            Ok(draft)
        })
        .await
}

/// What is to be said about a version, object by object, in the order of the definition; and the native objects that it
/// speaks of, with their fields.
///
/// # Errors
/// [`CrmCode::MetadataPending`]; the vendor's; the store's.
pub async fn findings(
    app: &App,
    of: &ConnectionOf,
    version: &MappingVersion,
) -> Result<Vec<(Vec<Finding>, Option<ApiObject>)>, CrmProblem> {
    let known = schema::objects(app, of).await?;
    let mut all = Vec::with_capacity(version.objects.len());
    for object in &version.objects {
        let mapping = version.mapping.iter().find(|mapping| mapping.crm_object_id == object.id);
        let chosen = mapping.and_then(|mapping| mapping.api_object_id);
        let api = match chosen.and_then(|id| known.iter().find(|api| api.id == id)) {
            Some(api) => Some(schema::object(app, of, &api.slug).await?),
            None => None,
        };
        all.push((check(mapping, object, api.as_ref()), api));
    }
    Ok(all)
}

/// What may be missing of a mapping that is put in force. What can never work is always refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand {
    /// Nothing, as CRM Link demands.
    Complete,
    /// Anything: a client of the browser API may keep an unfinished mapping, as Xkit's does.
    Sound,
}

/// Puts the draft in force: events go by it from now on.
///
/// # Errors
/// [`CrmCode::Invalid`] with every finding that keeps it from being finished; the vendor's, where our key property was
/// granted and cannot be made; the store's.
pub async fn finish(
    app: &App,
    of: &ConnectionOf,
    draft: &MappingVersion,
    demand: Demand,
) -> Result<MappingVersion, CrmProblem> {
    let mut flaws: Vec<Flaw> = Vec::new();
    for (findings, api) in findings(app, of, draft).await? {
        let fatal = |finding: &Finding| match finding.state {
            State::Wrong => true,
            State::Missing => demand == Demand::Complete,
            State::Gone => false,
        };
        flaws.extend(findings.into_iter().filter(fatal).map(Flaw::from));
        if let Some(api) = api.filter(|_| flaws.is_empty()) {
            let mapping = draft.mapping.iter().find(|mapping| mapping.api_object_id == Some(api.id));
            if mapping.is_some_and(|mapping| mapping.keep_key) {
                add_key(app, of, &api.slug).await?;
            }
        }
    }
    if !flaws.is_empty() {
        return Err(CrmProblem::flawed(CrmCode::Invalid, flaws));
    }
    let (of, mut finished) = (of.clone(), draft.clone());
    app.store
        .write(move |tx| {
            let last = tx.last_mapping(&of)?;
            let same = |last: &MappingVersion| {
                (last.version, &last.objects, &last.mapping) == (finished.version, &finished.objects, &finished.mapping)
            };
            if !last.as_ref().is_some_and(same) {
                let message = "Somebody else changed this mapping meanwhile. Read it again.";
                return Err(CrmProblem::new(CrmCode::MappingChanged, message));
            }
            // What is in force already needs no version of its own.
            if last.is_some_and(|last| last.finished_at.is_none()) {
                if demand == Demand::Complete {
                    let mappings = finished.mapping.iter_mut();
                    mappings.flat_map(|mapping| &mut mapping.event_actions).for_each(EventAction::settle);
                }
                finished.finished_at = Some(tx.now());
                tx.put_mapping(&of, &finished)?;
            }
            Ok(finished)
        })
        .await
}

async fn add_key(app: &App, of: &ConnectionOf, object: &str) -> Result<(), CrmProblem> {
    let (connector, session) = reach::session(app, of, Class::Interactive).map_err(super::tokens::broken)?;
    match connector.add_key(&session, object, KEY_PROPERTY).await {
        Ok(()) => Ok(()),
        Err(fault) if fault.class == FaultClass::Duplicate => Ok(()),
        Err(fault) => Err(outcome::problem(app, fault, connector.about(), None)),
    }
}
