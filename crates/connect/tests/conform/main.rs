//! One table of cases for every connector, each run against its vendor's sandbox with the sandbox's router in memory
//! as the door. A connector that is in the registry without a world here fails.
#![expect(clippy::expect_used, reason = "a test ends where what it needs is missing")]

mod consent;
mod hubspot;
mod hubspot_objects;
mod hubspot_recorded;
mod kirim;
mod notion_cases;
mod notion_oauth;
mod notion_objects;
mod notion_recorded;
mod odoo_objects;
mod odoo_real;
mod pipedrive;
mod pipedrive_objects;
mod pipedrive_recorded;
mod recorded;
mod registry;
mod salesforce;
mod salesforce_objects;
mod salesforce_recorded;

use std::pin::Pin;

use lockstep_conform::likes::worlds;
use lockstep_conform::{Case, Outcome, run};

/// Runs a case against every vendor, or against the one whose real server is there.
async fn everywhere(name: &'static str, show: fn(lockstep_conform::World) -> Pin<Box<dyn Future<Output = ()>>>) {
    let case = Case { name, show };
    if odoo_real::address().is_some() {
        return odoo_real::side_by_side(&case).await;
    }
    for connector in lockstep_connect::registry::all() {
        let slug = connector.about().slug;
        for making in worlds(slug) {
            let outcome = run(&case, || making(None)).await;
            println!("{slug}: {outcome:?}");
            assert!(matches!(outcome, Outcome::Passed(_) | Outcome::NotFor(_)), "{name} at {slug}: {outcome:?}");
        }
    }
}

macro_rules! conform {
    ($($module:ident :: $case:ident),* $(,)?) => {$(
        #[tokio::test]
        async fn $case() {
            everywhere(stringify!($case), |world| Box::pin(lockstep_conform::$module::$case(world))).await;
        }
    )*};
}

lockstep_conform::cases!(conform);
