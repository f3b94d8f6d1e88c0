use catalog::{CatalogError, ProjectId, VisibilityScope};
use engine::explain::{Cause, CauseKind, Link};
use engine::ids::{InstanceId, Timestamp};
use engine::states::{InstanceState, TaskState};

use super::fixture::CatalogFixture;

const DEFAULT: ProjectId = ProjectId(1);

/// Stores a running instance of a worker's owner whose task `c` waits for a slot that another instance holds.
async fn arrange(fixture: &CatalogFixture) {
    let workflow = fixture.flow(DEFAULT, "w").await;
    fixture.instance(DEFAULT, workflow, "running").await;
    fixture.instance(DEFAULT, workflow, "running").await;
    fixture
        .sql(
            "INSERT INTO member (name, host, roles, state, slots, worker_group, version, joined_at, state_at) \
             VALUES ('n1', 'h:1', 'master,worker', 'active', 1, 'default', '1', 0, 0); \
             UPDATE instance SET owner = 1, host = 'h:1', epoch = 1; \
             INSERT INTO task_instance (instance, task_index, state, reason, attempts) VALUES \
             (1, 0, 'succeeded', NULL, 1), (1, 1, 'succeeded', NULL, 1), (1, 2, 'running', NULL, 1), \
             (2, 0, 'succeeded', NULL, 1), (2, 1, 'succeeded', NULL, 1), (2, 2, 'waiting', 'all taken', 0); \
             INSERT INTO attempt (instance, task_index, number, epoch, state, created_at, dispatch_id, worker, \
             worker_name) VALUES (1, 2, 1, 1, 'running', 200, '1-1-2-1-1', 1, 'n1'); \
             INSERT INTO transition (instance, at, task_index, from_state, to_state, why, host, epoch) VALUES \
             (2, 1100, 2, 'pending', 'waiting', 'ready', 'h:1', 1), (2, 1200, 2, 'waiting', 'waiting', 'r', 'h:1', 1)",
        )
        .await;
}

async fn explain_task(fixture: &CatalogFixture, id: i64, task: &str) -> (TaskState, Vec<Cause>) {
    let explained = fixture
        .catalog
        .explanations()
        .explain_task(InstanceId(id), task, VisibilityScope::All)
        .await
        .expect("an explanation");
    (explained.state, explained.causes)
}

pub(super) async fn a_task_without_a_slot_names_its_holder(fixture: &CatalogFixture) {
    arrange(fixture).await;
    let (state, causes) = explain_task(fixture, 2, "c").await;
    assert_eq!(state, TaskState::Waiting);
    assert_eq!(
        causes,
        [Cause {
            kind: CauseKind::Slot,
            detail: "all taken; 1 of its 1 slots are held: task `c` of instance 1 on n1".to_owned(),
            since: Timestamp(1_100),
            until: None,
            link: Some(Link::Task {
                instance: InstanceId(1),
                task: "c".to_owned(),
            }),
        }]
    );
}

pub(super) async fn holders_of_other_projects_are_counted_without_their_names(fixture: &CatalogFixture) {
    arrange(fixture).await;
    let user = fixture.member("ann").await;
    let explained = fixture
        .catalog
        .explanations()
        .explain_task(InstanceId(2), "c", VisibilityScope::GrantedTo(user.id))
        .await
        .expect("an explanation");
    let detail = &explained.causes[0].detail;
    assert!(
        detail.contains("all taken") && !detail.contains("instance 1"),
        "{detail}"
    );
}

pub(super) async fn an_instance_without_a_living_owner_waits_for_one(fixture: &CatalogFixture) {
    arrange(fixture).await;
    let explain = async || {
        let explanations = fixture.catalog.explanations();
        let explained = explanations
            .explain_instance(InstanceId(1), VisibilityScope::All)
            .await;
        explained.expect("an explanation")
    };
    assert_eq!(explain().await.causes, [], "its task runs");
    fixture.sql("UPDATE member SET state = 'dead'").await;
    let explained = explain().await;
    assert_eq!(explained.state, InstanceState::Running);
    assert_eq!(explained.causes[0].kind, CauseKind::Owner);
    assert_eq!(explained.causes[0].since, Timestamp(1_000), "its creation");
    assert_eq!(explained.causes[0].link, Some(Link::Ownership(InstanceId(1))));
    assert!(
        explained.causes[0].detail.contains("n1/1 was declared dead"),
        "{explained:?}"
    );
}

pub(super) async fn what_does_not_exist_is_not_explained(fixture: &CatalogFixture) {
    arrange(fixture).await;
    let explanations = fixture.catalog.explanations();
    let unknown = explanations
        .explain_instance(InstanceId(9), VisibilityScope::All)
        .await;
    assert!(matches!(unknown, Err(CatalogError::NotFound { .. })));
    let unknown = explanations
        .explain_task(InstanceId(1), "x", VisibilityScope::All)
        .await;
    assert!(matches!(unknown, Err(CatalogError::NotFound { .. })));
}
