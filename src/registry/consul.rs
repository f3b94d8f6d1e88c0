//! The registry in Consul: one service per incarnation, kept present by one TTL check.
//!
//! Consul only lists; the failure detector decides what a list means. So an answer that Consul itself does not vouch for
//! becomes an error here, never an empty list.

mod client;
mod refusal;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_trait::async_trait;
use engine::ids::Incarnation;
use ports::{Member, REGISTRY_LEASE, Registry, RegistryError, View};
use reqwest::header::HeaderMap;
use reqwest::{Client, RequestBuilder, Response, Url};
use serde::Deserialize;
use serde_json::json;

use crate::config::Consul;
use primitives::error_chain::with_causes;

use client::Agent;
use refusal::{Credentials, refusal, unavailable};

/// The service that every node registers.
const SERVICE: &str = "porpoise";

/// Time after which a heartbeat has failed; the next one is due 100 ms later.
const HEARTBEAT_TIMEOUT: Duration = Duration::from_millis(400);

/// Time after which a call that does not block has failed.
const CALL_TIMEOUT: Duration = Duration::from_secs(2);

/// Time after which Consul removes an incarnation whose check stays critical; Consul allows no shorter one.
const DEREGISTER_AFTER: &str = "1m";

/// The client of a Consul agent.
#[derive(Debug)]
pub struct ConsulRegistry {
    agent: Agent,
    credentials: Credentials,
    /// Heartbeats have a connection of their own, so that no other call delays them.
    heartbeats: Client,
    calls: Client,
}

impl ConsulRegistry {
    /// Makes the client; connects to nothing yet.
    ///
    /// # Errors
    /// With a readable reason, when the address is missing, or a certificate or the token cannot be used.
    pub fn new(config: &Consul) -> Result<Self, String> {
        // An error says that another part of this process has chosen the same provider before.
        rustls::crypto::ring::default_provider().install_default().ok();
        let agent = Agent::from_config(config)?;
        let client = || {
            let built = client::builder(config, &agent)?.build();
            built.map_err(|error| with_causes(&error))
        };
        Ok(Self {
            heartbeats: client()?,
            calls: client()?,
            credentials: match config.token {
                Some(_) => Credentials::Token,
                None => Credentials::Anonymous,
            },
            agent,
        })
    }

    fn url(&self, path: &str) -> Url {
        self.agent.url(path)
    }

    async fn send_request(&self, request: RequestBuilder) -> Result<Response, RegistryError> {
        let answer = self
            .agent
            .authenticate(request)
            .send()
            .await
            .map_err(unavailable)?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let text = answer.text().await.map_err(unavailable)?;
        Err(refusal(status.as_u16(), &text, self.credentials))
    }

    async fn fetch_view(&self, query: &[(&str, String)], within: Duration) -> Result<View, RegistryError> {
        let path = self.url(&format!("/v1/health/service/{SERVICE}"));
        let request = self.calls.get(path).query(&[("passing", "true")]).query(query);
        let answer = self.send_request(request.timeout(within)).await?;
        let index = require_leader_index(answer.headers())?;
        let entries: Vec<ServiceEntry> = answer.json().await.map_err(unavailable)?;
        let present = entries
            .iter()
            .filter_map(|entry| parse_service_id(&entry.service.id));
        Ok(View {
            index,
            present: present.collect::<BTreeSet<_>>(),
        })
    }

