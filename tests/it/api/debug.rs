use super::server::{reply, serve};

const ACTORS: &str = "/api/v1/debug/actors";

#[actix_rt::test]
async fn only_an_administrator_sees_the_actors() {
    let served = serve().await;
    let member = served.member("mary").await;
    reply(served.ask_as(&member, "GET", ACTORS))
        .await
        .problem(403, "FORBIDDEN");
    reply(served.anonymous("GET", ACTORS))
        .await
        .problem(401, "UNAUTHENTICATED");
    let seen = served.get(ACTORS).await;
    assert_eq!(seen.status, 200, "{seen:?}");
    let body = seen.json();
    assert_eq!(
        (body["node"].as_str(), body["incarnation"].as_str()),
        (Some("test"), Some("1"))
    );
    assert_eq!(body["actors"]["db"]["queued"], 0, "{body}");
    served.stop().await;
}
