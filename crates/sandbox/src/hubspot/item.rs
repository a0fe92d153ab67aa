//! One record with its whole recent past. Each value knows when it was written, so the search index can be
//! shown as it was some seconds ago: values that are stale, records that are not there yet or still are.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::objects::ObjectNo;
use super::values::Change;
use crate::world::iso;

/// Values kept per property; HubSpot keeps 20, of a contact's 45.
const HISTORY_MAX: usize = 20;

/// Sees everything that was ever written.
pub(super) const NOW: i64 = i64::MAX;

/// Was written before the sandbox began, so every index knows it.
pub(super) const LONG_AGO: i64 = i64::MIN;

/// Who wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// An app over the API.
    Integration,
    /// A person in HubSpot's own pages.
    CrmUi,
    /// The records the sandbox was filled with.
    Import,
    /// A merge carried the value over.
    Merge,
    /// A workflow of the account.
    Workflow,
}

impl Source {
    pub(super) fn wire(self) -> &'static str {
        match self {
            Self::Integration => "INTEGRATION",
            Self::CrmUi => "CRM_UI",
            Self::Import => "IMPORT",
            Self::Merge => "MERGE_OBJECTS",
            Self::Workflow => "AUTOMATION_PLATFORM",
        }
    }
}

/// Whether a record is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Live,
    /// In the recycle bin.
    Archived,
    /// Lives on in another record.
    Merged(u64),
    /// Deleted for good on a privacy request.
    Erased,
}

/// One value of one property.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) value: Option<Box<str>>,
    /// When it was really written.
    written_us: i64,
    /// The time HubSpot's own clock gave it.
    pub(super) stamp_us: i64,
    pub(super) source: Source,
}

#[derive(Clone, Debug)]
struct Touch {
    written_us: i64,
    stamp_us: i64,
    standing: Standing,
}

/// The two times of one write.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) written_us: i64,
    pub(super) stamp_us: i64,
}

#[derive(Debug)]
pub(super) struct Item {
    pub(super) id: u64,
    /// The object it is a record of.
    pub(super) of: ObjectNo,
    pub(super) created_us: i64,
    born: Source,
    fields: BTreeMap<Arc<str>, Vec<Entry>>,
    touches: Vec<Touch>,
    /// The records that were merged into this one.
    pub(super) former_ids: Vec<u64>,
    /// Out of the caller's sight, as by a permission.
    pub(super) hidden: bool,
    /// Announced but not readable before this time.
    pub(super) readable_from_us: i64,
}

impl Item {
    pub(super) fn new(id: u64, of: ObjectNo, born: Source, at: Moment) -> Self {
        Self {
            id,
            of,
            created_us: at.stamp_us,
            born,
            fields: BTreeMap::new(),
            touches: vec![Touch { written_us: at.written_us, stamp_us: at.stamp_us, standing: Standing::Live }],
            former_ids: Vec::new(),
            hidden: false,
            readable_from_us: LONG_AGO,
        }
    }

    pub(super) fn write(&mut self, changes: Vec<Change>, source: Source, at: Moment) {
        for (name, value) in changes {
            let entries = self.fields.entry(name).or_insert_with(|| Vec::with_capacity(1));
            if entries.len() == HISTORY_MAX {
                entries.remove(0);
            }
            entries.push(Entry { value, written_us: at.written_us, stamp_us: at.stamp_us, source });
        }
        let is_told = |touch: &Touch| (touch.written_us, touch.stamp_us) == (at.written_us, at.stamp_us);
        if !self.touches.last().is_some_and(is_told) {
            self.touch(self.standing(), at);
        }
    }

    pub(super) fn touch(&mut self, standing: Standing, at: Moment) {
        if self.touches.len() == HISTORY_MAX {
            self.touches.remove(0);
        }
        self.touches.push(Touch { written_us: at.written_us, stamp_us: at.stamp_us, standing });
    }

    pub(super) fn standing(&self) -> Standing {
        self.touches.last().map_or(Standing::Erased, |touch| touch.standing)
    }

    /// The record as everyone sees it now.
    pub(super) fn now(&self) -> View<'_> {
        View { item: self, horizon: NOW }
    }

    /// The record as it was at `horizon`, if it was.
    pub(super) fn at(&self, horizon: i64) -> Option<View<'_>> {
        let view = View { item: self, horizon };
        view.touch().map(|_| view)
    }

    /// Past values of a property, newest first.
    pub(super) fn history(&self, name: &str) -> impl Iterator<Item = &Entry> {
        self.fields.get(name).into_iter().flat_map(|entries| entries.iter().rev())
    }

    /// Names that hold or held a value.
    pub(super) fn names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.fields.keys()
    }
}

/// A record seen at a point in its past or now.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    item: &'a Item,
    horizon: i64,
}

impl<'a> View<'a> {
    pub(super) fn item(&self) -> &'a Item {
        self.item
    }

    fn touch(&self) -> Option<&'a Touch> {
        self.item.touches.iter().rev().find(|touch| touch.written_us <= self.horizon)
    }

    pub(super) fn standing(&self) -> Standing {
        self.touch().map_or(Standing::Erased, |touch| touch.standing)
    }

    pub(super) fn updated_us(&self) -> i64 {
        self.touch().map_or(self.item.created_us, |touch| touch.stamp_us)
    }

    /// A value somebody wrote.
    pub(super) fn stored(&self, name: &str) -> Option<&'a str> {
        let entries = self.item.fields.get(name)?;
        entries.iter().rev().find(|entry| entry.written_us <= self.horizon)?.value.as_deref()
    }

    /// Any value, written or calculated.
    pub(super) fn value(&self, name: &str) -> Option<Cow<'a, str>> {
        let item = self.item;
        let calculated = match name {
            "hs_object_id" => item.id.to_string(),
            "createdate" | "hs_createdate" => iso(item.created_us),
            "lastmodifieddate" | "hs_lastmodifieddate" => iso(self.updated_us()),
            "hs_all_contact_vids" => {
                let ids = std::iter::once(&item.id).chain(&item.former_ids);
                ids.map(u64::to_string).collect::<Vec<_>>().join(";")
            }
            "hs_merged_object_ids" if item.former_ids.is_empty() => return None,
            "hs_merged_object_ids" => item.former_ids.iter().map(u64::to_string).collect::<Vec<_>>().join(";"),
            "hs_email_domain" => self.stored("email")?.split_once('@')?.1.to_owned(),
            "hs_full_name_or_email" => self.full_name_or_email()?,
            "hs_is_contact" | "hs_is_unworked" => "true".to_owned(),
            "hs_object_source" | "hs_object_source_label" => item.born.wire().to_owned(),
            "num_notes" => "0".to_owned(),
            _ => return self.stored(name).map(Cow::Borrowed),
        };
        Some(Cow::Owned(calculated))
    }

    fn full_name_or_email(&self) -> Option<String> {
        let parts: Vec<&str> = ["firstname", "lastname"].iter().filter_map(|name| self.stored(name)).collect();
        if parts.is_empty() { self.stored("email").map(str::to_owned) } else { Some(parts.join(" ")) }
    }
}

/// Calculated properties that the answers of writes show besides what was written.
pub(super) const CALCULATED: [&str; 14] = [
    "createdate",
    "hs_all_contact_vids",
    "hs_createdate",
    "hs_email_domain",
    "hs_full_name_or_email",
    "hs_is_contact",
    "hs_is_unworked",
    "hs_lastmodifieddate",
    "hs_merged_object_ids",
    "hs_object_id",
    "hs_object_source",
    "hs_object_source_label",
    "lastmodifieddate",
    "num_notes",
];
