//! Checks that a run was right: every task succeeded, none is missing, none ran twice, the order was kept.

use std::collections::HashMap;

use serde_json::Value;

use crate::Outcome;
use crate::graph::Graph;
use crate::http::{Client, Server};

/// Connections that read results at the same time.
const READERS: usize = 2;

/// The times of one task, in milliseconds since 1970, as the server stored them.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Span {
    /// When it started.
    pub started: f64,
    /// When it ended.
    pub ended: f64,
}

/// The times of one instance that was checked.
#[derive(Debug, Clone)]
pub(crate) struct Times {
    /// When the start was accepted.
    pub created: f64,
    /// When the instance became final.
    pub ended: f64,
    /// Its tasks, in the order of the graph.
    pub tasks: Vec<Span>,
}

impl Times {
    /// From the accepted start to the final state.
    pub(crate) fn total(&self) -> f64 {
        self.ended - self.created
    }

    /// From the accepted start to the start of the first task.
    pub(crate) fn first_start(&self) -> f64 {
        self.tasks
            .iter()
            .map(|task| task.started)
            .fold(f64::INFINITY, f64::min)
            - self.created
    }

    /// From the accepted start to the start of the last task.
    pub(crate) fn last_start(&self) -> f64 {
        self.tasks.iter().map(|task| task.started).fold(0.0, f64::max) - self.created
    }
}

/// Checks many instances of one graph.
pub(crate) fn all(server: &Server, ids: &[String], graph: &Graph) -> Outcome<Vec<Times>> {
    let mut sorted = ids.to_vec();
    sorted.sort();
    sorted.dedup();
    if sorted.len() != ids.len() {
        return Err("two starts were answered with the same instance".into());
    }
    let part = ids.len().div_ceil(READERS).max(1);
    std::thread::scope(|scope| {
        let read = |part: &[String]| -> Result<Vec<Times>, String> {
            let mut client = server.connect().map_err(|error| error.to_string())?;
            let checked = part.iter().map(|id| one(&mut client, id, graph));
            checked.collect::<Outcome<_>>().map_err(|error| error.to_string())
        };
        let readers: Vec<_> = ids
            .chunks(part)
            .map(|part| scope.spawn(move || read(part)))
            .collect();
        let mut times = Vec::with_capacity(ids.len());
        for reader in readers {
            times.extend(reader.join().map_err(|_| "a reader panicked")??);
        }
        Ok(times)
    })
}

/// Checks one instance.
pub(crate) fn one(client: &mut Client, id: &str, graph: &Graph) -> Outcome<Times> {
    let instance = client.get(&format!("/api/v1/instances/{id}"))?;
    expect(id, "state", &instance["state"], &Value::from("succeeded"))?;
    expect(
        id,
        "tasks.total",
        &instance["tasks"]["total"],
        &Value::from(graph.len()),
    )?;
    expect(
        id,
        "tasks.by_state",
        &instance["tasks"]["by_state"]["succeeded"],
        &Value::from(graph.len()),
    )?;
    let tasks = spans(client, id, graph)?;
    for (at, task) in tasks.iter().enumerate() {
        if let Some(early) = graph
            .needs(at)
            .iter()
            .find(|need| tasks[**need].ended > task.started)
        {
            return Err(format!("instance {id}: task {at} started before {early} had ended").into());
        }
    }
    once_each(client, id, graph)?;
    Ok(Times {
        created: time(&instance["created_at"])?,
        ended: time(&instance["ended_at"])?,
        tasks,
    })
}

fn spans(client: &mut Client, id: &str, graph: &Graph) -> Outcome<Vec<Span>> {
    let items = client.list(&format!("/api/v1/instances/{id}/tasks"))?;
    let mut spans = vec![None; graph.len()];
    for item in &items {
        let name = item["name"].as_str().unwrap_or_default();
        let task = graph
            .task(name)
            .ok_or_else(|| format!("instance {id}: unknown task {name}"))?;
        expect(id, name, &item["state"], &Value::from("succeeded"))?;
        expect(id, name, &item["attempts"], &Value::from(1))?;
        let span = Span {
            started: time(&item["started_at"])?,
            ended: time(&item["ended_at"])?,
        };
        if spans[task].replace(span).is_some() {
            return Err(format!("instance {id}: task {name} is listed twice").into());
        }
    }
    spans
        .into_iter()
        .collect::<Option<_>>()
        .ok_or_else(|| format!("instance {id}: a task is missing").into())
}

/// Each task has exactly one step to its end in the history.
fn once_each(client: &mut Client, id: &str, graph: &Graph) -> Outcome<()> {
    let mut ends: HashMap<String, u32> = HashMap::new();
    for entry in client.list(&format!("/api/v1/instances/{id}/history"))? {
        if let Some(task) = entry["task"].as_str().filter(|_| entry["to"] == "succeeded") {
            *ends.entry(task.to_owned()).or_default() += 1;
        }
    }
    if ends.len() == graph.len() && ends.values().all(|count| *count == 1) {
        return Ok(());
    }
    Err(format!("instance {id}: the history does not show one end of each task").into())
}

fn expect(id: &str, what: &str, found: &Value, wanted: &Value) -> Outcome<()> {
    if found == wanted {
        return Ok(());
    }
    Err(format!("instance {id}: {what} is {found}, not {wanted}").into())
}

/// Milliseconds since 1970 of a time in an answer.
pub(crate) fn time(value: &Value) -> Outcome<f64> {
    let text = value.as_str().ok_or("a time is missing")?;
    let at = chrono::DateTime::parse_from_rfc3339(text)?;
    Ok(at.timestamp_millis() as f64)
}
