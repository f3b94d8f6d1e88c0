use api::Rates;

use super::server::{ADMIN, Reply, Served, reply, serve_at};

/// Asks until it is refused for asking too often; answers with what came before, and the refusal.
async fn until_refused(served: &Served, token: &str) -> (Reply, Reply) {
    let mut before = None;
    for _ in 0..500 {
        let answer = reply(served.ask_as(token, "GET", "/api/v1/users/me")).await;
        if answer.status == 429 {
            return (before.expect("not the first one"), answer);
        }
        before = Some(answer);
    }
    panic!("asked 500 times, and the last answer was {before:?}");
}

#[track_caller]
fn says_when(refused: &Reply) {
    refused.problem(429, "TOO_MANY_REQUESTS");
    let wait: u32 = refused.header("retry-after").parse().unwrap();
    assert!((1..=2).contains(&wait), "{refused:?}");
}

#[actix_rt::test]
async fn only_a_guesser_is_stopped() {
    let served = serve_at(Rates {
        per_token: 0,
        per_address: 1,
    })
    .await;
    let known = served.get("/api/v1/users/me").await;
    assert_eq!(known.status, 200, "{known:?}");
    let (before, refused) = until_refused(&served, &"x".repeat(40)).await;
    before.problem(401, "UNAUTHENTICATED");
    says_when(&refused);
    assert!(refused.header("www-authenticate").is_empty(), "{refused:?}");
    let page = reply(served.anonymous("GET", "/api/docs/")).await;
    says_when(&page);
    for path in ["/healthz", "/readyz"] {
        for _ in 0..20 {
            let answer = reply(served.anonymous("GET", path)).await;
            assert_eq!(answer.status, 200, "{path}: {answer:?}");
        }
    }
    let known = served.get("/api/v1/users/me").await;
    assert_eq!(known.status, 200, "{known:?}");
    served.stop().await;
}

#[actix_rt::test]
async fn a_token_has_the_limit_that_was_set_and_takes_nothing_from_others() {
    let served = serve_at(Rates {
        per_token: 5,
        per_address: 0,
    })
    .await;
    let other = served.member("mia").await;
    let (before, refused) = until_refused(&served, ADMIN).await;
    assert_eq!(before.status, 200, "{before:?}");
    says_when(&refused);
    let me = reply(served.ask_as(&other, "GET", "/api/v1/users/me")).await;
    assert_eq!(me.status, 200, "{me:?}");
    served.stop().await;
}
