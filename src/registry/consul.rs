//! The register of lives in Consul: one service per life, kept up by one TTL check.
//!
//! Consul only lists; what may be believed of a list is decided in `actors::registry`. So an answer that Consul
//! itself does not vouch for becomes an error here, and never an empty list.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs;
use std::path::Path;
use std::time::Duration;

use actors::ports::{Member, Registry, RegistryError, View};
use actors::registry::LEASE;
use async_trait::async_trait;
use engine::ids::Incarnation;
use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, ClientBuilder, Identity, RequestBuilder, Response};
use serde::Deserialize;
use serde_json::json;

use crate::causes::in_words;
use crate::config::Consul;

/// The service that every node registers.
const SERVICE: &str = "porpoise";

/// A beat that takes longer is late; the next one is due 100 ms after it.
const BEAT_WITHIN: Duration = Duration::from_millis(400);

/// Calls that answer at once when all is well.
const CALL_WITHIN: Duration = Duration::from_secs(2);

/// Consul's own floor for the removal of what stays critical: a broom for rows of dead lives.
const FORGET_AFTER: &str = "1m";

/// The longest part of an answer that is quoted in an error.
const QUOTED: usize = 200;

/// The client of a Consul agent.
#[derive(Debug)]
pub struct ConsulRegistry {
    url: String,
    /// Beats have a connection of their own, so that nothing else can hold them up.
    beats: Client,
    calls: Client,
}

