//! The models the look-alike has, each with the fields an integration meets.

mod crm;
mod mail;
mod partner;
mod platform;

use super::schema::Model;

/// All models of a version.
pub(super) fn all(version: u32) -> Vec<Model> {
    let mut models = partner::models(version);
    models.extend(crm::models(version));
    models.extend(mail::models());
    models.extend(platform::models(version));
    models
}
