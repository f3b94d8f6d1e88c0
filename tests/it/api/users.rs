use std::time::{Duration, Instant};

use serde_json::json;

use super::server::{reply, serve};

#[actix_rt::test]
async fn a_token_is_shown_once_and_never_again() {
    let served = serve().await;
    let asked = || {
        let body = json!({"name": "ci", "expires_in": "30d"});
        served
            .ask("POST", "/api/v1/tokens")
            .header("idempotency-key", "one")
            .json(&body)
    };
    let made = reply(asked()).await;
    assert_eq!(made.status, 201, "{made:?}");
    let secret = made.json()["token"].as_str().unwrap().to_owned();
    assert!(secret.starts_with("porp_") && secret.len() >= 48, "{secret}");
    assert_eq!(
        reply(served.ask_as(&secret, "GET", "/api/v1/users/me"))
            .await
            .status,
        200
    );
    reply(asked()).await.problem(409, "SECRET_SHOWN_ONCE");
    let listed = served.get("/api/v1/tokens").await;
    assert!(
        listed.text.contains("\"ci\"") && !listed.text.contains(&secret[5..]),
        "{listed:?}"
    );
    let id = made.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(
        reply(served.ask("DELETE", &format!("/api/v1/tokens/{id}")))
            .await
            .status,
        204
    );
    reply(served.ask_as(&secret, "GET", "/api/v1/users/me"))
        .await
        .problem(401, "UNAUTHENTICATED");
    served.stop().await;
}

#[actix_rt::test]
async fn a_token_ends_at_its_time_though_it_is_in_use() {
    let served = serve().await;
    let body = json!({"name": "short", "expires_in": "1s"});
    let made = served.send("POST", "/api/v1/tokens", body).await;
    let (since, secret) = (Instant::now(), made.json()["token"].as_str().unwrap().to_owned());
    loop {
        // Asked before the request goes out: from this moment on the token has surely ended.
        let ended = since.elapsed() > Duration::from_secs(1);
        let answer = reply(served.ask_as(&secret, "GET", "/api/v1/users/me")).await;
        if ended {
            answer.problem(401, "UNAUTHENTICATED");
            break;
        }
    }
    served.stop().await;
}

#[actix_rt::test]
async fn a_wrong_password_and_an_unknown_user_look_the_same() {
    let served = serve().await;
    served.member("ann").await;
    let mut details = Vec::new();
    for name in ["ann", "unknown"] {
        let body = json!({"username": name, "password": "wrong password"});
        let answer = reply(served.anonymous("POST", "/api/v1/auth/login").json(&body)).await;
        answer.problem(401, "LOGIN_FAILED");
        details.push(answer.json()["detail"].clone());
    }
    assert_eq!(details[0], details[1]);
    served.stop().await;
}

#[actix_rt::test]
async fn a_changed_user_loses_every_token() {
    let served = serve().await;
    let token = served.member("ann").await;
    let edit = served
        .send("PATCH", "/api/v1/users/ann", json!({"enabled": false}))
        .await;
    assert_eq!(
        (edit.status, &edit.json()["enabled"]),
        (200, &json!(false)),
        "{edit:?}"
    );
    reply(served.ask_as(&token, "GET", "/api/v1/users/me"))
        .await
        .problem(401, "UNAUTHENTICATED");
    served.stop().await;
}

#[actix_rt::test]
async fn the_last_administrator_stays() {
    let served = serve().await;
    reply(served.ask("DELETE", "/api/v1/users/admin"))
        .await
        .problem(409, "LAST_ADMIN");
    let demote = served
        .send("PATCH", "/api/v1/users/admin", json!({"role": "member"}))
        .await;
    demote.problem(409, "LAST_ADMIN");
    served.stop().await;
}

#[actix_rt::test]
async fn a_short_password_and_a_bad_name_are_pointed_to() {
    let served = serve().await;
    let short = served
        .send(
            "POST",
            "/api/v1/users",
            json!({"name": "bob", "password": "short"}),
        )
        .await;
    assert_eq!(short.problem(422, "INVALID_BODY"), "/password");
    let named = served
        .send("POST", "/api/v1/users", json!({"name": "../bob"}))
        .await;
    assert_eq!(named.problem(422, "INVALID_NAME"), "/name");
    served.stop().await;
}

#[actix_rt::test]
async fn names_of_every_script_are_accepted_and_compared_exactly() {
    let served = serve().await;
    for (decomposed, composed) in [("e\u{301}tude", "\u{e9}tude"), ("हिन्दी", "தமிழ்")]
    {
        for name in [decomposed, composed] {
            for (path, body) in [
                ("/api/v1/users", json!({"name": name})),
                ("/api/v1/projects", json!({"name": name})),
                ("/api/v1/tokens", json!({"name": name})),
            ] {
                let made = served.send("POST", path, body).await;
                assert_eq!(made.status, 201, "{path} {made:?}");
            }
            let task = json!({"type": "noop", "params": {name: "1"}});
            let document = json!({"version": 1, "name": name, "tasks": {name: task}});
            let path = format!("/api/v1/projects/{name}/workflows/{name}");
            let put = served.send("PUT", &path, document).await;
            assert_eq!(put.status, 201, "{put:?}");
            let read = served.get(&path).await.json();
            assert_eq!((&read["project"], &read["name"]), (&json!(name), &json!(name)));
        }
    }
    served.stop().await;
}
