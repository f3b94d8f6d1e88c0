//! A database that became another one: what a join, and the word of an operator, make of it.

use std::time::Duration;

use engine::ids::Incarnation;
use engine::states::MemberState;
use ports::{Join, MembershipStore as _};
use sea_orm::ConnectionTrait as _;
use store::{Role, Store};

fn node(name: &str, roles: &str) -> Join {
    Join {
        name: name.to_owned(),
        host: format!("{name}:1"),
        roles: roles.split(',').map(str::to_owned).collect(),
        slots: 4,
        worker_group: "default".to_owned(),
        version: "test".to_owned(),
    }
}

async fn sql(store: &Store, sql: &str) {
    store.writer().execute_unprepared(sql).await.expect(sql);
}

async fn text(store: &Store, sql: &str) -> String {
    let row = store.reader().query_one_raw(store.statement(sql, [])).await;
    row.expect(sql)
        .expect("a row")
        .try_get_by_index(0)
        .expect("a text")
}

async fn names_living(store: &Store) -> Vec<String> {
    let living = store.list_live_members().await.expect("an answer");
    living.into_iter().map(|seen| seen.member.name).collect()
}

async fn postgres(make: fn() -> Option<String>) -> Option<String> {
    let made = tokio::task::spawn_blocking(make).await;
    made.expect("a database")
}

#[tokio::test]
async fn a_role_without_privileges_learns_which_line_of_history_the_database_is_on() {
    let Some(url) = postgres(crate::postgres::empty_database).await else {
        return;
    };
    let admin = Store::open(&url, Role::Tool).await.expect("the database");
    let name = url.rsplit('/').next().expect("a name");
    sql(
        &admin,
        &format!("CREATE ROLE plain_{name} LOGIN; ALTER DATABASE {name} OWNER TO plain_{name}"),
    )
    .await;
    let plain = url.replace("postgres@", &format!("plain_{name}@"));
    let store = Store::open(&plain, Role::Node).await.expect("the database");
    store.create_schema().await.expect("a schema");
    let joined = store.join_cluster(&node("m1", "master")).await.expect("a life");
    assert_eq!(joined.generation.0, 1, "an empty database begins with the first");
    let known = text(
        &store,
        "SELECT system_identifier || ' ' || timeline FROM cluster_meta",
    )
    .await;
    let truth =
        "SELECT system_identifier || ' ' || timeline_id FROM pg_control_system(), pg_control_checkpoint()";
    assert_eq!(known, text(&admin, truth).await);
    let raised = store
        .bump_after_restore()
        .await
        .expect("its owner may raise the generation");
    assert!(raised.to > raised.from);
}

#[tokio::test]
async fn a_join_on_another_timeline_or_server_raises_the_generation_once() {
    let Some(url) = postgres(crate::postgres::database).await else {
        return;
    };
    let store = Store::open(&url, Role::Node).await.expect("the database");
    for (name, roles) in [
        ("m1", "master,api"),
        ("w1", "worker"),
        ("a1", "api"),
        ("b1", "master,worker"),
    ] {
        let joined = store.join_cluster(&node(name, roles)).await.expect("a life");
        let active = store
            .set_member_state(joined.incarnation, MemberState::Active)
            .await;
        active.expect("an active member");
    }
    let mut before = 1;
    for change in ["timeline = 99", "system_identifier = 'another'"] {
        sql(&store, &format!("UPDATE cluster_meta SET {change}")).await;
        let joined = store.join_cluster(&node("m2", "master")).await.expect("a life");
        assert!(joined.generation.0 > before, "{change}");
        assert!(
            joined.incarnation.0 > joined.generation.0,
            "incarnations continue above it"
        );
        assert_eq!(
            names_living(&store).await,
            ["w1", "m2"],
            "all but pure workers join again: {change}"
        );
        let again = store.join_cluster(&node("m2", "master")).await.expect("a life");
        assert_eq!(again.generation, joined.generation, "{change}: once");
        before = joined.generation.0;
    }
    let counted = store.declared_deaths("m1:1", engine::ids::Timestamp(0)).await;
    assert_eq!(counted.expect("an answer"), [], "no member declared them dead");
}

/// A node that has stored three heartbeats, and a tool that changes its database.
struct RestorableNode {
    store: Store,
    admin: Store,
    this_node: Incarnation,
}

