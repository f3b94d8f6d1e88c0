//! W4: one workflow of ten thousand tasks.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::graph::{Body, Graph};
use crate::http::Client;
use crate::load;
use crate::node::{Backend, Node};
use crate::process::Tree;
use crate::record::{Case, Figures, Meter};
use crate::{Bench, Outcome};

/// Runs that count; each takes seconds.
const RUNS: usize = 3;

/// Shapes that run once, without a warm-up: a run takes too long to repeat.
const ONCE: [&str; 2] = ["chain no-op", "wide shell"];

/// Runs each shape on a node of its own, so that memory is not that of the shape before.
pub(crate) fn run(bench: &mut Bench, backend: Backend) -> Outcome<()> {
    let shapes = [
        ("small layered no-op", Graph::layered(10, 10), Body::Noop),
        ("layered no-op", Graph::layered(100, 100), Body::Noop),
        ("wide no-op", Graph::wide(9_998), Body::Noop),
        ("chain no-op", Graph::chain(10_000), Body::Noop),
        ("wide shell", Graph::wide(9_998), Body::shell()),
    ];
    for (variant, graph, body) in shapes {
        let case = Case {
            workload: "W4",
            variant,
            backend,
        };
        let (_place, node) = bench.node(backend)?;
        let mut client = node.server.connect()?;
        let before = node.tree().pss_kib();
        let saved = load::put(&mut client, "giant", &graph, &body)?;
        let once = ONCE.contains(&variant);
        if !once {
            load::run_one(&mut client, "giant", &graph)?;
        }
        for _ in 0..if once { 1 } else { RUNS } {
            let mut figures = measured(&node, &mut client, &graph)?;
            figures.insert("save_ms", saved.as_secs_f64() * 1000.0);
            if let Some(peak) = figures.remove("peak_kib") {
                figures.insert("extra_mib", (peak - before) / 1024.0);
            }
            bench.note(case, figures);
        }
        node.stop()?;
    }
    Ok(())
}

fn measured(node: &Node, client: &mut Client, graph: &Graph) -> Outcome<Figures> {
    let meter = Meter::start(node);
    let over = AtomicBool::new(false);
    let (times, peak) = std::thread::scope(|scope| {
        let watch = scope.spawn(|| peak_of(node.tree(), &over));
        let times = load::run_one(client, "giant", graph);
        over.store(true, Ordering::Relaxed);
        (times, watch.join())
    });
    let times = times?;
    let mut figures = Figures::new();
    meter.read(graph.len(), &mut figures);
    figures.insert("peak_kib", peak.map_err(|_| "the watch panicked")?);
    figures.insert("total_ms", times.total());
    figures.insert("tasks_per_s", graph.len() as f64 / times.total() * 1000.0);
    figures.insert("first_start_ms", times.first_start());
    Ok(figures)
}

/// The largest share of memory seen until the run is over.
fn peak_of(tree: Tree, over: &AtomicBool) -> f64 {
    let mut peak: f64 = 0.0;
    while !over.load(Ordering::Relaxed) {
        peak = peak.max(tree.pss_kib());
        std::thread::sleep(Duration::from_millis(100));
    }
    peak
}
