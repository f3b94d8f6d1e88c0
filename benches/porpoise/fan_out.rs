//! W2: many tasks at once over few slots, and a task that waits for all.

use crate::graph::{Body, Graph};
use crate::load;
use crate::node::{Backend, SLOTS};
use crate::record::{Case, Figures};
use crate::verify::{Span, Times};
use crate::{Bench, Outcome};

/// Runs the fan-out with each kind of task.
pub(crate) fn run(bench: &mut Bench, backend: Backend) -> Outcome<()> {
    let bodies = [
        ("no-op", Body::Noop),
        ("shell", Body::shell()),
        ("10 ms", Body::Shell("sleep 0.01".to_owned())),
    ];
    let case = Case {
        workload: "W2",
        variant: "",
        backend,
    };
    let graph = Graph::fan_out(bench.scale.fan_out);
    load::measure_variants(bench, case, &graph, bodies, read_throughput)
}

fn read_throughput(graph: &Graph, times: &Times, figures: &mut Figures) {
    figures.insert("tasks_per_s", graph.len() as f64 / times.total() * 1000.0);
    figures.insert("last_start_ms", times.last_start());
    figures.insert("utilisation_percent", utilisation(times));
}

/// The share of the slots' time that a task filled, from the first start to the last end before the join.
fn utilisation(times: &Times) -> f64 {
    let fan: &[Span] = times.tasks.split_last().map_or(&[], |(_, fan)| fan);
    let begun = fan.iter().map(|task| task.started).fold(f64::INFINITY, f64::min);
    let ended = fan.iter().map(|task| task.ended).fold(0.0, f64::max);
    let filled: f64 = fan.iter().map(|task| task.ended - task.started).sum();
    filled / (f64::from(SLOTS) * (ended - begun).max(1.0)) * 100.0
}