    /// Deregisters earlier incarnations of the same host at this agent; those it misses, Consul removes after a minute.
    async fn deregister_earlier_incarnations(&self, this_node: &Member) -> Result<(), RegistryError> {
        let request = self.calls.get(self.url("/v1/agent/services"));
        let request = request.query(&[("filter", format!("Service == \"{SERVICE}\""))]);
        let answer = self.send_request(request.timeout(CALL_TIMEOUT)).await?;
        let services: BTreeMap<String, Service> = answer.json().await.map_err(unavailable)?;
        let here = split_address(&this_node.host);
        let older = services
            .values()
            .filter(|service| (service.address.as_str(), service.port) == here)
            .filter_map(|service| parse_service_id(&service.id))
            .filter(|other| *other < this_node.incarnation);
        for other in older {
            self.deregister(other).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl Registry for ConsulRegistry {
    async fn register(&self, this_node: &Member) -> Result<(), RegistryError> {
        let (address, port) = split_address(&this_node.host);
        let id = service_id(this_node.incarnation);
        let service = json!({
            "ID": id, "Name": SERVICE, "Tags": this_node.roles, "Address": address, "Port": port,
            "Meta": { "incarnation": this_node.incarnation.to_string(), "version": this_node.version },
            // Critical, so that an incarnation without heartbeats is never present.
            "Check": {
                "CheckID": format!("service:{id}"), "TTL": format!("{}ms", REGISTRY_LEASE.as_millis()),
                "Status": "critical", "DeregisterCriticalServiceAfter": DEREGISTER_AFTER,
            },
        });
        let request = self
            .calls
            .put(self.url("/v1/agent/service/register"))
            .json(&service);
        self.send_request(request.timeout(CALL_TIMEOUT)).await?;
        self.deregister_earlier_incarnations(this_node).await
    }

    async fn heartbeat(&self, this_node: Incarnation) -> Result<(), RegistryError> {
        let path = format!("/v1/agent/check/pass/service:{}", service_id(this_node));
        self.send_request(self.heartbeats.put(self.url(&path)).timeout(HEARTBEAT_TIMEOUT))
            .await
            .map(drop)
    }

    async fn watch(&self, after: u64, wait: Duration) -> Result<View, RegistryError> {
        let milliseconds = wait.as_millis();
        // To Consul no wait means five minutes.
        if after == 0 || milliseconds == 0 {
            return self.fetch_view(&[], CALL_TIMEOUT).await;
        }
        let query = [
            ("index", after.to_string()),
            ("wait", format!("{milliseconds}ms")),
        ];
        // Consul adds up to a sixteenth of the wait, so that its clients do not all come back at once.
        let within = wait + wait / 16 + CALL_TIMEOUT;
        self.fetch_view(&query, within).await
    }

    async fn confirm(&self) -> Result<View, RegistryError> {
        self.fetch_view(&[("consistent", String::new())], CALL_TIMEOUT)
            .await
    }

    async fn deregister(&self, this_node: Incarnation) -> Result<(), RegistryError> {
        let path = format!("/v1/agent/service/deregister/{}", service_id(this_node));
        match self
            .send_request(self.calls.put(self.url(&path)).timeout(CALL_TIMEOUT))
            .await
        {
            Ok(_) | Err(RegistryError::NotRegistered) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// One line of the list of passing services.
#[derive(Debug, Deserialize)]
struct ServiceEntry {
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

fn service_id(incarnation: Incarnation) -> String {
    format!("{SERVICE}-{incarnation}")
}

/// Parses a service id; none when another program uses the service's name.
fn parse_service_id(id: &str) -> Option<Incarnation> {
    let number = id.strip_prefix(SERVICE)?.strip_prefix('-')?;
    number.parse().ok().map(Incarnation)
}

fn split_address(host: &str) -> (&str, u16) {
    match host.rsplit_once(':') {
        Some((name, port)) => (name, port.parse().unwrap_or(0)),
        None => (host, 0),
    }
}

/// Without a leader Consul answers from memory, and after a loss of its state from nothing.
fn require_leader_index(headers: &HeaderMap) -> Result<u64, RegistryError> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    if text("X-Consul-Knownleader") != Some("true") {
        return Err(RegistryError::Unavailable("Consul has no leader".to_owned()));
    }
    text("X-Consul-Index")
        .and_then(|index| index.parse().ok())
        .ok_or_else(|| RegistryError::Unavailable("Consul's answer has no index".to_owned()))
}

#[cfg(test)]
mod tests;
