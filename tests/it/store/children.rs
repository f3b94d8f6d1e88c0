//! Children of tasks: once for each attempt and index, only under an open attempt, taken over and commanded.

use engine::children::ChildSummary;
use engine::ids::{AttemptNumber, Epoch, InstanceId, TaskIndex, Timestamp};
use engine::instance::Changes;
use engine::states::{AttemptState, Command, InstanceState, KillCause, TaskState};
use engine::task::Attempt;
use engine::task_type::child_workflow::ChildWorkflow;
use engine::trigger::{ParentAttempt, Trigger};
use ports::{
    ChildStore as _, ChildWorkflowQuery, ChildrenCommand, ChildrenCommit, ChildrenOutcome, ChildrenTakeover,
    InboxStore as _, NewInstance, NodeIdentity, ParentTask, TakeoverOutcome, Write, WriteOutcome,
};

use super::cases::{attempt, create, header, of_tasks, round, store, task};
use super::store_under_test::{Database, join, new_instance};

macro_rules! on_both_databases {
    ($($case:ident),+ $(,)?) => {
        mod on_sqlite {
            $(
                #[tokio::test]
                async fn $case() {
                    super::$case(&super::Database::on_sqlite().await).await;
                }
            )+
        }

        mod on_postgres {
            $(
                #[tokio::test]
                async fn $case() {
                    if let Some(database) = super::Database::on_postgres().await {
                        super::$case(&database).await;
                    }
                }
            )+
        }
    };
}

on_both_databases!(
    a_child_is_made_once,
    children_need_an_open_attempt_of_their_owner,
    a_disabled_workflow_starts_no_child,
    children_are_listed_with_those_that_were_taken_over,
    a_take_over_moves_children_and_commands_them_once,
    a_command_waits_once_in_an_inbox,
    a_workflow_that_cannot_start_is_refused_with_the_reason,
    a_circle_is_refused_with_its_path,
    instances_are_nested_sixteen_deep,
    a_parent_is_deleted_with_its_children,
);

/// An open attempt in the owner, without worker.
fn open_attempt(number: u32) -> Attempt {
    Attempt {
        uid: None,
        worker: None,
        kill_cause: None,
        dispatch_number: 0,
        number: AttemptNumber(number),
        ended_at: None,
        ..attempt(InstanceId(1), 0, number, AttemptState::Running)
    }
}

async fn put_attempt(
    database: &Database,
    me: &NodeIdentity,
    id: InstanceId,
    (revision, open): (i64, Attempt),
) {
    let changes = Changes {
        record: Some(header(InstanceState::Running)),
        ..of_tasks([(0, task(TaskState::Running, Some(open)))])
    };
    let stored = store(database, round(me, id, revision, changes)).await;
    assert_eq!(stored, WriteOutcome::Stored);
}

async fn parent_with_attempt(database: &Database, number: u32) -> (NodeIdentity, ParentTask) {
    let me = join(database, "one", "h1").await;
    let id = create(database, Some(&me)).await;
    put_attempt(database, &me, id, (0, open_attempt(number))).await;
    let parent = parent_task(&me, id, number);
    (me, parent)
}

fn parent_task(me: &NodeIdentity, id: InstanceId, number: u32) -> ParentTask {
    ParentTask {
        instance: id,
        owner: me.incarnation,
        epoch: Epoch(1),
        task_index: TaskIndex(0),
        task: "each".to_owned(),
        attempt: AttemptNumber(number),
        since: AttemptNumber(1),
    }
}

fn child_of(parent: &ParentTask, index: u32, owner: Option<&NodeIdentity>) -> NewInstance {
    NewInstance {
        trigger: Trigger::Dynamic {
            parent: ParentAttempt {
                instance: parent.instance,
                task: parent.task.clone(),
                attempt: parent.attempt,
            },
            index,
        },
        ..new_instance(owner)
    }
}

fn commit_of(parent: &ParentTask, indexes: &[u32], owner: Option<&NodeIdentity>) -> ChildrenCommit {
    ChildrenCommit {
        parent: parent.clone(),
        instances: indexes
            .iter()
            .map(|index| child_of(parent, *index, owner))
            .collect(),
    }
}

async fn make(database: &Database, commit: ChildrenCommit) -> ChildrenOutcome {
    let mut outcomes = database
        .store
        .create_children(&[commit])
        .await
        .expect("an answer");
    assert_eq!(outcomes.len(), 1);
    outcomes.remove(0)
}

