//! W8: how long a node takes to serve, and to have its instances again after a crash.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::load::{self, Arrival};
use crate::node::{Backend, Node, NodeData};
use crate::record::{Case, Figures};
use crate::{Bench, Outcome};

/// Instances that wait while the node is killed.
const WAITING: usize = 1_000;

/// The longest that they may be without an owner.
const PATIENCE: Duration = Duration::from_secs(60);

/// Starts nodes on empty and on existing data, then crashes one with many live instances.
pub(crate) fn run(bench: &mut Bench, backend: Backend) -> Outcome<()> {
    for _ in 0..bench.scale.runs {
        let data = bench.data(backend)?;
        let figures = measure_start(&data)?;
        bench.note(
            Case {
                workload: "W8",
                variant: "empty database",
                backend,
            },
            figures,
        );
    }
    let data = bench.data(backend)?;
    measure_start(&data)?;
    for _ in 0..bench.scale.runs {
        let figures = measure_start(&data)?;
        bench.note(
            Case {
                workload: "W8",
                variant: "existing database",
                backend,
            },
            figures,
        );
    }
    recovered(bench, backend)
}

fn measure_start(data: &NodeData) -> Outcome<Figures> {
    let node = data.start()?;
    let figures = Figures::from([("ready_ms", ready_ms(&node)?)]);
    node.stop()?;
    Ok(figures)
}

/// From the start of the process to the first 200 of `/readyz`.
fn ready_ms(node: &Node) -> Outcome<f64> {
    let mut client = node.server.connect()?;
    let deadline = Instant::now() + PATIENCE;
    while !client.succeeds("/readyz")? {
        if Instant::now() > deadline {
            return Err("the node serves but never became ready".into());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(node.begun.elapsed().as_secs_f64() * 1000.0)
}

fn recovered(bench: &mut Bench, backend: Backend) -> Outcome<()> {
    let case = Case {
        workload: "W8",
        variant: "recover 1,000",
        backend,
    };
    let (data, mut node) = bench.node(backend)?;
    let mut client = node.server.connect()?;
    let document = json!({ "version": 1, "name": "waiting", "tasks": {
        "now": { "type": "noop" },
        "later": { "type": "noop", "delay": "1h", "needs": ["now"] },
    } });
    load::put_document(&mut client, "waiting", &document.to_string())?;
    let before = node.tree().pss_kib();
    let ids = load::start_many(&node.server, "waiting", WAITING, Arrival::Closed)?;
    std::thread::sleep(Duration::from_secs(2));
    let kib_per_instance = (node.tree().pss_kib() - before) / WAITING as f64;
    for epoch in 2..2 + bench.scale.runs as i64 {
        node.kill()?;
        node = data.start()?;
        let mut figures = Figures::from([("ready_ms", ready_ms(&node)?)]);
        figures.insert("recovered_ms", until_owned(&node)?);
        figures.insert("kib_per_waiting_instance", kib_per_instance);
        check(&node, &ids, epoch)?;
        bench.note(case, figures);
    }
    node.stop()
}

/// From the start of the process until it owns every instance that waits.
fn until_owned(node: &Node) -> Outcome<f64> {
    let mut client = node.server.connect()?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let nodes = client.get("/api/v1/nodes")?;
        let passed = node.begun.elapsed();
        let active = nodes["items"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|one| one["state"] == "active");
        if active.is_some_and(|one| one["instances"] == WAITING) {
            return Ok(passed.as_secs_f64() * 1000.0);
        }
        if Instant::now() > deadline {
            return Err(format!("the instances did not come back: {nodes}").into());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Each instance continues where it was, with the next epoch, and nothing ran again.
fn check(node: &Node, ids: &[String], epoch: i64) -> Outcome<()> {
    let mut client = node.server.connect()?;
    for id in ids {
        let instance = client.get(&format!("/api/v1/instances/{id}"))?;
        let by_state = &instance["tasks"]["by_state"];
        let right = instance["state"] == "running"
            && as_number(&instance["epoch"]) == Some(epoch)
            && by_state["succeeded"] == 1
            && by_state["delayed"] == 1;
        if !right {
            return Err(format!("instance {id} is not as it was: {instance}").into());
        }
    }
    Ok(())
}

fn as_number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}
