//! Logs and metrics: the server's own log on stdout or stderr, and one registry of Prometheus metrics.
//!
//! Names and labels of metrics stand in `NAMES` only; no label ever names an instance, a task or a user.

use std::io::IsTerminal;
use std::sync::OnceLock;

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram, gauge};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

use crate::config::{Log, LogFormat};

/// How a metric behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// Only grows.
    Counter,
    /// A value now.
    Gauge,
    /// A distribution, in seconds.
    Seconds,
}

/// One metric: name, kind, help.
pub type Metric = (&'static str, MetricKind, &'static str);

/// Every metric of the program.
pub const NAMES: &[Metric] = &[
    (
        "porpoise_build_info",
        MetricKind::Gauge,
        "Always 1; the label has the version",
    ),
    ("porpoise_up", MetricKind::Gauge, "1 while the node serves"),
    (
        "porpoise_instances_total",
        MetricKind::Counter,
        "Instances that reached a final state, by state",
    ),
    (
        "porpoise_retention_instances_total",
        MetricKind::Counter,
        "Ended instances that this node deleted",
    ),
    (
        "porpoise_retention_rows_total",
        MetricKind::Counter,
        "Rows of all tables that this node deleted because they were too old",
    ),
    (
        "porpoise_retention_batch_seconds",
        MetricKind::Seconds,
        "Time of one batch of deletions",
    ),
    (
        "porpoise_channel_send_seconds",
        MetricKind::Seconds,
        "Time of one try to send a message to a channel, by its type",
    ),
    (
        "porpoise_connection_test_seconds",
        MetricKind::Seconds,
        "Time of one test of a connection that this node requested, by its type and result",
    ),
    (
        "porpoise_dispatch_gaps_total",
        MetricKind::Counter,
        "Attempts that failed because a secret or connection of theirs is missing",
    ),
    (
        "porpoise_secret_rotations_total",
        MetricKind::Counter,
        "Changes of the key of stored secrets that this node brought to an end",
    ),
    (
        "porpoise_secret_values_rotated_total",
        MetricKind::Counter,
        "Stored values that this node encrypted again under another key",
    ),
    (
        "porpoise_secret_values_outdated",
        MetricKind::Gauge,
        "Stored values that are not under the first key of this node",
    ),
    (
        "porpoise_secret_open_failures_total",
        MetricKind::Counter,
        "Stored values that this node could not decrypt",
    ),
    (
        "porpoise_retention_last_sweep_timestamp_seconds",
        MetricKind::Gauge,
        "When this node last deleted everything that was too old, in seconds since 1970",
    ),
    (
        "porpoise_instances_active",
        MetricKind::Gauge,
        "Instances that this master owns now",
    ),
    (
        "porpoise_instance_duration_seconds",
        MetricKind::Seconds,
        "From the start of an instance to its end, by state",
    ),
    (
        "porpoise_tasks_total",
        MetricKind::Counter,
        "Task instances that reached a final state, by type and state",
    ),
    (
        "porpoise_task_retries_total",
        MetricKind::Counter,
        "Attempts after the first",
    ),
    (
        "porpoise_dispatch_total",
        MetricKind::Counter,
        "Attempts sent to workers",
    ),
    (
        "porpoise_dispatch_errors_total",
        MetricKind::Counter,
        "Attempts that a worker did not take, by reason",
    ),
    (
        "porpoise_worker_slots",
        MetricKind::Gauge,
        "Slots of the worker on this node, by state (total, used)",
    ),
    (
        "porpoise_worker_lost_total",
        MetricKind::Counter,
        "Workers that were declared dead",
    ),
    (
        "porpoise_failovers_total",
        MetricKind::Counter,
        "Take-overs that this master completed",
    ),
    (
        "porpoise_failover_duration_seconds",
        MetricKind::Seconds,
        "From the declaration of a death to the last take-over",
    ),
    (
        "porpoise_declarations_total",
        MetricKind::Counter,
        "Incarnations that this master declared dead",
    ),
    (
        "porpoise_rebalanced_instances_total",
        MetricKind::Counter,
        "Instances handed over to a master that owned fewer",
    ),
    (
        "porpoise_children_started_total",
        MetricKind::Counter,
        "Instances that tasks of other instances started",
    ),
    (
        "porpoise_dependents_woken_total",
        MetricKind::Counter,
        "Dependent tasks of this node that the end of an instance woke",
    ),
    (
        "porpoise_admissions_total",
        MetricKind::Counter,
        "Queued instances that this master admitted or ended, by outcome",
    ),
    (
        "porpoise_backfill_dates_total",
        MetricKind::Counter,
        "Dates of backfills whose turn came, by outcome",
    ),
    (
        "porpoise_alerts_sent_total",
        MetricKind::Counter,
        "Tries of messages of alerts, by channel and result",
    ),
    (
        "porpoise_alerts_waiting",
        MetricKind::Gauge,
        "Messages of alerts that wait to be delivered",
    ),
    (
        "porpoise_alerts_oldest_seconds",
        MetricKind::Gauge,
        "Age of the oldest message of alerts that waits",
    ),
    (
        "porpoise_limit_refusals_total",
        MetricKind::Counter,
        "Tasks with a slot of a worker that limits had no room for",
    ),
    (
        "porpoise_fenced_writes_total",
        MetricKind::Counter,
        "Writes refused because another owner is known",
    ),
    (
        "porpoise_actor_restarts_total",
        MetricKind::Counter,
        "Actors rebuilt from the store, by actor",
    ),
    (
        "porpoise_db_commits_total",
        MetricKind::Counter,
        "Group commits, by result",
    ),
    (
        "porpoise_db_commit_rounds_total",
        MetricKind::Counter,
        "Changes of instances in those commits",
    ),
    (
        "porpoise_db_query_duration_seconds",
        MetricKind::Seconds,
        "Time of a database call, by op",
    ),
    (
        "porpoise_db_errors_total",
        MetricKind::Counter,
        "Failed database calls, by kind",
    ),
    (
        "porpoise_http_requests_total",
        MetricKind::Counter,
        "Requests, by route, method and status",
    ),
    (
        "porpoise_http_request_duration_seconds",
        MetricKind::Seconds,
        "Time of a request, by route and method",
    ),
    (
        "porpoise_schedule_fires_total",
        MetricKind::Counter,
        "Fires of schedules that this master decided, by outcome",
    ),
    (
        "porpoise_schedule_delay_seconds",
        MetricKind::Seconds,
        "From the due time of a fire to its start",
    ),
    (
        "porpoise_schedule_commits_total",
        MetricKind::Counter,
        "Commits of fires, by result",
    ),
    (
        "porpoise_schedules_upcoming",
        MetricKind::Gauge,
        "Schedules that are due within seconds",
    ),
    ("porpoise_sse_clients", MetricKind::Gauge, "Open event streams"),
];

