use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use engine::ids::{AttemptNumber, Epoch, Generation, Incarnation};
use engine::spec::{OnCutOff, ParamType};
use engine::task_type::PreparedAction;
use ports::KILL_GRACE;
use ports::protocol::{Dispatch, Owner};
use serde_json::{Map, Value, json};

use super::*;

/// Answers one connection after the other with these texts; none of them is kept open.
fn server(answers: Vec<String>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut line = String::new();
            while reader.read_line(&mut line).unwrap() > 2 {
                line.clear();
            }
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    format!("http://{address}/")
}

fn answer(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

fn fields(url: &str, expect_status: Vec<u16>) -> Map<String, Value> {
    let mut fields = Map::new();
    let request = json!({ "method": "GET", "url": url, "headers": { "X-A": "b" } });
    fields.insert("request".to_owned(), request);
    if !expect_status.is_empty() {
        fields.insert("expect".to_owned(), json!({ "status": expect_status }));
    }
    fields
}

fn job(folder: &Path, url: &str, expect_status: Vec<u16>) -> Job {
    Job {
        workdir: folder.join("work/x"),
        output: folder.join("work/x.output"),
        dispatch: Dispatch {
            uid: "1-42-0-1-1".parse().unwrap(),
            worker: Incarnation(7),
            owner: Owner {
                incarnation: Incarnation(1),
                host: "h".to_owned(),
                generation: Generation(1),
                epoch: Epoch(1),
            },
            project: "default".to_owned(),
            workflow: "w".to_owned(),
            task: "t".to_owned(),
            attempt: AttemptNumber(1),
            action: PreparedAction {
                task_type: "http".to_owned(),
                fields: fields(url, expect_status),
            },
            env: BTreeMap::new(),
            secret_slots: Vec::new(),
            secrets: Default::default(),
            outputs: BTreeMap::new(),
            timeout_ms: None,
            on_cut_off: OnCutOff::Continue,
            connection: None,
        },
    }
}

fn declaring(mut job: Job, outputs: &[(&str, ParamType)]) -> Job {
    let outputs = outputs.iter().map(|(name, kind)| ((*name).to_owned(), *kind));
    job.dispatch.outputs = outputs.collect();
    job
}

fn logs_of(job: &Job) -> LogFiles {
    LogFiles::in_folder(job.workdir.parent().unwrap().with_file_name("logs"))
}

fn log_file(job: &Job) -> PathBuf {
    logs_of(job).path(&job.dispatch.uid)
}

async fn run(job: &Job) -> JobEnd {
    let limits = RunnerLimits {
        http_body_bytes: 100,
        ..RunnerLimits::default()
    };
    HttpRunner::new(limits, logs_of(job))
        .unwrap()
        .start(job)
        .await
        .unwrap()
        .wait()
        .await
}

#[tokio::test]
async fn the_status_is_the_exit_code_and_the_body_is_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let job = job(
        folder.path(),
        &server(vec![answer("201 Created", "hi\n${setValue(k=v)}\n")]),
        vec![],
    );
    let job = declaring(job, &[("k", ParamType::String)]);
    let end = run(&job).await;
    assert_eq!(
        (end.result, end.exit_code, end.error),
        (AttemptResult::Succeeded, Some(201), None)
    );
    assert_eq!(end.outputs.get("k").map(String::as_str), Some("v"));
    assert!(
        std::fs::read_to_string(log_file(&job))
            .unwrap()
            .starts_with("hi\n")
    );
}

#[tokio::test]
async fn only_an_expected_status_is_a_success() {
    let folder = tempfile::tempdir().unwrap();
    let end = run(&job(
        folder.path(),
        &server(vec![answer("404 Not Found", "")]),
        vec![404],
    ))
    .await;
    assert_eq!((end.result, end.exit_code), (AttemptResult::Succeeded, Some(404)));
    let end = run(&job(
        folder.path(),
        &server(vec![answer("200 OK", "")]),
        vec![404],
    ))
    .await;
    assert_eq!((end.result, end.exit_code), (AttemptResult::Failed, Some(200)));
    assert!(end.error.unwrap().contains("200"));
}

#[tokio::test]
async fn a_redirect_to_a_metadata_address_is_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let redirect =
        "HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/latest\r\ncontent-length: 0\r\n\r\n";
    let end = run(&job(folder.path(), &server(vec![redirect.to_owned()]), vec![])).await;
    assert_eq!(end.result, AttemptResult::Failed);
    assert!(
        end.error.clone().unwrap().contains("must not be reached"),
        "{:?}",
        end.error
    );
}

