//! Client commands of the built program, against a server that answers from a script.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

mod follow;
mod messages;
mod output;
mod schedules;
mod scripted;
mod setup_links;

use scripted::{Answer, Server};

/// A user's folder: no contexts, no token unless a test makes one.
struct User {
    home: TempDir,
}

impl User {
    fn new() -> Self {
        Self {
            home: tempfile::tempdir().unwrap(),
        }
    }

    fn folder(&self) -> &Path {
        self.home.path()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_porpoise"));
        command
            .args(arguments)
            .current_dir(self.folder())
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.folder())
            .stdin(Stdio::null());
        command
    }

    fn run(&self, server: &Server, arguments: &[&str]) -> Ran {
        let mut command = self.command(arguments);
        command
            .env("PORPOISE_URL", server.url())
            .env("PORPOISE_TOKEN", "secret");
        Ran::of(&command.output().unwrap())
    }

    fn run_alone(&self, arguments: &[&str]) -> Ran {
        Ran::of(&self.command(arguments).output().unwrap())
    }
}

#[derive(Debug)]
struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Ran {
    fn of(output: &Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout.clone()).unwrap(),
            err: String::from_utf8(output.stderr.clone()).unwrap(),
        }
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

fn instance(id: &str, state: &str) -> Value {
    json!({ "id": id, "workflow": "w", "state": state, "reason": "because", "attention": null })
}

#[test]
fn exit_codes_tell_what_kind_of_failure_it_was() {
    let user = User::new();
    for (status, code) in [
        (400, 2),
        (422, 2),
        (404, 3),
        (409, 4),
        (401, 5),
        (403, 5),
        (503, 6),
        (500, 1),
    ] {
        let server = Server::new(move |_| Answer::problem(status, "SOME_CODE", "what it is"));
        let ran = user.run(&server, &["instance", "get", "7"]);
        assert_eq!(ran.code, Some(code), "{status}: {ran:?}");
        assert!(
            ran.err.contains("what it is") && ran.err.contains("SOME_CODE"),
            "{ran:?}"
        );
        assert_eq!(ran.out, "", "errors are no data");
    }
    let mut command = user.command(&["instance", "list"]);
    assert_eq!(
        Ran::of(
            &command
                .env("PORPOISE_URL", scripted::unused_address())
                .output()
                .unwrap()
        )
        .code,
        Some(6)
    );
    assert_eq!(user.run_alone(&["nonsense"]).code, Some(2));
    assert_eq!(user.run_alone(&["run", "w", "-p", "no-value"]).code, Some(2));
}

#[test]
fn run_prints_the_id_alone_and_waits_for_the_end() {
    let user = User::new();
    for (state, code) in [("succeeded", 0), ("failed", 1), ("stopped", 1), ("paused", 1)] {
        let server = Server::new(move |request| match request.method.as_str() {
            "POST" => Answer::json(201, &instance("42", "running")),
            _ if request.count < 3 => Answer::json(200, &instance("42", "running")),
            _ => Answer::json(200, &instance("42", state)),
        });
        let ran = user.run(&server, &["run", "w", "--wait"]);
        assert_eq!(
            (ran.code, ran.out.as_str()),
            (Some(code), "42\n"),
            "{state}: {ran:?}"
        );
        let ran = user.run(&server, &["run", "w", "--wait", "-o", "json"]);
        assert_eq!(
            (ran.code, ran.json()["state"].as_str()),
            (Some(code), Some(state)),
            "{ran:?}"
        );
    }
}

#[test]
fn a_start_carries_its_parameters_and_one_key_for_all_its_tries() {
    let server = Server::new(|request| match request.count {
        1 | 2 => Answer::problem(503, "STORE_UNAVAILABLE", "later").with_header("Retry-After", "0"),
        _ => Answer::json(201, &instance("1", "running")),
    });
    let arguments = [
        "run",
        "my flow",
        "--project",
        "p/q",
        "-p",
        "a=b=c",
        "--task",
        "t",
        "--scope",
        "only",
        "--priority",
        "high",
    ];
    let ran = User::new().run(&server, &arguments);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let requests = server.requests();
    assert_eq!(requests.len(), 3);
    assert!(
        requests[0]
            .header("idempotency-key")
            .is_some_and(|key| key.len() > 20)
    );
    assert!(
        requests
            .iter()
            .all(|r| r.header("idempotency-key") == requests[0].header("idempotency-key"))
    );
    assert_eq!(requests[0].header("authorization"), Some("Bearer secret"));
    assert_eq!(
        requests[0].target,
        "/api/v1/projects/p%2Fq/workflows/my%20flow/instances"
    );
    let expected = json!({ "params": { "a": "b=c" }, "tasks": ["t"], "scope": "only", "priority": "high" });
    assert_eq!(
        serde_json::from_str::<Value>(&requests[0].body).unwrap(),
        expected
    );
}

