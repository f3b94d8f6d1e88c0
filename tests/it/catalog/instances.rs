use std::collections::BTreeMap;

use catalog::{
    CatalogError, DeleteOutcome, Grant, InstanceFilter, OwnershipState, PageRequest, Permission, PostCommand,
    ProjectId, VisibilityScope,
};
use engine::ids::{AttemptNumber, Epoch, Incarnation, InstanceId, Run, Timestamp};
use engine::instance::CommandArguments;
use engine::states::{AttemptState, Command, InstanceState, OwnershipReason, Priority, TaskState};

use super::fixture::{CatalogFixture, asked};

const DEFAULT: ProjectId = ProjectId(1);

async fn in_default(fixture: &CatalogFixture, state: &str) -> InstanceId {
    if fixture.count("workflow").await == 0 {
        fixture.flow(DEFAULT, "w").await;
    }
    fixture.instance(DEFAULT, 1, state).await
}

fn all() -> InstanceFilter {
    InstanceFilter::visible_to(VisibilityScope::All)
}

async fn listed(fixture: &CatalogFixture, filter: &InstanceFilter) -> Vec<i64> {
    let page = fixture
        .catalog
        .instances()
        .list(filter, &PageRequest::default())
        .await
        .expect("a page");
    page.items.into_iter().map(|row| row.id.0).collect()
}

