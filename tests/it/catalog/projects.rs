use std::collections::BTreeMap;

use catalog::{
    AuditOutcome, CatalogError, DependentsCheck, Grant, KnownRequest, NewProject, PageRequest, Permission,
    ProjectEdit, VisibilityScope,
};
use engine::ids::Timestamp;

use super::fixture::{CatalogFixture, asked, asked_at, keyed, version};

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

pub(super) async fn the_project_default_exists_and_stays(fixture: &CatalogFixture) {
    assert!(
        fixture
            .catalog
            .projects()
            .find("default")
            .await
            .expect("an answer")
            .is_some()
    );
    let answer = fixture.catalog.projects().delete("default", &asked()).await;
    assert_eq!(code(answer), "PROJECT_REQUIRED");
}

pub(super) async fn a_project_is_edited_and_deleted_and_its_name_is_free_again(fixture: &CatalogFixture) {
    let made = fixture.project("retail").await;
    assert_eq!(
        code(
            fixture
                .catalog
                .projects()
                .create(&named("retail"), &asked())
                .await
        ),
        "PROJECT_EXISTS"
    );

    let edit = ProjectEdit {
        description: None,
        params: Some(BTreeMap::from([("region".to_owned(), "eu \"1\"".to_owned())])),
        ..ProjectEdit::default()
    };
    let edited = fixture
        .catalog
        .projects()
        .edit("retail", &edit, &asked_at(2_000))
        .await
        .expect("an edit");
    assert_eq!(edited.updated_at, Timestamp(2_000));
    let read = fixture
        .catalog
        .projects()
        .find("retail")
        .await
        .expect("an answer")
        .expect("the project");
    assert_eq!(read, edited);
    assert_eq!(read.params["region"], "eu \"1\"");

    fixture
        .catalog
        .projects()
        .delete("retail", &asked())
        .await
        .expect("a delete");
    assert_eq!(fixture.catalog.projects().find("retail").await, Ok(None));
    assert_ne!(fixture.project("retail").await.id, made.id);
}

pub(super) async fn a_project_with_a_workflow_stays(fixture: &CatalogFixture) {
    let project = fixture.project("retail").await;
    fixture.flow(project.id, "daily").await;
    assert_eq!(
        code(fixture.catalog.projects().delete("retail", &asked()).await),
        "PROJECT_NOT_EMPTY"
    );
    fixture
        .catalog
        .workflows()
        .delete(project.id, ("daily", DependentsCheck::Refuse), &asked())
        .await
        .expect("a delete");
    fixture
        .catalog
        .projects()
        .delete("retail", &asked())
        .await
        .expect("a delete");
    let late = fixture
        .catalog
        .workflows()
        .save_version(project.id, &version("daily", 1), None, &asked())
        .await;
    assert!(matches!(late, Err(CatalogError::NotFound { .. })), "{late:?}");
}

pub(super) async fn projects_are_paged_by_name_and_only_granted_ones_are_seen(fixture: &CatalogFixture) {
    let user = fixture.member("ann").await;
    for name in ["b", "a", "ü", "c"] {
        let project = fixture.project(name).await;
        if name != "c" {
            let grant = Grant {
                user: "ann".to_owned(),
                permission: Permission::Read,
            };
            fixture
                .catalog
                .grants()
                .put(project.id, &grant, &asked())
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
        let answer = fixture
            .catalog
            .projects()
            .list(&VisibilityScope::GrantedTo(user.id), &page)
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
    let all = fixture
        .catalog
        .projects()
        .list(&VisibilityScope::All, &PageRequest::default())
        .await
        .expect("a page");
    assert_eq!(all.items.len(), 5);
}

pub(super) async fn a_change_and_its_audit_row_are_stored_together(fixture: &CatalogFixture) {
    fixture.project("retail").await;
    fixture
        .catalog
        .projects()
        .create(&named("retail"), &asked())
        .await
        .expect_err("the name is taken");
    let log = fixture
        .catalog
        .audit()
        .list(&PageRequest::default())
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

pub(super) async fn a_request_key_stands_for_what_it_made(fixture: &CatalogFixture) {
    assert_eq!(fixture.catalog.request_keys().find("k").await, Ok(None));
    fixture
        .catalog
        .projects()
        .create(&named("retail"), &keyed("k"))
        .await
        .expect("a project");
    let known = KnownRequest {
        body_hash: "body".to_owned(),
        kind: "project".to_owned(),
        resource: "retail".to_owned(),
    };
    assert_eq!(fixture.catalog.request_keys().find("k").await, Ok(Some(known)));
    let again = fixture
        .catalog
        .projects()
        .create(&named("other"), &keyed("k"))
        .await;
    assert_eq!(code(again), "IDEMPOTENCY_KEY_IN_USE");
    assert_eq!(fixture.catalog.projects().find("other").await, Ok(None));
    // What failed leaves its key free.
    fixture
        .catalog
        .projects()
        .create(&named("retail"), &keyed("l"))
        .await
        .expect_err("the name is taken");
    assert_eq!(fixture.catalog.request_keys().find("l").await, Ok(None));
}

pub(super) async fn two_requests_with_one_key_at_once_make_one_thing(fixture: &CatalogFixture) {
    let (request, project) = (keyed("k"), named("retail"));
    let (one, two) = tokio::join!(
        fixture.catalog.projects().create(&project, &request),
        fixture.catalog.projects().create(&project, &request),
    );
    let (made, refused) = if one.is_ok() { (one, two) } else { (two, one) };
    made.expect("one is made");
    assert_eq!(code(refused), "IDEMPOTENCY_KEY_IN_USE");
}

pub(super) async fn keys_older_than_a_day_are_forgotten(fixture: &CatalogFixture) {
    const DAY: i64 = 24 * 60 * 60 * 1000;
    fixture
        .catalog
        .projects()
        .create(&named("a"), &keyed("k"))
        .await
        .expect("a project");
    fixture
        .catalog
        .request_keys()
        .purge_expired(Timestamp(1_000 + DAY))
        .await
        .expect("done");
    assert!(
        fixture
            .catalog
            .request_keys()
            .find("k")
            .await
            .expect("an answer")
            .is_some()
    );

    let mut late = keyed("k");
    late.at = Timestamp(1_001 + DAY);
    fixture
        .catalog
        .projects()
        .create(&named("b"), &late)
        .await
        .expect("the old key does not count");
    let known = fixture
        .catalog
        .request_keys()
        .find("k")
        .await
        .expect("an answer")
        .expect("the new key");
    assert_eq!(known.resource, "b");
    fixture
        .catalog
        .request_keys()
        .purge_expired(Timestamp(1_002 + DAY + DAY))
        .await
        .expect("done");
    assert_eq!(fixture.catalog.request_keys().find("k").await, Ok(None));
}
