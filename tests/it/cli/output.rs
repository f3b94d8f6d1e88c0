//! What commands print, and what they say when it cannot be written.

use std::fs::File;

use serde_json::{Value, json};

use super::scripted::{Answer, Server};
use super::{GOOD, Ran, User, instance};

fn full() -> File {
    File::options().write(true).open("/dev/full").unwrap()
}

fn run_into(user: &User, server: &Server, arguments: &[&str], stdout: impl Into<std::process::Stdio>) -> Ran {
    let mut command = user.command(arguments);
    command
        .env("PORPOISE_URL", server.url())
        .env("PORPOISE_TOKEN", "secret")
        .stdout(stdout)
        .stderr(std::process::Stdio::piped());
    Ran::of(&command.spawn().unwrap().wait_with_output().unwrap())
}

#[test]
fn output_that_cannot_be_written_is_reported() {
    let server = Server::new(|request| match request.method.as_str() {
        "POST" if request.target.contains("/tokens") => {
            Answer::json(201, &json!({ "id": "5", "token": "x" }))
        }
        "POST" => Answer::json(201, &instance("42", "running")),
        _ => Answer::json(200, &json!({ "items": [], "next_cursor": null })),
    });
    let user = User::new();
    for (arguments, part) in [
        (
            ["run", "w"].as_slice(),
            "instance 42 is started, but cannot write the output: No space left",
        ),
        (&["token", "create", "ci"], "porpoise token delete 5"),
        (
            &["instance", "list", "-o", "json"],
            "cannot write the output: No space left",
        ),
        (&["config", "show"], "cannot write the output"),
        (&["version"], "cannot write the output"),
        (&["completion", "bash"], "cannot write the output"),
        (&["--help"], "cannot write the output"),
        (&["--version"], "cannot write the output"),
    ] {
        let ran = run_into(&user, &server, arguments, full());
        assert_eq!(ran.code, Some(1), "{arguments:?}: {ran:?}");
        assert!(ran.err.contains(part), "{arguments:?}: {ran:?}");
    }
}

#[test]
fn a_reader_that_went_away_is_no_reason_for_a_message() {
    let server = Server::new(|_| Answer::json(200, &json!({ "items": [], "next_cursor": null })));
    let user = User::new();
    for arguments in [
        ["instance", "list"].as_slice(),
        &["completion", "bash"],
        &["--help"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let ran = run_into(&user, &server, arguments, writer);
        assert_eq!(ran.err, "", "{arguments:?}: {ran:?}");
    }
}

fn read_yaml(text: &str) -> Value {
    document::parse_value(text.as_bytes(), document::Format::Yaml)
        .unwrap_or_else(|diagnostics| panic!("{diagnostics:?} in {text:?}"))
}

#[test]
fn yaml_escapes_what_others_cannot_read() {
    let letters = [
        '\u{7f}', '\u{80}', '\u{85}', '\u{9f}', '\u{2028}', '\u{feff}', '\u{fffe}', '\u{ffff}', '\u{0}', '\r',
    ];
    for letter in letters {
        let name = format!("a{letter}b");
        let project =
            json!({ "name": name, name.clone(): "key", "description": format!("{name}\nsecond line\n") });
        let server = Server::new({
            let project = project.clone();
            move |_| Answer::json(200, &project)
        });
        let ran = User::new().run(&server, &["project", "get", "p", "-o", "yaml"]);
        assert!(!ran.out.contains(letter), "{letter:?} is bare in {:?}", ran.out);
        assert_eq!(read_yaml(&ran.out), project);
    }
}

#[test]
fn yaml_is_printed_where_it_is_asked_for_also_of_json() {
    let document =
        json!({ "version": 1, "name": "w", "tasks": { "t": { "type": "shell", "run": "a\nb\n" } } });
    let server = Server::new({
        let document = document.clone();
        move |request| match request.target.as_str() {
            "/api/openapi.json" => Answer::json(200, &json!({ "openapi": "3.1.0", "paths": {} })),
            _ => Answer::text(200, &format!("{document:#}")).with_header("Content-Type", "application/yaml"),
        }
    });
    let user = User::new();
    let ran = user.run(&server, &["openapi", "-o", "yaml"]);
    assert_eq!(ran.out, "openapi: \"3.1.0\"\npaths: {}\n");
    assert_eq!(user.run(&server, &["openapi"]).json()["openapi"], "3.1.0");
    let ran = user.run(&server, &["workflow", "get", "w", "-o", "yaml"]);
    assert!(ran.out.starts_with("version: 1\nname: w\n"), "{ran:?}");
    assert_eq!(read_yaml(&ran.out), document);
    let server = Server::new(|_| Answer::text(200, GOOD));
    let ran = user.run(&server, &["workflow", "get", "w", "-o", "yaml"]);
    assert_eq!(ran.out, GOOD, "the author's text as it is");
}

#[test]
fn a_table_holds_no_json() {
    let server = Server::new(|request| {
        if request.target.contains("/instances/") {
            let mut item = instance("7", "failed");
            item["tasks"] = json!({ "total": 2, "by_state": { "failed": 1, "not_run": 1 } });
            item["params"] = json!({});
            return Answer::json(200, &item);
        }
        let task = json!({ "type": "shell", "run": "echo a\necho b\n", "needs": ["x"] });
        let document = json!({ "version": 1, "name": "w", "tasks": { "t": task } });
        Answer::json(
            200,
            &json!({ "project": "default", "name": "w", "version": 3, "document": document }),
        )
    });
    let user = User::new();
    let ran = user.run(&server, &["workflow", "get", "w"]);
    assert!(!ran.out.contains('{') && !ran.out.contains('"'), "{}", ran.out);
    assert!(ran.out.contains("version  3\n"), "{}", ran.out);
    assert!(ran.out.contains("\ndocument:\n  version: 1\n"), "{}", ran.out);
    assert!(ran.out.contains("echo a\n"), "{}", ran.out);
    let ran = user.run(&server, &["instance", "get", "7"]);
    assert!(
        ran.out.contains("total=2, by_state.failed=1, by_state.not_run=1"),
        "{}",
        ran.out
    );
    assert!(!ran.out.contains('{'), "{}", ran.out);
}
