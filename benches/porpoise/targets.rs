//! The figures that are shown, and what we hold ourselves to.

use crate::chain;
use crate::node::Backend;
use crate::record::Figures;

/// What a figure should be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Goal {
    /// At most this.
    AtMost(f64),
    /// At least this.
    AtLeast(f64),
    /// At most the first on SQLite and the second on PostgreSQL.
    AtMostOn(f64, f64),
    /// At most this in 95 of 100 runs.
    MostlyAtMost(f64),
    /// Shown only.
    None,
}

impl Goal {
    /// The goal on one database.
    pub(crate) fn on(self, backend: Backend) -> Self {
        match (self, backend) {
            (Self::AtMostOn(most, _), Backend::Sqlite) | (Self::AtMostOn(_, most), Backend::Postgres) => {
                Self::AtMost(most)
            }
            (goal, _) => goal,
        }
    }

    /// Whether runs with this median and this 95th percentile reach it; nothing when there is nothing to reach.
    pub(crate) fn is_met(self, value: f64, p95: f64) -> Option<bool> {
        match self {
            Self::AtMost(most) | Self::AtMostOn(most, _) => Some(value <= most),
            Self::MostlyAtMost(most) => Some(p95 <= most),
            Self::AtLeast(least) => Some(value >= least),
            Self::None => None,
        }
    }
}

/// One line of the table, for each database.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    /// `W1` to `W12`.
    pub workload: &'static str,
    /// The variant of the case.
    pub variant: &'static str,
    /// The figure of the record.
    pub figure: &'static str,
    /// The goal.
    pub goal: Goal,
}

const fn row(workload: &'static str, variant: &'static str, figure: &'static str, goal: Goal) -> Row {
    Row {
        workload,
        variant,
        figure,
        goal,
    }
}

use Goal::{AtLeast, AtMost, AtMostOn, MostlyAtMost, None as Shown};

