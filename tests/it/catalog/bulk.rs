use catalog::{
    BulkClaim, BulkOperation, BulkRequest, BulkStatus, BulkVerb, Grant, Permission, ProjectId, UserId,
    UserRole,
};
use engine::ids::{Incarnation, InstanceId, Timestamp};
use engine::states::{Command, OperationStatus};

use super::fixture::{CatalogFixture, asked};

const DEFAULT: ProjectId = ProjectId(1);
const FIRST: Incarnation = Incarnation(1);
const SECOND: Incarnation = Incarnation(2);

/// Stores two active members, and instances of one workflow in these states.
async fn arrange(fixture: &CatalogFixture, states: &[&str]) -> Vec<InstanceId> {
    fixture
        .sql(
            "INSERT INTO member (name, host, roles, state, version, joined_at, state_at) \
             VALUES ('m1', 'h:1', 'master', 'active', '1', 0, 0), ('m2', 'h:2', 'master', 'active', '1', 0, 0)",
        )
        .await;
    let workflow = fixture.flow(DEFAULT, "w").await;
    let mut ids = Vec::new();
    for state in states {
        ids.push(fixture.instance(DEFAULT, workflow, state).await);
    }
    ids
}

async fn request(
    fixture: &CatalogFixture,
    (verb, user): (BulkVerb, UserId),
    ids: &[InstanceId],
) -> BulkOperation {
    let request = BulkRequest {
        verb,
        instances: ids.to_vec(),
        reason: Some("tidy".to_owned()),
        user,
    };
    let created = fixture.catalog.bulk_operations().create(&request, &asked()).await;
    created.expect("an operation")
}

async fn admin(fixture: &CatalogFixture) -> UserId {
    fixture.user("root", UserRole::Admin).await.id
}

async fn claim(fixture: &CatalogFixture, node: Incarnation) -> Vec<BulkClaim> {
    let claimed = fixture
        .catalog
        .bulk_operations()
        .claim_open(node, Timestamp(2_000))
        .await;
    claimed.expect("an answer")
}

/// Carries a batch out; answers the instances that have a command by it, and what follows.
async fn batch(fixture: &CatalogFixture, claim: BulkClaim) -> (Vec<i64>, BulkStatus) {
    let done = fixture
        .catalog
        .bulk_operations()
        .carry_out_batch(claim, Timestamp(2_000))
        .await
        .expect("a batch");
    let posted = done.posted.iter().map(|id| id.0).collect();
    (posted, done.status)
}

async fn read(fixture: &CatalogFixture, operation: &BulkOperation) -> BulkOperation {
    let found = fixture
        .catalog
        .bulk_operations()
        .find(&operation.operation_id())
        .await;
    found.expect("an answer").expect("the operation")
}

pub(super) async fn an_operation_continues_on_another_node_and_acts_once(fixture: &CatalogFixture) {
    let ids = arrange(fixture, &["running", "paused", "succeeded"]).await;
    let verb = BulkVerb::Post(Command::Pause);
    let operation = request(fixture, (verb, admin(fixture).await), &ids).await;
    assert_eq!(
        (operation.outcome, operation.total),
        (OperationStatus::Pending, 3)
    );
    let by_first = claim(fixture, FIRST).await[0];
    assert_eq!(claim(fixture, SECOND).await, [], "the first works on it");
    assert_eq!(batch(fixture, by_first).await, (vec![ids[0].0], BulkStatus::Busy));
    assert_eq!(batch(fixture, by_first).await, (vec![], BulkStatus::Awaiting));
    fixture
        .sql("UPDATE member SET state = 'dead' WHERE incarnation = 1")
        .await;
    let by_second = claim(fixture, SECOND).await[0];
    assert_eq!(batch(fixture, by_first).await, (vec![], BulkStatus::Released));
    assert_eq!(batch(fixture, by_second).await, (vec![], BulkStatus::Awaiting));
    assert_eq!(read(fixture, &operation).await.outcome, OperationStatus::Pending);
    fixture
        .sql("UPDATE inbox SET applied_at = 2000, outcome = 'applied'")
        .await;
    assert_eq!(batch(fixture, by_second).await, (vec![], BulkStatus::Released));
    let ended = read(fixture, &operation).await;
    assert_eq!(
        (ended.outcome, ended.applied, ended.refused),
        (OperationStatus::Applied, 1, 2)
    );
    let refused: Vec<i64> = ended.refusals.iter().map(|refusal| refusal.instance.0).collect();
    assert_eq!(refused, [ids[1].0, ids[2].0]);
    assert!(ended.refusals[0].detail.contains("paused"), "{ended:?}");
    assert_eq!(fixture.count("inbox").await, 1, "each instance once");
    assert_eq!(claim(fixture, SECOND).await, [], "it has ended");
}

pub(super) async fn a_refusal_of_the_owner_counts_as_one(fixture: &CatalogFixture) {
    let ids = arrange(fixture, &["running", "running"]).await;
    let verb = BulkVerb::Post(Command::Stop);
    let operation = request(fixture, (verb, admin(fixture).await), &ids).await;
    let claimed = claim(fixture, FIRST).await[0];
    batch(fixture, claimed).await;
    fixture
        .sql(&format!(
            "UPDATE inbox SET applied_at = 2000, outcome = 'refused', detail = 'too late' WHERE instance = {}",
            ids[0]
        ))
        .await;
    // The other one was stopped, and deleted by another user.
    fixture
        .sql(&format!("DELETE FROM inbox WHERE instance = {}", ids[1]))
        .await;
    assert_eq!(batch(fixture, claimed).await, (vec![], BulkStatus::Released));
    let ended = read(fixture, &operation).await;
    assert_eq!((ended.applied, ended.refused), (1, 1));
    assert_eq!(ended.refusals[0].detail, "too late");
}

pub(super) async fn each_instance_is_checked_for_what_its_user_may_do(fixture: &CatalogFixture) {
    let mut ids = arrange(fixture, &["failed", "running"]).await;
    let project = fixture.project("mine").await.id;
    let workflow = fixture.flow(project, "w").await;
    ids.push(fixture.instance(project, workflow, "failed").await);
    ids.push(InstanceId(999));
    let user = fixture.member("ann").await;
    let grant = Grant {
        user: "ann".to_owned(),
        permission: Permission::Write,
    };
    let granted = fixture.catalog.grants().put(project, &grant, &asked()).await;
    granted.expect("a grant");
    let operation = request(fixture, (BulkVerb::Delete, user.id), &ids).await;
    let claimed = claim(fixture, FIRST).await[0];
    assert_eq!(batch(fixture, claimed).await, (vec![], BulkStatus::Released));
    let ended = read(fixture, &operation).await;
    assert_eq!((ended.applied, ended.refused), (1, 3), "{ended:?}");
    assert!(ended.refusals[0].detail.contains("`write`"), "{ended:?}");
    assert!(ended.refusals[2].detail.contains("no instance 999"), "{ended:?}");
    assert_eq!(fixture.count("instance").await, 2);
}

pub(super) async fn an_operation_without_instances_has_ended(fixture: &CatalogFixture) {
    arrange(fixture, &[]).await;
    let operation = request(fixture, (BulkVerb::Delete, admin(fixture).await), &[]).await;
    assert_eq!(operation.outcome, OperationStatus::Applied);
    assert_eq!(claim(fixture, FIRST).await, []);
}
