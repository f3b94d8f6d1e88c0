//! What commands say when something is wrong with the command line, the address, the token or a name.

use std::io::{Read, Write};
use std::net::TcpListener;

use serde_json::{Value, json};

use super::scripted::{Answer, Server, unused_address};
use super::{BAD, GOOD, Ran, User, instance};

fn list(items: &[Value]) -> Answer {
    Answer::json(200, &json!({ "items": items, "next_cursor": null }))
}

fn named(names: &[&str]) -> Answer {
    let items: Vec<Value> = names.iter().map(|name| json!({ "name": name })).collect();
    list(&items)
}

fn not_found(what: &str) -> Answer {
    Answer::problem(404, "NOT_FOUND", &format!("There is no {what}."))
}

fn run_with(user: &User, variables: &[(&str, &str)], arguments: &[&str]) -> Ran {
    let mut command = user.command(arguments);
    command.envs(variables.iter().copied());
    Ran::of(&command.output().unwrap())
}

#[track_caller]
fn assert_says(ran: &Ran, code: i32, parts: &[&str]) {
    assert_eq!(ran.code, Some(code), "{ran:?}");
    for part in parts {
        assert!(ran.err.contains(part), "{part:?} is not in {ran:?}");
    }
}

#[test]
fn an_address_is_checked_before_anything_is_sent() {
    let user = User::new();
    let get = ["instance", "list"];
    for (url, parts) in [
        (
            "localhost:7070",
            ["PORPOISE_URL", "http:// is missing, write http://localhost:7070"],
        ),
        (
            "http://localhost:7070/api/v1/",
            ["leave /api/v1 out", "http://localhost:7070"],
        ),
        ("ftp://localhost", ["PORPOISE_URL", "http://"]),
    ] {
        assert_says(&run_with(&user, &[("PORPOISE_URL", url)], &get), 2, &parts);
    }
    let ran = user.run_alone(&["instance", "list", "--url", "localhost:7070"]);
    assert_says(&ran, 2, &["--url: ", "http:// is missing"]);
    let ran = user.run_alone(&["context", "set", "c", "--url", "localhost:7070"]);
    assert_says(&ran, 2, &["http:// is missing"]);
    let ran = user.run_alone(&["context", "set", "c", "--url", "http://h/api/v1"]);
    assert_says(&ran, 2, &["leave /api/v1 out"]);
}

#[test]
fn the_other_scheme_is_named_when_a_server_does_not_speak_this_one() {
    let user = User::new();
    let refusal: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
    let url = format!("https://{}", answering(refusal));
    let ran = run_with(&user, &[("PORPOISE_URL", &url)], &["instance", "list"]);
    assert_says(&ran, 6, &["does not speak TLS", "speaks http: write http://"]);
    // A TLS server answers a request without TLS by an alert.
    let url = format!(
        "http://{}",
        answering(&[0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x46])
    );
    let ran = run_with(&user, &[("PORPOISE_URL", &url)], &["instance", "list"]);
    assert_says(&ran, 6, &["speaks https: write https://"]);
}

/// Answers whatever comes in by these bytes; returns the address.
fn answering(bytes: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let _ = connection.read(&mut [0; 4096]);
            let _ = connection.write_all(bytes);
        }
    });
    address
}

#[test]
fn a_server_that_is_not_ours_is_recognised() {
    let user = User::new();
    let page = Server::new(|_| Answer::text(200, "<html>").with_header("Content-Type", "text/html"));
    assert_says(
        &user.run(&page, &["node", "list"]),
        1,
        &["answered no JSON", "Porpoise server?"],
    );
    let page = Server::new(|_| Answer::text(404, "<html>"));
    assert_says(
        &user.run(&page, &["node", "list"]),
        3,
        &[&page.url(), "Porpoise server?"],
    );
    let other = Server::new(|_| Answer::text(301, "").with_header("Location", "https://elsewhere.example/"));
    let ran = user.run(&other, &["run", "w"]);
    assert_says(&ran, 6, &["redirects to https://elsewhere.example/"]);
}

