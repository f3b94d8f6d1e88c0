//! W6: `kill -9` of a master, until the others own, show and command what it owned.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::cluster::{Cluster, MASTERS, Timing};
use crate::http::Client;
use crate::load::{self, Arrival};
use crate::node::Backend;
use crate::record::{Case, Figures};
use crate::{Bench, Outcome};

/// Kills that count, for each variant.
const KILLS: usize = 10;

/// Instances whose task runs at the kill; the others wait between two tasks.
const RUNNING: usize = 500;

/// Instances that are paused from outside, from the moment of the kill on.
const CALLS: usize = 20;

/// How long all is well before the next one is killed.
const REST: Duration = Duration::from_secs(3);

/// An instance whose owners die five times within seconds is quarantined; that is not what is measured.
const MOST_CLAIMS: u32 = 3;

/// The longest that anything may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// One measured variant: its name, how many instances are open, how Consul is timed.
type Variant = (&'static str, usize, Timing);

const VARIANTS: [Variant; 4] = [
    ("1,000 live", 1_000, Timing::Shipped),
    ("10,000 live", 10_000, Timing::Shipped),
    ("1,000 live, stock Consul", 1_000, Timing::Stock),
    ("10,000 live, stock Consul", 10_000, Timing::Stock),
];

/// Kills one master after the other; a cluster needs PostgreSQL.
pub(crate) fn run(bench: &mut Bench, backend: Backend) -> Outcome<()> {
    if backend == Backend::Sqlite {
        return Ok(());
    }
    for (variant, live, timing) in VARIANTS {
        let Some(mut cluster) = bench.cluster(timing)? else {
            eprintln!("SKIPPED: Consul is not installed");
            return Ok(());
        };
        let attempts = fill(&mut cluster, live)?;
        let case = Case {
            workload: "W6",
            variant,
            backend,
        };
        for kill in 0..KILLS {
            let figures = taken_over(&mut cluster, kill % MASTERS)?;
            check(&mut cluster, live, attempts)?;
            std::thread::sleep(REST);
            bench.note(case, figures);
        }
    }
    Ok(())
}

/// Starts the instances, evenly on all masters, and waits until each is where it should be; returns how many
/// attempts there are.
fn fill(cluster: &mut Cluster, live: usize) -> Outcome<i64> {
    let waiting = json!({ "version": 1, "name": "waiting", "tasks": {
        "now": { "type": "noop" },
        "later": { "type": "noop", "delay": "1h", "needs": ["now"] },
    } });
    let running = json!({ "version": 1, "name": "running", "tasks": {
        "long": { "type": "shell", "run": "exec sleep 3600" },
    } });
    let mut client = cluster.masters[0].server.connect()?;
    load::put_document(&mut client, "waiting", &waiting.to_string())?;
    load::put_document(&mut client, "running", &running.to_string())?;
    for (number, master) in cluster.masters.iter().enumerate() {
        let share = |all: usize| (all + number) / MASTERS;
        load::start_many(&master.server, "running", share(RUNNING), Arrival::Closed)?;
        load::start_many(&master.server, "waiting", share(live - RUNNING), Arrival::Closed)?;
    }
    let there = format!(
        "SELECT (SELECT count(*) FROM task_instance WHERE state = 'delayed') = {} \
         AND (SELECT count(*) FROM attempt WHERE state = 'running') = {RUNNING}",
        live - RUNNING
    );
    until(cluster, &there)?;
    cluster.sql.number("SELECT count(*) FROM attempt")
}

/// Kills a master, measures, and starts the next incarnation of the master.
fn taken_over(cluster: &mut Cluster, victim: usize) -> Outcome<Figures> {
    let dead = cluster.masters[victim].incarnation;
    let owned = cluster
        .sql
        .number(&format!("SELECT count(*) FROM instance WHERE owner = {dead}"))?;
    let ids = sample(cluster, dead)?;
    let callers = callers(cluster, victim, &ids)?;
    let killed = Instant::now();
    cluster.masters[victim].kill()?;
    let (watched, calls) = std::thread::scope(|scope| {
        let callers: Vec<_> = callers
            .into_iter()
            .map(|(client, path)| scope.spawn(move || obeyed(client, &path, killed)))
            .collect();
        let watched = watch(cluster, dead, owned, killed);
        let calls: Result<Vec<f64>, String> = callers
            .into_iter()
            .map(|caller| caller.join().map_err(|_| "a caller panicked".to_owned())?)
            .collect();
        (watched, calls)
    });
    let (mut figures, calls) = (watched?, calls?);
    figures.insert(
        "first_call_ms",
        calls.iter().copied().fold(f64::INFINITY, f64::min),
    );
    figures.insert("last_call_ms", calls.iter().copied().fold(0.0, f64::max));
    figures.insert("instances_moved", owned as f64);
    for (mut client, path) in self::callers(cluster, victim, &ids)? {
        client.call("POST", &path.replace("/pause", "/resume"), "{}")?;
    }
    cluster.masters[victim].start()?;
    cluster.masters[victim].until_ready()?;
    Ok(figures)
}

/// Some waiting instances of an owner, from its first to its last.
fn sample(cluster: &mut Cluster, owner: i64) -> Outcome<Vec<String>> {
    let text = cluster.sql.line(&format!(
        "SELECT string_agg(id::text, ',') FROM (SELECT i.id, row_number() OVER (ORDER BY i.id DESC) - 1 AS position, \
         greatest(count(*) OVER () / {CALLS}, 1) AS step FROM instance i JOIN workflow w ON w.id = i.workflow_id \
         WHERE i.owner = {owner} AND w.name = 'waiting') AS sampled WHERE position % step = 0"
    ))?;
    Ok(text.split(',').take(CALLS).map(str::to_owned).collect())
}

/// A connection to another master for each instance, and the call that pauses it.
fn callers(cluster: &Cluster, victim: usize, ids: &[String]) -> Outcome<Vec<(Client, String)>> {
    let others: Vec<_> = (0..MASTERS).filter(|number| *number != victim).collect();
    ids.iter()
        .zip(others.iter().cycle())
        .map(|(id, other)| {
            let client = cluster.masters[*other].server.connect()?;
            Ok((client, format!("/api/v1/instances/{id}/pause?wait=30s")))
        })
        .collect()
}

/// Calls until a node says that it is done; returns when that was.
fn obeyed(mut client: Client, path: &str, killed: Instant) -> Result<f64, String> {
    loop {
        let status = client
            .status("POST", path, "{}")
            .map_err(|error| error.to_string())?;
        match status {
            200 => return Ok(passed_ms(killed)),
            503 if killed.elapsed() < PATIENCE => std::thread::sleep(Duration::from_millis(10)),
            other => return Err(format!("POST {path} was answered {other}")),
        }
    }
}

/// Watches the database until the death is declared, nothing is left to the dead, and the take-over of all of it is
/// acknowledged.
fn watch(cluster: &mut Cluster, dead: i64, owned: i64, killed: Instant) -> Outcome<Figures> {
    let steps = [
        (
            "declared_ms",
            format!("SELECT count(*) FROM member WHERE incarnation = {dead} AND state = 'dead'"),
            1,
        ),
        (
            "moved_ms",
            format!("SELECT count(*) FROM instance WHERE owner = {dead}"),
            0,
        ),
        (
            "acknowledged_ms",
            format!(
                "SELECT coalesce(sum(instances), 0)::bigint FROM failover \
                 WHERE dead = {dead} AND acknowledged_at IS NOT NULL"
            ),
            owned,
        ),
    ];
    let mut figures = Figures::new();
    for (name, question, wanted) in steps {
        while cluster.sql.number(&question)? != wanted {
            if killed.elapsed() > PATIENCE {
                return Err(format!("{name}: never").into());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        figures.insert(name, passed_ms(killed));
    }
    Ok(figures)
}

/// Every instance is open and has settled at an owner, every task that ran runs, and nothing was attempted twice.
fn check(cluster: &mut Cluster, live: usize, attempts: i64) -> Outcome<()> {
    until(
        cluster,
        &format!(
            "SELECT count(owner) = {live} AND max(claims_without_progress) <= {MOST_CLAIMS} FROM instance \
             WHERE state = 'running'"
        ),
    )?;
    let right = format!(
        "SELECT (count(*) = {attempts} AND max(number) = 1 AND count(*) FILTER (WHERE state = 'running') = {RUNNING})::int \
         FROM attempt"
    );
    if cluster.sql.number(&right)? == 1 {
        return Ok(());
    }
    let states = "SELECT string_agg(state || ' ' || number || ': ' || n, ', ') FROM \
                  (SELECT state, number, count(*) AS n FROM attempt GROUP BY 1, 2) AS states";
    Err(format!("a task ran again or was lost: {}", cluster.sql.line(states)?).into())
}

fn until(cluster: &mut Cluster, condition: &str) -> Outcome<()> {
    let begun = Instant::now();
    while cluster.sql.line(condition)? != "t" {
        if begun.elapsed() > PATIENCE {
            return Err(format!("it never became true: {condition}").into());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

fn passed_ms(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1000.0
}
