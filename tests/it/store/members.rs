//! Members: joining, being declared dead, handover, and relayed results.

use std::collections::BTreeMap;

use engine::attempt::{AttemptEnd, AttemptResult, FailureKind};
use engine::ids::{DispatchId, Epoch, Generation, Incarnation, InstanceId, Revision, Timestamp};
use engine::instance::Changes;
use engine::states::{AttemptState, Command, InstanceState, MemberState, TaskState};
use ports::{
    Claim, Declaration, DeclarationOutcome, FailoverRecord, HandOver, InstanceOwner, Join, NodeIdentity,
    Ownership, RelayedResult, StoreError, WriteOutcome,
};

use super::cases::{attempt, create, header, of_tasks, owned, round, store, task};
use super::store_under_test::{StoreUnderTest, load};

/// Joins a cluster and becomes active.
pub(crate) async fn enter(
    subject: &dyn StoreUnderTest,
    name: &str,
    host: &str,
    roles: &[&str],
) -> NodeIdentity {
    let join = Join {
        name: name.to_owned(),
        host: host.to_owned(),
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        slots: 4,
        worker_group: "default".to_owned(),
        version: "test".to_owned(),
    };
    let joined = subject.store().join_cluster(&join).await.expect("a new life");
    let active = subject
        .store()
        .set_member_state(joined.incarnation, MemberState::Active);
    active.await.expect("an active member");
    NodeIdentity {
        incarnation: joined.incarnation,
        host: join.host,
        name: join.name,
        generation: joined.generation,
    }
}

async fn enter_master(subject: &dyn StoreUnderTest, name: &str, host: &str) -> NodeIdentity {
    enter(subject, name, host, &["master"]).await
}

/// The names of those that live.
async fn living(subject: &dyn StoreUnderTest) -> Vec<String> {
    let seen = subject.store().list_live_members().await.expect("an answer");
    seen.into_iter().map(|seen| seen.member.name).collect()
}

async fn declare(subject: &dyn StoreUnderTest, me: &NodeIdentity, dead: &NodeIdentity) -> DeclarationOutcome {
    let seen = subject.store().read_heartbeat(dead.incarnation).await;
    let heartbeats = seen.expect("an answer").map_or(0, |seen| seen.count);
    declare_after(subject, me, dead, heartbeats).await
}

async fn declare_after(
    subject: &dyn StoreUnderTest,
    me: &NodeIdentity,
    dead: &NodeIdentity,
    heartbeats: i64,
) -> DeclarationOutcome {
    let declaration = Declaration {
        declared_by: me.incarnation,
        dead: dead.incarnation,
        heartbeats,
        reason: "connection refused".to_owned(),
    };
    subject
        .store()
        .declare_dead(&declaration)
        .await
        .expect("an answer")
}

async fn owner(subject: &dyn StoreUnderTest, id: InstanceId) -> InstanceOwner {
    let mut owners = subject.store().find_owners(&[id]).await.expect("an answer");
    assert_eq!(owners.len(), 1);
    owners.remove(0)
}

pub(crate) async fn a_life_supersedes_those_with_its_name_or_host(subject: &dyn StoreUnderTest) {
    enter_master(subject, "one", "h1").await;
    enter_master(subject, "two", "h2").await;
    enter_master(subject, "three", "h3").await;
    assert_eq!(living(subject).await, ["one", "two", "three"]);
    enter_master(subject, "one", "h4").await;
    assert_eq!(living(subject).await, ["two", "three", "one"], "the name");
    enter_master(subject, "four", "h2").await;
    assert_eq!(living(subject).await, ["three", "one", "four"], "the host");
    enter_master(subject, "three", "h4").await;
    assert_eq!(living(subject).await, ["four", "three"], "one of each");
}

pub(crate) async fn the_first_secret_is_the_cluster_s(subject: &dyn StoreUnderTest) {
    let store = subject.store();
    assert_eq!(store.agree_on_secret("abc").await, Ok(true));
    assert_eq!(store.agree_on_secret("abd").await, Ok(false));
    assert_eq!(
        store.agree_on_secret("abc").await,
        Ok(true),
        "the first one stays"
    );
}

