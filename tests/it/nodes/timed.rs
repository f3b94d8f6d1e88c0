//! When things run: zones, schedules, missed fires and backfills of a whole node, on both databases.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use test_support::waiting::{eventually, nothing_happens_for};

use super::harness::{Node, TOKEN};

const PATIENCE: Duration = Duration::from_secs(60);

/// The path of the workflow `w`.
const FLOW: &str = "/projects/default/workflows/w";

const NOOP: &str = "version: 1\nname: w\ntasks:\n  t: { type: noop }\n";

const EVERY_SECOND: &str = "* * * * * ?";

/// The data of a node that is started several times.
struct Data {
    folder: TempDir,
    database: Option<String>,
}

impl Data {
    fn start(&self, environment: &[(&str, &str)]) -> Node {
        let environment: Vec<(&str, &Path)> = environment
            .iter()
            .map(|(name, value)| (*name, Path::new(value)))
            .collect();
        let flags = self
            .database
            .iter()
            .flat_map(|url| ["--database-url", url.as_str()]);
        Node::start_in(&environment, self.folder.path(), &flags.collect::<Vec<_>>())
    }
}

/// Runs a test on SQLite, and on PostgreSQL where that is installed.
fn on_each_database(test: impl Fn(&Data)) {
    let databases = std::iter::once(None).chain(crate::postgres::database().map(Some));
    for database in databases {
        let folder = tempfile::tempdir().expect("a folder");
        test(&Data { folder, database });
    }
}

fn put(node: &Node, path: &str, body: &Value) {
    let answer = node.ask(
        Method::PUT,
        &format!("/api/v1{path}"),
        "application/json",
        body.to_string(),
    );
    assert!(matches!(answer.status, 200 | 201), "{path}: {}", answer.text);
}

fn post(node: &Node, path: &str, body: &Value) -> Value {
    let (status, answer) = node.post(path, body);
    assert!((200..300).contains(&status), "{path}: {status} {answer}");
    answer
}

fn millis(text: &Value) -> i64 {
    let text = text.as_str().unwrap_or_else(|| panic!("{text} is no time"));
    chrono::DateTime::parse_from_rfc3339(text)
        .unwrap_or_else(|error| panic!("{text}: {error}"))
        .timestamp_millis()
}

fn now() -> i64 {
    let elapsed = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a time after 1970");
    i64::try_from(elapsed.as_millis()).expect("a time of this age")
}

/// The instances that a schedule of the workflow `w` started, by fire time; two for one time never exist.
fn started(node: &Node, schedule: &str) -> BTreeMap<i64, Value> {
    let mut found = BTreeMap::new();
    for instance in node.items(&format!("/instances?schedule={schedule}")) {
        let fire_at = millis(&instance["trigger"]["fire_at"]);
        let before = found.insert(fire_at, instance);
        assert_eq!(before, None, "{schedule} fired twice at {fire_at}");
    }
    found
}

/// Probes until the condition holds, which it must.
fn until(what: &str, mut probe: impl FnMut() -> bool) {
    let mut holds = false;
    eventually(PATIENCE, || {
        holds = probe();
        holds
    });
    assert!(holds, "{what}");
}

fn wait_for_fires(node: &Node, schedule: &str, count: usize) {
    until("the schedule fires", || started(node, schedule).len() >= count);
}

/// The seconds between two fires that have no instance.
fn gaps(fires: &BTreeMap<i64, Value>) -> Vec<i64> {
    let times: Vec<i64> = fires.keys().copied().collect();
    let pairs = times.windows(2);
    pairs
        .flat_map(|pair| (pair[0] + 1000..pair[1]).step_by(1000))
        .collect()
}

