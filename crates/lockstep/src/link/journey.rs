//! The order of the screens: where a person begins, what comes next and what came before.

use lockstep_core::crm::CrmObject;

use super::scene::Scene;

/// A screen of the mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// All objects, and the connection itself.
    Objects,
    /// Which native object a CRM object is.
    Native(String),
    /// Where its fields come from.
    Fields(String),
    /// What one of its events does.
    Event(String, String),
    /// All that was chosen.
    Review,
}

impl Place {
    /// Its address.
    pub fn href(&self, scene: &Scene) -> String {
        match self {
            Self::Objects => scene.href("objects", &[]),
            Self::Native(object) => scene.href("native", &[("object", object)]),
            Self::Fields(object) => scene.href("fields", &[("object", object)]),
            Self::Event(object, event) => scene.href("event", &[("object", object), ("event", event)]),
            Self::Review => scene.href("review", &[]),
        }
    }

    /// Which of the five bars it belongs to.
    pub const fn step(&self) -> u8 {
        match self {
            Self::Objects | Self::Native(_) | Self::Fields(_) => 3,
            Self::Event(..) => 4,
            Self::Review => 5,
        }
    }
}

/// Every screen, in order. An object that is not connected has none but the choice of what it is.
pub fn order(scene: &Scene) -> Vec<Place> {
    let mut places = Vec::new();
    if scene.objects.len() != 1 {
        places.push(Place::Objects);
    }
    for object in &scene.objects {
        places.extend(of_object(scene, object));
    }
    places.push(Place::Review);
    places
}

fn of_object(scene: &Scene, object: &CrmObject) -> Vec<Place> {
    let slug = || object.slug.clone();
    let Some(mapping) = scene.mapping(object) else { return vec![Place::Native(slug())] };
    if mapping.api_object_id.is_none() {
        return Vec::new();
    }
    if scene.native(object).is_none() {
        return vec![Place::Native(slug())];
    }
    let fields = (!object.fields.is_empty()).then(|| Place::Fields(slug()));
    fields.into_iter().chain(object.events.iter().map(|event| Place::Event(slug(), event.slug.clone()))).collect()
}

/// The first screen with something open; the overview where nothing is.
pub fn resume(scene: &Scene) -> Place {
    first_open(scene).unwrap_or(if scene.objects.is_empty() { Place::Review } else { Place::Objects })
}

/// The first screen with something open.
pub fn first_open(scene: &Scene) -> Option<Place> {
    order(scene).into_iter().find(|place| is_open(scene, place))
}

fn is_open(scene: &Scene, place: &Place) -> bool {
    match place {
        Place::Objects | Place::Review => false,
        Place::Native(_) => true,
        Place::Fields(object) => scene.object(object).is_some_and(|object| {
            let above = format!("{}.fields", object.slug);
            scene.findings(object).iter().any(|found| found.path.starts_with(&above))
        }),
        Place::Event(object, event) => {
            scene.object(object).is_some_and(|object| !scene.findings_at(object, "events", event).is_empty())
        }
    }
}

/// The screen after one.
pub fn after(scene: &Scene, place: &Place) -> Place {
    beside(scene, place, 1).unwrap_or(Place::Review)
}

/// The screen before one, if there is any.
pub fn before(scene: &Scene, place: &Place) -> Option<Place> {
    beside(scene, place, -1)
}

fn beside(scene: &Scene, place: &Place, step: isize) -> Option<Place> {
    let order = order(scene);
    let at = order.iter().position(|other| other == place)?;
    order.get(at.checked_add_signed(step)?).cloned()
}