pub(crate) async fn those_who_live_are_seen_with_their_silence(subject: &dyn StoreUnderTest) {
    let one = enter_master(subject, "one", "h1").await;
    let two = enter(subject, "two", "h2", &["worker", "api"]).await;
    let gone = enter_master(subject, "gone", "h3").await;
    let left = subject
        .store()
        .set_member_state(gone.incarnation, MemberState::Left);
    left.await.unwrap();
    subject.age_heartbeat(one.incarnation, 7_000).await;
    let seen = subject.store().list_live_members().await.unwrap();
    let ids: Vec<Incarnation> = seen.iter().map(|seen| seen.member.incarnation).collect();
    assert_eq!(ids, [one.incarnation, two.incarnation]);
    let silent = |place: usize| seen[place].heartbeat_age_ms;
    assert!((7_000..17_000).contains(&silent(0)), "{}", silent(0));
    assert!((0..7_000).contains(&silent(1)), "{}", silent(1));
    assert_eq!(seen[1].member.roles, ["worker", "api"]);
    assert_eq!(
        (seen[1].member.state, seen[1].member.slots),
        (MemberState::Active, 4)
    );
    subject.store().record_heartbeat(one.incarnation).await.unwrap();
    let seen = subject.store().list_live_members().await.unwrap();
    assert!(seen[0].heartbeat_age_ms < 7_000, "{}", seen[0].heartbeat_age_ms);
}

pub(crate) async fn a_heartbeat_since_the_reading_prevents_the_declaration(subject: &dyn StoreUnderTest) {
    let suspect = enter_master(subject, "suspect", "h0").await;
    let me = enter_master(subject, "one", "h1").await;
    let store = subject.store();
    let read = async || store.read_heartbeat(suspect.incarnation).await.unwrap();
    let before = read().await.expect("a live member").count;
    store.record_heartbeat(suspect.incarnation).await.unwrap();
    assert_eq!(
        declare_after(subject, &me, &suspect, before).await,
        DeclarationOutcome::HeartbeatStored
    );
    assert_eq!(living(subject).await, ["suspect", "one"]);
    let now = read().await.expect("a live member");
    assert_eq!(now.count, before + 1);
    subject.age_heartbeat(suspect.incarnation, 7_000).await;
    let aged = read().await.expect("a live member");
    assert!(
        aged.count == now.count && (7_000..17_000).contains(&aged.age_ms),
        "{aged:?}"
    );
    assert_eq!(
        declare_after(subject, &me, &suspect, now.count).await,
        DeclarationOutcome::Dead
    );
    assert_eq!(read().await, None, "one that has ended has none");
}

pub(crate) async fn an_active_member_declares_a_life_dead_for_good(subject: &dyn StoreUnderTest) {
    let dead = enter_master(subject, "dead", "h0").await;
    let me = enter_master(subject, "one", "h1").await;
    assert_eq!(declare(subject, &me, &dead).await, DeclarationOutcome::Dead);
    assert_eq!(
        subject
            .store()
            .record_heartbeat(dead.incarnation)
            .await
            .unwrap()
            .state,
        MemberState::Dead
    );
    assert_eq!(
        declare(subject, &me, &dead).await,
        DeclarationOutcome::AlreadyEnded
    );
    assert_eq!(declare(subject, &dead, &me).await, DeclarationOutcome::NotActive);
    assert_eq!(living(subject).await, ["one"], "a dead member declares no other");
    let draining = subject
        .store()
        .set_member_state(me.incarnation, MemberState::Draining);
    draining.await.unwrap();
    let other = subject.add_member("other", "h2").await;
    assert_eq!(declare(subject, &me, &other).await, DeclarationOutcome::NotActive);
    assert_eq!(
        declare(subject, &other, &me).await,
        DeclarationOutcome::Dead,
        "a draining member"
    );
}

