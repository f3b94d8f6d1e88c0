//! W2: many tasks at once over few slots, and a task that waits for all.

use crate::graph::{Body, Graph};
use crate::http::Client;
use crate::load;
use crate::node::{Backend, Node, SLOTS};
use crate::record::{Case, Figures, Meter};
use crate::verify::{Span, Times};
use crate::{Bench, Outcome};

/// Runs the fan-out with each kind of task.
pub(crate) fn run(bench: &mut Bench, backend: Backend) -> Outcome<()> {
    let graph = Graph::fan_out(bench.scale.fan);
    let (place, node) = bench.node(backend)?;
    load::signed(&place, &node, &graph, 1)?;
    let mut client = node.server.connect()?;
    let bodies = [
        ("no-op", Body::Noop),
        ("shell", Body::shell()),
        ("10 ms", Body::Shell("sleep 0.01".to_owned())),
    ];
    for (variant, body) in bodies {
        let case = Case {
            workload: "W2",
            variant,
            backend,
        };
        let name = variant.replace(' ', "-");
        load::put(&mut client, &name, &graph, &body)?;
        load::run_one(&mut client, &name, &graph)?;
        for _ in 0..bench.scale.runs {
            let figures = measured(&node, &mut client, &name, &graph)?;
            bench.note(case, figures);
        }
    }
    node.stop()
}

fn measured(node: &Node, client: &mut Client, name: &str, graph: &Graph) -> Outcome<Figures> {
    let meter = Meter::start(node);
    let times = load::run_one(client, name, graph)?;
    let mut figures = Figures::new();
    meter.read(graph.len(), &mut figures);
    figures.insert("total_ms", times.total());
    figures.insert("tasks_per_s", graph.len() as f64 / times.total() * 1000.0);
    figures.insert("first_start_ms", times.first_start());
    figures.insert("last_start_ms", times.last_start());
    figures.insert("utilisation_percent", utilisation(&times));
    Ok(figures)
}

/// The share of the slots' time that a task filled, from the first start to the last end before the join.
fn utilisation(times: &Times) -> f64 {
    let fan: &[Span] = times.tasks.split_last().map_or(&[], |(_, fan)| fan);
    let begun = fan.iter().map(|task| task.started).fold(f64::INFINITY, f64::min);
    let ended = fan.iter().map(|task| task.ended).fold(0.0, f64::max);
    let filled: f64 = fan.iter().map(|task| task.ended - task.started).sum();
    filled / (f64::from(SLOTS) * (ended - begun).max(1.0)) * 100.0
}
