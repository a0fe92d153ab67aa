//! One table of cases for every connector. It runs against the vendors' look-alikes in memory, and against a real account
//! ([`live`]): so it also tells whether a look-alike has drifted from its vendor.
#![expect(clippy::expect_used, reason = "a case ends where what it needs is missing, and its runner tells")]

pub mod cases;
pub mod door;
pub mod likes;
pub mod live;
pub mod objects;
pub mod reads;
pub mod run;
pub mod scans;
pub mod world;

use std::pin::Pin;

pub use run::{Outcome, run};
pub use world::World;

/// One case of the table.
#[derive(Clone, Copy)]
pub struct Case {
    /// What it says of a connector.
    pub name: &'static str,
    /// Shows it, or panics.
    pub show: fn(World) -> Pin<Box<dyn Future<Output = ()>>>,
}

/// Hands the names of all cases to a macro.
#[macro_export]
macro_rules! cases {
    ($each:ident) => {
        $each! {
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
            reads::what_stands_is_read_by_id,
            reads::what_stands_is_found_by_its_address,
            reads::a_list_goes_on_where_its_page_ended,
            reads::a_scan_goes_on_where_it_was_left,
            reads::a_search_goes_on_where_its_page_ended,
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
    };
}

macro_rules! table {
    ($($module:ident :: $case:ident),* $(,)?) => {
        /// The cases in their order.
        pub const TABLE: &[Case] = &[$(Case {
            name: stringify!($case),
            show: |world| Box::pin($module::$case(world)),
        }),*];
    };
}
cases!(table);
