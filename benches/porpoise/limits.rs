//! W10: tasks that wait for slots of limits.

use serde_json::json;

use crate::graph::{Body, Graph};
use crate::http::Client;
use crate::idle;
use crate::load;
use crate::node::Backend;
use crate::record::{Case, Figures, Meter};
use crate::{Bench, Outcome};

/// Limits with their slots.
const LIMITS: [(&str, u32); 4] = [("four", 4), ("eight", 8), ("many", 100), ("none", 0)];

/// Tasks that wait for a limit without slots.
const CROWD: usize = 10_000;

/// Runs that count; each takes seconds.
const MOST_RUNS: usize = 3;

/// Runs a thousand tasks without a limit, under one, and under two; then lets ten thousand wait for one.
pub(crate) fn run(bench: &mut Bench, backend: Backend) -> Outcome<()> {
    let (data, node) = bench.node(backend)?;
    let graph = Graph::fan_out(bench.scale.instances);
    let mut client = node.server.connect()?;
    put_limits(&mut client)?;
    load::check_single_runs(&data, &node, &graph, 1)?;
    for (variant, names) in [
        ("no limit", vec![]),
        ("limit of 8", vec!["eight"]),
        ("limits of 4 and 100", vec!["four", "many"]),
    ] {
        let name = variant.replace(' ', "-");
        load::put(&mut client, &name, &graph, &Body::Limited(names))?;
        for _ in 0..bench.scale.runs.min(MOST_RUNS) {
            let meter = Meter::start(&node);
            let times = load::run_one(&mut client, &name, &graph)?;
            let mut figures = Figures::new();
            meter.read(graph.len(), &mut figures);
            figures.insert("total_ms", times.total());
            figures.insert("tasks_per_s", graph.len() as f64 / times.total() * 1000.0);
            bench.note(case(variant, backend), figures);
        }
    }
    drop(client);
    node.stop()?;
    crowd(bench, backend)
}

/// Tasks that wait for a limit without slots, and nothing else.
fn crowd(bench: &mut Bench, backend: Backend) -> Outcome<()> {
    let (_data, node) = bench.node(backend)?;
    let mut client = node.server.connect()?;
    put_limits(&mut client)?;
    let graph = Graph::independent(CROWD);
    load::put(&mut client, "crowd", &graph, &Body::Limited(vec!["none"]))?;
    let id = load::start(&mut client, "crowd")?;
    let waits = format!("/api/v1/instances/{id}");
    load::until(&mut client, &waits, |instance| {
        instance["tasks"]["by_state"]["waiting"] == json!(CROWD)
    })?;
    drop(client);
    bench.note(case("10,000 waiting", backend), idle::watch_node(&node));
    node.kill()
}

fn put_limits(client: &mut Client) -> Outcome<()> {
    for (name, slots) in LIMITS {
        let path = format!("/api/v1/projects/default/limits/{name}");
        client.call("PUT", &path, &json!({ "slots": slots }).to_string())?;
    }
    Ok(())
}

fn case(variant: &'static str, backend: Backend) -> Case {
    Case {
        workload: "W10",
        variant,
        backend,
    }
}