#[test]
fn dates_are_in_the_zone_of_the_start_the_document_or_the_server_in_every_run() {
    on_each_database(|data| {
        let node = data.start(&[("PORPOISE__SERVER__TIMEZONE", "Pacific/Auckland")]);
        let document = |name: &str, zone: &str| {
            format!(
                "version: 1\nname: {name}\n{zone}tasks:\n  \
                 t: {{ type: shell, run: 'echo $[yyyyMMddHH] ${{system.biz.date}}' }}\n"
            )
        };
        node.apply("plain", document("plain", ""));
        node.apply("zoned", document("zoned", "timezone: Asia/Shanghai\n"));
        let log = |id: &str, attempt: u32| {
            let path = format!("/instances/{id}/tasks/t/attempts/{attempt}/log");
            node.text(&path, "").trim().to_owned()
        };
        let cases = [
            ("plain", json!(null), "Pacific/Auckland", "2026030207 20260301"),
            ("zoned", json!(null), "Asia/Shanghai", "2026030202 20260301"),
            (
                "zoned",
                json!("America/New_York"),
                "America/New_York",
                "2026030113 20260228",
            ),
        ];
        for (workflow, timezone, zone, dates) in cases {
            let body = json!({ "scheduled_at": "2026-03-01T18:30:00Z", "timezone": timezone });
            let made = post(
                &node,
                &format!("/projects/default/workflows/{workflow}/instances"),
                &body,
            );
            let id = made["id"].as_str().expect("an id").to_owned();
            let before = node.settle(&id, &["succeeded"], PATIENCE);
            assert_eq!((&before["timezone"], log(&id, 1).as_str()), (&json!(zone), dates));
            post(&node, &format!("/instances/{id}/rerun?wait=20s"), &json!({}));
            until("the rerun succeeds", || {
                let now = node.get(&format!("/instances/{id}"));
                now["run"] == 2 && now["state"] == "succeeded"
            });
            let after = node.get(&format!("/instances/{id}"));
            assert_eq!(log(&id, 2), dates, "{after}");
            for member in ["trigger", "scheduled_at", "requested_by", "timezone"] {
                assert_eq!(before[member], after[member], "{member} survives a rerun");
            }
        }
    });
}

#[test]
fn every_fire_time_has_one_instance_also_across_a_kill() {
    on_each_database(|data| {
        let mut node = data.start(&[]);
        node.apply("w", NOOP.to_owned());
        put(
            &node,
            &format!("{FLOW}/schedules/s"),
            &json!({ "cron": EVERY_SECOND, "timezone": "Asia/Kathmandu" }),
        );
        wait_for_fires(&node, "s", 2);
        for _ in 0..2 {
            node.kill();
            nothing_happens_for(Duration::from_millis(2_300));
            node = data.start(&[]);
            let count = started(&node, "s").len();
            wait_for_fires(&node, "s", count + 3);
        }
        post(&node, &format!("{FLOW}/schedules/s/pause"), &json!({}));
        let fires = started(&node, "s");
        assert_eq!(gaps(&fires), Vec::<i64>::new(), "no second is left out");
        for (fire_at, instance) in &fires {
            assert_eq!(millis(&instance["scheduled_at"]), *fire_at);
            assert_eq!(instance["requested_by"], Value::Null);
            assert_eq!(instance["timezone"], "Asia/Kathmandu");
        }
    });
}

#[test]
fn missed_fires_are_started_as_their_schedule_says() {
    on_each_database(|data| {
        let missed_after = [("PORPOISE__SCHEDULER__MISSED_AFTER", "1s")];
        let mut node = data.start(&missed_after);
        node.apply("w", NOOP.to_owned());
        for (name, more) in [
            ("skip", json!({ "missed": "skip" })),
            ("latest", json!({ "missed": "latest" })),
            ("all", json!({ "missed": "all" })),
            ("newest", json!({ "missed": "all", "missed_limit": 2 })),
        ] {
            let mut body = json!({ "cron": EVERY_SECOND });
            body.as_object_mut()
                .expect("a map")
                .extend(more.as_object().expect("a map").clone());
            put(&node, &format!("{FLOW}/schedules/{name}"), &body);
            wait_for_fires(&node, name, 1);
        }
        node.kill();
        nothing_happens_for(Duration::from_secs(7));
        node = data.start(&missed_after);
        let back = now();
        for name in ["skip", "latest", "all", "newest"] {
            until("it fires again", || {
                started(&node, name).keys().any(|fire| *fire > back)
            });
        }
        // Of the seven seconds one is late at most, and those around the kill and the start may be.
        let left_out = |name: &str| gaps(&started(&node, name)).len();
        assert!((4..=8).contains(&left_out("skip")), "{}", left_out("skip"));
        assert_eq!(left_out("all"), 0);
        assert_eq!(left_out("skip") - left_out("latest"), 1, "the newest missed one");
        assert_eq!(left_out("skip") - left_out("newest"), 2, "the newest two");
        let fires = node.items(&format!("{FLOW}/schedules/skip/fires"));
        let skipped: u64 = fires
            .iter()
            .filter(|fire| fire["outcome"] == "skipped")
            .map(|fire| fire["count"].as_u64().expect("a count"))
            .sum();
        assert_eq!(skipped, left_out("skip") as u64, "{fires:?}");
    });
}

