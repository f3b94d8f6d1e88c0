//! W7: what a node takes when there is nothing to do.

use std::time::Duration;

use crate::graph::{Body, Graph};
use crate::load;
use crate::node::{Backend, Node};
use crate::record::{Case, Figures};
use crate::{Bench, Outcome};

/// How long the node is watched.
const WATCHED: Duration = Duration::from_secs(10);

/// How long a node settles first.
pub(crate) const SETTLING: Duration = Duration::from_secs(3);

/// Watches a fresh node, and one that has worked.
pub(crate) fn run(bench: &mut Bench, backend: Backend) -> Outcome<()> {
    let (data, node) = bench.node(backend)?;
    let fresh = watch_node(&node);
    bench.note(
        Case {
            workload: "W7",
            variant: "fresh",
            backend,
        },
        fresh,
    );
    load::check_single_runs(&data, &node, &Graph::chain(3), 1000)?;
    let mut client = node.server.connect()?;
    load::put(&mut client, "crowd", &Graph::chain(40), &Body::Noop)?;
    load::start_many(&node.server, "crowd", 1000, load::Arrival::Closed)?;
    load::until_quiet(&mut client)?;
    drop(client);
    let used = watch_node(&node);
    bench.note(
        Case {
            workload: "W7",
            variant: "after 43,000 tasks",
            backend,
        },
        used,
    );
    node.stop()
}

/// Lets a node settle, then watches it.
pub(crate) fn watch_node(node: &Node) -> Figures {
    std::thread::sleep(SETTLING);
    let own = node.tree().cpu_ms();
    let all: f64 = node.trees().iter().map(|tree| tree.cpu_ms()).sum();
    std::thread::sleep(WATCHED);
    let percent = |before: f64, after: f64| (after - before) / WATCHED.as_secs_f64() / 10.0;
    let all_after: f64 = node.trees().iter().map(|tree| tree.cpu_ms()).sum();
    Figures::from([
        ("cpu_percent", percent(own, node.tree().cpu_ms())),
        ("cpu_with_database_percent", percent(all, all_after)),
        ("pss_mib", node.tree().pss_kib() / 1024.0),
    ])
}
