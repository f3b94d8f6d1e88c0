//! Writes the figures as a table, and as a page with everything that a reader needs to judge them.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;

use crate::Bench;
use crate::node::Backend;
use crate::record::{Case, LOAD, percentile};
use crate::targets::{Goal, ROWS, Row, share_of_limit};

const INTRODUCTION: &str = "# Benchmarks

`make bench` writes this page, except the last section, which it keeps. What is measured, and how:

- A release build runs as a real `porpoise standalone` process with 16 slots and default settings. The load comes over
  REST from the same machine.
- Durability is not relaxed: SQLite runs with `synchronous=FULL`, PostgreSQL with `fsync` and `synchronous_commit` on.
  PostgreSQL is a temporary server on the same machine.
- Times are the server's own, from the stored transitions, so the load generator's polling is not measured.
- W6 runs a cluster, and its times are those that a client on the same machine observes: from the kill to the
  declaration of the death, to the last new host, to the acknowledgement of the whole take-over, to the first and the
  last of the control calls that was answered with 200. Each kill is checked: every instance has an owner again, no task
  was lost or attempted twice.
- Every run is checked: each instance and each task succeeded, in order, after one attempt, and the history has
  one end of each task. In the first run of each shell workload each task writes a line to a file, and there must be
  exactly one line of each. A run that fails a check has no figure and ends the bench.
- A figure is the median of the runs after a warm-up, with the smallest and the largest. CPU is that of the node,
  of the tasks and of PostgreSQL. Foreign CPU is what other processes of the machine used during the run.
- Where a figure has a limit, its share of what the machine reached in the calibration of the same run is
  shown: it is comparable between machines, seconds are not.
";

const MEANINGS: &str = "
## What the workloads are

- **W1**: one instance, 40 tasks one after the other: no-op, `sh -c :`, Python `fibo(10)`.
- **W2**: one instance, 400 tasks at once and one that waits for all: no-op, `sh -c :`, `sleep 0.01`.
- **W3**: 1,000 instances started over 32 connections, each a chain of 3 or 40; and at 70 % of the reached rate.
- **W4**: one instance of 10,000 tasks: 100 layers of 100 with three needs each; 1, 9,998, 1; a chain (small: 10 layers
  of 10).
- **W5**: 1,000 schedules that fire once a minute each, spread over its seconds, and how late their instances are
  created; 10,000 that only wait, for 10 s; the same 10,000 on one second, until the last instance is created; 1,000
  steps from fire to fire of the slowest of six expressions, without a node; a backfill of 1,000 dates of one no-op
  task, 50 at the same time. Each fire and each date must have exactly one instance.
- **W6**: `kill -9` of one of 3 masters (2 workers, one Consul server) in turn, each restarted before the next. It owns
  a third of the live instances the first time and more later, because a new incarnation gets none back; 500 of them run
  a task, the others wait between tasks; 20 are paused through another master from the moment of the kill on.
- **W7**: an idle node, observed for 10 s.
- **W8**: from the start of the process to the first 200 of `/readyz`; after `kill -9`, until 1,000 waiting instances
  have their owner again.
- **W9**: a start every 10 ms for 20 s, without and beside a deletion of 12,000 ended instances, which have more than
  100,000 rows.
- **W10**: one instance of 1,000 `sh -c :` without a limit, under a limit of 8, and under one of 4 with one of 100;
  10,000 tasks that wait for a limit without slots, for 10 s.
- **W11**: 40 conditions one after the other; 400 sub-workflows of one no-op; a dynamic task with 1,000 children of one
  no-op; 10,000 tasks that wait for another workflow, for 10 s; an instance that asks the slowest of eight expressions.
- **W12**: 1,000 instances of three no-op tasks in 6 s, without a rule, with one that makes each end an alert of its own
  message, and with one that gathers alerts for 2 s. Each must be announced once. `extra_cpu` is the share of all cores
  that alerts use at that rate, sending included.
";

/// Heads the table of when each workload was measured.
const SESSIONS: &str =
    "| workload | date | version | foreign CPU (%) | load average after a run |\n|---|---|---|---|---|\n";

