//! Compares what a scenario left behind with what the clients were answered.

mod baseline;
mod fan_outs;
mod limits;
mod replay;
mod results;

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::ConnectionTrait;
use store::Store;

use crate::fixture::{Cluster, PATIENCE, chain, lines_of};
use crate::history::Promises;
use test_support::invariants;
use test_support::rest::TOKEN;

pub(crate) use baseline::Baseline;

/// Milliseconds that claims, handovers and commands may take.
const GRACE_MS: i64 = 1_000;

/// What the faults of a scenario must have had as an effect, and what they may cost.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Effects {
    /// Incarnations that the survivors declared dead, at least.
    pub(crate) declared: usize,
    /// Whether workers died: without that no attempt is lost.
    pub(crate) workers_died: bool,
}

impl Effects {
    /// Masters that the survivors declared dead.
    pub(crate) fn declared(count: usize) -> Self {
        Self {
            declared: count,
            workers_died: false,
        }
    }

    /// One worker was declared dead, and the attempts that it ran are lost.
    pub(crate) fn worker_died() -> Self {
        Self {
            declared: 1,
            workers_died: true,
        }
    }
}

/// Questions to the database whose answer must be empty, beyond the invariants of `test_support`.
const QUESTIONS: [(&str, &str); 8] = [
    (
        "owners overlap: a step of an older epoch was stored after one of a newer",
        "SELECT instance::text FROM (SELECT instance, epoch, \
         lag(epoch) OVER (PARTITION BY instance ORDER BY id) AS before FROM transition) t WHERE epoch < before",
    ),
    (
        "owners overlap: an owner was logged before the one it followed",
        "SELECT instance::text FROM (SELECT instance, at, \
         lag(at) OVER (PARTITION BY instance ORDER BY epoch) AS before FROM owner_log) o WHERE at < before",
    ),
    (
        "a step of an owner carries the time of another one",
        "SELECT t.instance::text FROM transition t JOIN owner_log next \
         ON next.instance = t.instance AND next.epoch = t.epoch + 1 WHERE t.at > next.at + 1000",
    ),
    (
        "a relayed result waits without need: its attempt was closed long ago",
        "SELECT x.instance::text FROM inbox x WHERE x.kind = 'result' AND x.applied_at IS NULL \
         AND NOT EXISTS (SELECT 1 FROM attempt a WHERE a.dispatch_id = substr(x.dedup_key, 8) \
         AND (a.state IN ('created', 'running') OR a.ended_at > extract(epoch FROM now()) * 1000 - 15000))",
    ),
    (
        "an instance at rest holds a place",
        "SELECT p.instance::text FROM place p LEFT JOIN instance i ON i.id = p.instance \
         WHERE i.id IS NULL OR i.state IN ('stopped', 'failed', 'succeeded')",
    ),
    (
        "an admitted instance holds no place",
        "SELECT i.id::text FROM instance i JOIN workflow w ON w.id = i.workflow_id \
         WHERE w.concurrency IS NOT NULL AND NOT i.dry_run AND i.state IN ('running', 'pausing', 'stopping') \
         AND NOT EXISTS (SELECT 1 FROM place p WHERE p.instance = i.id AND p.state = 'held')",
    ),
    (
        "more instances of a workflow were admitted at a moment than it has places",
        "SELECT DISTINCT instance::text FROM (SELECT t.instance, (w.concurrency::json->>'limit')::int AS places, \
         sum(CASE WHEN t.to_state = 'running' AND (t.from_state IS NULL \
         OR t.from_state IN ('queued', 'stopped', 'failed', 'succeeded')) THEN 1 \
         WHEN t.to_state IN ('stopped', 'failed', 'succeeded') AND t.from_state <> 'queued' THEN -1 ELSE 0 END) \
         OVER (PARTITION BY i.workflow_id ORDER BY t.id) AS held \
         FROM transition t JOIN instance i ON i.id = t.instance JOIN workflow w ON w.id = i.workflow_id \
         WHERE t.task_index IS NULL AND w.concurrency IS NOT NULL AND w.concurrency::json->>'key' IS NULL) p \
         WHERE held > places",
    ),
    (
        "an attempt is open",
        "SELECT instance::text FROM attempt WHERE state IN ('created', 'running')",
    ),
];

