//! Taking over, waking up, giving up.

use engine::ids::{Epoch, InstanceId, Timestamp};
use engine::instance::Changes;
use engine::states::{Command, InstanceState, MemberState, OperationStatus, OwnershipReason};
use ports::{Claim, ClaimedInstance, NodeIdentity};

use super::cases::{create, header, round, store};
use super::store_under_test::{StoreUnderTest, join, load};

fn by(me: &NodeIdentity) -> Claim {
    Claim {
        claimant: me.clone(),
        only: None,
        limit: 100,
        at: Timestamp(3_000),
    }
}

async fn claim(subject: &dyn StoreUnderTest, claim: &Claim) -> Vec<ClaimedInstance> {
    subject.store().claim_instances(claim).await.expect("an answer")
}

async fn bring_to(subject: &dyn StoreUnderTest, me: &NodeIdentity, id: InstanceId, state: InstanceState) {
    let rests = Changes {
        record: Some(header(state)),
        releases_owner: true,
        ..Changes::default()
    };
    store(subject, round(me, id, 0, rests)).await;
}

pub(crate) async fn a_member_that_is_not_active_claims_nothing(subject: &dyn StoreUnderTest) {
    let me = join(subject, "one", "h1").await;
    create(subject, None).await;
    let draining = subject
        .store()
        .set_member_state(me.incarnation, MemberState::Draining);
    draining.await.unwrap();
    assert_eq!(claim(subject, &by(&me)).await, []);
}

pub(crate) async fn a_new_instance_without_owner_is_claimed_to_start(subject: &dyn StoreUnderTest) {
    let me = join(subject, "one", "h1").await;
    let id = create(subject, None).await;
    let claimed = claim(subject, &by(&me)).await;
    let expected = ClaimedInstance {
        id,
        epoch: Epoch(1),
        reason: OwnershipReason::Start,
        from_owner: None,
        from_host: None,
    };
    assert_eq!(claimed, [expected]);
    let loaded = load(subject.store(), id, me.incarnation, Epoch(1)).await.unwrap();
    assert_eq!(loaded.rows.record.reason, None, "it no longer waits for a master");
    assert_eq!(
        subject.owner_log(id).await,
        [(1, me.incarnation.0, None, "start".to_owned())]
    );
    assert_eq!(claim(subject, &by(&me)).await, [], "once is enough");
}

pub(crate) async fn a_dead_owner_is_followed_with_its_host(subject: &dyn StoreUnderTest) {
    let first = join(subject, "one", "h1").await;
    let id = create(subject, Some(&first)).await;
    let second = join(subject, "two", "h2").await;
    let claimed = claim(subject, &by(&second)).await;
    let expected = ClaimedInstance {
        id,
        epoch: Epoch(2),
        reason: OwnershipReason::Failover,
        from_owner: Some(first.incarnation),
        from_host: Some("h1".to_owned()),
    };
    assert_eq!(claimed, [expected]);
    let owned = subject.owned(id).await;
    assert_eq!(
        (owned.owner, owned.host.as_deref(), owned.epoch),
        (Some(second.incarnation), Some("h2"), 2)
    );
    let log = subject.owner_log(id).await;
    assert_eq!(
        log[1],
        (
            2,
            second.incarnation.0,
            Some("h1".to_owned()),
            "failover".to_owned()
        )
    );
    let late = store(subject, round(&first, id, 0, Changes::default())).await;
    assert_eq!(late, ports::WriteOutcome::Stale);
}

pub(crate) async fn the_next_life_of_a_node_claims_as_a_restart(subject: &dyn StoreUnderTest) {
    let first = join(subject, "one", "h1").await;
    create(subject, Some(&first)).await;
    let again = join(subject, "one", "h1").await;
    let claimed = claim(subject, &by(&again)).await;
    assert_eq!(claimed.len(), 1);
    assert_eq!(claimed[0].reason, OwnershipReason::Restart);
    assert_eq!(claimed[0].from_host.as_deref(), Some("h1"));
}

pub(crate) async fn a_living_owner_keeps_its_instances(subject: &dyn StoreUnderTest) {
    let first = join(subject, "one", "h1").await;
    let id = create(subject, Some(&first)).await;
    let second = subject.add_member("two", "h2").await;
    assert_eq!(claim(subject, &by(&second)).await, []);
    subject.ask(id, Command::Pause, 1).await;
    assert_eq!(claim(subject, &by(&second)).await, [], "a verb goes to the owner");
    let draining = subject
        .store()
        .set_member_state(first.incarnation, MemberState::Draining);
    draining.await.unwrap();
    assert_eq!(
        claim(subject, &by(&second)).await,
        [],
        "a draining member is alive"
    );
    let left = subject
        .store()
        .set_member_state(first.incarnation, MemberState::Left);
    left.await.unwrap();
    assert_eq!(claim(subject, &by(&second)).await.len(), 1);
}

