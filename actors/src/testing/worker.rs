//! The protocol between masters and a worker as one suite of cases, over any transport.

mod capacity_cases;
pub mod cases;
pub(crate) mod fakes;
pub(crate) mod test_worker;

use std::sync::Arc;

use async_trait::async_trait;
use engine::ids::Incarnation;

use ports::rpc::client::RpcClient;
use ports::rpc::transport::Transport;

/// The transport between a worker and its masters.
#[async_trait(?Send)]
pub trait TransportUnderTest {
    /// Returns the way to the masters for the worker incarnation `from`. The masters of the cases are the incarnations
    /// 1, 2 and 3.
    async fn to_masters(&self, from: Incarnation, masters: Arc<dyn Transport>) -> RpcClient;

    /// Returns the way to a worker incarnation for its masters.
    async fn to_worker(&self, to: Incarnation, worker: Arc<dyn Transport>) -> RpcClient;
}

/// A transport in which a message is a call.
#[derive(Debug, Clone, Copy)]
pub struct NoTransport;

#[async_trait(?Send)]
impl TransportUnderTest for NoTransport {
    async fn to_masters(&self, _: Incarnation, masters: Arc<dyn Transport>) -> RpcClient {
        RpcClient::new(masters)
    }

    async fn to_worker(&self, _: Incarnation, worker: Arc<dyn Transport>) -> RpcClient {
        RpcClient::new(worker)
    }
}

/// Makes one test of each case, over the transport that an expression makes for each.
#[macro_export]
macro_rules! worker_protocol {
    ($transport:expr) => {
        $crate::worker_protocol! { $transport =>
            a_short_task_reports_once_and_is_journaled_from_start_to_end,
            a_long_task_reports_its_start_and_then_its_end,
            the_documented_names_are_in_the_environment_and_cannot_be_forged,
            a_uid_that_is_sent_again_is_accepted_and_starts_once,
            beyond_its_slots_it_refuses_and_remembers_that_it_did,
            a_dispatch_for_another_incarnation_is_not_accepted,
            an_older_epoch_is_refused_for_every_kind_of_message,
            a_kill_ends_the_attempt_and_its_end_is_reported_as_killed,
            a_kill_for_time_is_reported_as_timed_out,
            a_kill_of_an_unknown_uid_tombstones_it,
            an_end_that_is_not_stored_yet_is_reported_again,
            after_a_move_the_end_goes_to_the_new_owner,
            a_new_owner_gets_the_end_that_the_dead_one_could_not_store,
            ends_that_come_together_travel_together,
            when_the_journal_cannot_be_written_nothing_starts_and_the_refusal_says_why,
            a_task_that_cannot_be_started_fails_with_the_reason,
            a_master_that_polled_no_slot_is_notified_when_one_is_free,
            a_new_incarnation_kills_what_was_left_and_knows_what_had_ended,
            a_result_of_an_earlier_incarnation_is_delivered_by_the_next,
            an_exclusive_attempt_starts_with_the_lease_that_its_owner_grants,
            a_drain_accepts_nothing_new_and_waits_until_ends_are_stored,
            an_attempt_whose_actor_panics_has_its_leftovers_killed_and_fails
        }
    };
    ($transport:expr => $($case:ident),+) => {
        $(
            #[actix_rt::test]
            async fn $case() {
                $crate::testing::worker::cases::$case(&$transport).await;
            }
        )+
    };
}
