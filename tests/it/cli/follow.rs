//! Instances that are followed: logs and states in order, and a server that goes away.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::scripted::{Answer, Request, Server};
use super::{Ran, User, instance};

/// Longest time that a test waits for an output.
const PATIENCE: Duration = Duration::from_secs(20);

fn tasks_of(state: &str, attempts: u32) -> Answer {
    let task = json!({ "name": "a", "state": state, "attempts": attempts });
    Answer::json(200, &json!({ "items": [task], "next_cursor": null }))
}

/// Answers a read of a log that is complete: `one` for the first attempt, and so on.
fn complete_log(request: &Request) -> Answer {
    let attempt: usize = request
        .target
        .split('/')
        .nth_back(1)
        .and_then(|n| n.parse().ok())
        .unwrap();
    let text = format!("{}\n", ["one", "two", "three"][attempt - 1]);
    Answer::text(200, &text)
        .with_header("Porpoise-Next-Offset", &text.len().to_string())
        .with_header("Porpoise-Log-End", "true")
}

/// An instance that succeeds at its third look, with a task that had three attempts by then.
fn quick_attempts(request: &Request) -> Answer {
    match request.target.split('?').next().unwrap() {
        "/api/v1/projects/default/workflows/w/instances" => Answer::json(201, &instance("7", "running")),
        "/api/v1/instances/7" if request.count < 4 => Answer::json(200, &instance("7", "running")),
        "/api/v1/instances/7" => Answer::json(200, &instance("7", "succeeded")),
        "/api/v1/instances/7/tasks" if request.count < 4 => tasks_of("pending", 0),
        "/api/v1/instances/7/tasks" => tasks_of("succeeded", 3),
        "/api/v1/instances/7/tasks/a" => {
            Answer::json(200, &json!({ "name": "a", "state": "succeeded", "attempts": 3 }))
        }
        _ => complete_log(request),
    }
}

#[test]
fn no_attempt_is_skipped_and_its_log_comes_before_the_state() {
    let server = Server::new(quick_attempts);
    let ran = User::new().run(&server, &["run", "w", "--follow"]);
    let shown: Vec<&str> = ran.err.lines().filter(|line| !line.contains("running")).collect();
    let expected = [
        "a | one",
        "a | two",
        "a | three",
        "task a: succeeded",
        "instance 7: succeeded (because)",
    ];
    assert_eq!(shown, expected, "{ran:?}");
}

#[test]
fn live_logs_skip_no_attempt_either() {
    let server = Server::new(quick_attempts);
    let ran = User::new().run(&server, &["instance", "logs", "7", "-f"]);
    assert_eq!(ran.out, "a | one\na | two\na | three\n", "{ran:?}");
    let server = Server::new(quick_attempts);
    let ran = User::new().run(
        &server,
        &["instance", "logs", "7", "-f", "--task", "a", "--attempt", "2"],
    );
    assert_eq!(ran.out, "two\n", "{ran:?}");
}

#[test]
fn logs_name_the_attempt_that_they_show_and_can_show_all() {
    let server = Server::new(|request| {
        quick_attempts(&Request {
            count: 9,
            ..request.clone()
        })
    });
    let user = User::new();
    let ran = user.run(&server, &["instance", "logs", "7"]);
    assert_eq!(ran.out, "a | three\n");
    assert!(
        ran.err.contains("attempt 3 of 3") && ran.err.contains("--all-attempts"),
        "{ran:?}"
    );
    let ran = user.run(
        &server,
        &["instance", "logs", "7", "--task", "a", "--attempt", "1"],
    );
    assert_eq!(ran.out, "one\n");
    assert!(ran.err.contains("attempt 1 of 3"), "{ran:?}");
    let ran = user.run(&server, &["instance", "logs", "7", "--all-attempts"]);
    assert_eq!(
        (ran.out.as_str(), ran.err.as_str()),
        ("a/1 | one\na/2 | two\na/3 | three\n", "")
    );
    let ran = user.run(
        &server,
        &["instance", "logs", "7", "--task", "a", "--attempt", "9"],
    );
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.err.contains("it had 3"), "{ran:?}");
}