/// Fails with everything that is wrong, once all instances should be final.
pub(crate) fn check(cluster: &Cluster, effects: Effects) {
    let wrong = findings(cluster, effects);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Lists everything that is wrong.
pub(crate) fn findings(cluster: &Cluster, effects: Effects) -> Vec<String> {
    let mut wrong = cluster.with_store(async |store| {
        let evidence = Evidence::read(&store, lines_of(&cluster.start_log())).await;
        let mut wrong = invariants::violations(&store, GRACE_MS).await;
        for (what, sql) in QUESTIONS {
            let found = rows(&store, sql).await;
            wrong.extend(found.iter().map(|row| format!("{what}: {row:?}")));
        }
        wrong.extend(contradictions(&evidence, &cluster.history.promises(), effects));
        wrong.extend(replay::unlike(&store).await);
        wrong.extend(limits::exceeded(&store).await);
        wrong.extend(fan_outs::unlike(&store).await);
        let mut acknowledged = BTreeMap::new();
        for node in cluster.nodes() {
            let journal = results::journal(&cluster.path(&node.name));
            acknowledged.extend(results::acknowledged(&journal));
        }
        let stored = results::stored(&store).await;
        let generation = results::generation(&store).await;
        wrong.extend(results::unlike(&acknowledged, &stored, generation));
        if acknowledged.is_empty() && !stored.is_empty() && !effects.workers_died {
            wrong.push("no effect: no journal holds a result that was acknowledged".to_owned());
        }
        wrong
    });
    wrong.extend(logs(cluster));
    wrong
}

/// Asks the database of a cluster for one column of texts.
pub(crate) fn ask(cluster: &Cluster, sql: &str) -> Vec<String> {
    cluster.with_store(async |store| rows(&store, sql).await.into_iter().flatten().collect())
}

/// What was left behind.
#[derive(Debug, Default)]
struct Evidence {
    /// State by id, of those that clients started.
    instances: BTreeMap<String, String>,
    /// State by uid, of attempts that were bound to a worker.
    attempts: BTreeMap<String, String>,
    /// Outcome by id.
    operations: BTreeMap<String, String>,
    dead: usize,
    /// The lines of the start log.
    starts: Vec<String>,
}

impl Evidence {
    async fn read(store: &Store, starts: Vec<String>) -> Self {
        let pairs = |rows: Vec<Vec<String>>| {
            rows.into_iter()
                .map(|row| (row[0].clone(), row[1].clone()))
                .collect()
        };
        Self {
            instances: pairs(
                rows(
                    store,
                    "SELECT id::text, state FROM instance WHERE trigger_type <> 'schedule' AND parent IS NULL",
                )
                .await,
            ),
            attempts: pairs(
                rows(
                    store,
                    "SELECT dispatch_id, state FROM attempt WHERE dispatch_id IS NOT NULL",
                )
                .await,
            ),
            operations: pairs(
                rows(
                    store,
                    "SELECT id::text, outcome FROM inbox WHERE kind = 'command'",
                )
                .await,
            ),
            dead: rows(store, "SELECT incarnation::text FROM member WHERE state = 'dead'")
                .await
                .len(),
            starts,
        }
    }
}

async fn rows(store: &Store, sql: &str) -> Vec<Vec<String>> {
    let found = store
        .reader()
        .query_all_raw(store.statement(sql, []))
        .await
        .expect(sql);
    let texts = found.iter().map(|row| {
        (0..row.column_names().len())
            .map(|column| row.try_get_by_index::<String>(column).expect("text"))
            .collect()
    });
    texts.collect()
}

/// Everything that does not fit together.
fn contradictions(evidence: &Evidence, promises: &Promises, effects: Effects) -> Vec<String> {
    let mut wrong = promises.wrong.clone();
    wrong.extend(instances(evidence, promises));
    wrong.extend(starts(evidence));
    for operation in &promises.operations {
        match evidence.operations.get(operation).map(String::as_str) {
            Some("applied" | "refused") => {}
            other => wrong.push(format!("operation {operation} was accepted and is {other:?}")),
        }
    }
    let lost = evidence
        .attempts
        .values()
        .filter(|state| *state == "lost")
        .count();
    if (lost > 0) != effects.workers_died {
        wrong.push(format!(
            "{lost} attempts are lost; workers died: {}",
            effects.workers_died
        ));
    }
    if evidence.dead < effects.declared {
        wrong.push(format!(
            "no effect: {} incarnations were declared dead, not {}",
            evidence.dead, effects.declared
        ));
    }
    wrong
}

fn instances(evidence: &Evidence, promises: &Promises) -> Vec<String> {
    let mut wrong = Vec::new();
    for (id, end) in &promises.ends {
        match evidence.instances.get(id) {
            Some(state) if state == end => {}
            Some(state) => wrong.push(format!("instance {id} is {state}, not {end}")),
            None => wrong.push(format!("instance {id} was accepted and does not exist")),
        }
    }
    let unknown: Vec<_> = evidence
        .instances
        .iter()
        .filter(|(id, _)| !promises.ends.contains_key(*id))
        .collect();
    if unknown.len() > promises.uncertain_starts {
        wrong.push(format!(
            "{} starts were not answered, but these exist: {unknown:?}",
            promises.uncertain_starts
        ));
    }
    let open = unknown
        .iter()
        .filter(|(_, state)| !["succeeded", "failed", "stopped"].contains(&state.as_str()));
    wrong.extend(open.map(|(id, state)| format!("instance {id}, whose start was not answered, is {state}")));
    wrong
}

fn starts(evidence: &Evidence) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut started = BTreeSet::new();
    for line in &evidence.starts {
        let mut words = line.split(' ');
        let (uid, what) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        match what {
            "start" if !started.insert(uid) => wrong.push(format!("{uid} started twice")),
            "start" if !evidence.attempts.contains_key(uid) => {
                wrong.push(format!("{uid} started without an attempt in the database"));
            }
            "end" if !started.contains(uid) => wrong.push(format!("{uid} ended before it started")),
            "start" | "end" => {}
            _ => wrong.push(format!("the start log has the line {line:?}")),
        }
    }
    let succeeded = evidence
        .attempts
        .iter()
        .filter(|(_, state)| *state == "succeeded");
    wrong.extend(
        succeeded
            .filter(|(uid, _)| !started.contains(uid.as_str()))
            .map(|(uid, _)| format!("{uid} succeeded and never started")),
    );
    wrong
}

