//! Nodes that must not start: each ends before its ready line, with a sentence that says what to do.

use std::time::Duration;

use crate::checker::{Effects, check};
use crate::fixture::Cluster;
use crate::scenario::wait_for_ends;

/// An address that is taken is tried again for five seconds.
const REFUSED_WITHIN: Duration = Duration::from_secs(20);

/// Starts a node that must end by itself with these words.
fn is_refused(cluster: &mut Cluster, name: &str, more: &[&str], words: &[&str]) {
    let node = cluster.add(name, "master,api", more);
    node.spawn();
    let code = node.exit_code(REFUSED_WITHIN);
    let said = node.output();
    assert!(
        code.is_some_and(|code| code != 0),
        "{name} ends by itself: {code:?}\n{said}"
    );
    assert!(!said.contains("porpoise ready"), "{name}: {said}");
    for word in words {
        assert!(said.contains(word), "{name} says `{word}`: {said}");
    }
    cluster.take_node(name);
}

#[test]
fn a_node_that_does_not_belong_does_not_start() {
    let Some(mut cluster) = Cluster::start(1, 0) else {
        return;
    };
    cluster.write_secret("other-secret", "another-secret-0123456789-0123456789-0123456789");
    let other = cluster.path("other-secret").display().to_string();
    is_refused(
        &mut cluster,
        "intruder",
        &["--cluster-secret-file", &other],
        &["cluster secret"],
    );
    let host = cluster.on("m1").host.clone();
    is_refused(
        &mut cluster,
        "double",
        &["--advertise", &host],
        &[&host, "--advertise", "`m1`"],
    );
    is_refused(&mut cluster, "namesake", &["--node-name", "m1"], &["--node-name"]);
    is_refused(
        &mut cluster,
        "squeezed",
        &["--rpc-listen", &host],
        &["cannot listen on", "with --rpc-listen"],
    );

    cluster.sql("INSERT INTO seaql_migrations (version, applied_at) VALUES ('m9999_of_tomorrow', 0)");
    is_refused(
        &mut cluster,
        "old",
        &[],
        &["m9999_of_tomorrow", "porpoise db migrate"],
    );
    cluster.sql("DELETE FROM seaql_migrations WHERE version = 'm9999_of_tomorrow'");
    let last = "(SELECT max(version) FROM seaql_migrations)";
    cluster.sql("CREATE TABLE hidden AS SELECT * FROM seaql_migrations");
    cluster.sql(&format!("DELETE FROM seaql_migrations WHERE version = {last}"));
    is_refused(&mut cluster, "new", &[], &["porpoise db migrate"]);
    cluster.sql("INSERT INTO seaql_migrations SELECT * FROM hidden ON CONFLICT DO NOTHING");

    let states: Vec<_> = cluster.any().items("/nodes");
    assert_eq!(states.len(), 1, "a refused node is no member: {states:?}");
    cluster.add("m2", "master,api", &[]).start();
    cluster.any().apply(
        "nothing",
        "version: 1\nname: nothing\ntasks:\n  t: { type: noop }\n".to_owned(),
    );
    let id = cluster.start_instance("m2", "nothing");
    wait_for_ends(&cluster, &[id]);
    check(&cluster, Effects::default());
}
