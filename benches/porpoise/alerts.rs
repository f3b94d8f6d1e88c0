//! W12: instances whose ends are alerts, 10,000 a minute.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use chrono::DateTime;
use serde_json::{Value, json};
use test_support::alert_receiver::AlertReceiver;

use crate::graph::{Body, Graph};
use crate::load::{self, Arrival};
use crate::node::{Backend, Node};
use crate::record::{Case, Figures, Meter, percentile};
use crate::{Bench, Outcome};

/// Events per second.
const RATE: f64 = 10_000.0 / 60.0;

/// How long they arrive.
const SECONDS: f64 = 6.0;

/// Runs that count; each takes seconds.
const MOST_RUNS: usize = 3;

/// The longest that the last alerts may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// The variant that the others are compared with.
const NO_RULE: &str = "no rule";

/// Starts the same instances without a rule, with one that sends each alert, and with one that gathers them.
pub(crate) fn run(bench: &mut Bench, backend: Backend) -> Outcome<()> {
    let (data, node) = bench.node(backend)?;
    let graph = Graph::chain(3);
    load::check_single_runs(&data, &node, &graph, bench.scale.instances / 5)?;
    let mut client = node.server.connect()?;
    let receiver = AlertReceiver::start();
    let channel = json!({ "type": "webhook", "url": receiver.url() });
    client.call("PUT", "/api/v1/channels/hook", &channel.to_string())?;
    let rule = json!({ "on": ["succeeded"], "channels": ["hook"] });
    let gathering = json!({ "on": ["succeeded"], "channels": ["hook"], "group": "2s" });
    load::put(&mut client, "w", &graph, &Body::Noop)?;
    for _ in 0..bench.scale.runs.min(MOST_RUNS) {
        for (variant, rules) in [
            (NO_RULE, json!([])),
            ("10,000 alerts a minute", json!([rule])),
            ("10,000 alerts a minute, gathered", json!([gathering])),
        ] {
            let case = Case {
                workload: "W12",
                variant,
                backend,
            };
            let body = json!({ "rules": rules }).to_string();
            node.server
                .connect()?
                .call("PUT", "/api/v1/projects/default/notify", &body)?;
            let without = bench.book.median(
                Case {
                    variant: NO_RULE,
                    ..case
                },
                "cpu_ms_per_1000_tasks",
            );
            let figures = measured(&node, &graph, &receiver, without)?;
            bench.note(case, figures);
        }
    }
    node.stop()
}

/// Measures one run; with rules, each of its instances must have been announced once.
fn measured(node: &Node, graph: &Graph, receiver: &AlertReceiver, without: Option<f64>) -> Outcome<Figures> {
    let before = receiver.received().len();
    let meter = Meter::start(node);
    let count = (RATE * SECONDS) as usize;
    let ids = load::start_many(&node.server, "w", count, Arrival::PerSecond(RATE))?;
    // The node closes connections that were idle during the load.
    let mut client = node.server.connect()?;
    load::until_quiet(&mut client)?;
    let has_rule = !client.get("/api/v1/projects/default/notify")?["rules"]
        .as_array()
        .is_some_and(Vec::is_empty);
    if has_rule {
        until_arrived(receiver, before, count)?;
    }
    let tasks = ids.len() * graph.len();
    let mut figures = Figures::new();
    meter.read(tasks, &mut figures);
    if has_rule {
        let mut waits = announced(receiver, before, &ids)?;
        figures.extend(percentile(&mut waits, 99.0).map(|wait| ("delivery_p99_ms", wait)));
        let with = figures.get("cpu_ms_per_1000_tasks").copied();
        if let (Some(with), Some(without)) = (with, without) {
            let extra_ms_per_s = (with - without) * graph.len() as f64 / 1000.0 * RATE;
            let cores = std::thread::available_parallelism().map_or(1, usize::from) as f64;
            figures.insert("extra_cpu_percent", extra_ms_per_s / (cores * 10.0));
        }
    }
    Ok(figures)
}

/// Waits until as many alerts have arrived as instances ended.
fn until_arrived(receiver: &AlertReceiver, before: usize, count: usize) -> Outcome<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let messages = receiver.received().into_iter().skip(before);
        let alerts: usize = messages.map(|message| alerts_in(&message.body).len()).sum();
        if alerts >= count {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(format!("{alerts} of {count} alerts arrived").into());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn alerts_in(message: &Value) -> &[Value] {
    message["alerts"].as_array().map_or(&[], Vec::as_slice)
}

/// Returns from the end of each instance to the arrival of its alert, in milliseconds.
fn announced(receiver: &AlertReceiver, before: usize, ids: &[String]) -> Outcome<Vec<f64>> {
    let now_ms = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)?
        .as_secs_f64()
        * 1000.0;
    let (mut waits, mut seen) = (Vec::new(), BTreeSet::new());
    for message in receiver.received().into_iter().skip(before) {
        let arrived_ms = now_ms - message.at.elapsed().as_secs_f64() * 1000.0;
        for alert in alerts_in(&message.body) {
            let at = DateTime::parse_from_rfc3339(alert["at"].as_str().unwrap_or_default())?;
            waits.push(arrived_ms - at.timestamp_millis() as f64);
            seen.extend(alert["instance"].as_str().map(str::to_owned));
        }
    }
    if waits.len() == ids.len() && ids.iter().all(|id| seen.contains(id)) {
        return Ok(waits);
    }
    let (all, alerts, instances) = (ids.len(), waits.len(), seen.len());
    Err(format!("{all} instances ended, {alerts} alerts of {instances} of them arrived").into())
}
