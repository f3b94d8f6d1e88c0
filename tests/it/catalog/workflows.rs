use std::collections::BTreeSet;

use catalog::{
    CatalogError, DependentsCheck, IfMatch, PageRequest, ProjectId, SaveOutcome, SavedVersion, SourceFormat,
    WorkflowEdit,
};
use engine::ids::Timestamp;

use super::fixture::{CatalogFixture, asked, asked_at, version};

const DEFAULT: ProjectId = ProjectId(1);

fn put(version: i64, outcome: SaveOutcome) -> Result<SavedVersion, CatalogError> {
    Ok(SavedVersion { version, outcome })
}

fn not_found<T: std::fmt::Debug>(answer: Result<T, CatalogError>) -> String {
    match answer {
        Err(CatalogError::NotFound { what }) => what,
        other => panic!("it was found: {other:?}"),
    }
}

pub(super) async fn a_put_creates_then_changes_or_leaves(fixture: &CatalogFixture) {
    let steps = [
        (1, 1, SaveOutcome::Created),
        (1, 1, SaveOutcome::Unchanged),
        (2, 2, SaveOutcome::Changed),
        (1, 3, SaveOutcome::Changed),
        (1, 3, SaveOutcome::Unchanged),
    ];
    for (mark, number, outcome) in steps {
        let answer = fixture
            .catalog
            .workflows()
            .save_version(DEFAULT, &version("w", mark), None, &asked())
            .await;
        assert_eq!(answer, put(number, outcome), "mark {mark}");
    }
    let list = fixture
        .catalog
        .workflows()
        .list(DEFAULT, &PageRequest::default())
        .await
        .expect("a page")
        .items;
    assert_eq!(list.len(), 1);
    assert_eq!(
        (list[0].version, list[0].tasks, list[0].description.as_str()),
        (3, 3, "mark 1")
    );
    assert_eq!(list[0].labels["team"], "bi");
    assert_eq!(fixture.count("audit WHERE action = 'workflow.put'").await, 3);
}

pub(super) async fn concurrent_puts_get_a_version_each(fixture: &CatalogFixture) {
    let puts = (1..=8).map(|mark| async move {
        let answer = fixture
            .catalog
            .workflows()
            .save_version(DEFAULT, &version("w", mark), None, &asked())
            .await;
        answer.expect("a version").version
    });
    let versions: BTreeSet<i64> = futures_util::future::join_all(puts).await.into_iter().collect();
    assert_eq!(versions, (1..=8).collect());
}

pub(super) async fn concurrent_first_puts_of_one_model_make_one_version(fixture: &CatalogFixture) {
    let puts = (0..6).map(|_| async {
        fixture
            .catalog
            .workflows()
            .save_version(DEFAULT, &version("w", 1), None, &asked())
            .await
            .expect("an answer")
    });
    let answers = futures_util::future::join_all(puts).await;
    let created = answers
        .iter()
        .filter(|put| put.outcome == SaveOutcome::Created)
        .count();
    assert_eq!(created, 1);
    assert!(answers.iter().all(|put| put.version == 1), "{answers:?}");
}

pub(super) async fn a_put_under_a_condition_that_does_not_hold_stores_nothing(fixture: &CatalogFixture) {
    let put_if = async |mark, if_match| {
        fixture
            .catalog
            .workflows()
            .save_version(DEFAULT, &version("w", mark), Some(if_match), &asked())
            .await
    };
    let refused = |answer| {
        matches!(
            answer,
            Err(CatalogError::Conflict {
                code: "PRECONDITION_FAILED",
                ..
            })
        )
    };
    assert!(refused(put_if(1, IfMatch::Exists).await));
    assert!(
        refused(put_if(1, IfMatch::Version(0)).await),
        "there is no version 0"
    );
    assert_eq!(fixture.count("workflow").await, 0);
    fixture.flow(DEFAULT, "w").await;
    assert!(refused(put_if(2, IfMatch::Version(2)).await));
    assert_eq!(put_if(2, IfMatch::Version(1)).await, put(2, SaveOutcome::Changed));
    assert!(refused(put_if(3, IfMatch::Version(1)).await));
    assert_eq!(put_if(3, IfMatch::Exists).await, put(3, SaveOutcome::Changed));
}

