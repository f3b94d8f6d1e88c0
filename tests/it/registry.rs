//! One set of tests for everything that calls itself a registry, and what only a real Consul can show.

mod agent;
mod cases;
mod faults;
mod outage;
mod secured;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use actors::ports::{Member, Registry};
use actors::testing::registry::FaultyRegistry;
use engine::ids::{Incarnation, Timestamp};
use engine::states::MemberState;
use porpoise::registry::LocalRegistry;

/// Tests share one Consul, so no two lives may be the same.
static LIVES: AtomicI64 = AtomicI64::new(1);

/// A life that no other test knows.
fn life() -> Member {
    let incarnation = LIVES.fetch_add(1, Ordering::Relaxed);
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
    a_life_is_present_from_its_first_beat_on,
    a_life_that_stops_beating_is_gone_when_its_lease_is_over,
    a_life_that_beats_stays,
    a_beat_of_a_life_that_is_not_registered_says_so,
    a_new_life_drops_the_older_one_of_its_host,
    a_late_registration_drops_no_newer_life,
    a_life_that_leaves_is_gone_at_once,
    registering_again_keeps_a_life,
    a_watch_without_news_answers_after_its_wait,
    a_watch_that_may_not_wait_answers_at_once,
}
