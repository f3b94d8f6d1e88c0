//! What confirms a death, and what does not.

use std::collections::BTreeSet;

use async_trait::async_trait;
use engine::ids::Timestamp;
use engine::states::MemberState;

use super::*;
use crate::ownership::heartbeat_watch::{WATCH_TIME, WATCH_TIME_AFTER_PAUSE};
use crate::testing::store::FakeStore;
use ports::rpc::calls::{Call, NodeReply, Reply};
use ports::rpc::transport::{CallError, Destination, Transport};
use ports::{DB_HEARTBEAT_INTERVAL, Member, RegistryError, View};

const SUSPECT: Incarnation = Incarnation(1);
const CAUSES: [SuspicionCause; 3] = [
    SuspicionCause::NotShown,
    SuspicionCause::ConnectionLost,
    SuspicionCause::HeartbeatOnly,
];

/// A registry that shows no member.
struct EmptyRegistry;

#[async_trait]
impl Registry for EmptyRegistry {
    async fn register(&self, _: &Member) -> Result<(), RegistryError> {
        Ok(())
    }

    async fn heartbeat(&self, _: Incarnation) -> Result<(), RegistryError> {
        Ok(())
    }

    async fn watch(&self, _: u64, _: Duration) -> Result<View, RegistryError> {
        self.confirm().await
    }

    async fn confirm(&self) -> Result<View, RegistryError> {
        Ok(View {
            index: 1,
            present: BTreeSet::new(),
        })
    }

    async fn deregister(&self, _: Incarnation) -> Result<(), RegistryError> {
        Ok(())
    }
}

/// A path on which every ping has the same outcome.
struct UniformPath(PingOutcome);

#[async_trait]
impl Transport for UniformPath {
    async fn call(&self, to: Destination, _: Call) -> Result<Reply, CallError> {
        match self.0 {
            PingOutcome::Alive(incarnation) => Ok(Reply::Node(NodeReply::Alive { incarnation })),
            PingOutcome::Refused => Err(CallError::Refused(to.to_string())),
            PingOutcome::Silent => Err(CallError::NoAnswer(to.to_string())),
        }
    }
}

/// One suspect in a store.
struct Suspicion {
    store: FakeStore,
    evidence: FailureEvidence,
}

impl Suspicion {
    fn new(cause: SuspicionCause) -> Self {
        let store = FakeStore::default();
        store.set_now(Timestamp(1_000_000));
        let identity = store.add_member("m1", "m1:7071");
        let member = Member {
            incarnation: identity.incarnation,
            name: identity.name,
            host: identity.host,
            roles: vec!["master".to_owned()],
            state: MemberState::Active,
            joined_at: Timestamp(0),
            slots: 0,
            worker_group: "default".to_owned(),
            version: "1".to_owned(),
        };
        assert_eq!(member.incarnation, SUSPECT);
        let evidence = FailureEvidence {
            cause,
            suspect: MemberStatus {
                member,
                heartbeat_age_ms: 0,
            },
            watch_time: WATCH_TIME,
        };
        Self { store, evidence }
    }

    /// Lets the suspect store heartbeats.
    fn store_heartbeats(&self) {
        let store = self.store.clone();
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(DB_HEARTBEAT_INTERVAL).await;
                store.record_heartbeat(SUSPECT).await.expect("a fake store");
            }
        });
    }

    /// Asks the witnesses; also returns how long they took.
    async fn confirm(&self, path: PingOutcome) -> (Liveness, Duration) {
        let began = Instant::now();
        let rpc = RpcClient::new(std::sync::Arc::new(UniformPath(path)));
        let witnesses = Witnesses {
            store: &self.store,
            registry: &EmptyRegistry,
            rpc: &rpc,
        };
        let liveness = confirm_death(witnesses, &self.evidence)
            .await
            .expect("a fake store");
        (liveness, began.elapsed())
    }
}

