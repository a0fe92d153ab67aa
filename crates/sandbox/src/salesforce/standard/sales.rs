//! Companies, sales and support cases.

use super::super::field::{Field, Kind, Source};
use super::super::schema::Object;
use super::{INDUSTRIES, LEAD_SOURCES, RATINGS};
use super::{address, area, check, email, master, number, object, of, owner, phone, pick, refer, text};

pub(super) fn objects() -> Vec<Object> {
    vec![account(), opportunity(), role(), case(), comment()]
}

fn account() -> Object {
    let mut fields = vec![
        master("Account"),
        text("Name", 255).required().label("Account Name"),
        pick("Type", &["Prospect", "Customer - Direct", "Customer - Channel", "Technology Partner", "Other"]),
        refer("ParentId", &["Account"]).children("ChildAccounts"),
    ];
    fields.extend(address("Billing"));
    fields.extend(address("Shipping"));
    fields.extend([
        phone("Phone"),
        phone("Fax"),
        text("AccountNumber", 40),
        Field::new("Website", Kind::Url, 255),
        Field::new("PhotoUrl", Kind::Url, 255).read_only(),
        pick("Industry", &INDUSTRIES),
        pick("Rating", &RATINGS),
        number("AnnualRevenue", Kind::Currency, 18, 0),
        number("NumberOfEmployees", Kind::Int, 8, 0),
        area("Description", 32_000),
        owner(),
    ]);
    Object { mergeable: true, ..object("Account", "Accounts", "001", fields) }
}

/// Stages of the standard sales process.
pub(in super::super) const STAGES: [&str; 10] = [
    "Prospecting",
    "Qualification",
    "Needs Analysis",
    "Value Proposition",
    "Id. Decision Makers",
    "Perception Analysis",
    "Proposal/Price Quote",
    "Negotiation/Review",
    "Closed Won",
    "Closed Lost",
];

fn opportunity() -> Object {
    object(
        "Opportunity",
        "Opportunities",
        "006",
        vec![
            refer("AccountId", &["Account"]).cascades().children("Opportunities"),
            text("Name", 120).required(),
            area("Description", 32_000),
            pick("StageName", &STAGES).required().label("Stage"),
            number("Amount", Kind::Currency, 18, 2),
            number("Probability", Kind::Percent, 3, 0),
            of("CloseDate", Kind::Date).required(),
            pick("Type", &["Existing Customer - Upgrade", "Existing Customer - Replacement", "New Customer"]),
            text("NextStep", 255),
            pick("LeadSource", &LEAD_SOURCES),
            check("IsClosed").from(Source::IsClosed).label("Closed"),
            check("IsWon").from(Source::IsWon).label("Won"),
            refer("ContactId", &["Contact"]).fixed(),
            owner(),
        ],
    )
}

fn role() -> Object {
    object(
        "OpportunityContactRole",
        "Opportunity Contact Roles",
        "00K",
        vec![
            refer("OpportunityId", &["Opportunity"]).required().fixed().cascades().children("OpportunityContactRoles"),
            refer("ContactId", &["Contact"]).required().cascades().children("OpportunityContactRoles"),
            pick("Role", &["Decision Maker", "Business User", "Evaluator", "Executive Sponsor", "Influencer", "Other"]),
            check("IsPrimary").label("Primary"),
        ],
    )
}

fn case() -> Object {
    object(
        "Case",
        "Cases",
        "500",
        vec![
            text("CaseNumber", 30).from(Source::AutoNumber).required().lookup(),
            refer("ContactId", &["Contact"]).children("Cases"),
            refer("AccountId", &["Account"]).children("Cases"),
            refer("ParentId", &["Case"]).children("Cases"),
            text("SuppliedName", 80).label("Web Name"),
            email("SuppliedEmail").label("Web Email"),
            text("SuppliedPhone", 40).label("Web Phone"),
            pick("Type", &["Problem", "Feature Request", "Question"]),
            pick("Status", &["New", "Working", "Escalated", "On Hold", "Closed"]).default("New"),
            pick("Reason", &["Installation", "Performance", "Breakdown", "Feedback", "Other"]),
            pick("Origin", &["Phone", "Email", "Web", "Chat"]),
            text("Subject", 255),
            pick("Priority", &["High", "Medium", "Low"]).default("Medium"),
            area("Description", 32_000),
            check("IsClosed").from(Source::IsClosed).label("Closed"),
            check("IsEscalated").label("Escalated"),
            owner(),
        ],
    )
}

fn comment() -> Object {
    object(
        "CaseComment",
        "Case Comments",
        "00a",
        vec![
            refer("ParentId", &["Case"]).required().fixed().cascades().children("CaseComments"),
            check("IsPublished").label("Published"),
            area("CommentBody", 4_000),
        ],
    )
}