/// Every line of the table. The goals are those of the workloads' definition, on two cores.
pub(crate) const ROWS: &[Row] = &[
    row("W1", "no-op", "total_ms", AtMost(60.0)),
    row("W1", "no-op", "first_start_ms", Shown),
    row("W1", "shell", "total_ms", AtMost(160.0)),
    row("W1", "shell", "step_p50_ms", AtMost(3.0)),
    row("W1", "shell", "step_p99_ms", Shown),
    row("W1", "shell", "execution_p50_ms", Shown),
    row("W1", "python", "total_ms", AtMost(600.0)),
    row("W2", "no-op", "total_ms", AtMost(60.0)),
    row("W2", "shell", "total_ms", AtMost(300.0)),
    row("W2", "shell", "tasks_per_s", AtLeast(1330.0)),
    row("W2", "shell", "first_start_ms", Shown),
    row("W2", "shell", "cpu_ms_per_1000_tasks", Shown),
    row("W2", "10 ms", "utilisation_percent", AtLeast(90.0)),
    row("W3", "3 no-op", "workflows_per_s", AtLeast(3000.0)),
    row("W3", "3 no-op", "tasks_per_s", Shown),
    row("W3", "3 no-op", "start_p99_ms", Shown),
    row("W3", "3 no-op", "cpu_ms_per_1000_tasks", Shown),
    row("W3", "40 no-op", "tasks_per_s", AtLeast(20_000.0)),
    row("W3", "40 no-op", "cpu_ms_per_1000_tasks", Shown),
    row("W3", "3 shell", "tasks_per_s", AtLeast(1500.0)),
    row("W3", "3 shell", "cpu_ms_per_1000_tasks", Shown),
    row("W3", "3 no-op at 70 %", "start_p50_ms", Shown),
    row("W3", "3 no-op at 70 %", "start_p99_ms", AtMost(50.0)),
    row("W4", "small layered no-op", "cpu_ms_per_1000_tasks", Shown),
    row("W4", "layered no-op", "save_ms", AtMost(300.0)),
    row("W4", "layered no-op", "first_start_ms", AtMost(150.0)),
    row("W4", "layered no-op", "total_ms", AtMost(1500.0)),
    row("W4", "layered no-op", "cpu_ms_per_1000_tasks", Shown),
    row("W4", "layered no-op", "extra_mib", AtMost(40.0)),
    row("W4", "wide no-op", "save_ms", AtMost(300.0)),
    row("W4", "wide no-op", "first_start_ms", AtMost(150.0)),
    row("W4", "wide no-op", "total_ms", AtMost(1500.0)),
    row("W4", "wide no-op", "extra_mib", AtMost(40.0)),
    row("W4", "chain no-op", "total_ms", AtMost(15_000.0)),
    row("W4", "wide shell", "total_ms", AtMost(7000.0)),
    row("W4", "wide shell", "extra_mib", AtMost(40.0)),
    row("W5", "1,000 steps", "steps_ms", AtMost(20.0)),
    row("W5", "1,000 a minute", "drift_p50_ms", Shown),
    row("W5", "1,000 a minute", "drift_p99_ms", AtMost(20.0)),
    row("W5", "1,000 a minute", "drift_max_ms", Shown),
    row("W5", "10,000 idle", "cpu_percent", AtMost(0.3)),
    row("W5", "10,000 idle", "cpu_with_database_percent", Shown),
    row("W5", "10,000 idle", "extra_mib", AtMost(10.0)),
    row("W5", "10,000 on one second", "created_p50_ms", Shown),
    row("W5", "10,000 on one second", "created_all_ms", AtMost(500.0)),
    row("W5", "backfill of 1,000", "total_ms", Shown),
    row("W5", "backfill of 1,000", "dates_per_s", Shown),
    row("W6", "1,000 live", "instances_moved", Shown),
    row("W6", "1,000 live", "declared_ms", Shown),
    row("W6", "1,000 live", "moved_ms", MostlyAtMost(1500.0)),
    row("W6", "1,000 live", "acknowledged_ms", Shown),
    row("W6", "1,000 live", "first_call_ms", Shown),
    row("W6", "1,000 live", "last_call_ms", MostlyAtMost(1500.0)),
    row("W6", "10,000 live", "instances_moved", Shown),
    row("W6", "10,000 live", "declared_ms", Shown),
    row("W6", "10,000 live", "moved_ms", MostlyAtMost(2500.0)),
    row("W6", "10,000 live", "acknowledged_ms", Shown),
    row("W6", "10,000 live", "first_call_ms", Shown),
    row("W6", "10,000 live", "last_call_ms", MostlyAtMost(2500.0)),
    row("W6", "1,000 live, stock Consul", "instances_moved", Shown),
    row("W6", "1,000 live, stock Consul", "declared_ms", Shown),
    row("W6", "1,000 live, stock Consul", "moved_ms", MostlyAtMost(1500.0)),
    row("W6", "1,000 live, stock Consul", "acknowledged_ms", Shown),
    row("W6", "1,000 live, stock Consul", "first_call_ms", Shown),
    row(
        "W6",
        "1,000 live, stock Consul",
        "last_call_ms",
        MostlyAtMost(1500.0),
    ),
    row("W6", "10,000 live, stock Consul", "instances_moved", Shown),
    row("W6", "10,000 live, stock Consul", "declared_ms", Shown),
    row(
        "W6",
        "10,000 live, stock Consul",
        "moved_ms",
        MostlyAtMost(2500.0),
    ),
    row("W6", "10,000 live, stock Consul", "acknowledged_ms", Shown),
    row("W6", "10,000 live, stock Consul", "first_call_ms", Shown),
    row(
        "W6",
        "10,000 live, stock Consul",
        "last_call_ms",
        MostlyAtMost(2500.0),
    ),
    row("W7", "fresh", "pss_mib", AtMost(40.0)),
    row("W7", "fresh", "cpu_percent", AtMost(0.3)),
    row("W7", "fresh", "cpu_with_database_percent", Shown),
    row("W7", "after 43,000 tasks", "pss_mib", Shown),
    row("W7", "after 43,000 tasks", "cpu_percent", AtMost(0.3)),
    row("W8", "empty database", "ready_ms", AtMostOn(600.0, 1000.0)),
    row("W8", "existing database", "ready_ms", AtMost(120.0)),
    row("W8", "recover 1,000", "ready_ms", Shown),
    row("W8", "recover 1,000", "recovered_ms", AtMost(700.0)),
    row("W8", "recover 1,000", "kib_per_waiting_instance", AtMost(4.0)),
    row("W9", "starts beside a deletion", "expired_rows", Shown),
    row("W9", "starts beside a deletion", "quiet_p99_ms", Shown),
    row("W9", "starts beside a deletion", "beside_p99_ms", Shown),
    row(
        "W9",
        "starts beside a deletion",
        "p99_change_percent",
        AtMost(20.0),
    ),
    row("W9", "starts beside a deletion", "deleted_rows_per_s", Shown),
    row("W10", "no limit", "total_ms", Shown),
    row("W10", "no limit", "cpu_ms_per_1000_tasks", Shown),
    row("W10", "limit of 8", "total_ms", Shown),
    row("W10", "limit of 8", "cpu_ms_per_1000_tasks", Shown),
    row("W10", "limits of 4 and 100", "total_ms", Shown),
    row("W10", "limits of 4 and 100", "tasks_per_s", Shown),
    row("W10", "limits of 4 and 100", "cpu_ms_per_1000_tasks", Shown),
    row("W10", "10,000 waiting", "cpu_percent", AtMost(1.0)),
    row("W10", "10,000 waiting", "cpu_with_database_percent", Shown),
    row("W11", "40 conditions", "total_ms", AtMost(60.0)),
    row("W11", "400 sub-workflows", "total_ms", AtMost(1000.0)),
    row("W11", "1,000 children", "total_ms", AtMost(2000.0)),
    row("W11", "1,000 children", "cpu_ms_per_1000_tasks", Shown),
    row("W11", "10,000 dependents", "cpu_percent", AtMost(1.0)),
    row("W11", "10,000 dependents", "cpu_with_database_percent", Shown),
    row("W11", "slowest expression", "total_ms", AtMost(20.0)),
    row("W12", "no rule", "cpu_ms_per_1000_tasks", Shown),
    row("W12", "10,000 alerts a minute", "cpu_ms_per_1000_tasks", Shown),
    row("W12", "10,000 alerts a minute", "extra_cpu_percent", AtMost(5.0)),
    row("W12", "10,000 alerts a minute", "delivery_p99_ms", AtMost(2000.0)),
    row(
        "W12",
        "10,000 alerts a minute, gathered",
        "extra_cpu_percent",
        AtMost(5.0),
    ),
];