const BUCKETS: &[f64] = &[
    0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0, 120.0, 600.0, 3600.0,
];

/// Installs the recorder of this process and describes every metric; a second call returns the same one.
///
/// # Panics
/// When another recorder is installed, which is a mistake in the program.
pub fn install_metrics() -> PrometheusHandle {
    static INSTALLED: OnceLock<PrometheusHandle> = OnceLock::new();
    INSTALLED
        .get_or_init(|| {
            let handle = PrometheusBuilder::new()
                .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), BUCKETS)
                .expect("the list of buckets is not empty")
                .install_recorder()
                .expect("only this function installs a recorder");
            describe();
            gauge!("porpoise_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
            gauge!("porpoise_up").set(1.0);
            handle
        })
        .clone()
}

/// Sends log lines to stdout. A second call changes nothing.
pub fn init(log: &Log) {
    let filter = EnvFilter::try_new(&log.level).unwrap_or_else(|_| EnvFilter::new("info"));
    let json = match log.format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !std::io::stdout().is_terminal(),
    };
    let lines = tracing_subscriber::fmt().with_env_filter(filter);
    let done = if json {
        lines.json().flatten_event(true).try_init()
    } else {
        lines.compact().try_init()
    };
    if done.is_err() {
        tracing::debug!("logging was set up before");
    }
}

fn describe() {
    for (name, kind, help) in NAMES.iter().copied() {
        match kind {
            MetricKind::Counter => describe_counter!(name, help),
            MetricKind::Gauge => describe_gauge!(name, help),
            MetricKind::Seconds => describe_histogram!(name, Unit::Seconds, help),
        }
    }
}

#[cfg(test)]
mod tests;
