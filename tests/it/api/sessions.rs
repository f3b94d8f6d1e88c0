use std::time::{Duration, Instant};

use api::PublicAddress;
use serde_json::{Value, json};

use super::server::{Options, Reply, Served, reply, serve, serve_pairs, serve_with};

const PASSWORD: &str = "a long password";

/// Logs in as a page does; returns the answer and the cookie to send back.
async fn log_in(served: &Served, name: &str, password: &str) -> (Reply, String) {
    let body = json!({"username": name, "password": password});
    let asked = served
        .anonymous("POST", "/api/v1/auth/login")
        .header("porpoise-session", "cookie")
        .json(&body);
    let answer = reply(asked).await;
    let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
    (answer, cookie)
}

/// Begins a request of a page.
fn ask(served: &Served, cookie: &str, method: &str, path: &str) -> reqwest::RequestBuilder {
    served.anonymous(method, path).header("cookie", cookie)
}

/// Begins a request of a page that changes something.
fn change(served: &Served, cookie: &str, method: &str, path: &str) -> reqwest::RequestBuilder {
    let origin = served.url.split('/').take(3).collect::<Vec<_>>().join("/");
    ask(served, cookie, method, path)
        .header("porpoise-csrf", "1")
        .header("origin", origin)
}

async fn who(served: &Served, cookie: &str) -> Reply {
    reply(ask(served, cookie, "GET", "/api/v1/users/me")).await
}