/// A figure in relation to what the machine can do: its share of the limit, as text.
pub(crate) fn share_of_limit(row: &Row, backend: &str, value: f64, limits: &Figures) -> Option<String> {
    let spawns = *limits.get("spawn_per_s")?;
    let is =
        |workload, variant, figure| (row.workload, row.variant, row.figure) == (workload, variant, figure);
    if is("W2", "shell", "tasks_per_s") || is("W3", "3 shell", "tasks_per_s") {
        return Some(format!("{:.0} % of starts", value / spawns * 100.0));
    }
    let of_database = |rate: &str| {
        let name = limits
            .keys()
            .find(|name| name.strip_prefix(backend).is_some_and(|rest| rest == rate));
        name.and_then(|name| limits.get(name).copied())
    };
    let commit_ms = 1000.0 / of_database("_commits_per_s")?;
    let length = chain::LENGTH as f64;
    if is("W1", "no-op", "total_ms") {
        return Some(format!("{:.1} x commits", value / (length * commit_ms)));
    }
    if is("W1", "shell", "total_ms") {
        let limit = length * (commit_ms + limits.get("spawn_ms")?);
        return Some(format!("{:.1} x commits and starts", value / limit));
    }
    if is("W3", "3 no-op", "tasks_per_s") || is("W3", "40 no-op", "tasks_per_s") {
        return Some(format!(
            "{:.0} % of rows",
            value / of_database("_rows_per_s")? * 100.0
        ));
    }
    None
}
