//! One set of tests for everything that calls itself a store: SQLite, PostgreSQL, and the fake of the tests.

/// Runs cases of the file that calls it on both databases.
macro_rules! on_both_databases {
    ($($case:ident),+ $(,)?) => {
        mod on_sqlite {
            $(
                #[tokio::test]
                async fn $case() {
                    super::$case(&crate::store::store_under_test::Database::on_sqlite().await).await;
                }
            )+
        }

        mod on_postgres {
            $(
                #[tokio::test]
                async fn $case() {
                    if let Some(database) = crate::store::store_under_test::Database::on_postgres().await {
                        super::$case(&database).await;
                    }
                }
            )+
        }
    };
}

mod alerts;
pub(crate) mod cases;
mod children;
mod claims;
mod dependencies;
mod entities;
mod guards;
mod limits;
mod members;
mod metrics;
mod places;
mod races;
mod retention;
mod schedules;
mod schema;
pub(crate) mod store_under_test;
mod timeline;

macro_rules! conformance {
    ($($module:ident :: { $($case:ident),+ $(,)? })+) => {
        mod on_sqlite {
            $($(
                #[tokio::test]
                async fn $case() {
                    super::$module::$case(&super::store_under_test::Database::on_sqlite().await).await;
                }
            )+)+
        }

        mod on_postgres {
            $($(
                #[tokio::test]
                async fn $case() {
                    if let Some(subject) = super::store_under_test::Database::on_postgres().await {
                        super::$module::$case(&subject).await;
                    }
                }
            )+)+
        }

        mod on_the_fake {
            $($(
                #[tokio::test]
                async fn $case() {
                    super::$module::$case(&super::store_under_test::Fake::new()).await;
                }
            )+)+
        }
    };
}

conformance! {
    cases::{
        a_new_life_ends_every_other_one,
        a_member_only_moves_forward,
        a_heartbeat_answers_the_clock_and_the_state,
        a_new_instance_of_an_active_owner_is_owned_from_birth,
        a_new_instance_of_an_owner_that_is_not_active_has_none,
        ids_grow,
        a_repeated_request_key_answers_the_same_instance,
        a_request_key_with_another_body_is_refused,
        one_key_twice_in_a_batch_makes_one_instance,
        what_is_stored_is_loaded_again,
        a_changed_start_is_loaded_with_its_instance,
        a_new_instance_has_the_rows_that_it_takes_over,
        load_wants_the_owner_and_the_epoch,
        many_are_loaded_together_and_each_has_its_own,
        a_stale_entry_fails_alone,
        a_poisonous_entry_fails_alone,
        coming_to_rest_takes_the_owner_away,
        a_decided_verb_is_marked_in_the_same_commit,
        a_reset_sends_rows_back_to_pending,
        a_lost_attempt_is_closed_before_the_next_one_opens,
        an_unapplied_verb_is_read_in_order,
    }
    claims::{
        a_member_that_is_not_active_claims_nothing,
        a_new_instance_without_owner_is_claimed_to_start,
        a_dead_owner_is_followed_with_its_host,
        the_next_life_of_a_node_claims_as_a_restart,
        a_living_owner_keeps_its_instances,
        a_verb_that_applies_wakes_an_instance_at_rest,
        a_verb_that_cannot_apply_is_refused_at_rest,
        a_verb_of_another_run_is_refused_at_rest,
        only_the_asked_instance_is_claimed,
        the_limit_of_a_claim_holds,
        claims_without_progress_end_in_attention,
        progress_clears_the_count_of_claims,
    }
    members::{
        a_life_supersedes_those_with_its_name_or_host,
        the_first_secret_is_the_cluster_s,
        those_who_live_are_seen_with_their_silence,
        an_active_member_declares_a_life_dead_for_good,
        a_heartbeat_since_the_reading_prevents_the_declaration,
        a_take_over_is_noted_once_for_each_pair,
        instances_are_handed_over_one_by_one,
        a_hand_over_is_no_claim_without_progress,
        nothing_is_handed_to_anybody_but_an_active_master,
        owners_are_listed_with_their_state,
        results_are_kept_while_their_attempts_are_open,
        a_kept_result_wakes_nobody,
    }
}
