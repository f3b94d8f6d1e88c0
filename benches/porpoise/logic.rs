//! W11: tasks that the owner decides: conditions, children, waits for other workflows, expressions.

use serde_json::{Map, Value, json};

use crate::graph::{Body, Graph};
use crate::http::Client;
use crate::idle;
use crate::load;
use crate::node::{Backend, Node};
use crate::record::{Case, Figures, Meter};
use crate::verify;
use crate::{Bench, Outcome};

/// Conditions one after the other.
const CONDITIONS: usize = 40;

/// Instances with tasks that wait for another workflow, and the tasks of each.
const WAITING: (usize, usize) = (100, 100);

/// Runs that count; each takes seconds.
const MOST_RUNS: usize = 3;

/// The workflow of the children: one task that does nothing.
const CHILD: &str = "child";

/// Runs every part on a fresh node each.
pub(crate) fn run(bench: &mut Bench, backend: Backend) -> Outcome<()> {
    conditions(bench, backend)?;
    children(bench, backend)?;
    dependents(bench, backend)?;
    expressions(bench, backend)
}

fn case(variant: &'static str, backend: Backend) -> Case {
    Case {
        workload: "W11",
        variant,
        backend,
    }
}

/// A chain in which each task holds when the one before has succeeded.
fn conditions(bench: &mut Bench, backend: Backend) -> Outcome<()> {
    let (_data, node) = bench.node(backend)?;
    let mut client = node.server.connect()?;
    let graph = Graph::chain(CONDITIONS + 1);
    let mut tasks = Map::from_iter([(Graph::name(0), json!({ "type": "noop" }))]);
    for at in 1..=CONDITIONS {
        let before = Graph::name(at - 1);
        let mut task = json!({ "type": "conditions", "needs": [before], "all": [{ "task": before, "is": "succeeded" }] });
        if at < CONDITIONS {
            task["then"] = json!([Graph::name(at + 1)]);
        }
        tasks.insert(Graph::name(at), task);
    }
    put(&mut client, "conditions", tasks)?;
    load::run_one(&mut client, "conditions", &graph)?;
    for _ in 0..bench.scale.runs {
        let times = load::run_one(&mut client, "conditions", &graph)?;
        bench.note(
            case("40 conditions", backend),
            Figures::from([("total_ms", times.total())]),
        );
    }
    drop(client);
    node.stop()
}

/// Tasks that start a child each, and one that starts many.
fn children(bench: &mut Bench, backend: Backend) -> Outcome<()> {
    let (_data, node) = bench.node(backend)?;
    let mut client = node.server.connect()?;
    let child =
        json!({ "version": 1, "name": CHILD, "params": { "n": "0" }, "tasks": { "t": { "type": "noop" } } });
    load::put_document(&mut client, CHILD, &child.to_string())?;
    let (width, many) = (bench.scale.fan_out, bench.scale.instances);
    let sub_workflow = json!({ "type": "sub_workflow", "workflow": CHILD });
    let tasks = (0..width).map(|at| (Graph::name(at), sub_workflow.clone()));
    put(&mut client, "sub-workflows", tasks.collect())?;
    let numbers: Vec<usize> = (0..many).collect();
    let dynamic =
        json!({ "type": "dynamic", "workflow": CHILD, "over": { "n": numbers }, "parallelism": many });
    put(
        &mut client,
        "dynamic",
        Map::from_iter([(Graph::name(0), dynamic)]),
    )?;
    for (variant, name, tasks, count) in [
        ("400 sub-workflows", "sub-workflows", width, width),
        ("1,000 children", "dynamic", 1, many),
    ] {
        let graph = Graph::independent(tasks);
        load::run_one(&mut client, name, &graph)?;
        for _ in 0..bench.scale.runs.min(MOST_RUNS) {
            let figures = with_children(&node, &mut client, name, (&graph, count))?;
            bench.note(case(variant, backend), figures);
        }
    }
    drop(client);
    node.stop()
}