#[test]
fn lists_follow_the_cursor_to_the_end_in_every_format() {
    let server = Server::new(|request| {
        let next = if request.target.contains("cursor=two") {
            Value::Null
        } else {
            json!("two")
        };
        let id = if next.is_null() { "1" } else { "2" };
        Answer::json(
            200,
            &json!({ "items": [instance(id, "failed")], "next_cursor": next }),
        )
    });
    let user = User::new();
    let json = user.run(&server, &["instance", "list", "-o", "json"]).json();
    assert_eq!(json["items"].as_array().map(Vec::len), Some(2), "{json}");
    assert_eq!(
        user.run(&server, &["instance", "list", "-o", "name"]).out,
        "2\n1\n"
    );
    assert_eq!(
        user.run(&server, &["instance", "list", "--limit", "1", "-o", "name"])
            .out,
        "2\n"
    );
    let yaml = user.run(&server, &["instance", "list", "-o", "yaml"]).out;
    let read_back = document::parse_value(yaml.as_bytes(), document::Format::Yaml);
    assert_eq!(read_back.as_ref(), Ok(&json), "{yaml}");
    assert!(
        yaml.starts_with("items:\n") && yaml.contains("id: \"2\"\n"),
        "{yaml}"
    );
    let table = user.run(&server, &["instance", "list"]).out;
    assert!(
        table.starts_with("ID") && table.contains("failed") && !table.contains('\u{1b}'),
        "{table}"
    );
}