pub(super) async fn a_check_says_what_a_put_would_do_and_stores_nothing(fixture: &CatalogFixture) {
    let check = async |mark| {
        fixture
            .catalog
            .workflows()
            .check_version(DEFAULT, &version("w", mark), None)
            .await
    };
    assert_eq!(check(1).await, put(1, SaveOutcome::Created));
    assert_eq!(fixture.count("workflow").await, 0);
    fixture.flow(DEFAULT, "w").await;
    assert_eq!(check(1).await, put(1, SaveOutcome::Unchanged));
    assert_eq!(check(2).await, put(2, SaveOutcome::Changed));
    assert_eq!(fixture.count("workflow_version").await, 1);
}

pub(super) async fn a_version_is_read_whole(fixture: &CatalogFixture) {
    let (one, two) = (version("w", 1), version("w", 2));
    fixture
        .catalog
        .workflows()
        .save_version(DEFAULT, &one, None, &asked())
        .await
        .expect("a version");
    fixture
        .catalog
        .workflows()
        .save_version(DEFAULT, &two, None, &asked_at(2_000))
        .await
        .expect("a version");
    let newest = fixture
        .catalog
        .workflows()
        .find(DEFAULT, "w", None)
        .await
        .expect("an answer")
        .expect("the workflow");
    assert_eq!((newest.version, newest.created_at), (2, Timestamp(2_000)));
    assert_eq!((&newest.model, &newest.source), (&two.model, &two.source));
    assert_eq!(
        (newest.format, newest.created_by.as_str()),
        (SourceFormat::Json, "admin")
    );
    let first = fixture
        .catalog
        .workflows()
        .find(DEFAULT, "w", Some(1))
        .await
        .expect("an answer")
        .expect("version 1");
    assert_eq!(
        (first.hash.as_str(), first.created_at),
        ("hash-1", Timestamp(1_000))
    );
    for missing in [0, 3, -1] {
        assert_eq!(
            fixture
                .catalog
                .workflows()
                .find(DEFAULT, "w", Some(missing))
                .await,
            Ok(None)
        );
    }
    assert_eq!(
        fixture.catalog.workflows().find(DEFAULT, "x", None).await,
        Ok(None)
    );
}

pub(super) async fn versions_are_paged_newest_first(fixture: &CatalogFixture) {
    for mark in 1..=3 {
        fixture
            .catalog
            .workflows()
            .save_version(DEFAULT, &version("w", mark), None, &asked())
            .await
            .expect("a version");
    }
    let page = PageRequest {
        limit: 2,
        cursor: None,
    };
    let first = fixture
        .catalog
        .workflows()
        .list_versions(DEFAULT, "w", &page)
        .await
        .expect("a page");
    assert_eq!(
        first.items.iter().map(|item| item.version).collect::<Vec<_>>(),
        [3, 2]
    );
    let next = PageRequest {
        limit: 2,
        cursor: first.next_cursor,
    };
    let second = fixture
        .catalog
        .workflows()
        .list_versions(DEFAULT, "w", &next)
        .await
        .expect("a page");
    assert_eq!(
        second.items.iter().map(|item| item.version).collect::<Vec<_>>(),
        [1]
    );
    assert_eq!(second.next_cursor, None);
    assert_eq!(
        not_found(
            fixture
                .catalog
                .workflows()
                .list_versions(DEFAULT, "x", &page)
                .await
        ),
        "workflow `x`"
    );
}

pub(super) async fn a_workflow_with_an_open_instance_stays(fixture: &CatalogFixture) {
    let workflow = fixture.flow(DEFAULT, "w").await;
    let instance = fixture.instance(DEFAULT, workflow, "paused").await;
    let answer = fixture
        .catalog
        .workflows()
        .delete(DEFAULT, ("w", DependentsCheck::Refuse), &asked())
        .await;
    let refused = matches!(
        answer,
        Err(CatalogError::Conflict {
            code: "WORKFLOW_HAS_OPEN_INSTANCES",
            ..
        })
    );
    assert!(refused, "{answer:?}");
    fixture
        .sql(&format!(
            "UPDATE instance SET state = 'stopped' WHERE id = {instance}"
        ))
        .await;
    fixture
        .catalog
        .workflows()
        .delete(DEFAULT, ("w", DependentsCheck::Refuse), &asked())
        .await
        .expect("a delete");
    let shown = fixture
        .catalog
        .instances()
        .find(instance)
        .await
        .expect("an answer")
        .expect("the instance");
    assert_eq!(shown.workflow, "w");
    assert_eq!(
        not_found(
            fixture
                .catalog
                .workflows()
                .delete(DEFAULT, ("w", DependentsCheck::Refuse), &asked())
                .await
        ),
        "workflow `w`"
    );
}