/// A server whose task writes `text` and runs until the flag is set.
fn unfinished_log(text: &'static str, done: Arc<AtomicBool>) -> Server {
    Server::new(move |request| {
        let done = done.load(Ordering::SeqCst);
        let state = if done { "succeeded" } else { "running" };
        match request.target.split('?').next().unwrap() {
            "/api/v1/projects/default/workflows/w/instances" => Answer::json(201, &instance("7", "running")),
            "/api/v1/instances/7" => Answer::json(200, &instance("7", state)),
            "/api/v1/instances/7/tasks" => tasks_of(state, 1),
            _ => {
                let part = if request.target.contains("offset=0") {
                    text
                } else {
                    ""
                };
                let answer =
                    Answer::text(200, part).with_header("Porpoise-Next-Offset", &text.len().to_string());
                if done {
                    answer.with_header("Porpoise-Log-End", "true")
                } else {
                    answer
                }
            }
        }
    })
}

/// Reads from a stream until the text is there.
fn read_until(stream: &mut impl Read, text: &str) -> String {
    let deadline = Instant::now() + PATIENCE;
    let (mut read, mut byte) = (Vec::new(), [0]);
    while Instant::now() < deadline && stream.read(&mut byte).unwrap() > 0 {
        read.push(byte[0]);
        if String::from_utf8_lossy(&read).contains(text) {
            return String::from_utf8(read).unwrap();
        }
    }
    panic!("{text:?} is not in {:?}", String::from_utf8_lossy(&read));
}

