//! One set of tests for everything that calls itself a registry, and what only a real Consul can show.

mod agent;
mod cases;
mod faults;
mod outage;
mod secured;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use actors::testing::registry::FaultyRegistry;
use engine::ids::{Incarnation, Timestamp};
use engine::states::MemberState;
use porpoise::registry::LocalRegistry;
use ports::{Member, Registry};

/// Tests share one Consul, so no two members may be the same.
static NEXT_INCARNATION: AtomicI64 = AtomicI64::new(1);

/// A member that no other test uses.
fn new_member() -> Member {
    let incarnation = NEXT_INCARNATION.fetch_add(1, Ordering::Relaxed);
    Member {
        incarnation: Incarnation(incarnation),
        name: format!("n{incarnation}"),
        host: format!("127.0.0.1:{}", 10_000 + incarnation),
        roles: vec!["master".to_owned(), "api".to_owned()],
        state: MemberState::Active,
        joined_at: Timestamp(0),
        slots: 0,
        worker_group: "default".to_owned(),
        version: "test".to_owned(),
    }
}

fn local() -> Arc<dyn Registry> {
    Arc::new(LocalRegistry::default())
}

macro_rules! conformance {
    ($($case:ident),+ $(,)?) => {
        mod on_consul {
            $(
                #[tokio::test]
                async fn $case() {
                    if let Some(agent) = super::agent::shared() {
                        super::cases::$case(&*agent.registry()).await;
                    }
                }
            )+
        }

        mod in_process {
            $(
                #[tokio::test]
                async fn $case() {
                    super::cases::$case(&*super::local()).await;
                }
            )+
        }

        mod on_the_faulty_one_without_faults {
            $(
                #[tokio::test]
                async fn $case() {
                    super::cases::$case(&super::FaultyRegistry::new(super::local())).await;
                }
            )+
        }
    };
}

conformance! {
    a_member_is_present_from_its_first_heartbeat_on,
    a_member_without_heartbeats_is_gone_when_its_lease_ends,
    a_member_with_heartbeats_stays,
    a_heartbeat_of_an_unregistered_member_is_refused,
    a_new_incarnation_drops_the_older_one_of_its_host,
    a_late_registration_drops_no_newer_incarnation,
    a_member_that_leaves_is_gone_at_once,
    registering_again_keeps_a_member,
    a_watch_without_changes_answers_after_its_wait,
    a_watch_that_may_not_wait_answers_at_once,
}
