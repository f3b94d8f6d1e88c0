//! Several masters at once on PostgreSQL: what only shows when two transactions meet.

use std::collections::BTreeSet;
use std::time::Duration;

use engine::ids::{Epoch, Incarnation, InstanceId, Timestamp};
use engine::states::MemberState;
use ports::{
    Claim, ClaimStore as _, Declaration, DeclarationOutcome, FailoverStore as _, HandOver, Join,
    MembershipStore as _, NodeIdentity, Ownership, OwnershipStore as _, StoreError,
};
use sea_orm::ConnectionTrait;
use store::Transaction;
use store::{Role, Store};
use tokio::task::JoinHandle;

use super::cases::create;
use super::members::enter;
use super::store_under_test::{Database, StoreUnderTest};
use test_support::invariants;

/// Long enough for a statement that waits for no other.
const MOMENT: Duration = Duration::from_millis(300);

async fn enter_master(database: &Database, name: &str) -> NodeIdentity {
    enter(database, name, name, &["master"]).await
}

fn claim_of(me: &NodeIdentity, limit: u32) -> Claim {
    Claim {
        claimant: me.clone(),
        only: None,
        limit,
        at: Timestamp(1),
    }
}

fn declare(
    database: &Database,
    me: &NodeIdentity,
    dead: &NodeIdentity,
) -> JoinHandle<Result<DeclarationOutcome, StoreError>> {
    let store = database.store.clone();
    let declaration = Declaration {
        declared_by: me.incarnation,
        dead: dead.incarnation,
        heartbeats: 0,
        reason: "connection refused".to_owned(),
    };
    tokio::spawn(async move { store.declare_dead(&declaration).await })
}

async fn run(transaction: &Transaction, sql: &str) {
    transaction
        .execute_unprepared(sql)
        .await
        .expect("a statement that is accepted");
}

/// Creates orphans: every second one of a dead owner, the others never owned.
async fn orphans(database: &Database, dead: &NodeIdentity, count: i64) -> BTreeSet<InstanceId> {
    let first = create(database, Some(dead)).await;
    let other = create(database, None).await;
    let copied = "project_id, workflow_id, version, state, owner, host, epoch, start, tasks_total, priority, \
                  trigger_type, requested_by, created_at";
    for one in [first, other] {
        let more = count / 2 - 1;
        database
            .sql(&format!(
                "INSERT INTO instance ({copied}) SELECT {copied} FROM instance, generate_series(1, {more}) \
                 WHERE id = {one}"
            ))
            .await;
    }
    database
        .sql(
            "INSERT INTO owner_log (instance, epoch, owner, host, at, why) \
             SELECT id, epoch, owner, host, created_at, 'start' FROM instance WHERE owner IS NOT NULL \
             ON CONFLICT DO NOTHING",
        )
        .await;
    let rows = database.rows("SELECT id FROM instance").await;
    let ids = rows.iter().map(|row| row.try_get_by_index(0).map(InstanceId));
    ids.collect::<Result<_, _>>().expect("ids")
}

/// Claims until two rounds in a row find nothing; a round may find every orphan in the hands of others.
async fn claim_all(store: Store, me: NodeIdentity) -> Vec<InstanceId> {
    let mut mine = Vec::new();
    let mut idle = 0;
    while idle < 2 {
        let taken = store
            .claim_instances(&claim_of(&me, 50))
            .await
            .expect("an answer");
        idle = if taken.is_empty() { idle + 1 } else { 0 };
        mine.extend(taken.into_iter().map(|claimed| claimed.id));
    }
    mine
}