pub(crate) async fn a_verb_that_applies_wakes_an_instance_at_rest(subject: &dyn StoreUnderTest) {
    let me = join(subject, "one", "h1").await;
    for (state, verb, why) in [
        (InstanceState::Paused, Command::Resume, OwnershipReason::Resume),
        (InstanceState::Paused, Command::Stop, OwnershipReason::Stop),
        (InstanceState::Failed, Command::Recover, OwnershipReason::Recover),
        (InstanceState::Succeeded, Command::Rerun, OwnershipReason::Rerun),
        (
            InstanceState::Stopped,
            Command::ForceSuccess,
            OwnershipReason::ForceSuccess,
        ),
    ] {
        let id = create(subject, Some(&me)).await;
        bring_to(subject, &me, id, state).await;
        assert_eq!(claim(subject, &by(&me)).await, [], "{state} rests");
        subject.ask(id, Command::Pause, 1).await;
        assert_eq!(
            claim(subject, &by(&me)).await,
            [],
            "pause cannot apply to {state}"
        );
        subject.ask(id, verb, 1).await;
        let claimed = claim(subject, &by(&me)).await;
        let expected = ClaimedInstance {
            id,
            epoch: Epoch(2),
            reason: why,
            from_owner: None,
            from_host: None,
        };
        assert_eq!(claimed, [expected], "{state} {verb}");
    }
}

pub(crate) async fn a_verb_that_cannot_apply_is_refused_at_rest(subject: &dyn StoreUnderTest) {
    let me = join(subject, "one", "h1").await;
    let id = create(subject, Some(&me)).await;
    let early = subject.ask(id, Command::Recover, 1).await;
    subject
        .store()
        .refuse_inapplicable_commands(id, Timestamp(4_000))
        .await
        .unwrap();
    assert_eq!(
        subject.outcome(early).await.0,
        OperationStatus::Pending,
        "its owner decides"
    );
    bring_to(subject, &me, id, InstanceState::Succeeded).await;
    let rerun = subject.ask(id, Command::Rerun, 1).await;
    subject
        .store()
        .refuse_inapplicable_commands(id, Timestamp(4_000))
        .await
        .unwrap();
    let (outcome, detail) = subject.outcome(early).await;
    assert_eq!(outcome, OperationStatus::Refused);
    let detail = detail.unwrap();
    assert!(
        detail.contains("succeeded") && detail.contains("rerun"),
        "{detail}"
    );
    assert_eq!(subject.outcome(rerun).await.0, OperationStatus::Pending);
    assert_eq!(subject.owned(id).await.epoch, 1, "no claim was needed");
}

pub(crate) async fn a_verb_of_another_run_is_refused_at_rest(subject: &dyn StoreUnderTest) {
    let me = join(subject, "one", "h1").await;
    let id = create(subject, Some(&me)).await;
    bring_to(subject, &me, id, InstanceState::Failed).await;
    let late = subject.ask(id, Command::Recover, 7).await;
    assert_eq!(claim(subject, &by(&me)).await, []);
    subject
        .store()
        .refuse_inapplicable_commands(id, Timestamp(4_000))
        .await
        .unwrap();
    assert_eq!(subject.outcome(late).await.0, OperationStatus::Refused);
}

pub(crate) async fn only_the_asked_instance_is_claimed(subject: &dyn StoreUnderTest) {
    let me = join(subject, "one", "h1").await;
    create(subject, None).await;
    let asked = create(subject, None).await;
    let only = Claim {
        only: Some(asked),
        ..by(&me)
    };
    let claimed = claim(subject, &only).await;
    assert_eq!(claimed.iter().map(|c| c.id).collect::<Vec<_>>(), [asked]);
}

pub(crate) async fn the_limit_of_a_claim_holds(subject: &dyn StoreUnderTest) {
    let first = join(subject, "one", "h1").await;
    for _ in 0..3 {
        create(subject, Some(&first)).await;
        create(subject, None).await;
    }
    let second = join(subject, "two", "h2").await;
    let some = Claim {
        limit: 4,
        ..by(&second)
    };
    assert_eq!(claim(subject, &some).await.len(), 4);
    assert_eq!(claim(subject, &some).await.len(), 2);
}

pub(crate) async fn claims_without_progress_end_in_attention(subject: &dyn StoreUnderTest) {
    let first = join(subject, "life-0", "h").await;
    let id = create(subject, Some(&first)).await;
    for life in 1..=5 {
        let me = join(subject, &format!("life-{life}"), "h").await;
        assert_eq!(claim(subject, &by(&me)).await.len(), 1, "{life}");
    }
    let last = join(subject, "last", "h").await;
    let pause = subject.ask(id, Command::Pause, 1).await;
    assert_eq!(claim(subject, &by(&last)).await, []);
    let owned = subject.owned(id).await;
    assert_eq!((owned.owner, owned.attention, owned.epoch), (None, true, 6));
    assert_eq!(subject.outcome(pause).await.0, OperationStatus::Refused);
    assert_eq!(claim(subject, &by(&last)).await, [], "it waits for a person");
    subject.ask(id, Command::Resume, 1).await;
    assert_eq!(
        claim(subject, &by(&last)).await[0].reason,
        OwnershipReason::Resume
    );
}

pub(crate) async fn progress_clears_the_count_of_claims(subject: &dyn StoreUnderTest) {
    let first = join(subject, "life-0", "h").await;
    let id = create(subject, Some(&first)).await;
    for life in 1..=12 {
        let me = join(subject, &format!("life-{life}"), "h").await;
        assert_eq!(claim(subject, &by(&me)).await.len(), 1, "{life}");
        subject.store().clear_claims(me.incarnation, &[id]).await.unwrap();
    }
}