#[tokio::test(start_paused = true)]
async fn a_member_whose_heartbeats_continue_is_alive_whatever_its_address_answers() {
    for cause in CAUSES {
        for path in [
            PingOutcome::Refused,
            PingOutcome::Alive(SUSPECT),
            PingOutcome::Alive(Incarnation(9)),
        ] {
            let suspicion = Suspicion::new(cause);
            suspicion.store.age_heartbeat(SUSPECT, 450);
            suspicion.store_heartbeats();
            assert_eq!(
                suspicion.confirm(path).await.0,
                Liveness::Alive,
                "{cause:?} {path:?}"
            );
        }
    }
    for cause in [SuspicionCause::NotShown, SuspicionCause::HeartbeatOnly] {
        let suspicion = Suspicion::new(cause);
        suspicion.store_heartbeats();
        let (liveness, _) = suspicion.confirm(PingOutcome::Silent).await;
        assert_eq!(liveness, Liveness::Alive, "{cause:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_answers_to_pings_decide_how_long_a_heartbeat_must_be_missing() {
    let cases = [
        (SuspicionCause::ConnectionLost, PingOutcome::Refused, 900),
        (SuspicionCause::NotShown, PingOutcome::Refused, 900),
        (SuspicionCause::NotShown, PingOutcome::Silent, 2_000),
        (SuspicionCause::NotShown, PingOutcome::Alive(SUSPECT), 4_000),
        (SuspicionCause::HeartbeatOnly, PingOutcome::Silent, 30_000),
    ];
    for (cause, path, silence_ms) in cases {
        let (liveness, took) = Suspicion::new(cause).confirm(path).await;
        assert!(
            matches!(liveness, Liveness::Dead { heartbeats: 0, .. }),
            "{cause:?} {path:?}: {liveness:?}"
        );
        let silence = Duration::from_millis(silence_ms);
        assert!(
            (silence..silence + READ_INTERVAL).contains(&took),
            "{cause:?} {path:?}: {took:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_heartbeat_that_was_already_missing_shortens_the_wait() {
    let suspicion = Suspicion::new(SuspicionCause::ConnectionLost);
    suspicion.store.age_heartbeat(SUSPECT, 300);
    let (liveness, took) = suspicion.confirm(PingOutcome::Refused).await;
    assert!(matches!(liveness, Liveness::Dead { .. }), "{liveness:?}");
    assert!(took < Duration::from_millis(700), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_broken_connection_alone_proves_nothing() {
    for path in [PingOutcome::Silent, PingOutcome::Alive(SUSPECT)] {
        let (liveness, _) = Suspicion::new(SuspicionCause::ConnectionLost).confirm(path).await;
        assert!(
            !matches!(liveness, Liveness::Dead { .. }),
            "{path:?}: {liveness:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_pause_of_the_store_a_member_has_time_for_its_next_heartbeat() {
    let mut suspicion = Suspicion::new(SuspicionCause::ConnectionLost);
    suspicion.store.age_heartbeat(SUSPECT, 20_000);
    suspicion.evidence.watch_time = WATCH_TIME_AFTER_PAUSE;
    let (_, took) = suspicion.confirm(PingOutcome::Refused).await;
    assert!(took >= WATCH_TIME_AFTER_PAUSE, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_suspect_that_has_ended_needs_no_declaration() {
    let suspicion = Suspicion::new(SuspicionCause::ConnectionLost);
    suspicion
        .store
        .set_member_state(SUSPECT, MemberState::Left)
        .await
        .expect("a step forward");
    let (liveness, _) = suspicion.confirm(PingOutcome::Alive(Incarnation(9))).await;
    assert_eq!(liveness, Liveness::Ended);
}

#[test]
fn a_port_that_closes_a_moment_after_the_connections_is_refused_twice_all_the_same() {
    let cause = SuspicionCause::ConnectionLost;
    let dead = |pings: &[PingOutcome]| {
        matches!(
            evaluate_pings(cause, SUSPECT, pings),
            PingVerdict::DeadAfter(SILENCE_OF_REFUSED, _)
        )
    };
    let first = [PingOutcome::Silent, PingOutcome::Refused];
    assert!(!is_enough(cause, SUSPECT, &first) && !dead(&first));
    let all = [PingOutcome::Silent, PingOutcome::Refused, PingOutcome::Refused];
    assert!(is_enough(cause, SUSPECT, &all) && dead(&all));
    assert!(!dead(&[PingOutcome::Refused, PingOutcome::Silent]));
}