#[test]
fn a_verb_that_is_not_decided_yet_says_so_and_shows_the_instance() {
    let server = Server::new(|request| {
        assert_eq!(request.target, "/api/v1/instances/7/stop?wait=20s");
        let operation = json!({ "id": "3", "outcome": "pending" });
        Answer::json(
            202,
            &json!({ "operation": operation, "instance": instance("7", "running") }),
        )
    });
    let ran = User::new().run(
        &server,
        &["instance", "stop", "7", "--reason", "enough", "-o", "json"],
    );
    assert_eq!(ran.json()["id"], "7");
    assert!(ran.err.contains("operation 3"), "{ran:?}");
    assert_eq!(server.requests()[0].body, r#"{"reason":"enough"}"#);
}

#[test]
fn logs_are_read_to_their_end_line_by_line() {
    let server = Server::new(|request| {
        if request.target.starts_with("/api/v1/instances/7/tasks?") {
            let task =
                |name: &str, attempts| json!({ "name": name, "state": "succeeded", "attempts": attempts });
            return Answer::json(
                200,
                &json!({ "items": [task("a", 2), task("b", 0)], "next_cursor": null }),
            );
        }
        assert!(
            request
                .target
                .starts_with("/api/v1/instances/7/tasks/a/attempts/2/log?"),
            "{}",
            request.target
        );
        let (text, next, end) = if request.target.contains("offset=0") {
            ("one\ntw", "6", "false")
        } else {
            ("o", "7", "true")
        };
        Answer::text(200, text)
            .with_header("Porpoise-Next-Offset", next)
            .with_header("Porpoise-Log-End", end)
    });
    assert_eq!(
        User::new().run(&server, &["instance", "logs", "7"]).out,
        "a | one\na | two\n"
    );
}

#[test]
fn following_shows_states_and_logs_beside_the_id() {
    let server = Server::new(|request| match request.target.split('?').next().unwrap() {
        "/api/v1/projects/default/workflows/w/instances" => Answer::json(201, &instance("7", "running")),
        "/api/v1/instances/7" if request.count < 6 => Answer::json(200, &instance("7", "running")),
        "/api/v1/instances/7" => Answer::json(200, &instance("7", "succeeded")),
        "/api/v1/instances/7/tasks" => {
            let task = json!({ "name": "a", "state": "running", "attempts": 1 });
            Answer::json(200, &json!({ "items": [task], "next_cursor": null }))
        }
        _ if request.target.contains("offset=0") => {
            Answer::text(200, "hello\n").with_header("Porpoise-Next-Offset", "6")
        }
        _ => Answer::text(200, "").with_header("Porpoise-Next-Offset", "6"),
    });
    let ran = User::new().run(&server, &["run", "w", "--follow"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "7\n"), "{ran:?}");
    for line in ["a | hello", "task a: running", "instance 7: succeeded"] {
        assert_eq!(ran.err.matches(line).count(), 1, "{line}: {ran:?}");
    }
    assert!(
        ran.err
            .lines()
            .last()
            .unwrap()
            .starts_with("instance 7: succeeded"),
        "the end is the last line: {ran:?}"
    );
}

#[test]
fn without_a_login_the_token_of_the_data_folder_is_used() {
    let server = Server::new(|_| Answer::json(200, &json!({ "items": [], "next_cursor": null })));
    let user = User::new();
    std::fs::create_dir(user.folder().join("data")).unwrap();
    std::fs::write(user.folder().join("data/admin-token"), "from-the-file\n").unwrap();
    let ran = Ran::of(
        &user
            .command(&["node", "list", "--url", &server.url()])
            .output()
            .unwrap(),
    );
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(
        server.requests()[0].header("authorization"),
        Some("Bearer from-the-file")
    );
}

#[test]
fn a_login_is_kept_in_a_context() {
    let server = Server::new(|request| match request.target.as_str() {
        "/api/v1/auth/login" => Answer::json(200, &json!({ "token": "fresh", "expires_at": null })),
        _ => Answer::json(200, &json!({ "items": [], "next_cursor": null })),
    });
    let user = User::new();
    let mut login = user.command(&["login", "--username", "me", "--url", &server.url()]);
    let ran = Ran::of(&login.env("PORPOISE_PASSWORD", "pass").output().unwrap());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(user.run_alone(&["project", "list"]).code, Some(0));
    let requests = server.requests();
    assert_eq!(requests[0].body, r#"{"username":"me","password":"pass"}"#);
    assert_eq!(requests[1].header("authorization"), Some("Bearer fresh"));
    let contexts = user.run_alone(&["context", "list", "-o", "json"]).json();
    assert_eq!(contexts["items"][0]["url"], server.url());
    assert!(!contexts.to_string().contains("fresh"), "tokens are not listed");
}

#[test]
fn a_wrong_configuration_ends_with_every_mistake_and_code_two() {
    let user = User::new();
    let mut command = user.command(&["standalone", "--listen", "nowhere"]);
    let ran = Ran::of(&command.env("PORPOISE__WORKER__SLOT", "1").output().unwrap());
    assert_eq!(ran.code, Some(2));
    assert!(
        ran.err.contains("server.listen") && ran.err.contains("did you mean `worker.slots`"),
        "{ran:?}"
    );
}

#[test]
fn the_schema_can_be_checked_and_brought_up_to_date() {
    let user = User::new();
    let check = ["db", "migrate", "--check"];
    assert_eq!(user.run_alone(&check).code, Some(1));
    assert!(!user.folder().join("data").exists(), "a check makes nothing");
    assert_eq!(user.run_alone(&["db", "migrate"]).code, Some(0));
    assert_eq!(user.run_alone(&check).code, Some(0));
}

#[test]
fn programs_learn_the_version_and_the_configuration_as_json() {
    let user = User::new();
    assert_eq!(
        user.run_alone(&["version", "-o", "json"]).json()["version"],
        env!("CARGO_PKG_VERSION")
    );
    let mut command = user.command(&["config", "show", "--origin", "-o", "json"]);
    let shown = Ran::of(&command.env("PORPOISE__WORKER__SLOTS", "5").output().unwrap()).json();
    let slots = shown["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|key| key["key"] == "worker.slots")
        .unwrap();
    assert_eq!(
        (slots["value"].as_str(), slots["origin"].as_str()),
        (Some("5"), Some("environment PORPOISE__WORKER__SLOTS"))
    );
}

const GOOD: &str = "version: 1\nname: good\nproject: p\ntasks:\n  t: { type: noop }\n";
const BAD: &str =
    "version: 1\nname: bad\ntasks:\n  a: { type: noop, needs: [zz] }\n  b: { type: noop, nedes: [a] }\n";

#[test]
fn lint_needs_no_server_and_names_every_mistake_with_its_place() {
    let user = User::new();
    std::fs::write(user.folder().join("good.yaml"), GOOD).unwrap();
    std::fs::write(user.folder().join("bad.yaml"), BAD).unwrap();
    assert_eq!(
        user.run_alone(&["workflow", "lint", "-f", "good.yaml"]).code,
        Some(0)
    );
    let ran = user.run_alone(&["workflow", "lint", "-f", "."]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    for part in ["bad.yaml:4:", "zz", "bad.yaml:5:", "nedes"] {
        assert!(ran.err.contains(part), "{part}: {ran:?}");
    }
    assert_eq!(
        user.run_alone(&["workflow", "lint", "-f", "nowhere.yaml"]).code,
        Some(2)
    );
}

#[test]
fn apply_sends_the_source_text_and_nothing_when_one_document_is_wrong() {
    let stored = json!({ "project": "p", "name": "good", "version": 1, "changed": true });
    let server = Server::new(move |_| Answer::json(201, &stored));
    let user = User::new();
    std::fs::write(user.folder().join("good.yaml"), GOOD).unwrap();
    let ran = user.run(
        &server,
        &["workflow", "apply", "-f", "good.yaml", "--dry-run", "-o", "json"],
    );
    assert_eq!(
        (ran.code, ran.json()["version"].as_i64()),
        (Some(0), Some(1)),
        "{ran:?}"
    );
    let requests = server.requests();
    assert_eq!(
        requests[0].target,
        "/api/v1/projects/p/workflows/good?dry_run=true"
    );
    assert_eq!(requests[0].header("content-type"), Some("application/yaml"));
    assert_eq!(requests[0].body, GOOD);
    std::fs::write(user.folder().join("bad.yaml"), BAD).unwrap();
    assert_eq!(user.run(&server, &["workflow", "apply", "-f", "."]).code, Some(1));
    assert_eq!(server.requests().len(), 1, "nothing is sent");
}

#[test]
fn a_document_may_come_from_stdin_and_the_command_line_names_its_project() {
    let stored = json!({ "project": "q", "name": "good", "version": 1, "changed": true });
    let server = Server::new(move |_| Answer::json(201, &stored));
    let user = User::new();
    std::fs::write(user.folder().join("good.yaml"), GOOD).unwrap();
    let piped = |arguments: &[&str]| {
        let text = std::fs::File::open(user.folder().join("good.yaml")).unwrap();
        let mut command = user.command(arguments);
        command
            .env("PORPOISE_URL", server.url())
            .env("PORPOISE_TOKEN", "secret");
        Ran::of(&command.stdin(text).output().unwrap())
    };
    assert_eq!(piped(&["workflow", "lint", "-f", "-"]).code, Some(0));
    let ran = piped(&["workflow", "apply", "-f", "-", "--project", "q"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let request = &server.requests()[0];
    assert_eq!(request.target, "/api/v1/projects/q/workflows/good");
    assert_eq!(
        request.body, GOOD,
        "the server refuses it: it names another project"
    );
}

#[test]
fn a_file_may_hold_several_documents() {
    let server = Server::new(|request| {
        let name = request.target.rsplit('/').next().unwrap().to_owned();
        Answer::json(
            201,
            &json!({ "project": "p", "name": name, "version": 1, "changed": true }),
        )
    });
    let user = User::new();
    let other = GOOD.replace("name: good", "name: other");
    std::fs::write(user.folder().join("both.yaml"), format!("{GOOD}---\n{other}")).unwrap();
    let ran = user.run(&server, &["workflow", "apply", "-f", "both.yaml", "-o", "name"]);
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (Some(0), "good\nother\n"),
        "{ran:?}"
    );
    assert_eq!(server.requests()[1].body, format!("---\n{other}"));
    std::fs::write(user.folder().join("second.yaml"), format!("{GOOD}---\n{BAD}")).unwrap();
    let ran = user.run_alone(&["workflow", "lint", "-f", "second.yaml"]);
    assert_eq!(ran.code, Some(1));
    assert!(
        ran.err.contains("second.yaml:10:") && ran.err.contains("second.yaml:11:"),
        "{ran:?}"
    );
}
