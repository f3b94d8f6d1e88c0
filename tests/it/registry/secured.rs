//! A Consul that authenticates its clients: tokens with policies, and TLS in both directions.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use porpoise::config::Consul;
use porpoise::registry::ConsulRegistry;
use ports::{Registry, View};
use primitives::secret::Secret;
use serde_json::{Value, json};

use super::agent::{Agent, free_ports, is_installed};
use super::new_member;

/// The token that may do everything, in the test's Consul alone.
const MANAGEMENT: &str = "4d1c0f8e-0000-4000-8000-000000000001";

const DENY: &str = r#"acl {
  enabled = true
  default_policy = "deny"
  tokens { master = "4d1c0f8e-0000-4000-8000-000000000001", agent = "4d1c0f8e-0000-4000-8000-000000000001" }
}"#;

/// The policy that the documentation describes for operators.
fn documented_policy() -> String {
    let page =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/cluster.md")).expect("the page");
    let block = page.split("```hcl\n").nth(1).expect("a policy");
    block.split("```").next().expect("its end").to_owned()
}

/// Asks Consul as its management does, until it is ready to answer.
async fn manage(consul: &Consul, path: &str, body: &Value) {
    let url = format!("{}{path}", consul.url.as_deref().expect("an address"));
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let request = reqwest::Client::new()
            .put(&url)
            .header("X-Consul-Token", MANAGEMENT);
        let answer = request.json(body).send().await.expect("an answer");
        if answer.status().is_success() {
            return;
        }
        let text = answer.text().await.unwrap_or_default();
        assert!(Instant::now() < deadline, "{path}: {text}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// A client with a new token that allows what the rules say.
async fn with_rules(agent: &Agent, name: &str, token: &str, rules: &str) -> ConsulRegistry {
    let mut consul = agent.config();
    let policy = json!({ "Name": name, "Rules": rules });
    manage(&consul, "/v1/acl/policy", &policy).await;
    let of_it = json!({ "SecretID": token, "Policies": [{ "Name": name }] });
    manage(&consul, "/v1/acl/token", &of_it).await;
    consul.token = Some(Secret::new(token));
    ConsulRegistry::new(&consul).expect("a client")
}

/// Registers a member and sends heartbeats; answers whether a view shows it in time.
async fn shows(registry: &ConsulRegistry, within: Duration) -> bool {
    let me = new_member();
    registry.register(&me).await.expect("registered");
    let deadline = Instant::now() + within;
    loop {
        registry.heartbeat(me.incarnation).await.expect("a heartbeat");
        let View { present, .. } = registry.confirm().await.expect("a view");
        if present.contains(&me.incarnation) {
            registry.deregister(me.incarnation).await.expect("left");
            return true;
        }
        if Instant::now() > deadline {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn the_documented_policy_is_enough_and_every_part_of_it_is_needed() {
    let Some(agent) = Agent::start_with(DENY) else {
        return;
    };
    let rules = documented_policy();
    let whole = with_rules(&agent, "whole", "4d1c0f8e-0000-4000-8000-000000000002", &rules).await;
    assert!(shows(&whole, Duration::from_secs(20)).await);

    let blind: String = rules
        .lines()
        .filter(|line| !line.contains("node_prefix"))
        .collect();
    let blind = with_rules(&agent, "blind", "4d1c0f8e-0000-4000-8000-000000000003", &blind).await;
    assert!(
        !shows(&blind, Duration::from_secs(3)).await,
        "it may not read nodes"
    );

    let token = "4d1c0f8e-0000-4000-8000-000000000004";
    let mute: String = rules.lines().filter(|line| !line.contains("service")).collect();
    let mute = with_rules(&agent, "mute", token, &mute).await;
    let error = mute.register(&new_member()).await.unwrap_err().to_string();
    assert!(
        error.contains("the token of consul.token has to allow service"),
        "{error}"
    );
    assert!(!error.contains(token), "{error}");
}

#[tokio::test]
async fn a_token_that_is_unknown_or_missing_is_named_and_not_repeated() {
    let Some(agent) = Agent::start_with(DENY) else {
        return;
    };
    let mut consul = agent.config();
    let anonymous = ConsulRegistry::new(&consul).expect("a client");
    let error = anonymous.register(&new_member()).await.unwrap_err().to_string();
    assert!(error.contains("consul.token is not set"), "{error}");
    let token = "4d1c0f8e-0000-4000-8000-00000000000f";
    consul.token = Some(Secret::new(token));
    let wrong = ConsulRegistry::new(&consul).expect("a client");
    let error = wrong
        .heartbeat(new_member().incarnation)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("does not know the token of consul.token"),
        "{error}"
    );
    assert!(!error.contains(token), "{error}");
}

/// Makes an authority in a folder, and certificates of it for a server and a client.
fn authority(folder: &Path) {
    for arguments in [
        &["tls", "ca", "create"][..],
        &["tls", "cert", "create", "-server", "-dc=dc1"],
        &["tls", "cert", "create", "-client", "-dc=dc1"],
    ] {
        let made = Command::new("consul")
            .args(arguments)
            .current_dir(folder)
            .output();
        let made = made.expect("consul runs");
        assert!(
            made.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&made.stderr)
        );
    }
}

/// The certificate and the key of one kind.
fn pair(folder: &Path, kind: &str) -> (PathBuf, PathBuf) {
    let name = |end: &str| folder.join(format!("dc1-{kind}-consul-0{end}.pem"));
    (name(""), name("-key"))
}

#[tokio::test]
async fn tls_is_checked_in_both_directions_and_what_is_missing_is_said() {
    let Some((agent, ours, port)) = encrypted() else {
        return;
    };
    let other = tempfile::tempdir().expect("a folder");
    authority(other.path());
    let authority_of = |folder: &Path| Some(folder.join("consul-agent-ca.pem"));
    let mut consul = agent.config();
    consul.url = Some(format!("https://127.0.0.1:{port}"));
    consul.tls.ca_file = authority_of(ours.path());
    consul.tls.identity = Some(pair(ours.path(), "client"));
    let good = ConsulRegistry::new(&consul).expect("a client");
    assert!(shows(&good, Duration::from_secs(20)).await);

    let mut in_a_folder = consul.clone();
    in_a_folder.tls.ca_file = None;
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::copy(
        ours.path().join("consul-agent-ca.pem"),
        folder.path().join("ca.pem"),
    )
    .expect("a copy");
    in_a_folder.tls.ca_path = Some(folder.path().to_owned());
    // The certificate is for this name, too; the address is looked up all the same.
    in_a_folder.tls.server_name = Some("server.dc1.consul".to_owned());
    let named = ConsulRegistry::new(&in_a_folder).expect("a client");
    assert!(shows(&named, Duration::from_secs(20)).await);

    let mut strange = consul.clone();
    strange.tls.ca_file = authority_of(other.path());
    says(&strange, "consul.ca_file has to hold").await;
    let mut anonymous = consul.clone();
    anonymous.tls.identity = None;
    says(&anonymous, "consul.cert_file and consul.key_file").await;
    let mut misnamed = consul.clone();
    misnamed.tls.server_name = Some("another.name".to_owned());
    says(&misnamed, "consul.server_name").await;
    let mut plain = consul;
    plain.url = Some(format!("http://127.0.0.1:{port}"));
    says(&plain, "consul.url has to begin with https://").await;
}

/// An agent that speaks TLS at a port, and asks for certificates there; its authority lies in the folder.
fn encrypted() -> Option<(Agent, tempfile::TempDir, u16)> {
    if !is_installed() {
        return None;
    }
    let folder = tempfile::tempdir().expect("a folder");
    authority(folder.path());
    let (cert, key) = pair(folder.path(), "server");
    let port = free_ports()[0];
    let more = format!(
        "ca_file = {:?} cert_file = {cert:?} key_file = {key:?} verify_incoming_https = true \
         ports {{ https = {port} }}",
        folder.path().join("consul-agent-ca.pem")
    );
    Some((Agent::start_with(&more)?, folder, port))
}

/// The first call fails with these words.
async fn says(consul: &Consul, words: &str) {
    let registry = ConsulRegistry::new(consul).expect("a client");
    let error = registry.register(&new_member()).await.unwrap_err().to_string();
    assert!(error.contains(words), "{words}: {error}");
}
