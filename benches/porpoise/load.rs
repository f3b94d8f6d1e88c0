//! Puts workflows on a node, starts instances of them and waits for their ends.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::graph::{Body, Graph};
use crate::http::{Client, Server};
use crate::node::{Node, NodeData};
use crate::record::{Case, Figures, Meter};
use crate::verify::{self, Times};
use crate::{Bench, Outcome};

/// Threads that start instances, each with as many keep-alive connections.
const STARTERS: usize = 2;

/// Connections of each starter.
const CONNECTIONS: usize = 16;

/// The longest that any run may take.
const PATIENCE: Duration = Duration::from_secs(300);

/// When the starts are sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Arrival {
    /// Each connection sends the next start as soon as the last was answered.
    Closed,
    /// This many per second, independent of the answers.
    PerSecond(f64),
}

/// Stores a workflow and returns how long the call took.
pub(crate) fn put(client: &mut Client, name: &str, graph: &Graph, body: &Body) -> Outcome<Duration> {
    put_document(client, name, &graph.document(name, body))
}

/// Stores a document under a name and returns how long the call took.
pub(crate) fn put_document(client: &mut Client, name: &str, document: &str) -> Outcome<Duration> {
    let begun = Instant::now();
    client.call(
        "PUT",
        &format!("/api/v1/projects/default/workflows/{name}"),
        document,
    )?;
    Ok(begun.elapsed())
}

/// Starts one instance, waits for its end and checks it.
pub(crate) fn run_one(client: &mut Client, name: &str, graph: &Graph) -> Outcome<Times> {
    let started = client.call("POST", &start_path(name, "?wait=30s"), "{}")?;
    let id = id_of(&started)?;
    until(client, &format!("/api/v1/instances/{id}"), |instance| {
        instance["state"] != "running"
    })?;
    verify::one(client, &id, graph)
}

/// Starts one instance; returns its id.
pub(crate) fn start(client: &mut Client, name: &str) -> Outcome<String> {
    id_of(&client.call("POST", &start_path(name, ""), "{}")?)
}

/// Reads something until it is as expected, and returns it.
pub(crate) fn until(client: &mut Client, path: &str, is_expected: impl Fn(&Value) -> bool) -> Outcome<Value> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let found = client.get(path)?;
        if is_expected(&found) {
            return Ok(found);
        }
        if Instant::now() > deadline {
            return Err(format!("{path} stayed as it was: {found}").into());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Starts many instances from several connections and returns their ids.
pub(crate) fn start_many(
    server: &Server,
    name: &str,
    count: usize,
    arrival: Arrival,
) -> Outcome<Vec<String>> {
    let request = server.request("POST", &start_path(name, ""), "{}");
    std::thread::scope(|scope| {
        let start =
            |count: usize| starter(server, &request, count, arrival).map_err(|error| error.to_string());
        let parts = (0..STARTERS).map(|part| (count + part) / STARTERS);
        let starters: Vec<_> = parts.map(|part| scope.spawn(move || start(part))).collect();
        let mut ids = Vec::with_capacity(count);
        for starter in starters {
            ids.extend(starter.join().map_err(|_| "a starter panicked")??);
        }
        Ok(ids)
    })
}

fn starter(server: &Server, request: &[u8], count: usize, arrival: Arrival) -> Outcome<Vec<String>> {
    let connections = count.min(CONNECTIONS);
    let mut clients: Vec<Client> = (0..connections)
        .map(|_| server.connect())
        .collect::<Outcome<_>>()?;
    let mut ids = Vec::with_capacity(count);
    let begun = Instant::now();
    for at in 0..count {
        let client = &mut clients[at % connections];
        if at >= connections {
            ids.push(id_of(&client.receive()?)?);
        }
        if let Arrival::PerSecond(rate) = arrival {
            let due = Duration::from_secs_f64(at as f64 / (rate / STARTERS as f64));
            std::thread::sleep(due.saturating_sub(begun.elapsed()));
        }
        client.send(request)?;
    }
    for at in count..count + connections {
        ids.push(id_of(&clients[at % connections].receive()?)?);
    }
    Ok(ids)
}

/// Waits until no instance is running.
pub(crate) fn until_quiet(client: &mut Client) -> Outcome<()> {
    until(client, "/api/v1/instances?state=running&limit=1", |running| {
        running["items"].as_array().is_some_and(Vec::is_empty)
    })?;
    Ok(())
}

/// Runs the workload once with tasks that sign a file, and checks that each signed once.
///
/// It warms the node up; what it takes is not a figure.
pub(crate) fn check_single_runs(data: &NodeData, node: &Node, graph: &Graph, count: usize) -> Outcome<()> {
    let file = data.file("signatures");
    let script = format!(
        "echo \"$PORPOISE_INSTANCE_ID/$PORPOISE_TASK\" >> '{}'",
        file.display()
    );
    let mut client = node.server.connect()?;
    put(&mut client, "signed", graph, &Body::Shell(script))?;
    let ids = start_many(&node.server, "signed", count, Arrival::Closed)?;
    until_quiet(&mut client)?;
    verify::all(&node.server, &ids, graph)?;
    let text = std::fs::read_to_string(&file)?;
    let mut lines: Vec<&str> = text.lines().collect();
    let written = lines.len();
    lines.sort_unstable();
    lines.dedup();
    std::fs::remove_file(&file)?;
    if written == count * graph.len() && lines.len() == written {
        return Ok(());
    }
    let wanted = count * graph.len();
    Err(format!(
        "{wanted} tasks left {written} signatures, {} of them different",
        lines.len()
    )
    .into())
}

/// Runs a graph with each kind of task: once to warm up, then as often as the scale says. `read` adds the figures of
/// the workload to those of every run.
pub(crate) fn measure_variants(
    bench: &mut Bench,
    case: Case,
    graph: &Graph,
    bodies: [(&'static str, Body); 3],
    read: fn(&Graph, &Times, &mut Figures),
) -> Outcome<()> {
    let (data, node) = bench.node(case.backend)?;
    check_single_runs(&data, &node, graph, 1)?;
    let mut client = node.server.connect()?;
    for (variant, body) in bodies {
        let case = Case { variant, ..case };
        let name = variant.replace(' ', "-");
        put(&mut client, &name, graph, &body)?;
        run_one(&mut client, &name, graph)?;
        for _ in 0..bench.scale.runs {
            let meter = Meter::start(&node);
            let times = run_one(&mut client, &name, graph)?;
            let mut figures = Figures::new();
            meter.read(graph.len(), &mut figures);
            figures.insert("total_ms", times.total());
            figures.insert("first_start_ms", times.first_start());
            read(graph, &times, &mut figures);
            bench.note(case, figures);
        }
    }
    node.stop()
}

fn start_path(name: &str, query: &str) -> String {
    format!("/api/v1/projects/default/workflows/{name}/instances{query}")
}

fn id_of(instance: &Value) -> Outcome<String> {
    instance["id"]
        .as_str()
        .map(str::to_owned)
        .ok_or_else(|| "a start was answered without an id".into())
}