fn spawn(user: &User, url: &str, arguments: &[&str]) -> Child {
    user.command(arguments)
        .env("PORPOISE_URL", url)
        .env("PORPOISE_TOKEN", "secret")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn a_line_without_its_end_is_shown_while_the_task_runs() {
    for (written, shown) in [
        ("meter: 10%\rmeter: 20%\r", "a | meter: 10%\ra | meter: 20%\r"),
        ("name? ", "a | name? "),
    ] {
        let done = Arc::new(AtomicBool::new(false));
        let server = unfinished_log(written, Arc::clone(&done));
        let user = User::new();
        let mut child = spawn(&user, &server.url(), &["run", "w", "--follow"]);
        read_until(child.stderr.as_mut().unwrap(), shown);
        let mut live = spawn(&user, &server.url(), &["instance", "logs", "7", "-f"]);
        read_until(live.stdout.as_mut().unwrap(), shown);
        done.store(true, Ordering::SeqCst);
        let ran = Ran::of(&child.wait_with_output().unwrap());
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert!(
            ran.err.starts_with('\n'),
            "a line of ours is not glued to that of the task: {ran:?}"
        );
        assert_eq!(live.wait().unwrap().code(), Some(0));
    }
}

#[test]
fn a_message_about_the_wait_is_not_glued_to_the_line_of_a_task() {
    let server = unfinished_log("name? ", Arc::default());
    let ran = User::new().run(&server, &["run", "w", "--follow", "--timeout", "2s"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("a | name? \nerror: time is over"), "{ran:?}");
}

#[test]
fn a_server_that_restarts_is_waited_for_and_reported_once() {
    for arguments in [
        ["run", "w", "--wait"].as_slice(),
        &["run", "w", "--follow"],
        &["instance", "watch", "7"],
        &["instance", "logs", "7", "-f"],
    ] {
        let looks = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&looks);
        let before = Server::new(move |request| {
            if request.target.starts_with("/api/v1/instances/7?") || request.target == "/api/v1/instances/7" {
                seen.fetch_add(1, Ordering::SeqCst);
            }
            match request.target.split('?').next().unwrap() {
                "/api/v1/projects/default/workflows/w/instances" => {
                    Answer::json(201, &instance("7", "running"))
                }
                "/api/v1/instances/7" => Answer::json(200, &instance("7", "running")),
                _ => tasks_of("pending", 0),
            }
        });
        let user = User::new();
        let mut child = spawn(&user, &before.url(), arguments);
        let deadline = Instant::now() + PATIENCE;
        while looks.load(Ordering::SeqCst) < 2 {
            assert!(Instant::now() < deadline, "{arguments:?} does not poll");
            std::thread::sleep(Duration::from_millis(10));
        }
        let address = before.close();
        let mut messages = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains("waiting until it is back") {
            line.clear();
            assert!(
                messages.read_line(&mut line).unwrap() > 0,
                "{arguments:?} ended without a word"
            );
        }
        assert!(line.contains(&address), "{line}");
        // Long enough for a second message, which must not come.
        std::thread::sleep(Duration::from_millis(700));
        let _after = Server::at(&address, |request| {
            quick_attempts(&Request {
                count: 9,
                ..request.clone()
            })
        });
        let mut rest = String::new();
        messages.read_to_string(&mut rest).unwrap();
        assert!(!rest.contains("waiting until"), "{arguments:?}: {rest}");
        assert_eq!(child.wait().unwrap().code(), Some(0), "{arguments:?}: {rest}");
    }
}

#[test]
fn a_wait_ends_at_its_time_limit() {
    let running = Server::new(|request| match request.target.split('?').next().unwrap() {
        "/api/v1/projects/default/workflows/w/instances" => Answer::json(201, &instance("7", "running")),
        "/api/v1/instances/7" => Answer::json(200, &instance("7", "running")),
        _ => tasks_of("pending", 0),
    });
    let user = User::new();
    let waits = [
        ["run", "w", "--wait", "--timeout", "300ms"].as_slice(),
        &["run", "w", "--follow", "--timeout", "300ms"],
        &["instance", "watch", "7", "--timeout", "300ms"],
        &["instance", "logs", "7", "-f", "--timeout", "300ms"],
    ];
    for arguments in waits {
        let began = Instant::now();
        let ran = user.run(&running, arguments);
        assert_eq!(ran.code, Some(1), "{arguments:?}: {ran:?}");
        assert!(ran.err.contains("time is over: instance 7"), "{ran:?}");
        assert!(began.elapsed() < Duration::from_secs(5), "{arguments:?}");
    }
    let away = super::scripted::unused_address();
    for arguments in &waits[2..] {
        let output = spawn(&user, &away, arguments).wait_with_output().unwrap();
        let ran = Ran::of(&output);
        assert_eq!(ran.code, Some(6), "{arguments:?}: {ran:?}");
        assert_eq!(ran.err.matches("waiting until it is back").count(), 1, "{ran:?}");
    }
    let ran = user.run(&running, &["run", "w", "--timeout", "1s"]);
    assert_eq!(ran.code, Some(2), "there is nothing to wait for: {ran:?}");
    let ran = user.run(&running, &["instance", "watch", "7", "--timeout", "soon"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.err.contains("90s"), "{ran:?}");
}

#[test]
fn a_start_whose_answer_is_lost_is_asked_again_with_its_key() {
    let before = Server::new(|_| Answer::hang_up());
    let user = User::new();
    let child = spawn(&user, &before.url(), &["run", "w"]);
    let deadline = Instant::now() + PATIENCE;
    while before.requests().is_empty() {
        assert!(Instant::now() < deadline, "no request");
        std::thread::sleep(Duration::from_millis(10));
    }
    let key = before.requests()[0].header("idempotency-key").unwrap().to_owned();
    let address = before.close();
    std::thread::sleep(Duration::from_millis(700));
    let after = Server::at(&address, |_| Answer::json(201, &instance("7", "running")));
    let ran = Ran::of(&child.wait_with_output().unwrap());
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "7\n"), "{ran:?}");
    assert_eq!(after.requests()[0].header("idempotency-key"), Some(key.as_str()));
    let _: Value = serde_json::from_str(&after.requests()[0].body).unwrap();
}