/// What no log of a node may say.
fn logs(cluster: &Cluster) -> Vec<String> {
    let mut wrong = Vec::new();
    for node in cluster.nodes() {
        let said = node.output();
        for word in ["panicked", "should never happen", TOKEN] {
            let line = said.lines().find(|line| line.contains(word));
            wrong.extend(line.map(|line| format!("{} says: {line}", node.name)));
        }
    }
    wrong
}

/// Changes to the rows of a valid cluster, and the findings that each has to cause.
const CHANGED: [(&str, &[&str]); 5] = [
    (
        "UPDATE instance SET parent_index = 3 WHERE parent_index = 1",
        &["with 1 of 2 children", "a child of combination 3"],
    ),
    ("UPDATE attempt SET exit_code = 3", &["was acknowledged as"]),
    (
        "UPDATE attempt SET exit_code = 0, state = 'failed'",
        &["was acknowledged as", "task 0 is succeeded"],
    ),
    (
        "UPDATE attempt SET state = 'succeeded', dispatch_id = NULL, worker = NULL",
        &["there is no such attempt"],
    ),
    (
        "UPDATE task_instance SET state = 'failed' WHERE task_index = 1",
        &["task 1 is failed"],
    ),
];

#[test]
fn rows_changed_by_hand_contradict_the_journals_and_the_graph() {
    let Some(cluster) = Cluster::start(1, 1) else {
        return;
    };
    let task = || cluster.task("true");
    let two = chain("two", &[task(), task()]).replace("tasks:", "params: { k: '' }\ntasks:");
    cluster.any().apply("two", two);
    let each = "{ type: dynamic, workflow: two, over: { k: [a, b] } }";
    cluster
        .any()
        .apply("fan", format!("version: 1\nname: fan\ntasks:\n  each: {each}\n"));
    for workflow in ["two", "fan"] {
        let id = cluster.start_instance("m1", workflow);
        cluster.any().settle(&id, &["succeeded"], PATIENCE);
    }
    // A worker forgets a moment after its owner has stored.
    cluster.wait(PATIENCE, "everything fits", |cluster| {
        findings(cluster, Effects::default()).is_empty()
    });
    for (change, expected) in CHANGED {
        cluster.sql(change);
        let found = findings(&cluster, Effects::default()).join("\n");
        for words in expected {
            assert!(found.contains(words), "{change}: {words}: {found}");
        }
    }
}

/// Breaks one thing in the evidence.
type Plant = fn(&mut Evidence);

/// A checker that finds nothing in a broken cluster would prove nothing.
#[test]
fn every_broken_promise_is_found() {
    let whole = || Evidence {
        instances: [("1".to_owned(), "succeeded".to_owned())].into(),
        attempts: [("1.0.1".to_owned(), "succeeded".to_owned())].into(),
        operations: [("7".to_owned(), "applied".to_owned())].into(),
        dead: 1,
        starts: vec!["1.0.1 start / 1".to_owned(), "1.0.1 end / 2".to_owned()],
    };
    let promises = Promises {
        ends: [("1".to_owned(), "succeeded")].into(),
        operations: vec!["7".to_owned()],
        ..Promises::default()
    };
    let effects = Effects::declared(1);
    assert_eq!(contradictions(&whole(), &promises, effects), Vec::<String>::new());
    let faults: [(&str, Plant); 9] = [
        ("does not exist", |all| all.instances.clear()),
        ("is failed, not succeeded", |all| {
            all.instances.insert("1".to_owned(), "failed".to_owned());
        }),
        ("but these exist", |all| {
            all.instances.insert("2".to_owned(), "succeeded".to_owned());
        }),
        ("started twice", |all| {
            all.starts.push("1.0.1 start / 3".to_owned())
        }),
        ("without an attempt", |all| {
            all.starts.push("1.0.2 start / 3".to_owned())
        }),
        ("never started", |all| all.starts.clear()),
        ("was accepted and is", |all| {
            all.operations.insert("7".to_owned(), "pending".to_owned());
        }),
        ("attempts are lost", |all| {
            all.attempts.insert("1.0.2".to_owned(), "lost".to_owned());
        }),
        ("no effect", |all| all.dead = 0),
    ];
    for (expected, plant) in faults {
        let mut evidence = whole();
        plant(&mut evidence);
        let found = contradictions(&evidence, &promises, effects);
        assert!(
            found.iter().any(|wrong| wrong.contains(expected)),
            "{expected}: {found:?}"
        );
    }
}
