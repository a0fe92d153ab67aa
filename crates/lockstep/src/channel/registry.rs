//! Every channel, one line each.

use std::sync::Arc;

use super::{Channel, whatsapp};

/// The channels of this program.
pub fn all() -> Channels {
    Channels::new(vec![Arc::<whatsapp::WhatsApp>::default()])
}

/// The channels that a running Lockstep has, found by slug.
#[derive(Clone)]
pub struct Channels(Arc<[Arc<dyn Channel>]>);

impl Channels {
    /// Exactly these.
    pub fn new(channels: Vec<Arc<dyn Channel>>) -> Self {
        Self(channels.into())
    }

    /// The channel with this slug.
    pub fn find(&self, slug: &str) -> Option<&dyn Channel> {
        self.iter().find(|channel| channel.about().slug == slug)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &dyn Channel> {
        self.0.iter().map(AsRef::as_ref)
    }
}