async fn list(database: &Database, parent: &ParentTask) -> Vec<ChildSummary> {
    let lists = database.store.list_children(std::slice::from_ref(parent)).await;
    lists.expect("an answer").remove(0)
}

fn created(outcome: &ChildrenOutcome) -> Vec<usize> {
    match outcome {
        ChildrenOutcome::Stored(children) => children.iter().map(|child| child.place).collect(),
        other => panic!("{other:?}"),
    }
}

async fn a_child_is_made_once(database: &Database) {
    let (me, parent) = parent_with_attempt(database, 1).await;
    let first = make(database, commit_of(&parent, &[0, 1], Some(&me))).await;
    assert_eq!(created(&first), [0, 1]);
    let again = make(database, commit_of(&parent, &[1, 2], Some(&me))).await;
    assert_eq!(created(&again), [1], "only the second one is new");
    let indexes: Vec<u32> = list(database, &parent)
        .await
        .iter()
        .map(|child| child.index)
        .collect();
    assert_eq!(indexes, [0, 1, 2]);
    let by_hand = child_of(&parent, 0, None);
    let doubled = ChildrenCommit {
        parent: parent.clone(),
        instances: vec![by_hand.clone(), child_of(&parent, 7, None)],
    };
    assert_eq!(created(&make(database, doubled).await), [1]);
    let stored = store(database, Write::Create(by_hand)).await;
    assert!(matches!(stored, WriteOutcome::Rejected(_)), "{stored:?}");
}

async fn children_need_an_open_attempt_of_their_owner(database: &Database) {
    let (me, parent) = parent_with_attempt(database, 1).await;
    let other_epoch = ParentTask {
        epoch: Epoch(2),
        ..parent.clone()
    };
    let other_attempt = ParentTask {
        attempt: AttemptNumber(2),
        ..parent.clone()
    };
    for wrong in [other_epoch, other_attempt] {
        assert_eq!(
            make(database, commit_of(&wrong, &[0], None)).await,
            ChildrenOutcome::Deferred
        );
    }
    let killed = Attempt {
        kill_cause: Some(KillCause::Stop),
        ..open_attempt(1)
    };
    put_attempt(database, &me, parent.instance, (1, killed)).await;
    assert_eq!(
        make(database, commit_of(&parent, &[0], None)).await,
        ChildrenOutcome::Deferred
    );
    put_attempt(database, &me, parent.instance, (2, open_attempt(1))).await;
    let pausing = Changes {
        record: Some(header(InstanceState::Pausing)),
        ..Changes::default()
    };
    store(database, round(&me, parent.instance, 3, pausing)).await;
    assert_eq!(
        make(database, commit_of(&parent, &[0], None)).await,
        ChildrenOutcome::Deferred
    );
    assert_eq!(list(database, &parent).await, []);
}

async fn a_disabled_workflow_starts_no_child(database: &Database) {
    let (_, parent) = parent_with_attempt(database, 1).await;
    database.sql("UPDATE workflow SET enabled = FALSE").await;
    assert_eq!(
        make(database, commit_of(&parent, &[0], None)).await,
        ChildrenOutcome::NotStartable
    );
}

async fn children_are_listed_with_those_that_were_taken_over(database: &Database) {
    let (me, first) = parent_with_attempt(database, 1).await;
    make(database, commit_of(&first, &[0, 1], None)).await;
    put_attempt(database, &me, first.instance, (1, closed(1))).await;
    put_attempt(database, &me, first.instance, (2, open_attempt(2))).await;
    let second = parent_task(&me, first.instance, 2);
    assert_eq!(list(database, &second).await.len(), 2, "before they are moved");
    let alone = ParentTask {
        since: AttemptNumber(2),
        ..second.clone()
    };
    assert_eq!(list(database, &alone).await, [], "a new lineage");
}

fn closed(number: u32) -> Attempt {
    Attempt {
        state: AttemptState::Failed,
        ended_at: Some(Timestamp(2_000)),
        ..open_attempt(number)
    }
}

