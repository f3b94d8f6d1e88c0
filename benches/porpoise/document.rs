//! Writes the figures as a table, and as a page with everything that a reader needs to judge them.

use std::fmt::Write;
use std::fs;

use crate::Bench;
use crate::node::Backend;
use crate::record::{Case, LOAD, percentile};
use crate::targets::{Goal, ROWS, Row, share_of_limit};

const INTRODUCTION: &str = "# Benchmarks

Written by `make bench`, but for the last section, which it keeps as it stands. What is measured, and how:

- A release build runs as a real `porpoise standalone` process with 16 slots and its usual settings. All load
  comes over REST, from two threads on the same machine.
- Nothing is relaxed: SQLite runs with `synchronous=FULL`, PostgreSQL with `fsync` and `synchronous_commit` on.
  PostgreSQL is a throw-away server on the same machine.
- Times are the server's own, from the stored changes of state, so the load generator's polling is not measured.
- Every run is checked: each instance and each task succeeded, in order, after one attempt, and the history has
  one end of each task. The first run of each shell workload signs a file, and each task must have signed once.
  A run that fails any of this has no figure; it ends the bench.
- A figure is the median of the runs after a warm-up, with the smallest and the largest. CPU is that of the node,
  of the tasks and of PostgreSQL. Foreign CPU is what other processes of the machine took meanwhile.
- Where a figure has a limit, its share of what the machine reached in the calibration of the same session is
  shown: it says more than seconds do on another machine.
";

const MEANINGS: &str = "
## What the workloads are

| workload | what runs |
|---|---|
| W1 | one instance, 40 tasks one after the other: no-op, `sh -c :`, Python `fibo(10)` |
| W2 | one instance, 400 tasks at once and one that waits for all: no-op, `sh -c :`, `sleep 0.01` |
| W3 | 1,000 instances started over 32 connections, each a chain of 3 or 40; and at 70 % of the reached rate |
| W4 | one instance of 10,000 tasks: 100 layers of 100 with three needs each; 1, 9,998, 1; a chain (small: 10 layers of 10) |
| W7 | nothing to do, watched for 10 s |
| W8 | from the start of the process to the first 200 of `/readyz`; after `kill -9`, until 1,000 waiting instances have their owner again |
";

/// The table of figures.
pub(crate) fn table(bench: &Bench) -> String {
    let mut text = String::from(
        "| workload | variant | figure | database | median | min to max | runs | target | | of the limit |\n\
         |---|---|---|---|---:|---|---:|---|---|---|\n",
    );
    for row in ROWS {
        for backend in [Backend::Sqlite, Backend::Postgres] {
            text.extend(line(bench, row, backend));
        }
    }
    text
}

/// Begins the section that people write.
const BY_HAND: &str = "\n## What is known about the misses\n";

/// The whole page; what people wrote stays as it is on the old page.
pub(crate) fn page(bench: &Bench, old: &str) -> String {
    let mut text = INTRODUCTION.to_owned();
    let foreign = over_all_runs(bench, "foreign_cpu_percent", " %");
    let load = over_all_runs(bench, LOAD, "");
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        "\n## This session\n\n- Machine: {}\n- Date: {}\n- Version: {}\n- Foreign CPU during the runs: {foreign}\n- Load average at the end of each run: {load}\n\n\
         ## Calibration\n\n| what the machine can do | |\n|---|---:|\n",
        machine(),
        chrono::Utc::now().format("%Y-%m-%d %H:%M UTC"),
        bench.book.commit,
    );
    for (name, value) in &bench.limits {
        let _ = writeln!(text, "| {} | {} |", words(name), number(*value));
    }
    text.push_str("\n## Figures\n\n");
    text.push_str(&table(bench));
    text.push_str(MEANINGS);
    let by_hand = old.find(BY_HAND).map_or(BY_HAND, |at| &old[at..]);
    text.push_str(by_hand);
    text
}

fn line(bench: &Bench, row: &Row, backend: Backend) -> Option<String> {
    let case = Case {
        workload: row.workload,
        variant: row.variant,
        backend,
    };
    let mut values = bench.book.values(case, row.figure);
    let median = percentile(&mut values, 50.0)?;
    let aim = row.goal.on(backend);
    let goal = match aim {
        Goal::AtMost(most) | Goal::AtMostOn(most, _) => format!("≤ {}", number(most)),
        Goal::AtLeast(least) => format!("≥ {}", number(least)),
        Goal::None => String::new(),
    };
    let verdict = match aim.is_met(median) {
        Some(true) => "met",
        Some(false) => "**missed**",
        None => "",
    };
    let share = share_of_limit(row, backend.name(), median, &bench.limits).unwrap_or_default();
    Some(format!(
        "| {} | {} | {} | {} | {} | {} to {} | {} | {goal} | {verdict} | {share} |\n",
        row.workload,
        row.variant,
        words(row.figure),
        backend.name(),
        number(median),
        number(*values.first()?),
        number(*values.last()?),
        values.len(),
    ))
}

/// What a figure was over all runs that have it.
fn over_all_runs(bench: &Bench, figure: &str, unit: &str) -> String {
    let figures = bench.book.records.iter();
    let mut values: Vec<f64> = figures
        .filter_map(|record| record.figures.get(figure).copied())
        .collect();
    match (percentile(&mut values, 50.0), values.last()) {
        (Some(median), Some(most)) => format!("median {median:.1}{unit}, at most {most:.1}{unit}"),
        _ => "not measured".to_owned(),
    }
}

/// `total_ms` as `total (ms)`.
fn words(name: &str) -> String {
    let units = [
        ("_ms", " (ms)"),
        ("_percent", " (%)"),
        ("_mib", " (MiB)"),
        ("_per_s", " per s"),
    ];
    let unit = units
        .iter()
        .find_map(|(end, unit)| Some((name.strip_suffix(end)?, *unit)));
    let (name, unit) = unit.unwrap_or((name, ""));
    format!("{}{unit}", name.replace('_', " "))
}

/// Three digits where they count.
fn number(value: f64) -> String {
    match value.abs() {
        large if large >= 1000.0 => thousands(value.round() as i64),
        middle if middle >= 100.0 => format!("{value:.0}"),
        small if small >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

fn thousands(value: i64) -> String {
    let digits = value.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn machine() -> String {
    let field = |path: &str, name: &str| {
        let text = fs::read_to_string(path).unwrap_or_default();
        let line = text
            .lines()
            .find(|line| line.starts_with(name))
            .map(str::to_owned);
        line.and_then(|line| Some(line.split_once(':')?.1.trim().to_owned()))
            .unwrap_or_default()
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let memory = field("/proc/meminfo", "MemTotal");
    let kib: f64 = memory.trim_end_matches(" kB").parse().unwrap_or(0.0);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!(
        "{cores} cores ({}), {:.0} GiB of memory, Linux {}",
        field("/proc/cpuinfo", "model name"),
        kib / 1024.0 / 1024.0,
        kernel.trim().split('-').next().unwrap_or_default(),
    )
}
