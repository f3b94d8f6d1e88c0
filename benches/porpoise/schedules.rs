//! W5: schedules that fire, that wait, and how long the next fire time takes to find; a backfill.

use std::collections::BTreeSet;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use engine::ids::Timestamp;
use engine::schedule::{Cron, CronTimes};
use engine::timezone::{Tz, format_utc};
use serde_json::{Value, json};

use crate::graph::{Body, Graph};
use crate::http::Server;
use crate::idle::{self, SETTLING};
use crate::load;
use crate::node::{Backend, Node};
use crate::record::{Case, Figures, percentile};
use crate::{Bench, Outcome};

/// The workflow that is started: one task that does nothing.
const WORKFLOW: &str = "scheduled";

/// Minutes in which fires are observed; each is a run.
const MINUTES: i64 = 3;

const MINUTE: i64 = 60_000;

/// How many times as many schedules wait, and fire on one second, as fire in a minute.
const CROWD: usize = 10;

/// The time for the last of many schedules to be stored before all fire.
const LEAD: Duration = Duration::from_secs(5);

/// The longest wait for instances of fires or of a backfill.
const PATIENCE: Duration = Duration::from_secs(120);

/// Expressions whose next fire is expensive: rare dates, days that are searched, clock changes.
const EXPENSIVE: [&str; 6] = [
    "0 0 0 29 2 ?",
    "0 30 2 ? 2 5#5",
    "0 0 12 31W * ?",
    "0 0 0 LW 2 ?",
    "59 59 23 ? * 6L",
    "* * * * * ?",
];

/// The number of steps that are timed.
const STEPS: usize = 1000;

/// The dates of the backfill that run at the same time.
const PARALLELISM: usize = 50;

/// Runs every part on a fresh node each.
pub(crate) fn run(bench: &mut Bench, backend: Backend) -> Outcome<()> {
    if backend == Backend::Sqlite {
        // No database takes part in it.
        let figures = Figures::from([("steps_ms", slowest_steps()?)]);
        bench.note(case("1,000 steps", backend), figures);
    }
    drift(bench, backend)?;
    crowd(bench, backend)?;
    backfill(bench, backend)
}

fn case(variant: &'static str, backend: Backend) -> Case {
    Case {
        workload: "W5",
        variant,
        backend,
    }
}

/// Times the steps from fire to fire of each expensive expression; returns the longest time in milliseconds.
fn slowest_steps() -> Outcome<f64> {
    let mut slowest = 0.0_f64;
    for text in EXPENSIVE {
        let cron: Cron = text.parse()?;
        let times = CronTimes::new(cron, Tz::America__New_York);
        let begun = Instant::now();
        let mut after = Timestamp(0);
        for _ in 0..STEPS {
            // After the last fire of all it begins again.
            after = times.next_after(after).unwrap_or(Timestamp(0));
        }
        std::hint::black_box(after);
        slowest = slowest.max(begun.elapsed().as_secs_f64() * 1000.0);
    }
    Ok(slowest)
}

/// Schedules that fire once a minute each, spread over its seconds: how late their instances are created.
fn drift(bench: &mut Bench, backend: Backend) -> Outcome<()> {
    let (_data, node) = bench.node(backend)?;
    let mut client = node.server.connect()?;
    load::put(&mut client, WORKFLOW, &Graph::chain(1), &Body::Noop)?;
    let count = bench.scale.instances;
    put_schedules(&node.server, count, |place| format!("{} * * * * ?", place % 60))?;
    let first = now_ms() / MINUTE * MINUTE + MINUTE;
    for minute in 0..MINUTES {
        let from = first + minute * MINUTE;
        wait_until(from + MINUTE + 2_000);
        let mut late = delays(&node.server, from, from + MINUTE - 1, count)?;
        let mut figures = Figures::new();
        for (name, share) in [
            ("drift_p50_ms", 50.0),
            ("drift_p99_ms", 99.0),
            ("drift_max_ms", 100.0),
        ] {
            figures.extend(percentile(&mut late, share).map(|value| (name, value)));
        }
        bench.note(case("1,000 a minute", backend), figures);
    }
    drop(client);
    node.stop()
}

/// Schedules that only wait, and the same ones when all fire on one second.
fn crowd(bench: &mut Bench, backend: Backend) -> Outcome<()> {
    let (_data, node) = bench.node(backend)?;
    let mut client = node.server.connect()?;
    load::put(&mut client, WORKFLOW, &Graph::chain(1), &Body::Noop)?;
    sleep(SETTLING);
    let before = node.tree().pss_kib();
    let count = bench.scale.instances * CROWD;
    let begun = Instant::now();
    // A date of the last year that an expression can name.
    put_schedules(&node.server, count, |_| "0 0 0 1 1 ? 2099".to_owned())?;
    let stored_in = begun.elapsed();
    let mut waiting = idle::watch_node(&node);
    waiting.insert("extra_mib", (node.tree().pss_kib() - before) / 1024.0);
    bench.note(case("10,000 idle", backend), waiting);
    let fire_at = now_ms() / 1000 * 1000 + i64::try_from((stored_in * 2 + LEAD).as_secs())? * 1000;
    let cron = cron_of(fire_at)?;
    put_schedules(&node.server, count, |_| cron.clone())?;
    if now_ms() >= fire_at {
        return Err("the schedules were not stored before they fired".into());
    }
    wait_until(fire_at + 2_000);
    let mut late = delays(&node.server, fire_at, fire_at, count)?;
    let mut figures = Figures::new();
    for (name, share) in [("created_p50_ms", 50.0), ("created_all_ms", 100.0)] {
        figures.extend(percentile(&mut late, share).map(|value| (name, value)));
    }
    bench.note(case("10,000 on one second", backend), figures);
    load::until_quiet(&mut node.server.connect()?)?;
    node.stop()
}

