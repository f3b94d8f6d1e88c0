use engine::ids::Millis;
use engine::states::MemberState;

use super::*;
use crate::ports::{Member, MemberStatus};
use crate::testing::worker::house::uid;

const ME: Incarnation = Incarnation(1);
const WORKER: Incarnation = Incarnation(7);

fn life(incarnation: Incarnation) -> MemberStatus {
    let member = Member {
        incarnation,
        name: format!("n{incarnation}"),
        host: format!("n{incarnation}:1"),
        roles: vec!["master".to_owned(), "worker".to_owned()],
        state: MemberState::Active,
        joined_at: Millis(0),
        slots: 4,
        worker_group: "default".to_owned(),
        version: "1".to_owned(),
    };
    MemberStatus {
        member,
        beat_age_ms: 0,
    }
}

async fn pass(ms: u64) {
    tokio::time::advance(Duration::from_millis(ms)).await;
}

fn held(renewals: &LeaseGrants, epoch: i64) -> Option<u128> {
    let held = renewals.held_for(uid(1), Epoch(epoch), WORKER);
    held.map(|held| held.as_millis())
}

#[actix::test]
async fn a_master_grants_only_while_it_read_a_moment_ago_that_both_lives_go_on() {
    tokio::time::pause();
    let peers = Peers::default();
    let renewals = LeaseGrants::among(ME, peers.clone());
    assert!(!renewals.may_grant(WORKER), "nothing was read yet");
    let asked = Instant::now();
    pass(2_000).await;
    peers.update(vec![life(ME), life(WORKER)], asked);
    assert!(renewals.may_grant(WORKER));
    assert!(!renewals.may_grant(Incarnation(8)), "nobody that lives");
    pass(3_000).await;
    assert!(renewals.may_grant(WORKER));
    pass(1).await;
    assert!(!renewals.may_grant(WORKER), "asked for more than 5 s ago");
    peers.update(vec![life(WORKER)], Instant::now());
    assert!(!renewals.may_grant(WORKER), "this life is over");
    peers.update(vec![life(ME)], Instant::now());
    assert!(!renewals.may_grant(WORKER), "that life is over");
}

#[actix::test]
async fn the_only_master_always_grants() {
    assert!(LeaseGrants::alone().may_grant(WORKER));
}

#[actix::test]
async fn a_loss_is_held_back_until_25_s_after_the_last_renewal() {
    tokio::time::pause();
    let renewals = LeaseGrants::alone();
    renewals.granted(uid(1), Epoch(3));
    pass(10_000).await;
    assert_eq!(held(&renewals, 3), Some(15_000));
    renewals.granted(uid(1), Epoch(3));
    pass(24_999).await;
    assert_eq!(held(&renewals, 3), Some(1));
    pass(1).await;
    assert_eq!(held(&renewals, 3), None);
}

#[actix::test]
async fn without_a_renewal_in_this_epoch_it_is_held_back_until_30_s_after_the_end_of_the_life_is_known() {
    tokio::time::pause();
    let renewals = LeaseGrants::alone();
    // Between the two epochs another master owned it, and granted leases that this one has not heard of.
    renewals.granted(uid(1), Epoch(3));
    pass(24_000).await;
    renewals.is_over(WORKER);
    pass(10_000).await;
    assert_eq!(held(&renewals, 5), Some(20_000));
    assert_eq!(held(&renewals, 5), Some(20_000), "asking again changes nothing");
    pass(20_000).await;
    assert_eq!(held(&renewals, 5), None);
}

#[actix::test]
async fn a_life_that_nobody_spoke_of_is_over_from_the_first_question_on() {
    tokio::time::pause();
    let renewals = LeaseGrants::alone();
    assert_eq!(held(&renewals, 1), Some(30_000));
    pass(30_000).await;
    assert_eq!(held(&renewals, 1), None);
}
