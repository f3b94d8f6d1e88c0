//! One record per run: a JSON line at once, a row of figures at the end.

use std::collections::BTreeMap;

use nix::sys::resource::{UsageWho, getrusage};
use serde_json::json;

use crate::node::{Backend, Node};
use crate::process::{self, Tree};

/// Which figures belong together: a workload of performance, in one variant, on one database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Case {
    /// `W1` to `W12`.
    pub workload: &'static str,
    /// What the tasks do, or the shape of the graph.
    pub variant: &'static str,
    /// The database.
    pub backend: Backend,
}

/// The figure of the machine's load over the last minute.
pub(crate) const LOAD: &str = "load_average";

/// Figures by name; the name ends in the unit.
pub(crate) type Figures = BTreeMap<&'static str, f64>;

/// The figures of one run.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    /// What was run.
    pub case: Case,
    /// What was measured.
    pub figures: Figures,
}

/// Everything measured so far.
#[derive(Debug)]
pub(crate) struct Book {
    /// The runs that count, in order.
    pub records: Vec<Record>,
    /// The version of the source.
    pub commit: String,
}

impl Book {
    /// Notes a run, with the load of the machine at its end, and prints its line.
    pub(crate) fn note(&mut self, case: Case, mut figures: Figures) {
        figures.extend(process::load_average().map(|load| (LOAD, load)));
        let run = self.records.iter().filter(|record| record.case == case).count() + 1;
        let line = json!({
            "commit": self.commit, "workload": case.workload, "variant": case.variant,
            "backend": case.backend.name(), "run": run, "figures": figures,
        });
        println!("{line}");
        self.records.push(Record { case, figures });
    }

    /// All values of one figure.
    pub(crate) fn values(&self, case: Case, figure: &str) -> Vec<f64> {
        let of_case = self.records.iter().filter(|record| record.case == case);
        of_case
            .filter_map(|record| record.figures.get(figure).copied())
            .collect()
    }

    /// The middle value of one figure.
    pub(crate) fn median(&self, case: Case, figure: &str) -> Option<f64> {
        percentile(&mut self.values(case, figure), 50.0)
    }
}

/// The value that `share` percent of the values do not exceed.
pub(crate) fn percentile(values: &mut [f64], share: f64) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let rank = (share / 100.0 * values.len() as f64).ceil() as usize;
    values.get(rank.max(1) - 1).copied()
}

/// CPU time between two moments, of the node and of all other processes.
#[derive(Debug)]
pub(crate) struct Meter {
    trees: Vec<Tree>,
    own_ms: f64,
    bench_ms: f64,
    busy_ms: f64,
    begun: std::time::Instant,
}

impl Meter {
    /// Begins to count.
    pub(crate) fn start(node: &Node) -> Self {
        let trees = node.trees();
        Self {
            own_ms: trees.iter().map(|tree| tree.cpu_ms()).sum(),
            bench_ms: bench_ms(),
            busy_ms: process::busy_ms(),
            begun: std::time::Instant::now(),
            trees,
        }
    }

    /// Adds CPU per 1,000 tasks and the share of the cores that other processes used.
    pub(crate) fn read(&self, tasks: usize, figures: &mut Figures) {
        let own = self.trees.iter().map(|tree| tree.cpu_ms()).sum::<f64>() - self.own_ms;
        let bench = bench_ms() - self.bench_ms;
        let busy = process::busy_ms() - self.busy_ms;
        let cores = std::thread::available_parallelism().map_or(1, usize::from) as f64;
        let passed = self.begun.elapsed().as_secs_f64() * 1000.0;
        figures.insert("cpu_ms_per_1000_tasks", own / tasks as f64 * 1000.0);
        let foreign = (busy - own - bench) / (passed * cores) * 100.0;
        figures.insert("foreign_cpu_percent", foreign.max(0.0));
    }
}

/// CPU time of this process alone; the node is its child and counted apart.
fn bench_ms() -> f64 {
    let Ok(usage) = getrusage(UsageWho::RUSAGE_SELF) else {
        return 0.0;
    };
    [usage.user_time(), usage.system_time()]
        .iter()
        .map(|time| time.tv_sec() as f64 * 1e3 + time.tv_usec() as f64 / 1e3)
        .sum()
}