pub(super) async fn a_deleted_workflow_begins_anew(fixture: &CatalogFixture) {
    fixture.flow(DEFAULT, "w").await;
    fixture
        .catalog
        .workflows()
        .delete(DEFAULT, ("w", DependentsCheck::Refuse), &asked())
        .await
        .expect("a delete");
    assert_eq!(
        fixture.catalog.workflows().find(DEFAULT, "w", None).await,
        Ok(None)
    );
    let again = fixture
        .catalog
        .workflows()
        .save_version(DEFAULT, &version("w", 1), None, &asked())
        .await;
    assert_eq!(again, put(1, SaveOutcome::Created));
}

pub(super) async fn a_start_finds_the_newest_version_or_the_given_one(fixture: &CatalogFixture) {
    for mark in 1..=2 {
        fixture
            .catalog
            .workflows()
            .save_version(DEFAULT, &version("w", mark), None, &asked())
            .await
            .expect("a version");
    }
    let start = async |workflow, version| {
        let startable = fixture
            .catalog
            .workflows()
            .find_start_candidate("default", workflow)
            .await;
        let startable = startable.expect("an answer").expect("the project");
        fixture.catalog.workflows().start_target(startable, version).await
    };
    let newest = start("w", None).await.expect("a target");
    assert_eq!(
        (newest.version, newest.definition.description.as_str()),
        (2, "mark 2")
    );
    assert_eq!(newest.project.name, "default");
    let first = start("w", Some(1)).await.expect("a target");
    assert_eq!(
        (first.version, first.definition.description.as_str()),
        (1, "mark 1")
    );
    assert_eq!(
        fixture.catalog.workflows().find_start_candidate("x", "w").await,
        Ok(None)
    );
    assert_eq!(not_found(start("x", None).await), "workflow `x`");
    assert_eq!(not_found(start("w", Some(0)).await), "version 0 of workflow `w`");
    assert_eq!(not_found(start("w", Some(3)).await), "version 3 of workflow `w`");
}

pub(super) async fn a_disabled_workflow_is_not_started(fixture: &CatalogFixture) {
    fixture.flow(DEFAULT, "w").await;
    let workflows = fixture.catalog.workflows();
    let edit = async |name, enabled| {
        let edit = WorkflowEdit { enabled };
        workflows.edit(DEFAULT, name, &edit, &asked()).await
    };
    let start = async || {
        let candidate = workflows.find_start_candidate("default", "w").await;
        let candidate = candidate.expect("an answer").expect("the project");
        workflows.start_target(candidate, None).await
    };
    for enabled in [Some(false), Some(false), None] {
        edit("w", enabled).await.expect("an edit");
        let refused = matches!(
            start().await,
            Err(CatalogError::Conflict {
                code: "WORKFLOW_DISABLED",
                ..
            })
        );
        assert!(refused, "after {enabled:?}");
    }
    let found = workflows
        .find(DEFAULT, "w", None)
        .await
        .expect("an answer")
        .expect("the workflow");
    assert!(!found.enabled);
    let put = workflows
        .save_version(DEFAULT, &version("w", 2), None, &asked())
        .await;
    assert_eq!(put.expect("a version").version, 2);
    assert!(start().await.is_err(), "a new version does not enable it");
    edit("w", Some(true)).await.expect("an edit");
    assert_eq!(start().await.expect("a target").version, 2);
    assert_eq!(fixture.count("audit WHERE action = 'workflow.disable'").await, 1);
    assert_eq!(fixture.count("audit WHERE action = 'workflow.enable'").await, 1);
    assert_eq!(not_found(edit("x", Some(true)).await), "workflow `x`");
}
