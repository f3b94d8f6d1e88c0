//! Three servers of Consul with an agent beside each node: their leader dies or hangs, or there is no leader.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::checker::Effects;
use crate::fixture::{Cluster, PATIENCE, address, ports};
use crate::registry::all_registered;
use crate::scenario::{
    LONG, dead_members, finish, health_issues, pass_warm_up, start_load, wait_until_left, wake_and_restart,
};
use test_support::consul::Consul;
use test_support::waiting::nothing_happens_for;

/// The instances of a killed master have a living owner within this time while Consul has no leader.
const KILLED_MOVES_WITHIN: Duration = Duration::from_secs(40);

/// Those of a frozen one: 30 s without a heartbeat, and the pings.
const FROZEN_MOVES_WITHIN: Duration = Duration::from_secs(45);

/// Consul makes a new server a voter after 10 s.
const VOTES_WITHIN: Duration = Duration::from_secs(60);

/// The servers, and the agents beside the masters but the first: that one is the cluster's own.
struct ConsulAgents {
    servers: Vec<Consul>,
    agents: Vec<Consul>,
}

/// Masters `m1`, `m2`, … and a worker, each master with an agent of its own, on three servers.
fn start(masters: usize) -> Option<(Cluster, ConsulAgents)> {
    let (mut servers, mut agents) = (Vec::new(), Vec::new());
    let mut cluster = Cluster::start_on(|folder| {
        servers.push(Consul::start_new(&folder.join("s1"), &address(), ports(4)));
        for name in ["s2", "s3"] {
            let server = servers[0].start_beside(true, &folder.join(name), ports(4));
            servers.push(server);
        }
        for n in 2..=masters {
            agents.push(servers[0].start_beside(false, &folder.join(format!("a{n}")), ports(4)));
        }
        servers[0].start_beside(false, &folder.join("a1"), ports(4))
    })?;
    cluster.wait(VOTES_WITHIN, "three servers vote", |cluster| {
        cluster.consul.voters() == 3
    });
    cluster.add("m1", "master,api", &[]).start();
    for (agent, n) in agents.iter().zip(2..) {
        let name = format!("m{n}");
        cluster
            .add(&name, "master,api", &["--consul", agent.url()])
            .start();
    }
    cluster.add("w1", "worker", &["--slots", "32"]).start();
    pass_warm_up();
    Some((cluster, ConsulAgents { servers, agents }))
}

impl ConsulAgents {
    /// The server that leads, as the cluster's own agent sees it.
    fn leader(&mut self, cluster: &Cluster) -> &mut Consul {
        let mut index = None;
        cluster.wait(PATIENCE, "a server leads", |cluster| {
            index = self
                .servers
                .iter()
                .position(|server| server.leads(&cluster.consul));
            index.is_some()
        });
        &mut self.servers[index.expect("a leader")]
    }
}

/// Starts, commands and tasks work; answers the instances.
fn run_work(cluster: &Cluster, masters: &[&str]) -> Vec<String> {
    let ids = start_load(cluster, masters, 2);
    cluster.apply_command(masters[0], &ids[0], "pause");
    cluster.any().settle(&ids[0], &["paused"], PATIENCE);
    cluster.apply_command(masters[0], &ids[0], "resume");
    ids
}

#[test]
fn a_consul_leader_that_dies_or_hangs_and_an_agent_that_leaves_end_no_node() {
    let Some((cluster, mut quorum)) = start(2) else {
        return;
    };
    let mut ids = Vec::new();

    let leader = quorum.leader(&cluster);
    leader.kill();
    ids.extend(run_work(&cluster, &["m1", "m2"]));
    nothing_happens_for(LONG);
    leader.start();
    cluster.wait(VOTES_WITHIN, "three servers vote", |cluster| {
        cluster.consul.voters() == 3
    });
    all_registered(&cluster);

    let leader = quorum.leader(&cluster);
    leader.freeze();
    ids.extend(run_work(&cluster, &["m1", "m2"]));
    nothing_happens_for(LONG);
    leader.thaw();
    cluster.wait(VOTES_WITHIN, "three servers vote", |cluster| {
        cluster.consul.voters() == 3
    });
    all_registered(&cluster);
    // From then on the others would suspect a node.
    pass_warm_up();

    quorum.agents[0].leave();
    let incarnation = cluster.on("m2").incarnation.clone();
    cluster.wait(
        PATIENCE,
        "what was registered with the agent is gone",
        |cluster| !cluster.consul.incarnations().contains(&incarnation),
    );
    cluster.wait(PATIENCE, "its node says so", |cluster| {
        health_issues(cluster, "m2").contains("membership frozen")
    });
    ids.extend(run_work(&cluster, &["m2", "m1"]));
    nothing_happens_for(LONG);
    quorum.agents[0].start();
    all_registered(&cluster);

    assert_eq!(dead_members(&cluster), Vec::<Value>::new());
    finish(&cluster, &ids, Effects::default());
}

#[test]
fn without_a_quorum_work_continues_and_dead_masters_are_replaced() {
    let Some((mut cluster, mut quorum)) = start(3) else {
        return;
    };
    let mut ids = start_load(&cluster, &["m1", "m2", "m3"], 2);
    for server in &mut quorum.servers[1..] {
        server.kill();
    }
    for node in ["m1", "m2", "m3"] {
        cluster.wait(PATIENCE, "membership is frozen", |cluster| {
            health_issues(cluster, node).contains("consul unreachable, membership frozen")
        });
    }
    ids.extend(run_work(&cluster, &["m1", "m2", "m3"]));
    nothing_happens_for(LONG);
    assert_eq!(dead_members(&cluster), Vec::<Value>::new());

    let on_killed = start_load(&cluster, &["m3"], 3);
    let gone = cluster.on("m3").host.clone();
    cluster.node("m3").kill();
    let since = Instant::now();
    wait_until_left(&cluster, &on_killed, &[&gone], KILLED_MOVES_WITHIN);
    eprintln!(
        "killed without a leader: all instances moved in {:?}",
        since.elapsed()
    );

    let on_frozen = start_load(&cluster, &["m2"], 3);
    let gone = cluster.on("m2").host.clone();
    let frozen = cluster.take_node("m2");
    frozen.freeze();
    let since = Instant::now();
    wait_until_left(&cluster, &on_frozen, &[&gone], FROZEN_MOVES_WITHIN);
    eprintln!(
        "frozen without a leader: all instances moved in {:?}",
        since.elapsed()
    );
    wake_and_restart(&mut cluster, frozen);

    for server in &mut quorum.servers[1..] {
        server.spawn();
    }
    cluster.node("m3").start();
    all_registered(&cluster);
    assert_eq!(
        dead_members(&cluster).len(),
        2,
        "only the killed one and the frozen one"
    );
    ids.extend(on_killed);
    ids.extend(on_frozen);
    finish(&cluster, &ids, Effects::declared(2));
}