#[test]
fn fires_of_a_pause_are_gone_and_a_calendar_lets_dates_out() {
    on_each_database(|data| {
        let node = data.start(&[]);
        node.apply("w", NOOP.to_owned());
        put(
            &node,
            &format!("{FLOW}/schedules/s"),
            &json!({ "cron": EVERY_SECOND }),
        );
        wait_for_fires(&node, "s", 1);
        post(&node, &format!("{FLOW}/schedules/s/pause"), &json!({}));
        let paused = now();
        nothing_happens_for(Duration::from_millis(3_200));
        let resumed = now();
        post(&node, &format!("{FLOW}/schedules/s/resume"), &json!({}));
        until("it fires again", || {
            started(&node, "s").keys().any(|fire| *fire > resumed)
        });
        let fires = started(&node, "s");
        let between: Vec<_> = fires
            .keys()
            .filter(|fire| (paused + 1..=resumed).contains(*fire))
            .collect();
        assert_eq!(between, Vec::<&i64>::new());
        put(
            &node,
            "/projects/default/calendars/never",
            &json!({ "exclude": [today(0), today(1)] }),
        );
        put(
            &node,
            &format!("{FLOW}/schedules/s"),
            &json!({ "cron": EVERY_SECOND, "calendar": "never" }),
        );
        let count = started(&node, "s").len();
        nothing_happens_for(Duration::from_millis(2_500));
        assert_eq!(
            started(&node, "s").len(),
            count,
            "nothing fires for 2.5 s on an excluded date"
        );
    });
}

/// A date in UTC, some days from now.
fn today(days: i64) -> String {
    let at = chrono::DateTime::from_timestamp_millis(now() + days * 86_400_000).expect("a time of this age");
    at.format("%Y-%m-%d").to_string()
}

#[test]
fn a_backfill_runs_each_date_once_also_across_a_kill() {
    on_each_database(|data| {
        let mut node = data.start(&[]);
        let slow = "version: 1\nname: w\ntasks:\n  t: { type: shell, run: sleep 0.2 }\n";
        node.apply("w", slow.to_owned());
        let body = json!({ "from": "2026-01-01", "to": "2026-01-24", "parallelism": 3 });
        let made = post(&node, &format!("{FLOW}/backfills"), &body);
        let id = made["id"].as_str().expect("an id").to_owned();
        let path = format!("/backfills/{id}");
        for count in [3, 9] {
            until("dates succeed", || {
                node.get(&path)["dates"]["by_state"]["succeeded"]
                    .as_u64()
                    .unwrap_or(0)
                    >= count
            });
            node.kill();
            node = data.start(&[]);
        }
        until("the backfill succeeds", || {
            node.get(&path)["state"] == "succeeded"
        });
        let dates = node.items(&format!("{path}/dates"));
        let instances = node.items(&format!("/instances?backfill={id}"));
        assert_eq!(
            (dates.len(), instances.len()),
            (24, 24),
            "one instance for each date"
        );
        let scheduled: BTreeMap<i64, &Value> = instances
            .iter()
            .map(|instance| (millis(&instance["scheduled_at"]), instance))
            .collect();
        assert_eq!(scheduled.len(), 24);
        for instance in &instances {
            assert_eq!(instance["trigger"], json!({ "type": "backfill", "backfill": id }));
            assert_eq!(instance["requested_by"], "admin");
        }
    });
}

fn porpoise(node: &Node, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_porpoise"))
        .args(arguments)
        .env("PORPOISE_URL", format!("http://{}", node.address()))
        .env("PORPOISE_TOKEN", TOKEN)
        .output()
        .expect("the program runs")
}

