//! `make bench`: drives a release build as real processes over REST and measures it.
//!
//! Each run prints one JSON line on standard output; `--write FILE` also writes the document of all figures. A run
//! whose result is wrong in any way has no figure: it ends the bench.

#![allow(
    clippy::disallowed_methods,
    reason = "a bench finds its programs by the environment"
)]

mod alerts;
mod calibrate;
mod chain;
mod cluster;
mod document;
mod fan_out;
mod graph;
mod http;
mod idle;
mod large_dag;
mod limits;
mod load;
mod logic;
mod many_instances;
mod node;
mod postgres;
mod process;
mod record;
mod retention;
mod schedules;
mod startup;
mod takeover;
mod targets;
mod verify;

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use cluster::{Cluster, Timing};
use node::{Backend, Node, NodeData};
use postgres::Postgres;
use record::{Book, Case, Figures};

/// The outcome of anything that can fail; a failure ends the bench.
pub(crate) type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// What was asked for.
#[derive(Debug, Default)]
struct Options {
    quick: bool,
    only: Vec<String>,
    backends: Vec<String>,
    write: Option<PathBuf>,
}

/// How large the workloads are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    /// Runs that count for each case; slow cases take fewer.
    pub runs: usize,
    /// Width of the fan-out.
    pub fan_out: usize,
    /// Instances started together.
    pub instances: usize,
}

/// Everything that a workload needs.
#[derive(Debug)]
pub(crate) struct Bench {
    program: PathBuf,
    postgres: Option<Postgres>,
    /// The size of the workloads.
    pub scale: Scale,
    /// Where runs are noted.
    pub book: Book,
    /// What the machine can do.
    pub limits: Figures,
}

impl Bench {
    /// Makes fresh data on a database.
    pub(crate) fn data(&self, backend: Backend) -> Outcome<NodeData> {
        let server = self.postgres.as_ref().filter(|_| backend == Backend::Postgres);
        NodeData::new(&self.program, server)
    }

    /// Makes fresh data and starts a node on it.
    pub(crate) fn node(&self, backend: Backend) -> Outcome<(NodeData, Node)> {
        let data = self.data(backend)?;
        let node = data.start()?;
        Ok((data, node))
    }

    /// Starts a cluster on fresh data; none where PostgreSQL or Consul is not installed.
    pub(crate) fn cluster(&self, timing: Timing) -> Outcome<Option<Cluster>> {
        match &self.postgres {
            Some(server) => Cluster::start(&self.program, server, timing),
            None => Ok(None),
        }
    }

    /// Notes a run.
    pub(crate) fn note(&mut self, case: Case, figures: Figures) {
        self.book.note(case, figures);
    }
}

/// One workload on one database.
type Workload = fn(&mut Bench, Backend) -> Outcome<()>;

const WORKLOADS: [(&str, Workload); 12] = [
    ("W1", chain::run),
    ("W2", fan_out::run),
    ("W3", many_instances::run),
    ("W4", large_dag::run),
    ("W5", schedules::run),
    ("W6", takeover::run),
    ("W7", idle::run),
    ("W8", startup::run),
    ("W9", retention::run),
    ("W10", limits::run),
    ("W11", logic::run),
    ("W12", alerts::run),
];

/// What `--quick` runs.
const QUICK: [&str; 3] = ["W1", "W2", "W3"];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if !arguments.iter().any(|argument| argument == "--bench") {
        eprintln!("nothing is measured: this is not `cargo bench`");
        return ExitCode::SUCCESS;
    }
    match options(&arguments).and_then(|options| run(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn options(arguments: &[String]) -> Outcome<Options> {
    let mut options = Options::default();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let mut value = || {
            rest.next()
                .cloned()
                .ok_or_else(|| format!("{argument} needs a value"))
        };
        match argument.as_str() {
            "--bench" => {}
            "--quick" => options.quick = true,
            "--only" => options.only = value()?.split(',').map(str::to_owned).collect(),
            "--backend" => options.backends = value()?.split(',').map(str::to_owned).collect(),
            "--write" => options.write = Some(value()?.into()),
            other => return Err(format!("unknown argument {other}").into()),
        }
    }
    Ok(options)
}

fn run(options: &Options) -> Outcome<()> {
    let wanted = |backend: Backend| match options.backends.as_slice() {
        [] => backend == Backend::Sqlite || !options.quick,
        names => names.iter().any(|name| name == backend.name()),
    };
    let postgres = if wanted(Backend::Postgres) {
        Postgres::start()?
    } else {
        None
    };
    if postgres.is_none() && wanted(Backend::Postgres) {
        eprintln!("SKIPPED: PostgreSQL is not installed; only SQLite is measured");
    }
    let backends = [Backend::Sqlite, Backend::Postgres]
        .into_iter()
        .filter(|backend| wanted(*backend));
    let backends: Vec<Backend> = backends
        .filter(|backend| *backend == Backend::Sqlite || postgres.is_some())
        .collect();
    let limits = calibrate::measure(postgres.as_ref())?;
    println!("{}", serde_json::json!({ "calibration": limits }));
    let book = Book {
        records: Vec::new(),
        commit: commit(),
    };
    let mut bench = Bench {
        program: program(),
        postgres,
        scale: scale_of(options),
        book,
        limits,
    };
    for (name, workload) in WORKLOADS {
        let chosen = match options.only.as_slice() {
            [] => !options.quick || QUICK.contains(&name),
            names => names.iter().any(|only| only == name),
        };
        for backend in backends.iter().copied().filter(|_| chosen) {
            eprintln!("{name} on {}", backend.name());
            workload(&mut bench, backend)
                .map_err(|error| format!("{name} on {}: {error}", backend.name()))?;
            // After each, so that a bench that is interrupted leaves what it has.
            if let Some(path) = &options.write {
                let old = std::fs::read_to_string(path).unwrap_or_default();
                std::fs::write(path, document::page(&bench, &old))?;
            }
        }
    }
    eprint!("{}", document::table(&bench));
    Ok(())
}

fn scale_of(options: &Options) -> Scale {
    if options.quick {
        Scale {
            runs: 3,
            fan_out: 40,
            instances: 100,
        }
    } else {
        Scale {
            runs: 5,
            fan_out: 400,
            instances: 1000,
        }
    }
}

/// The program under measurement: the one that cargo built beside this bench, unless another is named.
#[expect(
    clippy::disallowed_methods,
    reason = "a setting of the bench, not of the program"
)]
fn program() -> PathBuf {
    let other = std::env::var_os("PORPOISE_BIN");
    other.map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_porpoise")), PathBuf::from)
}

fn commit() -> String {
    let output = Command::new("git")
        .args(["describe", "--always", "--dirty"])
        .output();
    let text = output
        .ok()
        .and_then(|output| String::from_utf8(output.stdout).ok())
        .unwrap_or_default();
    let text = text.trim();
    if text.is_empty() {
        "unknown".to_owned()
    } else {
        text.to_owned()
    }
}
