//! What users read and change, on SQLite and on PostgreSQL.

mod backfills;
mod bulk;
mod channels;
mod commands;
mod explanations;
mod fixture;
mod instances;
mod nodes;
mod people;
mod projects;
mod secrets;
mod task_instances;
mod triggers;
mod workflows;

macro_rules! on_both {
    ($($module:ident :: { $($case:ident),+ $(,)? })+) => {
        mod on_sqlite {
            $($(
                #[tokio::test]
                async fn $case() {
                    super::$module::$case(&super::fixture::CatalogFixture::on_sqlite().await).await;
                }
            )+)+
        }

        mod on_postgres {
            $($(
                #[tokio::test]
                async fn $case() {
                    if let Some(fixture) = super::fixture::CatalogFixture::on_postgres().await {
                        super::$module::$case(&fixture).await;
                    }
                }
            )+)+
        }
    };
}

on_both! {
    secrets::{
        a_secret_is_stored_sealed_and_without_a_key_it_is_not,
        an_attempt_keeps_what_it_was_given,
        gaps_are_named_and_only_owners_are_given_values,
        a_rotation_encrypts_everything_and_another_node_continues_it,
        a_rotation_without_an_old_key_is_refused_with_its_name,
    }
    projects::{
        the_project_default_exists_and_stays,
        a_project_is_edited_and_deleted_and_its_name_is_free_again,
        a_project_with_a_workflow_stays,
        projects_are_paged_by_name_and_only_granted_ones_are_seen,
        a_change_and_its_audit_row_are_stored_together,
        a_request_key_stands_for_what_it_made,
        two_requests_with_one_key_at_once_make_one_thing,
        keys_older_than_a_day_are_forgotten,
    }
    workflows::{
        a_put_creates_then_changes_or_leaves,
        concurrent_puts_get_a_version_each,
        concurrent_first_puts_of_one_model_make_one_version,
        a_put_under_a_condition_that_does_not_hold_stores_nothing,
        a_check_says_what_a_put_would_do_and_stores_nothing,
        a_version_is_read_whole,
        versions_are_paged_newest_first,
        a_workflow_with_an_open_instance_stays,
        a_deleted_workflow_begins_anew,
        a_start_finds_the_newest_version_or_the_given_one,
        a_disabled_workflow_is_not_started,
    }
    people::{
        a_token_tells_its_holder_until_it_expires_or_is_deleted,
        an_edit_that_changes_something_revokes_every_token,
        a_disabled_user_gets_no_token,
        the_last_admin_stays,
        the_first_start_makes_one_admin_however_often_it_is_asked,
        a_grant_is_given_changed_and_taken_back,
        a_deleted_user_leaves_no_token,
        tokens_are_listed_without_sessions_and_those_of_others,
    }
    instances::{
        an_instance_is_shown_whole,
        who_rests_is_shown_without_an_owner_also_while_one_decides_its_verb,
        a_moving_instance_says_what_became_of_its_owner,
        instances_are_listed_newest_first_by_every_filter,
        instances_are_paged_by_a_cursor_of_their_own,
        instances_of_projects_without_a_grant_are_not_listed,
        every_task_is_listed_in_the_order_of_the_definition,
        a_task_is_read_with_its_attempts,
        history_is_paged_oldest_first_with_the_names_of_tasks,
        ownership_says_whether_an_owner_lives_or_is_on_its_way,
        only_a_final_instance_without_a_verb_is_deleted,
        a_delete_requests_of_each_worker_to_remove_the_logs,
    }
    triggers::{
        every_trigger_is_shown_as_it_was_stored,
        labels_are_deleted_with_their_instance,
        every_filter_selects_alone_and_with_others,
    }
    backfills::{
        a_date_and_its_instance_are_one_commit,
        of_two_masters_that_decide_at_once_one_is_stored,
        a_date_follows_its_newest_instance,
        an_instance_that_exists_is_found_by_the_policy,
        a_retry_does_not_skip_for_its_own_instances,
        what_changed_since_the_decision_makes_it_stale,
        a_date_that_is_taken_by_hand_is_not_started,
        a_cancel_stops_what_runs_in_its_transaction,
        a_workflow_with_an_open_backfill_stays,
        backfills_are_listed_by_state_and_their_dates_in_pages,
        the_store_agrees_with_the_model_on_random_walks,
    }
    bulk::{
        an_operation_continues_on_another_node_and_acts_once,
        a_refusal_of_the_owner_counts_as_one,
        each_instance_is_checked_for_what_its_user_may_do,
        an_operation_without_instances_has_ended,
    }
    channels::{
        a_channel_of_the_project_goes_before_a_shared_one,
        a_secret_is_sealed_for_its_row,
        what_a_project_had_goes_with_it,
    }
    explanations::{
        a_task_without_a_slot_names_its_holder,
        holders_of_other_projects_are_counted_without_their_names,
        an_instance_without_a_living_owner_waits_for_one,
        what_does_not_exist_is_not_explained,
    }
    task_instances::{
        tasks_with_an_attempt_are_listed_the_last_started_first,
        pages_of_tasks_neither_skip_nor_repeat,
        tasks_of_projects_without_a_grant_are_not_listed,
    }
    commands::{
        a_verb_waits_in_the_inbox_for_the_run_that_was_read,
        a_verb_that_cannot_apply_stores_nothing,
        a_verb_on_something_unknown_is_not_found,
        a_repeated_verb_is_known_by_its_key,
    }
    nodes::{
        a_node_is_listed_with_what_it_owns_and_runs,
        a_life_that_ended_is_listed_for_a_day,
        nodes_are_listed_in_pages,
        take_overs_are_listed_newest_first,
        the_database_tells_what_it_is,
    }
}