/// Runs a command that ends with this code; returns what it printed.
fn run(node: &Node, code: i32, arguments: &[&str]) -> String {
    let done = porpoise(node, arguments);
    assert_eq!(done.status.code(), Some(code), "{arguments:?}: {done:?}");
    String::from_utf8(done.stdout).expect("UTF-8")
}

#[test]
fn the_command_line_drives_schedules_calendars_and_backfills() {
    on_each_database(|data| {
        let node = data.start(&[]);
        node.apply("w", NOOP.to_owned());
        let failing = "version: 1\nname: bad\ntasks:\n  t: { type: shell, run: exit 1 }\n";
        node.apply("bad", failing.to_owned());
        let fixed =
            "version: 1\nname: fixed\nschedules: { s: { cron: '@yearly' } }\ntasks:\n  t: { type: noop }\n";
        node.apply("fixed", fixed.to_owned());
        drive_schedules(&node);
        drive_backfills(&node);
        drive_calendars(&node);
    });
}

fn json_of(node: &Node, arguments: &[&str]) -> Value {
    let printed = run(node, 0, &[arguments, &["-o", "json"]].concat());
    serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {printed}"))
}

fn drive_schedules(node: &Node) {
    run(
        node,
        0,
        &[
            "schedule",
            "set",
            "w",
            "s",
            "--cron",
            "0 30 2 * * ?",
            "--timezone",
            "Asia/Shanghai",
        ],
    );
    let shown = json_of(node, &["schedule", "get", "w", "s"]);
    assert_eq!(shown["cron"], "0 30 2 * * ?");
    assert_eq!(
        shown,
        node.get(&format!("{FLOW}/schedules/s")),
        "the object of the API"
    );
    assert_eq!(
        run(node, 0, &["schedule", "list", "-o", "name"]).lines().count(),
        2
    );
    run(node, 0, &["schedule", "pause", "w", "s"]);
    assert_eq!(json_of(node, &["schedule", "get", "w", "s"])["enabled"], false);
    run(node, 0, &["schedule", "resume", "w", "s"]);
    let next = json_of(node, &["schedule", "next", "w", "s", "-n", "3"]);
    assert_eq!(next["items"].as_array().map(Vec::len), Some(3));
    let local = json_of(
        node,
        &[
            "schedule",
            "preview",
            "0 30 2 * * ?",
            "--timezone",
            "Asia/Shanghai",
            "-n",
            "3",
        ],
    );
    assert_eq!(local["items"], next["items"], "the client and the server agree");
    run(node, 2, &["schedule", "set", "w", "s", "--cron", "61 * * * *"]);
    run(node, 4, &["schedule", "set", "fixed", "s", "--cron", "@daily"]);
    run(node, 0, &["schedule", "delete", "w", "s"]);
    run(node, 3, &["schedule", "get", "w", "s"]);
}

fn drive_backfills(node: &Node) {
    let create = |workflow: &'static str| {
        [
            "backfill",
            "create",
            workflow,
            "--from",
            "2026-01-01",
            "--to",
            "2026-01-03",
        ]
    };
    run(node, 0, &[&create("w")[..], &["--dry-run"]].concat());
    assert_eq!(json_of(node, &["backfill", "list"])["items"], json!([]));
    run(
        node,
        0,
        &[
            &create("w")[..],
            &["--parallelism", "2", "--order", "descending", "--wait"],
        ]
        .concat(),
    );
    run(node, 1, &[&create("bad")[..], &["--wait"]].concat());
    let listed = json_of(node, &["backfill", "list", "--workflow", "w"]);
    let id = listed["items"][0]["id"].as_str().expect("an id").to_owned();
    assert_eq!(
        json_of(node, &["backfill", "dates", &id, "--state", "succeeded"])["items"]
            .as_array()
            .map(Vec::len),
        Some(3)
    );
    run(node, 4, &["backfill", "retry", &id]);
    run(node, 3, &["backfill", "get", "999999999"]);
}

fn drive_calendars(node: &Node) {
    run(node, 0, &["calendar", "set", "office", "--days", "weekdays"]);
    assert_eq!(json_of(node, &["calendar", "get", "office"])["days"], "weekdays");
    run(node, 0, &["calendar", "delete", "office"]);
    run(node, 3, &["calendar", "get", "office"]);
}