pub(super) async fn an_instance_is_shown_whole(fixture: &CatalogFixture) {
    let id = in_default(fixture, "running").await;
    fixture
        .sql(&format!(
            "UPDATE instance SET owner = 7, host = 'h:1', epoch = 1, run = 2, reason = 'because', \
             attention = '{{\"code\": \"CRASHED\", \"detail\": \"five times\"}}', \
             outputs = '{{\"total\": \"4\"}}', started_at = 1500 WHERE id = {id}; \
             INSERT INTO task_instance (instance, task_index, state) VALUES ({id}, 0, 'succeeded'), ({id}, 1, 'running')"
        ))
        .await;
    let row = fixture
        .catalog
        .instances()
        .find(id)
        .await
        .expect("an answer")
        .expect("the instance");
    assert_eq!(
        (row.project.as_str(), row.workflow.as_str(), row.version),
        ("default", "w", 1)
    );
    assert_eq!(
        (row.state, row.run, row.priority),
        (InstanceState::Running, Run(2), Priority::High)
    );
    assert_eq!(
        row.attention.map(|attention| attention.code).as_deref(),
        Some("CRASHED")
    );
    assert_eq!(
        (row.owner, row.host),
        (None, None),
        "it needs a person, and rests"
    );
    let pairs = [("day", "2"), ("top", "10")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(row.params, BTreeMap::from(pairs));
    assert_eq!(row.outputs["total"], "4");
    assert_eq!(
        (row.created_at, row.started_at, row.ended_at),
        (Timestamp(1_000), Some(Timestamp(1_500)), None)
    );
    let counts = [
        (TaskState::Pending, 1),
        (TaskState::Running, 1),
        (TaskState::Succeeded, 1),
    ];
    assert_eq!((row.tasks.total, row.tasks.by_state), (3, BTreeMap::from(counts)));
    assert_eq!(fixture.catalog.instances().find(InstanceId(99)).await, Ok(None));
    assert_eq!(
        fixture.catalog.instances().project_of(id).await,
        Ok(Some(DEFAULT))
    );
}

pub(super) async fn who_rests_is_shown_without_an_owner_also_while_one_decides_its_verb(
    fixture: &CatalogFixture,
) {
    let id = in_default(fixture, "running").await;
    fixture
        .sql("UPDATE instance SET owner = 7, host = 'h:1', epoch = 1")
        .await;
    let owner = async || {
        let row = fixture.catalog.instances().find(id).await.expect("an answer");
        row.map(|row| (row.owner, row.host)).expect("the instance")
    };
    assert_eq!(owner().await, (Some(Incarnation(7)), Some("h:1".to_owned())));
    for state in ["queued", "paused", "stopped", "failed", "succeeded"] {
        fixture
            .sql(&format!("UPDATE instance SET run = run + 1, state = '{state}'"))
            .await;
        assert_eq!(owner().await, (None, None), "{state}");
    }
}

pub(super) async fn a_moving_instance_says_what_became_of_its_owner(fixture: &CatalogFixture) {
    let id = in_default(fixture, "running").await;
    fixture
        .sql(
            "INSERT INTO member (name, host, roles, state, version, joined_at, state_at) \
             VALUES ('n', 'h:1', 'master', 'dead', '1', 0, 0), ('n', 'h:1', 'master', 'left', '1', 0, 0)",
        )
        .await;
    for (owner, words) in [(1, "owner n/1 declared dead"), (2, "owner n/2 has left")] {
        let owns = format!("UPDATE instance SET owner = {owner}, host = 'h:1', epoch = {owner}");
        fixture.sql(&owns).await;
        let row = fixture.catalog.instances().find(id).await.expect("an answer");
        let reason = row.expect("the instance").reason.unwrap_or_default();
        assert!(reason.contains(words), "{reason}");
    }
}

#[expect(clippy::too_many_lines, reason = "one list, filtered in every way")]
pub(super) async fn instances_are_listed_newest_first_by_every_filter(fixture: &CatalogFixture) {
    let retail = fixture.project("retail").await.id;
    let (one, two) = (fixture.flow(DEFAULT, "w").await, fixture.flow(retail, "v").await);
    for (project, workflow, state) in [
        (DEFAULT, one, "running"),
        (retail, two, "failed"),
        (DEFAULT, one, "succeeded"),
        (retail, two, "running"),
    ] {
        fixture.instance(project, workflow, state).await;
    }
    fixture
        .sql("UPDATE instance SET owner = 7, host = 'h:1', epoch = 1 WHERE id IN (2, 4)")
        .await;
    assert_eq!(listed(fixture, &all()).await, [4, 3, 2, 1]);
    let cases = [
        (
            InstanceFilter {
                project: Some("retail".to_owned()),
                ..all()
            },
            vec![4, 2],
        ),
        (
            InstanceFilter {
                workflow: Some("w".to_owned()),
                ..all()
            },
            vec![3, 1],
        ),
        (
            InstanceFilter {
                host: Some("h:1".to_owned()),
                ..all()
            },
            vec![4],
        ),
        (
            InstanceFilter {
                states: vec![InstanceState::Failed, InstanceState::Succeeded],
                ..all()
            },
            vec![3, 2],
        ),
        (
            InstanceFilter {
                project: Some("default".to_owned()),
                workflow: Some("w".to_owned()),
                states: vec![InstanceState::Running],
                ..all()
            },
            vec![1],
        ),
        (
            InstanceFilter {
                project: Some("' OR 1=1 --".to_owned()),
                ..all()
            },
            vec![],
        ),
    ];
    for (filter, ids) in cases {
        assert_eq!(listed(fixture, &filter).await, ids, "{filter:?}");
    }
}

pub(super) async fn instances_are_paged_by_a_cursor_of_their_own(fixture: &CatalogFixture) {
    for _ in 0..4 {
        in_default(fixture, "running").await;
    }
    let page = PageRequest {
        limit: 3,
        cursor: None,
    };
    let first = fixture
        .catalog
        .instances()
        .list(&all(), &page)
        .await
        .expect("a page");
    let next = PageRequest {
        limit: 3,
        cursor: first.next_cursor,
    };
    let second = fixture
        .catalog
        .instances()
        .list(&all(), &next)
        .await
        .expect("a page");
    assert_eq!(second.items.iter().map(|row| row.id.0).collect::<Vec<_>>(), [1]);
    let broken = PageRequest {
        limit: 3,
        cursor: Some("zz".to_owned()),
    };
    let refused = fixture.catalog.instances().list(&all(), &broken).await;
    assert!(matches!(refused, Err(CatalogError::Rejected(_))), "{refused:?}");
}

pub(super) async fn instances_of_projects_without_a_grant_are_not_listed(fixture: &CatalogFixture) {
    let (ann, retail) = (fixture.member("ann").await, fixture.project("retail").await.id);
    let (one, two) = (fixture.flow(DEFAULT, "w").await, fixture.flow(retail, "v").await);
    fixture.instance(DEFAULT, one, "running").await;
    fixture.instance(retail, two, "running").await;
    let hers = InstanceFilter {
        visible: VisibilityScope::GrantedTo(ann.id),
        ..all()
    };
    assert_eq!(listed(fixture, &hers).await, Vec::<i64>::new());
    let grant = Grant {
        user: "ann".to_owned(),
        permission: Permission::Read,
    };
    fixture
        .catalog
        .grants()
        .put(retail, &grant, &asked())
        .await
        .expect("a grant");
    assert_eq!(listed(fixture, &hers).await, [2]);
    assert_eq!(
        listed(
            fixture,
            &InstanceFilter {
                project: Some("default".to_owned()),
                ..hers
            }
        )
        .await,
        Vec::<i64>::new()
    );
}

pub(super) async fn every_task_is_listed_in_the_order_of_the_definition(fixture: &CatalogFixture) {
    let id = in_default(fixture, "stopped").await;
    fixture
        .sql(&format!(
            "INSERT INTO task_instance (instance, task_index, state, attempts, outputs) \
             VALUES ({id}, 0, 'succeeded', 2, '{{\"rows\": \"7\"}}'); \
             INSERT INTO attempt (instance, task_index, number, epoch, state, worker, worker_name, dispatch_id, created_at) \
             VALUES ({id}, 0, 1, 1, 'failed', 3, 'n1', '1-{id}-0-1-1', 1), ({id}, 0, 2, 1, 'succeeded', 4, 'n2', \
             '1-{id}-0-2-1', 2)"
        ))
        .await;
    let page = PageRequest {
        limit: 2,
        cursor: None,
    };
    let first = fixture.catalog.tasks().list(id, &page).await.expect("a page");
    let names: Vec<_> = first
        .items
        .iter()
        .map(|task| (task.name.as_str(), task.kind, task.state))
        .collect();
    assert_eq!(
        names,
        [
            ("a", "noop", TaskState::Succeeded),
            ("b", "noop", TaskState::NotRun)
        ]
    );
    assert_eq!(
        (first.items[0].attempts, first.items[0].worker.as_deref()),
        (2, Some("n2"))
    );
    assert_eq!(first.items[0].outputs["rows"], "7");
    assert_eq!(first.items[1].reason.as_deref(), Some("stopped"));
    let next = PageRequest {
        limit: 2,
        cursor: first.next_cursor,
    };
    let second = fixture.catalog.tasks().list(id, &next).await.expect("a page");
    assert_eq!(
        second
            .items
            .iter()
            .map(|task| task.name.as_str())
            .collect::<Vec<_>>(),
        ["c"]
    );
    assert_eq!(second.next_cursor, None);
    let missing = fixture.catalog.tasks().list(InstanceId(99), &page).await;
    assert!(
        matches!(missing, Err(CatalogError::NotFound { .. })),
        "{missing:?}"
    );
}

pub(super) async fn a_task_is_read_with_its_attempts(fixture: &CatalogFixture) {
    let id = in_default(fixture, "running").await;
    fixture
        .sql(&format!(
            "INSERT INTO task_instance (instance, task_index, state, attempts, started_at) \
             VALUES ({id}, 2, 'waiting', 2, 5); \
             INSERT INTO attempt (instance, task_index, number, epoch, state, worker, worker_name, dispatch_id, pid, exit_code, \
             error, created_at, started_at, ended_at) \
             VALUES ({id}, 2, 1, 1, 'failed', 3, 'n1', '1-{id}-2-1-1', 42, 7, 'exit code 7', 4, 5, 6), \
             ({id}, 2, 2, 1, 'created', NULL, NULL, NULL, NULL, NULL, NULL, 8, NULL, NULL)"
        ))
        .await;
    let detail = fixture.catalog.tasks().find(id, "c").await.expect("the task");
    assert_eq!(
        (detail.task.state, detail.task.worker),
        (TaskState::Waiting, None)
    );
    let [first, second] = &detail.attempts[..] else {
        panic!("{:?}", detail.attempts);
    };
    assert_eq!(
        (first.number, first.state, first.exit_code),
        (AttemptNumber(1), AttemptState::Failed, Some(7))
    );
    assert_eq!(
        first.uid.map(|uid| uid.to_string()),
        Some(format!("1-{id}-2-1-1"))
    );
    assert_eq!((first.pid, first.ended_at), (Some(42), Some(Timestamp(6))));
    assert_eq!(
        (second.state, second.uid, second.worker.as_deref()),
        (AttemptState::Created, None, None)
    );
    let missing = fixture.catalog.tasks().find(id, "x").await;
    assert!(
        matches!(missing, Err(CatalogError::NotFound { .. })),
        "{missing:?}"
    );
}

pub(super) async fn history_is_paged_oldest_first_with_the_names_of_tasks(fixture: &CatalogFixture) {
    let id = in_default(fixture, "running").await;
    fixture
        .sql(&format!(
            "INSERT INTO transition (instance, at, task_index, attempt, from_state, to_state, why, host, epoch) \
             VALUES ({id}, 1, NULL, NULL, NULL, 'running', 'started', '', 0), \
             ({id}, 2, 1, 3, 'waiting', 'dispatched', 'a slot', 'h:1', 1), ({id} + 1, 2, NULL, NULL, NULL, 'running', 'other', '', 0), \
             ({id}, 3, NULL, NULL, 'running', 'failed', 'a task failed', 'h:1', 1)"
        ))
        .await;
    let page = PageRequest {
        limit: 2,
        cursor: None,
    };
    let first = fixture.catalog.history().list(id, &page).await.expect("a page");
    let shown: Vec<_> = first
        .items
        .iter()
        .map(|entry| (entry.task.as_deref(), entry.to.as_str()))
        .collect();
    assert_eq!(shown, [(None, "running"), (Some("b"), "dispatched")]);
    assert_eq!(
        (first.items[0].from.as_deref(), first.items[0].host.as_deref()),
        (None, None)
    );
    assert_eq!(
        (first.items[1].attempt, first.items[1].epoch),
        (Some(AttemptNumber(3)), Epoch(1))
    );
    let next = PageRequest {
        limit: 2,
        cursor: first.next_cursor,
    };
    let second = fixture.catalog.history().list(id, &next).await.expect("a page");
    assert_eq!(
        second
            .items
            .iter()
            .map(|entry| entry.to.as_str())
            .collect::<Vec<_>>(),
        ["failed"]
    );
}

pub(super) async fn ownership_says_whether_an_owner_lives_or_is_on_its_way(fixture: &CatalogFixture) {
    let id = in_default(fixture, "running").await;
    let state = async || {
        fixture
            .catalog
            .history()
            .ownership(id)
            .await
            .expect("an answer")
            .expect("the instance")
            .state
    };
    assert_eq!(state().await, OwnershipState::Moving);
    fixture
        .sql(&format!(
            "INSERT INTO member (name, host, roles, state, version, joined_at, state_at) \
             VALUES ('n', 'h:1', 'master', 'active', '1', 0, 0); \
             UPDATE instance SET owner = 1, host = 'h:1', epoch = 1 WHERE id = {id}; \
             INSERT INTO owner_log (instance, epoch, owner, host, from_host, at, why) \
             VALUES ({id}, 1, 1, 'h:1', NULL, 5, 'start'), ({id}, 2, 2, 'h:2', 'h:1', 6, 'failover')"
        ))
        .await;
    let owned = fixture
        .catalog
        .history()
        .ownership(id)
        .await
        .expect("an answer")
        .expect("the instance");
    assert_eq!(
        (owned.state, owned.owner, owned.epoch),
        (OwnershipState::Owned, Some(Incarnation(1)), Epoch(1))
    );
    assert_eq!(
        (owned.log.len(), owned.log[0].why, owned.log[0].at),
        (1, OwnershipReason::Start, Timestamp(5)),
        "an owner that came after the row was read is not shown yet"
    );
    fixture.sql("UPDATE member SET state = 'dead'").await;
    assert_eq!(state().await, OwnershipState::Moving);
    fixture
        .sql(&format!(
            "UPDATE instance SET owner = NULL, host = NULL, state = 'paused' WHERE id = {id}"
        ))
        .await;
    assert_eq!(state().await, OwnershipState::Unowned);
    fixture
        .sql(&format!("UPDATE instance SET state = 'stopped' WHERE id = {id}"))
        .await;
    assert_eq!(state().await, OwnershipState::Final);
    assert_eq!(
        fixture.catalog.history().ownership(InstanceId(99)).await,
        Ok(None)
    );
}

pub(super) async fn only_a_final_instance_without_a_verb_is_deleted(fixture: &CatalogFixture) {
    let id = in_default(fixture, "running").await;
    let delete = async || fixture.catalog.instances().delete(id, &asked()).await;
    let refused = |answer: &Result<DeleteOutcome, _>, expected: InstanceState| matches!(answer, Ok(DeleteOutcome::InvalidState { state, .. }) if *state == expected);
    assert!(refused(&delete().await, InstanceState::Running));
    fixture
        .sql(&format!("UPDATE instance SET state = 'failed' WHERE id = {id}"))
        .await;
    let recover = PostCommand {
        instance: id,
        command: Command::Recover,
        task: None,
        reason: None,
        arguments: CommandArguments::default(),
    };
    fixture
        .catalog
        .operations()
        .post(&recover, &asked())
        .await
        .expect("a verb");
    assert!(refused(&delete().await, InstanceState::Failed));
    fixture
        .sql("UPDATE inbox SET applied_at = 9, outcome = 'refused'")
        .await;
    fixture
        .sql(&format!(
            "INSERT INTO task_instance (instance, task_index, state) VALUES ({id}, 0, 'failed')"
        ))
        .await;
    assert_eq!(delete().await, Ok(DeleteOutcome::Gone));
    assert_eq!(
        (
            fixture.count("instance").await,
            fixture.count("task_instance").await
        ),
        (0, 0)
    );
    let again = delete().await;
    assert!(matches!(again, Err(CatalogError::NotFound { .. })), "{again:?}");
}

pub(super) async fn a_delete_requests_of_each_worker_to_remove_the_logs(fixture: &CatalogFixture) {
    let (id, other) = (
        in_default(fixture, "failed").await,
        in_default(fixture, "failed").await,
    );
    fixture
        .sql(&format!(
            "INSERT INTO attempt (instance, task_index, number, epoch, state, worker, worker_name, dispatch_id, created_at) \
             VALUES ({id}, 0, 1, 1, 'failed', 3, 'n1', '1-{id}-0-1-1', 1), ({id}, 0, 2, 1, 'failed', 3, 'n1', \
             '1-{id}-0-2-1', 2), ({id}, 1, 1, 1, 'failed', 4, 'n2', '1-{id}-1-1-1', 2), \
             ({id}, 2, 1, 1, 'created', NULL, NULL, NULL, 2), ({other}, 0, 1, 1, 'failed', 3, 'n1', '1-{other}-0-1-1', 1)"
        ))
        .await;
    let removals = fixture.catalog.log_removals();
    assert_eq!(removals.list("n1").await, Ok(Vec::new()));
    let deleted = fixture.catalog.instances().delete(id, &asked()).await;
    assert_eq!(deleted, Ok(DeleteOutcome::Gone));
    assert_eq!(removals.list("n1").await, Ok(vec![id]));
    assert_eq!(removals.list("n2").await, Ok(vec![id]));
    removals.forget("n1", &[id, other]).await.expect("it is stored");
    assert_eq!(removals.list("n1").await, Ok(Vec::new()));
    assert_eq!(removals.list("n2").await, Ok(vec![id]), "it may be away now");
}