#[tokio::test]
async fn a_long_body_is_cut_with_a_mark() {
    let folder = tempfile::tempdir().unwrap();
    let job = job(
        folder.path(),
        &server(vec![answer("200 OK", &"x".repeat(5000))]),
        vec![],
    );
    assert_eq!(run(&job).await.result, AttemptResult::Succeeded);
    let log = std::fs::read_to_string(log_file(&job)).unwrap();
    assert!(log.len() < 300 && log.contains("porpoise:"), "{log}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_a_readable_error() {
    let folder = tempfile::tempdir().unwrap();
    let end = run(&job(folder.path(), "http://127.0.0.1:1/", vec![])).await;
    assert_eq!((end.result, end.exit_code), (AttemptResult::Failed, None));
    assert!(
        end.error.clone().unwrap().contains("nothing listens there"),
        "{:?}",
        end.error
    );
}

#[tokio::test]
async fn a_kill_ends_a_request_that_is_not_answered() {
    let folder = tempfile::tempdir().unwrap();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    let job = job(folder.path(), &url, vec![]);
    let http = HttpRunner::new(RunnerLimits::default(), logs_of(&job)).unwrap();
    let mut running = http.start(&job).await.unwrap();
    running.kill(KILL_GRACE);
    assert_eq!(running.wait().await.result, AttemptResult::Killed);
}

#[tokio::test]
async fn a_redirect_is_followed_unless_its_own_status_is_expected() {
    let folder = tempfile::tempdir().unwrap();
    for (expected, status) in [(Vec::new(), 200), (vec![302], 302)] {
        let target = server(vec![answer("200 OK", "there")]);
        let moved = format!(
            "HTTP/1.1 302 Found\r\nlocation: {target}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        );
        let end = run(&job(folder.path(), &server(vec![moved]), expected)).await;
        assert_eq!(
            (end.result, end.exit_code),
            (AttemptResult::Succeeded, Some(status)),
            "{end:?}"
        );
    }
}

#[tokio::test]
async fn declared_outputs_are_filled_from_the_response() {
    let folder = tempfile::tempdir().unwrap();
    let response = "HTTP/1.1 202 Accepted\r\nx-job: 7\r\nset-cookie: a=1\r\nset-cookie: b=2\r\ncontent-length: 24\r\nconnection: close\r\n\r\n${setValue(status=fake)}";
    let names = [
        "status",
        "body",
        "header.x-job",
        "header.set-cookie",
        "header.missing",
    ];
    let declared = names.map(|name| (name, ParamType::String));
    let job = declaring(
        job(folder.path(), &server(vec![response.to_owned()]), vec![]),
        &declared,
    );
    let expected = [
        ("body", "${setValue(status=fake)}"),
        ("header.set-cookie", "a=1, b=2"),
        ("header.x-job", "7"),
        ("status", "202"),
    ];
    let outputs = run(&job).await.outputs;
    let outputs: Vec<(&str, &str)> = outputs.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert_eq!(outputs, expected);
}

#[tokio::test]
async fn a_body_that_is_too_large_for_its_output_fails_the_attempt() {
    let folder = tempfile::tempdir().unwrap();
    let url = server(vec![
        answer("200 OK", &"x".repeat(70_000)),
        answer("200 OK", "text"),
    ]);
    let large = declaring(job(folder.path(), &url, vec![]), &[("body", ParamType::String)]);
    let runner = HttpRunner::new(RunnerLimits::default(), logs_of(&large)).unwrap();
    let end = runner.start(&large).await.unwrap().wait().await;
    assert_eq!(
        (end.result, end.failure),
        (AttemptResult::Failed, FailureKind::Transient)
    );
    assert!(end.error.unwrap().contains("`body`"));
    let typed = declaring(job(folder.path(), &url, vec![]), &[("body", ParamType::Integer)]);
    assert!(run(&typed).await.error.unwrap().contains("`body`"));
}

#[tokio::test]
async fn a_request_that_cannot_be_built_is_a_permanent_failure() {
    let folder = tempfile::tempdir().unwrap();
    for url in ["http://", "ftp://h/", "http://169.254.169.254/"] {
        let end = run(&job(folder.path(), url, vec![])).await;
        assert_eq!(
            (end.result, end.failure),
            (AttemptResult::Failed, FailureKind::Permanent),
            "{url}"
        );
    }
    let mut broken = job(folder.path(), "http://127.0.0.1:1/", vec![]);
    broken.dispatch.action.fields["request"]["headers"] = json!({ "X-A": "a\nb" });
    assert_eq!(run(&broken).await.failure, FailureKind::Permanent);
    let refused = run(&job(folder.path(), "http://127.0.0.1:1/", vec![])).await;
    assert_eq!(refused.failure, FailureKind::Transient);
}