impl ConsulRegistry {
    /// Makes the client; connects to nothing yet.
    ///
    /// # Errors
    /// In words, when the address is missing, or when a certificate or the token cannot be used.
    pub fn new(config: &Consul) -> Result<Self, String> {
        // An error says that another part of this process has chosen the same provider before.
        rustls::crypto::ring::default_provider().install_default().ok();
        let url = config.url.clone().ok_or("consul.url: is not set")?;
        let client = || builder(config, &url)?.build().map_err(|error| in_words(&error));
        Ok(Self {
            beats: client()?,
            calls: client()?,
            url,
        })
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    async fn view(&self, query: &[(&str, String)], within: Duration) -> Result<View, RegistryError> {
        let path = self.at(&format!("/v1/health/service/{SERVICE}"));
        let request = self.calls.get(path).query(&[("passing", "true")]).query(query);
        let answer = sent(request.timeout(within)).await?;
        let index = index_of_a_led_answer(answer.headers())?;
        let entries: Vec<Entry> = answer.json().await.map_err(unavailable)?;
        let present = entries
            .iter()
            .filter_map(|entry| incarnation_in(&entry.service.id));
        Ok(View {
            index,
            present: present.collect::<BTreeSet<_>>(),
        })
    }

    /// Drops lives of the same host that were registered at this agent before. What it misses, Consul drops after
    /// a minute.
    async fn drop_older_lives(&self, me: &Member) -> Result<(), RegistryError> {
        let request = self.calls.get(self.at("/v1/agent/services"));
        let request = request.query(&[("filter", format!("Service == \"{SERVICE}\""))]);
        let answer = sent(request.timeout(CALL_WITHIN)).await?;
        let services: BTreeMap<String, Service> = answer.json().await.map_err(unavailable)?;
        let here = address(&me.host);
        let older = services
            .values()
            .filter(|service| (service.address.as_str(), service.port) == here)
            .filter_map(|service| incarnation_in(&service.id))
            .filter(|other| *other < me.incarnation);
        for other in older {
            self.deregister(other).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl Registry for ConsulRegistry {
    async fn register(&self, me: &Member) -> Result<(), RegistryError> {
        let (address, port) = address(&me.host);
        let id = service_id(me.incarnation);
        let service = json!({
            "ID": id, "Name": SERVICE, "Tags": me.roles, "Address": address, "Port": port,
            "Meta": { "incarnation": me.incarnation.to_string(), "version": me.version },
            // Critical, so that a life which never beats is never present.
            "Check": {
                "CheckID": format!("service:{id}"), "TTL": format!("{}ms", LEASE.as_millis()),
                "Status": "critical", "DeregisterCriticalServiceAfter": FORGET_AFTER,
            },
        });
        let request = self
            .calls
            .put(self.at("/v1/agent/service/register"))
            .json(&service);
        sent(request.timeout(CALL_WITHIN)).await?;
        self.drop_older_lives(me).await
    }

    async fn beat(&self, me: Incarnation) -> Result<(), RegistryError> {
        let path = format!("/v1/agent/check/pass/service:{}", service_id(me));
        sent(self.beats.put(self.at(&path)).timeout(BEAT_WITHIN))
            .await
            .map(drop)
    }

    async fn watch(&self, after: u64, wait: Duration) -> Result<View, RegistryError> {
        let milliseconds = wait.as_millis();
        // To Consul no wait means five minutes.
        if after == 0 || milliseconds == 0 {
            return self.view(&[], CALL_WITHIN).await;
        }
        let query = [
            ("index", after.to_string()),
            ("wait", format!("{milliseconds}ms")),
        ];
        // Consul adds up to a sixteenth of the wait, so that its clients do not all come back at once.
        let within = wait + wait / 16 + Duration::from_secs(5);
        self.view(&query, within).await
    }

    async fn confirm(&self) -> Result<View, RegistryError> {
        self.view(&[("consistent", String::new())], CALL_WITHIN).await
    }

    async fn deregister(&self, me: Incarnation) -> Result<(), RegistryError> {
        let path = format!("/v1/agent/service/deregister/{}", service_id(me));
        match sent(self.calls.put(self.at(&path)).timeout(CALL_WITHIN)).await {
            Ok(_) | Err(RegistryError::NotRegistered) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// One line of the list of passing services.
#[derive(Debug, Deserialize)]
struct Entry {
    #[serde(rename = "Service")]
    service: Service,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Service {
    #[serde(rename = "ID")]
    id: String,
    #[serde(default)]
    address: String,
    #[serde(default)]
    port: u16,
}

fn service_id(life: Incarnation) -> String {
    format!("{SERVICE}-{life}")
}

/// Reads an id of ours; whoever uses the service's name with another id is none of us.
fn incarnation_in(id: &str) -> Option<Incarnation> {
    let number = id.strip_prefix(SERVICE)?.strip_prefix('-')?;
    number.parse().ok().map(Incarnation)
}

fn address(host: &str) -> (&str, u16) {
    match host.rsplit_once(':') {
        Some((name, port)) => (name, port.parse().unwrap_or(0)),
        None => (host, 0),
    }
}

fn builder(config: &Consul, url: &str) -> Result<ClientBuilder, String> {
    let second = Duration::from_secs(1);
    // A connection that the network has forgotten ends within seconds, also while nothing is sent on it.
    let mut builder = Client::builder()
        .no_proxy()
        // The token would go wherever the answer points.
        .redirect(Policy::none())
        .connect_timeout(CALL_WITHIN)
        .tcp_user_timeout(3 * second)
        .tcp_keepalive(2 * second)
        .tcp_keepalive_interval(second)
        .tcp_keepalive_retries(3)
        .default_headers(headers(config)?);
    if url.starts_with("http://") {
        // Without certificates the start is faster, and a machine that has none still works.
        return Ok(builder.tls_certs_only([]));
    }
    if let Some(file) = &config.tls.ca_file {
        let signers = Certificate::from_pem_bundle(&pem(file)?);
        builder = builder.tls_certs_only(signers.map_err(|error| wrong(file, &error))?);
    }
    if let Some((cert, key)) = &config.tls.identity {
        let both = [pem(cert)?, pem(key)?].concat();
        builder = builder.identity(Identity::from_pem(&both).map_err(|error| wrong(cert, &error))?);
    }
    Ok(builder.tls_danger_accept_invalid_certs(!config.tls.verify))
}

fn headers(config: &Consul) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    if let Some(token) = &config.token {
        let mut value = HeaderValue::from_str(token.reveal())
            .map_err(|_| "consul.token: has characters that no header may have")?;
        value.set_sensitive(true);
        headers.insert("X-Consul-Token", value);
    }
    if let Some(namespace) = &config.namespace {
        let value = HeaderValue::from_str(namespace)
            .map_err(|_| format!("consul.namespace: `{namespace}` is no name"))?;
        headers.insert("X-Consul-Namespace", value);
    }
    Ok(headers)
}

fn pem(file: &Path) -> Result<Vec<u8>, String> {
    fs::read(file).map_err(|error| wrong(file, &error))
}

fn wrong(file: &Path, error: &dyn Error) -> String {
    format!("{}: {}", file.display(), in_words(error))
}

async fn sent(request: RequestBuilder) -> Result<Response, RegistryError> {
    let answer = request.send().await.map_err(unavailable)?;
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    Err(refusal(
        status.as_u16(),
        &answer.text().await.map_err(unavailable)?,
    ))
}

/// Tells a life that the agent has forgotten from everything else that may be wrong. The words differ by version.
fn refusal(status: u16, text: &str) -> RegistryError {
    let words = text.to_ascii_lowercase();
    let forgotten = ["does not have associated ttl", "unknown check", "unknown service"];
    if forgotten.iter().any(|sign| words.contains(sign)) {
        return RegistryError::NotRegistered;
    }
    let quoted: String = text.trim().chars().take(QUOTED).collect();
    RegistryError::Unavailable(format!("Consul answered {status}: {quoted}"))
}

/// Without a leader Consul answers from memory, and after a loss of its state from nothing.
fn index_of_a_led_answer(headers: &HeaderMap) -> Result<u64, RegistryError> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    if text("X-Consul-Knownleader") != Some("true") {
        return Err(RegistryError::Unavailable("Consul has no leader".to_owned()));
    }
    text("X-Consul-Index")
        .and_then(|index| index.parse().ok())
        .ok_or_else(|| RegistryError::Unavailable("Consul's answer has no index".to_owned()))
}

fn unavailable(error: reqwest::Error) -> RegistryError {
    // Without its address, which may hold a password.
    RegistryError::Unavailable(in_words(&error.without_url()))
}

#[cfg(test)]
mod tests;
