use catalog::{PageRequest, ProjectId};
use engine::ids::{Incarnation, Timestamp};
use engine::states::MemberState;

use super::fixture::CatalogFixture;

const DEFAULT: ProjectId = ProjectId(1);
const DAY: i64 = 24 * 60 * 60 * 1000;

async fn member(fixture: &CatalogFixture, name: &str, state: &str, state_at: i64) {
    fixture
        .sql(&format!(
            "INSERT INTO member (name, host, roles, state, slots, version, joined_at, state_at) \
             VALUES ('{name}', '{name}:1', 'master,worker', '{state}', 8, '0.1', 1, {state_at})"
        ))
        .await;
}

pub(super) async fn a_node_is_listed_with_what_it_owns_and_runs(fixture: &CatalogFixture) {
    member(fixture, "n1", "active", 1).await;
    member(fixture, "n2", "draining", 2).await;
    let workflow = fixture.flow(DEFAULT, "w").await;
    let id = fixture.instance(DEFAULT, workflow, "running").await;
    fixture
        .sql(&format!(
            "UPDATE instance SET owner = 1, host = 'n1:1', epoch = 1; \
             INSERT INTO attempt (instance, task_index, number, epoch, state, worker, worker_name, dispatch_id, created_at) VALUES \
             ({id}, 0, 1, 1, 'succeeded', 2, 'n2', 'a', 1), ({id}, 0, 2, 1, 'created', 2, 'n2', 'b', 1), \
             ({id}, 1, 1, 1, 'running', 2, 'n2', 'c', 1), ({id}, 2, 1, 1, 'created', NULL, NULL, NULL, 1)"
        ))
        .await;
    let nodes = fixture.catalog.nodes().list(Timestamp(10)).await.expect("nodes");
    let shown: Vec<_> = nodes
        .iter()
        .map(|n| (n.name.as_str(), n.state, n.instances, n.slots_used))
        .collect();
    assert_eq!(
        shown,
        [
            ("n2", MemberState::Draining, 0, 2),
            ("n1", MemberState::Active, 1, 0)
        ]
    );
    assert_eq!((nodes[0].slots_total, nodes[0].incarnation), (8, Incarnation(2)));
    assert_eq!(nodes[0].roles, ["master", "worker"]);
    fixture.sql("UPDATE member SET slots = 1").await;
    let nodes = fixture.catalog.nodes().list(Timestamp(10)).await.expect("nodes");
    let used: Vec<u32> = nodes.iter().map(|node| node.slots_used).collect();
    assert_eq!(used, [1, 0], "what masters bound beyond its slots is not there");
}

pub(super) async fn a_life_that_ended_is_listed_for_a_day(fixture: &CatalogFixture) {
    member(fixture, "n1", "left", 10).await;
    member(fixture, "n2", "dead", 20).await;
    member(fixture, "n3", "active", 1).await;
    let names = async |at| {
        let nodes = fixture.catalog.nodes().list(Timestamp(at)).await.expect("nodes");
        nodes.into_iter().map(|node| node.name).collect::<Vec<_>>()
    };
    assert_eq!(names(DAY).await, ["n3", "n2", "n1"]);
    assert_eq!(names(DAY + 10).await, ["n3", "n2"]);
    assert_eq!(names(DAY + 20).await, ["n3"]);
}

pub(super) async fn nodes_are_listed_in_pages(fixture: &CatalogFixture) {
    for name in ["n1", "n2", "n3"] {
        member(fixture, name, "active", 1).await;
    }
    let mut page = PageRequest {
        limit: 2,
        cursor: None,
    };
    let mut pages = Vec::new();
    loop {
        let listed = fixture.catalog.nodes().list_page(Timestamp(10), &page).await;
        let listed = listed.expect("nodes");
        pages.push(listed.items.into_iter().map(|node| node.name).collect::<Vec<_>>());
        page.cursor = listed.next_cursor;
        if page.cursor.is_none() {
            break;
        }
    }
    assert_eq!(pages, [vec!["n3", "n2"], vec!["n1"]]);
}

pub(super) async fn take_overs_are_listed_newest_first(fixture: &CatalogFixture) {
    fixture
        .sql(
            "INSERT INTO failover (dead, dead_host, survivor, survivor_host, reason, declared_at, instances) \
             VALUES (1, 'a:1', 2, 'b:1', 'silent', 5, 3), (2, 'b:1', 3, 'c:1', 'silent', 6, 0)",
        )
        .await;
    let page = fixture
        .catalog
        .nodes()
        .list_failovers(&PageRequest {
            limit: 1,
            cursor: None,
        })
        .await
        .expect("a page");
    assert_eq!(page.items[0].dead.host, "b:1");
    let next = PageRequest {
        limit: 1,
        cursor: page.next_cursor,
    };
    let page = fixture
        .catalog
        .nodes()
        .list_failovers(&next)
        .await
        .expect("a page");
    let first = &page.items[0];
    assert_eq!(
        (first.dead.incarnation, first.survivor.host.as_str()),
        (Incarnation(1), "b:1")
    );
    assert_eq!(
        (first.instances, first.suspected_at, first.acknowledged_at),
        (3, None, None)
    );
}

pub(super) async fn the_database_tells_what_it_is(fixture: &CatalogFixture) {
    let database = fixture.catalog.nodes().database().await.expect("an answer");
    let expected = match fixture.store.backend() {
        sea_orm::DbBackend::Sqlite => "sqlite",
        _ => "postgres",
    };
    assert_eq!(database.backend, expected);
    assert!(database.schema_version.starts_with("m0"), "{database:?}");
}
