//! One table of cases for every connector, each run against its vendor's sandbox with the sandbox's router in memory
//! as the door. A connector that is in the registry without a world here fails.
#![expect(clippy::expect_used, reason = "a test ends where what it needs is missing")]

mod cases;
mod consent;
mod door;
mod hubspot;
mod hubspot_objects;
mod hubspot_recorded;
mod kirim;
mod notion;
mod notion_cases;
mod notion_oauth;
mod notion_objects;
mod notion_recorded;
mod objects;
mod odoo;
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
mod scans;
mod world;

use world::World;

/// Makes a world, which may show pages of at most so many records.
type Making = fn(Option<usize>) -> World;

/// The worlds of a vendor: one for each protocol that it speaks.
fn worlds(slug: &str) -> Vec<Making> {
    match slug {
        "hubspot" => vec![hubspot::world],
        "odoo" => vec![odoo::world, odoo::old_world],
        "pipedrive" => vec![pipedrive::world],
        "notion" => vec![notion::world],
        "salesforce" => vec![salesforce::world],
        "kirim" => vec![kirim::world, kirim::scoped_world],
        other => panic!("{other} is in the registry but has no world in tests/conform"),
    }
}

/// Runs a case against every vendor, or against the one whose real server is there.
async fn everywhere(name: &str, case: impl AsyncFn(World)) {
    if odoo_real::address().is_some() {
        return odoo_real::side_by_side(name, case).await;
    }
    for connector in lockstep_connect::registry::all() {
        for making in worlds(connector.about().slug) {
            case(making(None)).await;
        }
    }
}

macro_rules! conform {
    ($($module:ident :: $case:ident),* $(,)?) => {$(
        #[tokio::test]
        async fn $case() {
            everywhere(stringify!($case), $module::$case).await;
        }
    )*};
}

conform! {
    cases::the_description_covers_what_reads_return,
    cases::the_account_is_named,
    cases::a_record_is_made_read_changed_and_archived,
    cases::nothing_clears_and_absent_keeps,
    cases::a_keyed_create_can_be_repeated,
    cases::the_key_property_can_be_asked_for_twice,
    cases::one_bad_row_does_not_spoil_the_batch,
    cases::a_taken_address_names_the_record_that_has_it,
    cases::old_ids_lead_to_the_survivor_of_a_merge,
    cases::archived_is_told_from_missing,
    cases::records_are_found_by_address_once_the_index_knows_them,
    cases::the_list_shows_every_id_once,
    cases::a_lost_answer_to_a_write_is_an_unknown_outcome,
    cases::a_lost_answer_to_a_read_is_not,
    cases::a_cut_answer_to_a_write_is_an_unknown_outcome,
    cases::a_limit_is_a_limit,
    cases::a_proxys_page_is_no_verdict,
    cases::a_refused_grant_stops,
    cases::a_vanished_property_is_drift,
    cases::hooks_are_verified_and_hint,
    objects::every_object_is_listed_and_described,
    objects::a_record_of_any_object_is_made_read_changed_and_archived,
    objects::searches_filter_and_go_by_time,
    objects::more_properties_than_a_search_can_name_are_read,
    objects::a_key_of_ours_makes_a_record_known_again,
    objects::a_property_that_is_not_unique_is_no_key,
    objects::what_a_new_record_lacks_is_named,
    objects::a_property_that_an_object_lost_is_drift,
    objects::a_deed_whose_answer_is_lost_may_have_happened,
    scans::a_first_scan_reads_everything_in_full_pages,
    scans::a_poll_with_nothing_new_is_one_call,
    scans::no_edit_is_missed_between_pages_and_behind_the_index,
    scans::short_pages_are_not_the_end,
    scans::a_merge_shows_as_a_change_of_the_survivor,
    scans::a_clock_that_is_off_or_steps_back_loses_nothing,
}
