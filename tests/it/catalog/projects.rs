use std::collections::BTreeMap;

use engine::ids::Timestamp;
use store::catalog::{
    AuditOutcome, CatalogError, Grant, KnownRequest, NewProject, PageRequest, Permission, ProjectEdit,
    Visible,
};

use super::house::{House, asked, asked_at, keyed, version};

fn code<T: std::fmt::Debug>(answer: Result<T, CatalogError>) -> &'static str {
    match answer {
        Err(CatalogError::Conflict { code, .. }) => code,
        other => panic!("no conflict: {other:?}"),
    }
}

fn named(name: &str) -> NewProject {
    NewProject {
        name: name.to_owned(),
        ..NewProject::default()
    }
}

pub(super) async fn the_project_default_exists_and_stays(house: &House) {
    assert!(
        house
            .catalog
            .project("default")
            .await
            .expect("an answer")
            .is_some()
    );
    let answer = house.catalog.delete_project("default", &asked()).await;
    assert_eq!(code(answer), "PROJECT_REQUIRED");
}

pub(super) async fn a_project_is_edited_and_deleted_and_its_name_is_free_again(house: &House) {
    let made = house.project("retail").await;
    assert_eq!(
        code(house.catalog.create_project(&named("retail"), &asked()).await),
        "PROJECT_EXISTS"
    );

    let edit = ProjectEdit {
        description: None,
        params: Some(BTreeMap::from([("region".to_owned(), "eu \"1\"".to_owned())])),
    };
    let edited = house
        .catalog
        .edit_project("retail", &edit, &asked_at(2_000))
        .await
        .expect("an edit");
    assert_eq!(edited.updated_at, Timestamp(2_000));
    let read = house
        .catalog
        .project("retail")
        .await
        .expect("an answer")
        .expect("the project");
    assert_eq!(read, edited);
    assert_eq!(read.params["region"], "eu \"1\"");

    house
        .catalog
        .delete_project("retail", &asked())
        .await
        .expect("a delete");
    assert_eq!(house.catalog.project("retail").await, Ok(None));
    assert_ne!(house.project("retail").await.id, made.id);
}

pub(super) async fn a_project_with_a_workflow_stays(house: &House) {
    let project = house.project("retail").await;
    house.flow(project.id, "daily").await;
    assert_eq!(
        code(house.catalog.delete_project("retail", &asked()).await),
        "PROJECT_NOT_EMPTY"
    );
    house
        .catalog
        .delete_workflow(project.id, "daily", &asked())
        .await
        .expect("a delete");
    house
        .catalog
        .delete_project("retail", &asked())
        .await
        .expect("a delete");
    let late = house
        .catalog
        .put_workflow(project.id, &version("daily", 1), None, &asked())
        .await;
    assert!(matches!(late, Err(CatalogError::NotFound { .. })), "{late:?}");
}

pub(super) async fn projects_are_paged_by_name_and_only_granted_ones_are_seen(house: &House) {
    let user = house.member("ann").await;
    for name in ["b", "a", "ü", "c"] {
        let project = house.project(name).await;
        if name != "c" {
            let grant = Grant {
                user: "ann".to_owned(),
                permission: Permission::Read,
            };
            house
                .catalog
                .put_grant(project.id, &grant, &asked())
                .await
                .expect("a grant");
        }
    }
    let mut pages = Vec::new();
    let mut page = PageRequest {
        limit: 2,
        cursor: None,
    };
    loop {
        let answer = house
            .catalog
            .projects(&Visible::GrantedTo(user.id), &page)
            .await
            .expect("a page");
        pages.push(
            answer
                .items
                .into_iter()
                .map(|project| project.name)
                .collect::<Vec<_>>(),
        );
        page.cursor = answer.next_cursor;
        if page.cursor.is_none() {
            break;
        }
    }
    assert_eq!(pages, [vec!["a", "b"], vec!["ü"]]);
    let all = house
        .catalog
        .projects(&Visible::All, &PageRequest::default())
        .await
        .expect("a page");
    assert_eq!(all.items.len(), 5);
}

pub(super) async fn a_change_and_its_audit_row_are_stored_together(house: &House) {
    house.project("retail").await;
    house
        .catalog
        .create_project(&named("retail"), &asked())
        .await
        .expect_err("the name is taken");
    let log = house
        .catalog
        .audit_log(&PageRequest::default())
        .await
        .expect("a page")
        .items;
    assert_eq!(log.len(), 1, "{log:?}");
    let entry = &log[0].entry;
    assert_eq!(
        (entry.action.as_str(), entry.resource.as_str()),
        ("project.create", "retail")
    );
    assert_eq!(entry.outcome, AuditOutcome::Done);
    assert_eq!(
        (log[0].user.as_str(), log[0].source.as_str()),
        ("admin", "127.0.0.1")
    );
}

pub(super) async fn a_request_key_stands_for_what_it_made(house: &House) {
    assert_eq!(house.catalog.known_request("k").await, Ok(None));
    house
        .catalog
        .create_project(&named("retail"), &keyed("k"))
        .await
        .expect("a project");
    let known = KnownRequest {
        body_hash: "body".to_owned(),
        kind: "project".to_owned(),
        resource: "retail".to_owned(),
    };
    assert_eq!(house.catalog.known_request("k").await, Ok(Some(known)));
    let again = house.catalog.create_project(&named("other"), &keyed("k")).await;
    assert_eq!(code(again), "IDEMPOTENCY_KEY_IN_USE");
    assert_eq!(house.catalog.project("other").await, Ok(None));
    // What failed leaves its key free.
    house
        .catalog
        .create_project(&named("retail"), &keyed("l"))
        .await
        .expect_err("the name is taken");
    assert_eq!(house.catalog.known_request("l").await, Ok(None));
}

pub(super) async fn two_requests_with_one_key_at_once_make_one_thing(house: &House) {
    let (request, project) = (keyed("k"), named("retail"));
    let (one, two) = tokio::join!(
        house.catalog.create_project(&project, &request),
        house.catalog.create_project(&project, &request),
    );
    let (made, refused) = if one.is_ok() { (one, two) } else { (two, one) };
    made.expect("one is made");
    assert_eq!(code(refused), "IDEMPOTENCY_KEY_IN_USE");
}

pub(super) async fn keys_older_than_a_day_are_forgotten(house: &House) {
    const DAY: i64 = 24 * 60 * 60 * 1000;
    house
        .catalog
        .create_project(&named("a"), &keyed("k"))
        .await
        .expect("a project");
    house
        .catalog
        .forget_old(Timestamp(1_000 + DAY))
        .await
        .expect("done");
    assert!(
        house
            .catalog
            .known_request("k")
            .await
            .expect("an answer")
            .is_some()
    );

    let mut late = keyed("k");
    late.at = Timestamp(1_001 + DAY);
    house
        .catalog
        .create_project(&named("b"), &late)
        .await
        .expect("the old key does not count");
    let known = house
        .catalog
        .known_request("k")
        .await
        .expect("an answer")
        .expect("the new key");
    assert_eq!(known.resource, "b");
    house
        .catalog
        .forget_old(Timestamp(1_002 + DAY + DAY))
        .await
        .expect("done");
    assert_eq!(house.catalog.known_request("k").await, Ok(None));
}
