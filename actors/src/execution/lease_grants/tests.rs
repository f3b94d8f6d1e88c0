use engine::ids::Timestamp;
use engine::states::MemberState;

use super::*;
use crate::testing::worker::test_worker::uid;
use ports::{Member, MemberStatus};

const THIS_NODE: Incarnation = Incarnation(1);
const WORKER: Incarnation = Incarnation(7);

fn member(incarnation: Incarnation) -> MemberStatus {
    let member = Member {
        incarnation,
        name: format!("n{incarnation}"),
        host: format!("n{incarnation}:1"),
        roles: vec!["master".to_owned(), "worker".to_owned()],
        state: MemberState::Active,
        joined_at: Timestamp(0),
        slots: 4,
        worker_group: "default".to_owned(),
        version: "1".to_owned(),
    };
    MemberStatus {
        member,
        heartbeat_age_ms: 0,
    }
}

async fn advance(ms: u64) {
    tokio::time::advance(Duration::from_millis(ms)).await;
}

fn grace(leases: &LeaseGrants, epoch: i64) -> Option<u128> {
    let grace = leases.remaining_grace(uid(1), Epoch(epoch), WORKER);
    grace.map(|grace| grace.as_millis())
}

#[actix::test]
async fn a_master_grants_only_while_it_has_just_read_that_both_nodes_are_alive() {
    tokio::time::pause();
    let peers = Peers::default();
    let leases = LeaseGrants::clustered(THIS_NODE, peers.clone());
    assert!(!leases.can_grant(WORKER), "nothing was read yet");
    let requested_at = Instant::now();
    advance(2_000).await;
    peers.update(vec![member(THIS_NODE), member(WORKER)], requested_at);
    assert!(leases.can_grant(WORKER));
    assert!(!leases.can_grant(Incarnation(8)), "no live member");
    advance(3_000).await;
    assert!(leases.can_grant(WORKER));
    advance(1).await;
    assert!(!leases.can_grant(WORKER), "requested_at for more than 5 s ago");
    peers.update(vec![member(WORKER)], Instant::now());
    assert!(!leases.can_grant(WORKER), "this node is dead");
    peers.update(vec![member(THIS_NODE)], Instant::now());
    assert!(!leases.can_grant(WORKER), "that worker is dead");
}

#[actix::test]
async fn the_only_master_always_grants() {
    assert!(LeaseGrants::standalone().can_grant(WORKER));
}

#[actix::test]
async fn a_loss_is_deferred_until_25_s_after_the_last_renewal() {
    tokio::time::pause();
    let leases = LeaseGrants::standalone();
    leases.record_grant(uid(1), Epoch(3));
    advance(10_000).await;
    assert_eq!(grace(&leases, 3), Some(15_000));
    leases.record_grant(uid(1), Epoch(3));
    advance(24_999).await;
    assert_eq!(grace(&leases, 3), Some(1));
    advance(1).await;
    assert_eq!(grace(&leases, 3), None);
}

#[actix::test]
async fn without_a_renewal_in_this_epoch_it_is_deferred_until_30_s_after_the_death_is_known() {
    tokio::time::pause();
    let leases = LeaseGrants::standalone();
    // Between the two epochs another master owned it, and granted leases that this one does not know.
    leases.record_grant(uid(1), Epoch(3));
    advance(24_000).await;
    leases.record_death(WORKER);
    advance(10_000).await;
    assert_eq!(grace(&leases, 5), Some(20_000));
    assert_eq!(grace(&leases, 5), Some(20_000), "asking again changes nothing");
    advance(20_000).await;
    assert_eq!(grace(&leases, 5), None);
}

#[actix::test]
async fn an_unknown_death_counts_from_the_first_question() {
    tokio::time::pause();
    let leases = LeaseGrants::standalone();
    assert_eq!(grace(&leases, 1), Some(30_000));
    advance(30_000).await;
    assert_eq!(grace(&leases, 1), None);
}
