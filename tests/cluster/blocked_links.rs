//! Nodes that are cut off from one thing only.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::Value;

use crate::checker::{Effects, ask, check};
use crate::fixture::{Cluster, PATIENCE, free_address};
use crate::proxy::{Mode, Proxy};
use crate::scenario::{
    LONG, add_behind_proxy, assert_single_attempts, dead_members, health_issues, host_of, owner_hosts,
    pass_warm_up, start_load, wait_for_ends, wait_until_left,
};
use test_support::rest::Rest;
use test_support::waiting::nothing_happens_for;

/// Within this time a node says that the registry rejects its heartbeats: the lease, one heartbeat, and a busy machine.
const FROZEN_WITHIN: Duration = Duration::from_secs(4);

/// The instances of a running master that lost the database have another owner within this time.
const MOVES_WITHIN: Duration = Duration::from_secs(40);

/// What of a master goes through a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Link {
    Registry,
    Database,
    Peers,
}

/// Adds a master `x`, one of whose links can be cut.
fn add_behind(cluster: &mut Cluster, link: Link) -> Proxy {
    let here = free_address();
    match link {
        Link::Registry => {
            let agent = cluster.consul.url().trim_start_matches("http://").to_owned();
            let proxy = Proxy::start(&here, &agent);
            let url = format!("http://{}", proxy.address());
            cluster.add("x", "master,api", &["--consul", &url]).start();
            proxy
        }
        Link::Database => {
            let url = cluster.postgres.url();
            let server = host_of(&url);
            let proxy = Proxy::start(&here, &server);
            let url = url.replace(&server, proxy.address());
            cluster.add("x", "master,api", &["--database-url", &url]).start();
            proxy
        }
        Link::Peers => add_behind_proxy(cluster, "x", "master,api"),
    }
}

#[test]
fn a_master_without_its_registry_keeps_working() {
    let Some(mut cluster) = Cluster::start(1, 1) else {
        return;
    };
    let link = add_behind(&mut cluster, Link::Registry);
    pass_warm_up();
    for mode in [Mode::Closed, Mode::BlackHole] {
        let ids = start_load(&cluster, &["m1", "x"], 3);
        let before = owner_hosts(&cluster, &ids);
        link.set(mode);
        let cut = Instant::now();
        cluster.wait(FROZEN_WITHIN, "membership is frozen", |cluster| {
            health_issues(cluster, "x").contains("consul unreachable, membership frozen")
        });
        eprintln!("{mode:?}: membership was frozen after {:?}", cut.elapsed());
        assert_eq!(owner_hosts(&cluster, &ids), before, "{mode:?}");
        nothing_happens_for(LONG.saturating_sub(cut.elapsed()));
        assert_eq!(dead_members(&cluster), Vec::<Value>::new(), "{mode:?}");
        link.set(Mode::Open);
        wait_for_ends(&cluster, &ids);
        assert_single_attempts(&cluster, &ids);
        cluster.wait(PATIENCE, "the registry is used again", |cluster| {
            !health_issues(cluster, "x").contains("REGISTRY")
        });
    }
    check(&cluster, Effects::default());
}

#[test]
fn a_master_without_its_database_is_replaced() {
    let Some(mut cluster) = Cluster::start(1, 1) else {
        return;
    };
    let link = add_behind(&mut cluster, Link::Database);
    let gone = cluster.on("x").host.clone();
    for mode in [Mode::Closed, Mode::BlackHole] {
        pass_warm_up();
        let ids = start_load(&cluster, &["m1", "x"], 3);
        link.set(mode);
        let cut = Instant::now();
        wait_until_left(&cluster, &ids, &[&gone], MOVES_WITHIN);
        eprintln!("{mode:?}: all instances moved in {:?}", cut.elapsed());
        let answer = Rest::answer(cluster.on("x").request(Method::GET, "/api/v1/instances"));
        let answer = answer.expect("clients are answered while the database is silent");
        assert!(answer.status == 503 && answer.retry, "{answer:?}");
        assert_eq!(answer.body["code"], "STORE_UNAVAILABLE");
        link.set(Mode::Open);
        let code = cluster.node("x").exit_code(PATIENCE);
        assert_eq!(code, Some(75), "it finds itself declared dead");
        cluster.node("x").start();
        wait_for_ends(&cluster, &ids);
        assert_single_attempts(&cluster, &ids);
    }
    check(&cluster, Effects::declared(2));
}

#[test]
fn results_for_an_unreachable_master_arrive_through_the_others() {
    let Some(mut cluster) = Cluster::start(1, 1) else {
        return;
    };
    let link = add_behind(&mut cluster, Link::Peers);
    pass_warm_up();
    let ids = start_load(&cluster, &["x"], 3);
    let before = owner_hosts(&cluster, &ids);
    link.set(Mode::BlackHole);
    nothing_happens_for(LONG);
    assert_eq!(
        dead_members(&cluster),
        Vec::<Value>::new(),
        "its heartbeats succeed"
    );
    assert!(
        before.iter().all(|host| *host == cluster.on("x").host),
        "{before:?}"
    );
    // It ends although its owner is unreachable: results wait in the inbox, dispatches leave.
    wait_for_ends(&cluster, &ids);
    assert_single_attempts(&cluster, &ids);
    let relayed = ask(&cluster, "SELECT dedup_key FROM inbox WHERE kind = 'result'");
    assert!(!relayed.is_empty(), "results went through the inbox");
    check(&cluster, Effects::default());
}
