use std::collections::BTreeSet;

use engine::ids::Timestamp;
use store::catalog::{CatalogError, Format, IfMatch, PageRequest, ProjectId, Put, PutOutcome};

use super::house::{House, asked, asked_at, version};

const DEFAULT: ProjectId = ProjectId(1);

fn put(version: i64, outcome: PutOutcome) -> Result<Put, CatalogError> {
    Ok(Put { version, outcome })
}

fn not_found<T: std::fmt::Debug>(answer: Result<T, CatalogError>) -> String {
    match answer {
        Err(CatalogError::NotFound { what }) => what,
        other => panic!("it was found: {other:?}"),
    }
}

pub(super) async fn a_put_creates_then_changes_or_leaves(house: &House) {
    let steps = [
        (1, 1, PutOutcome::Created),
        (1, 1, PutOutcome::Unchanged),
        (2, 2, PutOutcome::Changed),
        (1, 3, PutOutcome::Changed),
        (1, 3, PutOutcome::Unchanged),
    ];
    for (mark, number, outcome) in steps {
        let answer = house
            .catalog
            .put_workflow(DEFAULT, &version("w", mark), None, &asked())
            .await;
        assert_eq!(answer, put(number, outcome), "mark {mark}");
    }
    let list = house
        .catalog
        .workflows(DEFAULT, &PageRequest::default())
        .await
        .expect("a page")
        .items;
    assert_eq!(list.len(), 1);
    assert_eq!(
        (list[0].version, list[0].tasks, list[0].description.as_str()),
        (3, 3, "mark 1")
    );
    assert_eq!(list[0].labels["team"], "bi");
    assert_eq!(house.count("audit WHERE action = 'workflow.put'").await, 3);
}

pub(super) async fn concurrent_puts_get_a_version_each(house: &House) {
    let puts = (1..=8).map(|mark| async move {
        let answer = house
            .catalog
            .put_workflow(DEFAULT, &version("w", mark), None, &asked())
            .await;
        answer.expect("a version").version
    });
    let versions: BTreeSet<i64> = futures_util::future::join_all(puts).await.into_iter().collect();
    assert_eq!(versions, (1..=8).collect());
}

pub(super) async fn concurrent_first_puts_of_one_model_make_one_version(house: &House) {
    let puts = (0..6).map(|_| async {
        house
            .catalog
            .put_workflow(DEFAULT, &version("w", 1), None, &asked())
            .await
            .expect("an answer")
    });
    let answers = futures_util::future::join_all(puts).await;
    let created = answers
        .iter()
        .filter(|put| put.outcome == PutOutcome::Created)
        .count();
    assert_eq!(created, 1);
    assert!(answers.iter().all(|put| put.version == 1), "{answers:?}");
}

