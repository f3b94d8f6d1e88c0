//! W9: starts beside a deletion of ended instances, and without one.

use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::graph::{Body, Graph};
use crate::http::Client;
use crate::load::{self, Arrival};
use crate::node::Backend;
use crate::record::{Case, Figures, percentile};
use crate::{Bench, Outcome};

/// The workflow whose instances are deleted, and started meanwhile: one task that does nothing.
const WORKFLOW: &str = "short";

/// How many times as many instances are deleted as other workloads start: more than 100,000 rows.
const CROWD: usize = 12;

/// Starts in a second while the time of each is taken.
const RATE: f64 = 100.0;

/// Time for which starts are measured, without and beside the deletion.
const WINDOW: Duration = Duration::from_secs(20);

/// Measures both on one node.
pub(crate) fn run(bench: &mut Bench, backend: Backend) -> Outcome<()> {
    let (_data, node) = bench.node(backend)?;
    let mut client = node.server.connect()?;
    load::put(&mut client, WORKFLOW, &Graph::chain(1), &Body::Noop)?;
    load::start_many(
        &node.server,
        WORKFLOW,
        bench.scale.instances * CROWD,
        Arrival::Closed,
    )?;
    load::until_quiet(&mut client)?;
    sleep(Duration::from_secs(2));
    let expired = client.call(
        "POST",
        "/api/v1/retention",
        r#"{"older_than": "1s", "dry_run": true}"#,
    )?;
    let mut quiet = measure_starts(&mut client)?;
    let deletion = client.call("POST", "/api/v1/retention", r#"{"older_than": "1s"}"#)?;
    let mut beside = measure_starts(&mut client)?;
    let deleted = client.get(&format!("/api/v1/operations/{}", text(&deletion["id"])))?;
    let mut figures = Figures::new();
    figures.extend(expired["rows"].as_f64().map(|rows| ("expired_rows", rows)));
    let (quiet_p99, beside_p99) = (percentile(&mut quiet, 99.0), percentile(&mut beside, 99.0));
    figures.extend(percentile(&mut quiet, 50.0).map(|value| ("quiet_p50_ms", value)));
    figures.extend(quiet_p99.map(|value| ("quiet_p99_ms", value)));
    figures.extend(percentile(&mut beside, 50.0).map(|value| ("beside_p50_ms", value)));
    figures.extend(beside_p99.map(|value| ("beside_p99_ms", value)));
    let change = quiet_p99
        .zip(beside_p99)
        .map(|(quiet, beside)| (beside / quiet - 1.0) * 100.0);
    figures.extend(change.map(|value| ("p99_change_percent", value)));
    figures.extend(deleted_rows(&deleted).map(|rows| ("deleted_rows_per_s", rows / WINDOW.as_secs_f64())));
    let case = Case {
        workload: "W9",
        variant: "starts beside a deletion",
        backend,
    };
    bench.note(case, figures);
    Ok(())
}

/// Starts instances at a steady rate; returns how long each call took, in milliseconds.
fn measure_starts(client: &mut Client) -> Outcome<Vec<f64>> {
    let path = format!("/api/v1/projects/default/workflows/{WORKFLOW}/instances");
    let (begun, mut times) = (Instant::now(), Vec::new());
    while begun.elapsed() < WINDOW {
        let due = Duration::from_secs_f64(times.len() as f64 / RATE);
        sleep(due.saturating_sub(begun.elapsed()));
        let asked = Instant::now();
        client.call("POST", &path, "{}")?;
        times.push(asked.elapsed().as_secs_f64() * 1000.0);
    }
    Ok(times)
}

/// Reads the rows out of `deleted I instances, R rows`.
fn deleted_rows(operation: &Value) -> Option<f64> {
    let (_, rows) = operation["detail"].as_str()?.split_once(", ")?;
    rows.split(' ').next()?.parse().ok()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
