//! Contacts, leads and the org's own users.

use super::super::field::{Field, Kind, Source};
use super::super::schema::Object;
use super::{INDUSTRIES, LEAD_SOURCES, RATINGS, SALUTATIONS};
use super::{address, area, check, email, master, number, object, of, owner, phone, pick, refer, system, text};

pub(super) fn objects() -> Vec<Object> {
    vec![contact(), lead(), user()]
}

fn contact() -> Object {
    let mut fields = vec![
        master("Contact"),
        refer("AccountId", &["Account"]).cascades().children("Contacts"),
        text("LastName", 80).required(),
        text("FirstName", 40),
        pick("Salutation", &SALUTATIONS),
        text("Name", 121).from(Source::FullName).label("Full Name").required(),
    ];
    fields.extend(address("Mailing"));
    fields.extend(address("Other"));
    fields.extend([
        phone("Phone").label("Business Phone"),
        phone("Fax"),
        phone("MobilePhone"),
        phone("HomePhone"),
        phone("OtherPhone"),
        phone("AssistantPhone"),
        refer("ReportsToId", &["Contact"]),
        email("Email").lookup(),
        text("Title", 128),
        text("Department", 80),
        text("AssistantName", 40),
        pick("LeadSource", &LEAD_SOURCES),
        of("Birthdate", Kind::Date),
        area("Description", 32_000),
        check("HasOptedOutOfEmail").label("Email Opt Out"),
        check("DoNotCall"),
        owner(),
    ]);
    Object { mergeable: true, ..object("Contact", "Contacts", "003", fields) }
}

fn lead() -> Object {
    let statuses = ["Open - Not Contacted", "Working - Contacted", "Closed - Converted", "Closed - Not Converted"];
    let mut fields = vec![
        master("Lead"),
        text("LastName", 80).required(),
        text("FirstName", 40),
        pick("Salutation", &SALUTATIONS),
        text("Name", 121).from(Source::FullName).label("Full Name").required(),
        text("Title", 128),
        text("Company", 255).required(),
    ];
    fields.extend(address(""));
    fields.extend([
        phone("Phone"),
        phone("MobilePhone"),
        phone("Fax"),
        email("Email").lookup(),
        Field::new("Website", Kind::Url, 255),
        area("Description", 32_000),
        pick("LeadSource", &LEAD_SOURCES),
        pick("Status", &statuses).required().default("Open - Not Contacted"),
        pick("Industry", &INDUSTRIES),
        pick("Rating", &RATINGS),
        number("AnnualRevenue", Kind::Currency, 18, 0),
        number("NumberOfEmployees", Kind::Int, 8, 0),
        check("HasOptedOutOfEmail").label("Email Opt Out"),
        check("DoNotCall"),
        owner(),
        check("IsConverted").label("Converted").read_only(),
        of("ConvertedDate", Kind::Date).read_only(),
        refer("ConvertedAccountId", &["Account"]).read_only(),
        refer("ConvertedContactId", &["Contact"]).read_only(),
        refer("ConvertedOpportunityId", &["Opportunity"]).read_only(),
    ]);
    Object { mergeable: true, ..object("Lead", "Leads", "00Q", fields) }
}

fn user() -> Object {
    let mut user = object(
        "User",
        "Users",
        "005",
        vec![
            text("Username", 80).required().lookup(),
            text("LastName", 80).required(),
            text("FirstName", 40),
            text("Name", 121).from(Source::FullName).label("Full Name").required(),
            email("Email").required(),
            phone("Phone"),
            check("IsActive").label("Active"),
            text("UserType", 40).read_only(),
            system("LastLoginDate", Kind::DateTime, 0),
        ],
    );
    user.fields.retain(|field| field.name != "IsDeleted");
    Object { createable: false, ..user }
}
