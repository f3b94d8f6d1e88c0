use catalog::{InstanceFilter, PageRequest, ProjectId, TaskInstanceFilter, TimeRange, VisibilityScope};
use engine::ids::Timestamp;
use engine::states::TaskState;

use super::fixture::CatalogFixture;

const DEFAULT: ProjectId = ProjectId(1);

fn all() -> TaskInstanceFilter {
    TaskInstanceFilter {
        instances: InstanceFilter::visible_to(VisibilityScope::All),
        task: None,
        states: Vec::new(),
        worker: None,
        started: TimeRange::default(),
    }
}

/// Stores a running instance and a paused one. Tasks `a` and `c` of both have attempts: at 100 and 200 of the first, at
/// 150 and 250 of the second, where `c` had a second one at 300 and is pending again.
async fn arrange(fixture: &CatalogFixture) {
    let workflow = fixture.flow(DEFAULT, "w").await;
    fixture.instance(DEFAULT, workflow, "running").await;
    fixture.instance(DEFAULT, workflow, "paused").await;
    fixture
        .sql(
            "INSERT INTO task_instance (instance, task_index, state, attempts) VALUES \
             (1, 0, 'succeeded', 1), (1, 1, 'waiting', 0), (1, 2, 'running', 1), \
             (2, 0, 'succeeded', 1), (2, 2, 'pending', 2); \
             INSERT INTO attempt (instance, task_index, number, epoch, state, created_at, dispatch_id, worker, \
             worker_name) VALUES (1, 0, 1, 1, 'succeeded', 100, NULL, NULL, NULL), \
             (1, 2, 1, 1, 'running', 200, 'u1', 7, 'w1'), (2, 0, 1, 1, 'succeeded', 150, NULL, NULL, NULL), \
             (2, 2, 1, 1, 'failed', 250, 'u2', 7, 'w1'), (2, 2, 2, 1, 'failed', 300, 'u3', 8, 'w2')",
        )
        .await;
}

async fn listed(fixture: &CatalogFixture, filter: &TaskInstanceFilter) -> Vec<String> {
    let tasks = fixture.catalog.task_instances();
    let page = tasks.list(filter, &PageRequest::default()).await.expect("a page");
    assert_eq!(page.next_cursor, None);
    let name = |row: &catalog::TaskInstanceRow| format!("{}{}", row.task.name, row.instance);
    page.items.iter().map(name).collect()
}

pub(super) async fn tasks_with_an_attempt_are_listed_the_last_started_first(fixture: &CatalogFixture) {
    arrange(fixture).await;
    assert_eq!(listed(fixture, &all()).await, ["c2", "c1", "a2", "a1"]);
    let of = |change: &dyn Fn(&mut TaskInstanceFilter)| {
        let mut filter = all();
        change(&mut filter);
        filter
    };
    let cases = [
        (of(&|filter| filter.task = Some("a".into())), vec!["a2", "a1"]),
        (of(&|filter| filter.worker = Some("w2".into())), vec!["c2"]),
        (of(&|filter| filter.worker = Some("w1".into())), vec!["c1"]),
        (of(&|filter| filter.states = vec![TaskState::Running]), vec!["c1"]),
        (of(&|filter| filter.states = vec![TaskState::NotRun]), vec!["c2"]),
        (of(&|filter| filter.states = vec![TaskState::Pending]), vec![]),
        (
            of(&|filter| filter.started.from = Some(Timestamp(200))),
            vec!["c2", "c1"],
        ),
        (
            of(&|filter| filter.started.to = Some(Timestamp(150))),
            vec!["a2", "a1"],
        ),
        (
            of(&|filter| filter.instances.workflow = Some("w".into())),
            vec!["c2", "c1", "a2", "a1"],
        ),
        (of(&|filter| filter.instances.workflow = Some("x".into())), vec![]),
    ];
    for (filter, expected) in cases {
        assert_eq!(listed(fixture, &filter).await, expected, "{filter:?}");
    }
}

pub(super) async fn pages_of_tasks_neither_skip_nor_repeat(fixture: &CatalogFixture) {
    arrange(fixture).await;
    let tasks = fixture.catalog.task_instances();
    let (mut cursor, mut seen) = (None, Vec::new());
    loop {
        let page = PageRequest { limit: 1, cursor };
        let page = tasks.list(&all(), &page).await.expect("a page");
        seen.extend(
            page.items
                .iter()
                .map(|row| (row.task.name.clone(), row.instance.0)),
        );
        cursor = page.next_cursor;
        // A retry in between moves nothing.
        fixture
            .sql("UPDATE attempt SET created_at = created_at + 1000 WHERE number = 2")
            .await;
        if cursor.is_none() {
            break;
        }
    }
    let expected = [("c", 2), ("c", 1), ("a", 2), ("a", 1)].map(|(name, id)| (name.to_owned(), id));
    assert_eq!(seen, expected);
    let foreign = PageRequest {
        limit: 1,
        cursor: Some("00".to_owned()),
    };
    assert!(tasks.list(&all(), &foreign).await.is_err());
}

pub(super) async fn tasks_of_projects_without_a_grant_are_not_listed(fixture: &CatalogFixture) {
    arrange(fixture).await;
    let user = fixture.member("ann").await;
    let filter = TaskInstanceFilter {
        instances: InstanceFilter::visible_to(VisibilityScope::GrantedTo(user.id)),
        ..all()
    };
    assert!(listed(fixture, &filter).await.is_empty());
}