async fn a_take_over_moves_children_and_commands_them_once(database: &Database) {
    let (me, first) = parent_with_attempt(database, 1).await;
    make(database, commit_of(&first, &[0, 1, 2, 3, 9], None)).await;
    let ids: Vec<InstanceId> = list(database, &first)
        .await
        .iter()
        .map(|child| child.id)
        .collect();
    for (id, state) in ids.iter().zip(["failed", "stopped", "paused", "succeeded"]) {
        let sql = format!("UPDATE instance SET state = '{state}' WHERE id = {id}");
        database.sql(&sql).await;
    }
    put_attempt(database, &me, first.instance, (1, closed(1))).await;
    put_attempt(database, &me, first.instance, (2, open_attempt(2))).await;
    let takeover = ChildrenTakeover {
        parent: parent_task(&me, first.instance, 2),
        count: 5,
        at: Timestamp(3_000),
    };
    let done = database
        .store
        .take_over_children(&takeover)
        .await
        .expect("an answer");
    assert_eq!(done, TakeoverOutcome::Done(ids[..3].to_vec()));
    let commands = database
        .store
        .list_unapplied_commands(&ids)
        .await
        .expect("commands");
    let commands: Vec<(InstanceId, Command)> = commands
        .iter()
        .map(|command| (command.instance, command.command))
        .collect();
    let wanted = [
        (ids[0], Command::Recover),
        (ids[1], Command::Recover),
        (ids[2], Command::Resume),
    ];
    assert_eq!(commands, wanted);
    let again = database
        .store
        .take_over_children(&takeover)
        .await
        .expect("an answer");
    assert_eq!(
        again,
        TakeoverOutcome::Done(Vec::new()),
        "nothing is left to be moved"
    );
    let left = database
        .sql("UPDATE instance SET reason = NULL WHERE parent_attempt = 1")
        .await;
    assert_eq!(left, 1, "the child past the last combination stays");
}

async fn a_command_waits_once_in_an_inbox(database: &Database) {
    let (me, parent) = parent_with_attempt(database, 1).await;
    make(database, commit_of(&parent, &[0, 1], Some(&me))).await;
    let ids: Vec<InstanceId> = list(database, &parent)
        .await
        .iter()
        .map(|child| child.id)
        .collect();
    let command = ChildrenCommand {
        parent: parent.clone(),
        command: Command::Pause,
        children: ids.clone(),
        at: Timestamp(3_000),
    };
    let stored = database
        .store
        .command_children(&command)
        .await
        .expect("an answer");
    assert_eq!(stored, ids);
    let later = ChildrenCommand {
        at: Timestamp(4_000),
        ..command.clone()
    };
    let again = database.store.command_children(&later).await.expect("an answer");
    assert_eq!(again, [], "the same command waits already");
    database.sql("UPDATE inbox SET applied_at = 1").await;
    let next = database.store.command_children(&later).await.expect("an answer");
    assert_eq!(next, ids, "the last one is decided");
    let stale = ChildrenCommand {
        parent: ParentTask {
            epoch: Epoch(7),
            ..parent
        },
        command: Command::Stop,
        ..later
    };
    let refused = database.store.command_children(&stale).await.expect("an answer");
    assert_eq!(refused, [], "another owner commands nothing");
}

