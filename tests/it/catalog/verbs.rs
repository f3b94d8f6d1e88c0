use engine::ids::{InstanceId, OperationId, Run};
use engine::states::{Command, InstanceState, OperationStatus};
use store::catalog::{CatalogError, PostVerb, Posted, ProjectId, VerbPosted};

use super::house::{House, asked, keyed};

const DEFAULT: ProjectId = ProjectId(1);

fn on(instance: InstanceId, verb: Command) -> PostVerb {
    PostVerb {
        instance,
        verb,
        task: None,
        reason: Some("because".to_owned()),
    }
}

async fn instance(house: &House, state: &str) -> InstanceId {
    let workflow = house.flow(DEFAULT, "w").await;
    house.instance(DEFAULT, workflow, state).await
}

fn accepted(answer: Result<VerbPosted, CatalogError>) -> Posted {
    match answer {
        Ok(VerbPosted::Accepted(posted)) => posted,
        other => panic!("not accepted: {other:?}"),
    }
}

pub(super) async fn a_verb_waits_in_the_inbox_for_the_run_that_was_read(house: &House) {
    let id = instance(house, "running").await;
    house
        .sql("UPDATE instance SET run = 3, owner = 7, host = 'h:1', epoch = 1")
        .await;
    let posted = accepted(house.catalog.post_verb(&on(id, Command::Pause), &asked()).await);
    assert_eq!((posted.run, posted.host.as_deref()), (Run(3), Some("h:1")));
    assert_eq!(
        house
            .count("inbox WHERE run = 3 AND kind = 'verb' AND verb = 'pause' AND reason = 'because'")
            .await,
        1
    );
    let operation = house
        .catalog
        .operation(posted.operation)
        .await
        .expect("an answer")
        .expect("the operation");
    assert_eq!(
        (operation.verb, operation.outcome, operation.applied_at),
        (Command::Pause, OperationStatus::Pending, None)
    );
    assert_eq!(
        (operation.requested_by.as_str(), operation.project_id),
        ("admin", DEFAULT)
    );
    house
        .sql("UPDATE inbox SET applied_at = 9, outcome = 'refused', detail = 'too late'")
        .await;
    let decided = house
        .catalog
        .operation(posted.operation)
        .await
        .expect("an answer")
        .expect("the operation");
    assert_eq!(
        (decided.outcome, decided.detail.as_deref()),
        (OperationStatus::Refused, Some("too late"))
    );
    assert_eq!(house.catalog.operation(OperationId(99)).await, Ok(None));
    assert_eq!(house.count("audit WHERE action = 'instance.pause'").await, 1);
}

pub(super) async fn a_verb_that_cannot_apply_stores_nothing(house: &House) {
    let id = instance(house, "failed").await;
    let answer = house
        .catalog
        .post_verb(&on(id, Command::Pause), &keyed("k"))
        .await;
    let Ok(VerbPosted::InvalidState {
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
        [Command::Recover, Command::Rerun, Command::ForceSuccess]
    );
    assert!(
        detail.contains("failed") && detail.contains("recover"),
        "{detail}"
    );
    assert_eq!(
        (house.count("inbox").await, house.count("request_key").await),
        (0, 0)
    );
    assert_eq!(house.count("audit WHERE action = 'instance.pause'").await, 0);
}

pub(super) async fn a_verb_on_something_unknown_is_not_found(house: &House) {
    let id = instance(house, "failed").await;
    let missing = house
        .catalog
        .post_verb(&on(InstanceId(99), Command::Stop), &asked())
        .await;
    assert!(
        matches!(missing, Err(CatalogError::NotFound { .. })),
        "{missing:?}"
    );
    let force = |task: &str| PostVerb {
        task: Some(task.to_owned()),
        ..on(id, Command::ForceSuccess)
    };
    let missing = house.catalog.post_verb(&force("x"), &asked()).await;
    assert!(
        matches!(missing, Err(CatalogError::NotFound { .. })),
        "{missing:?}"
    );
    assert_eq!(house.count("inbox").await, 0);
    accepted(house.catalog.post_verb(&force("a"), &asked()).await);
    assert_eq!(house.count("inbox WHERE task = 'a'").await, 1);
}

pub(super) async fn a_repeated_verb_is_known_by_its_key(house: &House) {
    let id = instance(house, "running").await;
    let posted = accepted(house.catalog.post_verb(&on(id, Command::Stop), &keyed("k")).await);
    let known = house
        .catalog
        .known_request("k")
        .await
        .expect("an answer")
        .expect("the key");
    assert_eq!(
        (known.kind.as_str(), known.resource),
        ("operation", posted.operation.to_string())
    );
    let again = house.catalog.post_verb(&on(id, Command::Stop), &keyed("k")).await;
    let refused = matches!(
        again,
        Err(CatalogError::Conflict {
            code: "IDEMPOTENCY_KEY_IN_USE",
            ..
        })
    );
    assert!(refused, "{again:?}");
    assert_eq!(house.count("inbox").await, 1);
}
