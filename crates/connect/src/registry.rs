//! Every vendor, one line each.

use crate::connector::Connector;

/// The connectors by slug.
pub fn all() -> Vec<&'static dyn Connector> {
    vec![
        &crate::hubspot::Hubspot,
        &crate::salesforce::Salesforce,
        &crate::pipedrive::Pipedrive,
        &crate::notion::Notion,
        &crate::odoo::Odoo,
        &crate::kirim::Kirim,
    ]
}

/// The connector of a vendor.
pub fn find(slug: &str) -> Option<&'static dyn Connector> {
    all().into_iter().find(|connector| connector.about().slug == slug)
}
