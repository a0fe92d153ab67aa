//! The vendors' look-alikes as the table's worlds.

pub mod hubspot;
pub mod kirim;
pub mod notion;
pub mod odoo;
pub mod pipedrive;
pub mod salesforce;

use crate::World;

/// Makes a world, which may show pages of at most so many records.
pub type Making = fn(Option<usize>) -> World;

/// The worlds of a vendor: one for each protocol that it speaks.
pub fn worlds(slug: &str) -> Vec<Making> {
    match slug {
        "hubspot" => vec![hubspot::world],
        "odoo" => vec![odoo::world, odoo::old_world],
        "pipedrive" => vec![pipedrive::world],
        "notion" => vec![notion::world],
        "salesforce" => vec![salesforce::world],
        "kirim" => vec![kirim::world, kirim::scoped_world],
        other => panic!("{other} is in the registry but has no world in crates/conform"),
    }
}

/// The world that is most like the account which a token opens.
pub(crate) fn like(slug: &str, token: &str) -> World {
    let speaks_old = slug == "odoo" && token.split(':').count() > 2;
    worlds(slug)[usize::from(speaks_old)](None)
}