async fn put_workflow(database: &Database, name: &str, tasks: &str) {
    let id = 100 + name.bytes().map(i64::from).sum::<i64>();
    let model = format!(r#"{{"version":1,"name":"{name}","tasks":{tasks}}}"#);
    let workflow = format!(
        "INSERT INTO workflow (id, project_id, name, version, created_at, updated_at) VALUES ({id}, 1, '{name}', 1, 0, 0)"
    );
    database.sql(&workflow).await;
    let version = format!(
        "INSERT INTO workflow_version (workflow_id, version, model, source, source_format, hash, created_at, created_by) \
         VALUES ({id}, 1, '{model}', '', 'json', '', 0, 'admin')"
    );
    database.sql(&version).await;
}

fn query(parent: InstanceId, workflow: &str, target: &str) -> ChildWorkflowQuery {
    ChildWorkflowQuery {
        parent,
        project: "default".to_owned(),
        workflow: workflow.to_owned(),
        target: ChildWorkflow {
            project: None,
            name: target.to_owned(),
            version: None,
        },
    }
}

async fn refusal_of(database: &Database, query: ChildWorkflowQuery) -> Option<String> {
    let found = database.store.find_child_versions(&[query]).await;
    let found = found.expect("an answer").remove(0);
    found.err().map(|refusal| refusal.reason)
}

const NOOP: &str = r#"{"t":{"type":"noop"}}"#;

async fn a_workflow_that_cannot_start_is_refused_with_the_reason(database: &Database) {
    let (_, parent) = parent_with_attempt(database, 1).await;
    put_workflow(database, "part", NOOP).await;
    let plain = query(parent.instance, "flow", "part");
    assert_eq!(refusal_of(database, plain.clone()).await, None);
    let mut late = plain.clone();
    late.target.version = Some(99);
    let mut elsewhere = plain.clone();
    elsewhere.target.project = Some("nowhere".to_owned());
    let cases = [
        (query(parent.instance, "flow", "unknown"), "`unknown`"),
        (late, "99"),
        (elsewhere, "`nowhere`"),
    ];
    for (query, word) in cases {
        let reason = refusal_of(database, query).await.expect("a refusal");
        assert!(reason.contains(word), "{reason}");
    }
    database.sql("UPDATE workflow SET enabled = FALSE").await;
    let reason = refusal_of(database, plain).await.expect("a refusal");
    assert!(reason.contains("disabled"), "{reason}");
}

async fn a_circle_is_refused_with_its_path(database: &Database) {
    let (_, parent) = parent_with_attempt(database, 1).await;
    let starts = |name: &str| format!(r#"{{"c":{{"type":"sub_workflow","workflow":"{name}"}}}}"#);
    let spreads =
        |name: &str| format!(r#"{{"c":{{"type":"dynamic","workflow":"{name}","over":{{"k":["1"]}}}}}}"#);
    put_workflow(database, "a", &starts("b")).await;
    put_workflow(database, "b", &spreads("c")).await;
    put_workflow(database, "c", &starts("a")).await;
    put_workflow(database, "into", &starts("a")).await;
    put_workflow(database, "self", &starts("self")).await;
    let cases = [("a", "b", "a -> b -> c -> a"), ("self", "self", "self -> self")];
    for (from, to, path) in cases {
        let reason = refusal_of(database, query(parent.instance, from, to)).await;
        let reason = reason.expect("a refusal");
        assert!(reason.contains(path), "{reason}");
    }
    let outside = refusal_of(database, query(parent.instance, "into", "a")).await;
    assert_eq!(outside, None, "it is not inside the circle");
}

async fn instances_are_nested_sixteen_deep(database: &Database) {
    let me = join(database, "one", "h1").await;
    put_workflow(database, "part", NOOP).await;
    let mut chain = vec![create(database, Some(&me)).await];
    for _ in 1..16 {
        let above = parent_task(&me, chain[chain.len() - 1], 1);
        let stored = store(database, Write::Create(child_of(&above, 0, None))).await;
        let WriteOutcome::Created { id, .. } = stored else {
            panic!("{stored:?}")
        };
        chain.push(id);
    }
    assert_eq!(refusal_of(database, query(chain[14], "flow", "part")).await, None);
    let reason = refusal_of(database, query(chain[15], "flow", "part")).await;
    assert!(reason.expect("a refusal").contains("16"));
}

async fn a_parent_is_deleted_with_its_children(database: &Database) {
    let me = join(database, "one", "h1").await;
    let top = create(database, None).await;
    let mut ids = vec![top];
    for above in [0, 0, 1] {
        let above = parent_task(&me, ids[above], 1);
        let index = u32::try_from(ids.len()).expect("a few");
        let stored = store(database, Write::Create(child_of(&above, index, None))).await;
        let WriteOutcome::Created { id, .. } = stored else {
            panic!("{stored:?}")
        };
        ids.push(id);
    }
    let catalog = catalog::Catalog::new(&database.store);
    let context = catalog::AuditContext {
        user: "admin".to_owned(),
        source: String::new(),
        request_id: String::new(),
        at: Timestamp(5_000),
        key: None,
    };
    let end_all = "UPDATE instance SET state = 'succeeded'";
    let reopen =
        |id: InstanceId| format!("UPDATE instance SET state = 'running', run = run + 1 WHERE id = {id}");
    database.sql(end_all).await;
    database.sql(&reopen(ids[3])).await;
    let held = catalog
        .instances()
        .delete(top, &context)
        .await
        .expect("an answer");
    assert!(
        matches!(&held, catalog::DeleteOutcome::InvalidState { detail, .. } if detail.contains(&ids[3].to_string())),
        "{held:?}"
    );
    database.sql(end_all).await;
    database.sql(&reopen(top)).await;
    let held = catalog
        .instances()
        .delete(ids[2], &context)
        .await
        .expect("an answer");
    assert!(
        matches!(&held, catalog::DeleteOutcome::InvalidState { detail, .. } if detail.contains(&top.to_string())),
        "{held:?}"
    );
    database.sql(end_all).await;
    let gone = catalog
        .instances()
        .delete(top, &context)
        .await
        .expect("an answer");
    assert_eq!(gone, catalog::DeleteOutcome::Gone);
    let left = database.sql("UPDATE instance SET reason = NULL").await;
    assert_eq!(left, 0, "its children and theirs go with it");
}
