use catalog::{CatalogError, PostCommand, PostOutcome, PostedCommand, ProjectId};
use engine::ids::{InstanceId, OperationId, Run};
use engine::instance::CommandArguments;
use engine::states::{Command, InstanceState, OperationStatus};

use super::fixture::{CatalogFixture, asked, keyed};

const DEFAULT: ProjectId = ProjectId(1);

fn on(instance: InstanceId, command: Command) -> PostCommand {
    PostCommand {
        instance,
        command,
        task: None,
        reason: Some("because".to_owned()),
        arguments: CommandArguments::default(),
    }
}

async fn instance(fixture: &CatalogFixture, state: &str) -> InstanceId {
    let workflow = fixture.flow(DEFAULT, "w").await;
    fixture.instance(DEFAULT, workflow, state).await
}

fn accepted(answer: Result<PostOutcome, CatalogError>) -> PostedCommand {
    match answer {
        Ok(PostOutcome::Accepted(posted)) => posted,
        other => panic!("not accepted: {other:?}"),
    }
}

pub(super) async fn a_verb_waits_in_the_inbox_for_the_run_that_was_read(fixture: &CatalogFixture) {
    let id = instance(fixture, "running").await;
    fixture
        .sql("UPDATE instance SET run = 3, owner = 7, host = 'h:1', epoch = 1")
        .await;
    let posted = accepted(
        fixture
            .catalog
            .operations()
            .post(&on(id, Command::Pause), &asked())
            .await,
    );
    assert_eq!((posted.run, posted.host.as_deref()), (Run(3), Some("h:1")));
    assert_eq!(
        fixture
            .count("inbox WHERE run = 3 AND kind = 'command' AND command = 'pause' AND reason = 'because'")
            .await,
        1
    );
    let operation = fixture
        .catalog
        .operations()
        .find(posted.operation)
        .await
        .expect("an answer")
        .expect("the operation");
    assert_eq!(
        (operation.command, operation.outcome, operation.applied_at),
        (Command::Pause, OperationStatus::Pending, None)
    );
    assert_eq!(
        (operation.requested_by.as_str(), operation.project_id),
        ("admin", DEFAULT)
    );
    fixture
        .sql("UPDATE inbox SET applied_at = 9, outcome = 'refused', detail = 'too late'")
        .await;
    let decided = fixture
        .catalog
        .operations()
        .find(posted.operation)
        .await
        .expect("an answer")
        .expect("the operation");
    assert_eq!(
        (decided.outcome, decided.detail.as_deref()),
        (OperationStatus::Refused, Some("too late"))
    );
    assert_eq!(fixture.catalog.operations().find(OperationId(99)).await, Ok(None));
    assert_eq!(fixture.count("audit WHERE action = 'instance.pause'").await, 1);
}

pub(super) async fn a_verb_that_cannot_apply_stores_nothing(fixture: &CatalogFixture) {
    let id = instance(fixture, "failed").await;
    let answer = fixture
        .catalog
        .operations()
        .post(&on(id, Command::Pause), &keyed("k"))
        .await;
    let Ok(PostOutcome::InvalidState {
        state,
        possible,
        detail,
    }) = answer
    else {
        panic!("{answer:?}");
    };
    assert_eq!(state, InstanceState::Failed);
    assert_eq!(
        possible,
        [
            Command::Recover,
            Command::Rerun,
            Command::ForceSuccess,
            Command::SkipTask,
            Command::RunTask,
            Command::RetryTask
        ]
    );
    assert!(
        detail.contains("failed") && detail.contains("recover"),
        "{detail}"
    );
    assert_eq!(
        (fixture.count("inbox").await, fixture.count("request_key").await),
        (0, 0)
    );
    assert_eq!(fixture.count("audit WHERE action = 'instance.pause'").await, 0);
}

pub(super) async fn a_verb_on_something_unknown_is_not_found(fixture: &CatalogFixture) {
    let id = instance(fixture, "failed").await;
    let missing = fixture
        .catalog
        .operations()
        .post(&on(InstanceId(99), Command::Stop), &asked())
        .await;
    assert!(
        matches!(missing, Err(CatalogError::NotFound { .. })),
        "{missing:?}"
    );
    let force = |task: &str| PostCommand {
        task: Some(task.to_owned()),
        ..on(id, Command::ForceSuccess)
    };
    let missing = fixture.catalog.operations().post(&force("x"), &asked()).await;
    assert!(
        matches!(missing, Err(CatalogError::NotFound { .. })),
        "{missing:?}"
    );
    assert_eq!(fixture.count("inbox").await, 0);
    accepted(fixture.catalog.operations().post(&force("a"), &asked()).await);
    assert_eq!(fixture.count("inbox WHERE task = 'a'").await, 1);
}

pub(super) async fn a_repeated_verb_is_known_by_its_key(fixture: &CatalogFixture) {
    let id = instance(fixture, "running").await;
    let posted = accepted(
        fixture
            .catalog
            .operations()
            .post(&on(id, Command::Stop), &keyed("k"))
            .await,
    );
    let known = fixture
        .catalog
        .request_keys()
        .find("k")
        .await
        .expect("an answer")
        .expect("the key");
    assert_eq!(
        (known.kind.as_str(), known.resource),
        ("operation", posted.operation.to_string())
    );
    let again = fixture
        .catalog
        .operations()
        .post(&on(id, Command::Stop), &keyed("k"))
        .await;
    let refused = matches!(
        again,
        Err(CatalogError::Conflict {
            code: "IDEMPOTENCY_KEY_IN_USE",
            ..
        })
    );
    assert!(refused, "{again:?}");
    assert_eq!(fixture.count("inbox").await, 1);
}