pub(crate) async fn a_take_over_is_noted_once_for_each_pair(subject: &dyn StoreUnderTest) {
    let dead = enter_master(subject, "dead", "h0").await;
    let me = enter_master(subject, "one", "h1").await;
    let first = FailoverRecord {
        dead: dead.incarnation,
        survivor: me.clone(),
        suspected_at: Some(Timestamp(500)),
        acknowledged_at: None,
        instances: 3,
        attempts_reattached: 0,
        attempts_lost: 0,
    };
    let early = subject.store().record_failover(&first).await;
    assert!(
        matches!(early, Err(StoreError::Rejected(_))),
        "it is alive: {early:?}"
    );
    declare(subject, &me, &dead).await;
    subject.store().record_failover(&first).await.unwrap();
    assert_eq!(subject.failovers().await, std::slice::from_ref(&first));
    let last = FailoverRecord {
        acknowledged_at: Some(Timestamp(900)),
        instances: 5,
        attempts_reattached: 4,
        attempts_lost: 1,
        ..first.clone()
    };
    subject.store().record_failover(&last).await.unwrap();
    assert_eq!(subject.failovers().await, std::slice::from_ref(&last));
    let unsuspected = FailoverRecord {
        suspected_at: None,
        ..last.clone()
    };
    for late in [first, unsuspected] {
        subject.store().record_failover(&late).await.unwrap();
        let noted = subject.failovers().await;
        assert_eq!(
            noted,
            std::slice::from_ref(&last),
            "a record only grows: {late:?}"
        );
    }
}

pub(crate) async fn instances_are_handed_over_one_by_one(subject: &dyn StoreUnderTest) {
    let me = enter_master(subject, "one", "h1").await;
    let target = enter_master(subject, "two", "h2").await;
    let (a, b) = (create(subject, Some(&me)).await, create(subject, Some(&me)).await);
    let theirs = create(subject, Some(&target)).await;
    let hand_over = HandOver {
        from: me.clone(),
        to: target.incarnation,
        instances: vec![
            ownership(a, 1),
            ownership(b, 7),
            ownership(theirs, 1),
            ownership(InstanceId(999), 1),
        ],
        at: Timestamp(4_000),
    };
    let given = subject.store().hand_over_instances(&hand_over).await.unwrap();
    assert_eq!(given, [ownership(a, 2)], "stale ones harm no other");
    let owned = owner(subject, a).await;
    assert_eq!(
        (owned.owner, owned.epoch),
        (Some((target.incarnation, "h2".to_owned())), Epoch(2))
    );
    let entry = (
        2,
        target.incarnation.0,
        Some("h1".to_owned()),
        "handover".to_owned(),
    );
    assert_eq!(subject.owner_log(a).await[1], entry);
    assert_eq!(owner(subject, b).await.epoch, Epoch(1));
    let late = store(subject, round(&me, a, 0, Changes::default())).await;
    assert_eq!(late, WriteOutcome::Stale, "the giver is fenced");
    let loaded = load(subject.store(), a, target.incarnation, Epoch(2)).await;
    assert_eq!(loaded.unwrap().rows.revision, Revision(1));
    assert_eq!(subject.store().hand_over_instances(&hand_over).await.unwrap(), []);
    let counts = subject.store().count_owned().await.unwrap();
    assert_eq!(counts, [(me.incarnation, 1), (target.incarnation, 2)].into());
}

pub(crate) async fn a_hand_over_is_no_claim_without_progress(subject: &dyn StoreUnderTest) {
    let one = enter_master(subject, "one", "h1").await;
    let two = enter_master(subject, "two", "h2").await;
    let id = create(subject, Some(&one)).await;
    for epoch in 1..=8 {
        let (me, target) = if epoch % 2 == 1 {
            (&one, &two)
        } else {
            (&two, &one)
        };
        let hand_over = HandOver {
            from: me.clone(),
            to: target.incarnation,
            instances: vec![ownership(id, epoch)],
            at: Timestamp(4_000),
        };
        let given = subject.store().hand_over_instances(&hand_over).await.unwrap();
        assert_eq!(given, [ownership(id, epoch + 1)]);
    }
    declare(subject, &two, &one).await;
    let claimed = subject.store().claim_instances(&claim_of(&two)).await.unwrap();
    assert_eq!(claimed.len(), 1, "it was never given up");
    assert!(!subject.owned(id).await.attention);
}