/// A backfill of many dates of one task each.
fn backfill(bench: &mut Bench, backend: Backend) -> Outcome<()> {
    let (_data, node) = bench.node(backend)?;
    let mut client = node.server.connect()?;
    load::put(&mut client, WORKFLOW, &Graph::chain(1), &Body::Noop)?;
    for _ in 0..bench.scale.runs.min(3) {
        let figures = backfill_once(&node, bench.scale.instances)?;
        bench.note(case("backfill of 1,000", backend), figures);
    }
    drop(client);
    node.stop()
}

fn backfill_once(node: &Node, count: usize) -> Outcome<Figures> {
    let mut client = node.server.connect()?;
    let dates: Vec<String> = (0..count)
        .map(|hour| i64::try_from(hour).map(|hour| format_utc(Timestamp(hour * 60 * MINUTE))))
        .collect::<Result<_, _>>()?;
    let body = json!({ "dates": dates, "parallelism": PARALLELISM }).to_string();
    let path = format!("/api/v1/projects/default/workflows/{WORKFLOW}/backfills");
    let made = client.call("POST", &path, &body)?;
    let path = format!(
        "/api/v1/backfills/{}",
        made["id"].as_str().ok_or("a backfill has an id")?
    );
    let deadline = Instant::now() + PATIENCE;
    let ended = loop {
        let backfill = client.get(&path)?;
        if backfill["state"] != "running" {
            break backfill;
        }
        if Instant::now() > deadline {
            return Err(format!("the backfill did not end: {backfill}").into());
        }
        sleep(Duration::from_millis(50));
    };
    let instances: BTreeSet<String> = client
        .list(&format!("{path}/dates?state=succeeded"))?
        .iter()
        .filter_map(|date| date["instance"].as_str().map(str::to_owned))
        .collect();
    if ended["state"] != "succeeded" || instances.len() != count {
        return Err(format!("{} of {count} dates succeeded: {ended}", instances.len()).into());
    }
    let total = time_ms(&ended["ended_at"])? - time_ms(&ended["created_at"])?;
    Ok(Figures::from([
        ("total_ms", total),
        ("dates_per_s", count as f64 / total.max(1.0) * 1000.0),
    ]))
}

/// Stores schedules of the workflow; `cron_of` gives the expression of each.
fn put_schedules(server: &Server, count: usize, cron_of: impl Fn(usize) -> String) -> Outcome<()> {
    let mut client = server.connect()?;
    for place in 0..count {
        let path = format!("/api/v1/projects/default/workflows/{WORKFLOW}/schedules/s{place}");
        client.call("PUT", &path, &json!({ "cron": cron_of(place) }).to_string())?;
    }
    Ok(())
}

/// Reads the instances of the fires of a time, which must be one of each schedule; returns by how many milliseconds
/// each was created after its fire time.
fn delays(server: &Server, from: i64, to: i64, count: usize) -> Outcome<Vec<f64>> {
    let path = format!(
        "/api/v1/instances?trigger=schedule&scheduled_from={}&scheduled_to={}",
        format_utc(Timestamp(from)),
        format_utc(Timestamp(to))
    );
    let deadline = Instant::now() + PATIENCE;
    // The node has closed connections that were idle until the fires.
    let mut client = server.connect()?;
    let mut instances = client.list(&path)?;
    while instances.len() < count && Instant::now() < deadline {
        sleep(Duration::from_secs(1));
        instances = client.list(&path)?;
    }
    let schedules: BTreeSet<&str> = instances
        .iter()
        .filter_map(|one| one["trigger"]["schedule"].as_str())
        .collect();
    if instances.len() != count || schedules.len() != count {
        let (found, different) = (instances.len(), schedules.len());
        return Err(format!("{count} fires have {found} instances of {different} schedules").into());
    }
    let delay = |one: &Value| Ok(time_ms(&one["created_at"])? - time_ms(&one["trigger"]["fire_at"])?);
    instances.iter().map(delay).collect()
}

/// Writes the expression that fires at one second only.
fn cron_of(at: i64) -> Outcome<String> {
    let instant = chrono::DateTime::from_timestamp_millis(at).ok_or("a time of this year")?;
    Ok(instant.format("%-S %-M %-H %-d %-m ? %Y").to_string())
}

fn time_ms(value: &Value) -> Outcome<f64> {
    let text = value.as_str().ok_or("a time is missing")?;
    let at = chrono::DateTime::parse_from_rfc3339(text)?;
    Ok(at.timestamp_millis() as f64)
}

fn now_ms() -> i64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX)
}

fn wait_until(at: i64) {
    let left = u64::try_from(at - now_ms()).unwrap_or(0);
    sleep(Duration::from_millis(left));
}