#[test]
fn a_token_is_checked_before_it_is_sent() {
    let server = Server::new(|_| list(&[]));
    let user = User::new();
    let url = server.url();
    let list = ["node", "list"];
    let ran = run_with(
        &user,
        &[("PORPOISE_URL", &url), ("PORPOISE_TOKEN", "half\nother")],
        &list,
    );
    assert_says(&ran, 2, &["PORPOISE_TOKEN", "a line end"]);
    assert!(!ran.err.contains("half"), "a token is never shown: {ran:?}");
    assert_eq!(server.requests().len(), 0);
    let ran = run_with(
        &user,
        &[("PORPOISE_URL", &url), ("PORPOISE_TOKEN", "whole\n")],
        &list,
    );
    assert_eq!(ran.code, Some(0), "a final line end is no part of it: {ran:?}");
    assert_eq!(server.requests()[0].header("authorization"), Some("Bearer whole"));
    std::fs::write(user.folder().join("token"), "a\nb\n").unwrap();
    let ran = user.run_alone(&["context", "set", "c", "--url", &url, "--token-file", "token"]);
    assert_says(&ran, 2, &["token: ", "a line end"]);
}

#[test]
fn the_token_of_the_data_folder_stays_on_this_machine() {
    // Every host is reached by a proxy, so that the test sees what would be sent to a host of another machine.
    let proxy = Server::new(|_| list(&[]));
    let user = User::new();
    std::fs::create_dir(user.folder().join("data")).unwrap();
    std::fs::write(user.folder().join("data/admin-token"), "from-the-file\n").unwrap();
    for host in [
        "127.evil.example",
        "localhost.evil.example",
        "server.example",
        "10.0.0.1",
    ] {
        let url = format!("http://{host}:7070");
        let ran = run_with(
            &user,
            &[("http_proxy", &proxy.url())],
            &["node", "list", "--url", &url],
        );
        let requests = proxy.requests();
        let sent = requests.last().unwrap_or_else(|| panic!("{host}: {ran:?}"));
        assert!(sent.target.contains(host), "{sent:?}");
        assert_eq!(sent.header("authorization"), None, "{host}");
    }
    let server = Server::new(|_| list(&[]));
    for host in ["127.0.0.1", "localhost"] {
        let url = server.url().replace("127.0.0.1", host);
        let ran = run_with(&user, &[], &["node", "list", "--url", &url]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let requests = server.requests();
        assert_eq!(
            requests.last().unwrap().header("authorization"),
            Some("Bearer from-the-file")
        );
    }
}

#[test]
fn a_stale_context_is_named() {
    let user = User::new();
    let away = unused_address();
    let ran = user.run_alone(&["context", "set", "old", "--url", &away]);
    assert_says(&ran, 0, &["context `old` is stored"]);
    let ran = user.run_alone(&["instance", "list"]);
    assert_says(&ran, 6, &[&away, "context `old`", "porpoise context use"]);
    let refusing = Server::new(|_| Answer::problem(401, "UNAUTHENTICATED", "Send a valid token."));
    std::fs::write(user.folder().join("token"), "outdated\n").unwrap();
    let set = [
        "context",
        "set",
        "new",
        "--url",
        &refusing.url(),
        "--token-file",
        "token",
    ];
    assert_eq!(user.run_alone(&set).code, Some(0));
    assert_says(
        &user.run_alone(&["context", "use", "new"]),
        0,
        &["context `new` is used"],
    );
    let ran = user.run_alone(&["instance", "list"]);
    assert_says(&ran, 5, &["the token of context `new`", "porpoise login"]);
    let ran = run_with(
        &user,
        &[("PORPOISE_URL", &refusing.url().replace("127.0.0.1", "localhost"))],
        &["node", "list"],
    );
    assert_says(&ran, 5, &["no token was found", "context `new` is for"]);
    let ran = run_with(&user, &[("PORPOISE_CONTEXT", "nwe")], &["node", "list"]);
    assert_says(&ran, 3, &["no context `nwe`", "PORPOISE_CONTEXT", "new, old"]);
    assert_says(
        &user.run_alone(&["context", "use", "nwe"]),
        3,
        &["no context `nwe`", "new, old"],
    );
}

#[test]
fn a_wrong_login_is_not_a_missing_token() {
    let server = Server::new(|_| Answer::problem(401, "LOGIN_FAILED", "User name or password is wrong."));
    let user = User::new();
    let mut command = user.command(&["login", "--url", &server.url()]);
    let ran = Ran::of(&command.env("PORPOISE_PASSWORD", "x").output().unwrap());
    assert_says(&ran, 5, &["User name or password is wrong."]);
    assert!(!ran.err.contains("token"), "{ran:?}");
}

#[test]
fn an_error_is_printed_once() {
    let user = User::new();
    let detail = "`limit` is 1 to 200.";
    let server = Server::new(move |_| {
        let errors = json!([{ "pointer": "/limit", "code": "INVALID_QUERY", "message": detail }]);
        Answer::json(
            400,
            &json!({ "status": 400, "code": "INVALID_QUERY", "detail": detail, "errors": errors }),
        )
    });
    let ran = user.run(&server, &["instance", "list"]);
    assert_says(&ran, 2, &["(INVALID_QUERY)"]);
    assert_eq!(ran.err.matches(detail).count(), 1, "{ran:?}");
    for (name, text, place) in [
        (
            "broken.yaml",
            "version: 1\nname: x\ntasks: [\n",
            "broken.yaml:4:1: ",
        ),
        ("broken.json", "{\n  \"version\": 1,\n}", "broken.json:3:1: "),
    ] {
        std::fs::write(user.folder().join(name), text).unwrap();
        let ran = user.run_alone(&["workflow", "lint", "-f", name]);
        assert_says(&ran, 1, &[place]);
        assert!(!ran.err.contains(": :") && !ran.err.contains("line"), "{ran:?}");
    }
}

#[test]
fn a_document_that_the_server_refuses_is_a_failed_check() {
    let server = Server::new(|_| {
        let errors = json!([{ "pointer": "/tasks/t", "code": "X", "message": "no", "line": 5, "column": 3 }]);
        let detail = "The document has errors.";
        Answer::json(
            422,
            &json!({ "status": 422, "code": "INVALID_DOCUMENT", "detail": detail, "errors": errors }),
        )
    });
    let user = User::new();
    std::fs::write(user.folder().join("good.yaml"), GOOD).unwrap();
    let ran = user.run(&server, &["workflow", "apply", "-f", "good.yaml"]);
    assert_says(&ran, 1, &["good.yaml: ", "5:3 /tasks/t: no"]);
}

/// A server with a few names, and nothing that is asked for by another.
fn server_with_names() -> Server {
    Server::new(|request| {
        let path = request.target.split('?').next().unwrap();
        match (request.method.as_str(), path) {
            ("GET", "/api/v1/projects/default/workflows") => named(&["hello", "report"]),
            ("GET", "/api/v1/projects/empty/workflows") => named(&[]),
            ("GET", "/api/v1/projects") => named(&["default", "retail"]),
            ("GET", "/api/v1/instances") => list(&[]),
            ("GET", "/api/v1/users") => named(&["admin", "alice"]),
            ("GET", "/api/v1/instances/7/tasks") => named(&["extract", "load"]),
            ("GET", "/api/v1/nodes") => {
                list(&[json!({ "name": "n1", "incarnation": "12", "state": "active" })])
            }
            _ => not_found("such thing"),
        }
    })
}

#[test]
fn a_name_that_does_not_exist_is_answered_with_the_nearest() {
    let user = User::new();
    let server = server_with_names();
    for (arguments, part) in [
        (["run", "helo"].as_slice(), "did you mean `hello`?"),
        (&["run", "something-else"], "`porpoise workflow list` shows"),
        (&["run", "hello", "--project", "retial"], "did you mean `retail`?"),
        (
            &["run", "hello", "--project", "empty"],
            "`porpoise workflow apply -f FILE`",
        ),
        (&["workflow", "get", "repotr"], "did you mean `report`?"),
        (&["workflow", "versions", "helo"], "did you mean `hello`?"),
        (&["workflow", "delete", "helo"], "did you mean `hello`?"),
        (
            &["workflow", "list", "--project", "retial"],
            "did you mean `retail`?",
        ),
        (&["project", "get", "retial"], "did you mean `retail`?"),
        (&["project", "delete", "retial"], "did you mean `retail`?"),
        (
            &["project", "grant", "retail", "alcie", "read"],
            "did you mean `alice`?",
        ),
        (
            &["project", "revoke", "retial", "alice"],
            "did you mean `retail`?",
        ),
        (&["user", "delete", "alcie"], "did you mean `alice`?"),
        (
            &["instance", "logs", "7", "--task", "extrct"],
            "did you mean `extract`?",
        ),
        (
            &["instance", "force-success", "7", "--task", "laod"],
            "did you mean `load`?",
        ),
        (&["node", "drain", "n1"], "node `n1` is incarnation 12"),
    ] {
        let ran = user.run(&server, arguments);
        assert_says(&ran, 3, &[part]);
        assert_eq!(ran.err.matches("hint").count(), 1, "{ran:?}");
    }
    let ran = user.run(&server, &["instance", "list", "--workflow", "helo"]);
    assert_says(
        &ran,
        0,
        &["no such instances of workflow `helo`", "did you mean `hello`?"],
    );
}

#[test]
fn a_file_in_the_place_of_a_name_is_recognised() {
    let server = Server::new(|_| not_found("workflow"));
    let user = User::new();
    std::fs::write(user.folder().join("good.yaml"), GOOD).unwrap();
    let ran = user.run(&server, &["run", "good.yaml"]);
    assert_says(
        &ran,
        2,
        &["`porpoise workflow apply -f good.yaml`, then `porpoise run good`"],
    );
    let ran = user.run(&server, &["run", "nowhere/x.yaml"]);
    assert_says(&ran, 2, &["`porpoise workflow apply -f nowhere/x.yaml`"]);
    for verb in ["apply", "lint"] {
        let ran = user.run(&server, &["workflow", verb, "good.yaml"]);
        assert_says(&ran, 2, &[&format!("`porpoise workflow {verb} -f good.yaml`")]);
        let ran = user.run(&server, &["workflow", verb]);
        assert_says(&ran, 2, &["--file"]);
    }
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn hidden_folders_hold_no_documents() {
    let user = User::new();
    for folder in ["flows", ".git", "flows/.cache"] {
        std::fs::create_dir(user.folder().join(folder)).unwrap();
    }
    for (file, text) in [
        ("flows/good.yaml", GOOD),
        (".git/bad.yaml", BAD),
        ("flows/.cache/bad.yaml", BAD),
        ("flows/.bad.yaml.swp.yaml", BAD),
    ] {
        std::fs::write(user.folder().join(file), text).unwrap();
    }
    std::os::unix::fs::symlink("..", user.folder().join("flows/up")).unwrap();
    let ran = user.run_alone(&["workflow", "lint", "-f", "."]);
    assert_says(&ran, 0, &["1 document without errors"]);
    let ran = user.run_alone(&["workflow", "lint", "-f", ".git"]);
    assert_says(&ran, 1, &["bad.yaml"]);
}

#[test]
fn words_of_the_command_line_are_suggested() {
    let user = User::new();
    for (arguments, part) in [
        (["worklow", "list"].as_slice(), "workflow"),
        (&["workflow", "aply"], "apply"),
        (&["instance", "list", "--sate", "failed"], "--state"),
        (&["instance", "list", "-o", "jsno"], "json"),
        (&["apply", "-f", "x"], "`porpoise workflow apply`"),
        (&["logs", "7"], "`porpoise instance logs`"),
        (&["run", "hello", "city=Bergen"], "`-p city=Bergen`"),
    ] {
        assert_says(&user.run_alone(arguments), 2, &[part]);
    }
}

#[test]
fn a_refused_start_is_a_usage_error_and_a_failed_instance_is_not() {
    let user = User::new();
    let server = Server::new(|_| Answer::problem(422, "UNKNOWN_PARAMETER", "There is no parameter `ctiy`."));
    assert_says(
        &user.run(&server, &["run", "w", "-p", "ctiy=x", "--wait"]),
        2,
        &["ctiy"],
    );
    let server = Server::new(|_| Answer::json(201, &instance("1", "failed")));
    assert_eq!(user.run(&server, &["run", "w", "--wait"]).code, Some(1));
}