/// What the suspect has sent before it was declared dead counts, although it is not committed yet.
#[tokio::test]
async fn a_declaration_waits_for_the_heartbeat_that_is_being_stored() {
    let Some(database) = Database::on_postgres().await else {
        return;
    };
    let suspect = enter_master(&database, "suspect").await;
    let me = enter_master(&database, "one").await;
    let storing = database.store.begin().await.expect("a transaction");
    let heartbeat = format!(
        "UPDATE member_heartbeat SET heartbeats = heartbeats + 1 WHERE incarnation = {}",
        suspect.incarnation
    );
    run(&storing, &heartbeat).await;
    let declared = declare(&database, &me, &suspect);
    tokio::time::sleep(MOMENT).await;
    assert!(!declared.is_finished(), "the heartbeat is not decided yet");
    database.store.commit(storing).await.expect("a commit");
    let outcome = declared.await.expect("no panic");
    assert_eq!(outcome, Ok(DeclarationOutcome::HeartbeatStored));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_masters_share_two_thousand_orphans() {
    let Some(database) = Database::on_postgres().await else {
        return;
    };
    let dead = enter_master(&database, "dead").await;
    let mut masters = Vec::new();
    for name in ["one", "two", "three"] {
        masters.push(enter_master(&database, name).await);
    }
    let expected = orphans(&database, &dead, 2_000).await;
    assert_eq!(expected.len(), 2_000);
    let declared = declare(&database, &masters[0], &dead).await.expect("no panic");
    assert_eq!(declared, Ok(DeclarationOutcome::Dead));
    let mut claimers = Vec::new();
    for me in masters {
        let url = database.url();
        claimers.push(tokio::spawn(async move {
            let store = Store::open(&url, Role::Node).await.expect("a store of its own");
            claim_all(store, me).await
        }));
    }
    let mut taken = Vec::new();
    for claimer in claimers {
        let mine = claimer.await.expect("a claimer");
        assert!(!mine.is_empty(), "each gets a share");
        taken.extend(mine);
    }
    assert_eq!(taken.len(), 2_000, "nothing twice");
    assert_eq!(
        taken.into_iter().collect::<BTreeSet<_>>(),
        expected,
        "nothing missed"
    );
    assert_eq!(
        invariants::violations(&database.store, 0).await,
        Vec::<String>::new()
    );
}

#[tokio::test]
async fn a_claim_waits_for_the_declaration_of_its_member_and_is_refused() {
    let Some(database) = Database::on_postgres().await else {
        return;
    };
    let me = enter_master(&database, "one").await;
    let id = create(&database, None).await;
    let declaring = database.store.begin().await.expect("a transaction");
    run(
        &declaring,
        &format!(
            "UPDATE member SET state = 'dead' WHERE incarnation = {}",
            me.incarnation
        ),
    )
    .await;
    let store = database.store.clone();
    let claiming = tokio::spawn(async move { store.claim_instances(&claim_of(&me, 10)).await });
    tokio::time::sleep(MOMENT).await;
    assert!(!claiming.is_finished(), "its owner may still be alive");
    database.store.commit(declaring).await.expect("a commit");
    assert_eq!(claiming.await.expect("no panic"), Ok(Vec::new()));
    assert_eq!(database.owned(id).await.owner, None);
}

#[tokio::test]
async fn a_declaration_waits_for_the_last_claim_of_the_dead() {
    let Some(database) = Database::on_postgres().await else {
        return;
    };
    let dead = enter_master(&database, "dead").await;
    let me = enter_master(&database, "one").await;
    let id = create(&database, None).await;
    let claiming = database.store.begin().await.expect("a transaction");
    let (owner, host) = (dead.incarnation, &dead.host);
    run(
        &claiming,
        &format!("SELECT 1 FROM member WHERE incarnation = {owner} AND state = 'active' FOR SHARE"),
    )
    .await;
    run(
        &claiming,
        &format!("UPDATE instance SET owner = {owner}, host = '{host}', epoch = epoch + 1 WHERE id = {id}"),
    )
    .await;
    let declaring = declare(&database, &me, &dead);
    tokio::time::sleep(MOMENT).await;
    assert!(!declaring.is_finished(), "the claim is not decided yet");
    database.store.commit(claiming).await.expect("a commit");
    assert_eq!(declaring.await.expect("no panic"), Ok(DeclarationOutcome::Dead));
    let found = database
        .store
        .claim_instances(&claim_of(&me, 10))
        .await
        .expect("an answer");
    assert_eq!(found.len(), 1, "what was claimed last is found");
    assert_eq!(found[0].from_owner, Some(dead.incarnation));
}

#[tokio::test]
async fn of_two_that_declare_each_other_one_stays() {
    let Some(database) = Database::on_postgres().await else {
        return;
    };
    for round in 0..3 {
        let one = enter_master(&database, &format!("one-{round}")).await;
        let two = enter_master(&database, &format!("two-{round}")).await;
        let (first, second) = (declare(&database, &one, &two), declare(&database, &two, &one));
        let answers = [first.await.expect("no panic"), second.await.expect("no panic")];
        let won = answers
            .iter()
            .filter(|answer| **answer == Ok(DeclarationOutcome::Dead));
        assert_eq!(won.count(), 1, "{answers:?}");
        let lost = answers
            .iter()
            .find(|answer| **answer != Ok(DeclarationOutcome::Dead))
            .expect("a loser");
        assert!(
            matches!(
                lost,
                Ok(DeclarationOutcome::NotActive) | Err(StoreError::Unavailable(_))
            ),
            "{lost:?}"
        );
        let living = database.store.list_live_members().await.expect("an answer");
        assert_eq!(living.len(), round + 1, "{living:?}");
    }
}

#[tokio::test]
async fn of_those_who_join_at_once_one_lives() {
    let Some(database) = Database::on_postgres().await else {
        return;
    };
    let joins = (0..8).map(|number| {
        let url = database.url();
        let join = Join {
            name: format!("name-{number}"),
            host: "h1".to_owned(),
            roles: vec!["master".to_owned()],
            slots: 0,
            worker_group: "default".to_owned(),
            version: "test".to_owned(),
        };
        tokio::spawn(async move {
            let store = Store::open(&url, Role::Node).await.expect("a store of its own");
            store.join_cluster(&join).await
        })
    });
    let mut joined = BTreeSet::new();
    for join in joins.collect::<Vec<_>>() {
        match join.await.expect("no panic") {
            Ok(life) => {
                joined.insert(life.incarnation);
            }
            Err(StoreError::Rejected(why)) => assert!(why.contains("same moment"), "{why}"),
            Err(StoreError::Unavailable(_)) => {}
            Err(other) => panic!("{other}"),
        }
    }
    let living = database.store.list_live_members().await.expect("an answer");
    assert_eq!(living.len(), 1, "{living:?}");
    let last = joined.last().copied();
    assert_eq!(
        Some(living[0].member.incarnation),
        last,
        "the last one that was let in"
    );
}

#[tokio::test]
async fn of_many_secrets_one_is_agreed_on() {
    let Some(database) = Database::on_postgres().await else {
        return;
    };
    let votes = (0..6).map(|number| {
        let store = database.store.clone();
        tokio::spawn(async move { store.agree_on_secret(&format!("digest-{number}")).await })
    });
    let mut agreed = 0;
    for vote in votes.collect::<Vec<_>>() {
        agreed += usize::from(vote.await.expect("no panic").expect("an answer"));
    }
    assert_eq!(agreed, 1);
}

#[tokio::test]
async fn the_sessions_of_the_dead_end() {
    let Some(database) = Database::on_postgres().await else {
        return;
    };
    let dead = enter_master(&database, "dead").await;
    let me = enter_master(&database, "one").await;
    let id = create(&database, Some(&dead)).await;
    let theirs = Store::open(&database.url(), Role::Node)
        .await
        .expect("a store of its own");
    let frozen = theirs.begin().await.expect("a transaction");
    run(
        &frozen,
        &format!("SET application_name = 'master:{}'", dead.incarnation),
    )
    .await;
    run(
        &frozen,
        &format!("SELECT 1 FROM instance WHERE id = {id} FOR UPDATE"),
    )
    .await;
    let declared = declare(&database, &me, &dead).await.expect("no panic");
    assert_eq!(declared, Ok(DeclarationOutcome::Dead));
    let deadline = tokio::time::Instant::now() + Duration::from_secs(3);
    loop {
        let taken = database
            .store
            .claim_instances(&claim_of(&me, 10))
            .await
            .expect("an answer");
        if !taken.is_empty() {
            break;
        }
        assert!(
            tokio::time::Instant::now() < deadline,
            "a frozen transaction holds it"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let late = frozen.execute_unprepared("SELECT 1").await;
    assert!(late.is_err(), "{late:?}");
}

#[tokio::test]
async fn a_hand_over_and_a_declaration_of_the_target_leave_no_orphan() {
    let Some(database) = Database::on_postgres().await else {
        return;
    };
    let me = enter_master(&database, "one").await;
    let target = enter_master(&database, "two").await;
    let id = create(&database, Some(&me)).await;
    let declaring = database.store.begin().await.expect("a transaction");
    run(
        &declaring,
        &format!(
            "UPDATE member SET state = 'dead' WHERE incarnation = {}",
            target.incarnation
        ),
    )
    .await;
    let hand_over = HandOver {
        from: me.clone(),
        to: target.incarnation,
        instances: vec![Ownership { id, epoch: Epoch(1) }],
        at: Timestamp(1),
    };
    let store = database.store.clone();
    let giving = tokio::spawn(async move { store.hand_over_instances(&hand_over).await });
    tokio::time::sleep(MOMENT).await;
    assert!(!giving.is_finished(), "the target may still be alive");
    database.store.commit(declaring).await.expect("a commit");
    assert_eq!(giving.await.expect("no panic"), Ok(Vec::new()));
    assert_eq!(database.owned(id).await.owner, Some(me.incarnation));
}

#[tokio::test]
async fn a_superseding_life_waits_for_the_last_claim_of_the_old_one() {
    let Some(database) = Database::on_postgres().await else {
        return;
    };
    let old: Incarnation = enter_master(&database, "one").await.incarnation;
    let claiming = database.store.begin().await.expect("a transaction");
    run(
        &claiming,
        &format!("SELECT 1 FROM member WHERE incarnation = {old} AND state = 'active' FOR SHARE"),
    )
    .await;
    let store = database.store.clone();
    let join = Join {
        name: "one".to_owned(),
        host: "one".to_owned(),
        roles: vec!["master".to_owned()],
        slots: 0,
        worker_group: "default".to_owned(),
        version: "test".to_owned(),
    };
    let joining = tokio::spawn(async move { store.join_cluster(&join).await });
    tokio::time::sleep(MOMENT).await;
    assert!(!joining.is_finished(), "the claim is not decided yet");
    let decided = database.store.now().await.expect("the database's time");
    database.store.commit(claiming).await.expect("a commit");
    let joined = joining.await.expect("no panic").expect("a new life");
    let before = database.store.record_heartbeat(old).await.expect("an answer");
    assert_eq!(before.state, MemberState::Dead);
    assert!(joined.incarnation > old);
    assert!(joined.now >= decided, "it began when the old one had ended");
}
