//! Templates as a channel lists them.

use lockstep_core::ids::TemplateId;
use serde_json::Value as Json;

/// Which templates to list; members left out do not narrow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TemplateQuery {
    /// Only those that stand so.
    pub status: Option<TemplateStatus>,
    /// Only those in this language, such as `en_US`.
    pub language: Option<String>,
    /// Only those of this name.
    pub name: Option<String>,
    /// What the page before answered as its `after`.
    pub after: Option<String>,
    /// Templates on the page, 1 to [`lockstep_core::limits::PAGE_SIZE_MAX`].
    pub limit: usize,
}

/// How a template stands. Channels know more ways, which nobody asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TemplateStatus {
    /// It can be sent.
    Approved,
    /// The channel looks at it.
    Pending,
    /// The channel does not want it.
    Rejected,
}

/// A page of templates.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TemplatePage {
    /// The templates, in the channel's order.
    pub templates: Vec<Template>,
    /// Where the next page begins; `None` on the last.
    pub after: Option<String>,
}

/// A text that the channel has looked at, to be sent when the customer has not written for a day.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    /// Its id.
    pub id: TemplateId,
    /// Its name; it is written in several languages under one name.
    pub name: String,
    /// The language, such as `en_US`.
    pub language: String,
    /// How it stands, in the channel's word and in lower case: `approved`, `pending`, `rejected`, `paused` and others.
    pub status: String,
    /// What it is for, in the channel's word and in lower case: `utility`, `marketing`, `authentication`.
    pub category: String,
    /// Its parts in Meta's form.
    pub components: Vec<Json>,
}
