//! Pipedrive's objects, as far as its descriptions leave them open (its OpenAPI document of v2, August 2026).

/// An object that every company has.
#[derive(Debug)]
pub(super) struct Kind {
    /// Its name in paths.
    pub slug: &'static str,
    /// Its name in the paths of its fields, in searches and in webhooks.
    pub singular: &'static str,
    pub one: &'static str,
    pub many: &'static str,
    /// The property that its records are known by. A new record needs it, activities apart.
    pub title: &'static str,
    /// Whether a company may give it fields of its own, and whether it is searched.
    pub has_customs: bool,
    /// What a request may write of what every company has.
    pub writable: &'static [&'static str],
    /// What records show besides.
    pub shown: &'static [&'static str],
    /// What a list can be asked for by value.
    pub listed_by: &'static [&'static str],
    /// Where a record names another: the other's object, and the property.
    pub links: &'static [(&'static str, &'static str)],
}

pub(super) static PERSON: Kind = Kind {
    slug: "persons",
    singular: "person",
    one: "Person",
    many: "People",
    title: "name",
    has_customs: true,
    writable: &[
        "name",
        "email",
        "phone",
        "owner_id",
        "org_id",
        "visible_to",
        "label_ids",
        "postal_address",
        "notes",
        "im",
        "birthday",
        "job_title",
    ],
    shown: &["id", "first_name", "last_name", "other_emails", "other_phones", "add_time", "update_time"],
    listed_by: &["owner_id", "org_id"],
    links: &[("organizations", "org_id")],
};

static ORGANIZATION: Kind = Kind {
    slug: "organizations",
    singular: "organization",
    one: "Organization",
    many: "Organizations",
    title: "name",
    has_customs: true,
    writable: &[
        "name",
        "owner_id",
        "visible_to",
        "label_ids",
        "address",
        "website",
        "linkedin",
        "industry",
        "annual_revenue",
        "employee_count",
    ],
    shown: &["id", "add_time", "update_time"],
    listed_by: &["owner_id"],
    links: &[],
};

static DEAL: Kind = Kind {
    slug: "deals",
    singular: "deal",
    one: "Deal",
    many: "Deals",
    title: "title",
    has_customs: true,
    writable: &[
        "title",
        "owner_id",
        "value",
        "currency",
        "person_id",
        "org_id",
        "pipeline_id",
        "stage_id",
        "status",
        "probability",
        "lost_reason",
        "visible_to",
        "label_ids",
        "expected_close_date",
        "close_time",
        "won_time",
        "lost_time",
        "is_archived",
        "archive_time",
    ],
    shown: &["id", "creator_user_id", "stage_change_time", "add_time", "update_time"],
    listed_by: &["owner_id", "person_id", "org_id", "pipeline_id", "stage_id"],
    links: &[("persons", "person_id"), ("organizations", "org_id")],
};

static ACTIVITY: Kind = Kind {
    slug: "activities",
    singular: "activity",
    one: "Activity",
    many: "Activities",
    title: "subject",
    has_customs: false,
    writable: &[
        "subject",
        "type",
        "owner_id",
        "deal_id",
        "org_id",
        "due_date",
        "due_time",
        "duration",
        "busy",
        "done",
        "location",
        "participants",
        "public_description",
        "priority",
        "note",
    ],
    shown: &["id", "person_id", "creator_user_id", "marked_as_done_time", "add_time", "update_time"],
    listed_by: &["owner_id", "deal_id", "person_id", "org_id"],
    links: &[("persons", PARTICIPANTS), ("organizations", "org_id"), ("deals", "deal_id")],
};

/// Whom an activity is with: the reference to a person, which v2 writes as a list.
pub(super) const PARTICIPANTS: &str = "participants";

pub(super) static ALL: [&Kind; 4] = [&PERSON, &ORGANIZATION, &DEAL, &ACTIVITY];

pub(super) fn named(slug: &str) -> Option<&'static Kind> {
    ALL.into_iter().find(|kind| kind.slug == slug)
}

impl Kind {
    /// Whether every company has the property under this name.
    pub(super) fn has(&self, property: &str) -> bool {
        self.writable.contains(&property) || self.shown.contains(&property)
    }

    /// The collection of its records.
    pub(super) fn records(&self) -> String {
        format!("/api/v2/{}", self.slug)
    }

    /// The collection of its fields.
    pub(super) fn fields(&self) -> String {
        format!("/api/v2/{}Fields", self.singular)
    }

    pub(super) fn is_person(&self) -> bool {
        self.slug == PERSON.slug
    }
}