pub(crate) async fn nothing_is_handed_to_anybody_but_an_active_master(subject: &dyn StoreUnderTest) {
    let me = enter_master(subject, "one", "h1").await;
    let worker = enter(subject, "two", "h2", &["worker", "api"]).await;
    let draining = enter_master(subject, "three", "h3").await;
    let dead = enter_master(subject, "four", "h4").await;
    let last = enter_master(subject, "five", "h5").await;
    let drains = subject
        .store()
        .set_member_state(draining.incarnation, MemberState::Draining);
    drains.await.unwrap();
    declare(subject, &last, &dead).await;
    let id = create(subject, Some(&me)).await;
    for target in [
        worker.incarnation,
        draining.incarnation,
        dead.incarnation,
        Incarnation(999),
    ] {
        let hand_over = HandOver {
            from: me.clone(),
            to: target,
            instances: vec![ownership(id, 1)],
            at: Timestamp(4_000),
        };
        assert_eq!(
            subject.store().hand_over_instances(&hand_over).await.unwrap(),
            [],
            "{target}"
        );
    }
    assert_eq!(owner(subject, id).await.epoch, Epoch(1));
}

pub(crate) async fn owners_are_listed_with_their_state(subject: &dyn StoreUnderTest) {
    let dead = enter_master(subject, "dead", "h0").await;
    let me = enter_master(subject, "one", "h1").await;
    let orphan = create(subject, Some(&dead)).await;
    let waits = create(subject, None).await;
    let rests = create(subject, Some(&me)).await;
    bring_to_rest(subject, &me, rests).await;
    declare(subject, &me, &dead).await;
    let counted = subject
        .store()
        .find_owners(&[rests, InstanceId(999), orphan, waits, orphan])
        .await
        .unwrap();
    let by = |id, owner, owner_state, epoch, needs_owner| InstanceOwner {
        id,
        owner,
        owner_state,
        epoch: Epoch(epoch),
        generation: Generation(1),
        needs_owner,
    };
    let of_dead = Some((dead.incarnation, "h0".to_owned()));
    assert_eq!(
        counted,
        [
            by(orphan, of_dead, Some(MemberState::Dead), 1, true),
            by(waits, None, None, 0, true),
            by(rests, None, None, 1, false),
        ]
    );
    subject.ask(rests, Command::Resume, 1).await;
    assert!(
        !owner(subject, rests).await.needs_owner,
        "resume cannot apply to succeeded"
    );
    subject.ask(rests, Command::Rerun, 1).await;
    assert!(owner(subject, rests).await.needs_owner);
    assert_eq!(subject.store().find_owners(&[]).await.unwrap(), []);
}

async fn bring_to_rest(subject: &dyn StoreUnderTest, me: &NodeIdentity, id: InstanceId) {
    let rests = Changes {
        record: Some(header(InstanceState::Succeeded)),
        releases_owner: true,
        ..Changes::default()
    };
    assert_eq!(
        store(subject, round(me, id, 0, rests)).await,
        WriteOutcome::Stored
    );
}

fn ownership(id: InstanceId, epoch: i64) -> Ownership {
    Ownership {
        id,
        epoch: Epoch(epoch),
    }
}

fn relayed(uid: DispatchId, exit_code: i32) -> RelayedResult {
    RelayedResult {
        uid,
        end: ended(exit_code),
    }
}

fn claim_of(me: &NodeIdentity) -> Claim {
    Claim {
        claimant: me.clone(),
        only: None,
        limit: 100,
        at: Timestamp(3_000),
    }
}

fn ended(exit_code: i32) -> AttemptEnd {
    AttemptEnd {
        result: AttemptResult::Failed,
        exit_code: Some(exit_code),
        error: Some("it said \"no\"\n".to_owned()),
        failure: FailureKind::Transient,
        outputs: BTreeMap::from([("rows".to_owned(), "4 \u{fc}".to_owned())]),
        pid: Some(17),
        started_at: Some(Timestamp(1_500)),
        log_bytes: Some(12),
        ended_at: Timestamp(2_500),
    }
}