impl RestorableNode {
    async fn join(role: Role, roles: &str) -> Option<Self> {
        let url = postgres(crate::postgres::database).await?;
        let store = Store::open(&url, role).await.expect("the database");
        let joined = store
            .join_cluster(&node("n1", roles))
            .await
            .expect("an incarnation");
        let this_node = joined.incarnation;
        let active = store.set_member_state(this_node, MemberState::Active).await;
        active.expect("an active member");
        let admin = Store::open(&url, Role::Tool).await.expect("the database");
        let node = Self {
            store,
            admin,
            this_node,
        };
        for _ in 0..3 {
            assert_eq!(node.heartbeat().await, MemberState::Active);
        }
        Some(node)
    }

    async fn heartbeat(&self) -> MemberState {
        let heartbeat = self.store.record_heartbeat(self.this_node).await;
        heartbeat.expect("an answer").state
    }

    /// Takes back one heartbeat, as a copy that is that much older, and breaks the connections that read.
    async fn restore_older_copy(&self) {
        sql(
            &self.admin,
            "UPDATE member_heartbeat SET heartbeats = heartbeats - 1",
        )
        .await;
        self.break_connections().await;
    }

    async fn break_connections(&self) {
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                   WHERE application_name = 'porpoise-read' AND datname = current_database()";
        sql(&self.admin, end).await;
        // The first use after that finds the broken connection.
        self.store.now().await.ok();
        self.admin.now().await.ok();
    }

    async fn stored_heartbeats(&self) -> String {
        text(&self.admin, "SELECT heartbeats::text FROM member_heartbeat").await
    }

    async fn generation(&self) -> i64 {
        let generation = text(&self.admin, "SELECT generation::text FROM cluster_meta").await;
        generation.parse().expect("a number")
    }
}

#[tokio::test]
async fn a_copy_that_is_a_single_heartbeat_older_is_refused_and_never_written() {
    let Some(node) = RestorableNode::join(Role::Node, "master").await else {
        return;
    };
    node.restore_older_copy().await;
    let refused = node.store.now().await.expect_err("another history");
    let why = tokio::time::timeout(Duration::from_secs(5), node.store.diverged()).await;
    let why = why.expect("it is noticed");
    assert!(
        why.contains("lost commits of the incarnation"),
        "{why}; {refused}"
    );
    assert_eq!(node.heartbeat().await, MemberState::Dead);
    assert_eq!(
        node.stored_heartbeats().await,
        "2",
        "the copy stays recognisable for later connections"
    );
    assert!(node.generation().await > 1);
}

#[tokio::test]
async fn a_new_connection_to_the_same_history_is_used() {
    let Some(node) = RestorableNode::join(Role::Node, "master").await else {
        return;
    };
    // Stored, but its answer was lost.
    sql(
        &node.admin,
        "UPDATE member_heartbeat SET heartbeats = heartbeats + 1",
    )
    .await;
    node.break_connections().await;
    node.store.now().await.expect("the same history");
    assert_eq!(node.heartbeat().await, MemberState::Active);
    assert_eq!(node.stored_heartbeats().await, "5");
    assert_eq!(node.generation().await, 1);
}

#[tokio::test]
async fn a_pure_worker_continues_in_an_older_copy() {
    let Some(node) = RestorableNode::join(Role::Worker, "worker").await else {
        return;
    };
    node.restore_older_copy().await;
    assert_eq!(node.heartbeat().await, MemberState::Active);
    assert_eq!(node.generation().await, 1);
}

#[tokio::test]
async fn an_operator_raises_the_generation_as_often_as_he_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite://{}", folder.path().join("porpoise.db").display());
    let store = Store::open(&url, Role::Node).await.expect("a store");
    store.migrate().await.expect("a schema");
    let old = store
        .join_standalone(&node("standalone", "master,worker,api"))
        .await
        .expect("a life");
    let first = store.bump_after_restore().await.expect("a generation");
    assert_eq!((first.from, first.ended), (old.generation, 1));
    let second = store.bump_after_restore().await.expect("a generation");
    assert!(second.to > first.to && second.from == first.to, "{second:?}");
    let new = store
        .join_standalone(&node("standalone", "master,worker,api"))
        .await
        .expect("a life");
    assert_eq!(new.generation, second.to);
    assert!(new.incarnation.0 > first.to.0, "{new:?}");
}
