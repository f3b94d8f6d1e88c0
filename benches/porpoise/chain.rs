//! W1: how long one task after the other takes, and how much of it is overhead.

use std::path::Path;

use crate::graph::{Body, Graph};
use crate::load;
use crate::node::Backend;
use crate::record::{Case, Figures, percentile};
use crate::verify::Times;
use crate::{Bench, Outcome};

/// Tasks of the chain.
pub(crate) const LENGTH: usize = 40;

const FIBO: &str = "def fibo(n):\n    return n if n < 2 else fibo(n - 1) + fibo(n - 2)\nfibo(10)\n";

/// Runs the chain with each kind of light task.
pub(crate) fn run(bench: &mut Bench, backend: Backend) -> Outcome<()> {
    let bodies = [
        ("no-op", Body::Noop),
        ("shell", Body::shell()),
        ("python", Body::Python(python(), FIBO.to_owned())),
    ];
    let case = Case {
        workload: "W1",
        variant: "",
        backend,
    };
    load::measure_variants(bench, case, &Graph::chain(LENGTH), bodies, read_steps)
}

fn read_steps(_: &Graph, times: &Times, figures: &mut Figures) {
    let mut steps = gaps(times);
    for (name, share) in [("step_p50_ms", 50.0), ("step_p99_ms", 99.0)] {
        figures.extend(percentile(&mut steps, share).map(|value| (name, value)));
    }
    let mut bodies: Vec<f64> = times.tasks.iter().map(|task| task.ended - task.started).collect();
    figures.extend(percentile(&mut bodies, 50.0).map(|value| ("execution_p50_ms", value)));
}

/// From the end of each task to the start of the next: everything between that is not the task.
fn gaps(times: &Times) -> Vec<f64> {
    times
        .tasks
        .windows(2)
        .map(|pair| pair[1].started - pair[0].ended)
        .collect()
}

/// The interpreter itself where it is found: a version chooser in the search path would be measured too.
fn python() -> String {
    let usual = "/usr/bin/python3";
    if Path::new(usual).exists() {
        usual.to_owned()
    } else {
        "python3".to_owned()
    }
}
