//! Links that set a password.

use serde_json::json;

use super::User;
use super::scripted::{Answer, Server};

const URL: &str = "http://127.0.0.1:7070/setup#token=porp_x";

fn server_of_user(has_password: bool) -> Server {
    Server::new(move |request| match request.method.as_str() {
        "GET" => Answer::json(200, &json!({ "name": "admin", "has_password": has_password })),
        _ => Answer::json(
            201,
            &json!({ "token": "porp_x", "url": URL, "expires_at": "2026-12-01T00:00:00.000Z" }),
        ),
    })
}

#[test]
fn a_link_is_printed_alone() {
    let server = server_of_user(false);
    let ran = User::new().run(&server, &["setup-link", "--user", "ann"]);
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (Some(0), format!("{URL}\n").as_str())
    );
    let requests = server.requests();
    assert_eq!(requests.len(), 1, "{requests:?}");
    let seen = (requests[0].target.as_str(), requests[0].body.as_str());
    assert_eq!(seen, ("/api/v1/auth/setup-links", "{\"user\":\"ann\"}"));
    let whole = User::new().run(&server, &["setup-link", "-o", "json"]).json();
    assert_eq!(whole["url"], URL);
}

#[test]
fn a_user_with_a_password_gets_no_link_unasked() {
    for (has_password, expected) in [(true, String::new()), (false, format!("{URL}\n"))] {
        let server = server_of_user(has_password);
        let ran = User::new().run(&server, &["setup-link", "--if-no-password"]);
        assert_eq!((ran.code, ran.out), (Some(0), expected), "{has_password}");
    }
}