/// The table of figures.
pub(crate) fn table(bench: &Bench) -> String {
    let mut text = String::from(
        "| workload | variant | figure | database | median | p95 | min to max | runs | target | | of the limit |\n\
         |---|---|---|---|---:|---:|---|---:|---|---|---|\n",
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
    // Writing to a string cannot fail.
    let _ = write!(text, "\n## Runs of the bench\n\nMachine: {}\n\n", machine());
    text.push_str(&merged(&sessions(bench), old));
    text.push_str("\n## Calibration of the last run\n\n| what the machine can do | |\n|---|---:|\n");
    for (name, value) in &bench.limits {
        let _ = writeln!(text, "| {} | {} |", words(name), number(*value));
    }
    text.push_str("\n## Figures\n\n");
    text.push_str(&merged(&table(bench), old));
    text.push_str(MEANINGS);
    let by_hand = old.find(BY_HAND).map_or(BY_HAND, |at| &old[at..]);
    text.push_str(by_hand);
    text
}

/// When and under what load each workload was measured.
fn sessions(bench: &Bench) -> String {
    let mut text = String::from(SESSIONS);
    let mut known = BTreeSet::new();
    for record in &bench.book.records {
        let workload = record.case.workload;
        if known.insert(workload) {
            let date = chrono::Utc::now().format("%Y-%m-%d %H:%M UTC");
            let [foreign, load] =
                ["foreign_cpu_percent", LOAD].map(|figure| over_runs(bench, workload, figure));
            let commit = &bench.book.commit;
            // Writing to a string cannot fail.
            let _ = writeln!(text, "| {workload} | {date} | {commit} | {foreign} | {load} |");
        }
    }
    text
}

/// A table of this run, with the lines that the old page has under the same head of workloads which this run
/// did not measure.
fn merged(table: &str, old: &str) -> String {
    let (mut lines, head): (Vec<&str>, usize) = (table.lines().collect(), 2);
    let measured: BTreeSet<&str> = lines
        .iter()
        .skip(head)
        .filter_map(|line| workload_of(line))
        .collect();
    let before = lines
        .first()
        .and_then(|first| old.split_once(first))
        .map_or("", |(_, rest)| rest);
    let before = before.lines().skip(head).take_while(|line| line.starts_with('|'));
    lines.extend(before.filter(|line| workload_of(line).is_some_and(|name| !measured.contains(name))));
    // Stable: the lines of a workload keep their order.
    lines[head..].sort_by_key(|line| workload_of(line));
    lines.join("\n") + "\n"
}

fn workload_of(line: &str) -> Option<&str> {
    line.split('|').nth(1).map(str::trim)
}

fn line(bench: &Bench, row: &Row, backend: Backend) -> Option<String> {
    let case = Case {
        workload: row.workload,
        variant: row.variant,
        backend,
    };
    let mut values = bench.book.values(case, row.figure);
    let median = percentile(&mut values, 50.0)?;
    let p95 = percentile(&mut values, 95.0)?;
    let aim = row.goal.on(backend);
    let goal = match aim {
        Goal::AtMost(most) | Goal::AtMostOn(most, _) => format!("≤ {}", number(most)),
        Goal::MostlyAtMost(most) => format!("p95 ≤ {}", number(most)),
        Goal::AtLeast(least) => format!("≥ {}", number(least)),
        Goal::None => String::new(),
    };
    let verdict = match aim.is_met(median, p95) {
        Some(true) => "met",
        Some(false) => "**missed**",
        None => "",
    };
    let share = share_of_limit(row, backend.name(), median, &bench.limits).unwrap_or_default();
    Some(format!(
        "| {} | {} | {} | {} | {} | {} | {} to {} | {} | {goal} | {verdict} | {share} |\n",
        row.workload,
        row.variant,
        words(row.figure),
        backend.name(),
        number(median),
        number(p95),
        number(*values.first()?),
        number(*values.last()?),
        values.len(),
    ))
}

/// What a figure was over all runs of a workload that have it.
fn over_runs(bench: &Bench, workload: &str, figure: &str) -> String {
    let records = bench
        .book
        .records
        .iter()
        .filter(|record| record.case.workload == workload);
    let mut values: Vec<f64> = records
        .filter_map(|record| record.figures.get(figure).copied())
        .collect();
    match (percentile(&mut values, 50.0), values.last()) {
        (Some(median), Some(most)) => format!("{median:.1}, at most {most:.1}"),
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