/// Runs a workflow once; each of its children must have succeeded.
fn with_children(
    node: &Node,
    client: &mut Client,
    name: &str,
    (graph, count): (&Graph, usize),
) -> Outcome<Figures> {
    let meter = Meter::start(node);
    let id = load::start(client, name)?;
    load::until(client, &format!("/api/v1/instances/{id}"), |instance| {
        instance["state"] != "running"
    })?;
    let mut figures = Figures::new();
    meter.read(count, &mut figures);
    let times = verify::one(client, &id, graph)?;
    let children = client.list(&format!("/api/v1/instances?parent={id}"))?;
    let succeeded = children.iter().filter(|child| child["state"] == "succeeded");
    if (children.len(), succeeded.count()) != (count, count) {
        return Err(format!("instance {id} has {} children, not {count}", children.len()).into());
    }
    figures.insert("total_ms", times.total());
    figures.insert("children_per_s", count as f64 / times.total() * 1000.0);
    Ok(figures)
}

/// Tasks that wait for a workflow of which no instance ends.
fn dependents(bench: &mut Bench, backend: Backend) -> Outcome<()> {
    let (_data, node) = bench.node(backend)?;
    let mut client = node.server.connect()?;
    load::put(&mut client, "never", &Graph::chain(1), &Body::Noop)?;
    let (instances, each) = WAITING;
    let item = json!({ "workflow": "never", "cycle": "day", "date": "today" });
    let wait = json!({ "type": "dependent", "all": [item] });
    let tasks = (0..each).map(|at| (Graph::name(at), wait.clone()));
    put(&mut client, "wait", tasks.collect())?;
    for _ in 0..instances {
        load::start(&mut client, "wait")?;
    }
    let path = "/api/v1/instances?workflow=wait&state=running&limit=200";
    load::until(&mut client, path, |list| {
        let items = list["items"].as_array().map_or(&[][..], Vec::as_slice);
        let all_wait = |one: &&Value| one["tasks"]["by_state"]["running"] == json!(each);
        items.iter().filter(all_wait).count() == instances
    })?;
    drop(client);
    bench.note(case("10,000 dependents", backend), idle::watch_node(&node));
    node.kill()
}

/// Expressions that are as laborious as they may be: how long an instance takes that asks one.
fn expressions(bench: &mut Bench, backend: Backend) -> Outcome<()> {
    let (_data, node) = bench.node(backend)?;
    let mut client = node.server.connect()?;
    let big = "a".repeat(60 * 1024);
    for (at, when) in laborious().iter().enumerate() {
        let name = format!("expression-{at}");
        let document = json!({ "version": 1, "name": name, "params": { "big": big },
            "tasks": { "t0": { "type": "noop", "when": when } } });
        load::put_document(&mut client, &name, &document.to_string())?;
    }
    for _ in 0..bench.scale.runs {
        let mut slowest = 0.0_f64;
        for at in 0..laborious().len() {
            let id = load::start(&mut client, &format!("expression-{at}"))?;
            let path = format!("/api/v1/instances/{id}");
            let ended = load::until(&mut client, &path, |instance| instance["state"] != "running")?;
            let took = verify::time(&ended["ended_at"])? - verify::time(&ended["created_at"])?;
            slowest = slowest.max(took);
        }
        bench.note(
            case("slowest expression", backend),
            Figures::from([("total_ms", slowest)]),
        );
    }
    drop(client);
    node.stop()
}

fn laborious() -> Vec<String> {
    vec![
        "range(99999)|sort|list|sort|list|sort|length > 1".to_owned(),
        format!("big{}|length > 1", "|replace('a','aaaa')".repeat(45)),
        format!("big|list{}|length > 1", "|sort".repeat(190)),
        format!("big{}", " in big and big".repeat(67)),
        format!("big|list == big|list{}", " and big|list == big|list".repeat(38)),
        "big|split('a')|join(big)|length > 1".to_owned(),
        format!("{} == big", ["big"; 250].join("~")),
        format!("b{}", " and b".repeat(170)),
    ]
}

fn put(client: &mut Client, name: &str, tasks: Map<String, Value>) -> Outcome<()> {
    let document = json!({ "version": 1, "name": name, "tasks": tasks });
    load::put_document(client, name, &document.to_string())?;
    Ok(())
}
