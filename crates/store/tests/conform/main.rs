//! One suite of cases for both engines. SQLite runs always; PostgreSQL where `LOCKSTEP_TEST_PG` holds the URL of a
//! server on which schemas may be made (`tests/postgres.sh start DIR` prints one).
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod channels;
mod connections;
mod contacts;
mod conversations;
mod crm;
mod isolation;
mod labels;
mod organizations;
mod outbox;
mod pairs;
mod queue;
mod requests;
mod schema;
mod syncs;
mod transactions;
mod users;
mod world;

/// Makes a test of each case on each engine.
macro_rules! cases {
    ($($module:ident: $($case:ident),* $(,)?;)*) => {
        mod sqlite {
            $($(#[test] fn $case() { crate::world::on_sqlite(crate::$module::$case); })*)*
        }
        mod on_postgresql {
            $($(#[test] fn $case() { crate::world::on_postgres(crate::$module::$case); })*)*
        }
    };
}

cases! {
    contacts:
        a_contact_reads_back_as_it_was_made,
        contacts_are_read_many_at_once,
        an_account_has_a_number_once,
        a_patch_moves_the_contact_to_the_end_of_the_changes,
        a_deleted_contact_leaves_no_personal_field,
        search_forgets_case_and_accents_and_takes_signs_literally,
        pages_show_every_contact_once_in_both_orders,
        match_keys_follow_the_contact,
        the_log_answers_by_contact_and_by_field,
        an_erased_person_is_nowhere_quoted,
        a_contact_is_found_by_the_id_of_its_record,
        changes_since_a_time_come_in_commit_order_though_clocks_step_back;
    conversations:
        a_contact_has_one_conversation,
        a_conversation_keeps_what_was_put,
        conversations_come_by_activity_and_filter,
        a_conversation_has_a_label_once,
        a_message_reads_back_and_moves_on,
        an_account_has_a_channels_id_once,
        a_message_waits_behind_those_queued_before_it,
        messages_come_newest_first_and_filter,
        an_erased_persons_conversation_is_gone;
    crm:
        a_context_is_made_once_and_changed,
        an_apps_settings_change_and_its_secret_stays,
        a_named_connection_is_its_contexts,
        a_disconnected_connection_is_forgotten_with_all_of_it,
        an_authorization_ends_once,
        a_mapping_has_versions_and_a_finished_one_stays,
        what_a_crm_offers_reads_back,
        an_invocation_is_sent_once,
        one_invocation_at_a_time_is_about_a_record,
        a_lost_invocation_is_unknown,
        a_wish_is_one_subscription,
        subscriptions_are_looked_after_in_turn,
        calls_to_an_app_fold_until_they_are_tried;
    transactions:
        a_refusal_undoes_row_event_and_job_together,
        a_swallowed_failure_keeps_nothing,
        a_panic_is_an_error_of_its_closure_alone,
        a_nul_character_is_refused,
        numbers_grow_in_commit_order,
        an_unknown_account_is_refused,
        an_inline_write_can_be_stopped_before_and_after_its_commit,
        writes_of_one_organization_never_lose_an_update;
    isolation:
        no_row_shows_through_anothers_proof,
        no_conversation_shows_through_anothers_proof;
    connections:
        a_key_is_found_by_its_hash_even_when_ended,
        a_grant_is_replaced_only_by_who_saw_it_last,
        a_connection_remembers_whether_it_may_enter,
        a_hook_address_takes_one_token;
    channels:
        an_account_has_one_channel_that_can_be_connected_again;
    organizations:
        organizations_are_listed_in_pages,
        what_keys_have_for_themselves_adds_up;
    labels:
        a_label_reads_back_and_its_name_is_its_teams_own,
        labels_are_listed_in_pages_and_by_team,
        labels_hang_on_contacts_once_and_fall_off_with_either,
        a_label_fits_the_contacts_that_its_team_sees,
        touched_contacts_move_to_the_end_under_one_number,
        contacts_of_a_label_come_alike_whether_few_or_many;
    users:
        a_user_reads_back_and_an_address_is_one_users,
        users_join_and_leave_teams,
        a_team_has_a_name_of_its_own_and_goes_when_it_is_empty;
    syncs:
        a_sync_keeps_its_place,
        a_plan_keeps_its_rows_in_order,
        records_are_found_by_key_and_by_census,
        an_intent_is_exclusive_and_closes,
        a_question_is_asked_once;
    pairs:
        a_pair_is_one_to_one,
        dirty_pairs_come_oldest_first;
    outbox:
        an_event_reaches_those_who_want_it,
        a_subscription_that_fails_too_often_is_disabled,
        a_dead_delivery_can_be_replayed,
        a_bulk_replay_goes_on_where_the_last_one_stopped,
        secrets_rotate,
        old_deliveries_are_purged;
    queue:
        a_waiting_job_is_one_job_and_the_earlier_due_wins,
        a_lane_runs_one_job_at_a_time,
        a_running_job_does_not_count_as_waiting,
        a_snooze_is_not_cut_short_but_can_be_ended,
        a_lost_lease_loses_the_claim,
        claims_come_in_order_of_due,
        a_worker_of_syncs_leaves_other_jobs_alone,
        deliveries_are_claimed_apart_from_other_jobs,
        two_workers_never_share_a_job_or_a_lane;
    requests:
        an_idempotency_key_runs_once,
        a_kept_answer_ends_with_the_contact_it_quotes,
        an_abandoned_or_old_key_runs_again,
        a_bucket_gives_no_more_than_it_holds,
        a_vendor_budget_is_kept_until_nobody_uses_it,
        a_webhook_is_received_once,
        a_webhook_that_cannot_be_taken_in_is_put_off_and_set_aside,
        the_audit_comes_newest_first;
}