/// Waits until a session has ended on a node; the contract gives five seconds.
async fn ends(served: &Served, cookie: &str) {
    let since = Instant::now();
    while who(served, cookie).await.status != 401 {
        assert!(
            since.elapsed() < Duration::from_secs(5),
            "the session has not ended"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[actix_rt::test]
async fn a_page_gets_a_cookie_that_its_scripts_cannot_read() {
    let served = serve().await;
    served.member("ann").await;
    let (first, cookie) = log_in(&served, "ann", PASSWORD).await;
    assert_eq!(first.status, 200, "{first:?}");
    let members: Vec<String> = first.json().as_object().unwrap().keys().cloned().collect();
    assert_eq!(members, ["expires_at"], "no token for the page");
    let set = first.header("set-cookie");
    for part in [
        "porpoise_session=porp_",
        "HttpOnly",
        "SameSite=Lax",
        "Path=/",
        "Max-Age=600",
    ] {
        assert!(set.contains(part), "{part}: {set}");
    }
    assert!(!set.contains("Secure"), "{set}");
    assert_eq!(who(&served, &cookie).await.json()["name"], "ann");
    let (_, second) = log_in(&served, "ann", PASSWORD).await;
    assert_ne!(cookie, second, "each login has a value of its own");
    let wrong = served
        .anonymous("POST", "/api/v1/auth/login")
        .header("porpoise-session", "header")
        .json(&json!({"username": "ann", "password": PASSWORD}));
    reply(wrong).await.problem(400, "INVALID_HEADER");
    served.stop().await;
}

#[actix_rt::test]
async fn the_cookie_is_secure_behind_tls_and_belongs_to_the_base_path() {
    let options = Options {
        address: PublicAddress::new("/flows", Some("https://flows.example".to_owned())),
        ..Options::default()
    };
    let served = serve_with(options).await;
    served.member("ann").await;
    let (answer, cookie) = log_in(&served, "ann", PASSWORD).await;
    let set = answer.header("set-cookie");
    assert!(set.contains("Secure") && set.contains("Path=/flows"), "{set}");
    let asked = ask(&served, &cookie, "POST", "/api/v1/auth/logout")
        .header("porpoise-csrf", "1")
        .header("origin", "https://flows.example");
    let ended = reply(asked).await;
    assert_eq!(ended.status, 204, "{ended:?}");
    let removed = ended.header("set-cookie");
    assert!(
        removed.contains("Max-Age=0") && removed.contains("Path=/flows"),
        "{removed}"
    );
    served.stop().await;
    let plain = serve().await;
    plain.member("ann").await;
    let body = json!({"username": "ann", "password": PASSWORD});
    let proxied = plain
        .anonymous("POST", "/api/v1/auth/login")
        .header("porpoise-session", "cookie")
        .header("x-forwarded-proto", "https")
        .json(&body);
    let answer = reply(proxied).await;
    assert!(answer.header("set-cookie").contains("Secure"), "{answer:?}");
    plain.stop().await;
}

#[actix_rt::test]
async fn a_change_with_a_cookie_comes_from_a_page_of_this_server() {
    let served = serve().await;
    served.member("ann").await;
    let (_, cookie) = log_in(&served, "ann", PASSWORD).await;
    let path = "/api/v1/users/me/preferences";
    let theme = json!({"theme": "dark"});
    let bare = reply(ask(&served, &cookie, "PUT", path).json(&theme)).await;
    bare.problem(403, "CSRF");
    let foreign = ask(&served, &cookie, "PUT", path)
        .header("porpoise-csrf", "1")
        .header("origin", "http://evil.example")
        .json(&theme);
    reply(foreign).await.problem(403, "CSRF");
    assert_eq!(reply(ask(&served, &cookie, "GET", path)).await.json(), json!({}));
    let own = reply(change(&served, &cookie, "PUT", path).json(&theme)).await;
    assert_eq!((own.status, own.json()), (200, theme.clone()), "{own:?}");
    let bearer = served.ask("PUT", path).header("origin", "http://evil.example");
    assert_eq!(
        reply(bearer.json(&theme)).await.status,
        200,
        "a token is no cookie"
    );
    served.stop().await;
}

#[actix_rt::test]
async fn a_request_with_authorization_is_judged_by_that_alone() {
    let served = serve().await;
    served.member("ann").await;
    let (_, cookie) = log_in(&served, "ann", PASSWORD).await;
    let as_admin = served.ask("GET", "/api/v1/users/me").header("cookie", &cookie);
    assert_eq!(reply(as_admin).await.json()["name"], "admin");
    for wrong in ["Bearer wrong", "Basic YTpi", "", "Bearer"] {
        let asked = ask(&served, &cookie, "GET", "/api/v1/users/me").header("authorization", wrong);
        reply(asked).await.problem(401, "UNAUTHENTICATED");
    }
    let program = format!("porpoise_session={}", super::server::ADMIN);
    assert_eq!(
        who(&served, &program).await.status,
        401,
        "a cookie holds sessions only"
    );
    served.stop().await;
}

#[actix_rt::test]
async fn a_logout_ends_its_session_and_no_other() {
    for (first, second) in serve_pairs().await {
        first.member("ann").await;
        let (_, one) = log_in(&first, "ann", PASSWORD).await;
        let (_, other) = log_in(&second, "ann", PASSWORD).await;
        assert_eq!(who(&second, &one).await.status, 200);
        let ended = reply(change(&first, &one, "POST", "/api/v1/auth/logout")).await;
        assert_eq!(ended.status, 204, "{ended:?}");
        assert!(ended.header("set-cookie").contains("Max-Age=0"), "{ended:?}");
        assert_eq!(who(&first, &one).await.status, 401);
        ends(&second, &one).await;
        assert_eq!(who(&first, &other).await.status, 200);
        first.stop().await;
        second.stop().await;
    }
}

#[actix_rt::test]
async fn changes_of_a_user_end_its_sessions_on_every_node() {
    for (first, second) in serve_pairs().await {
        for (user, edit) in [
            ("ann", json!({"password": "another password"})),
            ("bob", json!({"enabled": false})),
            ("cleo", json!({"role": "admin"})),
        ] {
            let token = first.member(user).await;
            let (_, cookie) = log_in(&first, user, PASSWORD).await;
            assert_eq!(who(&second, &cookie).await.status, 200);
            let edited = first.send("PATCH", &format!("/api/v1/users/{user}"), edit).await;
            assert_eq!(edited.status, 200, "{edited:?}");
            assert_eq!(who(&first, &cookie).await.status, 401, "{user}");
            ends(&second, &cookie).await;
            let asked = second.ask_as(&token, "GET", "/api/v1/users/me");
            assert_eq!(reply(asked).await.status, 401, "{user}");
        }
        first.stop().await;
        second.stop().await;
    }
}

#[actix_rt::test]
async fn a_first_password_ends_nothing() {
    let served = serve().await;
    let made = served.send("POST", "/api/v1/users", json!({"name": "ann"})).await;
    assert_eq!(made.json()["has_password"], false);
    let edit = json!({"password": PASSWORD});
    let edited = served.send("PATCH", "/api/v1/users/admin", edit).await;
    assert_eq!(
        (edited.status, &edited.json()["has_password"]),
        (200, &json!(true)),
        "{edited:?}"
    );
    assert_eq!(served.get("/api/v1/users/me").await.status, 200);
    served.stop().await;
}

#[actix_rt::test]
async fn a_user_changes_the_password_and_stays() {
    for (first, second) in serve_pairs().await {
        let token = first.member("ann").await;
        let (_, own) = log_in(&first, "ann", PASSWORD).await;
        let (_, other) = log_in(&second, "ann", PASSWORD).await;
        let path = "/api/v1/users/me/password";
        let body = |current: &str, new: &str| json!({"current": current, "new": new});
        let wrong = change(&first, &own, "POST", path).json(&body("wrong password", "a new password"));
        assert_eq!(reply(wrong).await.problem(401, "LOGIN_FAILED"), "/current");
        let short = change(&first, &own, "POST", path).json(&body(PASSWORD, "short"));
        assert_eq!(reply(short).await.problem(422, "INVALID_BODY"), "/new");
        for _ in 0..2 {
            let asked = change(&first, &own, "POST", path)
                .header("idempotency-key", "once")
                .json(&body(PASSWORD, "a new password"));
            let changed = reply(asked).await;
            assert_eq!(changed.status, 204, "{changed:?}");
        }
        assert_eq!(
            who(&first, &own).await.status,
            200,
            "the session that made the change stays"
        );
        ends(&second, &other).await;
        assert_eq!(
            reply(first.ask_as(&token, "GET", "/api/v1/users/me"))
                .await
                .status,
            401
        );
        let (old, _) = log_in(&second, "ann", PASSWORD).await;
        old.problem(401, "LOGIN_FAILED");
        let (new, _) = log_in(&second, "ann", "a new password").await;
        assert_eq!(new.status, 200, "{new:?}");
        first.stop().await;
        second.stop().await;
    }
}

#[actix_rt::test]
async fn the_event_stream_opens_with_the_cookie_and_ends_with_its_session() {
    let served = serve().await;
    served.member("ann").await;
    let (_, cookie) = log_in(&served, "ann", PASSWORD).await;
    let path = "/api/v1/stream?topics=nodes";
    let stream = ask(&served, &cookie, "GET", path).send().await.unwrap();
    assert_eq!(stream.status(), 200);
    let ended = reply(change(&served, &cookie, "POST", "/api/v1/auth/logout")).await;
    assert_eq!(ended.status, 204, "{ended:?}");
    let rest = tokio::time::timeout(Duration::from_secs(6), stream.text()).await;
    assert!(rest.is_ok(), "the stream outlives its session");
    reply(ask(&served, &cookie, "GET", path))
        .await
        .problem(401, "UNAUTHENTICATED");
    served.stop().await;
}

#[actix_rt::test]
async fn a_session_and_its_stream_end_at_their_time() {
    let options = Options {
        session_lifetime: Duration::from_secs(1),
        ..Options::default()
    };
    let served = serve_with(options).await;
    served.member("ann").await;
    let (_, cookie) = log_in(&served, "ann", PASSWORD).await;
    let stream = ask(&served, &cookie, "GET", "/api/v1/stream?topics=nodes");
    let stream = stream.send().await.unwrap();
    let rest = tokio::time::timeout(Duration::from_secs(5), stream.text()).await;
    assert!(rest.is_ok(), "the stream outlives its session");
    assert_eq!(who(&served, &cookie).await.status, 401);
    served.stop().await;
}

#[actix_rt::test]
async fn passwords_are_switched_off() {
    let options = Options {
        password_login: api::PasswordLogin::Refused,
        ..Options::default()
    };
    let served = serve_with(options).await;
    let ways = |local: bool| json!({"local": local, "ldap": false, "oidc": Value::Null});
    let providers = reply(served.anonymous("GET", "/api/v1/auth/providers")).await;
    assert_eq!(providers.json(), ways(false));
    let user = json!({"name": "ann", "password": PASSWORD});
    assert_eq!(served.send("POST", "/api/v1/users", user).await.status, 201);
    let (refused, _) = log_in(&served, "ann", PASSWORD).await;
    refused.problem(401, "LOGIN_FAILED");
    assert_eq!(served.get("/api/v1/users/me").await.status, 200, "tokens go on");
    served.stop().await;
    let usual = serve().await;
    let providers = reply(usual.anonymous("GET", "/api/v1/auth/providers")).await;
    assert_eq!(providers.json(), ways(true));
    usual.stop().await;
}
