use std::io::ErrorKind;
use std::net::TcpListener;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use reqwest::header::HeaderValue;

use super::*;
use crate::config::Tls;
use primitives::secret::Secret;

fn answered(leader: Option<&str>, index: Option<&str>) -> Result<u64, RegistryError> {
    let mut headers = HeaderMap::new();
    for (name, value) in [("X-Consul-Knownleader", leader), ("X-Consul-Index", index)] {
        if let Some(value) = value {
            headers.insert(name, HeaderValue::from_str(value).unwrap());
        }
    }
    require_leader_index(&headers)
}

#[test]
fn an_answer_without_a_leader_or_an_index_is_no_view() {
    assert_eq!(answered(Some("true"), Some("12")), Ok(12));
    for (leader, index) in [
        (Some("false"), Some("12")),
        (None, Some("12")),
        (Some("true"), None),
        (Some("true"), Some("-1")),
        (None, None),
    ] {
        let answer = answered(leader, index);
        assert!(
            matches!(answer, Err(RegistryError::Unavailable(_))),
            "{leader:?} {index:?}: {answer:?}"
        );
    }
}

#[test]
fn every_way_to_say_forgotten_is_understood() {
    for (status, text) in [
        (500, "CheckID \"service:porpoise-3\" does not have associated TTL"),
        (
            404,
            "Unknown check ID \"service:porpoise-3\". Ensure that the check ID is passed, not the check name.",
        ),
        (
            404,
            "Unknown service ID \"porpoise-3\". Ensure that the service ID is passed.",
        ),
    ] {
        assert_eq!(
            refusal(status, text, Credentials::Token),
            RegistryError::NotRegistered,
            "{text}"
        );
    }
    for (status, text) in [
        (500, "No cluster leader"),
        (403, "Permission denied"),
        (404, "page not found"),
    ] {
        let error = refusal(status, text, Credentials::Token);
        assert!(error.to_string().contains(text), "{error}");
    }
}

#[test]
fn only_our_own_ids_name_lives() {
    assert_eq!(parse_service_id("porpoise-41"), Some(Incarnation(41)));
    for other in ["porpoise", "porpoise-", "porpoise-x", "dolphin-41", "porpoise41"] {
        assert_eq!(parse_service_id(other), None, "{other}");
    }
}

#[test]
fn a_host_becomes_address_and_port() {
    assert_eq!(split_address("10.0.0.1:7071"), ("10.0.0.1", 7071));
    assert_eq!(split_address("[::1]:7071"), ("[::1]", 7071));
    assert_eq!(split_address("node"), ("node", 0));
}

fn config_for(url: &str) -> Consul {
    Consul {
        url: Some(url.to_owned()),
        token: Some(Secret::new("very-secret")),
        http_auth: None,
        namespace: None,
        partition: None,
        tls: Tls {
            ca_file: None,
            ca_path: None,
            server_name: None,
            identity: None,
            verify: true,
        },
    }
}

fn registry_at(url: &str) -> ConsulRegistry {
    ConsulRegistry::new(&config_for(url)).unwrap()
}

#[tokio::test]
async fn the_token_follows_no_redirect() {
    let agent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let registry = registry_at(&format!("http://{}", agent.local_addr().unwrap()));
    let redirect = format!(
        "HTTP/1.1 307 Elsewhere\r\nLocation: http://{}/\r\nContent-Length: 0\r\n\r\n",
        elsewhere.local_addr().unwrap()
    );
    let answering = async {
        let (mut caller, _) = agent.accept().await.unwrap();
        let mut request = [0; 4096];
        let length = caller.read(&mut request).await.unwrap();
        caller.write_all(redirect.as_bytes()).await.unwrap();
        String::from_utf8_lossy(&request[..length]).into_owned()
    };
    let (beaten, request) = tokio::join!(registry.heartbeat(Incarnation(1)), answering);
    assert!(request.contains("very-secret"), "{request}");
    let error = beaten.unwrap_err().to_string();
    assert!(error.contains("307"), "{error}");
    assert_eq!(elsewhere.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[tokio::test]
async fn neither_token_nor_password_is_ever_shown() {
    let registry = registry_at("http://user:pass-word@127.0.0.1:1");
    let error = registry.heartbeat(Incarnation(1)).await.unwrap_err();
    let shown = format!("{error} {error:?} {:?} {:?}", registry.heartbeats, registry.calls);
    for secret in ["very-secret", "pass-word"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn a_refusal_says_what_the_token_lacks() {
    let text = |status, text, has_token| refusal(status, text, has_token).to_string();
    let known = text(403, "Permission denied", Credentials::Token);
    assert!(
        known.contains("token of consul.token has to allow service \"porpoise\""),
        "{known}"
    );
    let none = text(403, "Permission denied", Credentials::Anonymous);
    assert!(none.contains("consul.token is not set"), "{none}");
    let unknown = text(403, "ACL not found", Credentials::Token);
    assert!(
        unknown.contains("does not know the token of consul.token"),
        "{unknown}"
    );
}

#[tokio::test]
async fn a_name_for_the_certificate_is_asked_for_at_the_agents_own_address() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut config = config_for(&format!("https://localhost:{port}"));
    config.tls.server_name = Some("server.dc1.consul".to_owned());
    config.partition = Some("part".to_owned());
    let registry = ConsulRegistry::new(&config).unwrap();
    let url = registry.url("/v1/status/leader").to_string();
    assert_eq!(
        url,
        format!("https://server.dc1.consul:{port}/v1/status/leader?partition=part")
    );
    let reached = tokio::task::spawn_blocking(move || listener.accept().is_ok());
    let error = registry.heartbeat(Incarnation(1)).await.unwrap_err();
    assert!(reached.await.unwrap(), "{error}");
    config.tls.server_name = Some("127.0.0.1".to_owned());
    assert!(
        ConsulRegistry::new(&config)
            .unwrap_err()
            .contains("consul.server_name")
    );
}

#[tokio::test]
async fn a_socket_in_the_file_system_is_an_address() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("consul.sock");
    let agent = tokio::net::UnixListener::bind(&path).unwrap();
    let mut config = config_for(&format!("unix://{}", path.display()));
    config.http_auth = Some(Secret::new("user:pass-word"));
    let registry = ConsulRegistry::new(&config).unwrap();
    let answering = async {
        let (mut caller, _) = agent.accept().await.unwrap();
        let mut request = [0; 4096];
        let length = caller.read(&mut request).await.unwrap();
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        caller.write_all(answer).await.unwrap();
        String::from_utf8_lossy(&request[..length]).into_owned()
    };
    let (beaten, request) = tokio::join!(registry.heartbeat(Incarnation(1)), answering);
    assert_eq!(beaten, Ok(()));
    assert!(
        request.starts_with("PUT /v1/agent/check/pass/service:porpoise-1"),
        "{request}"
    );
    // `user:pass-word` in base64.
    assert!(request.contains("Basic dXNlcjpwYXNzLXdvcmQ="), "{request}");
}