pub(super) async fn a_put_under_a_condition_that_does_not_hold_stores_nothing(house: &House) {
    let put_if = async |mark, if_match| {
        house
            .catalog
            .put_workflow(DEFAULT, &version("w", mark), Some(if_match), &asked())
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
    assert_eq!(house.count("workflow").await, 0);
    house.flow(DEFAULT, "w").await;
    assert!(refused(put_if(2, IfMatch::Version(2)).await));
    assert_eq!(put_if(2, IfMatch::Version(1)).await, put(2, PutOutcome::Changed));
    assert!(refused(put_if(3, IfMatch::Version(1)).await));
    assert_eq!(put_if(3, IfMatch::Exists).await, put(3, PutOutcome::Changed));
}

pub(super) async fn a_check_says_what_a_put_would_do_and_stores_nothing(house: &House) {
    let check = async |mark| house.catalog.check_put(DEFAULT, &version("w", mark), None).await;
    assert_eq!(check(1).await, put(1, PutOutcome::Created));
    assert_eq!(house.count("workflow").await, 0);
    house.flow(DEFAULT, "w").await;
    assert_eq!(check(1).await, put(1, PutOutcome::Unchanged));
    assert_eq!(check(2).await, put(2, PutOutcome::Changed));
    assert_eq!(house.count("workflow_version").await, 1);
}

pub(super) async fn a_version_is_read_whole(house: &House) {
    let (one, two) = (version("w", 1), version("w", 2));
    house
        .catalog
        .put_workflow(DEFAULT, &one, None, &asked())
        .await
        .expect("a version");
    house
        .catalog
        .put_workflow(DEFAULT, &two, None, &asked_at(2_000))
        .await
        .expect("a version");
    let newest = house
        .catalog
        .workflow(DEFAULT, "w", None)
        .await
        .expect("an answer")
        .expect("the workflow");
    assert_eq!((newest.version, newest.created_at), (2, Timestamp(2_000)));
    assert_eq!((&newest.model, &newest.source), (&two.model, &two.source));
    assert_eq!(
        (newest.format, newest.created_by.as_str()),
        (Format::Json, "admin")
    );
    let first = house
        .catalog
        .workflow(DEFAULT, "w", Some(1))
        .await
        .expect("an answer")
        .expect("version 1");
    assert_eq!(
        (first.hash.as_str(), first.created_at),
        ("hash-1", Timestamp(1_000))
    );
    for missing in [0, 3, -1] {
        assert_eq!(
            house.catalog.workflow(DEFAULT, "w", Some(missing)).await,
            Ok(None)
        );
    }
    assert_eq!(house.catalog.workflow(DEFAULT, "x", None).await, Ok(None));
}

pub(super) async fn versions_are_paged_newest_first(house: &House) {
    for mark in 1..=3 {
        house
            .catalog
            .put_workflow(DEFAULT, &version("w", mark), None, &asked())
            .await
            .expect("a version");
    }
    let page = PageRequest {
        limit: 2,
        cursor: None,
    };
    let first = house.catalog.versions(DEFAULT, "w", &page).await.expect("a page");
    assert_eq!(
        first.items.iter().map(|item| item.version).collect::<Vec<_>>(),
        [3, 2]
    );
    let next = PageRequest {
        limit: 2,
        cursor: first.next_cursor,
    };
    let second = house.catalog.versions(DEFAULT, "w", &next).await.expect("a page");
    assert_eq!(
        second.items.iter().map(|item| item.version).collect::<Vec<_>>(),
        [1]
    );
    assert_eq!(second.next_cursor, None);
    assert_eq!(
        not_found(house.catalog.versions(DEFAULT, "x", &page).await),
        "workflow `x`"
    );
}

pub(super) async fn a_workflow_with_an_open_instance_stays(house: &House) {
    let workflow = house.flow(DEFAULT, "w").await;
    let instance = house.instance(DEFAULT, workflow, "paused").await;
    let answer = house.catalog.delete_workflow(DEFAULT, "w", &asked()).await;
    let refused = matches!(
        answer,
        Err(CatalogError::Conflict {
            code: "WORKFLOW_HAS_OPEN_INSTANCES",
            ..
        })
    );
    assert!(refused, "{answer:?}");
    house
        .sql(&format!(
            "UPDATE instance SET state = 'stopped' WHERE id = {instance}"
        ))
        .await;
    house
        .catalog
        .delete_workflow(DEFAULT, "w", &asked())
        .await
        .expect("a delete");
    let shown = house
        .catalog
        .instance(instance)
        .await
        .expect("an answer")
        .expect("the instance");
    assert_eq!(shown.workflow, "w");
    assert_eq!(
        not_found(house.catalog.delete_workflow(DEFAULT, "w", &asked()).await),
        "workflow `w`"
    );
}

pub(super) async fn a_deleted_workflow_begins_anew(house: &House) {
    house.flow(DEFAULT, "w").await;
    house
        .catalog
        .delete_workflow(DEFAULT, "w", &asked())
        .await
        .expect("a delete");
    assert_eq!(house.catalog.workflow(DEFAULT, "w", None).await, Ok(None));
    let again = house
        .catalog
        .put_workflow(DEFAULT, &version("w", 1), None, &asked())
        .await;
    assert_eq!(again, put(1, PutOutcome::Created));
}

pub(super) async fn a_start_finds_the_newest_version_or_the_given_one(house: &House) {
    for mark in 1..=2 {
        house
            .catalog
            .put_workflow(DEFAULT, &version("w", mark), None, &asked())
            .await
            .expect("a version");
    }
    let start = async |workflow, version| {
        let startable = house.catalog.startable("default", workflow).await;
        let startable = startable.expect("an answer").expect("the project");
        house.catalog.start_target(startable, version).await
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
    assert_eq!(house.catalog.startable("x", "w").await, Ok(None));
    assert_eq!(not_found(start("x", None).await), "workflow `x`");
    assert_eq!(not_found(start("w", Some(0)).await), "version 0 of workflow `w`");
    assert_eq!(not_found(start("w", Some(3)).await), "version 3 of workflow `w`");
}
