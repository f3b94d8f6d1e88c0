//! W3: many small workflows at once, and at a fixed rate.

use crate::graph::{Body, Graph};
use crate::load::{self, Arrival};
use crate::node::{Backend, Node};
use crate::record::{Case, Figures, Meter, percentile};
use crate::verify::{self, Times};
use crate::{Bench, Outcome};

/// Length of the short chains.
const SHORT: usize = 3;

/// Length of the long chains.
const LONG: usize = 40;

/// How long starts arrive at a fixed rate, in seconds.
const STEADY_SECONDS: f64 = 3.0;

/// The share of the measured capacity at which they arrive.
const STEADY_SHARE: f64 = 0.7;

/// Runs that count; each is a thousand instances, all of which are read and checked.
const MOST_RUNS: usize = 3;

/// One measured variant.
struct Variant {
    case: Case,
    name: &'static str,
    graph: Graph,
    count: usize,
    arrival: Arrival,
}

/// Runs short and long no-op chains, short shell chains, and short chains at 70 % of what was reached.
pub(crate) fn run(bench: &mut Bench, backend: Backend) -> Outcome<()> {
    let (data, node) = bench.node(backend)?;
    let [short, long] = [SHORT, LONG].map(Graph::chain);
    load::check_single_runs(&data, &node, &short, bench.scale.instances / 5)?;
    let mut client = node.server.connect()?;
    load::put(&mut client, "short", &short, &Body::Noop)?;
    load::put(&mut client, "long", &long, &Body::Noop)?;
    load::put(&mut client, "shell", &short, &Body::shell())?;
    let case = |variant| Case {
        workload: "W3",
        variant,
        backend,
    };
    let variant = |name, label, graph: &Graph| Variant {
        case: case(label),
        name,
        graph: graph.clone(),
        count: bench.scale.instances,
        arrival: Arrival::Closed,
    };
    let mut variants = vec![
        variant("short", "3 no-op", &short),
        variant("long", "40 no-op", &long),
        variant("shell", "3 shell", &short),
    ];
    for variant in &variants {
        repeated(bench, &node, variant)?;
    }
    let capacity = bench
        .book
        .median(variants[0].case, "workflows_per_s")
        .unwrap_or(100.0);
    let steady = &mut variants[0];
    steady.case = case("3 no-op at 70 %");
    steady.arrival = Arrival::PerSecond(capacity * STEADY_SHARE);
    steady.count = (capacity * STEADY_SHARE * STEADY_SECONDS) as usize;
    repeated(bench, &node, &variants[0])?;
    node.stop()
}

fn repeated(bench: &mut Bench, node: &Node, variant: &Variant) -> Outcome<()> {
    measured(node, variant)?;
    for _ in 0..bench.scale.runs.min(MOST_RUNS) {
        let figures = measured(node, variant)?;
        bench.note(variant.case, figures);
    }
    Ok(())
}

fn measured(node: &Node, variant: &Variant) -> Outcome<Figures> {
    let mut client = node.server.connect()?;
    let meter = Meter::start(node);
    let ids = load::start_many(&node.server, variant.name, variant.count, variant.arrival)?;
    load::until_quiet(&mut client)?;
    let tasks = variant.count * variant.graph.len();
    let mut figures = Figures::new();
    meter.read(tasks, &mut figures);
    let times = verify::all(&node.server, &ids, &variant.graph)?;
    let wall = span_of(&times);
    figures.insert("total_ms", wall);
    figures.insert("workflows_per_s", variant.count as f64 / wall * 1000.0);
    figures.insert("tasks_per_s", tasks as f64 / wall * 1000.0);
    let mut starts: Vec<f64> = times.iter().map(Times::first_start).collect();
    for (name, share) in [("start_p50_ms", 50.0), ("start_p99_ms", 99.0)] {
        figures.extend(percentile(&mut starts, share).map(|value| (name, value)));
    }
    let mut totals: Vec<f64> = times.iter().map(Times::total).collect();
    figures.extend(percentile(&mut totals, 99.0).map(|value| ("instance_p99_ms", value)));
    Ok(figures)
}

/// From the first accepted start to the last end.
fn span_of(times: &[Times]) -> f64 {
    let begun = times.iter().map(|one| one.created).fold(f64::INFINITY, f64::min);
    let ended = times.iter().map(|one| one.ended).fold(0.0, f64::max);
    (ended - begun).max(1.0)
}
