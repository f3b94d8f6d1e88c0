//! Nodes that cannot start.

use std::path::Path;

use sea_orm::ConnectionTrait;
use store::{Role, Store};

use super::super::harness::{Node, TOKEN, refused_start};
use test_support::restartable_postgres::RestartablePostgres;

fn check(data: &Path, more: &[&str], token: &str, said: &[&str]) {
    let output = refused_start(data, more, token);
    assert_ne!(output.status.code(), Some(0));
    let text = String::from_utf8_lossy(&output.stderr);
    for word in said {
        assert!(text.contains(word), "`{word}` should be in: {text}");
    }
    assert!(!text.contains("panicked"), "{text}");
}

#[test]
fn a_second_process_on_the_same_data_and_a_taken_port_are_refused() {
    let data = tempfile::tempdir().expect("a folder");
    let other = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    check(data.path(), &[], TOKEN, &["another porpoise process", "--data"]);
    check(
        other.path(),
        &["--listen", node.address()],
        TOKEN,
        &["cannot listen", "--listen"],
    );
}

#[test]
fn a_data_folder_that_cannot_be_written_is_refused() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    check(file.path(), &[], TOKEN, &["data folder", "--data"]);
    check(
        Path::new("/proc/porpoise"),
        &[],
        TOKEN,
        &["data folder", "--data"],
    );
}

#[test]
fn a_database_server_that_is_not_there_is_named_without_its_password() {
    let data = tempfile::tempdir().expect("a folder");
    let url = "postgres://someone:geheim@127.0.0.1:1/x";
    let output = refused_start(data.path(), &["--database-url", url], TOKEN);
    let text = String::from_utf8_lossy(&output.stderr);
    for word in ["127.0.0.1:1", "refused", "database.url", "check that it runs"] {
        assert!(text.contains(word), "`{word}` should be in: {text}");
    }
    assert!(!text.contains("geheim"), "{text}");
}

#[test]
fn a_database_server_that_lets_nobody_in_says_what_to_correct() {
    let Some(server) = RestartablePostgres::at("127.0.0.1") else {
        eprintln!("SKIPPED: PostgreSQL is not installed");
        return;
    };
    let open = server.url();
    let admin = tokio::runtime::Runtime::new().expect("a runtime");
    admin.block_on(async {
        let store = Store::open(&open, Role::Tool).await.expect("the database");
        let user = "CREATE ROLE picky LOGIN PASSWORD 'right'";
        store.writer().execute_unprepared(user).await.expect("a user");
    });
    server.stop();
    server.script("sed -i '1i host all picky all scram-sha-256' data/pg_hba.conf");
    server.start();
    let data = tempfile::tempdir().expect("a folder");
    let wrong_password = open.replace("postgres@", "picky:geheim@");
    let no_database = format!("{}/nowhere", open.trim_end_matches("/postgres"));
    let no_host = "postgres://picky:geheim@no-such-host.invalid/x".to_owned();
    let cases: [(String, [&str; 3]); 3] = [
        (
            wrong_password,
            [
                "authentication failed",
                "the user `picky` or the password",
                "database.url",
            ],
        ),
        (
            no_database,
            ["does not exist", "create the database `nowhere`", "database.url"],
        ),
        (
            no_host,
            ["no-such-host.invalid", "check that it runs", "database.url"],
        ),
    ];
    for (url, words) in cases {
        let output = refused_start(data.path(), &["--database-url", &url], TOKEN);
        assert_ne!(output.status.code(), Some(0));
        let text = String::from_utf8_lossy(&output.stderr);
        eprintln!("{text}");
        for word in words {
            assert!(text.contains(word), "`{word}` should be in: {text}");
        }
        assert!(!text.contains("geheim") && !text.contains("pool"), "{text}");
        assert!(!String::from_utf8_lossy(&output.stdout).contains("porpoise ready"));
    }
}

#[test]
fn a_short_bootstrap_token_is_refused() {
    let data = tempfile::tempdir().expect("a folder");
    check(
        data.path(),
        &[],
        "too-short",
        &["bootstrap_token", "32 characters"],
    );
}

#[test]
fn a_database_of_a_newer_program_is_refused() {
    let data = tempfile::tempdir().expect("a folder");
    drop(Node::start(data.path(), &[]));
    let url = format!("sqlite://{}", data.path().join("porpoise.db").display());
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let store = Store::open(&url, Role::Tool).await.expect("the database");
        let newer = "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m9999_future', 1)";
        store.writer().execute_unprepared(newer).await.expect("a row");
    });
    check(
        data.path(),
        &[],
        TOKEN,
        &["newer porpoise", "m9999_future", "restore a backup"],
    );
}