/// An instance with an attempt of two tasks that run, and one that ended.
async fn with_attempts(subject: &dyn StoreUnderTest, me: &NodeIdentity) -> (InstanceId, [DispatchId; 3]) {
    let id = create(subject, Some(me)).await;
    let created = attempt(id, 0, 1, AttemptState::Created);
    let running = attempt(id, 1, 1, AttemptState::Running);
    let over = attempt(id, 2, 1, AttemptState::Succeeded);
    let uids = [&created, &running, &over].map(|attempt| attempt.uid.expect("a uid"));
    let tasks = of_tasks([
        (0, task(TaskState::Dispatched, Some(created))),
        (1, task(TaskState::Running, Some(running))),
        (2, task(TaskState::Succeeded, Some(over))),
    ]);
    assert_eq!(
        store(subject, round(me, id, 0, tasks)).await,
        WriteOutcome::Stored
    );
    (id, uids)
}

pub(crate) async fn results_are_kept_while_their_attempts_are_open(subject: &dyn StoreUnderTest) {
    let me = enter_master(subject, "one", "h1").await;
    let (id, [created, running, over]) = with_attempts(subject, &me).await;
    let unknown = DispatchId {
        dispatch_number: 9,
        ..created
    };
    let port = subject.store();
    assert_eq!(port.list_owned(me.incarnation).await.unwrap(), [owned(id, false)]);
    let results = [
        relayed(running, 1),
        relayed(over, 2),
        relayed(unknown, 3),
        relayed(created, 4),
    ];
    port.relay_results(&results, Timestamp(2_600)).await.unwrap();
    port.relay_results(&[relayed(running, 5)], Timestamp(2_700))
        .await
        .unwrap();
    let kept = [relayed(running, 1), relayed(created, 4)];
    let ids = [id, InstanceId(999)];
    assert_eq!(
        port.list_relayed_results(&ids).await.unwrap(),
        kept,
        "the first one counts"
    );
    assert_eq!(port.list_relayed_results(&[]).await.unwrap(), []);
    let loaded = load(port, id, me.incarnation, Epoch(1)).await.unwrap();
    assert_eq!(loaded.results, kept);
    assert_eq!(loaded.commands, []);
    assert_eq!(
        port.list_unapplied_commands(&[id]).await.unwrap(),
        [],
        "a result is no verb"
    );
    assert_eq!(port.list_owned(me.incarnation).await.unwrap(), [owned(id, true)]);
    port.mark_results_applied(&[running], Timestamp(2_800))
        .await
        .unwrap();
    port.close_relayed_results(Timestamp(2_850)).await.unwrap();
    assert_eq!(
        port.list_relayed_results(&ids).await.unwrap(),
        [relayed(created, 4)]
    );
    let closed = attempt(id, 0, 1, AttemptState::Lost);
    let lost = of_tasks([(0, task(TaskState::WaitingRetry, Some(closed)))]);
    store(subject, round(&me, id, 1, lost)).await;
    assert_eq!(
        port.list_relayed_results(&ids).await.unwrap(),
        [],
        "closed by another way"
    );
    assert_eq!(port.list_owned(me.incarnation).await.unwrap(), [owned(id, false)]);
    assert_eq!(subject.unapplied_results().await, 1, "which no owner reads");
    port.close_relayed_results(Timestamp(2_900)).await.unwrap();
    assert_eq!(subject.unapplied_results().await, 0, "nothing is left behind");
}

pub(crate) async fn a_kept_result_wakes_nobody(subject: &dyn StoreUnderTest) {
    let me = enter_master(subject, "one", "h1").await;
    let (id, [_, running, _]) = with_attempts(subject, &me).await;
    let port = subject.store();
    port.relay_results(&[relayed(running, 1)], Timestamp(2_600))
        .await
        .unwrap();
    let parked = Changes {
        record: Some(header(InstanceState::Paused)),
        releases_owner: true,
        ..Changes::default()
    };
    assert_eq!(
        store(subject, round(&me, id, 1, parked)).await,
        WriteOutcome::Stored
    );
    assert!(!owner(subject, id).await.needs_owner);
    assert_eq!(port.claim_instances(&claim_of(&me)).await.unwrap(), []);
    port.refuse_inapplicable_commands(id, Timestamp(2_700))
        .await
        .unwrap();
    subject.ask(id, Command::Resume, 1).await;
    assert_eq!(port.claim_instances(&claim_of(&me)).await.unwrap().len(), 1);
    let loaded = load(port, id, me.incarnation, Epoch(2)).await.unwrap();
    assert_eq!(loaded.results, [relayed(running, 1)], "it waited for the verb");
}
