//! What the screens of a mapping are made with: the house, who asks, and the latest records.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum::{Extension, RequestPartsExt};
use lockstep_core::crm::{CrmCode, CrmObject, CrmProblem, ObjectMapping, number_of};

use super::guest::Guest;
use super::samples::Samples;
use super::scene::Scene;
use crate::app::App;
use crate::ops::crm::connections::{self, Seen};
use crate::ops::crm::{mapping, schema};

/// What every screen of a mapping is made with.
pub struct Work {
    /// The house.
    pub app: App,
    /// Who asks.
    pub guest: Guest,
    /// The latest records.
    pub samples: Samples,
}

impl FromRequestParts<App> for Work {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let guest = Guest::from_request_parts(parts, app).await?;
        let Extension(samples) = parts.extract().await.map_err(IntoResponse::into_response)?;
        Ok(Self { app: app.clone(), guest, samples })
    }
}

impl Work {
    /// The draft of a connection, with what the CRM offers for it.
    ///
    /// # Errors
    /// Another context's connection; [`CrmCode::MetadataPending`]; the vendor's where nothing was seen before; the store's.
    pub async fn scene(&self, id: &str) -> Result<(Scene, Seen), CrmProblem> {
        let seen = connections::of_context(&self.app, &self.guest.visitor.context, id).await?;
        let draft = mapping::last(&self.app, &seen.of).await?;
        let mut natives = schema::objects(&self.app, &seen.of).await?;
        for chosen in draft.mapping.iter().filter_map(|mapping| mapping.api_object_id) {
            let Some(native) = natives.iter_mut().find(|native| native.id == chosen) else { continue };
            match schema::object(&self.app, &seen.of, &native.slug).await {
                Ok(described) => *native = described,
                // It is shown as gone, and can be chosen anew.
                Err(problem) if problem.code == CrmCode::NotFound => {}
                Err(problem) => return Err(problem),
            }
        }
        // Looking may have shown that the CRM no longer lets us in.
        let seen = connections::of_context(&self.app, &self.guest.visitor.context, id).await?;
        let words = self.guest.clone().at(seen.about.name).words;
        let scene = Scene {
            words,
            connection: seen.id.clone(),
            version: digest(&draft.objects, &draft.mapping),
            objects: draft.objects,
            mapping: draft.mapping,
            natives,
            now: self.app.env.now(),
            samples: std::collections::BTreeMap::new(),
        };
        Ok((scene, seen))
    }

    /// The same with the latest records of one object.
    ///
    /// # Errors
    /// As [`Self::scene`].
    pub async fn scene_of(&self, id: &str, object: &str) -> Result<(Scene, Seen), CrmProblem> {
        let (mut scene, seen) = self.scene(id).await?;
        let native = scene.object(object).and_then(|object| scene.native(object)).cloned();
        if let Some(native) = native.filter(|native| native.selector.is_some()) {
            let records = self.samples.of(&self.app, &seen.of, &native).await;
            scene.samples.insert(native.slug, records);
        }
        Ok((scene, seen))
    }

    /// Keeps a draft.
    ///
    /// # Errors
    /// [`CrmCode::Invalid`] for children that cannot be; the store's.
    pub async fn kept(&self, mut scene: Scene, seen: &Seen) -> Result<Scene, CrmProblem> {
        let kept = mapping::keep(&self.app, &seen.of, None, &scene.objects, scene.mapping).await?;
        scene.version = digest(&kept.objects, &kept.mapping);
        (scene.objects, scene.mapping) = (kept.objects, kept.mapping);
        Ok(scene)
    }
}

/// What tells one draft from another: other choices, another number.
fn digest(objects: &[CrmObject], mapping: &[ObjectMapping]) -> i64 {
    number_of(&serde_json::to_string(&(objects, mapping)).unwrap_or_default())
}
